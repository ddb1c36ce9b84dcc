"""The facts that a correct client gets right, on answers recorded from a real API server (recorded-api/README.md)."""

import json
import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors import load_inventory
from collectors.errors import UnreadableInput
from collectors.objects import build_inventory, flatten
from tests.cluster import write_timeline

RECORDED = Path(__file__).parents[1] / "recorded"
RESOURCES = (
    "cronjobs", "daemonsets", "deployments", "endpointslices", "jobs", "namespaces", "networkpolicies", "nodes", "pods",
    "replicasets", "replicationcontrollers", "services", "statefulsets",
)  # fmt: skip
WATCHED = ("pods", "replicasets", "deployments", "jobs", "endpointslices", "networkpolicies", "namespaces")


def recorded(name):
    """A file too large for the project, or a skip."""
    shared = os.environ.get("PODFENCE_SHARED")
    file = Path(shared or "") / "recorded-api" / name
    if not shared or not file.is_file():
        pytest.skip(f"PODFENCE_SHARED names no folder with recorded-api/{name}")
    return file


@pytest.fixture(scope="module")
def bookstore(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bookstore")
    for resource in RESOURCES:
        (folder / f"{resource}.json").symlink_to(RECORDED / f"list_{resource}.json")
    return load_inventory(folder)


@pytest.fixture(scope="module")
def replayed(tmp_path_factory):
    """The lists, and the watches after them as a timeline."""
    folder = tmp_path_factory.mktemp("replayed")
    index = {entry["file"]: entry for entry in json.loads(recorded("index.json").read_text())}
    for resource in RESOURCES:
        (folder / f"list_{resource}.json").symlink_to(RECORDED / f"list_{resource}.json")
    for file in recorded("index.json").parent.glob("watch_*.jsonl"):
        if file.name == "watch_pods_initial_list.jsonl":
            continue
        times = index[file.name]["received_at"]
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        write_timeline(folder / file.name, [{"time": _rfc(t), **line} for t, line in zip(times, lines, strict=True)])
    return load_inventory(folder)


@pytest.fixture(scope="module")
def final(tmp_path_factory):
    folder = tmp_path_factory.mktemp("final")
    for resource in RESOURCES:
        file = recorded(f"final_list_{resource}.json") if resource in WATCHED else RECORDED / f"list_{resource}.json"
        (folder / file.name).symlink_to(file)
    return load_inventory(folder)


def _rfc(received):
    return datetime.fromtimestamp(received, UTC).isoformat(timespec="milliseconds")


def by_name(inventory, name):
    return [pod for pod in inventory.pods if pod.name == name]


def owners_now(inventory, ip):
    return [pod.name for pod in inventory.pods if any(t.ip == ip and t.end is None for t in pod.held)]


def test_fact_1_items_get_their_kind_from_the_list_and_an_empty_list_is_an_inventory(bookstore):
    assert (len(bookstore.pods), bookstore.skipped) == (33, {})
    assert load_inventory(recorded("list_pods_unknown_namespace_200.json")).pods == ()


def test_fact_1_pages_are_the_whole_list(tmp_path, bookstore):
    for file in recorded("index.json").parent.glob("paged_*.json"):
        (tmp_path / file.name).symlink_to(file)
    assert load_inventory(tmp_path) == bookstore


@pytest.mark.parametrize("name", ["list_pods_table.json", "list_pods_metadata_only.json"])
def test_fact_1_an_excerpt_is_no_inventory(name):
    with pytest.raises(UnreadableInput, match="only an excerpt"):
        load_inventory(recorded(name))


def test_fact_2_the_running_pod_owns_the_address_that_a_finished_one_still_shows(bookstore):
    assert owners_now(bookstore, "10.42.2.77") == ["report-viewer"]
    (former,) = by_name(bookstore, "report-29389470-c7x4m")
    assert [(t.ip, f"{t.start:%H:%M:%S}", f"{t.end:%H:%M:%S}") for t in former.held] == [
        ("10.42.2.77", "22:59:50", "23:00:26"),
        ("fd00:10:42:2::4d", "22:59:50", "23:00:26"),
    ]


def test_fact_3_failed_pods_own_nothing_any_more_and_initializing_ones_do(bookstore):
    assert by_name(bookstore, "evicted-1")[0].held == ()
    assert owners_now(bookstore, "10.42.1.211") == []
    assert by_name(bookstore, "unscheduled")[0].held == by_name(bookstore, "pulling")[0].held == ()
    (initializing,) = by_name(bookstore, "initializing")
    assert owners_now(bookstore, "10.42.1.210") == ["initializing"]
    assert [(port.name, port.number) for port in initializing.ports] == [("mesh", 15001)]


def test_fact_4_host_network_pods_are_told_apart_and_share_the_address_of_their_node(bookstore):
    on_host = {pod.name: pod.ips[0] for pod in bookstore.pods if pod.host_network}
    addresses = {address for node in bookstore.nodes for address in node.addresses}
    assert sorted(on_host) == [
        "etcd-cp-1", "kube-apiserver-cp-1", "node-exporter-q4t80", "node-exporter-z4t81",
    ]  # fmt: skip
    assert set(on_host.values()) <= addresses


def test_fact_5_static_pods_are_their_own_workload(bookstore):
    assert str(by_name(bookstore, "etcd-cp-1")[0].workload) == "kube-system/Pod/etcd-cp-1"


def test_fact_6_7_8_9_every_pod_has_the_workload_at_the_end_of_its_owners(bookstore):
    found = {pod.name: str(pod.workload) for pod in bookstore.pods}
    expected = {
        "storefront-6c9f7d4b58-4xk2p": "web/Deployment/storefront",
        "storefront-canary-7d5b9c6f44-mm2vt": "web/Deployment/storefront-canary",
        "debug-shell": "web/Pod/debug-shell",
        "legacy-bare-8zq4w": "api/ReplicaSet/legacy-bare",
        "ancient-f6k2l": "api/ReplicationController/ancient",
        "search-0": "data/SearchCluster/search",
        "report-29389470-c7x4m": "batch/CronJob/report",
        "log-agent-q4t80": "observability/DaemonSet/log-agent",
        "postgres-0": "data/StatefulSet/postgres",
        "cache-6b8c5d7f99-b9d4x": "api/Deployment/cache",
        "cache-7f6d8b5c44-kk7pm": "data/Deployment/cache",
    }
    assert found | expected == found


def test_fact_7_the_replica_sets_of_a_rollout_are_one_workload(replayed):
    rolled = {str(pod.workload) for pod in replayed.pods if pod.name.startswith(("storefront-6c9", "storefront-79c"))}
    assert rolled == {"web/Deployment/storefront"}


def test_fact_10_slices_hold_the_numbers_behind_the_service(bookstore):
    behind = {
        (piece.namespace, piece.service, port.name): port.port for piece in bookstore.slices for port in piece.ports
    }
    services = {(s.namespace, s.name, port.name): port.port for s in bookstore.services for port in s.ports}
    for key, pair in {
        ("api", "catalog", "http"): (80, 8080),
        ("api", "catalog", "grpc"): (50051, 9090),
        ("api", "cart", "api"): (8080, 3000),
        ("data", "cache", ""): (6380, 6379),
        ("data", "legacy-oracle", "ora"): (1521, 1522),
    }.items():
        assert (services[key], behind[key]) == pair
    assert [s.selector for s in bookstore.services if s.name == "legacy-oracle"] == [{}]


def test_fact_11_services_of_every_type_have_the_addresses_that_lead_to_them(bookstore):
    services = {service.name: service for service in bookstore.services if service.name != "cache"}
    assert services["postgres"].cluster_ips == services["payments"].cluster_ips == ()
    assert services["public"].external_ips == ("203.0.113.80",)
    assert services["nginx"].load_balancer_ips == ("198.51.100.80",)
    assert services["storefront-np"].ports[0].node_port == 30080
    assert services["catalog"].cluster_ips == ("10.96.144.119", "fd00:10:96::2594")


def test_fact_12_a_terminating_pod_still_holds_its_address_and_is_behind_its_service():
    (pod,) = (p for p in load_inventory(recorded("mid_rollout_pods_web.json")).pods if p.name.endswith("9wz8n"))
    assert next((t.ip, f"{t.end:%H:%M:%S}") for t in pod.held) == ("10.42.2.10", "23:01:05")
    pieces = load_inventory(recorded("mid_rollout_endpointslices_web.json")).slices
    (piece,) = (piece for piece in pieces if piece.service == "storefront")
    assert ("10.42.2.10", "storefront-6c9f7d4b58-9wz8n") in piece.endpoints


def test_fact_13_a_pod_that_comes_back_under_its_name_is_another_one(replayed):
    former, later = sorted(by_name(replayed, "postgres-2"), key=lambda pod: pod.end is None)
    assert (former.ips[0], later.ips[0]) == ("10.42.1.16", "10.42.2.21")
    assert former.uid != later.uid
    assert former.end is not None
    assert former.workload == later.workload


def test_fact_13_the_lists_before_and_after_alone_tell_it_too(tmp_path):
    for name in ("list_pods.json", "final_list_pods.json"):
        (tmp_path / name).symlink_to(recorded(name))
    former, later = sorted(by_name(load_inventory(tmp_path), "postgres-2"), key=lambda pod: pod.end is None)
    assert (former.ips[0], later.end) == ("10.42.1.16", None)


def test_fact_14_policies_are_as_the_server_completed_them(bookstore):
    policies = {policy["metadata"]["name"]: policy["spec"] for policy in bookstore.policies}
    assert policies["no-types"]["policyTypes"] == ["Ingress"]
    assert policies["no-types"]["ingress"] == [{}]


def test_fact_15_bookmarks_and_errors_of_a_watch_are_no_objects(replayed, tmp_path):
    assert replayed.skipped == {}
    error = {"time": "2026-11-22T23:00:40Z", **json.loads((RECORDED / "err_410_watch_event.jsonl").read_text())}
    assert load_inventory(write_timeline(tmp_path / "t.jsonl", [error])).skipped == {}


def test_fact_19_a_policy_that_selects_every_pod_of_its_namespace_is_kept():
    (policy,) = load_inventory(recorded("odd_201_np_no_podselector.json")).policies
    assert policy["spec"] == {"podSelector": {}, "policyTypes": ["Ingress"]}


def test_fact_20_the_lists_and_the_watches_after_them_are_the_final_lists(replayed, final):
    living = {pod.uid: pod for pod in final.pods}
    assert [replace(p, tenures=None) for p in replayed.pods if p.uid in living] == [
        replace(p, tenures=None) for p in final.pods
    ]
    assert all(pod.end is not None for pod in replayed.pods if pod.uid not in living)
    assert [replace(piece, start=None) for piece in replayed.current_slices] == [
        replace(piece, start=None) for piece in final.slices
    ]
    assert replayed.current_services == final.services
    assert (replayed.policies, replayed.namespaces, replayed.nodes) == (final.policies, final.namespaces, final.nodes)
    assert dict(replayed.workloads) | dict(final.workloads) == dict(replayed.workloads)
    assert (replayed.pod_cidrs, replayed.service_cidrs) == (final.pod_cidrs, final.service_cidrs)


def test_fact_20_the_tenures_of_the_final_lists_are_the_same_or_begin_earlier_for_those_who_live(replayed, final):
    known = {pod.uid: pod for pod in replayed.pods}
    for pod in final.pods:
        for mine, theirs in zip(known[pod.uid].held, pod.held, strict=True):
            assert (mine.ip, mine.end) == (theirs.ip, theirs.end)
            assert mine.start <= theirs.start


def test_b7_an_address_that_went_from_one_pod_to_another_was_owned_by_both_in_turn(replayed):
    held = [(pod.name, t.start, t.end) for pod in replayed.pods for t in pod.held if t.ip == "10.42.2.10"]
    (former, start, end), (later, begun, open_end) = sorted(held, key=lambda entry: entry[1])
    assert (former, later) == ("storefront-6c9f7d4b58-9wz8n", "cart-5f7b8d9c66-reuse")
    assert start < end <= begun
    assert open_end is None


def test_b10_the_slices_have_a_version_for_each_step_of_the_rollout(replayed):
    steps = [[ip for ip, _ in piece.endpoints] for piece in replayed.slices if piece.name == "storefront-x7k2p"]
    assert steps == [
        ["10.42.1.10", "10.42.2.10", "10.42.2.11"],
        ["10.42.1.10", "10.42.1.21", "10.42.2.10", "10.42.2.11"],
        ["10.42.1.10", "10.42.1.21", "10.42.2.11"],
    ]


def test_b14_pod_ranges_are_those_of_the_nodes(bookstore):
    assert bookstore.pod_cidrs[0] == "10.42.0.0/23"
    assert bookstore.service_cidrs == ()


JUNK = st.sampled_from(
    [None, "", "x", 7, -1, 1.5, True, [], {}, ["x"], [None], {"x": 1}, {"kind": []}, "0001-01-01T00:00:00Z"]
)


@settings(max_examples=150)
@given(st.data())
def test_objects_damaged_anywhere_are_read_or_refused_in_one_sentence(data):
    resource = data.draw(st.sampled_from(RESOURCES))
    document = json.loads((RECORDED / f"list_{resource}.json").read_text())
    items = list(flatten(document))
    spot = items[data.draw(st.integers(0, len(items) - 1))]
    while True:
        key = data.draw(st.sampled_from(sorted(spot) if isinstance(spot, dict) else range(len(spot))))
        if not isinstance(spot[key], dict | list) or not spot[key] or data.draw(st.integers(0, 3)) == 0:
            break
        spot = spot[key]
    spot[key] = data.draw(JUNK)
    assert _refusal(items)[:11] in {"", "inventory: "}


def _refusal(items):
    try:
        build_inventory(items)
    except UnreadableInput as refused:
        return str(refused)
    return ""
