"""Turns records into flows: what is said of one connection in many places, by many reporters, becomes one.

A record counts one way or both ways, a connection or a part of it. Those of one pair of ends (addresses and ports)
are kept together until the log has gone on for PATIENCE without another; `verdicts` then says who began it and what
became of it. So memory grows with the connections of so long a time, and with distinct flows, unless these are put
aside.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final, Protocol

import numpy as np
import pandas as pd

from collectors.flows import ORIENTATIONS, OUTCOMES, TRANSPORTS, Flows, conform_flows, empty_flows
from collectors.formats.batch import Records
from collectors.formats.columns import Array
from collectors.formats.connections import connections, done, sides
from collectors.formats.keeping import keep, kept
from collectors.formats.loose import with_likelier_destination
from collectors.formats.parts import KEYS, KNOWN, SECOND, TEXTS, WHOLE, parts_of
from collectors.formats.rows import COUNTERS, Rows
from collectors.formats.settle import settle
from collectors.formats.verdicts import ORIENTATION
from collectors.observation import BUCKET_SECONDS, compact, concat_flows

WAITING: Final = 1 << 17
"""Parts that wait at least before connections that are done are looked for."""
_COMPACT_AT: Final = 1 << 18
"""Rows that wait at least before they are compacted."""
_LOOSE_AT: Final = 1 << 18
"""Connections without a known initiator that are kept until one side's port was seen with more peers."""
_NAMES: Final = tuple(name for name in TEXTS if name != "reporter")
_KEYS: Final = (*_NAMES, "dst_port", "service_port", "orientation", "outcome", "share", "source", "bucket")
"""What tells flows apart."""
_FLOWS: Final = (*_KEYS, "first", "last", "bits", *COUNTERS)


class Elsewhere(Protocol):
    """Where flows are put that are not to stay in memory: `collectors.aside`."""

    most_rows: int
    """About so many are given back at once."""

    def __bool__(self) -> bool:
        """Return whether anything was put there."""

    def put(self, rows: Rows) -> None:
        """Take rows."""

    def stretches(self) -> Iterator[Rows]:
        """Yield all rows, those of a time bucket together, earlier buckets first."""


class Fold:
    """The open connections of a log (or of rotated logs, one after the other) and the flows so far.

    With `elsewhere` flows are put there when they are many.
    """

    def __init__(
        self, bucket_seconds: int = BUCKET_SECONDS, waiting: int = WAITING, elsewhere: Elsewhere | None = None
    ) -> None:
        self._bucket, self._waiting, self._elsewhere = bucket_seconds, waiting, elsewhere
        self._texts: dict[str, int] = {}
        self._sources: list[str] = []
        self._open: list[Rows] = []
        self._settled = 0
        self._loose: list[Rows] = []
        self._flows: list[Rows] = []
        self._now = 0

    def __len__(self) -> int:
        """Return how many parts of open connections are held."""
        return sum(map(len, self._open))

    def begin_source(self, name: str) -> None:
        """Name the input that the next records come from."""
        self._sources.append(name)

    def add(self, records: Records) -> None:
        """Take some records."""
        if not len(records):
            return
        self._open.append(parts_of(records, self._texts, len(self._sources) - 1, self._bucket * SECOND))
        self._now = max(self._now, int(records.first.values.max()))
        if len(self) - self._settled > max(self._waiting, self._settled):
            self._settle(self._now)

    def finish(self) -> Flows:
        """Return the flows of everything taken, compact, and forget it."""
        return concat_flows(self.finished())

    def finished(self) -> Iterator[Flows]:
        """Conclude everything that was taken; return its flows, compact, by stretches of time, the earlier ones first.

        If nothing was put elsewhere they are one.
        """
        self._conclude(None)
        if not self._elsewhere:
            return iter([self._told()])
        if self._flows:
            self._elsewhere.put(Rows.joined(self._flows))
        self._flows = []
        return (self._said(rows.added_up(_KEYS)) for rows in self._elsewhere.stretches())

    def settled(self) -> Flows:
        """Return the flows of connections that nothing goes on with, compact, and forget these.

        Not of a fold that puts flows elsewhere.
        """
        self._conclude(self._now)
        return self._told()

    def kept(self) -> bytes:
        """Return the open connections, to go on with another day; ask after `settled`, when no flow waits."""
        return keep(Rows.joined(self._open) if self._open else None, list(self._texts), self._now)

    def restore(self, content: bytes) -> bool:
        """Take what `kept` returned, before any record; False, and nothing, if it is damaged or of another version."""
        found = kept(content)
        if found is None:
            return False
        rows, texts, self._now = found
        self._texts = {text: number for number, text in enumerate(texts)}
        self._open, self._settled = [rows], len(rows)
        return True

    def _told(self) -> Flows:
        flows = self._said(self._compacted()) if self._flows else empty_flows()
        self._flows = []
        self._forget_texts()
        return flows

    def _conclude(self, now: int | None) -> None:
        """Make flows of the connections that nothing goes on with at a time of the log (ns), or of all of them."""
        self._settle(now)
        self._choose()

    def _said(self, rows: Rows) -> Flows:
        return compact(self._frame(rows), self._bucket)

    def _forget_texts(self) -> None:
        """Renumber the texts that open connections have: others come and go for as long as a log is followed."""
        names, number = list(self._texts), dict[str, int]()
        renumbered = []
        for rows in self._open:
            columns = {}
            for name in TEXTS:
                used = np.flatnonzero(np.bincount(rows[name] + 1, minlength=1)[1:])
                place = np.full(len(names) + 1, -1, dtype=np.int32)
                place[used] = [number.setdefault(names[code], len(number)) for code in used.tolist()]
                columns[name] = place[rows[name]]
            renumbered.append(rows.but(**columns))
        self._open, self._texts = renumbered, number

    def _settle(self, now: int | None) -> None:
        """Conclude the connections that nothing goes on with at a time of the log (ns), or all of them."""
        if not self._open:
            return
        opened, self._open = self._open, []
        parts = Rows.joined(opened)
        del opened  # the columns are many, and there is room for them once
        order, number = connections(parts)
        over = np.ones(len(parts), dtype=bool) if now is None else done(order, number, parts, now)
        # In the order of the log columns are copied as they lie; of what is over, settling adds up the same.
        self._open = [parts.take(np.sort(order[~over])).added_up(KEYS)]
        self._settled = len(self)
        if over.any():
            found = parts.take(order[over])
            del parts
            found = found.but(connection=number[over], side=sides(found))
            self._take(settle(found, self._texts, self._bucket * SECOND))

    def _take(self, rows: Rows) -> None:
        transports = [self._texts[name] for name in TRANSPORTS if name in self._texts]
        loose = np.isin(rows["protocol"], transports) & (rows["src_port"] >= 0)
        loose &= rows["orientation"] == ORIENTATION["unknown"]
        self._keep(rows.take(~loose))
        self._loose.append(rows.take(loose))
        if sum(map(len, self._loose)) > _LOOSE_AT:
            self._choose()

    def _choose(self) -> None:
        """Choose the destination of connections whose initiator is unknown."""
        rows, self._loose = self._loose, []
        if any(map(len, rows)):
            self._keep(with_likelier_destination(Rows.joined(rows), list(self._texts)))

    def _keep(self, rows: Rows) -> None:
        self._flows.append(rows.only(_FLOWS).added_up(_KEYS))
        waiting = sum(map(len, self._flows))
        if self._elsewhere is not None:
            if waiting > self._elsewhere.most_rows:
                self._elsewhere.put(Rows.joined(self._flows))
                self._flows = []
        elif waiting > max(_COMPACT_AT, 2 * len(self._flows[0])):
            self._flows = [self._compacted()]

    def _compacted(self) -> Rows:
        return Rows.joined(self._flows).added_up(_KEYS)

    def _frame(self, rows: Rows) -> Flows:
        """Return rows as FLOWS."""
        names = list(self._texts)
        columns: dict[str, Any] = {name: _category(rows[name], names) for name in _NAMES}
        for name, at in (("first_seen", "first"), ("last_seen", "last")):
            columns[name] = pd.DatetimeIndex(rows[at].view("datetime64[ns]"), tz="UTC")
        columns |= {name: _masked(rows[name], rows[name] >= 0) for name in ("dst_port", "service_port")}
        columns |= {name: _masked(rows[name], (rows["bits"] & KNOWN[name]) != 0) for name in COUNTERS}
        columns["orientation"] = _category(rows["orientation"], ORIENTATIONS)
        columns["outcome"] = _category(rows["outcome"], OUTCOMES)
        columns["sampled"] = rows["share"] / WHOLE
        columns["source"] = _category(rows["source"], self._sources)
        return conform_flows(pd.DataFrame(columns))


def _category(codes: Array, words: Sequence[str]) -> "pd.Categorical[Any]":
    """Return a category column of only the words that occur."""
    used = np.flatnonzero(np.bincount(codes + 1, minlength=1)[1:])
    place = np.full(len(words) + 1, -1, dtype=np.int64)
    place[used] = np.arange(len(used))
    dtype = pd.CategoricalDtype(pd.Index([words[code] for code in used.tolist()], dtype="str"))
    return pd.Categorical.from_codes(place[codes], dtype=dtype)


def _masked(values: Array, known: Array) -> "pd.arrays.IntegerArray":
    return pd.arrays.IntegerArray(np.where(known, values, 0).astype(np.int64), ~known)
