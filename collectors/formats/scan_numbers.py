"""Turns the bytes of a value into a whole number or a time.

Cython in pure Python mode, see `collectors.capture.kernel`; the words of the state are named in `scan_layout`. Every
function is at least as strict as `values` and `times`, and returns SLOW where it does not see what those would say.
"""

try:
    import cython
except ImportError:  # not needed at run time: its words mean nothing to plain Python
    from collectors.capture import uncompiled as cython

if not cython.compiled:
    from collectors.capture.machine import wrapped
    from collectors.formats.scan_layout import NUMBER_READ, SLOW

_LATEST = cython.declare(cython.ulonglong, 1 << 62)
_SECONDS_END = cython.declare(cython.ulonglong, 10**11)
_MILLISECONDS_END = cython.declare(cython.ulonglong, 10**14)
_MICROSECONDS_END = cython.declare(cython.ulonglong, 10**17)
_SECOND = cython.declare(cython.ulonglong, 10**9)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _digits(
    p: cython.p_uchar, at: cython.Py_ssize_t, end: cython.Py_ssize_t, s: cython.p_ulonglong
) -> cython.Py_ssize_t:
    """Read the decimal digits from here, 18 at most, to state NUMBER_READ; return where they end."""
    value: cython.ulonglong = 0
    last: cython.Py_ssize_t = at + 18
    if last > end:
        last = end
    while at < last and p[at] >= 48 and p[at] <= 57:
        value = value * 10 + (p[at] - 48)
        at += 1
    s[NUMBER_READ] = value
    return at


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def past_digits(p: cython.p_uchar, at: cython.Py_ssize_t) -> cython.Py_ssize_t:
    """Return where the decimal digits from here end."""
    while p[at] >= 48 and p[at] <= 57:
        at += 1
    return at


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def read_integer(
    p: cython.p_uchar, at: cython.Py_ssize_t, end: cython.Py_ssize_t, s: cython.p_ulonglong
) -> cython.Py_ssize_t:
    """Read a whole number to state NUMBER_READ, of a fraction what is before the point; return its end or SLOW."""
    first: cython.Py_ssize_t
    minus: cython.bint = p[at] == 45
    if minus:
        at += 1
    first = at
    at = _digits(p, at, end, s)
    if at == first:
        return SLOW
    if at < end and p[at] == 46:
        first = at + 1
        at = past_digits(p, first)
        if at == first or at - first > 30:
            return SLOW
    if minus:
        s[NUMBER_READ] = wrapped(0 - s[NUMBER_READ])
    return at if at == end else SLOW


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _fraction(
    p: cython.p_uchar, at: cython.Py_ssize_t, end: cython.Py_ssize_t, s: cython.p_ulonglong
) -> cython.Py_ssize_t:
    """Read a fraction as nanoseconds of a second, nine digits at most; return its end."""
    first: cython.Py_ssize_t = at
    missing: cython.Py_ssize_t
    at = _digits(p, at, end, s)
    missing = 9 - (at - first)
    if missing == 9 or missing < 0:
        return SLOW
    while missing > 0:
        s[NUMBER_READ] *= 10
        missing -= 1
    return at


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _read_epoch(
    p: cython.p_uchar, at: cython.Py_ssize_t, end: cython.Py_ssize_t, s: cython.p_ulonglong
) -> cython.Py_ssize_t:
    first: cython.Py_ssize_t = at
    whole: cython.ulonglong
    scale: cython.ulonglong = 1
    at = _digits(p, at, end, s)
    if at == first:
        return SLOW
    whole = s[NUMBER_READ]
    if whole < _SECONDS_END:
        scale = _SECOND
    elif whole < _MILLISECONDS_END:
        scale = 1000000
    elif whole < _MICROSECONDS_END:
        scale = 1000
    if whole >= _LATEST // scale:
        return SLOW
    s[NUMBER_READ] = 0
    if at < end and p[at] == 46:
        at = _fraction(p, at + 1, end, s)
    # the fraction is in billionths of the unit
    s[NUMBER_READ] = whole * scale + s[NUMBER_READ] // (_SECOND // scale)
    return at if at == end else SLOW


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _two(p: cython.p_uchar, at: cython.Py_ssize_t) -> cython.int:
    """Return the number of two digits, or 100 where they are none."""
    if p[at] < 48 or p[at] > 57 or p[at + 1] < 48 or p[at + 1] > 57:
        return 100
    return (p[at] - 48) * 10 + (p[at + 1] - 48)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _days(year: cython.Py_ssize_t, month: cython.Py_ssize_t, day: cython.Py_ssize_t) -> cython.Py_ssize_t:
    """Return the days since 1970 of a date after it, SLOW where there is none such."""
    leap: cython.bint = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    longest: cython.Py_ssize_t = 30 + ((month + (month >> 3)) & 1)
    if month == 2:
        longest = 29 if leap else 28
    if year < 1970 or year > 2099 or month < 1 or month > 12 or day < 1 or day > longest:
        return SLOW
    if month < 3:
        year -= 1
        month += 12
    # days of whole years, leap days, days of the months since March, days between 1 March of year 0 and 1970
    return year * 365 + year // 4 - year // 100 + year // 400 + (153 * (month - 3) + 2) // 5 + day - 1 - 719468


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _offset(p: cython.p_uchar, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.Py_ssize_t:
    """Return the seconds of a numeric offset, more than a day where there is none that is sure."""
    hours: cython.Py_ssize_t
    minutes: cython.Py_ssize_t
    colon: cython.Py_ssize_t = 1 if end - at == 6 and p[at + 3] == 58 else 0
    if end - at != 5 + colon:
        return 1000000
    hours = _two(p, at + 1)
    minutes = _two(p, at + 3 + colon)
    if hours > 23 or minutes > 59:
        return 1000000
    return hours * 3600 + minutes * 60


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _read_date_time(
    p: cython.p_uchar, at: cython.Py_ssize_t, end: cython.Py_ssize_t, s: cython.p_ulonglong
) -> cython.Py_ssize_t:
    """Read an RFC 3339 time between 1971 and 2099."""
    c: cython.int = p[at + 10]
    year: cython.Py_ssize_t = _two(p, at) * 100 if _two(p, at + 2) < 100 else 0
    days: cython.Py_ssize_t = _days(year + _two(p, at + 2), _two(p, at + 5), _two(p, at + 8))
    hours: cython.Py_ssize_t = _two(p, at + 11)
    minutes: cython.Py_ssize_t = _two(p, at + 14)
    seconds: cython.Py_ssize_t = _two(p, at + 17)
    offset: cython.Py_ssize_t = 0
    if days < 365 or hours > 23 or minutes > 59 or seconds > 60 or p[at + 7] != 45 or p[at + 13] != 58:
        return SLOW
    if p[at + 16] != 58 or (c != 84 and c != 116 and c != 32):
        return SLOW
    seconds += days * 86400 + hours * 3600 + minutes * 60
    at += 19
    s[NUMBER_READ] = 0
    if at < end and (p[at] == 46 or p[at] == 44):
        at = _fraction(p, at + 1, end, s)
        if at < 0:
            return SLOW
    if at < end and (p[at] == 90 or p[at] == 122):
        at += 1
    elif at < end and (p[at] == 43 or p[at] == 45):
        offset = _offset(p, at, end)
        if offset > 86400:
            return SLOW
        seconds = seconds - offset if p[at] == 43 else seconds + offset
        at = end
    s[NUMBER_READ] += cython.cast(cython.ulonglong, seconds) * _SECOND
    return at if at == end else SLOW


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def read_time(
    p: cython.p_uchar, at: cython.Py_ssize_t, end: cython.Py_ssize_t, s: cython.p_ulonglong
) -> cython.Py_ssize_t:
    """Read a time to state NUMBER_READ, in nanoseconds since 1970; return its end or SLOW."""
    if end - at >= 19 and p[at + 4] == 45:
        return _read_date_time(p, at, end, s)
    return _read_epoch(p, at, end, s)
