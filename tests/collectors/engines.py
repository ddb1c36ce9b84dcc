"""Inputs for engines: gzip logs of nodes that watch at one time, rotated captures, and a file that cannot be read."""

import gzip
import os
import signal
from pathlib import Path

import pandas as pd

from collectors.series import read_series
from collectors.store import save
from tests.collectors.capture.frames import pcap, session, timed

SAMPLE = Path(__file__).parents[2] / "sample_captures" / "logs" / "hubble.jsonl"


def write_logs(folder, count):
    """Write logs of so many nodes, each of its own pods, and return what their sources are called."""
    folder.mkdir(parents=True, exist_ok=True)
    text = SAMPLE.read_text()
    names = [f"node-{number:02d}.json.gz" for number in range(1, count + 1)]
    for number, name in enumerate(names, 1):
        (folder / name).write_bytes(gzip.compress(text.replace("10.244.", f"10.{number}.").encode(), mtime=0))
    return names


def write_mixed(folder):
    """Write logs, a capture that was rotated in the middle of a conversation, and a file of neither."""
    write_logs(folder, 9)
    frames = timed(session(), step=0.1)
    (folder / "dump.pcap1").write_bytes(pcap(frames[:3]))
    (folder / "dump.pcap2").write_bytes(pcap(frames[3:]))
    (folder / "README.md").write_text("neither")
    return folder


def write_unreadable(path):
    """Make a file that is listed and opened, but never read: an input/output error."""
    path.symlink_to("/proc/self/mem")


def assert_same(left, right):
    """Fail unless two observations are the same."""
    for name in ("flows", "names", "claims"):
        pd.testing.assert_frame_equal(getattr(left, name), getattr(right, name))
    assert left.window == right.window
    assert left.ledger == right.ledger


def stored(observation, folder):
    """Return the files of the store that an observation is saved to, and their bytes."""
    save(observation, folder)
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def read_or_die(series, options, last_words):
    """Read as any task does, but the first time kill the process in the middle of it."""
    try:
        last_words.touch(exist_ok=False)
    except FileExistsError:
        return read_series(series, options)
    return die(series)


def die(_series):
    """Kill the process, as a kernel without memory does."""
    os.kill(os.getpid(), signal.SIGKILL)
