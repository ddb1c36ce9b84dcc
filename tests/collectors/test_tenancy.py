"""B7, B12: who owned which address when, settled between rival claims."""

import pandas as pd
import pytest

from collectors.errors import UnreadableInput
from collectors.inventory import Inventory, Node, Pod, Tenure, WorkloadRef
from collectors.tenancy import EARLIEST, LATEST, TENANCY, gateways, tenancy

IP = "10.0.0.7"


def at(minute):
    return None if minute is None else pd.Timestamp("2026-11-01T10:00:00Z") + pd.Timedelta(minutes=minute)


def pod(name, start=0, end=None, *, ip=IP, workload="", host=False, node="n1"):
    ref = WorkloadRef("shop", "Deployment", workload or name)
    return Pod(name, "shop", name, ref, node=node, host_network=host, ips=(ip,), start=at(start), end=at(end))


def segments(*pods, nodes=()):
    found = tenancy(Inventory(pods=pods, nodes=nodes))
    TENANCY.check(found)
    rows = found[["start", "end", "kind", "pod_name", "node"]].astype(object).itertuples(index=False, name=None)
    return [(_minute(start), _minute(end), kind, name or node) for start, end, kind, name, node in rows]


def _minute(time):
    return None if time in {EARLIEST, LATEST} else int((time - at(0)) / pd.Timedelta(minutes=1))


def test_an_empty_inventory_has_no_tenancy_but_all_columns():
    TENANCY.check(tenancy(Inventory()))


def test_b7_a_pod_owns_its_address_from_start_to_end():
    assert segments(pod("a", 1, 5)) == [(1, 5, "pod", "a")]
    assert segments(pod("a", None, None)) == [(None, None, "pod", "a")]


def test_b7_a_jobs_stale_address_never_claims_a_living_pods_time():
    assert segments(pod("job", 0, 5), pod("web", 9)) == [(0, 5, "pod", "job"), (9, None, "pod", "web")]
    assert segments(pod("job", 0, 5), pod("web", 5)) == [(0, 5, "pod", "job"), (5, None, "pod", "web")]


def test_b7_while_an_ended_and_a_later_claim_overlap_nobody_is_believed():
    """A pod's start comes before its address: the last seconds of the former may not become the newcomer's."""
    found = segments(pod("job", 0, 9), pod("web", 5))
    assert found == [(0, 5, "pod", "job"), (5, 9, "ambiguous", ""), (9, None, "pod", "web")]


def test_b7_two_living_claimants_are_ambiguous_while_both_claim():
    assert segments(pod("a", 0), pod("b", 5)) == [(0, 5, "pod", "a"), (5, None, "ambiguous", "")]


def test_b7_claims_that_ended_and_began_together_cannot_be_ordered():
    assert segments(pod("a", 0, 5), pod("b", 0, 9)) == [(0, 5, "ambiguous", ""), (5, 9, "pod", "b")]


def test_b7_a_living_pod_and_a_later_one_that_ended_are_ambiguous_while_both_claim():
    found = segments(pod("a", 0), pod("b", 5, 7))
    assert found == [(0, 5, "pod", "a"), (5, 7, "ambiguous", ""), (7, None, "pod", "a")]


def test_b7_claimants_of_one_workload_are_the_first_of_them():
    assert segments(pod("a", 0, workload="web"), pod("b", 0, workload="web")) == [(0, None, "pod", "a")]


def test_b7_a_pod_that_had_two_addresses_has_each_in_its_own_time():
    moved = Pod(
        "u", "shop", "a", WorkloadRef("shop", "Pod", "a"), ips=("10.0.0.8",), start=at(0),
        tenures=(Tenure(IP, at(0), at(4)), Tenure("10.0.0.8", at(4))),
    )  # fmt: skip
    found = tenancy(Inventory(pods=(moved,)))
    assert list(found["ip"]) == [IP, "10.0.0.8"]
    assert found["end"].tolist() == [at(4), LATEST]


def test_b7_an_address_mapped_into_ipv6_is_the_ipv4_address():
    assert segments(pod("a", 0, 5, ip="::FFFF:10.0.0.7"), pod("b", 5)) == [(0, 5, "pod", "a"), (5, None, "pod", "b")]


def test_b12_a_node_address_is_the_nodes_even_where_a_pod_claims_it():
    found = segments(pod("liar", 0), nodes=(Node("n1", (IP,), start=at(3), end=at(6)),))
    assert found == [(0, 3, "pod", "liar"), (3, 6, "node", "n1"), (6, None, "pod", "liar")]


def test_b12_a_host_network_pod_tells_its_nodes_address_only_where_no_node_object_does():
    assert segments(pod("exporter", 2, 8, host=True)) == [(2, 8, "node", "n1")]
    assert segments(pod("exporter", 2, 8, host=True, node="n2"), nodes=(Node("n1", (IP,)),)) == [
        (None, None, "node", "n1")
    ]


def test_b12_a_node_that_took_over_a_deleted_nodes_address_owns_it_from_then():
    nodes = (Node("n1", (IP,), start=at(0), end=at(6)), Node("n2", (IP,), start=at(5)))
    assert segments(nodes=nodes) == [(0, 5, "node", "n1"), (5, 6, "ambiguous", ""), (6, None, "node", "n2")]


def test_b12_two_living_nodes_of_one_address_are_ambiguous():
    assert segments(nodes=(Node("n1", (IP,)), Node("n2", (IP,)))) == [(None, None, "ambiguous", "")]


def test_b13_the_first_addresses_of_a_pod_range_are_the_nodes_unless_a_pod_has_them():
    node = Node("n1", pod_cidrs=("10.0.0.0/24",))
    assert gateways(node) == ("10.0.0.0", "10.0.0.1")
    found = tenancy(Inventory(pods=(pod("a", 3, ip="10.0.0.1"),), nodes=(node,)))
    assert found[["ip", "kind"]].astype(str).to_numpy().tolist() == [["10.0.0.0", "node"], ["10.0.0.1", "pod"]]


def test_a_pod_range_that_is_none_is_told_in_a_sentence():
    with pytest.raises(UnreadableInput, match=r"node 'n1' has the pod CIDR 'x', which is no range.*take the inventory"):
        tenancy(Inventory(nodes=(Node("n1", pod_cidrs=("x",)),)))


@pytest.mark.parametrize("ip", ["127.0.0.1", "169.254.20.10", "fe80::1", "224.0.0.1", "255.255.255.255", "0.0.0.0"])
def test_b14_addresses_that_mean_nobody_in_particular_have_no_owner(ip):
    assert segments(pod("a", ip=ip)) == []


def test_a_time_beyond_what_nanoseconds_can_tell_is_open():
    far = Pod("u", "shop", "a", WorkloadRef("shop", "Pod", "a"), ips=(IP,), start=pd.Timestamp("0001-01-01T00:00:00Z"),
              end=pd.Timestamp("9999-01-01T00:00:00Z"))  # fmt: skip
    assert segments(far) == [(None, None, "pod", "a")]


def test_an_address_that_more_than_one_pod_claimed_says_so():
    reused = tenancy(Inventory(pods=(pod("a", 0, 5), pod("b", 6), pod("c", ip="10.0.0.8"))))
    assert reused["ip_reused"].tolist() == [True, True, False]


def test_the_columns_tell_the_pod_its_workload_and_its_node():
    row = tenancy(Inventory(pods=(pod("a", workload="web"),))).iloc[0]
    assert (row["pod"], row["namespace"], row["workload_kind"], row["workload_name"], row["node"]) == (
        0, "shop", "Deployment", "web", "n1",
    )  # fmt: skip
