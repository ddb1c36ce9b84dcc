"""Servers that nobody declared: known by their clients, however these are spread over the parts."""

from hypothesis import given
from hypothesis import strategies as st

from recommender.resolve import resolve
from recommender.servers import hinted, servers
from tests.cluster import flow, flows, inventory, pod

CLUSTER = inventory(pod("db", "10.0.0.9"), [pod(f"client-{at}", f"10.0.1.{at}") for at in range(12)])
MEETINGS = st.lists(
    st.tuples(st.integers(0, 11), st.sampled_from([5432, 9999, 40000]), st.sampled_from(["unknown", "handshake"])),
    min_size=1,
    max_size=40,
)


def _met(*meetings):
    rows = [flow(f"10.0.1.{at}", "10.0.0.9", port, orientation=orientation) for at, port, orientation in meetings]
    return flows(*rows) if rows else flows(flow("10.0.1.0", "10.0.0.9", 1)).iloc[:0]


def _unoriented(many, port=5432):
    return [(at, port, "unknown") for at in range(many)]


def test_clients_of_all_parts_count_together_and_each_once():
    half, rest = _met(*_unoriented(6)), _met(*((at + 5, port, how) for at, port, how in _unoriented(5)))
    assert servers([half, half], CLUSTER) == frozenset()
    assert servers([half, rest], CLUSTER) == {("10.0.0.9", "TCP", 5432)}


def test_ports_that_clients_get_are_no_servers():
    assert servers([_met(*_unoriented(12, 40000))], CLUSTER) == frozenset()


def test_flows_with_an_orientation_tell_no_server_and_stay_as_they_are():
    seen = _met(*((at, 5432, "handshake") for at in range(12)))
    assert servers([seen], CLUSTER) == frozenset()
    resolved = resolve(seen, CLUSTER)
    assert hinted(resolved, frozenset({("10.0.0.9", "TCP", 5432)})) is resolved


@given(MEETINGS, st.integers(1, 3))
def test_parts_resolved_with_the_servers_of_all_are_oriented_as_all_at_once(meetings, many):
    parts = [_met(*meetings[at::many]) for at in range(many)]
    known = servers(parts, CLUSTER)
    whole = list(resolve(_met(*meetings), CLUSTER)["orientation"])
    for at, part in enumerate(parts):
        assert list(hinted(resolve(part, CLUSTER), known)["orientation"]) == whole[at::many]
