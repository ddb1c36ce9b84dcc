"""Framing yields the packets of every container as they were written, and says where it cannot go on."""

import io
import struct

import pytest

from collectors.capture.containers import MAXIMUM_CAPTURED, NO_INTERFACE, Framing, sniff
from collectors.ledger import LedgerWriter
from tests.collectors.capture.frames import EPOCH, block, enhanced, interface, option, pcap, pcapng, section

FRAMES = [(0.0, b"abcde"), (1.5, b""), (2.25, b"z" * 100)]


def framed(content):
    writer = LedgerWriter()
    framing = Framing(io.BytesIO(content), "x", writer)
    return list(framing.packets()), writer.ledger(), framing


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("magic", "unit"), [(0xA1B2C3D4, 1_000_000), (0xA1B23C4D, 1_000_000_000), (0xA1B2CD34, 1_000_000)]
)
def test_pcap_of_both_byte_orders_and_resolutions(order, magic, unit):
    content = pcap(FRAMES, order=order, magic=magic, unit=unit, link=1)
    packets, ledger, _ = framed(content)
    assert sniff(content) == "pcap"
    assert packets == [(EPOCH * 10**9 + round(time * 10**9), 1, len(frame), frame) for time, frame in FRAMES]
    assert not ledger.events


def test_the_upper_half_of_a_pcap_link_type_is_not_the_link_type():
    content = bytearray(pcap(FRAMES))
    content[22:24] = b"\x00\x14"
    assert {packet[1] for packet in framed(bytes(content))[0]} == {101}


@pytest.mark.parametrize("order", ["<", ">"])
def test_pcapng_of_both_byte_orders(order):
    content = pcapng(FRAMES, order=order)
    packets, ledger, _ = framed(content)
    assert sniff(content) == "pcapng"
    assert packets == [(EPOCH * 10**9 + round(time * 10**9), 101, len(frame), frame) for time, frame in FRAMES]
    assert not ledger.events


@pytest.mark.parametrize(
    ("options", "ticks", "nanoseconds"),
    [
        (b"", 1_500_000, 1_500_000_000),
        (option(9, b"\x09"), 1_500_000_000, 1_500_000_000),
        (option(9, b"\x00"), 3, 3_000_000_000),
        (option(9, b"\x8a"), 1536, 1_500_000_000),  # units of 2^-10 s
        (option(14, struct.pack("<q", 7)), 1_500_000, 8_500_000_000),
        (option(14, struct.pack("<q", -7)), 1_500_000, None),  # before the epoch: no time
        (option(9, b"\x7f"), 5, 0),
        (option(9, b"\x00"), 2**63, None),
    ],
)
def test_the_interface_says_what_a_tick_is(options, ticks, nanoseconds):
    packets, _, _ = framed(section() + interface(options=options + option(0, b"")) + enhanced(ticks, b"x"))
    assert packets == [(nanoseconds, 101, 1, b"x")]


def test_sections_have_their_own_byte_order_and_interfaces():
    content = section() + interface(1) + interface(113) + enhanced(5, b"a", 1)
    content += section(">") + interface(276, order=">") + enhanced(6, b"b", 0, ">")
    assert framed(content)[0] == [(5000, 113, 1, b"a"), (6000, 276, 1, b"b")]


def test_simple_and_old_packet_blocks():
    simple = block(3, struct.pack("<I", 9) + b"abcd")  # cut by the interface's snaplen of 4
    old = block(2, struct.pack("<HHIIII", 0, 0, 0, 8, 3, 10) + b"xyz")
    packets, _, _ = framed(section() + interface(1, snaplen=4) + simple + old)
    assert packets == [(None, 1, 9, b"abcd"), (8000, 1, 10, b"xyz")]


def test_unknown_blocks_are_passed_over():
    content = section() + interface() + block(0xBAD, b"custom" * 50_000) + enhanced(1, b"x")
    packets, ledger, _ = framed(content)
    assert len(packets) == 1
    assert not ledger.events


def test_a_packet_of_an_interface_never_described_is_a_packet_all_the_same():
    assert framed(section() + enhanced(1, b"x"))[0] == [(None, NO_INTERFACE, 1, b"x")]


def test_drops_are_the_last_count_of_each_interface():
    def lost(interface_drops, system_drops):
        counts = option(5, struct.pack("<Q", interface_drops)) + option(7, struct.pack("<Q", system_drops))
        return block(5, struct.pack("<III", 0, 0, 0) + counts + option(0, b""))

    _, ledger, framing = framed(section() + interface() + lost(2, 1) + lost(2, 5) + lost(2, 5))
    assert framing.drops == 7
    assert ledger.event_counts() == {"gap": 2}


@pytest.mark.parametrize("make", [pcap, pcapng])
def test_a_cut_capture_counts_as_far_as_it_goes_and_says_where_it_ends(make):
    content = make(FRAMES)
    packets, ledger, _ = framed(content[:-1])
    assert len(packets) == 2
    assert ledger.event_counts() == {"truncated": 1}
    assert "byte" in ledger.samples("truncated")[0].text


@pytest.mark.parametrize("claimed", [MAXIMUM_CAPTURED + 1, 3_900_000_000])
def test_a_lying_length_costs_no_memory_and_ends_a_pcap(claimed):
    class Stingy(io.BytesIO):
        def read(self, size=-1):
            assert 0 <= size <= 2 * MAXIMUM_CAPTURED + 4
            return super().read(size)

    content = pcap(FRAMES) + struct.pack("<IIII", 1, 1, claimed, claimed) + bytes(100)
    writer = LedgerWriter()
    assert len(list(Framing(Stingy(content), "x", writer).packets())) == 3
    assert writer.ledger().event_counts() == {"malformed": 1}
    # pcapng: a block that claims so much is passed over in pieces until the file ends.
    content = pcapng(FRAMES) + struct.pack("<II", 6, claimed & ~3) + bytes(100)
    writer = LedgerWriter()
    assert len(list(Framing(Stingy(content), "x", writer).packets())) == 3
    assert writer.ledger().event_counts() == {"truncated": 1}


def test_reading_goes_on_behind_a_packet_that_lies_inside_an_honest_block():
    content = section() + interface() + enhanced(1, b"abcd", captured=5000) + enhanced(2, b"x")
    packets, ledger, _ = framed(content)
    assert packets == [(2000, 101, 1, b"x")]
    assert ledger.event_counts() == {"malformed": 1}


@pytest.mark.parametrize(
    "tail",
    [
        struct.pack("<II", 6, 8) + bytes(8),  # a block shorter than its own frame
        enhanced(1, b"abcd")[:-4] + b"\1\0\0\0",  # two lengths that differ
        section()[:12] + struct.pack("<HHq", 2, 0, -1) + section()[-4:],  # a version that is not known
        section()[:8] + b"what" + section()[12:],
    ],
)
def test_framing_that_cannot_be_followed_ends_the_reading(tail):
    packets, ledger, _ = framed(pcapng(FRAMES) + tail + enhanced(9, b"x"))
    assert len(packets) == 3
    assert ledger.event_counts() == {"malformed": 1}


def test_an_empty_capture_has_no_packets_and_no_faults():
    for content in (pcap([]), pcapng([]), section()):
        packets, ledger, _ = framed(content)
        assert packets == []
        assert not ledger.events


def test_other_files_are_no_captures():
    assert sniff(b"") is None
    assert sniff(b"{}") is None
    assert sniff(b"\x0a\x0d\x0d\x0a" + bytes(8)) is None
