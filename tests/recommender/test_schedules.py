"""The longest time between two runs of a CronJob, against a clock that is walked minute by minute."""

from itertools import pairwise

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from recommender.schedules import longest_gap


@pytest.mark.parametrize(
    ("schedule", "longest"),
    [
        ("* * * * *", "1min"),
        ("*/5 * * * *", "5min"),
        ("*/7 * * * *", "7min"),
        ("5/20 * * * *", "20min"),
        ("48 * * * *", "1h"),
        ("@hourly", "1h"),
        ("0 9-17 * * *", "16h"),
        ("0,30 9-17/4 * * 1-5", "2D 15h 30min"),
        ("@daily", "1D"),
        ("@midnight", "1D"),
        ("30 2 * * ?", "1D"),
        ("0 3 * * MON-FRI", "3D"),
        ("0 3 * * sun", "7D"),
        ("0 3 * * 7", "7D"),
        ("0 3 * * 5-7", "5D"),
        ("@weekly", "7D"),
        ("0 0 */2 * *", "2D"),
        ("@monthly", "31D"),
        ("0 0 31 * *", "61D"),
        ("0 0 1 jan,JUL *", "184D"),
        ("@yearly", "366D"),
        ("@annually", "366D"),
        ("0 0 29 2 *", "1461D"),
        ("0 0 1 1 1", "342D"),  # the first, or any Monday, of January: 25 January 2016 to 1 January 2017
        ("0 0 1 1 tue", "342D"),  # 25 January 2028 to 1 January 2029, over the end of the cycle
        ("TZ=Europe/Berlin 0 3 * * *", "1D"),
        ("CRON_TZ=UTC @daily", "1D"),
        ("@every 1h30m", "90min"),
        ("  0   3 * * *  ", "1D"),
    ],
)
def test_d29_the_longest_gap_of_a_schedule_is(schedule, longest):
    assert longest_gap(schedule) == pd.Timedelta(longest)


@pytest.mark.parametrize(
    "schedule",
    [
        "", "daily", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8",
        "5-1 * * * *", "*/0 * * * *", "*-5 * * * *", "a * * * *", "jan * * * *", "1,,2 * * * *", "@never", "@every",
        "@every 0s", "@every 99999999999999999999h", "0 0 30 2 *", "1" * 500, "٣ * * * *", "* * * * *" + " " * 300,
    ],
)  # fmt: skip
def test_d29_what_is_no_schedule_or_never_comes_has_no_gap(schedule):
    assert longest_gap(schedule) is None


def _walked(minutes, hours, weekdays):
    """The longest gap found by looking at every minute of two weeks."""
    start = pd.Timestamp("2026-03-01T00:00Z")
    runs = [
        at
        for at in pd.date_range(start, periods=14 * 24 * 60, freq="min")
        if at.minute in minutes and at.hour in hours and at.isoweekday() % 7 in weekdays
    ]
    return max(later - earlier for earlier, later in pairwise(runs))


@settings(max_examples=15, deadline=None)
@given(
    minutes=st.sets(st.integers(0, 59), min_size=1, max_size=4),
    hours=st.sets(st.integers(0, 23), min_size=1, max_size=4),
    weekdays=st.sets(st.integers(0, 6), min_size=1),
)
@example(minutes={0}, hours={0}, weekdays={0})
def test_d29_the_gap_is_the_one_that_a_clock_finds(minutes, hours, weekdays):
    fields = [",".join(map(str, sorted(values))) for values in (minutes, hours, weekdays)]
    assert longest_gap(f"{fields[0]} {fields[1]} * * {fields[2]}") == _walked(minutes, hours, weekdays)


@given(st.text(alphabet="0123456789*/-,?@ abcdefghijklmnopqrstuvwxyz=\n\x00", max_size=40))
def test_d29_no_text_from_a_cluster_makes_it_fail(text):
    gap = longest_gap(text)
    assert gap is None or gap > pd.Timedelta(0)


@settings(deadline=None)
@given(st.lists(st.sampled_from(["*", "0", "1-5", "*/9", "7", "jan", "?", "2,4"]), min_size=5, max_size=5))
def test_d29_no_schedule_of_the_right_shape_makes_it_fail(fields):
    gap = longest_gap(" ".join(fields))
    assert gap is None or gap >= pd.Timedelta(minutes=1)
