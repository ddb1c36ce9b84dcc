"""What happens to the clocks of a machine is told apart: that it slept, that somebody set the clock, nothing."""

import pytest

from collectors.learning.learn import _Clock

SECOND = 10**9


@pytest.mark.parametrize(
    ("day", "awake", "always", "expected"),
    [
        (60, 60, 60, ("", "")),
        (61.9, 60, 60.5, ("", "")),
        (3660, 60, 3660, ("the machine slept for 3600 s", "")),
        (3660, 60, 60, ("", "the clock was set by +3600 s")),
        (-40, 60, 60, ("", "the clock was set by -100 s")),
        (7000, 60, 3660, ("the machine slept for 3600 s", "the clock was set by +3340 s")),
    ],
)
def test_sleep_and_a_clock_that_was_set_are_told(day, awake, always, expected):
    before = _Clock(day=10**18, awake=5 * SECOND, always=7 * SECOND)
    after = _Clock(day=10**18 + int(day * SECOND), awake=int((5 + awake) * SECOND), always=int((7 + always) * SECOND))
    assert after.sentences(before) == expected
