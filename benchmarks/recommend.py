"""Turns a made-up cluster into CPU seconds: suggestions, policies and their check, and how these grow.

    .venv/bin/python -m benchmarks.recommend [--workloads 5000] [--communications 100000] [--write]

Each workload has two pods and calls others of any namespace; everything is accepted. Two hundred policies are there
before: they open a namespace to itself, or a workload to everyone at a port. The same is done with half of the
workloads and communications, so that the last column tells how the time grows: 2.0 is linear.
"""

import argparse
import resource
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.table import README, digits, machine, markdown, paste
from collectors.inventory import Inventory, Namespace, Pod, Workload, WorkloadRef
from collectors.observation import Observation, ObservationWindow
from recommender.adopt import adopt
from recommender.communications import Communication, Evidence, meaning
from recommender.coverage import coverage
from recommender.existing import compare, existing
from recommender.findings import findings
from recommender.generate import GenerateOptions, generate
from recommender.review import accept_observed, review
from recommender.simulate import excess, isolation, simulate
from recommender.suggest import suggest
from recommender.uncollected import uncollected

_BEGIN = pd.Timestamp("2026-11-01T00:00:00Z")
_PORTS = (80, 443, 5432, 6379, 8080, 9090, 9092, 50051)
_OF_NAMESPACE = 50
_EXISTING = 200


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recommend", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--workloads", type=lambda text: int(float(text)), default=5_000)
    parser.add_argument("--communications", type=lambda text: int(float(text)), default=100_000)
    parser.add_argument("--write", action="store_true", help="put the table into benchmarks/README.md")
    words = parser.parse_args()
    with uncollected():  # as the commands do it
        half = measure(words.workloads // 2, words.communications // 2)
        whole = measure(words.workloads, words.communications)
    rows = [[name, digits(half[name]), digits(whole[name]), digits(whole[name] / half[name])] for name in whole]
    rows.append(["sum", *(digits(sum(found.values())) for found in (half, whole)), ""])
    head = [
        "CPU s",
        f"{words.workloads // 2:,} workloads, {words.communications // 2:,} communications",
        f"{words.workloads:,} workloads, {words.communications:,} communications",
        "last / first",
    ]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    text = f"{markdown(head, rows)}\nPeak memory {peak:,.0f} MB.\n\n{machine()}\n"
    print(text)
    if words.write:
        paste(README, "recommend", text)


def measure(workloads: int, communications: int) -> dict[str, float]:
    """Return the CPU seconds of each step."""
    inventory = make_inventory(workloads)
    seen = make_communications(np.random.default_rng(7), tuple(inventory.workloads), communications)
    spent: dict[str, float] = {}

    def timed(name: str, step: Callable[[], Any]) -> Any:
        begun = time.process_time()
        found = step()
        spent[name] = time.process_time() - begun
        return found

    window = ObservationWindow(_BEGIN, _BEGIN + pd.Timedelta(days=7))
    observation = Observation(window=window)
    crowded = replace(inventory, policies=make_policies(tuple(inventory.workloads), _EXISTING))
    sighted = {meaning(one): 3 for one in seen}
    suggestions = timed("suggest", lambda: suggest(seen, inventory, window))
    reviewed = timed("review", lambda: review(suggestions, accept_observed(suggestions)))
    policies = timed("generate", lambda: generate(reviewed, GenerateOptions(default_deny=True)))
    outcomes = timed("simulate", lambda: simulate(policies, seen, inventory))
    accepted = [item.communication for item in reviewed.accepted]
    beyond = timed("excess", lambda: excess(policies, accepted, inventory))
    timed("isolation", lambda: isolation(policies, inventory))
    timed("coverage", lambda: coverage(seen, inventory, window, sighted))
    timed("findings", lambda: findings(observation, inventory, seen))
    timed(f"compare, {_EXISTING} existing", lambda: compare(policies, reviewed, crowded, outcomes))
    timed(f"adopt, {_EXISTING} existing", lambda: adopt(existing(crowded).policies, suggestions, crowded))
    denied = sum(outcome.verdict != "allowed" for outcome in outcomes)
    if denied or beyond:
        raise SystemExit(f"{denied} accepted communications denied, {len(beyond)} openings in excess: not 0 and 0")
    return spent


def make_inventory(workloads: int) -> Inventory:
    """Return Deployments of two pods each, fifty to a namespace."""
    refs = [WorkloadRef(f"ns-{at // _OF_NAMESPACE:03}", "Deployment", f"app-{at:05}") for at in range(workloads)]
    pods = [
        Pod(f"u{at}-{turn}", ref.namespace, f"{ref.name}-{turn}", ref, {"app": ref.name, "pod-template-hash": "5d9c"},
            f"node-{at % 100}", ips=(f"10.{turn}.{at >> 8}.{at & 255}",), phase="Running", start=_BEGIN)
        for at, ref in enumerate(refs)
        for turn in range(2)
    ]  # fmt: skip
    known = {ref: Workload(ref, {"matchLabels": {"app": ref.name}}, {"app": ref.name}) for ref in refs}
    names = sorted({ref.namespace for ref in refs})
    namespaces = {name: Namespace(name, {"kubernetes.io/metadata.name": name}) for name in names}
    return Inventory(tuple(pods), known, namespaces=namespaces)


def make_policies(refs: tuple[WorkloadRef, ...], count: int) -> tuple[dict[str, Any], ...]:
    """Return policies as the API server has them, on workloads spread over all: every other for a whole namespace."""
    chosen = [refs[at * len(refs) // count] for at in range(count)]
    everyone = [{"namespaceSelector": {}}, {"ipBlock": {"cidr": "10.0.0.0/8"}}]
    return tuple(
        {
            "metadata": {"namespace": ref.namespace, "name": f"there-before-{at:03}"},
            "spec": {
                "podSelector": {"matchLabels": {"app": ref.name}} if at % 2 else {},
                "policyTypes": ["Ingress"],
                "ingress": [{"from": everyone, "ports": [{"port": _PORTS[at % len(_PORTS)]}]}]
                if at % 2
                else [{"from": [{"podSelector": {}}]}],
            },
        }
        for at, ref in enumerate(chosen)
    )


def make_communications(
    random: np.random.Generator, refs: tuple[WorkloadRef, ...], count: int
) -> tuple[Communication, ...]:
    """Return so many different communications among workloads: few are called by many, most by few."""
    found: dict[tuple[int, int, int], Communication] = {}
    evidence = Evidence(_BEGIN, _BEGIN + pd.Timedelta(days=6), connections=9, orientations=("handshake",))
    while len(found) < count:
        src = random.integers(0, len(refs), count)
        dst = (len(refs) * random.random(count) ** 2).astype(int)
        port = random.integers(0, 2, count)
        for a, b, which in zip(src.tolist(), dst.tolist(), port.tolist(), strict=True):
            if a != b and len(found) < count:
                number = _PORTS[(b + which) % len(_PORTS)]
                found[a, b, number] = Communication(refs[a], refs[b], "TCP", number, evidence)
    return tuple(found[key] for key in sorted(found))


if __name__ == "__main__":
    main()
