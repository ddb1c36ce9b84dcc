"""Turns one captured frame into its conversation key and what it says there, or into the ledger class it belongs to.

Only headers are read. IPv4 (RFC 791), IPv6 and its extension headers (RFC 8200), TCP (RFC 9293), UDP, SCTP (RFC 9260),
ICMP (RFC 792), ICMPv6 (RFC 4443). Tunnels are not opened: a VXLAN packet is a UDP packet between two nodes.
"""

from struct import Struct
from typing import NamedTuple

from collectors.capture.link import LinkFault, network_layer

# What a packet says about its conversation. SCTP chunks and ICMP types speak through the same bits.
SYN, SYN_ACK, ACK, PAYLOAD, FIN, RST, REQUEST, REPLY = 1, 2, 4, 8, 16, 32, 64, 128

ICMP, TCP, UDP, ICMPV6, SCTP = 1, 6, 17, 58, 132

Decoded = tuple[bytes, int, int, int, int]
"""(key, IP bytes, bits, seq, ack).

The key is source address, destination address (4 or 16 bytes each), source port, destination port, protocol (1 byte);
ports are 0 where there are none, and both the identifier of an ICMP query. `seq` and `ack` are those of a SYN or
SYN-ACK (for SCTP: the initiate tag, and the tag it answers plus one), else without meaning.
"""


class Quote(NamedTuple):
    """An ICMP error: the key of the packet it quotes (None: not readable) and whether it says "unreachable"."""

    key: bytes | None
    unreachable: bool


class _Fault(Exception):
    """The packet belongs in the ledger; the argument is the class."""


_IPV4 = Struct(">BBHHHBBH")
_OPENING = SYN | SYN_ACK | RST  # data on these (TCP Fast Open) prove nothing yet
_TCP = Struct(">IIBB")
_NO_PORTS = bytes(4)
_MAPPED = bytes(10) + b"\xff\xff"
_PROTOCOL = [bytes([number]) for number in range(256)]


def _tcp_bits() -> tuple[int, ...]:
    bits = []
    for flags in range(256):
        if flags & 0x04:
            bits.append(RST)  # a RST acknowledges nothing for us, although its ACK flag is mostly set
        elif flags & 0x02:
            bits.append(SYN_ACK if flags & 0x10 else SYN)
        else:
            bits.append((ACK if flags & 0x10 else 0) | (FIN if flags & 0x01 else 0))
    return tuple(bits)


_TCP_BITS = _tcp_bits()
# SCTP chunk type -> bits; INIT, INIT ACK and COOKIE ECHO are the three steps of the handshake.
_SCTP_BITS = {
    0: PAYLOAD, 1: SYN, 2: SYN_ACK, 3: ACK, 4: ACK, 5: ACK, 6: RST, 8: FIN, 10: ACK, 11: ACK, 14: FIN, 64: PAYLOAD,
}  # fmt: skip

# ICMP types that quote a packet; queries and their replies; router discovery.
_ERRORS = {3, 4, 5, 11, 12}
_REQUESTS, _REPLIES = {8, 13, 15, 17}, {0, 14, 16, 18}
_ROUTERS = {9, 10}
# Unreachable: net, host, protocol, port, ...; but 4 is "fragmentation needed".
_UNREACHABLE_CODES = set(range(16)) - {4}
_REQUESTS6, _REPLIES6 = {128, 139, 144}, {129, 140, 145}
# Multicast listeners, neighbour and router discovery (also inverse, secured), router renumbering.
_CONTROL6 = {130, 131, 132, 133, 134, 135, 136, 137, 138, 141, 142, 143, 148, 149, 151, 152, 153}

_FRAGMENT, _AUTHENTICATION, _NOTHING = 44, 51, 59
# IPv6 extension headers; the others are options, routing, mobility, HIP, shim6. Behind ESP all is secret.
_EXTENSIONS = {0, 43, 60, 135, 139, 140, _FRAGMENT, _AUTHENTICATION}


def decode(link_type: int, data: bytes, wire: int) -> Decoded | Quote | str:
    """Return what a frame says, the quote of an ICMP error, or the ledger class of a frame that makes no flow.

    `wire` is the frame's length on the wire, `data` as much of it as was captured. Never raises for bad content.
    """
    wire = max(wire, len(data))
    try:
        at, version, broadcast = network_layer(link_type, data, wire)
        return _network(data, at, wire, version, broadcast)
    except (_Fault, LinkFault) as fault:
        return str(fault)


def _network(data: bytes, at: int, wire: int, version: int, broadcast: bool) -> Decoded | Quote | str:
    if version == 4:
        addresses, protocol, size, at, end = _ipv4(data, at, wire)
        kind = _noise4(addresses)
    else:
        addresses, protocol, size, at, end = _ipv6(data, at, wire)
        kind = _noise6(addresses)
    if kind or broadcast:
        return kind or "multicast"
    return _transport(data, at, end, addresses, protocol, size)


def _ipv4(data: bytes, at: int, wire: int) -> tuple[bytes, int, int, int, int]:
    """Return (addresses, protocol, IP bytes, where the payload begins, where it ends on the wire)."""
    if len(data) < at + 20:
        raise _Fault("truncated" if wire >= at + 20 else "malformed")
    first, _, total, _, fragment, _, protocol, _ = _IPV4.unpack_from(data, at)
    header = (first & 15) << 2
    if first >> 4 != 4 or header < 20:
        raise _Fault("malformed")
    if total == 0:
        total = wire - at  # segmentation offload: the card fills the length in after the capture
    if total < header:
        raise _Fault("malformed")
    if fragment & 0x1FFF:
        raise _Fault("fragment")
    return data[at + 12 : at + 20], protocol, total, at + header, at + total


def _noise4(addresses: bytes) -> str:
    if addresses[0] == 127 or addresses[4] == 127:
        return "loopback"
    if addresses[4] >= 224 and (addresses[4] < 240 or addresses[4:8] == b"\xff\xff\xff\xff"):
        return "multicast"
    return ""


def _ipv6(data: bytes, at: int, wire: int) -> tuple[bytes, int, int, int, int]:
    """Return as `_ipv4`; extension headers are passed over."""
    if len(data) < at + 40:
        raise _Fault("truncated" if wire >= at + 40 else "malformed")
    if data[at] >> 4 != 6:
        raise _Fault("malformed")
    payload, following = data[at + 4] << 8 | data[at + 5], data[at + 6]
    if payload == 0 and following != _NOTHING:
        payload = wire - at - 40  # a jumbogram, or segmentation offload above 64 KiB
    addresses, start, at = data[at + 8 : at + 40], at, at + 40
    end = at + payload
    while following in _EXTENSIONS:
        if end < at + 8:
            raise _Fault("malformed")
        if len(data) < at + 8:
            raise _Fault("truncated")
        size = _extension_size(data, at, following)
        following, at = data[at], at + size
        if at > end:
            raise _Fault("malformed")
    return addresses, following, end - start, at, end


def _extension_size(data: bytes, at: int, kind: int) -> int:
    if kind == _AUTHENTICATION:
        return (data[at + 1] + 2) * 4
    if kind != _FRAGMENT:
        return (data[at + 1] + 1) * 8
    if (data[at + 2] << 8 | data[at + 3]) & 0xFFF8:
        raise _Fault("fragment")
    return 8


def _noise6(addresses: bytes) -> str:
    for start in (0, 16):
        head = addresses[start : start + 12]
        if head == _MAPPED and addresses[start + 12] == 127:
            return "loopback"
        if addresses[start : start + 16] == bytes(15) + b"\x01":
            return "loopback"
    return "multicast" if addresses[16] == 0xFF else ""


def _transport(data: bytes, at: int, end: int, addresses: bytes, protocol: int, size: int) -> Decoded | Quote | str:
    captured = len(data)
    if protocol == TCP:
        return _tcp(data, at, end, addresses, size)
    if protocol == UDP:
        if end < at + 8:
            return "malformed"
        if captured < at + 4:
            return "truncated"
        return addresses + data[at : at + 4] + b"\x11", size, PAYLOAD, 0, 0
    if protocol == SCTP:
        if end < at + 12:
            return "malformed"
        if captured < at + 4:
            return "truncated"
        bits, seq, ack = _sctp(data, at, end)
        return addresses + data[at : at + 4] + b"\x84", size, bits, seq, ack
    if protocol in (ICMP, ICMPV6):
        return _icmp(data, at, end, addresses, protocol, size)
    return addresses + _NO_PORTS + _PROTOCOL[protocol], size, PAYLOAD, 0, 0


def _tcp(data: bytes, at: int, end: int, addresses: bytes, size: int) -> Decoded | str:
    if end < at + 20:
        return "malformed"
    if len(data) < at + 14:
        return "truncated"
    seq, ack, offset, flags = _TCP.unpack_from(data, at + 4)
    header = offset >> 4 << 2
    if header < 20 or at + header > end:
        return "malformed"
    bits = _TCP_BITS[flags]
    if at + header < end and not bits & _OPENING:
        bits |= PAYLOAD
    return addresses + data[at : at + 4] + b"\x06", size, bits, seq, ack


def _sctp(data: bytes, at: int, end: int) -> tuple[int, int, int]:
    """Return the bits of all chunks that were captured, and the tags of a handshake chunk."""
    end = min(end, len(data))
    bits = tag = 0
    answered = int.from_bytes(data[at + 4 : at + 8], "big")
    at += 12
    while at + 4 <= end:
        kind, length = data[at], data[at + 2] << 8 | data[at + 3]
        bits |= _SCTP_BITS.get(kind, 0)
        if kind in (1, 2):
            tag = int.from_bytes(data[at + 4 : at + 8], "big")
        if length < 4:
            break
        at += (length + 3) & ~3
    return bits, tag, (answered + 1) & 0xFFFFFFFF


def _icmp(data: bytes, at: int, end: int, addresses: bytes, protocol: int, size: int) -> Decoded | Quote | str:
    if end < at + 4:
        return "malformed"
    if len(data) < at + 2:
        return "truncated"
    kind, code = data[at], data[at + 1]
    if protocol == ICMP:
        error, control = kind in _ERRORS, kind in _ROUTERS
        unreachable = kind == 3 and code in _UNREACHABLE_CODES
        requests, replies = _REQUESTS, _REPLIES
    else:
        error, control = kind < 128, kind in _CONTROL6
        unreachable = kind == 1
        requests, replies = _REQUESTS6, _REPLIES6
    if error:
        return Quote(_quoted(data, at + 8, 4 if protocol == ICMP else 6), unreachable)
    if control:
        return "link_control"
    bits = REQUEST if kind in requests else REPLY if kind in replies else PAYLOAD
    ports = _NO_PORTS
    if bits != PAYLOAD:
        if end < at + 8:
            return "malformed"
        identifier = data[at + 4 : at + 6]
        if len(identifier) < 2:
            return "truncated"
        ports = identifier * 2
    return addresses + ports + _PROTOCOL[protocol], size, bits, 0, 0


def _quoted(data: bytes, at: int, version: int) -> bytes | None:
    """Return the key of the packet that an ICMP error quotes; None where the quote does not reach the ports."""
    # Quotes are cut, and their lengths speak of the whole packet: read as far as the ports, believe no length.
    endless = at + 0x10000 + 40
    try:
        addresses, protocol, _, at, _ = (_ipv4 if version == 4 else _ipv6)(data, at, endless)
    except _Fault:
        return None
    if protocol in (ICMP, ICMPV6):
        identifier = data[at + 4 : at + 6]
        ports = identifier * 2
    elif protocol in (TCP, UDP, SCTP):
        ports = data[at : at + 4]
    else:
        ports = _NO_PORTS
    return addresses + ports + _PROTOCOL[protocol] if len(ports) == 4 else None
