"""Flow logs of the lab's traffic: what connection tracking, nfdump and softflowd make of the same packets."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.lab.lab import Lab
from tests.lab.netns import run

CUSTOM = "csv:%tsr,%ter,%pr,%sa,%sp,%da,%dp,%pkt,%byt,%flg"
"""What docs/formats/nfdump.md recommends, which the nfdump of Debian 12 does not know yet."""


@contextmanager
def conntrack_events(lab: Lab, out: Path) -> Iterator[None]:
    """Write the node's connection tracking events while the body runs."""
    with out.open("w") as log:
        process = lab.spaces.start("node", "conntrack", "-E", "-o", "timestamp,extended", output=log)
        try:
            time.sleep(0.3)  # its socket is open
            if process.poll() is not None:
                raise RuntimeError(f"conntrack ended early: {process.communicate()[1]}")
            yield
            time.sleep(0.5)
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=20)


def nfdump_csv(capture: Path, scratch: Path) -> Path:
    """Return what nfdump writes of a capture's flows, as CSV."""
    flows, out = scratch / "nfcapd", scratch / "nfdump.csv"
    flows.mkdir()
    run("nfpcapd", "-r", str(capture), "-l", str(flows))
    files = sorted(flows.glob("nfcapd.*"))
    with out.open("w") as text:
        for file in files:
            text.write(run("nfdump", "-r", str(file), "-o", "csv"))
    return out


def exported(capture: Path, port: int, version: int) -> None:
    """Send what softflowd makes of a capture to a collector on loopback, as NetFlow of a version."""
    command = ["softflowd", "-r", str(capture), "-n", f"127.0.0.1:{port}", "-v", str(version), "-d"]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
