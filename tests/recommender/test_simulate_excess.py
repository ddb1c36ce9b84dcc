"""Excess: what the rules let through beyond what was accepted, exactly."""

import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.communications import AddressPeer
from recommender.manifest_read import policy_from_object
from recommender.simulate import excess
from tests.recommender.simulated import T0, app, block, cluster, pod, policy, seen, tcp, template, workload

SHOP = cluster(
    pod("web-0", "10.0.0.1", of="web", app="web", tier="front"),
    pod("web-1", "10.0.0.2", of="web", app="web", tier="front"),
    pod("old", "10.0.0.9", of="web", end=T0, app="web", tier="front"),
    pod("api", "10.0.0.3", app="api", tier="back", ports=[(80, "TCP", "http")]),
    pod("cart", "10.0.0.4", app="cart", tier="back", ports=[(8080, "TCP", "http")]),
    pod("db", "10.0.1.1", namespace="data"),
    pod("agent", "192.168.0.1", namespace="kube-system", host=True),
    data={"team": "storage"},
)


def _rows(policies, accepted, inventory=SHOP):
    return [(e.direction, e.peer, e.ports, e.size) for e in excess(policies, accepted, inventory)]


def _into_api(peers, ports=()):
    return policy(select={"app": "api"}, ingress=[{"from": peers, "ports": list(ports)}])


def test_exact_rules_have_none():
    policies = [
        policy("api", select={"app": "api"}, ingress=[{"from": [app("web")], "ports": tcp(80)}]),
        policy("web", select={"app": "web"}, types=["Egress"], egress=[
            {"to": [app("api")], "ports": tcp(80)}, {"to": [block("203.0.113.7/32"), block("192.168.0.1/32")],
            "ports": tcp(443)},
        ]),
    ]  # fmt: skip
    node = AddressPeer("192.168.0.1", "node", "kube-system/DaemonSet/agent")
    accepted = [seen("web", "api"), seen("web", "203.0.113.7", 443), seen("web", node, 443)]
    assert excess(policies, accepted, SHOP) == ()


def test_a_rule_is_held_against_what_its_own_end_accepted():
    (found,) = excess([_into_api([app("web")], tcp(80))], [seen("web", "cart")], SHOP)
    assert (found.subject, found.rule) == ("shop/Deployment/api", "shop/p ingress[0]")
    assert (found.direction, found.peer, found.ports, found.size) == ("Ingress", "shop/Deployment/web", "TCP/80", 2)


def test_a_direction_that_is_not_isolated_has_none():
    assert _rows([policy(select={"app": "api"}, types=["Egress"], ingress=[{}])], []) == []


@pytest.mark.parametrize(
    ("ports", "left"),
    [
        ([{"port": 80, "endPort": 90}], "TCP/81-90"),
        ([{"port": 70, "endPort": 90}], "TCP/70-79, TCP/81-90"),
        ([{"port": 80}, {"port": 81}, {"port": 80, "protocol": "UDP"}], "TCP/81, UDP/80"),
        ([{"protocol": "UDP"}], "UDP/any"),
        ([{}], "TCP/1-79, TCP/81-65535"),
        ([], "TCP/1-79, TCP/81-65535, UDP/any, SCTP/any"),
        ([{"port": "http"}, {"port": 82}], "TCP/82"),
    ],
)
def test_the_ports_left_over_are_exact(ports, left):
    assert _rows([_into_api([app("web")], ports)], [seen("web", "api", 80)]) == [
        ("Ingress", "shop/Deployment/web", left, 2)
    ]


def test_nothing_accepted_leaves_any_port():
    assert _rows([_into_api([app("web")])], []) == [("Ingress", "shop/Deployment/web", "any", 2)]


def test_a_wide_label_takes_workloads_that_were_not_peers():
    wide = {"podSelector": {"matchLabels": {"tier": "back"}}}
    assert _rows([_into_api([wide], tcp(80))], [seen("api", "api")]) == [
        ("Ingress", "shop/Deployment/cart", "TCP/80", 1)
    ]


def test_a_port_name_opens_another_number_at_each_destination():
    wide = {"podSelector": {"matchLabels": {"tier": "back"}}}
    rules = policy(select={"app": "web"}, types=["Egress"], egress=[{"to": [wide], "ports": tcp("http")}])
    assert _rows([rules], [seen("web", "api", 80)]) == [("Egress", "shop/Deployment/cart", "TCP/8080", 1)]


def test_a_port_name_at_pods_that_are_not_born_stays_a_name():
    unborn = cluster(pod("web", "10.0.0.1"), workloads=[template("api", app="api")])
    found = _rows([_into_api([app("web")], tcp("http"))], [], unborn)
    assert found == [("Ingress", "shop/Deployment/web", "TCP/http", 1)]


def test_a_whole_namespace_is_one_entry_for_those_not_accepted_and_those_to_come():
    own = _into_api([{"podSelector": {}}], tcp(80))
    accepted = [seen("web", "api"), seen("api", "api"), seen("cart", "api")]
    assert _rows([own], accepted[:1]) == [("Ingress", "any pod of namespace shop", "TCP/80", 2)]
    assert _rows([own], accepted) == [("Ingress", "any pod of namespace shop", "TCP/80", 0)]
    storage = _into_api([{"namespaceSelector": {"matchLabels": {"team": "storage"}}}])
    assert _rows([storage], []) == [("Ingress", "any pod of namespace data", "any", 1)]
    every = _into_api([{"namespaceSelector": {}}, {"podSelector": {}}], tcp(80, 81))
    assert _rows([every], [seen("web", "api")]) == [
        ("Ingress", "any pod of any namespace", "TCP/80-81", 3),
        ("Ingress", "shop/Deployment/web", "TCP/81", 2),
    ]


def test_a_rule_without_peers_is_open_to_all_pods_and_all_addresses():
    accepted = [seen("web", "api"), seen("8.8.8.8", "api")]
    assert _rows([_into_api([], tcp(80))], accepted) == [
        ("Ingress", "0.0.0.0/0", "TCP/80", 2**32 - 1 - 3),
        ("Ingress", "::/0", "TCP/80", 2**128),
        ("Ingress", "any pod of any namespace", "TCP/80", 3),
    ]


def test_addresses_of_a_block_are_counted_less_excepts_and_accepted_ones():
    rule = policy(select={"app": "web"}, types=["Egress"], egress=[
        {"to": [block("203.0.113.0/24", "203.0.113.0/28", "203.0.113.0/30", "203.0.113.128/25")],
         "ports": tcp(443, 444)},
    ])  # fmt: skip
    accepted = [seen("web", "203.0.113.20", 443), seen("web", "203.0.113.20", 444), seen("web", "203.0.113.21", 443)]
    accepted += [seen("web", "203.0.113.1", 443), seen("web", "203.0.113.22", 80), seen("api", "203.0.113.30", 443)]
    assert _rows([rule], accepted) == [
        # of the cidr's lower half, less 16 left out and two used
        ("Egress", "203.0.113.0/24 except 203.0.113.0/28, 203.0.113.0/30, 203.0.113.128/25", "TCP/443-444", 110),
        ("Egress", "203.0.113.21", "TCP/444", 1),
    ]  # fmt: skip


def test_a_block_that_holds_accepted_pods_is_used_by_their_addresses():
    rule = policy(select={"app": "web"}, types=["Egress"], egress=[{"to": [block("10.0.0.3/32")], "ports": tcp(80)}])
    assert _rows([rule], [seen("web", "api", 80)]) == []


def test_every_workload_that_a_policy_selects_must_have_its_own_reason():
    both = policy(select={"tier": "back"}, ingress=[{"from": [app("web")], "ports": tcp(80)}])
    assert [e.subject for e in excess([both], [seen("web", "api")], SHOP)] == ["shop/Deployment/cart"]


def test_excess_is_sorted_and_the_same_whatever_the_order_of_policies():
    policies = [policy("b", select={"app": "api"}, ingress=[{}]), policy("a", types=["Egress"], egress=[{}])]
    found = excess(policies, [], SHOP)
    assert found == excess(policies[::-1], [], SHOP)
    assert list(found) == sorted(found, key=lambda e: (e.subject, e.direction, e.rule, e.peer, e.ports))


# brute force: three workloads, ports 1 to 6 of TCP and UDP, a network of eight addresses
NAMES = ["a", "b", "c"]
SMALL = cluster(
    *(pod(name, f"10.0.0.{i}", app=name, **({"x": "1"} if name != "c" else {})) for i, name in enumerate(NAMES))
)
POINTS = [(protocol, number) for protocol in ("TCP", "UDP") for number in range(1, 7)]
NETWORK = [str(ip) for ip in ipaddress.ip_network("198.51.100.0/29")]
_PORT = st.one_of(
    st.fixed_dictionaries({"protocol": st.sampled_from(["TCP", "UDP"])}, optional={"port": st.integers(1, 6)}),
    st.tuples(st.integers(1, 6), st.integers(1, 6)).map(lambda ends: {"port": min(ends), "endPort": max(ends)}),
)
_SELECTED = {"a": {"app": "a"}, "b": {"app": "b"}, "ab": {"x": "1"}}
_PEER = st.sampled_from(
    [{"podSelector": {"matchLabels": labels}} for labels in _SELECTED.values()]
    + [block("198.51.100.0/29"), block("198.51.100.0/30", "198.51.100.1/32")]
)
_RULE = st.fixed_dictionaries({"peers": st.lists(_PEER, min_size=1, max_size=1), "ports": st.lists(_PORT, max_size=2)})
_ACCEPTED = st.lists(st.tuples(st.sampled_from([*NAMES, *NETWORK]), st.sampled_from(POINTS)), max_size=8)


def _let(ports, point):
    protocol, number = point
    return not ports or any(
        p.get("protocol", "TCP") == protocol and ("port" not in p or p["port"] <= number <= p.get("endPort", p["port"]))
        for p in ports
    )


def _points(text):
    """Expand an entry's ports to those of POINTS."""
    if text == "any":
        return set(POINTS)
    found = set()
    for part in text.split(", "):
        protocol, _, span = part.partition("/")
        low, _, high = ("1-65535" if span == "any" else span).partition("-")
        found |= {p for p in POINTS if p[0] == protocol and int(low) <= p[1] <= int(high or low)}
    return found


@settings(max_examples=150)
@given(_RULE, _ACCEPTED, st.booleans())
def test_excess_is_what_brute_force_finds(rule, accepted, into):
    side, section = ("from", "ingress") if into else ("to", "egress")
    spec = {
        "podSelector": {"matchLabels": {"app": "c"}},
        "policyTypes": ["Ingress" if into else "Egress"],
        section: [{side: rule["peers"], "ports": rule["ports"]}],
    }
    subject = workload("c")
    given_ = [
        seen(*((peer, subject) if into else (subject, peer)), port=number, protocol=protocol)
        for peer, (protocol, number) in accepted
    ]
    found = excess(
        [policy_from_object({"metadata": {"name": "p", "namespace": "shop"}, "spec": spec}, "p")], given_, SMALL
    )

    (peer,) = rule["peers"]
    let = {point for point in POINTS if _let(rule["ports"], point)}
    left = {end: let - {point for other, point in accepted if other == end} for end in [*NAMES, *NETWORK]}
    if "ipBlock" in peer:
        inside = NETWORK if not peer["ipBlock"].get("except") else [NETWORK[0], *NETWORK[2:4]]
        named = {e.peer: _points(e.ports) & let for e in found if e.peer in NETWORK}
        assert all(left[address] == ports for address, ports in named.items())
        whole = [address for address in inside if left[address] == let]
        counted = [e for e in found if e.peer not in NETWORK]
        assert sum(e.size for e in counted) == len(whole)
        assert all(_points(e.ports) == let for e in counted)
        # ports beyond the small universe stay open too, so an address may be left with those only
        assert {a for a in inside if left[a]} <= {*whole, *named}
    else:
        labels = peer["podSelector"]["matchLabels"]
        taken = next(names for names, selected in _SELECTED.items() if selected == labels)
        by_peer = {e.peer: _points(e.ports) for e in found}
        expected = {f"shop/Deployment/{name}": left[name] for name in taken}
        assert {peer: points for peer, points in by_peer.items() if points} == {p: s for p, s in expected.items() if s}
