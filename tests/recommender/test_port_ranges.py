"""C21: ranges of ports, held against every choice of ranges among few ports."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.errors import PodfenceError
from recommender.port_ranges import port_ranges

FIRST, SMALL = 30000, 11


def _runs(held):
    """The (first, last) of each run in a sorted list of ports."""
    found = []
    for port in held:
        if found and found[-1][1] == port - 1:
            found[-1] = (found[-1][0], port)
        else:
            found.append((port, port))
    return tuple(found)


def _tried_out(seen, never):
    """(ranges, never-seen ports) of every set of ports in a small space that holds all seen and nothing refused."""
    for chosen in product((False, True), repeat=SMALL):
        held = {FIRST + at for at, one in enumerate(chosen) if one}
        if held >= seen and held.isdisjoint(never - seen):
            yield len(_runs(sorted(held))), len(held - seen)


NEAR = st.integers(FIRST, FIRST + SMALL - 1)
ANY = st.integers(1, 65535)
BUDGETS = st.tuples(st.sampled_from(["most_ranges", "most_unseen"]), st.integers(0, 20) | st.integers(0, 10**6))


def _held(ranges):
    return {port for first, last in ranges for port in range(first, last + 1)}


@settings(max_examples=100)  # cheap, and the rare shapes matter
@given(st.sets(NEAR), st.sets(NEAR, max_size=4), BUDGETS)
def test_c21_no_choice_of_ranges_is_better(seen, never, budget):
    name, most = budget
    ways = list(_tried_out(seen, never))
    ranges = port_ranges(seen, never=never, **{name: most})
    if ranges is None:
        assert all(count > most for count, _ in ways)
        return
    found = (len(ranges), len(_held(ranges) - seen))
    if name == "most_ranges":
        assert found[::-1] == min((unseen, count) for count, unseen in ways if count <= most)
    else:
        assert found == min((count, unseen) for count, unseen in ways if unseen <= most)


@given(st.lists(ANY, max_size=30), st.lists(ANY, max_size=10), BUDGETS, st.randoms(use_true_random=False))
def test_c21_all_seen_ports_are_held_and_no_declined_one_in_whatever_order_they_come(seen, never, budget, random):
    ranges = port_ranges(seen, never=never, **dict([budget]))
    random.shuffle(mixed := [*seen, *seen[:3]])
    assert port_ranges(mixed, never=[*never[::-1], *never], **dict([budget])) == ranges
    if ranges is None:
        return
    held = _held(ranges)
    assert held >= set(seen)
    assert held.isdisjoint(set(never) - set(seen))
    assert ranges == _runs(sorted(held))
    assert budget[1] >= (len(ranges) if budget[0] == "most_ranges" else len(held - set(seen)))


@given(st.sets(ANY, max_size=30), st.sets(ANY, max_size=10), BUDGETS, st.integers(1, 1000))
def test_c21_a_bigger_budget_is_never_worse(seen, never, budget, more):
    name, most = budget
    small, big = (port_ranges(seen, never=never, **{name: value}) for value in (most, most + more))
    if small is None:
        return
    assert len(_held(big)) <= len(_held(small)) if name == "most_ranges" else len(big) <= len(small)


def test_c21_without_any_budget_only_neighbours_are_a_range():
    assert port_ranges([82, 80, 81, 443], most_unseen=0) == ((80, 82), (443, 443))
    assert port_ranges([82, 80, 81, 443], most_ranges=99) == ((80, 82), (443, 443))


def test_c21_the_cheapest_gaps_are_closed_first_and_of_equal_ones_the_lowest():
    seen = [1000, 1002, 1010, 1012, 2000]
    assert port_ranges(seen, most_unseen=1) == ((1000, 1002), (1010, 1010), (1012, 1012), (2000, 2000))
    assert port_ranges(seen, most_ranges=3) == ((1000, 1002), (1010, 1012), (2000, 2000))
    assert port_ranges(seen, most_unseen=8) == ((1000, 1002), (1010, 1012), (2000, 2000))
    assert port_ranges(seen, most_unseen=9) == ((1000, 1012), (2000, 2000))


def test_c21_a_declined_port_keeps_its_gap_open_but_a_seen_one_is_held_even_so():
    assert port_ranges([1000, 1002, 1004], most_ranges=2, never=[1001]) == ((1000, 1000), (1002, 1004))
    assert port_ranges([1000, 1002, 1004], most_ranges=1, never=[1001]) is None
    assert port_ranges([1000, 1001, 1002], most_ranges=1, never=[1001]) == ((1000, 1002),)


def test_c21_the_edges_of_the_port_space_are_ports_like_any_other():
    assert port_ranges([1, 65535], most_ranges=1) == ((1, 65535),)
    assert port_ranges([1, 65535], most_unseen=65533) == ((1, 65535),)
    assert port_ranges([1, 65535], most_unseen=65532) == ((1, 1), (65535, 65535))


def test_nothing_seen_needs_no_range_and_no_range_holds_no_port():
    assert port_ranges([], most_ranges=0) == port_ranges([], most_unseen=5, never=[80]) == ()
    assert port_ranges([80], most_ranges=0) is None
    assert port_ranges([80, 80], most_ranges=1) == ((80, 80),)


@pytest.mark.parametrize("port", [0, -1, 65536, "80", 80.5, "x" * 500])
def test_what_is_no_port_is_told_in_one_sentence(port):
    for ports in ({"ports": [port]}, {"ports": [80], "never": [port]}):
        with pytest.raises(PodfenceError, match=r"^port ranges: .{1,40} is no port; give numbers from 1 to 65535$"):
            port_ranges(**ports, most_unseen=0)


def test_a_budget_below_zero_is_refused_and_there_is_exactly_one():
    for budget in ({"most_ranges": -1}, {"most_unseen": -1}):
        with pytest.raises(PodfenceError, match=r"^port ranges: the budget -1 is below zero; give 0 or more$"):
            port_ranges([80], **budget)
    for budget in ({}, {"most_ranges": 1, "most_unseen": 1}):
        with pytest.raises(ValueError, match="give either"):
            port_ranges([80], **budget)
