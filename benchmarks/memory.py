"""Turns captures of the same flows and ever more packets into a table: the memory that podfence takes for them.

    .venv/bin/python -m benchmarks.memory [--sizes 1e6,1e7] [--flows 20000]

The packets of a capture lie within one minute, so that both come to the same rows.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks.peers import PEERS, Job, Setting
from benchmarks.runs import Case, capture_of, compile_yardstick, measure
from benchmarks.table import README, machine, markdown, paste

_SECONDS = 50
_ROWS = {"kernel": "read_flows, in process", "observe": "podfence observe"}


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--sizes", default="1e6,1e7")
    parser.add_argument("--flows", type=lambda text: int(float(text)), default=20_000)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "podfence-benchmarks")
    parser.add_argument("--write", action="store_true", help="put the table into benchmarks/README.md")
    words = parser.parse_args()
    words.work.mkdir(parents=True, exist_ok=True)
    sizes = [int(float(word)) for word in words.sizes.split(",")]
    with tempfile.TemporaryDirectory(dir=words.work) as scratch:
        setting = Setting(compile_yardstick(words.work), sys.executable, Path(scratch), 0)
        imported, _ = measure([sys.executable, "-c", "import collectors.sources"], Path(scratch), 600)
        peaks = {row: [_peak(name, size, words, setting) for size in sizes] for name, row in _ROWS.items()}
    rows = [["imports alone", *[f"{imported.peak:,.0f}"] * len(sizes), ""]]
    for row, found in peaks.items():
        rows.append([row, *(f"{peak:,.0f}" for peak in found), f"{found[-1] / found[0]:.2f}"])
    head = ["peak MB", *(f"{size:,} packets" for size in sizes), "last / first"]
    text = f"{words.flows:,} flows in one minute.\n\n{markdown(head, rows)}\n{machine()}\n"
    print(text)
    if words.write:
        paste(README, "memory", text)


def _peak(name: str, packets: int, words: argparse.Namespace, setting: Setting) -> float:
    capture, _ = capture_of(Case(packets, flows=words.flows, seconds=_SECONDS), words.work)
    peer = next(peer for peer in PEERS if peer.name == name)
    (command,) = peer.commands(setting, Job(capture, words.flows, 1))
    sample, _ = measure(command, setting.scratch, 3600)
    shutil.rmtree(setting.scratch / "observation", ignore_errors=True)
    return sample.peak


if __name__ == "__main__":
    main()
