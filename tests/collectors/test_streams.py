"""Compressed streams read as their content; damage ends them and is remembered."""

import gzip
import io

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.streams import Content

DATA = bytes(range(256)) * 500
COMPRESS = {"gzip": lambda data: gzip.compress(data, mtime=0), "zstd": zstandard.compress}


@pytest.mark.parametrize("kind", COMPRESS)
@pytest.mark.parametrize("data", [b"", b"x", DATA], ids=["empty", "byte", "many"])
def test_content_is_read_whatever_way_it_is_compressed(kind, data):
    compressed = COMPRESS[kind](data)
    for stream in (compressed, compressed + compressed[:0], COMPRESS["gzip"](compressed)):
        content = Content(io.BytesIO(stream))
        assert content.head == data[: len(content.head)]
        assert content.read() == data
        assert content.faults == []


def test_plain_content_is_itself():
    content = Content(io.BytesIO(DATA))
    assert content.read() == DATA


@pytest.mark.parametrize("kind", COMPRESS)
def test_members_that_follow_each_other_are_one_and_padding_is_none(kind):
    stream = COMPRESS[kind](b"one") + COMPRESS[kind](b"two") + bytes(700)
    content = Content(io.BytesIO(stream))
    assert content.read() == b"onetwo"
    assert content.faults == []


@pytest.mark.parametrize("kind", COMPRESS)
def test_what_follows_is_not_read_and_said(kind):
    content = Content(io.BytesIO(COMPRESS[kind](b"one") + b"trailer"))
    assert content.read() == b"one"
    assert "something else follows" in content.faults[0]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(COMPRESS)), st.data())
def test_a_cut_stream_gives_a_beginning_and_a_fault(kind, data):
    compressed = COMPRESS[kind](DATA)
    cut = data.draw(st.integers(4, len(compressed) - 1))
    content = Content(io.BytesIO(compressed[:cut]))
    assert DATA.startswith(content.read())
    assert content.faults == [f"the {kind} stream is cut"]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(COMPRESS)), st.data())
def test_damage_never_raises(kind, data):
    compressed = bytearray(COMPRESS[kind](DATA))
    compressed[data.draw(st.integers(0, len(compressed) - 1))] ^= data.draw(st.integers(1, 255))
    Content(io.BytesIO(bytes(compressed))).read()


def test_a_bomb_is_read_in_bounded_pieces():
    content = Content(io.BytesIO(zstandard.compress(bytes(1 << 28))))
    largest = 0
    while content.read(1 << 20):
        largest = max(largest, len(content._layers[0]._content))
    assert largest < 1 << 26
