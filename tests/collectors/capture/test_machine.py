"""Words are read in the byte order that is asked for, wherever they lie."""

from hypothesis import given
from hypothesis import strategies as st

from collectors.capture.machine import big16, big32, low32, prefetch, word, wrapped

BYTES = st.binary(min_size=8, max_size=8)


@given(BYTES, st.integers(0, 4))
def test_words_are_read_as_python_reads_them(data, at):
    assert big16(data, at) == int.from_bytes(data[at : at + 2], "big")
    assert big32(data, at) == int.from_bytes(data[at : at + 4], "big")
    assert word(data, at, swapped=False) == int.from_bytes(data[at : at + 4], "little")
    assert word(data, at, swapped=True) == int.from_bytes(data[at : at + 4], "big")


@given(st.integers(-(2**70), 2**70))
def test_numbers_are_cut_as_the_processor_cuts_them(x):
    assert wrapped(x) == x % 2**64
    assert low32(x) == x % 2**32
    assert prefetch(x) is None
