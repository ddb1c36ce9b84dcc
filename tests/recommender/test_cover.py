"""Whether one rule lets through all that another does: ports, selectors and blocks."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.inventory import ContainerPort
from recommender.cover import addresses_covered, implied_peer, opening_of, reach_of, reach_within, selector_implies
from recommender.policy import INGRESS, IPBlock, LabelSelector, Peer, Port, Requirement, Rule
from tests.recommender.simulated import policy

_NUMBERED = st.tuples(st.sampled_from(["TCP", "UDP"]), st.integers(1, 5), st.integers(0, 3)).map(
    lambda parts: Port(parts[0], parts[1], parts[1] + parts[2])
)
_PORTS = st.lists(_NUMBERED, max_size=3).map(tuple)


def _opens(ports, protocol, number):
    return not ports or any(p.protocol == protocol and p.port <= number <= p.end_port for p in ports)


@given(_PORTS, st.lists(_PORTS, max_size=3))
def test_ports_are_covered_if_and_only_if_each_single_port_is(needed, given_by):
    covered = reach_within(reach_of(needed, None), [reach_of(ports, None) for ports in given_by])
    assert covered == all(
        any(_opens(ports, protocol, number) for ports in given_by)
        for protocol in ("TCP", "UDP", "SCTP")
        for number in range(1, 10)
        if _opens(needed, protocol, number)
    )


@pytest.mark.parametrize(
    ("given_by", "covered"),
    [
        (Port("TCP", "http"), True),
        (Port("TCP"), True),
        (Port("TCP", 1, 65535), True),
        (Port("TCP", 80), False),
        (Port("TCP", "https"), False),
        (Port("UDP", "http"), False),
    ],
)
def test_a_name_whose_number_is_not_known_needs_that_name_or_every_port(given_by, covered):
    named = (Port("TCP", "http"),)
    assert reach_within(reach_of(named, None), [reach_of((given_by,), None)]) is covered


def test_a_name_is_its_numbers_where_the_container_ports_are_known():
    declared = (ContainerPort(80, "TCP", "http"), ContainerPort(81, "TCP", "http"))
    named = reach_of((Port("TCP", "http"),), declared)
    assert reach_within(named, [reach_of((Port("TCP", 80, 81),), declared)])
    assert not reach_within(named, [reach_of((Port("TCP", 80),), declared)])


_BLOCKS = st.sampled_from([
    IPBlock("192.0.2.0/29"), IPBlock("192.0.2.0/30"), IPBlock("192.0.2.4/30"), IPBlock("192.0.2.4/31"),
    IPBlock("192.0.2.0/29", ("192.0.2.2/31",)), IPBlock("192.0.2.0/29", ("192.0.2.4/30", "192.0.2.6/31")),
])  # fmt: skip
_RULE = st.builds(
    lambda blocks, ports: Rule(tuple(Peer(ip_block=block) for block in blocks), ports),
    st.lists(_BLOCKS, min_size=1, max_size=2), _PORTS,
)  # fmt: skip


def _takes(rule, address):
    return any(
        address in ipaddress.ip_network(p.ip_block.cidr)
        and not any(address in ipaddress.ip_network(part) for part in p.ip_block.excepts)
        for p in rule.peers
    )


@given(_RULE, st.lists(_RULE, max_size=3))
def test_addresses_are_covered_if_and_only_if_each_is_at_each_port(rule, others):
    needed, *given_by = (opening_of(policy(), 0, INGRESS, index, one) for index, one in enumerate([rule, *others]))
    assert addresses_covered(needed, given_by, ()) == all(
        any(_takes(other, address) and _opens(other.ports, protocol, number) for other in others)
        for address in ipaddress.ip_network("192.0.2.0/29")
        if _takes(rule, address)
        for protocol in ("TCP", "UDP", "SCTP")
        for number in range(1, 10)
        if _opens(rule.ports, protocol, number)
    )


def test_a_rule_without_peers_takes_every_address_of_both_families():
    anyone, four, six = (
        opening_of(policy(), 0, INGRESS, 0, rule)
        for rule in (
            Rule(),
            Rule((Peer(ip_block=IPBlock("0.0.0.0/0")),)),
            Rule((Peer(ip_block=IPBlock("::/0")),)),
        )
    )
    assert addresses_covered(anyone, [four, six], ())
    assert not addresses_covered(anyone, [four], ())
    assert addresses_covered(six, [anyone], ())


def test_names_towards_addresses_are_covered_by_the_same_name_at_the_same_addresses():
    def named(cidr, name):
        return opening_of(policy(), 0, INGRESS, 0, Rule((Peer(ip_block=IPBlock(cidr)),), (Port("TCP", name),)))

    assert addresses_covered(named("192.0.2.0/30", "http"), [named("192.0.2.0/29", "http")], None)
    assert not addresses_covered(named("192.0.2.0/30", "http"), [named("192.0.2.0/29", "https")], None)
    assert not addresses_covered(named("192.0.2.0/29", "http"), [named("192.0.2.0/30", "http")], None)


def test_fewer_requirements_take_more():
    narrow = LabelSelector((("a", "1"), ("b", "2")), (Requirement("c", "Exists"),))
    assert selector_implies(narrow, LabelSelector((("a", "1"),)))
    assert selector_implies(narrow, LabelSelector((), (Requirement("c", "Exists"),)))
    assert not selector_implies(LabelSelector((("a", "1"),)), narrow)
    assert not selector_implies(narrow, LabelSelector((("a", "2"),)))


def test_a_block_and_a_selector_never_stand_in_for_each_other():
    pods, everything = Peer(pod_selector=LabelSelector()), Peer(ip_block=IPBlock("0.0.0.0/0"))
    assert not implied_peer(pods, everything, "shop")
    assert not implied_peer(everything, pods, "shop")
    assert implied_peer(Peer(ip_block=IPBlock("10.0.0.0/8", ("10.1.0.0/16",))), everything, "shop")


def test_the_own_namespace_is_not_every_namespace():
    own, every = Peer(pod_selector=LabelSelector()), Peer(namespace_selector=LabelSelector())
    assert implied_peer(own, every, "shop")
    assert not implied_peer(every, own, "shop")
