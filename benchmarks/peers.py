"""Turns a capture into the command lines of everything that is compared, and says what is missing for them."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

YARDSTICK, YARDSTICK_PROCESS = "C yardstick, in process", "C yardstick, whole process"
OBSERVE, SOFTFLOWD, NFDUMP = "podfence observe", "softflowd", "nfpcapd + nfdump"


@dataclass(frozen=True)
class Setting:
    """Where programs are, and where what they write may go."""

    yardstick: Path
    peer_python: str
    scratch: Path
    port: int
    """UDP on the loopback, where somebody takes what softflowd exports."""


@dataclass(frozen=True)
class Job:
    """One capture to read."""

    capture: Path
    flows: int
    times: int
    """How often programs that measure themselves do so."""


@dataclass(frozen=True)
class Peer:
    """One program or a chain of them. `rows`: a key of what it prints ("": the whole process) -> the table's row."""

    name: str
    rows: dict[str, str]
    commands: Callable[[Setting, Job], list[list[str | Path]]]
    needs: tuple[str, ...] = ()
    module: str = ""
    from_where: str = ""
    most: int = 10**12

    def missing(self, setting: Setting) -> str:
        """Return what is not on this machine and where it comes from; "" if all is there."""
        absent = [program for program in self.needs if shutil.which(program) is None]
        if self.module and not _has(setting.peer_python, self.module):
            absent.append(f"{self.module} for {setting.peer_python}")
        return f"{', '.join(absent)} is not here ({self.from_where})" if absent else ""


def _has(python: str, module: str) -> bool:
    command = [python, "-c", f"import importlib.util, sys; sys.exit(not importlib.util.find_spec({module!r}))"]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def _podfence() -> str:
    return str(Path(sys.executable).parent / "podfence")


def _softflowd(setting: Setting, job: Job) -> list[list[str | Path]]:
    # IPv6 and VLANs as podfence reads them; room for all flows, for it slows down when it must throw some out.
    # Without a control socket: with one it may wait for somebody to call there.
    options = ["-v", "9", "-T", "vlan", "-m", str(4 * job.flows), "-c", "none", "-p", str(setting.scratch / "pid")]
    return [["softflowd", "-d", "-r", job.capture, "-n", f"127.0.0.1:{setting.port}", *options]]


def _nfdump(setting: Setting, job: Job) -> list[list[str | Path]]:
    flows = setting.scratch / "nfdump"
    flows.mkdir()
    aggregate = ["-A", "srcip,dstip,dstport,proto", "-o", "csv"]
    return [["nfpcapd", "-r", job.capture, "-w", flows], ["nfdump", "-R", flows, *aggregate]]


def _loop(name: str) -> Callable[[Setting, Job], list[list[str | Path]]]:
    return lambda setting, job: [[setting.peer_python, Path(__file__).with_name("loops.py"), name, job.capture]]


PEERS = (
    Peer("yardstick", {"seconds": YARDSTICK}, lambda setting, job: [[setting.yardstick, job.capture, str(job.times)]]),
    Peer(
        "kernel",
        {"kernel": "podfence kernel, in process", "read_flows": "podfence read_flows, in process"},
        lambda _, job: [[sys.executable, "-m", "benchmarks.inprocess", job.capture, str(job.times)]],
    ),
    Peer("yardstick", {"": YARDSTICK_PROCESS}, lambda setting, job: [[setting.yardstick, job.capture]]),
    Peer(
        "observe",
        {"": OBSERVE},
        lambda setting, job: [[_podfence(), "observe", job.capture, "-o", setting.scratch / "observation"]],
        needs=(_podfence(),),
        from_where="pip install -e .",
    ),
    Peer(
        "workers",
        {"": "podfence observe --workers 2"},
        lambda setting, job: [
            [_podfence(), "observe", job.capture, "-o", setting.scratch / "observation", "--workers", "2"]
        ],
        needs=(_podfence(),),
        from_where="pip install -e .",
    ),
    Peer("softflowd", {"": SOFTFLOWD}, _softflowd, needs=("softflowd",), from_where="Debian: softflowd"),
    Peer("nfdump", {"": NFDUMP}, _nfdump, needs=("nfpcapd", "nfdump"), from_where="Debian: nfdump"),
    Peer(
        "tshark",
        {"": "tshark, conversations"},
        lambda _, job: [["tshark", "-n", "-q", "-z", "conv,tcp", "-z", "conv,udp", "-r", job.capture]],
        needs=("tshark",),
        from_where="Debian: tshark",
        most=1_000_000,
    ),
    Peer("dpkt", {"": "dpkt, a loop"}, _loop("dpkt"), module="dpkt", from_where="PyPI: dpkt", most=1_000_000),
    Peer("scapy", {"": "scapy, a loop"}, _loop("scapy"), module="scapy", from_where="PyPI: scapy", most=100_000),
)
