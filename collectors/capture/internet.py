"""Turns an IP packet into addresses, protocol and payload, and says whether that is a packet again: tunnels.

Cython in pure Python mode, see `kernel`. Scratch words are those of `headers`.
"""

try:
    import cython
except ImportError:  # not needed at run time: its words mean nothing to plain Python
    from collectors.capture import uncompiled as cython

if not cython.compiled:
    from collectors.capture.machine import big16, big32

_BROADCAST = cython.declare(cython.ulonglong, 0xFFFFFFFF)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def read_ipv4(
    p: cython.p_uchar, at: cython.Py_ssize_t, cap: cython.Py_ssize_t, wire: cython.Py_ssize_t, k: cython.p_ulonglong
) -> cython.Py_ssize_t:
    """Read an IPv4 header (RFC 791) into scratch 0-3, 5, 6; where its payload begins and ends to scratch 11 and 12."""
    if cap < at + 20:
        return 2 if wire >= at + 20 else 1
    header: cython.Py_ssize_t = (p[at] & 15) << 2
    if p[at] >> 4 != 4 or header < 20:
        return 1
    total: cython.Py_ssize_t = big16(p, at + 2)
    if total == 0:
        total = wire - at  # segmentation offload: the card fills the length in after the capture
    if total < header:
        return 1
    if big16(p, at + 6) & 0x1FFF:
        return 5
    k[0] = 0
    k[1] = big32(p, at + 12)
    k[2] = 0
    k[3] = big32(p, at + 16)
    k[5] = p[at + 9]
    k[6] = total
    k[11] = at + header
    k[12] = at + total
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def read_ipv6(
    p: cython.p_uchar, at: cython.Py_ssize_t, cap: cython.Py_ssize_t, wire: cython.Py_ssize_t, k: cython.p_ulonglong
) -> cython.Py_ssize_t:
    """Read as `_ipv4` (RFC 8200); extension headers are passed over."""
    if cap < at + 40:
        return 2 if wire >= at + 40 else 1
    if p[at] >> 4 != 6:
        return 1
    payload: cython.Py_ssize_t = big16(p, at + 4)
    following: cython.Py_ssize_t = p[at + 6]
    size: cython.Py_ssize_t
    start: cython.Py_ssize_t = at
    if payload == 0 and following != 59:
        payload = wire - at - 40  # a jumbogram, or segmentation offload above 64 KiB
    at += 40
    end: cython.Py_ssize_t = at + payload
    # hop-by-hop, routing, fragment, authentication, destination options, mobility, HIP, shim6; behind ESP all is secret
    while (
        following == 0 or following == 43 or following == 44 or following == 51 or following == 60
        or following == 135 or following == 139 or following == 140
    ):  # fmt: skip
        if end < at + 8:
            return 1
        if cap < at + 8:
            return 2
        if following == 51:
            size = (p[at + 1] + 2) * 4
        elif following == 44:
            size = 8
            if big16(p, at + 2) & 0xFFF8:
                return 5
        else:
            size = (p[at + 1] + 1) * 8
        following = p[at]
        at += size
        if at > end:
            return 1
    k[0] = big32(p, start + 8) << 32 | big32(p, start + 12)
    k[1] = big32(p, start + 16) << 32 | big32(p, start + 20)
    k[2] = big32(p, start + 24) << 32 | big32(p, start + 28)
    k[3] = big32(p, start + 32) << 32 | big32(p, start + 36)
    k[5] = following | 256
    k[6] = end - start
    k[11] = at
    k[12] = end
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def noise(k: cython.p_ulonglong) -> cython.Py_ssize_t:
    """Return the ledger class of loopback and multicast addresses, 0 for others."""
    source: cython.ulonglong = k[1]
    target: cython.ulonglong = k[3]
    if not k[5] & 256:
        if source >> 24 == 127 or target >> 24 == 127:
            return 8
        if target >> 24 >= 224 and (target >> 24 < 240 or target == _BROADCAST):
            return 9
        return 0
    if k[0] == 0 and (source == 1 or source >> 24 == 0xFFFF7F):
        return 8
    if k[2] == 0 and (target == 1 or target >> 24 == 0xFFFF7F):
        return 8
    return 9 if k[2] >> 56 == 255 else 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _gre(p: cython.p_uchar, at: cython.Py_ssize_t, cap: cython.Py_ssize_t, k: cython.p_ulonglong) -> cython.Py_ssize_t:
    """Look into GRE (RFC 2784, 2890, 2637; ERSPAN): 0 nothing known, 1 Ethernet, 4 or 6 IP, at scratch 14."""
    if cap < at + 4:
        return 0
    flags: cython.Py_ssize_t = big16(p, at)
    kind: cython.Py_ssize_t = big16(p, at + 2)
    version: cython.Py_ssize_t = flags & 7
    if version > 1 or flags & 0x4000:
        return 0
    if version == 1:
        # PPTP: payload length and call id, then sequence and acknowledgement numbers if flagged
        at += 8 + (4 if flags & 0x1000 else 0) + (4 if flags & 0x80 else 0)
        if kind != 0x880B:
            return 0
        if cap >= at + 2 and p[at] == 0xFF and p[at + 1] == 3:
            at += 2
        if cap < at + 2:
            return 0
        kind = p[at]
        at += 1
        if not kind & 1:  # the protocol field may be compressed to one byte, which is odd
            kind = kind << 8 | p[at]
            at += 1
        k[14] = at
        return 4 if kind == 0x21 else 6 if kind == 0x57 else 0
    at += 4 + (4 if flags & 0x8000 else 0) + (4 if flags & 0x2000 else 0) + (4 if flags & 0x1000 else 0)
    if kind == 0x88BE:
        at += 8 if flags & 0x1000 else 0  # ERSPAN II has a header of its own, told by the sequence number
        kind = 0x6558
    elif kind == 0x22EB:
        if cap < at + 12:
            return 0
        kind = 0x0800 if p[at + 10] >> 2 & 31 == 2 else 0x6558  # the frame type: IP, else Ethernet
        at += 20 if p[at + 11] & 1 else 12
        if kind == 0x0800 and cap > at and p[at] >> 4 == 6:
            kind = 0x86DD
    k[14] = at
    return 1 if kind == 0x6558 else 4 if kind == 0x0800 else 6 if kind == 0x86DD else 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def find_inner(p: cython.p_uchar, cap: cython.Py_ssize_t, k: cython.p_ulonglong) -> cython.Py_ssize_t:
    """Say what an IP packet carries: 0 no packet, 1 an Ethernet frame, 4 or 6 an IP packet, at scratch 14.

    IPIP (RFC 2003), 6in4 (RFC 4213), GRE, VXLAN (RFC 7348), Geneve (RFC 8926), GRE in UDP (RFC 8086). What does
    not look like the tunnel that its port promises, or has no room for a header inside, is no tunnel.
    """
    at: cython.Py_ssize_t = k[11]
    protocol: cython.Py_ssize_t = k[5] & 255
    port: cython.Py_ssize_t
    kind: cython.Py_ssize_t
    if protocol == 4 or protocol == 41:
        k[14] = at
        if cap < at + 1:
            return 0
        kind = p[at] >> 4
        return kind if (protocol == 4 and kind == 4) or (protocol == 41 and kind == 6) else 0
    if protocol == 47:
        return _gre(p, at, cap, k)
    if protocol != 17 or cap < at + 16:
        return 0
    port = big16(p, at + 2)
    at += 8
    if port == k[17] or port == k[18]:
        if p[at] & 0x77 or not p[at] & 8:  # the valid flag, and no other than that of group policy
            return 0
        k[14] = at + 8
        return 1
    if port == 6081:
        kind = big16(p, at + 2)
        if p[at] >> 6 != 0:
            return 0
        k[14] = at + 8 + (p[at] & 63) * 4
        return 1 if kind == 0x6558 else 4 if kind == 0x0800 else 6 if kind == 0x86DD else 0
    if port == 4754:
        return _gre(p, at, cap, k)
    return 0
