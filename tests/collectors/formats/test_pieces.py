"""A stream of pieces gives all bytes in order, however they are asked for."""

from hypothesis import given
from hypothesis import strategies as st

from collectors.formats.pieces import stream_of

PIECES = st.lists(st.binary(max_size=9), max_size=9)


@given(PIECES, st.integers(1, 20))
def test_bytes_come_in_order_and_as_many_as_asked_for(pieces, size):
    stream, whole = stream_of(filter(None, pieces)), b"".join(pieces)
    read = list(iter(lambda: stream.read(size), b""))
    assert b"".join(read) == whole
    assert all(len(piece) == size for piece in read[:-1])


@given(PIECES, PIECES)
def test_nothing_is_held_back_for_what_is_long_in_coming(before, after):
    whole, more = b"".join(before), b"".join(after)
    stream = stream_of(iter([*filter(None, before), b"", *filter(None, after)]))
    assert stream.read(99) == (whole or more)
    assert stream.read(99) == (more if whole else b"")


@given(PIECES, st.integers(0, 20))
def test_the_rest_is_what_was_not_asked_for(pieces, size):
    stream, whole = stream_of(iter(pieces)), b"".join(pieces)
    assert stream.read(size) + stream.read() == whole
    assert stream.read() == stream.read(5) == b""
