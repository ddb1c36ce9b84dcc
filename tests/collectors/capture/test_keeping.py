"""Open conversations outlive their program: told in parts and taken up again, they give what one reading gives."""

import struct
from array import array

import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.capture import Conversations, layout
from collectors.capture.keeping import keep, kept
from collectors.observation import compact, concat_flows
from tests.collectors.capture.frames import ACK, EPOCH, FIN_ACK, PUSH_ACK, SYN, SYN_ACK, A, B, tcp
from tests.collectors.capture.traffic import packets

STEPS = st.sampled_from([0.0, 0.001, 0.5, 5.0, 31.0, 60.0, 75.0, 200.0, 301.0, 3700.0, 7441.0])
PARTS = st.lists(st.lists(st.tuples(STEPS, packets()), max_size=6), max_size=8)
THERE, BACK = (A, 40000, B, 80), (B, 80, A, 40000)
HANDSHAKE = [tcp(*THERE, SYN, seq=100), tcp(*BACK, SYN_ACK, ack=101, seq=7), tcp(*THERE, ACK, seq=101, ack=8)]


def begun():
    conversations = Conversations()
    conversations.begin_source("x")
    return conversations


def count(conversations, timed):
    """Count raw IP packets, each with its time in ns."""
    record = b"".join(struct.pack("<QIIQQ", time, 101, 0, len(data), len(data)) + data for time, data in timed)
    conversations.consume(bytearray(record), 0, len(record), 3, False, 0, array("Q", bytes(32)))


def told(flows):
    """Return flows as one table, those without a known initiator with their ends in order."""
    flows = flows.astype({"src": str, "dst": str})
    turned = (flows["orientation"] == "unknown") & (flows["src"] > flows["dst"])
    loose = flows["orientation"] == "unknown"
    plain = flows.assign(
        src=flows["src"].where(~turned, flows["dst"]),
        dst=flows["dst"].where(~turned, flows["src"]),
        dst_port=flows["dst_port"].where(~loose, 0),
        **{name: flows[name].where(~loose, 0) for name in ("packets", "bytes", "reply_packets", "reply_bytes")},
    )
    columns = [
        "src",
        "dst",
        "dst_port",
        "protocol",
        "orientation",
        "outcome",
        "connections",
        "packets",
        "reply_packets",
    ]
    return sorted(tuple(map(str, row)) for row in plain[columns].itertuples(index=False))


@settings(max_examples=150)
@given(PARTS, st.booleans())
def test_told_in_parts_and_taken_up_anew_a_capture_gives_the_same_flows(parts, again):
    whole, one, flows, time = begun(), begun(), [], EPOCH * 10**9
    for part in parts:
        timed = []
        for step, data in part:
            time += round(step * 10**9)
            timed.append((time, data))
        count(whole, timed)
        count(one, timed)
        flows.append(one.settled(time))
        if again:
            content, one = one.kept(), begun()
            assert one.restore(content)
    flows.append(one.finish())
    assert told(compact(concat_flows(flows))) == told(compact(whole.finish()))


def test_what_is_established_is_told_at_once_and_goes_on():
    conversations, time = begun(), EPOCH * 10**9
    count(conversations, [(time, data) for data in HANDSHAKE])
    first = conversations.settled(time)
    assert first[["outcome", "orientation", "connections"]].iloc[0].tolist() == ["established", "handshake", 1]
    other = begun()
    assert other.restore(conversations.kept())
    count(other, [(time + 1, tcp(*THERE, PUSH_ACK, b"q", 101, 8)), (time + 2, tcp(*THERE, FIN_ACK, b"", 102, 8))])
    second = other.settled(time + 2)
    assert second[["src", "dst_port", "orientation", "connections"]].iloc[0].tolist() == [A, 80, "handshake", 0]


def test_an_attempt_is_told_when_it_is_over_and_not_before():
    conversations, time = begun(), EPOCH * 10**9
    count(conversations, [(time, HANDSHAKE[0])])
    assert conversations.settled(time + 299 * 10**9).empty
    assert conversations.settled(time + 301 * 10**9)["outcome"].tolist() == ["unanswered"]
    assert len(conversations) == 0


def test_memory_does_not_grow_with_restarts():
    conversations, time = begun(), EPOCH * 10**9
    sizes = set()
    for turn in range(20):
        count(conversations, [(time + 61 * 10**9 * turn, HANDSHAKE[0])])
        conversations.settled(time)
        content, conversations = conversations.kept(), begun()
        assert conversations.restore(content)
        count(conversations, [(time + 61 * 10**9 * turn, data) for data in HANDSHAKE])
        conversations.settled(time)
        sizes.add(len(kept(conversations.kept())[1]) // layout.PIECE_WORDS)
    assert max(sizes) <= 3


@given(st.binary(max_size=200))
def test_bytes_that_are_none_are_not_believed(content):
    assert not begun().restore(content)
    assert not begun().restore(zstandard.compress(content))


@given(st.integers(0, 5), st.integers(0, layout.CONVERSATION_WORDS + layout.PIECE_WORDS - 1), st.integers(0, 9))
def test_numbers_that_point_astray_are_not_believed_or_harmless(waiting, at, value):
    words = np.zeros(layout.CONVERSATION_WORDS + layout.PIECE_WORDS, dtype=np.uint64)
    words[layout.WAITING] = waiting
    words[at] = value
    ends, pieces = words[: layout.CONVERSATION_WORDS].copy(), words[layout.CONVERSATION_WORDS :].copy()
    conversations = begun()
    believed = conversations.restore(keep(ends.data, pieces.data))
    assert believed == (ends[layout.WAITING] in (0, 1) and (ends[layout.WAITING] == 0 or pieces[9] == 0))
    conversations.finish()


@pytest.mark.parametrize("cut", [0, 1, 20, -1])
def test_a_cut_file_is_not_believed(cut):
    conversations = begun()
    count(conversations, [(EPOCH * 10**9, data) for data in HANDSHAKE])
    assert not begun().restore(conversations.kept()[:cut])
