"""The kernel is one file in two modes: compiled and as plain Python it gives the same flows; its tables grow and drain.

The plain Python of these tests is fenced: it stops at the first read or write outside of an array.
"""

import os
import struct
import time
from collections import Counter

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from collectors.capture import kernel
from tests.collectors.capture.frames import (
    ACK,
    EPOCH,
    PUSH_ACK,
    SYN,
    SYN_ACK,
    A,
    B,
    enhanced,
    ethernet,
    interface,
    option,
    pcap,
    section,
    session,
    tcp,
    udp,
)
from tests.collectors.capture.modes import USERS, assert_balanced, fenced, read, uncompiled, using
from tests.collectors.capture.traffic import as_pcap, as_pcapng, frames, sequences

SUITE = settings(max_examples=25, phases=[Phase.generate])
ORDERS = st.sampled_from("<>")
COUNTERS = ["connections", "packets", "bytes", "reply_packets", "reply_bytes"]


@pytest.fixture
def both():
    """Demand a compiled kernel to compare with."""
    if not kernel.is_compiled():
        if os.environ.get("CI") == "true":
            pytest.fail("CI must compile the kernel: python setup.py build_ext --inplace")
        pytest.skip("the kernel is not compiled here: python setup.py build_ext --inplace")


def assert_same(content, **options):
    """Both modes agree on some captures; return what they read."""
    fast, slow = read(content, **options), read(content, fenced(), **options)
    assert_frame_equal(fast[0], slow[0])
    assert fast[1:] == slow[1:]
    assert_balanced(*fast)
    return fast


def test_the_uncompiled_kernel_is_the_file_itself():
    with using(uncompiled()):
        assert not any(user.kernel.is_compiled() for user in USERS)
    assert all(user.kernel is kernel for user in USERS)
    assert uncompiled().CLASSES == kernel.CLASSES


@pytest.mark.usefixtures("both")
@SUITE
@given(sequences(), ORDERS)
def test_both_modes_read_pcap_alike(sequence, order):
    flows, ledger, readings = assert_same(as_pcap(sequence, order))
    assert readings[0].packets == len(sequence)
    assert_balanced(flows, ledger, readings)


@pytest.mark.usefixtures("both")
@SUITE
@given(sequences(), ORDERS, st.integers(1, 3), st.sets(st.integers(0, 60), max_size=3), st.booleans())
def test_both_modes_read_pcapng_alike(sequence, order, faces, odd, outer):
    content = as_pcapng(sequence, order, faces=faces, odd=odd)
    readings = assert_same(content, outer=outer)[2]
    assert readings[0].packets == len(sequence) + sum(place < len(sequence) for place in odd)


@pytest.mark.usefixtures("both")
@SUITE
@given(sequences(30), sequences(30), st.sampled_from([1, 7, 60, 3600]))
def test_both_modes_read_rotated_captures_alike(first, second, bucket):
    assert_same([as_pcap(first), as_pcapng(second)], bucket_seconds=bucket)


@pytest.mark.usefixtures("both")
@SUITE
@given(sequences(20), st.data(), ORDERS)
def test_both_modes_read_damage_alike(sequence, data, order):
    content = bytearray(data.draw(st.sampled_from([as_pcap, as_pcapng]))(sequence, order))
    for _ in range(data.draw(st.integers(0, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    assert_same(bytes(content[: data.draw(st.integers(0, len(content)))]))


@pytest.mark.usefixtures("both")
@SUITE
@given(st.lists(st.tuples(st.sampled_from([0, 1, 9, 50, 101, 113, 276]), st.binary(max_size=90)), max_size=8))
def test_both_modes_read_noise_alike(noise):
    assert_same([as_pcap([(EPOCH * 10**9, 0, data, len(data) + 5)], link=link) for link, data in noise])


@SUITE
@given(sequences(), st.integers(1, 300))
def test_how_a_stream_is_cut_into_reads_changes_nothing(sequence, piece):
    for content in (as_pcap(sequence), as_pcapng(sequence, odd={3})):
        whole, dribbled = read(content), read(content, piece=piece)
        assert_frame_equal(whole[0], dribbled[0])
        assert whole[1:] == dribbled[1:]


@SUITE
@given(st.lists(frames(), max_size=30))
def test_the_straight_lane_is_the_slow_one(listed):
    """Most packets take a shortcut that a VLAN tag closes: the tag must change nothing."""
    timed = [(EPOCH * 10**9 + number, 0, frame, len(frame)) for number, frame in enumerate(listed)]
    tagged = [(time, 0, frame[:12] + b"\x81\0\0\x05" + frame[12:], wire + 4) for time, _, frame, wire in timed]
    plain, slow = read(as_pcap(timed)), read(as_pcap(tagged))
    assert_frame_equal(plain[0], slow[0])
    assert plain[1].packet_counts() == slow[1].packet_counts()


@SUITE
@given(sequences())
def test_order_of_bytes_and_container_change_nothing(sequence):
    """Same packets at whole microseconds, one interface: four files, one reading."""
    sequence = [(time // 1000 * 1000, 0, frame, wire) for time, _, frame, wire in sequence]
    first, *others = (
        read(write(sequence, order)) for write in (as_pcap, lambda *a: as_pcapng(*a, faces=1)) for order in "<>"
    )
    for other in others:
        assert_frame_equal(first[0], other[0])
        assert first[1] == other[1]


def written(timed):
    """Write (seconds since EPOCH, IP packet)."""
    sequence = [(EPOCH * 10**9 + round(time * 10**6) * 1000, 0, packet, len(packet)) for time, packet in timed]
    return as_pcap(sequence, link=101)


def reference(sequence):
    """Count packets and IP bytes per pair of addresses and protocol, unordered: no kernel, no conversations."""
    counts = Counter()
    for source, target, protocol, size in sequence:
        key = (*sorted((source, target)), protocol)
        counts[key, "packets"] += 1
        counts[key, "bytes"] += size
    return counts


def totals(flows):
    counts = Counter()
    for row in flows.itertuples(index=False):
        key = (*sorted((row.src, row.dst)), row.protocol)
        counts[key, "packets"] += row.packets + row.reply_packets
        counts[key, "bytes"] += row.bytes + row.reply_bytes
    return counts


def host(number):
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


@pytest.mark.parametrize("module", [kernel, fenced()], ids=["here", "fenced"])
def test_tables_grow_with_many_conversations(module):
    count = 2**16 + 77 if module is kernel and kernel.is_compiled() else 8300
    frames_ = [(number * 1e-6, tcp(host(number), 40000 + number % 9, B, 80, SYN)) for number in range(count)]
    frames_ += [(1.0, tcp(B, 80, host(number), 40000 + number % 9, SYN_ACK)) for number in range(0, count, 3)]
    flows, ledger, readings = read(written(frames_), module)
    assert_balanced(flows, ledger, readings)
    assert len(flows) == int(flows["connections"].sum()) == count
    assert int((flows["outcome"] == "half_open").sum()) == int(flows["reply_packets"].sum()) == (count + 2) // 3
    if count < 9000:
        expected = [(host(number), B, "TCP", 40) for number in range(count)]
        expected += [(host(number), B, "TCP", 40) for number in range(0, count, 3)]
        assert totals(flows) == reference(expected)


@pytest.mark.parametrize("module", [kernel, fenced()], ids=["here", "fenced"])
def test_rows_are_drained_while_reading(module):
    """Established conversations write a row a minute: many more rows than the table that waits for them holds."""
    peers, minutes = (40, 1500) if module is kernel and kernel.is_compiled() else (5, 400)
    frames_, sent = [], []
    for minute in range(minutes):
        for peer in range(peers):
            there = (host(peer), 40000, B, 80)
            frames_.append((60 * minute + 0.5, tcp(*there, PUSH_ACK, b"q" * (minute % 3))))
            frames_.append((60 * minute + 0.6, tcp(B, 80, host(peer), 40000, PUSH_ACK, b"a")))
            sent += [(host(peer), B, "TCP", 40 + minute % 3), (host(peer), B, "TCP", 41)]
    flows, ledger, readings = read(written(frames_), module)
    assert_balanced(flows, ledger, readings)
    assert len(flows) == peers * minutes
    assert int(flows["connections"].sum()) == peers
    assert totals(flows) == reference(sent)


@pytest.mark.parametrize("module", [kernel, fenced()], ids=["here", "fenced"])
def test_idle_conversations_are_swept(module):
    """Waves of one-way packets, each after the patience for the last: nothing is lost, nothing counted twice."""
    wave = 6000 if module is kernel and kernel.is_compiled() else 600
    frames_ = [(400 * turn + number * 1e-5, udp(host(number), 5, B, 53)) for turn in range(8) for number in range(wave)]
    flows, ledger, readings = read(written(frames_), module)
    assert_balanced(flows, ledger, readings)
    assert int(flows["connections"].sum()) == int(flows["packets"].sum()) == 8 * wave
    assert set(flows["outcome"]) == {"unanswered"}
    assert flows.groupby("src")["connections"].sum().eq(8).all()


@pytest.mark.parametrize("module", [kernel, fenced()], ids=["here", "fenced"])
@pytest.mark.parametrize(("minutes", "outcomes"), [(59, {"established"}), (200, {"unanswered", "established"})])
def test_rows_that_wait_for_an_outcome_are_told_at_last(module, minutes, outcomes):
    """A sender without answer keeps its buckets waiting, but not for ever: memory must not grow with time."""
    frames_ = [(60.0 * minute, udp(host(peer), 5, B, 514, b"log")) for minute in range(minutes) for peer in range(9)]
    frames_ += [(60.0 * minutes, udp(B, 514, host(peer), 5, b"ok")) for peer in range(9)]
    flows, ledger, readings = read(written(frames_), module)
    assert_balanced(flows, ledger, readings)
    assert set(flows["outcome"]) == outcomes
    assert int(flows["packets"].sum()) == 9 * minutes
    assert int(flows["reply_packets"].sum()) == int(flows["connections"].sum()) == 9
    assert int(flows["bytes"].sum()) == 9 * minutes * 31


@pytest.mark.parametrize("module", [kernel, fenced()], ids=["here", "fenced"])
def test_two_buckets_in_turn_keep_all_packets(module):
    """Interleaved clocks: every packet closes a bucket and opens the other one."""
    frames_ = [(61.0 * (number % 2), udp(A, 5, B, 514, b"log")) for number in range(500)]
    flows, ledger, readings = read(written(frames_), module)
    assert_balanced(flows, ledger, readings)
    assert flows.groupby(flows["first_seen"].dt.floor("60s"))["packets"].sum().tolist() == [250, 250]
    assert int(flows["connections"].sum()) == 1


def late(count, base, *, answered=False):
    """Write a pcapng whose times are beyond those that a pcap can tell: conversations, and their answers."""
    blocks = [section(), interface(101, option(9, b"\x09"))]
    for number in range(count):
        blocks.append(enhanced(base + number, udp(host(number), 1000, B, 53)))
        if answered:
            blocks.append(enhanced(base + number, udp(B, 53, host(number), 1000)))
    return b"".join(blocks)


@pytest.mark.usefixtures("both")
@pytest.mark.parametrize("base", [0, 2**62 - 5000, 2**62 + 10**9, 2**63 - 10**9], ids=["1970", "2116-", "2116", "2262"])
def test_growing_tables_ends_no_conversation_at_any_time(base):
    """Nothing is over because the tables grow; a sweep that thinks so writes more rows than there is room for."""
    count = 9000  # more than the tables have room for at first
    flows, ledger, readings = read(late(count, base, answered=True))
    assert_balanced(flows, ledger, readings)
    assert set(flows["orientation"]) == {"paired"}
    assert int(flows["connections"].sum()) == int(flows["reply_packets"].sum()) == count


@pytest.mark.usefixtures("both")
@pytest.mark.parametrize("turns", [2**24, 2**24 - 1, 2**32])
def test_buckets_far_apart_are_not_one(turns):
    """Also where their numbers end in the same bits: clocks that were set back make such times."""
    sequence = [(now, 0, udp(A, 5, B, 53), 29) for now in (0, turns * 10**9, turns * 10**9, 0)]
    flows, _, _ = assert_same(as_pcapng(sequence, link=101), bucket_seconds=1)
    buckets = flows["first_seen"].dt.floor("1s")
    assert (buckets == flows["last_seen"].dt.floor("1s")).all()
    assert flows.groupby(buckets)["packets"].sum().tolist() == [2, 2]


@pytest.mark.usefixtures("both")
def test_a_packet_without_time_is_one_event():
    """The one that a sweep comes before is not counted again after it."""
    start = EPOCH * 10**6
    blocks = [section(), interface(101)]
    blocks += [enhanced(start, udp(A, port, B, 2)) for port in (1, 3, 4, 5)]
    blocks += [enhanced(start + 40 * 10**6, udp(A, 1, B, 2))]
    blocks += [enhanced(2**64 - 1, udp(A, 1, B, 2)) for _ in range(5)]
    _, ledger, _ = assert_same(b"".join(blocks))
    assert ledger.event_counts() == {"untimed": 5}


@pytest.mark.parametrize("apart", [0, 1, 19, 21, 60, 61, 119, 120, 121, 180, 240, -60])
@pytest.mark.parametrize("begin", [0, 60])
def test_a_row_of_the_next_file_begins_in_that_file(begin, apart):
    """Whether both files share a time bucket or lie in neighbouring ones."""
    first = [(begin + number * 0.1, packet) for number, packet in enumerate(session()[:3])]
    second = [(begin + apart + 1 + number * 0.1, packet) for number, packet in enumerate(session()[3:5])]
    flows, ledger, readings = read([pcap(first), pcap(second)])
    assert_balanced(flows, ledger, readings)
    assert (flows["first_seen"].dt.floor("60s") == flows["last_seen"].dt.floor("60s")).all()
    for number, reading in enumerate(readings):
        own = flows[flows["source"] == f"{number}.pcap"]
        assert own["first_seen"].min().value == reading.start
        assert own["last_seen"].max().value == reading.end


def test_many_interfaces_take_no_long_time():
    """Describing n interfaces takes n steps, not n times n: a small file is read at once."""
    content = section() + interface() * 6000 + enhanced(EPOCH * 10**6, udp(A, 1, B, 2))
    began = time.process_time()
    _, _, readings = read(content)
    assert readings[0].packets == 1
    assert time.process_time() - began < 0.5


CLOCKS = st.tuples(st.integers(0, 255), st.one_of(st.sampled_from([0, 1, -1, 2**33, -(2**33), 2**40]), st.integers()))


@settings(max_examples=60)
@given(CLOCKS, st.one_of(st.integers(0, 2**64 - 1), st.integers(0, 2**61)))
def test_every_clock_is_read_as_its_definition_says(clock, ticks):
    """if_tsresol and if_tsoffset, in exact integers: the time, or none that a timestamp could hold."""
    resolution, seconds = clock
    seconds = max(-(2**63), min(2**63 - 1, seconds))
    unit = 2 ** (resolution & 127) if resolution & 128 else 10**resolution
    moment = ticks * 10**9 // unit + seconds * 10**9
    options = option(9, bytes([resolution])) + option(14, struct.pack("<q", seconds))
    content = section() + interface(101, options) + enhanced(ticks, udp(A, 1, B, 2))
    for module in (kernel, fenced()):
        _, ledger, readings = read(content, module)
        assert readings[0].start == (moment if 0 <= moment < 2**63 else None)
        assert ledger.event_counts() == ({} if 0 <= moment < 2**63 else {"untimed": 1})


@pytest.mark.usefixtures("both")
def test_ethernet_frames_of_every_length_are_read_alike():
    for packet in (tcp(A, 1, B, 2, ACK, b"data" * 9), udp(A, 1, B, 53, b"data" * 9)):
        frame = ethernet(packet)
        cuts = [(EPOCH * 10**9, 0, frame[:cut], len(frame)) for cut in range(len(frame) + 1)]
        assert_same(as_pcap(cuts))
