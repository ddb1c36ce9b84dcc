"""What is put aside comes back as it was, all rows of a time bucket together, and nothing of it stays on the disk."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors import aside as module
from collectors.aside import Aside
from collectors.errors import PodfenceError
from collectors.formats.rows import Rows

numbers = st.integers(-(1 << 63), (1 << 63) - 1) | st.integers(-3, 3) | st.integers(-40_000, 40_000)
tables = st.lists(st.tuples(st.integers(-2, 4), numbers, st.integers(-1, 1 << 20)), min_size=1, max_size=20)


def rows_of(table):
    bucket, count, port = (np.array(column, dtype=np.int64) for column in zip(*table, strict=True))
    return Rows.of({"bucket": bucket, "count": count, "port": port.astype(np.int32)})


def listed(rows):
    return sorted(zip(*(rows[name].tolist() for name in ("bucket", "count", "port")), strict=True))


@given(st.lists(tables, max_size=4), st.integers(1, 50))
def test_all_rows_come_back_by_buckets_and_no_more_at_once_than_one_bucket_needs(tmp_path_factory, pieces, most):
    aside = Aside(tmp_path_factory.getbasetemp(), most)
    assert not aside
    for piece in pieces:
        aside.put(rows_of(piece))
    assert bool(aside) == bool(pieces)
    parts = list(aside.stretches())
    assert [row for part in parts for row in listed(part)] == sorted(row for piece in pieces for row in piece)
    for part in parts:
        assert len(part) <= most or len(set(part["bucket"].tolist())) == 1
        assert [part[name].dtype for name in ("bucket", "count", "port")] == [np.int64, np.int64, np.int32]
    for one, other in pairwise(parts):
        assert one["bucket"].max() < other["bucket"].min()
        assert len(one) + (other["bucket"] == other["bucket"].min()).sum() > most


def test_what_is_alike_in_all_rows_takes_one_value_of_the_file(tmp_path):
    aside = Aside(tmp_path)
    many = np.arange(100_000)
    aside.put(Rows.of({"bucket": np.full(len(many), 7), "count": many * 0 + 1_000_000, "port": many % 100}))
    (found,) = aside.stretches()
    assert found["count"].strides == found["bucket"].strides == (0,)
    assert (found["count"] == 1_000_000).all()
    assert module.os.fstat(aside._file.fileno()).st_size == 1 + 4 + len(many)


def test_the_file_has_no_name(tmp_path):
    aside = Aside(tmp_path)
    aside.put(rows_of([(0, 1, 2)]))
    assert list(tmp_path.iterdir()) == []


def test_where_it_cannot_be_written_it_says_so(tmp_path):
    with pytest.raises(PodfenceError, match=r"gone cannot be written \(no such file or directory\): name another"):
        Aside(tmp_path / "gone").put(rows_of([(0, 1, 2)]))


def test_on_a_full_disk_it_says_so(tmp_path, monkeypatch):
    with open("/dev/full", "r+b", buffering=0) as full:  # noqa: PTH123 - not as a path
        monkeypatch.setattr(module, "TemporaryFile", lambda **_: full)
        with pytest.raises(PodfenceError, match="no space left on device"):
            Aside(tmp_path).put(rows_of([(0, 1, 2)]))
