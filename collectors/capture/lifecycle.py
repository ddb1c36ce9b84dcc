"""Turns what packets say into the life of a conversation: how it opened, when it is over, and the rows it leaves.

Cython in pure Python mode, see `kernel`, which also tells what the words of conversations, pieces and rows hold.
"""

try:
    import cython
except ImportError:  # not needed at run time: its words mean nothing to plain Python
    from collectors.capture import uncompiled as cython

if not cython.compiled:
    from collectors.capture.layout import (
        BYTES_A, BYTES_B, FIRST, FLAGS, FREE_PIECE, HEARD, HIGH_A, HIGH_B, IN_BUCKET, LAST, LATEST, LOW_A, LOW_B,
        NUMBERS, PIECES, PORTS, ROWS, SOURCE, WAITING,
    )  # fmt: skip
    from collectors.capture.machine import low32, wrapped

# silence after which a further packet is a new conversation, in ns of packet time (see `conversations`)
_ENDED = cython.declare(cython.longlong, 60_000_000_000)
_SHORT = cython.declare(cython.longlong, 300_000_000_000)
_LONG = cython.declare(cython.longlong, 7_440_000_000_000)
PATIENCE = (_ENDED, _SHORT, _LONG)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _conclude(conv: cython.p_ulonglong, c: cython.Py_ssize_t) -> cython.Py_ssize_t:
    """Return who began (0 a, 1 b, 2 not known), orientation << 2 and outcome << 4 of a conversation, as it stands."""
    flags: cython.ulonglong = conv[c + FLAGS]
    protocol: cython.Py_ssize_t = conv[c + PORTS] >> 32 & 255
    opener: cython.Py_ssize_t = flags >> 18 & 1
    ahead: cython.ulonglong = flags >> (8 * opener) & 255
    behind: cython.ulonglong = flags >> (8 - 8 * opener) & 255
    refused: cython.bint = flags >> (20 + opener) & 1
    begun_by: cython.Py_ssize_t = flags >> 16 & 3
    if protocol == 6 or protocol == 132:
        if begun_by == 0:
            # established where data were acknowledged, although the beginning was not seen
            if (ahead | behind) & 8 and ahead & behind & 12:
                return 2 | 2 << 2
            return 2 | 2 << 2 | 4 << 4
        begun_by -= 1
        ahead = flags >> (8 * begun_by) & 255
        behind = flags >> (8 - 8 * begun_by) & 255
        # established: the initiator completed the handshake, or payload went both ways
        if ahead & behind & 8 or (ahead & 12 and behind & 6):
            return begun_by
        if behind & 2:
            return begun_by | 1 << 4
        if ahead & 12:
            return begun_by | 4 << 4  # it went on without an answer that was seen: one direction only is captured
        if behind & 32 or (flags >> (20 + begun_by) & 1 and not behind):
            return begun_by | 3 << 4
        return begun_by | (4 << 4 if behind else 2 << 4)
    if (protocol == 1 or protocol == 58) and (ahead | behind) & 192:
        if not ahead & 64 and (behind & 64 or ahead & 128):
            opener = 1 - opener
            ahead, behind = behind, ahead
            refused = flags >> (20 + opener) & 1
        if behind:
            return opener | 1 << 2 if ahead else opener | 2 << 2 | 4 << 4
        return opener | 1 << 2 | (3 << 4 if refused else 2 << 4)
    if behind:
        return opener | 1 << 2
    return opener | 2 << 2 | (3 << 4 if refused else 2 << 4)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _row(
    conv: cython.p_ulonglong, c: cython.Py_ssize_t, pieces: cython.p_ulonglong, w: cython.Py_ssize_t,
    verdict: cython.Py_ssize_t, s: cython.p_ulonglong, rows: cython.p_ulonglong,
) -> cython.void:  # fmt: skip
    """Append the row of one time bucket: `piece` holds bucket, first, last, begun, 4 counters, source."""
    r: cython.Py_ssize_t = s[ROWS] * 14
    b: cython.bint = verdict & 3 == 1
    known: cython.bint = verdict & 3 != 2
    ports: cython.ulonglong = low32(conv[c + PORTS])
    if b:
        ports = (ports & 0xFFFF) << 16 | ports >> 16
    if known:
        ports &= 0xFFFF
        if conv[c + PORTS] >> 32 & 255 == 1 or conv[c + PORTS] >> 32 & 255 == 58:
            ports = 0  # the identifier of an ICMP query is no port
    rows[r] = conv[c + HIGH_B] if b else conv[c + HIGH_A]
    rows[r + 1] = conv[c + LOW_B] if b else conv[c + LOW_A]
    rows[r + 2] = conv[c + HIGH_A] if b else conv[c + HIGH_B]
    rows[r + 3] = conv[c + LOW_A] if b else conv[c + LOW_B]
    rows[r + 4] = (conv[c + PORTS] >> 32) << 32 | ports
    rows[r + 5] = (verdict >> 2 & 3) | (verdict >> 4) << 8 | pieces[w + 8] << 16 | (0 if known else 1 << 15)
    rows[r + 6] = pieces[w]
    rows[r + 7] = pieces[w + 1]
    rows[r + 8] = pieces[w + 2]
    rows[r + 9] = pieces[w + 3]
    rows[r + 10] = pieces[w + 6] if b else pieces[w + 4]
    rows[r + 11] = pieces[w + 7] if b else pieces[w + 5]
    rows[r + 12] = pieces[w + 4] if b else pieces[w + 6]
    rows[r + 13] = pieces[w + 5] if b else pieces[w + 7]
    s[ROWS] += 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _emit(
    conv: cython.p_ulonglong, c: cython.Py_ssize_t, verdict: cython.Py_ssize_t, s: cython.p_ulonglong,
    pieces: cython.p_ulonglong, rows: cython.p_ulonglong,
) -> cython.void:  # fmt: skip
    """Write the rows of all waiting pieces of a conversation, and free them."""
    at: cython.Py_ssize_t = conv[c + WAITING]
    following: cython.Py_ssize_t
    w: cython.Py_ssize_t
    while at != 0:
        w = (at - 1) * 10
        _row(conv, c, pieces, w, verdict, s, rows)
        following = pieces[w + 9]
        pieces[w + 9] = s[FREE_PIECE]
        s[FREE_PIECE] = at
        at = following
    conv[c + WAITING] = 0
    conv[c + FLAGS] &= ~(cython.cast(cython.ulonglong, 0xFF) << 32)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def close_bucket(
    conv: cython.p_ulonglong, c: cython.Py_ssize_t, s: cython.p_ulonglong, pieces: cython.p_ulonglong,
    rows: cython.p_ulonglong,
) -> cython.void:  # fmt: skip
    """End the current time bucket of a conversation; its row waits if the outcome may still change."""
    verdict: cython.Py_ssize_t
    at: cython.Py_ssize_t
    w: cython.Py_ssize_t
    if conv[c + HEARD] == 0:
        return
    at = s[FREE_PIECE]
    if at != 0:
        s[FREE_PIECE] = pieces[(at - 1) * 10 + 9]
    else:
        s[PIECES] += 1
        at = s[PIECES]
    w = (at - 1) * 10
    pieces[w] = conv[c + IN_BUCKET]
    pieces[w + 1] = conv[c + FIRST]
    pieces[w + 2] = conv[c + LAST]
    pieces[w + 3] = conv[c + FLAGS] >> 24 & 255
    pieces[w + 4] = low32(conv[c + HEARD])
    pieces[w + 5] = conv[c + BYTES_A]
    pieces[w + 6] = conv[c + HEARD] >> 32
    pieces[w + 7] = conv[c + BYTES_B]
    pieces[w + 8] = s[SOURCE]
    pieces[w + 9] = conv[c + WAITING]
    conv[c + WAITING] = at
    conv[c + FLAGS] &= ~(cython.cast(cython.ulonglong, 0xFF) << 24)
    conv[c + FLAGS] += cython.cast(cython.ulonglong, 1) << 32
    if conv[c + LAST] > conv[c + LATEST]:
        conv[c + LATEST] = conv[c + LAST]
    conv[c + HEARD] = 0
    conv[c + BYTES_A] = 0
    conv[c + BYTES_B] = 0
    verdict = _conclude(conv, c)
    # What is established stays so. What waits too long is told as it stands: memory must not grow with time.
    if verdict >> 4 == 0 or conv[c + FLAGS] >> 32 & 255 >= 60:
        _emit(conv, c, verdict, s, pieces, rows)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def is_over(conv: cython.p_ulonglong, c: cython.Py_ssize_t, now: cython.longlong) -> cython.bint:
    """Return whether a conversation was silent for longer than its like may be."""
    last: cython.longlong = conv[c + LAST] if conv[c + LAST] > conv[c + LATEST] else conv[c + LATEST]
    ahead: cython.ulonglong = conv[c + FLAGS] & 255
    behind: cython.ulonglong = conv[c + FLAGS] >> 8 & 255
    verdict: cython.Py_ssize_t
    silent: cython.longlong = now - last
    if silent <= _ENDED:
        return False
    if (ahead | behind) & 32 or ahead & behind & 16:
        return True
    if conv[c + PORTS] >> 32 & 255 != 6 and conv[c + PORTS] >> 32 & 255 != 132:
        return silent > _SHORT
    verdict = _conclude(conv, c)
    # "unknown" behind a handshake: only one direction is captured, and it went on
    if verdict >> 4 == 0 or (verdict >> 4 == 4 and verdict & 3 != 2):
        return silent > _LONG
    return silent > _SHORT


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def restart(
    conv: cython.p_ulonglong, c: cython.Py_ssize_t, opener: cython.ulonglong, time: cython.ulonglong,
    bucket: cython.ulonglong,
) -> cython.void:  # fmt: skip
    """Begin a conversation anew in its place."""
    conv[c + FLAGS] = opener << 18 | 1 << 24
    conv[c + NUMBERS] = 0
    conv[c + IN_BUCKET] = bucket
    conv[c + FIRST] = time
    conv[c + LAST] = time
    conv[c + HEARD] = 0
    conv[c + BYTES_A] = 0
    conv[c + BYTES_B] = 0
    conv[c + LATEST] = time
    conv[c + WAITING] = 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def fold(
    conv: cython.p_ulonglong, c: cython.Py_ssize_t, s: cython.p_ulonglong, pieces: cython.p_ulonglong,
    rows: cython.p_ulonglong,
) -> cython.void:  # fmt: skip
    """Write all that is left of a conversation that is over."""
    close_bucket(conv, c, s, pieces, rows)
    _emit(conv, c, _conclude(conv, c), s, pieces, rows)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def open_or_reopen(
    conv: cython.p_ulonglong, c: cython.Py_ssize_t, side: cython.ulonglong, bits: cython.ulonglong,
    seq: cython.ulonglong, ack: cython.ulonglong, time: cython.ulonglong, bucket: cython.ulonglong,
    s: cython.p_ulonglong, pieces: cython.p_ulonglong, rows: cython.p_ulonglong,
) -> cython.void:  # fmt: skip
    """Take a SYN or SYN-ACK: the same handshake, its retransmission, or a new conversation on the same ports."""
    other: cython.ulonglong = 1 - side
    own: cython.ulonglong = conv[c + FLAGS] >> (8 * side) & 255
    others: cython.ulonglong = conv[c + FLAGS] >> (8 * other) & 255
    same: cython.bint
    expected: cython.ulonglong
    if bits & 1:
        same = conv[c + FLAGS] >> (22 + side) & 1 and low32(conv[c + NUMBERS] >> (32 * side)) == seq
        if (own or others) and not same and not (others == 1 and own == 0):
            fold(conv, c, s, pieces, rows)
            restart(conv, c, side, time, bucket)
        conv[c + NUMBERS] = low32(conv[c + NUMBERS] >> (32 * other)) << (32 * other) | seq << (32 * side)
        conv[c + FLAGS] |= cython.cast(cython.ulonglong, 1) << (22 + side)
        if conv[c + FLAGS] >> 16 & 3 == 0:
            conv[c + FLAGS] |= (side + 1) << 16
        return
    expected = low32(wrapped(ack - 1))
    same = conv[c + FLAGS] >> (22 + other) & 1 and low32(conv[c + NUMBERS] >> (32 * other)) == expected
    if ((own | others) & 32 or own & others & 16) and not same:
        fold(conv, c, s, pieces, rows)
        restart(conv, c, side, time, bucket)
    if conv[c + FLAGS] >> 16 & 3 == 0:
        # The SYN was not seen (yet): this is the number that it had.
        conv[c + FLAGS] |= (other + 1) << 16
        conv[c + NUMBERS] = low32(conv[c + NUMBERS] >> (32 * side)) << (32 * side) | expected << (32 * other)
        conv[c + FLAGS] |= cython.cast(cython.ulonglong, 1) << (22 + other)
