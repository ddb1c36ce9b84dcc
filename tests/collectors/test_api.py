"""Lists over real HTTP, from answers that a real API server gave, and through every fault on the way."""

import contextlib
import json
import threading
from datetime import UTC, datetime, timedelta

import pytest

from collectors.cluster import Busy, ClusterError, Cut, Expired, Unreachable
from collectors.kinds import KINDS, PODS
from tests.collectors.apiserver import (
    CUT,
    RECORDED,
    Answer,
    Stream,
    document,
    recorded,
    refused,
    serve,
    shared,
    until,
)

ODD_DATES = ("yesterday", "", "Fri, 31 Dec 9999 23:59:59 GMT", "Mon, 99 Jan 2026 00:00:00 GMT")


def _pod(name, version="1"):
    return {"metadata": {"name": name, "uid": name, "resourceVersion": version}}


def _names(pages):
    return [item["metadata"]["name"] for page in pages for item in page.items]


def test_fact_1_a_list_is_whole_and_its_items_say_what_they_are():
    with serve(recorded()) as server:
        api = server.connect()
        for kind in KINDS:
            if kind.kind == "ServiceCIDR":
                continue
            pages = list(api.pages(kind, limit=5))
            raw = json.loads((RECORDED / f"list_{kind.resource}.json").read_text())
            named = [{"kind": kind.kind, "apiVersion": kind.api_version, **item} for item in raw["items"]]
            assert [item for page in pages for item in page.items] == named
            assert {page.resource_version for page in pages} == {raw["metadata"]["resourceVersion"]}
            assert len(pages) == max(1, -(-len(named) // 5))


def test_the_recorded_pages_give_the_recorded_list():
    entries = json.loads(shared("index.json").read_text())
    index = {entry["path"]: entry for entry in entries if entry["file"].startswith("paged_")}

    def page(request):
        after = f"&continue={request.query['continue']}" if "continue" in request.query else ""
        return Answer(body=shared(index[f"{request.path}?limit=5{after}"]["file"]).read_bytes())

    with serve({kind.path: page for kind in KINDS}) as server:
        api = server.connect()
        for kind in KINDS:
            if kind.kind != "ServiceCIDR":
                whole = json.loads(shared(f"list_{kind.resource}.json").read_text())["items"]
                assert _names(api.pages(kind, limit=5)) == [item["metadata"]["name"] for item in whole]


@pytest.mark.parametrize("items", [[], None])
def test_fact_1_an_empty_list_is_one_page_without_items(items):
    with serve({PODS.path: Answer(body=json.dumps({**document(PODS, []), "items": items}).encode())}) as server:
        (page,) = server.connect().pages(PODS)
    assert (page.items, page.resource_version) == ([], "100")


def test_what_is_kept_of_an_item_is_for_the_caller_to_say():
    with serve({PODS.path: document(PODS, [_pod("a"), _pod("b")])}) as server:
        (page,) = server.connect().pages(PODS, keep=lambda item: {"is": item["kind"] + item["metadata"]["name"]})
    assert page.items == [{"is": "Poda"}, {"is": "Podb"}]


def test_a_list_that_expires_between_pages_is_read_anew_in_one_answer_of_one_moment():
    former = document(PODS, [_pod("old"), _pod("b"), _pod("c")], "10")
    now = document(PODS, [_pod("b"), _pod("c"), _pod("new")], "20")
    expired = Answer(410, (RECORDED / "err_410_continue_expired.json").read_bytes())
    with serve({PODS.path: [former, expired, now]}) as server:
        pages = list(server.connect().pages(PODS, limit=2))
        queries = [dict(request.query) for request in server.requests]
    assert [(_names([page]), page.resource_version) for page in pages] == [(["b", "c", "new"], "20")]
    assert [set(query) for query in queries] == [{"limit"}, {"limit", "continue"}, set()]


def test_a_list_that_is_expired_for_ever_ends():
    with serve({PODS.path: refused(410, "too old")}) as server, pytest.raises(Expired, match="list again"):
        list(server.connect().pages(PODS))


def test_the_same_page_again_and_again_ends():
    page = document(PODS, [_pod("a")])
    page["metadata"]["continue"] = "same"
    with serve({PODS.path: Answer(body=json.dumps(page).encode())}) as server:
        with pytest.raises(Unreachable, match="the same page comes again"):
            list(server.connect().pages(PODS))
        assert len(server.requests) == 2


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b'"list"',
        b"{}",
        b'{"metadata": {}, "items": {"a": 1}}',
        b'{"metadata": {}, "items": [1]}',
        b"",
        b"[" * 9999,
    ],
)
def test_an_answer_that_is_no_list_is_said_to_be_none(body):
    with serve({PODS.path: Answer(body=body)}) as server, pytest.raises(Unreachable, match="no Kubernetes JSON"):
        list(server.connect().pages(PODS))


def test_a_busy_server_is_asked_again_after_what_it_asks_for():
    slept = []
    busy = [refused(429, "slow down", Retry_After="7"), refused(503, "starting"), refused(500, "ouch")]
    with serve({PODS.path: [*busy, document(PODS, [_pod("a")])]}) as server:
        assert _names(server.connect(sleep=slept.append).pages(PODS)) == ["a"]
    assert slept == [7.0, 1.0, 2.0]


def test_a_server_that_stays_busy_is_given_up_with_its_reason():
    slept = []
    with serve({PODS.path: refused(429, "too many requests", Retry_After="3600")}) as server:
        with pytest.raises(Busy, match=r"overloaded or broken \(429\) \(too many requests\); try again") as fault:
            list(server.connect(sleep=slept.append).pages(PODS))
        assert fault.value.retry_after == 3600.0
        assert len(server.requests) == 6
    assert slept == [30.0] * 5  # a server may not hold us for an hour


def test_retries_spread_by_jitter_but_never_come_before_the_time_that_was_asked_for():
    from collectors.cluster import connect

    slept = []
    with serve({PODS.path: [refused(429, Retry_After="4"), refused(500), document(PODS, [])]}) as server:
        api = connect(kubeconfig=server.kubeconfig(), sleep=slept.append, jitter=lambda: 1.0)
        list(api.pages(PODS))
        api.close()
    assert slept == [6.0, 1.5]


def test_a_list_that_breaks_in_the_middle_is_read_again():
    half = json.dumps(document(PODS, [_pod("a")])).encode()[:30]
    slept = []
    with serve({PODS.path: [Stream([half, CUT]), document(PODS, [_pod("a")])]}) as server:
        assert _names(server.connect(sleep=slept.append).pages(PODS)) == ["a"]
    assert len(slept) == 1


def test_a_list_that_always_breaks_is_given_up():
    with serve({PODS.path: Stream([b"{", CUT])}) as server:
        with pytest.raises(Cut, match="broke in the middle"):
            list(server.connect(sleep=lambda _: None).pages(PODS))
        assert len(server.requests) == 3


def test_closing_ends_the_wait_of_a_retry():
    with serve({PODS.path: refused(503, Retry_After="30")}) as server:
        api = server.connect()
        thread = threading.Thread(target=_ignoring(ClusterError, lambda: list(api.pages(PODS))))
        thread.start()
        until(lambda: server.requests)
        api.close()
        thread.join(20)
        assert not thread.is_alive()


@pytest.mark.parametrize("hours", [-3, 3])
def test_now_is_the_servers_time_where_the_local_clock_is_wrong(hours):
    with serve(recorded(), ahead=timedelta(hours=hours)) as server:
        api = server.connect()
        list(api.pages(PODS))
        assert abs(api.now() - datetime.now(UTC) - timedelta(hours=hours)) < timedelta(seconds=30)


def test_now_is_the_local_clock_where_no_header_proves_it_wrong():
    odd = {f"/odd/{at}": Answer(headers={"Date": date}) for at, date in enumerate(ODD_DATES)}
    with serve({**recorded(), **odd}) as server:
        api = server.connect()
        before = datetime.now(UTC)
        assert before <= api.now() <= datetime.now(UTC)
        list(api.pages(PODS))
        for path in odd:
            api.get(path)
        assert api._offset == timedelta(0)


def test_get_gives_one_object_and_escapes_its_path():
    with serve({"/apis/a/v1/x/n%20%23": {"metadata": {"name": "n"}}}) as server:
        assert server.connect().get("/apis/a/v1/x/n #") == {"metadata": {"name": "n"}}


def _ignoring(error, work):
    def run(*arguments):
        with contextlib.suppress(error):
            work(*arguments)

    return run
