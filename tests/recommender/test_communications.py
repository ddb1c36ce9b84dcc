import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.flows import empty_flows
from collectors.inventory import WorkloadRef
from recommender.communications import AddressPeer, meaning, summarize
from recommender.resolve import resolve
from tests.cluster import deployment, flow, flows, inventory, pod

CLUSTER = inventory(deployment("web", ["10.0.0.1", "10.0.0.2"]), deployment("api", ["10.0.0.3"]), pod("db", "10.0.0.9"))


def _seen(*rows):
    return summarize(resolve(flows(*rows), CLUSTER))


def test_pods_of_one_workload_are_one_communication_and_both_are_named():
    (found,) = _seen(flow("10.0.0.1", "10.0.0.3", 80), flow("10.0.0.2", "10.0.0.3", 80, connections=4))
    assert (found.src, found.dst) == (
        WorkloadRef("shop", "Deployment", "web"),
        WorkloadRef("shop", "Deployment", "api"),
    )
    assert found.evidence.connections == 5
    assert found.evidence.src_pods == ("web-5d9c7b-0", "web-5d9c7b-1")


def test_a5_two_protocols_on_one_port_are_two_communications():
    assert len(_seen(flow("10.0.0.1", "10.0.0.9", 53, "UDP"), flow("10.0.0.1", "10.0.0.9", 53, "TCP"))) == 2


def test_a2_attempts_that_failed_are_counted_apart_by_what_became_of_them():
    (found,) = _seen(
        flow("10.0.0.1", "10.0.0.3", 80),
        flow("10.0.0.1", "10.0.0.3", 80, outcome="refused", connections=3),
        flow("10.0.0.1", "10.0.0.3", 80, outcome="half_open", connections=2),
    )
    assert found.evidence.connections == 1
    assert found.evidence.failed == (("half_open", 2), ("refused", 3))


def test_a2_an_orientation_counts_only_if_the_flow_worked():
    (found,) = _seen(
        flow("10.0.0.1", "10.0.0.3", 80, orientation="unknown"),
        flow("10.0.0.1", "10.0.0.3", 80, outcome="refused", orientation="handshake"),
    )
    assert found.evidence.orientations == ("unknown",)


def test_a2_datagrams_without_a_reply_are_one_way_and_not_connections():
    (found,) = _seen(flow("10.0.0.1", "10.0.0.9", 8125, "UDP", outcome="unanswered", connections=2))
    assert (found.evidence.connections, found.evidence.one_way, found.evidence.failed) == (0, 2, ())


@pytest.mark.parametrize(
    ("protocol", "outcome", "worked"),
    [
        ("TCP", "established", True),
        ("UDP", "unanswered", True),
        ("TCP", "allowed", True),
        ("TCP", "unanswered", False),
        ("UDP", "refused", False),
    ],
)
def test_a2_connections_lone_datagrams_and_what_a_policy_let_through_worked_and_nothing_else(protocol, outcome, worked):
    (found,) = _seen(flow("10.0.0.1", "10.0.0.3", 53, protocol, outcome=outcome))
    assert found.evidence.worked is worked


def test_a2_what_a_policy_let_through_is_counted_apart_from_connections():
    rows = (flow("10.0.0.1", "10.0.0.3", 80, outcome="allowed", connections=count) for count in (2, None))
    (found,) = _seen(*rows, flow("10.0.0.1", "10.0.0.3", 80))
    assert (found.evidence.connections, found.evidence.allowed, found.evidence.successes) == (1, 3, 4)


def _nameless(src, dst, **more):
    claims = {"src_namespace": "shop", "src_pod": src, "dst_namespace": "shop", "dst_pod": dst}
    return flow(None, None, 80, **{**claims, **more})


def test_b8_ends_that_a_log_without_addresses_names_and_nobody_knows_are_told_apart_by_that_name():
    found = _seen(_nameless("a-*", "db"), _nameless("b-*", "db"), _nameless("a-*", "db"))
    assert [str(one) for one in found] == [
        "unresolved (shop/a-*) -> shop/Pod/db TCP/80", "unresolved (shop/b-*) -> shop/Pod/db TCP/80",
    ]  # fmt: skip
    assert len({meaning(one) for one in found}) == 2
    assert [one.evidence.connections for one in found] == [2, 1]


@given(st.permutations([_nameless("web-5d9c7b-1", "db"), _nameless("web-5d9c7b-0", "db"), _nameless("web-*", "db")]))
def test_the_example_of_flows_without_addresses_is_what_the_log_calls_them(rows):
    assert [one.evidence.example for one in _seen(*rows)] == [
        "shop/web-5d9c7b-0 -> shop/db TCP/80", "shop/web-* -> shop/db TCP/80",
    ]  # fmt: skip


def test_an_unanswered_tcp_attempt_is_a_failure():
    (found,) = _seen(flow("10.0.0.1", "10.0.0.9", 22, outcome="unanswered"))
    assert found.evidence.failed == (("unanswered", 1),)


def test_a_conversation_that_began_before_the_window_still_counts_as_one():
    (found,) = _seen(flow("10.0.0.1", "10.0.0.3", 80, connections=0))
    assert found.evidence.connections == 1


def test_counters_that_no_source_gave_stay_unknown():
    (found,) = _seen(flow("10.0.0.1", "10.0.0.3", 80, packets=None, bytes=None))
    assert (found.evidence.packets, found.evidence.bytes, found.evidence.reply_packets) == (None, None, 4)


def test_outside_addresses_stay_apart_from_each_other():
    assert {c.dst for c in _seen(flow("10.0.0.1", "8.8.8.8", 443), flow("10.0.0.1", "8.8.4.4", 443))} == {
        AddressPeer("8.8.8.8", "external"),
        AddressPeer("8.8.4.4", "external"),
    }


def test_no_flows_are_no_communications():
    assert summarize(resolve(empty_flows(), CLUSTER)) == ()


_ROW = st.builds(
    lambda src, dst, port, outcome, count: flow(src, dst, port, outcome=outcome, connections=count),
    st.sampled_from(["10.0.0.1", "10.0.0.2", "8.8.8.8"]),
    st.sampled_from(["10.0.0.3", "10.0.0.9"]),
    st.sampled_from([80, 443]),
    st.sampled_from(["established", "refused"]),
    st.integers(1, 5),
)


@given(st.lists(_ROW, min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_the_order_of_the_flows_does_not_matter(rows, random):
    shuffled = random.sample(rows, len(rows))
    assert _seen(*rows) == _seen(*shuffled)


@given(st.lists(_ROW, min_size=1, max_size=12))
def test_no_connection_is_lost_or_counted_twice(rows):
    found = _seen(*rows)
    counted = sum(c.evidence.connections + sum(n for _, n in c.evidence.failed) for c in found)
    assert counted == sum(row["connections"] for row in rows)
