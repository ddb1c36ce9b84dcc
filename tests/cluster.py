"""Turns a few words into API objects, inventories and flows for tests; shares no code with what it tests."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from collectors.flows import Flows, conform_flows
from collectors.inventory import Inventory
from collectors.objects import build_inventory

START = "2026-11-01T10:00:00Z"


def meta(name: str, namespace: str = "", uid: str = "", **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"name": name, "uid": uid or f"uid-{namespace}-{name}", **more}
    if namespace:
        found["namespace"] = namespace
    return found


def owner(kind: str, name: str, uid: str) -> list[dict[str, Any]]:
    return [{"kind": kind, "name": name, "uid": uid, "controller": True, "apiVersion": "apps/v1"}]


def namespace(name: str) -> dict[str, Any]:
    return {"kind": "Namespace", "metadata": meta(name, labels={"kubernetes.io/metadata.name": name})}


def pod(
    name: str, ip: str, labels: dict[str, str] | None = None, *, ns: str = "shop", start: str = START,
    ports: list[dict[str, Any]] | None = None, owners: list[dict[str, Any]] | None = None, phase: str = "Running",
    finished: str = "", node: str = "node-1", host_network: bool = False,
) -> dict[str, Any]:  # fmt: skip
    status: dict[str, Any] = {"phase": phase, "startTime": start, "podIP": ip, "podIPs": [{"ip": ip}]}
    if finished:
        status["containerStatuses"] = [{"name": "main", "state": {"terminated": {"finishedAt": finished}}}]
    return {
        "kind": "Pod",
        "metadata": meta(name, ns, labels=labels or {}, ownerReferences=owners or [], creationTimestamp=start),
        "spec": {
            "nodeName": node, "hostNetwork": host_network, "containers": [{"name": "main", "ports": ports or []}],
        },
        "status": status,
    }  # fmt: skip


def deployment(
    name: str, ips: list[str], *, ns: str = "shop", labels: dict[str, str] | None = None,
    selector: dict[str, str] | None = None, ports: list[dict[str, Any]] | None = None, start: str = START,
) -> list[dict[str, Any]]:  # fmt: skip
    """A Deployment, its ReplicaSet, and a pod for each address."""
    labels = labels or {"app": name}
    uid, digest = f"uid-{ns}-{name}-deploy", "5d9c7b"
    replica_set = f"{name}-{digest}"
    pods = [
        pod(
            f"{replica_set}-{at}", ip, {**labels, "pod-template-hash": digest}, ns=ns, ports=ports, start=start,
            owners=owner("ReplicaSet", replica_set, f"{uid}-rs"),
        )
        for at, ip in enumerate(ips)
    ]  # fmt: skip
    return [
        {
            "kind": "Deployment",
            "metadata": meta(name, ns, uid),
            "spec": {"selector": {"matchLabels": selector or labels}, "template": {"metadata": {"labels": labels}}},
        },
        {
            "kind": "ReplicaSet",
            "metadata": meta(replica_set, ns, f"{uid}-rs", ownerReferences=owner("Deployment", name, uid)),
            "spec": {"selector": {"matchLabels": selector or labels}, "template": {"metadata": {"labels": labels}}},
        },
        *pods,
    ]


def service(name: str, ip: str, port: int, *, ns: str = "shop", **more: Any) -> dict[str, Any]:
    entry = {"port": port, "protocol": more.pop("protocol", "TCP"), **more.pop("entry", {})}
    return {"kind": "Service", "metadata": meta(name, ns), "spec": {"clusterIP": ip, "ports": [entry], **more}}


def slices(
    name: str, port: int, backends: list[tuple[str, str]], *, ns: str = "shop", protocol: str = "TCP"
) -> dict[str, Any]:
    return {
        "kind": "EndpointSlice",
        "metadata": meta(f"{name}-abcde", ns, labels={"kubernetes.io/service-name": name}),
        "ports": [{"port": port, "protocol": protocol}],
        "endpoints": [
            {"addresses": [ip], **({"targetRef": {"kind": "Pod", "name": target}} if target else {})}
            for ip, target in backends
        ],
    }


def node(name: str, *addresses: str) -> dict[str, Any]:
    entries = [{"type": "InternalIP", "address": address} for address in addresses]
    return {"kind": "Node", "metadata": meta(name), "spec": {}, "status": {"addresses": entries}}


def inventory(*parts: Any) -> Inventory:
    """Inventory of objects and lists of objects."""
    objects = [item for part in parts for item in (part if isinstance(part, list) else [part])]
    return build_inventory(objects)


def flow(src: str, dst: str, port: int, protocol: str = "TCP", **more: Any) -> dict[str, Any]:
    at = pd.Timestamp(more.pop("at", "2026-11-01T11:00:00Z"))
    row = {
        "first_seen": at, "last_seen": at + pd.Timedelta(seconds=more.pop("lasting", 1)), "src": src, "dst": dst,
        "dst_port": port, "protocol": protocol, "orientation": "handshake", "outcome": "established",
        "connections": 1, "packets": 5, "bytes": 500, "reply_packets": 4, "reply_bytes": 400, "sampled": 1.0,
        "source": "test.pcap",
    }  # fmt: skip
    return {**row, **more}


def flows(*rows: dict[str, Any]) -> Flows:
    return conform_flows(pd.DataFrame(list(rows)))


def event(what: str, time: str, item: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A line of a timeline."""
    return {"time": time, "type": what, "object": item, **more}


def write_timeline(file: Path, events: list[dict[str, Any]]) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(line) + "\n" for line in events))
    return file


def write_snapshot(folder: Path, time: str, missing: dict[str, str] | None = None, **lists: Any) -> Path:
    """A folder as `podfence inventory snapshot` writes it: `pods=[...]` becomes pods.json."""
    folder.mkdir(parents=True, exist_ok=True)
    head = {"kind": "podfence/snapshot", "version": 1, "time": time, "missing": missing or {}}
    (folder / "snapshot.json").write_text(json.dumps(head))
    for resource, items in lists.items():
        document = {"kind": "List", "apiVersion": "v1", "metadata": {"resourceVersion": ""}, "items": items}
        (folder / f"{resource}.json").write_text(json.dumps(document))
    return folder
