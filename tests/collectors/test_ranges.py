import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.errors import UnreadableInput
from collectors.histories import Sighting
from collectors.objects import Told, inventory_from
from collectors.ranges import given_ranges
from tests.cluster import inventory, meta, node, owner, pod


def _node(name, *ranges):
    return node(name, "192.168.0.1") | {"spec": {"podCIDR": ranges[0], "podCIDRs": list(ranges)}}


def _static(name, *words, ns="kube-system", **damage):
    item = pod(name, "192.168.0.1", ns=ns, owners=owner("Node", "cp", "n"), host_network=True)
    item["metadata"]["annotations"] = {"kubernetes.io/config.mirror": "x"}
    item["spec"]["containers"] = [{"name": name, "command": list(words)}]
    item["metadata"] |= damage
    return item


def _cidr(*ranges):
    return {"kind": "ServiceCIDR", "metadata": meta("kubernetes"), "spec": {"cidrs": list(ranges)}}


def _with(*items, **given):
    told = Told(**{name: given_ranges(texts, name) for name, texts in given.items()})
    return inventory_from([Sighting(item) for item in items], [], told)


def test_b14_pod_ranges_are_those_of_nodes_flags_and_people_each_once():
    manager = _static("manager", "kube-controller-manager", "--cluster-cidr=10.42.0.0/16,fd00:42::/48")
    found = _with(_node("n", "10.42.1.0/24", "fd00:42:0:1::/64"), manager, pod_cidrs=["10.50.0.0/16"])
    assert found.pod_cidrs == ("10.42.0.0/16", "10.50.0.0/16", "fd00:42::/48")


def test_b14_service_ranges_are_those_of_objects():
    apiserver = _static("apiserver", "kube-apiserver", "--service-cluster-ip-range=10.200.0.0/16")
    assert inventory(_cidr("10.96.0.0/12", "fd00:96::/112"), apiserver).service_cidrs == (
        "10.96.0.0/12",
        "fd00:96::/112",
    )


@pytest.mark.parametrize(
    "words",
    [
        ["kube-apiserver", "--service-cluster-ip-range=10.96.0.0/12"],
        ["kube-apiserver", "--service-cluster-ip-range", "10.96.0.0/12"],
        ["/bin/sh", "-c", "exec kube-apiserver --a=b --service-cluster-ip-range=10.96.0.0/12"],
    ],
)
def test_b14_service_ranges_are_those_of_the_flag_where_there_are_no_objects(words):
    assert inventory(_static("apiserver", *words)).service_cidrs == ("10.96.0.0/12",)


@pytest.mark.parametrize(
    "more", [{"ns": "shop"}, {"annotations": {}}, {"ownerReferences": owner("Node", "n", "n") * 2}]
)
def test_b14_flags_that_anybody_may_write_are_not_believed(more):
    assert inventory(_static("fake", "--service-cluster-ip-range=10.96.0.0/12", **more)).service_cidrs == ()


def test_b14_a_range_is_never_guessed_from_addresses():
    found = inventory(pod("p", "10.42.1.5"), node("n", "192.168.0.1"))
    assert (found.pod_cidrs, found.service_cidrs) == ((), ())


def test_texts_of_a_cluster_that_are_no_ranges_tell_nothing():
    assert inventory(_node("n", "10.42.1.7/24", "rubbish", "0.0.0.0/0", "10.42.0.0/33")).pod_cidrs == ("10.42.1.0/24",)


@pytest.mark.parametrize("text", ["10.42.0.0/33", "10.42.0.1/16", "pods", "", "0.0.0.0/0", "::/0"])
def test_a_given_range_that_is_none_is_refused_in_one_sentence(text):
    with pytest.raises(UnreadableInput, match=r"^pod range: .*; give "):
        given_ranges([text], "pod range")


@given(st.lists(st.tuples(st.integers(0, 255), st.integers(4, 8)), max_size=8))
def test_ranges_hold_exactly_the_addresses_that_were_told(pairs):
    told = [f"10.0.{number >> (8 - length) << (8 - length)}.0/{16 + length}" for number, length in pairs]
    found = [ipaddress.ip_network(text) for text in _with(pod_cidrs=told).pod_cidrs]
    expected = {third for text in told for third in _thirds(ipaddress.ip_network(text))}
    assert {third for network in found for third in _thirds(network)} == expected
    assert found == sorted(found)
    assert sum(network.num_addresses for network in found) == 256 * len(expected)


def _thirds(network):
    return range(network[0].packed[2], network[-1].packed[2] + 1)
