"""Turns the place of a JSON value (RFC 8259) into the place where it ends, if it is one to the letter.

Cython in pure Python mode, see `collectors.capture.kernel`. A line ends in a line feed, which no value holds, so that
nothing behind it is read but what is loaded with it.
"""

try:
    import cython
except ImportError:  # not needed at run time: its words mean nothing to plain Python
    from collectors.capture import uncompiled as cython

if not cython.compiled:
    from collectors.formats.scan_layout import ESCAPED, SLOW
    from collectors.formats.scan_numbers import past_digits
    from collectors.formats.scan_words import past_blanks, plain_end

_DEEPEST = cython.declare(cython.int, 60)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def number_end(p: cython.p_uchar, at: cython.Py_ssize_t) -> cython.Py_ssize_t:
    """Return where the JSON number ends that begins here."""
    start: cython.Py_ssize_t = at
    first: cython.Py_ssize_t
    if p[at] == 45:
        at += 1
    first = at
    at = past_digits(p, at)
    if at == first or (p[first] == 48 and at > first + 1):
        return SLOW
    if p[at] == 46:
        first = at + 1
        at = past_digits(p, first)
        if at == first:
            return SLOW
    if p[at] == 101 or p[at] == 69:
        at += 1
        if p[at] == 43 or p[at] == 45:
            at += 1
        first = at
        at = past_digits(p, at)
        if at == first:
            return SLOW
    return SLOW if at - start > 1000 else at  # Python reads whole numbers of 4300 digits at most


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _is_hex(c: cython.int) -> cython.bint:
    return (c >= 48 and c <= 57) or (c >= 97 and c <= 102) or (c >= 65 and c <= 70)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _past_escape(p: cython.p_uchar, at: cython.Py_ssize_t) -> cython.Py_ssize_t:
    """Return where the escape ends whose backslash is here."""
    c: cython.int = p[at + 1]
    if c == 117:
        # one after the other: the text may end before the fourth
        if _is_hex(p[at + 2]) and _is_hex(p[at + 3]) and _is_hex(p[at + 4]) and _is_hex(p[at + 5]):
            return at + 6
        return SLOW
    if c == 34 or c == 92 or c == 47 or c == 98 or c == 102 or c == 110 or c == 114 or c == 116:
        return at + 2
    return SLOW


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _past_utf8(p: cython.p_uchar, at: cython.Py_ssize_t) -> cython.Py_ssize_t:
    """Return where the character of several bytes ends that begins here (RFC 3629, section 4)."""
    c: cython.int = p[at]
    d: cython.int = p[at + 1]
    if c >= 0xC2 and c <= 0xDF:
        return at + 2 if d >> 6 == 2 else SLOW
    if c >= 0xE0 and c <= 0xEF:
        if d >> 6 != 2 or (c == 0xE0 and d < 0xA0) or (c == 0xED and d > 0x9F):
            return SLOW
        return at + 3 if p[at + 2] >> 6 == 2 else SLOW
    if c >= 0xF0 and c <= 0xF4:
        if d >> 6 != 2 or (c == 0xF0 and d < 0x90) or (c == 0xF4 and d > 0x8F):
            return SLOW
        return at + 4 if p[at + 2] >> 6 == 2 and p[at + 3] >> 6 == 2 else SLOW
    return SLOW


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def string_end(p: cython.p_uchar, at: cython.Py_ssize_t, s: cython.p_ulonglong) -> cython.Py_ssize_t:
    """Return where the JSON string ends whose quote is here; state ESCAPED becomes 1 where it has an escape."""
    at = plain_end(p, at + 1)
    while p[at] != 34:
        if p[at] == 92:
            s[ESCAPED] = 1
            at = _past_escape(p, at)
        elif p[at] >= 128:
            at = _past_utf8(p, at)
        else:
            return SLOW
        if at < 0:
            return SLOW
        at = plain_end(p, at)
    return at + 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _past_key(p: cython.p_uchar, at: cython.Py_ssize_t, s: cython.p_ulonglong) -> cython.Py_ssize_t:
    """Return where the value begins whose key is here."""
    if p[at] != 34:
        return SLOW
    at = string_end(p, at, s)
    if at < 0:
        return SLOW
    at = past_blanks(p, at)
    return past_blanks(p, at + 1) if p[at] == 58 else SLOW


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _past_plain(p: cython.p_uchar, at: cython.Py_ssize_t, s: cython.p_ulonglong) -> cython.Py_ssize_t:
    """Return where the string, number, true, false or null ends that begins here."""
    c: cython.int = p[at]
    if c == 34:
        return string_end(p, at, s)
    if c == 45 or (c >= 48 and c <= 57):
        return number_end(p, at)
    # compared from the left, so that nothing behind the end of the text is looked at
    if c == 116 and p[at + 1] == 114 and p[at + 2] == 117 and p[at + 3] == 101:
        return at + 4
    if c == 110 and p[at + 1] == 117 and p[at + 2] == 108 and p[at + 3] == 108:
        return at + 4
    if c == 102 and p[at + 1] == 97 and p[at + 2] == 108 and p[at + 3] == 115 and p[at + 4] == 101:
        return at + 5
    return SLOW


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def past_value(p: cython.p_uchar, at: cython.Py_ssize_t, s: cython.p_ulonglong) -> cython.Py_ssize_t:
    """Return where the value ends that begins here."""
    c: cython.int
    depth: cython.int = 0
    objects: cython.ulonglong = 0  # a bit for each open bracket: 1 of an object, 0 of an array
    while True:
        c = p[at]
        if c == 123 or c == 91:
            depth += 1
            if depth > _DEEPEST:
                return SLOW
            objects = objects << 1 | (c == 123)
            at = past_blanks(p, at + 1)
            if p[at] != c + 2:
                if c == 123:
                    at = _past_key(p, at, s)
                    if at < 0:
                        return SLOW
                continue
        else:
            at = _past_plain(p, at, s)
            if at < 0 or depth == 0:
                return at
            at = past_blanks(p, at)
        while p[at] == (125 if objects & 1 else 93):
            depth -= 1
            objects >>= 1
            at += 1
            if depth == 0:
                return at
            at = past_blanks(p, at)
        if p[at] != 44:
            return SLOW
        at = past_blanks(p, at + 1)
        if objects & 1:
            at = _past_key(p, at, s)
            if at < 0:
                return SLOW


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _string_end_within(p: cython.p_uchar, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.Py_ssize_t:
    """Return where the string ends whose quote is here, 0 if it does not before `end` or the end of its line."""
    at += 1
    while at < end and p[at] != 34 and p[at] != 10:
        if p[at] == 92:
            at += 1
            if at < end and p[at] == 10:
                return 0
        at += 1
    return at + 1 if at < end and p[at] == 34 else 0


def record_end(text: cython.const[cython.uchar][::1], start: cython.Py_ssize_t, end: cython.Py_ssize_t) -> int:
    """Return where the bracket closes that opens at `start`; 0 if not before `end`, or if `documents` must look closer.

    It must at strings and objects that are not whole, and at more than 60 open brackets.
    """
    p: cython.p_uchar
    if cython.compiled:
        p = cython.cast(cython.p_uchar, cython.address(text[0]))
    else:
        p = text
    at: cython.Py_ssize_t = start
    depth: cython.int = 0
    objects: cython.ulonglong = 0  # a bit for each open bracket: 1 of an object, 0 of an array
    before: cython.int = 0  # the last byte that was no blank
    c: cython.int
    while at < end:
        c = p[at]
        if c == 34:
            at = _string_end_within(p, at, end)
            if at == 0:
                return 0
            before = c
            continue
        at += 1
        if c == 123 or c == 91:
            if depth == _DEEPEST or (c == 123 and objects & 1 and before != 58):
                return 0
            depth += 1
            objects = objects << 1 | (c == 123)
        elif c == 125 or c == 93:
            depth -= 1
            objects >>= 1
            if depth == 0:
                return at
        if c != 32 and c != 10 and c != 9 and c != 13:
            before = c
    return 0
