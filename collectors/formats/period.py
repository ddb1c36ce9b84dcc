"""Turns two times that a user gives into the period whose records count."""

import re
from dataclasses import dataclass

import numpy as np

from collectors.errors import PodfenceError, one_line
from collectors.formats.columns import Array
from collectors.formats.times import time_of

_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


@dataclass(frozen=True)
class Period:
    """From `since` to before `until`, both in ns since 1970, UTC; None: without such an end."""

    since: int | None = None
    until: int | None = None

    def holds(self, times: Array) -> Array:
        """Return which times are in it."""
        inside = np.ones(len(times), dtype=bool)
        if self.since is not None:
            inside &= times >= self.since
        if self.until is not None:
            inside &= times < self.until
        return inside

    def misses(self, first: int, last: int) -> bool:
        """Return whether nothing from one time to another is in it."""
        return (self.since is not None and last < self.since) or (self.until is not None and first >= self.until)


def period_of(since: str | None, until: str | None) -> Period | None:
    """Return the period of two RFC 3339 times or days (midnight, UTC), None without any; raises PodfenceError."""
    if since is None and until is None:
        return None
    period = Period(_time("--since", since), _time("--until", until))
    if period.since is not None and period.until is not None and period.since >= period.until:
        raise PodfenceError(f"--since {since} is not before --until {until}: exchange them.")
    return period


def _time(option: str, text: str | None) -> int | None:
    if text is None:
        return None
    time = time_of(f"{text}T00:00:00Z" if _DAY.fullmatch(text) else text)
    if time is None:
        raise PodfenceError(f"{option} {one_line(text, 80)!a} is no time: write 2026-11-23, or 2026-11-23T06:30:00Z.")
    return time
