"""A flow log that is followed says what it would say if it were read at once when it is done."""

import io
import threading
import time
from collections import Counter
from functools import partial
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.errors import UnreadableInput
from collectors.following_logs import UNKNOWN, FollowedLog, header_of
from collectors.formats import conntrack, zeek
from collectors.formats.columns import Numbers, Texts
from collectors.formats.mapping import document_mapping
from collectors.inputs import log_format
from tests.collectors.formats.samples import FOLDER, format_of, samples
from tests.collectors.logs_written import Written, nothing, stepping

MAPPING = document_mapping(yaml.safe_load((FOLDER / "generic.yaml").read_text(encoding="utf-8")))
WHOLE = {"PAR1": "Parquet", "{\n": "JSON over", "[\n": "JSON over", '{"to': "JSON over"}
"""How samples begin that are read as a whole or not at all, and the word for it."""


def whole_word(path):
    """Return the word for why a sample is refused; "" for one in lines."""
    head = path.read_bytes()[:4]
    if path.suffix == ".bin":
        return "export messages"
    return next((word for begin, word in WHOLE.items() if head.startswith(begin.encode())), "")


REMEMBERING = {"conntrack", "suricata", "netobserv"}
"""Formats of which some records only say what is new since an earlier one."""
LOGS = [path for path in samples() if path.suffix != ".yaml"]
LINES = [path for path in LOGS if not whole_word(path)]
each_in_lines = pytest.mark.parametrize("path", LINES, ids=[path.name for path in LINES])


def form_of(path):
    """Return the format of a sample, which knows what columns mean."""
    return log_format(format_of(path).NAME, MAPPING)


def follow(path, form, stopped, position=None):
    """Return a followed log."""
    only = form.NAME if form.NAME == "generic" else None
    return FollowedLog(path, stopped, position, only, MAPPING, pause=0)


def said(batches):
    """Return the records that batches have, in order, and how many of each kind are left out."""
    rows, left_out = [], Counter()
    for batch in batches:
        columns = [_values(column) for name, column in vars(batch.records).items() if name != "number"]
        rows += zip(*columns, strict=True)
        for item in batch.left_out:
            left_out[item.kind] += item.count
    return rows, left_out


def _values(column):
    """Return a column as a list, None where there is no value."""
    if isinstance(column, Texts):
        return [column.at(row) for row in range(len(column.codes))]
    if isinstance(column, Numbers):
        return [value if known else None for value, known in zip(column.values, column.known, strict=True)]
    return column.tolist()


def header_at(form, lines, at):
    """Return what a file must begin with that has the lines from one of them on."""
    begin = max((place for place in range(at + 1) if lines[place : place + 1] == lines[:1]), default=0)
    return header_of(form, b"".join(lines[begin:at]))


def at_once(form, text):
    """Return all that a text says."""
    return said(form.read(io.BytesIO(text)))


def size(batches):
    """Return how many records there are."""
    return sum(batch.size for batch in batches)


def said_of(log):
    """Return all that a followed log says."""
    return said(batch for batch, _ in log)


@each_in_lines
@settings(deadline=None, max_examples=8)
@given(st.data())
def test_however_it_grows_a_followed_log_says_what_it_says_at_once(path, data):
    text, form = path.read_bytes(), form_of(path)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(text) - 1), max_size=9)))
    with TemporaryDirectory() as folder:
        log = Written(Path(folder) / "flows.log")
        steps = [partial(log.write, text[start:end]) for start, end in pairwise([0, *cuts, len(text)])]
        assert said_of(follow(log.path, form, stepping(steps))) == at_once(form, text)


@each_in_lines
@settings(deadline=None, max_examples=6)
@given(st.data())
def test_rotated_between_any_lines_a_followed_log_says_what_it_says_at_once(path, data):
    """A file that begins anew has the header that the one before it had."""
    lines, form = path.read_bytes().splitlines(keepends=True), form_of(path)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(lines)), min_size=1, max_size=4)))
    with TemporaryDirectory() as folder:
        log = Written(Path(folder) / "flows.log")
        steps = [partial(log.write, b"".join(lines[: cuts[0]])), nothing]
        for start, end in pairwise([*cuts, len(lines)]):
            steps += [log.rename, partial(log.write, header_at(form, lines, start) + b"".join(lines[start:end]))]
        assert said_of(follow(log.path, form, stepping(steps))) == at_once(form, b"".join(lines))


@each_in_lines
def test_from_each_position_on_a_log_says_what_was_not_said_yet(path, tmp_path):
    lines, form = path.read_bytes().splitlines(keepends=True), form_of(path)
    log = Written(tmp_path / "flows.log")
    steps = [partial(log.write, b"".join(lines[start : start + 5])) for start in range(0, len(lines), 5)]
    batches = list(follow(log.path, form, stepping(steps)))
    whole = at_once(form, b"".join(lines))
    for number, (_, position) in enumerate(batches, 1):
        rest = [batch for batch, _ in follow(log.path, form, lambda: True, position)]
        parts = [*(batch for batch, _ in batches[:number]), *rest]
        assert size(parts) == size(batch for batch, _ in batches)
        # what depends on the records before, of which a reader that begins anew knows nothing
        assert form.NAME in REMEMBERING or said(parts) == whole


@each_in_lines
def test_no_batch_of_a_long_log_is_ahead_of_its_position(path, tmp_path):
    form = form_of(path)
    text = path.read_bytes()
    header = header_of(form, text)
    if path.name.startswith("nfdump"):
        text = text.partition(b"Summary")[0]  # nothing is read behind it
    long = tmp_path / "flows.log"
    long.write_bytes(header + text[len(header) :] * (700_000 // len(text)))
    everything = size(form.read(io.BytesIO(long.read_bytes())))
    before, batches = 0, list(follow(long, form, lambda: True))
    assert len(batches) > 2
    for batch, position in batches:
        before += batch.size
        assert before + size(batch for batch, _ in follow(long, form, lambda: True, position)) == everything


@each_in_lines
def test_each_line_is_handed_on_before_the_next_is_written(path, tmp_path):
    """Nothing waits for more than is there: a thread reads, and nothing else wakes it."""
    form, stop, found = form_of(path), threading.Event(), []
    log = Written(tmp_path / "flows.log")
    followed = FollowedLog(log.path, stop.is_set, None, form.NAME, MAPPING, pause=0.001)
    reader = threading.Thread(target=lambda: found.extend(batch for batch, _ in followed))
    reader.start()
    lines = path.read_bytes().splitlines(keepends=True)
    for some in (lines[: len(lines) // 2], lines[len(lines) // 2 :]):
        log.write(b"".join(some))
        present = size(form.read(io.BytesIO(log.path.read_bytes())))
        patience = 2000
        while size(found) < present and patience and reader.is_alive():
            patience -= 1
            time.sleep(0.005)
        assert size(found) == present
    stop.set()
    reader.join()


@pytest.mark.parametrize("path", [path for path in LOGS if whole_word(path)], ids=lambda path: path.name)
def test_what_is_read_as_a_whole_or_not_at_all_is_refused_in_one_sentence(path):
    with pytest.raises(UnreadableInput, match=rf"{path.name} .*{whole_word(path)}[^.]*\.$"):
        list(follow(path, form_of(path), stepping([nothing] * 3)))


@pytest.mark.parametrize("name", ["basics.pcap", "packed.gz"])
def test_captures_and_compressed_files_are_refused_as_soon_as_they_begin(name, tmp_path):
    path = tmp_path / name
    path.write_bytes(b"\xd4\xc3\xb2\xa1" if name.endswith("pcap") else b"\x1f\x8b")
    with pytest.raises(UnreadableInput, match=r"is (a capture|compressed): .*\.$"):
        list(FollowedLog(path, stepping([nothing] * 3), pause=0))


def test_a_log_that_is_not_known_yet_is_waited_for_and_refused_at_the_end(tmp_path):
    log = Written(tmp_path / "flows.log")
    text = (FOLDER / "hubble.jsonl").read_bytes()
    steps = [nothing, partial(log.write, b"what is this?\n"), nothing]
    with pytest.raises(UnreadableInput, match="known by its beginning"):
        list(FollowedLog(log.path, stepping(steps), pause=0))
    log.path.write_bytes(b"")
    steps = [nothing, partial(log.write, text[:40]), nothing, partial(log.write, text[40:])]
    followed = FollowedLog(log.path, stepping(steps), pause=0)
    assert followed.kind == "hubble"
    assert size(batch for batch, _ in followed) == size(log_format("hubble").read(io.BytesIO(text)))


def test_a_log_in_which_nothing_ever_is_says_nothing(tmp_path):
    followed = FollowedLog(tmp_path / "flows.log", stepping([nothing] * 3), pause=0)
    assert (followed.kind, list(followed), followed.losses()) == (UNKNOWN, [], [])


def test_an_empty_log_that_is_rotated_is_no_hindrance(tmp_path):
    log, text = Written(tmp_path / "flows.log"), (FOLDER / "hubble.jsonl").read_bytes()
    steps = [partial(log.write, b""), nothing, log.rename, partial(log.write, text)]
    followed = FollowedLog(log.path, stepping(steps), pause=0)
    assert size(batch for batch, _ in followed) == size(log_format("hubble").read(io.BytesIO(text)))


def test_the_losses_of_a_followed_log_are_told_once(tmp_path):
    log, text = Written(tmp_path / "flows.log"), (FOLDER / "hubble.jsonl").read_bytes()
    log.write(text)
    followed = FollowedLog(log.path, stepping([*[nothing] * 9, lambda: log.path.write_bytes(text[:9])]), pause=0)
    assert size(batch for batch, _ in followed) > 0
    assert [loss.endswith("may be lost.") for loss in followed.losses()] == [True]
    assert followed.losses() == []


def test_a_header_is_the_lines_before_the_first_record():
    text = (FOLDER / "zeek.log").read_bytes()
    assert header_of(zeek, text).splitlines()[-1].startswith(b"#types")
    assert header_of(zeek, text[text.index(b"\n#types") + 8 :][:20]) == b""
    listed = (FOLDER / "conntrack-list.txt").read_bytes()
    assert header_of(conntrack, listed) == listed[: listed.index(b"\n") + 1]
    assert header_of(log_format("hubble"), (FOLDER / "hubble.jsonl").read_bytes()) == b""
