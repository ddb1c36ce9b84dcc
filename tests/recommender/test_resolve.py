"""B7-B14: each flow at its own time, after Service translation, and what nobody owned is never guessed."""

import pandas as pd
import pytest

from collectors.flows import COUNTERS, empty_flows
from recommender.resolve import RESOLVED, resolve
from tests.cluster import deployment, flow, flows, inventory, node, pod, service, slices

API = [{"containerPort": 3000}]


def _rows(found, *columns):
    return [tuple(row) for row in found[list(columns)].astype(object).itertuples(index=False)]


def _ends(*parts, **kinds):
    resolved = resolve(flows(*parts), inventory(*kinds["of"]))
    RESOLVED.check(resolved)
    return _rows(resolved, "src_class", "src_owner_name", "dst_class", "dst_owner_name", "port")


def test_no_flows_resolve_to_an_empty_frame_with_all_columns():
    assert list(resolve(empty_flows(), inventory()).columns) == RESOLVED.names


def test_b7_a_reused_address_gives_each_flow_its_owner_at_that_time():
    job = pod("report-x", "10.0.0.7", phase="Succeeded", start="2026-11-01T10:00:00Z", finished="2026-11-01T10:05:00Z")
    web = pod("web-y", "10.0.0.7", start="2026-11-01T10:06:00Z")
    db = pod("db", "10.0.0.9")
    found = _ends(
        flow("10.0.0.7", "10.0.0.9", 5432, at="2026-11-01T10:01:00Z"),
        flow("10.0.0.7", "10.0.0.9", 80, at="2026-11-01T10:07:00Z"),
        flow("10.0.0.7", "10.0.0.9", 81, at="2026-11-01T10:05:30Z"),
        of=[job, web, db],
    )
    assert [row[:2] for row in found] == [("pod", "report-x"), ("pod", "web-y"), ("unresolved", "")]


def test_b7_a_row_that_spans_a_change_of_owner_is_ambiguous():
    job = pod("report-x", "10.0.0.7", phase="Succeeded", finished="2026-11-01T10:05:00Z")
    web = pod("web-y", "10.0.0.7", start="2026-11-01T10:05:30Z")
    found = _ends(flow("10.0.0.7", "8.8.8.8", 53, at="2026-11-01T10:04:50Z", lasting=50), of=[job, web])
    assert found[0][:2] == ("ambiguous", "")


def test_b7_two_living_claimants_are_ambiguous_and_two_pods_of_one_workload_are_not():
    twins = [pod("a", "10.0.0.7"), pod("b", "10.0.0.7")]
    assert _ends(flow("10.0.0.7", "8.8.8.8", 53), of=twins)[0][0] == "ambiguous"
    same = deployment("web", ["10.0.0.7", "10.0.0.7"])
    assert _ends(flow("10.0.0.7", "8.8.8.8", 53), of=[same])[0][:2] == ("pod", "web")


def test_b10_a_service_address_becomes_the_pod_and_the_pod_port():
    parts = [
        deployment("web", ["10.0.0.1"]),
        deployment("api", ["10.0.0.3"]),
        service("api", "10.96.0.5", 80),
        slices("api", 3000, [("10.0.0.3", "api-5d9c7b-0")]),
    ]
    resolved = resolve(flows(flow("10.0.0.1", "10.96.0.5", 80)), inventory(*parts))
    assert _rows(resolved, "dst_owner_name", "port", "service", "dst_address") == [
        ("api", 3000, "shop/api:80", "10.0.0.3")
    ]


def test_b10_without_endpoint_slices_the_services_own_selector_and_port_name_are_used():
    api = deployment("api", ["10.0.0.3"], ports=[{"containerPort": 3000, "name": "http"}])
    front = service("api", "10.96.0.5", 80, selector={"app": "api"}, entry={"targetPort": "http"})
    assert _ends(flow("10.0.0.9", "10.96.0.5", 80), of=[api, front])[0][2:] == ("pod", "api", 3000)


def test_b10_a_selectorless_service_becomes_its_slices_addresses():
    parts = [service("legacy", "10.96.0.7", 1521), slices("legacy", 1522, [("192.0.2.51", "")])]
    resolved = resolve(flows(flow("10.0.0.1", "10.96.0.7", 1521)), inventory(*parts))
    assert _rows(resolved, "dst_class", "dst_address", "port") == [("external", "192.0.2.51", 1522)]


def test_b10_several_workloads_behind_a_service_are_a_row_each_and_marked_as_guessed():
    parts = [
        deployment("a", ["10.0.0.3"]),
        deployment("b", ["10.0.0.4"]),
        service("api", "10.96.0.5", 80),
        slices("api", 3000, [("10.0.0.3", "a-5d9c7b-0"), ("10.0.0.4", "b-5d9c7b-0")]),
    ]
    resolved = resolve(flows(flow("10.0.0.9", "10.96.0.5", 80)), inventory(*parts))
    assert _rows(resolved, "flow", "dst_owner_name", "backend_guessed") == [(0, "a", True), (0, "b", True)]


def test_b10_a_service_with_nothing_behind_it_stays_a_service():
    assert _ends(flow("8.8.8.8", "10.96.0.5", 80), of=[service("api", "10.96.0.5", 80)])[0][2:4] == (
        "service",
        "shop/api:80",
    )


def test_b10_a_node_port_on_any_node_becomes_the_pod():
    parts = [
        deployment("web", ["10.0.0.1"]),
        node("n1", "192.168.0.1"),
        service("web", "10.96.0.5", 80, entry={"nodePort": 30080}),
        slices("web", 8080, [("10.0.0.1", "web-5d9c7b-0")]),
    ]
    assert _ends(flow("203.0.113.7", "192.168.0.1", 30080), of=parts)[0][2:] == ("pod", "web", 8080)


def test_b11_the_api_server_is_known_by_its_slice():
    parts = [
        service("kubernetes", "10.96.0.1", 443, ns="default"),
        slices("kubernetes", 6443, [("172.20.0.10", "")], ns="default"),
    ]
    found = _ends(flow("10.0.0.1", "10.96.0.1", 443), flow("10.0.0.1", "172.20.0.10", 6443), of=parts)
    assert {row[2:] for row in found} == {("api_server", "default/kubernetes", 6443)}


def test_b12_traffic_from_the_pods_own_node_is_node_local_and_from_another_it_is_not():
    parts = [pod("api", "10.0.0.3", node="n1"), node("n1", "192.168.0.1"), node("n2", "192.168.0.2")]
    resolved = resolve(
        flows(flow("192.168.0.1", "10.0.0.3", 3000), flow("192.168.0.2", "10.0.0.3", 3000)), inventory(*parts)
    )
    assert _rows(resolved, "src_class", "node_local") == [("node", True), ("node", False)]


def test_b12_a_host_network_pod_is_its_node_and_never_owns_the_address():
    exporter = pod("exp", "192.168.0.1", host_network=True, ports=[{"containerPort": 9101}])
    found = _ends(flow("10.0.0.1", "192.168.0.1", 9101), of=[exporter, node("n1", "192.168.0.1")])
    assert found[0][2:4] == ("node", "shop/Pod/exp")


def test_b13_a_pod_that_reaches_itself_through_its_service_is_a_hairpin():
    parts = [
        deployment("web", ["10.0.0.1"]),
        service("web", "10.96.0.5", 80),
        slices("web", 8080, [("10.0.0.1", "web-5d9c7b-0")]),
    ]
    resolved = resolve(flows(flow("10.0.0.1", "10.96.0.5", 80)), inventory(*parts))
    assert resolved["hairpin"].tolist() == [True]


def test_b13_a_pod_behind_its_own_service_with_others_reaches_the_others():
    pods = [("10.0.0.1", "web-5d9c7b-0"), ("10.0.0.2", "web-5d9c7b-1")]
    parts = [deployment("web", ["10.0.0.1", "10.0.0.2"]), service("web", "10.96.0.5", 80), slices("web", 8080, pods)]
    resolved = resolve(flows(flow("10.0.0.1", "10.96.0.5", 80)), inventory(*parts))
    assert _rows(resolved, "dst_address", "hairpin") == [("10.0.0.2", False)]


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("10.9.9.9", "unresolved"),
        ("169.254.20.10", "link_local"),
        ("203.0.113.1", "external"),
        ("127.0.0.1", "loopback"),
    ],
)
def test_b14_an_address_that_nobody_owned_has_the_class_of_its_network(address, kind):
    assert _ends(flow("10.0.0.1", address, 53), of=[pod("p", "10.0.0.1")])[0][2] == kind


def test_a1_an_unoriented_flow_to_a_declared_port_is_oriented_by_it_and_others_are_not():
    parts = [pod("api", "10.0.0.3", ports=API)]
    resolved = resolve(
        flows(
            flow("10.0.0.1", "10.0.0.3", 3000, orientation="unknown"),
            flow("10.0.0.1", "10.0.0.3", 41000, orientation="unknown"),
        ),
        inventory(*parts),
    )
    assert resolved["orientation"].tolist() == ["port_hint", "unknown"]


def test_every_flow_is_in_the_result_with_its_own_counters():
    parts = [pod("api", "10.0.0.3", ports=API), node("n1", "192.168.0.1")]
    given = flows(flow("10.0.0.1", "10.0.0.3", 3000), flow("192.168.0.1", "10.0.0.3", 3000), flow("::1", "fd00::9", 1))
    resolved = resolve(given, inventory(*parts))
    assert resolved["flow"].tolist() == [0, 1, 2]
    pd.testing.assert_frame_equal(resolved[list(COUNTERS)], given[list(COUNTERS)])


def test_an_inventory_without_the_pods_of_the_capture_resolves_nothing_and_claims_nothing():
    found = _ends(flow("10.0.0.1", "10.0.0.2", 80), of=[deployment("other", ["10.5.0.1"])])
    assert found == [("unresolved", "", "unresolved", "", 80)]
