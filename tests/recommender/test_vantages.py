from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.flows import OUTCOMES, empty_flows
from collectors.observation import ObservationWindow, Source
from recommender.communications import summarize
from recommender.resolve import resolve
from recommender.vantages import AGAIN, VOLUMES, once
from tests.cluster import deployment, flow, flows, inventory, pod, service, slices

CLUSTER = inventory(
    deployment("web", ["10.0.0.1", "10.0.0.2"]),
    deployment("api", ["10.0.0.3", "10.0.0.4"]),
    pod("db", "10.0.0.9"),
    service("api", "10.96.0.1", 80),
    slices("api", 8080, [("10.0.0.3", "api-5d9c7b-0"), ("10.0.0.4", "api-5d9c7b-1")]),
    service("db", "10.96.0.2", 5432),
    slices("db", 5432, [("10.0.0.9", "db")]),
)
HOUR = pd.Timestamp("2026-11-01T11:00:00Z")


def _window(**spans):
    """Make a window of sources, each from and to a second of the hour."""
    moments = {name: [HOUR + pd.Timedelta(seconds=second) for second in span] for name, span in spans.items()}
    return ObservationWindow.of(Source(name, "pcap", 1, start=start, end=end) for name, (start, end) in moments.items())


BOTH = _window(a=(0, 3600), b=(10, 3600), c=(0, 3500))


def _once(*rows, window=BOTH):
    return once(resolve(flows(*rows), CLUSTER), window)


def _seen(*rows, window=BOTH):
    return summarize(_once(*rows, window=window))


def _row(source, port=5432, dst="10.0.0.9", **more):
    return flow("10.0.0.1", dst, port, source=source, **more)


def test_a4_a_connection_that_two_nodes_captured_counts_once_and_both_reports_are_kept():
    (found,) = _seen(_row("a", connections=3, packets=30), _row("b", connections=3, packets=29))
    assert found.evidence.connections == 3
    assert found.evidence.packets == 30
    assert found.evidence.sources == ("a", "b")


def test_a4_the_source_that_saw_most_counts_for_each_counter():
    (found,) = _seen(
        _row("a", connections=2, packets=30, bytes=100, reply_packets=7, reply_bytes=70),
        _row("b", connections=5, packets=20, bytes=900, reply_packets=8, reply_bytes=60),
        _row("c", connections=1, packets=10, bytes=800, reply_packets=9, reply_bytes=80),
    )
    evidence = found.evidence
    assert (evidence.connections, evidence.packets, evidence.bytes) == (5, 30, 900)
    assert (evidence.reply_packets, evidence.reply_bytes) == (9, 80)


def test_a4_rows_of_one_source_are_added_up():
    (found,) = _seen(_row("a", connections=2), _row("a", connections=3), _row("b", connections=4))
    assert found.evidence.connections == 5


def test_a4_rotated_files_of_one_vantage_point_are_added_up():
    window = _window(a=(0, 30), b=(30, 60))
    (found,) = _seen(_row("a", connections=2), _row("b", connections=3), window=window)
    assert found.evidence.connections == 5


def test_a4_rotated_files_beside_another_vantage_point_are_one_view_of_two():
    window = _window(a=(0, 30), b=(30, 60), c=(0, 60))
    rows = _row("a", connections=2), _row("b", connections=3)
    assert _seen(*rows, _row("c", connections=4), window=window)[0].evidence.connections == 5
    assert _seen(*rows, _row("c", connections=7), window=window)[0].evidence.connections == 7


def test_a4_two_vantage_points_that_rotate_at_different_times_are_two_views():
    window = _window(a1=(0, 20), a2=(21, 60), b1=(0, 40), b2=(41, 60))
    counts = {"a1": 2, "a2": 3, "b1": 4, "b2": 1}
    (found,) = _seen(*(_row(name, connections=count) for name, count in counts.items()), window=window)
    assert found.evidence.connections == 5


def test_a4_a_source_without_known_time_may_be_a_view_of_anything():
    (found,) = _seen(_row("a", connections=2), _row("unheard of", connections=3))
    assert found.evidence.connections == 3


def test_a4_two_sources_of_one_and_the_same_instant_are_two_views():
    (found,) = _seen(_row("a"), _row("b"), window=_window(a=(5, 5), b=(5, 5)))
    assert found.evidence.connections == 1


def test_a4_another_time_bucket_port_or_address_is_other_traffic():
    later = HOUR + pd.Timedelta(minutes=1)
    assert _seen(_row("a"), _row("b", at=later))[0].evidence.connections == 2
    assert [c.evidence.connections for c in _seen(_row("a"), _row("b", port=6379))] == [1, 1]
    assert _seen(_row("a", 8080, "10.0.0.3"), _row("b", 8080, "10.0.0.4"))[0].evidence.connections == 2


def test_a4_before_and_after_service_translation_is_one_connection():
    (found,) = _seen(_row("a", dst="10.96.0.2", connections=2), _row("b", connections=2))
    assert found.evidence.connections == 2
    assert found.evidence.services == ("shop/db:5432",)


def test_a4_trace_points_before_and_after_translation_in_one_capture_are_one_connection():
    (found,) = _seen(_row("a", dst="10.96.0.2", connections=2), _row("a", connections=2))
    assert found.evidence.connections == 2


def test_a4_a_service_seen_at_the_client_and_its_pods_seen_at_two_servers_are_one():
    (found,) = _seen(
        _row("a", 80, "10.96.0.1", connections=5),
        _row("b", 8080, "10.0.0.3", connections=2),
        _row("c", 8080, "10.0.0.4", connections=3),
    )
    assert found.evidence.connections == 5


@pytest.mark.parametrize("partial", ["unknown", "half_open", "unanswered", "allowed"])
def test_a4_established_from_one_vantage_point_beats_a_partial_view(partial):
    (found,) = _seen(_row("a", outcome=partial, orientation="unknown", connections=2), _row("b", connections=2))
    assert found.evidence.connections == 2
    assert found.evidence.failed == ()
    assert found.evidence.orientations == ("handshake",)


def test_a4_attempts_beyond_those_that_another_view_saw_established_stay_what_they_were():
    (found,) = _seen(_row("a", outcome="unknown", connections=5), _row("b", connections=2))
    assert found.evidence.connections == 2
    assert found.evidence.failed == (("unknown", 3),)


def _logged(source="log", dst=None, **more):
    claims = {"src_namespace": "shop", "src_pod": "web-5d9c7b-0", "dst_namespace": "shop", "dst_pod": "db"}
    return flow(None, dst, 5432, source=source, **(claims if dst is None else {**claims, "dst_pod": None}), **more)


def test_a4_a_log_without_addresses_beside_a_capture_is_a_second_view_of_the_same_connections():
    (found,) = _seen(_logged(connections=3, outcome="allowed"), _row("a", connections=2))
    assert (found.evidence.connections, found.evidence.allowed, found.evidence.sources) == (2, 1, ("a", "log"))


def test_a4_different_addresses_outside_are_no_views_of_one_another():
    outside = _logged(dst="203.0.113.1"), _row("a", dst="203.0.113.2")
    assert [one.evidence.connections for one in _seen(*outside)] == [1, 1]
    assert not _once(*outside)[AGAIN].any()


def test_a4_a_reply_seen_from_elsewhere_makes_one_way_datagrams_a_conversation():
    rows = (
        flow("10.0.0.1", "10.0.0.9", 53, "UDP", source="a", outcome="unanswered"),
        flow("10.0.0.1", "10.0.0.9", 53, "UDP", source="b"),
    )
    (found,) = _seen(*rows)
    assert (found.evidence.connections, found.evidence.one_way) == (1, 0)


@pytest.mark.parametrize("definite", ["denied", "refused"])
def test_a4_what_was_denied_or_refused_is_never_taken_for_what_worked(definite):
    (found,) = _seen(_row("a", outcome=definite, connections=2), _row("b", connections=3))
    assert found.evidence.connections == 3
    assert found.evidence.failed == ((definite, 2),)


@pytest.mark.parametrize("better", ["denied", "refused", "audited", "half_open", "unanswered"])
def test_a2_a_view_that_knows_what_became_of_it_decides_over_a_policy_that_let_it_through(better):
    (found,) = _seen(_row("a", outcome="allowed", connections=2), _row("b", outcome=better, connections=2))
    assert not found.evidence.worked
    assert found.evidence.failed == ((better, 2),)


def test_a2_what_a_policy_let_through_beyond_what_was_denied_elsewhere_stays_let_through():
    (found,) = _seen(_row("a", outcome="allowed", connections=5), _row("b", outcome="denied", connections=2))
    assert (found.evidence.allowed, found.evidence.failed) == (3, (("denied", 2),))


def test_a4_the_failure_that_two_views_report_is_one_attempt():
    frame = _once(_row("a", outcome="refused", connections=2), _row("b", outcome="refused", connections=2))
    assert _tried(frame).sum() == 2
    assert frame[AGAIN].sum() == 1
    assert set(frame["source"]) == {"a", "b"}


def test_a4_the_more_telling_failure_counts():
    frame = _once(_row("a", outcome="unanswered", connections=2), _row("b", outcome="half_open", connections=2))
    counted = frame[~frame[AGAIN]]
    assert counted["outcome"].tolist() == ["half_open"]
    assert counted["connections"].tolist() == [2]


@pytest.mark.parametrize(
    ("weaker", "stronger"),
    [("unknown", "port_hint"), ("port_hint", "reported"), ("reported", "paired"), ("paired", "handshake")],
)
def test_a4_the_better_orientation_of_two_views_counts(weaker, stronger):
    for first, second in ((weaker, stronger), (stronger, weaker)):
        (found,) = _seen(_row("a", 9999, orientation=first), _row("b", 9999, orientation=second))
        assert found.evidence.orientations == (stronger,)


def test_a4_counters_that_are_not_known_stay_so():
    frame = _once(_row("a", packets=None, connections=None), _row("b", packets=4))
    assert frame["packets"].isna().tolist() == [True, False]
    assert frame["connections"].isna().tolist() == [True, False]


def test_no_flows_and_one_view_are_left_as_they_are():
    assert once(resolve(empty_flows(), CLUSTER), BOTH)[AGAIN].tolist() == []
    resolved = resolve(flows(_row("a"), _row("a", outcome="refused"), _row("b", port=6379)), CLUSTER)
    pd.testing.assert_frame_equal(once(resolved, BOTH).drop(columns=AGAIN), resolved)


ROWS = st.fixed_dictionaries(
    {
        "dst": st.sampled_from(["10.0.0.3", "10.0.0.4", "10.0.0.9"]),
        "port": st.sampled_from([80, 53]),
        "protocol": st.sampled_from(["TCP", "UDP"]),
        "source": st.sampled_from(["a", "b", "c", "d"]),
        "outcome": st.sampled_from(OUTCOMES),
        "orientation": st.sampled_from(["handshake", "paired", "port_hint", "unknown"]),
        "connections": st.none() | st.integers(0, 9),
        "packets": st.none() | st.integers(0, 99),
        "bytes": st.integers(0, 99),
        "at": st.sampled_from([HOUR, HOUR + pd.Timedelta(minutes=1)]),
    }
)
SPANS = st.fixed_dictionaries({name: st.tuples(st.integers(0, 60), st.integers(60, 90)) for name in "abcd"})


def _made(row):
    return flow("10.0.0.1", **row)


def _tried(frame):
    """Return the attempts of each row as summarize counts them, where it heeds `again`."""
    least = (frame["outcome"] != "established").astype("int64")
    if AGAIN in frame:
        least = least.where(~frame[AGAIN], 0)
    return frame["connections"].fillna(0).astype("int64").clip(lower=least)


def _views_alike(rows, many):
    alone = [_made({**row, "source": "a"}) for row in rows]
    return alone, [{**row, "source": source} for source in "abc"[:many] for row in alone]


@given(st.lists(ROWS, min_size=1, max_size=12), st.integers(2, 3))
def test_a4_flows_that_several_sources_saw_alike_give_the_communications_of_one(rows, many):
    alone, copies = _views_alike(rows, many)
    assert [replace(c, evidence=replace(c.evidence, sources=())) for c in _seen(*copies)] == [
        replace(c, evidence=replace(c.evidence, sources=())) for c in _seen(*alone)
    ]


@given(st.lists(ROWS, min_size=1, max_size=10), st.integers(2, 3))
def test_a4_attempts_by_outcome_that_several_sources_saw_alike_count_as_for_one(rows, many):
    alone, copies = _views_alike(rows, many)

    def counted(frame):
        sums = _tried(frame).groupby([frame[name].astype(str) for name in ("dst", "port", "protocol", "outcome")]).sum()
        return sums[sums > 0].to_dict()

    assert counted(_once(*copies)) == counted(resolve(flows(*alone), CLUSTER))


@given(st.lists(ROWS, min_size=1, max_size=12), SPANS, st.randoms(use_true_random=False))
def test_a4_the_order_of_the_flows_does_not_matter(rows, spans, chance):
    shuffled = list(rows)
    chance.shuffle(shuffled)
    window = _window(**spans)
    assert _seen(*map(_made, rows), window=window) == _seen(*map(_made, shuffled), window=window)


@given(st.lists(ROWS, min_size=1, max_size=12), SPANS)
def test_a4_never_more_than_the_sum_and_never_less_than_the_largest(rows, spans):
    resolved = resolve(flows(*map(_made, rows)), CLUSTER)
    after = once(resolved, _window(**spans))
    pair = [resolved[name].astype(str) for name in ("dst", "port", "protocol", "first_seen")]
    for name in (*VOLUMES, "connections"):
        was, now = (_tried(frame) if name == "connections" else frame[name].fillna(0) for frame in (resolved, after))
        largest = was.groupby([*pair, resolved["source"].astype(str)]).sum().groupby(level=[0, 1, 2, 3]).max()
        total, kept = was.groupby(pair).sum(), now.groupby(pair).sum()
        assert ((largest <= kept) & (kept <= total)).all()
    assert (after.index == resolved.index).all()
