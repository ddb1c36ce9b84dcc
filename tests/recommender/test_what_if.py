"""The line that is always visible: it says what the simulator says of the policies that an export would write."""

from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.observation import ObservationWindow
from recommender.communications import summarize
from recommender.generate import GenerateOptions, generate
from recommender.policy import IPBlock
from recommender.resolve import resolve
from recommender.review import Decision, review
from recommender.simulate import simulate
from recommender.suggest import suggest
from recommender.vantages import once
from recommender.what_if import what_if
from recommender.widening import Widening
from tests.cluster import flow, flows
from tests.recommender.semantics.towns import lives
from tests.recommender.test_suggest import _suggest

CHOICES = st.lists(st.sampled_from(["accept", "accept", "decline", None, "whole"]), min_size=20, max_size=20)


def _decision(item, choice):
    whole = Widening(source=True) if item.ingress_of and item.egress_of else Widening(ports=(1, 65535))
    return Decision(item.id, "accept" if choice == "whole" else choice, widen=whole if choice == "whole" else None)


@settings(max_examples=150)
@given(lives(), CHOICES, st.booleans())
def test_it_says_what_the_simulator_says(life, choices, default_deny):
    town, rows = life
    known = town.inventory
    seen = summarize(once(resolve(flows(*rows), known), ObservationWindow())) if rows else ()
    suggestions = suggest(seen, known, ObservationWindow())
    given_choices = [(item, choices[at % 20]) for at, item in enumerate(suggestions.items)]
    reviewed = review(suggestions, [_decision(item, choice) for item, choice in given_choices if choice])
    policies = generate(reviewed, GenerateOptions(default_deny=default_deny))
    found = what_if(reviewed, default_deny=default_deny)
    assert sum(found.counts.values()) == len(suggestions.items)
    items = [*suggestions.items]
    for item, outcome in zip(items, simulate(policies, [i.communication for i in items], known), strict=True):
        passes = found.effects[item.id] in {"allowed", "not_affected"}
        assert passes == (outcome.verdict == "allowed"), outcome.reason
        if found.effects[item.id] == "not_affected":
            assert {outcome.ingress.isolated, outcome.egress.isolated} == {False}


ROWS = [flow("10.0.0.1", "10.0.0.3", 3000), flow("10.0.0.1", "10.0.0.3", 3001), flow("10.0.0.3", "8.8.8.8", 443),
        flow("10.0.0.3", "8.8.8.9", 443), flow("10.0.0.4", "8.8.4.4", 53)]  # fmt: skip


def _by_port(reviewed):
    effects = what_if(reviewed).effects
    return {f"{i.communication.dst} {i.communication.port}": effects[i.id] for i in reviewed.suggestions.items}


def test_accepting_one_rule_cuts_off_the_rest_of_its_directions():
    seen = _suggest(*ROWS)
    first = next(i for i in seen.items if i.communication.port == 3000)
    assert set(what_if(review(seen)).effects.values()) == {"not_affected"}
    found = _by_port(review(seen, [Decision(first.id, "accept")]))
    assert found["shop/Deployment/api 3000"] == "allowed"
    assert found["shop/Deployment/api 3001"] == "would_break"
    assert found["external 8.8.8.8 443"] == "not_affected"


def test_a_decline_is_blocked_only_where_something_closes_the_direction():
    seen = _suggest(*ROWS)
    by_port = {i.communication.port: i for i in seen.items}
    declined = Decision(by_port[3001].id, "decline")
    assert _by_port(review(seen, [declined]))["shop/Deployment/api 3001"] == "not_affected"
    accepted = Decision(by_port[3000].id, "accept")
    assert _by_port(review(seen, [declined, accepted]))["shop/Deployment/api 3001"] == "blocked"


def test_a_widened_rule_lets_the_undecided_that_it_holds_pass():
    seen = _suggest(*ROWS)
    chosen = next(i for i in seen.items if getattr(i.communication.dst, "address", "") == "8.8.8.8")
    block = Widening(addresses=IPBlock("8.8.8.8/31"))
    assert _by_port(review(seen, [Decision(chosen.id, "accept", widen=block)]))["external 8.8.8.9 443"] == "allowed"
    assert _by_port(review(seen, [Decision(chosen.id, "accept")]))["external 8.8.8.9 443"] == "would_break"


def test_what_worked_without_a_rule_for_it_is_counted_where_it_would_break():
    seen = _suggest(*ROWS, flow("10.77.0.1", "10.0.0.3", 3000))
    first = next(i for i in seen.items if i.communication.port == 3000)
    assert what_if(review(seen)).withheld == ()
    found = what_if(review(seen, [Decision(first.id, "accept")]))
    assert [str(item.src) for item in found.withheld] == ["unresolved 10.77.0.1"]
    assert str(found) == (
        "if exported now: 1 allowed, 1 would break, 0 blocked on purpose, 2 not affected; "
        "1 more would break that no rule can be written for"
    )
