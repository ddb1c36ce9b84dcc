import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.flows import empty_flows
from collectors.inventory import WorkloadRef
from collectors.observation import ObservationWindow
from recommender.communications import AddressPeer, meaning, summarize
from recommender.resolve import resolve
from recommender.scans import ScanOptions, ScanWatch, scan_like, scans
from recommender.vantages import once
from tests.cluster import deployment, flow, flows, inventory, pod, service, slices

START = pd.Timestamp("2026-11-01T11:00:00Z")
WEB = WorkloadRef("shop", "Pod", "web")
SPREAD = [f"10.0.7.{at}" for at in range(1, 61)]
CLUSTER = inventory(
    pod("web", "10.0.0.1"),
    pod("db", "10.0.0.9"),
    deployment("api", [f"10.0.3.{at}" for at in range(1, 81)]),
    [pod(f"target-{at}", address) for at, address in enumerate(SPREAD)],
    service("api", "10.96.0.1", 80),
    slices("api", 8080, [(f"10.0.3.{at}", "") for at in range(1, 81)]),
    [pod(f"old-{at}", f"10.0.5.{at}", phase="Succeeded", finished="2026-11-01T10:30:00Z") for at in range(1, 81)],
)


def _after(seconds):
    return START + pd.Timedelta(seconds=seconds)


def _try(dst, port, outcome="refused", *, at=0, src="10.0.0.1", **more):
    return flow(src, dst, port, more.pop("protocol", "TCP"), at=_after(at), outcome=outcome, **more)


def _found(*rows, **options):
    return scans(resolve(flows(*rows), CLUSTER), ScanOptions(**options))


def _vertical(outcome="refused", step=0, **more):
    return [_try("10.0.0.9", 1000 + at, outcome, at=at * step, **more) for at in range(20)]


def test_a3_many_ports_of_one_peer_are_a_scan():
    (scan,) = _found(*_vertical(), _try("10.0.0.9", 5432, "established", at=1))
    assert scan.source == WEB
    assert scan.address == "10.0.0.1"
    assert (scan.ports, scan.peers, scan.attempts, scan.failed) == (21, 1, 21, 20)
    assert scan.examples[0] == "10.0.0.9 TCP/1000"
    assert scan.start == START


def test_a3_one_port_of_many_peers_is_a_scan():
    (scan,) = _found(*(_try(address, 22, "unanswered") for address in SPREAD[:30]))
    assert (scan.ports, scan.peers, scan.failed) == (1, 30, 30)


def test_a3_addresses_that_nobody_has_are_peers_too():
    (scan,) = _found(*(_try(f"10.9.9.{at}", 443, "unanswered") for at in range(30)))
    assert scan.peers == 30


def test_a3_a_few_ports_of_a_few_peers_are_a_scan_in_all():
    (scan,) = _found(*(_try(address, port) for address in SPREAD[:10] for port in range(80, 90)))
    assert (scan.ports, scan.peers) == (10, 10)


def test_a3_a_syn_scan_leaves_half_open_attempts():
    assert len(_found(*_vertical("half_open"))) == 1


def test_a3_a_udp_scan_leaves_datagrams_without_reply_and_they_are_scan_like():
    rows = _vertical("unanswered", protocol="UDP", orientation="unknown")
    found = _found(*rows)
    assert found[0].failed == 20
    assert scan_like(found) == {meaning(c) for c in summarize(resolve(flows(*rows), CLUSTER))}


def test_a3_what_policy_denied_counts_as_failed():
    assert len(_found(*_vertical("denied"))) == 1


def test_a3_a_slow_scan_inside_the_window_is_found_wherever_it_begins():
    for begin in (0, 130, 599):
        rows = [_try("10.0.0.9", 1000 + at, at=begin + at * 31) for at in range(19)]
        assert len(_found(*rows)) == 1


def test_a3_a_scan_slower_than_the_window_is_not_seen_until_the_window_is_longer():
    rows = _vertical(step=300)
    assert _found(*rows) == ()
    assert len(_found(*rows, within=pd.Timedelta(hours=2))) == 1


def test_a3_what_a_scan_reached_is_scan_like_and_what_others_reached_is_not():
    others = _try("10.0.0.9", 5432, "established", src="10.0.3.1")
    much_later = _try("10.0.0.9", 6379, "established", at=7200)
    reached = _try("10.0.0.9", 5432, "established", at=3)
    found = _found(*_vertical(step=1), reached, others, much_later)
    (own,) = summarize(resolve(flows(reached), CLUSTER))
    assert scan_like(found) == {meaning(own)}


def test_a3_two_scans_far_apart_are_two_and_one_that_goes_on_is_one():
    again = [_try("10.0.0.9", 1000 + at, at=7200) for at in range(20)]
    assert [scan.start for scan in _found(*_vertical(), *again)] == [START, _after(7200)]
    assert len(_found(*(_try("10.0.0.9", 1000 + at, at=at * 20) for at in range(120)))) == 1


def test_a3_a_scanner_outside_is_an_address():
    (scan,) = _found(*_vertical(src="203.0.113.9"))
    assert scan.source == AddressPeer("203.0.113.9", "external")


def test_prometheus_with_many_targets_and_some_of_them_down_is_no_scan():
    rows = [_try(address, 9100, "refused" if at < 25 else "established") for at, address in enumerate(SPREAD)]
    assert _found(*rows) == ()


def test_a_service_mesh_sidecar_with_many_peers_that_answer_is_no_scan():
    rows = [_try(address, port, "established") for address in SPREAD for port in (8080, 15008, 15021)]
    assert _found(*rows, *(_try(address, 15090) for address in SPREAD[:20])) == ()


def test_a_health_check_of_few_ports_again_and_again_is_no_scan():
    assert _found(*(_try("10.0.0.9", port, at=at) for at in range(300) for port in (80, 8080))) == ()


def test_a_client_that_retries_one_dead_backend_is_no_scan():
    assert _found(*(_try("10.0.0.9", 5432, connections=500, at=60 * at) for at in range(60))) == ()


def test_a_client_of_a_workload_whose_eighty_pods_are_all_down_is_no_scan():
    assert _found(*(_try(f"10.0.3.{at}", 8080) for at in range(1, 81))) == ()


def test_a_rolling_restart_that_leaves_eighty_old_addresses_is_no_scan():
    rows = [_try(f"10.0.5.{at}", 8080, "unanswered") for at in range(1, 81)]
    assert set(resolve(flows(*rows), CLUSTER)["dst_reason"]) == {"owned_at_another_time"}
    assert _found(*rows, _try("10.0.3.1", 8080, "established")) == ()


def test_conversations_of_which_one_side_was_seen_are_no_scan():
    assert _found(*_vertical("unknown", orientation="unknown")) == ()


@pytest.mark.parametrize(("ports", "count"), [(20, 1), (21, 0)])
def test_the_thresholds_are_options(ports, count):
    assert len(_found(*_vertical(), ports=ports)) == count


def test_a4_a_scan_that_two_nodes_captured_counts_once():
    rows = [{**row, "source": source} for source in ("a", "b") for row in _vertical()]
    (scan,) = scans(once(resolve(flows(*rows), CLUSTER), ObservationWindow()))
    assert (scan.attempts, scan.failed) == (20, 20)


def test_no_flows_are_no_scan():
    assert scans(resolve(empty_flows(), CLUSTER)) == ()


TRIES = st.tuples(st.sampled_from(SPREAD[:4]), st.integers(80, 84), st.sampled_from(["refused", "established"]))


@given(st.lists(TRIES, min_size=1, max_size=30), st.integers(2, 6))
def test_a3_one_moment_is_a_scan_exactly_where_a_threshold_is_met_and_most_failed(tries, limit):
    rows = [_try(*one) for one in tries]
    worked = {(dst, port) for dst, port, outcome in tries if outcome == "established"}
    tried = {(dst, port) for dst, port, _ in tries}

    def met(all_of, good, least):
        return len(all_of - good) >= least and len(all_of - good) > len(all_of) / 2

    peers = {dst for dst, _ in tried}
    wanted = (
        any(met({t for t in tried if t[0] == peer}, worked, limit) for peer in peers)
        or met(peers, {dst for dst, _ in worked}, limit)
        or met(tried, worked, limit * 2)
    )
    found = _found(*rows, ports=limit, peers=limit, targets=limit * 2)
    assert bool(found) == wanted


@given(st.randoms(use_true_random=False))
def test_the_order_of_the_flows_does_not_matter(chance):
    rows = [*_vertical(step=2), *(_try(address, 22) for address in SPREAD[:30]), _try("10.0.3.1", 80, "established")]
    shuffled = list(rows)
    chance.shuffle(shuffled)
    assert _found(*rows) == _found(*shuffled)
    assert np.all([scan.failed <= scan.attempts for scan in _found(*rows)])


def _by_parts(resolved, seconds, options):
    watch = ScanWatch(options)
    for _, part in resolved.groupby(resolved["first_seen"].dt.floor(f"{seconds}s")):
        watch.add(part)
    return watch.scans()


def test_a_scan_over_midnight_is_one_though_the_days_come_apart():
    late = [_try("10.0.0.9", 1000 + at, at=46_200 + at * 120) for at in range(200)]  # from 23:50, for hours
    resolved = resolve(flows(*late), CLUSTER)
    (scan,) = scans(resolved, ScanOptions(ports=5))
    assert scan.start.date() != scan.end.date()
    assert _by_parts(resolved, 86_400, ScanOptions(ports=5)) == (scan,)


TRIES = st.lists(
    st.tuples(
        st.sampled_from(["10.0.0.1", "10.0.7.1"]),
        st.sampled_from(["10.0.0.9", *SPREAD[1:4]]),
        st.integers(1, 4),
        st.sampled_from(["refused", "refused", "established"]),
        st.integers(0, 90),
    ),
    min_size=1,
    max_size=40,
)


@given(TRIES, st.sampled_from([60, 600, 1800]))
def test_scans_of_parts_are_those_of_all_at_once(drawn, seconds):
    drawn.sort(key=lambda one: one[-1])  # as an observation has them
    rows = [_try(dst, port, outcome, src=src, at=minute * 60) for src, dst, port, outcome, minute in drawn]
    resolved = resolve(flows(*rows), CLUSTER)
    options = ScanOptions(ports=2, peers=3, targets=4)
    assert _by_parts(resolved, seconds, options) == scans(resolved, options)
