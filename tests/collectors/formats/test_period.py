"""A period is said by days or times, holds its first time and not its last, and what is none is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.errors import PodfenceError
from collectors.formats.period import Period, period_of

DAY = 86_400 * 10**9
FIRST = 1_772_323_200 * 10**9  # 2026-03-01
ends = st.one_of(st.none(), st.integers(0, 9))


def test_a_day_begins_at_midnight_in_utc():
    assert period_of("2026-03-01", "2026-03-02") == Period(FIRST, FIRST + DAY)
    assert period_of("2026-03-01T01:00:00+01:00", None) == period_of("2026-03-01T00:00:00Z", None) == Period(FIRST)
    assert period_of(None, "2026-03-01") == Period(None, FIRST)
    assert period_of(None, None) is None


@given(since=ends, until=ends, times=st.lists(st.integers(0, 9), min_size=1))
def test_a_period_misses_a_stretch_only_if_it_holds_none_of_its_times(since, until, times):
    period = Period(since, until)
    held = period.holds(np.array(times))
    assert held.tolist() == [(since is None or since <= time) and (until is None or time < until) for time in times]
    assert not (period.misses(min(times), max(times)) and held.any())
    assert period.misses(times[0], times[0]) == (not held[0])


@pytest.mark.parametrize("text", ["24h", "-1d", "yesterday", "", "2026-13-01", "2026-03-01T25:00:00Z", "x" * 999])
def test_what_is_no_time_is_refused_in_a_sentence(text):
    with pytest.raises(PodfenceError, match=r"^--since '.{0,80}' is no time: write 2026-11-23, or .*Z\.$"):
        period_of(text, None)


@pytest.mark.parametrize("until", ["2026-03-01", "2026-02-28T23:59:59Z"])
def test_a_period_that_ends_before_it_begins_is_refused(until):
    with pytest.raises(PodfenceError, match=f"--since 2026-03-01 is not before --until {until}: exchange them"):
        period_of("2026-03-01", until)
