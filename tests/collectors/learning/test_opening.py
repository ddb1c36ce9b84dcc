"""What a user names becomes a feed, or one sentence at once that says what is wrong with it."""

import gzip
import json
import os
import socket
import sys

import pytest
import zstandard

from collectors.errors import UnreadableInput
from collectors.learning.opening import Opening, _position, feeds_of
from collectors.learning.piped import Piped
from collectors.learning.still_open import StillOpen
from tests.collectors.learning.feeding import learnt, piped, span, until
from tests.recommender.learner import SAMPLES

CAPTURE, LOG = SAMPLES / "shop.pcap", SAMPLES / "logs" / "hubble.jsonl"


def feeds(*sources, interfaces=(), stopped=lambda: True, **options):
    found = feeds_of([str(source) for source in sources], interfaces, Opening(**options), stopped)
    for feed in found:
        feed.close()
    return found


@pytest.fixture
def stdin(monkeypatch):
    """A pipe that stands for stdin; what is written into."""
    with piped() as (stream, pipe), open(stream.fileno(), closefd=False) as text:
        monkeypatch.setattr(sys, "stdin", text)
        yield pipe


def test_a_file_is_one_feed_by_whatever_names_and_the_first_is_its(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    log = tmp_path / "a.log"
    log.write_bytes(LOG.read_bytes())
    (tmp_path / "link").symlink_to(log)
    (tmp_path / "b.log").write_bytes(b"")
    assert [feed.name for feed in feeds("a.log", "./a.log", log, "link", "b.log")] == ["a.log", "b.log"]


def test_a_file_that_is_not_there_yet_is_waited_for(tmp_path):
    (feed,) = feeds(tmp_path / "later.log")
    assert feed.keys == (f"log {tmp_path / 'later.log'}",)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (CAPTURE.read_bytes(), "is a capture: pipe it into `podfence learn -`"),
        (gzip.compress(b"x", mtime=0), "is compressed: follow the file that is still written"),
        (b"PAR1", "is a Parquet file"),
        (b'{\n  "flow": 1\n}\n', "is JSON over several lines"),
    ],
)
def test_a_file_that_cannot_be_followed_is_said_at_once(tmp_path, content, words):
    path = tmp_path / "some.log"
    path.write_bytes(content)
    with pytest.raises(UnreadableInput, match=words):
        feeds(path)


def test_what_is_no_file_is_said_at_once(tmp_path):
    with pytest.raises(UnreadableInput, match="is a folder"):
        feeds(tmp_path)
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(UnreadableInput, match="is no file that grows"):
        feeds(tmp_path / "fifo")


def test_a_name_that_is_no_text_becomes_one_that_a_store_can_hold(tmp_path):
    name = os.fsdecode(os.fsencode(tmp_path) + b"/\xff\x1b.log")
    (feed,) = feeds(name)
    assert feed.name == f"{tmp_path}/\\xff\x1b.log"


def test_an_address_that_is_taken_is_said_at_once():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"udp://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(UnreadableInput, match="cannot be listened at"):
            feeds(address)


def test_a_format_that_there_is_not_is_said():
    with pytest.raises(UnreadableInput, match="'nonsense' is no format that is read here"):
        feeds("-", format="nonsense")


def test_a_closed_stdin_is_said(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(UnreadableInput, match="stdin is closed"):
        feeds("-")


@pytest.mark.parametrize(
    ("content", "options", "words"),
    [
        (b"", {}, "stdin is empty"),
        (gzip.compress(CAPTURE.read_bytes(), mtime=0), {}, "is compressed: unpack it on the way"),
        (zstandard.compress(LOG.read_bytes()), {}, "is compressed: unpack it on the way"),
        (gzip.compress(b"x", mtime=0), {"format": "pcap"}, "is compressed: unpack it on the way"),
        (b"nonsense\n" * 9000, {}, "stdin is no capture and no flow log"),
        (LOG.read_bytes(), {"format": "pcap"}, "stdin is no pcap"),
    ],
)
def test_a_pipe_that_carries_nothing_of_use_is_said_at_once(stdin, content, options, words):
    stdin.write(content[: 1 << 16])  # all that a pipe holds
    if not content.startswith(b"nonsense"):
        stdin.close()
    with pytest.raises(UnreadableInput, match=words):
        feeds("-", stopped=lambda: False, **options)


@pytest.mark.parametrize(("path", "kind"), [(CAPTURE, "live"), (LOG, "hubble")])
def test_what_a_pipe_carries_is_told_by_its_first_bytes_however_late_they_come(path, kind):
    content = path.read_bytes()
    with piped() as (stream, pipe):
        feed = Piped(stream, None, None, lambda: False)
        assert not feed.ended
        feed.begin()
        assert feed.tell(span()).observation.window.sources == ()
        for piece in (content[:3], content[3:30], content[30:60_000]):
            pipe.write(piece)
            feed.wait(0.05)
        pipe.close()
        until(lambda: feed.wait(0.01) or feed.ended)
        told = feed.tell(span())
    assert [source.kind for source in told.observation.window.sources] == [kind]
    assert told.remarks == ("stdin has ended",)


def test_what_was_open_is_kept_while_nothing_comes_and_said_if_it_is_of_no_use():
    before = StillOpen("log", "stdin", b"of a log")
    with piped() as (stream, pipe):
        feed = Piped(stream, None, None, lambda: False)
        assert feed.resume(before)
        feed.begin()
        assert feed.tell(span()).still_open == before
        pipe.write(CAPTURE.read_bytes()[:50_000])
        pipe.close()
        until(lambda: feed.wait(0.01) or feed.ended)
        assert feed.tell(span()).remarks[0] == "connections that were open of stdin are damaged or of another version"


def test_a_pipe_found_to_be_of_no_use_later_is_a_fault_told_once():
    with piped() as (stream, pipe):
        feed = Piped(stream, None, None, lambda: False)
        feed.begin()
        pipe.close()
        until(lambda: feed.ended)
    assert "stdin is empty" in feed.tell(span()).fault
    assert feed.tell(span(1)).fault == ""


def test_a_pipe_with_nothing_in_it_ends_by_a_stop_without_a_fault(tmp_path):
    stop = []
    with piped() as (stream, _):
        feed = Piped(stream, None, None, lambda: bool(stop))
        stop.append(1)
        told = learnt(tmp_path / "store", [feed], stopped=lambda: bool(stop))
    assert [interval.faults for interval in told] == [()]


@pytest.mark.parametrize("text", ["{", "[]", "{}", json.dumps({"device": -1, "inode": 0, "offset": 0, "head": "x"})])
def test_a_position_that_is_none_is_one_sentence(text):
    with pytest.raises(UnreadableInput, match="is no position in a file"):
        _position(text)
