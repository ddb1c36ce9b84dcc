"""`judge` against the plain loop over probes that it was before it judged many at once."""

from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from collectors.errors import PodfenceError
from collectors.inventory import ContainerPort, Inventory, Namespace, Node, Pod, Workload, WorkloadRef
from recommender.manifest_read import policy_from_object
from recommender.simulate import SimulationOptions, judge
from recommender.simulate.court import Court
from recommender.simulate.judging import _MOST_PAIRS
from tests.recommender.drawn import LABELS, NAMESPACES, POLICY
from tests.recommender.simulated import app, block, cluster, pod, policy, tcp, template, workload

FOUND = ["verdict", "egress_policies", "egress_rules", "ingress_policies", "ingress_rules", "reason"]


def _one_by_one(policies, inventory, probes, options=None):
    court = Court(policies, inventory, options)
    asked = probes.itertuples(index=False, name=None)
    rows = [_one(court, str(src), str(dst), str(protocol).upper(), int(port)) for src, dst, protocol, port in asked]
    return pd.DataFrame(rows, columns=FOUND, dtype="str")


def _one(court, src, dst, protocol, port):
    sources, targets = court.cast.named(src), court.cast.named(dst)
    itself = src == dst and bool(sources) and court.cast.workload(src) is None
    found = court.among(sources, sources if src == dst else targets, protocol, port, itself=itself)
    egress = _reason("Egress", found.egress, src, dst, f"{protocol}/{port}")
    ingress = _reason("Ingress", found.ingress, dst, src, f"{protocol}/{port}")
    ends = [(found.egress, egress), (found.ingress, ingress)]
    decisive = [reason for end, reason in ends if end.verdict == found.verdict] or [egress, ingress]
    pods = ""
    if found.verdict != "allowed" and any(found.pods):
        pods = f" (for instance {found.pods[0] or 'the source'} to {found.pods[1] or 'the destination'})"
    lists = (found.egress.policies, found.egress.rules, found.ingress.policies, found.ingress.rules)
    return (found.verdict, *map(", ".join, lists), f"{found.verdict}: {'; '.join(decisive)}{pods}")


def _reason(direction, found, subject, other, port):
    way, link = ("in", "from") if direction == "Ingress" else ("out", "to")
    if found.why and not (found.verdict == "allowed" and found.rules):
        reason = found.why.format(subject=subject, other=other, port=port)
        return reason if "{subject}" in found.why else f"{direction.lower()} of {subject}: {reason}"
    if found.verdict == "denied":
        isolated = f"{direction.lower()} of {subject} is isolated by {_names(found.policies)}"
        return f"{isolated} and no rule lets {port} {link} {other} {way}"
    if found.isolated:
        return f"{_names(found.rules)} lets {port} {link} {other} {way}"
    return f"{direction.lower()} of {subject} is not isolated"


def _names(names):
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _probes(rows):
    return pd.DataFrame(rows, columns=["src", "dst", "protocol", "dst_port"])


_FOUR = ["10.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.1.1", "192.168.0.1"]
_IPS = st.one_of(
    st.sampled_from(_FOUR).map(lambda ip: (ip,)),
    st.tuples(st.sampled_from(_FOUR), st.sampled_from(["fd00::1", "fd00::2"])),
    st.just(("fd00::2",)),
    st.just(()),
)
_DECLARED = st.sampled_from([(1, "TCP", "x"), (2, "TCP", "x"), (1, "UDP", "x"), (2, "SCTP", "y"), (3, "TCP", "z")])
_NODES = {"n1": "192.168.0.1", "n2": "192.168.0.2"}


@st.composite
def _pod(draw, index):
    namespace = draw(st.sampled_from(NAMESPACES))
    name = draw(st.sampled_from([f"p{index}", "p0"]))
    return Pod(
        uid=str(index),
        namespace=namespace,
        name=name,
        workload=WorkloadRef(namespace, "Deployment", draw(st.sampled_from(["d", "e"]))),
        labels=draw(LABELS),
        node=draw(st.sampled_from(["n1", "n2", ""])),
        host_network=draw(st.integers(0, 4)) == 0,
        ips=draw(_IPS),
        ports=tuple(ContainerPort(*port) for port in draw(st.lists(_DECLARED, max_size=2, unique=True))),
        end=draw(st.sampled_from([None, None, None, pd.Timestamp("2026-01-01", tz="UTC")])),
    )


@st.composite
def _clusters(draw):
    pods = [draw(_pod(index)) for index in range(draw(st.integers(0, 6)))]
    empty = WorkloadRef("n", "Job", "empty")
    return Inventory(
        pods=tuple(sorted(pods, key=lambda each: (each.namespace, each.name))),
        workloads={empty: Workload(empty, None, draw(LABELS))} if draw(st.booleans()) else {},
        nodes=tuple(Node(name, (address,)) for name, address in _NODES.items()),
        namespaces={name: Namespace(name, draw(LABELS)) for name in draw(st.sets(st.sampled_from(NAMESPACES)))},
    )


_OTHERS = [
    "n/Job/empty", "n/Deployment/d", "m/Deployment/e", "n/Pod/unknown", "n/unknown", "", "a/b/c/d", "8.8.8.8",
    "2001:db8::1", "2001:DB8::1", "192.168.0.1", "192.168.0.2", "10.0.0.1", "fd00::1",
]  # fmt: skip
_PORTS = st.tuples(st.sampled_from(["TCP", "UDP", "SCTP", "ICMP", "tcp"]), st.integers(0, 4))
_OPTIONS = st.builds(SimulationOptions, st.booleans(), st.booleans(), st.booleans())


@settings(max_examples=150, deadline=None)
@given(_clusters(), st.lists(POLICY, max_size=5), _OPTIONS, st.lists(_PORTS, min_size=1, max_size=2))
def test_judge_says_of_many_probes_what_a_loop_says_of_each(inventory, policies, options, ports):
    for index, each in enumerate(policies):
        each["metadata"]["name"] = f"p{index}"
    read = [policy_from_object(each, "p") for each in policies]
    ends = sorted({f"{each.namespace}/{each.name}" for each in inventory.pods}) + _OTHERS
    probes = _probes([(src, dst, *port) for src in ends for dst in ends for port in ports])
    expected = _one_by_one(read, inventory, probes, options)
    pd.testing.assert_frame_equal(judge(read, inventory, probes, options)[FOUND], expected)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 70_000)), max_size=6), st.integers(0, 70_000))
@example([(0, 65_535)], 65_535)
@settings(max_examples=60, deadline=None)
def test_ports_that_no_rule_tells_apart_are_one_class_and_all_others_are_not(spans, number):
    protocols = ("TCP", "UDP", "SCTP")
    ports = [
        {"protocol": protocols[which], "port": low, "endPort": min(low + which * 10, 65_535)}
        for which, low in spans
        if 1 <= low <= 65_535
    ]
    read = [policy(ingress=[{"ports": ports}])]
    inventory = cluster(pod("a", "10.0.0.1"), pod("b", "10.0.0.2"))
    near = {number, *(at + step for _, low in spans for at in (low, low + 20) for step in (-1, 0, 1))}
    near = sorted(at for at in near if 0 <= at <= 65_535)
    probes = _probes([("shop/a", "shop/b", protocol, at) for protocol in protocols for at in near])
    pd.testing.assert_frame_equal(judge(read, inventory, probes)[FOUND], _one_by_one(read, inventory, probes))


def _town():
    pods = [pod(f"web-{i}", f"10.0.0.{i}", of="web", tier="x" if i == 3 else "y") for i in range(1, 4)]
    return cluster(*pods, pod("api", "10.0.1.1"), workloads=[template("idle", app="idle")])


def test_a_workload_is_all_its_pods_and_the_worst_of_them_counts():
    into_api = policy(select={"app": "api"}, ingress=[{"from": [{"podSelector": {"matchLabels": {"tier": "y"}}}]}])
    found = judge([into_api], _town(), _probes([("shop/Deployment/web", "shop/api", "TCP", 80)]))
    assert found["verdict"].tolist() == ["denied"]
    assert found["ingress_rules"].tolist() == ["shop/p ingress[0]"]
    assert found["reason"][0].endswith("(for instance shop/web-3 to shop/api)")


def test_a_workload_without_pods_is_the_pod_that_its_template_would_make():
    into_api = policy(select={"app": "api"}, ingress=[{"from": [app("idle")]}])
    found = judge([into_api], _town(), _probes([("shop/Deployment/idle", "shop/api", "TCP", 80)]))
    assert found["verdict"].tolist() == ["allowed"]


def test_a_workload_to_itself_is_each_of_its_pods_to_each():
    deny = policy(select={"tier": "x"}, ingress=[{"from": [{"podSelector": {"matchLabels": {"tier": "x"}}}]}])
    probes = _probes(
        [("shop/Deployment/web", "shop/Deployment/web", "TCP", 80), ("shop/web-3", "shop/web-3", "TCP", 80)]
    )
    assert judge([deny], _town(), probes)["verdict"].tolist() == ["denied", "allowed"]


@pytest.mark.parametrize("name", ["shop/Deployment/none", "shop/StatefulSet/web", "shop/none", "web", "a/b/c/d", ""])
def test_what_the_inventory_does_not_know_is_undecidable(name):
    found = judge([], _town(), _probes([("shop/api", name, "TCP", 80)]))
    assert found["verdict"].tolist() == ["undecidable"]
    assert found["reason"].tolist() == [f"undecidable: {name} is not in the inventory"]


def test_an_address_is_the_same_however_it_is_written():
    inventory = cluster(pod("a", "10.0.0.1"), pod("six", "fd00::1"))
    into_six = policy(select={"app": "six"}, types=["Ingress"])
    probes = _probes([("2001:db8::1", "FD00:0::1", "TCP", 80), ("2001:db8::1", "fd00::1", "TCP", 80)])
    assert judge([into_six], inventory, probes)["verdict"].tolist() == ["denied", "denied"]


def test_a_mapped_address_is_the_ipv4_address_that_it_is_and_a_zone_tells_nothing():
    inventory = cluster(pod("a", "10.0.0.1"), pod("b", "10.0.0.2"))
    rules = [policy(select={"app": "b"}, ingress=[{"from": [app("a")]}, {"from": [block("8.8.0.0/16")]}])]
    probes = _probes([(src, "shop/b", "TCP", 80) for src in ("::ffff:10.0.0.1", "::ffff:8.8.8.8", "fe80::1%eth0")])
    assert judge(rules, inventory, probes)["verdict"].tolist() == ["allowed", "allowed", "denied"]


def test_a_protocol_may_be_written_in_small_letters():
    probes = _probes([("8.8.8.8", "shop/api", "tcp", 80), ("8.8.8.8", "shop/api", "udp", 80)])
    assert judge([policy(ingress=[{"ports": tcp(80)}])], _town(), probes)["verdict"].tolist() == ["allowed", "denied"]


@pytest.mark.parametrize("port", [-1, 65536, 80.5, "80.5", 1e30, 2**70])
def test_a_port_that_no_connection_has_is_refused_and_never_rounded(port):
    with pytest.raises(PodfenceError, match="give 0 to 65535"):
        judge([], _town(), _probes([("shop/api", "shop/api", "TCP", 80), ("shop/api", "shop/api", "TCP", port)]))


def test_without_reasons_all_other_columns_are_the_same():
    probes = _probes([("shop/web-1", "shop/api", "TCP", 80), ("8.8.8.8", "shop/api", "UDP", 53)])
    rules = [policy(ingress=[{"ports": tcp(80)}])]
    brief = judge(rules, _town(), probes, reasons=False)
    pd.testing.assert_frame_equal(brief, judge(rules, _town(), probes).drop(columns="reason"))


def test_braces_in_names_are_not_places_to_fill_in():
    hostile = replace(policy(select={"app": "api"}, types=["Ingress"]), name="{0}{x}")
    found = judge([hostile], _town(), _probes([("shop/{1}", "shop/api", "TCP", 80), ("8.8.8.8", "shop/api", "{2}", 1)]))
    unsaid = "NetworkPolicy says nothing of {2}/1 with 8.8.8.8"
    assert found["reason"].tolist() == [
        "undecidable: shop/{1} is not in the inventory",
        f"undecidable: ingress of shop/api: {unsaid}, and implementations differ",
    ]
    denied = judge([hostile], _town(), _probes([("shop/web-1", "shop/api", "TCP", 80)]))
    assert "is isolated by shop/{0}{x} and no rule" in denied["reason"][0]


@pytest.mark.parametrize("column", ["src", "dst", "protocol", "dst_port"])
def test_probes_without_a_column_are_refused_with_its_name(column):
    with pytest.raises(PodfenceError, match=f"no column {column}"):
        judge([], _town(), _probes([]).drop(columns=column))


@pytest.mark.parametrize("port", ["http", float("inf"), "80.5.1"])
def test_a_port_that_is_no_number_is_refused(port):
    with pytest.raises(PodfenceError, match="no number"):
        judge([], _town(), _probes([("shop/api", "shop/api", "TCP", port)]))


@pytest.mark.parametrize(
    "ports", [[80, None], pd.array([80, None], dtype="UInt16"), ["80", None], pd.Categorical([80, None])]
)
def test_ports_may_come_in_any_form_and_one_that_is_missing_is_0(ports):
    probes = pd.DataFrame({"src": "8.8.8.8", "dst": "shop/api", "protocol": "TCP", "dst_port": ports})
    rules = [policy(ingress=[{"ports": tcp(80)}])]
    assert judge(rules, _town(), probes)["verdict"].tolist() == ["allowed", "denied"]


def test_more_pairs_than_are_judged_at_once_are_judged_all(monkeypatch):
    rules = [policy(select={"tier": "x"}, ingress=[{"ports": tcp(80)}])]
    ends = ["shop/Deployment/web", "shop/web-3", "shop/api", "8.8.8.8", "shop/none"]
    probes = _probes([(src, dst, "TCP", port) for src in ends for dst in ends for port in (80, 81)])
    whole = judge(rules, _town(), probes)
    assert len(probes) < _MOST_PAIRS
    monkeypatch.setattr("recommender.simulate.judging._MOST_PAIRS", 8)
    monkeypatch.setattr("recommender.simulate.sides._MOST_CELLS", 2)
    pd.testing.assert_frame_equal(judge(rules, _town(), probes), whole)


def test_all_rules_that_let_something_through_are_named_however_many_they_are():
    rules = [policy(f"p{at:03}", ingress=[{"ports": [{"port": 1, "endPort": at}]}]) for at in range(1, 201)]
    ports = (1, 2, 63, 64, 65, 128, 129, 200, 201)
    probes = _probes([("8.8.8.8", "shop/api", "TCP", port) for port in ports])
    expected = [", ".join(f"shop/p{at:03} ingress[0]" for at in range(port, 201)) for port in ports]
    assert judge(rules, _town(), probes)["ingress_rules"].tolist() == expected


def test_what_is_not_known_has_its_own_reason_at_one_gate():
    named = policy(select={"app": "api"}, types=["Egress"], egress=[{"ports": tcp("web")}])
    host = pod("agent", "192.168.0.9", host=True, ports=[(80, "TCP", "web")])
    inventory = cluster(*_town().pods, host, workloads=[template("idle", app="idle"), template("bare")])
    ends = ["shop/agent", "shop/Deployment/idle", "shop/Deployment/bare", "8.8.8.8", "shop/web-1"]
    probes = _probes([("shop/api", end, "TCP", 80) for end in ends])
    found = judge([named], inventory, probes)
    pd.testing.assert_frame_equal(found[FOUND], _one_by_one([named], inventory, probes))
    assert found["verdict"].tolist() == ["undecidable", "undecidable", "undecidable", "denied", "denied"]
    assert found["reason"].nunique() == len(ends)
    assert "container ports of the destination" in found["reason"][0]
    assert "addresses or container ports of shop/Deployment/idle" in found["reason"][1]


def test_labels_that_are_not_known_are_undecidable_where_they_decide():
    inventory = cluster(*_town().pods, workloads=[template("bare")])
    absent = {"podSelector": {"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}}
    probes = _probes([("shop/Deployment/bare", "shop/api", "TCP", 80), ("shop/web-1", "shop/api", "TCP", 80)])
    for peer, verdict in ((absent, "undecidable"), (app("web"), "undecidable"), ({"podSelector": {}}, "allowed")):
        rules = [policy(select={"app": "api"}, ingress=[{"from": [peer]}])]
        assert judge(rules, inventory, probes)["verdict"][0] == verdict


def test_a_block_of_the_other_family_does_not_take_a_pod_of_both():
    inventory = cluster(pod("four", "10.0.0.1"), pod("both", "10.0.0.2 fd00::2"), pod("dual", "10.0.0.3 fd00::3"))
    rules = [policy(types=["Ingress"], ingress=[{"from": [{"ipBlock": {"cidr": "fd00::/64"}}]}])]
    probes = _probes([("shop/both", "shop/four", "TCP", 80), ("shop/both", "shop/dual", "TCP", 80)])
    assert judge(rules, inventory, probes)["verdict"].tolist() == ["denied", "undecidable"]


def test_a_pod_of_many_rules_is_judged_by_each_of_them():
    rules = [policy(f"p{at:03}", ingress=[{"ports": tcp(at)}, {"ports": tcp(at + 1)}]) for at in range(1, 201)]
    probes = _probes([("8.8.8.8", "shop/api", "TCP", port) for port in (1, 2, 100, 201, 202)])
    found = judge(rules, _town(), probes)
    assert found["ingress_rules"].tolist() == [
        "shop/p001 ingress[0]",
        "shop/p001 ingress[1], shop/p002 ingress[0]",
        "shop/p099 ingress[1], shop/p100 ingress[0]",
        "shop/p200 ingress[1]",
        "",
    ]


def test_a_workload_is_told_from_a_pod_by_its_two_slashes():
    probes = _probes([(str(workload("api")), "shop/web-1", "TCP", 80), ("shop/api", "shop/web-1", "TCP", 80)])
    assert judge([], _town(), probes)["reason"].tolist() == [
        "allowed: egress of shop/Deployment/api is not isolated; ingress of shop/web-1 is not isolated",
        "allowed: egress of shop/api is not isolated; ingress of shop/web-1 is not isolated",
    ]
