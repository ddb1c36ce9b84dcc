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


def _set(name, uid, *references, ns="shop", kind="ReplicaSet"):
    return {"kind": kind, "metadata": meta(name, ns, uid, ownerReferences=[*references])}


def test_b9_of_a_circle_of_owners_every_pod_has_the_same_root():
    first, second = _set("a", "a", *owner("ReplicaSet", "b", "b")), _set("b", "b", *owner("ReplicaSet", "a", "a"))
    pods = [pod(f"of-{name}", "10.0.0.1", owners=owner("ReplicaSet", name, name)) for name in "ab"]
    for order in ([first, second, *pods], [*reversed(pods), second, first]):
        assert {item.workload.name for item in inventory(order).pods} == {"a"}


def test_b9_a_chain_of_any_length_is_followed_to_its_end():
    chain = [_set(f"s{at}", f"u{at}", *owner("ReplicaSet", f"s{at + 1}", f"u{at + 1}")) for at in range(50)]
    found = inventory(chain, _set("s50", "u50"), pod("p", "10.0.0.1", owners=owner("ReplicaSet", "s0", "u0")))
    assert found.pods[0].workload == WorkloadRef("shop", "ReplicaSet", "s50")


def test_b9_two_controllers_give_one_root_in_whatever_order_they_stand():
    both = owner("StatefulSet", "db", "s") + owner("Job", "load", "j")
    names = {_of("p", pod("p", "10.0.0.1", owners=order)).name for order in (both, both[::-1])}
    assert names == {"load"}


def test_b9_an_owner_that_does_not_control_is_none():
    reference = owner("ConfigMap", "c", "c")[0] | {"controller": False}
    assert _of("p", pod("p", "10.0.0.1", owners=[reference])) == WorkloadRef("shop", "Pod", "p")


def test_b9_a_reference_into_another_namespace_or_to_another_name_is_not_followed():
    theirs = deployment("web", ["10.0.0.1"], ns="theirs")
    uid = theirs[1]["metadata"]["uid"]
    across = pod("across", "10.0.0.2", owners=owner("ReplicaSet", theirs[1]["metadata"]["name"], uid))
    forged = pod("forged", "10.0.0.3", ns="theirs", owners=owner("DaemonSet", "agent", uid))
    assert _of("across", theirs, across) == WorkloadRef("shop", "ReplicaSet", theirs[1]["metadata"]["name"])
    assert _of("forged", theirs, forged) == WorkloadRef("theirs", "DaemonSet", "agent")


def test_b9_a_custom_owner_in_the_inventory_leads_on_and_is_not_counted_as_unused():
    rollout = _set("web", "r", kind="Rollout")
    found = inventory(rollout, _set("web-1", "rs", *owner("Rollout", "web", "r")),
                      pod("web-1-x", "10.0.0.1", owners=owner("ReplicaSet", "web-1", "rs")))  # fmt: skip
    assert found.pods[0].workload == WorkloadRef("shop", "Rollout", "web")
    assert found.skipped == {}


def test_b9_bare_replica_sets_and_replication_controllers_are_workloads_with_their_selector():
    bare = _set("legacy", "l") | {"spec": {"selector": {"matchLabels": {"app": "legacy"}}}}
    old = _set("ancient", "a", kind="ReplicationController") | {"spec": {"selector": {"app": "ancient"}}}
    found = inventory(bare, old).workloads
    assert {ref.kind: workload.selector for ref, workload in found.items()} == {
        "ReplicaSet": {"matchLabels": {"app": "legacy"}},
        "ReplicationController": {"matchLabels": {"app": "ancient"}},
    }


def test_b9_of_two_controllers_with_one_name_the_living_one_is_the_workload():
    old, new = (deployment("web", [], selector={"app": name})[0] for name in ("old", "new"))
    old["metadata"]["creationTimestamp"], new["metadata"]["creationTimestamp"] = (
        "2026-11-01T09:00:00Z",
        "2026-11-01T10:00:00Z",
    )
    new["metadata"]["uid"] = "a-later-one"
    for order in ([old, new], [new, old]):
        (workload,) = inventory(order).workloads.values()
        assert workload.selector == {"matchLabels": {"app": "new"}}
