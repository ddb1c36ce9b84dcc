"""Turns options into a running `podfence learn`, and what it says into text and events; for its tests."""

import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

SAMPLES = Path(__file__).parents[2] / "sample_captures"
_BUFFERED = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}


class Learn:
    """A running `podfence learn`."""

    def __init__(self, folder, *options, stdin=subprocess.DEVNULL, **others):
        self.store = folder / "store"
        self._said, self._told = (folder / f"said-{time.monotonic_ns()}", folder / f"told-{time.monotonic_ns()}")
        self._files = [path.open("w") for path in (self._told, self._said)]
        command = [sys.executable, "-m", "recommender.cli", "learn", *map(str, options), "-o", str(self.store)]
        given = {"stdout": self._files[0], "stderr": self._files[1], "env": _BUFFERED, **others}
        self.process = subprocess.Popen(command, stdin=stdin, **given)

    @property
    def said(self):
        """What it told its user so far."""
        return self._said.read_text()

    @property
    def events(self):
        """What it told other programs so far, in whole lines."""
        return [json.loads(line) for line in self._told.read_text().splitlines(keepends=True) if line.endswith("}\n")]

    def until(self, what):
        """Wait until it is true."""
        for _ in range(1200):
            if what():
                return
            if self.process.poll() is not None and not what():
                break
            time.sleep(0.05)
        raise AssertionError(f"it did not come: {self.said}")

    def ends(self, status=0):
        """Wait for the end."""
        assert self.process.wait(120) == status, self.said
        return self.said

    def close(self):
        """End it, and let its output go."""
        self.process.kill()
        self.process.wait()
        for file in self._files:
            file.close()


@contextlib.contextmanager
def learners(folder):
    """Give what starts learners in a folder; all of them are ended in the end."""
    running = []

    def start(*options, **others):
        running.append(Learn(folder, *options, **others))
        return running[-1]

    try:
        yield start
    finally:
        for learn in running:
            learn.close()
