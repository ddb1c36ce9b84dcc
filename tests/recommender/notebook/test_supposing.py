"""What deciding otherwise would change is what deciding it then does change."""

from hypothesis import given
from hypothesis import strategies as st

from recommender.generate import generate
from recommender.notebook.supposing import cut_by, cut_with, difference, policies_of, supposed
from recommender.openings import selector_of
from recommender.review import decided, directions, review
from recommender.what_if import what_if
from tests.recommender.notebook.reviews import large, shop

SEEN = shop()
SEVERAL = large(workloads=30, rows=60, namespaces=3)


def _decisions(seen, choices):
    return [decided(seen, item, choice) for item, choice in zip(seen.items, choices, strict=False) if choice]


CHOICES = st.lists(st.sampled_from(["accept", "decline", ""]), min_size=60, max_size=60)


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


@given(CHOICES, st.integers(0, 59))
def test_what_accepting_cuts_off_is_the_difference_of_what_exporting_does(choices, at):
    now, item = review(SEVERAL, _decisions(SEVERAL, choices)), SEVERAL.items[at]
    before, after = what_if(now), what_if(supposed(now, item, accepted=True))
    cut = {key: effect for key, effect in after.effects.items()
           if effect in {"would_break", "blocked"} and before.effects[key] != effect}  # fmt: skip
    assert cut_by(now, before, item) == cut


def test_an_accepted_row_names_what_its_directions_cut_off_now():
    item = next(item for item in SEEN.items if item.communication.port == 5432)
    other = next(item for item in SEEN.items if item.communication.port == 5433)
    now = review(SEEN, [decided(SEEN, item, "accept")])
    assert cut_with(now, what_if(now), item) == {other.id: "would_break"}


def test_a_difference_is_empty_between_equals_and_leaves_out_what_every_decision_changes():
    policies = generate(review(SEEN, [decided(SEEN, SEEN.items[0], "accept")]))
    digest = generate(review(SEEN, [decided(SEEN, SEEN.items[0], "accept"), decided(SEEN, SEEN.items[1], "decline")]))
    assert policies != digest
    assert difference(policies, digest) == ()
    signs = [sign for sign, _ in difference((), policies)]
    assert signs == ["@", *["+"] * (len(signs) - 1)]
