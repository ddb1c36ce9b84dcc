"""Engines on one machine: one after the other and by processes, the same input comes to the same observation."""

import multiprocessing
import os
import signal
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.engine import FAN_IN, Here, Processes, merge_tree
from collectors.errors import PodfenceError, UnreadableInput
from collectors.inputs import Input
from collectors.observation import compact, merge
from collectors.series import ReadOptions, read_series
from collectors.sources import read_flows
from tests.collectors.engines import (
    SAMPLE,
    assert_same,
    die,
    read_or_die,
    stored,
    write_logs,
    write_mixed,
    write_unreadable,
)

OPTIONS = ReadOptions()


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    return write_mixed(tmp_path_factory.mktemp("engine") / "mixed")


@pytest.fixture(scope="module")
def tasks(tmp_path_factory):
    """Tasks of one log each."""
    folder = tmp_path_factory.mktemp("engine") / "tasks"
    return [[(Input(folder / name, name), None)] for name in write_logs(folder, 2 * FAN_IN + 3)]


def test_two_processes_see_what_one_sees_byte_for_byte(mixed, tmp_path):
    one, two = read_flows([mixed]), read_flows([mixed], workers=2)
    assert_same(one, two)
    assert stored(one, tmp_path / "one") == stored(two, tmp_path / "two")
    assert len(one.window.sources) == 11


def test_logs_of_one_time_are_tasks_of_their_own_and_rotated_files_are_one_task(mixed):
    told = []
    read_flows([mixed], progress=lambda done, tasks: told.append((done, tasks)))
    assert told == [(done, 10) for done in range(1, 11)]


def test_a_process_that_is_killed_from_outside_changes_nothing(mixed):
    killed = []

    def kill(done, _tasks):
        if done == 1:
            killed.extend(process.pid for process in multiprocessing.active_children())
            os.kill(killed[0], signal.SIGKILL)

    assert_same(read_flows([mixed]), read_flows([mixed], workers=2, progress=kill))
    assert killed


def test_a_process_that_is_killed_in_the_middle_of_a_task_changes_nothing(tasks, tmp_path):
    read = partial(read_or_die, options=OPTIONS, last_words=tmp_path / "said")
    with Processes(2) as engine:
        found = engine.merged(read, tasks, 60)
    assert (tmp_path / "said").exists()
    assert_same(found, Here().merged(partial(read_series, options=OPTIONS), tasks, 60))


def test_a_task_that_kills_every_process_is_given_up_in_one_sentence(tasks):
    with Processes(2) as engine, pytest.raises(PodfenceError, match="killed 3 times, most likely for want of memory"):
        engine.merged(die, tasks, 60)


def test_a_task_hands_on_compact_rows_only(mixed):
    names = sorted(path.name for path in mixed.glob("node-*"))
    found = read_series([(Input(mixed / name, name), None) for name in names], OPTIONS).flows
    assert len(found) == len(compact(found))
    assert len(found) < sum(source.packets for source in read_flows([mixed]).window.sources)


@given(order=st.permutations(range(2 * FAN_IN + 3)), taken=st.integers(0, 2 * FAN_IN + 3))
def test_the_order_in_which_tasks_end_changes_nothing(observations, order, taken):
    pieces = [observations[number] for number in order[:taken]]
    assert_same(merge_tree(iter(pieces), 60), merge(pieces, 60))


@pytest.fixture(scope="module")
def observations(tasks):
    return [read_series(task, OPTIONS) for task in tasks]


@pytest.mark.parametrize("workers", [1, 2])
def test_one_broken_log_among_fifty_is_named_and_the_other_forty_nine_count(tmp_path, workers):
    names = write_logs(tmp_path, 50)
    (tmp_path / names[20]).unlink()
    write_unreadable(tmp_path / names[20])
    found = read_flows([tmp_path], workers=workers)
    assert [source.name for source in found.window.sources] == [*names[:20], *names[21:]]
    ((source, kind),) = [key for key in found.ledger.events if key[1] == "unreadable"]
    assert (source, kind) == (names[20], "unreadable")
    (sample,) = found.ledger.samples("unreadable")
    assert sample.text.endswith("cannot be read (input/output error): check the disk or copy it.")


def test_a_log_that_breaks_behind_its_beginning_leaves_nothing_of_it(tmp_path):
    """Parquet of which a later row group is damaged; the logs before and behind it are told as without it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    mapping = {"time": "t", "src": "a", "dst": "b", "dst_port": "p", "protocol": "q"}

    def write(number, rows=1 << 17):
        times = [1_772_359_200 + number * 1000 + row // 1000 for row in range(rows)]
        columns = {"t": times, "a": ["10.0.0.1"] * rows, "b": [f"10.0.1.{number}"] * rows, "p": [80] * rows}
        path = tmp_path / f"log-{number}.parquet"
        table = pa.table(columns | {"q": ["6"] * rows})
        pq.write_table(table, path, row_group_size=rows // 2, compression="gzip", use_dictionary=False)
        return path

    paths = [write(number) for number in (1, 2, 3)]
    from collectors.formats.mapping import columns_mapping

    how = {"format": "generic", "mapping": columns_mapping(",".join(f"{key}={name}" for key, name in mapping.items()))}
    whole = read_flows([paths[0], paths[2]], **how)
    column = pq.ParquetFile(paths[1]).metadata.row_group(1).column(1)
    content = bytearray(paths[1].read_bytes())
    start, size = column.data_page_offset, column.total_compressed_size
    content[start + size // 2 : start + size] = bytes(size - size // 2)
    paths[1].write_bytes(content)
    found = read_flows([tmp_path], **how)
    assert [key for key in found.ledger.events if key[1] == "unreadable"] == [("log-2.parquet", "unreadable")]
    assert_same(
        found.__class__(found.flows, found.window, found.ledger.without(["log-2.parquet"]), found.names, found.claims),
        whole,
    )
    with pytest.raises(UnreadableInput, match=r"log-2\.parquet: it is no whole Parquet file"):
        read_flows(paths, **how)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_broken_file_that_was_named_ends_the_reading_in_one_sentence(tmp_path, workers):
    names = write_logs(tmp_path, 12)
    write_unreadable(tmp_path / "broken.json")
    with pytest.raises(UnreadableInput, match=r"broken\.json cannot be read"):
        read_flows([*(tmp_path / name for name in names), tmp_path / "broken.json"], workers=workers)


def test_a_folder_of_which_nothing_can_be_read_is_refused_with_the_reason(tmp_path):
    write_unreadable(tmp_path / "a.json")
    with pytest.raises(UnreadableInput, match=r"a\.json cannot be read \(input/output error\)"):
        read_flows([tmp_path])


def test_what_an_engine_cannot_do_is_one_sentence():
    with pytest.raises(UnreadableInput, match="is no engine: use one of local, dask"):
        read_flows([SAMPLE], engine="spark")
    with pytest.raises(UnreadableInput, match="a scheduler is for the engine dask"):
        read_flows([SAMPLE], scheduler="tcp://127.0.0.1:1")
    with pytest.raises(UnreadableInput, match="stdin can be read on this machine only"):
        read_flows(["-"], engine="dask")
