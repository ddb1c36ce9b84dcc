"""Turns records into parts of connections, and adds up those of one key: earliest, latest, sums, bits by OR."""

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
_MIX = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, eq=False)
class Parts:
    """Rows of whole numbers: KEYS, first and last time in ns, bits, COUNTERS."""

    table: Array

    @staticmethod
    def of(columns: dict[str, Array]) -> "Parts":
        """Return the columns, which are all of KEYS, first, last, bits and COUNTERS, as parts."""
        return Parts(np.stack([columns[name] for name in _AT], axis=1).astype(np.int64, copy=False))

    @staticmethod
    def none() -> "Parts":
        """Return no parts."""
        return Parts(np.zeros((0, len(_AT)), dtype=np.int64))

    def __len__(self) -> int:
        return len(self.table)

    def __getitem__(self, name: str) -> Array:
        """Return one column, which is a view."""
        column: Array = self.table[:, _AT[name]]
        return column

    def take(self, rows: Array) -> "Parts":
        """Return these rows (positions or a mask)."""
        return Parts(self.table[rows])

    def __add__(self, other: "Parts") -> "Parts":
        return Parts(np.concatenate([self.table, other.table])) if len(other) else self

    def added_up(self) -> "Parts":
        """Return one row for each key, in the order of a digest of the key.

        Should two keys ever share a digest, rows of theirs may stay apart, and are added up later.
        """
        if not len(self):
            return self
        rows = self.table[np.argsort(_digest(self.table[:, :_MEASURES]), kind="stable")]
        new = np.ones(len(rows), dtype=bool)
        new[1:] = (rows[1:, :_MEASURES] != rows[:-1, :_MEASURES]).any(axis=1)
        starts = np.flatnonzero(new)
        total = rows[starts]
        first, last, bits = (_AT[name] for name in ("first", "last", "bits"))
        total[:, first] = np.minimum.reduceat(rows[:, first], starts)
        total[:, last] = np.maximum.reduceat(rows[:, last], starts)
        total[:, bits] = np.bitwise_or.reduceat(rows[:, bits], starts)
        total[:, bits + 1 :] = np.add.reduceat(rows[:, bits + 1 :], starts, axis=0)
        return Parts(total)


def _digest(keys: Array) -> Array:
    digest = np.zeros(len(keys), dtype=np.uint64)
    for column in keys.T.astype(np.uint64):
        digest = (digest ^ column) * _MIX
        digest ^= digest >> np.uint64(29)
    return digest
