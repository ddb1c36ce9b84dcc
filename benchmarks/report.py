"""Turns a made-up cluster into what its report costs: the bytes of the page and the CPU seconds to write it.

    .venv/bin/python -m benchmarks.report [--workloads 500] [--communications 10000] [--keep FILE] [--write]

Each workload has two pods and calls others of any namespace, with evidence as a capture gives it. Most is accepted;
one in fifty is declined, one in fifty is not decided on, and no rule is possible for one in fifty. The same is done
with half of the workloads and communications, so that the last column tells how it grows: 2.0 is linear.
"""

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.recommend import make_communications, make_inventory
from benchmarks.table import README, digits, machine, markdown, paste
from collectors.inventory import WorkloadRef
from collectors.observation import Observation, ObservationWindow, Source
from recommender.communications import Communication, meaning
from recommender.coverage import coverage
from recommender.existing import compare
from recommender.findings import findings
from recommender.generate import GenerateOptions, generate
from recommender.report.page import report_html
from recommender.review import Decision, decided, review
from recommender.simulate import excess, isolation, simulate
from recommender.suggest import Suggestions, suggest
from recommender.summary import Conclusion
from recommender.uncollected import uncollected

_BEGIN = pd.Timestamp("2026-11-01T00:00:00Z")
_IN_FIFTY = 50
_ONCE = 7
"""One in so many was seen once."""


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--workloads", type=lambda text: int(float(text)), default=500)
    parser.add_argument("--communications", type=lambda text: int(float(text)), default=10_000)
    parser.add_argument("--keep", type=Path, metavar="FILE", help="write the page there, to look at it")
    parser.add_argument("--write", action="store_true", help="put the table into benchmarks/README.md")
    words = parser.parse_args()
    half, _ = measure(words.workloads // 2, words.communications // 2)
    whole, page = measure(words.workloads, words.communications)
    if words.keep is not None:
        words.keep.write_text(page)
    head = [
        "report.html",
        f"{words.workloads // 2:,} workloads, {words.communications // 2:,} communications",
        f"{words.workloads:,} workloads, {words.communications:,} communications",
        "last / first",
    ]
    rows = [[name, digits(half[name]), digits(whole[name]), digits(whole[name] / half[name])] for name in whole]
    text = f"{markdown(head, rows)}\n{machine()}\n"
    print(text)
    if words.write:
        paste(README, "report", text)


def measure(workloads: int, communications: int) -> tuple[dict[str, float], str]:
    """Return what the page of such a cluster costs, and the page."""
    with uncollected():  # as the commands do it
        conclusion = make_conclusion(workloads, communications)
        begun = time.process_time()
        page = report_html(conclusion)
        spent = time.process_time() - begun
    size = len(page.encode())
    return {"CPU s": spent, "MB": size / 1e6, "bytes a communication": size / communications}, page


def make_conclusion(workloads: int, communications: int) -> Conclusion:
    """Return everything that a run would conclude of such a cluster."""
    inventory = make_inventory(workloads)
    bare = make_communications(np.random.default_rng(7), tuple(inventory.workloads), communications)
    seen = tuple(_with_evidence(one, at) for at, one in enumerate(bare))
    source = Source("node-1.pcap", "pcap", 0, start=_BEGIN, end=_BEGIN + pd.Timedelta(days=7))
    observation = Observation(window=ObservationWindow.of([source]))
    suggestions = suggest(seen, inventory, observation.window)
    reviewed = review(suggestions, _decisions(suggestions))
    policies = generate(reviewed, GenerateOptions(default_deny=True))
    outcomes = simulate(policies, seen, inventory)
    return Conclusion(
        observation,
        inventory,
        seen,
        reviewed,
        policies,
        outcomes,
        excess(policies, [item.communication for item in reviewed.accepted], inventory),
        isolation(policies, inventory),
        findings(observation, inventory, seen),
        coverage(seen, inventory, observation.window, {meaning(one): 3 for one in seen}),
        compare(policies, reviewed, inventory, outcomes),
    )


def _with_evidence(bare: Communication, at: int) -> Communication:
    """Return a communication with as much evidence as a capture gives; every fiftieth is a scanner's."""
    src, dst = bare.src, bare.dst
    if not isinstance(src, WorkloadRef) or not isinstance(dst, WorkloadRef):
        raise TypeError(f"{bare} is not between workloads, as make_communications makes them")
    failed = at % _IN_FIFTY == 1
    evidence = replace(
        bare.evidence,
        first_seen=_BEGIN + pd.Timedelta(seconds=at % 5000),
        last_seen=_BEGIN + pd.Timedelta(days=6, seconds=at % 7000),
        connections=0 if failed else 1 if at % _ONCE == 0 else at % 900 + 2,
        failed=(("refused", at % 5 + 1),) if failed else (),
        packets=at % 900 * 12 + 9,
        bytes=at % 900 * 4321 + 800,
        reply_packets=at % 900 * 9 + 7,
        reply_bytes=at % 900 * 9876 + 700,
        src_pods=(f"{src.namespace}/{src.name}-0", f"{src.namespace}/{src.name}-1"),
        dst_pods=(f"{dst.namespace}/{dst.name}-0", f"{dst.namespace}/{dst.name}-1"),
        services=(f"{dst.namespace}/{dst.name}:{bare.port}",),
        sources=("node-1.pcap",),
        example=f"10.0.{at >> 8}.{at & 255} -> 10.1.{at >> 8}.{at & 255} {bare.protocol}/{bare.port}",
    )
    return replace(bare, evidence=evidence)


def _decisions(suggestions: Suggestions) -> list[Decision]:
    """Return a review that is nearly done."""
    return [
        decided(suggestions, item, "decline" if at % _IN_FIFTY == 2 else "accept", "ann", "checked with the owners")
        for at, item in enumerate(suggestions.items)
        if at % _IN_FIFTY != 3
    ]


if __name__ == "__main__":
    main()
