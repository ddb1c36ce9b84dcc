"""A stall of the process is counted once by whoever notices it first, and the next one again."""

import time

from collectors.watching_shared import AT_ONCE, Pace, Shared


def shared():
    return Shared(api=None, timeline=None, missing=None, pace=Pace(), say=print)


def stand_still(watch):
    watch._pulse = time.time() - 2 * AT_ONCE.total_seconds()


def test_before_the_first_pulse_nothing_stood_still():
    assert shared().stalls() == 0


def test_a_stall_counts_once_whoever_notices_it():
    watch = shared()
    watch.pulse()
    stand_still(watch)
    assert [watch.stalls(), watch.stalls()] == [1, 1]
    watch.pulse()
    assert watch.stalls() == 1


def test_two_stalls_before_the_next_pulse_are_two():
    watch = shared()
    watch.pulse()
    stand_still(watch)
    watch.stalls()
    stand_still(watch)
    watch.pulse()
    assert watch.stalls() == 2
