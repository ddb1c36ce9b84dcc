"""Turns the tables of stores into flows by stretches of time, of which one is read at once: as wide as its rows allow.

A stretch is a day, or less where a day has too many rows, down to a bucket. How many it has is told by what each table
says of its groups of rows, as if these were spread evenly over their time: nothing has to be read for it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from collectors.flows import Flows, empty_flows
from collectors.observation import BUCKET_SECONDS, compact, concat_flows
from collectors.partitions import DAY_SECONDS, SECOND, moments_of, refuse_to_cut, with_texts_in_use
from collectors.store_tables import FlowTable, Wanted

MOST_ROWS = 2_000_000
"""About as many rows has one part, before it is compacted."""
_WIDTHS = (DAY_SECONDS, 6 * 3600, 3600, 600, BUCKET_SECONDS)
_DAY = DAY_SECONDS * SECOND
_UNKNOWN = "unknown"

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class StoredFlows:
    """The flows of one store: those in tables, and the rest, which is in no table.

    `called` is what becomes of rows that are read: sources may have other names, or be left out. Tables are there as
    long as `keeper` is.
    """

    tables: tuple[FlowTable, ...]
    rest: Flows = field(default_factory=empty_flows)
    called: Callable[[Flows], Flows] | None = None
    keeper: object = None

    def read(self, wanted: Wanted) -> Flows:
        """Return the rows that are asked for, not compacted; raises UnreadableInput."""
        found = concat_flows([*(table.read(wanted) for table in self.tables), _chosen(self.rest, wanted)])
        return found if self.called is None or found.empty else self.called(found)

    def spans(self, orientation: str) -> Array:
        """Return how many rows may be when: earliest and latest nanosecond, and rows, none of over two days."""
        found = [_by_day(moments_of(self.rest)[_timed(self.rest)])]
        for table in self.tables:
            for at, group in enumerate(table.groups):
                if group.first is None or group.last is None or not group.may_be(orientation):
                    continue
                if group.last // _DAY - group.first // _DAY < 2:
                    found.append(np.array([[group.first, group.last, group.rows]]))
                else:  # one wrong time must not make decades of empty days
                    found.append(_by_day(table.moments(at)))
        return np.concatenate(found)

    @property
    def untimed(self) -> bool:
        """Whether some rows have no first time."""
        return any(group.untimed for table in self.tables for group in table.groups) or not _timed(self.rest).all()


@dataclass(frozen=True, eq=False)
class StoredPartitions:
    """Flows of some stores by stretches of time, compacted, in the order of time, those with rows.

    The stretches are of `seconds` (a multiple of the bucket) since 1970, finer where there would be more than
    `most_rows` in one; rows without a time come first. May be iterated over any number of times: each part is read
    when it is asked for. It gives what `Partitions` gives of all flows in memory, if stretches are the same. Raises
    UnreadableInput where a table is missing or damaged.
    """

    stores: tuple[StoredFlows, ...]
    seconds: int = DAY_SECONDS
    most_rows: int = MOST_ROWS
    orientation: str = ""
    """Only flows of this one, "" of any."""

    def __post_init__(self) -> None:
        refuse_to_cut(self.seconds)

    def unoriented(self) -> "StoredPartitions":
        """Return those flows alone of which it is not known who began."""
        return replace(self, orientation=_UNKNOWN)

    def __iter__(self) -> Iterator[Flows]:
        some = False
        for wanted in self.stretches:
            flows = self._read(wanted)
            if not flows.empty:
                some = True
                yield flows
            del flows  # or it stays in memory while the next one is read
        if not some:
            yield empty_flows()

    def _read(self, wanted: Wanted) -> Flows:
        return compact(concat_flows(store.read(wanted) for store in self.stores))

    @cached_property
    def stretches(self) -> tuple[Wanted, ...]:
        """What is asked for one after the other."""
        untimed = [Wanted(None, None, self.orientation)] if any(store.untimed for store in self.stores) else []
        spans = np.concatenate([np.empty((0, 3), np.int64), *(store.spans(self.orientation) for store in self.stores)])
        timed = _cut(spans[:, :2], spans[:, 2].astype(np.float64), self.seconds * SECOND, self.most_rows)
        return (*untimed, *(Wanted(start, end, self.orientation) for start, end in timed))


def _cut(spans: Array, rows: Array, width: int, most: int) -> Iterator[tuple[int, int]]:
    """Yield stretches that touch a span, none of more rows than `most` if that can be, in the order of time."""
    firsts, lasts = spans[:, 0] // width, spans[:, 1] // width
    touched = [np.arange(first, last + 1) for first, last in np.unique(np.stack([firsts, lasts], 1), axis=0).tolist()]
    narrower = next((one * SECOND for one in _WIDTHS if one * SECOND < width and width % (one * SECOND) == 0), None)
    for number in np.unique(np.concatenate([np.empty(0, np.int64), *touched])).tolist():
        inside = (firsts <= number) & (number <= lasts)
        start, end = number * width, (number + 1) * width
        shares = np.stack([np.maximum(spans[inside, 0], start), np.minimum(spans[inside, 1], end - 1)], 1)
        expected = rows[inside] * (_lengths(shares) / _lengths(spans[inside]))
        if narrower is None or expected.sum() <= most:
            yield start, end
        else:
            yield from _cut(shares, expected, narrower, most)


def _lengths(spans: Array) -> Array:
    return spans[:, 1] - spans[:, 0] + 1


def _by_day(moments: Array) -> Array:
    days, counts = np.unique(moments // _DAY, return_counts=True)
    return np.stack([days * _DAY, (days + 1) * _DAY - 1, counts], 1).astype(np.int64)


def _timed(flows: Flows) -> Array:
    return flows["first_seen"].notna().to_numpy()


def _chosen(flows: Flows, wanted: Wanted) -> Flows:
    moments, timed = moments_of(flows), _timed(flows)
    if wanted.start is None or wanted.end is None:
        mask = ~timed
    else:
        mask = timed & (moments >= wanted.start) & (moments < wanted.end)
    if wanted.orientation:
        mask &= (flows["orientation"] == wanted.orientation).to_numpy(dtype=bool)
    return with_texts_in_use(flows[mask])
