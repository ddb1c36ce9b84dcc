"""Turns generated pods with reused addresses and a million flows into a table: what resolving them costs."""

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.table import README, digits, machine, markdown, paste
from collectors.flows import Flows, conform_flows
from collectors.inventory import (
    EndpointSlice,
    Inventory,
    Node,
    Pod,
    Service,
    ServicePort,
    SlicePort,
    Tenure,
    WorkloadRef,
)
from collectors.tenancy import tenancy
from recommender.communications import summarize
from recommender.resolve import resolve

_BEGIN = pd.Timestamp("2026-11-01T00:00:00Z")
_HOURS = 24


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.resolve", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--flows", type=lambda text: int(float(text)), default=1_000_000)
    parser.add_argument("--pods", type=lambda text: int(float(text)), default=20_000)
    parser.add_argument("--tenures", type=int, default=5, help="how many addresses each pod had, one after the other")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="put the table into benchmarks/README.md")
    words = parser.parse_args()
    random = np.random.default_rng(5)
    inventory = make_inventory(words.pods, words.tenures)
    flows = make_flows(random, words.flows, inventory)
    few = conform_flows(flows.head(5).astype({"src": "str", "dst": "str"}))
    resolved = resolve(flows, inventory)
    steps: dict[str, Callable[[], Any]] = {
        f"tenancy of {words.pods * words.tenures:,} intervals": lambda: tenancy(inventory),
        f"resolve {words.flows:,} flows, tenancy included": lambda: resolve(flows, inventory),
        f"summarize them, {len(summarize(resolved)):,} communications": lambda: summarize(resolved),
        "resolve 5 flows, small inventory": lambda: resolve(few, small),
    }
    small = make_inventory(20, 1)
    rows = [[name, digits(_seconds(step, words.rounds))] for name, step in steps.items()]
    classes = resolved["dst_class"].value_counts(normalize=True)
    mix = ", ".join(f"{name} {share:.0%}" for name, share in classes.items() if share >= 0.005)
    text = f"{markdown(['one process', 'CPU s'], rows)}\nDestinations: {mix}.\n\n{machine()}\n"
    print(text)
    if words.write:
        paste(README, "resolve", text)


def make_inventory(pods: int, tenures: int) -> Inventory:
    """Return a cluster whose pods take over each other's addresses all day, with a Service for each workload."""
    length = pd.Timedelta(hours=_HOURS) / tenures
    refs = [WorkloadRef(f"ns-{at % 50}", "Deployment", f"app-{at}") for at in range(max(1, pods // 20))]
    made, behind = [], {ref: [] for ref in refs}  # type: ignore[var-annotated]  # a list of pairs, as below
    for at in range(pods):
        ref, last = refs[at % len(refs)], tenures - 1
        held = tuple(
            Tenure(_ip((at + 7 * turn) % pods), _BEGIN + turn * length, None if turn == last else _end(turn, length))
            for turn in range(tenures)
        )
        name = f"{ref.name}-{at}"
        made.append(Pod(f"u{at}", ref.namespace, name, ref, {}, f"node-{at % 200}", ips=(held[-1].ip,), tenures=held))
        behind[ref].append((held[-1].ip, name))
    services, slices = [], []
    for at, ref in enumerate(refs):
        service = f"10.96.{at >> 8}.{at & 255}"
        ports = (ServicePort(80, "TCP", "http", 8080),)
        services.append(Service(ref.namespace, ref.name, cluster_ips=(service,), ports=ports))
        port = (SlicePort(8080, "TCP", "http"),)
        slices.append(EndpointSlice(ref.namespace, f"{ref.name}-x", ref.name, port, tuple(behind[ref])))
    nodes = tuple(Node(f"node-{at}", (f"192.168.{at >> 8}.{at & 255}",)) for at in range(200))
    return Inventory(tuple(made), services=tuple(services), slices=tuple(slices), nodes=nodes)


def make_flows(random: np.random.Generator, count: int, inventory: Inventory) -> Flows:
    """Return flows of a day between pods (half through Services), from nodes and to the outside."""
    pods, services = len(inventory.pods), len(inventory.services)
    outside = [f"203.0.{at >> 8}.{at & 255}" for at in range(5_000)]
    texts = [_ip(at) for at in range(pods)] + [s.cluster_ips[0] for s in inventory.services]
    texts += [node.addresses[0] for node in inventory.nodes] + outside
    kind = random.random(count)
    dst = np.where(kind < 0.48, random.integers(0, pods, count), pods + random.integers(0, services, count))
    dst = np.where(kind > 0.98, len(texts) - 1 - random.integers(0, len(outside), count), dst)
    caller = (dst * 13 + random.integers(0, 10, count)) % services + services * random.integers(0, 20, count)
    src = np.where(random.random(count) < 0.9, caller % pods, pods + services + dst % 200)
    first = _BEGIN.value + np.sort(random.integers(0, _HOURS * 3600, count)) * 1_000_000_000
    frame = pd.DataFrame(
        {
            "first_seen": pd.to_datetime(first, utc=True),
            "last_seen": pd.to_datetime(first + 30_000_000_000, utc=True),
            "src": pd.Categorical.from_codes(src, categories=texts),
            "dst": pd.Categorical.from_codes(dst, categories=texts),
            "dst_port": np.where((dst >= pods) & (dst < pods + services), 80, 8080),
            "protocol": "TCP",
            "orientation": "handshake",
            "outcome": np.where(random.random(count) < 0.95, "established", "refused"),
            "source": "benchmark",
            **{name: random.integers(1, 1000, count) for name in ("connections", "packets", "bytes")},
            "sampled": 1.0,
        }
    )
    return conform_flows(frame)


def _ip(number: int) -> str:
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def _end(turn: int, length: pd.Timedelta) -> pd.Timestamp:
    """Return the end of a turn a little after the next one began, as finished pods are found to be."""
    return _BEGIN + (turn + 1) * length + pd.Timedelta(seconds=1)


def _seconds(step: Callable[[], Any], rounds: int) -> float:
    """Return the least CPU time of some runs."""
    spent = []
    for _ in range(rounds):
        begin = time.process_time()
        step()
        spent.append(time.process_time() - begin)
    return min(spent)


if __name__ == "__main__":
    main()
