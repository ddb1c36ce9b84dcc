"""The engine dask: a cluster comes to what plain reading comes to, whatever becomes of its workers."""

import multiprocessing
import os
import signal
import socket
import sys
import uuid
from functools import partial

import pytest

from collectors import engine_dask
from collectors.engine import Here
from collectors.engine_dask import cluster
from collectors.errors import PodfenceError, UnreadableInput
from collectors.inputs import Input
from collectors.remote import Remote
from collectors.series import ReadOptions, read_series
from collectors.sources import read_flows
from tests.collectors import buckets
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
def running():
    """A cluster of two worker processes, as somebody else runs one."""
    distributed = pytest.importorskip("distributed", reason="Dask is not here: pip install 'podfence[dask]'")
    how = {"n_workers": 2, "threads_per_worker": 1, "host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}
    with distributed.LocalCluster(**how, silence_logs=50) as made:
        yield made


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    return write_mixed(tmp_path_factory.mktemp("dask") / "mixed")


@pytest.fixture(scope="module")
def tasks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dask") / "tasks"
    return [[(Input(folder / name, name), None)] for name in write_logs(folder, 12)]


@pytest.fixture(scope="module")
def expected(tasks):
    return Here().merged(partial(read_series, options=OPTIONS), tasks, 60)


def test_a_cluster_that_is_there_sees_what_plain_reading_sees_byte_for_byte(running, mixed, tmp_path):
    told = []
    plain = read_flows([mixed])
    found = read_flows(
        [mixed],
        engine="dask",
        scheduler=running.scheduler_address,
        progress=lambda done, tasks: told.append((done, tasks)),
    )
    assert_same(plain, found)
    assert stored(plain, tmp_path / "plain") == stored(found, tmp_path / "found")
    assert told == [(done, 10) for done in range(1, 11)]


def test_a_cluster_of_processes_of_this_machine_sees_the_same_and_is_gone_afterwards(mixed):
    before = {process.pid for process in multiprocessing.active_children()}
    assert_same(read_flows([mixed]), read_flows([mixed], engine="dask", workers=2))
    assert {process.pid for process in multiprocessing.active_children()} <= before


@pytest.mark.parametrize("engine", ["local", "dask"])
def test_processes_read_of_a_bucket_what_plain_reading_does_and_name_what_is_no_log(
    bucket, engine, tmp_path, monkeypatch
):
    buckets.asking(monkeypatch, bucket)
    url = f"s3://bucket/{uuid.uuid4().hex}"
    for name in write_logs(tmp_path, 9):
        (Remote.of(url) / name).write_bytes((tmp_path / name).read_bytes())
    (Remote.of(url) / "node-10.json.gz").write_bytes(b"\x1f\x8b no gzip")

    found = read_flows([url], engine=engine, workers=2)

    assert len(found.window.sources) == 9
    assert [kind for name, kind in found.ledger.events if name == "node-10.json.gz"] == ["passed_over"]
    assert_same(found, read_flows([url]))


def test_a_worker_that_is_killed_from_outside_changes_nothing(running, tasks, expected):
    killed = []

    def kill(done, _tasks):
        if done == 1:
            killed.append(running.workers[0].pid)
            os.kill(killed[0], signal.SIGKILL)

    with cluster(2, running.scheduler_address, kill) as engine:
        found = engine.merged(partial(read_series, options=OPTIONS), tasks, 60)
    assert killed
    assert_same(found, expected)


def test_a_worker_that_is_killed_in_the_middle_of_a_task_changes_nothing(running, tasks, expected, tmp_path):
    read = partial(read_or_die, options=OPTIONS, last_words=tmp_path / "said")
    with cluster(2, running.scheduler_address) as engine:
        found = engine.merged(read, tasks, 60)
    assert (tmp_path / "said").exists()
    assert_same(found, expected)


def test_one_broken_log_among_fifty_is_named_and_the_other_forty_nine_count(running, tmp_path):
    names = write_logs(tmp_path, 50)
    (tmp_path / names[20]).unlink()
    write_unreadable(tmp_path / names[20])
    found = read_flows([tmp_path], engine="dask", scheduler=running.scheduler_address)
    assert [source.name for source in found.window.sources] == [*names[:20], *names[21:]]
    assert [key[0] for key in found.ledger.events if key[1] == "unreadable"] == [names[20]]
    assert_same(found, read_flows([tmp_path]))


def test_a_broken_file_that_was_named_is_the_same_sentence_from_a_cluster(running, tmp_path):
    write_unreadable(tmp_path / "broken.json")
    with pytest.raises(UnreadableInput, match=r"broken\.json cannot be read \(input/output error\)"):
        read_flows([SAMPLE, tmp_path / "broken.json"], engine="dask", scheduler=running.scheduler_address)


def test_nothing_to_read_is_an_empty_observation(running):
    with cluster(2, running.scheduler_address) as engine:
        assert_same(engine.merged(die, [], 60), Here().merged(die, [], 60))


@pytest.mark.parametrize("address", ["nowhere", "smoke://127.0.0.1:1", ""])
def test_what_is_no_scheduler_is_one_sentence(address):
    pytest.importorskip("distributed", reason="Dask is not here: pip install 'podfence[dask]'")
    with pytest.raises(UnreadableInput, match=r"no Dask scheduler answers at .* when it starts"):
        cluster(1, address)


def test_a_scheduler_that_does_not_answer_is_one_sentence(monkeypatch):
    pytest.importorskip("distributed", reason="Dask is not here: pip install 'podfence[dask]'")
    monkeypatch.setattr(engine_dask, "_PATIENCE", 0.2)
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{unheard.getsockname()[1]}"
        with pytest.raises(UnreadableInput, match=f"no Dask scheduler answers at {address}"):
            read_flows([SAMPLE], engine="dask", scheduler=address)


def test_without_dask_a_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(PodfenceError, match=r"pip install 'podfence\[dask\]'"):
        read_flows([SAMPLE], engine="dask")


def test_a_task_that_kills_every_worker_is_given_up_in_one_sentence(running, tasks):
    with (
        cluster(2, running.scheduler_address) as engine,
        pytest.raises(PodfenceError, match="lost its Dask worker 4 times"),
    ):
        engine.merged(die, tasks[:1], 60)
