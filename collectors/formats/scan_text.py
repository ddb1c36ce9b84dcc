"""Turns values into cells of the current row: texts by the number of a distinct one, whole numbers and times.

Cython in pure Python mode, see `collectors.capture.kernel`; the words of arrays are named in `scan_layout`.
"""

try:
    import cython
except ImportError:  # not needed at run time: its words mean nothing to plain Python
    from collectors.capture import uncompiled as cython

if not cython.compiled:
    from collectors.capture.machine import wrapped
    from collectors.formats.scan_layout import (
        ARENA, ARENA_CAPACITY, BLOCK, BLOCK_NUMBER, BLOCK_SEEN, ENTRIES, ENTRY_CAPACITY, ENTRY_WORDS, FIELDS,
        FIELD_WORDS, GROW, HASH, INDEX_MASK, KIND, LINE, LISTED, LOCAL, NUMBER, NUMBER_READ, OWNER, PLACE, PRESENT, RAW,
        ROW, ROWS, SIZE, SLOW, SLOW_LINES, SLOW_WORDS, TEXT,
    )  # fmt: skip
    from collectors.formats.scan_numbers import read_integer, read_time
    from collectors.formats.scan_words import copy, head64, lines, same, word64

_MIX = cython.declare(cython.ulonglong, 0x9E3779B97F4A7C15)
_MISSING = cython.declare(cython.ulonglong, 0xFFFFFFFFFFFFFFFF)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def digest(p: cython.p_uchar, at: cython.Py_ssize_t, size: cython.Py_ssize_t, f: cython.ulonglong) -> cython.ulonglong:
    """Return a number that texts of a field hardly share, the low bits as good as the high ones."""
    h: cython.ulonglong = wrapped((f + 1) * _MIX) + size
    end: cython.Py_ssize_t = at + size
    while at + 8 <= end:
        h = wrapped((h ^ word64(p, at)) * _MIX)
        h ^= h >> 29
        at += 8
    h = wrapped((h ^ head64(p, at, end - at)) * _MIX)
    return h ^ h >> 32


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def number_in_block(
    e: cython.Py_ssize_t, f: cython.ulonglong, s: cython.p_ulonglong, fields: cython.p_ulonglong,
    entries: cython.p_ulonglong, listing: cython.p_uint,
) -> cython.Py_ssize_t:  # fmt: skip
    """Give an entry its number among the texts of this block, unless it has one; return the entry."""
    if entries[e + BLOCK_SEEN] != s[BLOCK]:
        entries[e + BLOCK_SEEN] = s[BLOCK]
        entries[e + BLOCK_NUMBER] = fields[f * FIELD_WORDS + LOCAL]
        fields[f * FIELD_WORDS + LOCAL] += 1
        listing[s[LISTED]] = e // ENTRY_WORDS
        s[LISTED] += 1
    return e


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def intern(
    p: cython.p_uchar, at: cython.Py_ssize_t, size: cython.Py_ssize_t, f: cython.ulonglong,
    s: cython.p_ulonglong, fields: cython.p_ulonglong, index: cython.p_uint, entries: cython.p_ulonglong,
    arena: cython.p_uchar, listing: cython.p_uint,
) -> cython.Py_ssize_t:  # fmt: skip
    """Return the entry of a text of a field, a new one if need be, or GROW; it has a number in this block."""
    h: cython.ulonglong = digest(p, at, size, f)
    mask: cython.ulonglong = s[INDEX_MASK]
    slot: cython.ulonglong = h & mask
    e: cython.Py_ssize_t
    tried: cython.int = 0
    while index[slot] != 0:
        e = cython.cast(cython.Py_ssize_t, index[slot] - 1) * ENTRY_WORDS
        if entries[e + HASH] == h and entries[e + SIZE] == size and entries[e + OWNER] == f:
            if same(p, at, arena, entries[e + PLACE], size):
                return number_in_block(e, f, s, fields, entries, listing)
        tried += 1
        if tried > 100:
            return SLOW  # nobody has that bad luck: these texts were made to have one hash
        slot = (slot + 1) & mask
    if s[ENTRIES] == s[ENTRY_CAPACITY] or s[ARENA] + size > s[ARENA_CAPACITY]:
        return GROW
    e = s[ENTRIES] * ENTRY_WORDS
    entries[e + HASH] = h
    entries[e + PLACE] = s[ARENA]
    entries[e + SIZE] = size
    entries[e + OWNER] = f
    entries[e + BLOCK_SEEN] = 0
    copy(p, at, arena, s[ARENA], size)
    s[ARENA] += size
    s[ENTRIES] += 1
    index[slot] = s[ENTRIES]
    return number_in_block(e, f, s, fields, entries, listing)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def put(
    p: cython.p_uchar, at: cython.Py_ssize_t, end: cython.Py_ssize_t, f: cython.ulonglong,
    s: cython.p_ulonglong, fields: cython.p_ulonglong, index: cython.p_uint, entries: cython.p_ulonglong,
    arena: cython.p_uchar, listing: cython.p_uint, out: cython.p_ulonglong, known: cython.p_uchar,
) -> cython.Py_ssize_t:  # fmt: skip
    """Put the text from here to `end` into a field of the current row, as its kind is kept; return `end`, SLOW or GROW."""
    cell: cython.Py_ssize_t = f * s[ROWS] + s[ROW]
    kind: cython.ulonglong = fields[f * FIELD_WORDS + KIND]
    found: cython.Py_ssize_t
    if end == at or (end == at + 1 and p[at] == 45):
        return end
    if kind == TEXT or kind == RAW:
        found = intern(p, at, end - at, f, s, fields, index, entries, arena, listing)
        if found < 0:
            return found
        out[cell] = entries[found + BLOCK_NUMBER]
        return end
    if kind != PRESENT:
        found = read_integer(p, at, end, s) if kind == NUMBER else read_time(p, at, end, s)
        if found < 0:
            return found
        out[cell] = s[NUMBER_READ]
    known[cell] = 1
    return end


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def forget_row(
    s: cython.p_ulonglong, fields: cython.p_ulonglong, out: cython.p_ulonglong, known: cython.p_uchar
) -> cython.void:
    """Make all cells of the current row missing again."""
    f: cython.Py_ssize_t
    cell: cython.Py_ssize_t
    for f in range(cython.cast(cython.Py_ssize_t, s[FIELDS])):
        cell = f * s[ROWS] + s[ROW]
        out[cell] = _MISSING if fields[f * FIELD_WORDS + KIND] <= RAW else 0
        known[cell] = 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def note(
    start: cython.Py_ssize_t, end: cython.Py_ssize_t, s: cython.p_ulonglong, slow: cython.p_ulonglong
) -> cython.void:
    """Note the place of a line for Python."""
    slow[s[SLOW_LINES] * SLOW_WORDS] = s[LINE]
    slow[s[SLOW_LINES] * SLOW_WORDS + 1] = start
    slow[s[SLOW_LINES] * SLOW_WORDS + 2] = end
    s[SLOW_LINES] += 1


def reindex(index_: cython.uint[::1], entries_: cython.ulonglong[::1], count: cython.Py_ssize_t) -> None:
    """Find a place in an index of zeros for each of so many entries."""
    index: cython.p_uint
    entries: cython.p_ulonglong
    if cython.compiled:
        index = cython.address(index_[0])
        entries = cython.address(entries_[0])
    else:
        index, entries = index_, entries_
    mask: cython.ulonglong = len(index_) - 1
    slot: cython.ulonglong
    n: cython.Py_ssize_t
    for n in range(count):
        slot = entries[n * ENTRY_WORDS + HASH] & mask
        while index[slot] != 0:
            slot = (slot + 1) & mask
        index[slot] = n + 1


def count_lines(text: cython.const[cython.uchar][::1], start: cython.Py_ssize_t, end: cython.Py_ssize_t) -> int:
    """Return how many line feeds there are between two places."""
    p: cython.p_uchar
    if start >= end:
        return 0
    if cython.compiled:
        p = cython.cast(cython.p_uchar, cython.address(text[0]))
    else:
        p = text
    return lines(p, start, end)


def is_compiled() -> bool:
    """Return whether this is the compiled module."""
    return cython.compiled
