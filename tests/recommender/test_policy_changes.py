"""What changes between two sets of policies, rule by rule."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from recommender.policy import EGRESS, INGRESS, IPBlock, LabelSelector, NetworkPolicy, Peer, Port, Requirement, Rule
from recommender.policy_changes import policy_changes, rule_words, selector_words, without_notes

WEB = LabelSelector((("app", "web"),))
FROM_WEB = Rule((Peer(WEB),), (Port("TCP", 80),))
TO_ALL = Rule((Peer(ip_block=IPBlock("0.0.0.0/0", ("10.0.0.0/8",))),), (Port("UDP", 53), Port("TCP", 1, 9)))
ONE = NetworkPolicy("shop", "one", WEB, (INGRESS,), (FROM_WEB,))

rules = st.lists(st.sampled_from([FROM_WEB, TO_ALL, Rule(), Rule(ports=(Port("SCTP", 7),))]), max_size=3, unique=True)
policies = st.builds(
    lambda name, selector, types, ingress, egress, labels: NetworkPolicy(
        "shop", name, selector, types, tuple(ingress), tuple(egress), labels=labels
    ),
    st.sampled_from("abc"),
    st.sampled_from([WEB, LabelSelector()]),
    st.sampled_from([(INGRESS,), (EGRESS,), (INGRESS, EGRESS)]),
    rules,
    rules,
    st.sampled_from([(), (("k", "v"),)]),
)
sets = st.lists(policies, max_size=3, unique_by=lambda one: one.name)


@given(sets, sets)
def test_there_is_a_change_for_each_policy_that_differs_and_for_no_other(before, after):
    old, new = ({one.name: one for one in listed} for listed in (before, after))
    expected = {
        f"shop/{name}": "added" if name not in old else "removed" if name not in new else "changed"
        for name in old.keys() | new.keys()
        if old.get(name) != new.get(name)
    }
    found = policy_changes(before, after)
    assert {one.name: one.kind for one in found} == expected
    assert all(one.details for one in found)
    assert [one.name for one in found] == sorted(expected)


@given(sets, sets)
def test_there_and_back_again_says_the_opposite(before, after):
    def turned(changes):
        words = {"+": "-", "-": "+", "~": "~"}
        return [(one.name, sorted(f"{words[d[0]]}{d[1:]}" for d in one.details if d[0] != "~")) for one in changes]

    there = [(one.name, sorted(d for d in one.details if d[0] != "~")) for one in policy_changes(before, after)]
    assert turned(policy_changes(after, before)) == there


def test_a_changed_policy_tells_its_rules_its_pods_and_its_directions():
    other = replace(ONE, pod_selector=LabelSelector(), policy_types=(INGRESS, EGRESS), ingress=(), egress=(TO_ALL,))
    (change,) = policy_changes([ONE], [other])
    assert list(change.lines) == [
        "~ shop/one: changed",
        "    ~ selects every pod, not app=web",
        "    ~ isolates ingress and egress, not ingress",
        "    - ingress from app=web at TCP 80",
        "    + egress to 0.0.0.0/0 except 10.0.0.0/8 at UDP 53, TCP 1-9",
    ]


def test_what_changes_nothing_that_a_policy_does_is_said_to_be_that():
    labelled = replace(ONE, labels=(("k", "v"),), annotations=(("a", "b"),))
    assert policy_changes([ONE], [labelled])[0].details == ("~ labels or annotations only",)
    assert policy_changes([without_notes(labelled, [])], [ONE]) == ()
    two = replace(ONE, ingress=(FROM_WEB, TO_ALL))
    (change,) = policy_changes([two], [replace(two, ingress=two.ingress[::-1])])
    assert change.details == ("~ the order of its rules only",)


def test_a_rule_without_peers_or_ports_says_what_it_opens():
    assert rule_words(Rule(), INGRESS) == "ingress from anybody at every port"
    both = Peer(WEB, LabelSelector((("kubernetes.io/metadata.name", "data"),)))
    assert rule_words(Rule((both,), (Port("SCTP"),)), EGRESS) == "egress to app=web in data at every SCTP port"
    assert rule_words(Rule((Peer(namespace_selector=LabelSelector()),)), INGRESS).startswith(
        "ingress from every pod in every namespace"
    )
    wanted = LabelSelector((), (Requirement("tier", "In", ("a", "b")), Requirement("x", "Exists")))
    assert selector_words(wanted) == "tier In (a, b),x Exists"


def test_a_rule_of_thousands_of_peers_is_one_short_line():
    peers = tuple(Peer(ip_block=IPBlock(f"10.0.{n // 256}.{n % 256}/32")) for n in range(5000))
    assert len(rule_words(Rule(peers, (Port("TCP", 1),)), EGRESS)) < 500
