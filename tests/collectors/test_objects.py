import pandas as pd
import pytest

from collectors.errors import UnreadableInput
from collectors.objects import build_inventory, flatten
from tests.cluster import inventory, meta, node, pod, service, slices


def _interval(**more):
    found = inventory(pod("p", "10.0.0.1", **more)).pods[0]
    return found.start, found.end


def test_b7_a_running_pod_owns_its_address_from_its_start_on():
    assert _interval(start="2026-11-01T10:00:00Z") == (pd.Timestamp("2026-11-01T10:00:00Z"), None)


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_b7_a_finished_pod_owns_nothing_after_its_last_container_ended(phase):
    _, end = _interval(phase=phase, finished="2026-11-01T10:00:20Z")
    assert end == pd.Timestamp("2026-11-01T10:00:21Z")  # the API cuts times to seconds


def test_b7_a_pod_that_failed_without_ever_running_owns_nothing():
    start, end = _interval(phase="Failed")
    assert end - start <= pd.Timedelta(seconds=1)


def test_b7_a_terminating_pod_keeps_its_address_until_its_grace_is_over():
    item = pod("p", "10.0.0.1")
    item["metadata"]["deletionTimestamp"] = "2026-11-01T12:00:30Z"
    assert inventory(item).pods[0].end == pd.Timestamp("2026-11-01T12:00:31Z")


def test_a_deleted_pod_ends_when_its_deletion_was_seen():
    item = pod("p", "10.0.0.1")
    gone = pd.Timestamp("2026-11-01T11:00:00Z")
    assert build_inventory([item], {item["metadata"]["uid"]: gone}).pods[0].end == gone + pd.Timedelta(seconds=1)


def test_one_uid_seen_twice_is_one_pod_in_its_newest_version():
    old, new = pod("p", "10.0.0.1"), pod("p", "10.0.0.2")
    old["metadata"]["resourceVersion"], new["metadata"]["resourceVersion"] = "9", "10"
    assert [p.ips for p in inventory(new, old).pods] == [("10.0.0.2",)]


def test_dual_stack_addresses_are_canonical_and_each_there_once():
    item = pod("p", "10.0.0.1")
    item["status"]["podIPs"] = [{"ip": "10.0.0.1"}, {"ip": "FD00:0::0001"}]
    assert inventory(item).pods[0].ips == ("10.0.0.1", "fd00::1")


def test_headless_services_have_no_address_and_others_have_all_of_theirs():
    headless = service("db", "None", 5432)
    outside = service("web", "10.96.0.1", 80, externalIPs=["203.0.113.9"], type="LoadBalancer")
    outside["status"] = {"loadBalancer": {"ingress": [{"ip": "198.51.100.80"}, {"hostname": "lb.example"}]}}
    first, second = inventory(headless, outside).services
    assert first.cluster_ips == ()
    assert (second.external_ips, second.load_balancer_ips) == (("203.0.113.9",), ("198.51.100.80",))


def test_ports_keep_names_and_numbers_and_init_containers_count():
    item = pod("p", "10.0.0.1", ports=[{"containerPort": 8080, "name": "http"}])
    item["spec"]["initContainers"] = [{"name": "sidecar", "ports": [{"containerPort": 15090, "protocol": "UDP"}]}]
    assert [(p.number, p.protocol, p.name) for p in inventory(item).pods[0].ports] == [
        (8080, "TCP", "http"),
        (15090, "UDP", ""),
    ]


def test_slices_nodes_and_unused_kinds_are_told_apart():
    found = inventory(
        slices("api", 3000, [("10.0.0.3", "api-0"), ("192.0.2.1", "")]),
        node("n", "192.168.0.1", "fd00::9"),
        {"kind": "ConfigMap", "metadata": meta("c", "shop")},
    )
    assert found.slices[0].endpoints == (("10.0.0.3", "api-0"), ("192.0.2.1", ""))
    assert found.nodes[0].addresses == ("192.168.0.1", "fd00::9")
    assert found.skipped == {"ConfigMap": 1}


def test_items_of_a_typed_list_get_their_kind_from_it():
    items = list(flatten({"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "p"}}, "junk"]}))
    assert items == [{"metadata": {"name": "p"}, "kind": "Pod", "apiVersion": "v1"}]


@pytest.mark.parametrize(
    "damage",
    [
        {"spec": {"containers": [{"ports": [{"containerPort": "many"}]}]}},
        {"spec": {"containers": 3}},
        {"status": {"podIPs": [None]}},
        {"status": {"startTime": "yesterday"}},
        {"metadata": {"name": "p", "ownerReferences": ["x"]}},
    ],
)
def test_a_field_that_no_api_server_gives_is_named_in_one_sentence(damage):
    with pytest.raises(UnreadableInput, match=r"^inventory: 'Pod/.*take the inventory again"):
        inventory(pod("p", "10.0.0.1") | damage)


def test_an_empty_inventory_is_an_inventory():
    assert build_inventory([]).pods == ()
