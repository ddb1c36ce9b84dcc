"""What the API server would say of the shop: Shop and Times -> Lists as `kubectl get <kind> -A -o json` prints."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

from tests.lab import topology as t
from tests.lab.inventory_network import Network
from tests.lab.objects import DAY, Object, make, owned, pod_spec, stamp, template, uid
from tests.lab.scenario import Times


class Cluster:
    """Builds every object of one shop at one time."""

    def __init__(self, shop: t.Shop, times: Times) -> None:
        self.shop = shop
        self.times = times
        self.late = {pod.name for pod in shop.pods if pod.workload.ref == t.WEB and pod.ordinal == 2}

    def born(self, work: t.Workload) -> float:
        """When the workload was made; no two on the same second."""
        return self.times.start - 30 * DAY + 977 * list(self.shop.workloads).index(work.ref)

    def pod_start(self, pod: t.Pod) -> float:
        """When the kubelet took the pod up."""
        if pod.workload.ref == t.REPORT:
            return self.times.report_start
        if pod.name in self.late:
            return self.times.web_start
        return self.times.start - 3 * DAY + 611 * self.shop.pods.index(pod)

    @staticmethod
    def _digest(work: t.Workload) -> str:
        return hashlib.sha256(work.image.encode()).hexdigest()

    def _status(self, pod: t.Pod, started: float) -> Object:
        over = pod.workload.ref == t.REPORT and self.times.report_end
        state: Object = {"running": {"startedAt": stamp(started)}}
        if over:
            state = {
                "terminated": {
                    "exitCode": 0,
                    "reason": "Completed",
                    "startedAt": stamp(started),
                    "finishedAt": stamp(self.times.report_end),
                }
            }
        ready = "False" if over else "True"
        kinds = {
            "PodReadyToStartContainers": ready,
            "Initialized": "True",
            "Ready": ready,
            "ContainersReady": ready,
            "PodScheduled": "True",
        }
        changed = stamp(self.times.report_end if over else started)
        return {
            "phase": "Succeeded" if over else "Running",
            "conditions": [
                {
                    "type": kind,
                    "status": value,
                    "lastProbeTime": None,
                    "lastTransitionTime": stamp(started) if value == "True" else changed,
                    **({"reason": "PodCompleted"} if over and kind != "PodScheduled" else {}),
                }
                for kind, value in kinds.items()
            ],
            "hostIP": t.NODE4,
            "hostIPs": [{"ip": t.NODE4}, {"ip": t.NODE6}],
            "podIP": pod.ip4,
            "podIPs": [{"ip": pod.ip4}, {"ip": pod.ip6}],
            "qosClass": "Burstable",
            "startTime": stamp(started),
            "containerStatuses": [
                {
                    "name": pod.workload.name,
                    "image": pod.workload.image,
                    "lastState": {},
                    "restartCount": 0,
                    "imageID": f"{pod.workload.image.rpartition(':')[0]}@sha256:{self._digest(pod.workload)}",
                    "containerID": f"containerd://{uid('container', '', pod.name).replace('-', '') * 2}",
                    "ready": not over,
                    "started": not over,
                    "state": state,
                }
            ],
        }

    def pod(self, pod: t.Pod) -> Object:
        """One pod with its owner."""
        work, started = pod.workload, self.pod_start(pod)
        made = make(
            "Pod",
            work.namespace,
            pod.name,
            started,
            dict(pod.labels),
            spec=pod_spec(work, pod),
            status=self._status(pod, started),
        )
        if work.kind == "Deployment":
            return owned(made, "ReplicaSet", f"{work.name}-{pod.labels['pod-template-hash']}")
        if work.kind == "CronJob":
            return owned(made, "Job", pod.labels["batch.kubernetes.io/job-name"])
        return made if work.kind == "Pod" else owned(made, work.kind, work.name)

    def _replicas(self, work: t.Workload) -> int:
        return len(self.shop.pods_of(work.ref))

    def controller(self, work: t.Workload) -> Object:
        """Return a Deployment, StatefulSet or DaemonSet."""
        count = self._replicas(work)
        spec: Object = {
            "selector": {"matchLabels": work.match_labels},
            "template": template(work),
            "revisionHistoryLimit": 10,
        }
        status: Object = {
            "observedGeneration": 1,
            "replicas": count,
            "readyReplicas": count,
            "availableReplicas": count,
            "updatedReplicas": count,
        }
        if work.kind == "DaemonSet":
            status = {
                "currentNumberScheduled": count,
                "desiredNumberScheduled": count,
                "numberReady": count,
                "numberMisscheduled": 0,
                "observedGeneration": 1,
            }
        else:
            spec["replicas"] = count
        if work.kind == "StatefulSet":
            spec |= {
                "serviceName": f"{work.name}-headless" if work.ref == t.POSTGRES else work.name,
                "podManagementPolicy": "OrderedReady",
            }
        made = make(work.kind, work.namespace, work.name, self.born(work), work.labels, spec=spec, status=status)
        if work.kind == "Deployment":
            made["metadata"]["annotations"] = {"deployment.kubernetes.io/revision": "2" if work.ref == t.WEB else "1"}
        return made

    def replicasets(self) -> list[Object]:
        """Return the ReplicaSet of each Deployment, and web's older one that was scaled to nothing."""
        made = []
        for work in self.shop.workloads.values():
            if work.kind != "Deployment":
                continue
            pods = self.shop.pods_of(work.ref)
            wanted = [(pods[0].labels["pod-template-hash"], len(pods), 3 * DAY + 60)]
            if work.ref == t.WEB:
                wanted.append((t.suffix("web, before", 10), 0, 20 * DAY))
            for hashed, count, age in wanted:
                extra = {"pod-template-hash": hashed}
                made.append(
                    owned(
                        make(
                            "ReplicaSet",
                            work.namespace,
                            f"{work.name}-{hashed}",
                            self.times.start - age,
                            {**work.labels, **extra},
                            spec={
                                "replicas": count,
                                "selector": {"matchLabels": {**work.match_labels, **extra}},
                                "template": template(work, extra),
                            },
                            status={"replicas": count, "readyReplicas": count, "observedGeneration": 1},
                        ),
                        "Deployment",
                        work.name,
                    )
                )
        return made

    def cronjob(self) -> Object:
        """Return the report, once an hour at the minute it was recorded."""
        work = self.shop.workloads[t.REPORT]
        minute = datetime.fromtimestamp(self.times.report_start, UTC).minute
        status = {"lastScheduleTime": stamp(self.times.report_start // 60 * 60)}
        return make(
            "CronJob",
            work.namespace,
            work.name,
            self.born(work),
            work.labels,
            status=status,
            spec={
                "schedule": f"{minute} * * * *",
                "concurrencyPolicy": "Forbid",
                "suspend": False,
                "successfulJobsHistoryLimit": 3,
                "failedJobsHistoryLimit": 1,
                "jobTemplate": {"metadata": {}, "spec": {"template": template(work)}},
            },
        )

    def job(self) -> Object:
        """Return the run of the report that the capture saw."""
        pod = self.shop.pods_of(t.REPORT)[0]
        work, name = pod.workload, pod.labels["batch.kubernetes.io/job-name"]
        own = {key: pod.labels[key] for key in pod.labels if "job-name" in key or "controller-uid" in key}
        done: Object = {
            "startTime": stamp(self.times.report_start),
            "ready": 0,
            "terminating": 0,
            "succeeded": 1,
            "completionTime": stamp(self.times.report_end),
            "conditions": [
                {
                    "type": "Complete",
                    "status": "True",
                    "reason": "CompletionsReached",
                    "lastProbeTime": stamp(self.times.report_end),
                    "lastTransitionTime": stamp(self.times.report_end),
                }
            ],
        }
        return owned(
            make(
                "Job",
                work.namespace,
                name,
                self.times.report_start,
                work.labels,
                status=done if self.times.report_end else {"active": 1, "ready": 1},
                spec={
                    "parallelism": 1,
                    "completions": 1,
                    "backoffLimit": 6,
                    "completionMode": "NonIndexed",
                    "selector": {
                        "matchLabels": {"batch.kubernetes.io/controller-uid": own["batch.kubernetes.io/controller-uid"]}
                    },
                    "template": template(work, own),
                },
            ),
            "CronJob",
            work.name,
        )

    def lists(self) -> dict[str, list[Object]]:
        """File name -> items."""
        works = self.shop.workloads.values()

        def controllers(kind: str) -> list[Object]:
            return [self.controller(work) for work in works if work.kind == kind]

        network = Network(self.shop, self.times, self.born)
        return {
            "pods": [self.pod(pod) for pod in self.shop.pods],
            "namespaces": [network.namespace(name) for name in t.NAMESPACES],
            "nodes": [network.node()],
            "services": [network.service(service) for service in self.shop.services],
            "endpointslices": [made for service in self.shop.services for made in network.slices(service)],
            "replicasets": self.replicasets(),
            "deployments": controllers("Deployment"),
            "statefulsets": controllers("StatefulSet"),
            "daemonsets": controllers("DaemonSet"),
            "jobs": [self.job()],
            "cronjobs": [self.cronjob()],
            "networkpolicies": [network.networkpolicy()],
        }


def write(lists: dict[str, list[Object]], folder: Path) -> None:
    """One file a kind, items in the order and text in the form of kubectl."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, items in lists.items():
        ordered = sorted(items, key=lambda made: (made["metadata"].get("namespace", ""), made["metadata"]["name"]))
        whole = {"apiVersion": "v1", "items": ordered, "kind": "List", "metadata": {"resourceVersion": ""}}
        (folder / f"{name}.json").write_text(json.dumps(whole, indent=4, sort_keys=True) + "\n")
