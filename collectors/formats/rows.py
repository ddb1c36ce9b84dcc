"""Turns columns of whole numbers into rows that are grouped and added up."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from collectors.digests import digests
from collectors.formats.columns import Array

COUNTERS: Final = ("connections", "packets", "bytes", "reply_packets", "reply_bytes")
ADD_UP: Final[Mapping[str, np.ufunc]] = {
    "first": np.minimum, "last": np.maximum, "bits": np.bitwise_or, "share": np.minimum, "source": np.minimum,
    **dict.fromkeys(COUNTERS, np.add),
}  # fmt: skip
"""How rows become one, by column; the rows of a group say the same in all others."""
MOST: Final[Mapping[str, np.ufunc]] = {**ADD_UP, **dict.fromkeys(COUNTERS, np.maximum)}
"""How several views of the same become one."""
_MOST: Final = 1 << 62


@dataclass(frozen=True, eq=False)
class Rows:
    """Columns of whole numbers of one length, by name; at least one.

    Most columns of a log say the same in all rows. Such a column is one number seen many times (its stride is 0):
    it takes no memory, and is neither sorted nor added up.
    """

    columns: Mapping[str, Array]

    @staticmethod
    def of(columns: Mapping[str, Array]) -> "Rows":
        """Return the columns as rows."""
        return Rows({name: _thin(column) for name, column in columns.items()})

    @staticmethod
    def joined(some: Iterable["Rows"]) -> "Rows":
        """Return all of some rows with the same columns, one after the other."""
        listed = list(some)
        listed = [rows for rows in listed if len(rows)] or listed[:1]
        return Rows({name: _end_to_end([rows[name] for rows in listed]) for name in listed[0].columns})

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def __getitem__(self, name: str) -> Array:
        """Return one column, which is not to be written to."""
        return self.columns[name]

    def __contains__(self, name: str) -> bool:
        return name in self.columns

    def but(self, **columns: Array) -> "Rows":
        """Return the rows with these columns added, or in the place of others."""
        return Rows({**self.columns, **columns})

    def only(self, names: Iterable[str]) -> "Rows":
        """Return these columns."""
        return Rows({name: self.columns[name] for name in names})

    def take(self, rows: Array) -> "Rows":
        """Return these rows (positions or a mask)."""
        places = np.flatnonzero(rows) if rows.dtype == bool else rows
        return Rows({name: _taken(column, places) for name, column in self.columns.items()})

    def added_up(self, keys: Iterable[str]) -> "Rows":
        """Return one row for each key, in no particular order.

        Should two keys ever share a digest, rows of theirs may stay apart, and are added up later.
        """
        order, new = grouped([self.columns[name] for name in keys])
        return self if new.all() else self._summed(order, np.flatnonzero(new), ADD_UP)

    def summed(self, new: Array, how: Mapping[str, np.ufunc] = ADD_UP) -> "Rows":
        """Return one row for each group of neighbours; `new` is where a group begins."""
        return self if new.all() else self._summed(None, np.flatnonzero(new), how)

    def _summed(self, order: Array | None, starts: Array, how: Mapping[str, np.ufunc]) -> "Rows":
        """Return one row for each group, which begins at these places of an order (None: the order of the rows)."""
        firsts = starts if order is None else order[starts]
        made = {}
        for name, column in self.columns.items():
            add_up = how.get(name)
            if add_up is None or (_alike(column) and (add_up is not np.add or not column[0])):
                made[name] = _taken(column, firsts)
            else:
                made[name] = add_up.reduceat(column if order is None else _taken(column, order), starts)
        return Rows(made)


def begins(*columns: Array) -> Array:
    """Return where rows differ from the row before, in any column; the first one always does."""
    new = np.zeros(len(columns[0]), dtype=bool)
    new[:1] = True
    for column in columns:
        if not _alike(column):
            new[1:] |= column[1:] != column[:-1]
    return new


def grouped(columns: Sequence[Array]) -> tuple[Array, Array]:
    """Return an order in which rows that are alike in all columns lie together, and where in it each group begins.

    Should two kinds of row ever share a digest, they may be parted into more groups; different rows never share one.
    """
    digest = digests((column for column in columns if not _alike(column)), len(columns[0]))
    order = np.argsort(digest)
    new = begins(digest[order])
    # Only rows that share a digest with a neighbour are looked at.
    shared = ~new
    shared[:-1] |= ~new[1:]
    places = np.flatnonzero(shared)
    rows = order[places]
    differ = np.zeros(len(places), dtype=bool)
    for column in columns:
        if not _alike(column):
            values = column[rows]
            differ[1:] |= values[1:] != values[:-1]
    new[places] |= differ
    return order, new


def numbered(*columns: Array) -> Array:
    """Return the number of each row's group, as `grouped` tells them apart."""
    order, new = grouped(columns)
    number = np.empty(len(order), dtype=np.int64)
    number[order] = np.cumsum(new) - 1
    return number


def ordered(*columns: Array) -> Array:
    """Return an order by these columns, the first one before the second; alike rows in no particular order."""
    key, size = np.zeros(len(columns[0]), dtype=np.int64), 1
    for column in columns:
        if _alike(column) or not len(column):
            continue
        low = int(column.min())
        width = int(column.max()) - low + 1
        size *= width
        if size > _MOST:
            return np.lexsort(columns[::-1])
        key = key * width + (column - low)
    return np.argsort(key)


def _alike(column: Array) -> bool:
    return column.strides == (0,)


def _thin(column: Array) -> Array:
    same = len(column) > 0 and column[0] == column[-1] and bool((column == column[0]).all())
    return np.broadcast_to(column[0], len(column)) if same else column


def _taken(column: Array, places: Array) -> Array:
    return np.broadcast_to(column[:1], len(places)) if _alike(column) else column[places]


def _end_to_end(columns: Sequence[Array]) -> Array:
    if all(map(_alike, columns)) and len({int(column[0]) for column in columns if len(column)}) == 1:
        return np.broadcast_to(columns[0][:1], sum(map(len, columns)))
    return np.concatenate(columns)
