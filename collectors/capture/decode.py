"""Turns one captured frame into its conversation key and what it says there, or into its ledger class.

The kernel reads frames by the million; this asks it about one. Only headers are read: IPv4 (RFC 791), IPv6 and its
extension headers (RFC 8200), TCP (RFC 9293), UDP, SCTP (RFC 9260), ICMP (RFC 792), ICMPv6 (RFC 4443), and the tunnels
that clusters use.
"""

from array import array
from typing import NamedTuple

from collectors.capture import kernel, layout

_TCP_FIN, _TCP_SYN, _TCP_RST, _TCP_ACK = 1, 2, 4, 16

VXLAN_PORTS = (4789, 8472)
"""IANA's, and the one that Linux had before."""

Decoded = tuple[bytes, int, int, int, int]
"""(key, IP bytes, bits, seq, ack); the key is both addresses (4 or 16 bytes each), both ports, protocol (1 byte).

Ports are 0 where there are none, and both the identifier of an ICMP query. `seq` and `ack` are those of a SYN or
SYN-ACK (for SCTP: the initiate tag, and the tag it answers plus one), else without meaning.
"""


class Quote(NamedTuple):
    """An ICMP error: the key of the packet it quotes (None: not readable) and whether it says "unreachable"."""

    key: bytes | None
    unreachable: bool


def new_scratch(*, outer: bool = False, vxlan_ports: tuple[int, int] = VXLAN_PORTS) -> "array[int]":
    """Return the words in which the kernel keeps what it knows of a frame, with what it must know beforehand."""
    scratch = array("Q", bytes(8 * layout.SCRATCH_WORDS))
    scratch[layout.OUTER] = int(outer)
    scratch[layout.VXLAN_A], scratch[layout.VXLAN_B] = vxlan_ports
    for index in range(128):
        scratch[layout.TCP_SAYS + index] = _tcp_says(index & 63, has_payload=index >= 64)
    return scratch


def _tcp_says(flags: int, *, has_payload: bool) -> int:
    """Return what TCP flags say; data on a SYN (TCP Fast Open) or RST prove nothing yet."""
    if flags & _TCP_RST:
        return layout.RST  # it acknowledges nothing for us, although its ACK flag is mostly set
    if flags & _TCP_SYN:
        return layout.SYN_ACK if flags & _TCP_ACK else layout.SYN
    says = layout.ACK if flags & _TCP_ACK else 0
    says |= layout.FIN if flags & _TCP_FIN else 0
    return says | (layout.PAYLOAD if has_payload else 0)


def decode(
    link_type: int, data: bytes, wire: int, *, outer: bool = False, vxlan_ports: tuple[int, int] = VXLAN_PORTS
) -> Decoded | Quote | str:
    """Return what a frame says, the quote of an ICMP error, or the ledger class of a frame that makes no flow.

    `wire` is the frame's length on the wire, `data` as much of it as was captured. The innermost packet of a tunnel
    counts, unless `outer`. Never raises for bad content.
    """
    scratch = new_scratch(outer=outer, vxlan_ports=vxlan_ports)
    # One byte more than there is: an array has a first element to point at.
    link = link_type if link_type >= 0 else 0x10000
    kind = kernel.CLASSES[kernel.decode(data + b"\0", len(data), max(wire, len(data)), link, scratch)]
    if kind == "icmp_error":
        return Quote(_key(scratch) if scratch[13] & 1 else None, bool(scratch[13] & 2))
    return kind or (_key(scratch), scratch[6], scratch[7], scratch[8], scratch[9])


def _key(scratch: "array[int]") -> bytes:
    size = 16 if scratch[5] >> 8 else 4
    ends = (scratch[0] << 64 | scratch[1], scratch[2] << 64 | scratch[3])
    addresses = b"".join(end.to_bytes(size, "big") for end in ends)
    return addresses + scratch[4].to_bytes(4, "big") + bytes([scratch[5] & 255])
