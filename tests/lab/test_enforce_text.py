"""The enforcer's text: what cannot be sent here (SCTP), and what a packet would not tell apart."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.lab.enforce import ClusterView, Object, PodView, compile_nft, directions, load, selects

SPACES = {"a": {"kubernetes.io/metadata.name": "a"}, "b": {"kubernetes.io/metadata.name": "b", "team": "red"}}
PODS = [
    PodView("one", "a", {"app": "one"}, ("10.0.0.1", "fd00::1"), {("sig", "SCTP"): 2905, ("web", "TCP"): 8080}),
    PodView("two", "a", {"app": "two"}, ("10.0.0.2", "fd00::2"), {("web", "TCP"): 9090}),
    PodView("far", "b", {"app": "two"}, ("10.0.0.3", "fd00::3"), {("web", "TCP"): 8080}),
]


def _rules(spec: str) -> list[str]:
    """Return the allowing rules that one policy for pod `one` becomes."""
    policy = {"metadata": {"name": "p", "namespace": "a"}, "spec": yaml.safe_load(spec)}
    text = compile_nft([policy], ClusterView(PODS, SPACES))
    return [line.partition(" counter")[0].strip() for line in text.splitlines() if "counter return" in line]


def test_sctp():
    assert _rules("""
        podSelector: {matchLabels: {app: one}}
        ingress: [{from: [{podSelector: {matchLabels: {app: two}}}], ports: [{protocol: SCTP, port: 36412},
                                                                            {protocol: SCTP, port: sig},
                                                                            {protocol: SCTP}]}]""") == [
        "ip saddr { 10.0.0.2 } sctp dport 36412",
        "ip6 saddr { fd00::2 } sctp dport 36412",
        "ip saddr { 10.0.0.2 } sctp dport 2905",
        "ip6 saddr { fd00::2 } sctp dport 2905",
        "ip saddr { 10.0.0.2 } meta l4proto sctp",
        "ip6 saddr { fd00::2 } meta l4proto sctp",
    ]


def test_a_port_name_on_the_way_in_is_the_subjects():
    assert _rules("""
        podSelector: {matchLabels: {app: one}}
        ingress: [{ports: [{port: web}]}]""") == ["tcp dport 8080"]


def test_a_port_name_on_the_way_out_is_each_peers_own():
    assert _rules("""
        podSelector: {matchLabels: {app: one}}
        policyTypes: [Egress]
        egress: [{to: [{namespaceSelector: {}, podSelector: {matchLabels: {app: two}}}], ports: [{port: web}]}]""") == [
        "ip daddr { 10.0.0.3 } tcp dport 8080",
        "ip6 daddr { fd00::3 } tcp dport 8080",
        "ip daddr { 10.0.0.2 } tcp dport 9090",
        "ip6 daddr { fd00::2 } tcp dport 9090",
    ]


def test_a_port_name_that_nobody_has_allows_nothing():
    assert _rules("{podSelector: {matchLabels: {app: one}}, ingress: [{ports: [{port: nowhere}]}]}") == []


@pytest.mark.parametrize(
    ("peer", "addresses"),
    [
        ("podSelector: {}", "10.0.0.1, 10.0.0.2"),
        ("namespaceSelector: {matchLabels: {team: red}}", "10.0.0.3"),
        ("namespaceSelector: {}", "10.0.0.1, 10.0.0.2, 10.0.0.3"),
        ("namespaceSelector: {matchExpressions: [{key: team, operator: DoesNotExist}]}", "10.0.0.1, 10.0.0.2"),
    ],
)
def test_peers(peer: str, addresses: str):
    found = _rules(f"{{podSelector: {{matchLabels: {{app: one}}}}, ingress: [{{from: [{{{peer}}}]}}]}}")
    assert found[0] == f"ip saddr {{ {addresses} }}"
    assert len(found) == 2


def test_a_peer_that_nobody_is_allows_nobody():
    """The defect to fear: an empty set of addresses that is written as no condition at all."""
    assert (
        _rules("""
        podSelector: {matchLabels: {app: one}}
        ingress: [{from: [{podSelector: {matchLabels: {app: none}}}]}]""")
        == []
    )


def test_blocks_with_holes():
    assert _rules("""
        podSelector: {matchLabels: {app: one}}
        ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}, {ipBlock: {cidr: "fd00::/8"}}],
                   ports: [{protocol: UDP, port: 1000, endPort: 2000}]}]""") == [
        "ip saddr 10.0.0.0/8 ip saddr != { 10.1.0.0/16 } udp dport 1000-2000",
        "ip6 saddr fd00::/8 udp dport 1000-2000",
    ]


def test_policy_types():
    assert directions({"spec": {}}) == ["ingress"]
    assert directions({"spec": {"egress": [{}]}}) == ["ingress", "egress"]
    assert directions({"spec": {"policyTypes": ["Egress"]}}) == ["egress"]


def test_only_what_is_isolated_has_a_chain():
    policy: Object = {"metadata": {"name": "p", "namespace": "b"}, "spec": {"podSelector": {}}}
    text = compile_nft([policy], ClusterView(PODS, SPACES))
    assert [line.split()[1] for line in text.splitlines() if line.startswith("  chain")] == [
        "ingress_2",
        "forward",
        "to_node",
    ]
    assert "ip daddr vmap { 10.0.0.3 : jump ingress_2 }" in text
    assert "saddr vmap" not in text


@pytest.mark.parametrize(
    ("term", "answer"),
    [
        ("{key: app, operator: In, values: [one]}", True),
        ("{key: app, operator: NotIn, values: [one]}", False),
        ("{key: gone, operator: In, values: [one]}", False),
        ("{key: gone, operator: NotIn, values: [one]}", True),
        ("{key: app, operator: Exists}", True),
        ("{key: gone, operator: DoesNotExist}", True),
    ],
)
def test_expressions(term: str, answer: bool):
    assert selects({"matchExpressions": [yaml.safe_load(term)]}, {"app": "one"}) is answer


def test_other_documents_are_left_alone(tmp_path: Path):
    (tmp_path / "kustomization.yaml").write_text("kind: Kustomization\nresources: [a.yaml]\n")
    (tmp_path / "a.yaml").write_text("---\n---\nkind: NetworkPolicy\nmetadata: {name: x, namespace: a}\n")
    assert [made["metadata"]["name"] for made in load(tmp_path)] == ["x"]
