"""`podfence inventory` as a user meets it: against a server on loopback, in processes that are stopped by signals."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from collectors.inventory_store import load_inventory
from collectors.kinds import KINDS, PODS
from collectors.watching import watch
from recommender.cli import main
from tests.collectors.apiserver import HOLD, Answer, Stream, document, recorded, refused, serve, until

ROOT = Path(__file__).parents[2]


def _snapshot(server, folder, *more):
    return main(["inventory", "snapshot", "-o", str(folder), "--kubeconfig", str(server.kubeconfig()), *more])


def test_snapshot_says_how_many_of_each_what_is_missing_and_what_that_costs(tmp_path, capsys):
    with serve(recorded()) as server:
        assert _snapshot(server, tmp_path / "inv") == 0
    said = capsys.readouterr()
    folder = Path(said.out.strip())
    assert folder.parent == tmp_path / "inv"
    counts, *missing = said.err.splitlines()
    assert counts.startswith(f"{server.url}: 33 pods, 14 endpointslices, 15 services")
    assert [line.partition(":")[0] for line in missing] == ["no SearchCluster", "no ServiceCIDR"]
    assert "the range of Service addresses" in missing[1]
    assert len(load_inventory(tmp_path / "inv").pods) == 33


def test_snapshot_as_json_is_one_object(tmp_path, capsys):
    with serve(recorded()) as server:
        assert _snapshot(server, tmp_path, "--json", "--context", "stub") == 0
    data = json.loads(capsys.readouterr().out)
    assert set(data) == {"folder", "server", "time", "counts", "missing"}
    assert (data["counts"]["nodes"], set(data["missing"])) == (3, {"SearchCluster", "ServiceCIDR"})
    assert Path(data["folder"]).is_dir()


@pytest.mark.parametrize(
    ("answer", "more", "says"),
    [
        (refused(403), (), "cannot list resource pods at the cluster scope; apply deploy/rbac.yaml"),
        (refused(401), (), "the credentials are not accepted (401)"),
        (Answer(200, b"<html>", content_type="text/html"), (), "a proxy or login page"),
        (refused(418, "\x1b[31mred\u202e"), (), "answers 418 (<U+001B>[31mred<U+202E>)"),
        (refused(200), ("--context", "prod"), "no context 'prod'; those there are: stub"),
    ],
)
def test_a_fault_is_one_sentence_and_status_2_and_leaves_no_folder(tmp_path, capsys, answer, more, says):
    with serve({PODS.path: answer}) as server:
        assert _snapshot(server, tmp_path / "inv", *more) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert said.err.startswith("podfence: ")
    assert says in said.err
    assert not (tmp_path / "inv").exists()


def test_no_kubeconfig_is_one_sentence_and_status_2(tmp_path, capsys):
    for command in ("snapshot", "watch"):
        absent = str(tmp_path / "absent")
        assert main(["inventory", command, "-o", str(tmp_path / "inv"), "--kubeconfig", absent]) == 2
        assert "absent: no such kubeconfig" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_watch_writes_a_timeline_until_a_signal_ends_it_in_order(tmp_path, number):
    folder = tmp_path / "inv"
    with serve(recorded()) as server:
        command = [sys.executable, "-m", "recommender.cli", "inventory", "watch", "-o", str(folder)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        running = subprocess.Popen(
            [*command, "--kubeconfig", str(server.kubeconfig())],
            cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            watched = {f"{kind.path}" for kind in KINDS if kind.kind != "ServiceCIDR"}
            until(lambda: watched <= {path for verb, path in server.asked() if verb == "watch"}, 30)
            running.send_signal(number)
            out, err = running.communicate(timeout=20)
        finally:
            running.kill()
            running.wait()
    assert (running.returncode, out) == (0, ""), err
    assert err.startswith(f"watching {server.url}, writing to {folder}; stop with Ctrl-C\n")
    assert "Traceback" not in err
    assert len(load_inventory(folder).pods) == 33


def test_a_watch_that_may_not_read_pods_ends_with_that_sentence(tmp_path, capsys):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with serve({PODS.path: refused(403)}) as server:
        file = str(server.kubeconfig())
        assert main(["inventory", "watch", "-o", str(tmp_path / "inv"), "--kubeconfig", file]) == 2
    assert "cannot list resource pods at the cluster scope" in capsys.readouterr().err
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_a_cluster_read_from_its_api_gives_the_policies_that_its_files_give(tmp_path):
    """The whole way: the bundled inventory served by an API, snapshot and watch, run on each: the demo's policies."""
    samples = ROOT / "sample_captures"
    objects = [item for file in sorted((samples / "inventory").glob("*.json")) for item in _items(file)]
    answers = {kind.path: document(kind, [o for o in objects if o["kind"] == kind.kind]) for kind in KINDS}
    answers |= {f"{kind.path}?watch": Stream([HOLD]) for kind in KINDS}
    with serve(answers) as server:
        assert _snapshot(server, tmp_path / "snapshot") == 0
        stop, api = threading.Event(), server.connect()
        watching = threading.Thread(target=lambda: watch(api, tmp_path / "watched", stop=stop, say=lambda _: None))
        watching.start()
        try:
            until(lambda: all(kind.path in _watched(server) for kind in KINDS))
        finally:
            stop.set()
            watching.join()
    exported = {}
    for inventory in (samples / "inventory", tmp_path / "snapshot", tmp_path / "watched"):
        out = tmp_path / f"out-{inventory.name}"
        words = ["run", str(samples / "shop.pcap"), "--inventory", str(inventory), "-o", str(out)]
        assert main([*words, "--accept", "observed", "--default-deny"]) == 0
        policies = out / "policies"
        exported[inventory.name] = {f.relative_to(policies): f.read_bytes() for f in policies.rglob("*.yaml")}
    assert exported["snapshot"] == exported["watched"] == exported["inventory"]
    assert len(exported["inventory"]) > 16


def _items(file):
    listed = json.loads(file.read_text())
    return [{"kind": listed["kind"].removesuffix("List"), **item} for item in listed.get("items", [listed])]


def _watched(server):
    return {request.path for request in server.requests if request.watches}
