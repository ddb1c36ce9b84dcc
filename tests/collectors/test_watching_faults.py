import json
import threading

from hypothesis import given
from hypothesis import strategies as st

from collectors.kinds import KINDS, PODS
from collectors.watching_kind import clean
from collectors.watching_shared import Pace
from tests.collectors.apiserver import CUT, HOLD, RECORDED, Stream, document, refused, serve, until
from tests.collectors.watched import WATCH, change, lists, mark, pod, position, seen, watches, watching, written


def test_a_list_that_has_expired_is_begun_again(tmp_path):
    answers = {PODS.path: [refused(410), refused(410), document(PODS, [pod("a", 5)], "10")], WATCH: Stream([HOLD])}
    with serve(answers) as server, watching(server, tmp_path):
        until(lambda: position(tmp_path) == "10")
    assert seen(tmp_path) == [("ADDED", "a", "5")]
    assert written(tmp_path, "GAP") == []


def test_a_watch_that_expires_again_and_again_is_slowed_down(tmp_path):
    waits = []

    def sleep(halt, seconds):
        waits.append(seconds)
        halt.wait(0.02)

    expired = json.loads((RECORDED / "err_410_watch_event.jsonl").read_text())
    answers = {PODS.path: document(PODS, [], "10"), WATCH: Stream([expired])}
    with serve(answers) as server, watching(server, tmp_path, pace=Pace(jitter=lambda: 1.0, sleep=sleep)):
        until(lambda: len(waits) > 4)
    assert waits[:5] == [2, 4, 8, 16, 32]


def test_a_kind_that_is_missing_is_tried_again_after_ten_minutes(tmp_path):
    waits = []

    def sleep(halt, seconds):
        waits.append(seconds)
        halt.wait(0.02)

    with serve({}) as server, watching(server, tmp_path, (KINDS[1],), pace=Pace(sleep=sleep)):
        until(lambda: len(waits) > 2)
    assert set(waits) == {600}


def test_a_cut_stream_loses_nothing_and_repeats_nothing(tmp_path):
    half = json.dumps(change("ADDED", "b", 12)).encode()[:40]
    answers = {
        PODS.path: document(PODS, [], "10"),
        WATCH: [
            Stream([change("ADDED", "a", 11), half, CUT]),
            Stream([CUT]),
            Stream([change("ADDED", "b", 12)]),
            Stream([change("ADDED", "c", 13), HOLD]),
        ],
    }
    with serve(answers) as server:
        with watching(server, tmp_path) as said:
            until(lambda: len(seen(tmp_path)) == 3)
        assert watches(server) == ["10", "11", "11", "12"]
        assert len(lists(server)) == 1
    assert seen(tmp_path) == [("ADDED", "a", "11"), ("ADDED", "b", "12"), ("ADDED", "c", "13")]
    assert sum("trying again" in one for one in said) == 1
    assert sum("watched again" in one for one in said) == 1


def test_a_busy_server_is_given_the_time_that_it_asks_for(tmp_path):
    waits = []

    def sleep(halt, seconds):
        waits.append(seconds)
        halt.wait(0.01)

    answers = {
        PODS.path: document(PODS, [], "10"),
        WATCH: [refused(429, Retry_After="7"), refused(500), refused(401), refused(401), Stream([mark(11), HOLD])],
    }
    pace = Pace(first=2, jitter=lambda: 1.0, sleep=sleep)
    with serve(answers) as server:
        with watching(server, tmp_path, pace=pace) as said:
            until(lambda: position(tmp_path) == "11")
        assert set(watches(server)) == {"10"}
        assert len(lists(server)) == 1
    assert waits[:3] == [7, 4, 8]
    assert [("trying again" in one, "watched again" in one) for one in said[:2]] == [(True, False), (False, True)]


def test_a_server_that_closes_each_stream_at_once_is_not_asked_without_pause(tmp_path):
    waits = []

    def sleep(halt, seconds):
        waits.append(seconds)
        halt.wait(0.01)

    with (
        serve({PODS.path: document(PODS, [], "10"), WATCH: Stream([mark(10)])}) as server,
        watching(server, tmp_path, pace=Pace(jitter=lambda: 1.0, sleep=sleep)),
    ):
        until(lambda: len(waits) > 3)
    assert len(written(tmp_path, "BOOKMARK")) == 1


def test_a_cluster_whose_store_was_set_back_is_listed_again(tmp_path):
    answers = {
        PODS.path: [document(PODS, [pod("a", 50)], "100"), document(PODS, [pod("b", 20)], "40")],
        WATCH: [Stream([change("ADDED", "b", 20), HOLD]), Stream([HOLD])],
    }
    with serve(answers) as server, watching(server, tmp_path):
        until(lambda: position(tmp_path) == "40")
    assert seen(tmp_path) == [("ADDED", "a", "50"), ("ADDED", "b", "20"), ("DELETED", "a", "50")]
    assert "backwards" in written(tmp_path, "GAP")[0]["reason"]


def test_a_server_that_does_not_know_so_late_a_version_is_listed_again(tmp_path):
    refusal = json.loads((RECORDED / "err_504_future_rv.json").read_text())
    answers = {
        PODS.path: [document(PODS, [pod("a", 50)], "100"), document(PODS, [], "40")],
        WATCH: [refused(504, refusal["message"]), Stream([HOLD])],
    }
    with serve(answers) as server, watching(server, tmp_path):
        until(lambda: position(tmp_path) == "40")
    assert seen(tmp_path) == [("ADDED", "a", "50"), ("DELETED", "a", "50")]


def test_a_list_without_a_version_to_watch_from_is_tried_again_and_not_believed(tmp_path):
    answers = {PODS.path: [document(PODS, [], ""), document(PODS, [], "10")], WATCH: Stream([HOLD])}
    with serve(answers) as server, watching(server, tmp_path) as said:
        until(lambda: position(tmp_path) == "10")
    assert "no resourceVersion" in said[0]
    assert len(written(tmp_path, "BOOKMARK")) == 1


@given(st.integers(1, 10_000), st.none() | st.floats(0, 1e9), st.floats(0, 1))
def test_a_wait_is_bounded_and_never_less_than_the_server_asks_for_within_five_minutes(failures, retry_after, chance):
    found = Pace(jitter=lambda: chance).delay(failures, retry_after)
    assert 0.5 <= found <= 300
    assert found >= min(retry_after or 0, 300)
    assert found >= Pace(jitter=lambda: chance).delay(max(failures - 1, 1))


def test_what_is_said_of_a_cluster_cannot_command_a_terminal():
    assert clean("a\x1b[2Jb\nc" + "x" * 10_000) == "a<U+001B>[2Jb<U+000A>c" + "x" * 592


def test_what_ails_every_kind_is_said_once_and_taken_back_once(tmp_path):
    kinds = KINDS[:4]
    answers = {kind.path: document(kind, [], "10") for kind in kinds}
    answers |= {f"{kind.path}?watch": [refused(500), Stream([mark(11), HOLD])] for kind in kinds}
    all_fail = threading.Barrier(len(kinds))
    pace = Pace(sleep=lambda *_: all_fail.wait(10))
    with serve(answers) as server, watching(server, tmp_path, kinds, pace=pace) as said:
        until(lambda: any("watched again" in one for one in said))
    assert sum("trying again until it works" in one for one in said) == 1
    assert [one for one in said if "watched again" in one] == [f"{', '.join(sorted(map(str, kinds)))}: watched again"]
