"""B7 to B9 and C18 of the semantics, where what flow logs say of pods is all that is known of a cluster."""

import json

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.claimed import beginning_of, beginnings, inventory_of
from collectors.claims import compact_claims, conform_claims, empty_claims
from collectors.errors import UnreadableInput
from collectors.inventory import Inventory, Tenure, WorkloadRef
from collectors.tenancy import tenancy

ONE = "10.0.0.1"


def claim(pod="web-5c9-abcde", at=0, until=None, **more):
    """A claim of a pod of namespace shop, from one minute of the hour to another."""
    labels = more.pop("labels", None)
    return {
        "first_seen": minute(at), "last_seen": minute(at if until is None else until), "address": ONE,
        "namespace": "shop", "pod": pod, "labels": None if labels is None else json.dumps(labels), "source": "log",
        **more,
    }  # fmt: skip


def minute(at):
    return pd.Timestamp("2026-11-01T11:00:00Z") + pd.Timedelta(minutes=at)


def known(*rows):
    return inventory_of(conform_claims(pd.DataFrame(list(rows))))


def the_pod(*rows):
    (found,) = known(*rows).pods
    return found


def test_no_claims_are_no_inventory():
    found = inventory_of(empty_claims())
    assert (found.pods, dict(found.workloads), dict(found.namespaces)) == ((), {}, {})
    assert found.claimed


def test_an_inventory_of_a_cluster_is_not_claimed():
    assert not Inventory().claimed


def test_a_claim_tells_pod_labels_node_workload_and_namespace():
    row = claim(labels={"app": "web"}, node="n1", workload_kind="Rollout", workload_name="web")
    found, pod = known(row), the_pod(row)
    assert (pod.namespace, pod.name, dict(pod.labels), pod.node) == ("shop", "web-5c9-abcde", {"app": "web"}, "n1")
    assert pod.workload == WorkloadRef("shop", "Rollout", "web")
    assert (pod.start, pod.end, pod.host_network) == (None, None, False)
    assert list(found.workloads) == [pod.workload]
    assert found.workloads[pod.workload].selector is None
    assert dict(found.namespaces["shop"].labels) == {"kubernetes.io/metadata.name": "shop"}


def test_what_it_cannot_know_is_missing_with_the_reason():
    assert set(known(claim()).missing) == {"EndpointSlice", "NetworkPolicy", "Node", "Service"}


def test_b9_one_name_in_two_namespaces_is_two_pods():
    assert [pod.namespace for pod in known(claim(), claim(namespace="data")).pods] == ["data", "shop"]


def test_what_was_said_last_counts_and_silence_says_nothing():
    rows = [
        claim(at=1, labels={"app": "old"}, workload_kind="Deployment", workload_name="old", node="n1"),
        claim(at=2, labels={"app": "new"}, workload_kind="Deployment", workload_name="new"),
        claim(at=3),
    ]
    pod = the_pod(*rows)
    assert (dict(pod.labels), pod.workload.name, pod.node) == ({"app": "new"}, "new", "n1")


def test_c18_of_a_name_that_stands_for_several_pods_only_labels_that_were_always_said_count():
    labels = {"app": "web"}
    rows = claim("web-5c9-*", at=1, labels={**labels, "track": "a"}), claim("web-5c9-*", at=2, labels=labels)
    assert dict(the_pod(*rows).labels) == dict(the_pod(*reversed(rows)).labels) == {"app": "web"}


@pytest.mark.parametrize(
    ("pod", "labels", "kind", "name"),
    [
        ("web-5c9-abcde", {"pod-template-hash": "5c9"}, "Deployment", "web"),
        ("web-5c9-*", {"pod-template-hash": "5c9"}, "Deployment", "web"),
        ("web-5c9-abcde", {"pod-template-hash": "777"}, "Pod", "web-5c9-abcde"),
        ("web-5c9-abcde", {"app": "web"}, "Pod", "web-5c9-abcde"),
        ("db-0", {"statefulset.kubernetes.io/pod-name": "db-0"}, "StatefulSet", "db"),
        ("db-*", {"statefulset.kubernetes.io/pod-name": "db-0"}, "StatefulSet", "db"),
        ("db-0", {"statefulset.kubernetes.io/pod-name": "other-0"}, "Pod", "db-0"),
        ("db-0", {}, "Pod", "db-0"),
        ("job-77-abcde", {"batch.kubernetes.io/job-name": "job-77"}, "Job", "job-77"),
        ("job-77-abcde", {"job-name": "job-77"}, "Job", "job-77"),
        ("agent-abcde", {"pod-template-generation": "3", "controller-revision-hash": "x"}, "DaemonSet", "agent"),
        ("alone", {"pod-template-generation": "3"}, "Pod", "alone"),
        ("web-*", None, "Pod", "web-*"),
    ],
)
def test_b9_the_controller_is_read_off_a_pods_name_only_where_a_label_proves_it(pod, labels, kind, name):
    assert the_pod(claim(pod, labels=labels)).workload == WorkloadRef("shop", kind, name)


def test_b9_a_replica_set_of_a_template_is_its_deployments():
    row = claim(labels={"pod-template-hash": "5c9"}, workload_kind="ReplicaSet", workload_name="web-5c9")
    assert the_pod(row).workload == WorkloadRef("shop", "Deployment", "web")
    assert the_pod({**row, "labels": None}).workload == WorkloadRef("shop", "ReplicaSet", "web-5c9")


@pytest.mark.parametrize("said", [{"workload_kind": "Deployment"}, {"workload_name": "web"}])
def test_b9_half_of_a_workload_is_none(said):
    assert the_pod(claim("alone", **said)).workload == WorkloadRef("shop", "Pod", "alone")


def test_b7_a_lone_claimants_address_is_its_own_without_end():
    assert the_pod(claim(at=5)).held == (Tenure(ONE),)
    assert the_pod(claim(at=5)).ips == (ONE,)


def test_b7_an_address_that_goes_from_pod_to_pod_is_each_ones_until_the_next_is_first_seen():
    found = known(claim("a", at=1, until=4), claim("b", at=10, until=12), claim("c", at=20))
    assert [pod.held for pod in found.pods] == [
        (Tenure(ONE, None, minute(10)),),
        (Tenure(ONE, minute(10), minute(20)),),
        (Tenure(ONE, minute(20), None),),
    ]
    assert [pod.ips for pod in found.pods] == [(), (), (ONE,)]


def test_b7_claims_that_overlap_both_hold_so_that_the_address_is_ambiguous():
    found = known(claim("a", at=1, until=6), claim("b", at=5, until=8), claim("c", at=20))
    rows = tenancy(found)
    assert rows["kind"].tolist() == ["pod", "ambiguous", "pod"]
    assert rows["start"].tolist()[1:] == [minute(5), minute(20)]


def test_b7_two_claims_of_one_instant_overlap():
    assert "ambiguous" in tenancy(known(claim("a", at=1, until=5), claim("b", at=5)))["kind"].tolist()


def test_b7_a_claim_without_address_owns_none_and_is_known_by_its_name():
    pod = the_pod(claim("web-5c9-*", address=None))
    assert (pod.name, pod.held) == ("web-5c9-*", ())


def test_a_beginning_beside_pods_that_begin_so_is_no_pod_of_its_own():
    found = known(claim("web-5c9-*", address=None), claim("web-5c9-abcde"), claim("web-5c9-fghij", address="10.0.0.2"))
    assert [pod.name for pod in found.pods] == ["web-5c9-abcde", "web-5c9-fghij"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"pod": None}, {"pod": ""}, {"pod": "*"}, {"pod": "Web"}, {"pod": "a/b"}, {"pod": "x" * 300}, {"pod": "web\n"},
        {"namespace": None}, {"namespace": "-"}, {"namespace": "a.b"}, {"namespace": "x\x1b[31m"},
    ],
)  # fmt: skip
def test_a_name_that_nothing_in_kubernetes_can_have_names_no_pod_and_is_counted(wrong):
    found = known({**claim(), **wrong})
    assert (found.pods, dict(found.skipped)) == ((), {"Claim": 1})


def test_labels_and_workloads_that_kubernetes_would_refuse_are_left_out():
    good = {"app": "web", "x.io/ok": ""}
    bad = {"bad key": "x", "value": "a b", "long": "x" * 64, "a/b/c": "x", "slash": "a/b"}
    pod = the_pod(claim("alone", labels=good | bad, workload_kind="<b>", workload_name="alone"))
    assert dict(pod.labels) == good
    assert pod.workload.kind == "Pod"


@pytest.mark.parametrize("text", ["nonsense", "[1]", "3", "[" * 100_000])
def test_labels_that_are_no_json_object_are_told_in_a_sentence(text):
    with pytest.raises(UnreadableInput, match=r"is no JSON object of labels; read the flow logs again") as told:
        known({**claim(), "labels": text})
    assert len(str(told.value)) < 250


@pytest.mark.parametrize(
    ("pod", "found"),
    [
        ("web", []),
        ("db-0", ["db-*"]),
        ("web-5c9-abcde", ["web-5c9-*"]),
        ("w" * 58 + "abcde", ["w" * 58 + "*"]),
        ("w" * 50 + "-5c9d7bf" + "abcde", ["w" * 50 + "-*", "w" * 50 + "-5c9d7bf*"]),
    ],
)
def test_a_pods_name_tells_how_its_controller_begins_names(pod, found):
    assert list(beginnings(pod)) == found


def test_a_beginning_is_cut_as_controllers_cut_it():
    assert beginning_of("w" * 60 + "-*") == "w" * 58 + "*"
    assert beginning_of("w" * 60) == "w" * 60


CLAIMS = st.lists(
    st.builds(
        claim, pod=st.sampled_from(["a", "b", "c"]), at=st.integers(0, 9), until=st.integers(10, 20),
        address=st.sampled_from([ONE, "10.0.0.2", None]), labels=st.sampled_from([None, {"app": "x"}, {"app": "y"}]),
    ),
    min_size=1, max_size=8,
)  # fmt: skip


@given(CLAIMS, st.randoms(use_true_random=False))
def test_neither_order_nor_repetition_of_claims_matters(rows, chance):
    shuffled = [*rows, *rows]
    chance.shuffle(shuffled)
    assert known(*rows) == known(*shuffled)
    assert known(*rows) == inventory_of(compact_claims(conform_claims(pd.DataFrame(rows))))


@given(CLAIMS)
def test_b7_whoever_was_seen_with_an_address_holds_it_then(rows):
    pods = {pod.name: pod for pod in known(*rows).pods}
    for row in rows:
        if row["address"] is not None:
            held = [one for one in pods[row["pod"]].held if one.ip == row["address"]]
            for moment in (row["first_seen"], row["last_seen"]):
                assert any((o.start is None or o.start <= moment) and (o.end is None or moment < o.end) for o in held)
