"""Turns owner references into workloads: each pod's root controller, and what that controller selects. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

from collectors.inventory import Workload, WorkloadRef

Dict = Mapping[str, Any]

CONTROLLERS = frozenset(
    {"ReplicaSet", "Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "ReplicationController"}
)


class Owners:
    """The objects of an inventory by uid, so that a pod's root controller can be found.

    A reference is followed where the object has the kind and name that it says, in the same namespace or in none: the
    API server checks none of that, and whoever may write a pod may write its references.
    """

    def __init__(self, objects: Iterable[Dict]) -> None:
        self._by_uid = {str(item["metadata"]["uid"]): item for item in objects if _has_uid(item)}
        self._roots: dict[str, Dict] = {}

    def root(self, item: Dict) -> Dict | None:
        """Return the last owner's reference or object up the chain; None where nobody controls the object.

        An owner that is not in the inventory ends the chain with what the reference says of it (kind and name). Of
        owners that own each other in a circle, the first by kind and name is the root of all.
        """
        chain: list[Dict] = []
        passed: dict[str, int] = {}
        current = item
        while True:
            reference = controller_of(current)
            if reference is None:
                root = current if chain else None
                break
            owner = self._owner(reference, current)
            if owner is None:
                root = _as_object(reference, current)
                break
            uid = str(owner["metadata"]["uid"])
            if uid in self._roots:
                root = self._roots[uid]
                break
            if uid in passed:
                root = min(chain[passed[uid] :], key=_identity)
                break
            passed[uid] = len(chain)
            chain.append(owner)
            current = owner
        if root is not None:
            self._roots.update(dict.fromkeys(passed, root))
        return root

    def _owner(self, reference: Dict, child: Dict) -> Dict | None:
        """Return the object that a reference means; None where there is none, or another one than it says."""
        owner = self._by_uid.get(str(reference.get("uid", "")))
        if owner is None or (owner.get("kind"), owner["metadata"].get("name")) != (
            reference.get("kind"),
            reference.get("name"),
        ):
            return None
        namespace = owner["metadata"].get("namespace")
        return owner if namespace in {None, "", (child.get("metadata") or {}).get("namespace")} else None


def controller_of(item: Dict) -> Dict | None:
    """Return the reference to an object's controller; the first by kind and name where there are several."""
    references = (item.get("metadata") or {}).get("ownerReferences") or []
    controllers = [entry for entry in references if entry.get("controller")]
    return min(controllers, key=_named, default=None)


def workload_in(item: Dict) -> Workload | None:
    """Return the workload that an object is: a controller without a controller, or an ownerless pod; else None."""
    if item.get("kind") not in CONTROLLERS | {"Pod"} or not _is_root(item):
        return None
    return Workload(_ref(item), _selector(item), _template_labels(item), _schedule(item))


def workload_of(pod: Dict, owners: Owners) -> WorkloadRef:
    """Return the root controller of a pod; the pod itself where it has none or a Node (mirror pods) has it."""
    root = owners.root(pod)
    if root is None or root.get("kind") == "Node":
        return _ref(pod)
    namespace = str(pod.get("metadata", {}).get("namespace", "default"))
    return WorkloadRef(namespace, str(root.get("kind", "")), str(root.get("metadata", {}).get("name", "")))


def _has_uid(item: Dict) -> bool:
    return isinstance(item.get("metadata"), Mapping) and bool(item["metadata"].get("uid"))


def _named(reference: Dict) -> tuple[str, str, str]:
    return str(reference.get("kind", "")), str(reference.get("name", "")), str(reference.get("uid", ""))


def _identity(item: Dict) -> tuple[str, str, str]:
    return str(item.get("kind", "")), str(item["metadata"].get("name", "")), str(item["metadata"]["uid"])


def _is_root(item: Dict) -> bool:
    owner = controller_of(item)
    return owner is None or owner.get("kind") == "Node"


def _ref(item: Dict) -> WorkloadRef:
    meta = item.get("metadata") or {}
    return WorkloadRef(str(meta.get("namespace", "default")), str(item.get("kind", "")), str(meta.get("name", "")))


def _as_object(reference: Dict, child: Dict) -> Dict:
    """Return an owner that is only known by reference, in the shape of an object.

    A ReplicaSet named after its pods' `pod-template-hash` was made by a Deployment of the name before the hash:
    only the Deployment controller sets that label. So an inventory of pods alone still knows its Deployments.
    """
    kind, name = str(reference.get("kind", "")), str(reference.get("name", ""))
    suffix = (child.get("metadata", {}).get("labels") or {}).get("pod-template-hash")
    if kind == "ReplicaSet" and suffix and name.endswith(f"-{suffix}"):
        kind, name = "Deployment", name.removesuffix(f"-{suffix}")
    return {"kind": kind, "metadata": {"name": name}}


def _selector(item: Dict) -> Mapping[str, Any] | None:
    """Return the controller's own pod selector as a LabelSelector; None for those whose selector is a generated uid."""
    kind, selector = item.get("kind"), (item.get("spec") or {}).get("selector")
    if kind in {"Job", "CronJob", "Pod"} or not isinstance(selector, Mapping) or not selector:
        return None
    if kind == "ReplicationController":
        return {"matchLabels": dict(selector)}
    found: dict[str, Any] = {}
    if selector.get("matchLabels"):
        found["matchLabels"] = dict(selector["matchLabels"].items())
    if selector.get("matchExpressions"):
        found["matchExpressions"] = [
            {"key": one["key"], "operator": one["operator"], "values": list(one.get("values") or [])}
            for one in selector["matchExpressions"]
        ]
    return found or None


def _schedule(item: Dict) -> str:
    schedule = (item.get("spec") or {}).get("schedule") if item.get("kind") == "CronJob" else None
    return schedule if isinstance(schedule, str) else ""


def _template_labels(item: Dict) -> Mapping[str, str]:
    spec = item.get("spec") or {}
    if item.get("kind") == "Pod":
        labels = (item.get("metadata") or {}).get("labels")
    else:
        if item.get("kind") == "CronJob":
            spec = (spec.get("jobTemplate") or {}).get("spec") or {}
        labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels")
    return {str(k): str(v) for k, v in sorted((labels or {}).items())}
