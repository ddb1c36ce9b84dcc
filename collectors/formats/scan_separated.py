"""Turns lines of separated values into rows of the wanted columns: one pass, no object for a line.

Cython in pure Python mode, with as long functions, see `collectors.capture.kernel`; the words of arrays are named in
`scan_layout`. Slow, and left to Python, are lines with bytes of 128 and more, with a carriage return that is not at
their end, with quotes where those mean something, and with values that are not quite what their field's kind is.
"""

try:
    import cython
except ImportError:  # not needed at run time: its words mean nothing to plain Python
    from collectors.capture import uncompiled as cython

if not cython.compiled:
    from collectors.formats.scan_layout import (
        DONE, END, FIELDS, FIELD_WORDS, HEADER, LEAST, LINE, MOST, NEXT_FIELD, POSITION, QUOTED, ROW, ROWS,
        SEPARATOR, SLOW,
    )  # fmt: skip
    from collectors.formats.scan_text import forget_row, note, put
    from collectors.formats.scan_words import line_end, lowest, marks, past_blanks

_LONGEST_QUOTED = cython.declare(cython.Py_ssize_t, 100000)
"""Bytes of a line with quotes that Python's csv surely reads."""


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _read_lines(
    p: cython.p_uchar,
    s: cython.p_ulonglong, fields: cython.p_ulonglong, wanted: cython.p_uint, heads: cython.p_uchar,
    index: cython.p_uint, entries: cython.p_ulonglong, arena: cython.p_uchar, listing: cython.p_uint,
    out: cython.p_ulonglong, known: cython.p_uchar,
) -> cython.Py_ssize_t:  # fmt: skip
    """Read lines from state POSITION on; return DONE at the end, else HEADER, SLOW or GROW for the line there."""
    separator: cython.int = s[SEPARATOR]
    quote: cython.int = 34 if s[QUOTED] else 10
    most: cython.ulonglong = s[MOST]
    least: cython.ulonglong = s[LEAST]
    count: cython.ulonglong
    f: cython.ulonglong
    c: cython.int
    at: cython.Py_ssize_t
    end: cython.Py_ssize_t
    found: cython.Py_ssize_t
    base: cython.Py_ssize_t = s[POSITION]
    left: cython.ulonglong = marks(p, base, separator, quote)  # the marks from `base` on that lie ahead
    while s[POSITION] < s[END]:
        at = s[POSITION]
        if p[at] <= 32:
            end = past_blanks(p, at)
            if p[end] == 10:
                s[LINE] += 1
                s[POSITION] = end + 1
                base = end + 1
                left = marks(p, base, separator, quote)
                continue
        if heads[p[at]]:
            return HEADER
        count = 0
        while True:
            while left == 0:
                base += 64
                left = marks(p, base, separator, quote)
            end = base + lowest(left)
            left &= left - 1
            c = p[end]
            if c == 13 and p[end + 1] == 10:
                c = 10
            if (c != separator and c != 10) or count == most:
                return SLOW
            f = wanted[count]
            while f != 0:
                found = put(p, at, end, f - 1, s, fields, index, entries, arena, listing, out, known)
                if found < 0:
                    return found
                f = fields[(f - 1) * FIELD_WORDS + NEXT_FIELD]
            count += 1
            if c != separator:
                break
            at = end + 1
        if p[end] == 13:
            end += 1
            if left == 0:
                base += 64
                left = marks(p, base, separator, quote)
            left &= left - 1
        if count < least or (s[QUOTED] and end - cython.cast(cython.Py_ssize_t, s[POSITION]) > _LONGEST_QUOTED):
            return SLOW
        out[s[FIELDS] * s[ROWS] + s[ROW]] = s[LINE]
        s[ROW] += 1
        s[LINE] += 1
        s[POSITION] = end + 1
    return DONE


def scan_separated(
    block: cython.const[cython.uchar][::1], state: cython.ulonglong[::1], fields_: cython.ulonglong[::1],
    wanted_: cython.uint[::1], heads_: cython.const[cython.uchar][::1], index_: cython.uint[::1],
    entries_: cython.ulonglong[::1], arena_: cython.uchar[::1], listing_: cython.uint[::1],
    out_: cython.ulonglong[::1], known_: cython.uchar[::1], slow_: cython.ulonglong[::1],
) -> int:  # fmt: skip
    """Read the lines of a block from state POSITION on into rows; return DONE, GROW, or HEADER before what may be one.

    `wanted` has a word for each column, its first field + 1; `heads` a byte for each that a line may begin with: 1
    where it may be a header. Everything else is as for `scan_json`.
    """
    p: cython.p_uchar
    s: cython.p_ulonglong
    fields: cython.p_ulonglong
    wanted: cython.p_uint
    heads: cython.p_uchar
    index: cython.p_uint
    entries: cython.p_ulonglong
    arena: cython.p_uchar
    listing: cython.p_uint
    out: cython.p_ulonglong
    known: cython.p_uchar
    slow: cython.p_ulonglong
    if cython.compiled:
        p = cython.cast(cython.p_uchar, cython.address(block[0]))
        s = cython.address(state[0])
        fields = cython.address(fields_[0])
        wanted = cython.address(wanted_[0])
        heads = cython.cast(cython.p_uchar, cython.address(heads_[0]))
        index = cython.address(index_[0])
        entries = cython.address(entries_[0])
        arena = cython.address(arena_[0])
        listing = cython.address(listing_[0])
        out = cython.address(out_[0])
        known = cython.address(known_[0])
        slow = cython.address(slow_[0])
    else:
        p, s, fields, wanted, heads, index = block, state, fields_, wanted_, heads_, index_
        entries, arena, listing, out, known, slow = entries_, arena_, listing_, out_, known_, slow_
    at: cython.Py_ssize_t
    result: cython.Py_ssize_t
    with cython.nogil:
        while True:
            result = _read_lines(p, s, fields, wanted, heads, index, entries, arena, listing, out, known)
            if result < 0:
                forget_row(s, fields, out, known)
            if result != SLOW:
                break
            at = line_end(p, s[POSITION])
            note(s[POSITION], at, s, slow)
            s[LINE] += 1
            s[POSITION] = at + 1
    return result
