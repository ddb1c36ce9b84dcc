"""Traps of packet captures, by the number that the field reference of flow formats gives them (17).

Each has more tests where its matter lives; these read whole files.
"""

import struct

import pytest

from collectors import read_flows
from collectors.inventory import Inventory
from recommender.resolve import resolve
from recommender.vantages import once
from tests.collectors.capture.frames import (
    EPOCH,
    A,
    B,
    enhanced,
    ethernet,
    interface,
    ip,
    pcap,
    section,
    session,
    timed,
    udp,
)
from tests.collectors.formats.hands import only

PACKETS = timed(session())


@pytest.fixture
def observed(tmp_path):
    def read(**captures):
        for name, content in captures.items():
            (tmp_path / f"{name}.pcap").write_bytes(content)
        return read_flows(sorted(tmp_path.glob("*.pcap")))

    return read


def test_trap_17_a_packet_that_two_interfaces_saw_counts_once(observed):
    both = [
        enhanced(round((EPOCH + time) * 1e6) + 10 * face, ethernet(packet), face)
        for time, packet in PACKETS
        for face in (0, 1)
    ]
    seen = observed(any=section() + interface(1) + interface(1) + b"".join(both))
    assert only(seen.flows)["connections"] == 1
    assert seen.ledger.packet_counts() == {"duplicate": len(PACKETS)}


def test_trap_17_a_packet_that_was_cut_counts_if_its_ports_are_there(observed):
    cut = (
        section()
        + interface(101)
        + b"".join(enhanced(EPOCH * 10**6 + at, packet[:28]) for at, (_, packet) in enumerate(PACKETS[:1]))
    )
    assert observed(cut=cut).ledger.packet_counts() == {"truncated": 1}
    datagram = section() + interface(101) + enhanced(EPOCH * 10**6, udp(A, 40000, B, 53, b"x" * 400)[:28])
    assert only(observed(whole=datagram, cut=pcap([])).flows)["dst_port"] == 53


def test_trap_17_the_innermost_packet_of_an_overlay_is_the_pods(observed):
    inside = ethernet(PACKETS[0][1])
    vxlan = udp("192.0.2.1", 50000, "192.0.2.2", 4789, struct.pack(">II", 0x08000000, 7 << 8) + inside)
    found = only(observed(overlay=pcap([(0, vxlan)])).flows)
    assert (found["src"], found["dst"], found["dst_port"]) == (A, B, 80)


def test_trap_17_the_magic_of_nanoseconds_is_believed(observed):
    nano = pcap([(0.123456789, PACKETS[0][1])], magic=0xA1B23C4D, unit=1_000_000_000)
    assert only(observed(nano=nano).flows)["first_seen"].nanosecond == 789


def test_trap_17_nodes_whose_clocks_differ_count_a_connection_once(observed):
    seen = observed(node1=pcap(PACKETS), node2=pcap([(time + 2, packet) for time, packet in PACKETS]))
    assert len(seen.flows) == 2
    assert int(once(resolve(seen.flows, Inventory()), seen.window)["connections"].sum()) == 1


def test_trap_17_a_later_fragment_has_no_ports(observed):
    assert observed(rest=pcap([(0, ip(A, B, 17, b"x" * 64, fragment=185))])).ledger.packet_counts() == {"fragment": 1}
