"""C27 and C28: what a suggestion carries, and what becomes of decisions when what they were made about changes."""

import json

import pandas as pd
import pytest

from recommender.artefacts import suggestions_from_data, suggestions_to_data
from recommender.suggest import CAVEATS
from tests.cluster import deployment, flow, pod, service, slices
from tests.recommender.semantics.river import API, EARLY, NODE2, OUTSIDE, WEB, WEB2, case, concluded, params, window
from tests.recommender.semantics.views import decided, evidence, having, numbers, policies, rules, suggested

WEB_TO_API = "web -> api TCP/3000"
CALL = flow(WEB, API, 3000, connections=2)
NEW = "10.0.0.70"
TWO_DAYS = window("2026-11-01T00:00:00Z", "2026-11-03T00:00:00Z")
SPOILT = pod("old", WEB, {"app": "old"}, start=EARLY, phase="Succeeded", finished="2025-02-01T00:00:00Z")
BACKENDS = [
    service("any", "10.96.0.5", 80), slices("any", 3000, [(API, "api-5d9c7b-0"), (WEB2, "web-5d9c7b-1")]),
    pod("other", NEW, {"app": "other"}, start=EARLY),
]  # fmt: skip
EXPOSED = [
    service("open", "10.96.0.6", 80, type="NodePort", entry={"nodePort": 30080}),
    slices("open", 3000, [(API, "api-5d9c7b-0")]),
]
MASTER = [slices("kubernetes", 6443, [("172.20.0.10", "")], ns="default")]
CANARY = [
    deployment("main", [NEW], labels={"app": "m"}, start=EARLY),
    deployment("canary", ["10.0.0.71"], labels={"app": "m", "track": "canary"}, start=EARLY),
]
TO_OUTSIDE = f"web -> {OUTSIDE} TCP/443"


def carries(caveat, wants, *rows, **world):
    """A case: among these suggestions, exactly these carry the caveat."""
    world = {"seen_in": TWO_DAYS, **world}
    return case(f"C27-{caveat}", having(caveat), wants, *rows, **world)


SCAN = [flow(WEB, API, 4000 + at, outcome="refused") for at in range(20)]
CARRIED = [
    carries("seen_once", ["web -> api TCP/3001"], CALL, flow(WEB, API, 3001)),
    carries("short_window", [WEB_TO_API], CALL, seen_in=window()),
    carries("orientation_guessed", [WEB_TO_API], flow(WEB, API, 3000, orientation="unknown"), flow(WEB, API, 3001)),
    carries("no_reply", ["web -> api UDP/8125"], CALL, flow(WEB, API, 8125, "UDP", outcome="unanswered")),
    carries("unconfirmed", ["web -> api TCP/3001"], CALL, flow(WEB, API, 3001, outcome="allowed")),
    carries("scan_like", [WEB_TO_API], CALL, *SCAN, flow(API, WEB, 80)),
    carries("host_network", [f"{NODE2} -> api TCP/3000"], CALL, flow(NODE2, API, 3000)),
    carries("ip_reused", [WEB_TO_API], CALL, flow(WEB2, API, 3001), also=[SPOILT]),
    carries("sampled", [WEB_TO_API], flow(WEB, API, 3000, sampled=0.1), flow(WEB, API, 3001)),
    carries("widened", [TO_OUTSIDE], CALL, flow(WEB, OUTSIDE, 443),
            decisions={TO_OUTSIDE: {"decision": "accept", "widen": {"addresses": "203.0.113.0/24"}}}),
    carries("external", [TO_OUTSIDE], CALL, flow(WEB, OUTSIDE, 443)),
    carries("wide_source", [f"{OUTSIDE} -> api TCP/3000"], CALL, flow(OUTSIDE, API, 3000), flow(OUTSIDE, WEB, 80),
            also=EXPOSED),
    carries("api_server", ["web -> 172.20.0.10 TCP/6443"], CALL, flow(WEB, "172.20.0.10", 6443), also=MASTER),
    carries("backend_guessed", ["other -> api TCP/3000", "other -> web TCP/3000"], CALL, flow(NEW, "10.96.0.5", 80),
            also=BACKENDS),
    carries("inseparable", ["main -> api TCP/3000"], CALL, flow(NEW, API, 3000), also=CANARY),
    carries("link_local", ["web -> 169.254.20.10 UDP/53"], CALL, flow(WEB, "169.254.20.10", 53, "UDP")),
    carries("identity_conflict", [WEB_TO_API], flow(WEB, API, 3000, src_namespace="data", src_pod="db"),
            flow(WEB, API, 3001)),
    carries("node_snat", [f"{NODE2} -> api TCP/3000"], CALL, flow(NODE2, API, 3000)),
]  # fmt: skip


def again(found):
    """Return whether the suggestions are the same after a round through suggestions.json."""
    suggestions = found.reviewed.suggestions
    text = json.dumps(suggestions_to_data(suggestions))
    return json.dumps(suggestions_to_data(suggestions_from_data(json.loads(text), "x"))) == text


TWICE = [CALL, flow(WEB2, API, 3000, at="2026-11-01T11:30:00Z", source="b.pcap", bytes=70)]
EVIDENCE = [
    case("C27-first_and_last_seen", evidence("first_seen", "last_seen"),
         {WEB_TO_API: (pd.Timestamp("2026-11-01T11:00:00Z"), pd.Timestamp("2026-11-01T11:30:01Z"))}, *TWICE),
    case("C27-connections_and_bytes", evidence("connections", "bytes", "reply_bytes"), {WEB_TO_API: (3, 570, 800)},
         *TWICE),
    case("C27-distinct_pods", evidence("src_pods", "dst_pods"),
         {WEB_TO_API: (("web-5d9c7b-0", "web-5d9c7b-1"), ("api-5d9c7b-0",))}, *TWICE),
    case("C27-orientation_sources_and_an_example", evidence("orientations", "sources", "example"),
         {WEB_TO_API: (("handshake",), ("b.pcap", "test.pcap"), f"{WEB} -> {API} TCP/3000")}, *TWICE),
    case("C27-counters_that_nobody_told_are_not_zero", evidence("bytes"), {WEB_TO_API: None},
         flow(WEB, API, 3000, bytes=None)),
    case("C27-it_is_all_in_suggestions_json", again, True, *TWICE, flow(WEB, OUTSIDE, 443)),
]  # fmt: skip

DECLINED = {WEB_TO_API: "decline"}
ELSEWHERE = {"src_namespace": "shop", "src_pod": "web-5d9c7b-0"}


def id_of(*rows, **world):
    return {item.id for item in concluded(*rows, **world).reviewed.suggestions.items}


OLD_ID = "0123456789ab"
MAIN = {"decision": "accept", "what": "shop/Deployment/main -> shop/Deployment/api TCP/3000"}
STALE = {"decision": "accept", "what": "shop/Deployment/web -> shop/Deployment/api TCP/22"}
DECISIONS = [
    case("C28-a_decline_is_sticky", decided, ([], [WEB_TO_API], []), CALL, decisions=DECLINED),
    case("C28-seen_again_from_another_pod_it_stays_declined", decided, ([], [WEB_TO_API], []),
         *TWICE, flow(WEB, API, 3000, at="2026-11-01T11:59:00Z", **ELSEWHERE), decisions=DECLINED),
    case("C28-the_id_is_that_of_the_meaning", lambda found: {i.id for i in found.reviewed.suggestions.items}
         == id_of(*TWICE, accept=False, seen_in=TWO_DAYS), True, CALL),
    case("C28-accepting_all_touches_undecided_ones_alone", decided, (["web -> api TCP/3001"], [WEB_TO_API], []),
         CALL, flow(WEB, API, 3001), decisions=DECLINED, accept=True),
    case("C28-the_undecided_stay_so_unasked", decided, ([], [WEB_TO_API], ["web -> api TCP/3001"]),
         CALL, flow(WEB, API, 3001), decisions=DECLINED, accept=False),
    case("C28-an_orphan_is_kept_and_listed", lambda found: [one.id for one in found.reviewed.orphans], [OLD_ID], CALL,
         decisions={OLD_ID: "accept"}),
    case("C28-an_orphan_is_never_exported", policies, {}, decisions={OLD_ID: "accept"}),
    case("C28-an_orphan_is_counted", lambda found: numbers("suggestions")(found)["suggestions"],
         {"accepted": 1, "declined": 0, "undecided": 0, "orphaned_decisions": 1, "stale_decisions": 0},
         CALL, decisions={OLD_ID: "decline"}),
    case("C28-another_port_is_another_decision", decided, ([], [], ["web -> api TCP/3001"]), flow(WEB, API, 3001),
         decisions={next(iter(id_of(CALL))): "accept"}, accept=False),
    case("C28-what_was_decided_about_something_else_is_back_in_review", decided, ([], [], [WEB_TO_API]), CALL,
         decisions={WEB_TO_API: STALE}, accept=False),
    case("C28-a_stale_decision_is_listed_and_no_bulk_acceptance_takes_it",
         lambda found: ([one.what for one in found.reviewed.stale], *decided(found)),
         ([STALE["what"]], ["web -> api TCP/3001"], [], [WEB_TO_API]), CALL, flow(WEB, API, 3001),
         decisions={WEB_TO_API: STALE}, allow_incomplete=True),
    case("C28-a_group_that_grew_is_back_in_review", decided, ([], [], ["main -> api TCP/3000"]), flow(NEW, API, 3000),
         also=CANARY, accept=False,
         decisions=dict.fromkeys(id_of(flow(NEW, API, 3000), also=CANARY[:1]), MAIN)),
    case("C28-a_group_that_shrank_is_still_decided", decided, (["main -> api TCP/3000"], [], []),
         flow(NEW, API, 3000), also=CANARY[:1], accept=False,
         decisions={"main -> api TCP/3000": {**MAIN, "with": ["shop/Deployment/canary"]}}),
    case("C28-declined_and_still_open_is_said", numbers("declined_still_open"), {"declined_still_open": 1}, CALL,
         decisions=DECLINED),
    case("C28-declined_and_closed_is_not", numbers("declined_still_open"), {"declined_still_open": 0},
         CALL, flow(WEB, API, 3001), decisions=DECLINED),
    case("C28-a_declined_flow_has_no_rule", rules, [], CALL, decisions=DECLINED),
    case("C28-a_decline_is_still_suggested", suggested, [WEB_TO_API], CALL, decisions=DECLINED),
]  # fmt: skip

CASES = [*CARRIED, *EVIDENCE, *DECISIONS]


@pytest.mark.parametrize("one", params(CASES))
def test_decisions(one):
    assert one.act() == one.wants


def test_c27_every_caveat_has_a_case():
    """A caveat that is only in the vocabulary would be a promise."""
    assert {one.id.partition("-")[2] for one in CARRIED} == set(CAVEATS)
