"""Turns an API object into the least that tells who it was: no managedFields, no env, no volumes, no annotations. Pure.

What is not named here is never written to disk: a pod's environment or a last-applied annotation may hold secrets.
"""

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

Dict = Mapping[str, Any]

_META = (
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
)
_MIRROR = "kubernetes.io/config.mirror"
# The only arguments that are kept, and only in kube-system: they tell the cluster's address ranges.
_RANGE_FLAGS = ("--service-cluster-ip-range", "--cluster-cidr")


def minimise(item: Dict) -> dict[str, Any]:
    """Return a new object with the fields that an inventory is built from; of a kind it does not know, the metadata.

    A field whose shape is not the API's is left out, so that one odd object never stops the watch.
    """
    kind = str(item.get("kind", ""))
    found: dict[str, Any] = {"apiVersion": str(item.get("apiVersion", "")), "kind": kind, "metadata": _metadata(item)}
    body = _BODIES.get(kind)
    if body is not None:
        found.update({key: value for key, value in body(item).items() if value})
    return found


def _part(item: object, key: str) -> Dict:
    value = item.get(key) if isinstance(item, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def _entries(item: Dict, key: str) -> list[Dict]:
    value = item.get(key)
    return [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, list) else []


def _pick(item: Dict, *keys: str) -> dict[str, Any]:
    return {key: item[key] for key in keys if item.get(key) is not None}


def _metadata(item: Dict) -> dict[str, Any]:
    meta = _part(item, "metadata")
    found = _pick(meta, *_META)
    related = {"labels": _part(meta, "labels"), "ownerReferences": _entries(meta, "ownerReferences")}
    found.update({key: value for key, value in related.items() if value})
    mirror = _part(meta, "annotations").get(_MIRROR)
    if mirror:
        found["annotations"] = {_MIRROR: mirror}
    return found


def _pod(item: Dict) -> dict[str, Any]:
    spec, status = _part(item, "spec"), _part(item, "status")
    system = _part(item, "metadata").get("namespace") == "kube-system"
    kept = _pick(spec, "nodeName", "hostNetwork", "restartPolicy")
    for key in ("containers", "initContainers"):
        if spec.get(key):
            kept[key] = [_container(entry, flags=system) for entry in _entries(spec, key)]
    shown = _pick(status, "phase", "podIP", "podIPs", "hostIP", "hostIPs", "startTime")
    statuses = ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses")
    for key, build in (("conditions", _condition), *((name, _container_status) for name in statuses)):
        if status.get(key):
            shown[key] = [build(entry) for entry in _entries(status, key)]
    return {"spec": kept, "status": shown}


def _container(entry: Dict, *, flags: bool) -> dict[str, Any]:
    kept = _pick(entry, "name", "ports", "restartPolicy")
    if flags:
        for key in ("command", "args"):
            found = _range_flags(entry.get(key))
            if found:
                kept[key] = found
    return kept


def _range_flags(words: object) -> list[str]:
    """Return the range flags of a command line, written `--flag=value` whichever way they were given."""
    texts = " ".join(map(str, words)).split() if isinstance(words, list) else []
    joined = [word for word in texts if word.startswith(tuple(f"{flag}=" for flag in _RANGE_FLAGS))]
    apart = [f"{word}={value}" for word, value in pairwise(texts) if word in _RANGE_FLAGS]
    return joined + apart


def _condition(entry: Dict) -> dict[str, Any]:
    return _pick(entry, "type", "status", "lastTransitionTime")


def _container_status(entry: Dict) -> dict[str, Any]:
    state = _part(entry, "state")
    times = {
        name: _pick(_part(state, name), "startedAt", "finishedAt")
        for name in ("terminated", "running")
        if name in state
    }
    return {**_pick(entry, "name"), "state": times}


def _controller(item: Dict) -> dict[str, Any]:
    spec = _part(item, "spec")
    kept = _pick(spec, "selector", "schedule", "timeZone", "suspend", "serviceName")
    kept.update(_template(spec))
    job = _template(_part(_part(spec, "jobTemplate"), "spec"))
    if job:
        kept["jobTemplate"] = {"spec": job}
    return {"spec": kept}


def _template(spec: Dict) -> dict[str, Any]:
    labels = _part(_part(_part(spec, "template"), "metadata"), "labels")
    return {"template": {"metadata": {"labels": labels}}} if labels else {}


def _service(item: Dict) -> dict[str, Any]:
    return {"spec": _part(item, "spec"), "status": _pick(_part(item, "status"), "loadBalancer")}


def _slice(item: Dict) -> dict[str, Any]:
    endpoints = [
        _pick(entry, "addresses", "conditions", "targetRef", "nodeName") for entry in _entries(item, "endpoints")
    ]
    return {"addressType": item.get("addressType"), "endpoints": endpoints, "ports": _entries(item, "ports")}


def _node(item: Dict) -> dict[str, Any]:
    spec, status = _part(item, "spec"), _part(item, "status")
    return {"spec": _pick(spec, "podCIDR", "podCIDRs"), "status": _pick(status, "addresses")}


def _spec(item: Dict) -> dict[str, Any]:
    return {"spec": _part(item, "spec")}


_BODIES: Mapping[str, Callable[[Dict], dict[str, Any]]] = {
    "Pod": _pod,
    "Service": _service,
    "EndpointSlice": _slice,
    "Node": _node,
    "NetworkPolicy": _spec,
    "ServiceCIDR": _spec,
    **dict.fromkeys(
        ("ReplicaSet", "Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "ReplicationController"), _controller
    ),
}
