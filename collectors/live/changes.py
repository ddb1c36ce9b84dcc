"""Turns what becomes of live interfaces into sentences, and into the times in which one that was asked for was away."""

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class Change:
    """What became of an interface: `appeared`, `gone`, `back`, `away` (still, or not yet there) or `failed` to open.

    Only one that was asked for by name is ever `back` or `away`; one that a pattern matched appears anew.
    `away` is since when and until when, in ns since 1970, nobody could listen on an interface that was asked for by
    name; each such time is told once, in pieces if it is long.
    """

    name: str
    kind: str
    sentence: str
    away: tuple[int, int] | None = None

    def missing(self, start: pd.Timestamp, end: pd.Timestamp) -> list[tuple[pd.Timestamp, pd.Timestamp]]:
        """Return what of an interval the interface was away, at most one span."""
        if self.away is None:
            return []
        since, until = (pd.Timestamp(moment, unit="ns", tz="UTC") for moment in self.away)
        span = max(since, start), min(until, end)
        return [span] if span[0] < span[1] else []
