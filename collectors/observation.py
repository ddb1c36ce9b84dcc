"""Turns flows, names and claims of many inputs into one observation: its window and ledger, compact and merge.

`collectors.store` keeps observations on disk.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import union_categoricals

from collectors.claims import Claims, compact_claims, concat_claims, empty_claims
from collectors.digests import Array, digests
from collectors.flows import COUNTERS, FLOWS, Flows, conform_flows, empty_flows
from collectors.ledger import Ledger
from collectors.names import Names, compact_names, concat_names, empty_names

BUCKET_SECONDS = 60
"""Width of the time bucket that is part of a row's key, because addresses are reused."""

LIVE = "live"
"""Kind of a source that is a network interface."""

_MEASURES = ("first_seen", "last_seen", *COUNTERS)
_KEYS = [name for name in FLOWS.names if name not in _MEASURES]
_CATEGORIES = [column.name for column in FLOWS if column.dtype == "category"]
# Rows are written in this order, then by what is left of the key: readable, and the same on every machine.
_ORDER = ["first_seen", "src", "dst", "dst_port", "protocol", "orientation", "outcome", "source"]


@dataclass(frozen=True)
class Source:
    """One input that was read; `packets` counts its packets, lines or records, `size` its bytes uncompressed.

    `fingerprint` is a digest of its first bytes: with the counts and times it tells whether two are the same. What is
    watched while it goes on, a network interface (kind `live`) or a log that is followed, has none: it is a stream,
    of which several pieces of one name and kind are one source.
    """

    name: str
    kind: str
    packets: int
    size: int = 0
    start: pd.Timestamp | None = None
    end: pd.Timestamp | None = None
    drops: int = 0
    fingerprint: str = ""

    @property
    def is_stream(self) -> bool:
        """Whether this is what was watched while it went on, and not an input that one can read again."""
        return self.kind == LIVE or not self.fingerprint

    def same(self, other: "Source") -> bool:
        """Return whether both are one input, although its file may have been renamed."""
        return self.identity() == other.identity()

    def continues(self, other: "Source") -> bool:
        """Return whether this is the same input, read again after it had grown."""
        if self.beginning() != other.beginning():
            return False
        if self.is_stream:
            # A disk budget takes from what was counted, never from the time.
            return self.end is not None and other.end is not None and self.end > other.end
        return self.size > other.size and self.packets >= other.packets

    def beginning(self) -> tuple[object, ...]:
        """Return what stays as it is while the input grows."""
        return self.name, self.kind, self.fingerprint, self.start

    def identity(self) -> tuple[object, ...]:
        """Return what two readings of one input have in common: all but the name, for a stream the name too."""
        content = (self.fingerprint, self.kind, self.packets, self.size, self.start, self.end, self.drops)
        return (*content, self.name) if self.is_stream else content

    def order(self) -> tuple[object, ...]:
        """Return what sources are sorted by."""
        times = (str(self.start), str(self.end))
        return (self.name, self.kind, *times, self.packets, self.size, self.drops, self.fingerprint)


@dataclass(frozen=True)
class Gap:
    """A time in which a source lost packets or events; `lost` is how many, None if it does not say."""

    source: str
    start: pd.Timestamp | None
    end: pd.Timestamp | None
    lost: int | None = None

    def order(self) -> tuple[object, ...]:
        """Return what gaps are sorted by."""
        return self.source, str(self.start), str(self.end), -1 if self.lost is None else self.lost


@dataclass(frozen=True)
class ObservationWindow:
    """When and from what was observed: earliest to latest time of any packet, sources by name, losses."""

    start: pd.Timestamp | None = None
    end: pd.Timestamp | None = None
    sources: tuple[Source, ...] = ()
    gaps: tuple[Gap, ...] = ()
    drops: int = 0

    @staticmethod
    def of(sources: Iterable[Source], gaps: Iterable[Gap] = ()) -> "ObservationWindow":
        """Return the window that some sources span."""
        ordered = tuple(sorted(sources, key=Source.order))
        starts = [source.start for source in ordered if source.start is not None]
        ends = [source.end for source in ordered if source.end is not None]
        return ObservationWindow(
            start=min(starts, default=None),
            end=max(ends, default=None),
            sources=ordered,
            gaps=tuple(sorted(gaps, key=Gap.order)),
            drops=sum(source.drops for source in ordered),
        )

    def __add__(self, other: "ObservationWindow") -> "ObservationWindow":
        return ObservationWindow.total((self, other))

    @staticmethod
    def total(windows: "Iterable[ObservationWindow]") -> "ObservationWindow":
        """Return the window that some windows span, with all their sources and gaps."""
        parts = list(windows)
        return ObservationWindow(
            start=min((part.start for part in parts if part.start is not None), default=None),
            end=max((part.end for part in parts if part.end is not None), default=None),
            sources=tuple(sorted((source for part in parts for source in part.sources), key=Source.order)),
            gaps=tuple(sorted((gap for part in parts for gap in part.gaps), key=Gap.order)),
            drops=sum(part.drops for part in parts),
        )


def join_sources(window: ObservationWindow) -> ObservationWindow:
    """Return the window with the pieces of each stream (`Source.is_stream`) as one source.

    Of its pieces packets, size and drops are added, from the earliest start to the latest end. Associative:
    join_sources(a + b) == join_sources(join_sources(a) + join_sources(b)).
    """
    pieces: dict[tuple[str, ...], list[Source]] = {}
    for source in window.sources:
        if source.is_stream:
            pieces.setdefault((source.name, source.kind, source.fingerprint), []).append(source)
    if len(pieces) == sum(map(len, pieces.values())):
        return window
    files = [source for source in window.sources if not source.is_stream]
    joined = [_joined(listed) if len(listed) > 1 else listed[0] for listed in pieces.values()]
    return replace(window, sources=tuple(sorted((*files, *joined), key=Source.order)))


def _joined(pieces: list[Source]) -> Source:
    span = ObservationWindow.of(pieces)
    return replace(
        pieces[0],
        packets=sum(piece.packets for piece in pieces),
        size=sum(piece.size for piece in pieces),
        start=span.start,
        end=span.end,
        drops=span.drops,
    )


@dataclass(frozen=True)
class Observation:
    """What was seen, when and from what, what became of the rest, and what was said of addresses: names and pods."""

    flows: Flows = field(default_factory=empty_flows)
    window: ObservationWindow = field(default_factory=ObservationWindow)
    ledger: Ledger = field(default_factory=Ledger)
    names: Names = field(default_factory=empty_names)
    claims: Claims = field(default_factory=empty_claims)


def compact(flows: Flows, bucket: str | int = BUCKET_SECONDS) -> Flows:
    """Return one row per key and time bucket: sums, earliest and latest times, sorted.

    The key is every column that is no time and no counter; the bucket (seconds, or an offset such as "5min") is that
    of `first_seen`. Counters that are NA count as nothing beside a known one; all NA stays NA. Associative:
    compact(a + b) == compact(compact(a) + compact(b)).
    """
    if flows.empty:
        return empty_flows()
    width = f"{bucket}s" if isinstance(bucket, int) else bucket
    frame = flows.assign(**{name: _canonical(flows[name]) for name in _CATEGORIES})
    numbers = _group_numbers(frame, frame["first_seen"].dt.floor(width))
    total = frame if numbers.max() + 1 == len(frame) else _added_up(frame, numbers)
    order = [*_ORDER, *(name for name in _KEYS if name not in _ORDER)]
    return conform_flows(total.sort_values(order, kind="stable", ignore_index=True))


def _added_up(frame: pd.DataFrame, numbers: Array) -> pd.DataFrame:
    groups = frame.groupby(numbers, sort=True)
    # Groups are numbered by first appearance, so that the first rows of all groups are in the order of the numbers.
    total = groups[_KEYS].head(1).reset_index(drop=True)
    measures = groups[list(COUNTERS)].sum(min_count=1)
    measures["first_seen"] = groups["first_seen"].min()
    measures["last_seen"] = groups["last_seen"].max()
    return pd.concat([total, measures.reset_index(drop=True)], axis="columns")


def concat_flows(parts: Iterable[Flows]) -> Flows:
    """Return all rows of some flows, one after the other, their categories united."""
    frames = [part for part in parts if not part.empty]
    if not frames:
        return empty_flows()
    if len(frames) == 1:
        return frames[0]
    plain = [name for name in FLOWS.names if name not in _CATEGORIES]
    total = pd.concat([frame[plain] for frame in frames], ignore_index=True)
    united = {name: pd.Series(union_categoricals([_of_text(frame[name]) for frame in frames])) for name in _CATEGORIES}
    return conform_flows(total.assign(**united))


def merge(observations: Iterable[Observation], bucket: str | int = BUCKET_SECONDS) -> Observation:
    """Return one observation of all: flows (by time `bucket`), names, claims compacted, windows and ledgers added.

    Associative and independent of order. It adds what it is given: a source given twice counts twice. Pieces of one
    stream become one source, as `join_sources` does.
    """
    parts = list(observations)
    window = join_sources(ObservationWindow.total(part.window for part in parts))
    ledger = sum((part.ledger for part in parts), Ledger())
    flows = compact(concat_flows(part.flows for part in parts), bucket)
    names = compact_names(concat_names(part.names for part in parts))
    claims = compact_claims(concat_claims(part.claims for part in parts))
    return Observation(flows, window, ledger, names, claims)


def without_sources(observation: Observation, gone: Collection[Source]) -> Observation:
    """Return an observation less some of its sources; rows of a name that another source of it has stay."""
    if not gone:
        return observation
    left = [source for source in observation.window.sources if source not in gone]
    names = {source.name for source in gone} - {source.name for source in left}
    return Observation(
        Flows(observation.flows[~observation.flows["source"].isin(names)]),
        ObservationWindow.of(left, [gap for gap in observation.window.gaps if gap.source not in names]),
        observation.ledger.without(names),
        Names(observation.names[~observation.names["source"].isin(names)]),
        Claims(observation.claims[~observation.claims["source"].isin(names)]),
    )


def _canonical(series: "pd.Series[Any]") -> "pd.Series[Any]":
    """Return a category column whose categories are those in use, in the order of their text."""
    codes = series.cat.codes.to_numpy().astype(np.int64)
    used = np.flatnonzero(np.bincount(codes + 1, minlength=1)[1:])
    words = series.cat.categories.astype("str").take(used)
    order = words.argsort()
    place = np.full(len(series.cat.categories) + 1, -1, dtype=np.int64)
    place[used[order]] = np.arange(len(used))
    found = pd.Categorical.from_codes(place[codes], dtype=pd.CategoricalDtype(words.take(order)))
    return pd.Series(found, index=series.index)


def _of_text(series: "pd.Series[Any]") -> "pd.Series[Any]":
    # Categories of a column that is all NA may come as objects, which unite with no others.
    dtype = pd.CategoricalDtype(series.cat.categories.astype("str"))
    return series.astype(dtype)


def _group_numbers(frame: pd.DataFrame, bucket: "pd.Series[Any]") -> Array:
    """Return for each row the number of its key, counted from 0 in order of first appearance."""
    numbers = pd.factorize(digests(_codes(frame, bucket), len(frame)))[0].astype(np.int64)
    if numbers.max() + 1 == len(frame):
        return numbers
    first = np.zeros(int(numbers.max()) + 1, dtype=np.int64)
    first[numbers[::-1]] = np.arange(len(frame))[::-1]
    if all(np.array_equal(codes[first][numbers], codes) for codes in _codes(frame, bucket)):
        return numbers
    return _exact_numbers(_codes(frame, bucket))  # somebody made two keys that share a digest


def _exact_numbers(columns: Iterator[Array]) -> Array:
    """Return what `_group_numbers` does, column by column: a product of all columns' sizes would not fit in 64 bits."""
    numbers = next(columns)
    for codes in columns:
        if codes.any():
            numbers = pd.factorize(numbers * (codes.max() + 1) + codes)[0].astype(np.int64)
    return numbers


def _codes(frame: pd.DataFrame, bucket: "pd.Series[Any]") -> Iterator[Array]:
    """Yield a number from 0 on for what each column of the key says."""
    yield pd.factorize(bucket)[0].astype(np.int64)
    for name in _KEYS:
        column = frame[name]
        codes = column.cat.codes if name in _CATEGORIES else pd.factorize(column)[0]
        yield np.asarray(codes, dtype=np.int64) + 1
