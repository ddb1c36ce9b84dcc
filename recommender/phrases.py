"""Turns numbers and foreign text into the short phrases of a sentence about coverage."""

import pandas as pd

from recommender.text import visible

_LONGEST = 120
_UNITS = (("day", 86400), ("hour", 3600), ("minute", 60))
_OFTEN = (("yearly", 360, 367), ("quarterly", 89, 93), ("monthly", 28, 31.1), ("weekly", 7, 7), ("daily", 1, 1))


def bounded(text: str) -> str:
    """Return text from a cluster, escaped for a terminal, and cut where it is too long for a sentence."""
    shown = visible(text[: _LONGEST + 1])
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}…"


def duration(length: pd.Timedelta) -> str:
    """Return a length of time in its own unit, as in "59 s", "25 hours", "3 days"; never longer than it is."""
    seconds = length.total_seconds()
    for name, unit in _UNITS:
        if seconds == unit:
            return f"1 {name}"
        if seconds >= 2 * unit:
            return f"{int(seconds // unit)} {name}s"
    return f"{int(seconds)} s"


def often(gap: pd.Timedelta) -> str:
    """Return how often something with this longest gap happens, as in "monthly" or "with gaps of 3 days"."""
    days = gap / pd.Timedelta(days=1)
    named = next((name for name, least, most in _OFTEN if least <= days <= most), None)
    return named or ("hourly" if gap == pd.Timedelta(hours=1) else f"with gaps of up to {duration(gap)}")


def kept(share: float) -> str:
    """Return what a sampled source keeps of what it sees, as in "one of 50"."""
    return f"one of {1 / share:,.0f}" if share > 0 else "only some"


def in_gaps(during: pd.Timedelta) -> str:
    """Return " in gaps of 3 minutes", or nothing where the gaps have no length that is known."""
    return f" in gaps of {duration(during)}" if during >= pd.Timedelta(seconds=1) else ""


def percent(share: float) -> str:
    """Return a share as per cent with two digits that matter, rounded up so that a bound stays one."""
    if share <= 0:
        return "0 %"
    value = share * 100
    digits = 0 if value >= 10 else 1 if value >= 1 else 2 if value >= 0.1 else 3
    scale = 10**digits
    # 7.000000000000001 is 7: rounded to what a float can hold before it is rounded up
    up = -int(-round(value * scale, 6) // 1) / scale
    return f"{up:.{digits}f}".rstrip("0").rstrip(".") + " %" if digits else f"{up:.0f} %"


def instant(time: pd.Timestamp | None) -> str | None:
    """Return a time as JSON has it, None where it is not known."""
    return None if time is None else time.isoformat()
