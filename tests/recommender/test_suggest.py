"""What may become a rule and what never may: A1-A3, B11-B14, C22, C27."""

import pandas as pd
import pytest

from collectors.inventory import WorkloadRef
from collectors.observation import ObservationWindow
from recommender.communications import summarize
from recommender.resolve import resolve
from recommender.suggest import SuggestOptions, suggest
from tests.cluster import deployment, flow, flows, inventory, node, pod, service, slices

PARTS = [
    deployment("web", ["10.0.0.1", "10.0.0.2"]),
    deployment("api", ["10.0.0.3"], ports=[{"containerPort": 3000}, {"containerPort": 8125, "protocol": "UDP"}]),
    deployment("worker", ["10.0.0.4"], labels={"version": "7"}),
    node("node-1", "192.168.0.1"),
    node("node-2", "192.168.0.2"),
]


def _suggest(*rows, parts=PARTS, options=None):
    cluster = inventory(*parts)
    return suggest(summarize(resolve(flows(*rows), cluster)), cluster, ObservationWindow(), options)


def _withheld(*rows, parts=PARTS):
    found = _suggest(*rows, parts=parts)
    assert found.items == ()
    return [item.why for item in found.withheld]


def test_one_suggestion_carries_both_ends_evidence_and_a_reason():
    (item,) = _suggest(flow("10.0.0.1", "10.0.0.3", 3000, connections=3)).items
    assert item.ingress_of == WorkloadRef("shop", "Deployment", "api")
    assert item.egress_of == WorkloadRef("shop", "Deployment", "web")
    assert item.reason == "3 connections to port 3000; the handshake was seen."


def test_c27_the_id_depends_on_the_meaning_alone():
    once = _suggest(flow("10.0.0.1", "10.0.0.3", 3000)).items[0].id
    again = _suggest(flow("10.0.0.2", "10.0.0.3", 3000, connections=9, at="2026-11-02T00:00:00Z")).items[0].id
    other = _suggest(flow("10.0.0.1", "10.0.0.3", 3001)).items[0].id
    assert once == again != other


@pytest.mark.parametrize("outcome", ["refused", "half_open", "unanswered", "denied"])
def test_a2_what_did_not_work_is_never_suggested(outcome):
    assert _withheld(flow("10.0.0.1", "10.0.0.3", 22, outcome=outcome)) == ["did_not_work"]
    unsure = flow("10.0.0.1", "10.0.0.3", 22, outcome="unknown")
    assert _withheld(flow("10.0.0.1", "10.0.0.3", 22, outcome=outcome), unsure) == ["did_not_work"]


def test_a2_what_nobody_knows_the_outcome_of_is_never_suggested_and_not_called_a_failure():
    (item,) = _suggest(flow("10.0.0.1", "10.0.0.3", 22, outcome="unknown")).withheld
    assert item.why == "outcome_unknown"
    assert item.reason == "no source shows whether an attempt worked (1 unknown): no rule rests on that"


def test_a2_what_a_policy_in_audit_mode_would_deny_is_evidence_against_with_words_of_its_own():
    rows = [flow("10.0.0.1", "10.0.0.3", 3000, outcome=outcome) for outcome in ("audited", "refused")]
    found = _suggest(*rows)
    assert found.items == ()
    (item,) = found.withheld
    assert item.why == "audited"
    assert item.reason.startswith("it passed, but a policy in audit mode would deny it (1 audited, 1 refused)")
    assert _suggest(*rows, flow("10.0.0.1", "10.0.0.3", 3000)).withheld == ()


def test_a2_a_one_way_datagram_stream_to_a_declared_port_is_suggested_with_the_caveat():
    row = flow("10.0.0.1", "10.0.0.3", 8125, "UDP", outcome="unanswered", orientation="unknown")
    (item,) = _suggest(row).items
    assert {"no_reply", "orientation_guessed"} <= set(item.caveats)


def test_c27_what_a_policy_let_through_is_suggested_as_unconfirmed_until_a_connection_is_seen():
    let_by = flow("10.0.0.1", "10.0.0.3", 3000, outcome="allowed", connections=2)
    (item,) = _suggest(let_by).items
    assert "unconfirmed" in item.caveats
    assert "no_reply" not in item.caveats
    assert item.reason == "2 attempts that a policy let through to port 3000; the handshake was seen."
    assert "unconfirmed" not in _suggest(let_by, flow("10.0.0.1", "10.0.0.3", 3000)).items[0].caveats


def test_a1_unknown_orientation_makes_no_suggestion_and_is_listed():
    assert _withheld(flow("10.0.0.1", "10.0.0.3", 41234, orientation="unknown")) == ["not_oriented"]


def test_a1_a_port_hint_makes_a_suggestion_with_a_caveat_until_a_handshake_is_seen():
    guessed = flow("10.0.0.1", "10.0.0.3", 3000, orientation="unknown")
    assert "orientation_guessed" in _suggest(guessed).items[0].caveats
    assert "orientation_guessed" not in _suggest(guessed, flow("10.0.0.1", "10.0.0.3", 3000)).items[0].caveats


@pytest.mark.parametrize("protocol", ["ICMP", "ICMPv6", "47"])
def test_c22_protocols_that_network_policy_cannot_express_are_withheld(protocol):
    assert _withheld(flow("10.0.0.1", "10.0.0.3", 0, protocol)) == ["inexpressible"]


def test_b12_probes_from_the_own_node_need_no_rule_and_other_nodes_are_addresses_with_a_caveat():
    assert _withheld(flow("192.168.0.1", "10.0.0.3", 3000)) == ["node_local"]
    (item,) = _suggest(flow("192.168.0.2", "10.0.0.3", 3000)).items
    assert (item.egress_of, "host_network" in item.caveats) == (None, True)


@pytest.mark.parametrize(
    ("name", "why", "reason"),
    [
        ("gone-*", "unresolved", "which calls it shop/gone-*: no pod of that name is known"),
        ("w-*", "ambiguous", "which calls it shop/w-*: pods of several workloads are called so"),
    ],
)
def test_b14_an_end_without_address_that_is_no_known_pod_is_withheld(name, why, reason):
    claims = {"src_namespace": "shop", "src_pod": "web-5d9c7b-0", "dst_namespace": "shop", "dst_pod": name}
    found = _suggest(flow(None, None, 80, **claims), parts=[*PARTS, pod("w-a", "10.0.0.8"), pod("w-b", "10.0.0.9")])
    assert found.items == ()
    (item,) = found.withheld
    assert item.why == why
    assert item.reason == f"the destination has no address in the log, {reason}"


def test_b13_a_hairpin_is_withheld():
    parts = [
        deployment("web", ["10.0.0.1"]),
        service("web", "10.96.0.5", 80),
        slices("web", 80, [("10.0.0.1", "web-5d9c7b-0")]),
    ]
    assert _withheld(flow("10.0.0.1", "10.96.0.5", 80), parts=parts) == ["hairpin"]


@pytest.mark.parametrize(
    ("address", "why"), [("10.9.9.9", "unresolved"), ("224.0.0.1", "not_routed"), ("fe80::1", "not_routed")]
)
def test_b14_addresses_that_nobody_is_known_to_own_are_never_external(address, why):
    assert _withheld(flow("10.0.0.1", address, 53)) == [why]


def test_b14_link_local_services_are_suggested_with_their_caveat():
    assert "link_local" in _suggest(flow("10.0.0.1", "169.254.20.10", 53, "UDP")).items[0].caveats


def test_b7_an_ambiguous_end_is_withheld():
    parts = [pod("a", "10.0.0.1"), pod("b", "10.0.0.1")]
    assert _withheld(flow("10.0.0.1", "8.8.8.8", 443), parts=parts) == ["ambiguous"]


def test_c18_a_workload_that_no_selector_takes_is_withheld_with_the_reason():
    found = _suggest(flow("10.0.0.4", "10.0.0.3", 3000))
    assert [item.why for item in found.withheld] == ["no_subject"]
    assert "from one rollout to the next" in found.withheld[0].reason


def test_traffic_between_addresses_that_no_policy_governs_has_no_subject():
    assert _withheld(flow("192.168.0.2", "8.8.8.8", 443)) == ["no_subject"]


def test_c27_caveats_tell_what_a_reader_should_doubt():
    once = _suggest(flow("10.0.0.1", "8.8.8.8", 443)).items[0]
    assert once.caveats == ("external", "seen_once", "short_window")
    often = _suggest(flow("10.0.0.1", "10.0.0.3", 3000, connections=2, sampled=0.1)).items[0]
    assert often.caveats == ("sampled", "short_window")


def test_c27_a_long_window_has_no_caveat():
    cluster = inventory(*PARTS)
    seen = summarize(resolve(flows(flow("10.0.0.1", "10.0.0.3", 3000, connections=2)), cluster))
    window = ObservationWindow(pd.Timestamp("2026-11-01T00:00Z"), pd.Timestamp("2026-11-03T00:00Z"))
    assert suggest(seen, cluster, window).items[0].caveats == ()
    assert suggest(seen, cluster, window, SuggestOptions(pd.Timedelta(days=7))).items[0].caveats == ("short_window",)


def test_b7_a_pod_whose_address_had_another_owner_carries_the_caveat():
    old = pod("report", "10.0.0.1", phase="Succeeded", finished="2026-11-01T10:00:30Z")
    found = _suggest(flow("10.0.0.1", "10.0.0.3", 3000), parts=[*PARTS, old])
    assert "ip_reused" in found.items[0].caveats


def test_b8_a_record_that_names_another_pod_than_was_found_carries_the_caveat():
    named = flow("10.0.0.1", "10.0.0.3", 3000, src_namespace="shop", src_pod="web-5d9c7b-0")
    other = flow("10.0.0.1", "10.0.0.3", 3000, src_namespace="evil", src_pod="intruder")
    assert "identity_conflict" not in _suggest(named).items[0].caveats
    (item,) = _suggest(named, other).items
    assert "identity_conflict" in item.caveats
    assert item.egress_of == WorkloadRef("shop", "Deployment", "web")  # what was found is believed


def test_b13_a_node_that_may_stand_for_clients_carries_the_caveat():
    (item,) = _suggest(flow("192.168.0.2", "10.0.0.3", 3000)).items
    assert {"host_network", "node_snat"} <= set(item.caveats)


def test_nothing_seen_is_nothing_suggested():
    found = suggest((), inventory(), ObservationWindow())
    assert (found.items, found.withheld) == ((), ())
