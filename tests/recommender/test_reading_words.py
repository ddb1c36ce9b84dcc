"""What was read is said in its own words: packets of captures, records of logs, and where something was wrong."""

import json
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.adding import Added
from collectors.flow_facts import FlowFacts
from collectors.inputs import CAPTURES, FORMATS
from collectors.ledger import Ledger, LedgerWriter
from collectors.observation import LIVE, Gap, Observation, ObservationWindow, Source
from recommender.cli import main
from recommender.reading_words import amounts, faults_text, inputs_text, observed_text, remarks, units, window_text

SAMPLES = Path(__file__).parents[2] / "sample_captures"
LOG, CAPTURE, INVENTORY = (SAMPLES / name for name in ("logs/hubble.jsonl", "shop.pcap", "inventory"))
SOURCES = st.lists(st.builds(Source, st.text(), st.sampled_from(FORMATS), st.integers(0, 10**9)), max_size=4)


@given(SOURCES)
def test_every_packet_and_every_record_is_in_the_amounts_once(sources):
    said = [int(word.replace(",", "")) for word in amounts(sources).split() if word[0].isdigit()]
    assert sum(said) == sum(source.packets for source in sources)


@given(SOURCES)
def test_packets_are_of_captures_and_records_of_logs(sources):
    assert ("records" in units(sources)) == any(source.kind not in CAPTURES for source in sources)
    assert ("packets" in units(sources)) == (not sources or any(source.kind in CAPTURES for source in sources))


def test_of_a_log_the_format_is_said_that_it_was_read_as():
    sources = [Source("a.pcap", "pcap", 5281), Source("flows.json", "hubble", 78)]
    assert inputs_text(sources) == "a.pcap (5,281 packets), flows.json (78 hubble records)"


def test_of_a_live_interface_it_is_said_that_it_was_one():
    assert inputs_text([Source("any", LIVE, 4657)]) == "any (live, 4,657 packets)"


@pytest.mark.parametrize(
    ("seconds", "said"), [(59.4, "59 s"), (1250, "20 minutes"), (90_000, "25 hours"), (9 * 86_400, "9 days")]
)
def test_a_window_of_days_is_not_told_in_seconds(seconds, said):
    start = pd.Timestamp("2026-11-01T08:00:00Z")
    window = ObservationWindow(start, start + pd.Timedelta(seconds=seconds))
    assert window_text(window).endswith(f" UTC ({said})")


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        ([17], "1 gap (17 lost), 2 clock"),
        ([17, None], "2 gaps (at least 17 lost), 2 clock"),
        ([None, None], "2 gaps (not known how many were lost), 2 clock"),
        ([0], "1 gap (0 lost), 2 clock"),
        ([], "2 clock"),
    ],
)
def test_gaps_are_counted_apart_from_what_was_lost_in_them(lost, said):
    writer = LedgerWriter()
    for number in lost:
        writer.event("any", "gap", 0, "", 1 if number is None else number)
    writer.event("any", "clock", 0, "", 2)
    window = ObservationWindow.of((), [Gap("any", None, None, number) for number in lost])
    assert faults_text(Observation(window=window, ledger=writer.ledger())) == said


def test_a_folder_of_many_hours_is_no_wall_of_names():
    hours = [Source(f"h={hour:02}/PT1H.json", "azure-flow-log", 9) for hour in range(100)]
    assert inputs_text(hours).endswith("h=04/PT1H.json (9 azure-flow-log records) and 95 more")


def _with(kind, count, text=""):
    writer = LedgerWriter()
    for number in range(1, count + 1):
        writer.packet("flows.log", kind, number, text)
    return Observation(window=ObservationWindow.of([Source("flows.log", "zeek", 4)]), ledger=writer.ledger())


def _added(kind, count, text=""):
    return Added(_with(kind, count, text), FlowFacts(), ())


@pytest.mark.parametrize("kind", ["malformed", "truncated", "incomplete", "no_end"])
def test_a_record_that_cannot_be_used_is_shown_with_its_place(kind):
    lines = observed_text(_added(kind, 2, "2 values, not 22")).splitlines()
    assert lines[-2].strip() == f"{kind}: flows.log at 1: 2 values, not 22"


def test_a_text_of_a_log_is_cut_before_it_is_shown():
    assert max(map(len, observed_text(_added("malformed", 1, "x" * 100_000)).splitlines())) < 400


def test_records_of_another_kind_are_no_fault_that_needs_an_example():
    assert "flows.log at" not in observed_text(_added("other_record", 2))


def test_a_log_that_was_named_wrongly_is_told_from_one_with_a_bad_line():
    (said,) = remarks(_with("malformed", 4))
    assert said == "none of the 4 records of flows.log could be read as zeek: leave --format away, or name another one"
    assert list(remarks(_with("malformed", 3))) == []


def test_nothing_read_is_said_plainly():
    assert "window         nothing was observed" in observed_text(Added(Observation(), FlowFacts(), ()))
    assert list(remarks(Observation(ledger=Ledger()))) == []


def test_observe_says_what_it_took_a_log_for_and_how_many_records_it_has(tmp_path, capsys):
    assert main(["observe", str(LOG), "-o", str(tmp_path)]) == 0
    said = capsys.readouterr()
    assert "hubble.jsonl (78 hubble records)" in said.out
    assert "read           78 records" in said.out
    assert "incomplete: hubble.jsonl at 77" in said.out


@pytest.mark.parametrize("more", [["observe"], ["run", "--inventory", str(INVENTORY)]])
def test_a_file_that_is_passed_over_is_named_by_observe_and_by_run(more, tmp_path, capsys):
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / "flows.jsonl").write_bytes(LOG.read_bytes())
    (folder / "NOTES.txt").write_text("what I did\n")
    assert main([*more, str(folder), "-o", str(tmp_path / "out"), "--json"]) == 0
    said = capsys.readouterr()
    assert "passed over, as no capture and no flow log that is known by its beginning: NOTES.txt" in said.err
    assert json.loads(said.out)["events"]["passed_over"] == 1


def test_run_reads_what_only_a_mapping_explains(tmp_path, capsys):
    log, mapping = (str(SAMPLES / "logs" / name) for name in ("generic.csv", "generic.yaml"))
    words = ["run", log, "--inventory", str(INVENTORY), "-o", str(tmp_path), "--format", "generic"]
    assert main(words) == 2
    assert "--columns" in capsys.readouterr().err
    assert main([*words, "--columns", mapping]) == 0
    assert "generic.csv (30 generic records)" in capsys.readouterr().out
