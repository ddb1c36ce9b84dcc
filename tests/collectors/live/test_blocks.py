"""Blocks of the packet ring into records: compiled and uncompiled alike, and never a step outside of the block."""

import importlib.util
import sys
from functools import cache
from importlib.machinery import SourceFileLoader
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.live import blocks
from tests.collectors.live.hands import (
    HOST,
    KIND_TOLD,
    LOOPBACK,
    NONE,
    OUTGOING,
    TAGGED,
    Packet,
    Record,
    block,
    records,
)  # fmt: skip

SIZE = 1 << 15
FRAME = bytes(range(12)) + b"\x08\0" + bytes(50)


class Fence:
    """Bytes of which only some may be touched, at indices and slices from 0."""

    def __init__(self, data, begin, end):
        self._data, self._begin, self._end = data, begin, end

    def __len__(self):
        return self._end

    def _check(self, at):
        first, behind = (at.start, at.stop) if isinstance(at, slice) else (at, at + 1)
        if not self._begin <= first <= behind <= self._end:
            raise IndexError(f"{first} to {behind} of {self._begin} to {self._end}")

    def __getitem__(self, at):
        self._check(at)
        return self._data[at]

    def __setitem__(self, at, value):
        self._check(at)
        assert not isinstance(at, slice) or len(value) == at.stop - at.start
        self._data[at] = value


@cache
def uncompiled():
    """Return the module as plain Python, whatever is compiled or installed."""
    path = Path(blocks.__file__).with_name("blocks.py")
    loader = SourceFileLoader("uncompiled_blocks", str(path))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    kept = sys.modules.get("cython")
    sys.modules["cython"] = None  # so that its import fails, as where Cython is not installed
    try:
        loader.exec_module(module)
    finally:
        del sys.modules["cython"]
        if kept is not None:
            sys.modules["cython"] = kept
    assert not module.is_compiled()
    return module


def taken(data, begin=0, size=SIZE):
    """Return what both modules say of a block, which must be the same: records as bytes, None where it is not ours."""
    answers = []
    for module in (blocks, uncompiled()):
        ring, out = bytearray(data), bytearray(size)
        fenced = module is not blocks
        given_ = (Fence(ring, begin, begin + size), Fence(out, 0, size)) if fenced else (ring, out)
        written = module.take(given_[0], begin, size, given_[1])
        answers.append((written, bytes(out[: max(0, written)]), bytes(ring)))
    assert answers[0] == answers[1]
    written, found, after = answers[0]
    assert after[begin + 8 : begin + 12] == (data[begin + 8 : begin + 12] if written < 0 else bytes(4))
    return None if written < 0 else found


PACKETS = st.builds(
    Packet,
    data=st.binary(min_size=14, max_size=200),
    time=st.integers(0, 2**32 * 10**9 - 1),
    hardware=st.sampled_from([1, LOOPBACK, NONE, 768, 778]),
    interface=st.integers(1, 2**31 - 1),
    direction=st.sampled_from([HOST, 1, 3, OUTGOING]),
    wire=st.integers(200, 2**32 - 1),
    link=st.integers(0, 14),
    status=st.sampled_from([1, 1 | TAGGED, 1 | TAGGED | KIND_TOLD]),
    tag=st.integers(0, 0xFFFF),
    kind=st.integers(0, 0xFFFF),
)


def expected(packet):
    """Return the record of a packet, None for what is left out."""
    if packet.hardware == LOOPBACK and packet.direction == OUTGOING:
        return None
    face = packet.interface << 1 | (packet.direction == OUTGOING)
    if packet.hardware not in (1, LOOPBACK):
        return Record(packet.time, 101, face, packet.wire - packet.link, packet.data[packet.link :])
    if not packet.status & TAGGED:
        return Record(packet.time, 1, face, packet.wire, packet.data)
    kind = packet.kind if packet.status & KIND_TOLD else 0x8100
    tag = kind.to_bytes(2, "big") + packet.tag.to_bytes(2, "big")
    return Record(packet.time, 1, face, packet.wire + 4, packet.data[:12] + tag + packet.data[12:])


@settings(max_examples=200)
@given(st.lists(PACKETS, max_size=20))
def test_a_block_gives_the_record_of_each_packet_in_its_order(packets):
    assert records(taken(block(packets))) == [record for record in map(expected, packets) if record]


def test_a_block_that_is_still_the_kernels_is_left_to_it():
    assert taken(block([Packet(FRAME)], status=0)) is None


def test_a_block_in_the_middle_of_its_ring_is_read_from_there():
    ring = bytearray(SIZE) + block([Packet(FRAME, time=5)]) + bytearray(SIZE)
    assert records(taken(ring, SIZE)) == [Record(5, 1, 4, len(FRAME), FRAME)]


@settings(max_examples=400)
@given(st.lists(PACKETS, max_size=4), st.data())
def test_whatever_a_block_says_of_itself_nothing_outside_of_it_is_touched(packets, data):
    size = 2048
    spoilt = block(packets, size)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(3, size // 4 - 1)) * 4
        word = data.draw(st.sampled_from([0, 1, 68, 2**15, 2**31, 2**32 - 1]) | st.integers(0, 4096))
        spoilt[at : at + 4] = word.to_bytes(4, sys.byteorder)
    records(taken(bytes(100 * 16) + spoilt + bytes(1600), 1600, size))


@pytest.mark.parametrize(("begin", "size"), [(-1, 64), (SIZE - 63, 64), (0, 47), (0, SIZE + 1)])
def test_a_block_that_is_not_in_its_ring_is_refused(begin, size):
    for module in (blocks, uncompiled()):
        with pytest.raises(ValueError, match="lies within"):
            module.take(bytearray(SIZE), begin, size, bytearray(64))
