from recommender.endpoints import Backend, Endpoints
from tests.cluster import inventory, node, pod, service, slices


def test_an_empty_inventory_has_empty_tables_with_all_columns():
    empty = Endpoints(inventory())
    assert list(empty.intervals.columns) == ["ip", "start", "end", "pod"]
    assert (empty.services, empty.nodes, empty.api_server, empty.declared_ports) == ({}, {}, frozenset(), frozenset())


def test_host_network_pods_own_no_interval_but_their_ports_are_declared():
    found = Endpoints(inventory(pod("x", "192.168.0.1", host_network=True, ports=[{"containerPort": 9101}])))
    assert found.intervals.empty
    assert ("192.168.0.1", "TCP", 9101) in found.declared_ports


def test_a_dual_stack_service_leads_to_backends_of_the_callers_family():
    both = service("api", "10.96.0.5", 80, clusterIPs=["10.96.0.5", "fd00:96::5"])
    four = slices("api", 3000, [("10.0.0.3", "api-0")])
    six = slices("api", 3000, [("fd00::3", "api-0")])
    six["metadata"]["uid"] = "six"
    found = Endpoints(inventory(both, four, six)).services
    assert found["10.96.0.5", "TCP", 80] == ("shop/api:80", (Backend("10.0.0.3", 3000, "api-0"),))
    assert found["fd00:96::5", "TCP", 80] == ("shop/api:80", (Backend("fd00::3", 3000, "api-0"),))


def test_node_ports_are_there_under_every_node_address():
    parts = [service("web", "10.96.0.5", 80, entry={"nodePort": 30080}), node("a", "192.168.0.1"), node("b", "fd00::1")]
    addresses = {address for address, _, port in Endpoints(inventory(*parts)).services if port == 30080}
    assert addresses == {"192.168.0.1", "fd00::1"}
