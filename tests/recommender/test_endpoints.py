import pytest

from collectors.errors import UnreadableInput
from collectors.inventory import Inventory, Node
from collectors.tenancy import TENANCY
from recommender.endpoints import Endpoints
from tests.cluster import inventory, node, pod, slices


def test_an_empty_inventory_has_empty_tables():
    empty = Endpoints(inventory())
    TENANCY.check(empty.tenancy)
    assert (empty.node_addresses, empty.api_server, empty.declared_ports) == (frozenset(), {}, frozenset())


def test_host_network_pods_own_no_address_but_their_ports_are_declared():
    found = Endpoints(inventory(pod("x", "192.168.0.1", host_network=True, ports=[{"containerPort": 9101}])))
    assert found.tenancy["kind"].tolist() == ["node"]
    assert ("192.168.0.1", "TCP", 9101) in found.declared_ports
    assert list(found.listeners) == [("192.168.0.1", "TCP", 9101)]


def test_b11_the_api_server_is_what_stands_behind_default_kubernetes_and_no_other():
    parts = [
        slices("kubernetes", 6443, [("172.20.0.10", "")], ns="default"),
        slices("kubernetes", 6443, [("172.20.0.99", "")]),
    ]
    assert list(Endpoints(inventory(*parts)).api_server) == ["172.20.0.10"]


def test_b13_a_bridge_is_a_node_address_but_not_one_that_the_node_object_tells():
    found = Endpoints(Inventory(nodes=(Node("n", ("192.168.0.1",), ("10.1.0.0/24",)),)))
    assert found.gateways == {"10.1.0.0", "10.1.0.1"}
    assert found.node_addresses == {"192.168.0.1", "10.1.0.0", "10.1.0.1"}
    assert Endpoints(inventory(node("a", "192.168.0.1"))).gateways == frozenset()


def test_a_range_that_is_none_is_told_in_a_sentence():
    with pytest.raises(UnreadableInput, match="among the Service ranges; give each as address/length"):
        _ = Endpoints(Inventory(service_cidrs=("10.96.0.0/99",))).service_ranges
