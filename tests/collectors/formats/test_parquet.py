"""Parquet files become columns like those of text, in bounded memory."""

import io
import tracemalloc
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from collectors.errors import UnreadableInput
from collectors.formats.columns import Field, Kind
from collectors.formats.parquet import MAGIC, read_parquet

NOON = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
NANOSECONDS = int(NOON.timestamp() * 1000) * 10**6


def written(**columns):
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


def column(array, kind, path=("x",)):
    """Return what a column of one file is read as, as a list."""
    field = Field(path, kind)
    (columns,) = read_parquet(io.BytesIO(written(x=array)), [field])
    assert columns.number.tolist() == list(range(1, len(array) + 1))
    found = columns.fields[field]
    if kind is Kind.TEXT:
        return [found.at(row) for row in range(len(found))]
    return [int(value) if known else None for value, known in zip(found.values, found.known, strict=True)]


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (pa.array(["a", None, "-", "a"]), ["a", None, None, "a"]), (pa.array([6, None]), ["6", None]),
        (pa.array([True, False, None]), ["true", "false", None]),
        (pa.array(["a", "b"]).dictionary_encode(), ["a", "b"]),
        (pa.array([b"a", b"\xff"]), ["a", None]), (pa.array([[1], [2]]), [None, None]), (pa.nulls(2), [None, None]),
    ],
)  # fmt: skip
def test_texts_are_as_they_are_written(array, expected):
    assert column(array, Kind.TEXT) == expected


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (pa.array([1, None, -3], pa.int8()), [1, None, -3]), (pa.array([2**63, 7], pa.uint64()), [None, 7]),
        (pa.array(["80", "x", "-"]), [80, None, None]), (pa.array([80.0, 0.5]), [80, 0]), (pa.array([True]), [None]),
        (pa.array([Decimal("1.5")]), [None]), (pa.nulls(1), [None]),
    ],
)  # fmt: skip
def test_numbers_are_whole_numbers_of_any_type(array, expected):
    assert column(array, Kind.NUMBER) == expected


@pytest.mark.parametrize(
    "array",
    [
        pa.array([NOON], pa.timestamp("ms", "UTC")), pa.array([NOON], pa.timestamp("us", "Europe/Berlin")),
        pa.array([NOON.replace(tzinfo=None)], pa.timestamp("ns")), pa.array([NOON.isoformat()]),
        pa.array([NOON.timestamp()]),
        pa.array([NANOSECONDS]), pa.array([NANOSECONDS // 10**6]),
    ],
)  # fmt: skip
def test_times_are_of_any_type(array):
    assert column(array, Kind.TIME) == [NANOSECONDS]


def test_times_before_1970_are_none():
    assert column(pa.array([datetime(1960, 1, 1, tzinfo=UTC), None], pa.timestamp("s", "UTC")), Kind.TIME) == [
        None,
        None,
    ]


def test_a_path_leads_into_structs():
    array = pa.array([{"ip": "10.0.0.1", "end": {"port": 80}}, {"ip": None, "end": None}, None])
    assert column(array, Kind.TEXT, ("x", "ip")) == ["10.0.0.1", None, None]
    assert column(array, Kind.NUMBER, ("x", "end", "port")) == [80, None, None]
    for path in (("x", "no"), ("x", "ip", "deeper"), ("y",), ("x",)):
        assert column(array, Kind.TEXT, path) == [None, None, None]


def test_the_names_of_all_columns_are_checked_first():
    def refuse(names):
        raise UnreadableInput(", ".join(names))

    with pytest.raises(UnreadableInput, match="x, y"):
        list(read_parquet(io.BytesIO(written(x=[1], y=[2])), [], refuse))


@pytest.mark.parametrize("content", [MAGIC, b"", written(x=[1] * 99)[:-1], b"PAR1" + b"\0" * 99 + b"PAR1"])
def test_a_file_that_is_cut_or_damaged_is_one_sentence(content):
    with pytest.raises(UnreadableInput, match="no whole Parquet file") as raised:
        list(read_parquet(io.BytesIO(content), [Field(("x",))]))
    assert str(raised.value).isprintable()


def test_damage_inside_is_never_an_error_of_another_kind():
    whole = written(x=["some text"] * 999, y=list(range(999)))
    fields = [Field(("x",)), Field(("y",), Kind.NUMBER)]
    for at in range(4, len(whole), 41):
        damaged = whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :]
        with suppress(UnreadableInput):
            assert sum(map(len, read_parquet(io.BytesIO(damaged), fields))) <= 999


def test_a_long_file_is_read_in_stretches():
    rows = 300_000
    content = written(x=pa.array(range(rows)), y=pa.array([f"a text of some length {n}" for n in range(rows)]))
    fields = [Field(("x",), Kind.NUMBER)]
    list(read_parquet(io.BytesIO(content), fields))  # what is imported and kept stays out of the measure
    tracemalloc.start()
    sizes = [len(columns) for columns in read_parquet(io.BytesIO(content), fields)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sum(sizes) == rows
    assert max(sizes) < rows / 4
    assert peak < len(content) + (8 << 20)
