"""Turns what a person calls the ends of one connection into the pods and addresses that are meant, as of the end.

A Service's address is no end: what policies act on is the pods behind it, at their own port.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from collectors.addresses import address_class
from collectors.errors import PodfenceError, one_line
from collectors.inventory import ContainerPort, EndpointSlice, Inventory, Pod, Service, ServicePort, WorkloadRef
from recommender.communications import AddressPeer
from recommender.policy import IPBlock
from recommender.simulate.actors import Actor, Cast, Nature, Standin
from recommender.simulate.blocks import holds, parse_address
from recommender.simulate.ports import PROTOCOLS

_API_SERVER = ("default", "kubernetes")
"""Namespace and name of the Service of the API server."""
_KINDS = {"private": "unresolved", "public": "external"}
_FORMS = "write namespace/pod, namespace/Kind/name or an address"


@dataclass(frozen=True)
class Wire:
    """What a connection is besides its ends; `families` are the IP versions that both have."""

    protocol: str
    port: int
    families: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Party:
    """One end with all that policies can ask of it, its own labels in full; `standin` is what the court knows it by.

    `space` are the labels of its namespace. None: not known.
    """

    name: str
    standin: Standin
    labels: Mapping[str, str] | None = None
    addresses: tuple[str, ...] = ()
    ports: tuple[ContainerPort, ...] | None = ()
    space: Mapping[str, str] = field(default_factory=dict)
    namespace: str = ""
    workload: WorkloadRef | None = None

    @property
    def nature(self) -> Nature:
        """What kind of end it is to policies."""
        return self.standin.actor.nature

    @property
    def count(self) -> int:
        """How many pods it stands for."""
        return max(1, len(self.standin.pods))


@dataclass(frozen=True)
class Target:
    """A destination, and the port there; for a Service's address each of those behind it."""

    party: Party
    port: int


@dataclass(frozen=True)
class Destination:
    """All that a destination means; `service` says which Service was translated, "" where none."""

    targets: tuple[Target, ...]
    service: str = ""


def parse_wire(text: str) -> Wire:
    """Read PORT or PORT/PROTOCOL; raises PodfenceError."""
    number, slash, protocol = text.partition("/")
    protocol = protocol.upper() if slash else "TCP"
    if not (number.isascii() and number.isdigit() and len(number) <= 5 and 1 <= int(number) <= 65535):
        raise PodfenceError(f"port {one_line(text, 60)!r}: is no port; write a number from 1 to 65535, as in 53/UDP")
    if protocol not in PROTOCOLS:
        raise PodfenceError(
            f"port {one_line(text, 60)!r}: NetworkPolicy says nothing of that protocol; write TCP, UDP or SCTP"
        )
    return Wire(protocol, int(number))


def present(inventory: Inventory, *ends: str) -> Inventory:
    """Return the inventory with the pods that live, and those of an end of which none lives any more."""
    pods = [pod for pod in inventory.pods if pod.end is None]
    for end in dict.fromkeys(ends):
        if not any(_is(pod, end) for pod in pods):
            pods += [pod for pod in inventory.pods if _is(pod, end)]
    return replace(inventory, pods=tuple(sorted(pods, key=lambda pod: (pod.namespace, pod.name))))


def _is(pod: Pod, end: str) -> bool:
    return end == f"{pod.namespace}/{pod.name}" or end.casefold() == str(pod.workload).casefold()


class Parties:
    """Finds who is meant by the texts of two ends; `cast` must be of the same inventory."""

    def __init__(self, inventory: Inventory, cast: Cast) -> None:
        self._inventory, self._cast = inventory, cast
        self._pods = {f"{pod.namespace}/{pod.name}": pod for pod in inventory.pods}
        self._workloads = {str(ref).casefold(): ref for ref in cast.workloads()}
        self._spaces = dict(cast.namespaces())

    def source(self, text: str) -> tuple[Party, ...]:
        """Return who is meant by a source; raises PodfenceError where nobody is."""
        service = self._service(text)
        if service is not None:
            raise PodfenceError(
                f"source {one_line(text, 100)}: is the Service {service.namespace}/{service.name}, which begins no "
                f"connection; {_FORMS} of who does"
            )
        return self._parties(text, "source")

    def destination(self, text: str, wire: Wire) -> Destination:
        """Return who is meant by a destination, for a Service each pod behind it at its own port."""
        service = self._service(text)
        if service is None:
            return Destination(tuple(Target(party, wire.port) for party in self._parties(text, "destination")))
        name = f"{service.namespace}/{service.name}"
        port = next((p for p in service.ports if (p.port, p.protocol) == (wire.port, wire.protocol)), None)
        if port is None:
            known = ", ".join(f"{p.port}/{p.protocol}" for p in service.ports) or "none"
            raise PodfenceError(
                f"destination {one_line(text, 100)}: the Service {one_line(name)} has no port "
                f"{wire.port}/{wire.protocol}; its ports are {known[:200]}"
            )
        return Destination(tuple(self._targets(service, port)), name)

    def _targets(self, service: Service, port: ServicePort) -> Iterator[Target]:
        """Yield who is behind a Service's port; pods that no policy tells apart are one party."""
        alike: dict[tuple[int, Actor, frozenset[str], str], list[tuple[str, Standin]]] = {}
        for end, number in sorted(set(self._behind(service, port))):
            for standin in self._standins(end):
                key = (number, standin.actor, standin.nodes, "" if standin.pods else end)
                alike.setdefault(key, []).append((end, standin))
        for key, members in alike.items():
            end, first = members[0]
            pods = tuple(pod for _, standin in members for pod in standin.pods)
            yield Target(self._party(replace(first, pods=pods), end), key[0])

    def _service(self, text: str) -> Service | None:
        address = _canonical(text)
        parts = text.split("/")
        named = tuple(parts[::2]) if len(parts) == 3 and parts[1].casefold() == "service" else None
        for service in self._inventory.current_services:
            addresses = (*service.cluster_ips, *service.external_ips, *service.load_balancer_ips)
            if address in addresses or named == (service.namespace, service.name):
                return service
        if named is not None:
            raise PodfenceError(f"{one_line(text, 100)}: is no Service of the inventory; {_FORMS}")
        return None

    def _behind(self, service: Service, port: ServicePort) -> Iterable[tuple[str, int]]:
        pieces = [
            p for p in self._inventory.current_slices if (p.namespace, p.service) == (service.namespace, service.name)
        ]
        for piece in pieces:
            yield from self._of_slice(piece, port)
        if pieces or not service.selector:
            return
        for name, pod in self._pods.items():
            if pod.namespace == service.namespace and service.selector.items() <= pod.labels.items():
                yield from ((name, number) for number in _target_numbers(port, pod))

    def _of_slice(self, piece: EndpointSlice, port: ServicePort) -> Iterable[tuple[str, int]]:
        for slot in piece.ports:
            if (slot.name, slot.protocol) == (port.name, port.protocol):
                for address, pod in piece.endpoints:
                    name = f"{piece.namespace}/{pod}"
                    yield (name if name in self._pods else address), slot.port or port.port

    def _parties(self, text: str, side: str) -> tuple[Party, ...]:
        found = self._standins(text)
        if not found:
            raise PodfenceError(f"{side} {one_line(text, 100)!r}: {self._unknown(text)}")
        ref = self._workloads.get(text.casefold())
        return tuple(self._party(standin, text if ref is None else str(ref)) for standin in found)

    def _standins(self, text: str) -> tuple[Standin, ...]:
        address = _canonical(text)
        if address is not None:
            return self._of_address(address)
        if text.count("/") == 1:
            return self._cast.named(text)
        ref = self._workloads.get(text.casefold())
        return () if ref is None else self._cast.end(ref)

    def _of_address(self, address: str) -> tuple[Standin, ...]:
        found = self._cast.named(address)
        if found[0].actor.nature != "address" or found[0].nodes:
            return found
        return self._cast.end(AddressPeer(address, self._kind(address)))

    def _kind(self, address: str) -> str:
        """Say what an address is that no living pod and no node has, as resolution would."""
        slices = self._inventory.current_slices
        if any(address == ip for p in slices if (p.namespace, p.service) == _API_SERVER for ip, _ in p.endpoints):
            return "api_server"
        if _within(address, self._inventory.service_cidrs):
            return "service"
        of_nodes = (cidr for node in self._inventory.nodes for cidr in node.pod_cidrs)
        if _within(address, (*self._inventory.pod_cidrs, *of_nodes)):
            return "unresolved"
        return _KINDS.get(address_class(address), address_class(address))

    def _unknown(self, text: str) -> str:
        parts = text.split("/")
        if len(parts) not in {2, 3} or not all(parts):
            return f"is no end of a connection; {_FORMS}"
        meant = [str(ref) for ref in self._workloads.values() if (ref.namespace, ref.name) == (parts[0], parts[-1])]
        hint = (
            f"perhaps {one_line(meant[0])} is meant" if meant else f"correct it, or {_FORMS} that is in the inventory"
        )
        return f"is no {'pod' if len(parts) == 2 else 'workload'} of the inventory; {hint}"

    def _party(self, standin: Standin, text: str = "") -> Party:
        pod = self._pods.get(standin.pods[0]) if standin.pods else None
        actor = standin.actor
        if pod is not None:
            space = self._space(pod.namespace)
            return Party(standin.pods[0], standin, pod.labels, pod.ips, pod.ports, space, pod.namespace, pod.workload)
        ref = self._workloads.get(text.casefold())
        if ref is not None:
            known = self._inventory.workloads.get(ref)
            labels = known.template_labels if known is not None and known.template_labels else None
            return Party(str(ref), standin, labels, (), None, self._space(ref.namespace), ref.namespace, ref)
        addresses = () if actor.nature == "service" else (_canonical(text) or text,)
        return Party(text, standin, None, addresses, actor.ports)

    def _space(self, namespace: str) -> Mapping[str, str]:
        known = self._inventory.namespaces.get(namespace)
        return {**self._spaces.get(namespace, {}), **(known.labels if known is not None else {})}


def _target_numbers(port: ServicePort, pod: Pod) -> Iterable[int]:
    if isinstance(port.target_port, str):
        return [p.number for p in pod.ports if (p.name, p.protocol) == (port.target_port, port.protocol)]
    return [port.target_port or port.port]


def _canonical(text: str) -> str | None:
    address = parse_address(text)
    return None if address is None else str(address)


def _within(address: str, cidrs: Iterable[str]) -> bool:
    parsed = parse_address(address)
    return parsed is not None and any(holds(IPBlock(cidr), parsed) for cidr in cidrs)
