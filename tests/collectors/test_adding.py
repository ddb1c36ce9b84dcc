"""What is added to a store is there as a whole or not at all, and nothing is left of what was not."""

import errno
import fcntl
import os

import pytest

from collectors.adding import Adding
from collectors.errors import PodfenceError, UnreadableInput
from collectors.observation import merge
from collectors.sources import read_flows
from collectors.store import load, save
from tests.collectors.capture.frames import A, B, pcap, session, timed, udp
from tests.collectors.engines import SAMPLE, assert_same


@pytest.fixture(scope="module")
def observed(tmp_path_factory):
    """What two captures show, each by itself."""
    folder = tmp_path_factory.mktemp("captures")
    (folder / "one.pcap").write_bytes(pcap(timed(session()), link=101))
    (folder / "two.pcap").write_bytes(pcap(timed([udp(A, 1, B, 53)], start=90), link=101))
    return [read_flows([folder / name]) for name in ("one.pcap", "two.pcap")]


def content(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_pieces_come_to_the_store_of_all_of_them_at_once_in_any_order(observed, tmp_path):
    for name, order in (("forth", observed), ("back", observed[::-1])):
        with Adding(tmp_path / name) as adding:
            added = adding.keep([adding.draft.write([one]) for one in order])
        assert added.known == ()
        assert added.facts.rows == sum(len(one.flows) for one in observed)
        assert added.facts.connections == sum(one.flows["connections"].sum() for one in observed)
    save(merge(observed), tmp_path / "once")
    assert content(tmp_path / "forth") == content(tmp_path / "back") == content(tmp_path / "once")
    assert_same(load(tmp_path / "forth"), merge(observed))


def test_of_a_source_that_the_store_has_no_table_is_moved_and_no_file_changes(observed, tmp_path):
    save(observed[0], tmp_path)
    before = content(tmp_path)
    with Adding(tmp_path) as adding:
        assert adding.keep([adding.draft.write([observed[0]])]).known == observed[0].window.sources
    assert content(tmp_path) == before


def cut_short(store, observation):
    with Adding(store) as adding:
        adding.draft.write([observation])
        assert list(adding.draft.folder.rglob("*.parquet"))
        raise UnreadableInput("the next input is none")


def test_what_somebody_else_adds_while_inputs_are_read_is_kept(observed, tmp_path):
    with Adding(tmp_path) as adding:
        piece = adding.draft.write([observed[1]])
        save(observed[0], tmp_path)
        adding.keep([piece])
    assert_same(load(tmp_path), merge(observed))


@pytest.mark.parametrize("there", [True, False])
def test_what_is_not_kept_leaves_nothing(observed, tmp_path, there):
    store = tmp_path / "a" / "store"
    if there:
        save(observed[0], store)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UnreadableInput):
        cut_short(store, observed[1])
    assert sorted(tmp_path.rglob("*")) == before


def test_what_a_killed_process_left_aside_is_removed_but_not_what_another_writes(observed, tmp_path):
    for name in (".reading-dead", ".reading-alive"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "rows.parquet").touch()
    handle = os.open(tmp_path / ".reading-alive", os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        save(observed[0], tmp_path)
    finally:
        os.close(handle)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == [".reading-alive"]
    assert_same(load(tmp_path), observed[0])


def test_where_a_file_system_has_no_locks_a_store_is_written_all_the_same(observed, tmp_path, monkeypatch):
    def refused(_handle, _operation):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refused)
    save(observed[0], tmp_path)
    assert_same(load(tmp_path), observed[0])


def test_a_folder_of_something_else_is_refused_before_anything_is_read(tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(UnreadableInput, match="is no observation store but is not empty"):
        Adding(tmp_path)


def test_where_nothing_can_be_written_is_one_sentence(observed, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(PodfenceError, match=r"cannot be written \(not a directory\): name another folder"):
        save(observed[0], tmp_path / "file" / "store")
    with Adding(tmp_path / "store") as adding:
        adding.draft.folder.joinpath("names").touch()
        with pytest.raises(PodfenceError, match=r"store cannot be written \(.*\): name another folder"):
            adding.draft.write([read_flows([SAMPLE.parent.parent / "shop.pcap"])])
