"""C16-C25: one policy a workload, exact peers and ports, never an empty peer, valid and stable names."""

import re

from hypothesis import given
from hypothesis import strategies as st

from recommender.generate import GenerateOptions, _shorten, generate
from recommender.policy import IPBlock, LabelSelector, Peer, Port
from recommender.review import Decision, accept_observed, review
from tests.cluster import deployment, flow, pod
from tests.recommender.test_suggest import PARTS, _suggest


def _generate(*rows, parts=PARTS, default_deny=False):
    seen = _suggest(*rows, parts=parts)
    return generate(review(seen, accept_observed(seen)), GenerateOptions(default_deny))


def _by_name(*rows, **more):
    return {f"{policy.namespace}/{policy.name}": policy for policy in _generate(*rows, **more)}


def test_c16_only_directions_with_something_accepted_are_isolated():
    found = _by_name(flow("10.0.0.1", "10.0.0.3", 3000))
    assert found["shop/web-podfence"].policy_types == ("Egress",)
    assert found["shop/api-podfence"].policy_types == ("Ingress",)


def test_c16_without_an_accepted_suggestion_there_is_no_policy():
    seen = _suggest(flow("10.0.0.1", "10.0.0.3", 3000))
    assert generate(review(seen)) == ()
    assert generate(review(seen, [Decision(seen.items[0].id, "decline")]), GenerateOptions(default_deny=True)) == ()


def test_c19_peers_of_other_namespaces_are_selected_by_the_name_label_and_own_ones_by_pod_alone():
    parts = [*PARTS, deployment("db", ["10.0.1.1"], ns="data")]
    found = _by_name(flow("10.0.0.3", "10.0.1.1", 5432), flow("10.0.0.3", "10.0.0.1", 80), parts=parts)
    near, far = found["shop/api-podfence"].egress
    assert near.peers == (Peer(pod_selector=LabelSelector((("app", "web"),))),)
    assert far.peers[0].namespace_selector == LabelSelector((("kubernetes.io/metadata.name", "data"),))


def test_c20_addresses_are_single_in_both_families():
    found = _by_name(flow("10.0.0.1", "203.0.113.5", 443), flow("10.0.0.1", "2001:db8::5", 443))
    (rule,) = found["shop/web-podfence"].egress
    assert {peer.ip_block for peer in rule.peers} == {IPBlock("203.0.113.5/32"), IPBlock("2001:db8::5/128")}


def test_c24_peers_with_the_same_ports_share_a_rule_and_others_do_not():
    (policy,) = _generate(
        flow("10.0.0.1", "8.8.8.8", 53), flow("10.0.0.1", "8.8.4.4", 53), flow("10.0.0.1", "9.9.9.9", 443)
    )
    assert sorted(len(rule.peers) for rule in policy.egress) == [1, 2]
    assert {rule.ports for rule in policy.egress} == {(Port("TCP", 53),), (Port("TCP", 443),)}


def test_a5_tcp_and_udp_are_two_ports():
    (policy,) = _generate(flow("10.0.0.1", "8.8.8.8", 53), flow("10.0.0.1", "8.8.8.8", 53, "UDP"))
    assert policy.egress[0].ports == (Port("TCP", 53), Port("UDP", 53))


def test_c17_no_rule_ever_lacks_peers_or_ports_and_no_peer_is_empty():
    rows = [flow("10.0.0.1", "10.0.0.3", 3000), flow("10.0.0.3", "10.0.0.2", 80), flow("10.0.0.1", "8.8.8.8", 53)]
    for policy in _generate(*rows):
        for rule in (*policy.ingress, *policy.egress):
            assert rule.peers
            assert rule.ports
            assert all(port.port for port in rule.ports)
            assert all(
                peer.ip_block or (peer.pod_selector and peer.pod_selector != LabelSelector()) for peer in rule.peers
            )


def test_c24_default_deny_is_one_policy_for_each_namespace_with_policies_and_only_when_asked():
    found = _by_name(flow("10.0.0.1", "10.0.0.3", 3000), default_deny=True)
    deny = found["shop/default-deny-podfence"]
    assert (deny.pod_selector, deny.policy_types, deny.ingress, deny.egress) == (
        LabelSelector(), ("Ingress", "Egress"), (), (),
    )  # fmt: skip
    assert "shop/default-deny-podfence" not in _by_name(flow("10.0.0.1", "10.0.0.3", 3000))


def test_c25_two_kinds_of_one_name_get_two_names():
    parts = [deployment("web", ["10.0.0.1"]), pod("web", "10.0.0.2", {"run": "web"})]
    found = _by_name(flow("10.0.0.1", "8.8.8.8", 53), flow("10.0.0.2", "8.8.8.8", 53), parts=parts)
    assert sorted(found) == ["shop/web-deployment-podfence", "shop/web-pod-podfence"]


def test_c25_no_workloads_name_is_another_ones_name_with_its_kind():
    """Two kinds of `web` are web-pod and web-deployment: a third that is called so has another name."""
    web = pod("web", "10.0.0.8", {"app": "other"})
    third = deployment("web-pod", ["10.0.0.9"])
    rows = [flow(src, "8.8.8.8", 53) for src in ("10.0.0.1", "10.0.0.8", "10.0.0.9")]
    policies = _generate(*rows, parts=[*PARTS, web, third])
    assert len({policy.name for policy in policies}) == len(policies) == 3


def test_split_gives_each_direction_a_policy_of_the_same_rules():
    rows = flow("10.0.0.1", "10.0.0.3", 3000), flow("10.0.0.3", "8.8.8.8", 53)
    seen = _suggest(*rows)
    reviewed = review(seen, accept_observed(seen))
    whole = {policy.name: policy for policy in generate(reviewed)}
    parts = {policy.name: policy for policy in generate(reviewed, GenerateOptions(split=True))}
    assert list(parts) == ["api-egress-podfence", "api-ingress-podfence", "web-egress-podfence"]
    assert parts["api-ingress-podfence"].ingress == whole["api-podfence"].ingress
    assert parts["api-ingress-podfence"].policy_types == ("Ingress",)
    assert parts["api-egress-podfence"].egress == whole["api-podfence"].egress
    assert parts["api-egress-podfence"].pod_selector == whole["api-podfence"].pod_selector


def test_c25_a_workload_called_default_deny_does_not_collide_with_the_default_deny():
    parts = [deployment("default-deny", ["10.0.0.1"])]
    assert len(_by_name(flow("10.0.0.1", "8.8.8.8", 53), parts=parts, default_deny=True)) == 2


@given(st.text(min_size=1, max_size=300))
def test_c25_any_name_becomes_a_valid_subdomain(text):
    name = _shorten(f"{text}-podfence", text)
    assert len(name) <= 253
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*", name)


def test_c25_names_that_differ_only_in_what_had_to_be_replaced_stay_apart():
    assert _shorten("a_b-podfence", "a_b") != _shorten("a:b-podfence", "a:b")


def test_c25_annotations_tell_the_evidence_and_who_manages_it():
    (policy,) = _generate(flow("10.0.0.1", "8.8.8.8", 53, connections=4))
    assert dict(policy.labels) == {"app.kubernetes.io/managed-by": "podfence"}
    assert dict(policy.annotations)["podfence/connections"] == "4"
    assert dict(policy.annotations)["podfence/workload"] == "Deployment/web"
    assert "podfence/let-through" not in dict(policy.annotations)


def test_c25_a_policy_that_rests_on_the_word_of_a_policy_log_says_so():
    (policy,) = _generate(flow("10.0.0.1", "8.8.8.8", 53, connections=4, outcome="allowed"))
    found = dict(policy.annotations)
    assert (found["podfence/connections"], found["podfence/let-through"]) == ("0", "4")


def test_c18_inseparable_workloads_share_one_policy():
    parts = [
        deployment("web", ["10.0.0.1"]),
        deployment("web-canary", ["10.0.0.2"], labels={"app": "web", "track": "c"}),
    ]
    (policy,) = _generate(flow("10.0.0.1", "8.8.8.8", 53), flow("10.0.0.2", "8.8.4.4", 53), parts=parts)
    assert dict(policy.annotations)["podfence/workload"] == "Deployment/web Deployment/web-canary"
    assert len(policy.egress[0].peers) == 2


def test_the_order_of_the_observation_does_not_change_the_policies():
    rows = [flow("10.0.0.1", "10.0.0.3", port) for port in (80, 443, 3000)] + [flow("10.0.0.3", "8.8.8.8", 53)]
    assert _generate(*rows) == _generate(*reversed(rows))
