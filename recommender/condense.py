"""Turns resolved flows of any stretches of time into the few rows that the same communications follow from."""

from collections.abc import Iterable
from typing import Any, Final, cast

import numpy as np
import pandas as pd
from pandas.api.types import union_categoricals

from recommender.communications import COUNTERS, READ, attempts
from recommender.resolve import RESOLVED, ResolvedFlows
from recommender.spans import Array, numbered
from recommender.vantages import AGAIN

_MEASURES: Final = ("first_seen", "last_seen", "connections", *COUNTERS, "sampled")
_KEYS: Final = tuple(name for name in RESOLVED.names if name in READ and name not in _MEASURES)


def concat_resolved(parts: Iterable[ResolvedFlows]) -> ResolvedFlows:
    """Return all rows of resolved flows with the same columns, one after the other, their categories united."""
    frames = list(parts)
    some = [frame for frame in frames if not frame.empty] or frames[:1]
    if len(some) < 2:
        return some[0] if some else cast("ResolvedFlows", RESOLVED.empty().assign(**{AGAIN: False}))
    texts = [name for name in some[0] if isinstance(some[0][name].dtype, pd.CategoricalDtype)]
    total = pd.concat([frame.drop(columns=texts) for frame in some], ignore_index=True)
    for name in texts:
        used = [frame[name].array.remove_unused_categories() for frame in some]
        total[name] = union_categoricals([column.set_categories(column.categories.astype(str)) for column in used])
    return ResolvedFlows(total[list(some[0])])


def condensed(resolved: ResolvedFlows) -> ResolvedFlows:
    """Return one row for all that differ in time and counters only: `summarize` says the same of both.

    It has only the columns that `summarize` reads, and `again`; the order of its rows means nothing. Associative:
    condensed(a + b) is condensed(condensed(a) + condensed(b)).
    """
    frame = resolved if AGAIN in resolved else resolved.assign(**{AGAIN: False})
    group, firsts = (
        numbered(*(_codes(frame[name]) for name in _KEYS)) if len(frame) else (np.zeros(0), np.zeros(0, int))
    )
    kept = frame["sampled"].fillna(1.0)
    groups = frame.assign(connections=attempts(frame).sum(axis=1).astype("Int64"), sampled=kept).groupby(
        group, sort=True
    )
    measures = pd.concat(
        [
            groups[["first_seen", "sampled", AGAIN]].min(),
            groups["last_seen"].max(),
            groups[["connections", *COUNTERS]].sum(min_count=1),
        ],
        axis=1,
    )
    keys = frame[[*_KEYS]].iloc[firsts].reset_index(drop=True)
    return cast("ResolvedFlows", pd.concat([keys, measures.reset_index(drop=True)], axis=1))


def merge_condensed(parts: Iterable[ResolvedFlows]) -> ResolvedFlows:
    """Return the condensed rows of all parts, condensed each; associative, whatever the order of the parts."""
    return condensed(concat_resolved(parts))


def _codes(column: "pd.Series[Any]") -> Array:
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.cat.codes.to_numpy()
    return column.to_numpy(dtype=np.int64, na_value=-1)
