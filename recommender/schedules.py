"""Turns a CronJob's schedule into the longest time that passes between two of its runs."""

import re
from collections.abc import Mapping
from functools import lru_cache

import numpy as np
import pandas as pd

_NAMED: Mapping[str, str] = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_MONTHS = {
    "jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6,
    "jul": 7, "aug": 8, "sep": 9, "oct": 10, "nov": 11, "dec": 12,
}  # fmt: skip
_DAYS = {"sun": 0, "mon": 1, "tue": 2, "wed": 3, "thu": 4, "fri": 5, "sat": 6}
# Minute, hour, day of the month, month, day of the week (7 is Sunday too).
_FIELDS: tuple[tuple[int, int, Mapping[str, int]], ...] = (
    (0, 59, {}),
    (0, 23, {}),
    (1, 31, {}),
    (1, 12, _MONTHS),
    (0, 7, _DAYS),
)
_PART = re.compile(r"(\*|\?|[0-9a-z]+)(?:-([0-9a-z]+))?(?:/([0-9]+))?", re.ASCII)
_EVERY = re.compile(r"@every ((?:[0-9]+h)?(?:[0-9]+m)?(?:[0-9]+s)?)", re.ASCII)
_LONGEST_TEXT = 200
_MINUTES_OF_DAY = 24 * 60
# The weekdays of the Gregorian calendar come round every 28 years while no century year is left out of the leap years.
_CYCLE = ("2001-01-01", "2029-01-01")


@lru_cache(maxsize=256)
def longest_gap(schedule: str) -> pd.Timedelta | None:
    """Return the longest time between two runs of a schedule, over a whole cycle of the calendar.

    None where the text is no schedule, or one that never comes (30 February). The time zone plays no part, and the
    hour of a clock change is passed over. Reads what Kubernetes does: ranges, steps, lists, names, @daily, @every.
    """
    text = schedule.strip().lower() if len(schedule) <= _LONGEST_TEXT else ""
    text = re.sub(r"^(cron_)?tz=\S+\s+", "", text)
    every = _EVERY.fullmatch(text)
    if every:
        return _every(every[1])
    parts = _NAMED.get(text, text).split()
    if len(parts) != len(_FIELDS):
        return None
    found = [_values(part, *field) for part, field in zip(parts, _FIELDS, strict=True)]
    fields = [values for values in found if values is not None]
    if len(fields) != len(_FIELDS):
        return None
    minutes = sorted(hour * 60 + minute for hour in fields[1] for minute in fields[0])
    return _longest(np.array(minutes), _run_days(fields[2], fields[3], fields[4], parts))


def _every(text: str) -> pd.Timedelta | None:
    amounts = re.findall(r"([0-9]{1,9})([hms])", text)
    seconds = sum(int(number) * {"h": 3600, "m": 60, "s": 1}[unit] for number, unit in amounts)
    return pd.Timedelta(seconds=seconds) if 0 < seconds < 10**9 else None


def _values(text: str, least: int, most: int, names: Mapping[str, int]) -> frozenset[int] | None:
    """Return the numbers that a field means; None where it means nothing."""
    found: set[int] = set()
    for part in text.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            return None
        first, last = _bounds(match, least, most, names)
        step = int(match[3][:9]) if match[3] else 1
        if step < 1 or first is None or last is None or not least <= first <= last <= most:
            return None
        found.update(range(first, last + 1, step))
    return frozenset(found)


def _bounds(match: "re.Match[str]", least: int, most: int, names: Mapping[str, int]) -> tuple[int | None, int | None]:
    """Return the first and last number of a part; `5/10` goes on to the end, as in Kubernetes."""
    if match[1] in {"*", "?"}:
        # A field `*` of weekdays ends with Saturday: 7 would be a second Sunday, and wrong for steps.
        return (None, None) if match[2] else (least, 6 if most == 7 else most)
    first = _number(match[1], names)
    if match[2]:
        return first, _number(match[2], names)
    return first, (6 if most == 7 else most) if match[3] and first != 7 else first


def _number(text: str, names: Mapping[str, int]) -> int | None:
    return int(text) if text.isdigit() and len(text) <= 3 else names.get(text)


def _run_days(
    days: frozenset[int], months: frozenset[int], weekdays: frozenset[int], parts: list[str]
) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    """Return the days of the cycle on which a schedule runs, counted from 1970.

    Where both the day of the month and of the week are restricted, either is enough; a plain star restricts nothing.
    """
    cycle = np.arange(*_CYCLE, dtype="datetime64[D]")
    month_starts = cycle.astype("datetime64[M]")
    of_month = np.isin((cycle - month_starts).astype(np.int64) + 1, sorted(days))
    of_week = np.isin((cycle.astype(np.int64) + 4) % 7, sorted({day % 7 for day in weekdays}))
    starred = any(_is_star(parts[at]) for at in (2, 4))
    wanted = of_month & of_week if starred else of_month | of_week
    runs = wanted & np.isin(month_starts.astype(np.int64) % 12 + 1, sorted(months))
    return cycle[runs].astype(np.int64)


def _is_star(field: str) -> bool:
    return any(part in {"*", "?", "*/1", "?/1"} for part in field.split(","))


def _longest(
    minutes: "np.ndarray[tuple[int], np.dtype[np.int64]]", days: "np.ndarray[tuple[int], np.dtype[np.int64]]"
) -> pd.Timedelta | None:
    if not len(days):
        return None
    whole = int(np.diff(np.array(_CYCLE, dtype="datetime64[D]")).astype(np.int64)[0])
    between = int(np.diff(np.append(days, days[0] + whole)).max()) * _MINUTES_OF_DAY
    overnight = between - int(minutes[-1] - minutes[0])
    within = int(np.diff(minutes).max()) if len(minutes) > 1 else 0
    return pd.Timedelta(minutes=max(overnight, within))
