"""The fold and its verdicts say what the slow reference says, whatever the records are and however they come."""

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.aside import Aside
from collectors.flows import COUNTERS
from collectors.formats.evidence import Seen
from collectors.formats.fold import Fold
from collectors.observation import compact
from tests.collectors.formats.hands import batch, record
from tests.collectors.formats.reference import reference

ADDRESSES = [None, "10.0.0.1", "10.0.0.2", "10.0.0.3", "9.0.0.1", "2001:db8::1"]
counts = st.none() | st.integers(0, 9)
names = st.sampled_from([None, "a", "b", "c"])


def evidence():
    return st.lists(st.sampled_from(list(Seen)), max_size=3).map(lambda bits: sum(set(bits), Seen(0)))


@st.composite
def records(draw, ends):
    """Return one record; few ends and times, so that records meet."""
    src, dst = draw(ends), draw(ends)
    row = record("10.0.0.1:1", "10.0.0.2:2", draw(evidence()), draw(st.integers(0, 200) | st.integers(0, 4000)))
    row["last"] = row["first"] + draw(st.sampled_from([0, 10**8, 10**10, 10**12]))
    row["first"] += draw(st.sampled_from([0, 1, 999_999_999]))
    for side, (address, port) in (("src", src), ("dst", dst)):
        row[side], row[f"{side}_port"] = address, port
        row[f"{side}_namespace"] = draw(names)
        row[f"{side}_pod"] = draw(names if address else st.sampled_from(["a", "b"]))
    row["src_port"] = row["src_port"] if draw(st.integers(0, 4)) else None
    row["protocol"] = draw(st.sampled_from(["TCP", "TCP", "UDP", "ICMP"]))
    row["reporter"] = draw(st.sampled_from([None, "n1", "n2"]))
    row["service_ip"], row["service_port"] = draw(st.sampled_from([(None, None), ("10.96.0.1", 80), ("10.96.0.9", 1)]))
    row["sampled"] = draw(st.sampled_from([1.0, 1.0, 0.5]))
    return row | {name: draw(counts) for name in COUNTERS}


def few(draw):
    """Return ends that a log is about."""
    return st.sampled_from(
        draw(st.lists(st.tuples(st.sampled_from(ADDRESSES), st.integers(1, 3)), min_size=2, max_size=4))
    )


@st.composite
def logs(draw):
    """Return sources: names, and the records of each, in no order."""
    ends = few(draw)
    listed = draw(st.lists(records(ends), max_size=10))
    cut = draw(st.integers(0, len(listed)))
    return [("b.log", listed[:cut]), ("a.log", listed[cut:])]


def folded(sources, pieces=1, minute=60, **others):
    """Return the flows of sources, each cut into so many batches."""
    fold = Fold(minute, **others)
    for name, rows in sources:
        fold.begin_source(name)
        size = -(-len(rows) // pieces) or 1
        for at in range(0, len(rows), size):
            fold.add(batch(rows[at : at + size]).records)
    return fold.finish()


def listed(flows, minute=60):
    """Return flows as the reference has them."""
    flows = flows.astype("object").where(flows.notna(), None)
    rows = flows.rename(columns={"first_seen": "first", "last_seen": "last"}).to_dict("records")
    for row in rows:
        row["first"], row["last"] = row["first"].value, row["last"].value
        row["minute"] = row["first"] // 10**9 // minute
    return sorted((dict(sorted(row.items())) for row in rows), key=repr)


def expected(sources, minute=60):
    return sorted((dict(sorted(row.items())) for row in reference(sources, minute)), key=repr)


@settings(max_examples=150)
@given(logs(), st.integers(1, 4))
def test_the_fold_says_what_the_reference_says(sources, pieces):
    assert listed(folded(sources, pieces)) == expected(sources)


@settings(max_examples=100)
@given(logs(), st.integers(1, 4), st.integers(1, 5))
def test_flows_that_are_put_elsewhere_are_the_same(tmp_path_factory, sources, pieces, most):
    aside = Aside(tmp_path_factory.getbasetemp(), most)
    found = folded(sources, pieces, waiting=1, elsewhere=aside)
    pd.testing.assert_frame_equal(compact(found), folded(sources, pieces, waiting=1))


def test_what_comes_from_elsewhere_comes_by_stretches_of_time_and_is_compact(tmp_path):
    fold = Fold(waiting=1, elsewhere=Aside(tmp_path, 3))
    fold.begin_source("log")
    for minute in range(40):
        fold.add(
            batch(
                [record(f"10.0.0.{host}:1024", "10.0.0.2:80", 0, 60 * minute, connections=1) for host in (3, 4)]
            ).records
        )
    parts = list(fold.finished())
    assert {len(part) for part in parts} == {2}
    assert [part["first_seen"].min() for part in parts] == sorted(part["first_seen"].min() for part in parts)
    assert sum(int(part["connections"].sum()) for part in parts) == 80
