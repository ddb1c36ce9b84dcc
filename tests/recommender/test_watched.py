"""The time that was really watched: the union of the sources' spans."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.observation import ObservationWindow
from recommender.watched import watched
from tests.recommender.coverages import START, at, window

HOUR = 3600 * 10**9
NO_PAUSE = pd.Timedelta(0)
PAIRS = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 10)), max_size=8)


@given(PAIRS, st.integers(-5, 70))
def test_d29_watched_time_is_every_hour_that_some_source_covers(drawn, until):
    pairs = [(start, start + length) for start, length in drawn]
    found = watched(window(*pairs) if pairs else ObservationWindow(), NO_PAUSE)
    hours = {hour for start, end in pairs for hour in range(start, end)}
    assert found.total == len(hours) * HOUR
    asked = np.array([at(until).value])
    assert found.before(asked).tolist() == [sum(hour < until for hour in hours) * HOUR]


@pytest.mark.parametrize(("pause", "longest"), [("5min", 2), ("1h", 5)])
def test_d29_a_short_pause_between_rotated_captures_is_none(pause, longest):
    found = watched(window((0, 2), (3, 5)), pd.Timedelta(pause))
    assert found.longest == longest * HOUR


def test_d29_a_window_without_source_times_counts_by_itself():
    assert watched(ObservationWindow(START, at(3)), NO_PAUSE).total == 3 * HOUR


def test_d29_without_any_time_nothing_was_watched():
    found = watched(ObservationWindow(), NO_PAUSE)
    assert (found.total, found.longest, found.before(np.array([START.value])).tolist()) == (0, 0, [0])
