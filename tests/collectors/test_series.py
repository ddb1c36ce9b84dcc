"""What a series of inputs shows comes in parts, no two of which are of one time of one source, and is all of it."""

import pytest

from collectors import series
from collectors.aside import Aside
from collectors.errors import UnreadableInput
from collectors.inputs import Input
from collectors.observation import BUCKET_SECONDS, compact, concat_flows
from collectors.series import ReadOptions, beginning, read_parts, read_series
from tests.collectors.engines import SAMPLE, assert_same, write_unreadable

AT_ONCE = 4
"""Rows that stay in memory, about."""


@pytest.fixture
def rotated(tmp_path):
    """Return a log that was rotated, each file some minutes of the same connections."""
    text = SAMPLE.read_text()
    items = []
    for name, minutes in (("a.json", range(4)), ("b.json", range(4, 7))):
        path = tmp_path / name
        path.write_text("".join(text.replace("T01:48:", f"T{minute:02d}:48:") for minute in minutes))
        items.append(Input(path, name))
    return [(item, beginning(item, ReadOptions()).start) for item in items]


@pytest.fixture
def aside(tmp_path, monkeypatch):
    """Return options with which few rows stay in memory."""
    monkeypatch.setattr(series, "Aside", lambda folder: Aside(folder, AT_ONCE))
    return ReadOptions(aside=tmp_path)


def test_the_parts_are_compact_and_come_to_what_is_read_at_once(rotated, aside):
    at_once = read_series(rotated, ReadOptions())
    *parts, last = read_parts(rotated, aside)
    assert len(parts) > 1
    assert last.flows.empty
    assert len(concat_flows(part.flows for part in parts)) == len(at_once.flows)
    assert_same(read_series(rotated, aside), at_once)


def test_no_two_parts_have_rows_of_one_source_and_time_and_those_of_a_source_come_in_order(rotated, aside):
    times = {}
    for part in read_parts(rotated, aside):
        assert len(compact(part.flows)) == len(part.flows)
        for source, rows in part.flows.groupby("source", observed=True):
            found = rows["first_seen"].dt.floor(f"{BUCKET_SECONDS}s")
            assert times.get(source) is None or times[source] < found.min()
            times[source] = found.max()
    assert set(times) == {"a.json", "b.json"}


def test_what_is_not_a_flow_comes_once(rotated, aside):
    *parts, last = read_parts(rotated, aside)
    assert all(not part.window.sources and not part.ledger.packets and part.claims.empty for part in parts)
    assert [source.name for source in last.window.sources] == ["a.json", "b.json"]
    assert last.ledger == read_series(rotated, ReadOptions()).ledger


def test_of_an_input_that_was_found_and_cannot_be_read_no_part_tells(rotated, aside, tmp_path):
    path = tmp_path / "bad.json"
    write_unreadable(path)
    expected = read_series(rotated, ReadOptions())
    *parts, last = read_parts([*rotated, (Input(path, "bad.json", found=True), None)], aside)
    assert {name for part in parts for name in part.flows["source"].unique()} == {"a.json", "b.json"}
    assert len(concat_flows(part.flows for part in parts)) == len(expected.flows)
    assert "cannot be read" in last.ledger.events["bad.json", "unreadable"].samples[0].text


def test_one_that_was_named_and_cannot_be_read_is_refused(aside, tmp_path):
    with pytest.raises(UnreadableInput, match="gone does not exist"):
        list(read_parts([(Input(tmp_path / "gone", "gone"), None)], aside))
