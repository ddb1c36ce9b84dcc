"""What is open at the end of an interval is kept as bytes, and comes to flows when nothing follows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.capture import Conversations
from collectors.learning.still_open import StillOpen, concluded, read_open, stored
from tests.collectors.capture.frames import EPOCH, SYN, A, B, tcp
from tests.collectors.capture.test_keeping import HANDSHAKE, count

OPENS = st.builds(
    StillOpen,
    st.sampled_from(["packets", "log"]),
    st.text(max_size=9),
    st.binary(max_size=20),
    st.booleans(),
    st.text(max_size=9),
)


@given(st.lists(OPENS, max_size=4, unique_by=lambda one: one.key))
def test_bytes_and_back_are_the_same(opens):
    assert read_open(stored(opens)) == {one.key: one for one in opens}


@given(st.binary(max_size=60))
def test_bytes_that_are_none_are_left_out(content):
    assert read_open({"0": content}) == {}
    assert concluded({"0": content}).flows.empty


@pytest.mark.parametrize("filtered", [False, True])
def test_open_conversations_come_to_flows_without_sums_where_packets_were_left_out(filtered):
    conversations = Conversations()
    conversations.begin_source("eth0")
    count(conversations, [(EPOCH * 10**9, tcp(A, 1, B, 2, SYN)), *((EPOCH * 10**9, data) for data in HANDSHAKE)])
    kept = StillOpen("packets", "eth0", conversations.kept(), filtered)
    flows = concluded(stored([kept])).flows
    assert sorted(flows["outcome"]) == ["established", "unanswered"]
    assert set(flows["source"]) == {"eth0"}
    assert flows["packets"].isna().all() == filtered


def test_what_is_damaged_within_comes_to_nothing():
    assert concluded(stored([StillOpen("packets", "a", b"x"), StillOpen("log", "a", b"x")])).flows.empty
