"""The same packet seen on several interfaces counts once; what only resembles it counts as itself."""

import struct

import pytest

from tests.collectors.capture.frames import (
    ACK,
    EPOCH,
    PUSH_ACK,
    SYN,
    A,
    B,
    block,
    enhanced,
    ethernet,
    icmp,
    interface,
    ip,
    sctp,
    section,
    session,
    tcp,
    udp,
)
from tests.collectors.capture.modes import assert_balanced, read
from tests.collectors.capture.traffic import as_pcap

THERE = (A, 40000, B, 80)
PACKETS = {
    "TCP": tcp(*THERE, PUSH_ACK, b"GET /", seq=5, ack=6),
    "SYN": tcp(*THERE, SYN, seq=5),
    "UDP": udp(A, 5000, B, 53, b"question"),
    "UDP of nothing": udp(A, 5000, B, 53, b""),
    "SCTP": sctp(A, 9, B, 38412, 1, tag=77),
    "echo": icmp(A, B, 8),
    "ESP": ip(A, B, 50, b"12345678"),
    "TCP over IPv6": tcp("fd00::1", 1, "fd00::2", 2, PUSH_ACK, b"GET /", seq=5),
    "UDP over IPv6": udp("fd00::1", 1, "fd00::2", 2, b"question"),
}
PLAIN, SLL, SLL2 = 1, 113, 276


def sll(packet, direction=0):
    """LINKTYPE_LINUX_SLL of old tcpdump -i any: 0 to us, 4 from us."""
    return struct.pack(">HHH8s", direction, 1, 6, bytes(8)) + ether_type(packet) + packet


def sll2(packet, number=2, direction=0):
    """LINKTYPE_LINUX_SLL2 of tcpdump -i any: it names the interface."""
    return ether_type(packet) + struct.pack(">HIHBB8s", 0, number, 1, direction, 6, bytes(8)) + packet


def ether_type(packet):
    return b"\x86\xdd" if packet[0] >> 4 == 6 else b"\x08\x00"


def cables(*seen, links=(PLAIN, PLAIN)):
    """Write a pcapng of two interfaces: (ms, interface, frame) each."""
    blocks = [enhanced(EPOCH * 10**6 + round(ms * 1000), frame, number) for ms, number, frame in seen]
    return section() + b"".join(interface(link) for link in links) + b"".join(blocks)


def cooked(link, *seen):
    """Write a pcap of one link type: (ms, frame) each."""
    return as_pcap([(EPOCH * 10**9 + round(ms * 10**6), 0, frame, len(frame)) for ms, frame in seen], link=link)


def counted(content, **options):
    """Return (packets in flows, duplicates in the ledger)."""
    flows, ledger, readings = read(content, **options)
    assert_balanced(flows, ledger, readings)
    assert set(ledger.packet_counts()) <= {"duplicate"}
    return int(flows["packets"].sum() + flows["reply_packets"].sum()), ledger.packet_counts().get("duplicate", 0)


@pytest.mark.parametrize("kind", PACKETS)
def test_a_packet_on_two_cables_is_one(kind):
    frame = ethernet(PACKETS[kind])
    assert counted(cables((0, 0, frame), (0.02, 1, frame))) == (1, 1)
    assert counted(cables((0.02, 0, frame), (0, 1, frame))) == (1, 1)  # interfaces are not read in order of time


@pytest.mark.parametrize("kind", PACKETS)
def test_a_packet_on_any_interface_is_one(kind):
    packet = PACKETS[kind]
    assert counted(cooked(SLL2, (0, sll2(packet, 2)), (0.02, sll2(packet, 3)))) == (1, 1)
    assert counted(cooked(SLL2, (0, sll2(packet, 2, 0)), (0.02, sll2(packet, 3, 4)), (0.03, sll2(packet, 7)))) == (1, 2)
    assert counted(cooked(SLL2, (0, sll2(packet, 2, 0)), (0.02, sll2(packet, 2, 4)))) == (1, 1)  # in, and out again
    assert counted(cooked(SLL, (0, sll(packet)), (0.02, sll(packet, 4)))) == (1, 1)


@pytest.mark.parametrize("kind", PACKETS)
def test_a_router_between_changes_what_it_changes(kind):
    """TTL, header checksum, MAC addresses and tags."""
    packet = PACKETS[kind]
    at = 7 if packet[0] >> 4 == 6 else 8
    routed = bytearray(packet)
    routed[at] -= 1
    if at == 8:
        routed[10:12] = b"\x12\x34"
    tagged = ethernet(bytes(routed), b"\x02\x99\0\0\0\1")
    tagged = tagged[:12] + b"\x81\0\0\7" + tagged[12:]
    assert counted(cables((0, 0, ethernet(packet)), (0.1, 1, tagged))) == (1, 1)


@pytest.mark.parametrize("kind", ["TCP", "UDP", "SYN"])
def test_a_checksum_that_the_card_fills_in_is_no_difference(kind):
    packet = PACKETS[kind]
    at = 20 + (6 if packet[9] == 17 else 16)
    filled = packet[:at] + b"\xab\xcd" + packet[at + 2 :]
    assert counted(cables((0, 0, ethernet(packet)), (0.1, 1, ethernet(filled)))) == (1, 1)


@pytest.mark.parametrize("kind", PACKETS)
def test_padding_of_a_short_frame_is_no_difference(kind):
    """A frame that came over a wire has at least 60 bytes, the same packet on a pod's cable has not."""
    frame = ethernet(PACKETS[kind])
    assert counted(cables((0, 0, frame), (0.1, 1, frame.ljust(60, b"\0")))) == (1, 1)


def test_a_packet_and_its_encapsulated_copy_are_one():
    for packet in PACKETS.values():
        frame = ethernet(packet)
        wrapped = ethernet(udp("1.0.0.1", 5, "1.0.0.2", 8472, b"\x08" + bytes(7) + frame))
        assert counted(cables((0, 0, frame), (0.03, 1, wrapped))) == (1, 1)
        assert counted(cables((0, 0, wrapped), (0.03, 1, frame))) == (1, 1)
        assert counted(cables((0, 0, wrapped), (0.03, 1, frame)), outer=True) == (2, 0)


def test_a_retransmission_is_not_a_copy():
    """Copies come within 50 ms; TCP repeats itself after 200 ms at the earliest."""
    for packet in (PACKETS["SYN"], PACKETS["TCP"]):
        frame = ethernet(packet)
        assert counted(cables((0, 0, frame), (0.02, 1, frame), (200, 0, frame), (200.02, 1, frame))) == (2, 2)
        assert counted(cables((0, 0, frame), (200, 1, frame))) == (2, 0)
        assert counted(cooked(SLL, (0, sll(packet)), (200, sll(packet)))) == (2, 0)


def test_what_comes_twice_on_one_interface_came_twice():
    frame = ethernet(PACKETS["UDP"])
    assert counted(cables((0, 0, frame), (0.1, 0, frame))) == (2, 0)
    assert counted(cables((0, 0, frame), (0.01, 0, frame), (0.02, 1, frame), (0.03, 1, frame))) == (2, 2)
    assert counted(cooked(SLL2, (0, sll2(PACKETS["UDP"])), (1, sll2(PACKETS["UDP"])))) == (2, 0)


def test_a_capture_of_one_interface_has_no_copies():
    frame = ethernet(PACKETS["TCP"])
    assert counted(cooked(PLAIN, (0, frame), (0, frame), (0.01, frame))) == (3, 0)


def numbered(packet, identification):
    return packet[:4] + struct.pack(">H", identification) + packet[6:]


DIFFERENT = {
    "identification": (numbered(PACKETS["UDP"], 1), numbered(PACKETS["UDP"], 2)),
    "sequence number": (tcp(*THERE, ACK, b"x", seq=1), tcp(*THERE, ACK, b"x", seq=2)),
    "acknowledgement": (tcp(*THERE, ACK, seq=1, ack=1), tcp(*THERE, ACK, seq=1, ack=2)),
    "flags": (tcp(*THERE, ACK, b"x"), tcp(*THERE, PUSH_ACK, b"x")),
    "length": (tcp(*THERE, ACK, b"x"), tcp(*THERE, ACK, b"xy")),
    "payload of UDP": (udp(A, 5000, B, 53, b"question"), udp(A, 5000, B, 53, b"Question")),
    "port": (udp(A, 5000, B, 53), udp(A, 5001, B, 53)),
    "direction": (udp(A, 53, B, 53), udp(B, 53, A, 53)),
    "address": (udp(A, 5000, B, 53), udp("10.0.0.9", 5000, B, 53)),
    "echo number": (icmp(A, B, 8, data=b"\0\1"), icmp(A, B, 8, data=b"\0\2")),
}


@pytest.mark.parametrize("what", DIFFERENT)
def test_packets_that_differ_are_two(what):
    first, second = DIFFERENT[what]
    assert counted(cables((0, 0, ethernet(first)), (0, 1, ethernet(second)))) == (2, 0)
    assert counted(cooked(SLL2, (0, sll2(first, 2)), (0, sll2(second, 3)))) == (2, 0)
    assert counted(cooked(SLL, (0, sll(first)), (0, sll(second)))) == (2, 0)


@pytest.mark.parametrize("faces", [2, 3, 5])
def test_a_connection_on_many_interfaces_is_the_connection(faces):
    """Each packet on every cable: flows are those of one cable."""
    packets = [numbered(packet, number) for number, packet in enumerate(session())]
    once = [(10 * number, sll2(packet, 1)) for number, packet in enumerate(packets)]
    often = [
        (10 * number + face * 0.01, sll2(packet, 1 + face))
        for number, packet in enumerate(packets)
        for face in range(faces)
    ]
    alone, several = read(cooked(SLL2, *once)), read(cooked(SLL2, *often))
    columns = [name for name in alone[0].columns if name != "last_seen"]
    assert alone[0][columns].equals(several[0][columns])
    assert several[1].packet_counts() == {"duplicate": (faces - 1) * len(packets)}


def test_link_types_may_differ():
    packet = PACKETS["UDP"]
    assert counted(cables((0, 0, ethernet(packet)), (0.1, 1, packet), links=(PLAIN, 101))) == (1, 1)


def test_a_batch_of_one_interface_does_not_hide_the_copies_that_follow_it():
    """Programs that record several interfaces write what each has gathered, one after the other."""
    batch = [ethernet(tcp(A, 1024 + at, B, 80, PUSH_ACK, b"GET /", seq=at)) for at in range(2000)]
    seen = [(at / 1000, number, frame) for number in (0, 1) for at, frame in enumerate(batch)]
    flows, ledger, _ = read(cables(*seen))
    assert ledger.packet_counts() == {"duplicate": 2000}
    assert int(flows["packets"].sum() + flows["reply_packets"].sum()) == 2000


@pytest.mark.parametrize("kind", PACKETS)
def test_a_packet_of_an_old_block_or_an_odd_clock_is_one_with_its_copy(kind):
    """Records that only the slow lane frames: old packet blocks, and clocks of more than 28 decimal places."""
    frame = ethernet(PACKETS[kind])
    old = block(2, struct.pack("<HHIIII", 1, 0, *divmod(EPOCH * 10**6, 2**32), len(frame), len(frame)) + frame)
    two = section() + interface(PLAIN) + interface(PLAIN)
    assert counted(two + enhanced(EPOCH * 10**6, frame, 0) + old) == (1, 1)
    assert counted(two + old + enhanced(EPOCH * 10**6, frame, 0)) == (1, 1)
    assert counted(two + old + old) == (2, 0)  # one interface saw both
