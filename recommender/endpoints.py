"""Turns an inventory into lookup tables: whose address was it when, which ports are declared, what listens on nodes."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from collectors.addresses import Ranges
from collectors.claimed import beginning_of, beginnings
from collectors.errors import UnreadableInput
from collectors.inventory import Inventory, WorkloadRef
from collectors.tenancy import Tenancy, gateways, span, tenancy
from recommender.spans import Array, Spans

Window = tuple[int, int]
"""A half-open interval of time, in nanoseconds since 1970."""

API_SERVER = ("default", "kubernetes")


@dataclass(frozen=True, eq=False)
class Endpoints:
    """Lookup tables over one inventory; each is made when it is first asked for."""

    inventory: Inventory

    @cached_property
    def tenancy(self) -> Tenancy:
        """Return who owned which address when."""
        return tenancy(self.inventory)

    @cached_property
    def spans(self) -> Spans:
        """Return the segments of `tenancy` as an index by the code of `ip`."""
        frame = self.tenancy
        starts, ends = (frame[bound].astype("int64").to_numpy() for bound in ("start", "end"))
        return Spans(frame["ip"].cat.codes.to_numpy().astype(np.int64), starts, ends)

    @cached_property
    def workloads(self) -> tuple[WorkloadRef, ...]:
        """Return the workloads of all pods, sorted."""
        return tuple(sorted({pod.workload for pod in self.inventory.pods}))

    @cached_property
    def workload_of(self) -> Array:
        """Return the position in `workloads` of each pod's, and -1 behind the last."""
        code = {ref: at for at, ref in enumerate(self.workloads)}
        return np.array([*(code[pod.workload] for pod in self.inventory.pods), -1], dtype=np.int64)

    @cached_property
    def node_addresses(self) -> frozenset[str]:
        """Return every address that was a node's at some time: NodePorts are there, gateways of pod ranges too."""
        frame = self.tenancy
        owned = frame.loc[frame["host_network"].to_numpy(), "ip"].astype("object")
        return frozenset(str(ip) for ip in owned.unique())

    @cached_property
    def reused_addresses(self) -> frozenset[str]:
        """Return the addresses that more than one pod claimed, at whatever time."""
        frame = self.tenancy
        shared = frame.loc[frame["ip_reused"].to_numpy() & (frame["kind"] == "pod").to_numpy(), "ip"].astype("object")
        return frozenset(str(ip) for ip in shared.unique())

    @cached_property
    def gateways(self) -> frozenset[str]:
        """Return the nodes' addresses in their pod ranges that no Node object tells as its address."""
        told = {ip for node in self.inventory.nodes for ip in node.addresses}
        return frozenset(ip for node in self.inventory.nodes for ip in gateways(node)) - told

    @cached_property
    def pod_ranges(self) -> Ranges:
        """Return the ranges that pod addresses are from, the cluster's and the nodes'."""
        of_nodes = [cidr for node in self.inventory.nodes for cidr in node.pod_cidrs]
        return _ranges([*self.inventory.pod_cidrs, *of_nodes], "pod")

    @cached_property
    def service_ranges(self) -> Ranges:
        """Return the ranges that Service addresses are from."""
        return _ranges(self.inventory.service_cidrs, "Service")

    @cached_property
    def service_addresses(self) -> frozenset[str]:
        """Return every address that led to a Service at some time."""
        return frozenset(
            ip
            for service in self.inventory.services
            for ip in (*service.cluster_ips, *service.external_ips, *service.load_balancer_ips)
        )

    @cached_property
    def api_server(self) -> Mapping[str, tuple[tuple[str, int | None, Window], ...]]:
        """Return address -> (protocol, port or None for any, when) behind `default/kubernetes`."""
        found: dict[str, list[tuple[str, int | None, Window]]] = {}
        for piece in self.inventory.slices:
            if (piece.namespace, piece.service) == API_SERVER:
                for address, _ in piece.endpoints:
                    ports = ((port.protocol, port.port, span(piece.start, piece.end)) for port in piece.ports)
                    found.setdefault(address, []).extend(ports)
        return {address: tuple(ports) for address, ports in found.items()}

    @cached_property
    def listeners(self) -> Mapping[tuple[str, str, int], tuple[tuple[int, Window], ...]]:
        """Return (node address, protocol, port) -> the host network pods that declare it, by position, and when."""
        found: dict[tuple[str, str, int], list[tuple[int, Window]]] = {}
        for at, pod in enumerate(self.inventory.pods):
            for tenure in pod.held if pod.host_network else ():
                for port in pod.ports:
                    key = (tenure.ip, port.protocol, port.number)
                    found.setdefault(key, []).append((at, span(tenure.start, tenure.end)))
        return {key: tuple(pods) for key, pods in found.items()}

    @cached_property
    def declared_ports(self) -> frozenset[tuple[str, str, int]]:
        """Return (address, protocol, port) on which a pod or an EndpointSlice says that it listens."""
        of_pods = {
            (tenure.ip, port.protocol, port.number)
            for pod in self.inventory.pods
            if pod.ports
            for tenure in pod.held
            for port in pod.ports
        }
        of_slices = {
            (address, port.protocol, port.port)
            for piece in self.inventory.slices
            for address, _ in piece.endpoints
            for port in piece.ports
            if port.port is not None
        }
        return frozenset(of_pods | of_slices)

    def named(self, namespace: str, name: str) -> tuple[int, ...]:
        """Return the positions of the pods of that name; one that ends in `*` is how a controller begins several."""
        return self._named.get((namespace, beginning_of(name)), ())

    @cached_property
    def _named(self) -> Mapping[tuple[str, str], tuple[int, ...]]:
        found: dict[tuple[str, str], list[int]] = {}
        for at, pod in enumerate(self.inventory.pods):
            for name in {pod.name, *beginnings(pod.name)}:
                found.setdefault((pod.namespace, name), []).append(at)
        return {name: tuple(positions) for name, positions in found.items()}


def _ranges(cidrs: "tuple[str, ...] | list[str]", what: str) -> Ranges:
    try:
        return Ranges(cidrs)
    except ValueError as fault:
        raise UnreadableInput(
            f"inventory: {str(fault)[:160]!r} among the {what} ranges; give each as address/length"
        ) from fault
