import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from collectors.kinds import KINDS
from collectors.minimal import minimise
from collectors.objects import build_inventory

RECORDED = Path(__file__).parents[1] / "recorded"

_PODS = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {
        "name": "p",
        "namespace": "shop",
        "uid": "u",
        "resourceVersion": "7",
        "labels": {"app": "p"},
        "annotations": {
            "kubectl.kubernetes.io/last-applied-configuration": "s3cret",
            "kubernetes.io/config.mirror": "abc",
        },
        "managedFields": [{"manager": "s3cret"}],
    },
    "spec": {
        "nodeName": "n",
        "volumes": [{"secret": {"secretName": "s3cret"}}],
        "containers": [
            {
                "name": "main",
                "env": [{"name": "PASSWORD", "value": "s3cret"}],
                "args": ["--password=s3cret", "--cluster-cidr=10.0.0.0/8"],
                "command": ["s3cret"],
                "ports": [{"containerPort": 80, "name": "http"}],
            }
        ],
        "initContainers": [{"name": "sidecar", "restartPolicy": "Always", "env": [{"value": "s3cret"}]}],
    },
    "status": {
        "phase": "Running",
        "podIP": "10.0.0.1",
        "podIPs": [{"ip": "10.0.0.1"}],
        "message": "s3cret",
        "containerStatuses": [
            {"name": "main", "imageID": "s3cret", "state": {"terminated": {"finishedAt": "t", "message": "s3cret"}}}
        ],
    },
}


def _recorded():
    for kind in KINDS:
        file = RECORDED / f"list_{kind.resource}.json"
        if file.exists():
            for item in json.loads(file.read_text())["items"]:
                yield {"kind": kind.kind, "apiVersion": kind.api_version, **item}


def test_no_environment_argument_volume_annotation_or_message_is_kept():
    assert "s3cret" in json.dumps(_PODS)
    assert "s3cret" not in json.dumps(minimise(_PODS))


def test_what_tells_who_a_pod_is_stays():
    found = minimise(_PODS)
    assert found["metadata"]["annotations"] == {"kubernetes.io/config.mirror": "abc"}
    assert found["spec"]["containers"] == [{"name": "main", "ports": [{"containerPort": 80, "name": "http"}]}]
    assert found["spec"]["initContainers"] == [{"name": "sidecar", "restartPolicy": "Always"}]
    assert found["status"]["podIPs"] == [{"ip": "10.0.0.1"}]
    assert found["status"]["containerStatuses"] == [{"name": "main", "state": {"terminated": {"finishedAt": "t"}}}]


def test_the_address_ranges_in_the_arguments_of_kube_system_stay_however_they_are_written():
    arguments = [
        "kube-apiserver",
        "--token=s3cret",
        "--service-cluster-ip-range=10.96.0.0/16",
        "--cluster-cidr",
        "10.0.0.0/8",
    ]
    container = {"name": "api", "command": arguments}
    pod = {"kind": "Pod", "metadata": {"namespace": "kube-system"}, "spec": {"containers": [container]}}
    assert minimise(pod)["spec"]["containers"][0]["command"] == [
        "--service-cluster-ip-range=10.96.0.0/16",
        "--cluster-cidr=10.0.0.0/8",
    ]


def test_a_minimised_cluster_gives_the_same_inventory_as_the_whole_one():
    whole = [item for item in _recorded() if item["kind"] != "NetworkPolicy"]
    assert len({item["kind"] for item in whole}) > 8
    assert build_inventory(map(minimise, whole)) == build_inventory(whole)


def test_minimising_twice_changes_nothing_more():
    for item in _recorded():
        assert minimise(minimise(item)) == minimise(item)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
_FIELDS = ("metadata", "spec", "status", "endpoints", "ports", "containers", "template", "jobTemplate", "podIPs")


@given(st.sampled_from([kind.kind for kind in KINDS]), st.dictionaries(st.sampled_from(_FIELDS), _JSON), _JSON)
def test_an_object_of_any_shape_is_minimised_without_a_fault(kind, fields, inner):
    nested = {"containers": inner, "template": inner, "jobTemplate": {"spec": inner}, "conditions": inner}
    for item in ({"kind": kind, **fields}, {"kind": kind, "metadata": inner, "spec": nested, "status": nested}):
        assert minimise(item)["kind"] == kind
