"""Turns three shapes of clusters into what a node's day comes to: rows, bytes, CPU seconds and memory; and a week's.

    .venv/bin/python -m benchmarks.scale [--nodes 2] [--hours 24] [--by 86400] [--whole] [--write]

Every node writes a row for each connection of its pods, from both ends as captures on all nodes do. `compact` makes of
them what a store keeps; that is saved, and concluded from by parts of `--by` seconds, each read when it is asked for;
with `--whole` all is loaded before. A process for each shape.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.recommend import make_inventory
from benchmarks.table import README, digits, machine, markdown, paste
from collectors.flows import Flows, conform_flows
from collectors.inventory import Inventory
from collectors.observation import Observation, ObservationWindow, Source, compact, concat_flows
from collectors.partitions import Partitions
from collectors.store import load, opened, save
from collectors.stored_observation import StoredObservation
from recommender.stages import suggested_by_parts

_ROOT = README.parents[1]
_BEGIN = pd.Timestamp("2026-11-01T00:00:00Z")
_MINUTES = 60
_DAYS_OF_WEEK = 7
_SIZES = (100, 1_000, 10_000)


@dataclass(frozen=True)
class Shape:
    """What a node's pods do: `peers` that a pod calls, each in `busy` of the minutes, `connections` in such a minute.

    `outside` are client addresses that reach the node in a minute, of a population of `known`; each is a connection.
    """

    pods: int
    peers: int
    busy: float
    connections: float
    outside: int = 0
    known: int = 1


SHAPES = {
    "services": Shape(pods=30, peers=12, busy=0.5, connections=5),
    "batch": Shape(pods=15, peers=4, busy=0.15, connections=2),
    "edge": Shape(pods=20, peers=8, busy=0.8, connections=20, outside=200, known=50_000),
}


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--nodes", type=int, default=2, help="nodes that are made up and measured")
    parser.add_argument("--hours", type=int, default=24)
    parser.add_argument("--by", type=int, default=86_400, help="seconds of a part that is resolved at once")
    parser.add_argument("--whole", action="store_true", help="load all flows at once, and part them in memory")
    parser.add_argument("--shape", choices=SHAPES, help="measure this one only, and print it as JSON")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/scale.md")
    words = parser.parse_args()
    if words.shape:
        print(json.dumps(measure(SHAPES[words.shape], words.nodes, words.hours, words.by, whole=words.whole)))
        return
    found = {name: _apart(name, words) for name in SHAPES}
    text = f"{_by_node(found)}\n{_by_week(found)}\n{machine()}\n"
    print(text)
    if words.write:
        paste(_ROOT / "docs" / "scale.md", "scale", text)


def measure(shape: Shape, nodes: int, hours: int, seconds: int, *, whole: bool = False) -> dict[str, float]:
    """Return what so many nodes and hours cost, as sums over all nodes."""
    inventory = make_inventory(max(2, nodes * shape.pods // 2))
    spent: dict[str, float] = {"connections": 0, "compact": 0}

    def timed(name: str, step: Callable[[], Any]) -> Any:
        begun = time.process_time()
        found = step()
        spent[name] = spent.get(name, 0) + time.process_time() - begun
        return found

    with tempfile.TemporaryDirectory() as folder:
        for node in range(nodes):
            random, parts = np.random.default_rng(node), []
            for hour in range(hours):
                raw = make_hour(random, shape, inventory, node, hour)
                spent["connections"] += len(raw)
                parts.append(timed("compact", lambda raw=raw: compact(raw)))
            observation = Observation(concat_flows(parts), _window(node, hours))
            timed("save", lambda observation=observation: save(observation, folder))
        spent["bytes"] = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            return spent | pool.submit(conclude, folder, inventory, seconds, whole=whole).result()


def conclude(folder: str, inventory: Inventory, seconds: int, *, whole: bool = False) -> dict[str, float]:
    """Return what it costs a process of its own to conclude from a store."""
    begun = time.process_time()
    observation = load(folder) if whole else opened(folder)
    found = suggested_by_parts(_parts(observation, seconds), observation.names, observation.window, inventory)
    return {
        "conclude": time.process_time() - begun,
        "rows": found.facts.rows,
        "MB": _peak(),
        "communications": len(found.communications),
    }


def _parts(observation: Observation, seconds: int) -> Iterable[Flows]:
    if isinstance(observation, StoredObservation):
        return replace(observation.parts, seconds=seconds)
    return Partitions(observation.flows, seconds)


def make_hour(random: np.random.Generator, shape: Shape, inventory: Inventory, node: int, hour: int) -> Flows:
    """Return the connections that one node sees in an hour, one row each."""
    addresses = [pod.ips[0] for pod in inventory.pods]
    own = node * shape.pods + np.arange(shape.pods)
    # Whom a pod calls stays the same, and so do those who call it.
    others = np.random.default_rng(node + 1_000).integers(0, len(addresses), (shape.pods, 2 * shape.peers))
    talks = random.random((_MINUTES, shape.pods, 2 * shape.peers)) < shape.busy
    minute, pod, peer = np.nonzero(talks)
    many = np.maximum(random.poisson(shape.connections, len(minute)), 1)
    minute, pod, peer = (np.repeat(column, many) for column in (minute, pod, peer))
    here, there, calls = own[pod], others[pod, peer], peer < shape.peers
    src, dst = np.where(calls, here, there), np.where(calls, there, here)
    clients = len(addresses) + (shape.known * random.random(_MINUTES * shape.outside) ** 3).astype(int)
    src = np.append(src, clients)
    dst = np.append(dst, own[random.integers(0, 2, len(clients))])
    minute = np.append(minute, np.repeat(np.arange(_MINUTES), shape.outside))
    texts = [*addresses, *(f"203.{at >> 16 & 255}.{at >> 8 & 255}.{at & 255}" for at in range(shape.known))]
    first = _BEGIN.value + (hour * _MINUTES + minute) * 60 * 10**9 + random.integers(0, 50 * 10**9, len(minute))
    return _flows(random, first, src, dst, texts, f"node-{node}.pcap")


def _flows(random: np.random.Generator, first: Any, src: Any, dst: Any, texts: list[str], source: str) -> Flows:
    count = len(first)
    return conform_flows(
        pd.DataFrame(
            {
                "first_seen": pd.to_datetime(first, utc=True),
                "last_seen": pd.to_datetime(first + random.integers(10**6, 10**10, count), utc=True),
                "src": pd.Categorical.from_codes(src, categories=texts),
                "dst": pd.Categorical.from_codes(dst, categories=texts),
                "dst_port": np.where(dst % 3, 8080, 5432),
                "protocol": "TCP",
                "orientation": "handshake",
                "outcome": "established",
                "source": source,
                "connections": 1,
                **{
                    name: random.integers(3, 900, count)
                    for name in ("packets", "bytes", "reply_packets", "reply_bytes")
                },
                "sampled": 1.0,
            }
        )
    )


def _window(node: int, hours: int) -> ObservationWindow:
    end = _BEGIN + pd.Timedelta(hours=hours)
    return ObservationWindow.of([Source(f"node-{node}.pcap", "pcap", 1, node, _BEGIN, end, fingerprint=str(node))])


def _peak() -> float:
    """Return the most that was resident of this process in MB."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def _apart(name: str, words: argparse.Namespace) -> dict[str, float]:
    """Return what one shape costs for a node and a day, measured in its own process."""
    options = {"nodes": words.nodes, "hours": words.hours, "by": words.by, "shape": name}
    command = [sys.executable, "-m", "benchmarks.scale"]
    command += ["--whole"] if words.whole else []
    command += [text for option, value in options.items() for text in (f"--{option}", str(value))]
    total = json.loads(subprocess.run(command, check=True, capture_output=True, text=True, cwd=_ROOT).stdout)
    share = 24 / words.hours / words.nodes
    kept = ("MB", "communications")
    return {key: value if key in kept else value * share for key, value in total.items()}


def _by_node(found: dict[str, dict[str, float]]) -> str:
    head = ["a node and a day", *found]
    rows = [
        ["shape", *(", ".join(f"{key} {value:g}" for key, value in asdict(SHAPES[name]).items()) for name in found)]
    ]
    for label, key, unit in (
        ("connections", "connections", 1), ("rows kept", "rows", 1), ("MB on disk", "bytes", 1e6),
        ("compact, CPU s", "compact", 1), ("save, CPU s", "save", 1), ("read and conclude, CPU s", "conclude", 1),
        ("peak MB of that, all nodes", "MB", 1), ("communications, all nodes", "communications", 1),
    ):  # fmt: skip
        rows.append([label, *(digits(of[key] / unit) for of in found.values())])
    return markdown(head, rows)


def _by_week(found: dict[str, dict[str, float]]) -> str:
    """Return a week of larger clusters: multiples of the measured node and day, not measured themselves."""
    head = ["a week, by the above", *(f"{size:,} nodes" for size in _SIZES)]
    rows = []
    for name, of in found.items():
        for label, value in (
            ("rows, 1e9", of["rows"] / 1e9), ("GB on disk", of["bytes"] / 1e9),
            ("compact, CPU h", of["compact"] / 3600),
            ("read and conclude, CPU h", of["conclude"] / 3600),
        ):  # fmt: skip
            rows.append([f"{name}: {label}", *(digits(value * size * _DAYS_OF_WEEK) for size in _SIZES)])
    return markdown(head, rows)


if __name__ == "__main__":
    main()
