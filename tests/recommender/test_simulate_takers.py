"""Whom a rule takes, and that what is said of a crowd is what would be said of each."""

from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.manifest_read import policy_from_object
from recommender.policy import LabelSelector, Peer, Rule
from recommender.simulate import excess
from recommender.simulate.takers import ANY_NAMESPACE, Census
from tests.recommender.simulated import T0, cluster, pod, policy, seen, template, workload

_PODS = {"a": "shop", "b": "shop", "c": "shop", "d": "watch", "e": "watch"}
SMALL = cluster(
    *(
        pod(name, f"10.0.0.{at}", namespace=space, app=name, ports=[(at % 2 + 1, "TCP", "http")])
        for at, (name, space) in enumerate(_PODS.items())
    ),
    pod("a-2", "10.0.0.8", of="a", app="a", ports=[(4, "TCP", "http")]),
    pod("old", "10.0.0.9", of="a", end=T0, app="a"),
    workloads=[template("unborn", app="unborn")],
)
REFS = [*(workload(name, space) for name, space in _PODS.items()), workload("unborn")]
EVERY = Peer(namespace_selector=LabelSelector())


def test_a_selector_without_labels_takes_a_crowd_of_its_namespace_and_one_with_labels_takes_a_list():
    census = Census([policy(select={"app": "a"})], SMALL)
    of_own = census.takers(Rule((Peer(pod_selector=LabelSelector()),)), "shop")
    assert not of_own.limited
    assert {label: set(crowd.members) for label, crowd in of_own.wide.items()} == {
        "any pod of namespace shop": {ref for ref in REFS if ref.namespace == "shop"}
    }
    by_label = census.takers(Rule((Peer(pod_selector=LabelSelector((("app", "a"),))),)), "shop")
    assert (set(by_label.limited), by_label.wide) == ({workload("a")}, {})


def test_a_crowd_counts_living_pods_and_a_workload_without_any_as_one_to_be():
    (crowd,) = Census([], SMALL).takers(Rule(), "shop").wide.values()
    assert crowd.size == len(_PODS) + 1 + 1


def test_a_crowd_is_made_once_for_all_rules_that_take_it():
    census = Census([], SMALL)
    assert census.takers(Rule((EVERY,)), "shop") is census.takers(Rule((EVERY,)), "shop")
    assert list(census.takers(Rule((EVERY,)), "shop").wide) == [ANY_NAMESPACE]


_PORT = st.sampled_from([{"port": 1}, {"port": 1, "endPort": 4}, {"port": "http"}, {"port": 2, "protocol": "UDP"}, {}])
_ACCEPTED = st.lists(
    st.tuples(st.sampled_from(REFS), st.sampled_from([("TCP", 1), ("TCP", 2), ("TCP", 4), ("UDP", 2)])), max_size=6
)


@settings(max_examples=150, deadline=None)
@given(st.lists(_PORT, max_size=2), _ACCEPTED, st.booleans())
def test_a_rule_for_everyone_leaves_of_each_what_a_rule_for_that_one_leaves(ports, accepted, into):
    side, section = ("from", "ingress") if into else ("to", "egress")

    def left(peers):
        spec = {
            "podSelector": {"matchLabels": {"app": "c"}},
            "policyTypes": [section.capitalize()],
            section: [{side: peers, "ports": ports}],
        }
        item = {"metadata": {"name": "p", "namespace": "shop"}, "spec": spec}
        subject = workload("c")
        communications = [
            seen(*((ref, subject) if into else (subject, ref)), port=number, protocol=protocol)
            for ref, (protocol, number) in accepted
        ]
        return {entry.peer: entry for entry in excess([policy_from_object(item, "p")], communications, SMALL)}

    one_by_one = {}
    for ref in REFS:
        labels = {"podSelector": {"matchLabels": {"app": ref.name}}, "namespaceSelector": {}}
        one_by_one |= left([labels])
    together = left([{"namespaceSelector": {}}])
    crowd = together.pop(ANY_NAMESPACE)
    assert together == {peer: one_by_one[peer] for peer in together}
    sizes = {str(ref): 2 if ref.name == "a" else 1 for ref in REFS}
    untouched = {str(ref) for ref in REFS} - {str(ref) for ref, point in accepted if _opens(ports, point, ref, into)}
    assert crowd.size == sum(sizes[name] for name in untouched)
    assert not untouched & together.keys()


def _opens(ports, point, ref, into):
    """Say, by the words of the API, whether a rule's ports let a point through to c, or to a workload."""
    protocol, number = point
    target = "c" if into else ref.name
    named = {"a": {1, 4}, "b": {2}, "c": {1}, "d": {2}, "e": {1}, "unborn": set()}[target]
    return not ports or any(
        protocol == port.get("protocol", "TCP")
        and (
            "port" not in port
            or (
                number in named
                if port["port"] == "http"
                else port["port"] <= number <= port.get("endPort", port["port"])
            )
        )
        for port in ports
    )
