"""Turns lines of JSON into rows of the wanted fields: one pass, no object for a line.

Cython in pure Python mode, with as long a function, see `collectors.capture.kernel`; the words of arrays are named in
`scan_layout`. What is not wanted is checked (RFC 8259, strict UTF-8) and passed over. A line that is no plain JSON
object, or of which Python might say something else, is slow: its place is noted, and nothing of it stays in the rows.
"""

try:
    import cython
except ImportError:  # not needed at run time: its words mean nothing to plain Python
    from collectors.capture import uncompiled as cython

if not cython.compiled:
    from collectors.formats.scan_layout import (
        BLOCK_NUMBER, CHILD, DONE, END, ENTRY_WORDS, ESCAPED, FIELDS, FIELD_WORDS, GROW, GUESSES, KEY, KEY_PLACE, KEY_SIZE,
        KIND, LINE, NEXT_FIELD, NODE_FIELD, NODE_WORDS, OWNER, PLACE, POSITION, PRESENT, RAW, ROW, ROWS, SEEN, SERIAL,
        SIBLING, SIZE, SLOW, TEXT,
    )  # fmt: skip
    from collectors.formats.scan_grammar import past_value, string_end
    from collectors.formats.scan_text import digest, forget_row, intern, note, number_in_block, put
    from collectors.formats.scan_words import head64, line_end, past_blanks, same

_GUESSED = cython.declare(cython.Py_ssize_t, 32)
"""Bytes of an object by which its text is guessed."""


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _child(
    p: cython.p_uchar, at: cython.Py_ssize_t, size: cython.Py_ssize_t, n: cython.Py_ssize_t,
    nodes: cython.p_ulonglong, keys: cython.p_uchar,
) -> cython.Py_ssize_t:  # fmt: skip
    """Return the child of a node that a key leads to, 0 for none."""
    head: cython.ulonglong = head64(p, at, size)
    n = nodes[n * NODE_WORDS + CHILD]
    while n != 0:
        if nodes[n * NODE_WORDS + KEY] == head and nodes[n * NODE_WORDS + KEY_SIZE] == size:
            if size <= 8 or same(p, at + 8, keys, nodes[n * NODE_WORDS + KEY_PLACE] + 8, size - 8):
                return n
        n = nodes[n * NODE_WORDS + SIBLING]
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _guess(
    p: cython.p_uchar, at: cython.Py_ssize_t, f: cython.ulonglong, s: cython.p_ulonglong, fields: cython.p_ulonglong,
    entries: cython.p_ulonglong, arena: cython.p_uchar, guesses: cython.p_uint, listing: cython.p_uint,
    out: cython.p_ulonglong,
) -> cython.Py_ssize_t:  # fmt: skip
    """Put an object into a RAW field if it is the text that began like it before; return its end, or 0.

    A text that was a whole object is one wherever it stands: it need not be gone through again.
    """
    e: cython.Py_ssize_t
    size: cython.Py_ssize_t
    if p[at] != 123 or at + _GUESSED > cython.cast(cython.Py_ssize_t, s[END]):
        return 0
    e = guesses[digest(p, at, _GUESSED, f) & (GUESSES - 1)]
    if e == 0:
        return 0
    e = (e - 1) * ENTRY_WORDS
    size = entries[e + SIZE]
    if entries[e + OWNER] != f or at + size > cython.cast(cython.Py_ssize_t, s[END]):
        return 0
    if not same(p, at, arena, entries[e + PLACE], size):
        return 0
    number_in_block(e, f, s, fields, entries, listing)
    out[f * s[ROWS] + s[ROW]] = entries[e + BLOCK_NUMBER]
    return at + size


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _put_json(
    p: cython.p_uchar, at: cython.Py_ssize_t, end: cython.Py_ssize_t, f: cython.ulonglong,
    s: cython.p_ulonglong, fields: cython.p_ulonglong, index: cython.p_uint, entries: cython.p_ulonglong,
    arena: cython.p_uchar, guesses: cython.p_uint, listing: cython.p_uint, out: cython.p_ulonglong,
    known: cython.p_uchar,
) -> cython.Py_ssize_t:  # fmt: skip
    """Put the value from here to `end` into a field of the current row; return `end`, SLOW or GROW."""
    c: cython.int = p[at]
    kind: cython.ulonglong = fields[f * FIELD_WORDS + KIND]
    found: cython.Py_ssize_t
    if c == 110:
        return end
    if kind == PRESENT:
        known[f * s[ROWS] + s[ROW]] = 1
        return end
    if kind == RAW:
        found = intern(p, at, end - at, f, s, fields, index, entries, arena, listing)
        if found < 0:
            return found
        out[f * s[ROWS] + s[ROW]] = entries[found + BLOCK_NUMBER]
        if c == 123 and end - at >= _GUESSED:
            guesses[digest(p, at, _GUESSED, f) & (GUESSES - 1)] = found // ENTRY_WORDS + 1
        return end
    if c == 123 or c == 91:
        return end
    if c == 34:
        found = put(p, at + 1, end - 1, f, s, fields, index, entries, arena, listing, out, known)
        return found if found < 0 else end
    if kind != TEXT and (c == 116 or c == 102):
        return end
    if c == 45 and p[at + 1] == 48:
        return SLOW  # to Python, the whole number -0 is 0
    return put(p, at, end, f, s, fields, index, entries, arena, listing, out, known)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _read_value(
    p: cython.p_uchar, at: cython.Py_ssize_t, n: cython.Py_ssize_t,
    s: cython.p_ulonglong, fields: cython.p_ulonglong, nodes: cython.p_ulonglong, keys: cython.p_uchar,
    index: cython.p_uint, entries: cython.p_ulonglong, arena: cython.p_uchar, guesses: cython.p_uint,
    listing: cython.p_uint, out: cython.p_ulonglong, known: cython.p_uchar,
) -> cython.Py_ssize_t:  # fmt: skip
    """Read the value of a node into the current row; return its end, SLOW or GROW."""
    start: cython.Py_ssize_t = at
    f: cython.ulonglong = nodes[n * NODE_WORDS + NODE_FIELD]
    if nodes[n * NODE_WORDS + SEEN] == s[SERIAL]:
        return SLOW  # a key that comes twice
    nodes[n * NODE_WORDS + SEEN] = s[SERIAL]
    if p[at] == 123 and nodes[n * NODE_WORDS + CHILD] != 0:
        at = _read_object(p, at, n, s, fields, nodes, keys, index, entries, arena, guesses, listing, out, known)
    else:
        if f != 0 and fields[(f - 1) * FIELD_WORDS + KIND] == RAW:
            if fields[(f - 1) * FIELD_WORDS + NEXT_FIELD] == 0:
                at = _guess(p, start, f - 1, s, fields, entries, arena, guesses, listing, out)
                if at != 0:
                    return at
        at = past_value(p, start, s)
    while f != 0 and at >= 0:
        at = _put_json(p, start, at, f - 1, s, fields, index, entries, arena, guesses, listing, out, known)
        f = fields[(f - 1) * FIELD_WORDS + NEXT_FIELD]
    return at


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _read_object(
    p: cython.p_uchar, at: cython.Py_ssize_t, n: cython.Py_ssize_t,
    s: cython.p_ulonglong, fields: cython.p_ulonglong, nodes: cython.p_ulonglong, keys: cython.p_uchar,
    index: cython.p_uint, entries: cython.p_ulonglong, arena: cython.p_uchar, guesses: cython.p_uint,
    listing: cython.p_uint, out: cython.p_ulonglong, known: cython.p_uchar,
) -> cython.Py_ssize_t:  # fmt: skip
    """Read the fields below a node from its object into the current row; return its end, SLOW or GROW."""
    key: cython.Py_ssize_t
    child: cython.Py_ssize_t
    end: cython.Py_ssize_t
    at = past_blanks(p, at + 1)
    if p[at] == 125:
        return at + 1
    while True:
        key = at
        if p[at] != 34:
            return SLOW
        s[ESCAPED] = 0
        end = string_end(p, at, s)
        if end < 0 or s[ESCAPED]:
            return SLOW
        at = past_blanks(p, end)
        if p[at] != 58:
            return SLOW
        at = past_blanks(p, at + 1)
        child = _child(p, key + 1, end - key - 2, n, nodes, keys)
        if child == 0:
            at = past_value(p, at, s)
        else:
            at = _read_value(p, at, child, s, fields, nodes, keys, index, entries, arena, guesses, listing, out, known)
        if at < 0:
            return at
        at = past_blanks(p, at)
        if p[at] == 125:
            return at + 1
        if p[at] != 44:
            return SLOW
        at = past_blanks(p, at + 1)


def scan_json(
    block: cython.const[cython.uchar][::1], state: cython.ulonglong[::1], fields_: cython.ulonglong[::1],
    nodes_: cython.ulonglong[::1], keys_: cython.const[cython.uchar][::1], index_: cython.uint[::1],
    entries_: cython.ulonglong[::1], arena_: cython.uchar[::1], guesses_: cython.uint[::1],
    listing_: cython.uint[::1], out_: cython.ulonglong[::1], known_: cython.uchar[::1], slow_: cython.ulonglong[::1],
) -> int:  # fmt: skip
    """Read the lines of a block from state POSITION on into rows; return DONE, or GROW for room in the tables of texts.

    The block ends in a line feed (before END) and PADDING. There is room for a row, and for a slow line, for each line.
    Texts begin as 64 ones, all else as 0. Other threads run.
    """
    p: cython.p_uchar
    s: cython.p_ulonglong
    fields: cython.p_ulonglong
    nodes: cython.p_ulonglong
    keys: cython.p_uchar
    index: cython.p_uint
    entries: cython.p_ulonglong
    arena: cython.p_uchar
    guesses: cython.p_uint
    listing: cython.p_uint
    out: cython.p_ulonglong
    known: cython.p_uchar
    slow: cython.p_ulonglong
    if cython.compiled:
        p = cython.cast(cython.p_uchar, cython.address(block[0]))
        s = cython.address(state[0])
        fields = cython.address(fields_[0])
        nodes = cython.address(nodes_[0])
        keys = cython.cast(cython.p_uchar, cython.address(keys_[0]))
        index = cython.address(index_[0])
        entries = cython.address(entries_[0])
        arena = cython.address(arena_[0])
        guesses = cython.address(guesses_[0])
        listing = cython.address(listing_[0])
        out = cython.address(out_[0])
        known = cython.address(known_[0])
        slow = cython.address(slow_[0])
    else:
        p, s, fields, nodes, keys, index, entries = block, state, fields_, nodes_, keys_, index_, entries_
        arena, guesses, listing, out, known, slow = arena_, guesses_, listing_, out_, known_, slow_
    at: cython.Py_ssize_t
    start: cython.Py_ssize_t
    result: cython.int = DONE
    with cython.nogil:
        while s[POSITION] < s[END]:
            start = s[POSITION]
            at = past_blanks(p, start)
            if p[at] != 10:
                s[SERIAL] += 1
                if p[at] == 123:
                    at = _read_value(
                        p, at, 0, s, fields, nodes, keys, index, entries, arena, guesses, listing, out, known
                    )
                else:
                    at = SLOW
                if at >= 0:
                    at = past_blanks(p, at)
                if at >= 0 and p[at] == 10:
                    out[s[FIELDS] * s[ROWS] + s[ROW]] = s[LINE]
                    s[ROW] += 1
                else:
                    forget_row(s, fields, out, known)
                    if at == GROW:
                        result = GROW
                        break
                    at = line_end(p, start)
                    note(start, at, s, slow)
            s[LINE] += 1
            s[POSITION] = at + 1
    return result
