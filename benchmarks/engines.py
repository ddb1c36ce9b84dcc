"""Turns many files into a table: what reading them takes one after the other, by processes, and by Dask.

    .venv/bin/python -m benchmarks.engines [--rows 2e7] [--bytes 2e9] [--rounds 1] [--write]

Parquet files with rows of a generic log, in folders by time, and gzip files with Hubble's lines, one of each node. All
engines read them in turn, from starting Python to the store, and must write the same one. Dask starts and ends its two
worker processes within the time. The largest peak is that of any one process. Nothing here passes or fails.
"""

import argparse
import gzip
import hashlib
import shutil
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.log_lines import VERSION, write_log
from benchmarks.runs import Failed, Sample, measure
from benchmarks.table import README, digits, machine, markdown, module_version, paste

ENGINES: dict[str, tuple[str, ...]] = {
    "one after the other": (),
    "`--workers 2`": ("--workers", "2"),
    "`--engine dask --workers 2`": ("--engine", "dask", "--workers", "2"),
}
PARQUETS, NODES = 40, 50
"""Files of each kind."""
_BEGIN = 1_772_359_200  # 2026-03-01T10:00:00Z
_PART = 1_200
"""Seconds of one Parquet file."""
_PODS = 400
_FLOWS = 2_000
_LINE = 1_500
"""Bytes of one of Hubble's lines, about."""
_PORTS = (80, 443, 8080, 5432, 6379, 53)
_MAPPING = "time=t,src=src,src_port=sport,dst=dst,dst_port=dport,protocol=proto,verdict=action,packets=pkts,bytes=bytes"


def main() -> None:
    """Run the command."""
    words = _parser().parse_args()
    words.work.mkdir(parents=True, exist_ok=True)
    inputs = {
        f"{words.rows:,} rows in {PARQUETS} Parquet files": (
            _folder(words.work / f"v{VERSION}-{words.rows}.parquets", write_parquets, words.rows),
            ("--format", "generic", "--columns", _MAPPING),
        ),
        f"{words.bytes / 1e9:g} GB of Hubble's lines in {NODES} gzip files": (
            _folder(words.work / f"v{VERSION}-{words.bytes}.hubbles", write_hubbles, words.bytes),
            (),
        ),
    }
    texts = []
    for title, (folder, options) in inputs.items():
        texts.append(_table(title, [str(folder), *options], words))
        print(f"\n{texts[-1]}", flush=True)
    texts.append(machine(f"distributed {module_version(sys.executable, 'distributed')}"))
    print(f"\n{texts[-1]}")
    if words.write:
        paste(README, "engines", "\n".join(texts))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engines", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rows", type=_whole, default=20_000_000)
    parser.add_argument("--bytes", type=_whole, default=2_000_000_000, help="of Hubble's lines, uncompressed")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "podfence-benchmarks")
    parser.add_argument("--timeout", type=float, default=3600, help="seconds of a run, then it is stopped")
    parser.add_argument("--write", action="store_true", help="put the tables into benchmarks/README.md")
    return parser


def _whole(text: str) -> int:
    return int(float(text))


def _table(title: str, source: list[str], words: argparse.Namespace) -> str:
    samples: dict[str, list[Sample]] = defaultdict(list)
    stores = set()
    for number in range(words.rounds):
        for name, options in ENGINES.items():
            with tempfile.TemporaryDirectory(dir=words.work) as scratch:
                store = Path(scratch) / "store"
                command = [sys.executable, "-m", "recommender.cli", "observe", *source, *options, "-o", str(store)]
                sample, _ = measure(command, Path(scratch), words.timeout)
                samples[name].append(sample)
                stores.add(_digest(store))
            print(f"{title}: round {number + 1} of {words.rounds}, {name}", file=sys.stderr)
    if len(stores) != 1:
        raise Failed(f"{title}: the engines do not write the same store")
    head = ["", "wall s", "CPU s", "times as fast", "CPU, alone = 1", "largest peak MB"]
    alone = samples[next(iter(ENGINES))]
    rows = [[name, *_figures(found, alone)] for name, found in samples.items()]
    return f"**{title}**\n\n{markdown(head, rows)}"


def _figures(samples: list[Sample], alone: list[Sample]) -> list[str]:
    pairs = list(zip(alone, samples, strict=True))
    return [
        digits(statistics.median(sample.wall for sample in samples)),
        digits(statistics.median(sample.cpu for sample in samples)),
        digits(statistics.median(one.wall / sample.wall for one, sample in pairs)),
        digits(statistics.median(sample.cpu / one.cpu for one, sample in pairs)),
        f"{max(sample.peak for sample in samples):,.0f}",
    ]


def _digest(store: Path) -> str:
    found = hashlib.sha256()
    for path in sorted(path for path in store.rglob("*") if path.is_file()):
        found.update(f"{path.relative_to(store)}\n".encode() + path.read_bytes())
    return found.hexdigest()


def _folder(path: Path, write: Callable[[Path, int], None], size: int) -> Path:
    """Return a folder, written unless it is there, in the page cache, so that no run pays for the disk."""
    if not path.exists():
        part = path.with_name(f"{path.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        write(part, size)
        part.replace(path)
    for file in path.rglob("*.*"):
        with file.open("rb") as stream:
            while stream.read(1 << 20):
                pass
    return path


def write_parquets(folder: Path, rows: int) -> None:
    """Write records of a few seconds of a connection each, some minutes of the day in each file."""
    import pyarrow as pa  # noqa: PLC0415 - takes a third of a second, and only once
    import pyarrow.parquet as pq  # noqa: PLC0415 - as above

    chance = np.random.default_rng(8)
    pods = pa.array([f"10.244.{number // 200}.{number % 200 + 2}" for number in range(_PODS)])
    client, server = chance.integers(0, _PODS, (2, _FLOWS)).astype(np.int32)
    port = chance.choice(_PORTS, _FLOWS)
    for part in range(PARQUETS):
        count = rows // PARQUETS
        flow = (_FLOWS ** chance.random(count)).astype(np.int64) - 1
        denied = (chance.random(count) < 0.02).astype(np.int32)
        columns = {
            "t": _BEGIN + part * _PART + np.sort(chance.integers(0, _PART, count)),
            "src": pa.DictionaryArray.from_arrays(client[flow], pods),
            "sport": chance.integers(32_768, 61_000, count),
            "dst": pa.DictionaryArray.from_arrays(server[flow], pods),
            "dport": port[flow],
            "proto": np.where(port[flow] == 53, 17, 6),
            "action": pa.DictionaryArray.from_arrays(denied, pa.array(["ACCEPT", "REJECT"])),
            "pkts": chance.integers(1, 300, count),
            "bytes": chance.integers(60, 200_000, count),
        }
        place = folder / f"part={part:02d}"
        place.mkdir()
        pq.write_table(pa.table(columns), place / "flows.parquet", row_group_size=1 << 17)


def write_hubbles(folder: Path, size: int) -> None:
    """Write a log for each node, all of the same minutes, each of its own pods."""
    made = folder / "one"
    write_log(made, "hubble", max(1, size // NODES // _LINE))
    text = made.read_bytes()
    made.unlink()
    for node in range(NODES):
        of_node = text.replace(b"10.244.", f"10.{node}.".encode())
        (folder / f"node-{node:02d}.json.gz").write_bytes(gzip.compress(of_node, compresslevel=6, mtime=0))


if __name__ == "__main__":
    main()
