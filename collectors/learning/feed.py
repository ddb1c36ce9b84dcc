"""Turns nothing by itself: what every feed of a learner has, and what it tells of an interval."""

from dataclasses import dataclass, field
from typing import Protocol

import pandas as pd

from collectors.learning.still_open import StillOpen
from collectors.ledger import LedgerWriter
from collectors.observation import Gap, Observation

OVERFLOW = "{} conversations were told before they ended: more than {} were open"
"""What is said of an event `overflow`."""
DAMAGED = "connections that were open of {} are damaged or of another version"
"""What is said where `Feed.resume` says no."""


@dataclass(frozen=True)
class Told:
    """What one feed saw in an interval, and what of it is still open."""

    observation: Observation
    still_open: StillOpen | None
    remarks: tuple[str, ...] = ()
    """Sentences for whoever watches: interfaces that came and went, a pipe that ended."""
    fault: str = ""
    """Why nothing more can be read; it is told once."""


@dataclass
class Interval:
    """The time that a feed tells of, and what it writes down meanwhile."""

    start: pd.Timestamp
    end: pd.Timestamp
    ledger: LedgerWriter = field(default_factory=LedgerWriter)
    gaps: list[Gap] = field(default_factory=list)


_LATE = pd.Timedelta(minutes=15)
"""How old a record may be that a live log just wrote (AWS writes intervals of 10 minutes)."""


class Feed(Protocol):
    """One input of a learner."""

    name: str
    keys: tuple[str, ...]
    """What of a store it can go on with, see `StillOpen.key`: one of these."""

    @property
    def ended(self) -> bool:
        """Whether nothing more will come than is told next."""

    def resume(self, still_open: StillOpen) -> bool:
        """Go on with what was open when the learner before this one ended; False if that is of no use."""

    def begin(self) -> None:
        """Begin to take what comes."""

    def wait(self, seconds: float) -> None:
        """Take what comes within so many seconds, at least what is there."""

    def tell(self, interval: Interval) -> Told:
        """Return what was seen since it was asked last."""

    def close(self) -> None:
        """Take nothing more, and let go of what it reads."""


class Watched:
    """Tells when a feed was watched: with the clock, unless what comes is from another time."""

    def __init__(self) -> None:
        self._replayed = False

    def span(self, interval: Interval, seen: tuple[int, int] | None) -> tuple[pd.Timestamp | None, pd.Timestamp | None]:
        """Return the interval, also where nothing came; or the times (ns) of what was seen if it is of another time."""
        if seen is None:
            return (None, None) if self._replayed else (interval.start, interval.end)
        first, last = (pd.Timestamp(time, tz="UTC") for time in seen)
        self._replayed = not (interval.start - _LATE <= first and last <= interval.end + _LATE)
        return (first, last) if self._replayed else (interval.start, interval.end)
