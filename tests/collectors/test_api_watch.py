"""Watches over real HTTP, from streams that a real API server gave, and through every fault on the way."""

import contextlib
import json
import threading

import pytest

from collectors.cluster import Busy, ClusterError, Cut, Expired, Forbidden, NotServed, Unreachable
from collectors.kinds import KINDS, PODS, Kind
from tests.collectors.apiserver import (
    CUT,
    HOLD,
    RECORDED,
    Answer,
    Stream,
    recorded,
    refused,
    serve,
    shared,
    until,
)

JOBS = Kind("Job", "batch", "v1", "jobs")
SLICES = Kind("EndpointSlice", "discovery.k8s.io", "v1", "endpointslices")
WATCH = PODS.path + "?watch"


def _pod(name, version="1"):
    return {"metadata": {"name": name, "uid": name, "resourceVersion": version}}


def _event(name, version="1"):
    return {"type": "ADDED", "object": {"kind": "Pod", **_pod(name, version)}}


def _events(api, found, kind=PODS):
    """Put each event into the list as it comes."""
    for event in api.events(kind, "1"):
        found.append(event)


def test_a_resource_version_of_another_cluster_is_busy_with_the_servers_own_time():
    body = (RECORDED / "err_504_future_rv.json").read_bytes()
    with serve({WATCH: Answer(504, body, {"Retry-After": "1"})}) as server:
        with pytest.raises(Busy, match="Too large resource version") as fault:
            list(server.connect().events(PODS, "99999999"))
        assert fault.value.retry_after == 1.0


def test_fact_15_a_watch_gives_the_raw_events_and_its_bookmarks():
    lines = (RECORDED / "watch_endpointslices.jsonl").read_text().splitlines()
    with serve(recorded()) as server:
        found = list(server.connect().events(SLICES, "374", timeout_seconds=16))
        query = server.requests[0].query
    assert found == [json.loads(line) for line in lines]
    assert [event["type"] for event in found].count("BOOKMARK") == 2
    assert query == {"watch": "1", "allowWatchBookmarks": "true", "resourceVersion": "374", "timeoutSeconds": "16"}


def test_fact_20_list_and_watch_give_the_final_list():
    with serve(recorded(shared())) as server:
        api = server.connect()
        streamed = [kind for kind in KINDS if shared(f"final_list_{kind.resource}.json").exists()]
        assert len(streamed) == 7
        for kind in streamed:
            pages = list(api.pages(kind, limit=5))
            state = {item["metadata"]["uid"]: item for page in pages for item in page.items}
            for event in api.events(kind, pages[-1].resource_version):
                uid = event["object"]["metadata"].get("uid")
                if event["type"] == "DELETED":
                    del state[uid]
                elif event["type"] != "BOOKMARK":
                    state[uid] = event["object"]
            final = json.loads(shared(f"final_list_{kind.resource}.json").read_text())["items"]
            named = [{"kind": kind.kind, "apiVersion": kind.api_version, **item} for item in final]
            assert sorted(state.values(), key=str) == sorted(named, key=str)


def test_an_expired_watch_says_so_inside_of_an_answer_with_status_200():
    events = [json.loads((RECORDED / "err_410_watch_event.jsonl").read_text())]
    with serve({WATCH: Stream(events)}) as server, pytest.raises(Expired, match=r"too old resource version: 5 \(429\)"):
        list(server.connect().events(PODS, "5"))


@pytest.mark.parametrize(
    ("status", "error"),
    [({"code": 500, "message": "no storage"}, Busy), ({"code": 429, "details": {"retryAfterSeconds": 9}}, Busy),
     ({"code": 403}, Forbidden), ({"message": "odd"}, ClusterError), ({"code": "410"}, ClusterError)],
)  # fmt: skip
def test_an_error_event_is_raised_after_what_came_before(status, error):
    found = []
    events = [_event("a"), {"type": "ERROR", "object": {"kind": "Status", **status}}]
    with serve({WATCH: Stream(events)}) as server, pytest.raises(error) as fault:
        _events(server.connect(), found)
    assert [event["object"]["metadata"]["name"] for event in found] == ["a"]
    assert getattr(fault.value, "retry_after", None) == (9.0 if "details" in status else None)


@pytest.mark.parametrize("end", [[CUT], [b'{"type":"MODIF', CUT], [b'{"type":"MODIFIED","object":{}}']])
def test_a_stream_that_breaks_gives_all_whole_events_first(end):
    found = []
    with serve({WATCH: Stream([_event("a"), _event("b"), *end])}) as server, pytest.raises(Cut, match="broke"):
        _events(server.connect(), found)
    assert [event["object"]["metadata"]["name"] for event in found] == ["a", "b"]


def test_events_are_lines_however_the_network_cuts_them():
    text = b"".join(json.dumps(_event(name)).encode() + b"\n" for name in "abcd")
    pieces = [text[at : at + 7] for at in range(0, len(text), 7)]
    with serve({WATCH: [Stream(pieces), Stream([text, b"\n", b"\r\n"])]}) as server:
        api = server.connect()
        for _ in range(2):
            assert [event["object"]["metadata"]["name"] for event in api.events(PODS, "1")] == list("abcd")


def test_a_slow_stream_gives_each_event_when_it_comes():
    found = []
    with serve({WATCH: Stream([_event("a"), HOLD])}) as server:
        thread = threading.Thread(target=_ignoring(Unreachable, _events), args=(server.connect(), found))
        thread.start()
        until(lambda: found)
    thread.join()
    assert len(found) == 1


@pytest.mark.parametrize("line", [b"<html>proxy</html>\n", b"[]\n", b'{"type": 1, "object": {}}\n', b'{"type": "A"}\n'])
def test_a_stream_of_anything_else_is_no_watch(line):
    with serve({WATCH: Stream([line])}) as server, pytest.raises(Unreachable):
        list(server.connect().events(PODS, "1"))


@pytest.mark.parametrize(
    ("answer", "error"),
    [(refused(410), Expired), (refused(500), Busy), (refused(403), Forbidden), (None, NotServed), (refused(429), Busy)],
)
def test_a_watch_is_asked_for_once_whatever_comes(answer, error):
    with serve({} if answer is None else {WATCH: answer}) as server:
        with pytest.raises(error):
            list(server.connect().events(JOBS if answer is None else PODS, "1"))
        assert len(server.requests) == 1


def test_a_line_without_an_end_does_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr("collectors.api._LONGEST_LINE", 1 << 16)
    with serve({WATCH: Stream([b"x" * (1 << 14)] * 8 + [HOLD])}) as server, pytest.raises(Unreachable):
        list(server.connect().events(PODS, "1"))


@pytest.mark.parametrize("tls", [False, True])
def test_closing_wakes_a_silent_stream_and_ends_the_api(tls):
    with serve({WATCH: Stream([_event("a"), HOLD])}, tls=tls) as server:
        api, found, ended = server.connect(), [], []

        def run():
            try:
                _events(api, found)
            except Unreachable as fault:
                ended.append(fault)

        thread = threading.Thread(target=run)
        thread.start()
        until(lambda: found)
        api.close()
        thread.join(20)  # the server would hold it for five minutes
        assert not thread.is_alive()
        assert ended
        with pytest.raises(Unreachable, match="stopped"):
            api.get("/version")


def test_an_abandoned_stream_leaves_nothing_open():
    with serve({WATCH: Stream([_event("a"), HOLD])}) as server:
        api = server.connect()
        stream = api.events(PODS, "1")
        next(stream)
        stream.close()
        assert not api._reading


def _ignoring(error, work):
    def run(*arguments):
        with contextlib.suppress(error):
            work(*arguments)

    return run
