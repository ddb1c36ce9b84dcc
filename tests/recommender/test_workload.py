"""C18: the selector takes exactly the workload's pods, would still after a rollout, or podfence says that none does."""

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
