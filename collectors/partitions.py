"""Turns the flows of an observation, in memory or in a store, into parts by time, of which one is held at once."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from collectors.flows import Flows
from collectors.observation import BUCKET_SECONDS

SECOND = 1_000_000_000
"""Nanoseconds."""
DAY_SECONDS = 24 * 60 * 60


@dataclass(frozen=True, eq=False)
class Partitions:
    """Flows by stretches of `seconds` (a multiple of the bucket) since 1970, in the order of time, those with rows.

    May be iterated over any number of times; each part is made when it is asked for.
    """

    flows: Flows
    seconds: int = DAY_SECONDS

    def __post_init__(self) -> None:
        refuse_to_cut(self.seconds)

    def __iter__(self) -> Iterator[Flows]:
        stretch = moments_of(self.flows) // (self.seconds * SECOND)
        numbers = np.unique(stretch)
        if len(numbers) < 2:
            yield self.flows
            return
        for number in numbers.tolist():
            yield with_texts_in_use(self.flows[stretch == number])


def refuse_to_cut(seconds: int) -> None:
    """Raise ValueError where a part of so many seconds would cut a bucket."""
    if seconds <= 0 or seconds % BUCKET_SECONDS:
        raise ValueError(f"a part of {seconds} s would cut a bucket of {BUCKET_SECONDS} s")


def in_order(parts: Iterable[Flows]) -> Iterator[Flows]:
    """Yield parts as they are; raises ValueError where one has a bucket that is not behind those of all before."""
    latest = None
    for flows in parts:
        if not flows.empty:
            buckets = moments_of(flows) // (BUCKET_SECONDS * SECOND)
            if latest is not None and int(buckets.min()) <= latest:
                raise ValueError("the parts of the flows overlap, or are not in the order of time")
            latest = int(buckets.max())
        yield flows
        del flows  # or it stays in memory while the next one is read


def moments_of(flows: pd.DataFrame) -> "np.ndarray[Any, Any]":
    """Return `first_seen` in nanoseconds since 1970; what is absent is long before all that is not."""
    return flows["first_seen"].astype("int64").to_numpy()


def with_texts_in_use(flows: pd.DataFrame) -> Flows:
    """Return flows whose categories are those in use: what looks at each address once, looks at these only."""
    texts = flows.select_dtypes("category").columns
    return Flows(flows.assign(**{name: flows[name].cat.remove_unused_categories() for name in texts}))
