"""Turns rows that are not to stay in memory into a file, and back, those of earlier time buckets first."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Final
from weakref import finalize

import numpy as np

from collectors.errors import writing
from collectors.formats.columns import Array
from collectors.formats.rows import Rows

MOST_ROWS: Final = 1 << 17
"""Rows that come back at once, where one bucket does not have more."""
_NARROW: Final = (np.iinfo(np.int8), np.iinfo(np.int16), np.iinfo(np.int32))


@dataclass(frozen=True, eq=False)
class _Column:
    """Where in the file the values of a column are, of which type, and which they had; one value if all are alike."""

    offset: int
    stored: "np.dtype[Any]"
    given: "np.dtype[Any]"
    alike: bool

    def read(self, file: int, first: int, end: int) -> Array:
        """Return the values of some rows."""
        if self.alike:
            return np.broadcast_to(self._values(file, self.offset, 1), end - first)
        return self._values(file, self.offset + first * self.stored.itemsize, end - first)

    def _values(self, file: int, offset: int, count: int) -> Array:
        return np.frombuffer(os.pread(file, count * self.stored.itemsize, offset), self.stored).astype(self.given)


@dataclass(frozen=True, eq=False)
class _Piece:
    """Rows that were put aside together, ordered by bucket: the buckets, and where the rows of each end."""

    buckets: Array
    ends: Array
    columns: dict[str, _Column]

    def read(self, file: int, low: int, high: int) -> Rows:
        """Return the rows of the buckets from one to another."""
        first, end = np.searchsorted(self.buckets, [low, high + 1])
        ends = np.append(0, self.ends)
        bounds = int(ends[first]), int(ends[end])
        return Rows({name: column.read(file, *bounds) for name, column in self.columns.items()})


class Aside:
    """Rows with a column `bucket` in a file without a name in a folder, which is gone as soon as nobody has it.

    Raises PodfenceError where it cannot be written.
    """

    def __init__(self, folder: Path, most_rows: int = MOST_ROWS) -> None:
        self.most_rows = most_rows
        self._folder, self._pieces, self._size = folder, list[_Piece](), 0
        self._file: Any = None

    def __bool__(self) -> bool:
        """Return whether anything was put aside."""
        return bool(self._pieces)

    def put(self, rows: Rows) -> None:
        """Put rows aside."""
        order = np.argsort(rows["bucket"], kind="stable")
        buckets, firsts = np.unique(rows["bucket"][order], return_index=True)
        with writing(self._folder):
            if self._file is None:
                self._file = TemporaryFile(dir=self._folder, buffering=0)  # noqa: SIM115 - as long as this is there
                finalize(self, self._file.close)
            columns = {name: self._column(column, order) for name, column in rows.columns.items()}
        self._pieces.append(_Piece(buckets, np.append(firsts[1:], len(rows)), columns))

    def stretches(self) -> Iterator[Rows]:
        """Yield all that was put aside, each bucket as a whole: about `most_rows` at once, or one bucket."""
        if not self._pieces:
            return
        buckets = np.concatenate([piece.buckets for piece in self._pieces])
        counts = np.concatenate([np.diff(piece.ends, prepend=0) for piece in self._pieces])
        found, place = np.unique(buckets, return_inverse=True)
        ends = np.cumsum(np.bincount(place, weights=counts))
        first, before = 0, 0.0
        while first < len(found):
            end = max(int(np.searchsorted(ends, before + self.most_rows, side="right")), first + 1)
            low, high = int(found[first]), int(found[end - 1])
            yield Rows.joined(piece.read(self._file.fileno(), low, high) for piece in self._pieces)
            first, before = end, float(ends[end - 1])

    def _column(self, column: Array, order: Array) -> _Column:
        alike = column.strides == (0,)
        values = column[:1] if alike else column[order]
        low, high = int(values.min()), int(values.max())
        narrow = next((kind.dtype for kind in _NARROW if kind.min <= low and high <= kind.max), values.dtype)
        made = _Column(self._size, narrow, column.dtype, alike)
        left = np.ascontiguousarray(values, dtype=narrow).data.cast("B")
        self._size += len(left)
        while left:
            left = left[self._file.write(left) :]
        return made
