"""What two sets of policies decide differently: against `judge`, which shares nothing with it but the values."""

from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from recommender.manifest_read import policy_from_object
from recommender.simulate import SimulationOptions, judge
from recommender.simulate.blocks import parse_address
from recommender.simulate.difference import Change, difference, is_within
from tests.recommender.simulated import T0, app, block, cluster, pod, policy, tcp, template

NODES = {"n1": "192.168.0.1", "n2": "192.168.0.2 fd01::2"}


def inventory(*more):
    """Make pods with one family and two, of one workload that differ, finished, on the host, on no known node."""
    pods = (
        pod("a", "10.0.0.1", node="n1", app="a", ports=[(1, "TCP", "x")]),
        pod("b-1", "10.0.0.2 fd00::2", of="b", node="n1", app="b", ports=[(2, "TCP", "x"), (2, "UDP", "x")]),
        pod("b-2", "10.0.0.3", of="b", node="n2", app="b", tier="1"),
        pod("c", "10.0.0.5", node="", app="a", tier="1"),
        pod("d", "10.0.1.1 fd00::1:1", namespace="watch", node="n2", app="a"),
        pod("old", "10.0.0.9", namespace="watch", node="n1", end=T0, app="b"),
        pod("agent-1", "192.168.0.1", namespace="watch", of="agent", node="n1", host=True, ports=[(2, "TCP", "x")]),
        pod("agent-2", "192.168.0.9", namespace="watch", of="agent", node="", host=True),
        pod("twin-1", "10.0.0.7", node="n1", app="a"),
        pod("twin-2", "10.0.0.7", node="n2", app="b"),
    )
    made = cluster(*pods, *more, nodes=NODES.items(), workloads=[template("unborn")], watch={"team": "1"})
    return replace(made, pod_cidrs=("10.0.0.0/23", "fd00::/112"), service_cidrs=("10.96.0.0/16",))


CLUSTER = inventory()
_LABELS = st.sampled_from([{}, {"app": "a"}, {"app": "b"}, {"tier": "1"}, {"app": "gone"}])
_SELECTOR = st.one_of(
    _LABELS.map(lambda labels: {"matchLabels": labels}),
    st.sampled_from(["Exists", "DoesNotExist"]).map(
        lambda operator: {"matchExpressions": [{"key": "tier", "operator": operator}]}
    ),
)
_BLOCK = st.sampled_from(
    [
        block("10.0.0.0/30", "10.0.0.2/31"),
        block("10.0.0.0/8", "10.0.1.0/24"),
        block("192.168.0.0/31"),
        block("0.0.0.0/0"),
        block("fd00::/16", "fd00::2/127"),
        block("198.51.100.0/24", "198.51.100.64/26"),
    ]
)
_PEER = st.one_of(
    _BLOCK,
    st.fixed_dictionaries({"podSelector": _SELECTOR}),
    st.fixed_dictionaries(
        {"namespaceSelector": st.sampled_from([{}, {"matchLabels": {"team": "1"}}])},
        optional={"podSelector": _SELECTOR},
    ),
)
_PORT = st.sampled_from(
    [{"port": 1}, {"port": 2, "endPort": 4}, {"port": "x"}, {"port": "x", "protocol": "UDP"}, {"protocol": "SCTP"}, {}]
)


def _rules(side):
    rule = st.fixed_dictionaries({}, optional={side: st.lists(_PEER, max_size=2), "ports": st.lists(_PORT, max_size=2)})
    return st.lists(rule, max_size=2)


_SPEC = st.fixed_dictionaries(
    {"podSelector": _SELECTOR, "policyTypes": st.sampled_from([["Ingress"], ["Egress"], ["Ingress", "Egress"]])},
    optional={"ingress": _rules("from"), "egress": _rules("to")},
)
_POLICY = st.tuples(st.sampled_from(["shop", "watch"]), _SPEC)
POLICIES = st.lists(_POLICY, max_size=3).map(
    lambda pairs: [
        policy_from_object({"metadata": {"name": f"p{number}", "namespace": space}, "spec": spec}, "p")
        for number, (space, spec) in enumerate(pairs)
    ]
)
OPTIONS = st.builds(SimulationOptions, st.booleans(), st.booleans(), st.booleans())
PODS = {f"{each.namespace}/{each.name}": each for each in CLUSTER.pods}
ADDRESSES = [
    *("0.0.0.0", "9.255.255.255", "10.0.0.0", "10.0.0.4", "10.0.0.7", "10.0.0.9", "10.0.1.0", "10.0.2.0", "10.1.0.0"),
    *("10.95.255.255", "10.96.0.0", "10.97.0.0", "11.0.0.0", "192.168.0.0", "192.168.0.1", "192.168.0.2"),
    *("192.168.0.9", "198.51.100.0", "198.51.100.63", "198.51.100.64", "198.51.100.127", "198.51.100.128"),
    *("198.51.101.0", "255.255.255.255", "::", "fd00::", "fd00::3", "fd00::4", "fd00::1:0", "fd01::", "fd01::2"),
]
POINTS = [(protocol, port) for protocol in ("TCP", "UDP", "SCTP") for port in (1, 2, 3, 4, 5, 65535)]
_AMBIGUOUS = {"10.0.0.7"}
_NODE_OF = {ip: name for name, ips in NODES.items() for ip in ips.split()}


def holds(ends, name):
    """Say whether a set of ends holds a pod, or an address that is no pod's."""
    if name in PODS:
        return ends.kind in {"workload", "host"} and name in ends.pods
    kinds = {"ambiguous"} if name in _AMBIGUOUS else {"node"} if name in _NODE_OF else {"cluster", "outside"}
    return ends.kind in kinds and parse_address(name) in ends.addresses


def turns(found, src, dst):
    """Return how a pair turns at ports, as the entries say it, each port once."""
    listed = {}
    words = []
    for entry in (*found.changes, *found.undecidable):
        if holds(entry.src, src) and holds(entry.dst, dst):
            if isinstance(entry, Change):
                words += [("denied", "allowed", entry.opened), ("allowed", "denied", entry.closed)]
            else:
                words.append((entry.before, entry.after, entry.ports))
    for before, after, ports in words:
        for protocol, low, high in ports:
            for point in [(protocol, port) for _, port in POINTS if low <= port <= high]:
                assert listed.setdefault(point, (before, after)) == (before, after)
    return listed


def own_node(src, dst):
    """Say whether two ends are a pod and the node that it is on, between which classes of ends are not listed."""
    nodes = []
    for name in (src, dst):
        each = PODS.get(name)
        nodes.append(_NODE_OF.get(name, "") if each is None else each.node)
    return nodes[0] == nodes[1] != ""


def verdicts(policies, pairs, known, options=None):
    rows = [(src, dst, *point) for src, dst in pairs for point in POINTS]
    frame = pd.DataFrame(rows, columns=["src", "dst", "protocol", "dst_port"])
    judged = judge(policies, known, frame, options)["verdict"].tolist()
    return dict(zip(rows, judged, strict=True))


PAIRS = [
    (src, dst)
    for src in (*PODS, *ADDRESSES)
    for dst in (*PODS, *ADDRESSES)
    if (src in PODS and not PODS[src].host_network) or (dst in PODS and not PODS[dst].host_network)
]


@settings(max_examples=60, deadline=None)
@given(POLICIES, POLICIES, OPTIONS)
def test_the_difference_is_exactly_the_probes_on_which_the_two_verdicts_differ(before, after, options):
    found = difference(before, after, CLUSTER, options)
    was, now = (verdicts(policies, PAIRS, CLUSTER, options) for policies in (before, after))
    for src, dst in PAIRS:
        listed = turns(found, src, dst)
        for point in POINTS:
            pair = (was[src, dst, *point], now[src, dst, *point])
            where = (src, dst, point, pair, listed.get(point))
            if own_node(src, dst) or (src == dst and options.self_always_allowed):
                assert pair[0] == pair[1] or listed.get(point) == pair, where
            elif point in listed:
                assert listed[point] == pair, where
                assert pair[0] != pair[1] or pair[0] == "undecidable", where
            else:
                assert pair[0] == pair[1], where


@settings(max_examples=60, deadline=None)
@given(POLICIES)
def test_a_set_of_policies_does_not_differ_from_itself_in_another_order_and_under_other_names(policies):
    again = [replace(each, name=f"other-{each.name}") for each in reversed(policies)]
    found = difference(policies, again, CLUSTER)
    assert found.is_empty
    assert found.only_adds
    assert found.only_removes


def _told(found):
    return [
        (c.src.text, c.dst.text, c.opened, c.closed, c.before, c.after, c.rules_before, c.rules_after)
        for c in found.changes
    ]


@settings(max_examples=60, deadline=None)
@given(POLICIES, POLICIES)
def test_the_difference_backwards_is_the_mirror_image(before, after):
    there, back = difference(before, after, CLUSTER), difference(after, before, CLUSTER)
    mirrored = [(src, dst, c, o, a, b, ra, rb) for src, dst, o, c, b, a, rb, ra in _told(back)]
    assert sorted(map(repr, _told(there))) == sorted(map(repr, mirrored))
    assert {(u.src.text, u.dst.text, u.ports, u.before, u.after) for u in there.undecidable} == {
        (u.src.text, u.dst.text, u.ports, u.after, u.before) for u in back.undecidable
    }
    assert {(i.ends, i.direction, i.before, i.after) for i in there.isolation} == {
        (i.ends, i.direction, i.after, i.before) for i in back.isolation
    }
    assert (there.only_adds, there.only_removes) == (back.only_removes, back.only_adds)


@settings(max_examples=60, deadline=None)
@given(POLICIES, POLICIES, st.sampled_from(["shop", "watch"]))
def test_what_is_said_of_a_pod_not_yet_born_comes_true_for_one_that_is_born(before, after, namespace):
    found = difference(before, after, CLUSTER)
    name = f"{namespace}/new"
    grown = inventory(pod("new", "10.0.0.200", namespace=namespace, node="n9", fresh="1"))
    pairs = [pair for other in PODS for pair in ((name, other), (other, name))]
    was, now = (verdicts(policies, pairs, grown) for policies in (before, after))
    for src, dst in pairs:
        listed = {}
        for entry in (*found.changes, *found.undecidable):
            new, other, met = (entry.dst, entry.src, src) if dst == name else (entry.src, entry.dst, dst)
            into = new.kind == "unborn" and namespace in new.namespaces and holds(other, met)
            if into:
                listed |= {p: entry for p in POINTS if any(s[0] == p[0] and s[1] <= p[1] <= s[2] for s in entry.ports)}
        for point in POINTS:
            pair, entry = (was[src, dst, *point], now[src, dst, *point]), listed.get(point)
            if entry is None:
                assert pair[0] == pair[1] or "undecidable" in pair, (src, dst, point, pair)
            elif isinstance(entry, Change) and "undecidable" not in pair:
                assert pair[0] != pair[1], (src, dst, point, pair)


@settings(max_examples=80, deadline=None)
@given(POLICIES, POLICIES)
@example([], [policy(types=["Ingress"])])
def test_one_set_is_within_another_if_no_probe_says_otherwise_and_the_witness_is_one(inner, outer):
    answer = is_within(inner, outer, CLUSTER)
    was, now = (verdicts(policies, PAIRS, CLUSTER) for policies in (inner, outer))
    lost = [row for row in was if was[row] == "allowed" and now[row] == "denied"]
    if lost:
        assert answer.within is False
    if answer.within is False:
        assert answer.witness.closed
        ends, spans = (answer.witness.src, answer.witness.dst), answer.witness.closed
        met = [row for row in was if all(map(holds, ends, row[:2])) and not own_node(*row[:2])]
        assert all(row in lost for row in met if any(s[0] == row[2] and s[1] <= row[3] <= s[2] for s in spans))
    else:
        assert (answer.witness is None) == (answer.within is True)


@settings(max_examples=60, deadline=None)
@given(POLICIES, POLICIES)
def test_all_policies_together_close_nothing_where_they_isolate_nothing_more(one, other):
    union = [*one, *other]
    assert difference(one, union, CLUSTER).isolation or is_within(one, union, CLUSTER).within is not False


SMALL = cluster(
    pod("web", "10.0.0.1", node="n1"),
    pod("api", "10.0.0.2", node="n2"),
    pod("db", "10.0.0.3", node="n1"),
    pod("probe", "10.0.1.1", namespace="watch", node="n1"),
)


def lines(found):
    return [(c.kind, c.src.text, c.dst.text, c.ports_text) for c in found.changes]


def test_a_rule_that_is_new_is_one_entry_with_its_rules_and_the_ports_before_and_after():
    before = [policy("api", select={"app": "api"}, ingress=[{"from": [app("web")], "ports": tcp(80)}])]
    after = [policy("api", select={"app": "api"}, ingress=[{"from": [app("web")], "ports": tcp(80, 443)}])]
    (change,) = difference(before, after, SMALL).changes
    assert (change.kind, change.src.text, change.dst.text) == ("changed", "shop/Deployment/web", "shop/Deployment/api")
    assert (change.before, change.after) == ({("TCP", 80, 80)}, {("TCP", 80, 80), ("TCP", 443, 443)})
    assert (change.opened, change.closed) == ({("TCP", 443, 443)}, set())
    assert change.rules_before == ("egress: not isolated", "ingress: no rule of shop/api")
    assert change.rules_after == ("egress: not isolated", "ingress: shop/api ingress[0]")


def test_both_ends_must_let_a_connection_through():
    closed = policy("web", select={"app": "web"}, egress=[], types=["Egress"])
    api = policy("api", select={"app": "api"}, types=["Ingress"])
    opened = policy("api", select={"app": "api"}, ingress=[{"from": [app("web")]}])
    assert difference([closed, api], [closed, opened], SMALL).changes == ()
    assert lines(difference([api], [opened], SMALL)) == [("added", "shop/Deployment/web", "shop/Deployment/api", "any")]


def test_blocks_are_told_as_exact_cidrs_and_excepts():
    before = [policy("web", select={"app": "web"}, types=["Egress"])]
    after = [
        policy(
            "web", select={"app": "web"}, types=["Egress"], egress=[{"to": [block("203.0.113.0/24", "203.0.113.0/25")]}]
        )
    ]
    assert lines(difference(before, after, SMALL))[0] == (
        "added", "shop/Deployment/web", "203.0.113.128/25", "any",
    )  # fmt: skip
    wide = [
        policy(
            "web", select={"app": "web"}, types=["Egress"], egress=[{"to": [block("198.51.0.0/16", "198.51.7.0/32")]}]
        )
    ]
    (change,) = difference(before, wide, SMALL).changes
    assert change.dst.text == "198.51.0.0/16 but 198.51.7.0/32"
    assert len(change.dst.data()["cidrs"]) == 16
    assert change.dst.count == 2**16 - 1


def test_an_address_that_a_pod_has_is_that_pod_and_no_address():
    before = [policy("web", select={"app": "web"}, types=["Egress"])]
    after = [policy("web", select={"app": "web"}, types=["Egress"], egress=[{"to": [block("10.0.0.3/32")]}])]
    assert [line[2] for line in lines(difference(before, after, SMALL))] == ["shop/Deployment/db"]


def test_a_default_deny_is_told_by_namespaces_and_not_pair_by_pair():
    many = cluster(*(pod(f"w{n}", f"10.0.{n // 250}.{n % 250}", node="n") for n in range(300)))
    tight = [policy("deny", types=["Ingress"])] + [
        policy(f"w{n}", select={"app": f"w{n}"}, ingress=[{"from": [app(f"w{n + 1}")], "ports": tcp(80)}])
        for n in range(40)
    ]
    found = difference([], tight, many)
    assert len(found.changes) < 300
    assert ("removed", "every address outside", "every workload of namespace shop", "any") in lines(found)
    assert [(i.direction, i.ends.text) for i in found.isolation] == [
        ("Ingress", "every workload of namespace shop"), ("Ingress", "any pod not yet born of namespace shop"),
    ]  # fmt: skip
    pairs = sum(c.src.count * c.dst.count for c in found.changes if {c.src.kind, c.dst.kind} == {"workload"})
    assert pairs == 300 * 300


def test_pods_of_one_workload_that_differ_are_named():
    two = cluster(
        pod("web-1", "10.0.0.1", of="web", app="web"), pod("web-2", "10.0.0.2", of="web", app="web", canary="1")
    )
    (change, *_) = difference([], [policy(select={"canary": "1"}, types=["Ingress"])], two).changes
    assert change.dst.text == "shop/Deployment/web (its pods web-2)"


def test_a_policy_that_only_isolates_what_nothing_else_could_reach_is_a_difference_of_isolation():
    out = policy("deny", types=["Egress"])
    watch = policy("deny", "watch", types=["Egress", "Ingress"])
    every = [out, watch, policy("in", types=["Ingress"], ingress=[{}])]
    found = difference([out, watch], every, SMALL)
    assert [(i.direction, i.ends.text, i.before, i.after) for i in found.isolation] == [
        ("Ingress", "every workload of namespace shop", False, True),
        ("Ingress", "any pod not yet born of namespace shop", False, True),
    ]
    assert found.changes == ()
    assert not found.is_empty


@pytest.mark.parametrize("unknown", [None, ()])
def test_what_cannot_be_known_is_listed_apart_and_never_equal(unknown):
    known = cluster(pod("web", "10.0.0.1", node="n1"), workloads=[template("later", app="later")])
    named = [policy(ingress=[{"ports": tcp("http")}])]
    found = difference(named, [policy(ingress=[{"ports": tcp("https")}])], known)
    assert {(u.before, u.after) for u in found.undecidable} == {("undecidable", "undecidable")}
    assert not found.only_adds
    assert is_within(named, unknown or [policy(types=["Ingress"])], known).within is None


@pytest.mark.parametrize("other", [pod("both", "10.0.0.9 fd00::9"), pod("six2", "fd00::8")])
def test_a_block_of_the_other_family_is_as_unsure_of_a_pod_without_address_as_judge_says(other):
    """Whether any pod of the cluster has addresses of both families changes nothing for two others."""
    known = cluster(pod("six", "fd00::1"), pod("none", ""), other)
    after = [policy(select={"app": "six"}, types=["Egress"], egress=[{"to": [block("10.0.0.0/24")]}])]
    probe = pd.DataFrame([("shop/six", "shop/none", "TCP", 80)], columns=["src", "dst", "protocol", "dst_port"])
    assert judge(after, known, probe)["verdict"].tolist() == ["undecidable"]
    found = difference([], after, known)
    assert any("shop/six" in u.src.pods and "shop/none" in u.dst.pods for u in found.undecidable)
    assert not any("shop/six" in c.src.pods and "shop/none" in c.dst.pods for c in found.changes)
