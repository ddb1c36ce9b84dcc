"""Turns a made-up cluster into a table: what its inventory and its selectors cost.

    .venv/bin/python -m benchmarks.inventory [--pods 10000] [--workloads 5000]

The pods are the recorded ones of tests/recorded, with the server's managedFields, under other names and addresses.
"""

import argparse
import copy
import json
import sys
import tempfile
import time
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from benchmarks.runs import ROOT, measure
from benchmarks.table import README, digits, machine, markdown, paste
from collectors.inventory import Inventory, Pod, Workload, WorkloadRef
from recommender.workload import subjects

_LOAD = "import sys; from collectors import load_inventory; load_inventory(sys.argv[1])"


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.inventory", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--pods", type=int, default=10_000)
    parser.add_argument("--workloads", type=int, default=5_000)
    parser.add_argument("--write", action="store_true", help="put the table into benchmarks/README.md")
    words = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        file = scratch / "pods.json"
        write_snapshot(file, words.pods)
        size = file.stat().st_size
        imported, _ = measure([sys.executable, "-c", "import collectors.inventory_store"], scratch, 600)
        loaded, _ = measure([sys.executable, "-c", _LOAD, file], scratch, 600)
    what = f"load_inventory, {words.pods:,} pods ({size / 1e6:,.0f} MB)"
    rows = [
        ["imports alone", digits(imported.cpu), f"{imported.peak:,.0f}"],
        [what, digits(loaded.cpu), f"{loaded.peak:,.0f}"],
        *(
            [f"subjects, {words.workloads:,} workloads in one namespace, {kind}", digits(_proven(made)), ""]
            for kind, made in (
                ("labels of their own", distinct(words.workloads)),
                ("one label", shared(words.workloads)),
            )
        ),
    ]
    text = f"{markdown(['', 'CPU s', 'peak MB'], rows)}\n{machine()}\n"
    print(text)
    if words.write:
        paste(README, "inventory", text)


def write_snapshot(file: Path, count: int) -> None:
    """Write a PodList as the API server gives it, one pod at a time: our own memory would count as the child's."""
    recorded = json.loads((ROOT / "tests" / "recorded" / "list_pods.json").read_text())
    running = [item for item in recorded["items"] if item["status"].get("phase") == "Running"]
    with file.open("w") as stream:
        stream.write('{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"1000000"},"items":[')
        for at in range(count):
            stream.write("," if at else "")
            json.dump(_pod(running[at % len(running)], at), stream, separators=(",", ":"))
        stream.write("]}")


def _pod(recorded: dict[str, Any], at: int) -> dict[str, Any]:
    pod = copy.deepcopy(recorded)
    meta, status = pod["metadata"], pod["status"]
    meta |= {"name": f"{meta['name']}-{at}", "uid": f"{at:08x}-{meta['uid'][9:]}", "resourceVersion": str(at + 1)}
    address = str(IPv4Address("10.42.0.0") + at)
    status |= {"podIP": address, "podIPs": [{"ip": address}, {"ip": f"fd00:10:42::{at:x}"}]}
    return pod


def distinct(count: int) -> Inventory:
    """Return workloads that one label tells apart, and three labels do not."""
    return _namespace(
        [{"app": f"app-{at}", "team": f"team-{at % 50}", "part-of": "shop", "tier": "x"} for at in range(count)]
    )


def shared(count: int) -> Inventory:
    """Return workloads whose selector takes them all; half of them have a label that mends it."""
    return _namespace([{"app": "shop", "role": f"role-{at}" if at % 2 else "same"} for at in range(count)], "app")


def _namespace(labels: list[dict[str, str]], *keys: str) -> Inventory:
    refs = [WorkloadRef("shop", "Deployment", f"workload-{at}") for at in range(len(labels))]
    chosen = [{key: own[key] for key in keys or ("app",)} for own in labels]
    return Inventory(
        pods=tuple(
            Pod(f"uid-{at}", "shop", f"{ref.name}-0", ref, own)
            for at, (ref, own) in enumerate(zip(refs, labels, strict=True))
        ),
        workloads={
            ref: Workload(ref, {"matchLabels": selector}, own)
            for ref, selector, own in zip(refs, chosen, labels, strict=True)
        },
    )


def _proven(inventory: Inventory) -> float:
    begun = time.process_time()
    subjects(inventory)
    return time.process_time() - begun


if __name__ == "__main__":
    main()
