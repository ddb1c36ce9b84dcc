"""Turns API objects that give addresses a meaning (Services, slices, nodes, namespaces) into plain data. Pure."""

from collections.abc import Callable
from dataclasses import replace
from itertools import zip_longest
from typing import TypeVar

from collectors.fields import Dict, addresses_of, created_at, labels_of, metadata
from collectors.histories import History, Time
from collectors.inventory import EndpointSlice, Namespace, Node, Service, ServicePort, SlicePort

_Versioned = TypeVar("_Versioned", Service, EndpointSlice)


def versions_of(history: History, build: Callable[[Dict], _Versioned]) -> list[_Versioned]:
    """Return a version for each change that matters, each ending where the next begins.

    A version without a known time is taken to begin when the former one was last seen. Of several in a row the newest
    counts: nobody can say when the others were.
    """
    following = zip_longest(history.versions, history.versions[1:])
    placed = [one for one, then in following if one.latest is not None or then is None or then.latest is not None]
    found: list[_Versioned] = []
    content: _Versioned | None = None
    for version in placed:
        built = build(version.item)
        if built == content:
            continue
        start: Time | None = created_at(version.item)
        if content is not None:
            start = version.latest if version.latest is not None else version.earliest
            found[-1] = replace(found[-1], end=start)
        content = built
        found.append(replace(built, start=start))
    found[-1] = replace(found[-1], end=history.deleted)
    return [version for version in found if version.start is None or version.end is None or version.start < version.end]


def service_of(item: Dict) -> Service:
    """Return a Service; one of type ExternalName has no address, whatever its fields say."""
    meta, spec, status = metadata(item), item.get("spec") or {}, item.get("status") or {}
    ingress = (status.get("loadBalancer") or {}).get("ingress") or []
    kind = str(spec.get("type", "ClusterIP"))
    addressed = kind != "ExternalName"
    return Service(
        namespace=str(meta.get("namespace", "default")),
        name=str(meta.get("name", "")),
        type=kind,
        selector=labels_of(spec.get("selector")),
        cluster_ips=addresses_of([spec.get("clusterIP"), *(spec.get("clusterIPs") or [])]) if addressed else (),
        external_ips=addresses_of(spec.get("externalIPs") or []) if addressed else (),
        load_balancer_ips=addresses_of([spec.get("loadBalancerIP"), *(entry.get("ip") for entry in ingress)])
        if addressed
        else (),
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


def slice_of(item: Dict) -> EndpointSlice:
    """Return an EndpointSlice with every endpoint, ready or not: a terminating pod still gets traffic."""
    meta = metadata(item)
    endpoints = []
    for entry in item.get("endpoints") or []:
        target = entry.get("targetRef") or {}
        pod = str(target.get("name", "")) if target.get("kind", "Pod") == "Pod" else ""
        endpoints += [(address, pod) for address in addresses_of(entry.get("addresses") or [])]
    return EndpointSlice(
        namespace=str(meta.get("namespace", "default")),
        name=str(meta.get("name", "")),
        service=labels_of(meta.get("labels")).get("kubernetes.io/service-name", ""),
        ports=tuple(
            SlicePort(
                int(port["port"]) if port.get("port") is not None else None,
                str(port.get("protocol") or "TCP"),
                str(port.get("name") or ""),
            )
            for port in item.get("ports") or []
        ),
        endpoints=tuple(sorted(endpoints)),
    )


def node_of(history: History) -> Node:
    """Return a node with all its addresses that are IPs, of whatever type."""
    item = history.newest
    spec, status = item.get("spec") or {}, item.get("status") or {}
    cidrs = [spec.get("podCIDR"), *(spec.get("podCIDRs") or [])]
    return Node(
        name=str(metadata(item).get("name", "")),
        addresses=addresses_of(entry.get("address") for entry in status.get("addresses") or []),
        pod_cidrs=tuple(dict.fromkeys(str(cidr) for cidr in cidrs if cidr)),
        start=created_at(item),
        end=history.deleted,
    )


def namespace_of(history: History) -> Namespace:
    """Return a namespace with its newest labels."""
    meta = metadata(history.newest)
    return Namespace(str(meta.get("name", "")), labels_of(meta.get("labels")), history.deleted)
