"""Turns Kubernetes API dicts, as `kubectl get -o json` prints them, into an Inventory. Pure: no I/O."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import pandas as pd

from collectors.addresses import canonical_ip
from collectors.errors import UnreadableInput
from collectors.inventory import (
    ContainerPort,
    EndpointSlice,
    Inventory,
    Namespace,
    Node,
    Pod,
    Service,
    ServicePort,
    SlicePort,
    Workload,
)
from collectors.owners import CONTROLLERS, Owners, workload_in, workload_of

Dict = Mapping[str, Any]
_Built = TypeVar("_Built")
_Named = TypeVar("_Named", Service, EndpointSlice)

# API times are cut to whole seconds: what ended "at" a second may have lived until the next one began.
_CLOCK_GRAIN = pd.Timedelta(seconds=1)


def flatten(document: Dict) -> Iterable[Dict]:
    """Yield the objects of a List, PodList, ... or the object itself; items of a typed list get their kind from it."""
    kind = str(document.get("kind", ""))
    if not (kind.endswith("List") and isinstance(document.get("items"), list)):
        yield document
        return
    for item in document["items"]:
        if isinstance(item, Mapping):
            yield item if item.get("kind") else {**item, "kind": kind.removesuffix("List")}


def build_inventory(objects: Iterable[Dict], deleted: Mapping[str, pd.Timestamp] | None = None) -> Inventory:
    """Return the inventory of these API objects.

    An object that comes twice (same uid) counts once, in its newest version. `deleted` tells uids that are known
    to be gone since a time. Objects of kinds that are not used are counted in `Inventory.skipped`.
    """
    latest: dict[tuple[str, str], Dict] = {}
    for item in objects:
        key = (str(item.get("kind", "")), _uid(item))
        if key not in latest or _version(item) >= _version(latest[key]):
            latest[key] = item
    by_kind: dict[str, list[Dict]] = {}
    for (kind, _), item in latest.items():
        by_kind.setdefault(kind, []).append(item)
    owners = Owners(latest.values())
    pods = _each(lambda item: _pod(item, owners, deleted or {}), by_kind.get("Pod", []))
    own = _each(workload_in, [item for items in by_kind.values() for item in items])
    workloads = {workload.ref: workload for workload in own if workload is not None}
    for pod in pods:
        workloads.setdefault(pod.workload, Workload(pod.workload, None, {}))
    known = {"Pod", "Node", "Service", "EndpointSlice", "Namespace", "NetworkPolicy", *CONTROLLERS}
    return Inventory(
        pods=tuple(sorted(pods, key=lambda pod: (pod.namespace, pod.name, pod.uid))),
        workloads=dict(sorted(workloads.items())),
        services=_sorted(_each(_service, by_kind.get("Service", []))),
        slices=_sorted(_each(_slice, by_kind.get("EndpointSlice", []))),
        nodes=tuple(sorted(_each(_node, by_kind.get("Node", [])), key=lambda node: node.name)),
        namespaces={item.name: item for item in _each(_namespace, sorted(by_kind.get("Namespace", []), key=_name_key))},
        policies=tuple(sorted(by_kind.get("NetworkPolicy", []), key=_name_key)),
        skipped=dict(sorted(Counter(kind for kind, _ in latest if kind not in known).items())),
    )


def _each(build: Callable[[Dict], _Built], items: Iterable[Dict]) -> list[_Built]:
    """Return what `build` makes of each object; UnreadableInput names an object whose fields the API could not give."""
    built = []
    for item in items:
        try:
            built.append(build(item))
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as fault:
            name = "/".join(part for part in (str(item.get("kind")), *_name_key(item)) if part)
            raise UnreadableInput(
                f"inventory: {name[:300]!r} has a field that is not as the API gives it ({str(fault)[:120]}); "
                "take the inventory again with `kubectl get -o json`"
            ) from fault
    return built


def _meta(item: Dict) -> Dict:
    meta = item.get("metadata")
    return meta if isinstance(meta, Mapping) else {}


def _uid(item: Dict) -> str:
    meta = _meta(item)
    return str(meta.get("uid") or f"{meta.get('namespace', '')}/{meta.get('name', '')}")


def _version(item: Dict) -> int:
    text = str(_meta(item).get("resourceVersion", ""))
    return int(text) if text.isdigit() else 0


def _name_key(item: Dict) -> tuple[str, str]:
    return str(_meta(item).get("namespace", "")), str(_meta(item).get("name", ""))


def _sorted(items: Iterable[_Named]) -> tuple[_Named, ...]:
    return tuple(sorted(items, key=lambda item: (item.namespace, item.name)))


def _time(text: object) -> pd.Timestamp | None:
    return pd.Timestamp(str(text)).tz_convert("UTC") if text else None


def _ips(texts: Iterable[object]) -> tuple[str, ...]:
    """Return canonical addresses in order, each once, without what is none (a headless Service says `None`)."""
    found: dict[str, None] = {}
    for text in texts:
        try:
            found[canonical_ip(str(text))] = None
        except ValueError:
            continue
    return tuple(found)


def _labels(value: object) -> dict[str, str]:
    return {str(k): str(v) for k, v in sorted(value.items())} if isinstance(value, Mapping) else {}


def _pod(item: Dict, owners: Owners, deleted: Mapping[str, pd.Timestamp]) -> Pod:
    meta, spec, status = _meta(item), item.get("spec") or {}, item.get("status") or {}
    start = _time(status.get("startTime")) or _time(meta.get("creationTimestamp"))
    declared = [*spec.get("containers", []), *spec.get("initContainers", [])]
    return Pod(
        uid=_uid(item),
        namespace=str(meta.get("namespace", "default")),
        name=str(meta.get("name", "")),
        workload=workload_of(item, owners),
        labels=_labels(meta.get("labels")),
        node=str(spec.get("nodeName", "")),
        host_network=bool(spec.get("hostNetwork", False)),
        ips=_ips([status.get("podIP"), *(entry.get("ip") for entry in status.get("podIPs") or [])]),
        ports=tuple(
            ContainerPort(int(port["containerPort"]), str(port.get("protocol", "TCP")), str(port.get("name", "")))
            for container in declared
            for port in container.get("ports") or []
        ),
        phase=str(status.get("phase", "")),
        start=start,
        end=_end(meta, status, start, deleted.get(_uid(item))),
    )


def _end(meta: Dict, status: Dict, start: pd.Timestamp | None, deleted: pd.Timestamp | None) -> pd.Timestamp | None:
    """Return when the pod's addresses stopped being its own; None while they are.

    A finished pod keeps `status.podIP`, but the address is free from its last container's end. One that failed
    without ever running (evicted) has no such time: its newest condition, else its start, is the latest safe bound.
    """
    times: list[pd.Timestamp | None] = [deleted]
    if meta.get("deletionTimestamp"):
        times.append(_time(meta["deletionTimestamp"]))
    if status.get("phase") in {"Succeeded", "Failed"}:
        states = [entry.get("state", {}).get("terminated") or {} for entry in status.get("containerStatuses") or []]
        finished = [_time(state.get("finishedAt")) for state in states]
        conditions = [_time(entry.get("lastTransitionTime")) for entry in status.get("conditions") or []]
        known = [t for t in finished if t is not None] or [t for t in conditions if t is not None]
        times.append(max(known) if known else start)
    bounds = [time for time in times if time is not None]
    return min(bounds) + _CLOCK_GRAIN if bounds else None


def _service(item: Dict) -> Service:
    meta, spec, status = _meta(item), item.get("spec") or {}, item.get("status") or {}
    ingress = (status.get("loadBalancer") or {}).get("ingress") or []
    return Service(
        namespace=str(meta.get("namespace", "default")),
        name=str(meta.get("name", "")),
        type=str(spec.get("type", "ClusterIP")),
        selector=_labels(spec.get("selector")),
        cluster_ips=_ips([spec.get("clusterIP"), *(spec.get("clusterIPs") or [])]),
        external_ips=_ips(spec.get("externalIPs") or []),
        load_balancer_ips=_ips([spec.get("loadBalancerIP"), *(entry.get("ip") for entry in ingress)]),
        ports=tuple(
            ServicePort(
                int(port["port"]),
                str(port.get("protocol", "TCP")),
                str(port.get("name", "")),
                port.get("targetPort"),
                int(port["nodePort"]) if port.get("nodePort") else None,
            )
            for port in spec.get("ports") or []
        ),
    )


def _slice(item: Dict) -> EndpointSlice:
    meta = _meta(item)
    ports = [port for port in item.get("ports") or [] if isinstance(port, Mapping)]
    endpoints = []
    for entry in item.get("endpoints") or []:
        target = entry.get("targetRef") or {}
        pod = str(target.get("name", "")) if target.get("kind", "Pod") == "Pod" else ""
        endpoints += [(address, pod) for address in _ips(entry.get("addresses") or [])]
    return EndpointSlice(
        namespace=str(meta.get("namespace", "default")),
        name=str(meta.get("name", "")),
        service=_labels(meta.get("labels")).get("kubernetes.io/service-name", ""),
        ports=tuple(
            SlicePort(
                int(port["port"]) if port.get("port") is not None else None,
                str(port.get("protocol") or "TCP"),
                str(port.get("name") or ""),
            )
            for port in ports
        ),
        endpoints=tuple(endpoints),
    )


def _node(item: Dict) -> Node:
    spec, status = item.get("spec") or {}, item.get("status") or {}
    cidrs = [spec.get("podCIDR"), *(spec.get("podCIDRs") or [])]
    return Node(
        name=str(_meta(item).get("name", "")),
        addresses=_ips(entry.get("address") for entry in status.get("addresses") or []),
        pod_cidrs=tuple(dict.fromkeys(str(cidr) for cidr in cidrs if cidr)),
    )


def _namespace(item: Dict) -> Namespace:
    return Namespace(str(_meta(item).get("name", "")), _labels(_meta(item).get("labels")))
