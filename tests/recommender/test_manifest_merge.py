"""The same policy twice counts once, and two that differ are refused with both places."""

from dataclasses import replace

import pytest

from collectors.errors import UnreadableInput
from recommender.manifest_merge import once
from recommender.policy import EGRESS
from tests.recommender.simulated import policy


def test_the_same_policy_counts_once_at_its_first_place():
    assert once([(policy("a"), "x"), (policy("b"), "y"), (policy("a"), "z")]) == (
        (policy("a"), "x"),
        (policy("b"), "y"),
    )


def test_labels_and_annotations_make_no_other_policy():
    copy = replace(policy("a"), labels=(("k", "v"),), annotations=(("k", "v"),))
    assert once([(policy("a"), "x"), (copy, "y")]) == ((policy("a"), "x"),)


def test_one_name_in_two_namespaces_is_two_policies():
    assert len(once([(policy("a"), "x"), (policy("a", "data"), "x")])) == 2


def test_two_policies_of_one_name_that_differ_are_refused_with_both_places():
    other = replace(policy("a"), policy_types=(EGRESS,))
    with pytest.raises(UnreadableInput, match=r"^y: NetworkPolicy shop/a stands .* differs from that in x; keep one"):
        once([(policy("a"), "x"), (other, "y")])
