"""A capture that comes through a pipe counts as one that is read, whatever its intervals; and its end is told."""

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from collectors import read_flows
from collectors.errors import UnreadableInput
from collectors.learning.feed import Interval, Watched
from collectors.learning.packets import Counted, Interfaces, Pipe
from collectors.learning.still_open import concluded, stored
from collectors.observation import LIVE, compact, merge
from tests.collectors.capture.frames import EPOCH, SYN, SYN_ACK, A, B, pcap, tcp
from tests.collectors.capture.test_keeping import count
from tests.collectors.learning.feeding import START, piped, span, until
from tests.recommender.learner import SAMPLES

NS = 10**9
HERE = Interval(*(pd.Timestamp((EPOCH + second) * NS, tz="UTC") for second in (0, 60)))
"""An interval of the packets' own time: the end of a later one would end connections by their silence."""


def whole(path):
    """What reading a capture at once gives, its source called stdin."""
    flows = read_flows([path]).flows
    return compact(flows.assign(source=flows["source"].cat.rename_categories(["stdin"]))).astype("object")


def ended(content):
    """Return a feed of a pipe that had some bytes."""
    with piped() as (stream, pipe):
        feed = Pipe(stream, "stdin")
        pipe.write(content)
        pipe.close()
        feed.begin()
        until(lambda: feed.ended)
    return feed


@pytest.mark.parametrize("name", ["shop.pcap", "shop-clients.pcapng"])
@pytest.mark.parametrize("later", [0, 10**6])
def test_a_capture_in_pieces_with_intervals_between_gives_the_flows_of_reading_it(name, later):
    content, told = (SAMPLES / name).read_bytes(), []
    with piped() as (stream, pipe):
        feed = Pipe(stream, "stdin")
        feed.begin()
        for at in range(0, len(content), 50_001):
            pipe.write(content[at : at + 50_001])
            feed.wait(0.01)
            told.append(feed.tell(span(later)))
        pipe.close()
        until(lambda: feed.ended)
    told.append(feed.tell(span(later)))
    seen = merge([*(one.observation for one in told), concluded(stored([told[-1].still_open]))])
    assert_frame_equal(seen.flows.astype("object"), whole(SAMPLES / name))
    assert told[-1].remarks == ("stdin has ended",)
    assert sum(one.packets for one in seen.window.sources) == read_flows([SAMPLES / name]).window.sources[0].packets


def test_names_of_a_name_resolution_block_are_kept():
    feed = ended(b"")
    feed._framing.named.append((b"\x0a\0\0\1", [b"db.example"]))
    assert list(feed.tell(span()).observation.names["name"]) == ["db.example"]


def test_nothing_is_watched_after_the_end_and_what_is_open_stays():
    feed = ended(pcap([(0, tcp(A, 1, B, 2, SYN))]))
    first, second = feed.tell(HERE), feed.tell(span(1))
    assert len(first.observation.window.sources) == 1
    assert second.observation.window.sources == ()
    assert (second.remarks, second.fault) == ((), "")
    assert second.still_open == first.still_open
    assert len(concluded(stored([second.still_open])).flows) == 1


class Failing:
    """A stream that fails: what a disk or a device may do."""

    def readinto(self, _buffer):
        """Fail."""
        raise OSError(5, "Input/output error")


def test_a_pipe_that_cannot_be_read_is_a_fault_and_a_gap_of_unknown_length():
    feed = Pipe(Failing(), "stdin")
    feed.begin()
    until(lambda: feed.ended)
    told = feed.tell(span())
    assert told.fault == "stdin cannot be read any more: [Errno 5] Input/output error"
    assert told.remarks == ()
    assert [(gap.source, gap.start, gap.lost) for gap in told.observation.window.gaps] == [("stdin", None, None)]
    assert told.observation.ledger.event_counts()["gap"] == 1
    assert feed.tell(span(1)).fault == ""


def counted(**options):
    found = Counted("eth0", **{"filtered": True, **options})
    count(found.conversations, [(EPOCH * NS, tcp(A, port, B, 2, SYN)) for port in range(1, 4)])
    found.bound()
    return found


def test_too_many_open_conversations_are_told_as_they_stand_and_counted():
    found = counted(most_open=2)
    assert len(found.conversations) == 0
    observation = found.tell(span(), drops=0)
    assert int(observation.flows["connections"].sum()) == 3
    assert observation.ledger.event_counts()["overflow"] == 3
    assert found.tell(span(1), drops=0).ledger.event_counts() == {}


def test_what_the_kernel_dropped_is_a_gap_of_the_interval_with_its_number():
    observation = counted().tell(span(), drops=7)
    assert [(gap.start, gap.lost) for gap in observation.window.gaps] == [(START, 7)]
    assert observation.window.drops == 7
    assert observation.ledger.event_counts() == {"gap": 7}


@pytest.mark.parametrize("filtered", [True, False])
def test_sums_are_told_only_where_every_packet_was_looked_at(filtered):
    found = Counted("eth0", filtered=filtered)
    syn, answer = tcp(A, 1, B, 2, SYN, seq=1), tcp(B, 2, A, 1, SYN_ACK, ack=2)
    count(found.conversations, [(EPOCH * NS, syn), (EPOCH * NS, answer)])
    found.tell(span(), drops=0)
    assert concluded(stored([found.still_open()])).flows["packets"].isna().all() == filtered


def test_packets_are_those_of_the_interval_alone():
    found = counted()
    first, second = found.tell(span(), drops=0), found.tell(span(1), drops=0)
    assert [source.packets for source in first.window.sources + second.window.sources] == [3, 0]
    assert {source.kind for source in first.window.sources} == {LIVE}


def test_a_feed_was_watched_with_the_clock_unless_what_comes_is_of_another_time():
    watched, live, old = Watched(), START.value + 5, START.value - 10**15
    assert watched.span(span(), None) == (span().start, span().end)
    assert watched.span(span(), (live, live)) == (span().start, span().end)
    assert [time.value for time in watched.span(span(), (old, old + 9))] == [old, old + 9]
    assert watched.span(span(1), None) == (None, None)
    assert watched.span(span(1), (live, live)) == (span(1).start, span(1).end)


def test_an_interface_that_there_is_not_is_said_at_once():
    with pytest.raises(UnreadableInput, match="there is no interface 'nosuch0'"):
        Interfaces(["nosuch0"], full=False, ring_bytes=1 << 20)
