"""The kinds that are read, checked against what a real API server says of them."""

import json

import pytest

from collectors.kinds import KINDS, PODS, WATCHED, Kind, cost_of
from tests.collectors.apiserver import RECORDED, shared


def test_a_kind_knows_the_paths_that_the_api_server_has():
    assert PODS.path == "/api/v1/pods"
    assert Kind("Job", "batch", "v1", "jobs").path == "/apis/batch/v1/jobs"
    assert (PODS.api_version, Kind("Job", "batch", "v1", "jobs").api_version) == ("v1", "batch/v1")
    assert [str(kind) for kind in KINDS[:2]] == ["pods", "endpointslices.discovery.k8s.io"]


def test_every_kind_is_there_once_and_is_watched():
    assert len({kind.kind for kind in KINDS}) == len({kind.path for kind in KINDS}) == len(KINDS) == 14
    assert WATCHED == KINDS


def test_what_is_owned_is_listed_before_its_owner():
    order = [kind.kind for kind in KINDS]
    for owned, owner in (("Pod", "ReplicaSet"), ("ReplicaSet", "Deployment"), ("Job", "CronJob"), ("Pod", "Node")):
        assert order.index(owned) < order.index(owner)


def test_kinds_are_what_the_recorded_lists_say():
    for kind in KINDS:
        file = RECORDED / f"list_{kind.resource}.json"
        if kind.kind == "ServiceCIDR":
            continue
        found = json.loads(file.read_text())
        assert (found["kind"], found["apiVersion"]) == (f"{kind.kind}List", kind.api_version)
        assert all(("namespace" in item["metadata"]) is kind.namespaced for item in found["items"])


@pytest.mark.parametrize(("file", "group"), [("api_v1_resources.json", ""),
                                             ("apis_networking_v1_resources.json", "networking.k8s.io")])  # fmt: skip
def test_kinds_are_what_a_real_server_has_in_its_discovery(file, group):
    told = {entry["name"]: entry for entry in json.loads(shared(file).read_text())["resources"]}
    for kind in KINDS:
        if kind.group == group:
            assert (told[kind.resource]["kind"], told[kind.resource]["namespaced"]) == (kind.kind, kind.namespaced)
            assert {"list", "watch"} <= set(told[kind.resource]["verbs"])


def test_no_kind_may_hold_what_is_secret():
    assert not {"secrets", "configmaps", "serviceaccounts"} & {kind.resource for kind in KINDS}


def test_every_missing_kind_has_its_cost_in_words():
    assert cost_of("Service") != cost_of("Deployment") == cost_of("CronJob") != cost_of("Rollout")
    assert all(cost_of(kind.kind) for kind in KINDS)


def test_the_manual_tells_every_kind_and_its_cost():
    text = (RECORDED.parents[1] / "docs" / "inventory.md").read_text()
    rows = [line.split("|")[1:3] for line in text.splitlines() if line.startswith("| ")]
    for kind in KINDS:
        (costs,) = (cost for kinds, cost in rows if kind.kind in kinds.replace(",", " ").split())
        assert costs.strip().startswith(cost_of(kind.kind))
