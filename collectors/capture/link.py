"""Turns a link layer frame into the place of its IP header, its IP version, and whether it was a broadcast.

Link types: https://www.tcpdump.org/linktypes.html. Tags and labels between link and IP are passed over; they are no
tunnels, for the first IP header is still the one that the network acts on.
"""

NULL, ETHERNET, RAW_BSD, RAW_OPENBSD, RAW, LOOP, LINUX_SLL, IPV4, IPV6, LINUX_SLL2 = (
    0, 1, 12, 14, 101, 108, 113, 228, 229, 276,
)  # fmt: skip
_RAW_TYPES = {RAW, RAW_BSD, RAW_OPENBSD, IPV4, IPV6}
_BROADCAST = b"\xff" * 6
# EtherType -> bytes from behind it to the next EtherType's end: 802.1Q, 802.1ad and its forerunners, VN-Tag.
_TAGS = {0x8100: 4, 0x88A8: 4, 0x9100: 4, 0x9200: 4, 0x9300: 4, 0x8926: 6}
# EtherType -> bytes from behind it to an Ethernet header: provider backbone bridges (802.1ah), FabricPath.
_MAC_IN_MAC = {0x88E7: 4, 0x8903: 2}
_MPLS = {0x8847, 0x8848}
_PPPOE_SESSION = 0x8864
_PPP_PROTOCOLS = {0x0021: 0x0800, 0x0057: 0x86DD}
_NOT_IP = 0xFFFF  # reserved by IEEE: stands for whatever is no IP
_SNAP = b"\xaa\xaa\x03\x00\x00\x00"
# Values of AF_INET6 where captures come from: Linux, Windows, FreeBSD, NetBSD and OpenBSD, macOS.
_INET6_FAMILIES = {10, 23, 24, 28, 30}


class LinkFault(Exception):
    """The frame holds no IP header that can be read; the argument is its ledger class."""


def network_layer(link_type: int, data: bytes, wire: int) -> tuple[int, int, bool]:
    """Return (offset of the IP header, 4 or 6, sent to the link's broadcast address).

    Raises LinkFault with `unknown_link`, `not_ip`, `truncated` or `malformed`.
    """
    if link_type == ETHERNET:
        if data[12:14] == b"\x08\x00":
            return 14, 4, data.startswith(_BROADCAST)
        return _ethernet(data, 0, wire)
    if link_type in _RAW_TYPES:
        return 0, _version(data, 0, wire), False
    if link_type == LINUX_SLL:
        _need(data, 16, wire)
        return _typed(data, 16, data[14] << 8 | data[15], wire, data[1] == 1)
    if link_type == LINUX_SLL2:
        _need(data, 20, wire)
        return _typed(data, 20, data[0] << 8 | data[1], wire, data[10] == 1)
    if link_type in (NULL, LOOP):
        _need(data, 4, wire)
        # In the byte order of the machine that captured: the smaller reading is the right one.
        family = min(int.from_bytes(data[:4], "little"), int.from_bytes(data[:4], "big"))
        if family == 2:
            return 4, 4, False
        if family in _INET6_FAMILIES:
            return 4, 6, False
        raise LinkFault("not_ip")
    raise LinkFault("malformed" if link_type < 0 else "unknown_link")


def _ethernet(data: bytes, at: int, wire: int) -> tuple[int, int, bool]:
    _need(data, at + 14, wire)
    broadcast = data.startswith(_BROADCAST, at)
    return _typed(data, at + 14, data[at + 12] << 8 | data[at + 13], wire, broadcast)


def _typed(data: bytes, at: int, ether_type: int, wire: int, broadcast: bool) -> tuple[int, int, bool]:
    """Follow EtherTypes to the IP header; `at` is behind the type."""
    while True:
        if ether_type == 0x0800:
            return at, 4, broadcast
        if ether_type == 0x86DD:
            return at, 6, broadcast
        if ether_type in _TAGS:
            at += _TAGS[ether_type]
            _need(data, at, wire)
            ether_type = data[at - 2] << 8 | data[at - 1]
        elif ether_type in _MPLS:
            return _mpls(data, at, wire, broadcast)
        elif ether_type == _PPPOE_SESSION:
            _need(data, at + 8, wire)
            ether_type = _PPP_PROTOCOLS.get(data[at + 6] << 8 | data[at + 7], _NOT_IP)
            at += 8
        elif ether_type in _MAC_IN_MAC:
            at += _MAC_IN_MAC[ether_type]
            _need(data, at + 14, wire)
            broadcast = data.startswith(_BROADCAST, at)
            ether_type = data[at + 12] << 8 | data[at + 13]
            at += 14
        elif ether_type <= 1500 and data.startswith(_SNAP, at):
            _need(data, at + 8, wire)
            ether_type = data[at + 6] << 8 | data[at + 7]
            at += 8
        else:
            raise LinkFault("not_ip")


def _mpls(data: bytes, at: int, wire: int, broadcast: bool) -> tuple[int, int, bool]:
    while True:
        _need(data, at + 4, wire)
        at += 4
        if data[at - 2] & 1:
            break
    _need(data, at + 1, wire)
    version = data[at] >> 4
    if version not in (4, 6):
        raise LinkFault("not_ip")  # a pseudowire: what it carries is a tunnel's matter
    return at, version, broadcast


def _version(data: bytes, at: int, wire: int) -> int:
    _need(data, at + 1, wire)
    version = data[at] >> 4
    if version not in (4, 6):
        raise LinkFault("malformed")
    return version


def _need(data: bytes, size: int, wire: int) -> None:
    if len(data) < size:
        raise LinkFault("truncated" if wire >= size else "malformed")
