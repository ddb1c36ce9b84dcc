"""Turns a block of the kernel's packet ring into records that the capture kernel reads: one pass, one copy.

Cython in pure Python mode, see `collectors.capture.kernel`. Block: `struct tpacket_block_desc`, packets behind it
`struct tpacket3_hdr` and `struct sockaddr_ll` (linux/if_packet.h). Nothing outside of the block is read, nothing
outside of `out` written, whatever the block says of itself.
"""

try:
    import cython
except ImportError:  # not needed at run time: its words mean nothing to plain Python
    from collectors.capture import uncompiled as cython

if not cython.compiled:
    from collectors.capture.machine import word
    from collectors.live.shared import copy, hand_back, is_big, owner

_HEADER = cython.declare(cython.Py_ssize_t, 68)  # tpacket3_hdr, and of sockaddr_ll what is of use
_RECORD = cython.declare(cython.Py_ssize_t, 32)
_VLAN = cython.declare(cython.ulonglong, 1 << 4)  # TP_STATUS_VLAN_VALID
_VLAN_KIND = cython.declare(cython.ulonglong, 1 << 6)  # TP_STATUS_VLAN_TPID_VALID


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _put(out: cython.p_uchar, at: cython.Py_ssize_t, value: cython.ulonglong, size: cython.Py_ssize_t) -> cython.void:
    """Write a number, the least significant byte first."""
    i: cython.Py_ssize_t
    for i in range(size):
        out[at + i] = value >> 8 * i & 255


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _first_half(x: cython.ulonglong) -> cython.ulonglong:
    """Return the half of a word that comes first in memory."""
    return x >> 16 if is_big() else x & 0xFFFF


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _copy_tagged(
    out: cython.p_uchar, to: cython.Py_ssize_t, p: cython.p_uchar, at: cython.Py_ssize_t, frame: cython.Py_ssize_t,
    captured: cython.Py_ssize_t, status: cython.ulonglong,
) -> cython.void:  # fmt: skip
    """Copy an Ethernet frame whose VLAN tag the kernel took out and put into the header."""
    big: cython.bint = is_big()
    kind: cython.ulonglong = _first_half(word(p, at + 36, big)) if status & _VLAN_KIND else 0x8100
    tag: cython.ulonglong = word(p, at + 32, big) & 0xFFFF
    copy(out, to, p, frame, 12)
    _put(out, to + 12, kind >> 8 | (kind & 255) << 8 | (tag >> 8) << 16 | (tag & 255) << 24, 4)
    copy(out, to + 16, p, frame + 12, captured - 12)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _packet(
    p: cython.p_uchar, at: cython.Py_ssize_t, end: cython.Py_ssize_t, out: cython.p_uchar, to: cython.Py_ssize_t,
    room: cython.Py_ssize_t,
) -> cython.Py_ssize_t:  # fmt: skip
    """Write the record of the packet whose header is at `at`; return its size, 0 for none."""
    big: cython.bint = is_big()
    captured: cython.Py_ssize_t = word(p, at + 12, big)
    missing: cython.ulonglong = word(p, at + 16, big)
    status: cython.ulonglong = word(p, at + 20, big)
    offsets: cython.ulonglong = word(p, at + 24, big)
    link_at: cython.Py_ssize_t = _first_half(offsets)
    net_at: cython.Py_ssize_t = offsets & 0xFFFF if big else offsets >> 16
    hardware: cython.ulonglong = _first_half(word(p, at + 56, big))
    outgoing: cython.ulonglong = p[at + 58] == 4  # PACKET_OUTGOING
    ethernet: cython.bint = hardware == 1 or hardware == 772
    tagged: cython.bint = ethernet and status & _VLAN != 0 and captured >= 14
    size: cython.Py_ssize_t
    missing = missing - captured if missing > cython.cast(cython.ulonglong, captured) else 0
    if hardware == 772 and outgoing:
        return 0  # on the loopback interface every packet goes out and comes in
    if not ethernet:
        # whatever the link header is, behind it lies IP
        if net_at < link_at or captured < net_at - link_at:
            return 0
        captured -= net_at - link_at
        link_at = net_at
    size = _RECORD + captured + (4 if tagged else 0)
    if at + link_at + captured > end or to + size > room:
        return 0
    _put(out, to, cython.cast(cython.ulonglong, word(p, at + 4, big)) * 1_000_000_000 + word(p, at + 8, big), 8)
    _put(out, to + 8, 1 if ethernet else 101, 4)
    # A packet that comes in and goes out by the same interface is seen as on two.
    _put(out, to + 12, word(p, at + 52, big) << 1 | outgoing, 4)
    _put(out, to + 16, cython.cast(cython.ulonglong, size - _RECORD) + missing, 8)
    _put(out, to + 24, size - _RECORD, 8)
    to += _RECORD
    if tagged:
        _copy_tagged(out, to, p, at, at + link_at, captured, status)
    else:
        copy(out, to, p, at + link_at, captured)
    return size


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _unpack(
    p: cython.p_uchar, begin: cython.Py_ssize_t, end: cython.Py_ssize_t, out: cython.p_uchar, room: cython.Py_ssize_t
) -> cython.Py_ssize_t:
    """Write the records of a block's packets; return how many bytes they are."""
    big: cython.bint = is_big()
    count: cython.ulonglong = word(p, begin + 12, big)
    at: cython.Py_ssize_t = begin + cython.cast(cython.Py_ssize_t, word(p, begin + 16, big))
    step: cython.Py_ssize_t
    to: cython.Py_ssize_t = 0
    while count > 0 and at + _HEADER <= end:
        to += _packet(p, at, end, out, to, room)
        step = word(p, at, big)
        if step < _HEADER:
            break  # 0 behind the last packet
        at += step
        count -= 1
    return to


def take(ring: cython.uchar[::1], begin: cython.Py_ssize_t, size: cython.Py_ssize_t, out_: cython.uchar[::1]) -> int:
    """Write the records of the block at `begin`, if it is ours, and hand it back; return their bytes, -1 if it is not.

    `out_` has as much room as a block: a record is shorter than its packet in the ring. Record, all little-endian: ns
    since 1970 (8 bytes), link type (4: 1 Ethernet, 101 IP), interface << 1 | outgoing (4), length on the wire (8),
    captured length (8), then the bytes. Other threads run.
    """
    p: cython.p_uchar
    out: cython.p_uchar
    room: cython.Py_ssize_t = len(out_)
    written: cython.Py_ssize_t
    if begin < 0 or size < 48 or begin + size > len(ring) or room == 0:
        raise ValueError("a block lies within its ring")
    if cython.compiled:
        p = cython.address(ring[0])
        out = cython.address(out_[0])
    else:
        p, out = ring, out_
    if not owner(p, begin + 8) & 1:  # TP_STATUS_USER
        return -1
    with cython.nogil:
        written = _unpack(p, begin, begin + size, out, room)
        hand_back(p, begin + 8)
    return written


def is_compiled() -> bool:
    """Return whether this is the compiled module."""
    return cython.compiled
