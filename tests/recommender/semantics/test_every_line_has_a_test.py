"""Every numbered line of the semantics has a case that holds, and no case is for a line that is not there."""

from collections import Counter

from tests.recommender.semantics import (
    test_a_evidence,
    test_b_identity,
    test_c_decisions,
    test_c_objects,
    test_c_rules,
    test_d_numbers,
    test_widening,
)
from tests.recommender.semantics.table import LINES

MODULES = (
    test_a_evidence, test_b_identity, test_c_rules, test_c_objects, test_c_decisions, test_d_numbers, test_widening,
)  # fmt: skip
CASES = [one for module in MODULES for one in module.CASES]


def test_the_lines_are_numbered_from_1_to_32():
    assert [int(name[1:]) for name in LINES] == list(range(1, 33))


def test_every_line_has_a_case_that_holds():
    """A case that is expected to fail is no proof."""
    assert set(LINES) - {one.number for one in CASES if not one.fails} == set()


def test_every_case_is_for_a_line():
    assert {one.number for one in CASES} - set(LINES) == set()


def test_no_two_cases_have_one_id():
    assert [name for name, count in Counter(one.id for one in CASES).items() if count > 1] == []
