"""Turns captures into a table: what podfence, a C program of the same job, and others take to read them.

    .venv/bin/python -m benchmarks.captures [--sizes 1e5,1e6,1e7,1e6:pcapng] [--rounds 5] [--only kernel,observe]

All programs read a capture in turn, then all again, so that a machine that grows slower does so for all of them.
CPU seconds are user + system, of the program and its children. What is missing is named and left out. Nothing here
passes or fails.
"""

import argparse
import json
import math
import shutil
import socket
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.peers import NFDUMP, OBSERVE, PEERS, SOFTFLOWD, YARDSTICK, YARDSTICK_PROCESS, Job, Peer, Setting
from benchmarks.runs import Case, Failed, Sample, capture_of, compile_yardstick, measure
from benchmarks.table import README, digits, machine, markdown, module_version, paste, version

_SLOW = 20  # CPU seconds: what takes longer is run once
_FLOW = 50  # packets of a flow, on average
_KINDS = {"us": "pcap", "ns": "pcap in ns", "pcapng": "pcapng"}


@dataclass
class Results:
    """All samples of one case: row -> round -> what it cost."""

    samples: dict[str, dict[int, Sample]] = field(default_factory=lambda: defaultdict(dict))
    dropped: dict[int, str] = field(default_factory=dict)
    """Number of a peer -> why it is not run again; "" for slow ones."""
    compiled: bool | None = None
    """Whether podfence's kernel is; None if it was not asked."""

    def ratio(self, row: str, base: str) -> float:
        """Return how many times the CPU of another row this one takes: the median over the rounds that have both."""
        ours, theirs = self.samples[row], self.samples[base]
        return statistics.median(ours[number].cpu / theirs[number].cpu for number in ours if number in theirs)


def main() -> None:
    """Run the command."""
    words = _parser().parse_args()
    with _setting(words) as setting:
        peers = _present(words.only, setting)
        texts, notes = [], [f"gcc {version('gcc')}"]
        for case in words.sizes:
            text, results = _case(case, peers, setting, words)
            if results.compiled is not None:
                notes[1:] = [f"kernel {'' if results.compiled else 'not '}compiled"]
            print(f"\n{text}", flush=True)
            texts.append(text)
        versions = [
            f"{package} {found}" for package in ("softflowd", "nfdump", "tshark") if (found := version(package))
        ]
        versions += [f"{name} {found}" for name in ("dpkt", "scapy") if (found := module_version(words.python, name))]
        line = machine(*notes, *versions)
        print(f"\n{line}")
    if words.write:
        paste(README, "captures", "\n".join([*texts, line]))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.captures", description=(__doc__ or "").split("\n")[0])
    sizes = "1e5,1e6,1e7,1e6:pcapng"
    parser.add_argument("--sizes", type=_sizes, default=_sizes(sizes), help=f"packets[:us|ns|pcapng],... ({sizes})")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", type=lambda text: set(text.split(",")), help="names beside the yardstick, by commas")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "podfence-benchmarks")
    parser.add_argument("--python", default=sys.executable, metavar="PYTHON", help="that has dpkt and scapy")
    parser.add_argument("--timeout", type=float, default=900, help="seconds of a run, then it is stopped")
    parser.add_argument("--write", action="store_true", help="put the table into benchmarks/README.md")
    return parser


def _sizes(text: str) -> list[Case]:
    cases = []
    for word in text.split(","):
        size, _, kind = word.partition(":")
        if kind not in {"", *_KINDS}:
            raise argparse.ArgumentTypeError(f"{kind!r} is none of {', '.join(_KINDS)}")
        packets = int(float(size))
        cases.append(Case(packets, kind or "us", flows=max(1, packets // _FLOW)))
    return cases


@contextmanager
def _setting(words: argparse.Namespace) -> Iterator[Setting]:
    words.work.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(dir=words.work) as scratch,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink,
    ):
        sink.bind(("127.0.0.1", 0))  # never read: what comes is dropped when its buffer is full
        yield Setting(compile_yardstick(words.work), words.python, Path(scratch), sink.getsockname()[1])


def _present(only: set[str] | None, setting: Setting) -> list[Peer]:
    """Return the peers to run; says which are not here."""
    names = {peer.name for peer in PEERS}
    if only and only - names:
        raise SystemExit(f"--only: {', '.join(sorted(only - names))} is none of {', '.join(sorted(names))}")
    present = []
    for peer in PEERS:
        if only and peer.name not in {*only, "yardstick"}:
            continue
        if missing := peer.missing(setting):
            print(f"left out: {peer.name}: {missing}")
            continue
        present.append(peer)
    return present


def _case(case: Case, peers: Sequence[Peer], setting: Setting, words: argparse.Namespace) -> tuple[str, Results]:
    """Return the table of one capture."""
    capture, truth = capture_of(case, words.work)
    times = max(1, min(5, 2_000_000 // case.packets))
    job, results = Job(capture, case.flows, times), Results()
    for number in range(words.rounds):
        turn = number % len(peers)  # another one begins each round
        for which in [*range(turn, len(peers)), *range(turn)]:
            peer = peers[which]
            if case.packets > peer.most or which in results.dropped:
                continue
            try:
                cost = _run(peer, setting, job, truth, results, number, words.timeout)
            except Failed as fault:
                results.dropped[which] = str(fault)
                print(f"left out: {peer.name}: {fault}", flush=True)
                continue
            if cost > _SLOW:
                results.dropped[which] = ""
        print(f"{case.packets:.0e} packets, {case.kind}: round {number + 1} of {words.rounds}", file=sys.stderr)
    return _text(case, capture, peers, results), results


def _run(
    peer: Peer, setting: Setting, job: Job, truth: dict[str, int], results: Results, number: int, timeout: float
) -> float:
    """Run one peer once, note what it cost, and return the CPU seconds of its processes."""
    costs, out = [], ""
    try:
        for command in peer.commands(setting, job):
            cost, out = measure(command, setting.scratch, timeout, listen="" not in peer.rows)
            costs.append(cost)
    finally:
        for path in list(setting.scratch.iterdir()):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    cpu, wall = sum(cost.cpu for cost in costs), sum(cost.wall for cost in costs)
    peak = max(cost.peak for cost in costs)
    said = json.loads(out or "{}")
    # Only the yardstick's flows are the generator's: others tell conversations apart in their own ways.
    for count in ("packets", "flows") if peer.name == "yardstick" else ("packets",):
        if said.get(count, truth[count]) != truth[count]:
            raise Failed(f"it counted {said[count]} {count} of {truth[count]}")
    results.compiled = said.get("compiled", results.compiled)
    for key, row in peer.rows.items():
        if not key:
            results.samples[row][number] = Sample(cpu, wall, peak)
        elif key in said:
            results.samples[row][number] = Sample(statistics.median(said[key]), math.nan, peak)
    return cpu


def _text(case: Case, capture: Path, peers: Sequence[Peer], results: Results) -> str:
    """Return the heading and the table of one capture, and what podfence takes of others' CPU."""
    rows = []
    for row in (row for peer in peers for row in peer.rows.values()):
        samples = results.samples.get(row, {}).values()
        if not samples:
            continue
        cpu = statistics.median(sample.cpu for sample in samples)
        base = YARDSTICK if row.endswith("in process") else YARDSTICK_PROCESS
        speed = 1 / results.ratio(row, base) if base in results.samples else float("nan")
        wall = statistics.median(sample.wall for sample in samples)
        peak = max(sample.peak for sample in samples)
        rows.append(
            [
                row,
                digits(cpu),
                "" if math.isnan(wall) else digits(wall),
                digits(case.packets / cpu / 1e6),
                digits(speed),
                f"{peak:,.0f}",
                f"{len(samples)}",
            ]
        )
    size = capture.stat().st_size / 1e6
    title = f"**{case.packets:,} packets, {case.flows:,} flows, {_KINDS[case.kind]}, {size:,.0f} MB**"
    head = ["", "CPU s", "wall s", "Mpkt per CPU s", "speed, yardstick = 1", "peak MB", "runs"]
    beside = [other for other in (SOFTFLOWD, NFDUMP) if {other, OBSERVE} <= results.samples.keys()]
    told = [f"{digits(results.ratio(OBSERVE, other))} of {other}'s" for other in beside]
    ending = f"\n`podfence observe` took {' and '.join(told)} CPU.\n" if told else ""
    return f"{title}\n\n{markdown(head, rows)}{ending}"


if __name__ == "__main__":
    main()
