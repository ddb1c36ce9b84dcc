"""Tunnels: the innermost packet counts, and it is what scapy put there; with `outer` the outermost one does."""

import struct

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scapy.contrib.erspan import ERSPAN_II, ERSPAN_III, ERSPAN_PlatformSpecific
from scapy.contrib.geneve import GENEVE, GeneveOptions
from scapy.contrib.mpls import MPLS, EoMCW
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6
from scapy.layers.l2 import ARP, GRE, CookedLinux, CookedLinuxV2, Dot1AD, Dot1AH, Dot1Q, Ether
from scapy.layers.ppp import HDLC, PPP, PPPoE
from scapy.layers.sctp import SCTP, SCTPChunkData
from scapy.layers.vxlan import VXLAN
from scapy.packet import Raw

from collectors.capture.decode import decode
from tests.collectors.capture.frames import A, B, ethernet, ip, tcp, udp
from tests.collectors.capture.oracle import DATA, FLAGS, UNICAST4, UNICAST6, oracle, ours

SUITE = settings(max_examples=60)
UNPRIVILEGED = st.integers(10000, 65535)  # no tunnel's port
OUTSIDE = {"dst": "02:00:00:00:00:01", "src": "02:00:00:00:00:02"}
FRAME = {"dst": "0a:00:00:00:00:01", "src": "0a:00:00:00:00:02"}
NUMBER = st.integers(0, 2**32 - 1)


@st.composite
def inner(draw, versions=(4, 6)):
    """Draw an IP packet that is no tunnel."""
    sport, dport, data = draw(UNPRIVILEGED), draw(UNPRIVILEGED), draw(DATA)
    kind = draw(st.sampled_from(["tcp", "udp", "sctp", "echo", "ospf"]))
    six = draw(st.sampled_from(versions)) == 6
    layer = {
        "tcp": TCP(sport=sport, dport=dport, flags=draw(FLAGS), seq=draw(NUMBER)) / Raw(data),
        "udp": UDP(sport=sport, dport=dport) / Raw(data),
        "sctp": SCTP(sport=sport, dport=dport) / SCTPChunkData(data=data or b"x"),
        "echo": ICMPv6EchoRequest(id=sport) if six else ICMP(type=8, id=sport) / Raw(data),
        "ospf": Raw(data),
    }[kind]
    header = IPv6(src=draw(UNICAST6), dst=draw(UNICAST6)) if six else IP(src=draw(UNICAST4), dst=draw(UNICAST4))
    if kind == "ospf":
        setattr(header, "nh" if six else "proto", 89)
    return header / layer


@st.composite
def header(draw, number, *, six=None):
    """Draw an outer IP header that says what follows."""
    if draw(st.booleans()) if six is None else six:
        return IPv6(src=draw(UNICAST6), dst=draw(UNICAST6), nh=number)
    return IP(src=draw(UNICAST4), dst=draw(UNICAST4), proto=number)


def tags(draw):
    """Draw what may lie between an Ethernet header and the rest, all of it no tunnel."""
    return draw(st.sampled_from([None, Dot1Q(vlan=5), Dot1AD(vlan=5) / Dot1Q(vlan=6), Dot1Q(vlan=5) / Dot1Q(vlan=6)]))


def framed(draw, packet, ends=FRAME):
    tag = tags(draw)
    return Ether(**ends) / packet if tag is None else Ether(**ends) / tag / packet


def gre(draw, proto, **flags):
    drawn = {} if flags else {name: draw(st.integers(0, 1)) for name in ("chksum_present", "key_present")}
    layer = GRE(proto=proto, **flags, **drawn)
    layer.key, layer.sequence_number = draw(NUMBER), draw(NUMBER)
    if not flags:
        layer.seqnum_present = draw(st.integers(0, 1))
    if layer.chksum_present:
        layer.offset = 0
    return layer


def ether_type(packet):
    return 0x86DD if isinstance(packet, IPv6) else 0x0800


def vxlan(draw, packet, port):
    # Linux sets no flag but I; group policy sets G and a group number
    layer = draw(st.sampled_from([VXLAN(flags="Instance", vni=7), VXLAN(flags="Instance+G", gpid=9, vni=7)]))
    return draw(header(17)) / UDP(sport=draw(UNPRIVILEGED), dport=port) / layer / framed(draw, packet)


def geneve(draw, packet):
    options = [
        GeneveOptions(classid=1, type=2, data=bytes(4 * size)) for size in draw(st.lists(st.integers(0, 4), max_size=3))
    ]
    plain = draw(st.booleans())
    layer = GENEVE(proto=ether_type(packet) if plain else 0x6558, vni=7, options=options)
    content = packet if plain else framed(draw, packet)
    return draw(header(17)) / UDP(sport=draw(UNPRIVILEGED), dport=6081) / layer / content


def erspan(draw, packet, kind):
    frame = framed(draw, packet)
    if kind == 1:
        return draw(header(47)) / GRE(proto=0x88BE) / Raw(bytes(frame))
    if kind == 2:
        return (
            draw(header(47)) / GRE(proto=0x88BE, seqnum_present=1, sequence_number=draw(NUMBER)) / ERSPAN_II() / frame
        )
    platform = draw(st.integers(0, 1))
    layer = ERSPAN_III(o=1) / ERSPAN_PlatformSpecific() if platform else ERSPAN_III()
    return draw(header(47)) / GRE(proto=0x22EB, seqnum_present=1, sequence_number=1) / layer / Raw(bytes(frame))


def in_ip(draw, packet):
    """IPIP, 6in4 and their like over IPv6."""
    return draw(header(41 if isinstance(packet, IPv6) else 4)) / packet


TUNNELS = {
    "VXLAN": lambda draw, packet: vxlan(draw, packet, 4789),
    "VXLAN at Linux' old port": lambda draw, packet: vxlan(draw, packet, 8472),
    "Geneve": geneve,
    "GRE": lambda draw, packet: draw(header(47)) / gre(draw, ether_type(packet)) / packet,
    "GRE, Ethernet": lambda draw, packet: draw(header(47)) / gre(draw, 0x6558) / framed(draw, packet),
    "GRE in UDP": lambda draw, packet: (
        draw(header(17)) / UDP(sport=draw(UNPRIVILEGED), dport=4754) / gre(draw, ether_type(packet)) / packet
    ),
    "ERSPAN I": lambda draw, packet: erspan(draw, packet, 1),
    "ERSPAN II": lambda draw, packet: erspan(draw, packet, 2),
    "ERSPAN III": lambda draw, packet: erspan(draw, packet, 3),
    "IP in IP": in_ip,
}


def outside(draw, packet):
    """Draw a link layer: (link type, frame)."""
    kind = draw(st.sampled_from(["raw", "ethernet", "sll", "sll2"]))
    if kind == "raw":
        return 101, packet
    if kind == "ethernet":
        return 1, framed(draw, packet, OUTSIDE)
    if kind == "sll":
        return 113, CookedLinux(src=b"\x02\0\0\0\0\1", lladdrlen=6, proto=ether_type(packet)) / packet
    return 276, CookedLinuxV2(proto=ether_type(packet)) / packet


def first_header(frame):
    """Return what an outer packet says: (src, dst, sport, dport, protocol, IP bytes)."""
    layer = frame.getlayer(next(kind for kind in frame.layers() if kind in {IP, IPv6}))
    whole = layer.__class__(bytes(layer))
    number, size = (whole.nh, 40 + whole.plen) if isinstance(whole, IPv6) else (whole.proto, whole.len)
    ports = (whole.payload.sport, whole.payload.dport) if number == 17 else (0, 0)
    return whole.src, whole.dst, *ports, number, size


def alone(packet):
    """Return what scapy reads in a packet by itself."""
    return oracle(packet.__class__(bytes(packet)))


@pytest.mark.parametrize("tunnel", TUNNELS)
@SUITE
@given(st.data())
def test_the_innermost_packet_counts_or_with_outer_the_outermost(tunnel, data):
    packet = data.draw(inner())
    link, frame = outside(data.draw, TUNNELS[tunnel](data.draw, packet))
    content = bytes(frame)
    assert ours(decode(link, content, len(content))) == alone(packet)
    assert ours(decode(link, content, len(content), outer=True)) == first_header(frame)


@SUITE
@given(st.data(), st.lists(st.sampled_from(sorted(TUNNELS)), min_size=2, max_size=3))
def test_tunnels_nest(data, tunnels):
    packet = data.draw(inner())
    wrapped = packet
    for tunnel in tunnels:
        wrapped = TUNNELS[tunnel](data.draw, wrapped)
        wrapped = wrapped.__class__(bytes(wrapped))  # lengths and checksums are settled
    link, frame = outside(data.draw, wrapped)
    content = bytes(frame)
    assert ours(decode(link, content, len(content))) == alone(packet)
    assert ours(decode(link, content, len(content), outer=True)) == first_header(frame)


def test_scapy_takes_our_tunnels_for_what_we_mean():
    """The frames above are built by scapy: it also finds the innermost packet again, without being told where."""
    packet = IP(src=A, dst=B) / UDP(sport=1, dport=2) / Raw(b"x")
    link = Ether(**OUTSIDE) / Dot1AD(vlan=1) / Dot1Q(vlan=2)
    vlan = Ether(**FRAME) / Dot1Q(vlan=3)
    frames = [
        link / IP() / UDP(dport=4789) / VXLAN(flags="Instance") / vlan / packet,
        link / IP() / UDP(dport=4789) / VXLAN(flags="Instance") / vlan / IP() / GRE() / packet,
        link / IP() / UDP(dport=6081) / GENEVE(options=[GeneveOptions(data=b"1234")]) / vlan / packet,
        link / IP() / GRE(seqnum_present=1) / ERSPAN_II() / vlan / packet,
        link / IP() / GRE(seqnum_present=1) / ERSPAN_III() / vlan / packet,
        link / IP() / GRE(key_present=1, chksum_present=1) / packet,
        link / IP() / packet,
        link / IPv6() / packet,
        link / IP() / IPv6(src="fd00::1", dst="fd00::2") / UDP(sport=1, dport=2),
    ]
    for frame in frames:
        content = bytes(frame)
        whole = Ether(content)
        last = next(layer for layer in reversed(whole.layers()) if layer in {IP, IPv6})
        found = whole.getlayer(last, sum(layer is last for layer in whole.layers()))
        assert ours(decode(1, content, len(content))) == oracle(found.__class__(bytes(found)))


@SUITE
@given(st.data(), st.integers(1, 65535))
def test_vxlan_at_the_ports_that_one_names(data, port):
    assume(port not in {4754, 6081})
    content = bytes(vxlan(data.draw, packet := data.draw(inner()), port))
    plain = (data.draw(st.sampled_from([port + 1, 7])) & 0xFFFF, 0)
    assert ours(decode(101, content, len(content), vxlan_ports=(port, 0))) == alone(packet)
    assert ours(decode(101, content, len(content), vxlan_ports=(0, port))) == alone(packet)
    assert ours(decode(101, content, len(content), vxlan_ports=plain))[3:5] == (port, 17)


@SUITE
@given(st.data(), st.sampled_from(sorted(TUNNELS)))
def test_a_cut_inside_is_truncated_or_changes_nothing(data, tunnel):
    packet = data.draw(inner())
    link, frame = outside(data.draw, TUNNELS[tunnel](data.draw, packet))
    content = bytes(frame)
    start = len(content) - len(bytes(packet))
    cut = data.draw(st.integers(start, len(content)))
    part = decode(link, content[:cut], len(content))
    whole = decode(link, content, len(content))
    if cut < start + 20:
        # of an IP packet in IP not even the version may be left: then there is nothing to tell a tunnel by
        assert part == "truncated" or (cut <= start and part[0][-1] in (4, 41))
    else:
        assert part == "truncated" or part[:2] == whole[:2]


@SUITE
@given(st.data(), st.sampled_from(["VXLAN", "GRE, Ethernet", "ERSPAN I", "ERSPAN II", "ERSPAN III"]))
def test_what_makes_no_flow_has_its_class_inside_too(data, tunnel):
    arp = ARP(psrc=A, pdst=B)
    content = bytes(TUNNELS[tunnel](data.draw, arp))
    assert decode(101, content, len(content)) == "not_ip"
    group = data.draw(
        st.sampled_from(
            [IP(dst="224.0.0.251") / UDP(), IPv6(dst="ff02::fb") / UDP(), IP(dst="255.255.255.255") / UDP()]
        )
    )
    content = bytes(TUNNELS[tunnel](data.draw, group))
    assert decode(101, content, len(content)) == "multicast"
    fragment = bytes(TUNNELS[tunnel](data.draw, IP(src=A, dst=B, frag=3, proto=17) / Raw(b"rest")))
    assert decode(101, fragment, len(fragment)) == "fragment"


def test_a_tunnel_to_a_multicast_group_counts_for_what_is_inside():
    """VXLAN floods what it does not know: the group is the network's, not the pods'."""
    content = bytes(IP(src=A, dst="239.1.1.1") / UDP(dport=4789) / VXLAN(flags="Instance") / Ether(**FRAME))
    content = ip(A, "239.1.1.1", 17, struct.pack(">HHHH", 1, 4789, 0, 0) + content[28:] + tcp(A, 3, B, 4, 2))
    content = content[:-42] + b"\x08\0" + content[-40:]  # scapy wrote no EtherType for nothing
    assert ours(decode(101, content, len(content)))[:4] == (A, B, 3, 4)
    assert decode(101, content, len(content), outer=True) == "multicast"


INSIDE = ethernet(udp(A, 1, B, 2))
NOT_WHAT_THEY_SEEM = {
    "VXLAN without its flag": udp(A, 5, B, 4789, bytes(8) + INSIDE),
    "VXLAN with reserved flags": udp(A, 5, B, 4789, b"\x4c" + bytes(7) + INSIDE),
    "VXLAN, too short": udp(A, 5, B, 4789, b"\x08\0\0\0"),
    "from VXLAN's port": udp(A, 4789, B, 5, b"\x08" + bytes(7) + INSIDE),
    "Geneve, version 1": udp(A, 5, B, 6081, b"\x40\0\x65\x58" + bytes(4) + INSIDE),
    "Geneve, unknown protocol": udp(A, 5, B, 6081, b"\0\0\x88\x99" + bytes(4) + INSIDE),
    "Geneve, too short": udp(A, 5, B, 6081, b"\0\0\x65\x58"),
    "GRE in UDP, version 2": udp(A, 5, B, 4754, b"\0\2\x08\0" + udp(A, 1, B, 2)),
    "GRE in UDP, unknown protocol": udp(A, 5, B, 4754, b"\0\0\x99\x99" + udp(A, 1, B, 2)),
    "GRE in UDP with routing": udp(A, 5, B, 4754, b"\x40\0\x08\0" + udp(A, 1, B, 2)),
    "empty": udp(A, 5, B, 4789, b""),
}


@pytest.mark.parametrize("case", NOT_WHAT_THEY_SEEM)
def test_what_does_not_look_like_the_tunnel_of_its_port_is_plain_udp(case):
    content = NOT_WHAT_THEY_SEEM[case]
    decoded = decode(1, ethernet(content), 14 + len(content))
    assert decoded == decode(1, ethernet(content), 14 + len(content), outer=True)
    assert ours(decoded)[2:] == (*struct.unpack(">HH", content[20:24]), 17, len(content))


@pytest.mark.parametrize("protocol", [4, 41, 47])
def test_what_is_no_packet_behind_a_tunnels_protocol_is_plain_ip(protocol):
    content = ip(A, B, protocol, b"\x99" * 30)
    assert ours(decode(101, content, len(content))) == (A, B, 0, 0, protocol, 50)


def test_pptp_carries_ppp():
    packet = udp(A, 1, B, 2)
    for head in (b"\x30\x01", b"\x30\x81"):
        acknowledged = bytes(4) if head == b"\x30\x81" else b""
        for protocol in (b"\xff\x03\x00\x21", b"\x00\x21", b"\x21"):
            content = ip("1.1.1.1", "2.2.2.2", 47, head + b"\x88\x0b" + bytes(8) + acknowledged + protocol + packet)
            assert ours(decode(101, content, len(content))) == (A, B, 1, 2, 17, 29)


def test_lengths_inside_a_tunnel_speak_within_it():
    """An inner total length of 0 (segmentation offload) ends where the outer packet ends, not with the frame."""
    packet = tcp(A, 1, B, 2, 0x18, b"x" * 10)
    content = ip("1.1.1.1", "2.2.2.2", 4, packet[:2] + b"\0\0" + packet[4:])
    frame = ethernet(content) + bytes(20)
    assert ours(decode(1, frame, len(frame)))[5] == 50


def test_tunnels_without_end_have_one():
    packet = udp(A, 1, B, 2)
    for _ in range(300):
        packet = ip(A, B, 4, packet)
    assert ours(decode(101, packet, len(packet)))[4] == 4


@SUITE
@given(st.data())
def test_labels_tags_and_sessions_are_no_tunnels(data):
    """With `outer` or without, the first IP header behind them is the packet's."""
    packet = data.draw(inner())
    labels = data.draw(st.lists(st.integers(0, 2**20 - 1), min_size=1, max_size=5))
    stack = None
    for number, label in enumerate(labels):
        layer = MPLS(label=label, s=int(number == len(labels) - 1))
        stack = layer if stack is None else stack / layer
    number = 0x57 if isinstance(packet, IPv6) else 0x21
    link, frame = data.draw(
        st.sampled_from([
            (1, Ether(**OUTSIDE) / stack / packet),
            (1, Ether(**OUTSIDE) / Dot1Q() / stack / packet),
            (1, Ether(**OUTSIDE) / stack / EoMCW() / Ether(**FRAME) / packet),
            (1, Ether(**OUTSIDE) / PPPoE(sessionid=3) / PPP(proto=number) / packet),
            (1, Ether(**OUTSIDE) / Dot1Q() / PPPoE(sessionid=3) / PPP(proto=number) / packet),
            (1, Ether(**OUTSIDE) / Dot1AD() / Dot1AH(isid=3) / Ether(**FRAME) / packet),
            (9, PPP(proto=number) / packet),
            (9, HDLC() / PPP(proto=number) / packet),
            (50, HDLC() / PPP(proto=number) / packet),
            (9, PPP(proto=0x281) / stack / packet),
        ])
    )  # fmt: skip
    content = bytes(frame)
    assert ours(decode(link, content, len(content))) == alone(packet)
    assert decode(link, content, len(content), outer=True) == decode(link, content, len(content))
    cut = data.draw(st.integers(0, len(content)))
    part = decode(link, content[:cut], len(content))
    assert part == "truncated" or part[:2] == decode(link, content, len(content))[:2]
