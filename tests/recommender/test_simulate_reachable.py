"""What could reach a workload and what it could reach: each word of it against `judge`."""

from hypothesis import given, settings

from recommender.simulate.reachable import reachable
from tests.recommender.simulated import app, block, cluster, pod, policy, tcp, template, workload
from tests.recommender.test_simulate_difference import (
    ADDRESSES,
    CLUSTER,
    OPTIONS,
    PAIRS,
    PODS,
    POINTS,
    POLICIES,
    holds,
    own_node,
    verdicts,
)

SMALL = cluster(
    pod("web", "10.0.0.1", node="n1"),
    pod("api", "10.0.0.2", node="n2", ports=[(8080, "TCP", "http")]),
    pod("probe", "10.0.1.1", namespace="watch", node="n1"),
    pod("agent", "192.168.0.1", namespace="watch", node="n1", host=True),
    nodes=[("n1", "192.168.0.1"), ("n2", "192.168.0.2")],
)


def told(found, name, direction, namespace="shop"):
    (reach,) = [r for r in found if r.workload == workload(name, namespace) and r.direction == direction]
    return [(other.ends.text, sorted(other.ports)) for other in reach.others]


def _says(reaches, other, point):
    """Say what a workload's reach has to say of one port of another end."""
    protocol, port = point
    for reach in reaches:
        for each in reach.others:
            if holds(each.ends, other):
                for word, spans in (("allowed", each.ports), ("undecidable", each.undecidable)):
                    if any(s[0] == protocol and s[1] <= port <= s[2] for s in spans):
                        return word
    return "denied"


@settings(max_examples=40, deadline=None)
@given(POLICIES, OPTIONS)
def test_what_could_reach_a_pod_is_what_judge_allows_at_every_port_and_from_every_end(policies, options):
    found = reachable(policies, CLUSTER, options)
    judged = verdicts(policies, PAIRS, CLUSTER, options)
    of_pod = {
        (name, direction): [
            r
            for r in found
            if r.workload == each.workload and r.direction == direction and (not r.pods or name in r.pods)
        ]
        for name, each in PODS.items()
        for direction in ("Ingress", "Egress")
    }
    for src, dst in PAIRS:
        if own_node(src, dst) or (src == dst and options.self_always_allowed):
            continue
        for point in POINTS:
            for subject, other, direction in ((src, dst, "Egress"), (dst, src, "Ingress")):
                if subject in PODS:
                    assert _says(of_pod[subject, direction], other, point) == judged[src, dst, *point]
    assert len(ADDRESSES) > len(PODS)


def test_a_workload_that_nothing_isolates_is_open_to_all_and_says_so():
    found = reachable([], SMALL)
    every_port = [("SCTP", 1, 65535), ("TCP", 1, 65535), ("UDP", 1, 65535)]
    everyone = [
        "every workload", "host network watch/Deployment/agent", "any pod not yet born", "every node",
        "every address outside",
    ]  # fmt: skip
    for direction in ("Ingress", "Egress"):
        assert told(found, "api", direction) == [(text, every_port) for text in everyone]
    assert not any(reach.isolated or reach.policies for reach in found)


def test_an_isolated_direction_names_policies_and_who_is_let_in_known_or_not_yet_born():
    policies = [
        policy("api", select={"app": "api"}, ingress=[{"from": [app("web")], "ports": tcp("http")}]),
        policy("any", select={"app": "api"}, ingress=[{"from": [{"podSelector": {}}], "ports": tcp(9090)}]),
        policy("pay", select={"app": "api"}, ingress=[{"from": [block("203.0.113.0/24", "203.0.113.7/32")]}]),
    ]
    found = reachable(policies, SMALL)
    (reach,) = [r for r in found if r.workload == workload("api") and r.direction == "Ingress"]
    assert (reach.isolated, reach.policies) == (True, ("shop/any", "shop/api", "shop/pay"))
    assert told(found, "api", "Ingress") == [
        ("shop/Deployment/web", [("TCP", 8080, 8080), ("TCP", 9090, 9090)]),
        ("shop/Deployment/api", [("TCP", 9090, 9090)]),
        ("any pod not yet born of namespace watch", []),
        ("any pod not yet born of namespace shop", [("TCP", 9090, 9090)]),
        ("203.0.113.0/24 but 203.0.113.7/32", [("SCTP", 1, 65535), ("TCP", 1, 65535), ("UDP", 1, 65535)]),
    ]


def test_the_other_end_must_let_it_through_as_well():
    closed = [
        policy("web", select={"app": "web"}, types=["Egress"]),
        policy("api", select={"app": "api"}, types=["Egress"]),
    ]
    found = reachable(closed, SMALL)
    assert "shop/Deployment/web" not in str(told(found, "probe", "Ingress", "watch"))
    assert told(found, "web", "Egress") == []


def test_pods_not_yet_born_are_subjects_too_and_a_default_deny_isolates_them():
    found = reachable([policy("deny", types=["Ingress"])], SMALL)
    unborn = {(r.namespace, r.direction): r for r in found if r.workload is None}
    assert unborn["shop", "Ingress"].isolated
    assert unborn["shop", "Ingress"].others == ()
    assert not unborn["watch", "Ingress"].isolated
    assert unborn["shop", "Ingress"].subject == "any pod not yet born of namespace shop"


def test_a_host_network_workload_is_isolated_by_nothing_and_says_so():
    found = reachable([policy("deny", "watch", types=["Ingress", "Egress"])], SMALL)
    agent = [r for r in found if r.workload == workload("agent", "watch")]
    assert [(r.isolated, r.policies, r.host_network) for r in agent] == [(False, (), True)] * 2


def test_only_one_workload_is_looked_at_where_one_is_named_and_it_says_the_same():
    policies = [policy("api", select={"app": "api"}, ingress=[{"from": [app("web")]}])]
    one = reachable(policies, SMALL, only=workload("api"))
    assert [(r.subject, r.direction) for r in one] == [("shop/Deployment/api", d) for d in ("Ingress", "Egress")]
    assert told(one, "api", "Ingress") == told(reachable(policies, SMALL), "api", "Ingress")


def test_pods_of_one_workload_that_differ_are_told_apart():
    two = cluster(pod("w-1", "10.0.0.1", of="w", app="w"), pod("w-2", "10.0.0.2", of="w", app="w", canary="1"))
    found = reachable([policy(select={"canary": "1"}, types=["Ingress"])], two)
    assert [(r.pods, r.isolated) for r in found if r.direction == "Ingress" and r.workload] == [
        (("shop/w-1",), False), (("shop/w-2",), True),
    ]  # fmt: skip


def test_a_workload_whose_labels_are_not_known_is_neither_isolated_nor_open():
    known = cluster(pod("web", "10.0.0.1"), workloads=[template("later")])
    found = reachable([policy(select={"app": "web"}, types=["Ingress"])], known)
    (reach,) = [r for r in found if r.workload == workload("later") and r.direction == "Ingress"]
    assert reach.isolated is None
    assert all(not other.ports and other.undecidable for other in reach.others)


def test_an_empty_inventory_has_nothing_to_reach():
    assert reachable([policy(types=["Ingress"])], cluster()) == ()
