"""A learner in the lab: `podfence learn` on the node, killed and started again while traffic goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from tests.lab.lab import Lab

_BEGUN = "learning from"


class Learner:
    """`podfence learn` in a namespace of the lab."""

    def __init__(self, lab: Lab, store: Path, *options: str) -> None:
        self._lab, self.store = lab, store
        self._command = (sys.executable, "-m", "recommender.cli", "learn", *options, "-o", str(store), "--every", "1s")
        self.said: list[str] = []
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it, and wait until it captures."""
        log = self.store.with_name(f"{self.store.name}.{len(self.said)}.log")
        with log.open("w") as out:
            self._process = self._lab.spaces.start("node", *self._command, error=out)
        for _ in range(400):
            if _BEGUN in log.read_text():
                self.said.append(str(log))
                return
            if self._process.poll() is not None:
                break
            time.sleep(0.05)
        raise RuntimeError(f"the learner did not begin: {log.read_text()}")

    def kill(self) -> None:
        """End it as a full memory or a lost node would."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait(20)

    def stop(self) -> None:
        """End it as Kubernetes does."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        if self._process.wait(30):
            raise RuntimeError(f"the learner failed: {Path(self.said[-1]).read_text()}")

    @contextmanager
    def killed(self, after: Sequence[float]) -> Iterator[None]:
        """Learn while the body runs, killed after so many seconds each, and started again."""
        self.start()
        over = threading.Event()
        with ThreadPoolExecutor(1) as pool:
            killing = pool.submit(self._kill, after, over)
            try:
                yield
            finally:
                over.set()
        if killing.result() < len(after):
            raise RuntimeError("the traffic was over before the learner was killed as often as it should be")
        time.sleep(1.5)  # a last whole interval
        self.stop()

    def _kill(self, after: Sequence[float], over: threading.Event) -> int:
        begun = time.monotonic()
        for turn, seconds in enumerate(after):
            if over.wait(max(0.0, begun + seconds - time.monotonic())):
                return turn
            self.kill()
            self.start()
        return len(after)
