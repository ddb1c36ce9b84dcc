"""B7: which address was a pod's own when, told by all its versions."""

import copy

import pandas as pd
import pytest

from collectors.histories import Listing, Sighting
from collectors.inventory import Pod, Tenure, WorkloadRef
from collectors.objects import inventory_from
from tests.cluster import inventory, pod

CREATED = "2026-11-01T09:59:58Z"


def at(text):
    return pd.Timestamp(f"2026-11-01T{text}Z")


def seen(version, time="", ip="10.0.0.1", what="MODIFIED", since="", **more):
    """A sighting of one pod in some version."""
    item = pod("p", ip, **more)
    item["metadata"] |= {"resourceVersion": str(version), "creationTimestamp": CREATED}
    if not ip:
        item["status"] = {"phase": more.get("phase", "Pending")}
    return Sighting(item, at(time) if time else None, what if time else "listed", at(since) if since else None)


def tenures(*sightings, listings=()):
    (found,) = inventory_from(sightings, listings).pods
    return [(tenure.ip, tenure.start, tenure.end) for tenure in found.held]


def test_b7_the_first_addresses_are_owned_from_the_start_of_the_pod_on():
    found = tenures(seen(1, "09:59:59", ip="", what="ADDED"), seen(2, "10:00:04", start="2026-11-01T10:00:01Z"))
    assert found == [("10.0.0.1", at("10:00:01"), None)]


def test_b7_a_pod_that_no_kubelet_took_yet_counts_from_its_creation():
    item = seen(1)
    del item.item["status"]["startTime"]
    assert tenures(item) == [("10.0.0.1", pd.Timestamp(CREATED), None)]


def test_b7_a_start_that_is_told_later_takes_no_time_away():
    first = seen(1, "10:00:04", start="2026-11-01T10:00:01Z", what="ADDED")
    assert tenures(first, seen(2, "10:05:00", start="2026-11-01T10:04:00Z")) == [("10.0.0.1", at("10:00:01"), None)]


def test_b7_an_address_that_came_later_is_owned_from_the_event_that_showed_it():
    found = tenures(seen(1, "10:00:01", what="ADDED"), seen(2, "10:30:00", ip="10.0.0.2"))
    assert found == [("10.0.0.1", at("10:00:00"), at("10:30:00")), ("10.0.0.2", at("10:30:00"), None)]


def test_b7_an_address_that_comes_back_is_owned_twice():
    found = tenures(seen(1, "10:00:01", what="ADDED"), seen(2, "10:10:00", ip="10.0.0.2"), seen(3, "10:20:00"))
    assert [tenure for tenure in found if tenure[0] == "10.0.0.1"] == [
        ("10.0.0.1", at("10:00:00"), at("10:10:00")),
        ("10.0.0.1", at("10:20:00"), None),
    ]


def test_b7_a_change_found_later_may_have_come_at_once_or_at_last():
    found = tenures(seen(1, "10:00:01", what="ADDED"), seen(2, "10:30:00", ip="10.0.0.2", since="10:05:00"))
    assert found == [("10.0.0.1", at("10:00:00"), at("10:30:00")), ("10.0.0.2", at("10:05:00"), None)]


def test_b7_a_change_between_two_snapshots_may_have_come_at_any_time_between():
    first, second = seen(1, "10:00:00", what="listed"), seen(2, "11:00:00", ip="10.0.0.2", what="listed")
    assert tenures(first, second) == [
        ("10.0.0.1", at("10:00:00"), at("11:00:00")),
        ("10.0.0.2", at("10:00:00"), None),
    ]


def test_b7_lists_without_a_time_are_ordered_by_their_version_and_both_addresses_stay_possible():
    assert tenures(seen(10, ip="10.0.0.2"), seen(9)) == [
        ("10.0.0.1", at("10:00:00"), None),
        ("10.0.0.2", at("10:00:00"), None),
    ]


def test_b7_a_status_without_an_address_takes_none_away():
    found = tenures(seen(1, "10:00:01", what="ADDED"), seen(2, "10:10:00", ip=""), seen(3, "10:20:00"))
    assert found == [("10.0.0.1", at("10:00:00"), None)]


def test_b7_both_addresses_of_a_dual_stack_pod_are_its_own():
    item = seen(1)
    item.item["status"]["podIPs"] = [{"ip": "10.0.0.1"}, {"ip": "FD00:0::0001"}]
    assert tenures(item) == [("10.0.0.1", at("10:00:00"), None), ("fd00::1", at("10:00:00"), None)]


def test_b7_an_initializing_pod_owns_its_address():
    assert tenures(seen(1, phase="Pending")) == [("10.0.0.1", at("10:00:00"), None)]


def test_b7_a_pod_that_failed_before_it_ran_owns_nothing_though_it_shows_an_address():
    (found,) = inventory(pod("evicted", "10.0.0.1", phase="Failed")).pods
    assert (found.held, found.ips) == ((), ("10.0.0.1",))


def test_b7_a_pod_that_was_evicted_while_it_ran_owned_its_address_until_then():
    gone = seen(2, "10:20:00", phase="Failed")
    assert tenures(seen(1, "10:00:01", what="ADDED"), gone) == [("10.0.0.1", at("10:00:00"), at("10:20:01"))]


def test_b7_a_sidecar_that_outlives_the_main_container_holds_the_address():
    item = pod("p", "10.0.0.1", phase="Succeeded", finished="2026-11-01T10:00:20Z")
    ended = {"name": "proxy", "state": {"terminated": {"finishedAt": "2026-11-01T10:00:25Z"}}}
    item["status"]["initContainerStatuses"] = [ended]
    assert inventory(item).pods[0].held == (Tenure("10.0.0.1", at("10:00:00"), at("10:00:26")),)


def test_b7_a_container_whose_end_nobody_knows_is_bounded_by_the_conditions():
    item = pod("p", "10.0.0.1", phase="Failed", finished="2026-11-01T10:00:20Z")
    item["status"]["containerStatuses"].append({"name": "lost", "state": {"terminated": {"finishedAt": None}}})
    item["status"]["conditions"] = [{"type": "Ready", "lastTransitionTime": "2026-11-01T10:07:00Z"}]
    assert inventory(item).pods[0].end == at("10:07:01")


def test_b7_a_deletion_ends_every_address():
    found = tenures(seen(1, "10:00:01", what="ADDED"), seen(2, "10:30:00", what="DELETED"))
    assert found == [("10.0.0.1", at("10:00:00"), at("10:30:01"))]


def test_b7_a_later_list_without_the_pod_ends_it_at_the_time_of_the_list():
    missed = Listing("Pod", at("11:00:00"), frozenset({"another"}), 5)
    assert tenures(seen(1, "10:00:01", what="ADDED"), listings=[missed]) == [
        ("10.0.0.1", at("10:00:00"), at("11:00:01"))
    ]


def test_a_pod_in_the_newest_of_its_versions_keeps_labels_phase_and_last_addresses():
    newer = seen(2, "10:30:00", ip="", labels={"app": "new"})
    (found,) = inventory_from([newer, seen(1, "10:00:01", labels={"app": "old"})], []).pods
    assert (found.labels, found.phase, found.ips) == ({"app": "new"}, "Pending", ("10.0.0.1",))


def test_a_pod_made_without_tenures_holds_its_addresses_from_start_to_end():
    made = Pod("u", "shop", "p", WorkloadRef("shop", "Pod", "p"), ips=("10.0.0.1",), start=at("10:00:00"))
    assert made.held == (Tenure("10.0.0.1", at("10:00:00")),)


@pytest.mark.parametrize("text", ["now", "2026-11-01", "2026-11-01T10:00:00"])
def test_words_and_times_without_a_zone_are_no_times(text):
    from collectors.errors import UnreadableInput

    item = copy.deepcopy(pod("p", "10.0.0.1", start=text))
    with pytest.raises(UnreadableInput, match="take the inventory again"):
        inventory(item)
