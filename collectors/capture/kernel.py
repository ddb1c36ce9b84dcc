"""Turns framed bytes into conversation counters and finished flow rows: the hot path, one pass, no object per packet.

Cython in pure Python mode: compiled at build time where there is a C compiler, run as it stands where there is none
(slower, same flows). It is C-like code and longer than other modules: everything here is called per packet, and only
what is compiled together is inlined. Integers are masked by hand where they may overflow, since uncompiled they do
not. All memory is arrays of unsigned 64-bit words that the caller makes and grows:

State `s`: the words named S_... below. Interfaces: 4 words each (link type, clock mode, clock parameter, offset in ns).
Conversation: 16 words, of which the first 8, one line of the processor's cache, are all that most packets touch
    0 and 1 the low halves of addresses a and b (all of an IPv4 address), 2 ports a << 16 | b, protocol << 32, IPv6 << 40
    3 flags: bits of a, bits of b << 8, initiator << 16 (0 none, 1 a, 2 b), opener << 18 (0 a, 1 b),
      refused << 20 (1 a, 2 b), number known << 22 (1 a, 2 b), begun << 24, waiting pieces << 32
    4 last time; 5 packets from a, from b << 32; 6 and 7 bytes from a and from b, all three of the current time bucket
    8 and 9 the high halves of a and b; 10 handshake numbers of a, b << 32; 11 time bucket; 12 first time in it;
    13 latest time of earlier buckets; 14 waiting piece + 1
Piece (a bucket's counters that wait for the conversation's outcome): 10 words
    bucket, first, last, begun, 4 counters, source, next piece + 1
Row (output): 14 words
    0-3 src, dst; 4 ports, protocol, IPv6 (the client's port is 0 unless nobody is known to have begun);
    5 orientation, outcome << 8, source << 16; 6 bucket; 7 first, 8 last, 9 connections, 10-13 packets and bytes
    ahead, packets and bytes back
Mark (a payload that may hold names): 8 words
    offset, length, time, kind (1 DNS, 2 DNS over TCP, 3 TLS), server address (2), IPv6, 0

What a packet says (conversation word 3, scratch word 7): SYN 1, SYN-ACK 2, ACK 4, PAYLOAD 8, FIN 16, RST 32,
REQUEST 64, REPLY 128. SCTP chunks and ICMP types speak through the same bits.
"""

try:
    import cython
except ImportError:  # not needed at run time: its words mean nothing to plain Python
    from collectors.capture import uncompiled as cython

# ledger classes, as `decode` returns them; 0 is a packet of a conversation
CLASSES = (
    "", "malformed", "truncated", "not_ip", "unknown_link", "fragment", "icmp_error", "link_control", "loopback",
    "multicast", "duplicate",
)  # fmt: skip
ORIENTATIONS = ("handshake", "paired", "unknown")
OUTCOMES = ("established", "half_open", "unanswered", "refused", "unknown")

# results of `run`: more bytes, larger tables, rows to drain, time to sweep, a record for the slow lane, marks to read
MORE, GROW, DRAIN, SWEEP, ODD, MARKED = 0, 1, 2, 3, 4, 5

# words of the state
S_POSITION = cython.declare(cython.Py_ssize_t, 0)
S_BUCKET_NS = cython.declare(cython.Py_ssize_t, 1)
S_BUCKET = cython.declare(cython.Py_ssize_t, 2)
S_BUCKET_START = cython.declare(cython.Py_ssize_t, 3)
S_BUCKET_END = cython.declare(cython.Py_ssize_t, 4)
S_CONVERSATIONS = cython.declare(cython.Py_ssize_t, 5)
S_CAPACITY = cython.declare(cython.Py_ssize_t, 6)
S_INDEX_MASK = cython.declare(cython.Py_ssize_t, 7)
S_PIECES = cython.declare(cython.Py_ssize_t, 8)
S_FREE_PIECE = cython.declare(cython.Py_ssize_t, 9)
S_PIECE_CAPACITY = cython.declare(cython.Py_ssize_t, 10)
S_ROWS = cython.declare(cython.Py_ssize_t, 11)
S_ROW_CAPACITY = cython.declare(cython.Py_ssize_t, 12)
S_MARKS = cython.declare(cython.Py_ssize_t, 13)
S_MARK_CAPACITY = cython.declare(cython.Py_ssize_t, 14)
S_SOURCE = cython.declare(cython.Py_ssize_t, 15)
S_PACKETS = cython.declare(cython.Py_ssize_t, 16)
S_TIME = cython.declare(cython.Py_ssize_t, 17)
S_START = cython.declare(cython.Py_ssize_t, 18)
S_END = cython.declare(cython.Py_ssize_t, 19)
S_SWEPT = cython.declare(cython.Py_ssize_t, 20)
S_SINCE_SWEEP = cython.declare(cython.Py_ssize_t, 21)
S_UNTIMED = cython.declare(cython.Py_ssize_t, 22)
S_OUTER = cython.declare(cython.Py_ssize_t, 176)  # scratch 16-18: the tunnels that count
S_VXLAN_A = cython.declare(cython.Py_ssize_t, 177)
S_VXLAN_B = cython.declare(cython.Py_ssize_t, 178)
S_INTERFACES = cython.declare(cython.Py_ssize_t, 26)
S_SEVERAL = cython.declare(cython.Py_ssize_t, 27)
S_BEFORE = cython.declare(cython.Py_ssize_t, 28)
S_SEEN_MASK = cython.declare(cython.Py_ssize_t, 29)
S_WANT_MARKS = cython.declare(cython.Py_ssize_t, 30)
S_KEPT = cython.declare(cython.Py_ssize_t, 31)  # conversations that the last sweep left open
S_COUNTS = cython.declare(cython.Py_ssize_t, 32)  # packets by ledger class
S_SAMPLES = cython.declare(cython.Py_ssize_t, 48)  # class x 3 x (packet number, link type, wire length)
S_SCRATCH = cython.declare(cython.Py_ssize_t, 160)  # what `decode` says of a packet
STATE_WORDS = 576  # the last 384: 32 packets of 12 words

LAYOUT = {
    "POSITION": S_POSITION,
    "BUCKET_NS": S_BUCKET_NS,
    "BUCKET": S_BUCKET,
    "BUCKET_START": S_BUCKET_START,
    "BUCKET_END": S_BUCKET_END,
    "CONVERSATIONS": S_CONVERSATIONS,
    "CAPACITY": S_CAPACITY,
    "INDEX_MASK": S_INDEX_MASK,
    "PIECES": S_PIECES,
    "FREE_PIECE": S_FREE_PIECE,
    "PIECE_CAPACITY": S_PIECE_CAPACITY,
    "ROWS": S_ROWS,
    "ROW_CAPACITY": S_ROW_CAPACITY,
    "MARKS": S_MARKS,
    "MARK_CAPACITY": S_MARK_CAPACITY,
    "SOURCE": S_SOURCE,
    "PACKETS": S_PACKETS,
    "TIME": S_TIME,
    "START": S_START,
    "END": S_END,
    "SWEPT": S_SWEPT,
    "SINCE_SWEEP": S_SINCE_SWEEP,
    "UNTIMED": S_UNTIMED,
    "OUTER": S_OUTER,
    "VXLAN_A": S_VXLAN_A,
    "VXLAN_B": S_VXLAN_B,
    "INTERFACES": S_INTERFACES,
    "SEVERAL": S_SEVERAL,
    "BEFORE": S_BEFORE,
    "SEEN_MASK": S_SEEN_MASK,
    "WANT_MARKS": S_WANT_MARKS,
    "COUNTS": S_COUNTS,
    "SAMPLES": S_SAMPLES,
    "SCRATCH": S_SCRATCH,
}

# silence after which a further packet is a new conversation, in ns of packet time (see `conversations`)
_SECOND = cython.declare(cython.ulonglong, 1_000_000_000)
_ENDED = cython.declare(cython.ulonglong, 60_000_000_000)
_SHORT = cython.declare(cython.ulonglong, 300_000_000_000)
_LONG = cython.declare(cython.ulonglong, 7_440_000_000_000)
PATIENCE = (_ENDED, _SHORT, _LONG)
_SWEEP = cython.declare(cython.ulonglong, 30_000_000_000)
_MASK = cython.declare(cython.ulonglong, 0xFFFFFFFFFFFFFFFF)
_MIX = cython.declare(cython.ulonglong, 0x9E3779B97F4A7C15)
_LATEST = cython.declare(cython.ulonglong, 0x7FFFFFFFFFFFFFFF)
_WORD = cython.declare(cython.ulonglong, 0xFFFFFFFF)
_SNAP = cython.declare(cython.ulonglong, 0xAAAA0300)
_FNV = cython.declare(cython.ulonglong, 0x100000001B3)


class _Shifted:
    """What a pointer into the middle of an array is, uncompiled."""

    __slots__ = ("_at", "_words")

    def __init__(self, words: object, at: int) -> None:
        self._words = words
        self._at = at

    def __getitem__(self, word: int) -> int:
        return self._words[self._at + word]

    def __setitem__(self, word: int, value: int) -> None:
        self._words[self._at + word] = value


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _big16(p: cython.p_uchar, at: cython.Py_ssize_t) -> cython.uint:
    # unsigned all the way: so gcc makes one load of the bytes
    return cython.cast(cython.uint, p[at]) << 8 | cython.cast(cython.uint, p[at + 1])


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _big32(p: cython.p_uchar, at: cython.Py_ssize_t) -> cython.ulonglong:
    return (
        cython.cast(cython.uint, p[at]) << 24
        | cython.cast(cython.uint, p[at + 1]) << 16
        | cython.cast(cython.uint, p[at + 2]) << 8
        | cython.cast(cython.uint, p[at + 3])
    )


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _little32(p: cython.p_uchar, at: cython.Py_ssize_t) -> cython.ulonglong:
    return (
        cython.cast(cython.uint, p[at])
        | cython.cast(cython.uint, p[at + 1]) << 8
        | cython.cast(cython.uint, p[at + 2]) << 16
        | cython.cast(cython.uint, p[at + 3]) << 24
    )


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _word(p: cython.p_uchar, at: cython.Py_ssize_t, swapped: cython.bint) -> cython.ulonglong:
    return _big32(p, at) if swapped else _little32(p, at)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _link(
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
        broadcast = 256 if _big32(p, at) == _WORD and _big16(p, at + 4) == 0xFFFF else 0
        kind = _big16(p, at + 12)
        at += 14
    elif link == 101 or link == 12 or link == 14 or link == 228 or link == 229:
        kind = -1
    elif link == 113:
        if cap < at + 16:
            return 2 if wire >= at + 16 else 1
        broadcast = 256 if p[at + 1] == 1 else 0
        kind = _big16(p, at + 14)
        at += 16
    elif link == 276:
        if cap < at + 20:
            return 2 if wire >= at + 20 else 1
        broadcast = 256 if p[at + 10] == 1 else 0
        kind = _big16(p, at)
        at += 20
    elif link == 0 or link == 108:
        if cap < at + 4:
            return 2 if wire >= at + 4 else 1
        # In the byte order of the machine that captured: the smaller reading is the right one.
        family = _big32(p, at)
        little = _little32(p, at)
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
        label = _big16(p, at)
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
            kind = _big16(p, at - 2)
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
                kind = _big16(p, at - 2)
            else:
                return 3
        elif kind == 0x8864:
            if cap < at + 8:
                return 2 if wire >= at + 8 else 1
            label = _big16(p, at + 6)
            kind = 0x0800 if label == 0x21 else 0x86DD if label == 0x57 else 0xFFFF
            at += 8
        elif kind == 0x88E7 or kind == 0x8903:
            # provider backbone bridges (802.1ah), FabricPath: an Ethernet header follows
            at += 4 if kind == 0x88E7 else 2
            if cap < at + 14:
                return 2 if wire >= at + 14 else 1
            broadcast = 256 if _big32(p, at) == _WORD and _big16(p, at + 4) == 0xFFFF else 0
            kind = _big16(p, at + 12)
            at += 14
        else:
            # IEEE 802.2 with SNAP: a length, AA AA 03 00 00 00 and the type
            if kind <= 1500 and cap >= at + 8 and _big32(p, at) == _SNAP and _big16(p, at + 4) == 0:
                kind = _big16(p, at + 6)
                at += 8
                if kind > 1500:
                    continue
            return 3


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _ipv4(
    p: cython.p_uchar, at: cython.Py_ssize_t, cap: cython.Py_ssize_t, wire: cython.Py_ssize_t, k: cython.p_ulonglong
) -> cython.Py_ssize_t:
    """Read an IPv4 header (RFC 791) into scratch 0-3, 5, 6; where its payload begins and ends to scratch 11 and 12."""
    if cap < at + 20:
        return 2 if wire >= at + 20 else 1
    header: cython.Py_ssize_t = (p[at] & 15) << 2
    if p[at] >> 4 != 4 or header < 20:
        return 1
    total: cython.Py_ssize_t = _big16(p, at + 2)
    if total == 0:
        total = wire - at  # segmentation offload: the card fills the length in after the capture
    if total < header:
        return 1
    if _big16(p, at + 6) & 0x1FFF:
        return 5
    k[0] = 0
    k[1] = _big32(p, at + 12)
    k[2] = 0
    k[3] = _big32(p, at + 16)
    k[5] = p[at + 9]
    k[6] = total
    k[11] = at + header
    k[12] = at + total
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _ipv6(
    p: cython.p_uchar, at: cython.Py_ssize_t, cap: cython.Py_ssize_t, wire: cython.Py_ssize_t, k: cython.p_ulonglong
) -> cython.Py_ssize_t:
    """Read as `_ipv4` (RFC 8200); extension headers are passed over."""
    if cap < at + 40:
        return 2 if wire >= at + 40 else 1
    if p[at] >> 4 != 6:
        return 1
    payload: cython.Py_ssize_t = _big16(p, at + 4)
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
            if _big16(p, at + 2) & 0xFFF8:
                return 5
        else:
            size = (p[at + 1] + 1) * 8
        following = p[at]
        at += size
        if at > end:
            return 1
    k[0] = _big32(p, start + 8) << 32 | _big32(p, start + 12)
    k[1] = _big32(p, start + 16) << 32 | _big32(p, start + 20)
    k[2] = _big32(p, start + 24) << 32 | _big32(p, start + 28)
    k[3] = _big32(p, start + 32) << 32 | _big32(p, start + 36)
    k[5] = following | 256
    k[6] = end - start
    k[11] = at
    k[12] = end
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _gre(p: cython.p_uchar, at: cython.Py_ssize_t, cap: cython.Py_ssize_t, k: cython.p_ulonglong) -> cython.Py_ssize_t:
    """Look into GRE (RFC 2784, 2890, 2637; ERSPAN): 0 nothing known, 1 Ethernet, 4 or 6 IP, at scratch 14."""
    if cap < at + 4:
        return 0
    flags: cython.Py_ssize_t = _big16(p, at)
    kind: cython.Py_ssize_t = _big16(p, at + 2)
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
def _tunnel(p: cython.p_uchar, cap: cython.Py_ssize_t, k: cython.p_ulonglong) -> cython.Py_ssize_t:
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
    port = _big16(p, at + 2)
    at += 8
    if port == k[17] or port == k[18]:
        if p[at] & 0x77 or not p[at] & 8:  # the valid flag, and no other than that of group policy
            return 0
        k[14] = at + 8
        return 1
    if port == 6081:
        kind = _big16(p, at + 2)
        if p[at] >> 6 != 0:
            return 0
        k[14] = at + 8 + (p[at] & 63) * 4
        return 1 if kind == 0x6558 else 4 if kind == 0x0800 else 6 if kind == 0x86DD else 0
    if port == 4754:
        return _gre(p, at, cap, k)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _noise(k: cython.p_ulonglong) -> cython.Py_ssize_t:
    """Return the ledger class of loopback and multicast addresses, 0 for others."""
    source: cython.ulonglong = k[1]
    target: cython.ulonglong = k[3]
    if not k[5] & 256:
        if source >> 24 == 127 or target >> 24 == 127:
            return 8
        if target >> 24 >= 224 and (target >> 24 < 240 or target == _WORD):
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
    k[4] = _big32(p, at)
    k[8] = 0
    k[9] = (_big32(p, at + 4) + 1) & _WORD if cap >= at + 8 else 1
    if end > cap:
        end = cap
    at += 12
    while at + 4 <= end:
        kind = p[at]
        length = _big16(p, at + 2)
        if kind == 0 or kind == 64:
            bits |= 8
        elif kind == 1 or kind == 2:
            bits |= kind
            if at + 8 <= cap:
                k[8] = _big32(p, at + 4)
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
    if (_ipv4(p, at, cap, at + 0x10028, k) if version == 4 else _ipv6(p, at, cap, at + 0x10028, k)) != 0:
        return False
    protocol: cython.Py_ssize_t = k[5] & 255
    at = k[11]
    k[4] = 0
    if protocol == 6 or protocol == 17 or protocol == 132:
        if cap < at + 4:
            return False
        k[4] = _big32(p, at)
    elif protocol == 1 or protocol == 58:
        if cap < at + 6:
            return False
        k[4] = _big16(p, at + 4) * 65537
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
        k[4] = _big16(p, at + 4) * 65537
    k[7] = bits
    k[10] = cap
    return 0


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _tcp_bits(flags: cython.Py_ssize_t) -> cython.ulonglong:
    """Return what TCP flags say; a RST acknowledges nothing for us, although its ACK flag is mostly set."""
    if flags & 4:
        return 32
    if flags & 2:
        return 2 if flags & 16 else 1
    return (4 if flags & 16 else 0) | (16 if flags & 1 else 0)


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
        k[4] = _big32(p, at)
        k[7] = _tcp_bits(p[at + 13])
        k[8] = _big32(p, at + 4)
        k[9] = _big32(p, at + 8)
        # data on a SYN (TCP Fast Open) or RST prove nothing yet
        if at + header < end and not k[7] & 35:
            k[7] |= 8
        k[10] = at + header
        return 0
    if protocol == 17:
        if end < at + 8:
            return 1
        if cap < at + 4:
            return 2
        k[4] = _big32(p, at)
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
def _decode(
    p: cython.p_uchar, at: cython.Py_ssize_t, cap: cython.Py_ssize_t, wire: cython.Py_ssize_t,
    link: cython.Py_ssize_t, k: cython.p_ulonglong,
) -> cython.Py_ssize_t:  # fmt: skip
    """Read one frame from `at` to `cap` (captured) and `wire` (its end on the wire) into scratch.

    Returns its ledger class, 0 for a packet of a conversation. The innermost packet counts, unless state says OUTER.
    """
    found: cython.Py_ssize_t = _link(p, at, cap, wire, link, k)
    depth: cython.Py_ssize_t
    inner: cython.Py_ssize_t
    for depth in range(8):
        if found != 0:
            return found
        at = k[14]
        k[13] = at
        found = _ipv4(p, at, cap, wire, k) if k[15] & 15 == 4 else _ipv6(p, at, cap, wire, k)
        if found != 0:
            return found
        if k[16] or depth == 7:
            break
        inner = _tunnel(p, cap, k)
        if inner == 0 or k[14] + (14 if inner == 1 else 20 if inner == 4 else 40) > k[12]:
            break
        # lengths inside speak within the outer packet
        if cython.cast(cython.Py_ssize_t, k[12]) < wire:
            wire = k[12]
        if wire < cap:
            cap = wire
        if inner == 1:
            found = _link(p, k[14], cap, wire, 1, k)
        else:
            k[15] = inner
    found = _noise(k)
    if found != 0:
        return found
    if k[15] & 256:
        return 9
    return _transport(p, cap, k)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _conclude(c: cython.p_ulonglong) -> cython.Py_ssize_t:
    """Return who began (0 a, 1 b, 2 not known), orientation << 2 and outcome << 4 of a conversation, as it stands."""
    flags: cython.ulonglong = c[3]
    protocol: cython.Py_ssize_t = c[2] >> 32 & 255
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
    c: cython.p_ulonglong, piece: cython.p_ulonglong, verdict: cython.Py_ssize_t, s: cython.p_ulonglong,
    rows: cython.p_ulonglong,
) -> cython.void:  # fmt: skip
    """Append the row of one time bucket: `piece` holds bucket, first, last, begun, 4 counters, source."""
    r: cython.Py_ssize_t = s[S_ROWS] * 14
    b: cython.bint = verdict & 3 == 1
    known: cython.bint = verdict & 3 != 2
    ports: cython.ulonglong = c[2] & _WORD
    if b:
        ports = (ports & 0xFFFF) << 16 | ports >> 16
    if known:
        ports &= 0xFFFF
        if c[2] >> 32 & 255 == 1 or c[2] >> 32 & 255 == 58:
            ports = 0  # the identifier of an ICMP query is no port
    rows[r] = c[9] if b else c[8]
    rows[r + 1] = c[1] if b else c[0]
    rows[r + 2] = c[8] if b else c[9]
    rows[r + 3] = c[0] if b else c[1]
    rows[r + 4] = (c[2] >> 32) << 32 | ports
    rows[r + 5] = (verdict >> 2 & 3) | (verdict >> 4) << 8 | piece[8] << 16 | (0 if known else 1 << 15)
    rows[r + 6] = piece[0]
    rows[r + 7] = piece[1]
    rows[r + 8] = piece[2]
    rows[r + 9] = piece[3]
    rows[r + 10] = piece[6] if b else piece[4]
    rows[r + 11] = piece[7] if b else piece[5]
    rows[r + 12] = piece[4] if b else piece[6]
    rows[r + 13] = piece[5] if b else piece[7]
    s[S_ROWS] += 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _emit(
    c: cython.p_ulonglong, verdict: cython.Py_ssize_t, s: cython.p_ulonglong, pieces: cython.p_ulonglong,
    rows: cython.p_ulonglong,
) -> cython.void:  # fmt: skip
    """Write the rows of all waiting pieces of a conversation, and free them."""
    at: cython.Py_ssize_t = c[14]
    following: cython.Py_ssize_t
    w: cython.Py_ssize_t
    while at != 0:
        w = (at - 1) * 10
        _row(c, pieces + w if cython.compiled else _Shifted(pieces, w), verdict, s, rows)
        following = pieces[w + 9]
        pieces[w + 9] = s[S_FREE_PIECE]
        s[S_FREE_PIECE] = at
        at = following
    c[14] = 0
    c[3] &= ~(cython.cast(cython.ulonglong, 0xFF) << 32) & _MASK


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _close_bucket(
    c: cython.p_ulonglong, s: cython.p_ulonglong, pieces: cython.p_ulonglong, rows: cython.p_ulonglong
) -> cython.void:
    """End the current time bucket of a conversation; its row waits if the outcome may still change."""
    verdict: cython.Py_ssize_t
    at: cython.Py_ssize_t
    w: cython.Py_ssize_t
    if c[5] == 0:
        return
    at = s[S_FREE_PIECE]
    if at != 0:
        s[S_FREE_PIECE] = pieces[(at - 1) * 10 + 9]
    else:
        s[S_PIECES] += 1
        at = s[S_PIECES]
    w = (at - 1) * 10
    pieces[w] = c[11]
    pieces[w + 1] = c[12]
    pieces[w + 2] = c[4]
    pieces[w + 3] = c[3] >> 24 & 255
    pieces[w + 4] = c[5] & _WORD
    pieces[w + 5] = c[6]
    pieces[w + 6] = c[5] >> 32
    pieces[w + 7] = c[7]
    pieces[w + 8] = s[S_SOURCE]
    pieces[w + 9] = c[14]
    c[14] = at
    c[3] &= ~(cython.cast(cython.ulonglong, 0xFF) << 24) & _MASK
    c[3] += cython.cast(cython.ulonglong, 1) << 32
    if c[4] > c[13]:
        c[13] = c[4]
    c[5] = 0
    c[6] = 0
    c[7] = 0
    verdict = _conclude(c)
    # What is established stays so. What waits too long is told as it stands: memory must not grow with time.
    if verdict >> 4 == 0 or c[3] >> 32 & 255 >= 60:
        _emit(c, verdict, s, pieces, rows)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _is_over(c: cython.p_ulonglong, now: cython.longlong) -> cython.bint:
    """Return whether a conversation was silent for longer than its like may be."""
    last: cython.longlong = c[4] if c[4] > c[13] else c[13]
    ahead: cython.ulonglong = c[3] & 255
    behind: cython.ulonglong = c[3] >> 8 & 255
    verdict: cython.Py_ssize_t
    silent: cython.longlong = now - last
    if silent <= cython.cast(cython.longlong, _ENDED):
        return False
    if (ahead | behind) & 32 or ahead & behind & 16:
        return True
    if c[2] >> 32 & 255 != 6 and c[2] >> 32 & 255 != 132:
        return silent > cython.cast(cython.longlong, _SHORT)
    verdict = _conclude(c)
    # "unknown" behind a handshake: only one direction is captured, and it went on
    if verdict >> 4 == 0 or (verdict >> 4 == 4 and verdict & 3 != 2):
        return silent > cython.cast(cython.longlong, _LONG)
    return silent > cython.cast(cython.longlong, _SHORT)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _restart(
    c: cython.p_ulonglong, opener: cython.ulonglong, time: cython.ulonglong, bucket: cython.ulonglong
) -> cython.void:
    """Begin a conversation anew in its place."""
    c[3] = opener << 18 | 1 << 24
    c[10] = 0
    c[11] = bucket
    c[12] = time
    c[4] = time
    c[5] = 0
    c[6] = 0
    c[7] = 0
    c[13] = time
    c[14] = 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _fold(
    c: cython.p_ulonglong, s: cython.p_ulonglong, pieces: cython.p_ulonglong, rows: cython.p_ulonglong
) -> cython.void:
    """Write all that is left of a conversation that is over."""
    _close_bucket(c, s, pieces, rows)
    _emit(c, _conclude(c), s, pieces, rows)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _opening(
    c: cython.p_ulonglong, side: cython.ulonglong, bits: cython.ulonglong, seq: cython.ulonglong,
    ack: cython.ulonglong, time: cython.ulonglong, bucket: cython.ulonglong, s: cython.p_ulonglong,
    pieces: cython.p_ulonglong, rows: cython.p_ulonglong,
) -> cython.void:  # fmt: skip
    """Take a SYN or SYN-ACK: the same handshake, its retransmission, or a new conversation on the same ports."""
    other: cython.ulonglong = 1 - side
    own: cython.ulonglong = c[3] >> (8 * side) & 255
    others: cython.ulonglong = c[3] >> (8 * other) & 255
    same: cython.bint
    expected: cython.ulonglong
    if bits & 1:
        same = c[3] >> (22 + side) & 1 and c[10] >> (32 * side) & _WORD == seq
        if (own or others) and not same and not (others == 1 and own == 0):
            _fold(c, s, pieces, rows)
            _restart(c, side, time, bucket)
        c[10] = (c[10] & (_WORD << (32 * other))) | seq << (32 * side)
        c[3] |= cython.cast(cython.ulonglong, 1) << (22 + side)
        if c[3] >> 16 & 3 == 0:
            c[3] |= (side + 1) << 16
        return
    expected = (ack - 1) & _WORD
    same = c[3] >> (22 + other) & 1 and c[10] >> (32 * other) & _WORD == expected
    if ((own | others) & 32 or own & others & 16) and not same:
        _fold(c, s, pieces, rows)
        _restart(c, side, time, bucket)
    if c[3] >> 16 & 3 == 0:
        # The SYN was not seen (yet): this is the number that it had.
        c[3] |= (other + 1) << 16
        c[10] = (c[10] & (_WORD << (32 * side))) | expected << (32 * other)
        c[3] |= cython.cast(cython.ulonglong, 1) << (22 + other)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _hash(
    a0: cython.ulonglong, a1: cython.ulonglong, b0: cython.ulonglong, b1: cython.ulonglong, ports: cython.ulonglong
) -> cython.ulonglong:
    x: cython.ulonglong = (a1 + a0 * 31) * 0x1E3779B1 + (b1 + b0 * 31) * 0x05EBCA77 + ports * 0x42B2AE3D
    if not cython.compiled:
        x &= _MASK
    x ^= x >> 32
    x *= _MIX
    if not cython.compiled:
        x &= _MASK
    return x ^ x >> 29


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _refuse(
    s: cython.p_ulonglong, k: cython.p_ulonglong, index: cython.p_uint, conv: cython.p_ulonglong
) -> cython.void:
    """Mark the conversation whose packet an ICMP error quotes (scratch 0-5) as refused."""
    a0: cython.ulonglong = k[0]
    a1: cython.ulonglong = k[1]
    b0: cython.ulonglong = k[2]
    b1: cython.ulonglong = k[3]
    ports: cython.ulonglong = k[4] | k[5] << 32
    side: cython.ulonglong = 0
    c: cython.Py_ssize_t
    h: cython.ulonglong
    if a0 > b0 or (a0 == b0 and (a1 > b1 or (a1 == b1 and ports >> 16 & 0xFFFF > ports & 0xFFFF))):
        a0, b0 = b0, a0
        a1, b1 = b1, a1
        ports = (ports >> 32) << 32 | (ports & 0xFFFF) << 16 | (ports >> 16 & 0xFFFF)
        side = 1
    h = _hash(a0, a1, b0, b1, ports) & s[S_INDEX_MASK]
    while index[h] != 0:
        c = (cython.cast(cython.Py_ssize_t, index[h]) - 1) * 16
        if conv[c + 2] == ports and conv[c + 0] == a1 and conv[c + 1] == b1 and conv[c + 8] == a0 and conv[c + 9] == b0:
            conv[c + 3] |= cython.cast(cython.ulonglong, 1) << (20 + side)
            return
        h = (h + 1) & s[S_INDEX_MASK]


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _ledger(
    kind: cython.Py_ssize_t, number: cython.ulonglong, link: cython.ulonglong, wire: cython.ulonglong,
    s: cython.p_ulonglong,
) -> cython.void:  # fmt: skip
    """Count a packet that makes no flow, and keep the first three of each class as samples."""
    n: cython.Py_ssize_t = s[S_COUNTS + kind]
    at: cython.Py_ssize_t = S_SAMPLES + kind * 9 + n * 3
    if n < 3:
        s[at] = number
        s[at + 1] = link
        s[at + 2] = wire
    s[S_COUNTS + kind] = n + 1


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
    under the 200 ms after which TCP repeats itself. `seen` remembers the last four packets of each digest's place: hash,
    time, interface. A forgotten one is counted twice; nothing is ever dropped that was not seen.
    """
    ip: cython.Py_ssize_t = k[13]
    body: cython.Py_ssize_t = k[11]
    protocol: cython.Py_ssize_t = k[5] & 255
    stop: cython.Py_ssize_t
    i: cython.Py_ssize_t
    slot: cython.Py_ssize_t
    oldest: cython.Py_ssize_t
    apart: cython.longlong
    h: cython.ulonglong = _hash(
        k[0], k[1], k[2], k[3],
        k[4] | k[5] << 32,
    )  # fmt: skip
    h = (h ^ k[6] << 20) & _MASK
    if not k[5] & 256:
        h ^= _big16(p, ip + 4)
    stop = body + (16 if protocol == 6 else 40)
    if stop > cap:
        stop = cap
    if stop > cython.cast(cython.Py_ssize_t, k[12]):
        stop = k[12]  # what pads a short frame is not of the packet
    for i in range(body + 4, stop):
        if protocol == 17 and (i == body + 6 or i == body + 7):
            continue
        if protocol == 132 and body + 8 <= i < body + 12:
            continue
        h = ((h ^ p[i]) * _FNV) & _MASK
    h ^= h >> 31
    if link == 276:  # the interface, and whether it came in or went out
        face = _big32(p, at + 4) << 8 | p[at + 10]
    elif link == 113:
        face = _MASK  # only the direction is known
    # Four places for each digest, so that a batch of one interface's packets does not drive out what the next shows.
    oldest = slot = (h & slots) * 12
    for i in range(4):
        if seen[slot] == h:
            apart = time - seen[slot + 1]
            if -50_000_000 <= apart <= 50_000_000 and (seen[slot + 2] != face or face == _MASK):
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
def _mark(
    kind: cython.ulonglong, at: cython.Py_ssize_t, cap: cython.Py_ssize_t, time: cython.ulonglong,
    s: cython.p_ulonglong, marks: cython.p_ulonglong, a0: cython.ulonglong, a1: cython.ulonglong, v6: cython.ulonglong,
) -> cython.void:  # fmt: skip
    """Remember where a payload lies that may hold names."""
    m: cython.Py_ssize_t = s[S_MARKS] * 8
    marks[m] = at
    marks[m + 1] = cap - at
    marks[m + 2] = time
    marks[m + 3] = kind
    marks[m + 4] = a0
    marks[m + 5] = a1
    marks[m + 6] = v6
    s[S_MARKS] += 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _clock(
    ticks: cython.ulonglong, mode: cython.ulonglong, unit: cython.ulonglong, offset: cython.ulonglong
) -> cython.ulonglong:
    """Return ns since the epoch, all ones where no timestamp can hold the time.

    Mode 0: ns are ticks times unit; 1: ticks divided by unit; 2: unit bits of ticks are the fraction of a second.
    """
    time: cython.ulonglong
    if mode == 0:
        if ticks > _LATEST // unit:
            return _MASK
        time = ticks * unit
    elif mode == 1:
        time = ticks // unit
    else:
        if ticks >> unit > _LATEST // _SECOND:
            return _MASK
        time = (ticks >> unit) * _SECOND + (
            (ticks & ((cython.cast(cython.ulonglong, 1) << unit) - 1)) * _SECOND >> unit
        )
    time = (time + offset) & _MASK
    return time if time <= _LATEST else _MASK


def run(
    buffer: cython.const[cython.uchar][::1], end: cython.Py_ssize_t, form: cython.int, swapped: cython.bint,
    extra: cython.Py_ssize_t, state: cython.ulonglong[::1], faces_: cython.ulonglong[::1], index_: cython.uint[::1],
    conv_: cython.ulonglong[::1], pieces_: cython.ulonglong[::1], rows_: cython.ulonglong[::1],
    marks_: cython.ulonglong[::1], seen_: cython.ulonglong[::1],
) -> int:  # fmt: skip
    """Count whole records of a buffer from state POSITION on, until something is wanted of the caller.

    `form`: 1 pcap records (`extra` bytes behind each header), 2 pcapng enhanced packet blocks, 3 packets handed over
    one by one (time, link type, interface, length on the wire, captured length, then the bytes). Returns MORE (the
    next record is not whole), GROW (conversation or piece tables), DRAIN (rows), MARKED (marks), SWEEP, or ODD: a
    record that only the slow lane understands. One function, for everything in it happens to every packet.
    """
    p: cython.p_uchar
    s: cython.p_ulonglong
    faces: cython.p_ulonglong
    index: cython.p_uint
    conv: cython.p_ulonglong
    pieces: cython.p_ulonglong
    rows: cython.p_ulonglong
    marks: cython.p_ulonglong
    seen: cython.p_ulonglong
    c: cython.p_ulonglong
    k: cython.p_ulonglong
    if cython.compiled:
        p = cython.cast(cython.p_uchar, cython.address(buffer[0]))
        s = cython.address(state[0])
        k = cython.address(state[S_SCRATCH])
        faces = cython.address(faces_[0])
        index = cython.address(index_[0])
        conv = cython.address(conv_[0])
        pieces = cython.address(pieces_[0])
        rows = cython.address(rows_[0])
        marks = cython.address(marks_[0])
        seen = cython.address(seen_[0])
    else:
        p, s, faces, index = buffer, state, faces_, index_
        k = _Shifted(state, S_SCRATCH)
        conv, pieces, rows, marks, seen = conv_, pieces_, rows_, marks_, seen_
    # the record
    position: cython.Py_ssize_t = s[S_POSITION]
    following: cython.Py_ssize_t
    captured: cython.ulonglong
    length: cython.ulonglong
    wire: cython.ulonglong
    link: cython.Py_ssize_t = faces[0]
    face: cython.ulonglong = 0
    unit: cython.ulonglong = faces[2]
    time: cython.ulonglong
    result: cython.int = 0
    # state that every packet touches, held here and written back at the end
    number: cython.ulonglong = s[S_PACKETS]
    latest: cython.ulonglong = s[S_TIME]
    before: cython.ulonglong = s[S_BEFORE]
    swept: cython.ulonglong = s[S_SWEPT]
    since: cython.ulonglong = s[S_SINCE_SWEEP]
    start: cython.ulonglong = s[S_START]
    stop: cython.ulonglong = s[S_END]
    bucket: cython.ulonglong = s[S_BUCKET]
    bucket_start: cython.ulonglong = s[S_BUCKET_START]
    bucket_end: cython.ulonglong = s[S_BUCKET_END]
    mask: cython.ulonglong = s[S_INDEX_MASK]
    vxlan_a: cython.Py_ssize_t = k[17]
    vxlan_b: cython.Py_ssize_t = k[18]
    several: cython.bint = s[S_SEVERAL] != 0
    wanted: cython.bint = s[S_WANT_MARKS] != 0
    ended: cython.ulonglong = _ENDED
    sweep_after: cython.ulonglong = _SWEEP
    kept: cython.ulonglong = s[S_KEPT]
    one: cython.ulonglong = 1
    room: cython.longlong = 0
    free: cython.longlong
    distance: cython.ulonglong
    # the packet
    at: cython.Py_ssize_t
    cap: cython.Py_ssize_t
    data: cython.Py_ssize_t
    total: cython.Py_ssize_t
    header: cython.Py_ssize_t
    n: cython.Py_ssize_t
    kind: cython.Py_ssize_t
    plain: cython.bint
    a0: cython.ulonglong
    a1: cython.ulonglong
    b0: cython.ulonglong
    b1: cython.ulonglong
    ports: cython.ulonglong
    size: cython.ulonglong
    bits: cython.ulonglong
    seq: cython.ulonglong
    ack: cython.ulonglong
    side: cython.ulonglong
    h: cython.ulonglong
    held: cython.Py_ssize_t
    turn: cython.Py_ssize_t
    halt: cython.bint
    untimed: cython.ulonglong
    refused: cython.bint
    bucket_ns: cython.ulonglong = s[S_BUCKET_NS]
    ring: cython.p_ulonglong
    if cython.compiled:
        ring = s + 192
    else:
        ring = _Shifted(state, 192)
    while True:
        if room < 32:
            # One packet adds at most a conversation, two pieces, a mark and, folding, 62 rows twice.
            free = (cython.cast(cython.longlong, s[S_PIECE_CAPACITY]) - cython.cast(cython.longlong, s[S_PIECES])) // 3
            room = cython.cast(cython.longlong, s[S_CAPACITY]) - cython.cast(cython.longlong, s[S_CONVERSATIONS])
            if free < room:
                room = free
            if room < 32:
                result = 1
                break
            free = (cython.cast(cython.longlong, s[S_ROW_CAPACITY]) - cython.cast(cython.longlong, s[S_ROWS])) // 140
            if free < room:
                room = free
            if room < 32:
                result = 2
                break
            free = cython.cast(cython.longlong, s[S_MARK_CAPACITY]) - cython.cast(cython.longlong, s[S_MARKS])
            if free < room:
                room = free
            if room < 32:
                result = 5
                break
        # First read up to 32 packets, and tell memory which lines will be wanted; then count them. A table larger than
        # the processor's cache would else make every packet wait.
        held = 0
        halt = False
        refused = False
        while held < 384:
            if form == 1:
                if position + 16 + extra > end:
                    halt = True
                    break
                captured = _word(p, position + 8, swapped)
                if captured > 262144:
                    result = 4
                    halt = True
                    break
                at = position + 16 + extra
                following = at + cython.cast(cython.Py_ssize_t, captured)
                if following > end:
                    halt = True
                    break
                time = _word(p, position, swapped) * 1000000000 + _word(p, position + 4, swapped) * unit
                wire = _word(p, position + 12, swapped)
            elif form == 2:
                if position + 32 > end:
                    halt = True
                    break
                length = _word(p, position + 4, swapped)
                face = _word(p, position + 8, swapped)
                captured = _word(p, position + 20, swapped)
                if (
                    _word(p, position, swapped) != 6 or length < 32 or length > 300000 or captured > length - 32
                    or captured > 262144 or face >= s[S_INTERFACES] or faces[4 * face + 1] == 3
                ):  # fmt: skip
                    result = 4
                    halt = True
                    break
                following = position + ((cython.cast(cython.Py_ssize_t, length) + 3) & ~3)
                if following > end:
                    halt = True
                    break
                if _word(p, following - 4, swapped) != length:
                    result = 4
                    halt = True
                    break
                at = position + 28
                link = faces[4 * face]
                time = _clock(
                    _word(p, position + 12, swapped) << 32 | _word(p, position + 16, swapped),
                    faces[4 * face + 1], faces[4 * face + 2], faces[4 * face + 3],
                )  # fmt: skip
                wire = _word(p, position + 24, swapped)
            else:
                if position + 32 > end:
                    halt = True
                    break
                time = _little32(p, position) | _little32(p, position + 4) << 32
                link = _little32(p, position + 8)
                face = _little32(p, position + 12)
                wire = _little32(p, position + 16)
                captured = _little32(p, position + 24)
                at = position + 32
                following = at + cython.cast(cython.Py_ssize_t, captured)
                if following > end:
                    halt = True
                    break
            untimed = 0
            if time > _LATEST:
                time = latest
                untimed = 1
            else:
                latest = time
                if time < start:
                    start = time
                if time > stop:
                    stop = time
            distance = time - swept if time > swept else swept - time
            if distance > sweep_after and since > kept:
                # the earlier of two packet times, so that one wild timestamp ends nothing
                swept = time if time < before else before
                since = 0
                before = time
                result = 3
                halt = True
                break
            before = time
            cap = at + cython.cast(cython.Py_ssize_t, captured)
            if wire < captured:
                wire = captured
            number += 1
            s[S_UNTIMED] += untimed
            room -= 1
            position = following
            plain = False
            a0 = 0
            b0 = 0
            # The straight lane: Ethernet, unicast, IPv4 without options or fragments, TCP or UDP and no tunnel's port.
            if (
                link == 1 and captured >= 48 and _big32(p, at + 12) >> 8 == 0x080045 and not _big16(p, at + 20) & 0x3FFF
                and p[at + 30] < 224 and p[at + 30] != 127 and p[at + 26] != 127 and not p[at] & 1 and not several
            ):  # fmt: skip
                total = _big16(p, at + 16)
                a1 = _big32(p, at + 26)
                b1 = _big32(p, at + 30)
                ports = _big32(p, at + 34)
                size = total
                seq = 0
                ack = 0
                if p[at + 23] == 6:
                    header = p[at + 46] >> 4 << 2
                    if header >= 20 and 20 + header <= total:
                        plain = True
                        ports |= cython.cast(cython.ulonglong, 6) << 32
                        bits = _tcp_bits(p[at + 47])
                        seq = _big32(p, at + 38)
                        ack = _big32(p, at + 42)
                        data = at + 34 + header
                        if 20 + header < total and not bits & 35:
                            bits |= 8
                elif p[at + 23] == 17 and total >= 28:
                    n = ports & 0xFFFF
                    plain = n != vxlan_a and n != vxlan_b and n != 6081 and n != 4754
                    ports |= cython.cast(cython.ulonglong, 17) << 32
                    bits = 8
                    data = at + 42
            if not plain:
                kind = _decode(p, at, cap, at + cython.cast(cython.Py_ssize_t, wire), link, k)
                if kind == 0 and (several or link == 113 or link == 276):
                    kind = 10 if _seen_before(p, at, cap, link, face, time, k, s[S_SEEN_MASK], seen) else 0
                if kind != 0:
                    _ledger(kind, number, link, wire, s)
                    if kind == 6 and k[13] == 3:
                        refused = True  # once the packets before it were counted
                        break
                    continue
                a0 = k[0]
                a1 = k[1]
                b0 = k[2]
                b1 = k[3]
                ports = k[4] | k[5] << 32
                size = k[6]
                bits = k[7]
                seq = k[8]
                ack = k[9]
                data = k[10]
            side = 0
            if a0 > b0 or (a0 == b0 and (a1 > b1 or (a1 == b1 and ports >> 16 & 0xFFFF > ports & 0xFFFF))):
                a0, b0 = b0, a0
                a1, b1 = b1, a1
                ports = (ports >> 32) << 32 | (ports & 0xFFFF) << 16 | (ports >> 16 & 0xFFFF)
                side = 1
            h = _hash(a0, a1, b0, b1, ports) & mask
            ring[held] = a0
            ring[held + 1] = a1
            ring[held + 2] = b0
            ring[held + 3] = b1
            ring[held + 4] = ports
            ring[held + 5] = size
            ring[held + 6] = bits | side << 8
            ring[held + 7] = seq << 32 | ack
            ring[held + 8] = time
            ring[held + 9] = h
            ring[held + 10] = data
            ring[held + 11] = cap
            held += 12
            since += 1
            if cython.compiled:
                prefetch(index + h)
        if cython.compiled:
            for n in range(0, held, 12):
                total = index[ring[n + 9]]
                if total != 0:
                    prefetch(conv + (total - 1) * 16)
        for turn in range(0, held, 12):
            a0 = ring[turn]
            a1 = ring[turn + 1]
            b0 = ring[turn + 2]
            b1 = ring[turn + 3]
            ports = ring[turn + 4]
            size = ring[turn + 5]
            bits = ring[turn + 6] & 255
            side = ring[turn + 6] >> 8
            time = ring[turn + 8]
            h = ring[turn + 9]
            if time < bucket_start or time >= bucket_end:
                bucket = time // bucket_ns
                bucket_start = bucket * bucket_ns
                bucket_end = bucket_start + bucket_ns
            while True:
                if index[h] == 0:
                    n = s[S_CONVERSATIONS] * 16
                    s[S_CONVERSATIONS] += 1
                    index[h] = s[S_CONVERSATIONS]
                    if cython.compiled:
                        c = conv + n
                    else:
                        c = _Shifted(conv, n)
                    c[8] = a0
                    c[0] = a1
                    c[9] = b0
                    c[1] = b1
                    c[2] = ports
                    _restart(c, side, time, bucket)
                    break
                n = (cython.cast(cython.Py_ssize_t, index[h]) - 1) * 16
                if cython.compiled:
                    c = conv + n
                else:
                    c = _Shifted(conv, n)
                if c[2] == ports and c[0] == a1 and c[1] == b1 and (not ports >> 40 or (c[8] == a0 and c[9] == b0)):
                    if time > c[4] and time - c[4] > ended and _is_over(c, time):
                        _fold(c, s, pieces, rows)
                        _restart(c, side, time, bucket)
                    break
                h = (h + 1) & mask
            if bits & 3:
                _opening(c, side, bits, ring[turn + 7] >> 32, ring[turn + 7] & _WORD, time, bucket, s, pieces, rows)
            if wanted and bits & 8 and ring[turn + 10] < ring[turn + 11]:
                data = ring[turn + 10]
                cap = ring[turn + 11]
                # DNS answers, and the first data of a TCP client (a TLS ClientHello says whom it wants)
                n = ports & 0xFFFF if side else ports >> 16 & 0xFFFF
                if n == 53 and ports >> 32 & 255 == 17:
                    # only what answers, without an error, something
                    if data + 12 <= cap and p[data + 2] & 0x80 and not p[data + 3] & 15 and _big16(p, data + 6) != 0:
                        _mark(1, data, cap, time, s, marks, 0, 0, 0)
                elif n == 53 and ports >> 32 & 255 == 6:
                    _mark(2, data, cap, time, s, marks, 0, 0, 0)
                elif ports >> 32 & 255 == 6 and not c[3] >> (8 * side) & 8 and p[data] == 22 and cap - data > 43:
                    _mark(3, data, cap, time, s, marks, c[8] if side else c[9], c[0] if side else c[1], ports >> 40)
            c[3] |= bits << (8 * side)
            if c[5] == 0 or c[4] < bucket_start or c[4] >= bucket_end:
                _close_bucket(c, s, pieces, rows)
                c[11] = bucket
                c[12] = time
                c[4] = time
            elif time > c[4]:
                c[4] = time
            elif time < c[4] and time < c[12]:
                c[12] = time
            c[5] += one << (32 * side)
            c[6 + side] += size
        if refused:
            _refuse(s, k, index, conv)
        if halt:
            break
    s[S_POSITION] = position
    s[S_PACKETS] = number
    s[S_TIME] = latest
    s[S_BEFORE] = before
    s[S_SWEPT] = swept
    s[S_SINCE_SWEEP] = since
    s[S_START] = start
    s[S_END] = stop
    s[S_BUCKET] = bucket
    s[S_BUCKET_START] = bucket_start
    s[S_BUCKET_END] = bucket_end
    return result


def sweep(
    which: cython.int, now: cython.longlong, state: cython.ulonglong[::1], index_: cython.uint[::1],
    conv_: cython.ulonglong[::1], pieces_: cython.ulonglong[::1], rows_: cython.ulonglong[::1],
) -> None:  # fmt: skip
    """Fold no conversation (`which` 0), those silent for too long (1) or every one (2), and build the index anew.

    Needs room for all rows: one a conversation and one a piece.
    """
    s: cython.p_ulonglong
    conv: cython.p_ulonglong
    pieces: cython.p_ulonglong
    rows: cython.p_ulonglong
    index: cython.p_uint
    c: cython.p_ulonglong
    if cython.compiled:
        s = cython.address(state[0])
        conv = cython.address(conv_[0])
        pieces = cython.address(pieces_[0])
        rows = cython.address(rows_[0])
        index = cython.address(index_[0])
    else:
        s, conv, pieces, rows, index = state, conv_, pieces_, rows_, index_
    at: cython.Py_ssize_t
    word: cython.Py_ssize_t
    kept: cython.Py_ssize_t = 0
    h: cython.ulonglong
    for at in range(cython.cast(cython.Py_ssize_t, s[S_INDEX_MASK]) + 1):
        index[at] = 0
    for at in range(cython.cast(cython.Py_ssize_t, s[S_CONVERSATIONS])):
        c = conv + at * 16 if cython.compiled else _Shifted(conv, at * 16)
        if which == 2 or (which == 1 and _is_over(c, now)):
            _fold(c, s, pieces, rows)
            continue
        if kept != at:
            for word in range(16):
                conv[kept * 16 + word] = c[word]
        kept += 1
        h = _hash(c[8], c[0], c[9], c[1], c[2]) & s[S_INDEX_MASK]
        while index[h] != 0:
            h = (h + 1) & s[S_INDEX_MASK]
        index[h] = kept
    s[S_CONVERSATIONS] = kept
    if which != 0:
        s[S_KEPT] = kept


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
    c: cython.p_ulonglong
    for at in range(cython.cast(cython.Py_ssize_t, s[S_CONVERSATIONS])):
        if cython.compiled:
            c = conv + at * 16
        else:
            c = _Shifted(conv, at * 16)
        _close_bucket(c, s, pieces, rows)


def decode(
    frame: cython.const[cython.uchar][::1], captured: cython.Py_ssize_t, wire: cython.Py_ssize_t,
    link: cython.Py_ssize_t, state: cython.ulonglong[::1],
) -> int:  # fmt: skip
    """Read one frame into the scratch words of a state, and return its ledger class: for tests and the curious."""
    p: cython.p_uchar
    s: cython.p_ulonglong
    if cython.compiled:
        p = cython.cast(cython.p_uchar, cython.address(frame[0]))
        s = cython.address(state[0])
    else:
        p, s = frame, state
    return _decode(p, 0, captured, wire, link, s + S_SCRATCH if cython.compiled else _Shifted(s, S_SCRATCH))


def is_compiled() -> bool:
    """Return whether this is the compiled module."""
    return cython.compiled
