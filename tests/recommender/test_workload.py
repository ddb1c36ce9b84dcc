"""C18: the selector takes exactly the workload's pods, would still after a rollout, or podfence says that none does."""

import os
from pathlib import Path

import pytest

from collectors import load_inventory
from collectors.inventory import WorkloadRef
from recommender.policy import LabelSelector, Requirement
from recommender.workload import selects, subjects
from tests.cluster import deployment, inventory, owner, pod


def _labels(found, name, kind="Deployment", ns="shop"):
    subject = found[WorkloadRef(ns, kind, name)]
    return dict(subject.selector.match_labels) if subject.selector else None


def test_c18_the_controllers_own_selector_is_taken_where_it_is_exact():
    found = subjects(
        inventory(deployment("web", ["10.0.0.1"], labels={"app": "web", "tier": "x"}, selector={"app": "web"}))
    )
    assert _labels(found, "web") == {"app": "web"}


def test_c18_a_selector_that_takes_another_workload_too_gets_the_label_that_mends_it():
    front = deployment("front", ["10.0.0.1"], labels={"app": "shop", "role": "front"}, selector={"app": "shop"})
    back = deployment("back", ["10.0.0.2"], labels={"app": "shop", "role": "back"}, selector={"app": "shop"})
    found = subjects(inventory(front, back))
    assert _labels(found, "front") == {"app": "shop", "role": "front"}
    assert _labels(found, "back") == {"app": "shop", "role": "back"}


def test_c18_a_canary_under_the_main_selector_is_one_subject_and_says_so():
    main = deployment("web", ["10.0.0.1"], labels={"app": "web"})
    canary = deployment("web-canary", ["10.0.0.2"], labels={"app": "web", "track": "canary"})
    found = subjects(inventory(main, canary))
    subject = found[WorkloadRef("shop", "Deployment", "web-canary")]
    assert subject is found[WorkloadRef("shop", "Deployment", "web")]
    assert [ref.name for ref in subject.members] == ["web", "web-canary"]
    assert subject.selector == LabelSelector((("app", "web"),))
    assert "tells these workloads apart" in subject.reason


def test_c18_labels_that_vary_between_pods_never_enter_a_selector():
    pods = [
        pod(f"db-{at}", f"10.0.0.{at}", {"who": "db", "shard": str(at), "x/pod-name": f"db-{at}"},
            owners=owner("Database", "db", "u"))
        for at in (1, 2)
    ]  # fmt: skip
    assert _labels(subjects(inventory(pods)), "db", "Database") == {"who": "db"}


def test_c18_a_workload_with_volatile_labels_alone_has_no_selector_and_says_so():
    labels = {"helm.sh/chart": "worker-1.4.2", "app.kubernetes.io/version": "1.4.2"}
    subject = subjects(inventory(deployment("worker", ["10.0.0.1"], labels=labels)))[
        WorkloadRef("shop", "Deployment", "worker")
    ]
    assert subject.selector is None
    assert "from one rollout to the next" in subject.reason


def test_c18_the_same_labels_in_another_namespace_do_not_matter():
    found = subjects(inventory(deployment("cache", ["10.0.0.1"]), deployment("cache", ["10.0.0.2"], ns="data")))
    assert len(found) == 2
    assert all(len(subject.members) == 1 for subject in found.values())


def test_c18_a_finished_pod_that_the_selector_would_take_counts_as_another_workload():
    web = deployment("web", ["10.0.0.1"])
    stray = pod("debug", "10.0.0.9", {"app": "web"}, phase="Succeeded", finished="2026-11-01T10:00:05Z")
    assert len(subjects(inventory(web, stray))[WorkloadRef("shop", "Deployment", "web")].members) == 2


def test_b12_host_network_workloads_are_no_subjects():
    found = subjects(inventory(pod("proxy", "192.168.0.1", {"app": "proxy"}, host_network=True)))
    assert found == {}


def test_match_expressions_of_a_controller_are_kept():
    web = deployment("web", ["10.0.0.1"])
    web[0]["spec"]["selector"] = {"matchExpressions": [{"key": "app", "operator": "In", "values": ["web"]}]}
    subject = subjects(inventory(web))[WorkloadRef("shop", "Deployment", "web")]
    assert subject.selector == LabelSelector((), (Requirement("app", "In", ("web",)),))


def test_operators_hold_as_the_api_says():
    def holds(operator, labels):
        return selects(LabelSelector((), (Requirement("k", operator, ("v",)),)), labels)

    assert [holds("In", labels) for labels in ({"k": "v"}, {"k": "w"}, {})] == [True, False, False]
    assert [holds("NotIn", labels) for labels in ({"k": "v"}, {"k": "w"}, {})] == [False, True, True]
    assert [holds("Exists", labels) for labels in ({"k": "w"}, {})] == [True, False]
    assert [holds("DoesNotExist", labels) for labels in ({"k": "w"}, {})] == [False, True]
    assert selects(LabelSelector(), {})


def test_c18_of_two_labels_that_tell_workloads_apart_only_together_both_are_taken():
    corners = [(one, two) for one in "ab" for two in "xy"]
    parts = [
        deployment(
            f"w-{one}{two}", ["10.0.0.1"], labels={"app": "shop", "one": one, "two": two}, selector={"app": "shop"}
        )
        for one, two in corners
    ]
    assert _labels(subjects(inventory(*parts)), "w-ax") == {"app": "shop", "one": "a", "two": "x"}


def test_c18_of_very_many_labels_the_one_that_tells_is_found():
    common = {f"key-{at:03}": "same" for at in range(200)}
    parts = [
        deployment(f"w{at}", ["10.0.0.1"], labels={"app": "shop", **common, "zz": str(at)}, selector={"app": "shop"})
        for at in range(3)
    ]
    assert _labels(subjects(inventory(*parts)), "w1") == {"app": "shop", "zz": "1"}


def test_c18_workloads_that_only_a_chain_of_selectors_joins_are_told_to_have_no_selector_together():
    labels = [{"one": "1"}, {"one": "1", "two": "2"}, {"two": "2"}]
    parts = [deployment(f"w{at}", ["10.0.0.1"], labels=own) for at, own in enumerate(labels)]
    found = subjects(inventory(*parts))
    subject = found[WorkloadRef("shop", "Deployment", "w1")]
    assert len(subject.members) == 3
    assert subject.selector is None
    assert "no single selector takes exactly the pods of" in subject.reason


def test_c18_workloads_whose_selectors_take_nothing_are_not_joined():
    parts = [deployment(f"w{at}", ["10.0.0.1"], labels={"app": f"w{at}"}, selector={"x": "gone"}) for at in range(2)]
    found = subjects(inventory(*parts))
    assert [len(subject.members) for subject in found.values()] == [1, 1]


def test_c18_thousands_of_workloads_in_one_namespace_are_told_apart():
    parts = [
        deployment(f"w{at}", ["10.0.0.1"], labels={"app": "shop", "id": str(at)}, selector={"app": "shop"})
        for at in range(2_000)
    ]
    found = subjects(inventory(*parts))
    assert len(found) == 2_000
    assert all(dict(s.selector.match_labels) == {"app": "shop", "id": s.first.name[1:]} for s in found.values())


def test_c18_thousands_of_workloads_that_nothing_tells_apart_are_one_subject():
    parts = [deployment(f"w{at:04}", ["10.0.0.1"], labels={"app": "shop"}) for at in range(2_000)]
    (subject,) = set(subjects(inventory(*parts)).values())
    assert (len(subject.members), subject.selector) == (2_000, LabelSelector((("app", "shop"),)))


RECORDED = Path(__file__).parents[1] / "recorded"


@pytest.fixture(scope="module")
def bookstore(tmp_path_factory):
    """The subjects of the recorded cluster."""
    folder = tmp_path_factory.mktemp("bookstore")
    for file in RECORDED.glob("list_*.json"):
        (folder / file.name).symlink_to(file)
    return subjects(load_inventory(folder))


def _names(subject):
    return [str(ref) for ref in subject.members]


def test_fact_5_c18_static_pods_have_no_policy_of_their_own(bookstore):
    assert not {ref for ref in bookstore if ref.namespace == "kube-system" and ref.kind == "Pod"}


def test_fact_6_c18_a_canary_under_the_selector_of_the_main_workload_is_one_subject_with_it(bookstore):
    subject = bookstore[WorkloadRef("web", "Deployment", "storefront")]
    assert _names(subject) == ["web/Deployment/storefront", "web/Deployment/storefront-canary"]
    assert dict(subject.selector.match_labels) == {"app": "storefront"}
    assert subject.reason == "no selector tells these workloads apart"


def test_fact_6_c18_a_bare_pod_relabelled_under_the_selector_joins_the_subject_that_says_so(tmp_path):
    shared = os.environ.get("PODFENCE_SHARED")
    if not shared:
        pytest.skip("PODFENCE_SHARED names no folder of recorded answers")
    (tmp_path / "pods.json").symlink_to(Path(shared) / "recorded-api" / "final_list_pods.json")
    for name in ("list_deployments.json", "list_replicasets.json"):
        (tmp_path / name).symlink_to(RECORDED / name)
    found = load_inventory(tmp_path)
    (debug,) = (pod for pod in found.pods if pod.name == "debug-shell")
    assert debug.labels["app"] == "storefront"
    subject = subjects(found)[debug.workload]
    assert _names(subject) == ["web/Deployment/storefront", "web/Deployment/storefront-canary", "web/Pod/debug-shell"]
    assert dict(subject.selector.match_labels) == {"app": "storefront"}
    assert subject.reason == "no selector tells these workloads apart"


def test_fact_7_c18_no_selector_holds_a_volatile_label(bookstore):
    volatile = {
        "pod-template-hash", "controller-revision-hash", "batch.kubernetes.io/job-name", "job-name", "controller-uid",
        "batch.kubernetes.io/controller-uid", "statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index",
    }  # fmt: skip
    used = {key for subject in bookstore.values() if subject.selector for key, _ in subject.selector.match_labels}
    assert used
    assert not used & volatile


def test_fact_7_c18_a_workload_of_volatile_labels_alone_has_no_selector_and_says_so(bookstore):
    subject = bookstore[WorkloadRef("batch", "Deployment", "worker")]
    assert subject.selector is None
    assert subject.reason == "none of its labels stays the same from one rollout to the next"


@pytest.mark.parametrize(
    ("ref", "labels"),
    [
        (WorkloadRef("api", "ReplicaSet", "legacy-bare"), {"app": "legacy"}),
        (WorkloadRef("api", "ReplicationController", "ancient"), {"app": "ancient"}),
        (WorkloadRef("data", "SearchCluster", "search"), {"app.example.com/cluster": "search"}),
        (WorkloadRef("batch", "CronJob", "report"), {"app": "report"}),
        (WorkloadRef("batch", "Pod", "report-viewer"), {"app": "report-viewer"}),
        (WorkloadRef("data", "StatefulSet", "postgres"), {"app": "postgres"}),
        (WorkloadRef("observability", "DaemonSet", "log-agent"), {"app": "log-agent"}),
    ],
)
def test_fact_8_c18_owners_of_every_kind_are_subjects_with_stable_labels(bookstore, ref, labels):
    subject = bookstore[ref]
    assert subject.members == (ref,)
    assert dict(subject.selector.match_labels) == labels


def test_fact_9_c18_one_name_and_selector_in_two_namespaces_are_two_subjects(bookstore):
    both = [bookstore[WorkloadRef(namespace, "Deployment", "cache")] for namespace in ("api", "data")]
    assert [subject.members[0].namespace for subject in both] == ["api", "data"]
    assert [dict(subject.selector.match_labels) for subject in both] == [{"app": "cache"}] * 2


def test_c18_every_proven_selector_takes_all_pods_of_its_members_and_no_other(bookstore, tmp_path):
    for file in RECORDED.glob("list_*.json"):
        (tmp_path / file.name).symlink_to(file)
    pods = [pod for pod in load_inventory(tmp_path).pods if not pod.host_network]
    proven = {subject for subject in bookstore.values() if subject.selector}
    assert len(proven) > 10
    for subject in proven:
        inside = {
            pod.uid for pod in pods if pod.namespace == subject.namespace and selects(subject.selector, pod.labels)
        }
        assert inside == {pod.uid for pod in pods if pod.workload in subject.members}
