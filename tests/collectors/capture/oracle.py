"""Strategies for packets, and what scapy, the slow and trusted oracle, reads in them."""

import ipaddress

from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption
from scapy.layers.inet6 import (
    ICMPv6EchoRequest,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
    PadN,
)
from scapy.layers.l2 import CookedLinux, Dot1AD, Dot1Q, Ether
from scapy.layers.sctp import SCTP, SCTPChunkInit
from scapy.packet import Raw

PORT = st.integers(0, 65535)
UNICAST4 = st.ip_addresses(v=4).filter(lambda a: not (a.is_multicast or a.is_loopback or int(a) == 2**32 - 1)).map(str)
UNICAST6 = st.ip_addresses(v=6).filter(lambda a: not (a.is_multicast or a.is_loopback or a.ipv4_mapped)).map(str)
DATA = st.binary(max_size=40)
FLAGS = st.sampled_from(["S", "SA", "A", "PA", "FA", "R", "RA", "", "FPU"])


@st.composite
def transports(draw):
    sport, dport, data = draw(PORT), draw(PORT), draw(DATA)
    kind = draw(st.sampled_from(["tcp", "udp", "sctp", "echo", "other"]))
    if kind == "tcp":
        options = draw(st.sampled_from([[], [("MSS", 1460)], [("NOP", None), ("WScale", 3), ("Timestamp", (1, 2))]]))
        return TCP(
            sport=sport, dport=dport, flags=draw(FLAGS), seq=draw(st.integers(0, 2**32 - 1)), options=options
        ) / Raw(data)
    if kind == "udp":
        return UDP(sport=sport, dport=dport) / Raw(data)
    if kind == "sctp":
        return SCTP(sport=sport, dport=dport) / SCTPChunkInit(init_tag=5)
    return Raw(data + b"1234") if kind == "other" else ICMP(type=8, id=sport) / Raw(data)


@st.composite
def packets4(draw):
    layer = draw(transports())
    options = draw(st.sampled_from([[], [IPOption(b"\x94\x04\x00\x00")], [IPOption(b"\x44\x08\x05\x00\0\0\0\0")]]))
    header = IP(src=draw(UNICAST4), dst=draw(UNICAST4), options=options, flags=draw(st.sampled_from(["", "DF", "MF"])))
    if isinstance(layer, Raw):
        header.proto = draw(st.sampled_from([4, 41, 47, 50, 51, 89, 112, 253]))
    return header / layer


@st.composite
def packets6(draw):
    layer = draw(transports())
    if isinstance(layer, ICMP):
        layer = ICMPv6EchoRequest(id=draw(PORT))
    header = IPv6(src=draw(UNICAST6), dst=draw(UNICAST6))
    protocol = draw(st.sampled_from([47, 50, 59, 89, 253])) if isinstance(layer, Raw) else None
    packet = header
    for extension in draw(
        st.lists(st.sampled_from(["hop", "route", "destination", "fragment"]), max_size=3, unique=True)
    ):
        packet = (
            packet
            / {
                "hop": IPv6ExtHdrHopByHop(options=[PadN(optdata=bytes(12))]),
                "route": IPv6ExtHdrRouting(addresses=["fd00::5"]),
                "destination": IPv6ExtHdrDestOpt(options=[PadN(optdata=bytes(4))]),
                "fragment": IPv6ExtHdrFragment(offset=0, m=1),
            }[extension]
        )
    if protocol is not None:
        packet.lastlayer().nh = protocol
    return packet / layer


def link_layers(packet, draw):
    """Return (link type, scapy frame)."""
    kind = draw(st.sampled_from(["raw", "ethernet", "vlan", "qinq", "sll"]))
    unicast = Ether(dst="02:00:00:00:00:01", src="02:00:00:00:00:02")
    return {
        "raw": (101, packet),
        "ethernet": (1, unicast / packet),
        "vlan": (1, unicast / Dot1Q(vlan=7) / packet),
        "qinq": (1, unicast / Dot1AD(vlan=7) / Dot1Q(vlan=8) / packet),
        "sll": (113, CookedLinux(src=b"\x02\0\0\0\0\1", lladdrlen=6) / packet),
    }[kind]


def oracle(frame):
    """Return (src, dst, sport, dport, protocol, IP bytes) as scapy dissects the frame."""
    header = frame.getlayer(IP) or frame.getlayer(IPv6)
    layer = next((frame.getlayer(kind) for kind in (TCP, UDP, SCTP) if frame.haslayer(kind)), None)
    ports = (layer.sport, layer.dport) if layer else (0, 0)
    if isinstance(header, IP):
        if frame.haslayer(ICMP):
            ports = (frame[ICMP].id,) * 2
        return header.src, header.dst, *ports, header.proto, header.len
    if frame.haslayer(ICMPv6EchoRequest):
        ports = (frame[ICMPv6EchoRequest].id,) * 2
    following = header
    while following.payload and hasattr(following.payload, "nh"):
        following = following.payload
    return header.src, header.dst, *ports, following.nh, 40 + header.plen


def ours(decoded):
    key, size, *_ = decoded
    half = (len(key) - 5) // 2
    src, dst = (str(ipaddress.ip_address(part)) for part in (key[:half], key[half : 2 * half]))
    ports = key[2 * half : -1]
    return src, dst, int.from_bytes(ports[:2], "big"), int.from_bytes(ports[2:], "big"), key[-1], size
