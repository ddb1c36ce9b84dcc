"""Words and runs of bytes are what Python's own means say, wherever they lie."""

from hypothesis import given
from hypothesis import strategies as st

from collectors.formats import scan_words

BYTES = st.binary(min_size=80, max_size=80) | st.lists(
    st.sampled_from(b'ab ,\t\r\n"\\\x80\xff\x00'), min_size=80, max_size=80
).map(bytes)


@given(BYTES, st.integers(0, 70), st.integers(0, 10))
def test_words_are_read_the_least_significant_byte_first(data, at, size):
    assert scan_words.word64(data, at) == int.from_bytes(data[at : at + 8], "little")
    assert scan_words.head64(data, at, size) == int.from_bytes(data[at : at + min(size, 8)], "little")


@given(BYTES, st.integers(0, 40), st.integers(0, 40), st.integers(0, 40))
def test_bytes_are_copied_and_compared(data, at, place, size):
    other = bytearray(80)
    scan_words.copy(data, at, other, place, size)
    assert other == b"".join((bytes(place), data[at : at + size], bytes(80 - place - size)))
    assert scan_words.same(data, at, other, place, size)
    assert scan_words.same(data, at, data, place, size) == (data[at : at + size] == data[place : place + size])


@given(BYTES, st.integers(0, 16), st.sampled_from(b",\t "), st.sampled_from(b'"\n'))
def test_runs_end_where_they_should(data, at, separator, quote):
    data = data[:-1] + b"\n"
    where = range(at, 80)
    assert scan_words.plain_end(data, at) == next(n for n in where if data[n] in b'"\\' or not 32 <= data[n] < 128)
    assert scan_words.past_blanks(data, at) == next(n for n in where if data[n] not in b" \t\r")
    assert scan_words.line_end(data, at) == data.index(b"\n", at)
    assert scan_words.lines(data, at, 80) == data[at:].count(b"\n")
    marks = scan_words.marks(data, at, separator, quote)
    told = [at + n for n in range(64) if marks >> n & 1]
    assert told == [n for n in range(at, at + 64) if data[n] in {separator, quote, 10, 13} or data[n] > 127]
    assert not told or at + scan_words.lowest(marks) == told[0]
