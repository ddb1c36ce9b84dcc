import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.errors import UnreadableInput
from collectors.timeline import Closed, Timeline, Unwritable, write_document
from collectors.timeline_memory import Memory, file_of, load_timeline, timeline_files

REPOSITORY = Path(__file__).parents[2]


def event(count, what="ADDED", uid="", kind="Pod", **more):
    meta = {"name": uid or f"p{count}", "namespace": "shop", "uid": uid or f"u{count}", "resourceVersion": str(count)}
    item = {"apiVersion": "v1", "kind": kind, "metadata": meta}
    return {"time": _time(count), "type": what, "object": {**item, **more}}


def bookmark(count, kind="Pod"):
    item = {"apiVersion": "v1", "kind": kind, "metadata": {"resourceVersion": str(count)}}
    return {"time": _time(count), "type": "BOOKMARK", "object": item}


def gap(count, since, kind="Pod"):
    return {"time": _time(count), "type": "GAP", "since": _time(since), "kind": kind, "reason": "test"}


def _time(count):
    return f"2026-11-01T10:{count // 60:02}:{count % 60:02}.000Z"


def write(folder, records, **options):
    with Timeline(folder, **options) as timeline:
        for record in records:
            timeline.write(record)


def lines(folder):
    return [json.loads(line) for file in timeline_files(folder) for line in file.read_text().splitlines()]


def run(code, *arguments):
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)


def test_what_is_written_is_there_line_by_line_also_over_restarts(tmp_path):
    write(tmp_path, [event(1), bookmark(2)])
    write(tmp_path, [event(3)])
    assert lines(tmp_path) == [event(1), bookmark(2), event(3)]


_STEPS = st.lists(
    st.tuples(st.sampled_from(["ADDED", "MODIFIED", "DELETED"]), st.sampled_from("abc"), st.integers(1, 3))
    | st.sampled_from([("BOOKMARK", "", 0), ("GAP", "", 0), ("LATER", "", 0)]),
    max_size=30,
)


def records_of(steps):
    made = []
    for count, (what, uid, ip) in enumerate(steps, 1):
        if what == "BOOKMARK":
            made.append(bookmark(count))
        elif what == "GAP":
            made.append(gap(count, max(count - 3, 1)))
        elif what == "LATER":
            made.append({"time": _time(count), "type": "INVENTED"})
        else:
            made.append(event(count, what, uid, status={"podIP": f"10.0.0.{ip}"}))
    return made


@given(_STEPS)
def test_a_restart_knows_what_the_watcher_knew(tmp_path_factory, steps):
    folder, live = tmp_path_factory.mktemp("timeline"), Memory()
    write(folder, records_of(steps), limit=700)
    for record in records_of(steps):
        live.note(record)
    assert load_timeline(folder).get("Pod", Memory()) == live


def test_within_a_list_the_versions_of_objects_are_no_place_to_go_on_from(tmp_path):
    write(tmp_path, [event(5), event(9)])
    assert load_timeline(tmp_path)["Pod"].position == ""
    write(tmp_path, [bookmark(7), event(10)])
    assert load_timeline(tmp_path)["Pod"].position == "10"
    write(tmp_path, [gap(11, 10), event(12)])
    found = load_timeline(tmp_path)["Pod"]
    assert (found.position, found.sure, found.lost) == ("", _time(10), True)


def test_an_event_that_may_have_happened_long_ago_makes_nothing_sure(tmp_path):
    write(tmp_path, [bookmark(1), {**event(50), "since": _time(1)}])
    found = load_timeline(tmp_path)["Pod"]
    assert (found.position, found.sure) == ("50", _time(1))


def test_a_line_cut_at_any_byte_is_repaired_and_said(tmp_path):
    write(tmp_path, [event(1), event(2, labels={"long": "x" * 200})])
    file = file_of(tmp_path, 1)
    whole = file.read_bytes()
    first = whole.index(b"\n") + 1
    for cut in range(first, len(whole)):
        file.write_bytes(whole[:cut])
        said = []
        with Timeline(tmp_path, say=said.append) as timeline:
            timeline.write(event(3))
        assert lines(tmp_path) == [event(1), event(3)]
        assert len(said) == (cut > first)


def test_a_cut_line_longer_than_what_is_read_at_once_is_repaired(tmp_path):
    write(tmp_path, [event(1)])
    with file_of(tmp_path, 1).open("ab") as stream:
        stream.write(b"\0" * 200_000)
    write(tmp_path, [event(2)])
    assert lines(tmp_path) == [event(1), event(2)]
    file_of(tmp_path, 1).write_bytes(b"x" * 200_000)
    write(tmp_path, [event(3)])
    assert lines(tmp_path) == [event(3)]


_STRANGE = [
    "[]",
    "nonsense",
    "[" * 100_000,
    '{"type": "ADDED", "time": "2026-11-01T10:00:00.000Z"}',
    '{"type": "GAP", "time": "2026-11-01T10:00:00.000Z"}',
    '{"type": "LATER", "time": "2026-13-01T10:00:00.000Z"}',
    '{"type": "LATER", "time": "yesterday"}',
]


@pytest.mark.parametrize("line", _STRANGE, ids=range(len(_STRANGE)))
def test_a_line_that_is_none_of_a_timeline_is_refused_by_its_place(tmp_path, line):
    file = file_of(tmp_path, 1)
    file.write_text(f"{json.dumps(event(1))}\n{line}\n{json.dumps(event(2))}\n")
    before = file.read_bytes()
    with pytest.raises(UnreadableInput, match=r"000001\.jsonl, line 2: .*move this file"):
        Timeline(tmp_path)
    assert file.read_bytes() == before
    file.unlink()
    Timeline(tmp_path).close()


def test_files_are_begun_anew_by_size_and_no_line_is_lost_between_them(tmp_path):
    records = [event(count) for count in range(50)]
    write(tmp_path, records[:20], limit=600)
    write(tmp_path, records[20:], limit=600)
    files = timeline_files(tmp_path)
    assert len(files) > 5
    assert all(file.stat().st_size <= 600 for file in files)
    assert lines(tmp_path) == records


def test_more_than_a_million_files_are_still_in_order(tmp_path):
    for number in (999_999, 1_000_000):
        file_of(tmp_path, number).write_text(json.dumps(event(number % 1000)) + "\n")
    (tmp_path / "timeline-mine.jsonl").write_text("notes\n")
    assert timeline_files(tmp_path) == [file_of(tmp_path, 999_999), file_of(tmp_path, 1_000_000)]


def test_only_one_watcher_writes_into_a_folder(tmp_path):
    with Timeline(tmp_path), pytest.raises(Unwritable, match="another watcher"):
        Timeline(tmp_path)
    Timeline(tmp_path).close()


def test_the_end_of_a_killed_process_frees_its_folder(tmp_path):
    killed = run(
        "import os, pathlib, sys; from collectors.timeline import Timeline\n"
        "timeline = Timeline(pathlib.Path(sys.argv[1])); os.kill(os.getpid(), 9)",
        tmp_path,
    )
    assert killed.returncode == -9
    Timeline(tmp_path).close()


def test_a_bookmark_is_written_when_all_before_it_is_durable(tmp_path, monkeypatch):
    synced, real = [], os.fsync

    def spy(handle):
        if os.fstat(handle).st_ino == file_of(tmp_path, 1).stat().st_ino:
            synced.append(len(lines(tmp_path)))
        real(handle)

    with Timeline(tmp_path) as timeline:
        monkeypatch.setattr(os, "fsync", spy)
        timeline.write(event(1))
        timeline.write(event(2))
        assert synced == []
        timeline.write(bookmark(2))
        assert synced == [2]


def test_after_the_end_nothing_is_written(tmp_path):
    timeline = Timeline(tmp_path)
    timeline.close()
    timeline.close()
    with pytest.raises(Closed):
        timeline.write(event(1))
    assert lines(tmp_path) == []


def test_a_full_disk_is_one_sentence_and_damages_nothing(tmp_path):
    code = """
import json, pathlib, resource, sys
from collectors.timeline import Timeline, Unwritable, write_document
from tests.collectors.test_timeline import event
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
folder = pathlib.Path(sys.argv[1])
timeline, count = Timeline(folder), 0
try:
    while True:
        timeline.write(event(count))
        count += 1
except Unwritable as fault:
    print(count, fault)
try:
    write_document(folder, "watch.json", {"long": "x" * 5000})
except Unwritable as fault:
    print(fault)
"""
    write_document(tmp_path, "watch.json", {"former": 1})
    found = run(code, tmp_path)
    first, second = found.stdout.splitlines()
    assert "no room left" in first
    assert "no room left" in second
    count = int(first.split()[0])
    assert lines(tmp_path) == [event(at) for at in range(count)]
    assert count > 2
    assert json.loads((tmp_path / "watch.json").read_text()) == {"former": 1}
    assert not list(tmp_path.glob("*.tmp"))
    write(tmp_path, [event(count)])
    assert len(lines(tmp_path)) == count + 1


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Unwritable, match="cannot be written"):
        Timeline(tmp_path / "file" / "inventory")


def test_what_a_kill_left_of_a_replacement_is_removed_and_nothing_else(tmp_path):
    for name in ("timeline-000001.jsonl.tmp", "watch.json.tmp", "notes.tmp"):
        (tmp_path / name).write_text("half")
    Timeline(tmp_path).close()
    assert [file.name for file in tmp_path.glob("*.tmp")] == ["notes.tmp"]


def test_hostile_text_is_one_line_of_ascii(tmp_path):
    hostile = event(1, labels={"a": "x\n{}\ud800\u2028\x1b[0m"})
    write(tmp_path, [hostile])
    assert file_of(tmp_path, 1).read_bytes().isascii()
    assert lines(tmp_path) == [hostile]
