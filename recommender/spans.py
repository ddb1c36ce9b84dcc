"""Turns disjoint segments of time into an index that a million flows ask at once which segments they touch."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Spans:
    """Segments [start, end) in nanoseconds, sorted by key (0, 1, ...) and start; those of one key never overlap."""

    keys: Array
    starts: Array
    ends: Array

    @cached_property
    def _instants(self) -> Array:
        return np.unique(self.ends)

    @cached_property
    def _sorted_ends(self) -> Array:
        return self.keys * self._radix + np.searchsorted(self._instants, self.ends, "right")

    @property
    def _radix(self) -> int:
        return len(self._instants) + 1

    def touched(self, keys: Array, first: Array, last: Array) -> tuple[Array, Array]:
        """Return the ranges low <= at < high of the segments that [first, last] touches; low == high is none.

        Key -1 has no segment.
        """
        asked = keys * self._radix + np.searchsorted(self._instants, first, "right")
        low = np.searchsorted(self._sorted_ends, asked, "right")
        own = np.append(self.keys, -2)
        starts = np.append(self.starts, 0)
        high = low.copy()
        rows = np.flatnonzero((own[low] == keys) & (starts[low] <= last))
        while len(rows):
            high[rows] += 1
            at = high[rows]
            rows = rows[(own[at] == keys[rows]) & (starts[at] <= last[rows])]
        return low, high


def groups(codes: Array) -> Iterator[tuple[int, Array]]:
    """Yield each distinct code, ascending, with the positions that hold it."""
    if not len(codes):
        return
    order = np.argsort(codes, kind="stable")
    bounds = np.flatnonzero(np.diff(codes[order])) + 1
    for rows in np.split(order, bounds):
        yield int(codes[rows[0]]), rows


def numbered(*columns: Array) -> tuple[Array, Array]:
    """Return a number for each distinct combination of the columns' values, and where each was first seen."""
    numbers = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        codes, values = pd.factorize(column)
        numbers, _ = pd.factorize(numbers * (len(values) + 1) + codes)
    firsts = np.empty(int(numbers.max(initial=-1)) + 1, dtype=np.int64)
    firsts[numbers[::-1]] = np.arange(len(numbers))[::-1]
    return numbers, firsts


def during(
    columns: tuple[Array, ...], first: Array, last: Array, windows_of: Callable[[int], Sequence[tuple[int, int]]]
) -> Array:
    """Return where [first, last] touches one of the half-open windows that `windows_of` gives.

    It is asked once for each distinct combination of the columns' values, with the position of a row that has it.
    """
    found = np.zeros(len(first), dtype=bool)
    if not len(first):
        return found
    number, firsts = numbered(*columns)
    windows = [windows_of(row) for row in firsts.tolist()]
    known = np.flatnonzero(np.array([bool(of) for of in windows])[number])
    for code, at in groups(number[known]):
        rows = known[at]
        for start, end in windows[code]:
            found[rows] |= (first[rows] < end) & (last[rows] >= start)
    return found
