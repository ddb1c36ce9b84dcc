"""`podfence learn` as a user runs it: pipes and growing logs here, interfaces in tests/lab/test_learning.py."""

import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from pandas.testing import assert_frame_equal

from collectors import read_flows
from collectors.observation import compact
from collectors.store import load
from tests.recommender.learner import SAMPLES, learners

LOG = SAMPLES / "logs" / "hubble.jsonl"


@pytest.fixture
def learning(tmp_path):
    with learners(tmp_path) as start:
        yield start


def same_flows(store, path):
    """The store holds what reading a file gives, whatever the source is called."""
    learnt, read = load(store).flows, read_flows([path]).flows
    name = learnt["source"].iloc[0]
    read = compact(read.assign(source=read["source"].cat.rename_categories([name])))
    assert_frame_equal(learnt.astype("object"), read.astype("object"))


def test_a_capture_through_a_pipe_gives_the_flows_of_reading_it(learning):
    capture = SAMPLES / "shop.pcap"
    with capture.open("rb") as stdin:
        said = learning("-", "--every", "1s", stdin=stdin).ends()
    assert "stdin has ended" in said
    store = Path(re.search(r"written to (\S+)", said)[1])
    same_flows(store, capture)
    assert f"next: podfence suggest {store} --inventory INVENTORY -o REVIEW" in said


def test_a_log_through_a_pipe_gives_the_flows_of_reading_it(learning):
    with LOG.open("rb") as stdin:
        learn = learning("-", "--every", "1s", stdin=stdin)
        learn.ends()
    same_flows(learn.store, LOG)
    assert {source.kind for source in load(learn.store).window.sources} == {"hubble"}


def test_a_growing_log_is_followed_through_kill_and_rotation_without_loss(learning, tmp_path):
    lines = LOG.read_bytes().splitlines(keepends=True)
    thirds = [lines[at::3] for at in range(3)]
    growing = tmp_path / "events.log"
    growing.write_bytes(b"".join(sorted(thirds[0])))
    whole = tmp_path / "whole.jsonl"
    whole.write_bytes(b"".join(line for third in thirds for line in sorted(third)))
    first = learning(growing, "--every", "1s", "--json")
    first.until(lambda: sum(event["packets"] for event in first.events) == len(thirds[0]))
    os.kill(first.process.pid, signal.SIGKILL)
    first.process.wait()
    with growing.open("ab") as more:
        more.write(b"".join(sorted(thirds[1])))
    growing.rename(tmp_path / "events.log.1")
    growing.write_bytes(b"".join(sorted(thirds[2])))
    second = learning(growing, "--every", "1s", "--json")
    second.until(lambda: sum(event["packets"] for event in second.events) == len(lines) - len(thirds[0]))
    second.process.send_signal(signal.SIGTERM)
    second.ends()
    same_flows(second.store, whole)
    # what the log itself says that it lost, and nothing of ours
    assert [gap.lost for gap in load(second.store).window.gaps] == [gap.lost for gap in read_flows([whole]).window.gaps]


def test_each_interval_is_an_event_and_metrics_are_answered(learning):
    read, write = os.pipe()
    learn = learning("-", "--every", "1s", "--json", "--metrics", "127.0.0.1:0", stdin=read)
    os.close(read)
    with os.fdopen(write, "wb") as pipe:
        pipe.write((SAMPLES / "shop.pcap").read_bytes())
        pipe.flush()
        learn.until(lambda: any(event["connections"] for event in learn.events))
        port = re.search(r"at port (\d+)", learn.said)[1]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            metrics = answer.read().decode()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=10) as answer:
            assert answer.read() == b"ok\n"
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/other", timeout=10)
        packets = sum(event["packets"] for event in learn.events)
        assert f"podfence_packets_total {packets}" in metrics
        assert re.search(r"^podfence_known_connections [1-9]", metrics, re.MULTILINE)
    learn.ends()
    assert {event["event"] for event in learn.events} == {"interval"}


def test_what_stopping_now_would_come_to_is_judged_by_an_inventory(learning):
    with (SAMPLES / "shop.pcap").open("rb") as stdin:
        learn = learning(
            "-", "--every", "1s", "--json", "--inventory", SAMPLES / "inventory", "--judge-every", "1s",
            stdin=stdin,
        )  # fmt: skip
        learn.ends()
    judged = [event for event in learn.events if event["event"] == "judgement"][-1]
    assert judged["fault"] is None
    assert judged["verdict"] == "learning"
    assert judged["suggestions"] > 20


def test_a_second_learner_on_a_store_is_refused(learning, tmp_path):
    read, write = os.pipe()
    first = learning("-", "--every", "1s", stdin=read)
    os.close(read)
    with os.fdopen(write, "wb") as pipe:
        pipe.write((SAMPLES / "shop.pcap").read_bytes())
        first.until(lambda: "learning from" in first.said)
        said = learning("-").ends(2)
        assert said.count("\n") == 1
        assert str(tmp_path / "store") in said
        assert "another" in said
    first.ends()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--interface", "nosuch0"], "there is no interface 'nosuch0': name one of .*lo"),
        (["--until", "stable", "udp://127.0.0.1:0"], "--until stable needs --inventory"),
        (["udp://nowhere"], "is no address to listen at"),
        (["--format", "nonsense", "-"], "'nonsense' is no format that is read here"),
        (["--metrics", "nowhere", "-"], "is no address to answer at"),
        (["-"], "stdin is empty"),
    ],
)
def test_what_cannot_be_learnt_from_is_one_sentence(learning, options, words):
    said = learning(*options).ends(2)
    assert re.search(words, said), said
    assert len([line for line in said.splitlines() if line]) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give up a right")
def test_who_may_not_capture_is_told_which_right_is_missing(tmp_path):
    command = [sys.executable, "-m", "recommender.cli", "learn", "--interface", "any", "-o", str(tmp_path / "store")]
    done = subprocess.run(
        ["setpriv", "--bounding-set", "-net_raw", *command], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2, done.stderr
    assert "CAP_NET_RAW" in done.stderr
    assert "sudo" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_full_disk_loses_nothing_that_memory_can_hold(learning, tmp_path):
    disk = tmp_path / "store"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)], check=True)
    try:
        ballast = disk / "lost+found"
        ballast.mkdir()
        (ballast / "ballast").write_bytes(bytes(200 << 10))
        read, write = os.pipe()
        learn = learning("-", "--every", "1s", "--json", stdin=read)
        os.close(read)
        with os.fdopen(write, "wb") as pipe:
            pipe.write((SAMPLES / "shop.pcap").read_bytes())
            pipe.flush()
            learn.until(lambda: any(event["unwritten"] for event in learn.events))
            assert "no space left" in next(event["unwritten"] for event in learn.events if event["unwritten"])
            shutil.rmtree(ballast)
            learn.until(lambda: learn.events[-1]["unwritten"] is None)
        learn.ends()
        same_flows(learn.store, SAMPLES / "shop.pcap")
    finally:
        subprocess.run(["umount", str(disk)], check=True)
