"""Network namespaces with a name of their own per run: names -> namespaces, sockets and commands inside them.

Names carry the pid and the start time of the process that made them, so that a later run can tell the remains of a
killed one from the namespaces of one that still runs beside it.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import socket
import subprocess
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import IO, Self

_PREFIX = "pflab"
_CLONE_NEWNET = 0x40000000
_RUN = Path("/run/netns")
_serial = count()
_libc = ctypes.CDLL(None, use_errno=True)

TOOLS = ("ip", "nft", "conntrack", "dumpcap", "editcap", "reordercap", "tshark")


def _started(pid: int) -> str | None:
    """Start time of a process in clock ticks, None when there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (FileNotFoundError, ProcessLookupError):
        return None


def run(*command: str, text: str | None = None) -> str:
    """Run a program to its end; what it said is in the error when it failed."""
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def missing() -> str:
    """Return what this machine lacks for the lab, as one plain sentence; empty when nothing."""
    if lacking := [tool for tool in TOOLS if not shutil.which(tool)]:
        return f"the lab needs {', '.join(lacking)}: install iproute2, nftables, conntrack and tshark"
    if os.geteuid():
        return "the lab makes network namespaces: run it as root"
    try:
        with Namespaces(["probe"]) as trial:
            trial.run("probe", "nft", "-f", "-", text="table inet probe { chain c { ct state new accept; }; }")
    except (RuntimeError, OSError) as error:
        return f"the lab cannot make network namespaces here: {error}"
    return ""


def remains() -> list[str]:
    """Namespaces of the lab whose process is gone."""
    names = [path.name for path in _RUN.glob(f"{_PREFIX}.*")] if _RUN.is_dir() else []
    return [name for name in names if _started(int(name.split(".")[1])) != name.split(".")[2]]


def remove(names: Iterable[str]) -> None:
    """Delete namespaces, and with them their interfaces, routes and nft tables."""
    if text := "".join(f"netns del {name}\n" for name in names):
        run("ip", "-batch", "-", text=text)


class Namespaces:
    """Namespaces by short name, as a context manager.

    Sockets are opened by one thread that lives in whatever namespace it opened the last one in: a socket stays bound
    to the namespace it was made in, so no process per pod is needed and the caller's own namespace is never left.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._run = f"{_PREFIX}.{os.getpid()}.{_started(os.getpid())}.{next(_serial)}"
        self._names = list(names)
        self._fds: dict[str, int] = {}
        self._opener = ThreadPoolExecutor(1, thread_name_prefix="netns")

    def full(self, name: str) -> str:
        """Return the name that `ip netns` knows."""
        return f"{self._run}.{name}"

    def __enter__(self) -> Self:
        remove(remains())
        try:
            run("ip", "-batch", "-", text="".join(f"netns add {self.full(name)}\n" for name in self._names))
            for name in self._names:
                self._fds[name] = os.open(_RUN / self.full(name), os.O_RDONLY | os.O_CLOEXEC)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._opener.shutdown()
        for fd in self._fds.values():
            os.close(fd)
        self._fds.clear()
        remove(name for name in map(self.full, self._names) if (_RUN / name).exists())

    def _open(self, wanted: Sequence[tuple[str, int, int, int]]) -> list[socket.socket]:
        made: list[socket.socket] = []
        for name, family, kind, protocol in wanted:
            if _libc.setns(self._fds[name], _CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), f"setns into {name}")
            made.append(socket.socket(family, kind | socket.SOCK_NONBLOCK, protocol))
        return made

    def sockets(self, wanted: Sequence[tuple[str, int, int, int]]) -> list[socket.socket]:
        """(namespace, family, type, protocol) -> non-blocking sockets, in order."""
        return self._opener.submit(self._open, wanted).result()

    def socket(self, name: str, family: int, kind: int, protocol: int = 0) -> socket.socket:
        """One non-blocking socket inside a namespace."""
        return self.sockets([(name, family, kind, protocol)])[0]

    def run(self, name: str, *command: str, text: str | None = None) -> str:
        """Run a program inside a namespace."""
        return run("ip", "netns", "exec", self.full(name), *command, text=text)

    def start(
        self,
        name: str,
        *command: str,
        output: IO[str] | int = subprocess.DEVNULL,
        error: IO[str] | int = subprocess.PIPE,
    ) -> subprocess.Popen[str]:
        """Start a program inside a namespace; `ip netns exec` becomes it, so signals reach it."""
        return subprocess.Popen(
            ["ip", "netns", "exec", self.full(name), *command],
            stdout=output,
            stderr=error,
            text=True,
        )

    def ip(self, name: str, lines: Iterable[str]) -> None:
        """Run a batch of `ip` commands inside a namespace."""
        run("ip", "-n", self.full(name), "-batch", "-", text="\n".join(lines) + "\n")
