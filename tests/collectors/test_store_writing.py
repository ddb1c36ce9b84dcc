"""However flows are cut, their table is the same file; nothing is left of a table that is not finished."""

import pandas as pd
import pyarrow.parquet as pq
import pytest

from collectors import store_writing
from collectors.flows import FLOWS, Flows, empty_flows
from collectors.observation import Observation
from collectors.store_tables import ROWS_OF_GROUP, read_part
from collectors.store_writing import FlowWriter, Tables, write_part
from tests.cluster import flow, flows

MIDNIGHT = pd.Timestamp("2026-11-02T00:00:00Z")
MANY = 2 * ROWS_OF_GROUP + 5


def _rows(count):
    """Return rows a second apart, with ever other clients."""
    some = flows(*(flow(f"10.0.0.{number}", "10.0.1.1", 80, at=MIDNIGHT) for number in range(1, 250)))
    times = pd.date_range(MIDNIGHT, periods=count, freq="1s", unit="ns")
    rows = some.take([*range(len(some))] * (count // len(some) + 1))[:count]
    return Flows(rows.assign(first_seen=times, last_seen=times).reset_index(drop=True))


@pytest.mark.parametrize("cut", [1000, ROWS_OF_GROUP, ROWS_OF_GROUP + 1, MANY])
@pytest.mark.parametrize("in_memory", [1, store_writing._IN_MEMORY])
def test_the_file_is_the_same_however_rows_come(tmp_path, monkeypatch, cut, in_memory):
    rows = _rows(MANY)
    expected = write_part(tmp_path, FLOWS, rows, "a")
    monkeypatch.setattr(store_writing, "_IN_MEMORY", in_memory)
    writer = FlowWriter(tmp_path, "a")
    for at in range(0, MANY, cut):
        writer.add(Flows(rows[at : at + cut]))
    assert writer.finish() == expected
    writer.close()
    assert [pq.read_metadata(tmp_path / expected).row_group(at).num_rows for at in (0, 1, 2)] == [32768, 32768, 5]
    pd.testing.assert_frame_equal(read_part(tmp_path / expected, FLOWS), rows, check_categorical=False)


def test_no_rows_are_a_table_too(tmp_path):
    path = tmp_path / write_part(tmp_path, FLOWS, empty_flows())
    pd.testing.assert_frame_equal(read_part(path, FLOWS), empty_flows())


def test_a_group_names_only_the_texts_of_its_rows(tmp_path):
    rows = _rows(ROWS_OF_GROUP + 1)
    path = tmp_path / write_part(tmp_path, FLOWS, rows)
    group = pq.ParquetFile(path).read_row_group(1)
    assert group["src"].combine_chunks().dictionary.to_pylist() == [rows["src"].iloc[-1]]


def test_days_are_tables_of_their_own_also_where_they_come_in_parts(tmp_path):
    rows = _rows(3)
    rows = Flows(rows.assign(first_seen=[MIDNIGHT, MIDNIGHT + pd.Timedelta("1h"), MIDNIGHT + pd.Timedelta("1D")]))
    rows = Flows(rows.astype({"first_seen": "datetime64[ns, UTC]"}))
    with Tables(tmp_path, by_day=True) as tables:
        for cut in (slice(0, 1), slice(1, 3)):
            tables.add(Observation(Flows(rows[cut])))
        (paths,) = tables.finish().values()
    assert [path.split("/")[0] for path in paths] == ["2026-11-02", "2026-11-03"]
    assert [len(read_part(tmp_path / path, FLOWS)) for path in paths] == [2, 1]


def test_of_tables_that_are_not_finished_nothing_is_left(tmp_path, monkeypatch):
    monkeypatch.setattr(store_writing, "_IN_MEMORY", 1)
    with Tables(tmp_path) as tables:
        tables.add(Observation(_rows(MANY)))
    assert list(tmp_path.rglob("*")) == []
