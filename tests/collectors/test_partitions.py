"""Flows by stretches of time: all of them, in order, and no bucket in two."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.flows import Flows, empty_flows
from collectors.observation import compact, concat_flows
from collectors.partitions import Partitions, in_order
from tests.cluster import flow, flows

MIDNIGHT = pd.Timestamp("2026-11-02T00:00:00Z")
MOMENTS = st.lists(st.integers(-200_000, 200_000), min_size=1, max_size=12)


def _at(*seconds):
    return flows(*(flow("10.0.0.1", f"10.0.1.{at}", 80, at=MIDNIGHT + pd.Timedelta(seconds=second))
                   for at, second in enumerate(seconds)))  # fmt: skip


@given(MOMENTS, st.sampled_from([60, 3600, 86400]))
def test_the_parts_are_all_flows_each_once_in_the_order_of_time(moments, seconds):
    whole = _at(*moments)
    parts = list(in_order(Partitions(whole, seconds)))
    pd.testing.assert_frame_equal(compact(concat_flows(parts)), compact(whole))
    assert all(part["first_seen"].max() - part["first_seen"].min() < pd.Timedelta(seconds=seconds) for part in parts)


def test_parts_may_be_iterated_over_again():
    parts = Partitions(_at(-1, 0, 1))
    assert [len(part) for part in parts] == [len(part) for part in parts] == [1, 2]


def test_no_flows_are_one_empty_part():
    assert [len(part) for part in Partitions(empty_flows())] == [0]


def test_rows_without_a_time_come_first_by_themselves():
    whole = _at(0, 1, 2)
    untimed = Flows(whole.assign(first_seen=whole["first_seen"].mask([False, True, False])))
    assert [list(part["dst"]) for part in in_order(Partitions(untimed))] == [["10.0.1.1"], ["10.0.1.0", "10.0.1.2"]]


def test_a_part_knows_only_the_texts_that_are_in_it():
    first, second = Partitions(_at(-1, 0))
    assert [list(part["dst"].cat.categories) for part in (first, second)] == [["10.0.1.0"], ["10.0.1.1"]]


@pytest.mark.parametrize("seconds", [0, -60, 61])
def test_parts_that_would_cut_a_bucket_are_refused(seconds):
    with pytest.raises(ValueError, match="would cut a bucket"):
        Partitions(_at(0), seconds)


@pytest.mark.parametrize("moments", [(60, 0), (0, 30)])
def test_parts_that_overlap_or_go_back_in_time_are_refused(moments):
    with pytest.raises(ValueError, match="not in the order of time"):
        list(in_order(_at(moment) for moment in moments))
