"""Turns a number into what a learner saw in that interval: flows, names, claims, losses, all different each time."""

from functools import cache
from pathlib import Path

import pandas as pd

from collectors.claims import conform_claims
from collectors.flows import conform_flows
from collectors.ledger import LedgerWriter
from collectors.names import conform_names
from collectors.observation import LIVE, Gap, Observation, ObservationWindow, Source, merge


def time(number, seconds=0):
    return pd.Timestamp(1_790_000_000 + 60 * number + seconds, unit="s", tz="UTC")


@cache
def interval(number, *, source="eth0", rows=3):
    """Return one interval of an interface, with some drops every fourth time."""
    start, end, drops = time(number), time(number, 59), 2 if number % 4 == 0 else 0
    seen = {"first_seen": start, "last_seen": end, "source": source}
    flows = pd.DataFrame([{**seen, "src": f"10.0.0.{number % 7}", "dst": f"10.0.1.{row}"} for row in range(rows)])
    flows = flows.assign(dst_port=80, protocol="TCP", orientation="handshake", outcome="established", sampled=1.0)
    flows = flows.assign(packets=range(1, rows + 1), connections=1)
    names = pd.DataFrame(
        [{**seen, "address": "203.0.113.1", "name": f"n{number % 3}.example", "kind": "dns", "count": 1}]
    )
    claims = pd.DataFrame([{**seen, "address": "10.0.0.1", "namespace": "shop", "pod": f"web-{number % 2}"}])
    ledger = LedgerWriter()
    ledger.packet(source, "not_ip", number, "ARP")
    packets = int(flows["packets"].sum()) + 1
    gaps = [Gap(source, start, end, drops)] if drops else []
    window = ObservationWindow.of([Source(source, LIVE, packets, packets * 60, start, end, drops)], gaps)
    return merge(
        [Observation(conform_flows(flows), window, ledger.ledger(), conform_names(names), conform_claims(claims))]
    )


def assert_same(left, right):
    pd.testing.assert_frame_equal(left.flows, right.flows)
    pd.testing.assert_frame_equal(left.names, right.names)
    pd.testing.assert_frame_equal(left.claims, right.claims)
    assert left.window == right.window
    assert left.ledger == right.ledger


def concluding(still_open):
    """Conclude what was still open: its file `number` names an interval that was not over."""
    return interval(int(still_open["number"])) if "number" in still_open else Observation()


def segments_of(folder):
    """Return the names of all that is in a store's `segments`, sorted."""
    return sorted(path.name for path in (Path(folder) / "segments").iterdir())
