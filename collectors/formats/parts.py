"""Turns records into parts of connections, and adds up those of one key: earliest, latest, sums, bits by OR."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from collectors.formats.columns import Array

TEXTS: Final = (
    "protocol", "src", "dst", "service_ip", "src_namespace", "src_pod", "dst_namespace", "dst_pod", "reporter",
)  # fmt: skip
PORTS: Final = ("src_port", "dst_port", "service_port")
KEYS: Final = (*TEXTS, *PORTS, "share", "source", "bucket")
"""What tells parts apart: numbers of texts (-1: none), ports (-1: none), millionths kept, number of the input, ns."""
COUNTERS: Final = ("connections", "packets", "bytes", "reply_packets", "reply_bytes")
_AT: Final = {name: at for at, name in enumerate((*KEYS, "first", "last", "bits", *COUNTERS))}
_MEASURES: Final = len(KEYS)
KNOWN: Final = {name: 1 << (40 + at) for at, name in enumerate(COUNTERS)}
"""Bits, beside those of `Seen`, of the counters that are known."""
_ADD_UP: Final = {"first": np.minimum, "last": np.maximum, "bits": np.bitwise_or}
_MIX = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, eq=False)
class Parts:
    """Columns of whole numbers, one after the other: KEYS, first and last time in ns, bits, COUNTERS."""

    table: Array

    @staticmethod
    def of(columns: dict[str, Array]) -> "Parts":
        """Return the columns, which are all of KEYS, first, last, bits and COUNTERS, as parts."""
        return Parts(np.stack([columns[name] for name in _AT]).astype(np.int64, copy=False))

    @staticmethod
    def none() -> "Parts":
        """Return no parts."""
        return Parts(np.zeros((len(_AT), 0), dtype=np.int64))

    def __len__(self) -> int:
        return int(self.table.shape[1])

    def __getitem__(self, name: str) -> Array:
        """Return one column, which is a view."""
        column: Array = self.table[_AT[name]]
        return column

    def take(self, rows: Array) -> "Parts":
        """Return these rows (positions or a mask)."""
        return Parts(self.table[:, rows])

    @staticmethod
    def joined(some: Sequence["Parts"]) -> "Parts":
        """Return all rows of some, one after the other."""
        return Parts(np.concatenate([part.table for part in some], axis=1))

    def added_up(self) -> "Parts":
        """Return one row for each key, in the order of a digest of the key.

        Should two keys ever share a digest, rows of theirs may stay apart, and are added up later.
        """
        if not len(self):
            return self
        # most columns of a log say the same in all rows: those need no sorting
        same = [bool((column == column[0]).all()) for column in self.table]
        order, new = grouped([self.table[at] for at in range(_MEASURES) if not same[at]], len(self))
        starts = np.flatnonzero(new)
        total = np.empty((len(_AT), len(starts)), dtype=np.int64)
        for at, name in enumerate(_AT):
            column, add_up = self.table[at], _ADD_UP.get(name, np.add)
            if same[at] and (at < _MEASURES or add_up is not np.add or column[0] == 0):
                total[at] = column[0]
            elif at < _MEASURES:
                total[at] = column[order[starts]]
            else:
                total[at] = add_up.reduceat(column[order], starts)
        return Parts(total)


def grouped(columns: Sequence[Array], rows: int) -> tuple[Array, Array]:
    """Return an order in which rows that are alike in all columns lie together, and where in it each group begins.

    Should two kinds of row ever share a digest, they may be parted into more groups; different rows never share one.
    """
    order = np.argsort(_digest(columns, rows))
    new = np.zeros(rows, dtype=bool)
    new[:1] = True
    for column in columns:
        along = column[order]
        new[1:] |= along[1:] != along[:-1]
    return order, new


def numbered(*columns: Array) -> Array:
    """Return the number of each row's group, as `grouped` tells them apart."""
    order, new = grouped(columns, len(columns[0]))
    number = np.empty(len(order), dtype=np.int64)
    number[order] = np.cumsum(new) - 1
    return number


def _digest(columns: Sequence[Array], rows: int) -> Array:
    digest = np.zeros(rows, dtype=np.uint64)
    for column in columns:
        digest ^= column.astype(np.int64, copy=False).view(np.uint64)
        digest *= _MIX
        digest ^= digest >> np.uint64(29)
    return digest
