"""Turns the running totals of conversations into what came since the record before."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from collectors.formats.columns import Array, Numbers, Texts

MAXIMUM: Final = 1 << 18
"""Conversations that are remembered at once; the one longest without a record is forgotten first."""


class Totals:
    """The last totals of every conversation that has not ended."""

    def __init__(self, maximum: int = MAXIMUM) -> None:
        self._last: dict[str, Array] = {}
        self._maximum = maximum

    def since(self, key: Texts, ends: Array, totals: Sequence[Numbers]) -> list[Numbers]:
        """Return what was added to each total since the conversation's record before; all of it where there is none.

        `ends` is where a record is a conversation's last. A total that is less than the one before begins anew.
        Records without a key say nothing, and come in the order of the log.
        """
        values = np.stack([numbers.values for numbers in totals], axis=1)
        rows = np.flatnonzero(key.known)
        rows = rows[np.argsort(key.codes[rows], kind="stable")]
        before = self._before(key, ends, values, rows)
        added = np.where((values >= before).all(axis=1, keepdims=True), values - before, values)
        self._remember(key, ends, values, rows)
        return [Numbers(added[:, at], numbers.known).where(key.known) for at, numbers in enumerate(totals)]

    def _before(self, key: Texts, ends: Array, values: Array, rows: Array) -> Array:
        before = np.zeros_like(values)
        if not len(rows):
            return before
        codes = key.codes[rows]
        again = np.zeros(len(rows), dtype=bool)
        again[1:] = codes[1:] == codes[:-1]
        earlier = np.roll(rows, 1)
        before[rows] = np.where((again & ~ends[earlier])[:, None], values[earlier], 0)
        for row in rows[~again].tolist():
            last = self._last.get(key.values[key.codes[row]])
            if last is not None:
                before[row] = last
        return before

    def _remember(self, key: Texts, ends: Array, values: Array, rows: Array) -> None:
        last = rows[np.append(key.codes[rows][1:] != key.codes[rows][:-1], True)] if len(rows) else rows
        for row in np.sort(last).tolist():
            name = key.values[key.codes[row]]
            self._last.pop(name, None)
            if not ends[row]:
                self._last[name] = values[row]
        while len(self._last) > self._maximum:
            del self._last[next(iter(self._last))]
