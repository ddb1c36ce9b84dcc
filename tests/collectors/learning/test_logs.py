"""A log that goes on is read by a thread: no record counts twice or is lost, whenever an interval ends."""

import io
import threading

import pytest
from pandas.testing import assert_frame_equal

from collectors import read_flows
from collectors.errors import UnreadableInput
from collectors.following_logs import FollowedLog
from collectors.formats import hubble
from collectors.learning.logs import Log
from collectors.learning.still_open import StillOpen, concluded, stored
from collectors.observation import Gap, compact, merge
from tests.collectors.learning.feeding import span, until
from tests.recommender.learner import SAMPLES

LOG = SAMPLES / "logs" / "hubble.jsonl"


def batches():
    with LOG.open("rb") as stream:
        lines = stream.readlines()
    pieces = [b"".join(lines[at : at + 7]) for at in range(0, len(lines), 7)]
    return [batch for piece in pieces for batch in hubble.read(io.BytesIO(piece))]


def opened(name="hubble", content=None, lost=tuple):
    given = batches() if content is None else content
    return lambda position: (
        name,
        ((batch, str(at)) for at, batch in enumerate(given) if at > int(position or -1)),
        lost,
    )


def ended(log):
    log.begin()
    until(lambda: log.ended)
    return log


def total(told):
    return merge([*(one.observation for one in told), concluded(stored([told[-1].still_open]))])


def test_intervals_that_end_at_any_time_give_the_flows_of_reading_it():
    steps, turns = threading.Semaphore(0), []

    def slowly(position):
        for item in opened()(position)[1]:
            steps.acquire()
            turns.append(1)
            yield item

    log = Log("log", lambda position: ("hubble", slowly(position), tuple))
    log.begin()
    told = []
    for at in range(len(batches())):
        steps.release()
        until(lambda at=at: len(turns) > at)
        told.append(log.tell(span(at)))
    until(lambda: log.ended)
    told.append(log.tell(span(99)))
    expected = read_flows([LOG]).flows
    expected = compact(expected.assign(source=expected["source"].cat.rename_categories(["log"])))
    assert_frame_equal(total(told).flows.astype("object"), expected.astype("object"))


def test_what_the_learner_tells_of_an_interval_stays_in_its_ledger():
    interval = span()
    interval.ledger.event("log", "clock", 0, "the clock was set")
    counts = ended(Log("log", opened())).tell(interval).observation.ledger.event_counts()
    assert counts["clock"] == 1
    assert counts["gap"] >= 1


def test_no_source_is_watched_before_it_is_known_what_it_is_nor_after_its_end():
    go = threading.Event()

    def late(position):
        go.wait(20)
        return opened()(position)

    log = Log("log", late)
    log.begin()
    assert log.tell(span()).observation.window.sources == ()
    go.set()
    until(lambda: log.ended)
    assert [source.kind for source in log.tell(span(1)).observation.window.sources] == ["hubble"]
    assert log.tell(span(2)).observation.window.sources == ()


@pytest.mark.parametrize("fault", [OSError(5, "Input/output error"), UnreadableInput("log is nonsense.")])
def test_a_log_that_cannot_be_read_is_a_fault_told_once_and_a_gap(fault):
    def failing(_):
        raise fault

    log = ended(Log("log", failing))
    told = log.tell(span())
    assert told.fault.startswith("log cannot be read any more: ")
    assert told.observation.window.gaps == (Gap("log", None, None),)
    assert told.observation.ledger.event_counts() == {"gap": 1}
    again = log.tell(span(1))
    assert (again.fault, again.remarks, again.observation.window.gaps) == ("", (), ())


def test_what_following_lost_is_a_gap_and_a_remark():
    lost = iter([["it was cut"], []])
    told = ended(Log("log", opened(content=[], lost=lambda: next(lost)))).tell(span())
    assert told.remarks == ("it was cut", "log has ended")
    assert told.observation.window.gaps == (Gap("log", None, None),)


def test_it_goes_on_behind_what_was_told_with_the_connections_that_were_open():
    first = Log("log", lambda position: ("hubble", iter(list(opened()(position)[1])[:5]), tuple))
    before = ended(first).tell(span())
    assert before.still_open.position == "4"
    second = Log("log", opened())
    assert second.resume(before.still_open)
    after = ended(second).tell(span(1))
    alone = ended(Log("log", opened())).tell(span())
    assert_frame_equal(
        merge([before.observation, total([after])]).flows.astype("object"), total([alone]).flows.astype("object")
    )


def test_no_record_counts_twice_where_the_open_connections_are_damaged():
    log = Log("log", opened())
    assert not log.resume(StillOpen("log", "log", b"damaged", position=str(len(batches()) - 1)))
    assert ended(log).tell(span()).observation.flows.empty


def test_too_many_open_connections_are_told_as_they_stand_and_counted():
    observation = ended(Log("log", opened(), most_waiting=1)).tell(span()).observation
    assert observation.ledger.event_counts()["overflow"] > 1
    assert not observation.flows.empty


def test_a_followed_file_is_read_by_the_feed(tmp_path):
    path, stop = tmp_path / "a.log", threading.Event()
    path.write_bytes(LOG.read_bytes())

    def follow(_):
        log = FollowedLog(path, stop.is_set)
        return log.kind, ((batch, str(at.offset)) for batch, at in log), log.losses

    log = Log("a.log", follow)
    log.begin()
    stop.set()
    until(lambda: log.ended)
    told = log.tell(span())
    assert told.still_open.position == str(len(LOG.read_bytes()))
    assert told.observation.window.sources[0].packets == len(LOG.read_bytes().splitlines())
