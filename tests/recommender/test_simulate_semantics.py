"""The sentences of the NetworkPolicy documentation and API reference, each as connections with verdicts.

https://kubernetes.io/docs/concepts/services-networking/network-policies/
"""

import pandas as pd
import pytest

from recommender.simulate import SimulationOptions, judge
from tests.recommender.simulated import app, block, cluster, pod, policy, tcp

PORTS = [(80, "TCP", "http"), (53, "UDP", "dns"), (53, "TCP", "dns")]
CLUSTER = cluster(
    pod("web", "10.0.0.1"),
    pod("api", "10.0.0.2", ports=PORTS),
    pod("cart", "10.0.0.3", app="cart", tier="back", ports=[(8080, "TCP", "http")]),
    pod("db", "10.0.1.1", namespace="data"),
    pod("web", "10.0.1.2", namespace="data"),
    pod("six", "fd00::1"),
    pod("agent", "192.168.0.1", namespace="kube-system", node="n1", host=True, app="web"),
    nodes=[("n1", "192.168.0.1")],
    data={"team": "storage"},
)


def _verdicts(policies, *connections, options=None):
    rows = [(*line.split()[::2], "TCP", 80) for line in connections]
    return _judged(policies, rows, options)["verdict"].tolist()


def _judged(policies, rows, options=None):
    return judge(policies, CLUSTER, pd.DataFrame(rows, columns=["src", "dst", "protocol", "dst_port"]), options)


def _allowed(policies, *connections, options=None):
    """Of "src > dst" connections to TCP/80, those that are allowed; short names are pods of shop."""
    full = [
        " > ".join(e if "/" in e or "." in e or ":" in e else f"shop/{e}" for e in c.split(" > ")) for c in connections
    ]
    found = _verdicts(policies, *full, options=options)
    return [short for short, verdict in zip(connections, found, strict=True) if verdict == "allowed"]


def _into_api(*peers, **rule):
    return policy(select={"app": "api"}, ingress=[{"from": list(peers)} | rule])


def _out_of_api(*peers, **rule):
    return policy(select={"app": "api"}, types=["Egress"], egress=[{"to": list(peers)} | rule])


INTO_API = ("web > api", "cart > api", "data/db > api", "data/web > api", "8.8.8.8 > api")


def test_by_default_a_pod_is_not_isolated_in_either_direction():
    assert _allowed([], "web > api", "api > data/db", "8.8.8.8 > api", "api > 8.8.8.8") == [
        "web > api", "api > data/db", "8.8.8.8 > api", "api > 8.8.8.8",
    ]  # fmt: skip


def test_a_pod_is_isolated_for_ingress_by_a_policy_that_selects_it_and_has_ingress_in_its_types():
    deny = policy(select={"app": "api"}, types=["Ingress"])
    assert _allowed([deny], "web > api", "api > web", "web > cart") == ["api > web", "web > cart"]


def test_a_pod_is_isolated_for_egress_by_a_policy_that_selects_it_and_has_egress_in_its_types():
    deny = policy(select={"app": "api"}, types=["Egress"])
    assert _allowed([deny], "web > api", "api > web", "api > 8.8.8.8") == ["web > api"]


def test_rules_of_a_direction_that_is_not_in_the_types_do_nothing():
    ignored = policy(select={"app": "api"}, types=["Egress"], ingress=[{"from": [app("nobody")]}], egress=[{}])
    assert _allowed([ignored], "web > api", "api > web") == ["web > api", "api > web"]


def test_policy_types_default_to_ingress_and_to_egress_where_there_are_egress_rules():
    assert _allowed([policy(select={"app": "api"})], "web > api", "api > web") == ["api > web"]
    both = policy(select={"app": "api"}, egress=[{"to": [app("cart")]}])
    assert _allowed([both], "web > api", "api > web", "api > cart") == ["api > cart"]


def test_an_empty_pod_selector_selects_all_pods_of_the_namespace_and_of_no_other():
    deny = policy(types=["Ingress"])
    assert _allowed([deny], "web > api", "web > cart", "web > data/db") == ["web > data/db"]


def test_policies_do_not_conflict_they_are_additive():
    policies = [
        policy("deny", types=["Ingress"]),
        policy("a", select={"app": "api"}, ingress=[{"from": [app("web")]}]),
        policy("b", select={"app": "api"}, ingress=[{"from": [app("cart")]}]),
    ]
    assert _allowed(policies, "web > api", "cart > api", "data/db > api", "web > cart") == ["web > api", "cart > api"]


def test_both_the_egress_of_the_source_and_the_ingress_of_the_destination_must_allow():
    out, into = policy("out", select={"app": "web"}, types=["Egress"]), _into_api(app("web"))
    assert _allowed([into], "web > api") == ["web > api"]
    assert _allowed([into, out], "web > api") == []
    opened = policy("out", select={"app": "web"}, types=["Egress"], egress=[{"to": [app("api")]}])
    assert _allowed([into, opened], "web > api") == ["web > api"]


# one row of the table is a `from` list and who of INTO_API it lets in
PEERS = {
    "podSelector: pods of the policy's own namespace": ([app("web")], ["web > api"]),
    "an empty podSelector: all pods of the own namespace": ([{"podSelector": {}}], ["web > api", "cart > api"]),
    "namespaceSelector: all pods of these namespaces": (
        [{"namespaceSelector": {"matchLabels": {"team": "storage"}}}],
        ["data/db > api", "data/web > api"],
    ),
    "an empty namespaceSelector: all pods of all namespaces": (
        [{"namespaceSelector": {}}],
        ["web > api", "cart > api", "data/db > api", "data/web > api"],
    ),
    "both in one entry: these pods in these namespaces": (
        [{"namespaceSelector": {"matchLabels": {"team": "storage"}}} | app("web")],
        ["data/web > api"],
    ),
    "two entries: these pods here, or all pods there": (
        [app("web"), {"namespaceSelector": {"matchLabels": {"team": "storage"}}}],
        ["web > api", "data/db > api", "data/web > api"],
    ),
    "every namespace has its name as a label": (
        [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "data"}}}],
        ["data/db > api", "data/web > api"],
    ),
    "ipBlock: addresses from outside, and of pods": ([block("8.8.0.0/16")], ["8.8.8.8 > api"]),
    "ipBlock with except": ([block("10.0.0.0/16", "10.0.0.3/32", "10.0.1.0/24")], ["web > api"]),
    "ipBlock of everything": ([block("0.0.0.0/0")], list(INTO_API)),
    "an ipBlock of IPv6 takes no IPv4": ([block("::/0")], []),
    "no from at all: everyone": ([], list(INTO_API)),
    "In": (
        [{"podSelector": {"matchExpressions": [{"key": "app", "operator": "In", "values": ["web", "cart"]}]}}],
        ["web > api", "cart > api"],
    ),
    "In wants the key": (
        [{"podSelector": {"matchExpressions": [{"key": "tier", "operator": "In", "values": ["back"]}]}}],
        ["cart > api"],
    ),
    "NotIn takes what lacks the key": (
        [{"podSelector": {"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["back"]}]}}],
        ["web > api"],
    ),
    "Exists": ([{"podSelector": {"matchExpressions": [{"key": "tier", "operator": "Exists"}]}}], ["cart > api"]),
    "DoesNotExist": (
        [{"podSelector": {"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}}],
        ["web > api"],
    ),
    "all requirements of a selector must hold": (
        [{"podSelector": {"matchLabels": {"app": "cart"}, "matchExpressions": [{"key": "tier",
        "operator": "DoesNotExist"}]}}],
        [],
    ),
    "namespaceSelector with matchExpressions": (
        [{"namespaceSelector": {"matchExpressions": [{"key": "team", "operator": "DoesNotExist"}]}}],
        ["web > api", "cart > api"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", PEERS)
def test_from_lets_in(case):
    peers, expected = PEERS[case]
    assert _allowed([_into_api(*peers)], *INTO_API) == expected


@pytest.mark.parametrize("case", PEERS)
def test_to_lets_out_to_the_same(case):
    peers, expected = PEERS[case]
    outward = {f"{c.split(' > ')[1]} > {c.split(' > ')[0]}": c for c in INTO_API}
    assert [outward[c] for c in _allowed([_out_of_api(*peers)], *outward)] == expected


# one row is a `ports` list and which (protocol, port) of ASKED it lets in at api
ASKED = [("TCP", 80), ("TCP", 81), ("UDP", 80), ("UDP", 53), ("TCP", 53), ("SCTP", 80), ("TCP", 8080)]
PORT_LISTS = {
    "no ports: every port": ([], ASKED),
    "protocol defaults to TCP": ([{"port": 80}], [("TCP", 80)]),
    "a protocol without port: all its ports": ([{"protocol": "UDP"}], [("UDP", 80), ("UDP", 53)]),
    "endPort closes a range": ([{"port": 80, "endPort": 81}], [("TCP", 80), ("TCP", 81)]),
    "endPort may equal port": ([{"port": 81, "endPort": 81}], [("TCP", 81)]),
    "SCTP": ([{"protocol": "SCTP", "port": 80}], [("SCTP", 80)]),
    "a name is a container port of the destination": ([{"port": "http"}], [("TCP", 80)]),
    "a name counts with its protocol": ([{"port": "dns", "protocol": "UDP"}], [("UDP", 53)]),
    "a name nobody declares is no port": ([{"port": "none"}], []),
    "any entry of the list will do": ([{"port": "dns"}, {"port": 80}], [("TCP", 80), ("TCP", 53)]),
}


@pytest.mark.parametrize("case", PORT_LISTS)
def test_ports_let_in(case):
    ports, expected = PORT_LISTS[case]
    found = _judged([_into_api(ports=ports)], [("shop/web", "shop/api", *asked) for asked in ASKED])
    assert [asked for asked, verdict in zip(ASKED, found["verdict"], strict=True) if verdict == "allowed"] == expected


def test_a_port_name_in_egress_means_the_ports_of_each_destination():
    rows = [
        ("shop/web", "shop/api", "TCP", 80),
        ("shop/web", "shop/cart", "TCP", 80),
        ("shop/web", "shop/cart", "TCP", 8080),
    ]
    rows += [("shop/web", "8.8.8.8", "TCP", 80)]
    named = policy(select={"app": "web"}, types=["Egress"], egress=[{"ports": tcp("http")}])
    assert _judged([named], rows)["verdict"].tolist() == ["allowed", "denied", "allowed", "denied"]


def test_an_empty_rule_allows_everything_and_no_rule_nothing():
    assert _allowed([policy(select={"app": "api"}, ingress=[{}])], *INTO_API) == list(INTO_API)
    assert _allowed([policy(select={"app": "api"}, ingress=[])], *INTO_API) == []


def test_a_host_network_pod_is_never_selected_as_subject_nor_by_labels_and_is_known_by_address():
    everyone = policy("all", "kube-system", types=["Ingress", "Egress"])
    assert _allowed([everyone], "web > kube-system/agent", "kube-system/agent > web") == [
        "web > kube-system/agent", "kube-system/agent > web",
    ]  # fmt: skip
    by_label = _into_api({"namespaceSelector": {}} | app("web"))
    assert _allowed([by_label], "kube-system/agent > api", "web > api") == ["web > api"]
    assert _allowed([_into_api(block("192.168.0.0/24"))], "kube-system/agent > api") == ["kube-system/agent > api"]


def test_protocols_that_policies_cannot_name_are_undecidable_where_an_end_is_isolated():
    rows = [("shop/web", "shop/api", "ICMP", 0), ("shop/web", "shop/cart", "ICMP", 0)]
    found = _judged([_into_api(app("web"))], rows)
    assert found["verdict"].tolist() == ["undecidable", "allowed"]
    assert found["reason"][0].endswith("NetworkPolicy says nothing of ICMP/0 with shop/web, and implementations differ")


def test_a_pod_to_itself_is_judged_like_any_pair_unless_the_option_says_otherwise():
    deny = policy(types=["Ingress", "Egress"])
    assert _allowed([deny], "api > api") == []
    assert _allowed([deny], "api > api", "web > api", options=SimulationOptions(self_always_allowed=True)) == [
        "api > api"
    ]


def test_an_ip_block_takes_pods_unless_the_option_says_otherwise():
    external_only = SimulationOptions(ip_block_matches_pods=False)
    rule = _into_api(block("0.0.0.0/0"))
    assert _allowed([rule], *INTO_API, options=external_only) == ["8.8.8.8 > api"]


def test_an_address_that_is_a_living_pods_is_that_pod():
    assert _allowed([_into_api(app("web"))], "10.0.0.1 > api", "10.0.0.3 > api") == ["10.0.0.1 > api"]


def test_every_verdict_names_the_policies_and_the_rules_that_decide():
    rows = [
        ("shop/web", "shop/api", "TCP", 80),
        ("shop/cart", "shop/api", "TCP", 80),
        ("shop/nobody", "shop/api", "TCP", 80),
    ]
    found = _judged([policy("deny", types=["Ingress"]), _into_api(app("web"))], rows)
    assert found["ingress_policies"].tolist() == ["shop/deny, shop/p", "shop/deny, shop/p", ""]
    assert found["ingress_rules"].tolist() == ["shop/p ingress[0]", "", ""]
    assert found["reason"].tolist() == [
        "allowed: egress of shop/web is not isolated; shop/p ingress[0] lets TCP/80 from shop/web in",
        "denied: ingress of shop/api is isolated by shop/deny, shop/p and no rule lets TCP/80 from shop/cart in",
        "undecidable: shop/nobody is not in the inventory",
    ]


def test_no_probes_give_an_empty_frame_with_all_columns():
    found = _judged([], [])
    assert list(found.columns) == [
        "src", "dst", "protocol", "dst_port",
        "verdict", "egress_policies", "egress_rules", "ingress_policies", "ingress_rules", "reason",
    ]  # fmt: skip


def test_the_order_and_index_of_the_probes_are_kept():
    probes = pd.DataFrame(
        {
            "src": ["shop/web", "data/db"],
            "dst": "shop/api",
            "protocol": pd.Categorical(["TCP", "TCP"]),
            "dst_port": [80, 80],
        },
        index=[7, 3],
    )
    found = judge([_into_api(app("web"))], CLUSTER, probes)
    assert found["verdict"].to_dict() == {7: "allowed", 3: "denied"}
