"""read_flows: every packet of every input ends in a row or in the ledger, however the input comes or is damaged."""

import gzip
import io
import sys
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collectors import read_flows
from collectors.errors import UnreadableInput
from collectors.flows import FLOWS
from tests.collectors.capture.frames import (
    PUSH_ACK,
    A,
    B,
    C,
    ethernet,
    icmp,
    pcap,
    pcapng,
    sctp,
    session,
    tcp,
    timed,
    udp,
)

PACKETS = [
    *session(),
    udp(A, 5000, B, 53),
    udp(B, 53, A, 5000),
    icmp(A, B, 8),
    sctp(A, 9, B, 38412, 1),
    udp("fd00::1", 1, "fd00::2", 2),
    tcp(C, 40000, B, 80, PUSH_ACK, b"x" * 40),
    icmp(B, A, 3, 3, 0, udp(A, 6000, B, 54)),
    udp(A, 5353, "224.0.0.251", 5353),
]
FRAMES = timed([ethernet(packet) for packet in PACKETS] + [bytes(60)], step=7)
MAKERS = {"pcap": pcap, "pcapng": pcapng}


def balanced(observation):
    """Return whether rows and ledger are the packets that were read."""
    flows = observation.flows
    FLOWS.check(flows)
    counted = int(flows["packets"].sum() + flows["reply_packets"].sum())
    return counted + observation.ledger.packets_total() == sum(source.packets for source in observation.window.sources)


def write(path, content):
    path.write_bytes(content)
    return path


def same_flows(left, right):
    pd.testing.assert_frame_equal(left.flows.drop(columns="source"), right.flows.drop(columns="source"))
    return True


@pytest.fixture
def capture(tmp_path):
    return write(tmp_path / "x.pcap", pcap(FRAMES, link=1))


@pytest.mark.parametrize("make", MAKERS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_the_ledger_balances_also_when_the_capture_is_cut_at_any_byte(tmp_path, make, data):
    content = MAKERS[make](FRAMES, link=1)
    header = 28 if make == "pcapng" else 24
    cut = data.draw(st.integers(12, len(content)))
    observation = read_flows([write(tmp_path / "x", content[:cut])])
    assert balanced(observation)
    whole = read_flows([write(tmp_path / "x", content)])
    assert observation.window.sources[0].packets <= whole.window.sources[0].packets == len(FRAMES)
    if cut < header:
        assert observation.ledger.event_counts() == {"truncated": 1}


@pytest.mark.parametrize("make", MAKERS)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(flips=st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 255)), min_size=1, max_size=8))
def test_the_ledger_balances_also_when_bytes_are_changed(tmp_path, make, flips):
    content = bytearray(MAKERS[make](FRAMES, link=1))
    for position, change in flips:
        content[12 + position % (len(content) - 12)] ^= change
    assert balanced(read_flows([write(tmp_path / "x", bytes(content))]))


def test_every_container_shows_the_same(tmp_path, capture):
    expected = read_flows([capture])
    raw = pcap(FRAMES, link=1)
    forms = [
        pcap(FRAMES, order=">", link=1),
        pcap(FRAMES, magic=0xA1B23C4D, unit=10**9, link=1),
        pcapng(FRAMES, link=1),
        pcapng(FRAMES, order=">", link=1),
        gzip.compress(raw, mtime=0),
        zstandard.compress(raw),
    ]
    for number, content in enumerate(forms):
        observation = read_flows([write(tmp_path / f"form{number}.dat", content)])
        assert same_flows(observation, expected)
        assert observation.ledger.packet_counts() == expected.ledger.packet_counts()


def test_stdin_is_a_dash(monkeypatch, capture):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(capture.read_bytes())))
    observation = read_flows(["-"])
    assert same_flows(observation, read_flows([capture]))
    assert set(observation.flows["source"]) == {"stdin"}


def test_an_empty_capture_is_an_empty_observation(tmp_path):
    observation = read_flows([write(tmp_path / "x", pcap([]))])
    FLOWS.check(observation.flows)
    assert observation.flows.empty
    assert observation.window.start is None
    assert observation.window.sources[0].packets == 0


def test_a_cut_capture_names_file_and_offset(tmp_path, capture):
    cut = write(tmp_path / "cut.pcap", capture.read_bytes()[:-1])
    sample = read_flows([cut]).ledger.samples("truncated")[0]
    assert sample.source == "cut.pcap"
    assert f"byte {sample.position}" in sample.text


def test_a_cut_gzip_file_counts_as_far_as_it_goes_and_says_so(tmp_path, capture):
    path = write(tmp_path / "x.gz", gzip.compress(capture.read_bytes())[:-30])
    observation = read_flows([path])
    assert balanced(observation)
    assert any("gzip stream is cut" in sample.text for sample in observation.ledger.samples("truncated"))


def test_what_cannot_be_read_is_one_sentence(tmp_path):
    write(tmp_path / "empty.pcap", b"")
    write(tmp_path / "text.pcap", b"hello, world")
    write(tmp_path / "empty.gz", gzip.compress(b""))
    (tmp_path / "folder").mkdir()
    cases = {
        "missing.pcap": "does not exist",
        "empty.pcap": "is empty",
        "empty.gz": "is empty",
        "text.pcap": "is no capture and no flow log that is known by its beginning: tried pcap, pcapng, hubble",
        "folder": "holds no capture and no flow log among 0 files",
    }
    for name, message in cases.items():
        with pytest.raises(UnreadableInput, match=message) as fault:
            read_flows([tmp_path / name])
        assert str(tmp_path / name) in str(fault.value)


def test_a_file_without_permission_is_one_sentence(capture, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(capture), "open", refuse)
    with pytest.raises(UnreadableInput, match=r"x\.pcap cannot be opened \(permission denied\): make it readable"):
        read_flows([capture])


def test_a_format_that_is_asked_for_must_be_there(capture):
    assert balanced(read_flows([capture], format="pcap"))
    with pytest.raises(UnreadableInput, match="is no pcapng"):
        read_flows([capture], format="pcapng")
    with pytest.raises(UnreadableInput, match="use one of pcap, pcapng"):
        read_flows([capture], format="csv")


def test_a_folder_is_its_captures_and_a_file_is_read_once(tmp_path, capture):
    write(tmp_path / "README.md", b"not a capture")
    write(tmp_path / ".hidden.pcap", capture.read_bytes())
    (tmp_path / "below").mkdir()
    write(tmp_path / "below" / "y.pcap", pcap(timed([udp(C, 1, B, 2)])))
    observation = read_flows([tmp_path, capture, tmp_path / "below" / ".." / "x.pcap"])
    assert [source.name for source in observation.window.sources] == ["x.pcap", "y.pcap"]
    assert balanced(observation)


def test_sources_are_named_by_as_much_of_the_path_as_tells_them_apart(tmp_path):
    for node in ("node1", "node2"):
        (tmp_path / node).mkdir()
        write(tmp_path / node / "x.pcap", pcap(timed([udp(A, 1, B, 2)])))
    observation = read_flows([tmp_path])
    assert [source.name for source in observation.window.sources] == ["node1/x.pcap", "node2/x.pcap"]
    assert set(observation.flows["source"]) == {"node1/x.pcap", "node2/x.pcap"}


def test_a_conversation_goes_on_in_the_next_rotated_capture(tmp_path):
    frames = timed(session(), step=0.1)
    # Named so that the order of names is not the order of time.
    write(tmp_path / "dump.pcap10", pcap(frames[:3]))
    write(tmp_path / "dump.pcap2", pcap(frames[3:]))
    observation = read_flows([tmp_path])
    assert set(observation.flows["orientation"]) == {"handshake"}
    assert list(observation.flows["connections"]) == [1, 0]
    assert list(observation.flows["source"]) == ["dump.pcap10", "dump.pcap2"]


def test_captures_of_the_same_time_are_not_one_rotated_capture(tmp_path):
    write(tmp_path / "node1.pcap", pcap(timed([udp(A, 1, B, 2)] * 2)))
    write(tmp_path / "node2.pcap", pcap(timed([udp(A, 1, B, 2)] * 2)))
    assert int(read_flows([tmp_path]).flows["connections"].sum()) == 2


def test_the_order_of_inputs_changes_nothing(tmp_path, capture):
    other = write(tmp_path / "other.pcapng", pcapng(timed([udp(C, 1, B, 2)])))
    one, two = read_flows([capture, other]), read_flows([other, capture])
    pd.testing.assert_frame_equal(one.flows, two.flows)
    assert (one.window, one.ledger) == (two.window, two.ledger)


def test_one_capture_by_two_threads_is_one_capture(tmp_path):
    """Compressed too, where there are no two halves to read."""
    sample = (Path(__file__).parents[2] / "sample_captures" / "shop.pcap").read_bytes()
    (tmp_path / "shop.pcap").write_bytes(sample)
    (tmp_path / "shop.pcap.gz").write_bytes(gzip.compress(sample, mtime=0))
    for name in ("shop.pcap", "shop.pcap.gz"):
        one, two = (read_flows([tmp_path / name], workers=workers) for workers in (1, 2))
        pd.testing.assert_frame_equal(one.flows, two.flows)
        pd.testing.assert_frame_equal(one.names, two.names)
        assert (one.window, one.ledger) == (two.window, two.ledger)
        assert len(one.flows)
        assert len(one.names)
