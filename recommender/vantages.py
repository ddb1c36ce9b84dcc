"""Turns resolved flows that several vantage points saw into flows that count each connection once.

Both nodes of a connection capture it, so do two interfaces, and a trace point before and one after Service
translation. Every row stays, so that each source remains as evidence; counters are lowered. The rules, and what they
cannot know, are in docs/findings.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from collectors.flows import ORIENTATIONS, OUTCOMES
from collectors.observation import BUCKET_SECONDS, ObservationWindow
from recommender.resolve import ResolvedFlows
from recommender.spans import Array

AGAIN: Final = "again"
"""The column that `once` adds: every attempt of this row is counted in another row of the same traffic."""

DEFINITE: Final = ("established", "denied", "refused", "audited")
"""Outcomes that say what became of an attempt; each is counted by itself."""

PARTIAL: Final = ("half_open", "unanswered", "allowed", "unknown")
"""Outcomes of one who may have seen only a part of an attempt that ended otherwise; the most telling first."""

VOLUMES: Final = ("packets", "bytes", "reply_packets", "reply_bytes")
_STRENGTH: Final = ("handshake", "paired", "reported", "port_hint", "unknown")
_RANK_OF_OUTCOME: Final = np.array([(*DEFINITE, *PARTIAL).index(name) for name in (*OUTCOMES, "unknown")])
_STRENGTH_OF_ORIENTATION: Final = np.array([_STRENGTH.index(name) for name in (*ORIENTATIONS, "unknown")])
_OUTCOME: "Final[pd.CategoricalDtype[Any]]" = pd.CategoricalDtype([*OUTCOMES])
_ORIENTATION: "Final[pd.CategoricalDtype[Any]]" = pd.CategoricalDtype([*ORIENTATIONS])
_ALWAYS: Final = (np.iinfo(np.int64).min, np.iinfo(np.int64).max)
_BUCKET: Final = BUCKET_SECONDS * 1_000_000_000


def once(resolved: ResolvedFlows, window: ObservationWindow) -> ResolvedFlows:
    """Return the same rows with counters such that each connection counts once, and the column `again`.

    Rows of one pair of addresses, protocol, port and time bucket are views of the same traffic where the times of
    their sources overlap: the view that saw most counts. Sources that do not overlap (rotated files) are added up.
    """
    frame = resolved.assign(**{AGAIN: False})
    if resolved.empty:
        return frame
    pair = _pairs(resolved)
    asked, answering = _codes(resolved, "dst", "dst_address"), resolved["dst_address"].cat
    named = np.array([*(bool(text) for text in answering.categories), False])
    somewhere = ~named[answering.codes.to_numpy()]
    before = (asked != answering.codes.to_numpy()) & ~somewhere
    rank, start, end = _moments(resolved, window)
    place = answering.codes.to_numpy().astype(np.int64) + 1
    one_each = _Moments(np.repeat(start, 2), np.repeat(end, 2))
    frame = _counted(frame, _packed(pair, place), rank * 2 + before, one_each)
    either = _Moments(np.full(2, _ALWAYS[0]), np.full(2, _ALWAYS[1]))
    if somewhere.any():
        # A Service with several pods behind it: before translation the pod is not known, after it is.
        frame = _counted(frame, pair, somewhere.astype(np.int64), either)
    nowhere = resolved["src"].isna().to_numpy()
    if nowhere.any():
        # A log without addresses, beside one that has them.
        frame = _counted(frame, _pairs(resolved, ()), nowhere.astype(np.int64), either)
    return frame


@dataclass(frozen=True, eq=False)
class _Moments:
    """From when to when each view looked (half-open, in nanoseconds); views are numbered in the order of `end`."""

    start: Array
    end: Array

    @property
    def earlier(self) -> Array:
        """For each view, how many ended before it began."""
        return np.searchsorted(self.end, self.start, "right")


@dataclass(frozen=True, eq=False)
class _Cells:
    """What each view saw of each group of rows, sorted by group and view."""

    of_row: Array
    group: Array
    first: Array
    """The first cell of each group."""
    size: Array
    earlier: Array
    """For each cell, how many cells of its group ended before it began."""

    @staticmethod
    def of(group: Array, view: Array, moments: _Moments) -> "_Cells":
        many = len(moments.end)
        keys, of_row = np.unique(group * many + view, return_inverse=True)
        groups, views = keys // many, keys % many
        first = np.flatnonzero(np.diff(groups, prepend=-1))
        begun = np.searchsorted(keys, groups * many + moments.earlier[views])
        return _Cells(of_row, groups, first, np.diff(first, append=len(keys)), begun - first[groups])

    def best(self, weight: Array) -> tuple[Array, Array]:
        """Return the most that cells of each group add up to, and which cells these are; no two that overlap.

        One pass over the cells of all groups at once, in order of their ends, then one back.
        """
        base = self.first + np.arange(len(self.first))
        most, taken = np.zeros(len(weight) + len(base)), np.zeros(len(weight), dtype=bool)
        if not weight.any():
            return most[base], taken
        turns = [np.flatnonzero(self.size > turn) for turn in range(int(self.size.max()))]
        for turn, live in enumerate(turns):
            cell, start = self.first[live] + turn, base[live]
            left_out, with_it = most[start + turn], weight[cell] + most[start + self.earlier[cell]]
            taken[cell] = with_it > left_out
            most[start + turn + 1] = np.maximum(with_it, left_out)
        at = self.size.copy()
        for turn, live in reversed(list(enumerate(turns))):
            cell = self.first[live] + turn
            here = at[live] == turn + 1
            taken[cell] &= here
            at[live] = np.where(here, np.where(taken[cell], self.earlier[cell], turn), at[live])
        return most[base + self.size], taken


def _counted(frame: ResolvedFlows, group: Array, view: Array, moments: _Moments) -> ResolvedFlows:
    """Return the rows with the counters of groups that several views saw as if one had."""
    rows = _seen_by_several(group, view)
    if not len(rows):
        return frame
    cells = _Cells.of(pd.factorize(group[rows])[0].astype(np.int64), view[rows], moments)
    again, outcome = frame[AGAIN].to_numpy().copy(), _coded(frame["outcome"], OUTCOMES)
    orientation = _coded(frame["orientation"], ORIENTATIONS)
    rank = _RANK_OF_OUTCOME[outcome[rows]]
    known, connections = _counter(frame, "connections", rows)
    tried = np.where(rank == 0, connections, np.maximum(connections, ~again[rows]))  # as summarize counts them
    left = _left(cells, rank, tried)
    again[rows] |= (left < tried) & (left == 0)
    orientation[rows] = _lifted(orientation[rows], cells, rank)
    outcome[rows[_part_of_whole(cells, rank, again[rows])]] = OUTCOMES.index("established")
    columns: dict[str, Any] = {"connections": _lowered(frame, "connections", rows[known & (left < tried)], left, rows)}
    for name in VOLUMES:
        known, volume = _counter(frame, name, rows)
        total = np.bincount(cells.of_row, weights=volume, minlength=len(cells.group))
        idle = known & (volume > 0) & ~cells.best(total)[1][cells.of_row]
        columns[name] = _lowered(frame, name, rows[idle], np.zeros_like(left), rows)
    columns["outcome"] = pd.Categorical.from_codes(outcome, dtype=_OUTCOME)
    columns["orientation"] = pd.Categorical.from_codes(orientation, dtype=_ORIENTATION)
    return frame.assign(**columns, **{AGAIN: again})


def _seen_by_several(group: Array, view: Array) -> Array:
    """Return the positions of the rows whose group was seen by more than one view."""
    number, known = pd.factorize(group)
    some = np.empty(len(known), dtype=np.int64)
    some[number] = view
    several = np.zeros(len(known), dtype=bool)
    several[number[view != some[number]]] = True
    return np.flatnonzero(several[number])


def _left(cells: _Cells, outcome: Array, tried: Array) -> Array:
    """Return how many attempts of each row count.

    An attempt with a definite outcome counts where that outcome was seen most. Of those with a partial one only as
    many count as some view saw beyond all that is known better.
    """
    left = np.zeros_like(tried)
    total, better = np.zeros(len(cells.group)), np.zeros(len(cells.first))
    for rank in np.unique(outcome).tolist():
        weight = np.bincount(cells.of_row, weights=np.where(outcome == rank, tried, 0), minlength=len(total))
        total += weight
        definite = rank < len(DEFINITE)
        most, taken = cells.best(weight if definite else total)
        rows = np.flatnonzero((outcome == rank) & taken[cells.of_row])
        beyond = np.maximum(most - better, 0).astype(np.int64)
        left[rows] = tried[rows] if definite else _up_to(beyond, cells.group[cells.of_row[rows]], tried[rows])
        better = better + most if definite else np.maximum(better, most)
    return left


def _up_to(limit: Array, group: Array, count: Array) -> Array:
    """Return the counts, those of each group cut so that they add up to no more than its limit."""
    order = np.argsort(group, kind="stable")
    sums = np.append(0, np.cumsum(count[order]))
    passed = sums[:-1] - sums[np.searchsorted(group[order], group[order])]
    cut = np.empty_like(count)
    cut[order] = np.clip(limit[group[order]] - passed, 0, count[order])
    return cut


def _part_of_whole(cells: _Cells, outcome: Array, again: Array) -> Array:
    """Return where a view saw only a part of what another view saw established."""
    whole = np.bincount(cells.of_row, weights=outcome == 0, minlength=len(cells.group)) > 0
    by_any = np.bincount(cells.group, weights=whole) > 0
    return again & (outcome >= len(DEFINITE)) & ~whole[cells.of_row] & by_any[cells.group[cells.of_row]]


def _lifted(orientation: Array, cells: _Cells, outcome: Array) -> Array:
    """Return the orientations; views that know less of who began it than another view get the best of that one."""
    strength = _STRENGTH_OF_ORIENTATION[orientation]
    speaks = (outcome == 0) | (outcome >= len(DEFINITE))
    own = np.full(len(cells.group), len(_STRENGTH))
    np.minimum.at(own, cells.of_row[speaks], strength[speaks])
    best = np.minimum.reduceat(own, cells.first)[cells.group]
    by_strength = np.array([*(ORIENTATIONS.index(name) for name in _STRENGTH), -1])
    return np.where(speaks & (own > best)[cells.of_row], by_strength[best][cells.of_row], orientation)


def _counter(frame: ResolvedFlows, name: str, rows: Array) -> tuple[Array, Array]:
    """Return where a counter is known in these rows, and its values, 0 where it is not."""
    column = frame[name]
    return column.notna().to_numpy()[rows], column.to_numpy(dtype=np.int64, na_value=0)[rows]


def _lowered(frame: ResolvedFlows, name: str, at: Array, values: Array, rows: Array) -> "pd.Series[Any]":
    """Return a counter with the values (one for each of `rows`) set at some of the rows."""
    column = frame[name].copy()
    column.iloc[at] = values[np.searchsorted(rows, at)]
    return column


def _coded(column: "pd.Series[Any]", vocabulary: tuple[str, ...]) -> Array:
    """Return the positions of a column's texts in a vocabulary; -1 where missing."""
    places = [vocabulary.index(str(text)) for text in column.cat.categories]
    return np.array([*places, -1], dtype=np.int64)[column.cat.codes.to_numpy()]


def _moments(resolved: ResolvedFlows, window: ObservationWindow) -> tuple[Array, Array, Array]:
    """Return the number of each row's source, in order of their ends, and from when to when each source looked.

    A source that the window does not time may have seen any moment: it overlaps with all.
    """
    names = [*map(str, resolved["source"].cat.categories), ""]
    spans: dict[str, tuple[int, int]] = {}
    for source in window.sources:
        known = source.start is not None and source.end is not None
        start, end = (source.start.value, source.end.value) if source.start and source.end else _ALWAYS
        before = spans.get(source.name, (start, end))
        spans[source.name] = (min(before[0], start), max(before[1], end, start + 1 if known else end))
    timed = [spans.get(name, _ALWAYS) for name in names]
    order = sorted(range(len(names)), key=lambda at: (timed[at][1], timed[at][0], names[at]))
    rank = np.empty(len(names), dtype=np.int64)
    rank[order] = np.arange(len(names))
    starts, ends = (np.array([timed[at][bound] for at in order], dtype=np.int64) for bound in (0, 1))
    return rank[resolved["source"].cat.codes.to_numpy()], starts, ends


def _pairs(resolved: ResolvedFlows, by: Sequence[str] = ("src",)) -> Array:
    """Return a number for who spoke to whom by which protocol and port in which time bucket; not yet the pod."""
    names = [*by, "src_class", "src_owner_namespace", "src_owner_kind", "src_owner_name", "protocol"]
    names += [f"dst_{part}" for part in ("class", "owner_namespace", "owner_kind", "owner_name")]
    codes = [resolved[name].cat.codes.to_numpy().astype(np.int64) + 1 for name in names]
    address = resolved["dst_address"].cat.codes.to_numpy().astype(np.int64) + 1
    codes.append(np.where(resolved["dst_class"] == "pod", 0, address))
    bucket = resolved["first_seen"].astype("int64").to_numpy() // _BUCKET
    return _packed(*codes, resolved["port"].to_numpy(dtype=np.int64), bucket - bucket.min())


def _packed(*columns: Array) -> Array:
    """Return one number for each combination of values (none below 0): digits, renumbered when too large."""
    total, room = columns[0], int(columns[0].max()) + 1
    for column in columns[1:]:
        width = int(column.max()) + 1
        if room * width >= 1 << 62:
            total, known = pd.factorize(total)
            room = len(known)
        total, room = total * width + column, room * width
    return total


def _codes(resolved: ResolvedFlows, name: str, like: str) -> Array:
    """Return the codes that a column's texts have among the categories of another column; -2 where it has none."""
    found = resolved[like].cat.categories.get_indexer(resolved[name].cat.categories)
    return np.append(np.where(found < 0, -2, found), -2)[resolved[name].cat.codes.to_numpy()]
