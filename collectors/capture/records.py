"""Turns the records of a capture into packets in a ring, and counts those that make no flow: the hot path's first half.

Cython in pure Python mode, and as long, see `kernel`: one loop over three forms of record.

Ring, a packet of a conversation in 12 words:
    0-3 addresses a (the lower one with its port) and b, high half and low half each; 4 ports a << 16 | b,
    protocol << 32, IPv6 << 40; 5 bytes from the IP header on; 6 what it says | sender << 8 (0 a, 1 b); 7 sequence
    number << 32 | acknowledgement number; 8 time; 9 digest of 0-4; 10 and 11 where application data begin and end
Interfaces: 4 words each (link type, clock mode, clock parameter, offset in ns).
"""

try:
    import cython
except ImportError:  # not needed at run time: its words mean nothing to plain Python
    from collectors.capture import uncompiled as cython

if not cython.compiled:
    from collectors.capture.headers import read_headers
    from collectors.capture.layout import (
        COUNTS, END, FULL, HELD, INTERFACES, MORE, ODD, PACKETS, PAYLOAD, POSITION, REFUSAL, RING_WORDS, SAMPLES, SEEN_MASK,
        SEVERAL, START, TCP_SAYS, TIME, UNTIMED, VXLAN_A, VXLAN_B,
    )  # fmt: skip
    from collectors.capture.machine import big16, big32, low32, word, wrapped

_MIX = cython.declare(cython.ulonglong, 0x9E3779B97F4A7C15)
_FNV = cython.declare(cython.ulonglong, 0x100000001B3)
_UNKNOWN_FACE = cython.declare(cython.ulonglong, 0xFFFFFFFFFFFFFFFF)
_NEVER = cython.declare(cython.ulonglong, 0x8000000000000000)
_SECOND = cython.declare(cython.ulonglong, 1_000_000_000)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def digest(
    a0: cython.ulonglong, a1: cython.ulonglong, b0: cython.ulonglong, b1: cython.ulonglong, ports: cython.ulonglong
) -> cython.ulonglong:
    """Return 64 bits that differ for different conversations, mostly."""
    x: cython.ulonglong = wrapped((a1 + a0 * 31) * 0x1E3779B1 + (b1 + b0 * 31) * 0x05EBCA77 + ports * 0x42B2AE3D)
    x = wrapped((x ^ x >> 32) * _MIX)
    return x ^ x >> 29


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _ledger(
    kind: cython.Py_ssize_t, number: cython.ulonglong, link: cython.ulonglong, wire: cython.ulonglong,
    s: cython.p_ulonglong,
) -> cython.void:  # fmt: skip
    """Count a packet that makes no flow, and keep the first three of each class as samples."""
    n: cython.Py_ssize_t = s[COUNTS + kind]
    at: cython.Py_ssize_t = SAMPLES + kind * 9 + n * 3
    if n < 3:
        s[at] = number
        s[at + 1] = link
        s[at + 2] = wire
    s[COUNTS + kind] = n + 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _content(p: cython.p_uchar, cap: cython.Py_ssize_t, k: cython.p_ulonglong) -> cython.ulonglong:
    """Return a digest of what a packet keeps on its way through a node."""
    ip: cython.Py_ssize_t = k[13]
    body: cython.Py_ssize_t = k[11]
    protocol: cython.Py_ssize_t = k[5] & 255
    stop: cython.Py_ssize_t = body + (16 if protocol == 6 else 40)
    i: cython.Py_ssize_t
    h: cython.ulonglong = wrapped(digest(k[0], k[1], k[2], k[3], k[4] | k[5] << 32) ^ k[6] << 20)
    if not k[5] & 256:
        h ^= big16(p, ip + 4)
    if stop > cap:
        stop = cap
    if stop > cython.cast(cython.Py_ssize_t, k[12]):
        stop = k[12]  # what pads a short frame is not of the packet
    for i in range(body + 4, stop):
        if protocol == 17 and (i == body + 6 or i == body + 7):
            continue
        if protocol == 132 and body + 8 <= i < body + 12:
            continue
        h = wrapped((h ^ p[i]) * _FNV)
    return h ^ h >> 31


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _seen_before(
    p: cython.p_uchar, at: cython.Py_ssize_t, cap: cython.Py_ssize_t, link: cython.Py_ssize_t,
    face: cython.ulonglong, time: cython.ulonglong, k: cython.p_ulonglong, slots: cython.ulonglong,
    seen: cython.p_ulonglong,
) -> cython.bint:  # fmt: skip
    """Return whether this packet was just seen on another interface.

    The same packet has the same addresses, ports, IP identification, length, sequence numbers and first bytes; what
    changes on the way (TTL, checksums, link headers, encapsulation) is left out. Copies come within 50 ms, well
    under the 200 ms after which TCP repeats itself. `seen` remembers the last four packets of each digest's place:
    hash, time, interface. A forgotten one is counted twice; nothing is ever dropped that was not seen.
    """
    i: cython.Py_ssize_t
    slot: cython.Py_ssize_t
    oldest: cython.Py_ssize_t
    apart: cython.longlong
    h: cython.ulonglong = _content(p, cap, k)
    if link == 276:  # the interface, and whether it came in or went out
        face = big32(p, at + 4) << 8 | p[at + 10]
    elif link == 113:
        face = _UNKNOWN_FACE  # only the direction is known
    # Four places for each digest, so that a batch of one interface's packets does not drive out what the next shows.
    oldest = slot = (h & slots) * 12
    for i in range(4):
        if seen[slot] == h:
            apart = time - seen[slot + 1]
            if -50_000_000 <= apart <= 50_000_000 and (seen[slot + 2] != face or face == _UNKNOWN_FACE):
                return True
            oldest = slot
            break
        if seen[slot + 1] < seen[oldest + 1]:
            oldest = slot
        slot += 3
    seen[oldest] = h
    seen[oldest + 1] = time
    seen[oldest + 2] = face
    return False


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _clock(
    ticks: cython.ulonglong, mode: cython.ulonglong, unit: cython.ulonglong, offset: cython.ulonglong
) -> cython.ulonglong:
    """Return ns since the epoch, with the highest bit set where no timestamp can hold the time.

    Mode 0: ns are ticks times unit; 1: ticks divided by unit; 2: unit bits of ticks are the fraction of a second.
    """
    time: cython.ulonglong
    if mode == 0:
        if ticks > _NEVER // unit:
            return _NEVER
        time = ticks * unit
    elif mode == 1:
        time = ticks // unit
    else:
        if ticks >> unit > _NEVER // _SECOND:
            return _NEVER
        time = (ticks >> unit) * _SECOND + (
            (ticks & ((cython.cast(cython.ulonglong, 1) << unit) - 1)) * _SECOND >> unit
        )
    return wrapped(time + offset)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def read_records(
    p: cython.p_uchar, end: cython.Py_ssize_t, form: cython.int, swapped: cython.bint, extra: cython.Py_ssize_t,
    s: cython.p_ulonglong, k: cython.p_ulonglong, faces: cython.p_ulonglong, seen: cython.p_ulonglong,
    ring: cython.p_ulonglong, limit: cython.Py_ssize_t,
) -> cython.int:  # fmt: skip
    """Read whole records from state POSITION on into the ring, until it holds `limit` packets; see `kernel.read`.

    What makes no flow goes to the ledger's counters at once.
    """
    # the record
    position: cython.Py_ssize_t = s[POSITION]
    following: cython.Py_ssize_t
    captured: cython.ulonglong
    length: cython.ulonglong
    wire: cython.ulonglong
    link: cython.Py_ssize_t = faces[0]
    face: cython.ulonglong = 0
    unit: cython.ulonglong = faces[2]
    time: cython.ulonglong
    # state that every packet touches, held here and written back at the end
    number: cython.ulonglong = s[PACKETS]
    latest: cython.ulonglong = s[TIME]
    start: cython.ulonglong = s[START]
    stop: cython.ulonglong = s[END]
    several: cython.bint = s[SEVERAL] != 0
    straight: cython.bint = link == 1 and not several
    # the packet
    at: cython.Py_ssize_t
    cap: cython.Py_ssize_t
    data: cython.ulonglong
    total: cython.Py_ssize_t
    header: cython.Py_ssize_t
    kind: cython.Py_ssize_t
    protocol: cython.ulonglong
    plain: cython.bint
    a0: cython.ulonglong
    a1: cython.ulonglong
    b0: cython.ulonglong
    b1: cython.ulonglong
    ports: cython.ulonglong
    bits: cython.ulonglong
    numbers: cython.ulonglong
    side: cython.ulonglong
    turned: cython.ulonglong
    held: cython.Py_ssize_t = 0
    result: cython.int = FULL
    limit *= RING_WORDS
    while held < limit:
        if form == 1:
            if position + 16 + extra > end:
                result = MORE
                break
            captured = word(p, position + 8, swapped)
            at = position + 16 + extra
            following = at + cython.cast(cython.Py_ssize_t, captured)
            if following > end or captured > 262144:
                result = ODD if captured > 262144 else MORE
                break
            time = word(p, position, swapped) * 1000000000 + word(p, position + 4, swapped) * unit
            wire = word(p, position + 12, swapped)
        elif form == 2:
            if position + 32 > end:
                result = MORE
                break
            length = word(p, position + 4, swapped)
            face = word(p, position + 8, swapped)
            captured = word(p, position + 20, swapped)
            if (
                word(p, position, swapped) != 6 or length < 32 or length > 300000 or captured > length - 32
                or captured > 262144 or face >= s[INTERFACES] or faces[4 * face + 1] == 3
            ):  # fmt: skip
                result = ODD
                break
            following = position + ((cython.cast(cython.Py_ssize_t, length) + 3) & ~3)
            if following > end:
                result = MORE
                break
            if word(p, following - 4, swapped) != length:
                result = ODD
                break
            at = position + 28
            link = faces[4 * face]
            straight = link == 1 and not several
            time = _clock(
                word(p, position + 12, swapped) << 32 | word(p, position + 16, swapped),
                faces[4 * face + 1], faces[4 * face + 2], faces[4 * face + 3],
            )  # fmt: skip
            wire = word(p, position + 24, swapped)
        else:
            if position + 32 > end:
                result = MORE
                break
            time = word(p, position, False) | word(p, position + 4, False) << 32
            link = word(p, position + 8, False)
            straight = link == 1 and not several
            face = word(p, position + 12, False)
            wire = word(p, position + 16, False)
            captured = word(p, position + 24, False)
            at = position + 32
            following = at + cython.cast(cython.Py_ssize_t, captured)
            if following > end:
                result = MORE
                break
        if time >> 63:
            time = latest
            s[UNTIMED] += 1
        else:
            latest = time
            if time < start:
                start = time
            if time > stop:
                stop = time
        cap = at + cython.cast(cython.Py_ssize_t, captured)
        if wire < captured:
            wire = captured
        number += 1
        position = following
        # The straight lane: Ethernet, unicast, IPv4 without options or fragments, TCP or UDP and no tunnel's port.
        plain = False
        if (
            straight and captured >= 48 and big32(p, at + 12) >> 8 == 0x080045 and not big16(p, at + 20) & 0x3FFF
            and p[at + 30] < 224 and p[at + 30] != 127 and p[at + 26] != 127 and not p[at] & 1
        ):  # fmt: skip
            total = big16(p, at + 16)
            protocol = p[at + 23]
            a1 = big32(p, at + 26)
            b1 = big32(p, at + 30)
            ports = big32(p, at + 34)
            if protocol == 6:
                header = 20 + (p[at + 46] >> 4 << 2)
                plain = header >= 40 and header <= total
                # one table instead of branches that nobody can predict
                bits = k[TCP_SAYS + (p[at + 47] & 63 | (header < total) << 6)]
                numbers = big32(p, at + 38) << 32 | big32(p, at + 42)
                data = at + 14 + header
            elif protocol == 17 and total >= 28:
                kind = ports & 0xFFFF
                plain = (
                    kind != cython.cast(cython.Py_ssize_t, k[VXLAN_A])
                    and kind != cython.cast(cython.Py_ssize_t, k[VXLAN_B]) and kind != 6081 and kind != 4754
                )  # fmt: skip
                bits = PAYLOAD
                numbers = 0
                data = at + 42
        if plain:
            # which end is a, without a branch: as many packets go one way as the other
            side = (a1 > b1) | ((a1 == b1) & (ports >> 16 > ports & 0xFFFF))
            turned = (a1 ^ b1) & wrapped(0 - side)
            ring[held] = 0
            ring[held + 1] = a1 = a1 ^ turned
            ring[held + 2] = 0
            ring[held + 3] = b1 = b1 ^ turned
            ports = protocol << 32 | low32(ports << (16 * side) | ports >> (16 * side))
            ring[held + 4] = ports
            ring[held + 5] = total
            ring[held + 6] = bits | side << 8
            ring[held + 7] = numbers
            ring[held + 9] = digest(0, a1, 0, b1, ports)
            ring[held + 10] = data
        else:
            kind = read_headers(p, at, cap, at + cython.cast(cython.Py_ssize_t, wire), link, k)
            if kind == 0 and (several or link == 113 or link == 276):
                kind = 10 if _seen_before(p, at, cap, link, face, time, k, s[SEEN_MASK], seen) else 0
            bits = k[7]
            if kind != 0:
                _ledger(kind, number, link, wire, s)
                if kind != 6 or k[13] != 3:
                    continue
                bits = REFUSAL  # the packet that an ICMP error quotes was refused
            a0 = k[0]
            a1 = k[1]
            b0 = k[2]
            b1 = k[3]
            ports = k[4]
            side = 0
            if a0 > b0 or (a0 == b0 and (a1 > b1 or (a1 == b1 and ports >> 16 > ports & 0xFFFF))):
                a0, b0 = b0, a0
                a1, b1 = b1, a1
                ports = (ports & 0xFFFF) << 16 | ports >> 16
                side = 1
            ports |= k[5] << 32
            ring[held] = a0
            ring[held + 1] = a1
            ring[held + 2] = b0
            ring[held + 3] = b1
            ring[held + 4] = ports
            ring[held + 5] = k[6]
            ring[held + 6] = bits | side << 8
            ring[held + 7] = k[8] << 32 | k[9]
            ring[held + 9] = digest(a0, a1, b0, b1, ports)
            ring[held + 10] = k[10]
        ring[held + 8] = time
        ring[held + 11] = cap
        held += RING_WORDS
    s[HELD] = held
    s[POSITION] = position
    s[PACKETS] = number
    s[TIME] = latest
    s[START] = start
    s[END] = stop
    return result
