"""What is shown of two sets of policies is where they differ, and nothing that every decision changes."""

from recommender.generate import generate
from recommender.notebook.differing import difference
from recommender.review import decided, review
from tests.recommender.notebook.reviews import shop

SEEN = shop()


def test_a_difference_is_empty_between_equals_and_leaves_out_what_every_decision_changes():
    policies = generate(review(SEEN, [decided(SEEN, SEEN.items[0], "accept")]))
    digest = generate(review(SEEN, [decided(SEEN, SEEN.items[0], "accept"), decided(SEEN, SEEN.items[1], "decline")]))
    assert policies != digest
    assert difference(policies, digest) == ()
    signs = [sign for sign, _ in difference((), policies)]
    assert signs == ["@", *["+"] * (len(signs) - 1)]
