"""Two threads on one capture: the same flows, ledger and names as one, whatever the rings hold; faults surface."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from collectors.capture import Conversations, ahead, pump, read_capture
from collectors.capture.names import NameReader
from collectors.ledger import LedgerWriter
from tests.collectors.capture.frames import A, B, pcap, udp
from tests.collectors.capture.modes import Dribble, fenced, read
from tests.collectors.capture.test_kernel import SUITE
from tests.collectors.capture.traffic import as_pcap, as_pcapng, sequences


def alike(captures, module, **options):
    one = read(captures, module, **options)
    two = read(captures, module, threads=2, **options)
    assert_frame_equal(one[0], two[0])
    assert one[1:] == two[1:]


@SUITE
@given(sequences(60), st.sampled_from([1, 2, 3, 4096]), st.integers(1, 400), st.sets(st.integers(0, 60), max_size=3))
def test_two_threads_read_what_one_reads(sequence, room, piece, odd):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ahead, "PACKETS", room)
        alike([as_pcap(sequence), as_pcapng(sequence, odd=odd)], ahead.kernel, piece=piece)


@SUITE
@given(sequences(10), st.sampled_from([1, 2]))
def test_two_threads_stay_within_their_arrays(sequence, room):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ahead, "PACKETS", room)
        alike([as_pcap(sequence)], fenced(), piece=100)


def test_a_buffer_is_filled_again_only_when_its_packets_are_counted(monkeypatch):
    """DNS answers of more than the buffers hold: their bytes are read where they lie, by the other thread."""
    answers = [
        (number / 1e4, udp(A, 53, B, 40000, answer(number)))  # as A is the server
        for number in range(5_000)
    ]
    monkeypatch.setattr(pump, "_SIZE", 8192)
    told = []
    for two in (False, True):
        reader = NameReader()
        read_capture(Dribble(pcap(answers), 1 << 20), "x", Conversations(), LedgerWriter(), reader, ahead=two)
        told.append(reader.finish("x"))
    assert_frame_equal(*told)
    assert len(told[0]) == 1000


def answer(number):
    name = b"\x07host" + f"{number % 1000:03}".encode() + b"\x07example\0"
    record = b"\xc0\x0c" + bytes([0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 9, number % 1000 // 250, number % 250])
    return number.to_bytes(4, "big")[2:] + b"\x81\x80\0\1\0\1\0\0\0\0" + name + b"\0\1\0\1" + record


def test_a_fault_of_the_thread_that_counts_is_raised(monkeypatch):
    def fail(*_):
        raise MemoryError("no room")

    conversations = Conversations()
    monkeypatch.setattr(conversations, "count", fail)
    content = pcap([(number / 1e3, udp(A, number % 5, B, 80, b"x")) for number in range(50_000)])
    with pytest.raises(MemoryError, match="no room"):
        read_capture(Dribble(content, 1 << 20), "x", conversations, LedgerWriter(), ahead=True)
    assert not [thread for thread in threading.enumerate() if thread.name == "podfence counts"]


class Breaking(Dribble):
    """A disk that fails after a while."""

    def readinto(self, buffer):
        """Fill a part of the buffer, or fail."""
        if self._content.tell() > 3 << 20:
            raise OSError(5, "Input/output error")
        return super().readinto(buffer)


def test_a_fault_of_the_stream_ends_both_threads():
    content = pcap([(number / 1e3, udp(A, number % 5, B, 80, bytes(500))) for number in range(9_000)])
    with pytest.raises(OSError, match="Input/output"):
        read_capture(Breaking(content, 1 << 20), "x", Conversations(), LedgerWriter(), ahead=True)
    assert not [thread for thread in threading.enumerate() if thread.name == "podfence counts"]
