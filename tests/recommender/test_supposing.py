"""What deciding otherwise would change is what deciding it then does change."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.observation import ObservationWindow
from recommender.communications import summarize
from recommender.generate import generate
from recommender.openings import selector_of
from recommender.resolve import resolve
from recommender.review import Decision, decided, directions, review
from recommender.suggest import suggest
from recommender.supposing import consequence, cut_with, policies_of, supposed
from recommender.vantages import once
from recommender.what_if import what_if
from recommender.widening import Widening
from tests.cluster import flows
from tests.recommender.notebook.reviews import large, shop
from tests.recommender.semantics.towns import lives

SEEN = shop()
SEVERAL = large(workloads=30, rows=60, namespaces=3)


def _decisions(seen, choices):
    return [decided(seen, item, choice) for item, choice in zip(seen.items, choices, strict=False) if choice]


CHOICES = st.lists(st.sampled_from(["accept", "decline", ""]), min_size=60, max_size=60)
ODD_CHOICES = st.lists(st.sampled_from(["accept", "decline", None, "stale"]), min_size=20, max_size=20)


@given(CHOICES, st.integers(0, 59))
def test_supposing_is_as_reviewing_with_that_decision(choices, at):
    item, now = SEVERAL.items[at], review(SEVERAL, _decisions(SEVERAL, choices))
    others = [d for d in now.decisions.values() if d.id != item.id]
    for accepted in (True, False):
        then = supposed(now, item, accepted=accepted)
        real = review(SEVERAL, [*others, decided(SEVERAL, item, "accept")] if accepted else others)
        assert then.accepted == real.accepted
        assert set(then.undecided) == set(real.undecided)
        assert then.declined == real.declined
        assert what_if(then) == what_if(real)


@given(CHOICES, st.integers(0, 59))
def test_the_policies_of_a_row_are_those_of_the_whole_export(choices, at):
    now, item = review(SEVERAL, _decisions(SEVERAL, choices)), SEVERAL.items[at]
    ends = [SEVERAL.subjects[ref] for ref, _ in directions(item)]
    meant = {(subject.namespace, selector_of(subject)) for subject in ends}
    whole = tuple(policy for policy in generate(now) if (policy.namespace, policy.pod_selector) in meant)
    assert policies_of(now, item) == whole


def _decided_by(suggestions, choices):
    pairs = [(item, choices[at % 20]) for at, item in enumerate(suggestions.items)]
    return [
        Decision(item.id, "accept", "something else") if choice == "stale" else decided(suggestions, item, choice)
        for item, choice in pairs
        if choice
    ]


@settings(max_examples=80, deadline=None)
@given(lives(), ODD_CHOICES)
def test_what_accepting_one_would_do_is_what_exporting_with_it_does(life, choices):
    town, rows = life
    seen = summarize(once(resolve(flows(*rows), town.inventory), ObservationWindow())) if rows else ()
    suggestions = suggest(seen, town.inventory, ObservationWindow())
    decisions = {decision.id: decision for decision in _decided_by(suggestions, choices)}
    reviewed = review(suggestions, decisions.values())
    for item in suggestions.items:
        without = review(suggestions, [d for key, d in decisions.items() if key != item.id])
        with_it = review(suggestions, {**decisions, item.id: decided(suggestions, item, "accept")}.values())
        before, after = what_if(without), what_if(with_it)
        found = consequence(reviewed, item)
        for effect, items in (("would_break", found.breaks), ("blocked", found.blocks)):
            fresh = {k for k in after.effects if after.effects[k] == effect != before.effects[k]} - {item.id}
            assert {other.id for other in items} == fresh
        assert {*found.cut} == {other.id for other in (*found.breaks, *found.blocks)}
        assert {*found.isolates} == with_it.isolated - without.isolated
        assert {*map(str, found.unruled)} == {*map(str, after.withheld)} - {*map(str, before.withheld)}
        whole = {p.key: p for p in generate(with_it)}
        parts = policies_of(found.accepted, item)
        assert parts
        assert all(whole[p.key] == p for p in parts)


@given(CHOICES, st.integers(0, 59))
def test_what_accepting_cuts_off_among_many_is_the_difference_of_what_exporting_does(choices, at):
    item, now = SEVERAL.items[at], review(SEVERAL, _decisions(SEVERAL, choices))
    before, after = (what_if(supposed(now, item, accepted=accepted)) for accepted in (False, True))
    cut = {key: effect for key, effect in after.effects.items()
           if effect in {"would_break", "blocked"} and before.effects[key] != effect}  # fmt: skip
    found = consequence(now, item)
    assert found.cut == cut
    assert found.accepted == supposed(now, item, accepted=True)


def test_what_is_accepted_stays_as_it_was_accepted_and_anything_else_is_accepted_as_it_was_seen():
    item = next(item for item in SEEN.items if item.communication.port == 5432)
    wide = replace(decided(SEEN, item, "accept"), widen=Widening(ports=(5432, 5440)))
    stale = replace(wide, what="something else")
    assert supposed(review(SEEN, [wide]), item, accepted=True).decisions[item.id] == wide
    assert supposed(review(SEEN, [stale]), item, accepted=True).decisions[item.id] == decided(SEEN, item, "accept")
    assert supposed(review(SEEN, [stale]), item, accepted=False).decisions == {}


def test_an_accepted_row_names_what_its_directions_cut_off_now():
    item = next(item for item in SEEN.items if item.communication.port == 5432)
    other = next(item for item in SEEN.items if item.communication.port == 5433)
    now = review(SEEN, [decided(SEEN, item, "accept")])
    assert cut_with(now, what_if(now), item) == {other.id: "would_break"}
