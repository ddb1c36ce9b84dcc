"""The beginning of a stream can be looked at, and the stream still has it."""

import io
from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from collectors.formats.heads import peek
from tests.collectors.formats.streams import Dribble


@given(st.binary(max_size=40), st.integers(1, 50), st.integers(1, 9), st.lists(st.integers(0, 9), max_size=9))
def test_what_was_looked_at_is_read_again(content, size, piece, reads):
    head, stream = peek(Dribble(content, piece), size)
    assert head == content[:size] or (content.startswith(head) and head.endswith(b"\n"))
    read = b"".join(stream.read(count) for count in reads)
    assert content.startswith(read)
    assert read + stream.read() == content


def test_lines_of_a_stream_that_is_still_written_are_looked_at_without_waiting_for_more():
    written = iter([b"\n", b"one\ntw", b"o\n"])
    head, _ = peek(SimpleNamespace(read=lambda _: next(written)), 50)
    assert head == b"\none\ntwo\n"


def test_a_stream_that_has_ended_gives_nothing():
    head, stream = peek(io.BytesIO(b"ab"))
    assert (head, stream.read(9), stream.read(9), stream.read()) == (b"ab", b"ab", b"", b"")
