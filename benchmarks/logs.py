"""Turns flow logs into a table: what podfence, loops over JSON and the C engine of pandas take to read them.

    .venv/bin/python -m benchmarks.logs [--lines 1e6] [--rounds 5] [--write]

All programs read a log in turn, then all again. CPU seconds are user + system of whole processes, from starting Python
to the counters of each connection; all must come to the same. What a program takes for a log of one line is its start:
Python, and imports. Of text logs four times as many lines are read. orjson is in no extra of ours:
`.venv/bin/pip install orjson`; without it its row is left out, and said so. Nothing here passes or fails.
"""

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

from benchmarks.log_lines import VERSION, write_log
from benchmarks.runs import Failed, Sample, measure
from benchmarks.table import README, digits, machine, markdown, module_version, paste

OURS = "podfence"
"""What stands for podfence: the program of that name in `log_loops`, which does what the others do."""
WHOLE = "observe"
"""The command, which does more: each connection once, who began, what came of it, claims, names, a store."""
PEERS = {"hubble": ("orjson", "json"), "zeek": ("pandas",), "vpc": ("pandas",)}
_NAMES = {
    OURS: "podfence, scanner and counters",
    WHOLE: "`podfence observe`, to the store",
    "orjson": "orjson, a loop",
    "json": "stdlib json, a loop",
    "pandas": "pandas, C engine",
}
_TITLES = {"hubble": "Hubble, JSON lines", "zeek": "Zeek conn.log", "vpc": "AWS VPC flow log"}
_TIMES = {"hubble": 1, "zeek": 4, "vpc": 4}
"""How many of the lines that were asked for: short ones are read before Python has imported anything."""
_LONG = 4
"""How many of these lines two logs have that are read at once: starting counts for little then."""
_PART = 4
"""A log with a part of the lines shows whether memory grows with them."""


def main() -> None:
    """Run the command."""
    words = _parser().parse_args()
    words.work.mkdir(parents=True, exist_ok=True)
    if find_spec("orjson") is None:
        print("left out: orjson is not here (.venv/bin/pip install orjson)")
    texts = []
    with tempfile.TemporaryDirectory(dir=words.work) as scratch:
        for kind, others in PEERS.items():
            present = [OURS, WHOLE, *(other for other in others if other != "orjson" or find_spec("orjson"))]
            texts.append(_table(kind, present, words, Path(scratch)))
            print(f"\n{texts[-1]}", flush=True)
    versions = [f"{name} {found}" for name in ("orjson", "pandas") if (found := module_version(sys.executable, name))]
    texts.append(machine(*versions))
    print(f"\n{texts[-1]}")
    if words.write:
        paste(README, "logs", "\n".join(texts))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.logs", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--lines", type=lambda text: int(float(text)), default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "podfence-benchmarks")
    parser.add_argument("--timeout", type=float, default=900, help="seconds of a run, then it is stopped")
    parser.add_argument("--write", action="store_true", help="put the tables into benchmarks/README.md")
    return parser


def _table(kind: str, programs: Sequence[str], words: argparse.Namespace, scratch: Path) -> str:
    """Return the heading and the table of one format."""
    lines = words.lines * _TIMES[kind]
    log = _log(kind, lines, words.work)
    samples: dict[str, list[Sample]] = defaultdict(list)
    for number in range(words.rounds):
        answers = set()
        for program in [*programs[number % len(programs) :], *programs[: number % len(programs)]]:
            sample, said = _run(program, kind, log, scratch, words.timeout)
            samples[program].append(sample)
            if program != WHOLE:
                answers.add(said)
        if len(answers) != 1:
            raise Failed(f"{kind}: the programs do not agree: {sorted(answers)}")
        print(f"{kind}: round {number + 1} of {words.rounds}", file=sys.stderr)
    start = {program: _start(program, kind, words, scratch) for program in programs}
    part = _log(kind, lines // _PART, words.work)
    shorter = [_run(program, kind, part, scratch, words.timeout)[0].peak for program in (OURS, WHOLE)]
    title = f"**{_TITLES[kind]}, {lines:,} lines, {log.stat().st_size / 1e6:,.0f} MB**"
    head = [
        "", "CPU s", "of it start", "thousand lines per CPU s", "CPU, podfence = 1", "without start", "peak MB"
    ]  # fmt: skip
    rows = [_row(program, samples, start, lines) for program in programs]
    ending = (
        f"With a quarter of the lines the first two peak at {shorter[0]:,.0f} and {shorter[1]:,.0f} MB. "
        f"{_together(kind, lines, words, scratch)}"
    )
    return f"{title}\n\n{markdown(head, rows)}\n{ending}\n"


def _row(program: str, samples: Mapping[str, Sequence[Sample]], start: Mapping[str, float], lines: int) -> list[str]:
    pairs = list(zip(samples[program], samples[OURS], strict=True))
    cpu, peak = statistics.median(own.cpu for own, _ in pairs), max(own.peak for own, _ in pairs)
    ratio = statistics.median(own.cpu / our.cpu for own, our in pairs)
    reading = statistics.median((own.cpu - start[program]) / (our.cpu - start[OURS]) for own, our in pairs)
    figures = [cpu, start[program], lines / cpu / 1e3, ratio, reading]
    return [_NAMES[program], *map(digits, figures), f"{peak:,.0f}"]


def _start(program: str, kind: str, words: argparse.Namespace, scratch: Path) -> float:
    """Return the CPU seconds of a log of one line."""
    log = _log(kind, 1, words.work)
    return statistics.median(_run(program, kind, log, scratch, words.timeout)[0].cpu for _ in range(words.rounds))


def _run(program: str, kind: str, log: Path, scratch: Path, timeout: float) -> tuple[Sample, str]:
    """Run one program once; return what it cost, and what it counted."""
    if program == WHOLE:
        return _observed([log], 1, scratch, timeout), ""
    command = [sys.executable, "-m", "benchmarks.log_loops", program, kind, str(log)]
    sample, out = measure(command, scratch, timeout, listen=True)
    return sample, json.dumps(json.loads(out), sort_keys=True)


def _observed(logs: Sequence[Path], workers: int, scratch: Path, timeout: float) -> Sample:
    """Read logs into a new store."""
    store = scratch / "store"
    shutil.rmtree(store, ignore_errors=True)
    words: list[str | Path] = ["observe", *logs, "--workers", str(workers), "-o", store]
    sample, _ = measure([sys.executable, "-m", "recommender.cli", *words], scratch, timeout)
    return sample


def _together(kind: str, lines: int, words: argparse.Namespace, scratch: Path) -> str:
    """Return how much faster two long logs are read by two processes, and by two commands that share nothing."""
    log = _log(kind, lines * _LONG, words.work)
    logs = [log, words.work / f"second.{log.name}"]
    logs[1].unlink(missing_ok=True)
    os.link(*logs)
    rounds = [_ways(logs, words, scratch) for _ in range(words.rounds)]
    logs[1].unlink()
    alone, both, apart = (statistics.median(walls) for walls in zip(*(walls for walls, _ in rounds), strict=True))
    peak = max(peak for _, peak in rounds)
    return (
        f"Two such logs of {lines * _LONG:,} lines, medians: {alone:.3g} s one after the other, at a peak of "
        f"{peak:,.0f} MB; {both:.3g} s with `--workers 2`, {alone / both:.2f} times as fast; two commands at once, one "
        f"for each, {alone / apart:.2f} times."
    )


def _ways(logs: Sequence[Path], words: argparse.Namespace, scratch: Path) -> tuple[tuple[float, ...], float]:
    """Return how long two logs take one after the other, by two processes, by two commands; the peak of the first."""
    alone, both = (_observed(logs, workers, scratch, words.timeout) for workers in (1, 2))
    begun = time.perf_counter()
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda number: _observed([logs[number]], 1, _folder(scratch, number), words.timeout), range(2)))
    return (alone.wall, both.wall, time.perf_counter() - begun), alone.peak


def _folder(scratch: Path, number: int) -> Path:
    folder = scratch / f"{number}"
    folder.mkdir(exist_ok=True)
    return folder


def _log(kind: str, lines: int, work: Path) -> Path:
    """Return a log, written unless it is in the folder, in the page cache, so that no run pays for the disk."""
    path = work / f"v{VERSION}-{lines}.{kind}"
    if not path.exists():
        part = path.with_suffix(".part")
        write_log(part, kind, lines)
        part.replace(path)
    with path.open("rb") as file:
        while file.read(1 << 20):
            pass
    return path


if __name__ == "__main__":
    main()
