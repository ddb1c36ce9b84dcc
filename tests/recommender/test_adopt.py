"""Existing policies as decisions (semantics C26)."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.observation import ObservationWindow
from recommender.adopt import adopt
from recommender.generate import GenerateOptions, generate
from recommender.review import review
from recommender.simulate import simulate
from recommender.suggest import suggest
from tests.recommender.simulated import EVIDENCE, app, block, cluster, pod, policy, seen, tcp

SHOP = cluster(
    pod("web", "10.0.0.1"),
    pod("api", "10.0.0.2"),
    pod("db", "10.0.0.3"),
)
INTO_DB = policy("db", select={"app": "db"}, ingress=[{"from": [app("api")], "ports": tcp(80)}])


def oriented(*parts):
    """Make a communication of which a handshake was seen."""
    return replace(seen(*parts), evidence=replace(EVIDENCE, orientations=("handshake",)))


def suggested(*communications):
    return suggest(communications, SHOP, ObservationWindow())


def test_c26_what_an_existing_rule_allows_is_accepted_and_says_by_which():
    (decision,) = adopt([INTO_DB], suggested(oriented("api", "db")), SHOP).decisions
    assert (decision.choice, decision.what) == ("accept", "shop/Deployment/api -> shop/Deployment/db TCP/80")
    assert (decision.by, decision.why) == ("adopted from shop/db", "allowed there by shop/db ingress[0]")


def test_c26_what_no_policy_isolates_stays_undecided():
    assert adopt([INTO_DB], suggested(oriented("api", "web")), SHOP).decisions == ()


def test_c26_what_either_isolated_half_denies_is_contradicted_and_not_decided():
    closed = policy("closed", select={"app": "api"}, types=["Egress"])
    communication = oriented("api", "db")
    found = adopt([INTO_DB, closed], suggested(communication), SHOP)
    assert found.decisions == ()
    assert [outcome.communication for outcome in found.contradicted] == [communication]


def test_c26_openings_that_nothing_observed_uses_are_listed_and_not_decided():
    wide = policy("db", select={"app": "db"}, ingress=[{"from": [app("api"), app("web")], "ports": tcp(80, 81)}])
    found = adopt([wide], suggested(oriented("api", "db")), SHOP)
    assert len(found.decisions) == 1
    assert [(e.peer, e.ports) for e in found.unused] == [
        ("shop/Deployment/api", "TCP/81"),
        ("shop/Deployment/web", "TCP/80-81"),
    ]


def test_c26_many_policies_are_named_in_short():
    twins = [replace(INTO_DB, name=f"p{number}") for number in range(5)]
    (decision,) = adopt(twins, suggested(oriented("api", "db")), SHOP).decisions
    assert decision.by == "adopted from shop/p0, shop/p1, shop/p2 and 2 more"


_NAMES = ["web", "api", "db"]
_PEERS = st.sampled_from([app("web"), app("api"), app("db"), block("198.51.100.0/29")])
_RULES = st.lists(
    st.builds(
        lambda peers, port: (peers, port),
        st.lists(_PEERS, min_size=1, max_size=2),
        st.sampled_from([80, 81]),
    ),
    max_size=2,
)
_POLICY = st.builds(
    lambda name, ingress, egress, types: policy(
        name,
        select={"app": name},
        types=types,
        ingress=[{"from": peers, "ports": tcp(port)} for peers, port in ingress],
        egress=[{"to": peers, "ports": tcp(port)} for peers, port in egress],
    ),
    st.sampled_from(_NAMES),
    _RULES,
    _RULES,
    st.sampled_from([["Ingress"], ["Egress"], ["Ingress", "Egress"]]),
)
_POLICIES = st.lists(_POLICY, max_size=3, unique_by=lambda one: one.name)
_EVERY = [
    oriented(src, dst, port)
    for src in _NAMES
    for dst in (*_NAMES, "198.51.100.3")
    for port in (80, 81)
    if src != dst
]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(_POLICIES, st.lists(st.sampled_from(_EVERY), unique=True, max_size=8))
def test_c26_what_is_adopted_is_what_the_policies_allow_of_the_isolated_and_its_export_allows_it_too(policies, traffic):
    suggestions = suggested(*traffic)
    found = adopt(policies, suggestions, SHOP)
    accepted = review(suggestions, found.decisions).accepted
    verdicts = {o.communication: o for o in simulate(policies, [i.communication for i in suggestions.items], SHOP)}
    assert {item.communication for item in accepted} == {
        communication
        for communication, outcome in verdicts.items()
        if outcome.verdict == "allowed" and (outcome.egress.isolated or outcome.ingress.isolated)
    }
    export = generate(review(suggestions, found.decisions))
    outcomes = simulate(export, [item.communication for item in accepted], SHOP)
    assert {outcome.verdict for outcome in outcomes} <= {"allowed"}


_NOT_SEEN = [*_EVERY, *(oriented("198.51.100.3", dst, port) for dst in _NAMES for port in (80, 81, 82))]


@settings(max_examples=60, deadline=None)
@given(_POLICIES, st.lists(st.sampled_from(_EVERY), unique=True, max_size=8), st.booleans())
def test_c26_an_export_of_what_is_adopted_lets_through_no_more_than_the_policies_at_each_end_that_it_closes(
    policies, traffic, denying
):
    suggestions = suggested(*traffic)
    found = adopt(policies, suggestions, SHOP)
    export = generate(review(suggestions, found.decisions), GenerateOptions(default_deny=denying))
    both = (simulate(listed, _NOT_SEEN, SHOP) for listed in (policies, export))
    for before, after in zip(*both, strict=True):
        for then, now in ((before.egress, after.egress), (before.ingress, after.ingress)):
            assert not now.isolated or now.verdict != "allowed" or then.verdict == "allowed"
