"""The parts that every API object of the shop is made of: names, dates and workloads -> metadata and specs."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from tests.lab import topology as t

Object = dict[str, Any]
_API = {
    "Deployment": "apps/v1",
    "ReplicaSet": "apps/v1",
    "StatefulSet": "apps/v1",
    "DaemonSet": "apps/v1",
    "Job": "batch/v1",
    "CronJob": "batch/v1",
    "EndpointSlice": "discovery.k8s.io/v1",
    "NetworkPolicy": "networking.k8s.io/v1",
}
DAY = 86400


def stamp(seconds: float) -> str:
    """Whole seconds, cut and not rounded, as the API server writes them."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def uid(kind: str, namespace: str, name: str) -> str:
    """Return a uid that is the same at every recording."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{kind}/{namespace}/{name}"))


def make(
    kind: str, namespace: str, name: str, created: float, labels: dict[str, str] | None = None, **body: object
) -> Object:
    version = _API.get(kind, "v1")
    own = uid(kind, namespace, name)
    meta: Object = {
        "name": name,
        "uid": own,
        "creationTimestamp": stamp(created),
        "resourceVersion": str(100000 + int(own[:4], 16)),
    }
    if namespace:
        meta["namespace"] = namespace
    if labels:
        meta["labels"] = labels
    return {"apiVersion": version, "kind": kind, "metadata": meta, **body}


def owned(made: Object, kind: str, name: str) -> Object:
    """Return the same object with a controller."""
    meta = made["metadata"]
    meta["ownerReferences"] = [
        {
            "apiVersion": _API.get(kind, "v1"),
            "kind": kind,
            "name": name,
            "uid": uid(kind, meta["namespace"], name),
            "controller": True,
            "blockOwnerDeletion": True,
        }
    ]
    return made


def _container(work: t.Workload) -> Object:
    made: Object = {
        "name": work.name,
        "image": work.image,
        "imagePullPolicy": "IfNotPresent",
        "resources": {"limits": {"memory": "256Mi"}, "requests": {"cpu": "50m", "memory": "64Mi"}},
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
    }
    if work.ports:
        made["ports"] = [
            {
                "name": port.name,
                "containerPort": port.number,
                "protocol": port.protocol,
                **({"hostPort": port.number} if work.host_network else {}),
            }
            for port in work.ports
        ]
    if work.env:
        made["env"] = [{"name": name, "value": value} for name, value in work.env]
    if work.ref in {t.WEB, t.API}:
        port = work.ports[0]
        made["readinessProbe"] = {
            "httpGet": {"path": "/healthz", "port": port.name, "scheme": "HTTP"},
            "periodSeconds": 10,
            "timeoutSeconds": 1,
            "successThreshold": 1,
            "failureThreshold": 3,
        }
    if work.kind == "StatefulSet":
        made["volumeMounts"] = [{"name": "data", "mountPath": f"/var/lib/{work.name}"}]
    return made


def pod_spec(work: t.Workload, pod: t.Pod | None = None) -> Object:
    """Return a pod's spec, or without a pod a template's."""
    made: Object = {
        "containers": [_container(work)],
        "dnsPolicy": "ClusterFirst",
        "restartPolicy": "Never" if work.ref == t.REPORT else "Always",
        "schedulerName": "default-scheduler",
        "securityContext": {},
        "terminationGracePeriodSeconds": 30,
    }
    if work.host_network:
        made |= {"hostNetwork": True, "hostPID": True}
    if pod:
        made |= {
            "nodeName": t.NODE_NAME,
            "serviceAccountName": "default",
            "enableServiceLinks": True,
            "preemptionPolicy": "PreemptLowerPriority",
            "priority": 0,
        }
        if work.kind == "StatefulSet":
            made |= {
                "hostname": pod.name,
                "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": f"data-{pod.name}"}}],
            }
    return made


def template(work: t.Workload, extra: dict[str, str] | None = None) -> Object:
    return {"metadata": {"labels": {**work.labels, **(extra or {})}}, "spec": pod_spec(work)}
