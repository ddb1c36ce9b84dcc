"""D29: a burst of connections is one sighting; a sighting is an edge in a bucket in which a connection began."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.flows import empty_flows
from collectors.observation import compact
from recommender.communications import meaning, summarize
from recommender.resolve import resolve
from recommender.sightings import sightings
from tests.cluster import deployment, flow, flows, inventory

KNOWN = inventory(deployment("web", ["10.0.0.1", "10.0.0.2"]), deployment("db", ["10.0.0.3"]))
WEB = ("workload", "shop", "Deployment", "web")
DB = ("workload", "shop", "Deployment", "db")


def _minute(number, **more):
    return flow("10.0.0.1", "10.0.0.3", 5432, at=f"2026-11-01T11:{number:02d}:30Z", **more)


def _of(*rows):
    return sightings(resolve(flows(*rows), KNOWN))


def test_d29_a_burst_within_a_minute_is_one_sighting():
    assert _of(_minute(1, connections=50), _minute(1, source="b.pcap")) == {(*WEB, *DB, "TCP", 5432): 1}


def test_d29_each_minute_in_which_a_connection_began_is_one():
    assert list(_of(_minute(1), _minute(2), _minute(9)).values()) == [3]


def test_d29_a_long_connection_is_seen_where_it_began():
    assert list(_of(_minute(1), _minute(2, connections=0), _minute(3, connections=0)).values()) == [1]


def test_d29_where_connections_are_not_counted_every_report_is_one():
    assert list(_of(_minute(1, connections=None), _minute(2, connections=None)).values()) == [2]


def test_d29_what_a_policy_let_through_is_a_sighting():
    assert list(_of(_minute(1, outcome="allowed"), _minute(2, outcome="denied")).values()) == [1]


def test_d29_attempts_that_failed_are_none_and_one_way_messages_are():
    refused = _minute(1, outcome="refused")
    statsd = flow("10.0.0.1", "10.0.0.3", 8125, "UDP", outcome="unanswered")
    assert _of(refused, statsd) == {(*WEB, *DB, "UDP", 8125): 1}


def test_d29_two_pods_of_one_workload_in_one_minute_are_one_sighting():
    other = flow("10.0.0.2", "10.0.0.3", 5432, at="2026-11-01T11:01:10Z")
    assert list(_of(_minute(1), other).values()) == [1]


def test_d29_addresses_and_ports_and_protocols_are_edges_of_their_own():
    rows = [flow("10.0.0.1", "198.51.100.7", 443), flow("10.0.0.1", "198.51.100.8", 443)]
    rows += [flow("10.0.0.1", "10.0.0.3", 53), flow("10.0.0.1", "10.0.0.3", 53, "UDP")]
    assert sorted(_of(*rows)) == sorted(
        [
            (*WEB, "~address", "external", "198.51.100.7", "", "TCP", 443),
            (*WEB, "~address", "external", "198.51.100.8", "", "TCP", 443),
            (*WEB, *DB, "TCP", 53),
            (*WEB, *DB, "UDP", 53),
        ]
    )


def test_d29_no_flows_are_no_sightings():
    assert sightings(resolve(empty_flows(), KNOWN)) == {}


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["10.0.0.1", "10.0.0.2", "10.0.0.3", "198.51.100.7", "10.9.9.9"]),
        st.sampled_from(["10.0.0.1", "10.0.0.3", "198.51.100.8"]),
        st.sampled_from([53, 443]),
        st.sampled_from(["TCP", "UDP"]),
        st.sampled_from(["established", "unanswered", "refused"]),
        st.integers(0, 5),
        st.sampled_from([0, 1, 7, None]),
    ),
    min_size=1,
    max_size=25,
)


@settings(max_examples=40, deadline=None)
@given(ROWS)
def test_d29_sightings_are_of_communications_that_worked_and_the_order_of_the_flows_changes_nothing(drawn):
    rows = [
        flow(src, dst, port, protocol, outcome=outcome, connections=count, at=f"2026-11-01T11:0{minute}:30Z")
        for src, dst, port, protocol, outcome, minute, count in drawn
    ]
    resolved = resolve(flows(*rows), KNOWN)
    found = sightings(resolved)
    worked = [c for c in summarize(resolved) if c.evidence.connections or c.evidence.one_way]
    assert set(found) <= set(map(meaning, worked))
    assert all(1 <= count <= 6 for count in found.values())
    random.Random(3).shuffle(rows)
    assert sightings(resolve(compact(flows(*rows)), KNOWN)) == found
