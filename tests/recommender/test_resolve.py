"""B7-B14: each flow at its own time, after Service translation, and what nobody owned is never guessed."""

import re
from pathlib import Path

import pandas as pd
import pytest

from collectors.flows import COUNTERS, empty_flows
from collectors.inventory import Inventory, Node, Pod, Service, ServicePort, WorkloadRef
from recommender.identity import REASONS
from recommender.resolve import RESOLVED, resolve
from tests.cluster import deployment, flow, flows, inventory, node, pod, service, slices

API = [{"containerPort": 3000}]


_END = ("src_class", "src_reason", "src_owner_name", "src_owner_pod")


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


def _one(given, found, *columns):
    resolved = resolve(flows(given), found)
    RESOLVED.check(resolved)
    (row,) = _rows(resolved, *columns)
    return row


def test_b7_an_address_reused_half_way_gives_each_half_of_an_observation_its_true_owner():
    job = pod("job", "10.0.0.7", phase="Succeeded", finished="2026-11-01T10:30:00Z")
    web = pod("web", "10.0.0.7", start="2026-11-01T10:30:10Z")
    rows = [flow("10.0.0.7", "203.0.113.1", 443, at=f"2026-11-01T10:{minute:02}:30Z") for minute in range(60)]
    found = resolve(flows(*rows), inventory(job, web))
    assert found["src_owner_name"].tolist() == ["job"] * 30 + ["web"] * 30
    assert found["src_ip_reused"].all()


def test_b7_a_jobs_stale_address_never_claims_a_living_pods_traffic():
    job = pod("job", "10.0.0.7", phase="Succeeded", finished="2026-11-01T10:30:00Z")
    web = pod("web", "10.0.0.7", start="2026-11-01T10:30:02Z")
    given = flow("10.0.0.7", "203.0.113.1", 443, at="2026-11-01T10:30:02Z")
    assert _one(given, inventory(job, web), "src_class", "src_owner_name") == ("pod", "web")


def test_b7_a_deleted_pod_stays_known_for_its_own_time():
    gone = Pod("u", "shop", "gone", WorkloadRef("shop", "Pod", "gone"), ips=("10.0.0.7",), end=_at("11:30"))
    assert _one(flow("10.0.0.7", "203.0.113.1", 443), Inventory((gone,)), "src_owner_pod", "src_reason") == (
        "gone", "owner",
    )  # fmt: skip
    late = flow("10.0.0.7", "203.0.113.1", 443, at="2026-11-01T12:00:00Z")
    assert _one(late, Inventory((gone,)), "src_class", "src_reason") == ("unresolved", "owned_at_another_time")


def test_b8_a_claim_that_agrees_is_no_conflict_and_one_that_differs_is():
    found = inventory(pod("api", "10.0.0.3"), pod("web", "10.0.0.1"))
    for claim, conflict in ((("shop", "web"), False), (("shop", "api"), True), (("data", "web"), True)):
        given = flow("10.0.0.1", "10.0.0.3", 80, src_namespace=claim[0], src_pod=claim[1])
        assert _one(given, found, "src_owner_pod", "identity_conflict") == ("web", conflict)


def test_b8_a_claim_for_an_unknown_address_is_believed_only_for_a_pod_that_existed_then():
    found = inventory(pod("web", "10.0.0.1"), pod("late", "10.0.0.2", start="2026-11-01T15:00:00Z"))
    claims = {"web": ("pod", "claimed"), "late": ("unresolved", "never_seen"), "none": ("unresolved", "never_seen")}
    for name, want in claims.items():
        given = flow("10.7.7.7", "203.0.113.1", 443, src_namespace="shop", src_pod=name)
        assert _one(given, found, "src_class", "src_reason", "identity_conflict") == (*want, False)


def test_b8_a_claimed_host_network_pod_agrees_with_its_nodes_address():
    found = inventory(
        pod("exp", "192.168.0.1", host_network=True, node="n1"), node("n1", "192.168.0.1"), pod("web", "10.0.0.1")
    )
    for name, conflict in (("exp", False), ("web", True)):
        given = flow("192.168.0.1", "203.0.113.1", 443, src_namespace="shop", src_pod=name)
        assert _one(given, found, "src_class", "identity_conflict") == ("node", conflict)


def test_b8_a_record_that_names_the_backend_decides_between_several():
    ends = [("10.0.0.3", "a-5d9c7b-0"), ("10.0.0.4", "b-5d9c7b-0")]
    parts = [deployment("a", ["10.0.0.3"]), deployment("b", ["10.0.0.4"]), service("s", "10.96.0.5", 80)]
    given = flow("10.0.0.9", "10.96.0.5", 80, dst_namespace="shop", dst_pod="b-5d9c7b-0")
    row = _one(
        given,
        inventory(*parts, slices("s", 3000, ends)),
        "dst_owner_name",
        "dst_reason",
        "dst_address",
        "backend_guessed",
    )
    assert row == ("b", "claimed", "10.0.0.4", False)


def _nameless(src, dst="db", /, **more):
    """A flow of a log without addresses."""
    claims = {"src_namespace": "shop", "src_pod": src, "dst_namespace": "shop", "dst_pod": dst}
    return {**flow(None, None, 80, **claims), **more}


LOGGED = [deployment("web", ["10.0.0.1", "10.0.0.2"]), pod("db", "10.0.0.9")]


def test_b8_an_end_without_address_is_the_pod_that_the_record_names():
    row = _one(_nameless("web-5d9c7b-1"), inventory(*LOGGED), *_END, "dst_owner_name", "identity_conflict")
    assert row == ("pod", "claimed", "web", "web-5d9c7b-1", "db", False)


def test_b8_a_name_that_only_begins_is_the_workload_of_all_pods_that_begin_so():
    row = _one(_nameless("web-5d9c7b-*"), inventory(*LOGGED), *_END, "identity_conflict")
    assert row == ("pod", "claimed", "web", "", False)
    alone = inventory(deployment("web", ["10.0.0.1"]), pod("db", "10.0.0.9"))
    assert _one(_nameless("web-5d9c7b-*"), alone, *_END) == ("pod", "claimed", "web", "web-5d9c7b-0")


def test_b8_a_controller_adds_one_part_to_the_beginning_so_that_longer_names_are_others():
    found = inventory(pod("web-0", "10.0.0.1"), pod("web-api-0", "10.0.0.2"), pod("db", "10.0.0.9"))
    assert _one(_nameless("web-*"), found, *_END) == ("pod", "claimed", "web-0", "web-0")


def test_b8_a_beginning_that_is_too_long_is_cut_as_the_api_server_cuts_it():
    long = "w" * 60
    found = inventory(pod(f"{long[:58]}abcde", "10.0.0.1"), pod("db", "10.0.0.9"))
    assert _one(_nameless(f"{long}-5d9c7b-*"), found, "src_class", "src_owner_pod") == ("pod", f"{long[:58]}abcde")


def test_b8_a_beginning_of_pods_of_several_workloads_is_ambiguous():
    found = inventory(pod("web-a", "10.0.0.1"), pod("web-b", "10.0.0.2"), pod("db", "10.0.0.9"))
    row = _one(_nameless("web-*"), found, "src_class", "src_reason", "src_owner_name", "src_address")
    assert row == ("ambiguous", "two_claimants", "shop/web-*", "")


def test_b7_a_beginning_means_the_pods_of_that_time():
    found = inventory(
        pod("web-a", "10.0.0.1"), pod("web-b", "10.0.0.2", start="2026-11-01T15:00:00Z"), pod("db", "10.0.0.9")
    )
    assert _one(_nameless("web-*"), found, *_END) == ("pod", "claimed", "web-a", "web-a")


def test_b8_a_name_without_address_that_nobody_had_is_unresolved_and_kept():
    for name in ("other", "other-*", "*"):
        row = _one(_nameless(name), inventory(*LOGGED), "src_class", "src_reason", "src_owner_name")
        assert row == ("unresolved", "no_address", f"shop/{name}")
    (src,) = _one(_nameless("x" * 999), inventory(*LOGGED), "src_owner_name")
    assert len(src) == 160


@pytest.mark.parametrize(("name", "conflict"), [("web-5d9c7b-*", False), ("web-*", True), ("api-*", True)])
def test_b8_a_beginning_beside_an_address_agrees_with_pods_of_its_workload(name, conflict):
    found = inventory(*LOGGED, pod("api-0", "10.0.0.3"))
    given = _nameless(name, src="10.0.0.1", dst="10.0.0.9")
    assert _one(given, found, "src_owner_pod", "identity_conflict") == ("web-5d9c7b-0", conflict)


def test_a1_ports_without_address_are_no_server_of_many_clients():
    given = [_nameless("web-5d9c7b-0", "db", src=f"10.9.0.{at}", orientation="unknown") for at in range(30)]
    resolved = resolve(flows(*given), inventory(*LOGGED))
    assert set(resolved["orientation"]) == {"unknown"}


def test_b9_one_name_in_two_namespaces_is_two_workloads():
    found = inventory(deployment("cache", ["10.0.0.1"]), deployment("cache", ["10.0.1.1"], ns="data"))
    given = flow("10.0.0.1", "10.0.1.1", 6379)
    assert _one(given, found, "src_owner_namespace", "dst_owner_namespace") == ("shop", "data")


def test_b10_several_pods_of_one_workload_are_one_row_that_names_no_pod():
    ends = [("10.0.0.3", "api-5d9c7b-0"), ("10.0.0.4", "api-5d9c7b-1")]
    parts = [deployment("api", ["10.0.0.3", "10.0.0.4"]), service("api", "10.96.0.5", 80), slices("api", 3000, ends)]
    row = _one(
        flow("10.0.0.9", "10.96.0.5", 80), inventory(*parts), "dst_owner_name", "dst_owner_pod", "dst_address", "port"
    )
    assert row == ("api", "", "", 3000)


def test_b10_a_port_or_protocol_that_the_service_does_not_have_leads_nowhere():
    found = inventory(service("api", "10.96.0.5", 80), slices("api", 3000, [("10.0.0.3", "")]))
    for given in (flow("10.0.0.9", "10.96.0.5", 81), flow("10.0.0.9", "10.96.0.5", 80, "UDP")):
        assert _one(given, found, "dst_class", "dst_reason", "dst_owner_name") == (
            "service",
            "no_service_port",
            "shop/api",
        )


def test_b10_a_service_that_was_deleted_by_then_is_none():
    gone = Service("shop", "api", cluster_ips=("10.96.0.5",), ports=(ServicePort(80),), end=_at("10:30"))
    row = _one(flow("10.0.0.9", "10.96.0.5", 80), Inventory(services=(gone,)), "dst_class", "dst_reason", "service")
    assert row == ("unresolved", "owned_at_another_time", "")


def test_b10_where_the_source_shows_the_address_before_translation_the_service_is_kept_and_the_backend_is_sure():
    ends = [("10.0.0.3", "a-5d9c7b-0"), ("10.0.0.4", "b-5d9c7b-0")]
    parts = [deployment("a", ["10.0.0.3"]), deployment("b", ["10.0.0.4"]), service("s", "10.96.0.5", 80)]
    given = flow("10.0.0.9", "10.0.0.4", 3000, service_ip="10.96.0.5", service_port=80)
    row = _one(given, inventory(*parts, slices("s", 3000, ends)), "dst_owner_name", "service", "backend_guessed")
    assert row == ("b", "shop/s:80", False)


def test_b11_the_api_server_is_itself_also_where_its_address_is_a_nodes():
    parts = [slices("kubernetes", 6443, [("192.168.0.1", "")], ns="default"), node("n1", "192.168.0.1")]
    for port, want in ((6443, ("api_server", "api_server_slice")), (22, ("node", "node_address"))):
        assert _one(flow("10.0.0.1", "192.168.0.1", port), inventory(*parts), "dst_class", "dst_reason") == want


def test_b12_a_node_port_listener_is_named_in_its_own_time_only():
    exporter = pod(
        "exp", "192.168.0.1", host_network=True, ports=[{"containerPort": 9101}], start="2026-11-01T11:30:00Z"
    )
    found = inventory(exporter, node("n1", "192.168.0.1"))
    for time, want in (("11:00", ("n1", "node_address")), ("12:00", ("shop/Pod/exp", "host_network_port"))):
        given = flow("10.0.0.1", "192.168.0.1", 9101, at=f"2026-11-01T{time}:00Z")
        assert _one(given, found, "dst_owner_name", "dst_reason") == want


def _behind_node_port(**more):
    parts = [
        deployment("web", ["10.0.0.1"]), node("node-1", "192.168.0.1"), node("node-2", "192.168.0.2"),
        service("web", "10.96.0.5", 80, entry={"nodePort": 30080}), slices("web", 8080, [("10.0.0.1", "web-5d9c7b-0")]),
    ]  # fmt: skip
    return inventory(*parts, *more.get("also", ()))


def test_b13_a_node_that_may_stand_for_a_client_outside_is_not_the_client():
    found = _behind_node_port()
    for src, port, reason in (
        ("192.168.0.2", 9, "node_snat"), ("192.168.0.1", 8080, "node_snat"), ("192.168.0.1", 9, "node_address"),
    ):  # fmt: skip
        assert _one(flow(src, "10.0.0.1", port), found, "src_class", "src_reason") == ("node", reason)


def test_b13_a_hairpin_is_known_by_the_services_or_the_nodes_address_as_source_too():
    found = _behind_node_port()
    row = _one(flow("10.96.0.5", "10.0.0.1", 8080), found, "src_class", "src_reason", "hairpin")
    assert row == ("service", "service_address", True)
    given = flow("192.168.0.1", "10.0.0.1", 8080, service_ip="10.96.0.5", service_port=80)
    assert _one(given, found, "node_local", "hairpin") == (True, True)
    assert _one(flow("192.168.0.1", "10.0.0.1", 8080), found, "node_local", "hairpin") == (True, False)


def test_b13_the_bridge_of_a_nodes_pod_range_is_the_node():
    web = Pod("u", "shop", "web", WorkloadRef("shop", "Pod", "web"), node="n1", ips=("10.244.1.9",))
    found = Inventory((web,), nodes=(Node("n1", ("192.168.0.1",), ("10.244.1.0/24",)),))
    row = _one(flow("10.244.1.1", "10.244.1.9", 80), found, "src_class", "src_reason", "src_owner_name", "node_local")
    assert row == ("node", "pod_range_gateway", "n1", True)


@pytest.mark.parametrize(
    ("address", "want"),
    [
        ("192.0.2.9", ("unresolved", "in_pod_range")), ("198.51.100.9", ("unresolved", "in_service_range")),
        ("203.0.113.9", ("external", "public")), ("100.64.1.1", ("unresolved", "never_seen")),
        ("fd12::1", ("unresolved", "never_seen")), ("224.0.0.1", ("multicast", "multicast")),
        ("255.255.255.255", ("broadcast", "broadcast")), ("169.254.169.254", ("link_local", "link_local")),
    ],
)  # fmt: skip
def test_b14_an_address_in_a_range_of_the_cluster_is_never_external(address, want):
    found = Inventory(pod_cidrs=("192.0.2.0/24",), service_cidrs=("198.51.100.0/24",))
    assert _one(flow("10.0.0.1", address, 80), found, "dst_class", "dst_reason") == want


def test_b15_names_are_evidence_and_never_change_an_external_address():
    assert _one(flow("10.0.0.1", "203.0.113.1", 443), inventory(), "dst_class", "dst_owner_name") == ("external", "")


def test_an_address_that_is_none_is_unresolved_and_no_traceback():
    for src in ("not an address", None, "", "fe80::zz"):
        assert _one(flow(src, "203.0.113.1", 80), inventory(), "src_class", "src_reason") == (
            "unresolved",
            "no_address",
        )


def test_a_vocabulary_has_every_reason_of_the_documentation_and_no_other():
    text = (Path(__file__).parents[2] / "docs" / "identity.md").read_text()
    assert set(re.findall(r"^\| `[a-z_]+` \| `([a-z_]+)` \|", text, re.MULTILINE)) == set(REASONS)


def _at(time):
    return pd.Timestamp(f"2026-11-01T{time}:00Z")
