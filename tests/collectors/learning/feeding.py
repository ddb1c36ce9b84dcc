"""Turns a store, feeds and a number of turns into a learner that runs, and pipes into feeds; for the tests of feeds."""

import contextlib
import io
import os
import time

import pandas as pd

from collectors.learning import LearnOptions, learn
from collectors.learning.feed import Interval
from collectors.segments import Segments

START = pd.Timestamp("2026-11-01T10:00:00Z")


def span(minute=0):
    return Interval(START + pd.Timedelta(minutes=minute), START + pd.Timedelta(minutes=minute + 1))


def until(holds, seconds=20):
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.01)


@contextlib.contextmanager
def piped():
    """Give the raw reading end of a pipe, and the end to write into."""
    read, write = os.pipe()
    with io.FileIO(read) as stream, io.FileIO(write, "w") as pipe:
        yield stream, pipe


def learnt(folder, feeds, *, stopped=lambda: False, budget=None, **options):
    """Learn until all feeds have ended, or it is stopped; return the intervals that were told."""
    told = []
    with Segments(folder, budget) as segments:
        learn(segments, feeds, LearnOptions(**{"every": 0.2, **options}), stopped, told.append)
    return told
