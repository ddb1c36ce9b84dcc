"""Turns the rule of which packets policies need into a program of classic BPF that the kernel runs on every packet.

The rule, which `program` tells in full, drops only what it recognises as dispensable: what cannot be understood in
full is kept. Instructions: linux/filter.h and Documentation/networking/filter.rst of the kernel.

Network headers are addressed from the packet's first byte, not by SKF_NET_OFF: before Linux 6.16 loads by that offset
fail on packets whose headers lie in fragments (some wireless and virtual cards), and a failed load drops the packet.
"""

import struct
from typing import Final

SNAP: Final = 2048
"""Bytes kept of a packet unless told otherwise: DNS answers and TLS greetings stay whole."""

_MOST = 4096
"""Instructions that the kernel takes (BPF_MAXINSNS)."""
_HARDWARE = 0xFFFFF000 + 28  # SKF_AD_OFF + SKF_AD_HATYPE
_PROTOCOL = 0xFFFFF000  # SKF_AD_OFF + SKF_AD_PROTOCOL
_WORD, _HALF, _BYTE = 0x20, 0x28, 0x30  # BPF_LD | BPF_ABS of 4, 2 and 1 bytes
_WORD_X, _HALF_X, _BYTE_X = 0x40, 0x48, 0x50  # BPF_LD | BPF_IND: from X on
_LENGTH, _RECALL, _STORE = 0x80, 0x60, 0x02
_SET_X, _A_TO_X, _X_TO_A = 0x01, 0x07, 0x87
_ADD, _ADD_X, _SUB_X, _TIMES, _AND, _LEFT, _RIGHT = 0x04, 0x0C, 0x1C, 0x24, 0x54, 0x64, 0x74
_GO, _EQUAL, _ABOVE, _AT_LEAST, _ANY_OF, _RETURN = 0x05, 0x15, 0x25, 0x35, 0x45, 0x06

_ETHERNET = (1, 772)  # ARPHRD_ETHER, ARPHRD_LOOPBACK
_IPV4, _IPV6 = 0x0800, 0x86DD
# 802.1Q, 802.1ad, its forerunners, MPLS, PPPoE, 802.1ah, FabricPath, VN-Tag: IP may lie behind them
_WRAPPED = (0x8100, 0x88A8, 0x9100, 0x9200, 0x9300, 0x8847, 0x8848, 0x8864, 0x88E7, 0x8903, 0x8926)
_SNAP_HEADER = 0xAAAA0300
_VXLAN, _GENEVE = (4789, 8472), 6081
_TELLING = 0x0F
"""TCP flags that make a packet worth keeping: FIN, SYN, RST, PSH."""
_DNS = 53
_SCATTER = 0x9E3779B1
"""An odd number near the golden ratio of 32 bits: its multiples lie evenly, whatever the step between them."""
_GREETING = 0x1603
"""How the record of a TLS ClientHello begins: handshake, version 3.x."""


class _Assembler:
    """Instructions with names for places, which may be told later."""

    def __init__(self) -> None:
        self._code: list[tuple[int, int, str, str]] = []
        self._places: dict[str, int] = {}

    def put(self, code: int, value: int = 0) -> None:
        """Add an instruction that goes on with the next one."""
        self._code.append((code, value, "", ""))

    def test(self, code: int, value: int, then: str, otherwise: str = "") -> None:
        """Add a comparison of A with a value, and where it leads; nothing for the next instruction."""
        self._code.append((code, value, then, otherwise))

    def go(self, place: str) -> None:
        """Add a jump."""
        self._code.append((_GO, 0, place, ""))

    def place(self, name: str) -> None:
        """Name the place of the next instruction."""
        self._places[name] = len(self._code)

    def assemble(self) -> bytes:
        """Return `struct sock_filter` after `struct sock_filter`."""
        return b"".join(self._instruction(at, *parts) for at, parts in enumerate(self._code[:_MOST]))

    def _instruction(self, at: int, code: int, value: int, then: str, otherwise: str) -> bytes:
        ahead, aside = ((self._places[name] - at - 1 if name else 0) for name in (then, otherwise))
        if code == _GO:
            return struct.pack("=HBBI", code, 0, 0, ahead)
        return struct.pack("=HBBI", code, ahead, aside, value)


def program(full: bool, snap: int = SNAP) -> bytes:
    """Return the filter of a socket of kind SOCK_RAW: `struct sock_filter` after `struct sock_filter`.

    Kept is every IP packet, also behind VLAN tags, MPLS labels and PPPoE, cut to `snap` bytes; unless `full`, except
    ICMPv6 133-137 (neighbour discovery), and of TCP without any of SYN, FIN, RST and PSH (acknowledgements alone, the
    middle of bulk transfers) all but what comes from port 53, what begins a TLS greeting, and one in sixteen: those
    show that streams which began earlier are acknowledged, and that connections without data were completed. Which,
    the acknowledgement number says, so that all copies of a packet fare alike. TCP inside IPIP, 6in4, VXLAN and Geneve
    (on their usual ports) goes by the same rule. Fragments, and IPv6 with extension headers, are kept. IP packets that
    end within a header that the rule needs are not.
    """
    rule = _Assembler()
    _link(rule)
    if full:
        rule.place("4.outer")
        rule.place("6.outer")
    else:
        _network(rule, "outer")
        _tunnels(rule)
        _network(rule, "inner")
        _tcp(rule)
        rule.place("icmp6")
        rule.put(_BYTE_X, 0)
        rule.test(_AT_LEAST, 133, "", "keep")
        rule.test(_ABOVE, 137, "keep", "drop")
    rule.place("keep")
    rule.put(_RETURN, snap)
    rule.place("drop")
    rule.put(_RETURN, 0)
    return rule.assemble()


def _link(rule: _Assembler) -> None:
    """Lead to `4.outer` or `6.outer` with X at the IP header."""
    rule.put(_WORD, _HARDWARE)
    for kind in _ETHERNET:
        rule.test(_EQUAL, kind, "ethernet")
    # Without a link header the packet begins with IP; where there is an unknown one, its version looks wrong.
    rule.put(_WORD, _PROTOCOL)
    rule.test(_EQUAL, _IPV4, "bare")
    rule.test(_EQUAL, _IPV6, "bare", "drop")
    rule.place("bare")
    rule.put(_SET_X, 0)
    _by_version(rule, "4.outer", "6.outer")
    rule.place("ethernet")
    rule.put(_SET_X, 14)
    rule.put(_HALF, 12)
    rule.test(_EQUAL, _IPV4, "4.outer")
    rule.test(_EQUAL, _IPV6, "6.outer")
    for kind in _WRAPPED:
        rule.test(_EQUAL, kind, "keep")
    rule.test(_ABOVE, 1500, "drop")
    rule.put(_WORD, 14)
    rule.test(_EQUAL, _SNAP_HEADER, "keep", "drop")


def _by_version(rule: _Assembler, four: str, six: str) -> None:
    """Tell IPv4 and IPv6 at X apart; keep what is neither."""
    rule.put(_BYTE_X, 0)
    rule.put(_AND, 0xF0)
    rule.test(_EQUAL, 0x40, four)
    rule.test(_EQUAL, 0x60, six, "keep")


def _move(rule: _Assembler, by: int) -> None:
    """Move X on."""
    rule.put(_X_TO_A)
    rule.put(_ADD, by)
    rule.put(_A_TO_X)


def _network(rule: _Assembler, level: str) -> None:
    """Lead from an IP header at X to what it carries, with X there; only the outer one's tunnels are looked into."""
    rule.place(f"4.{level}")
    rule.put(_HALF_X, 6)
    rule.test(_ANY_OF, 0x3FFF, "keep")  # a fragment, whichever
    rule.put(_BYTE_X, 9)
    rule.put(_STORE, 0)
    rule.put(_BYTE_X, 0)
    rule.put(_AND, 0x0F)
    rule.put(_LEFT, 2)
    rule.put(_ADD_X)
    rule.put(_A_TO_X)
    rule.go(f"carried.{level}")
    rule.place(f"6.{level}")
    rule.put(_BYTE_X, 6)
    rule.put(_STORE, 0)
    _move(rule, 40)
    rule.place(f"carried.{level}")
    rule.put(_RECALL, 0)
    rule.test(_EQUAL, 6, "tcp")
    rule.test(_EQUAL, 58, "icmp6")
    if level == "outer":
        rule.test(_EQUAL, 4, "ip in ip")
        rule.test(_EQUAL, 41, "ip in ip")
        rule.test(_EQUAL, 17, "udp")
    rule.go("keep")


def _enough(rule: _Assembler, wanted: int) -> None:
    """Keep a packet that ends too early behind X for what a tunnel would hold: a load beyond its end would drop it."""
    rule.put(_LENGTH)
    rule.put(_SUB_X)
    rule.test(_AT_LEAST, 1 << 31, "keep")  # it ends before X: less than nothing is a large number
    rule.test(_AT_LEAST, wanted, "", "keep")


def _tunnels(rule: _Assembler) -> None:
    """Lead from a tunnel's header at X to the IP header inside; keep what is no tunnel."""
    rule.place("ip in ip")
    _enough(rule, 20)
    _by_version(rule, "4.inner", "6.inner")
    rule.place("udp")
    _enough(rule, 70)  # UDP, VXLAN, Ethernet, IPv4 and TCP without options
    rule.put(_HALF_X, 2)
    for port in _VXLAN:
        rule.test(_EQUAL, port, "vxlan")
    rule.test(_EQUAL, _GENEVE, "geneve", "keep")
    rule.place("vxlan")
    rule.put(_BYTE_X, 8)
    rule.test(_EQUAL, 0x08, "", "keep")
    _move(rule, 16)
    rule.go("frame")
    rule.place("geneve")
    rule.put(_HALF_X, 10)
    rule.test(_EQUAL, 0x6558, "", "keep")
    rule.put(_BYTE_X, 8)
    rule.test(_ANY_OF, 0xC0, "keep")
    rule.put(_LEFT, 2)
    rule.put(_ADD, 16)
    rule.put(_ADD_X)
    rule.put(_A_TO_X)
    rule.place("frame")
    _enough(rule, 54)
    rule.put(_HALF_X, 12)
    rule.put(_STORE, 0)
    _move(rule, 14)
    rule.put(_RECALL, 0)
    rule.test(_EQUAL, _IPV4, "4.inner")
    rule.test(_EQUAL, _IPV6, "6.inner", "keep")


def _tcp(rule: _Assembler) -> None:
    """Decide about the TCP header at X."""
    rule.place("tcp")
    rule.put(_BYTE_X, 13)
    rule.test(_ANY_OF, _TELLING, "keep")
    rule.put(_HALF_X, 0)
    rule.test(_EQUAL, _DNS, "keep")
    rule.put(_WORD_X, 8)
    rule.put(_TIMES, _SCATTER)
    rule.test(_AT_LEAST, 15 << 28, "keep")
    # A greeting of post-quantum TLS needs two segments, of which only the second has PSH, and the first the name.
    rule.put(_BYTE_X, 12)
    rule.put(_AND, 0xF0)
    rule.put(_RIGHT, 2)
    rule.put(_ADD_X)
    rule.put(_A_TO_X)
    rule.put(_HALF_X, 0)
    rule.test(_EQUAL, _GREETING, "", "drop")
    rule.put(_BYTE_X, 5)
    rule.test(_EQUAL, 1, "keep", "drop")
