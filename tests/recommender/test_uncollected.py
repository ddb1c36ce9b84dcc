"""The search for cycles rests, and goes on as it was before."""

import gc

import pytest

from recommender.uncollected import uncollected


def test_the_search_rests_inside_and_goes_on_after():
    assert gc.isenabled()
    with uncollected():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_the_search_goes_on_after_a_fault_too():
    with pytest.raises(ValueError, match="fault"), uncollected():
        raise ValueError("fault")
    assert gc.isenabled()


def test_one_inside_another_leaves_it_off_until_the_outer_ends():
    with uncollected():
        with uncollected():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()
