"""B9: the workload is the root owner, whatever its kind; the same name in two namespaces is two workloads."""

from collectors.inventory import WorkloadRef
from tests.cluster import deployment, inventory, meta, owner, pod


def _of(name, *parts):
    return next(p.workload for p in inventory(*parts).pods if p.name == name)


def test_b9_replica_sets_lead_to_their_deployment():
    assert _of("web-5d9c7b-0", deployment("web", ["10.0.0.1"])) == WorkloadRef("shop", "Deployment", "web")


def test_b9_two_replica_sets_of_a_rollout_are_one_workload():
    old, new = deployment("web", ["10.0.0.1"]), deployment("web", ["10.0.0.2"])
    new[1]["metadata"] |= {"uid": "newer", "name": "web-77"}
    new[2]["metadata"] |= {"name": "web-77-x", "uid": "x", "ownerReferences": owner("ReplicaSet", "web-77", "newer")}
    assert {p.workload for p in inventory(old, new).pods} == {WorkloadRef("shop", "Deployment", "web")}


def test_b9_a_job_of_a_cron_job_is_the_cron_job():
    cron = {"kind": "CronJob", "metadata": meta("report", "shop", "c"), "spec": {}}
    job = {"kind": "Job", "metadata": meta("report-1", "shop", "j", ownerReferences=owner("CronJob", "report", "c"))}
    found = _of("report-1-x", cron, job, pod("report-1-x", "10.0.0.1", owners=owner("Job", "report-1", "j")))
    assert found == WorkloadRef("shop", "CronJob", "report")


def test_b9_an_owner_of_any_kind_counts_though_it_is_not_in_the_inventory():
    found = _of("search-0", pod("search-0", "10.0.0.1", owners=owner("SearchCluster", "search", "u")))
    assert found == WorkloadRef("shop", "SearchCluster", "search")


def test_b9_pods_alone_still_know_the_deployment_that_named_their_replica_set():
    alone = [item for item in deployment("web", ["10.0.0.1"]) if item["kind"] == "Pod"]
    assert inventory(alone).pods[0].workload == WorkloadRef("shop", "Deployment", "web")


def test_b9_mirror_pods_and_bare_pods_are_their_own_workload():
    mirror = pod("etcd-cp", "10.0.0.1", ns="kube-system", owners=owner("Node", "cp", "n"))
    assert _of("etcd-cp", mirror) == WorkloadRef("kube-system", "Pod", "etcd-cp")
    assert _of("debug", pod("debug", "10.0.0.2")) == WorkloadRef("shop", "Pod", "debug")


def test_b9_one_name_in_two_namespaces_is_two_workloads():
    found = inventory(deployment("cache", ["10.0.0.1"]), deployment("cache", ["10.0.0.2"], ns="data"))
    assert {p.workload.namespace for p in found.pods} == {"shop", "data"}


def test_owner_references_in_a_circle_end():
    first = {"kind": "ReplicaSet", "metadata": meta("a", "shop", "a", ownerReferences=owner("ReplicaSet", "b", "b"))}
    second = {"kind": "ReplicaSet", "metadata": meta("b", "shop", "b", ownerReferences=owner("ReplicaSet", "a", "a"))}
    found = _of("p", first, second, pod("p", "10.0.0.1", owners=owner("ReplicaSet", "a", "a")))
    assert found.kind == "ReplicaSet"
