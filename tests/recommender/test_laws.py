"""The laws of the whole river on random clusters and traffic (design.md 6, laws 4 and 5)."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from collectors.observation import ObservationWindow
from recommender.communications import summarize
from recommender.generate import GenerateOptions, generate
from recommender.resolve import resolve
from recommender.review import Decision, review
from recommender.simulate import excess, simulate
from recommender.suggest import suggest
from tests.cluster import deployment, flow, flows, inventory, namespace, pod

# Two namespaces that share workload names and labels, a bare pod, and two addresses outside.
CLUSTER = inventory(
    namespace("shop"),
    namespace("data"),
    deployment("web", ["10.0.0.1", "10.0.0.2"]),
    deployment("cache", ["10.0.0.3"]),
    deployment("cache", ["10.0.1.3"], ns="data"),
    deployment("db", ["10.0.1.4"], ns="data", labels={"app": "db", "tier": "x"}, selector={"app": "db"}),
    pod("debug", "10.0.0.9", {"run": "debug"}),
)
_PODS = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.1.3", "10.0.1.4", "10.0.0.9"]
_TRAFFIC = st.lists(
    st.tuples(
        st.sampled_from([*_PODS, "203.0.113.7"]),
        st.sampled_from([*_PODS, "2001:db8::5", "198.51.100.9"]),
        st.sampled_from([53, 80, 5432]),
        st.sampled_from(["TCP", "UDP"]),
        st.sampled_from(["established", "established", "refused"]),
    ).filter(lambda row: row[0] != row[1]),
    min_size=1,
    max_size=10,
)


def _suggestions(traffic):
    rows = [flow(src, dst, port, protocol, outcome=outcome) for src, dst, port, protocol, outcome in traffic]
    seen = summarize(resolve(flows(*rows), CLUSTER))
    return suggest(seen, CLUSTER, ObservationWindow())


def _decided(suggestions, declined=frozenset()):
    choices = [Decision(i.id, "decline" if at in declined else "accept") for at, i in enumerate(suggestions.items)]
    return review(suggestions, choices)


def _verdicts(policies, items):
    return [outcome.verdict for outcome in simulate(policies, [item.communication for item in items], CLUSTER)]


@given(_TRAFFIC, st.booleans(), st.booleans())
def test_law_4_every_accepted_communication_is_allowed(traffic, default_deny, split):
    reviewed = _decided(_suggestions(traffic))
    policies = generate(reviewed, GenerateOptions(default_deny, split))
    assert set(_verdicts(policies, reviewed.accepted)) <= {"allowed"}


@given(_TRAFFIC)
def test_law_4_without_any_one_rule_something_accepted_is_denied(traffic):
    reviewed = _decided(_suggestions(traffic))
    policies = generate(reviewed)
    for at, policy in enumerate(policies):
        for side in ("ingress", "egress"):
            rules = getattr(policy, side)
            for gone in range(len(rules)):
                less = replace(policy, **{side: rules[:gone] + rules[gone + 1 :]})
                assert "denied" in _verdicts([*policies[:at], less, *policies[at + 1 :]], reviewed.accepted)


@given(_TRAFFIC, st.sets(st.integers(0, 9)))
def test_law_4_nothing_declined_is_allowed_where_its_ends_are_isolated(traffic, declined):
    reviewed = _decided(_suggestions(traffic), declined)
    policies = generate(reviewed, GenerateOptions(default_deny=True))
    closed = {policy.namespace for policy in policies}
    for item in reviewed.declined:
        subjects = [ref for ref in (item.ingress_of, item.egress_of) if ref is not None]
        if any(ref.namespace in closed for ref in subjects):
            assert _verdicts(policies, [item]) == ["denied"]


@given(_TRAFFIC, st.booleans(), st.booleans())
def test_law_5_nothing_is_allowed_that_was_not_accepted(traffic, default_deny, split):
    reviewed = _decided(_suggestions(traffic))
    policies = generate(reviewed, GenerateOptions(default_deny, split))
    assert excess(policies, [item.communication for item in reviewed.accepted], CLUSTER) == ()


@given(_TRAFFIC)
def test_a2_refused_traffic_is_denied_when_everything_is_closed(traffic):
    suggestions = _suggestions(traffic)
    policies = generate(_decided(suggestions), GenerateOptions(default_deny=True))
    closed = {policy.namespace for policy in policies}
    refused = [item for item in suggestions.withheld if item.why == "did_not_work"]
    for item in refused:
        ends = [end for end in (item.communication.src, item.communication.dst) if hasattr(end, "namespace")]
        if any(end.namespace in closed for end in ends):
            assert _verdicts(policies, [item]) == ["denied"]
