"""A fixed, small share of fuzzing for every run of the tests; `python -m tests.fuzz` goes on for longer."""

import random

import pytest
from pandas.testing import assert_frame_equal

from collectors.capture import kernel, rows
from collectors.capture.containers import MAXIMUM_CAPTURED
from collectors.capture.decode import decode
from tests.collectors.capture import frames as f
from tests.collectors.capture.modes import assert_balanced, fenced, read, using
from tests.collectors.capture.traffic import as_pcapng
from tests.fuzz.mutations import case, hold, memory_of, mutate, samples, synthetic

FAST = 120 if kernel.is_compiled() else 40


@pytest.mark.parametrize("part", range(4))
def test_damage_of_any_kind_is_read_to_its_end(part):
    for seed in range(part * FAST, (part + 1) * FAST):
        generator, content = case(seed)
        hold(content, kernel, generator)


@pytest.mark.parametrize("part", range(4))
def test_nothing_outside_of_an_array_is_touched_and_both_modes_agree(part):
    for seed in range(part * 12, (part + 1) * 12):
        generator = random.Random(~seed)
        content = mutate(synthetic(generator, 20), generator, [synthetic(generator, 5)])
        slow, fast = read(content, fenced(), piece=generator.choice([1 << 20, 99])), read(content)
        assert_balanced(*slow)
        assert_frame_equal(slow[0], fast[0])
        assert slow[1:] == fast[1:]


def test_a_capture_cut_anywhere_is_read_so_far():
    content = synthetic(random.Random(5), 12)
    before = 0
    for cut in [*range(0, len(content), 7), len(content)]:
        result = read(content[:cut])
        assert_balanced(*result)
        assert result[2][0].packets >= before
        before = result[2][0].packets
    assert before >= 12


def test_frames_with_any_byte_changed_are_decoded_within_their_bounds():
    """Each byte of each frame, some values, cut at that byte or not: fenced and compiled agree."""
    packet = f.udp("fd00::1", 5, "fd00::2", 53)
    inner = f.ethernet(f.tcp(f.A, 1, f.B, 2, f.PUSH_ACK, b"data"))
    listed = [
        f.ethernet(f.udp("1.0.0.1", 5, "1.0.0.2", 4789, b"\x08" + bytes(7) + inner)),
        f.ethernet(f.udp("1.0.0.1", 5, "1.0.0.2", 6081, b"\1\0\x65\x58" + bytes(8) + inner)),
        f.ethernet(f.ip("1.0.0.1", "1.0.0.2", 47, b"\xb0\0\x08\0" + bytes(12) + inner[14:])),
        f.ethernet(f.ip("1.0.0.1", "1.0.0.2", 47, b"\x30\x81\x88\x0b" + bytes(12) + b"\x21" + inner[14:])),
        f.ethernet(f.ip("1.0.0.1", "1.0.0.2", 47, b"\x10\0\x22\xeb" + bytes(15) + b"\1" + bytes(8) + inner)),
        f.ethernet(f.sctp(f.A, 1, f.B, 2, 1, 7)),
        f.ethernet(f.icmp("fd00::2", "fd00::1", 1, 4, 0, packet)),
        f.ethernet(f.icmp(f.A, f.B, 3, 3, 0, inner[14:])),
        f.ethernet(f.ip("fd00::1", "fd00::2", 0, b"\x33\0" + bytes(6) + b"\x11\4" + bytes(22) + packet[40:])),
        inner[:12] + b"\x88\x47\0\0\0\x40\0\0\1\x40\0\0\0\0" + inner,
        inner[:12] + b"\x88\x64\x11\0\0\1\0\0\0\x21" + inner[14:],
        inner[:12] + b"\0\x30\xaa\xaa\3\0\0\0\x08\0" + inner[14:],
    ]
    generator = random.Random(1)
    for frame in listed:
        for at in range(len(frame)):
            changed = bytearray(frame)
            changed[at] = generator.choice([0, 1, 0xFF, 0x0F, 0xF0, changed[at] ^ 1 << generator.randrange(8)])
            cut = generator.choice([len(frame), at, at + 1, generator.randrange(len(frame))])
            for outer in (False, True):
                with using(fenced()):
                    slow = decode(1, bytes(changed[:cut]), len(frame), outer=outer)
                assert slow == decode(1, bytes(changed[:cut]), len(frame), outer=outer)


def test_lengths_that_a_capture_claims_allocate_nothing():
    """A few bytes that claim gigabytes: what reading takes is bounded by what is there."""
    usual = memory_of(f.pcap([(0, f.udp(f.A, 1, f.B, 2))]), kernel)
    claims = [
        f.pcap([])[:24] + b"\xff" * 16,
        f.pcap([])[:24] + bytes(8) + (MAXIMUM_CAPTURED).to_bytes(4, "little") * 2,
        f.section() + f.interface() + b"\6\0\0\0\xfc\xff\xff\xff" + bytes(100),
        f.section() + b"\1\0\0\0\xfc\xff\xff\x7f" + bytes(100),
        f.section() + f.interface() + b"\3\0\0\0\xfc\xff\x07\0" + bytes(100),
        f.section()[:4] + b"\xfc\xff\xff\xff" + f.section()[8:16] + bytes(100),
        b"\x1f\x8b" + b"\xff" * 100,
    ]
    for content in claims:
        assert memory_of(content, kernel) < usual + (4 << 20)


@pytest.mark.parametrize("ports", [1, 50_000], ids=["same ports", "new ports"])
def test_memory_does_not_grow_with_time(ports, monkeypatch):
    """The same rows from more packets or conversations: the same memory."""
    monkeypatch.setattr(rows, "_MERGE_AT", 1000)  # else as many rows as these are kept before they are added up

    def watched(minutes):
        sequence = [
            (f.EPOCH * 10**9 + minute * 60 * 10**9 + peer, 0, f.udp(f"10.0.1.{peer}", minute % ports, f.B, 514), 29)
            for minute in range(minutes)
            for peer in range(8)
        ]
        content = as_pcapng(sequence, link=101)
        return memory_of(content, kernel, bucket_seconds=30 * 86400) - len(content)

    assert watched(6000) < watched(2400) + (1 << 20)


def test_the_bundled_samples_survive_splicing():
    pieces = samples()
    generator = random.Random(9)
    for _ in range(25):
        hold(mutate(generator.choice(pieces), generator, pieces), kernel, generator)
