"""Turns command lines into what they cost: CPU seconds of a child and all its children, and its peak memory."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import VERSION

ROOT = Path(__file__).parents[1]


class Failed(Exception):
    """A command did not end well; the argument is one line that says how."""


@dataclass(frozen=True)
class Sample:
    """What one run cost. `peak` is in MB; the memory of this process, some 18 MB, is the least that shows."""

    cpu: float
    wall: float
    peak: float


@dataclass(frozen=True)
class Case:
    """One capture to generate."""

    packets: int
    kind: str = "us"
    flows: int = 0
    seconds: int = 600

    @property
    def name(self) -> str:
        """Say which it is in a file's name."""
        return f"v{VERSION}-{self.packets}-{self.flows}-{self.seconds}s-{self.kind}"


def measure(
    command: Sequence[str | Path], scratch: Path, timeout: float, *, listen: bool = False
) -> tuple[Sample, str]:
    """Run a command to its end; return what it cost and, for one to listen to, what it printed. Raises Failed.

    What others print goes to /dev/null: into a file it would cost them, and here its size would count as ours.
    """
    out, err = scratch / "stdout" if listen else Path(os.devnull), scratch / "stderr"
    late = threading.Event()
    with out.open("wb") as stdout, err.open("wb") as stderr:
        begun = time.perf_counter()
        # Not `with`, which would wait a second time: wait4 takes the child's end and its costs at once.
        child = subprocess.Popen(
            [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, cwd=ROOT
        )
        timer = threading.Timer(timeout, _stop, (child, late))
        timer.start()
        try:
            _, status, usage = os.wait4(child.pid, 0)
        finally:
            timer.cancel()
        wall = time.perf_counter() - begun
        child.returncode = os.waitstatus_to_exitcode(status)
    if late.is_set():
        raise Failed(f"{Path(command[0]).name} was stopped after {timeout:g} s")
    if child.returncode:
        last = err.read_text(errors="replace").strip().splitlines()[-1:] or ["no message"]
        raise Failed(f"{Path(command[0]).name} ended with {child.returncode}: {last[0]}")
    return Sample(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024), out.read_text() if listen else ""


def _stop(child: "subprocess.Popen[bytes]", late: threading.Event) -> None:
    late.set()
    child.kill()


def compile_yardstick(work: Path) -> Path:
    """Return the yardstick's program, compiled for this machine. Raises Failed."""
    if shutil.which("gcc") is None:
        raise Failed("gcc is not here (Debian: gcc libc6-dev): nothing can be compared without the yardstick")
    program = work / "yardstick"
    source = Path(__file__).with_name("yardstick.c")
    subprocess.run(["gcc", "-O3", "-march=native", "-std=gnu11", source, "-o", program], check=True)
    return program


def capture_of(case: Case, work: Path) -> tuple[Path, dict[str, int]]:
    """Return a case's capture, generated unless it is in the folder, and what it holds."""
    path = work / f"{case.name}.{'pcapng' if case.kind == 'pcapng' else 'pcap'}"
    if not path.exists():
        part = path.with_suffix(".part")
        words = {"packets": case.packets, "flows": case.flows, "seconds": case.seconds, "format": case.kind}
        options = [f"--{word}={value}" for word, value in words.items()]
        subprocess.run([sys.executable, "-m", "benchmarks.generate", part, *options], check=True, cwd=ROOT)
        Path(f"{part}.json").replace(f"{path}.json")
        part.replace(path)
    with path.open("rb") as file:  # into the page cache, so that no run pays for the disk
        while file.read(1 << 20):
            pass
    return path, json.loads(Path(f"{path}.json").read_text())
