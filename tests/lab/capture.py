"""Captures on the node's ends of the pods' cables: interfaces -> a pcapng, and the merged view after DNAT -> a pcap."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.lab.lab import Lab
from tests.lab.netns import run

# Before DNAT a packet has a Service address in it; its copy after DNAT is seen on the other pod's cable.
AFTER_DNAT = "not (net 10.96.0.0/16 or ip6 net fd00:96::/112)"


def _wait(process: subprocess.Popen[str], files: Path) -> None:
    """Wait until dumpcap has its sockets open and its file begun."""
    for _ in range(100):
        if process.poll() is not None:
            raise RuntimeError(f"dumpcap ended early: {process.communicate()[1]}")
        if files.exists() and files.stat().st_size:
            time.sleep(0.3)
            return
        time.sleep(0.05)
    raise RuntimeError("dumpcap did not begin")


@contextmanager
def capture(lab: Lab, interfaces: Sequence[str], out: Path, only: str = "") -> Iterator[None]:
    """Record interfaces of the node into one pcapng while the body runs.

    Not on the bridge itself: a capture there makes the bridge promiscuous, its copies of redirected (DNAT) frames go
    up the stack and are forwarded once more, so that pods really get every packet twice (seen as TCP SACKs).
    """
    flags = [part for name in interfaces for part in ("-i", name, "-p", *(["-f", only] if only else []))]
    process = lab.spaces.start("node", "dumpcap", "-q", *flags, "-w", str(out))
    try:
        _wait(process, out)
        yield
        time.sleep(0.5)  # what is still in the kernel's buffers
    finally:
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=20)[1]
    if process.returncode:
        raise RuntimeError(f"dumpcap: {said}")


def merge(several: Path, out: Path) -> None:
    """Merge many cables -> one classic pcap with each packet once.

    A bridged packet is on two cables, a flooded one on all, byte for byte the same and microseconds apart.
    """
    ordered, once = several.with_suffix(".ordered"), several.with_suffix(".once")
    run("reordercap", str(several), str(ordered))
    run("editcap", "-w", "0.02", str(ordered), str(once))
    run("editcap", "-F", "pcap", str(once), str(out))
    ordered.unlink()
    once.unlink()
