"""Turns framed bytes into conversation counters and finished flow rows: the hot path, one pass, no object per packet.

Cython in pure Python mode: compiled at build time where there is a C compiler, run as it stands where there is none
(slower, same flows). So are `links`, `internet` and `headers`, which read one frame, `records`, which reads many into
a ring, and `lifecycle`, which knows when a conversation begins and ends; each has a .pxd beside it that tells the
others' compiler of its functions. This is C in Python's clothes, and longer than other modules where all of it happens
to every packet. So are its functions: what every packet touches is in local variables, written back once at the end,
and what is called from Python takes a pointer from each array, one by one, for which Cython has no shorter way. Where 64
bits might overflow, `wrapped` says so: it does nothing compiled, since C wraps by itself.

All memory is arrays of unsigned 64-bit words (the index: 32-bit) that the caller makes and grows; the names of words
are in `layout`:

State: what stands between calls.
Conversation: 16 words, of which the first 8, one line of the processor's cache, are all that most packets touch
    low halves of addresses a and b (all of an IPv4 address); ports a << 16 | b, protocol << 32, IPv6 << 40;
    flags: what a said, what b said << 8, initiator << 16 (0 none, 1 a, 2 b), opener << 18 (0 a, 1 b),
      refused << 20 (1 a, 2 b), number known << 22 (1 a, 2 b), begun << 24, waiting pieces << 32;
    last time; packets from a, from b << 32; bytes from a; from b, all three of the current time bucket;
    high halves of a and b; handshake numbers of a, b << 32; time bucket; first time in it; latest time of earlier
    buckets; waiting piece + 1
Piece (a bucket's counters that wait for the conversation's outcome): 10 words
    bucket, first, last, begun, 4 counters, source, next piece + 1
Row (output): 14 words
    0-3 src, dst; 4 ports, protocol, IPv6 (the client's port is 0 unless nobody is known to have begun);
    5 orientation, outcome << 8, source << 16; 6 bucket; 7 first, 8 last, 9 connections, 10-13 packets and bytes
    ahead, packets and bytes back
Mark (a payload that may hold names): 8 words
    offset, length, time, kind (1 DNS, 2 DNS over TCP, 3 TLS), server address (2), IPv6, 0
"""

try:
    import cython
except ImportError:  # not needed at run time: its words mean nothing to plain Python
    from collectors.capture import uncompiled as cython

if not cython.compiled:
    from collectors.capture.headers import read_headers
    from collectors.capture.layout import (
        BATCH, BEFORE, BUCKET, BUCKET_END, BUCKET_NS, BUCKET_START, BYTES_A, CAPACITY, CONVERSATION_WORDS, CONVERSATIONS,
        DRAIN, FIRST, FLAGS, FULL, GROW, HEARD, HELD, HIGH_A, HIGH_B, IN_BUCKET, INDEX_MASK, KEPT, LAST, LOW_A, LOW_B,
        MARK_CAPACITY, MARK_WORDS, MARKED, MARKS, MORE, PAYLOAD, PIECE_CAPACITY, PIECES, PORTS, REFUSAL, RING_WORDS,
        ROW_CAPACITY, ROWS, SINCE_SWEEP, SWEEP, SWEPT, SYN, SYN_ACK, TICK_END, TICK_START, TURN, WANT_MARKS,
    )  # fmt: skip
    from collectors.capture.lifecycle import close_bucket, fold, is_over, open_or_reopen, restart
    from collectors.capture.machine import big16, low32, prefetch
    from collectors.capture.records import digest, read_records

# ledger classes, as `decode` returns them; 0 is a packet of a conversation
CLASSES = (
    "", "malformed", "truncated", "not_ip", "unknown_link", "fragment", "icmp_error", "link_control", "loopback",
    "multicast", "duplicate",
)  # fmt: skip
ORIENTATIONS = ("handshake", "paired", "unknown")
OUTCOMES = ("established", "half_open", "unanswered", "refused", "unknown")

_SWEEP = cython.declare(cython.ulonglong, 30_000_000_000)
_ENDED = cython.declare(cython.ulonglong, 60_000_000_000)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _wanted(s: cython.p_ulonglong) -> cython.int:
    """Return what the caller must do before a batch may be counted, MORE for nothing."""
    # One packet adds at most a conversation, two pieces, a mark and, folding, 62 rows twice.
    if s[CONVERSATIONS] + BATCH > s[CAPACITY] or s[PIECES] + 3 * BATCH > s[PIECE_CAPACITY]:
        return GROW
    if s[ROWS] + 140 * BATCH > s[ROW_CAPACITY]:
        return DRAIN
    return MARKED if s[MARKS] + BATCH > s[MARK_CAPACITY] else MORE


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _mark(
    p: cython.p_uchar, ring: cython.p_ulonglong, at: cython.Py_ssize_t, conv: cython.p_ulonglong,
    c: cython.Py_ssize_t, s: cython.p_ulonglong, marks: cython.p_ulonglong,
) -> cython.void:  # fmt: skip
    """Remember where a payload lies that may hold names: DNS answers, the first data of a TLS client."""
    data: cython.Py_ssize_t = ring[at + 10]
    size: cython.Py_ssize_t = ring[at + 11] - ring[at + 10]
    side: cython.ulonglong = ring[at + 6] >> 8
    protocol: cython.ulonglong = ring[at + 4] >> 32 & 255
    port: cython.ulonglong = ring[at + 4] >> (16 - 16 * side) & 0xFFFF
    kind: cython.ulonglong = 0
    m: cython.Py_ssize_t = s[MARKS] * MARK_WORDS
    if port == 53 and protocol == 17:
        # only what answers, without an error, something
        if size >= 12 and p[data + 2] & 0x80 and not p[data + 3] & 15 and big16(p, data + 6) != 0:
            kind = 1
    elif port == 53 and protocol == 6:
        kind = 2
    elif protocol == 6 and size > 43 and p[data] == 22:
        kind = 3
    if kind == 0:
        return
    marks[m] = data
    marks[m + 1] = size
    marks[m + 2] = ring[at + 8]
    marks[m + 3] = kind
    marks[m + 4] = conv[c + HIGH_A] if side else conv[c + HIGH_B]
    marks[m + 5] = conv[c + LOW_A] if side else conv[c + LOW_B]
    marks[m + 6] = ring[at + 4] >> 40
    s[MARKS] += 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _count(
    p: cython.p_uchar, ring: cython.p_ulonglong, s: cython.p_ulonglong, index: cython.p_uint,
    conv: cython.p_ulonglong, pieces: cython.p_ulonglong, rows: cython.p_ulonglong, marks: cython.p_ulonglong,
) -> cython.int:  # fmt: skip
    """Count the next batch of the ring, from state TURN on; return MORE, or what is wanted before it can go on."""
    mask: cython.ulonglong = s[INDEX_MASK]
    bucket: cython.ulonglong = s[BUCKET]
    bucket_start: cython.ulonglong = s[BUCKET_START]
    bucket_end: cython.ulonglong = s[BUCKET_END]
    tick_start: cython.ulonglong = s[TICK_START]
    tick_end: cython.ulonglong = s[TICK_END]
    marking: cython.ulonglong = s[WANT_MARKS]
    before: cython.ulonglong = s[BEFORE]
    first: cython.Py_ssize_t = s[TURN]
    last: cython.Py_ssize_t = s[HELD]
    turn: cython.Py_ssize_t
    n: cython.ulonglong
    c: cython.Py_ssize_t
    a1: cython.ulonglong
    b1: cython.ulonglong
    ports: cython.ulonglong
    bits: cython.ulonglong
    side: cython.ulonglong
    time: cython.ulonglong
    h: cython.ulonglong
    flags: cython.ulonglong
    distance: cython.ulonglong
    one: cython.ulonglong = 1
    result: cython.int = _wanted(s)
    if result != MORE:
        return result
    if last > first + BATCH * RING_WORDS:
        last = first + BATCH * RING_WORDS
    if cython.compiled:
        turn = first
        while turn < last:
            n = index[ring[turn + 9] & mask]
            if n != 0:
                prefetch(conv + (n - 1) * CONVERSATION_WORDS)
            turn += RING_WORDS
    turn = first
    while turn < last:
        a1 = ring[turn + 1]
        b1 = ring[turn + 3]
        ports = ring[turn + 4]
        bits = ring[turn + 6]
        side = bits >> 8 & 1
        time = ring[turn + 8]
        if time < tick_start or time >= tick_end:
            bucket = time // s[BUCKET_NS]
            bucket_start = bucket * s[BUCKET_NS]
            bucket_end = bucket_start + s[BUCKET_NS]
            tick_start = time >> 34 << 34
            tick_end = tick_start + (one << 34)
            if tick_start < bucket_start:
                tick_start = bucket_start
            if tick_end > bucket_end:
                tick_end = bucket_end
            distance = time - s[SWEPT] if time > s[SWEPT] else s[SWEPT] - time
            if distance > _SWEEP and s[SINCE_SWEEP] + (turn - first) // RING_WORDS > s[KEPT]:
                # the earlier of two packet times, so that one wild timestamp ends nothing
                s[SWEPT] = time if time < before else before
                result = SWEEP
                break
        before = time
        h = ring[turn + 9] & mask
        while True:
            n = index[h]
            if n == 0:
                break
            c = (n - 1) * CONVERSATION_WORDS
            if (
                conv[c + PORTS] == ports and conv[c + LOW_A] == a1 and conv[c + LOW_B] == b1
                and (not ports >> 40 or (conv[c + HIGH_A] == ring[turn] and conv[c + HIGH_B] == ring[turn + 2]))
            ):  # fmt: skip
                break
            h = (h + 1) & mask
        if bits & REFUSAL:
            if n != 0:
                conv[c + FLAGS] |= one << (20 + side)
            turn += RING_WORDS
            continue
        if n == 0:
            c = s[CONVERSATIONS] * CONVERSATION_WORDS
            s[CONVERSATIONS] += 1
            index[h] = s[CONVERSATIONS]
            conv[c + HIGH_A] = ring[turn]
            conv[c + LOW_A] = a1
            conv[c + HIGH_B] = ring[turn + 2]
            conv[c + LOW_B] = b1
            conv[c + PORTS] = ports
            restart(conv, c, side, time, bucket)
        elif time > conv[c + LAST] and time - conv[c + LAST] > _ENDED and is_over(conv, c, time):
            fold(conv, c, s, pieces, rows)
            restart(conv, c, side, time, bucket)
        if bits & (SYN | SYN_ACK):
            h = ring[turn + 7]
            open_or_reopen(conv, c, side, bits & 255, h >> 32, low32(h), time, bucket, s, pieces, rows)
        flags = conv[c + FLAGS]
        # one rare branch: payload that is the sender's first, or that a name server sent
        if (
            bits >> 3 & marking
            & ((flags >> (8 * side + 3) & 1 ^ 1) | (ports >> (16 - 16 * side) & 0xFFFF == 53))
            and ring[turn + 10] < ring[turn + 11]
        ):  # fmt: skip
            _mark(p, ring, turn, conv, c, s, marks)
        conv[c + FLAGS] = flags | (bits & 255) << (8 * side)
        if conv[c + HEARD] == 0 or conv[c + LAST] < bucket_start or conv[c + LAST] >= bucket_end:
            close_bucket(conv, c, s, pieces, rows)
            conv[c + IN_BUCKET] = bucket
            conv[c + FIRST] = time
            conv[c + LAST] = time
        elif time > conv[c + LAST]:
            conv[c + LAST] = time
        elif time < conv[c + LAST] and time < conv[c + FIRST]:
            conv[c + FIRST] = time
        conv[c + HEARD] += one << (32 * side)
        conv[c + BYTES_A + side] += ring[turn + 5]
        turn += RING_WORDS
    s[SINCE_SWEEP] = 0 if result == SWEEP else s[SINCE_SWEEP] + (turn - first) // RING_WORDS
    s[TURN] = turn
    s[BEFORE] = before
    s[BUCKET] = bucket
    s[BUCKET_START] = bucket_start
    s[BUCKET_END] = bucket_end
    s[TICK_START] = tick_start
    s[TICK_END] = tick_end
    return result


def run(
    buffer: cython.const[cython.uchar][::1], end: cython.Py_ssize_t, form: cython.int, swapped: cython.bint,
    extra: cython.Py_ssize_t, faces_: cython.ulonglong[::1], reading: cython.ulonglong[::1],
    scratch: cython.ulonglong[::1], seen_: cython.ulonglong[::1], ring_: cython.ulonglong[::1],
    state: cython.ulonglong[::1], index_: cython.uint[::1], conv_: cython.ulonglong[::1],
    pieces_: cython.ulonglong[::1], rows_: cython.ulonglong[::1], marks_: cython.ulonglong[::1],
) -> int:  # fmt: skip
    """Read and count whole records of a buffer, batch by batch: `read` and `count` in one.

    Returns MORE or ODD as `read`, or what `count` wants: then call it again. What was read and not yet counted stays in
    the ring, which has room for a batch.
    """
    p: cython.p_uchar
    r: cython.p_ulonglong
    k: cython.p_ulonglong
    faces: cython.p_ulonglong
    ring: cython.p_ulonglong
    seen: cython.p_ulonglong
    s: cython.p_ulonglong
    index: cython.p_uint
    conv: cython.p_ulonglong
    pieces: cython.p_ulonglong
    rows: cython.p_ulonglong
    marks: cython.p_ulonglong
    if cython.compiled:
        p = cython.cast(cython.p_uchar, cython.address(buffer[0]))
        r = cython.address(reading[0])
        k = cython.address(scratch[0])
        faces = cython.address(faces_[0])
        ring = cython.address(ring_[0])
        seen = cython.address(seen_[0])
        s = cython.address(state[0])
        index = cython.address(index_[0])
        conv = cython.address(conv_[0])
        pieces = cython.address(pieces_[0])
        rows = cython.address(rows_[0])
        marks = cython.address(marks_[0])
    else:
        p, r, k, faces, ring, seen = buffer, reading, scratch, faces_, ring_, seen_
        s, index, conv, pieces, rows, marks = state, index_, conv_, pieces_, rows_, marks_
    read: cython.int = FULL
    wanted: cython.int = MORE
    while wanted == MORE:
        if s[TURN] == s[HELD]:
            if read != FULL:
                return read
            read = read_records(p, end, form, swapped, extra, r, k, faces, seen, ring, BATCH)
            s[HELD] = r[HELD]
            s[TURN] = 0
        wanted = _count(p, ring, s, index, conv, pieces, rows, marks)
    return wanted


def read(
    buffer: cython.const[cython.uchar][::1], end: cython.Py_ssize_t, form: cython.int, swapped: cython.bint,
    extra: cython.Py_ssize_t, faces_: cython.ulonglong[::1], reading: cython.ulonglong[::1],
    scratch: cython.ulonglong[::1], seen_: cython.ulonglong[::1], ring_: cython.ulonglong[::1],
) -> int:  # fmt: skip
    """Read whole records of a buffer from state POSITION on into the ring; state HELD says how many of its words.

    `form`: 1 pcap records (`extra` bytes behind each header), 2 pcapng enhanced packet blocks, 3 packets handed over
    one by one (time, link type, interface, length on the wire, captured length, then the bytes). Returns MORE: the
    next record is not whole; ODD: only the slow lane understands it; FULL: no room in the ring. Other threads run.
    """
    p: cython.p_uchar
    r: cython.p_ulonglong
    k: cython.p_ulonglong
    faces: cython.p_ulonglong
    ring: cython.p_ulonglong
    seen: cython.p_ulonglong
    limit: cython.Py_ssize_t = len(ring_) // RING_WORDS
    if cython.compiled:
        p = cython.cast(cython.p_uchar, cython.address(buffer[0]))
        r = cython.address(reading[0])
        k = cython.address(scratch[0])
        faces = cython.address(faces_[0])
        ring = cython.address(ring_[0])
        seen = cython.address(seen_[0])
    else:
        p, r, k, faces, ring, seen = buffer, reading, scratch, faces_, ring_, seen_
    result: cython.int
    with cython.nogil:
        result = read_records(p, end, form, swapped, extra, r, k, faces, seen, ring, limit)
    return result


def count(
    buffer: cython.const[cython.uchar][::1], ring_: cython.ulonglong[::1], state: cython.ulonglong[::1],
    index_: cython.uint[::1], conv_: cython.ulonglong[::1], pieces_: cython.ulonglong[::1],
    rows_: cython.ulonglong[::1], marks_: cython.ulonglong[::1],
) -> int:  # fmt: skip
    """Count the packets of a ring between states TURN and HELD, which were read from the buffer.

    Returns MORE when all are counted, or what is wanted first: GROW (conversation or piece tables), DRAIN (rows), MARKED
    (marks) or SWEEP. Other threads run.
    """
    p: cython.p_uchar
    ring: cython.p_ulonglong
    s: cython.p_ulonglong
    index: cython.p_uint
    conv: cython.p_ulonglong
    pieces: cython.p_ulonglong
    rows: cython.p_ulonglong
    marks: cython.p_ulonglong
    if cython.compiled:
        p = cython.cast(cython.p_uchar, cython.address(buffer[0]))
        ring = cython.address(ring_[0])
        s = cython.address(state[0])
        index = cython.address(index_[0])
        conv = cython.address(conv_[0])
        pieces = cython.address(pieces_[0])
        rows = cython.address(rows_[0])
        marks = cython.address(marks_[0])
    else:
        p, ring, s, index, conv, pieces, rows, marks = buffer, ring_, state, index_, conv_, pieces_, rows_, marks_
    wanted: cython.int = MORE
    with cython.nogil:
        while wanted == MORE and s[TURN] != s[HELD]:
            wanted = _count(p, ring, s, index, conv, pieces, rows, marks)
    return wanted


def sweep(
    which: cython.int, now: cython.longlong, state: cython.ulonglong[::1], index_: cython.uint[::1],
    conv_: cython.ulonglong[::1], pieces_: cython.ulonglong[::1], rows_: cython.ulonglong[::1],
) -> None:  # fmt: skip
    """Fold no conversation (`which` 0), those silent for too long (1) or every one (2), and build the index anew.

    Needs an index of zeros, and room for all rows: one a conversation and one a piece.
    """
    s: cython.p_ulonglong
    conv: cython.p_ulonglong
    pieces: cython.p_ulonglong
    rows: cython.p_ulonglong
    index: cython.p_uint
    if cython.compiled:
        s = cython.address(state[0])
        conv = cython.address(conv_[0])
        pieces = cython.address(pieces_[0])
        rows = cython.address(rows_[0])
        index = cython.address(index_[0])
    else:
        s, conv, pieces, rows, index = state, conv_, pieces_, rows_, index_
    at: cython.Py_ssize_t
    c: cython.Py_ssize_t
    new: cython.Py_ssize_t
    word: cython.Py_ssize_t
    kept: cython.Py_ssize_t = 0
    h: cython.ulonglong
    mask: cython.ulonglong = s[INDEX_MASK]
    for at in range(cython.cast(cython.Py_ssize_t, mask) + 1):
        index[at] = 0
    for at in range(cython.cast(cython.Py_ssize_t, s[CONVERSATIONS])):
        c = at * CONVERSATION_WORDS
        if which == 2 or (which == 1 and is_over(conv, c, now)):
            fold(conv, c, s, pieces, rows)
            continue
        if kept != at:
            new = kept * CONVERSATION_WORDS
            for word in range(CONVERSATION_WORDS):
                conv[new + word] = conv[c + word]
            c = new
        kept += 1
        h = digest(conv[c + HIGH_A], conv[c + LOW_A], conv[c + HIGH_B], conv[c + LOW_B], conv[c + PORTS]) & mask
        while index[h] != 0:
            h = (h + 1) & mask
        index[h] = kept
    s[CONVERSATIONS] = kept
    if which != 0:
        s[KEPT] = kept


def close_buckets(
    state: cython.ulonglong[::1], conv_: cython.ulonglong[::1], pieces_: cython.ulonglong[::1],
    rows_: cython.ulonglong[::1],
) -> None:  # fmt: skip
    """End the current time bucket of every conversation: what follows comes from another source.

    Needs room for all rows and for one more piece a conversation.
    """
    s: cython.p_ulonglong
    conv: cython.p_ulonglong
    pieces: cython.p_ulonglong
    rows: cython.p_ulonglong
    if cython.compiled:
        s = cython.address(state[0])
        conv = cython.address(conv_[0])
        pieces = cython.address(pieces_[0])
        rows = cython.address(rows_[0])
    else:
        s, conv, pieces, rows = state, conv_, pieces_, rows_
    at: cython.Py_ssize_t
    for at in range(cython.cast(cython.Py_ssize_t, s[CONVERSATIONS])):
        close_bucket(conv, at * CONVERSATION_WORDS, s, pieces, rows)


def decode(
    frame: cython.const[cython.uchar][::1], captured: cython.Py_ssize_t, wire: cython.Py_ssize_t,
    link: cython.Py_ssize_t, scratch: cython.ulonglong[::1],
) -> int:  # fmt: skip
    """Read one frame into scratch words (see `headers`), and return its ledger class: for tests and the curious."""
    p: cython.p_uchar
    k: cython.p_ulonglong
    if cython.compiled:
        p = cython.cast(cython.p_uchar, cython.address(frame[0]))
        k = cython.address(scratch[0])
    else:
        p, k = frame, scratch
    return read_headers(p, 0, captured, wire, link, k)


def is_compiled() -> bool:
    """Return whether this is the compiled module."""
    return cython.compiled
