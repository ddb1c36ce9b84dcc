"""Turns policies and what was seen into each policy's two sides: its rules, and what went through them."""

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from collectors.inventory import WorkloadRef
from recommender.communications import AddressPeer, Communication, End
from recommender.policy import (
    EGRESS,
    INGRESS,
    IPBlock,
    LabelSelector,
    NetworkPolicy,
    Peer,
    PolicyType,
    Port,
    Rule,
)
from recommender.review import Reviewed, directions
from recommender.workload import Subject

Labels = Mapping[str, str]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_NAMESPACE = "kubernetes.io/metadata.name"
_EVERYBODY = (IPBlock("0.0.0.0/0"), IPBlock("::/0"))
_DIGITS = 5  # of a port: what is longer is none, and no number to read


@dataclass(frozen=True)
class Side:
    """One direction of a policy; `spoken` is what was seen there of the policy's subject and not declined."""

    direction: PolicyType
    namespace: str
    rules: tuple[Rule, ...]
    spoken: tuple[Communication, ...] = ()
    subjects: Mapping[WorkloadRef, Subject] = field(default_factory=dict)

    def far(self, spoken: Communication) -> End:
        """Return the end that is not the policy's."""
        return spoken.src if self.direction == INGRESS else spoken.dst

    def through_services(self) -> Iterator[tuple[Communication, str, int]]:
        """Yield what reached a workload through a Service, with the Service's "namespace/name" and port."""
        for spoken in self.spoken:
            for name, _, port in (service.rpartition(":") for service in spoken.evidence.services):
                if name and port.isdecimal() and len(port) <= _DIGITS and isinstance(self.far(spoken), WorkloadRef):
                    yield spoken, name, int(port)

    def naming(self, spoken: Communication) -> Iterator[tuple[Rule, LabelSelector]]:
        """Yield the rules that lead to a communication's far workload, with the podSelector that does.

        A rule for everybody, or for whole namespaces, has the empty one.
        """
        far = self.far(spoken)
        subject = self.subjects.get(far) if isinstance(far, WorkloadRef) else None
        for rule in self.rules if subject is not None else ():
            if not rule.peers:
                yield rule, LabelSelector()
            for peer in rule.peers:
                if subject is not None and self._takes(peer, subject):
                    yield rule, peer.pod_selector or LabelSelector()

    def _takes(self, peer: Peer, subject: Subject) -> bool:
        """Say whether a peer means a subject: by its own selector, or with its whole namespace."""
        if peer.ip_block is not None or peer.pod_selector not in (None, LabelSelector(), subject.selector):
            return False
        if peer.namespace_selector is None:
            return subject.namespace == self.namespace
        return dict(peer.namespace_selector.match_labels).get(_NAMESPACE, subject.namespace) == subject.namespace

    @cached_property
    def blocks(self) -> tuple[tuple[Rule, IPBlock], ...]:
        """Every ipBlock with its rule."""
        return tuple((rule, peer.ip_block) for rule in self.rules for peer in rule.peers if peer.ip_block is not None)

    def holding(self, address: str) -> Iterator[Rule]:
        """Yield the rules with an ipBlock that holds an address."""
        yield from self._single.get(address, ())
        if self._ranges:
            own = ipaddress.ip_address(address)
            for rule, network, holes in self._ranges:
                if own in network and not any(own in hole for hole in holes):
                    yield rule

    @cached_property
    def _single(self) -> Mapping[str, list[Rule]]:
        found: dict[str, list[Rule]] = {}
        for rule, block in self.blocks:
            if block.single:
                found.setdefault(block.cidr.rpartition("/")[0], []).append(rule)
        return found

    @cached_property
    def _ranges(self) -> tuple[tuple[Rule, Network, tuple[Network, ...]], ...]:
        return tuple(
            (rule, ipaddress.ip_network(block.cidr), tuple(map(ipaddress.ip_network, block.excepts)))
            for rule, block in self.blocks
            if not block.single
        )

    @cached_property
    def overlapped(self) -> tuple[IPBlock, ...]:
        """The blocks with exceptions that share addresses with another rule, which may be one for everybody."""
        found: set[IPBlock] = set()
        rules_of: dict[Network, list[tuple[int, IPBlock]]] = {}
        for at, rule in enumerate(self.rules):
            own = [peer.ip_block for peer in rule.peers if peer.ip_block is not None]
            for block in own if rule.peers else _EVERYBODY:
                rules_of.setdefault(ipaddress.ip_network(block.cidr), []).append((at, block))
        for network, inside in rules_of.items():
            for length in range(network.prefixlen + 1):
                for at, outer in rules_of.get(network.supernet(new_prefix=length), ()):
                    for other, inner in inside:
                        found.update(block for block in (outer, inner) if block.excepts and at != other)
        return tuple(sorted(found))

    @cached_property
    def ports_by_peer(self) -> tuple[tuple[str, frozenset[Port]], ...]:
        """What each peer is called, and all its ports in all rules."""
        found: dict[Peer, set[Port]] = {}
        for rule in self.rules:
            for peer in rule.peers:
                found.setdefault(peer, set()).update(rule.ports)
        return tuple((_peer_text(peer), frozenset(ports)) for peer, ports in found.items())


@dataclass(frozen=True)
class Sides:
    """A policy with its directions, the workloads that it is for, and the selectors of Services if known."""

    policy: NetworkPolicy
    ingress: Side
    egress: Side
    members: tuple[WorkloadRef, ...] = ()
    services: Mapping[str, Labels] | None = None

    @property
    def both(self) -> tuple[Side, Side]:
        """Ingress, then egress."""
        return self.ingress, self.egress


def by_policy(
    policies: Iterable[NetworkPolicy], reviewed: Reviewed, services: Mapping[str, Labels] | None
) -> Iterator[Sides]:
    """Yield the sides of each policy; what was seen belongs to the policies that select exactly its subject."""
    subjects = reviewed.suggestions.subjects
    declined = {item.id for item in reviewed.declined}
    spoken: dict[tuple[Subject, PolicyType], list[Communication]] = {}
    for item in reviewed.suggestions.items:
        for ref, direction in directions(item):
            if item.id not in declined and ref in subjects:
                spoken.setdefault((subjects[ref], direction), []).append(item.communication)
    by_selector = {(subject.namespace, subject.selector): subject for subject in subjects.values()}
    for policy in policies:
        subject = by_selector.get((policy.namespace, policy.pod_selector))
        ingress, egress = (
            Side(way, policy.namespace, rules, tuple(spoken.get((subject, way), ()) if subject else ()), subjects)
            for way, rules in ((INGRESS, policy.ingress), (EGRESS, policy.egress))
        )
        yield Sides(policy, ingress, egress, subject.members if subject else (), services)


def port_text(port: Port) -> str:
    """Return a port as a person writes it."""
    number = "any" if port.port is None else str(port.port)
    return f"{port.protocol}/{number}" + (f"-{port.end_port}" if port.end_port else "")


def far_address(side: Side, spoken: Communication) -> AddressPeer | None:
    """Return the far end where it is an address."""
    far = side.far(spoken)
    return far if isinstance(far, AddressPeer) else None


def _peer_text(peer: Peer) -> str:
    if peer.ip_block is not None:
        return str(peer.ip_block)
    parts = (("namespaces", peer.namespace_selector), ("pods", peer.pod_selector))
    return " ".join(f"{what} {_selector_text(selector)}" for what, selector in parts if selector is not None)


def _selector_text(selector: LabelSelector) -> str:
    labels = [f"{key}={value}" for key, value in selector.match_labels]
    labels += [f"{r.key} {r.operator} {'|'.join(r.values)}".rstrip() for r in selector.match_expressions]
    return ",".join(labels) or "all"
