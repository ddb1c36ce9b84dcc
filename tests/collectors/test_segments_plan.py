"""Few segments, few rewrites, small merges: the bounds that `collectors.segments_plan` states."""

from itertools import pairwise
from math import log

from hypothesis import given
from hypothesis import strategies as st

from collectors.segments_plan import FAN, Segment, beyond, largest_for, next_merge, spanning

LARGEST = 1000
SIZES = st.lists(st.one_of(st.integers(1, 30), st.integers(1, 1500)), max_size=120)


def grown(intervals, *, pack=False):
    """Add intervals of these sizes one by one, merge what is due, and return sizes, writes of each interval, reads."""
    sizes, writes, reads = {}, [], []
    for number, size in enumerate(intervals, 1):
        sizes[Segment(number, number)] = size
        writes.append(1)
        while parts := next_merge(sizes, LARGEST, pack=pack):
            whole = spanning(parts)
            reads.append(sum(sizes[part] for part in parts))
            sizes = {one: held for one, held in sizes.items() if one not in parts} | {whole: reads[-1]}
            for interval in range(whole.first, whole.last + 1):
                writes[interval - 1] += 1
    return sizes, writes, reads


def levels(intervals):
    return int(log(max(intervals, 1), FAN) + 1e-9) + 1


@given(SIZES)
def test_segments_are_few_rows_are_written_seldom_and_merges_are_small(intervals):
    sizes, writes, reads = grown(intervals)
    assert len(sizes) <= 15 * levels(len(intervals)) + 4 * sum(intervals) / LARGEST + 1
    assert max(writes, default=0) <= levels(len(intervals)) + 2
    assert max(reads, default=0) <= LARGEST


def test_ten_thousand_small_intervals_are_a_few_segments():
    sizes, writes, _ = grown([0] * 10_000)
    assert len(sizes) <= 15 * 4
    assert max(writes) == 4


@given(SIZES)
def test_merged_segments_hold_every_interval_once(intervals):
    sizes, _, _ = grown(intervals)
    held = [number for one in sorted(sizes) for number in range(one.first, one.last + 1)]
    assert held == list(range(1, len(intervals) + 1))
    assert sum(sizes.values()) == sum(intervals)


@given(SIZES)
def test_packed_of_two_neighbours_one_is_full(intervals):
    sizes, _, _ = grown(intervals, pack=True)
    held = [sizes[one] for one in sorted(sizes)]
    assert all(max(pair) > LARGEST // 2 for pair in pairwise(held))


@given(SIZES, st.integers(1, 3000))
def test_what_a_budget_removes_is_the_oldest_and_no_more_than_it_must(intervals, budget):
    sizes, _, _ = grown(intervals)
    gone = beyond(sizes, budget)
    stay = sorted(set(sizes) - set(gone))
    assert gone == sorted(sizes)[: len(gone)]
    assert bool(stay) == bool(sizes)
    room = budget - budget // 8
    if gone:
        assert sum(sizes.values()) > budget
        assert len(stay) == 1 or sum(sizes[one] for one in stay) <= room
        assert sum(sizes[one] for one in (gone[-1], *stay)) > room
    else:
        assert len(sizes) < 2 or sum(sizes.values()) <= budget


def test_a_merge_comes_to_no_more_than_an_eighth_of_the_budget():
    assert largest_for(800) == 100
    assert largest_for(1 << 40) == largest_for(None)


def test_a_segment_is_named_by_ten_digits_each():
    assert Segment(7, 22).name == "0000000007-0000000022"
    assert [Segment(1, last).level for last in (1, 15, 16, 255, 256)] == [0, 0, 1, 1, 2]
