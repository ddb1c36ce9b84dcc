"""Changes at an API server: what is sent, and one sentence for everything that is refused."""

import json
from contextlib import closing

import pytest

from collectors.applier import connect_applier
from collectors.applier_refusals import Absent, Conflict, Refused, Stale, refused_write
from collectors.refusals import Asked, Busy, Cut, Forbidden, Unreachable
from tests.collectors.apiserver import RECORDED
from tests.collectors.applyserver import DROP, Fault, policy, serve_policies

ANSWERS = {one["file"]: one for one in json.loads((RECORDED / "ssa_answers.json").read_text())}
ASKED = Asked("https://h", "patch", "networkpolicy web/rec-storefront")


@pytest.fixture
def server(tmp_path):
    with serve_policies(tmp_path) as running:
        yield running


@pytest.fixture
def slept():
    return []


@pytest.fixture
def applier(server, slept):
    with closing(connect_applier(kubeconfig=server.kubeconfig(), sleep=slept.append, jitter=lambda: 0.0)) as found:
        yield found


@pytest.mark.parametrize(
    ("file", "kind", "says"),
    [
        (
            "err_409_ssa_conflict",
            Conflict,
            "other managers hold what would change: 'np-recommender' holds .spec.podSel",
        ),
        ("err_409_stale_resource_version", Stale, "it was changed since it was read"),
        ("err_409_already_exists", Stale, "already exists"),
        ("err_404_namespace", Absent, 'namespaces "nope" not found'),
        ("err_404_policy", Absent, "not found"),
        ("err_403_reader_create_np", Forbidden, "user 'np-reader' may not (403); apply deploy/apply/rbac.yaml"),
        ("err_403_namespace_terminating", Refused, "its namespace is being deleted; leave it out with --namespace"),
        ("err_422_np_port_range", Refused, "spec.ingress[0].ports[0].port: Invalid value: 99999"),
        ("err_422_ssa_missing_fieldmanager", Refused, "fieldManager: Required value"),
    ],
)
def test_what_a_real_server_refused_is_one_sentence_of_its_kind(file, kind, says):
    one = ANSWERS[f"{file}.json"]
    fault = refused_write(ASKED, one["status"], {}, json.dumps(one["answer"]).encode())
    assert type(fault) is kind
    assert str(fault).startswith("https://h: cannot patch networkpolicy web/rec-storefront: ")
    assert says in str(fault)
    assert "\n" not in str(fault)


def test_a_conflict_names_each_manager_once_with_its_fields_and_ends_somewhere():
    causes = [
        {"reason": "FieldManagerConflict", "message": f'conflict with "m{n % 2}" using v1', "field": f".spec.f{n:02}"}
        for n in range(40)
    ]
    body = {"kind": "Status", "message": "x" * 9999, "details": {"causes": [*causes, "odd", {"reason": 3}]}}
    fault = refused_write(ASKED, 409, {}, json.dumps(body).encode())
    assert isinstance(fault, Conflict)
    assert fault.held[0] == ("m0", ".spec.f00")
    assert str(fault).count("'m0' holds") == 1
    assert "and 10 more" in str(fault)
    assert len(str(fault)) < 1000


@pytest.mark.parametrize("body", [b"", b"[1]", b"\xff\xfe", b"{" * 9999, b'{"details": 3, "message": {"a": []}}'])
@pytest.mark.parametrize("status", [400, 403, 404, 409, 422, 429, 500, 302, 418])
def test_any_body_of_a_refusal_is_a_sentence(status, body):
    assert len(str(refused_write(ASKED, status, {}, body))) < 900


def test_the_object_is_sent_as_an_apply_patch_of_the_manager_podfence(server, applier):
    applied = applier.apply(policy("shop", "a"))
    (asked,) = server.requests
    assert (asked.method, asked.path) == ("PATCH", "/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies/a")
    assert asked.query == {"fieldManager": "podfence", "fieldValidation": "Strict"}
    assert asked.body == policy("shop", "a")
    assert (applied.created, applied.object) == (True, server.held["shop", "a"])


def test_a_dry_run_of_each_kind_of_change_changes_nothing(server, applier):
    held = applier.apply(policy("shop", "a")).object
    version = server.version
    applier.apply(policy("shop", "a", port=9), dry_run=True)
    applier.apply(policy("shop", "b"), dry_run=True)
    applier.replace({**held, "spec": policy("shop", "a", port=9)["spec"]}, dry_run=True)
    assert server.version == version
    assert server.held == {("shop", "a"): held}


def test_only_the_version_that_was_read_is_deleted_and_replaced(server, applier):
    held = applier.apply(policy("shop", "a")).object
    applier.apply(policy("shop", "a", port=9))
    with pytest.raises(Stale, match="changed since it was read"):
        applier.delete(held)
    with pytest.raises(Stale, match="changed since it was read"):
        applier.replace(held)
    applier.delete(server.held["shop", "a"])
    with pytest.raises(Absent):
        applier.delete(held)


def test_reads_and_dry_runs_are_tried_again_and_changes_are_not(server, applier, slept):
    busy = (503, "ServiceUnavailable", "")
    server.faults += [Fault("GET", "a", busy, times=2), Fault("PATCH", "a", DROP, times=2, dry=True)]
    assert applier.find("shop", "a") is None
    applier.apply(policy("shop", "a"), dry_run=True)
    assert slept == [0.5, 1.0, 0.5, 1.0]
    for answer, kind in ((busy, Busy), (DROP, Cut)):
        server.faults = [Fault("PATCH", "a", answer)]
        with pytest.raises(kind):
            applier.apply(policy("shop", "a"))
    assert len(server.writes()) == 2


def test_policies_are_those_of_the_cluster_or_of_some_namespaces_with_their_kind(server, applier):
    for namespace in ("shop", "data", "default"):
        server.put(policy(namespace, "a"))
    assert [item["metadata"]["namespace"] for item in applier.policies()] == ["data", "default", "shop"]
    assert [item["metadata"]["namespace"] for item in applier.policies({"shop", "data"})] == ["data", "shop"]
    assert {item["kind"] for item in (*applier.policies(), *applier.policies({"shop"}))} == {"NetworkPolicy"}


def test_a_list_that_is_forbidden_says_which_right_is_missing(server, applier):
    server.faults.append(Fault("GET", "networkpolicies", (403, "Forbidden", 'User "me" cannot list'), times=9))
    for namespaces, scope in ((None, "in the whole cluster"), ({"shop"}, "in every namespace that is named")):
        with pytest.raises(Forbidden, match=f"may not list networkpolicies {scope}; apply deploy/apply/rbac.yaml"):
            applier.policies(namespaces)


def test_a_name_cannot_leave_its_path(server, applier):
    with pytest.raises(Absent):
        applier.delete({"metadata": {"namespace": "a/../b?x=", "name": "../c#", "uid": "u", "resourceVersion": "1"}})
    assert server.requests[0].path.endswith("/namespaces/a%2F..%2Fb%3Fx%3D/networkpolicies/..%2Fc%23")


def test_an_answer_that_is_no_policy_is_refused(server, applier):
    server.held["shop", "a"] = {"metadata": {}, "items": "no"}
    with pytest.raises(Unreachable, match="no Kubernetes JSON"):
        applier.find("shop", "a")
    with pytest.raises(Unreachable, match="no Kubernetes JSON"):
        applier.policies()
