"""compact and merge are sums: associative, independent of order, and nothing is lost."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import collectors.observation
from collectors.digests import digests
from collectors.flows import COUNTERS, FLOWS, conform_flows, empty_flows
from collectors.ledger import LedgerWriter
from collectors.observation import (
    LIVE,
    Gap,
    Observation,
    ObservationWindow,
    Source,
    compact,
    concat_flows,
    join_sources,
    merge,
)

COUNT = st.one_of(st.none(), st.integers(0, 5))
ROW = st.fixed_dictionaries(
    {
        "first_seen": st.integers(0, 200).map(lambda s: pd.Timestamp(s, unit="s", tz="UTC")),
        "src": st.sampled_from(["10.0.0.1", "10.0.0.2"]),
        "dst": st.sampled_from(["10.0.0.3", "fd00::1"]),
        "dst_port": st.sampled_from([53, 80]),
        "protocol": st.sampled_from(["TCP", "UDP"]),
        "outcome": st.sampled_from(["established", "refused"]),
        "service_ip": st.sampled_from([None, "10.96.0.1"]),
        "service_port": st.sampled_from([None, 80]),
        "src_pod": st.sampled_from([None, "a", "b"]),
        "sampled": st.sampled_from([None, 1.0, 0.1]),
        "source": st.sampled_from([None, "x", "y"]),
        **dict.fromkeys(COUNTERS, COUNT),
    }
)


def flows_of(rows):
    frame = pd.DataFrame(rows)
    return conform_flows(frame.assign(last_seen=frame["first_seen"])) if rows else empty_flows()


FLOW_FRAMES = st.lists(ROW, max_size=12).map(flows_of)
QUICK = settings(max_examples=25, deadline=None)


@QUICK
@given(FLOW_FRAMES, FLOW_FRAMES)
def test_compact_is_associative(a, b):
    once = compact(concat_flows([a, b]))
    twice = compact(concat_flows([compact(a), compact(b)]))
    pd.testing.assert_frame_equal(once, twice)


@QUICK
@given(FLOW_FRAMES, FLOW_FRAMES)
def test_compact_is_independent_of_order(a, b):
    pd.testing.assert_frame_equal(compact(concat_flows([a, b])), compact(concat_flows([b, a])))


@QUICK
@given(FLOW_FRAMES)
def test_compact_conserves_counters_and_times_and_keeps_the_schema(flows):
    total = compact(flows)
    FLOWS.check(total)
    assert len(total) <= len(flows)
    for name in COUNTERS:
        assert total[name].sum() == flows[name].sum()
    if not flows.empty:
        assert total["first_seen"].min() == flows["first_seen"].min()
        assert total["last_seen"].max() == flows["last_seen"].max()


@QUICK
@given(FLOW_FRAMES)
def test_compact_leaves_one_row_per_key_and_bucket(flows):
    total = compact(flows)
    keys = [name for name in FLOWS.names if name not in (*COUNTERS, "first_seen", "last_seen")]
    assert not total.assign(bucket=total["first_seen"].dt.floor("60s")).duplicated([*keys, "bucket"]).any()


@QUICK
@given(FLOW_FRAMES, st.integers(1, 3))
def test_keys_that_share_a_digest_stay_apart(flows, most):
    def few(columns, rows):
        return digests(columns, rows) % np.uint64(most)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(collectors.observation, "digests", few)
        found = compact(flows)

    pd.testing.assert_frame_equal(found, compact(flows))


def test_a_row_never_spans_a_bucket():
    rows = [
        {"first_seen": pd.Timestamp(second, unit="s", tz="UTC"), "src": "a", "packets": 1}
        for second in (0, 59, 60, 119)
    ]
    assert list(compact(flows_of(rows))["packets"]) == [2, 2]
    assert list(compact(flows_of(rows), 30)["packets"]) == [1, 1, 1, 1]
    assert list(compact(flows_of(rows), "2min")["packets"]) == [4]


def test_unknown_counters_stay_unknown():
    rows = [{"first_seen": pd.Timestamp(0, tz="UTC"), "packets": 1, "bytes": None, "connections": None}] * 2
    total = compact(flows_of([{**rows[0], "connections": 4}, rows[1]]))
    assert total["bytes"].isna().all()
    assert list(total["connections"]) == [4]


def observation(name, second, rows):
    time = pd.Timestamp(second, unit="s", tz="UTC")
    writer = LedgerWriter()
    writer.packet(name, "not_ip", second)
    source = Source(name, "pcap", 3, 10, time, time, second)
    return Observation(flows_of(rows), ObservationWindow.of([source], [Gap(name, time, time, second)]), writer.ledger())


@QUICK
@given(st.lists(ROW, max_size=4), st.lists(ROW, max_size=4), st.lists(ROW, max_size=4))
def test_merge_is_associative_and_independent_of_order(one, two, three):
    a, b, c = observation("a", 1, one), observation("b", 2, two), observation("c", 3, three)
    whole = merge([a, b, c])
    for other in (merge([merge([a, b]), c]), merge([a, merge([b, c])]), merge([c, b, a])):
        pd.testing.assert_frame_equal(other.flows, whole.flows)
        assert other.window == whole.window
        assert other.ledger == whole.ledger
    assert whole.window.drops == 6
    assert (whole.window.start, whole.window.end) == (a.window.start, c.window.end)


def test_merging_nothing_is_an_empty_observation():
    nothing = merge([])
    FLOWS.check(nothing.flows)
    assert nothing.window == ObservationWindow()


@pytest.mark.parametrize("change", [{"packets": 4}, {"fingerprint": "other"}, {"size": 9}])
def test_a_source_is_the_same_under_another_name_but_not_with_other_content(change):
    source = Source("x", "pcap", 3, 10, fingerprint="f")
    assert source.same(Source("renamed", "pcap", 3, 10, fingerprint="f"))
    assert not source.same(
        Source(**{"name": "x", "kind": "pcap", "packets": 3, "size": 10, "fingerprint": "f"} | change)
    )


MOMENT = st.integers(0, 9).map(lambda second: pd.Timestamp(second, unit="s", tz="UTC"))
PIECE = st.builds(
    Source,
    name=st.sampled_from(["eth0", "lo"]),
    kind=st.sampled_from([LIVE, "hubble"]),
    packets=st.integers(0, 5),
    size=st.integers(0, 5),
    start=st.none() | MOMENT,
    end=st.none() | MOMENT,
    drops=st.integers(0, 5),
)
FILE = st.builds(Source, st.just("eth0"), st.sampled_from([LIVE, "pcap"]), st.integers(0, 5), fingerprint=st.just("f"))
WINDOWS = st.lists(PIECE | FILE, max_size=6).map(ObservationWindow.of)


@QUICK
@given(WINDOWS, WINDOWS, WINDOWS)
def test_joining_the_pieces_of_streams_is_associative_and_independent_of_order(a, b, c):
    whole = join_sources(a + b + c)
    assert whole == join_sources(join_sources(a + b) + c) == join_sources(a + join_sources(c + b))
    assert whole == join_sources(whole)


@QUICK
@given(WINDOWS)
def test_joined_pieces_lose_nothing_and_files_stay_as_they_are(window):
    joined = join_sources(window)
    assert (joined.start, joined.end, joined.drops) == (window.start, window.end, window.drops)
    for count in ("packets", "size", "drops"):
        assert sum(getattr(one, count) for one in joined.sources) == sum(getattr(one, count) for one in window.sources)
    streams = [(one.name, one.kind, one.fingerprint) for one in joined.sources if one.is_stream]
    assert len(streams) == len(set(streams))
    assert [one for one in joined.sources if not one.is_stream] == [one for one in window.sources if not one.is_stream]


def test_a_stream_that_went_on_continues_its_former_self_whatever_a_budget_took_and_no_other():
    first, later, last = (pd.Timestamp(second, unit="s", tz="UTC") for second in (1, 2, 3))
    before = Source("eth0", LIVE, 9, 900, first, later)
    assert Source("eth0", LIVE, 5, 500, first, last).continues(before)
    assert not before.continues(before)
    assert not Source("eth1", LIVE, 10, 1000, first, last).continues(before)
    assert not Source("eth0", LIVE, 10, 1000, later, last).continues(before)
    assert not Source("eth0", LIVE, 10, 1000).continues(Source("eth0", LIVE, 0))
