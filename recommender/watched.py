"""Turns the times of an observation's sources into the time that was really watched, without the pauses."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from collectors.observation import ObservationWindow
from recommender.spans import Array


@dataclass(frozen=True, eq=False)
class Watched:
    """Disjoint spans of time in nanoseconds, sorted."""

    starts: Array
    ends: Array

    @property
    def total(self) -> int:
        """All of it."""
        return int((self.ends - self.starts).sum())

    @property
    def longest(self) -> int:
        """The longest span without a pause."""
        return int((self.ends - self.starts).max(initial=0))

    def before(self, instants: Array) -> Array:
        """Return how much was watched before each of these instants."""
        if not len(self.starts):
            return np.zeros(len(instants), dtype=np.int64)
        lengths = self.ends - self.starts
        at = np.searchsorted(self.starts, instants, "right") - 1
        within = np.clip(instants - self.starts[at], 0, lengths[at])
        return np.where(at < 0, 0, (np.cumsum(lengths) - lengths)[at] + within)


def watched(window: ObservationWindow, pause: pd.Timedelta) -> Watched:
    """Return the spans that the sources of a window cover together; breaks up to `pause` long are none.

    A source covers the time from its first packet to its last. Without any source's times the window's own count.
    """
    times = [(s.start, s.end) for s in window.sources] or [(window.start, window.end)]
    known = sorted(
        (start.value, max(start, end).value) for start, end in times if start is not None and end is not None
    )
    spans: list[tuple[int, int]] = []
    for start, end in known:
        if spans and start <= spans[-1][1] + pause.value:
            spans[-1] = spans[-1][0], max(end, spans[-1][1])
        else:
            spans.append((start, end))
    bounds = np.array(spans, dtype=np.int64).reshape(-1, 2)
    return Watched(bounds[:, 0], bounds[:, 1])
