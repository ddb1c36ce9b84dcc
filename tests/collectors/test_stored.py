"""Stores of many nodes, captures and logs become one observation, each source once and under a name of its own."""

import pytest

from collectors.errors import UnreadableInput
from collectors.observation import Observation, merge
from collectors.segments import Segments
from collectors.sources import read_flows
from collectors.store import load, save
from collectors.stored import renamed
from tests.collectors.capture.frames import pcap, session, timed
from tests.collectors.learned import assert_same, interval


def learned(folder, *numbers):
    with Segments(folder) as segments:
        for number in numbers:
            segments.add(interval(number), {})
    return folder


@pytest.fixture
def nodes(tmp_path):
    """Two nodes that both have an eth0, in one folder."""
    learned(tmp_path / "collected" / "node-a", 1, 2)
    learned(tmp_path / "collected" / "node-b", 2, 3)
    return tmp_path / "collected"


def both():
    return merge(
        [
            interval(number, source=f"node-{node}/eth0")
            for node, numbers in (("a", (1, 2)), ("b", (2, 3)))
            for number in numbers
        ]
    )


def test_learning_stores_are_merged_and_their_sources_named_by_their_folders(nodes):
    assert_same(read_flows([nodes / "node-a", nodes / "node-b"]), both())


def test_a_folder_of_stores_is_all_of_them_and_a_store_given_twice_counts_once(nodes):
    (nodes / "node-b" / "inventory").mkdir()
    (nodes / "node-b" / "inventory" / "timeline-1.jsonl").write_text("{}\n")
    (nodes / "link").symlink_to(nodes / "node-a")
    assert_same(read_flows([nodes]), both())
    assert_same(read_flows([nodes / "node-a", nodes, nodes / "link", f"{nodes}/../collected"]), both())


def test_captures_beside_stores_are_read_and_files_of_stores_are_not(nodes):
    (nodes / "one.pcap").write_bytes(pcap(timed(session()), link=101))
    assert_same(read_flows([nodes]), merge([both(), read_flows([nodes / "one.pcap"])]))


def test_observed_again_after_it_went_on_a_learning_store_takes_the_place_of_its_former_self(nodes, tmp_path):
    for _ in range(2):
        save(read_flows([nodes]), tmp_path / "all")
    assert_same(load(tmp_path / "all"), both())
    learned(nodes / "node-a", 4)
    save(read_flows([nodes]), tmp_path / "all")
    found, expected = load(tmp_path / "all"), merge([both(), interval(4, source="node-a/eth0")])
    assert found.window == expected.window
    assert found.flows.equals(expected.flows)
    assert found.ledger.event_counts() == {"grown": 1}


def test_a_store_made_of_others_that_lies_among_them_adds_nothing(nodes):
    save(read_flows([nodes / "node-a"]), nodes / "all")
    assert_same(read_flows([nodes]), both())
    learned(nodes / "node-a", 4)
    assert_same(read_flows([nodes]), merge([both(), interval(4, source="node-a/eth0")]))


def test_sources_of_one_name_in_two_ordinary_stores_are_told_apart_by_the_stores_names(tmp_path):
    for store, number in (("west", 1), ("east", 2)):
        save(interval(number), tmp_path / store)
    expected = merge([interval(1, source="west/eth0"), interval(2, source="east/eth0")])
    assert_same(read_flows([tmp_path]), expected)
    assert_same(read_flows([tmp_path / "west"]), interval(1))


def test_a_capture_that_an_ordinary_store_holds_already_counts_once(tmp_path):
    (tmp_path / "one.pcap").write_bytes(pcap(timed(session()), link=101))
    once = read_flows([tmp_path / "one.pcap"])
    save(once, tmp_path / "obs")
    assert_same(read_flows([tmp_path]), once)


def test_stores_in_folders_of_one_name_are_named_by_as_many_folders_as_tell_them_apart(tmp_path):
    places = [learned(tmp_path / name / "obs", number) for name, number in (("a", 1), ("b", 2))]
    assert [source.name for source in read_flows(places).window.sources] == ["a/obs/eth0", "b/obs/eth0"]


def test_a_damaged_store_is_refused_and_not_passed_over(nodes):
    (nodes / "node-a" / "segments" / "0000000001-0000000001" / "ledger.json").write_text("{}")
    with pytest.raises(UnreadableInput, match="0000000001-0000000001"):
        read_flows([nodes])


def test_a_folder_that_happens_to_be_called_segments_is_no_store(tmp_path):
    (tmp_path / "segments").mkdir()
    (tmp_path / "segments" / "one.pcap").write_bytes(pcap(timed(session()), link=101))
    assert read_flows([tmp_path]).window.sources[0].name == "one.pcap"


def test_renaming_touches_every_trace_of_a_source_and_no_other():
    one, other = interval(4), interval(4, source="lo")
    assert_same(renamed(merge([one, other]), {"eth0": "a/eth0"}), merge([interval(4, source="a/eth0"), other]))
    assert_same(renamed(one, {}), one)
    assert_same(renamed(Observation(), {"eth0": "x"}), Observation())
