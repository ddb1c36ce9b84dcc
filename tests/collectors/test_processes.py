"""Processes have imported before it is known what they do, and nothing is left of them after their context."""

import multiprocessing
import os
import resource
import signal
import subprocess
import sys

import pytest

from collectors import processes
from collectors.processes import made_ready

LOADED = "'collectors.series' in __import__('sys').modules"
BUSY = "sum(range(20_000_000)) and __import__('time').process_time()"


def _refused():
    raise OSError("AF_UNIX path too long")


def children():
    """Return the processes that this one has begun and that still are."""
    with open(f"/proc/self/task/{os.getpid()}/children") as file:  # noqa: PTH123 - the kernel's
        return {int(number) for number in file.read().split()}


@pytest.fixture(autouse=True)
def _tracked():
    """Begin what multiprocessing begins once and leaves."""
    multiprocessing.resource_tracker.ensure_running()


def test_processes_that_were_made_ready_end_unused():
    before = children()
    with made_ready(2):
        assert len(children() - before) == 1
    assert children() <= before


def test_they_have_imported_what_they_need():
    before = children()
    with made_ready(2) as ready:
        assert ready.submit(eval, LOADED).result()
    assert children() <= before


def test_what_they_take_counts_as_taken_by_this_process():
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    with made_ready(2) as ready:
        taken = ready.submit(eval, BUSY).result()
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before > taken / 2 > 0


def test_they_have_the_environment_of_their_context(monkeypatch):
    for value in ("one", "two"):
        monkeypatch.setenv("PODFENCE_TRIED", value)
        with made_ready(2) as ready:
            assert ready.submit(os.getenv, "PODFENCE_TRIED").result() == value


@pytest.mark.parametrize("fault", ["no fork", "no socket"])
def test_where_nothing_can_be_forked_they_are_begun_anew(monkeypatch, fault):
    if fault == "no fork":
        monkeypatch.setattr(processes, "_FORKS", False)
    else:
        monkeypatch.setattr(processes.forkserver, "ensure_running", _refused)
    with made_ready(2) as ready:
        assert ready.submit(eval, "sorted([2, 1])").result() == [1, 2]


@pytest.mark.parametrize("workers", [0, 1])
def test_fewer_than_two_are_none(workers):
    with made_ready(workers) as ready:
        assert ready is None


@pytest.mark.parametrize("given", ["made_ready(2)", "processes(2)"])
def test_they_end_when_the_process_that_they_work_for_is_killed(given):
    code = (
        "import os, signal\nfrom collectors.processes import made_ready, processes\n"
        "if __name__ == '__main__':\n"
        f"    with {given} as pool:\n"
        "        print(pool.submit(os.getpid).result(), flush=True)\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    # What it has begun has its end of the pipe: this comes back when all of them have ended.
    killed = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, timeout=60)
    assert (killed.returncode, int(killed.stdout) > 0) == (-signal.SIGKILL, True)
