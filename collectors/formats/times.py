"""Turns the times of records into nanoseconds since 1970: RFC 3339 text, or numbers whose size tells their unit."""

import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Context, Decimal, InvalidOperation

# RFC 3339, section 5.6; a blank for the T (as it allows), and offsets without colon, which Suricata writes.
_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,30}))?(?:[Zz]|([+-])(\d\d):?([0-5]\d))?", re.ASCII
).fullmatch
_NUMBER = re.compile(r"\d{1,20}(?:\.\d{1,30})?(?:[eE]\+?\d{1,2})?", re.ASCII).fullmatch
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = 1 << 62
_EXACT = Context(prec=80)  # more than the 50 digits and 9 noughts of any number that matches
# The first number too large for seconds (they end in the year 5138), milliseconds, microseconds; then nanoseconds.
_UNITS = ((10**11, 10**9), (10**14, 10**6), (10**17, 10**3), (1 << 64, 1))


def time_of(text: str) -> int | None:
    """Return the time that a text says, in nanoseconds since 1970; None where it says none.

    A time without an offset is UTC. Digits beyond nanoseconds are cut off. A leap second is the next second.
    """
    if _NUMBER(text):
        return of_number(text)
    match = _RFC3339(text)
    if match is None:
        return None
    *fields, fraction, sign, hours, minutes = match.groups()
    year, month, day, hour, minute, second = map(int, fields)
    leap = second == 60
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    try:
        zone = timezone(-offset if sign == "-" else offset)
        moment = datetime(year, month, day, hour, minute, 59 if leap else second, tzinfo=zone)
    except ValueError:
        return None
    seconds = (moment - _EPOCH) // timedelta(seconds=1) + leap
    return _within(seconds * 10**9 + int((fraction or "").ljust(9, "0")[:9]))


def of_number(text: str) -> int | None:
    """Return the time of a number since 1970 whose unit its size tells: s, ms, us or ns."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    scale = next((scale for limit, scale in _UNITS if number < limit), 0)
    return _within(int(_EXACT.multiply(number, Decimal(scale)))) if scale else None


def _within(nanoseconds: int) -> int | None:
    return nanoseconds if 0 <= nanoseconds < _LATEST else None
