"""Turns what was said about addresses into one table: which name, said by what, how often and when (NAMES).

A name here is evidence for a reader and never an identity: whoever answers a question or begins a TLS session can
say any name.
"""

from collections.abc import Iterable
from typing import NewType, cast

import pandas as pd

from collectors.schema import Column, Schema

NAME_KINDS = ("dns", "sni", "nrb")

NAMES = Schema(
    "names",
    (
        Column("first_seen", "datetime64[ns, UTC]", "first time it was said; NA = no time is known"),
        Column("last_seen", "datetime64[ns, UTC]", "last time it was said; NA = no time is known"),
        Column("address", "category", "canonical IP text"),
        Column(
            "name", "category", "lower-case DNS name without trailing dot; bytes that are no visible ASCII as \\DDD"
        ),
        Column(
            "kind",
            "category",
            "dns: an answer to a question; sni: what a client called a TLS server; nrb: a name in the capture file",
            vocabulary=NAME_KINDS,
        ),
        Column("count", "Int64", "messages, sessions or records that said it; NA = not known", "1"),
        Column("source", "category", "which input"),
    ),
)

_KEYS = ["address", "name", "kind", "source"]

Names = NewType("Names", pd.DataFrame)


def empty_names() -> Names:
    """Return no names, with all columns."""
    return Names(NAMES.empty())


def conform_names(frame: pd.DataFrame) -> Names:
    """Return the frame as NAMES: columns in order, cast, absent ones NA; raises SchemaMismatch."""
    names = NAMES.conform(frame)
    NAMES.check(names)
    return cast("Names", names)


def compact_names(names: Names) -> Names:
    """Return one row per address, name, kind and source: earliest and latest times, sums, sorted by that key.

    Counts that are NA count as nothing beside a known one; all NA stays NA. Associative:
    compact_names(a + b) == compact_names(compact_names(a) + compact_names(b)).
    """
    if names.empty:
        return empty_names()
    # Keys as plain text: groups are then sorted by it, and the categories made again hold what is in use only.
    frame = names.assign(**{key: names[key].astype("str") for key in _KEYS})
    groups = frame.groupby(_KEYS, sort=True, dropna=False)
    measures = {
        "first_seen": groups["first_seen"].min(),
        "last_seen": groups["last_seen"].max(),
        "count": groups["count"].sum(min_count=1),
    }
    return conform_names(pd.DataFrame(measures).reset_index())


def concat_names(parts: Iterable[Names]) -> Names:
    """Return all rows of some names, one after the other, their categories united."""
    frames = [part for part in parts if not part.empty]
    if not frames:
        return empty_names()
    if len(frames) == 1:
        return frames[0]
    plain = [frame.assign(**{key: frame[key].astype("str") for key in _KEYS}) for frame in frames]
    return conform_names(pd.concat(plain, ignore_index=True))
