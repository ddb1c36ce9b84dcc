"""Turns what records say of the pods behind addresses into one table (CLAIMS): which pod, with which labels, when.

A claim is what a log wrote, not what a cluster said: `collectors.claimed` makes an inventory of claims where there is
no better one.
"""

import json
from collections.abc import Iterable
from functools import lru_cache
from typing import NewType, cast

import pandas as pd

from collectors.ledger import LedgerWriter
from collectors.schema import Column, Schema

CLAIMS = Schema(
    "claims",
    (
        Column("first_seen", "datetime64[ns, UTC]", "first record that said it, about"),
        Column("last_seen", "datetime64[ns, UTC]", "last record that said it, about"),
        Column("address", "category", "canonical IP text; NA = the log has no addresses"),
        Column("namespace", "category", "namespace of the pod"),
        Column("pod", "category", "name of the pod, or its beginning and `*` where the log says no more"),
        Column("workload_kind", "category", "kind of its controller; NA = not said"),
        Column("workload_name", "category", "name of its controller; NA = not said"),
        Column("labels", "category", "its labels as sorted JSON; NA = not said"),
        Column("node", "category", "name of its node; NA = not said"),
        Column("source", "category", "which input"),
    ),
)
_KEYS = [column.name for column in CLAIMS if column.dtype == "category"]
MAXIMUM = 1 << 18
"""Distinct claims of one input that are kept."""

Claims = NewType("Claims", pd.DataFrame)


class ClaimTable:
    """Distinct claims so far, with the first and last time (ns) of each; `overflow` counts those beyond the ceiling."""

    def __init__(self, maximum: int = MAXIMUM) -> None:
        self._said: dict[tuple[str, ...], tuple[int, int]] = {}
        self._maximum = maximum
        self.overflow = 0

    def add(self, time: int, address: str, pod: tuple[str, str], labels: Iterable[tuple[str, str]] | None,
            workload: tuple[str, str] = ("", ""), node: str = "") -> None:  # fmt: skip
        """Take one claim: pod is namespace and name, workload kind and name; empty texts are not said."""
        key = (address, *pod, *workload, "" if labels is None else _json(tuple(labels)), node)
        if key not in self._said and len(self._said) >= self._maximum:
            self.overflow += 1
            return
        first, last = self._said.get(key, (time, time))
        self._said[key] = min(first, time), max(last, time)

    def tell(self, source: str, ledger: LedgerWriter) -> None:
        """Write what is not kept into a ledger, as an event of the source."""
        if self.overflow:
            text = f"{self.overflow} claims of pods beyond the ceiling are not kept"
            ledger.event(source, "name_evidence", 0, text, self.overflow)

    def finish(self, source: str) -> Claims:
        """Return all claims as of this source."""
        if not self._said:
            return empty_claims()
        columns = dict(zip(_KEYS, zip(*self._said, strict=True), strict=False))
        frame = pd.DataFrame({name: [text or None for text in texts] for name, texts in columns.items()})
        first, last = zip(*self._said.values(), strict=True)
        return compact_claims(
            conform_claims(frame.assign(first_seen=_times(first), last_seen=_times(last), source=source))
        )


@lru_cache(maxsize=1 << 14)  # the same few pods are in every stretch of a log
def _json(labels: tuple[tuple[str, str], ...]) -> str:
    return json.dumps(dict(sorted(labels)), ensure_ascii=False)


def _times(nanoseconds: Iterable[int]) -> "pd.Series[pd.Timestamp]":
    return pd.Series(list(nanoseconds), dtype="int64").astype("datetime64[ns, UTC]")


def empty_claims() -> Claims:
    """Return no claims, with all columns."""
    return Claims(CLAIMS.empty())


def conform_claims(frame: pd.DataFrame) -> Claims:
    """Return the frame as CLAIMS: columns in order, cast, absent ones NA; raises SchemaMismatch."""
    claims = CLAIMS.conform(frame)
    CLAIMS.check(claims)
    return cast("Claims", claims)


def compact_claims(claims: Claims) -> Claims:
    """Return one row per claim and source with its earliest and latest time, sorted. Associative."""
    if claims.empty:
        return empty_claims()
    frame = claims.assign(**{key: claims[key].astype("object").where(claims[key].notna(), None) for key in _KEYS})
    groups = frame.groupby(_KEYS, sort=True, dropna=False)
    total = pd.DataFrame({"first_seen": groups["first_seen"].min(), "last_seen": groups["last_seen"].max()})
    return conform_claims(total.reset_index())


def concat_claims(parts: Iterable[Claims]) -> Claims:
    """Return all rows of some claims, one after the other, their categories united."""
    frames = [part for part in parts if not part.empty]
    if not frames:
        return empty_claims()
    plain = [frame.assign(**{key: frame[key].astype("object") for key in _KEYS}) for frame in frames]
    return conform_claims(pd.concat(plain, ignore_index=True))
