"""Turns a link-layer frame into the place of its IP header, or into its ledger class.

Cython in pure Python mode, with as long a function, see `kernel`: one link type after the other. Scratch words are
those of `headers`.
"""

try:
    import cython
except ImportError:  # not needed at run time: its words mean nothing to plain Python
    from collectors.capture import uncompiled as cython

if not cython.compiled:
    from collectors.capture.machine import big16, big32, word

_BROADCAST = cython.declare(cython.ulonglong, 0xFFFFFFFF)
_SNAP = cython.declare(cython.ulonglong, 0xAAAA0300)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def find_ip(
    p: cython.p_uchar, at: cython.Py_ssize_t, cap: cython.Py_ssize_t, wire: cython.Py_ssize_t,
    link: cython.Py_ssize_t, k: cython.p_ulonglong,
) -> cython.Py_ssize_t:  # fmt: skip
    """Find the IP header behind the link layer: its offset to scratch 14, version | broadcast << 8 to scratch 15.

    Link types: https://www.tcpdump.org/linktypes.html. Tags and labels between link and IP are passed over: they are
    no tunnels, for the first IP header is still the one that the network acts on.
    """
    kind: cython.Py_ssize_t
    broadcast: cython.ulonglong = 0
    label: cython.Py_ssize_t
    little: cython.ulonglong
    family: cython.ulonglong
    if link == 1:
        if cap < at + 14:
            return 2 if wire >= at + 14 else 1
        broadcast = 256 if big32(p, at) == _BROADCAST and big16(p, at + 4) == 0xFFFF else 0
        kind = big16(p, at + 12)
        at += 14
    elif link == 101 or link == 12 or link == 14 or link == 228 or link == 229:
        kind = -1
    elif link == 113:
        if cap < at + 16:
            return 2 if wire >= at + 16 else 1
        broadcast = 256 if p[at + 1] == 1 else 0
        kind = big16(p, at + 14)
        at += 16
    elif link == 276:
        if cap < at + 20:
            return 2 if wire >= at + 20 else 1
        broadcast = 256 if p[at + 10] == 1 else 0
        kind = big16(p, at)
        at += 20
    elif link == 0 or link == 108:
        if cap < at + 4:
            return 2 if wire >= at + 4 else 1
        # In the byte order of the machine that captured: the smaller reading is the right one.
        family = big32(p, at)
        little = word(p, at, False)
        if little < family:
            family = little
        # AF_INET; AF_INET6 of Linux, Windows, FreeBSD, NetBSD and OpenBSD, macOS
        if family == 2:
            kind = 0x0800
        elif family == 10 or family == 23 or family == 24 or family == 28 or family == 30:
            kind = 0x86DD
        else:
            return 3
        at += 4
    elif link == 9 or link == 50:
        # PPP, with or without the HDLC address and control bytes (RFC 1662)
        if cap >= at + 2 and p[at] == 0xFF and p[at + 1] == 3:
            at += 2
        if cap < at + 2:
            return 2 if wire >= at + 2 else 1
        label = big16(p, at)
        kind = 0x0800 if label == 0x21 else 0x86DD if label == 0x57 else 0x8847 if label == 0x281 else 0xFFFF
        at += 2
    else:
        return 1 if link > 0xFFFF else 4
    while True:
        if kind == 0x0800 or kind == 0x86DD:
            k[14] = at
            k[15] = (4 if kind == 0x0800 else 6) | broadcast
            return 0
        if kind == -1:
            # raw IP: the version is all there is to tell by
            if cap < at + 1:
                return 2 if wire >= at + 1 else 1
            label = p[at] >> 4
            if label != 4 and label != 6:
                return 1
            kind = 0x0800 if label == 4 else 0x86DD
        elif kind == 0x8100 or kind == 0x88A8 or kind == 0x9100 or kind == 0x9200 or kind == 0x9300 or kind == 0x8926:
            # 802.1Q, 802.1ad and its forerunners, VN-Tag
            at += 6 if kind == 0x8926 else 4
            if cap < at:
                return 2 if wire >= at else 1
            kind = big16(p, at - 2)
        elif kind == 0x8847 or kind == 0x8848:
            while True:
                if cap < at + 4:
                    return 2 if wire >= at + 4 else 1
                at += 4
                if p[at - 2] & 1:
                    break
            # Below the last label anything may be: IP by its version, else Ethernet behind a control word, or unknown.
            if cap < at + 1:
                return 2 if wire >= at + 1 else 1
            label = p[at] >> 4
            if label == 4 or label == 6:
                kind = 0x0800 if label == 4 else 0x86DD
            elif label == 0:
                if cap < at + 18:
                    return 2 if wire >= at + 18 else 1
                at += 18
                kind = big16(p, at - 2)
            else:
                return 3
        elif kind == 0x8864:
            if cap < at + 8:
                return 2 if wire >= at + 8 else 1
            label = big16(p, at + 6)
            kind = 0x0800 if label == 0x21 else 0x86DD if label == 0x57 else 0xFFFF
            at += 8
        elif kind == 0x88E7 or kind == 0x8903:
            # provider backbone bridges (802.1ah), FabricPath: an Ethernet header follows
            at += 4 if kind == 0x88E7 else 2
            if cap < at + 14:
                return 2 if wire >= at + 14 else 1
            broadcast = 256 if big32(p, at) == _BROADCAST and big16(p, at + 4) == 0xFFFF else 0
            kind = big16(p, at + 12)
            at += 14
        else:
            # IEEE 802.2 with SNAP: a length, AA AA 03 00 00 00 and the type
            if kind <= 1500 and cap >= at + 8 and big32(p, at) == _SNAP and big16(p, at + 4) == 0:
                kind = big16(p, at + 6)
                at += 8
                if kind > 1500:
                    continue
            return 3
