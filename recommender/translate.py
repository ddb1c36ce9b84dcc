"""Turns addresses and ports of Services into what stood behind them at a time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from collectors.inventory import EndpointSlice, Pod, Service, ServicePort, WorkloadRef
from collectors.tenancy import span
from recommender.endpoints import Endpoints, Window
from recommender.spans import Array

_BEFORE_ALL = int(np.iinfo(np.int64).min)
ANY_PORT = -1


@dataclass(frozen=True)
class Option:
    """One answer to "who is behind it": pods of one workload (positions, sorted, each with its address), or an address.

    `pods` is empty where only the address is known; `port` is the port there.
    """

    port: int
    pods: tuple[int, ...]
    addresses: tuple[str, ...]


@dataclass(frozen=True)
class Entry:
    """What an address and port of a Service led to.

    `reason` is "" where `options` tell it, else `no_backend`, `no_service_port`, `two_claimants` or `owner_changed`.
    `label` is "namespace/name:port", without the port where the Service has none such.
    """

    label: str = ""
    reason: str = ""
    options: tuple[Option, ...] = ()


@dataclass(frozen=True, eq=False)
class Frontends:
    """The addresses and ports of all versions of all Services."""

    endpoints: Endpoints

    @cached_property
    def node_ports(self) -> Mapping[tuple[str, int], tuple[tuple[Service, ServicePort], ...]]:
        """Return (protocol, node port) -> Services that have it."""
        found: dict[tuple[str, int], list[tuple[Service, ServicePort]]] = {}
        for service in self.endpoints.inventory.services:
            for port in service.ports:
                if port.node_port:
                    found.setdefault((port.protocol, port.node_port), []).append((service, port))
        return {key: tuple(services) for key, services in found.items()}

    def slots(self, address: str, protocol: str, port: int) -> Array:
        """Return the sorted instants at which what is behind an address and port may have changed."""
        named = {(service.namespace, service.name) for service, _ in self._candidates(address, protocol, port)}
        instants = {at for name in named for at in self._changes(name)}
        return np.array(sorted(instants), dtype=np.int64)

    def entry(self, address: str, protocol: str, port: int, moments: Sequence[int]) -> Entry | None:
        """Return what was behind an address and port at some moments taken together; None: no Service was there.

        With ANY_PORT: all that is behind the Services of the address.
        """
        found = [self._at(address, protocol, port, moment) for moment in moments]
        alive = [entry for entry in found if entry is not None and entry.reason != "no_service_port"]
        if not alive:
            return next((entry for entry in found if entry is not None), None)
        if any(entry.reason == "two_claimants" for entry in alive):
            return Entry(reason="two_claimants")
        if len({_service_of(entry.label) for entry in alive}) > 1:
            return Entry(reason="owner_changed")
        options = _merged([option for entry in alive for option in entry.options], self._pods)
        return Entry(min(entry.label for entry in alive), "" if options else "no_backend", options)

    def exposed(self, address: str, protocol: str, port: int) -> tuple[Window, ...]:
        """Return when an address and port stood behind a NodePort or a load balancer's address."""
        return self._exposures.get((address, protocol, port), ())

    @property
    def _pods(self) -> Sequence[Pod]:
        return self.endpoints.inventory.pods

    @cached_property
    def _by_address(self) -> Mapping[str, tuple[Service, ...]]:
        found: dict[str, list[Service]] = {}
        for service in self.endpoints.inventory.services:
            ips = (*service.cluster_ips, *service.external_ips, *service.load_balancer_ips)
            for ip in dict.fromkeys(ips):
                found.setdefault(ip, []).append(service)
        return {ip: tuple(services) for ip, services in found.items()}

    @cached_property
    def _slices(self) -> Mapping[tuple[str, str], tuple[tuple[EndpointSlice, Window], ...]]:
        found: dict[tuple[str, str], list[tuple[EndpointSlice, Window]]] = {}
        for piece in self.endpoints.inventory.slices:
            found.setdefault((piece.namespace, piece.service), []).append((piece, span(piece.start, piece.end)))
        return {name: tuple(pieces) for name, pieces in found.items()}

    @cached_property
    def _versions(self) -> Mapping[tuple[str, str], tuple[Service, ...]]:
        found: dict[tuple[str, str], list[Service]] = {}
        for service in self.endpoints.inventory.services:
            found.setdefault((service.namespace, service.name), []).append(service)
        return {name: tuple(services) for name, services in found.items()}

    @cached_property
    def _changes_known(self) -> dict[tuple[str, str], frozenset[int]]:
        return {}

    def _changes(self, name: tuple[str, str]) -> frozenset[int]:
        if name not in self._changes_known:
            windows = [span(service.start, service.end) for service in self._versions[name]]
            windows += [window for _, window in self._slices.get(name, ())]
            if name not in self._slices:
                windows += [w for service in self._versions[name] for _, _, w in self._selected(service)]
            self._changes_known[name] = frozenset(bound for window in windows for bound in window)
        return self._changes_known[name]

    def _candidates(self, address: str, protocol: str, port: int) -> list[tuple[Service, ServicePort | None]]:
        """Return the Services of an address, each with the port that is asked for, None where it has none such."""
        found: list[tuple[Service, ServicePort | None]] = []
        for service in self._by_address.get(address, ()):
            ports = [p for p in service.ports if port == ANY_PORT or (p.protocol, p.port) == (protocol, port)]
            found += [(service, own) for own in ports] or [(service, None)]
        if address in self.endpoints.node_addresses:
            found += self.node_ports.get((protocol, port), ())
        return found

    def _at(self, address: str, protocol: str, port: int, moment: int) -> Entry | None:
        """Return what was behind an address and port at one moment."""
        alive = [
            (service, own)
            for service, own in self._candidates(address, protocol, port)
            if _within(moment, span(service.start, service.end))
        ]
        real = [(service, own) for service, own in alive if own is not None]
        if not real:
            names = sorted({f"{service.namespace}/{service.name}" for service, _ in alive})
            return Entry(names[0], "no_service_port") if names else None
        if len({(service.namespace, service.name) for service, _ in real}) > 1:
            return Entry(reason="two_claimants")
        label = min(f"{service.namespace}/{service.name}:{own.port}" for service, own in real)
        behind = [
            option
            for service, own in real
            for option in self._behind(service, own, moment)
            if (":" in option.addresses[0]) == (":" in address)
        ]
        options = _merged(behind, self._pods)
        return Entry(label, "" if options else "no_backend", options)

    def _behind(self, service: Service, port: ServicePort, moment: int) -> Iterator[Option]:
        name = (service.namespace, service.name)
        for piece, window in self._slices.get(name, ()):
            if _within(moment, window):
                for number in _numbers(piece, port):
                    for address, pod in piece.endpoints:
                        yield Option(number, self._holder(service.namespace, pod, address), (address,))
        if name not in self._slices:
            for at, address, window in self._selected(service):
                target = _target_port(port, self._pods[at])
                if target is not None and _within(moment, window):
                    yield Option(target, () if self._pods[at].host_network else (at,), (address,))

    def _holder(self, namespace: str, name: str, address: str) -> tuple[int, ...]:
        """Return the pod that an endpoint names, if it ever had the endpoint's address as its own."""
        found = [
            at
            for at in self.endpoints.named(namespace, name)
            if not self._pods[at].host_network and any(tenure.ip == address for tenure in self._pods[at].held)
        ]
        return tuple(found[:1]) if len({self._pods[at].workload for at in found}) == 1 else ()

    def _selected(self, service: Service) -> Iterator[tuple[int, str, Window]]:
        """Yield pods with address and time that the Service's own selector takes, for where there are no slices."""
        for at in self._in_namespace.get(service.namespace, ()) if service.selector else ():
            pod = self._pods[at]
            if service.selector.items() <= pod.labels.items():
                for tenure in pod.held:
                    yield at, tenure.ip, span(tenure.start, tenure.end)

    @cached_property
    def _in_namespace(self) -> Mapping[str, tuple[int, ...]]:
        found: dict[str, list[int]] = {}
        for at, pod in enumerate(self._pods):
            found.setdefault(pod.namespace, []).append(at)
        return {namespace: tuple(positions) for namespace, positions in found.items()}

    @cached_property
    def _exposures(self) -> Mapping[tuple[str, str, int], tuple[Window, ...]]:
        found: dict[tuple[str, str, int], list[Window]] = {}
        for service in self.endpoints.inventory.services:
            outer = span(service.start, service.end)
            for port in service.ports if _from_outside(service) else ():
                for address, number, inner in self._places(service, port):
                    window = (max(outer[0], inner[0]), min(outer[1], inner[1]))
                    found.setdefault((address, port.protocol, number), []).append(window)
        return {key: tuple(windows) for key, windows in found.items()}

    def _places(self, service: Service, port: ServicePort) -> Iterator[tuple[str, int, Window]]:
        """Yield every address and port that was behind a Service port, and when."""
        name = (service.namespace, service.name)
        for piece, window in self._slices.get(name, ()):
            for number in _numbers(piece, port):
                yield from ((address, number, window) for address, _ in piece.endpoints)
        if name not in self._slices:
            for at, address, window in self._selected(service):
                target = _target_port(port, self._pods[at])
                if target is not None:
                    yield address, target, window


def moments(slots: Array, low: int, high: int) -> list[int]:
    """Return an instant in each slot from low to high; slot 0 is before the first instant."""
    return [_BEFORE_ALL if slot == 0 else int(slots[slot - 1]) for slot in range(low, high + 1)]


def _within(moment: int, window: Window) -> bool:
    return window[0] <= moment < window[1]


def _service_of(label: str) -> str:
    return label.rpartition(":")[0]


def _from_outside(service: Service) -> bool:
    return bool(service.external_ips or service.load_balancer_ips) or any(port.node_port for port in service.ports)


def _numbers(piece: EndpointSlice, port: ServicePort) -> list[int]:
    """Return the slice's port numbers for a Service port; one that is open for any is the Service's own target."""
    own = port.target_port if isinstance(port.target_port, int) and port.target_port else port.port
    return [
        found.port if found.port is not None else own
        for found in piece.ports
        if (found.name, found.protocol) == (port.name, port.protocol)
    ]


def _target_port(port: ServicePort, pod: Pod) -> int | None:
    if not isinstance(port.target_port, str):
        return port.target_port or port.port
    names = (p.number for p in pod.ports if p.name == port.target_port and p.protocol == port.protocol)
    return next(names, None)


def _merged(options: Sequence[Option], pods: Sequence[Pod]) -> tuple[Option, ...]:
    """Return an option for each workload and port and for each address and port, sorted."""
    known: dict[tuple[WorkloadRef, int], dict[int, str]] = {}
    others: set[tuple[str, int]] = set()
    for option in options:
        for at, address in zip(option.pods, option.addresses, strict=False):
            known.setdefault((pods[at].workload, option.port), {})[at] = address
        if not option.pods:
            others.add((option.addresses[0], option.port))
    found = [Option(port, tuple(sorted(of)), tuple(of[at] for at in sorted(of))) for (_, port), of in known.items()]
    found += [Option(port, (), (address,)) for address, port in others]
    return tuple(sorted(found, key=lambda option: (not option.pods, option.pods[:1], option.addresses, option.port)))
