import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from recommender.spans import Spans, during, groups, numbered

_BOUNDS = st.lists(st.lists(st.integers(0, 12), unique=True, max_size=6).map(sorted), max_size=4)
_ASKED = st.lists(st.tuples(st.integers(-1, 4), st.integers(-1, 13), st.integers(0, 4)), min_size=1, max_size=12)


def _columns(rows, width):
    return np.array(rows, dtype=np.int64).reshape(-1, width).T


@given(_BOUNDS, _ASKED)
def test_b7_the_segments_touched_are_those_that_overlap_the_time_and_have_the_key(bounds, asked):
    segments = [(key, *pair) for key, of in enumerate(bounds) for pair in zip(of[::2], of[1::2], strict=False)]
    keys, first, lasting = _columns(asked, 3)
    low, high = Spans(*_columns(segments, 3)).touched(keys, first, first + lasting)
    for at, (key, begin, length) in enumerate(asked):
        wanted = [
            place
            for place, (own, start, end) in enumerate(segments)
            if own == key and start <= begin + length and begin < end
        ]
        assert list(range(low[at], high[at])) == wanted


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=12))
def test_numbers_are_the_same_exactly_where_the_values_are(pairs):
    numbers, firsts = numbered(*_columns(pairs, 2))
    assert [pairs[firsts[number]] for number in numbers] == pairs
    assert len(firsts) == len(set(pairs))


def test_groups_are_every_position_once_by_code():
    assert [(code, rows.tolist()) for code, rows in groups(np.array([2, 0, 2]))] == [(0, [1]), (2, [0, 2])]
    assert list(groups(np.array([], dtype=np.int64))) == []


def test_during_asks_once_for_each_combination_and_a_window_ends_before_its_end():
    asked = []
    columns = (np.array([1, 1, 1, 2]),)
    first = np.array([0, 4, 5, 4])

    def windows(row):
        asked.append(row)
        return [(2, 5)] if row == 0 else []

    assert during(columns, first, first, windows).tolist() == [False, True, False, False]
    assert asked == [0, 3]
