import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.inventory import Inventory, Node, Tenure, WorkloadRef
from collectors.observation import Gap, Observation, ObservationWindow, Source
from recommender.communications import AddressPeer, meaning
from recommender.findings import DATABASES, FindingOptions, findings, findings_data, findings_rows
from recommender.findings_model import KINDS, LONGEST_NAME, SEVERITIES
from recommender.scans import Scan
from recommender.suggest import suggestion_id
from tests.cluster import flow, flows
from tests.recommender.simulated import T0, cluster, pod, seen, workload

OTHER = WorkloadRef("batch", "Deployment", "report")
API_SERVER = AddressPeer("192.168.0.1", "api_server", "default/kubernetes")
NOWHERE = AddressPeer("10.244.7.7", "unresolved")
DOCS = Path(__file__).parents[2] / "docs" / "findings.md"


def _found(*communications, inventory=None, observation=None, scans=(), options=None):
    return findings(observation or Observation(), inventory or Inventory(), communications, scans, options)


def _kinds(*communications, **more):
    return [finding.kind for finding in _found(*communications, **more)]


def _denied(communication, *failed):
    return replace(communication, evidence=replace(communication.evidence, failed=failed))


def _failing(communication):
    return replace(communication, evidence=replace(communication.evidence, connections=0, failed=(("refused", 1),)))


def test_a3_a_scan_is_a_finding_with_what_it_reached():
    reached = seen("web", "db", 5432)
    scan = Scan(reached.src, "10.0.0.1", T0, T0, 40, 1, 50, 49, ("10.0.0.9 TCP/1",), (meaning(reached),))
    (found,) = _found(reached, scans=[scan])
    assert (found.kind, found.severity, found.subject) == ("scan", "serious", "shop/Deployment/web")
    assert "40 ports of 1 peer" in found.sentence
    assert "49 of 50 attempts failed" in found.sentence
    assert found.communications == (suggestion_id(reached),)


def test_b8_a_record_that_contradicts_the_inventory_is_a_finding():
    (found,) = _found(seen("web", "api", notes=("identity_conflict",)), seen("api", "web"))
    assert (found.kind, found.subject) == ("identity_conflict", "shop/Deployment/web")
    assert "shop/Deployment/api" in found.sentence


@pytest.mark.parametrize(
    ("inventory", "why"),
    [
        (Inventory(pod_cidrs=("10.244.0.0/16",)), "in the cluster's ranges"),
        (Inventory(service_cidrs=("10.244.0.0/16",)), "in the cluster's ranges"),
        (Inventory(nodes=(Node("one", pod_cidrs=("10.244.7.0/24",)),)), "in the cluster's ranges"),
        (cluster(replace(pod("gone", ""), tenures=(Tenure("10.244.7.7"),))), "a pod had it, but not then"),
    ],
)
def test_b14_an_unknown_source_in_the_clusters_ranges_that_worked_is_a_finding(inventory, why):
    (found,) = _found(seen(NOWHERE, "db", 8080), inventory=inventory)
    assert (found.kind, found.subject) == ("traffic_from_nowhere", str(NOWHERE))
    assert why in found.sentence


def test_b14_an_unknown_source_outside_the_clusters_ranges_or_in_vain_is_none():
    known = Inventory(pod_cidrs=("10.244.0.0/16",))
    assert _kinds(seen(AddressPeer("192.168.7.7", "unresolved"), "db", 8080), inventory=known) == []
    assert _kinds(_failing(seen(NOWHERE, "db", 8080)), inventory=known) == []


def test_b7_a_source_with_two_possible_owners_is_a_finding():
    assert _kinds(seen(AddressPeer("10.0.0.1", "ambiguous"), "db", 8080)) == ["traffic_from_nowhere"]


def test_b11_many_workloads_at_the_api_server_are_one_finding():
    callers = [seen(f"web-{at}", API_SERVER, 6443) for at in range(11)]
    (found,) = _found(*callers)
    assert (found.kind, len(found.communications)) == ("api_server_reached_by_many", 11)
    assert "11 workloads" in found.sentence
    assert _found(*callers[1:]) == ()
    assert _kinds(*callers[:3], options=FindingOptions(many_at_api_server=2)) == ["api_server_reached_by_many"]


def test_system_workloads_do_not_count_at_the_api_server():
    callers = [seen(WorkloadRef("kube-system", "Deployment", f"controller-{at}"), API_SERVER, 6443) for at in range(30)]
    assert _found(*callers) == ()


@pytest.mark.parametrize(
    ("address", "kind"), [("169.254.169.254", "link_local"), ("fd00:ec2::254", "unresolved"), ("fd20:ce::254", "x")]
)
def test_b14_the_metadata_service_is_a_finding(address, kind):
    (found,) = _found(seen("web", AddressPeer(address, kind), 80))
    assert (found.kind, found.severity, found.subject) == ("metadata_service_reached", "serious", "shop/Deployment/web")


def test_b14_name_resolution_and_other_link_local_addresses_are_not_the_metadata_service():
    for address, port in (("169.254.20.10", 53), ("169.254.20.10", 80), ("169.254.169.254", 53)):
        assert _found(seen("web", AddressPeer(address, "link_local"), port, "UDP")) == ()
    assert _found(_failing(seen("web", AddressPeer("169.254.169.254", "link_local"), 80))) == ()


@pytest.mark.parametrize(("protocol", "port"), sorted(DATABASES))
def test_a_database_port_from_another_namespace_is_a_finding(protocol, port):
    (found,) = _found(seen(OTHER, "db", port, protocol), seen("web", "db", port, protocol))
    assert (found.kind, found.severity) == ("database_from_outside_namespace", "attention")
    assert f"{protocol}/{port}, the port known for {DATABASES[protocol, port]}" in found.sentence
    assert found.communications == (suggestion_id(seen(OTHER, "db", port, protocol)),)


def test_a_database_port_from_outside_the_cluster_is_serious():
    kinds = {finding.kind: finding.severity for finding in _found(seen("203.0.113.1", "db", 5432))}
    assert kinds == {"database_from_outside_namespace": "serious", "external_reaches_pod": "attention"}


def test_a_database_port_from_the_own_namespace_or_of_an_address_is_none():
    assert _found(seen("web", "db", 5432), seen("web", "203.0.113.1", 5432)) == ()


def test_a_public_address_that_reaches_a_pod_is_a_finding():
    (found,) = _found(seen("203.0.113.1", "web", 80), seen("203.0.113.2", "web", 443), seen("web", "203.0.113.1", 443))
    assert (found.kind, found.subject) == ("external_reaches_pod", "shop/Deployment/web")
    assert "2 public addresses" in found.sentence
    assert "TCP/443, TCP/80" in found.sentence


def test_b12_the_host_network_is_a_finding_by_workload_where_it_is_known():
    exporter = AddressPeer("192.168.0.2", "node", "kube-system/DaemonSet/exporter")
    found = _found(seen("web", exporter, 9100), seen(AddressPeer("192.168.0.3", "node", "worker-3"), "web", 80))
    assert [(f.kind, f.subject) for f in found] == [
        ("host_network_talks", "kube-system/DaemonSet/exporter"),
        ("host_network_talks", "nodes"),
    ]


def test_b12_probes_from_the_own_node_are_none():
    assert _found(seen(AddressPeer("192.168.0.3", "node", "worker-3"), "web", 80, notes=("node_local",))) == ()


def test_a6_a_source_that_lost_or_left_out_something_is_a_finding():
    gaps = [Gap("gap.log", T0, T0 + pd.Timedelta(minutes=at), lost) for at, lost in ((3, None), (2, 4))]
    window = ObservationWindow.of([Source("lossy.pcap", "pcap", 9, drops=7)], gaps)
    seen_flows = flows(flow("10.0.0.1", "10.0.0.2", 80, sampled=0.25, source="thin.json"))
    found = _found(observation=Observation(seen_flows, window))
    assert [(f.kind, f.subject) for f in found] == [
        ("sampled_or_lossy", "gap.log"), ("sampled_or_lossy", "lossy.pcap"), ("sampled_or_lossy", "thin.json"),
    ]  # fmt: skip
    assert "lost 4 packets or records or more in gaps of 3 minutes" in found[0].sentence
    assert "lost 7 packets or records:" in found[1].sentence
    assert "keeps one of 4" in found[2].sentence


def test_a6_a_log_that_by_its_kind_shows_a_part_only_is_a_finding():
    window = ObservationWindow.of([Source("agent.log", "aws-network-policy-agent", 9)])
    (found,) = _found(observation=Observation(window=window))
    assert (found.kind, found.subject) == ("sampled_or_lossy", "agent.log")
    assert "tells only of pods that a NetworkPolicy selects" in found.sentence


def test_a6_a_source_that_does_not_say_how_much_it_lost_is_not_said_to_have_lost_nothing():
    window = ObservationWindow.of([Source("agent.log", "aws-vpc", 9)], [Gap("agent.log", None, None)])
    (found,) = _found(observation=Observation(window=window))
    lost = "lost packets or records (it does not say how many)"
    assert found.sentence.startswith(f"The source agent.log {lost} and tells nothing of traffic between pods of one")


def test_b8_that_only_records_name_the_pods_is_a_finding_with_what_it_costs():
    assert _found(inventory=Inventory()) == ()
    (found,) = _found(inventory=Inventory(claimed=True))
    assert (found.kind, found.severity) == ("identity_from_records", "attention")
    assert "proven only among the pods that were named" in found.sentence
    assert "labels" not in found.sentence
    (bare,) = _found(inventory=Inventory(pods=(replace(pod("web", "10.0.0.1"), labels={}),), claimed=True))
    assert "Of 1 pod no labels are told, so that no policy can select them." in bare.sentence


@pytest.mark.parametrize("outcome", ["denied", "audited"])
def test_a2_what_worked_and_was_denied_at_another_time_is_a_finding(outcome):
    both = _denied(seen("web", "db"), ("refused", 5), (outcome, 3)), _denied(seen("api", "db"), (outcome, 1))
    (found,) = _found(*both, _denied(seen("other", "db"), ("refused", 5)))
    assert (found.kind, found.severity, found.subject) == ("denied_before", "attention", "shop/Deployment/db")
    assert "4 attempts" in found.sentence
    assert set(found.communications) == {suggestion_id(one) for one in both}


@pytest.mark.parametrize("outcome", ["denied", "audited"])
def test_a2_what_was_denied_and_never_worked_is_none(outcome):
    assert _found(_denied(_failing(seen("web", "db")), (outcome, 3))) == ()


def test_a6_drops_that_no_source_owns_up_to_are_a_finding_of_all():
    assert _found(observation=Observation(window=ObservationWindow(drops=3)))[0].subject == "all sources"


def test_a6_a_whole_source_is_none():
    window = ObservationWindow.of([Source("whole.pcap", "pcap", 9)])
    assert _found(observation=Observation(flows(flow("10.0.0.1", "10.0.0.2", 80)), window)) == ()


EVERYTHING = (
    seen("web", "api", notes=("identity_conflict",)),
    seen(AddressPeer("10.0.0.1", "ambiguous"), "api", 8080),
    *(seen(f"web-{at}", API_SERVER, 6443) for at in range(11)),
    seen("web", AddressPeer("169.254.169.254", "link_local"), 80),
    seen("203.0.113.1", "db", 5432),
    seen(OTHER, "db", 5432),
    seen("web", AddressPeer("192.168.0.2", "node", "worker"), 9100),
    _denied(seen("web", "cache"), ("denied", 1)),
)
LOSSY = Observation(window=ObservationWindow.of([Source("lossy.pcap", "pcap", 9, drops=7)]))
CLAIMED = Inventory(claimed=True)
SCAN = Scan(workload("web"), "10.0.0.1", T0, T0 + pd.Timedelta(minutes=1), 40, 1, 50, 49)


@given(st.permutations(EVERYTHING))
def test_findings_are_in_order_of_severity_kind_and_subject_whatever_came_first(communications):
    found = _found(*communications, inventory=CLAIMED, observation=LOSSY, scans=[SCAN])
    assert found == _found(*EVERYTHING, inventory=CLAIMED, observation=LOSSY, scans=[SCAN])
    assert {finding.kind for finding in found} == set(KINDS)
    order = [(SEVERITIES.index(f.severity), KINDS.index(f.kind), f.subject) for f in found]
    assert order == sorted(order)


def test_every_kind_is_explained_where_a_finding_says():
    text = DOCS.read_text()
    for finding in _found(*EVERYTHING, inventory=CLAIMED, observation=LOSSY, scans=[SCAN]):
        assert f"\n### {finding.docs.partition('#')[2]}\n" in text
    assert {line.removeprefix("### ").strip() for line in text.splitlines() if line.startswith("### ")} == set(KINDS)


def test_names_from_the_cluster_are_bounded_and_cannot_act_on_a_terminal():
    evil = WorkloadRef("shop", "Deployment", "\x1b[2J\u202e" + "x" * 10_000)
    spoken = [seen(evil, OTHER, 5432, notes=("identity_conflict",)), seen(evil, API_SERVER, 6443)]
    spoken += [seen(evil, AddressPeer("169.254.169.254", "link_local"), 80), seen("203.0.113.1", evil, 80)]
    spoken += [seen("web", AddressPeer("192.168.0.2", "node", f"a/b/{evil.name}"), 9100)]
    scan = replace(SCAN, source=evil, examples=(evil.name,) * 9)
    observation = Observation(window=ObservationWindow.of([Source(evil.name, "pcap", 1, drops=1)]))
    found = _found(*spoken, scans=[scan], observation=observation, options=FindingOptions(many_at_api_server=0))
    assert len({finding.kind for finding in found}) == 8
    for finding in found:
        assert "\x1b" not in finding.subject + finding.sentence
        assert "\u202e" not in finding.subject + finding.sentence
        assert len(finding.subject) <= LONGEST_NAME
        assert len(finding.sentence) < 10 * LONGEST_NAME


def test_the_summary_counts_by_severity_and_shows_the_first_of_each_kind():
    rows = list(findings_rows(_found(seen("203.0.113.1", "web", 80), seen("203.0.113.1", "api", 80))))
    assert rows[0] == ("findings", "2 attention")
    assert rows[1][1].startswith("external_reaches_pod: 1 public address")
    assert rows[1][1].endswith("(and 1 more, in the report)")
    assert len(rows) == 2
    assert list(findings_rows(())) == []


def test_findings_are_plain_data():
    (data,) = json.loads(json.dumps(findings_data(_found(seen("203.0.113.1", "web", 80)))))
    assert data["kind"] == "external_reaches_pod"
    assert data["communications"] == [suggestion_id(seen("203.0.113.1", "web", 80))]
    assert data["docs"] == "docs/findings.md#external_reaches_pod"
