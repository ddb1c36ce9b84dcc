import time
from datetime import UTC, datetime, timedelta

from collectors import watching_kind
from collectors.kinds import PODS
from collectors.timeline_memory import stamp
from tests.collectors.apiserver import CUT, HOLD, Stream, document, serve, until
from tests.collectors.test_timeline import bookmark, event, write
from tests.collectors.watched import WATCH, change, lists, mark, pod, position, seen, watches, watching, written


def test_a_restart_goes_on_from_the_last_event_without_listing(tmp_path):
    answers = {
        PODS.path: document(PODS, [pod("a", 5)], "10"),
        WATCH: [Stream([mark(12), change("ADDED", "b", 15), HOLD]), Stream([change("DELETED", "a", 20), HOLD])],
    }
    with serve(answers) as server:
        for count in (3, 4):
            with watching(server, tmp_path):
                until(lambda count=count: len(written(tmp_path)) > count)
        assert len(lists(server)) == 1
        assert watches(server) == ["10", "15"]
    assert seen(tmp_path) == [("ADDED", "a", "5"), ("ADDED", "b", "15"), ("DELETED", "a", "20")]
    assert written(tmp_path, "GAP") == []


def test_a_restart_goes_on_from_a_bookmark_alone(tmp_path):
    answers = {PODS.path: document(PODS, [], "10"), WATCH: [Stream([mark(77), HOLD]), Stream([HOLD])]}
    with serve(answers) as server:
        with watching(server, tmp_path):
            until(lambda: position(tmp_path) == "77")
        with watching(server, tmp_path):
            until(lambda: len(watches(server)) == 2)
        assert watches(server) == ["10", "77"]
        assert len(lists(server)) == 1


def test_b7_what_a_relist_finds_happened_since_the_last_sure_moment(tmp_path):
    after = [pod("same", 3), pod("changed", 30, "10.0.0.9"), pod("new", 31, name="gone")]
    before = [pod("same", 3), pod("changed", 4), pod("gone", 5)]
    expired = {"type": "ERROR", "object": {"kind": "Status", "code": 410}}
    answers = {
        PODS.path: [document(PODS, before, "10"), document(PODS, after, "40")],
        WATCH: [Stream([mark(12), expired]), Stream([HOLD])],
    }
    with serve(answers) as server:
        with watching(server, tmp_path) as said:
            until(lambda: position(tmp_path) == "40")
        assert watches(server)[:2] == ["10", "40"]
    sure = written(tmp_path, "BOOKMARK")[1]["time"]
    (lost,) = written(tmp_path, "GAP")
    assert (lost["since"], lost["kind"]) == (sure, "Pod")
    assert lost["since"] <= lost["time"]
    late = [one for one in written(tmp_path) if "object" in one and "since" in one]
    assert {(one["type"], one["object"]["metadata"]["uid"], one["since"]) for one in late} == {
        ("MODIFIED", "changed", sure),
        ("ADDED", "new", sure),
        ("DELETED", "gone", sure),
    }
    assert late[-1]["object"]["status"]["podIP"] == "10.0.0.1"
    assert len(written(tmp_path, "ADDED")) == 4
    assert said == [f"{tmp_path}: 6 events written, 1 that changed nothing left out"]


def test_a_list_makes_sure_of_nothing_later_than_its_beginning(tmp_path):
    answered = []

    def slow(_):
        time.sleep(0.2)
        answered.append(stamp(datetime.now(UTC)))
        return document(PODS, [pod("a", 5)], "10")

    with serve({PODS.path: slow, WATCH: Stream([HOLD])}) as server, watching(server, tmp_path):
        until(lambda: position(tmp_path) == "10")
    (added,), (sure,) = written(tmp_path, "ADDED"), written(tmp_path, "BOOKMARK")
    assert sure["time"] < answered[0] <= added["time"]


def test_no_event_is_written_with_a_since_that_is_later_than_its_time(tmp_path):
    lost = {"time": "2099-01-01T00:00:00.000Z", "type": "GAP", "since": "2099-01-01T00:00:00.000Z", "kind": "Pod"}
    write(tmp_path, [event(1, uid="gone"), lost])
    with serve({PODS.path: document(PODS, [], "10"), WATCH: Stream([HOLD])}) as server, watching(server, tmp_path):
        until(lambda: position(tmp_path) == "10")
    (deleted,) = written(tmp_path, "DELETED")
    assert deleted["since"] == deleted["time"]


def test_each_event_of_a_slow_stream_is_on_disk_before_the_next_comes(tmp_path):
    def live():
        for count in range(1, 5):
            yield change("ADDED", f"p{count}", 10 + count)
            until(lambda count=count: len(seen(tmp_path)) == count)
        yield HOLD

    answers = {PODS.path: document(PODS, [], "10"), WATCH: [Stream(live())]}
    with serve(answers) as server, watching(server, tmp_path):
        until(lambda: len(seen(tmp_path)) == 4, 40)
    times = [one["time"] for one in written(tmp_path, "ADDED")]
    assert times == sorted(times)


def test_what_changes_nothing_but_the_version_is_counted_and_not_written(tmp_path):
    beats = [
        change("MODIFIED", "a", version, conditions=[{"lastHeartbeatTime": str(version)}]) for version in range(11, 60)
    ]
    answers = {
        PODS.path: document(PODS, [pod("a", 5, conditions=[{"lastHeartbeatTime": "0"}])], "10"),
        WATCH: [Stream([*beats, change("MODIFIED", "a", 60, "10.0.0.2"), CUT]), Stream([HOLD])],
    }
    with serve(answers) as server:
        with watching(server, tmp_path) as said:
            until(lambda: len(watches(server)) == 2)
        assert watches(server) == ["10", "60"]
    assert seen(tmp_path) == [("ADDED", "a", "5"), ("MODIFIED", "a", "60")]
    assert "2 events written, 49 that changed nothing" in said[-1]


def test_a_stream_goes_on_after_heartbeats_that_were_not_written(tmp_path):
    answers = {
        PODS.path: document(PODS, [pod("a", 5)], "10"),
        WATCH: [Stream([change("MODIFIED", "a", 30), CUT]), Stream([HOLD])],
    }
    with serve(answers) as server, watching(server, tmp_path):
        until(lambda: len(watches(server)) == 2)
        assert watches(server) == ["10", "30"]


def test_the_times_are_those_of_the_servers_clock(tmp_path):
    ahead = timedelta(hours=5)
    began = datetime.now(UTC)
    answers = {PODS.path: document(PODS, [pod("a", 5)], "10"), WATCH: Stream([change("ADDED", "b", 11), HOLD])}
    with serve(answers, ahead=ahead) as server, watching(server, tmp_path):
        until(lambda: len(seen(tmp_path)) == 2)
    slack = timedelta(seconds=2)
    for record in written(tmp_path):
        assert stamp(began + ahead - slack) <= record["time"] <= stamp(datetime.now(UTC) + ahead + slack)


def test_a_list_that_a_kill_cut_short_is_listed_again_and_nothing_written_twice(tmp_path):
    write(tmp_path, [event(1, uid="a"), event(2, uid="gone")])
    first = dict(event(1, uid="a")["object"])
    answers = {PODS.path: document(PODS, [first, pod("b", 3)], "10"), WATCH: Stream([HOLD])}
    with serve(answers) as server, watching(server, tmp_path):
        until(lambda: position(tmp_path) == "10")
    assert seen(tmp_path) == [
        ("ADDED", "a", "1"),
        ("ADDED", "gone", "2"),
        ("ADDED", "b", "3"),
        ("DELETED", "gone", "2"),
    ]
    assert [one["since"] for one in written(tmp_path, "GAP", "DELETED")] == [event(2)["time"]] * 2


def test_b7_events_told_after_an_absence_may_have_happened_all_through_it(tmp_path):
    write(tmp_path, [event(1, uid="a"), bookmark(10)])
    steps = [change("MODIFIED", "a", 11, "10.0.0.2"), mark(20), change("MODIFIED", "a", 21, "10.0.0.3"), HOLD]
    with serve({PODS.path: document(PODS, []), WATCH: Stream(steps)}) as server, watching(server, tmp_path):
        until(lambda: len(seen(tmp_path)) == 3)
    assert [one.get("since") for one in written(tmp_path, "MODIFIED")] == [bookmark(10)["time"], None]


def test_an_absence_is_measured_by_the_servers_clock_and_not_by_this_machines(tmp_path):
    former = {**bookmark(10), "time": stamp(datetime.now(UTC))}
    write(tmp_path, [former])
    answers = {PODS.path: document(PODS, []), WATCH: Stream([change("ADDED", "a", 11), HOLD])}
    with serve(answers, ahead=timedelta(hours=1)) as server, watching(server, tmp_path):
        until(lambda: seen(tmp_path))
    assert [one["since"] for one in written(tmp_path, "ADDED")] == [former["time"]]


def test_the_next_stream_of_a_watch_that_was_not_away_tells_what_happens_now(tmp_path):
    streams = [Stream([change("ADDED", "a", 11)]), Stream([change("ADDED", "b", 12), HOLD])]
    with serve({PODS.path: document(PODS, [], "10"), WATCH: streams}) as server, watching(server, tmp_path):
        until(lambda: len(seen(tmp_path)) == 2)
    assert not any("since" in one for one in written(tmp_path))


def test_what_comes_after_a_long_silence_of_an_open_stream_happens_now(tmp_path, monkeypatch):
    monkeypatch.setattr(watching_kind, "AT_ONCE", timedelta(seconds=1))
    monkeypatch.setattr(watching_kind.Shared, "pulse", lambda _: None)  # a slow test machine is not suspended
    streams = Stream([1.5, change("ADDED", "a", 11), HOLD])
    with serve({PODS.path: document(PODS, [], "10"), WATCH: streams}) as server, watching(server, tmp_path):
        until(lambda: seen(tmp_path))
    assert not any("since" in one for one in written(tmp_path))
