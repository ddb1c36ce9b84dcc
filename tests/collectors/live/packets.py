"""Packets for the filter: one of every kind that its rule speaks of, and strategies for many."""

from hypothesis import strategies as st
from scapy.contrib.geneve import GENEVE
from scapy.contrib.mpls import MPLS
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, ICMPv6ND_NA, ICMPv6ND_NS, IPv6, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop
from scapy.layers.l2 import ARP, GRE, LLC, SNAP, Dot1Q, Ether
from scapy.layers.ppp import PPP, PPPoE
from scapy.layers.sctp import SCTP, SCTPChunkInit
from scapy.layers.vxlan import VXLAN
from scapy.packet import Raw

GREETING = bytes.fromhex("160301070001000703")
LINK = {"src": "02:00:00:00:00:01", "dst": "02:00:00:00:00:02"}
ETHER = Ether(**LINK)
FOUR, SIX = IP(src="10.1.0.1", dst="10.1.0.2"), IPv6(src="fd01::1", dst="fd01::2")
OUTER4, OUTER6 = IP(src="10.2.0.1", dst="10.2.0.2"), IPv6(src="fd02::1", dst="fd02::2")
FLAGS = ["", "A", "S", "SA", "F", "FA", "R", "RA", "PA", "U", "UA", "AE", "AC"]

TRANSPORTS = {
    **{f"TCP {flags}": TCP(sport=40000, dport=80, flags=flags) for flags in FLAGS},
    "TCP one of sixteen": TCP(sport=40000, dport=80, flags="A", ack=8),
    "TCP bulk": TCP(sport=80, dport=40000, flags="A", options=[("Timestamp", (1, 2))]) / Raw(b"x" * 1400),
    "TCP DNS": TCP(sport=53, dport=40000, flags="A") / Raw(b"x" * 100),
    "TCP greeting": TCP(sport=40000, dport=443, flags="A", options=[("NOP", 0)] * 4) / Raw(GREETING + bytes(1400)),
    "TCP server greeting": TCP(sport=443, dport=40000, flags="A") / Raw(b"\x16\x03\x03\x00\x7a\x02" + bytes(100)),
    "UDP": UDP(sport=40000, dport=514) / Raw(b"x" * 300),
    "UDP empty": UDP(sport=40000, dport=4789),
    "UDP no tunnel": UDP(sport=40000, dport=8472) / Raw(b"x" * 300),
    "SCTP": SCTP(sport=40000, dport=3868) / SCTPChunkInit(),
    "echo": ICMP(type=8),
    "ESP": Raw(bytes(60)),
}
FLAWS = {"ESP": {"proto": 50}}


def _inner():
    """Packets that tunnels carry."""
    return [
        *(FOUR / TRANSPORTS[name] for name in ("TCP bulk", "TCP S", "UDP", "echo")),
        *(SIX / TRANSPORTS[name] for name in ("TCP A", "TCP PA")),
        SIX / ICMPv6ND_NS(),
    ]


def _tunnelled():
    for inside in _inner():
        frame = Ether(**LINK) / inside
        yield OUTER4 / inside
        yield OUTER6 / inside
        yield OUTER4 / GRE() / inside
        yield OUTER4 / UDP(dport=4789) / VXLAN(vni=7) / frame
        yield OUTER6 / UDP(dport=8472) / VXLAN(vni=7) / frame
        yield OUTER4 / UDP(dport=4789) / VXLAN(flags=0x88, vni=7) / frame
        yield OUTER4 / UDP(dport=6081) / GENEVE(vni=7) / frame
        yield OUTER4 / UDP(dport=6081) / GENEVE(vni=7, optionlen=2, options=[]) / Raw(bytes(8)) / frame
        yield OUTER4 / UDP(dport=6081) / GENEVE(vni=7, proto=0x0800) / inside


def _network():
    for name, transport in TRANSPORTS.items():
        yield IP(src="10.1.0.1", dst="10.1.0.2", **FLAWS.get(name, {})) / transport
        yield SIX / transport
    yield IP(src="10.1.0.1", dst="10.1.0.2", options=[b"\x94\x04\0\0"]) / TRANSPORTS["TCP A"]
    yield IP(src="10.1.0.1", dst="10.1.0.2", flags="MF") / TRANSPORTS["TCP bulk"]
    yield IP(src="10.1.0.1", dst="10.1.0.2", frag=100, proto=6) / Raw(b"x" * 300)
    yield IP(src="10.1.0.1", dst="10.1.0.2", flags="DF") / TRANSPORTS["TCP A"]
    yield SIX / IPv6ExtHdrFragment() / TRANSPORTS["TCP A"]
    yield SIX / IPv6ExtHdrHopByHop() / TRANSPORTS["TCP A"]
    yield from (SIX / layer for layer in (ICMPv6EchoRequest(), ICMPv6ND_NS(), ICMPv6ND_NA()))
    yield from _tunnelled()


def _linked():
    for kind in (0x8100, 0x88A8):
        yield Ether(**LINK, type=kind) / Dot1Q(vlan=5) / FOUR / TRANSPORTS["TCP A"]
    yield ETHER / MPLS(label=7, s=1) / FOUR / TRANSPORTS["TCP A"]
    yield ETHER / PPPoE(sessionid=1) / PPP(proto=0x21) / FOUR / TRANSPORTS["TCP A"]
    yield Ether(**LINK, type=300) / LLC(dsap=0xAA, ssap=0xAA, ctrl=3) / SNAP(code=0x0800) / FOUR / TRANSPORTS["TCP A"]
    yield Ether(**LINK, type=300) / LLC(dsap=0x42, ssap=0x42, ctrl=3) / Raw(bytes(40))
    yield ETHER / ARP(psrc="10.1.0.1", pdst="10.1.0.2")
    yield Ether(**LINK, type=0x88CC) / Raw(bytes(60))


NETWORK = [bytes(packet) for packet in _network()]
"""Packets from the IP header on."""
FRAMES = [
    *(bytes.fromhex("020000000002020000000001") + (b"\x08\0" if p[0] >> 4 == 4 else b"\x86\xdd") + p for p in NETWORK),
    *map(bytes, _linked()),
]


@st.composite
def spoilt(draw):
    """Draw a packet from the IP header on, somewhere cut and somewhere changed."""
    packet = bytearray(draw(st.sampled_from(NETWORK)))
    for _ in range(draw(st.integers(0, 3))):
        packet[draw(st.integers(0, min(len(packet), 120) - 1))] = draw(st.integers(0, 255))
    return bytes(packet[: draw(st.integers(0, min(len(packet), 140)) | st.just(len(packet)))])
