"""Turns nothing by itself: what the cluster was, and who owned which address when (Inventory).

`collectors.objects` builds it from API dicts; everything here is plain, frozen data.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd


@dataclass(frozen=True, order=True)
class WorkloadRef:
    """The root controller of a pod: Deployment, StatefulSet, DaemonSet, CronJob, any other kind, or the bare Pod."""

    namespace: str
    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.kind}/{self.name}"


@dataclass(frozen=True)
class ContainerPort:
    """A port that a container declares."""

    number: int
    protocol: str = "TCP"
    name: str = ""


@dataclass(frozen=True)
class Tenure:
    """An address and the time in which it was one pod's own; None = not known, open."""

    ip: str
    start: pd.Timestamp | None = None
    end: pd.Timestamp | None = None


@dataclass(frozen=True)
class Pod:
    """One pod (one uid) and the interval in which its addresses were its own.

    `start` is when the kubelet took it (else its creation), `end` when its last container finished or it was
    deleted; None = not known, open. `ips` are canonical, those it has now or had last; a host network pod's are its
    node's. `tenures` tell more where a timeline saw more: an address that came later, or was another one before;
    empty = it never owned any (it failed before it ran), None = nobody looked.
    """

    uid: str
    namespace: str
    name: str
    workload: WorkloadRef
    labels: Mapping[str, str] = field(default_factory=dict)
    node: str = ""
    host_network: bool = False
    ips: tuple[str, ...] = ()
    ports: tuple[ContainerPort, ...] = ()
    phase: str = ""
    start: pd.Timestamp | None = None
    end: pd.Timestamp | None = None
    tenures: tuple[Tenure, ...] | None = None

    @property
    def held(self) -> tuple[Tenure, ...]:
        """Every address that the pod had, with its time."""
        if self.tenures is not None:
            return self.tenures
        return tuple(Tenure(ip, self.start, self.end) for ip in self.ips)


@dataclass(frozen=True)
class Workload:
    """A root controller: its `spec.selector` as the API gives it (None: it has none), its template's labels.

    `schedule` is a CronJob's, as it stands there; empty where there is none or it is not known.
    """

    ref: WorkloadRef
    selector: Mapping[str, Any] | None = None
    template_labels: Mapping[str, str] = field(default_factory=dict)
    schedule: str = ""


@dataclass(frozen=True)
class ServicePort:
    """One port of a Service; `target_port` is a number, a container port's name, or None (same as port)."""

    port: int
    protocol: str = "TCP"
    name: str = ""
    target_port: int | str | None = None
    node_port: int | None = None


@dataclass(frozen=True)
class Service:
    """A Service with every address that leads to it, as it was from `start` to `end` (None = not known, open).

    One that was changed, or deleted and made again, is there once for each version, in order of time.
    """

    namespace: str
    name: str
    type: str = "ClusterIP"
    selector: Mapping[str, str] = field(default_factory=dict)
    cluster_ips: tuple[str, ...] = ()
    external_ips: tuple[str, ...] = ()
    load_balancer_ips: tuple[str, ...] = ()
    ports: tuple[ServicePort, ...] = ()
    start: pd.Timestamp | None = None
    end: pd.Timestamp | None = None


@dataclass(frozen=True)
class SlicePort:
    """One port of an EndpointSlice: already the number behind the Service (None = any)."""

    port: int | None
    protocol: str = "TCP"
    name: str = ""


@dataclass(frozen=True)
class EndpointSlice:
    """The addresses behind a Service: `endpoints` are (address, pod name or "") pairs. Versions as of a Service."""

    namespace: str
    name: str
    service: str
    ports: tuple[SlicePort, ...] = ()
    endpoints: tuple[tuple[str, str], ...] = ()
    start: pd.Timestamp | None = None
    end: pd.Timestamp | None = None


@dataclass(frozen=True)
class Node:
    """A node with its addresses (canonical) and the pod CIDRs it was given; `end` is when it was deleted."""

    name: str
    addresses: tuple[str, ...] = ()
    pod_cidrs: tuple[str, ...] = ()
    start: pd.Timestamp | None = None
    end: pd.Timestamp | None = None


@dataclass(frozen=True)
class Namespace:
    """A namespace and its labels; `end` is when it was deleted."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    end: pd.Timestamp | None = None


@dataclass(frozen=True)
class Inventory:
    """The cluster as known over the observation; every tuple is sorted by namespace and name, versions by time."""

    pods: tuple[Pod, ...] = ()
    workloads: Mapping[WorkloadRef, Workload] = field(default_factory=dict)
    services: tuple[Service, ...] = ()
    slices: tuple[EndpointSlice, ...] = ()
    nodes: tuple[Node, ...] = ()
    namespaces: Mapping[str, Namespace] = field(default_factory=dict)
    policies: tuple[Mapping[str, Any], ...] = ()
    """NetworkPolicies in force, as raw API dicts."""
    skipped: Mapping[str, int] = field(default_factory=dict)
    """Objects of kinds that are not used, counted by kind."""
    pod_cidrs: tuple[str, ...] = ()
    """Ranges that pod addresses are from, as given or as the cluster tells; sorted, canonical."""
    service_cidrs: tuple[str, ...] = ()
    """Ranges that Service addresses are from, likewise."""
    missing: Mapping[str, str] = field(default_factory=dict)
    """Kinds that could not be listed -> why, as the snapshot or the watcher was told."""
    gaps: int = 0
    """How often a watcher lost its place; what came and went meanwhile is not known."""
    claimed: bool = False
    """Nobody asked a cluster: it is what records say of pods (collectors.claimed)."""

    @property
    def current_services(self) -> tuple[Service, ...]:
        """The Services that are there at the end, each once."""
        return tuple(service for service in self.services if service.end is None)

    @property
    def current_slices(self) -> tuple[EndpointSlice, ...]:
        """The EndpointSlices that are there at the end, each once."""
        return tuple(piece for piece in self.slices if piece.end is None)
