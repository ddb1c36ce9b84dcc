"""A store that grows gives back all that was added, however it was merged, and says what a budget took."""

import resource
import shutil
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.errors import PodfenceError, UnreadableInput
from collectors.observation import Observation, merge
from collectors.segments import Segments
from collectors.segments_plan import FAN, LARGEST
from collectors.store import load, save
from tests.collectors.learned import assert_same, concluding, interval, segments_of, time


@pytest.fixture(scope="module")
def forty(tmp_path_factory):
    folder = tmp_path_factory.mktemp("forty") / "obs"
    with Segments(folder) as segments:
        for number in range(1, 41):
            segments.add(interval(number), {"at": str(number).encode()})
            segments.merge()
    return folder


@pytest.fixture
def grown(forty, tmp_path):
    """A store of forty intervals, merged as they came."""
    return Path(shutil.copytree(forty, tmp_path / "obs"))


def test_what_was_added_is_loaded_as_if_seen_at_once(grown):
    assert_same(load(grown, concluding), merge(interval(number) for number in range(1, 41)))


def test_sixteen_segments_become_one_and_the_parts_are_gone(grown):
    first, second, *rest = segments_of(grown)
    assert (first, second) == ("0000000001-0000000016", "0000000017-0000000032")
    assert rest == [f"{number:010}-{number:010}" for number in range(33, 41)]


def test_a_restart_goes_on_with_the_next_number_and_what_was_still_open(grown):
    with Segments(grown) as segments:
        assert segments.still_open() == {"at": b"40"}
        assert segments.next == 41
        assert segments.end == time(40, 59)
        segments.add(interval(41), {})
        assert segments.still_open() == {}
    assert_same(load(grown), merge(interval(number) for number in range(1, 42)))


def test_what_was_still_open_survives_the_merge_of_its_segment(tmp_path):
    with Segments(tmp_path / "obs") as segments:
        for number in range(1, 17):
            segments.add(interval(number), {"number": str(number + 1).encode()})
        segments.merge()
        assert segments_of(tmp_path / "obs") == ["0000000001-0000000016"]
        assert segments.still_open() == {"number": b"17"}
        everything = merge(interval(number) for number in range(1, 18))
        assert_same(segments.load(concluding), everything)
    assert_same(load(tmp_path / "obs", concluding), everything)


def test_a_new_store_is_empty(tmp_path):
    with Segments(tmp_path / "deep" / "obs") as segments:
        assert (segments.next, segments.size, segments.end, segments.still_open()) == (1, 0, None, {})
        segments.merge()
        assert_same(segments.load(), Observation())
    assert_same(load(tmp_path / "deep" / "obs"), Observation())


def test_events_of_what_is_no_source_are_kept_too(tmp_path):
    alone = replace(interval(1), window=interval(1, source="other").window)
    with Segments(tmp_path / "obs") as segments:
        segments.add(alone, {})
        assert_same(segments.load(), merge([alone]))


def test_each_segment_is_an_ordinary_store(grown):
    assert_same(load(grown / "segments" / "0000000033-0000000033"), interval(33))


def test_size_is_that_of_the_files_without_what_is_open(grown):
    with Segments(grown) as segments:
        held = segments.size
        segments.add(interval(41), {"at": b"x" * 100_000})
        assert held < segments.size < held + 100_000
        segments.merge()
    files = [path for path in (grown / "segments").rglob("*") if path.is_file() and path.parent.name != "open"]
    everything = sum(path.stat().st_size for path in files)
    with Segments(grown) as again:
        assert segments.size == again.size == everything


@settings(max_examples=5)
@given(
    st.lists(st.sampled_from(["add", "add", "merge", "restart"]), max_size=25),
    st.sampled_from(["eth0", "a\n\x1b[2J/../é"]),
)
def test_whatever_the_order_of_adding_merging_and_restarting_nothing_changes(tmp_path_factory, steps, source):
    folder, number = tmp_path_factory.mktemp("any") / "obs", 0
    segments = Segments(folder)
    try:
        for step in steps:
            if step == "add":
                number += 1
                segments.add(interval(number, source=source, rows=number % 3), {})
            elif step == "merge":
                segments.merge()
            else:
                segments.close()
                segments = Segments(folder)
    finally:
        segments.close()
    assert_same(load(folder), merge(interval(one, source=source, rows=one % 3) for one in range(1, number + 1)))


def test_adding_and_loading_go_on_while_another_thread_merges(tmp_path):
    faults, over = [], threading.Event()

    def merging():
        while not over.is_set():
            try:
                segments.merge()
            except PodfenceError as fault:
                faults.append(fault)

    def loading():
        before = 0
        while not over.is_set():
            packets = load(tmp_path / "obs").window.sources
            count = packets[0].packets if packets else 0
            if count < before:
                faults.append(f"{count} after {before}")
            before = count

    with Segments(tmp_path / "obs") as segments:
        threads = [threading.Thread(target=target) for target in (merging, loading)]
        for thread in threads:
            thread.start()
        for number in range(1, 41):
            segments.add(interval(number), {})
        over.set()
        for thread in threads:
            thread.join()
        segments.merge()
    assert faults == []
    assert_same(load(tmp_path / "obs"), merge(interval(number) for number in range(1, 41)))


def test_two_learners_on_one_store_are_refused_in_a_sentence(tmp_path):
    with Segments(tmp_path / "obs"):
        with pytest.raises(PodfenceError, match="another learner writes here"):
            Segments(tmp_path / "obs")
        code = "import sys; from collectors.segments import Segments; Segments(sys.argv[1])"
        other = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / "obs")], capture_output=True, text=True, check=False
        )
        assert "another learner writes here" in other.stderr
    with Segments(tmp_path / "obs") as segments:
        assert segments.next == 1
    segments.close()


def test_the_folder_of_a_finished_store_or_of_something_else_is_refused_in_a_sentence(tmp_path):
    save(interval(1), tmp_path / "finished")
    with pytest.raises(UnreadableInput, match="is an observation store that is finished"):
        Segments(tmp_path / "finished")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").write_text("dear")
    with pytest.raises(UnreadableInput, match="is no learning store but is not empty"):
        Segments(tmp_path / "other")
    for folder in (tmp_path / "other" / "letter.txt", tmp_path / "other" / "letter.txt" / "obs"):
        with pytest.raises(PodfenceError, match="cannot be written"):
            Segments(folder)
    assert sorted(path.name for path in (tmp_path / "other").iterdir()) == ["letter.txt"]


def test_a_fresh_volume_and_an_inventory_beside_it_are_no_hindrance(tmp_path):
    for name in ("lost+found", "inventory", ".snapshot"):
        (tmp_path / name).mkdir()
    with Segments(tmp_path) as segments:
        segments.add(interval(1), {})
    assert_same(load(tmp_path), interval(1))


@contextmanager
def full(size):
    """A disk on which no file can become longer than this."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("size", [0, 500, 8000])
def test_on_a_full_disk_nothing_changes_and_the_interval_can_be_added_later(tmp_path, size):
    with Segments(tmp_path / "obs") as segments:
        segments.add(interval(1), {"number": b"2"})
        before = segments_of(tmp_path / "obs")
        with full(size), pytest.raises(PodfenceError, match=r"no room left.*make room"):
            segments.add(interval(2), {"number": b"x" * 100_000})
        assert segments_of(tmp_path / "obs") == before
        assert segments.next == 2
        assert_same(segments.load(concluding), merge([interval(1), interval(2)]))
        segments.add(interval(2), {})
    assert_same(load(tmp_path / "obs"), merge([interval(1), interval(2)]))


def test_a_merge_on_a_full_disk_loses_nothing(tmp_path):
    with Segments(tmp_path / "obs") as segments:
        for number in range(1, 17):
            segments.add(interval(number), {})
        before = segments_of(tmp_path / "obs")
        with full(500), pytest.raises(PodfenceError, match="no room left"):
            segments.merge()
        assert segments_of(tmp_path / "obs") == before
        segments.merge()
        assert segments_of(tmp_path / "obs") == ["0000000001-0000000016"]
    assert_same(load(tmp_path / "obs"), merge(interval(number) for number in range(1, 17)))


def test_a_store_that_lacks_a_segment_is_refused_with_the_place(grown):
    (grown / "segments" / "0000000035-0000000035").rename(grown / "taken")
    for read in (load, Segments):
        with pytest.raises(UnreadableInput, match=r"0000000036-0000000036 does not follow what ends at 34"):
            read(grown)
    (grown / "segments" / "0000000001-0000000016").rename(grown / "taken too")
    with pytest.raises(UnreadableInput, match="what is missing before it"):
        load(grown)


def test_segments_that_overlap_are_refused(grown):
    (grown / "segments" / "0000000035-0000000035").rename(grown / "segments" / "0000000034-0000000036")
    (grown / "segments" / "0000000036-0000000036").rename(grown / "segments" / "0000000036-0000000037")
    with pytest.raises(UnreadableInput, match="is no whole learning store"):
        load(grown)


@pytest.mark.parametrize("damage", ["window.json", "ledger.json", "*.parquet", "names/*.parquet"])
def test_a_damaged_segment_is_refused_in_a_sentence_and_learning_goes_on(grown, damage):
    file = next((grown / "segments" / "0000000033-0000000033").glob(damage))
    for harm in (lambda: file.write_bytes(b"{}"), file.unlink):
        harm()
        with pytest.raises(UnreadableInput, match="0000000033-0000000033"):
            load(grown)
    with Segments(grown) as segments:
        for number in range(41, 49):
            segments.add(interval(number), {})
        with pytest.raises(UnreadableInput, match="0000000033-0000000033"):
            segments.merge()
        assert segments.next == 49


def test_nothing_is_saved_into_a_learning_store_or_a_segment_of_it(grown):
    for folder in (grown, grown / "segments" / "0000000040-0000000040"):
        with pytest.raises(UnreadableInput, match="only learn writes"):
            save(interval(41), folder)


def test_however_much_is_open_segments_are_merged(tmp_path):
    much = {"0": bytes(range(256)) * (LARGEST // 256 + 1)}
    with Segments(tmp_path / "learnt") as segments:
        for number in range(1, 2 * FAN + 1):
            segments.add(interval(number), much)
            segments.merge()
        assert segments.still_open() == much
    assert len(segments_of(tmp_path / "learnt")) == 2
