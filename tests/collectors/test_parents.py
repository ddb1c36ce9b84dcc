"""Owners of kinds that are not listed are found by reference, and no reference makes us read what we should not."""

import pytest

from collectors.parents import MOST, parents
from tests.collectors.apiserver import Answer, document, refused, serve

ROLLOUTS = "/apis/argoproj.io/v1alpha1"
DISCOVERY = {
    "kind": "APIResourceList",
    "resources": [
        {"name": "rollouts/status", "kind": "Rollout", "namespaced": True},
        {"name": "rollouts", "kind": "Rollout", "namespaced": True},
        {"name": "fleets", "kind": "Fleet", "namespaced": False},
    ],
}


def _reference(kind, name, uid, version="argoproj.io/v1alpha1"):
    return {"apiVersion": version, "kind": kind, "name": name, "uid": uid, "controller": True}


def _item(kind, name, *owners, ns="shop"):
    meta = {"name": name, "namespace": ns, "uid": f"uid-{name}", "ownerReferences": list(owners)}
    return {"apiVersion": "v1", "kind": kind, "metadata": meta}


def _pod(reference, name="pod"):
    return _item("Pod", name, reference)


def _rollout(name="web", uid="uid-web", **more):
    meta = {"name": name, "namespace": "shop", "uid": uid, **more}
    return {"kind": "Rollout", "metadata": meta, "spec": {"template": {"env": "s3cr3t"}}}


def _asked(server):
    return [request.path for request in server.requests]


def test_b9_a_rollout_behind_a_replica_set_is_found_and_what_owns_it_too():
    objects = [
        _pod(_reference("ReplicaSet", "web-1", "uid-web-1", "apps/v1")),
        _item("ReplicaSet", "web-1", _reference("Rollout", "web", "uid-web")),
    ]
    fleet = _reference("Fleet", "all", "uid-all")
    answers = {
        ROLLOUTS: DISCOVERY,
        f"{ROLLOUTS}/namespaces/shop/rollouts/web": _rollout(ownerReferences=[fleet]),
        f"{ROLLOUTS}/fleets/all": {"metadata": {"name": "all", "uid": "uid-all"}},
    }
    with serve(answers) as server:
        found, missing = parents(server.connect(), objects)
        assert _asked(server) == list(answers)  # discovery once, each owner once
    assert [(item["kind"], item["metadata"]["name"]) for item in found] == [("Fleet", "all"), ("Rollout", "web")]
    assert missing == {}
    assert "s3cr3t" not in str(found)


def test_only_owners_of_pods_are_asked_for():
    objects = [_item("Service", "web", _reference("Rollout", "web", "uid-web")), _item("Pod", "bare")]
    with serve({}) as server:
        assert parents(server.connect(), objects) == ([], {})
        assert not server.requests


@pytest.mark.parametrize(
    "reference",
    [
        _reference("Secret", "token", "u", "v1"),
        _reference("Secret", "token", "u", ""),
        _reference("Secret", "token", "u", "/v1"),
        _reference("Rollout", "web", "u", "../api/v1"),
        _reference("Rollout", "web", "u", "a/../../api/v1"),
        _reference("Rollout", "web", "u", "argoproj.io/v1alpha1/namespaces"),
        _reference("Rollout", "web", "u", "argoproj.io/v1?watch=1"),
        _reference("Rollout", "../../../../api/v1/secrets", "u"),
        _reference("Rollout", "a?x=1", "u"),
        _reference("Rollout", "..", "u"),
        _reference("Rollout\nx", "web", "u"),
        _reference("Rollout", "w" * 300, "u"),
        _reference("Deployment", "gone", "u", "apps/v1beta1"),
        _reference("Node", "node-1", "u", "v1"),
        _reference(["Rollout"], {"a": 1}, "u", 7),
    ],
)
def test_a_hostile_reference_makes_no_request(reference):
    with serve({}) as server:
        assert parents(server.connect(), [_pod(reference)]) == ([], {})
        assert not server.requests


def test_a_hostile_discovery_makes_no_other_request():
    resources = [{"name": "../../../api/v1/secrets", "kind": "Rollout"}, "no entry", {"name": 1, "kind": "Rollout"}]
    for listed in (resources, "none", None):
        with serve({ROLLOUTS: {"resources": listed}}) as server:
            found, missing = parents(server.connect(), [_pod(_reference("Rollout", "web", "uid-web"))])
            assert (found, list(missing)) == ([], ["Rollout"])
            assert _asked(server) == [ROLLOUTS]


@pytest.mark.parametrize(
    "answer", [refused(403), refused(404), Answer(200, b"<html>"), refused(500), {"metadata": "odd"}, {"metadata": {}}]
)
def test_an_owner_that_cannot_be_read_is_missing_and_never_an_end(answer):
    answers = {ROLLOUTS: DISCOVERY, f"{ROLLOUTS}/namespaces/shop/rollouts/web": answer}
    pods = [_pod(_reference("Rollout", "web", "uid-web")), _pod(_reference("Rollout", "other", "uid-o"), "pod-2")]
    with serve(answers) as server:
        found, missing = parents(server.connect(sleep=lambda _: None), pods)
        other = f"{ROLLOUTS}/namespaces/shop/rollouts/other"
        assert (other in _asked(server)) is isinstance(answer, dict)  # a kind that failed is not asked for again
    assert found == []
    assert isinstance(answer, dict) or "cannot get" in missing["Rollout"]


def test_another_object_of_the_same_name_is_not_the_owner():
    answers = {ROLLOUTS: DISCOVERY, f"{ROLLOUTS}/namespaces/shop/rollouts/web": _rollout(uid="uid-new")}
    with serve(answers) as server:
        assert parents(server.connect(), [_pod(_reference("Rollout", "web", "uid-web"))]) == ([], {})


def test_owners_in_a_ring_end():
    ring = _rollout(ownerReferences=[_reference("Rollout", "web", "uid-web")])
    with serve({ROLLOUTS: DISCOVERY, f"{ROLLOUTS}/namespaces/shop/rollouts/web": ring}) as server:
        found, _ = parents(server.connect(), [_pod(_reference("Rollout", "web", "uid-web"))])
    assert len(found) == 1


def test_no_more_owners_are_asked_for_than_a_few_hundred():
    pods = [_pod(_reference("Rollout", f"r{at}", f"uid-r{at}"), f"pod-{at}") for at in range(MOST + 10)]

    def answer(request):
        name = request.path.rpartition("/")[2]
        return _rollout(name, f"uid-{name}")

    answers = {f"{ROLLOUTS}/namespaces/shop/rollouts/r{at}": answer for at in range(MOST + 10)}
    with serve({ROLLOUTS: DISCOVERY, **answers}) as server:
        found, missing = parents(server.connect(), pods)
        assert len(server.requests) == MOST + 1
    assert len(found) == MOST
    assert f"more than {MOST} owners" in missing["Rollout"]


def test_the_table_of_a_list_is_not_mistaken_for_an_owner():
    from collectors.kinds import PODS

    answers = {ROLLOUTS: DISCOVERY, f"{ROLLOUTS}/namespaces/shop/rollouts/web": document(PODS, [_rollout()])}
    with serve(answers) as server:
        assert parents(server.connect(), [_pod(_reference("Rollout", "web", "uid-web"))]) == ([], {})
