"""A stream is its lines, however it comes in pieces, and a line too long for memory is one fault."""

import io
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.formats import lines
from collectors.formats.lines import Line, blocks, stretches, whole_lines
from tests.collectors.formats.streams import Dribble

TEXTS = st.lists(st.sampled_from([b"a", b"bc" * 9, b" ", b"\t", b"\r", b"\n", b"\n", b"\xff", b'"'])).map(b"".join)


@contextmanager
def small(longest=1 << 24):
    """Let blocks be small."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "BLOCK", 8)
        patch.setattr(lines, "LONGEST", longest)
        patch.setattr(lines, "MOST_LINES", 3)
        yield


def expected(text, longest=1 << 24):
    """Return the lines of a text, by Python's own means."""
    numbered = enumerate(text.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1)
    return [
        Line(number, b"", "longer than 16 MiB") if len(line) > longest else Line(number, line.removesuffix(b"\r"))
        for number, line in numbered
        if line.strip(b" \t\r")
    ]


class Plain:
    """A stream that can only read."""

    def __init__(self, content):
        self.read = io.BytesIO(content).read


@given(TEXTS, st.integers(1, 20), st.booleans())
def test_all_lines_come_in_order_whatever_pieces_the_stream_gives(text, piece, marked):
    text = b"\xef\xbb\xbf" * marked + text
    for stream in (Dribble(text, piece), io.BytesIO(text), Plain(text)):
        with small():
            assert [line for some in blocks(stream) for line in some] == expected(text)


@given(st.lists(st.integers(0, 70)), st.booleans())
def test_a_line_that_is_too_long_is_one_fault_and_the_others_are_read(sizes, ended):
    text = b"\n".join(b"x" * size for size in sizes) + b"\n" * ended
    with small(longest=20):
        assert [line for some in blocks(io.BytesIO(text)) for line in some] == expected(text, longest=20)


@given(TEXTS)
def test_stretches_hold_whole_lines_not_too_many_and_room_behind_them(text):
    with small():
        numbers = [1]
        for stretch in stretches(io.BytesIO(text)):
            held = bytes(stretch.text[stretch.start : stretch.end])
            assert held.endswith(b"\n")
            assert held.count(b"\n") == stretch.lines <= 3
            assert len(stretch.text) >= stretch.end + 64
            assert stretch.number == numbers.pop()
            numbers.append(stretch.number + stretch.lines)
        assert numbers[0] - 1 == text.count(b"\n") + (not text.endswith(b"\n") and bool(text))


def test_whole_lines_are_bytes_of_their_own():
    with small(longest=20):
        assert list(whole_lines(io.BytesIO(b"a\n" + b"x" * 30 + b"\nb"))) == [(1, b"a\n"), (2, None), (3, b"b\n")]


def test_so_many_lines_come_at_once_whatever_their_length_but_no_more_bytes_than_a_block():
    for length, wanted in ((100, 32768), (400, 32768), (4000, lines.BLOCK // 4000)):
        text = (b"x" * (length - 1) + b"\n") * (3 * wanted)
        counts = [stretch.lines for stretch in stretches(io.BytesIO(text))]
        assert sum(counts) == 3 * wanted
        assert all(abs(count - wanted) <= 1 for count in counts[1:-1])
        assert len(counts) > 2
