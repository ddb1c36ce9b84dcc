"""Records of one connection become one flow, however they are cut into batches and whoever reports them."""

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from collectors.flows import FLOWS
from collectors.formats.evidence import Seen
from collectors.formats.fold import Fold
from collectors.formats.parts import PATIENCE
from tests.collectors.formats.hands import SECOND, START, batch, flows, only, record

A, B = "10.0.0.1:40000", "10.0.0.2:8080"
OPEN = Seen.BEGAN | Seen.WORKED

ends = st.sampled_from(["10.0.0.1:40000", "10.0.0.1:40001", "10.0.0.2:8080", "[2001:db8::1]:8080", "10.0.0.3:53"])
records = st.builds(
    lambda src, dst, bits, at, long, counts, reporter: record(
        src, dst, bits, at, at + long, packets=counts[0], bytes=counts[1], reporter=reporter
    ),
    ends,
    ends,
    st.sampled_from([0, Seen.OPENED | Seen.SYN, Seen.ANSWERED | Seen.SYN, Seen.CARRIED, Seen.DENIED, OPEN]),
    st.integers(0, 400) | st.integers(0, 9000),
    st.integers(0, 90),
    st.tuples(st.none() | st.integers(0, 9), st.none() | st.integers(0, 999)),
    st.sampled_from([None, "n1", "n2"]),
)


def same(one, other):
    pd.testing.assert_frame_equal(one.astype("object"), other.astype("object"))


@given(st.lists(records, max_size=12), st.data())
def test_batches_may_be_cut_anywhere_and_come_in_any_order(rows, data):
    cut = data.draw(st.integers(0, len(rows)))
    mixed = data.draw(st.permutations(rows))
    whole = flows(rows)
    same(flows(rows[:cut], rows[cut:]), whole)
    same(flows(mixed[:cut], mixed[cut:]), whole)


@given(st.lists(records, max_size=12))
def test_a_connection_counts_once_however_many_records_it_has(rows):
    rows = [{**row, "first": START, "last": START} for row in rows]
    ended = {frozenset([row["src"] + str(row["src_port"]), row["dst"] + str(row["dst_port"])]) for row in rows}
    assert int(flows(rows)["connections"].sum()) == len(ended)


def test_two_reporters_of_one_connection_count_once_and_the_one_that_counted_most_counts():
    mine = record(A, B, OPEN, packets=6, bytes=600, reporter="src")
    yours = record(A, B, OPEN, packets=5, bytes=500, reporter="dst")
    row = only(flows([mine, yours]))
    assert (row["connections"], row["packets"], row["bytes"]) == (1, 6, 600)


def test_parts_of_one_reporter_add_up():
    row = only(flows([record(A, B, OPEN, packets=6), record(A, B, OPEN, 5, packets=2)]))
    assert (row["connections"], row["packets"]) == (1, 8)


def test_the_other_direction_is_the_reply():
    row = only(
        flows([record(A, B, Seen.OPENED, packets=6, bytes=60), record(B, A, Seen.ANSWERED, 1, packets=4, bytes=44)])
    )
    assert (row["packets"], row["bytes"], row["reply_packets"], row["reply_bytes"]) == (6, 60, 4, 44)


def test_counters_that_are_not_known_stay_unknown():
    row = only(flows([record(A, B, OPEN, packets=6)]))
    assert row["packets"] == 6
    assert all(pd.isna(row[name]) for name in ("bytes", "reply_packets", "reply_bytes"))


def test_a_long_connection_has_a_row_for_each_minute_and_counts_in_the_first():
    found = flows([record(A, B, OPEN, 0, 50), record(A, B, OPEN, 70, 80)])
    assert list(found["connections"]) == [1, 0]
    assert list(found["first_seen"].dt.minute) == [0, 1]


def test_the_same_ends_after_a_long_silence_are_another_connection():
    later = 2 * PATIENCE // SECOND
    found = flows([record(A, B, OPEN), record(A, B, OPEN, later), record(B, A, Seen.CARRIED, 2 * later)])
    assert list(found["connections"]) == [1, 1, 1]
    assert list(found["orientation"]) == ["reported", "reported", "unknown"]


def test_what_one_record_knows_of_a_connection_holds_for_all_of_it():
    """The SYN of the first minute says who began the packets of the second."""
    found = flows([record(A, B, Seen.OPENED | Seen.SYN), record(B, A, Seen.CARRIED, 70)])
    assert list(found["src"]) == ["10.0.0.1", "10.0.0.1"]
    assert list(found["orientation"]) == ["handshake", "handshake"]


def test_claims_and_the_service_go_with_their_end():
    asked = record(A, B, Seen.OPENED, src_namespace="shop", src_pod="web-1", service_ip="10.96.0.1", service_port=80)
    answered = record(B, A, Seen.ANSWERED, 1, src_namespace="data", src_pod="redis-0")
    row = only(flows([answered, asked]))
    assert (row["src_namespace"], row["src_pod"]) == ("shop", "web-1")
    assert (row["dst_namespace"], row["dst_pod"]) == ("data", "redis-0")
    assert (row["service_ip"], row["service_port"]) == ("10.96.0.1", 80)


def test_without_a_client_port_records_add_up_by_their_direction():
    one, other = "10.0.0.1", "10.0.0.2:8080"
    row = only(flows([record(one, other, OPEN, connections=3), record(one, other, OPEN, 1, connections=4)]))
    assert (row["connections"], row["outcome"]) == (7, "established")
    assert pd.isna(only(flows([record(one, other, OPEN)]))["connections"])


def test_counts_of_several_connections_are_held_against_as_many():
    counted = {"packets": 6, "bytes": 480, "reply_packets": 3, "reply_bytes": 240}
    assert only(flows([record("10.0.0.1", B, Seen.BEGAN, connections=1, **counted)]))["outcome"] == "established"
    assert only(flows([record("10.0.0.1", B, Seen.BEGAN, connections=3, **counted)]))["outcome"] == "unknown"


def test_ends_without_addresses_are_told_apart_by_the_pods_they_claim():
    rows = [
        {**record("10.0.0.1", B, OPEN), "src": None, "src_namespace": "shop", "src_pod": pod} for pod in ("a-*", "b-*")
    ]
    found = flows(rows)
    assert sorted(found["src_pod"]) == ["a-*", "b-*"]
    assert found["src"].isna().all()


def test_the_side_whose_port_more_peers_used_is_the_server_where_nobody_knows():
    late = Seen.CARRIED
    clients = [record(f"10.0.0.{host}:40000", "10.0.0.2:50051", late) for host in range(3, 9)]
    found = flows([*clients, record("10.0.0.2:50051", "10.0.0.1:40000", late)])
    assert set(found["dst"]) == {"10.0.0.2"}
    assert set(found["dst_port"]) == {50051}


def test_a_sampled_record_says_what_share_was_kept():
    assert only(flows([record(A, B, OPEN, sampled=0.02)]))["sampled"] == pd.Series([0.02], dtype="Float32")[0]


def test_memory_grows_with_open_connections_not_with_records():
    fold = Fold()
    fold.begin_source("log")
    step = 2 * PATIENCE // SECOND
    for turn in range(6):
        rows = [record(f"10.0.0.1:{port}", B, OPEN, turn * step) for port in range(1024, 61024)]
        fold.add(batch(rows).records)
        assert len(fold) <= 5 * len(rows)
    assert int(fold.finish()["connections"].sum()) == 6 * 60_000


def test_nothing_comes_of_nothing():
    empty = flows()
    assert empty.empty
    assert list(empty.columns) == FLOWS.names
