"""Tables of a store give back the rows that are asked for, and decode little else."""

import pandas as pd
import pyarrow.parquet as pq
import pytest

from collectors.errors import NewerArtefact, UnreadableInput
from collectors.flows import FLOWS, Flows
from collectors.store_tables import ROWS_OF_GROUP, FlowTable, OpenFile, Wanted, read_part
from collectors.store_writing import write_part
from tests.cluster import flow, flows

DAY = 86_400 * 10**9
MIDNIGHT = pd.Timestamp("2026-11-02T00:00:00Z")


def _rows(count, step="1min"):
    one = flows(flow("10.0.0.1", "10.0.1.1", 80, at=MIDNIGHT))
    times = pd.date_range(MIDNIGHT, periods=count, freq=step, unit="ns")
    return Flows(one.loc[one.index.repeat(count)].assign(first_seen=times, last_seen=times).reset_index(drop=True))


@pytest.fixture
def table(tmp_path):
    """Rows of three groups, a minute each."""
    return tmp_path / write_part(tmp_path, FLOWS, _rows(2 * ROWS_OF_GROUP + 1), "a")


def _hours(first, last, orientation=""):
    return Wanted(MIDNIGHT.value + first * DAY // 24, MIDNIGHT.value + last * DAY // 24, orientation)


def test_a_stretch_is_all_rows_from_its_start_to_before_its_end(table):
    found = FlowTable.of(table).read(_hours(24, 25))
    whole = read_part(table, FLOWS)
    pd.testing.assert_frame_equal(found, whole[24 * 60 : 25 * 60].reset_index(drop=True))


def test_rows_of_two_groups_are_read_together(table):
    at = ROWS_OF_GROUP // 60
    assert len(FlowTable.of(table).read(_hours(at, at + 1))) == 60


def test_groups_that_a_stretch_does_not_touch_are_not_read(table):
    looked_at = FlowTable.of(table)
    with table.open("r+b") as file:  # the last group of the file is damaged, the first one is not
        file.seek(pq.read_metadata(table).row_group(2).column(0).dictionary_page_offset or 0)
        file.write(b"\xff" * 64)
    assert len(looked_at.read(_hours(0, 1))) == 60
    with pytest.raises(UnreadableInput, match="is missing or damaged"):
        looked_at.read(_hours(2 * ROWS_OF_GROUP // 60, 10**5))


def test_rows_without_a_time_are_in_no_stretch_and_are_asked_for_by_themselves(tmp_path):
    rows = _rows(3)
    rows = Flows(rows.assign(first_seen=rows["first_seen"].where([True, True, False])))
    found = FlowTable.of(tmp_path / write_part(tmp_path, FLOWS, rows))
    assert (len(found.read(_hours(0, 1))), len(found.read(Wanted(None, None)))) == (2, 1)
    timed = FlowTable.of(tmp_path / write_part(tmp_path, FLOWS, _rows(3)))
    assert timed.read(Wanted(None, None)).empty


def test_rows_of_one_orientation_are_asked_for_by_it(tmp_path):
    rows = Flows(_rows(4).assign(orientation=pd.Categorical(["handshake", "unknown", "paired", "unknown"])))
    table = FlowTable.of(tmp_path / write_part(tmp_path, FLOWS, rows))
    assert [len(table.read(_hours(0, 1, name))) for name in ("unknown", "paired", "reported", "")] == [2, 1, 0, 4]
    assert [table.groups[0].may_be(name) for name in ("unknown", "zzz")] == [True, False]


def test_where_a_table_does_not_say_when_its_rows_are_they_are_looked_at(tmp_path):
    rows = _rows(200)
    path = tmp_path / write_part(tmp_path, FLOWS, rows)
    told = FlowTable.of(path)
    pq.write_table(pq.read_table(path), path, write_statistics=False)
    found = FlowTable.of(path)
    assert [(one.first, one.last, one.untimed) for one in found.groups] == [
        (one.first, one.last, one.untimed) for one in told.groups
    ]
    assert len(found.read(_hours(1, 2))) == 60


def test_a_file_that_is_held_open_is_read_after_its_name_is_gone(table):
    held = FlowTable.of(OpenFile.of(table))
    named = FlowTable.of(table)
    table.unlink()
    assert len(held.read(_hours(0, 1))) == len(held.read(_hours(0, 1))) == 60
    with pytest.raises(UnreadableInput, match="is missing or damaged"):
        named.read(_hours(0, 1))
    with pytest.raises(UnreadableInput, match="is missing or damaged"):
        OpenFile.of(table)


def test_what_is_no_table_of_flows_is_refused_when_it_is_looked_at(tmp_path, table):
    for version, fault in (("2", NewerArtefact), ("x", UnreadableInput)):
        told = {"podfence.kind": "podfence/flows", "podfence.version": version}
        pq.write_table(pq.read_table(table).replace_schema_metadata(told), tmp_path / "other.parquet")
        with pytest.raises(fault):
            FlowTable.of(tmp_path / "other.parquet")
    told["podfence.version"] = "1"
    pq.write_table(
        pq.read_table(table).drop_columns(["first_seen"]).replace_schema_metadata(told), tmp_path / "other.parquet"
    )
    with pytest.raises(UnreadableInput, match="holds no flows"):
        FlowTable.of(tmp_path / "other.parquet")
