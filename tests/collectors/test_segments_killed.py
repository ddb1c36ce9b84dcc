"""Killed at any moment, a learning store is what it was before or after, and the next learner goes on."""

import io
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from collectors.observation import merge
from collectors.segments import Segments
from collectors.store import load
from tests.collectors.learned import assert_same, interval, segments_of

_REPOSITORY = Path(__file__).parents[2]
_OPERATIONS = ("mkdir", "rename", "replace", "unlink", "rmdir")


class Killed(BaseException):
    """The process is no more."""


@pytest.fixture
def killing(monkeypatch):
    """Let every operation that changes a file system work until a number of them is used up: then none does."""
    left = [10**9]

    def stopping(operation):
        def instead(*given, **named):
            left[0] -= 1
            if left[0] < 0:
                raise Killed
            return operation(*given, **named)

        return instead

    def opening(file, mode="r", *given, **named):
        return (stopping(opened) if set(mode) & set("wax+") else opened)(file, mode, *given, **named)

    opened = io.open
    for name in _OPERATIONS:
        monkeypatch.setattr(os, name, stopping(getattr(os, name)))
    monkeypatch.setattr(io, "open", opening)
    return left


def _added(segments):
    segments.add(interval(3), {"number": b"4"})


def _packed(segments):
    segments._merge(pack=True)


@pytest.mark.parametrize(
    ("change", "held", "budget"),
    [(_added, 2, None), (_packed, 2, None), (Segments.merge, 2, 20_000)],
    ids=["add", "merge", "forget"],
)
def test_stopped_before_any_operation_the_store_is_as_before_or_after(tmp_path, killing, change, held, budget):
    with Segments(tmp_path / "start") as segments:
        for number in range(1, held + 1):
            segments.add(interval(number), {"number": str(number + 1).encode()})
    before = load(tmp_path / "start", lambda _: interval(0))
    shutil.copytree(tmp_path / "start", tmp_path / "end")
    with Segments(tmp_path / "end", budget) as segments:
        change(segments)
    after = load(tmp_path / "end", lambda _: interval(0))
    seen, stopped = [], True
    while stopped:
        folder = Path(shutil.copytree(tmp_path / "start", tmp_path / f"stopped-{len(seen)}"))
        segments = Segments(folder, budget)
        killing[0] = len(seen)
        try:
            change(segments)
            stopped = False
        except Killed:
            stopped = True
        finally:
            killing[0] = 10**9
            os.close(segments._lock)
        found = load(folder, lambda _: interval(0))
        with Segments(folder) as again:
            names = segments_of(folder)
            seen.append(names == segments_of(tmp_path / "end"))
            assert seen[-1] or names == segments_of(tmp_path / "start")
            assert_same(found, after if seen[-1] else before)
            assert again.still_open() == {"number": str(again.next).encode()}
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (False, True)
    assert len(seen) > 10


_CHILD = """
import sys, threading, time
from collectors.segments import Segments
from tests.collectors.learned import interval
with Segments(sys.argv[1]) as segments:
    def merging():
        while True:
            segments.merge()
            time.sleep(0.01)
    threading.Thread(target=merging, daemon=True).start()
    print("begun", flush=True)
    while True:
        number = segments.next
        segments.add(interval(number), {"number": str(number + 1).encode()})
        print(number, flush=True)
"""


def test_killed_at_random_moments_no_interval_that_was_added_is_lost_and_none_counts_twice(tmp_path):
    chance, said = random.Random(7), 0
    for _ in range(3):
        child = subprocess.Popen(
            [sys.executable, "-c", _CHILD, str(tmp_path / "obs")], cwd=_REPOSITORY, stdout=subprocess.PIPE, text=True
        )
        assert child.stdout.readline() == "begun\n"
        lines = [child.stdout.readline() for _ in range(chance.randint(5, 9))]
        time.sleep(chance.random() / 20)
        child.send_signal(signal.SIGKILL)
        lines += [line for line in child.communicate()[0].splitlines(keepends=True) if line.endswith("\n")]
        said = max([said, *map(int, lines)])
        with Segments(tmp_path / "obs") as segments:
            # The last one may have been killed between the rename and the word about it.
            assert segments.next - 1 in {said, said + 1}
            said = segments.next - 1
        found = load(tmp_path / "obs", lambda _: interval(0))
        opened = [interval(0)] if said else []
        assert_same(found, merge([*opened, *(interval(number) for number in range(1, said + 1))]))
    assert said > 14
