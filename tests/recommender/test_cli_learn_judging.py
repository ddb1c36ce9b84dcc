"""`podfence learn` with an inventory: it ends by its rule and not before, and judges by the cluster that it watches."""

import json
import os
import re
import signal
import socket
import subprocess
import sys

import pandas as pd
import pytest

from collectors.flows import conform_flows
from collectors.inventory_store import load_inventory
from collectors.kinds import KINDS, PODS
from collectors.observation import LIVE, Observation, ObservationWindow, Source, merge
from collectors.segments import Segments
from collectors.store import load
from recommender import learning_judge
from recommender.cli import main
from tests.cluster import namespace, pod
from tests.collectors.apiserver import HOLD, Stream, document, refused, serve
from tests.recommender.learner import SAMPLES, learners

WEB, API = "10.0.0.1", "10.0.0.2"
NOW = pd.Timestamp.now(tz="UTC")


@pytest.fixture
def learning(tmp_path):
    with learners(tmp_path) as start:
        yield start


@pytest.fixture(params=["stable", "late"])
def history(request, tmp_path):
    """A store of two days, in which a second edge is as old as the first or quite new; the inventory of both days."""
    start = NOW - pd.Timedelta(days=2)
    times = pd.Series(pd.date_range(start, NOW, freq="1min", inclusive="left"))
    since = {80: times, 81: times if request.param == "stable" else times[-60:]}
    flows = pd.concat(pd.DataFrame({"first_seen": seen, "dst_port": port}) for port, seen in since.items())
    flows = flows.assign(
        last_seen=flows["first_seen"], src=WEB, dst=API, protocol="TCP", orientation="handshake",
        outcome="established", source="eth0", packets=9, connections=1, sampled=1.0,
    )  # fmt: skip
    window = ObservationWindow.of([Source("eth0", LIVE, 9 * len(flows), start=start, end=NOW)])
    with Segments(tmp_path / "store") as segments:
        segments.add(merge([Observation(conform_flows(flows), window)]), {})
    long_ago = (start - pd.Timedelta(days=1)).isoformat()
    pods = [pod(name, ip, {"app": name}, start=long_ago) for name, ip in (("web", WEB), ("api", API))]
    inventory = {"kind": "List", "apiVersion": "v1", "items": [namespace("shop"), *pods]}
    (tmp_path / "inventory.json").write_text(json.dumps(inventory))
    return request.param


def test_learning_ends_when_two_judgements_in_a_row_are_stable_and_not_before(history, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(learning_judge, "_PAUSES", 0)  # an hour of judgements in some seconds
    log = tmp_path / "events.log"
    log.write_bytes(b"")  # a log in which nothing comes
    status = main([
        "learn", str(log), "-o", str(tmp_path / "store"), "--inventory", str(tmp_path / "inventory.json"),
        "--until", "stable", "--every", "1s", "--judge-every", "1s", "--for", "15s" if history == "late" else "600s",
        "--json",
    ])  # fmt: skip
    told = capsys.readouterr()
    verdicts = [event["verdict"] for event in map(json.loads, told.out.splitlines()) if event["event"] == "judgement"]
    assert status == 0
    assert ("two judgements in a row: learning ends" in told.err) == (history == "stable")
    if history == "stable":
        assert verdicts == ["stable"] * 3  # the last one is of all that there is
    else:
        assert len(verdicts) >= 2
        assert "stable" not in verdicts


def bundled():
    """The bundled inventory as an API server answers it."""
    objects = []
    for file in sorted((SAMPLES / "inventory").glob("*.json")):
        listed = json.loads(file.read_text())
        kind = listed["kind"].removesuffix("List")
        objects += [{"kind": kind, **item} for item in listed.get("items", [listed])]
    answers = {kind.path: document(kind, [one for one in objects if one["kind"] == kind.kind]) for kind in KINDS}
    return answers | {f"{kind.path}?watch": Stream([HOLD]) for kind in KINDS}


def test_the_cluster_is_watched_beside_it_and_what_was_learnt_judged_by_that(learning):
    with serve(bundled()) as server, (SAMPLES / "shop.pcap").open("rb") as capture:
        read, write = os.pipe()
        learn = learning(
            "-", "--every", "1s", "--json", "--inventory", "cluster", "--kubeconfig", server.kubeconfig(), stdin=read
        )
        os.close(read)
        with os.fdopen(write, "wb") as pipe:
            pipe.write(capture.read())
            pipe.flush()
            watched = {kind.path for kind in KINDS}
            learn.until(lambda: watched <= {path for verb, path in server.asked() if verb == "watch"})
        said = learn.ends()
    timeline = learn.store / "inventory"
    assert len(load_inventory(timeline).pods) == len(load_inventory(SAMPLES / "inventory").pods)
    assert [event for event in learn.events if event["event"] == "judgement"][-1]["suggestions"] > 20
    assert f"next: podfence suggest {learn.store} --inventory {timeline} -o REVIEW" in said


def test_a_cluster_that_may_not_be_read_ends_it_with_that_sentence_and_status_2(learning):
    with serve({PODS.path: refused(403)}) as server:
        read, write = os.pipe()
        learn = learning("-", "--inventory", "cluster", "--kubeconfig", server.kubeconfig(), stdin=read)
        os.close(read)
        said = learn.ends(2)
        os.close(write)
    assert said.splitlines()[-1].startswith("podfence: learnt in part: the cluster is not watched any more: ")
    assert "Traceback" not in said


def test_a_budget_that_is_exceeded_is_said_in_the_store_and_learning_goes_on(learning):
    with (SAMPLES / "shop.pcap").open("rb") as capture:
        read, write = os.pipe()
        learn = learning("-", "--every", "1s", "--json", "--budget", "30K", stdin=read)
        os.close(read)
        with os.fdopen(write, "wb") as pipe:
            content = capture.read()
            for at in range(0, len(content), len(content) // 4 + 1):
                before = len(learn.events)
                pipe.write(content[at : at + len(content) // 4 + 1])
                pipe.flush()
                learn.until(lambda before=before: len(learn.events) > before + 1)
        learn.ends()
    held = load(learn.store)
    files = [path for path in (learn.store / "segments").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files if path.parent.name != "open") < 80_000  # beside what is open
    assert held.ledger.event_counts()["budget"] > 0
    assert any(gap.lost is None for gap in held.window.gaps)
    assert not held.flows.empty


def test_a_mirror_has_what_the_store_has(learning, tmp_path):
    log = SAMPLES / "logs" / "hubble.jsonl"
    learn = learning(log, "--every", "1s", "--for", "3s", "--push", f"file://{tmp_path}/mirror")
    said = learn.ends()
    assert "not pushed" not in said
    names = {path.name for path in (learn.store / "segments").iterdir()}
    assert {path.name for path in (tmp_path / "mirror" / "segments").iterdir()} == names


def test_ctrl_c_at_a_terminal_ends_neither_the_judgement_nor_the_last_interval(tmp_path):
    """A terminal sends it to the judging process too, which is why both are one group here."""
    with learners(tmp_path) as start, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        learn = start(
            f"udp://127.0.0.1:{port}", "--every", "1s", "--json", "--inventory", SAMPLES / "inventory",
            start_new_session=True,
        )  # fmt: skip
        learn.until(lambda: learn.events)
        for _ in range(2):
            os.killpg(learn.process.pid, signal.SIGINT)
        said = learn.ends()
        assert "Traceback" not in said
        assert learn.events[-1]["event"] == "judgement"
        assert learn.events[-1]["fault"] is None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--inventory", "nosuch"], "nosuch does not exist: name what `podfence inventory` writes"),
        (["--inventory", "cluster", "--kubeconfig", "nosuch"], "nosuch: no such kubeconfig"),
        (["--kubeconfig", "x"], "need --inventory cluster"),
        (["--review", "nosuch"], "nosuch is no review folder"),
        (["--columns", "src=a"], "--columns needs --format generic"),
        (["--every", "0.5s"], "--every is a second at least"),
    ],
)
def test_an_option_that_is_wrong_is_said_before_anything_is_learnt(tmp_path, capsys, options, words):
    assert main(["learn", str(tmp_path / "x.log"), "-o", str(tmp_path / "store"), *options]) == 2
    said = capsys.readouterr().err
    assert re.search(words, said)
    assert said.count("\n") == 1


def run(tmp_path, shell):
    """Run a shell's line in which `learn` stands for the command; return its status and all it says."""
    command = f"{sys.executable} -m recommender.cli learn -o {tmp_path}/store --every 1s"
    line = shell.replace("learn", command, 1)
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("shell", "status", "words"),
    [
        ("learn - <&-", 2, "stdin is closed"),
        ("learn - 2>&- < {capture}", 0, "^$"),
        ("learn - --json >&- < {capture}", 0, "distinct connections"),
        ("learn {log} --json --for 4s | head -n1", 0, "events are not told any more, learning goes on"),
        ("head -c 20000 {capture} | learn -", 0, "stdin has ended"),
        ("script -qfec 'learn {log} {log}.no --for 2s' /dev/null", 0, "\x1b\\[2K[12] s: 78 packets"),
    ],
)
def test_closed_and_dying_streams_end_nothing_that_is_learnt(tmp_path, shell, status, words):
    line = shell.format(capture=SAMPLES / "shop.pcap", log=SAMPLES / "logs" / "hubble.jsonl")
    found, said = run(tmp_path, line)
    assert found == status, said
    assert re.search(words, said), said
    assert "Traceback" not in said
    assert status or load(tmp_path / "store").window.sources
