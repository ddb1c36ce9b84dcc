"""Turns an inventory into lookup frames: whose address was it when, what other addresses are, what Services lead to."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from collectors.inventory import EndpointSlice, Inventory, Pod, Service, ServicePort

_EARLIEST = pd.Timestamp.min.tz_localize("UTC")
_LATEST = pd.Timestamp.max.tz_localize("UTC")


@dataclass(frozen=True)
class Backend:
    """One way behind a Service port: an address and the port there."""

    address: str
    port: int
    pod: str


@dataclass(frozen=True)
class Endpoints:
    """Lookup tables over one inventory."""

    inventory: Inventory

    @cached_property
    def intervals(self) -> pd.DataFrame:
        """Return columns ip, start, end (UTC, open ends filled) and pod (position in inventory.pods), sorted.

        Host network pods are left out: their address is their node's.
        """
        rows = [
            (
                ip,
                pod.start if pod.start is not None else _EARLIEST,
                pod.end if pod.end is not None else _LATEST,
                position,
            )
            for position, pod in enumerate(self.inventory.pods)
            if not pod.host_network
            for ip in pod.ips
        ]
        frame = pd.DataFrame(rows, columns=["ip", "start", "end", "pod"])
        frame = frame.astype(
            {"ip": "str", "start": "datetime64[ns, UTC]", "end": "datetime64[ns, UTC]", "pod": "int64"}
        )
        return frame.sort_values(["ip", "start", "pod"], ignore_index=True)

    @cached_property
    def nodes(self) -> dict[str, str]:
        """Return node address -> node name."""
        return {address: node.name for node in self.inventory.nodes for address in node.addresses}

    @cached_property
    def api_server(self) -> frozenset[tuple[str, int]]:
        """Return the (address, port) pairs behind `default/kubernetes`."""
        return frozenset(
            (address, port.port)
            for piece in self._slices.get(("default", "kubernetes"), [])
            for address, _ in piece.endpoints
            for port in piece.ports
            if port.port is not None
        )

    @cached_property
    def declared_ports(self) -> frozenset[tuple[str, str, int]]:
        """Return (address, protocol, port) on which a pod or an EndpointSlice says that it listens."""
        of_pods = {
            (ip, port.protocol, port.number) for pod in self.inventory.pods for ip in pod.ips for port in pod.ports
        }
        of_slices = {
            (address, port.protocol, port.port)
            for piece in self.inventory.slices
            for address, _ in piece.endpoints
            for port in piece.ports
            if port.port is not None
        }
        return frozenset(of_pods | of_slices)

    @cached_property
    def services(self) -> dict[tuple[str, str, int], tuple[str, tuple[Backend, ...]]]:
        """Return (address, protocol, port) of every Service -> its "namespace/name:port" and what is behind it.

        NodePorts are there under every node's addresses.
        """
        found: dict[tuple[str, str, int], tuple[str, tuple[Backend, ...]]] = {}
        for service in self.inventory.services:
            for port in service.ports:
                label = f"{service.namespace}/{service.name}:{port.port}"
                backends = tuple(sorted(set(self._backends(service, port)), key=lambda b: (b.address, b.port)))
                for address in (*service.cluster_ips, *service.external_ips, *service.load_balancer_ips):
                    found[address, port.protocol, port.port] = (label, _same_family(address, backends))
                for address in self.nodes if port.node_port else ():
                    found[address, port.protocol, int(port.node_port or 0)] = (label, _same_family(address, backends))
        return found

    def _backends(self, service: Service, port: ServicePort) -> Iterator[Backend]:
        slices = self._slices.get((service.namespace, service.name), [])
        for piece in slices:
            for slice_port in piece.ports:
                if slice_port.name == port.name and slice_port.protocol == port.protocol:
                    number = slice_port.port if slice_port.port is not None else port.port
                    yield from (Backend(address, number, pod) for address, pod in piece.endpoints)
        if not slices and service.selector:
            yield from self._selected(service, port)

    @cached_property
    def _slices(self) -> dict[tuple[str, str], list[EndpointSlice]]:
        found: dict[tuple[str, str], list[EndpointSlice]] = {}
        for piece in self.inventory.slices:
            found.setdefault((piece.namespace, piece.service), []).append(piece)
        return found

    def _selected(self, service: Service, port: ServicePort) -> Iterator[Backend]:
        """Yield the backends that the Service's own selector gives, for an inventory without EndpointSlices."""
        for pod in self.inventory.pods:
            if pod.namespace == service.namespace and service.selector.items() <= pod.labels.items() and not pod.end:
                number = _target_port(port, pod)
                if number is not None:
                    yield from (Backend(ip, number, pod.name) for ip in pod.ips)


def _target_port(port: ServicePort, pod: Pod) -> int | None:
    if not isinstance(port.target_port, str):
        return port.target_port or port.port
    names = (p.number for p in pod.ports if p.name == port.target_port and p.protocol == port.protocol)
    return next(names, None)


def _same_family(address: str, backends: tuple[Backend, ...]) -> tuple[Backend, ...]:
    return tuple(backend for backend in backends if (":" in backend.address) == (":" in address))
