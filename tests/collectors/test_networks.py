"""B10: a Service and its slices lead to what was behind them at the time; each version has its own."""

import pandas as pd

from collectors.histories import Sighting
from collectors.objects import inventory_from
from tests.cluster import inventory, node, service, slices

CREATED = "2026-11-01T09:00:00Z"


def at(text):
    return pd.Timestamp(f"2026-11-01T{text}Z")


def seen(item, version, time="", what="MODIFIED"):
    item["metadata"] |= {"resourceVersion": str(version), "creationTimestamp": CREATED}
    return Sighting(item, at(time) if time else None, what if time else "listed")


def spans(versions):
    return [(version.start, version.end) for version in versions]


def test_b10_a_service_that_changes_has_a_version_before_and_one_after():
    first = seen(service("api", "10.96.0.1", 80), 1, "10:00:00", "ADDED")
    second = seen(service("api", "10.96.0.1", 81), 2, "10:30:00")
    found = inventory_from([second, first], []).services
    assert [[port.port for port in version.ports] for version in found] == [[80], [81]]
    assert spans(found) == [(pd.Timestamp(CREATED), at("10:30:00")), (at("10:30:00"), None)]


def test_b10_a_change_of_what_nobody_keeps_makes_no_version():
    first, second = slices("api", 80, [("10.0.0.1", "a")]), slices("api", 80, [("10.0.0.1", "a")])
    second["endpoints"][0]["conditions"] = {"ready": False, "serving": True, "terminating": True}
    found = inventory_from([seen(first, 1, "10:00:00", "ADDED"), seen(second, 2, "10:30:00")], []).slices
    assert spans(found) == [(pd.Timestamp(CREATED), None)]
    assert found[0].endpoints == (("10.0.0.1", "a"),)


def test_b10_deletion_ends_the_last_version_and_present_ones_are_those_without_an_end():
    first, piece = service("api", "10.96.0.1", 80), slices("api", 80, [("10.0.0.1", "a")])
    found = inventory_from(
        [
            seen(first, 1, "10:00:00", "ADDED"),
            seen(service("api", "10.96.0.1", 80), 2, "10:20:00", "DELETED"),
            seen(service("web", "10.96.0.2", 80), 3, "10:20:00", "ADDED"),
            seen(piece, 4, "10:00:00", "ADDED"),
            seen(slices("api", 81, [("10.0.0.1", "a")]), 5, "10:10:00"),
        ],
        [],
    )
    assert spans(found.services) == [(pd.Timestamp(CREATED), at("10:20:00")), (pd.Timestamp(CREATED), None)]
    assert [version.name for version in found.current_services] == ["web"]
    assert found.current_slices == found.slices[1:]


def test_b10_of_lists_without_a_time_the_newest_version_counts():
    found = inventory_from([seen(service("api", "10.96.0.1", 81), 2), seen(service("api", "10.96.0.1", 80), 1)], [])
    assert [version.ports[0].port for version in found.services] == [81]
    assert spans(found.services) == [(pd.Timestamp(CREATED), None)]


def test_b10_an_undated_list_before_the_first_event_tells_what_was_until_then():
    first, second = seen(service("api", "10.96.0.1", 80), 1), seen(service("api", "10.96.0.1", 81), 2, "10:30:00")
    found = inventory_from([first, second], []).services
    assert [version.ports[0].port for version in found] == [80, 81]
    assert spans(found) == [(pd.Timestamp(CREATED), at("10:30:00")), (at("10:30:00"), None)]


def test_b10_an_undated_change_counts_from_when_the_former_version_was_last_seen():
    found = inventory_from(
        [seen(service("api", "10.96.0.1", 80), 1, "10:00:00", "ADDED"), seen(service("api", "10.96.0.1", 81), 2)], []
    )
    assert spans(found.services) == [(pd.Timestamp(CREATED), at("10:00:00")), (at("10:00:00"), None)]


def test_b10_a_service_made_again_under_its_name_ends_the_former_one():
    former, later = service("api", "10.96.0.1", 80), service("api", "10.96.0.9", 80)
    later["metadata"] |= {"uid": "later", "creationTimestamp": "2026-11-01T10:30:00Z"}
    former["metadata"]["creationTimestamp"] = CREATED
    found = inventory(later, former)
    assert spans(found.services) == [(pd.Timestamp(CREATED), at("10:30:00")), (at("10:30:00"), None)]
    assert [version.cluster_ips for version in found.current_services] == [("10.96.0.9",)]


def test_b10_an_external_name_has_no_address_whatever_its_fields_say():
    item = service("out", "10.96.0.1", 80, type="ExternalName", externalName="a.example", externalIPs=["203.0.113.1"])
    (found,) = inventory(item).services
    assert (found.cluster_ips, found.external_ips, found.load_balancer_ips) == ((), (), ())


def test_b12_a_node_has_every_address_that_is_one_and_the_time_of_its_life():
    item = node("n", "192.168.0.1")
    item["status"]["addresses"] += [
        {"type": "ExternalIP", "address": "203.0.113.1"},
        {"type": "InternalDNS", "address": "n.example"},
    ]
    item["spec"] = {"podCIDR": "10.42.1.0/24", "podCIDRs": ["10.42.1.0/24", "fd00::/64"]}
    (found,) = inventory_from([seen(item, 1, "10:00:00", "ADDED"), seen(item, 2, "11:00:00", "DELETED")], []).nodes
    assert found.addresses == ("192.168.0.1", "203.0.113.1")
    assert found.pod_cidrs == ("10.42.1.0/24", "fd00::/64")
    assert (found.start, found.end) == (pd.Timestamp(CREATED), at("11:00:00"))
