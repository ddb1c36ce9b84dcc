"""Inputs become a store piece by piece, the same as from all at once, and nothing of them where one cannot be read."""

import pytest

from collectors import series
from collectors.aside import Aside
from collectors.errors import UnreadableInput
from collectors.observing import observe_into
from collectors.processes import made_ready
from collectors.sources import read_flows
from collectors.store import load, save
from tests.collectors.engines import assert_same, stored, write_logs, write_mixed, write_unreadable


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    return write_mixed(tmp_path_factory.mktemp("observing") / "mixed")


def content(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("workers", [1, 2])
def test_a_store_is_that_of_everything_read_at_once(mixed, tmp_path, workers):
    at_once = read_flows([mixed])
    expected = stored(at_once, tmp_path / "at-once")
    with made_ready(workers) as ready:
        added = observe_into([mixed], tmp_path / "store", workers=workers, ready=ready)
    assert content(tmp_path / "store") == expected
    assert (added.read.window, added.read.ledger) == (at_once.window, at_once.ledger)
    assert (added.facts.rows, added.facts.connections) == (len(at_once.flows), at_once.flows["connections"].sum())
    assert added.known == ()


def test_a_store_is_the_same_where_flows_do_not_stay_in_memory(mixed, tmp_path, monkeypatch):
    put = []

    class Small(Aside):
        def __init__(self, folder):
            super().__init__(folder, 1)

        def put(self, rows):
            put.append(len(rows))
            super().put(rows)

    expected = stored(read_flows([mixed]), tmp_path / "at-once")
    monkeypatch.setattr(series, "Aside", Small)
    observe_into([mixed], tmp_path / "store")
    assert content(tmp_path / "store") == expected
    assert sum(put) > 0


def test_stores_among_the_inputs_count_each_source_once(mixed, tmp_path):
    save(read_flows([mixed / "dump.pcap1"]), tmp_path / "first")
    observe_into([mixed, tmp_path / "first"], tmp_path / "store")
    assert_same(load(tmp_path / "store"), load_of([mixed, tmp_path / "first"], tmp_path / "expected"))


def load_of(paths, folder):
    save(read_flows(paths), folder)
    return load(folder)


@pytest.mark.parametrize("workers", [1, 2])
def test_of_inputs_of_which_one_that_was_named_cannot_be_read_nothing_is_stored(tmp_path, workers):
    names = write_logs(tmp_path / "logs", 3)
    write_unreadable(tmp_path / "broken.json")
    inputs = [*(tmp_path / "logs" / name for name in names), tmp_path / "broken.json"]
    with pytest.raises(UnreadableInput, match=r"broken\.json cannot be read"):
        observe_into(inputs, tmp_path / "store", workers=workers)
    assert not (tmp_path / "store").exists()


def test_a_folder_of_which_nothing_can_be_read_is_the_first_reason_and_no_store(tmp_path):
    (tmp_path / "logs").mkdir()
    write_unreadable(tmp_path / "logs" / "broken.json")
    with pytest.raises(UnreadableInput, match="input/output error"):
        observe_into([tmp_path / "logs"], tmp_path / "store")
    assert not (tmp_path / "store").exists()
