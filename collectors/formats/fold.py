"""Turns records into flows: what is said of one connection in many places, by many reporters, becomes one.

A record counts one way or both ways, a connection or a part of it. Those of one pair of ends (addresses and ports)
are kept together until the log has gone on for PATIENCE without another; `verdicts` then says who began it and what
became of it. So memory grows with the connections of so long a time, and with distinct flows.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from collectors.flows import ORIENTATIONS, OUTCOMES, TRANSPORTS, Flows, conform_flows
from collectors.formats.batch import Records
from collectors.formats.columns import Array, Numbers, Texts
from collectors.formats.parts import COUNTERS, KNOWN, PORTS, TEXTS, Parts, numbered
from collectors.formats.settle import PATIENCE, STREAMS, Table, connections, settle, turned
from collectors.formats.verdicts import ORIENTATION
from collectors.observation import BUCKET_SECONDS, compact, concat_flows

_SETTLE_AT: Final = 1 << 17
"""Parts that wait at least before those that are done are looked for."""
_COMPACT_AT: Final = 1 << 18
"""Rows that wait at least before they are compacted."""
_LOOSE_AT: Final = 1 << 18
"""Connections without a known initiator that are kept until one side's port was seen with more peers."""
_WHOLE: Final = 1_000_000


class Fold:
    """The open connections of a log (or of rotated logs, one after the other) and the flows so far."""

    def __init__(self, bucket_seconds: int = BUCKET_SECONDS) -> None:
        self._bucket = bucket_seconds * 10**9
        self._texts: dict[str, int] = {}
        self._sources: list[str] = []
        self._open, self._new, self._settled = Parts.none(), list[Parts](), 0
        self._loose: list[Table] = []
        self._flows: list[Flows] = []
        self._latest = 0

    def __len__(self) -> int:
        """Return how many parts of open connections are held."""
        return len(self._open) + sum(map(len, self._new))

    def begin_source(self, name: str) -> None:
        """Name the input that the next records come from."""
        self._sources.append(name)

    def add(self, records: Records) -> None:
        """Take some records."""
        if not len(records):
            return
        self._new.append(self._parts(records))
        self._latest = max(self._latest, int(records.last.values.max()))
        if sum(map(len, self._new)) > max(_SETTLE_AT, self._settled):
            self._settle(self._latest - PATIENCE)

    def finish(self) -> Flows:
        """Return the flows of everything taken, compact, and forget it."""
        self._settle(None)
        self._choose()
        flows = compact(concat_flows(self._flows), self._bucket // 10**9)
        self._flows = []
        return flows

    def _codes(self, texts: Texts) -> Array:
        places = [self._texts.setdefault(text, len(self._texts)) for text in texts.values]
        return np.array([*places, -1], dtype=np.int64)[texts.codes]

    def _parts(self, records: Records) -> Parts:
        columns = {name: self._codes(getattr(records, name)) for name in TEXTS}
        columns |= {name: _or_none(getattr(records, name)) for name in PORTS}
        first, last = records.first.values, np.maximum(records.first.values, records.last.values)
        bits = records.evidence.copy()
        for name in COUNTERS:
            bits |= np.where(getattr(records, name).known, KNOWN[name], 0)
            columns[name] = getattr(records, name).values
        share = np.rint(records.sampled * _WHOLE).astype(np.int64)
        source = np.full(len(records), len(self._sources) - 1)
        bucket = first - first % self._bucket
        return Parts.of({**columns, "share": share, "source": source, "bucket": bucket, "first": first, "last": last,
                         "bits": bits})  # fmt: skip

    def _settle(self, before: int | None) -> None:
        """Conclude the connections without a record since a time, or all of them."""
        parts, self._new = Parts.joined([self._open, *self._new]).added_up(), []
        number, side = connections(parts)
        done = np.ones(len(parts), dtype=bool) if before is None else _done(parts, number, before)
        self._open = parts.take(~done)
        self._settled = len(self._open)
        if done.any():
            self._take(parts.take(done), pd.factorize(number[done])[0], side[done])

    def _take(self, parts: Parts, number: Array, side: Array) -> None:
        names = list(self._texts)
        streams = np.array([*(name in STREAMS for name in names), False])[parts["protocol"]]
        rows = settle(parts, number, side, streams)
        ported = np.array([*(name in TRANSPORTS for name in names), False])[rows["protocol"]]
        loose = ported & (rows["orientation"] == ORIENTATION["unknown"]) & (rows["src_port"] >= 0)
        self._keep({name: column[~loose] for name, column in rows.items()})
        if loose.any():
            self._loose.append({name: column[loose] for name, column in rows.items()})
        if sum(len(rows["src"]) for rows in self._loose) > _LOOSE_AT:
            self._choose()

    def _choose(self) -> None:
        """Choose the destination of connections whose initiator is unknown: the side whose port more peers used.

        Then the lower port, then the lower address: always the same side.
        """
        if not self._loose:
            return
        names = self._loose[0]
        rows = {name: np.concatenate([table[name] for table in self._loose]) for name in names}
        self._loose = []
        peers = [_peers(rows, end) for end in ("src", "dst")]
        rank = _ranks(list(self._texts))
        left, right = (
            (-count, rows[f"{end}_port"], rank[rows[end]]) for count, end in zip(peers, ("src", "dst"), strict=True)
        )
        self._keep(turned(rows, _less(left, right)))

    def _keep(self, rows: Table) -> None:
        if not len(rows["src"]):
            return
        self._flows.append(self._frame(rows))
        if sum(map(len, self._flows)) > max(_COMPACT_AT, 2 * len(self._flows[0])):
            self._flows = [compact(concat_flows(self._flows), self._bucket // 10**9)]

    def _frame(self, rows: Table) -> Flows:
        """Return rows as FLOWS."""
        names = list(self._texts)
        columns: dict[str, Any] = {name: _category(rows[name], names) for name in TEXTS if name != "reporter"}
        for name, at in (("first_seen", "first"), ("last_seen", "last")):
            columns[name] = pd.DatetimeIndex(rows[at].view("datetime64[ns]"), tz="UTC")
        columns |= {name: _masked(rows[name], rows[name] >= 0) for name in ("dst_port", "service_port")}
        columns |= {name: _masked(rows[name], (rows["bits"] & KNOWN[name]) != 0) for name in COUNTERS}
        columns["orientation"] = _category(rows["orientation"], ORIENTATIONS)
        columns["outcome"] = _category(rows["outcome"], OUTCOMES)
        columns["sampled"] = rows["share"] / _WHOLE
        columns["source"] = _category(rows["source"], self._sources)
        return conform_flows(pd.DataFrame(columns))


def _or_none(numbers: Numbers) -> Array:
    return np.where(numbers.known, numbers.values, -1)


def _done(parts: Parts, number: Array, before: int) -> Array:
    """Return the parts of connections without a record since a time."""
    last = np.zeros(int(number.max(initial=-1)) + 1, dtype=np.int64)
    np.maximum.at(last, number, parts["last"])
    done: Array = last[number] < before
    return done


def _peers(rows: Table, end: str) -> Array:
    """Return how many ends of a row's connections have its address and port at `end`, on either side."""
    ends = np.concatenate(
        [np.stack([rows[side], rows[f"{side}_port"], rows["protocol"]]) for side in ("src", "dst")], axis=1
    )
    number = numbered(*ends)
    counted = np.bincount(number)[number]
    half = len(rows["src"])
    return counted[:half] if end == "src" else counted[half:]


def _ranks(texts: Sequence[str]) -> Array:
    rank = np.empty(len(texts) + 1, dtype=np.int64)
    rank[np.array(sorted(range(len(texts)), key=texts.__getitem__), dtype=np.int64)] = np.arange(len(texts))
    rank[-1] = -1
    return rank


def _less(left: tuple[Array, ...], right: tuple[Array, ...]) -> Array:
    """Return where one tuple of columns sorts before another."""
    less = np.zeros(len(left[0]), dtype=bool)
    same = ~less
    for one, other in zip(left, right, strict=True):
        less |= same & (one < other)
        same &= one == other
    return less


def _category(codes: Array, words: Sequence[str]) -> "pd.Categorical[Any]":
    """Return a category column of only the words that occur."""
    used, places = np.unique(codes[codes >= 0], return_inverse=True)
    made = np.full(len(codes), -1, dtype=np.int64)
    made[codes >= 0] = places
    dtype = pd.CategoricalDtype(pd.Index([words[code] for code in used.tolist()], dtype="str"))
    return pd.Categorical.from_codes(made, dtype=dtype)


def _masked(values: Array, known: Array) -> "pd.arrays.IntegerArray":
    return pd.arrays.IntegerArray(np.where(known, values, 0).astype(np.int64), ~known)
