"""Ctrl-C ends a pipeline that is read, and what came through it is kept."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from recommender.interrupts import first_interrupt

LINES = Path(__file__).parents[2] / "sample_captures" / "logs" / "hubble.jsonl"
WRITER = (
    "import shutil, sys, time; shutil.copyfileobj(open(sys.argv[1]), sys.stdout); sys.stdout.flush(); time.sleep(60)"
)


def test_the_first_interrupt_is_said_and_the_second_one_ends():
    said = []

    def interrupted_twice():
        with first_interrupt(said.append) as stopped:
            assert not stopped()
            os.kill(os.getpid(), signal.SIGINT)
            assert stopped()
            assert len(said) == 1
            os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            interrupted_twice()
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_who_ignores_interrupts_goes_on_ignoring_them():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with first_interrupt(print):
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_followed_log_that_is_ended_by_ctrl_c_is_stored(tmp_path):
    """As a terminal does it: the signal goes to both programs of the pipeline."""
    store = tmp_path / "observations"
    ready = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    main = f"{ready}; from recommender.cli import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", f"import signal; signal.signal(signal.SIGINT, signal.SIG_DFL); {WRITER}", str(LINES)],
        stdout=subprocess.PIPE,
        process_group=0,
    ) as writer:
        command = [sys.executable, "-c", main, "observe", "-", "-o", str(store), "--json"]
        with subprocess.Popen(
            command,
            stdin=writer.stdout,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=writer.pid,
        ) as reader:
            writer.stdout.close()
            until = time.monotonic() + 10
            while not _reads(reader.pid) and time.monotonic() < until:
                time.sleep(0.05)
            os.killpg(writer.pid, signal.SIGINT)
            out, told = reader.communicate(timeout=60)
    assert reader.returncode == 0, told
    assert told.startswith("reading stdin: Ctrl-C ends it, and what came is stored\n")
    assert "press Ctrl-C again" in told
    assert json.loads(out)["packets"] == len(LINES.read_text().splitlines())
    assert (store / "window.json").is_file()


def _reads(pid):
    """Return whether a process waits for its pipe."""
    return "pipe" in Path(f"/proc/{pid}/wchan").read_text()
