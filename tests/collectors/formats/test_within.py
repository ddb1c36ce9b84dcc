"""Of a period every record counts that begins in it, no other does, and each is in the balance."""

import io
from itertools import pairwise

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.formats import generic
from collectors.formats.batch import Claim, Loss, within
from collectors.formats.mapping import columns_mapping
from collectors.formats.period import Period
from collectors.formats.within import Within
from tests.collectors.formats import hands
from tests.collectors.formats.hands import SECOND, START
from tests.collectors.formats.observing import observed
from tests.collectors.formats.samples import FOLDER, format_of, samples

MAPPING = columns_mapping("time=at,src=src,dst=dst,dst_port=port,protocol=protocol")
TYPES = [pa.timestamp("s"), pa.timestamp("ms", "UTC"), pa.timestamp("us"), pa.timestamp("ns", "UTC"), pa.int64()]


def parquet(seconds, kind, rows=1 << 20):
    """Return a log of connections at some seconds after START, in row groups of so many rows."""
    count = len(seconds)
    at = pa.array([START // SECOND + second for second in seconds], pa.int64())
    if pa.types.is_timestamp(kind):
        at = at.cast(pa.timestamp("s", kind.tz)).cast(kind)
    columns = {"src": [f"10.0.0.{1 + second % 5}" for second in seconds], "dst": ["10.0.1.1"] * count,
               "port": [80 + second % 3 for second in seconds], "protocol": ["tcp"] * count}  # fmt: skip
    out = io.BytesIO()
    pq.write_table(pa.table({"at": at, **columns}), out, row_group_size=rows)
    return out.getvalue()


class Asked(io.BytesIO):
    """A file that counts the bytes that are read of it."""

    asked = 0

    def read(self, size=-1):
        """Read, and count."""
        piece = super().read(size)
        self.asked += len(piece)
        return piece


times = st.lists(st.integers(0, 600), min_size=1, max_size=40)
ends = st.one_of(st.none(), st.integers(0, 600))


@given(seconds=times, since=ends, until=ends, kind=st.sampled_from(TYPES), rows=st.integers(1, 40))
def test_a_period_of_a_log_is_a_log_of_that_period_however_it_is_laid_out(seconds, since, until, kind, rows):
    period = Period(*(None if end is None else START + end * SECOND for end in (since, until)))
    inside = [one for one in seconds if (since is None or since <= one) and (until is None or one < until)]
    found = observed(Within(generic.Mapped(MAPPING), period), parquet(seconds, kind, rows))
    expected = observed(generic.Mapped(MAPPING), parquet(inside, kind))
    pd.testing.assert_frame_equal(found.flows, expected.flows)
    assert found.left_out.get("outside", 0) == len(seconds) - len(inside)
    assert found.reading.records == len(seconds)


@pytest.mark.parametrize("path", samples(), ids=lambda path: path.name)
def test_what_is_before_a_time_and_what_is_not_are_all_there_is(path):
    form, content = format_of(path), path.read_bytes()
    if form is generic:
        form = generic.Mapped(MAPPING)
        content = parquet(range(9), pa.int64(), 4)
    batches = [batch.records for batch in form.read(io.BytesIO(content))]
    first = sorted(time for records in batches for time in records.first.values.tolist())  # noqa: PD011 - no frame
    size = observed(form, content).reading.records
    for time in {first[0], first[len(first) // 2], first[-1] + 1} if first else {START}:
        periods = Period(until=time), Period(since=time)
        parts = [observed(Within(form, period), content) for period in periods]
        assert [seen.reading.records for seen in parts] == [size, size]
        kept = [size - sum(seen.left_out.values()) for seen in parts]
        assert kept == [sum(one < time for one in first), sum(one >= time for one in first)]


@pytest.mark.parametrize("kind", TYPES, ids=str)
def test_row_groups_of_another_time_are_not_read(kind):
    content = parquet(range(100_000), kind, 10_000)
    period = Period(START + 90_000 * SECOND, None)
    sizes = []
    for form in (generic.Mapped(MAPPING), Within(generic.Mapped(MAPPING), period)):
        stream = Asked(content)
        records = sum(batch.size for batch in form.read(stream))
        sizes.append(stream.asked)
        assert records == 100_000
    assert sizes[1] < sizes[0] / 3


def test_rows_keep_their_numbers_behind_row_groups_that_are_not_read():
    content = parquet([*range(50), 70], pa.int64(), 10)
    read = Within(generic.Mapped(MAPPING), Period(START + 45 * SECOND)).read(io.BytesIO(content))
    assert [number for batch in read for number in batch.records.number.tolist()] == [46, 47, 48, 49, 50, 51]


@pytest.mark.parametrize(
    "at",
    [
        pa.array([START // SECOND, None]), pa.array([START // SECOND, START // 10**6]),
        pa.array(["2026-03-01T10:00:00Z", "2026-03-01T10:00:01Z"]), pa.array([float(START // SECOND)] * 2),
        pa.array([20513, 20514], pa.date32()), pa.array([0, START // SECOND]), pa.array([1, 1 << 63], pa.uint64()),
    ],
    ids=["missing", "two units", "text", "float", "day", "zero", "unsigned"],
)  # fmt: skip
def test_where_the_times_of_a_row_group_are_not_known_for_sure_it_is_read(at):
    out = io.BytesIO()
    columns = {"src": ["10.0.0.1"] * 2, "dst": ["10.0.0.2"] * 2, "port": [80] * 2, "protocol": ["tcp"] * 2}
    pq.write_table(pa.table({"at": at, **columns}), out)
    form, period = generic.Mapped(MAPPING), Period(START + 10**6 * SECOND)
    sizes = [sum(len(batch.records) for batch in form.read(io.BytesIO(out.getvalue())))]
    sizes.append(sum(len(batch.records) for batch in form.read_within(io.BytesIO(out.getvalue()), period)))
    assert sizes[0] == sizes[1]


def test_claims_names_and_losses_of_another_time_say_nothing():
    ends = ("10.0.0.1:40000", "10.0.0.2:80")
    there, gone = START, START + 60 * SECOND
    made = hands.batch(
        [hands.record(*ends), hands.record(*ends, at=60)],
        claims=[Claim(time, "10.0.0.1", "shop", "web") for time in (there, gone)],
        names=[(time, "10.0.0.1", "web.example") for time in (there, gone)],
        losses=[Loss(start, end, 1, "x") for start, end in ((there, gone), (gone, gone), (None, None), (None, gone))],
    )
    left = within(made, Period(until=START + SECOND))
    assert (len(left.records), left.size, [item.kind for item in left.left_out]) == (1, 2, ["outside"])
    assert [claim.time for claim in left.claims] == [name[0] for name in left.names] == [there]
    assert [(loss.start, loss.end) for loss in left.losses] == [(there, gone), (None, None)]
    assert left.left_out[0].samples == ((2, "10.0.0.1 -> 10.0.0.2"),)


def test_it_is_told_by_what_the_format_itself_is_told_by():
    for path, following in pairwise(samples()):
        form = format_of(path)
        wrapped = Within(form, Period())
        assert wrapped.NAME == form.NAME
        for head in (path.read_bytes()[:4096], following.read_bytes()[:4096]):
            assert wrapped.sniff(head) == form.sniff(head)
    assert FOLDER.is_dir()
