"""Flows of stores by stretches of time are those of the whole, cut: none lost, none twice, each compacted as there."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.flows import Flows
from collectors.observation import Observation, ObservationWindow, Source, compact, concat_flows
from collectors.partitions import Partitions, in_order
from collectors.segments import Segments
from collectors.store import load, opened, save
from collectors.stored import merge_stores, open_stores
from collectors.stored_flows import StoredFlows, StoredPartitions
from tests.cluster import flow, flows
from tests.collectors.learned import assert_same, concluding, interval

FEW = settings(max_examples=10)  # each writes stores
MIDNIGHT = pd.Timestamp("2026-11-02T00:00:00Z")
SECONDS = st.one_of(st.none(), st.integers(-100_000, 100_000), st.integers(0, 90))
ROWS = st.lists(st.tuples(SECONDS, st.integers(0, 2), st.sampled_from(["handshake", "unknown"])), max_size=5)
INPUTS = st.lists(
    st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(["one", "other"]), st.integers(1, 3), ROWS), max_size=2
)
"""Of each its name, content, size and rows: one of the same content that is larger has grown."""
STORES = st.lists(st.tuples(st.booleans(), INPUTS), min_size=1, max_size=2)
"""Of each whether it is a learning store, and what it was given."""


def _observed(name, content, size, rows, *, learned):
    """Return what was read of one input; the pieces of a stream have no content by which they are known."""
    found = Observation().flows
    if rows:
        found = flows(*(_row(name, *row) for row in rows))
        found = Flows(found.assign(first_seen=found["first_seen"].mask([second is None for second, *_ in rows])))
    kind, fingerprint = ("live", "") if learned else ("pcap", content)
    end = MIDNIGHT + pd.Timedelta(seconds=size)
    source = Source(name, kind, size, size, MIDNIGHT, end, fingerprint=fingerprint)
    return Observation(found, ObservationWindow.of([source]))


def _row(name, second, at, orientation):
    time = MIDNIGHT + pd.Timedelta(seconds=second or 0)
    return flow("10.0.0.1", f"10.0.1.{at}", 80, at=time, source=name, orientation=orientation)


def _written(folder, learned, inputs):
    observations = [_observed(*one, learned=learned) for one in inputs]
    if not learned:
        for observation in [Observation(), *observations]:
            save(observation, folder)
        return folder
    with Segments(folder) as segments:
        for observation in observations:
            segments.add(observation, {})
    return folder


def _stores(folder, stores):
    return [_written(Path(folder) / f"node-{at}", *one) for at, one in enumerate(stores)]


def _assert_parts_same(found, expected):
    found, expected = list(found), list(expected)
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        pd.testing.assert_frame_equal(one, other.reset_index(drop=True))


@FEW
@given(STORES, st.sampled_from([6 * 3600, 86400]))
def test_the_parts_of_stores_are_those_of_all_flows_at_once(stores, seconds):
    with TemporaryDirectory() as folder:
        places = _stores(folder, stores)
        whole, stored = merge_stores(Observation(), places), open_stores(places)
        _assert_parts_same(replace(stored.parts, seconds=seconds), Partitions(whole.flows, seconds))
        assert_same(stored, whole)


@FEW
@given(STORES, st.sampled_from([2, 5]))
def test_the_finer_parts_of_too_many_rows_are_all_flows_in_order_and_fewer_rows_each(stores, most):
    with TemporaryDirectory() as folder:
        stored = open_stores(_stores(folder, stores))
        parts = list(in_order(replace(stored.parts, most_rows=most)))
        pd.testing.assert_frame_equal(compact(concat_flows(parts)), stored.flows)
        _assert_parts_same(parts, replace(stored.parts, most_rows=most))


@FEW
@given(STORES)
def test_what_nobody_saw_begin_is_the_same_with_all_else_left_out(stores):
    with TemporaryDirectory() as folder:
        parts = open_stores(_stores(folder, stores)).parts
        whole = concat_flows(parts)
        expected = compact(Flows(whole[whole["orientation"] == "unknown"]))
        pd.testing.assert_frame_equal(compact(concat_flows(parts.unoriented())), expected)


def test_what_was_still_open_is_in_the_part_of_its_time(tmp_path):
    with Segments(tmp_path) as segments:
        for number in (1, 2):
            segments.add(interval(number), {"number": b"9000"})
    whole, stored = load(tmp_path, concluding), opened(tmp_path, concluding)
    _assert_parts_same(stored.parts, Partitions(whole.flows))
    assert len(list(stored.parts)) == 2
    assert_same(stored, whole)


def test_a_part_of_too_many_rows_is_cut_until_it_has_few_enough_or_is_a_bucket(tmp_path):
    rows = [_row("a", second, at, "handshake") for second in range(0, 7200, 60) for at in range(3)]
    many = [_row("b", 90_000, at, "handshake") for at in range(50)]
    sources = [Source(name, "pcap", 1, fingerprint=name) for name in ("a", "b")]
    save(Observation(flows(*rows, *many), ObservationWindow.of(sources)), tmp_path)
    parts = replace(opened(tmp_path).parts, most_rows=40)
    assert [len(part) for part in parts] == [*[30] * 12, 50]
    assert [len(part) for part in replace(parts, most_rows=1000)] == [360, 50]


def test_a_wrong_time_decades_ago_makes_no_parts_in_between(tmp_path):
    rows = [_row("a", second, 0, "handshake") for second in (-50 * 365 * 86_400, 0)]
    save(Observation(flows(*rows), ObservationWindow.of([Source("a", "pcap", 1)])), tmp_path)
    assert len(opened(tmp_path).parts.stretches) == 2


def test_no_flows_are_one_empty_part():
    assert [len(part) for part in StoredPartitions((StoredFlows(()),))] == [0]


def test_parts_that_would_cut_a_bucket_are_refused():
    with pytest.raises(ValueError, match="would cut a bucket"):
        StoredPartitions((), 61)
