"""A snapshot holds what an inventory is built from and nothing secret, is whole or not there, and asks for no more."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from collectors.cluster import Busy, Forbidden, connect
from collectors.errors import PodfenceError
from collectors.inventory_store import load_inventory
from collectors.kinds import KINDS, PODS
from collectors.objects import build_inventory, flatten
from collectors.snapshot import Snapshot, take, write
from tests.collectors.apiserver import RECORDED, Answer, document, recorded, refused, serve, shared

SERVICES = next(kind for kind in KINDS if kind.kind == "Service")
TIME = datetime(2026, 11, 23, 4, 5, 6, 789000, UTC)
SMALL = Snapshot(TIME, "https://api", {"pods": {"apiVersion": "v1", "kind": "List", "items": []}}, {"Node": "why"})


def _taken(answers):
    with serve(answers) as server:
        return take(server.connect(sleep=lambda _: None))


def _raw(folder):
    lists = [json.loads(file.read_text()) for file in sorted(folder.glob("list_*.json"))]
    return [
        item for found in lists if found["kind"] in {f"{kind.kind}List" for kind in KINDS} for item in flatten(found)
    ]


def _names(folder):
    return [path.name for path in folder.iterdir()]


def test_a_snapshot_gives_the_inventory_that_the_whole_answers_give():
    objects = [item for found in _taken(recorded()).documents.values() for item in found["items"]]
    assert build_inventory(objects).pods == build_inventory(_raw(RECORDED)).pods
    assert build_inventory(objects).workloads == build_inventory(_raw(RECORDED)).workloads
    for part in ("services", "slices", "nodes", "namespaces", "pod_cidrs", "service_cidrs"):
        assert getattr(build_inventory(objects), part) == getattr(build_inventory(_raw(RECORDED)), part)


def test_policies_are_kept_whole_but_for_who_changed_which_field():
    (before, after) = (_raw(RECORDED), _taken(recorded()).documents["networkpolicies"]["items"])
    specs = {item["metadata"]["uid"]: item["spec"] for item in before if item["kind"] == "NetworkPolicy"}
    assert {item["metadata"]["uid"]: item["spec"] for item in after} == specs


def test_what_was_written_loads_and_says_when_and_where_from(tmp_path):
    with serve(recorded()) as server:
        snapshot = take(server.connect())
        folder = write(snapshot, tmp_path / "inv")
        about = json.loads((folder / "snapshot.json").read_text())
        assert about["server"] == server.url
    assert (about["kind"], about["version"], about["counts"]["pods"]) == ("podfence/snapshot", 1, 33)
    assert folder.name == f"{snapshot.time:%Y%m%dT%H%M%SZ}"
    assert about["time"] == snapshot.time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert set(about["missing"]) == {"ServiceCIDR", "SearchCluster"}
    assert {file.name for file in folder.iterdir()} == {
        "snapshot.json", *(f"{kind.resource}.json" for kind in KINDS if kind.kind != "ServiceCIDR"),
    }  # fmt: skip
    inventory = load_inventory(tmp_path / "inv")
    assert len(inventory.pods) == 33
    assert set(inventory.missing) == {"ServiceCIDR", "SearchCluster"}


def test_the_shape_is_what_kubectl_prints(tmp_path):
    folder = write(_taken(recorded()), tmp_path)
    pods = json.loads((folder / "pods.json").read_text())
    assert (pods["apiVersion"], pods["kind"], pods["metadata"]) == ("v1", "List", {"resourceVersion": "374"})
    assert {(item["kind"], item["apiVersion"]) for item in pods["items"]} == {("Pod", "v1")}


def test_nothing_secret_is_asked_for_or_written(tmp_path):
    secret = "s3" + "cr3t"
    pod = {
        "metadata": {
            "name": "a", "namespace": "kube-system", "uid": "u",
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": secret, "note": secret},
            "managedFields": [{"manager": secret}],
        },
        "spec": {
            "containers": [{
                "name": "c", "image": secret, "command": ["app", f"--password={secret}"],
                "args": [secret, "--service-cluster-ip-range=10.96.0.0/12", "--cluster-cidr", "10.42.0.0/16"],
                "env": [{"name": "A", "value": secret}], "envFrom": [{"secretRef": {"name": secret}}],
                "lifecycle": {"preStop": {"exec": {"command": [secret]}}},
                "livenessProbe": {"httpGet": {"httpHeaders": [{"name": "Authorization", "value": secret}]}},
            }],
            "volumes": [{"secret": {"secretName": secret}}], "imagePullSecrets": [{"name": secret}],
        },
        "status": {"message": secret, "containerStatuses": [{"state": {"terminated": {"message": secret}}}]},
    }  # fmt: skip
    template = {"spec": {"selector": {}, "template": {"metadata": {"annotations": {"x": secret}}, "spec": pod["spec"]}}}
    deployment = {"metadata": {**pod["metadata"], "uid": "d"}, **template}
    answers = {**recorded(), PODS.path: document(PODS, [pod])}
    answers |= {kind.path: document(kind, [deployment]) for kind in KINDS if kind.group in {"apps", "batch"}}
    with serve(answers) as server:
        folder = write(take(server.connect()), tmp_path)
        assert {request.method for request in server.requests} == {"GET"}
        assert {request.path for request in server.requests} == {kind.path for kind in KINDS}
    text = b"".join(file.read_bytes() for file in folder.iterdir())
    assert secret.encode() not in text
    assert b"--service-cluster-ip-range=10.96.0.0/12" in text
    assert b"--cluster-cidr=10.42.0.0/16" in text


def test_a_kind_that_is_forbidden_or_not_served_is_missing_and_the_rest_is_there():
    forbidden = Answer(403, (RECORDED / "err_403_reader_secrets.json").read_bytes())
    snapshot = _taken({**recorded(), SERVICES.path: forbidden})
    assert set(snapshot.missing) == {"SearchCluster", "Service", "ServiceCIDR"}
    assert "cannot list resource services at the cluster scope; apply deploy/rbac.yaml" in snapshot.missing["Service"]
    assert "does not have it (404)" in snapshot.missing["ServiceCIDR"]
    assert "services" not in snapshot.documents
    assert snapshot.counts["pods"] == 33


def test_without_pods_there_is_no_snapshot():
    with pytest.raises(Forbidden, match="cannot list resource pods"):
        _taken({**recorded(), PODS.path: refused(403)})


def test_a_server_that_breaks_down_half_way_is_no_snapshot():
    with pytest.raises(Busy):
        _taken({**recorded(), SERVICES.path: refused(503)})


def test_owners_of_other_kinds_are_a_list_of_their_own(tmp_path):
    pods = json.loads((RECORDED / "list_pods.json").read_text())["items"]
    (reference,) = (owner for pod in pods for owner in pod["metadata"].get("ownerReferences", [])
                    if owner["kind"] == "SearchCluster")  # fmt: skip
    root = "/apis/search.example.com/v1alpha1"
    discovery = {"resources": [{"name": "searchclusters", "kind": "SearchCluster", "namespaced": True}]}
    owner = {"metadata": {"name": "search", "namespace": "data", "uid": reference["uid"]}, "spec": {"a": 1}}
    answers = {root: discovery, f"{root}/namespaces/data/searchclusters/search": owner}
    snapshot = _taken({**recorded(), **answers})
    assert set(snapshot.missing) == {"ServiceCIDR"}
    (found,) = json.loads((write(snapshot, tmp_path) / "owners.json").read_text())["items"]
    assert found == {
        "apiVersion": "search.example.com/v1alpha1", "kind": "SearchCluster", "metadata": owner["metadata"],
    }  # fmt: skip


def test_a_second_snapshot_lies_beside_the_first_and_none_is_overwritten(tmp_path):
    first = write(SMALL, tmp_path)
    with pytest.raises(PodfenceError, match="there is a snapshot of this second already"):
        write(SMALL, tmp_path)
    later = Snapshot(TIME.replace(second=7), "https://api", {}, {})
    assert {first.name, write(later, tmp_path).name} == {"20261123T040506Z", "20261123T040507Z"}
    assert sorted(_names(tmp_path)) == ["20261123T040506Z", "20261123T040507Z"]


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(PodfenceError, match=r"the snapshot cannot be written .*check the disk"):
        write(SMALL, tmp_path / "file")
    with pytest.raises(PodfenceError, match=r"the snapshot cannot be written .*check the disk"):
        write(SMALL, tmp_path / "file" / "inv")


KILLED = """
import os, signal, sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from collectors.snapshot import Snapshot, write

class Dying(dict):
    def items(self):
        for at, item in enumerate(super().items()):
            if at == int(sys.argv[2]):
                os.kill(os.getpid(), signal.SIGKILL)
            yield item

document = {"apiVersion": "v1", "kind": "List", "items": []}
write(Snapshot(datetime.now(UTC), "s", Dying(pods=document, nodes=document), {}), Path(sys.argv[1]))
"""


@pytest.mark.parametrize("after", [0, 1])
def test_a_kill_in_the_middle_leaves_no_half_snapshot(tmp_path, after):
    write(SMALL, tmp_path)
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), str(after)], check=False)
    assert done.returncode == -9
    assert [name for name in _names(tmp_path) if not name.startswith(".")] == ["20261123T040506Z"]
    assert load_inventory(tmp_path).missing == {"Node": "why"}


def test_a_fault_in_the_middle_leaves_nothing(tmp_path):
    with pytest.raises(TypeError):
        write(Snapshot(TIME, "s", {"pods": {"items": [object()]}}, {}), tmp_path)
    assert _names(tmp_path) == []


def test_all_recorded_answers_make_the_recorded_inventory(tmp_path):
    folder = shared()
    write(_taken(recorded(folder)), tmp_path)
    raw = build_inventory(item for name in folder.glob("list_*.json")
                          if name.stem.removeprefix("list_") in {kind.resource for kind in KINDS}
                          for item in flatten(json.loads(name.read_text())))  # fmt: skip
    found = load_inventory(tmp_path)
    assert (found.pods, found.services, found.nodes) == (raw.pods, raw.services, raw.nodes)


def test_a_real_cluster_gives_a_snapshot(tmp_path):
    kubeconfig = os.environ.get("PODFENCE_TEST_KUBECONFIG")
    if not kubeconfig:
        pytest.skip("PODFENCE_TEST_KUBECONFIG names no kubeconfig of a cluster to read")
    snapshot = take(connect(kubeconfig=Path(kubeconfig)))
    write(snapshot, tmp_path)
    assert len(load_inventory(tmp_path).pods) == snapshot.counts["pods"]
