"""Turns a frame into what the packet of a conversation says, or into its ledger class: one frame, all its headers.

Cython in pure Python mode, see `kernel`.

Scratch `k`, what is known of the frame:
    0-3 src, dst (the low half of each holds all of an IPv4 address); 4 ports; 5 protocol | IPv6 << 8; 6 bytes from the
    IP header on; 7 what it says; 8 and 9 sequence and acknowledgement number; 10 where application data begin;
    11 and 12 begin and end of the IP payload; 13 begin of the IP header, and for an ICMP error: quote readable,
    unreachable << 1; 14 where the next header lies; 15 IP version | link broadcast << 8
    16 outermost packet wanted; 17 and 18 the ports of VXLAN; from 20 on what TCP flags say, see `layout`
"""

try:
    import cython
except ImportError:  # not needed at run time: its words mean nothing to plain Python
    from collectors.capture import uncompiled as cython

if not cython.compiled:
    from collectors.capture.internet import find_inner, noise, read_ipv4, read_ipv6
    from collectors.capture.layout import OUTER, TCP_SAYS
    from collectors.capture.links import find_ip
    from collectors.capture.machine import big16, big32, low32


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _sctp(p: cython.p_uchar, cap: cython.Py_ssize_t, k: cython.p_ulonglong) -> cython.Py_ssize_t:
    """Read the chunks of an SCTP packet (RFC 9260): INIT, INIT ACK and COOKIE ECHO are the handshake's three steps."""
    at: cython.Py_ssize_t = k[11]
    end: cython.Py_ssize_t = k[12]
    kind: cython.Py_ssize_t
    length: cython.Py_ssize_t
    bits: cython.ulonglong = 0
    if end < at + 12:
        return 1
    if cap < at + 4:
        return 2
    k[4] = big32(p, at)
    k[8] = 0
    k[9] = low32(big32(p, at + 4) + 1) if cap >= at + 8 else 1
    if end > cap:
        end = cap
    at += 12
    while at + 4 <= end:
        kind = p[at]
        length = big16(p, at + 2)
        if kind == 0 or kind == 64:
            bits |= 8
        elif kind == 1 or kind == 2:
            bits |= kind
            if at + 8 <= cap:
                k[8] = big32(p, at + 4)
        elif kind == 3 or kind == 4 or kind == 5 or kind == 10 or kind == 11:
            bits |= 4
        elif kind == 6:
            bits |= 32
        elif kind == 8 or kind == 14:
            bits |= 16
        if length < 4:
            break
        at += (length + 3) & ~3
    k[7] = bits
    k[10] = cap
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _quoted(
    p: cython.p_uchar, at: cython.Py_ssize_t, cap: cython.Py_ssize_t, version: cython.Py_ssize_t, k: cython.p_ulonglong
) -> cython.bint:
    """Read the key of the packet that an ICMP error quotes; 0 where the quote does not reach the ports."""
    # Quotes are cut, and their lengths speak of the whole packet: read as far as the ports, believe no length.
    if (read_ipv4(p, at, cap, at + 0x10028, k) if version == 4 else read_ipv6(p, at, cap, at + 0x10028, k)) != 0:
        return False
    protocol: cython.Py_ssize_t = k[5] & 255
    at = k[11]
    k[4] = 0
    if protocol == 6 or protocol == 17 or protocol == 132:
        if cap < at + 4:
            return False
        k[4] = big32(p, at)
    elif protocol == 1 or protocol == 58:
        if cap < at + 6:
            return False
        k[4] = big16(p, at + 4) * 65537
    return True


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _icmp(p: cython.p_uchar, cap: cython.Py_ssize_t, k: cython.p_ulonglong) -> cython.Py_ssize_t:
    """Read ICMP (RFC 792) and ICMPv6 (RFC 4443): queries are conversations, errors quotes, discovery is control."""
    at: cython.Py_ssize_t = k[11]
    end: cython.Py_ssize_t = k[12]
    if end < at + 4:
        return 1
    if cap < at + 2:
        return 2
    kind: cython.Py_ssize_t = p[at]
    code: cython.Py_ssize_t = p[at + 1]
    bits: cython.ulonglong = 8
    if k[5] & 255 == 1:
        if kind == 3 or kind == 4 or kind == 5 or kind == 11 or kind == 12:
            # "fragmentation needed" is no refusal
            k[13] = _quoted(p, at + 8, cap, 4, k) | (2 if kind == 3 and code != 4 and code < 16 else 0)
            return 6
        if kind == 9 or kind == 10:
            return 7
        if kind == 8 or kind == 13 or kind == 15 or kind == 17:
            bits = 64
        elif kind == 0 or kind == 14 or kind == 16 or kind == 18:
            bits = 128
    else:
        if kind < 128:
            k[13] = _quoted(p, at + 8, cap, 6, k) | (2 if kind == 1 else 0)
            return 6
        # multicast listeners, neighbour and router discovery (also inverse, secured), router renumbering
        if (
            130 <= kind <= 138 or 141 <= kind <= 143 or kind == 148 or kind == 149 or 151 <= kind <= 153
        ):  # fmt: skip
            return 7
        if kind == 128 or kind == 139 or kind == 144:
            bits = 64
        elif kind == 129 or kind == 140 or kind == 145:
            bits = 128
    k[4] = 0
    if bits != 8:
        if end < at + 8:
            return 1
        if cap < at + 6:
            return 2
        k[4] = big16(p, at + 4) * 65537
    k[7] = bits
    k[10] = cap
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _transport(p: cython.p_uchar, cap: cython.Py_ssize_t, k: cython.p_ulonglong) -> cython.Py_ssize_t:
    """Read ports, flags and numbers into scratch 4, 7, 8, 9; where application data begin to scratch 10."""
    at: cython.Py_ssize_t = k[11]
    end: cython.Py_ssize_t = k[12]
    protocol: cython.Py_ssize_t = k[5] & 255
    header: cython.Py_ssize_t
    k[8] = 0
    k[9] = 0
    if protocol == 6:
        if end < at + 20:
            return 1
        if cap < at + 14:
            return 2
        header = p[at + 12] >> 4 << 2
        if header < 20 or at + header > end:
            return 1
        k[4] = big32(p, at)
        k[7] = k[TCP_SAYS + (p[at + 13] & 63 | (64 if at + header < end else 0))]
        k[8] = big32(p, at + 4)
        k[9] = big32(p, at + 8)
        k[10] = at + header
        return 0
    if protocol == 17:
        if end < at + 8:
            return 1
        if cap < at + 4:
            return 2
        k[4] = big32(p, at)
        k[7] = 8
        k[10] = at + 8
        return 0
    if protocol == 132:
        return _sctp(p, cap, k)
    if protocol == 1 or protocol == 58:
        return _icmp(p, cap, k)
    k[4] = 0
    k[7] = 8
    k[10] = cap
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def read_headers(
    p: cython.p_uchar, at: cython.Py_ssize_t, cap: cython.Py_ssize_t, wire: cython.Py_ssize_t,
    link: cython.Py_ssize_t, k: cython.p_ulonglong,
) -> cython.Py_ssize_t:  # fmt: skip
    """Read one frame from `at` to `cap` (captured) and `wire` (its end on the wire) into scratch.

    Returns its ledger class, 0 for a packet of a conversation. The innermost packet counts, unless state says OUTER.
    """
    found: cython.Py_ssize_t = find_ip(p, at, cap, wire, link, k)
    depth: cython.Py_ssize_t
    inner: cython.Py_ssize_t
    for depth in range(8):
        if found != 0:
            return found
        at = k[14]
        k[13] = at
        found = read_ipv4(p, at, cap, wire, k) if k[15] & 15 == 4 else read_ipv6(p, at, cap, wire, k)
        if found != 0:
            return found
        if k[OUTER] or depth == 7:
            break
        inner = find_inner(p, cap, k)
        if inner == 0 or k[14] + (14 if inner == 1 else 20 if inner == 4 else 40) > k[12]:
            break
        # lengths inside speak within the outer packet
        if cython.cast(cython.Py_ssize_t, k[12]) < wire:
            wire = k[12]
        if wire < cap:
            cap = wire
        if inner == 1:
            found = find_ip(p, k[14], cap, wire, 1, k)
        else:
            k[15] = inner
    found = noise(k)
    if found != 0:
        return found
    if k[15] & 256:
        return 9
    return _transport(p, cap, k)
