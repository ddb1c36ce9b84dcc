"""Our decoder reads what scapy, the slow and trusted oracle, reads."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scapy.layers.inet6 import ICMPv6ND_NS, IPv6, IPv6ExtHdrFragment
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Raw

from collectors.capture.decode import Quote, decode
from tests.collectors.capture.frames import A, B, ethernet, icmp, ip, tcp, udp
from tests.collectors.capture.oracle import link_layers, oracle, ours, packets4, packets6

FAST = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@FAST
@given(st.data(), st.one_of(packets4(), packets6()))
def test_headers_are_read_as_scapy_reads_them(data, packet):
    link_type, frame = link_layers(packet, data.draw)
    content = bytes(frame)
    decoded = decode(link_type, content, len(content), outer=True)
    assert ours(decoded) == oracle(frame.__class__(content))


@FAST
@given(packets4(), st.integers(1, 8191))
def test_later_ipv4_fragments_are_fragments(packet, offset):
    packet.frag = offset
    content = bytes(packet)
    assert decode(101, content, len(content)) == "fragment"


def test_later_ipv6_fragments_are_fragments():
    content = bytes(IPv6(src="fd00::1", dst="fd00::2") / IPv6ExtHdrFragment(offset=3, nh=17) / Raw(bytes(20)))
    assert decode(101, content, len(content)) == "fragment"


@FAST
@given(st.data(), st.one_of(packets4(), packets6()))
def test_a_header_that_the_snaplen_cut_is_truncated_or_read_all_the_same(data, packet):
    link_type, frame = link_layers(packet, data.draw)
    content = bytes(frame)
    cut = data.draw(st.integers(0, len(content)))
    whole, part = decode(link_type, content, len(content)), decode(link_type, content[:cut], len(content))
    assert part == "truncated" or part[:2] == whole[:2]


@settings(max_examples=500, deadline=None)
@given(st.sampled_from([0, 1, 12, 101, 108, 113, 228, 229, 276, 105, -1]), st.binary(max_size=120), st.integers(0, 200))
def test_nothing_that_a_frame_holds_raises(link_type, data, wire):
    assert isinstance(decode(link_type, data, wire), (str, tuple))


@pytest.mark.parametrize("link_type", [0, 108])
@pytest.mark.parametrize("family", [b"\x02\0\0\0", b"\0\0\0\x02"])
def test_null_and_loop_of_either_byte_order(link_type, family):
    content = family + udp(A, 1, B, 2)
    assert ours(decode(link_type, content, len(content))) == (A, B, 1, 2, 17, 29)


def test_sll2_and_labels_and_sessions_are_passed_over():
    packet = udp(A, 1, B, 2)
    mac = bytes(12)
    frames = [
        (276, b"\x08\x00" + bytes(18) + packet),
        (1, mac + b"\x88\x47" + b"\0\0\0\x40" + b"\0\0\1\x40" + packet),  # two MPLS labels
        (1, mac + b"\x88\x64" + b"\x11\0\0\1\0\x1f" + b"\x00\x21" + packet),  # PPPoE
        (1, mac + b"\x00\x25" + b"\xaa\xaa\x03\0\0\0\x08\x00" + packet),  # LLC, SNAP
        (1, mac + b"\x88\xe7" + bytes(4) + mac + b"\x08\x00" + packet),  # 802.1ah
    ]
    for link_type, frame in frames:
        assert ours(decode(link_type, frame, len(frame))) == (A, B, 1, 2, 17, 29)


WHOLE = tcp(A, 1, B, 2, 2)
CLASSES = {
    "arp": (1, bytes(Ether(dst="ff:ff:ff:ff:ff:ff", src="02:00:00:00:00:02") / ARP()), "not_ip"),
    "link type 147": (147, WHOLE, "unknown_link"),
    "interface never described": (-1, WHOLE, "malformed"),
    "version 5": (101, b"\x55" + WHOLE[1:], "malformed"),
    "version 6 under the EtherType of IPv4": (1, ethernet(WHOLE)[:14] + b"\x65" + WHOLE[1:], "malformed"),
    "IHL 4": (101, b"\x44" + WHOLE[1:], "malformed"),
    "total length shorter than the header": (101, WHOLE[:2] + b"\0\x13" + WHOLE[4:], "malformed"),
    "total length without room for TCP": (101, WHOLE[:2] + b"\0\x20" + WHOLE[4:], "malformed"),
    "data offset 4": (101, WHOLE[:32] + b"\x40" + WHOLE[33:], "malformed"),
    "data offset behind the end": (101, WHOLE[:32] + b"\xf0" + WHOLE[33:], "malformed"),
    "frame of 10 bytes": (1, bytes(10), "malformed"),
    "multicast": (101, udp(A, 5353, "224.0.0.251", 5353), "multicast"),
    "broadcast": (101, udp(A, 68, "255.255.255.255", 67), "multicast"),
    "broadcast of a subnet": (1, ethernet(udp(A, 137, "10.0.0.255", 137), b"\xff" * 6), "multicast"),
    "IPv6 multicast": (101, udp("fe80::1", 5353, "ff02::fb", 5353), "multicast"),
    "loopback": (101, udp("127.0.0.1", 1, "127.0.0.1", 2), "loopback"),
    "IPv6 loopback": (101, udp("::1", 1, "::1", 2), "loopback"),
    "mapped loopback": (101, udp("::ffff:127.0.0.1", 1, "::ffff:127.0.0.1", 2), "loopback"),
    "neighbour solicitation": (101, bytes(IPv6(src="fe80::1", dst="fe80::2") / ICMPv6ND_NS()), "link_control"),
}


@pytest.mark.parametrize("case", CLASSES, ids=str)
def test_what_makes_no_flow_has_a_class(case):
    link_type, frame, kind = CLASSES[case]
    assert decode(link_type, frame, len(frame)) == kind


def test_a_total_length_of_0_is_that_of_the_frame():
    """Segmentation offload: the card fills the length in after the capture."""
    packet = tcp(A, 1, B, 2, 0x18, b"x" * 3000)
    packet = packet[:2] + b"\0\0" + packet[4:]
    assert decode(1, ethernet(packet)[:96], 14 + 3040)[1] == 3040


@pytest.mark.parametrize(
    ("kind", "code", "unreachable"), [(3, 3, True), (3, 1, True), (3, 13, True), (3, 4, False), (11, 0, False)]
)
def test_icmp_errors_quote(kind, code, unreachable):
    quoted = udp(A, 5000, B, 53)[:28]  # as much as RFC 792 asks for
    error = icmp(B, A, kind, code, 0, quoted)
    assert decode(101, error, len(error)) == Quote(decode(101, quoted, 29)[0], unreachable)


def test_a_quote_that_is_too_short_quotes_nothing():
    error = icmp(B, A, 3, 3, 0, udp(A, 5000, B, 53)[:22])
    assert decode(101, error, len(error)) == Quote(None, True)


def test_authentication_headers_of_ipv6_are_passed_over_and_esp_is_not():
    segment = udp("fd00::1", 1, "fd00::2", 2)[40:]
    authenticated = ip("fd00::1", "fd00::2", 51, b"\x11\x04" + bytes(22) + segment)
    assert ours(decode(101, authenticated, len(authenticated)))[2:5] == (1, 2, 17)
    secret = ip("fd00::1", "fd00::2", 50, segment)
    assert ours(decode(101, secret, len(secret)))[2:5] == (0, 0, 50)
