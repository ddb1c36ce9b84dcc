"""What is read of a log that grows and is rotated is every whole line, once, in order."""

import gzip
import json
import os
import threading
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors import following
from collectors.errors import UnreadableInput
from collectors.following import QUIET, Followed, Position
from tests.collectors.logs_written import Written, nothing, stepping

TEXTS = st.lists(st.sampled_from([b"a", b"bc", b"\n", b"d\ne\n", b"f" * 300 + b"\n"]), max_size=6).map(b"".join)


def read(path, steps, position=None):
    """Return all that is read while these steps are done one after the other, and the stream."""
    stream = Followed(path, stepping(steps), position, pause=0)
    with stream:
        text = stream.readall()
        return text, stream.position, stream.losses()


def whole(text):
    """Return a text up to its last line end."""
    return text[: text.rfind(b"\n") + 1]


def ended(text):
    """Return a text with an end of its last line."""
    return text if not text or text.endswith(b"\n") else text + b"\n"


class Rotating:
    """A log written in generations, and the text that its reader must get."""

    def __init__(self, log):
        self.log = log
        self.before, self.text = b"", b""
        self.renamed = None

    def steps(self, actions):
        """Return what is to be done."""
        return [partial(self.do, *action) for action in actions]

    def do(self, what, text):
        """Write, or rotate by renaming; "late": what is written after that still goes to the renamed file."""
        if what == "write":
            self.log.write(text)
            self.text += text
            return
        if not self.log.path.exists():
            return
        name = self.log.rename()
        if what == "late":
            self.log.write(text, name)
            self.text += text
            text = b""
        self.log.write(text)
        self.before, self.text = self.before + ended(self.text), text


ACTIONS = st.lists(st.tuples(st.sampled_from(["write", "write", "write", "rename", "late"]), TEXTS), max_size=12)


@settings(deadline=None)
@given(ACTIONS)
def test_however_a_log_grows_and_is_renamed_every_whole_line_is_read_once_in_order(actions):
    with TemporaryDirectory() as folder:
        rotating = Rotating(Written(Path(folder) / "flows.log"))
        text, _, losses = read(rotating.log.path, rotating.steps(actions))
        assert text == rotating.before + whole(rotating.text)
        assert losses == []


@settings(deadline=None)
@given(st.lists(st.tuples(ACTIONS, ACTIONS), max_size=4))
def test_from_its_position_reading_goes_on_as_if_it_had_never_stopped(sessions):
    with TemporaryDirectory() as folder:
        rotating = Rotating(Written(Path(folder) / "flows.log"))
        position, parts = None, []
        for away, present in sessions:
            for step in rotating.steps(away if position else []):
                step()
            text, position, losses = read(rotating.log.path, rotating.steps(present), position)
            parts.append(text)
            assert losses == []
            position = position and Position.from_json(json.loads(json.dumps(position.to_json())))
        assert b"".join(parts) == rotating.before + whole(rotating.text)


def test_a_line_is_there_as_soon_as_it_is_written(tmp_path):
    path, stop, read_all = tmp_path / "flows.log", threading.Event(), []
    stream = Followed(path, stop.is_set, pause=0.001)
    with stream:
        for text in (b"one\n", b"two\n"):
            writer = threading.Timer(0.02, partial(Written(path).write, text))
            writer.start()
            read_all.append(stream.read(99))
            writer.join()
        stop.set()
        assert [*read_all, stream.read(99)] == [b"one\n", b"two\n", b""]


def test_what_is_read_in_small_pieces_has_a_position_in_whole_lines(tmp_path):
    path = tmp_path / "flows.log"
    path.write_bytes(b"one\ntwo\nthree\nfo")
    with Followed(path, lambda: True) as stream:
        places = [(stream.read(3), stream.position.offset) for _ in range(6)]
    assert stream.position.offset == 14
    assert places == [(b"one", 0), (b"\ntw", 4), (b"o\nt", 8), (b"hre", 8), (b"e\n", 14), (b"", 14)]


def test_a_renamed_log_is_read_as_long_as_it_gives_something(tmp_path):
    log = Written(tmp_path / "flows.log")
    log.write(b"1\n")
    rotated = []
    steps = [nothing, lambda: rotated.append(log.rename()), lambda: log.write(b"9\n")]
    for text in (b"2\n", b"3\n"):
        steps += [*[nothing] * (QUIET - 1), lambda text=text: log.write(text, rotated[0])]
    assert read(log.path, steps)[0] == b"1\n2\n3\n9\n"


def test_what_comes_later_to_a_renamed_log_is_read_after_the_log_that_followed_it(tmp_path):
    log = Written(tmp_path / "flows.log")
    log.write(b"1\n")
    rotated = []
    steps = [nothing, lambda: rotated.append(log.rename()), lambda: log.write(b"2\n"), *[nothing] * (QUIET + 2)]
    steps += [lambda: log.write(b"3\n", rotated[0]), nothing, log.rename, lambda: log.write(b"4\n")]
    assert read(log.path, steps)[0] == b"1\n2\n3\n4\n"


@pytest.mark.parametrize("present", [True, False], ids=["while it is read", "while nobody reads"])
def test_of_a_log_that_was_copied_and_cut_the_rest_is_read_from_the_copy(tmp_path, present):
    log = Written(tmp_path / "flows.log")
    log.write(b"1\n2")
    before, position, _ = read(log.path, [nothing])
    steps = [partial(log.write, b"2\n3\n"), log.copy_and_cut, partial(log.write, b"4\n")]
    if present:
        # all of it between two looks
        text, _, losses = read(log.path, [nothing, nothing, lambda: [step() for step in steps]])
    else:
        for step in steps:
            step()
        rest, _, losses = read(log.path, [], position)
        text = before + rest
    assert text == b"1\n22\n3\n4\n"
    assert [("copied and cut" in loss, str(log.path.name) in loss) for loss in losses] == [(True, True)] * present


def test_of_a_log_that_was_cut_without_a_copy_it_is_said_that_lines_may_be_lost(tmp_path):
    log = Written(tmp_path / "flows.log")
    log.write(b"1\n2")
    steps = [nothing, nothing, lambda: os.truncate(log.path, 0), lambda: log.write(b"3\n")]
    text, position, losses = read(log.path, steps)
    assert (text, position.offset) == (b"1\n3\n", 2)
    assert losses == [f"{log.path}: it was cut and begins anew: lines that were written shortly before may be lost."]


def test_a_log_that_was_cut_and_is_longer_than_before_at_the_next_look_is_read_from_its_beginning(tmp_path):
    log = Written(tmp_path / "flows.log")
    log.write(b"1\n")

    def cut():
        os.truncate(log.path, 0)
        log.write(b"2\n3\n")

    text, _, losses = read(log.path, [nothing, nothing, cut])
    assert text == b"1\n2\n3\n"
    assert len(losses) == 1


def test_a_log_that_vanishes_is_waited_for(tmp_path):
    log = Written(tmp_path / "flows.log")
    steps = [nothing, partial(log.write, b"1\n"), nothing, log.path.unlink, nothing, partial(log.write, b"2\n")]
    assert read(log.path, steps)[0] == b"1\n2\n"
    assert read(tmp_path / "never.log", [nothing]) == (b"", None, [])


def test_a_link_is_followed_to_the_file_that_it_leads_to_next(tmp_path):
    first, second, link = Written(tmp_path / "0.log"), Written(tmp_path / "1.log"), tmp_path / "link.log"
    first.write(b"1\n")
    link.symlink_to(first.path)

    def turn():
        second.write(b"3\n")
        (tmp_path / "new").symlink_to(second.path)
        (tmp_path / "new").rename(link)

    steps = [nothing, turn, partial(first.write, b"2\n"), partial(second.write, b"4\n")]
    text, position, losses = read(link, steps)
    assert (text, losses) == (b"1\n2\n3\n4\n", [])
    second.write(b"5\n")
    assert read(link, [], position)[0] == b"5\n"


def test_a_rotated_log_that_is_compressed_cannot_be_gone_on_with_and_that_is_said(tmp_path):
    log = Written(tmp_path / "flows.log")
    log.write(b"1\n")
    _, position, _ = read(log.path, [nothing])
    name = log.rename()
    (tmp_path / f"{name.name}.gz").write_bytes(gzip.compress(name.read_bytes()))
    name.unlink()
    log.write(b"2\n")
    text, _, losses = read(log.path, [], position)
    assert text == b"2\n"
    gone = f"{log.path}: the file that was read up to byte 2 is gone (compressed, it may be one of {name.name}.gz)"
    behind = "and what was written behind that: reading begins with the file that is there now"
    assert losses == [f"{gone}, {behind}."]


def test_a_copy_is_only_gone_on_with_where_no_other_begins_alike(tmp_path):
    log = Written(tmp_path / "flows.log")
    log.write(b"name,value\n1\n")
    position = Position(1, 1, 13, read(log.path, [nothing])[1].head)
    log.write(b"2\n")
    assert read(log.path, [], position)[::2] == (b"2\n", [])
    log.copy_and_cut()
    log.write(b"name,value\n1\n3\n")
    text, _, losses = read(log.path, [], position)
    assert text == b"name,value\n1\n3\n"
    assert len(losses) == 1


def test_a_line_longer_than_the_longest_is_given_in_pieces_and_begun_again_after_a_restart(tmp_path, monkeypatch):
    monkeypatch.setattr(following, "LONGEST", 50)
    monkeypatch.setattr(following, "_PIECE", 20)
    log = Written(tmp_path / "flows.log")
    log.write(b"1\n" + b"x" * 99)
    text, position, _ = read(log.path, [])
    assert (len(text), position.offset) == (2 + 58, 2)
    log.write(b"y\n2\n")
    assert read(log.path, [], position)[0] == b"x" * 99 + b"y\n2\n"


@pytest.mark.parametrize("cut", [False, True], ids=["renamed", "cut"])
def test_pieces_of_a_long_line_do_not_run_into_the_next_file(tmp_path, monkeypatch, cut):
    monkeypatch.setattr(following, "LONGEST", 5)
    log = Written(tmp_path / "flows.log")
    log.write(b"x" * 9)
    steps = [nothing, nothing, lambda: os.truncate(log.path, 0) if cut else log.rename(), lambda: log.write(b"2\n")]
    text, position, _ = read(log.path, steps)
    assert (text, position.offset) == (b"x" * 9 + b"\n2\n", 2)


def test_what_is_no_file_is_refused_in_one_sentence(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(
            UnreadableInput, match=r"is no file that grows: name one, or pipe into `podfence learn -`\.$"
        ):
            read(path, [nothing])
    with pytest.raises(UnreadableInput, match=r"cannot be opened \(not a directory\): make it readable\.$"):
        read(tmp_path / "pipe" / "flows.log", [nothing])


@pytest.mark.parametrize("changed", [{"offset": -1}, {"inode": "7"}, {"head": "x"}, {"device": None}, {"head": None}])
def test_what_is_no_position_is_refused_in_one_sentence(tmp_path, changed):
    (tmp_path / "flows.log").write_bytes(b"1\n")
    document = read(tmp_path / "flows.log", [nothing])[1].to_json()
    with pytest.raises(
        UnreadableInput, match=r"is no position in a file: remove it to read the file from its beginning"
    ):
        Position.from_json(document | changed)
