"""A store gives back what was put in, byte by byte the same, and counts nothing twice."""

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from collectors.errors import NewerArtefact, PodfenceError, UnreadableInput
from collectors.names import conform_names
from collectors.observation import Observation, merge
from collectors.sources import read_flows
from collectors.store import load, save
from tests.collectors.capture.frames import A, B, C, pcap, pcapng, session, timed, udp


@pytest.fixture
def one(tmp_path):
    path = tmp_path / "one.pcap"
    path.write_bytes(pcap(timed(session()), link=101) + b"cut")
    return read_flows([path])


@pytest.fixture
def two(tmp_path):
    path = tmp_path / "two.pcap"
    path.write_bytes(pcap(timed([udp(A, 1, C, 53), udp("127.0.0.1", 1, "127.0.0.1", 2)], start=90)))
    return read_flows([path])


def same(left: Observation, right: Observation) -> bool:
    pd.testing.assert_frame_equal(left.flows, right.flows)
    pd.testing.assert_frame_equal(left.names, right.names)
    return (left.window, left.ledger) == (right.window, right.ledger)


def content(folder: Path):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def named(observation, *names):
    """Return the observation with names of an address that its first source heard twice."""
    time = pd.Timestamp("2026-01-01", tz="UTC")
    rows = [{"name": name, "kind": "dns", "count": 2, "first_seen": time, "last_seen": time} for name in names]
    frame = pd.DataFrame(rows).assign(address="203.0.113.1", source=observation.window.sources[0].name)
    return replace(observation, names=conform_names(frame))


def test_what_was_saved_is_loaded(tmp_path, one):
    assert save(one, tmp_path / "obs") == ()
    assert same(load(tmp_path / "obs"), one)


def test_an_empty_observation_is_saved_too(tmp_path):
    save(Observation(), tmp_path / "obs")
    assert same(load(tmp_path / "obs"), Observation())


def test_saving_appends_and_order_changes_no_byte(tmp_path, one, two):
    for name, order in (("a", (one, two)), ("b", (two, one)), ("c", (merge([one, two]),))):
        for observation in order:
            save(observation, tmp_path / name)
    assert same(load(tmp_path / "a"), merge([one, two]))
    assert content(tmp_path / "a") == content(tmp_path / "b") == content(tmp_path / "c")


def test_names_are_saved_appended_and_counted_once_like_flows(tmp_path, one, two):
    one, two = named(one, "a.example", r"\027[2j.example"), named(two, "a.example")
    for name, order in (("a", (one, two, one)), ("b", (two, one)), ("c", (merge([one, two]), two))):
        for observation in order:
            save(observation, tmp_path / name)
    assert same(load(tmp_path / "a"), merge([one, two]))
    assert load(tmp_path / "a").names["count"].tolist() == [2, 2, 2]
    assert content(tmp_path / "a") == content(tmp_path / "b") == content(tmp_path / "c")
    # Beside the flows, so that "*.parquet" is one table still.
    flows = pd.concat(pd.read_parquet(part) for part in (tmp_path / "a").glob("*.parquet"))
    assert "dst" in flows
    assert "name" not in flows


def test_a_store_of_before_there_were_names_has_none_and_takes_some(tmp_path, one, two):
    save(one, tmp_path / "obs")
    assert not (tmp_path / "obs" / "names").exists()
    assert load(tmp_path / "obs").names.empty
    save(named(two, "a.example"), tmp_path / "obs")
    assert same(load(tmp_path / "obs"), merge([one, named(two, "a.example")]))


def test_damaged_names_are_refused_in_a_sentence(tmp_path, one):
    save(named(one, "a.example"), tmp_path / "obs")
    part = next((tmp_path / "obs" / "names").iterdir())
    flows = next((tmp_path / "obs").glob("*.parquet"))
    for damage in (b"", flows.read_bytes()):
        part.write_bytes(damage)
        with pytest.raises(UnreadableInput, match=r"names.*observe"):
            load(tmp_path / "obs")
    part.unlink()
    with pytest.raises(UnreadableInput, match="names"):
        load(tmp_path / "obs")


def test_what_was_observed_already_is_left_out_and_named(tmp_path, one, two):
    save(one, tmp_path / "obs")
    before = content(tmp_path / "obs")
    assert [source.name for source in save(one, tmp_path / "obs")] == ["one.pcap"]
    assert content(tmp_path / "obs") == before
    save(merge([one, two]), tmp_path / "obs")
    assert same(load(tmp_path / "obs"), merge([one, two]))


def test_a_renamed_capture_is_the_same_capture(tmp_path, one):
    save(one, tmp_path / "obs")
    renamed = (tmp_path / "one.pcap").rename(tmp_path / "renamed.pcap")
    assert [source.name for source in save(read_flows([renamed]), tmp_path / "obs")] == ["renamed.pcap"]
    assert same(load(tmp_path / "obs"), one)


def test_other_content_of_the_same_name_and_time_counts_and_is_said(tmp_path, one):
    save(one, tmp_path / "obs")
    (tmp_path / "one.pcap").write_bytes(pcap(timed(session(A, C))))
    save(read_flows([tmp_path / "one.pcap"]), tmp_path / "obs")
    loaded = load(tmp_path / "obs")
    assert set(loaded.flows["dst"]) == {B, C}
    assert loaded.ledger.event_counts()["overlap"] == 1


@pytest.mark.parametrize("write", [pcap, pcapng])
def test_a_capture_that_has_grown_takes_the_place_of_its_shorter_self(tmp_path, two, write):
    """Read in the middle of a packet, then as a whole: as if it had only been read as a whole."""
    frames = timed([*session(), *session(A, C), *session(B, C)])
    file, whole = tmp_path / "growing.pcap", write(frames)
    save(two, tmp_path / "obs")
    for cut in (len(whole) // 2, len(whole) // 2 + 90, len(whole)):
        file.write_bytes(whole[:cut])
        assert save(read_flows([file]), tmp_path / "obs") == ()
    once = tmp_path / "once"
    save(merge([two, read_flows([file])]), once)
    grown, expected = load(tmp_path / "obs"), load(once)
    pd.testing.assert_frame_equal(grown.flows, expected.flows)
    pd.testing.assert_frame_equal(grown.names, expected.names)
    assert grown.window == expected.window
    assert grown.ledger.event_counts() == {**expected.ledger.event_counts(), "grown": 1}
    assert {file.name for file in (tmp_path / "obs").rglob("*.parquet")} == {
        file.name for file in once.rglob("*.parquet")
    }


def test_a_capture_begun_anew_under_its_old_name_has_not_grown(tmp_path, one):
    save(one, tmp_path / "obs")
    later = [(time + 3600, frame) for time, frame in timed([*session(A, C), *session(B, C), *session(C, A)])]
    (tmp_path / "one.pcap").write_bytes(pcap(later))
    save(read_flows([tmp_path / "one.pcap"]), tmp_path / "obs")
    loaded = load(tmp_path / "obs")
    assert len(loaded.window.sources) == 2
    assert loaded.ledger.event_counts() == one.ledger.event_counts()


def test_a_save_that_was_cut_short_leaves_the_store_as_it_was(tmp_path, one, two, monkeypatch):
    save(one, tmp_path / "obs")
    replace = Path.replace

    def failing(path, target):
        if target.name == "window.json":
            raise OSError("disk full")
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", failing)
    with pytest.raises(PodfenceError, match="disk full"):
        save(two, tmp_path / "obs")
    monkeypatch.undo()
    assert same(load(tmp_path / "obs"), one)
    save(two, tmp_path / "obs")
    assert same(load(tmp_path / "obs"), merge([one, two]))


@pytest.mark.parametrize("name", ["window.json", "ledger.json"])
def test_a_newer_store_is_refused_with_both_versions_named(tmp_path, one, name):
    save(one, tmp_path / "obs")
    document = json.loads((tmp_path / "obs" / name).read_text())
    assert document["kind"] == f"podfence/{name.removesuffix('.json')}"
    (tmp_path / "obs" / name).write_text(json.dumps(document | {"version": 2}))
    with pytest.raises(NewerArtefact, match=r"version 2.*version 1"):
        load(tmp_path / "obs")
    with pytest.raises(NewerArtefact):
        save(one, tmp_path / "obs")


def test_a_newer_part_is_refused(tmp_path, one):
    import pyarrow.parquet as pq

    save(one, tmp_path / "obs")
    part = next((tmp_path / "obs").glob("*.parquet"))
    table = pq.read_table(part)
    pq.write_table(table.replace_schema_metadata({"podfence.kind": "podfence/flows", "podfence.version": "2"}), part)
    with pytest.raises(NewerArtefact, match=r"version 2.*version 1"):
        load(tmp_path / "obs")


def test_what_is_no_store_is_refused_in_a_sentence(tmp_path, one):
    with pytest.raises(UnreadableInput, match="is no observation store"):
        load(tmp_path)
    with pytest.raises(UnreadableInput, match="is not empty"):
        save(one, tmp_path)


@pytest.mark.parametrize("damage", ["window.json", "ledger.json", "*.parquet"])
@pytest.mark.parametrize("text", ["", "[]", "{}", '{"kind": "podfence/window", "version": 1}'])
def test_a_damaged_store_is_refused_in_a_sentence(tmp_path, one, damage, text):
    save(one, tmp_path / "obs")
    next((tmp_path / "obs").glob(damage)).write_text(text)
    with pytest.raises(UnreadableInput, match="obs"):
        load(tmp_path / "obs")
