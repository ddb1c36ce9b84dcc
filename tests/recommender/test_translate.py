"""B10: what stood behind an address and port of a Service, at a time."""

import pandas as pd

from collectors.inventory import EndpointSlice, Inventory, Node, Pod, Service, ServicePort, SlicePort, WorkloadRef
from recommender.endpoints import Endpoints
from recommender.translate import ANY_PORT, Entry, Frontends, Option
from tests.cluster import inventory, node, service, slices

NOON = pd.Timestamp("2026-11-01T12:00:00Z")
API = Pod("u", "shop", "api-0", WorkloadRef("shop", "Deployment", "api"), ips=("10.0.0.3", "fd00::3"))


def _entry(found, address, port, protocol="TCP", at=NOON):
    return Frontends(Endpoints(found)).entry(address, protocol, port, [at.value])


def test_a_dual_stack_service_leads_to_backends_of_the_callers_family():
    both = Service("shop", "api", cluster_ips=("10.96.0.5", "fd00:96::5"), ports=(ServicePort(80),))
    ends = (("10.0.0.3", "api-0"), ("fd00::3", "api-0"))
    found = Inventory((API,), services=(both,), slices=(EndpointSlice("shop", "x", "api", (SlicePort(3000),), ends),))
    assert _entry(found, "10.96.0.5", 80) == Entry("shop/api:80", "", (Option(3000, (0,), ("10.0.0.3",)),))
    assert _entry(found, "fd00:96::5", 80) == Entry("shop/api:80", "", (Option(3000, (0,), ("fd00::3",)),))


def test_node_ports_are_there_under_every_node_address():
    ends = slices("web", 8080, [("10.0.0.9", ""), ("fd00::9", "")])
    parts = [service("web", "10.96.0.5", 80, entry={"nodePort": 30080}), ends]
    found = inventory(*parts, node("a", "192.168.0.1"), node("b", "fd00::1"))
    assert _entry(found, "192.168.0.1", 30080).options == (Option(8080, (), ("10.0.0.9",)),)
    assert _entry(found, "fd00::1", 30080).options == (Option(8080, (), ("fd00::9",)),)
    assert _entry(found, "192.168.0.1", 80) is None


def test_external_and_load_balancer_addresses_lead_to_the_service_too():
    front = Service("shop", "web", "LoadBalancer", external_ips=("198.51.100.1",), load_balancer_ips=("198.51.100.2",),
                    ports=(ServicePort(80),))  # fmt: skip
    found = Inventory(services=(front,))
    assert _entry(found, "198.51.100.1", 80) == _entry(found, "198.51.100.2", 80) == Entry("shop/web:80", "no_backend")


def test_the_protocol_must_be_the_services():
    found = Inventory(services=(Service("shop", "dns", cluster_ips=("10.96.0.9",), ports=(ServicePort(53, "UDP"),)),))
    assert _entry(found, "10.96.0.9", 53, "UDP").label == "shop/dns:53"
    assert _entry(found, "10.96.0.9", 53, "TCP") == Entry("shop/dns", "no_service_port")


def test_a_headless_service_has_no_address():
    assert not Endpoints(inventory(service("db", "None", 5432))).service_addresses


def test_a_service_is_there_in_its_own_time_only_and_each_version_with_its_own_backends():
    ports = (ServicePort(80),)
    versions = (
        Service("shop", "api", cluster_ips=("10.96.0.5",), ports=ports, end=NOON),
        Service("shop", "new", cluster_ips=("10.96.0.5",), ports=ports, start=NOON, end=NOON + pd.Timedelta("1h")),
    )
    found = Inventory(services=versions)
    labels = [_entry(found, "10.96.0.5", 80, at=NOON + pd.Timedelta(minutes=m)) for m in (-1, 0, 61)]
    assert labels == [Entry("shop/api:80", "no_backend"), Entry("shop/new:80", "no_backend"), None]


def test_what_is_behind_changes_with_the_versions_of_its_slices():
    front = Service("shop", "db", cluster_ips=("10.96.0.5",), ports=(ServicePort(80, name="sql"),))
    pieces = (
        EndpointSlice("shop", "db-x", "db", (SlicePort(5432, name="sql"),), (("192.0.2.1", ""),), end=NOON),
        EndpointSlice("shop", "db-x", "db", (SlicePort(5433, name="sql"),), (("192.0.2.2", ""),), start=NOON),
    )
    found = Frontends(Endpoints(Inventory(services=(front,), slices=pieces)))
    before, after = (found.entry("10.96.0.5", "TCP", 80, [NOON.value - 1 + late]).options for late in (0, 1))
    assert (before, after) == ((Option(5432, (), ("192.0.2.1",)),), (Option(5433, (), ("192.0.2.2",)),))
    assert NOON.value in found.slots("10.96.0.5", "TCP", 80)


def test_a_slice_port_without_a_number_is_the_services_own_target():
    front = Service("shop", "db", cluster_ips=("10.96.0.5",), ports=(ServicePort(80, target_port=8080),))
    piece = EndpointSlice("shop", "x", "db", (SlicePort(None),), (("192.0.2.1", ""),))
    assert _entry(Inventory(services=(front,), slices=(piece,)), "10.96.0.5", 80).options[0].port == 8080


def test_an_endpoint_that_names_a_pod_without_that_address_is_only_an_address():
    front = Service("shop", "api", cluster_ips=("10.96.0.5",), ports=(ServicePort(80),))
    piece = EndpointSlice("shop", "x", "api", (SlicePort(80),), (("10.0.0.66", "api-0"),))
    found = _entry(Inventory((API,), services=(front,), slices=(piece,)), "10.96.0.5", 80)
    assert found.options == (Option(80, (), ("10.0.0.66",)),)


def test_two_services_that_claim_one_address_and_port_are_two_claimants():
    twins = tuple(
        Service("shop", name, external_ips=("198.51.100.1",), ports=(ServicePort(80),)) for name in ("a", "b")
    )
    assert _entry(Inventory(services=twins), "198.51.100.1", 80).reason == "two_claimants"


def test_with_any_port_all_ports_of_the_services_count():
    front = Service("shop", "db", cluster_ips=("10.96.0.5",), ports=(ServicePort(80), ServicePort(81, name="b")))
    pieces = [
        EndpointSlice("shop", n, "db", (SlicePort(port, name=n),), (("192.0.2.1", ""),))
        for n, port in (("", 1), ("b", 2))
    ]
    found = _entry(Inventory(services=(front,), slices=tuple(pieces)), "10.96.0.5", ANY_PORT)
    assert [option.port for option in found.options] == [1, 2]


def test_what_stands_behind_a_node_port_is_exposed_and_what_stands_behind_a_cluster_ip_is_not():
    open_one = Service("shop", "web", "NodePort", ports=(ServicePort(80, node_port=30080),))
    closed = Service("shop", "db", cluster_ips=("10.96.0.5",), ports=(ServicePort(80),))
    pieces = tuple(
        EndpointSlice("shop", name, name, (SlicePort(8080),), ((ip, ""),))
        for name, ip in (("web", "10.0.0.1"), ("db", "10.0.0.2"))
    )
    found = Frontends(
        Endpoints(Inventory(services=(open_one, closed), slices=pieces, nodes=(Node("n", ("192.168.0.1",)),)))
    )
    assert found.exposed("10.0.0.1", "TCP", 8080)
    assert not found.exposed("10.0.0.2", "TCP", 8080)
