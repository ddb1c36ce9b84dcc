import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from datetime import datetime, timedelta

import pytest

from collectors.kinds import PODS
from collectors.timeline_memory import file_of, stamp, timeline_files
from tests.collectors.apiserver import HOLD, Stream, document, serve, until
from tests.collectors.test_timeline import REPOSITORY
from tests.collectors.watched import WATCH, change, lists, mark, pod, position, seen, watches, written

_CHILD = """
import json, resource, signal, sys, threading, traceback
from datetime import timedelta
from pathlib import Path
import collectors.watching_kind
import collectors.watching_shared
from collectors.cluster import connect
from collectors.errors import PodfenceError
from collectors.kinds import PODS
from collectors.watching import watch
from collectors.watching_shared import Pace
config, folder, size, at_once = sys.argv[1:]
if int(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(size), resource.RLIM_INFINITY))
collectors.watching_kind.AT_ONCE = collectors.watching_shared.AT_ONCE = timedelta(seconds=float(at_once))
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
try:
    pace = Pace(first=0.02, most=0.1)
    watch(connect(kubeconfig=config), Path(folder), stop=stop, say=print, kinds=(PODS,), pace=pace, limit=20_000)
except PodfenceError as fault:
    sys.exit(f"podfence: {fault}")
"""


@contextlib.contextmanager
def process(server, folder, *, size=0, at_once=5.0):
    """The watch as a real process, killed at the end if it still runs."""
    command = [sys.executable, "-c", _CHILD, str(server.kubeconfig()), str(folder), str(size), str(at_once)]
    child = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


class Living:
    """A cluster that changes all the time and remembers what happened; its server answers lists and live watches."""

    def __init__(self, seed):
        self.random, self.version, self.pods, self.history = random.Random(seed), 0, {}, []
        self.guard, self.over = threading.Lock(), threading.Event()

    def _step(self):
        with self.guard:
            self.version += 1
            uid = f"u{self.random.randrange(12)}-{self.version // 40}"
            what = self.random.choice(["MODIFIED", "MODIFIED", "DELETED"]) if uid in self.pods else "ADDED"
            item = pod(uid, self.version, f"10.0.{self.version // 250}.{self.version % 250}")
            self.pods[uid] = item
            if what == "DELETED":
                del self.pods[uid]
            self.history.append((self.version, {"type": what, "object": item}))

    def _run(self, pause):
        while not self.over.wait(pause):
            self._step()

    def _list(self, _):
        with self.guard:
            return document(PODS, list(self.pods.values()), str(self.version))

    def _watch(self, request):
        return Stream(self._live(int(request.query["resourceVersion"])))

    def _live(self, version):
        for _ in range(100):
            with self.guard:
                news = [one for at, one in self.history if at > version]
                version = self.version
            yield from news
            yield 0.005
        yield mark(version)

    def _answers(self):
        return {PODS.path: self._list, WATCH: self._watch}


@pytest.mark.parametrize("seed", [1, 2])
def test_killed_at_any_moment_the_watch_loses_no_event_and_writes_none_twice(tmp_path, seed):
    living, chance = Living(seed), random.Random(seed)
    for _ in range(30):
        living._step()
    listed = sorted((uid, item["metadata"]["resourceVersion"]) for uid, item in living.pods.items())
    changes = threading.Thread(target=living._run, args=(0.004,))
    with serve(living._answers()) as server:
        with process(server, tmp_path):
            until(lambda: position(tmp_path), 30)
        changes.start()
        try:
            for _ in range(4):
                before = len(seen(tmp_path))
                with process(server, tmp_path):
                    until(lambda before=before: len(seen(tmp_path)) > before, 30)
                    time.sleep(chance.random() * 0.4)
        finally:
            living.over.set()
            changes.join()
        with process(server, tmp_path) as child:
            until(lambda: position(tmp_path) == str(living.version), 30)
            child.send_signal(signal.SIGTERM)
            assert child.wait(10) == 0
        assert len(lists(server)) == 1
    found = seen(tmp_path)
    assert sorted((uid, version) for _, uid, version in found[: len(listed)]) == listed
    expected = [(one["type"], one["object"]["metadata"]["uid"], str(at)) for at, one in living.history if at > 30]
    raw = [one for one in found[len(listed) :] if one in set(expected)]
    assert found[len(listed) :] == raw == expected
    assert len(expected) > 50


def test_killed_in_the_middle_of_a_list_each_object_is_still_written_once(tmp_path):
    pods = [pod(f"u{count}", count) for count in range(1, 6001)]
    answers = {PODS.path: document(PODS, pods, "9000"), WATCH: Stream([HOLD])}
    with serve(answers) as server:
        for least in (1, 2000, 4000):
            with process(server, tmp_path):
                until(lambda least=least: _bytes(tmp_path) > least * 200, 30)
        with process(server, tmp_path):
            until(lambda: position(tmp_path) == "9000", 30)
    assert sorted(uid for _, uid, _ in seen(tmp_path)) == sorted(f"u{count}" for count in range(1, 6001))


def _bytes(folder):
    return sum(file.stat().st_size for file in timeline_files(folder))


def test_a_full_disk_ends_the_watch_with_one_sentence_and_whole_lines(tmp_path):
    pods = [pod(f"u{count}", count) for count in range(1, 200)]
    answers = {PODS.path: document(PODS, pods, "900"), WATCH: Stream([HOLD])}
    with serve(answers) as server:
        with process(server, tmp_path, size=9999) as child:
            said, fault = child.communicate(timeout=30)
            assert child.returncode == 1, said
        assert fault.count("\n") == 1
        assert "no room left" in fault
        assert file_of(tmp_path, 1).read_bytes().endswith(b"}\n")
        assert 10 < len(seen(tmp_path)) < 199
        with process(server, tmp_path):
            until(lambda: position(tmp_path) == "900", 30)
    assert len({uid for _, uid, _ in seen(tmp_path)}) == len(seen(tmp_path)) == 199


def test_b7_what_a_suspended_watch_reads_late_may_have_happened_since_it_was_sure(tmp_path):
    sent, go = threading.Event(), threading.Event()

    def live():
        yield mark(11)
        go.wait(20)
        yield change("ADDED", "a", 12)
        sent.set()
        yield HOLD

    answers = {
        PODS.path: document(PODS, [], "10"),
        WATCH: [Stream(live()), Stream([change("ADDED", "a", 12), mark(13), HOLD])],
    }
    with serve(answers) as server, process(server, tmp_path, at_once=2.0) as child:
        until(lambda: position(tmp_path) == "11", 30)
        os.kill(child.pid, signal.SIGSTOP)
        os.waitpid(child.pid, os.WUNTRACED)  # a thread that writes to the disk stops when that is done, and others wait
        go.set()
        assert sent.wait(10)
        time.sleep(2.7)
        os.kill(child.pid, signal.SIGCONT)
        until(lambda: seen(tmp_path), 20)
        assert watches(server) == ["10", "11"]
    (late,) = written(tmp_path, "ADDED")
    assert late["since"] == written(tmp_path, "BOOKMARK")[1]["time"]
    assert late["time"] > stamp(datetime.fromisoformat(late["since"]) + timedelta(seconds=2))
