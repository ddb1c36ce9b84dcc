"""Turns an inventory and all policies at hand into the classes of ends that these policies cannot tell apart.

Every end of a connection is in one class: pods of workloads, host network pods, nodes, addresses of several pods, pods
not yet born, and all other addresses. Classes are numbered, so that a set of them is the bits of one integer.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, TypeVar

from collectors.inventory import Inventory, WorkloadRef
from recommender.policy import IPBlock, NetworkPolicy
from recommender.simulate.actors import Actor, Cast, Standin
from recommender.simulate.addresses import NOWHERE, AddressSet, classes, holds_only, of_block, of_cidrs
from recommender.simulate.bits import mask_of
from recommender.simulate.blocks import parse_address

EndKind = Literal["workload", "host", "unborn", "node", "ambiguous", "cluster", "outside"]
"""workload: pods that policies select. host: host network pods. unborn: any pod not yet born of a namespace. node: a
node's own address. ambiguous: an address that several living pods have. cluster: an address of the cluster's ranges
that no known pod has. outside: any other address."""
KINDS: tuple[EndKind, ...] = ("workload", "host", "unborn", "node", "ambiguous", "cluster", "outside")


K = TypeVar("K")


@dataclass(frozen=True, eq=False)
class _Newcomer(Actor):
    """A pod not yet born, with none of the labels that policies name; its address will be of the pods' ranges."""

    ranges: AddressSet = NOWHERE

    def in_block(self, block: IPBlock, family: int | None) -> bool | None:
        """Say whether its address will be in a block, where all or none of the pods' ranges is; else None."""
        if not self.ranges.intervals:
            return None
        inside = of_block(block)
        if not (self.ranges & inside).intervals:
            return False
        one_family = len({version for version, _, _ in self.ranges.intervals}) == 1
        return True if one_family and family is None and not (self.ranges - inside).intervals else None


@dataclass(frozen=True, eq=False)
class EndClass:
    """Ends that no policy at hand tells apart; `members` are those of workloads, `names` those that are none.

    `nodes` are those that its pods are on, or that it is; "" alone: not known of any of them.
    """

    kind: EndKind
    actor: Actor
    namespace: str = ""
    members: tuple[tuple[WorkloadRef, Standin], ...] = ()
    names: tuple[str, ...] = ()
    addresses: AddressSet = NOWHERE
    nodes: frozenset[str] = frozenset()

    @property
    def unplaced(self) -> bool:
        """Whether the nodes of its pods are not known."""
        return "" in self.nodes

    @property
    def pods(self) -> tuple[str, ...]:
        """The names of its pods, as "namespace/pod"."""
        return tuple(pod for _, standin in self.members for pod in standin.pods)


class Ends:
    """All classes of ends under some policies, numbered, with the masks by which they are looked up."""

    def __init__(self, policies: Iterable[NetworkPolicy], inventory: Inventory) -> None:
        listed = tuple(policies)
        self._cast = Cast(listed, inventory)
        self._inventory = inventory
        known = _known_addresses(inventory)
        nodes = tuple(self._of_nodes(known))
        owned = {ip for ip, owners in known.items() if owners} | {ip for end in nodes for ip in _texts(end)}
        self.all: tuple[EndClass, ...] = (
            *self._of_workloads(),
            *self._unborn(),
            *nodes,
            *self._ambiguous(known),
            *_of_addresses(listed, inventory, owned),
        )
        self.everyone = (1 << len(self.all)) - 1
        self.kinds = {kind: mask_of(n for n, end in enumerate(self.all) if end.kind == kind) for kind in KINDS}
        self.subjects = self.kinds["workload"] | self.kinds["unborn"]
        self.by_place = masks((end.kind, end.namespace) for end in self.all)
        self.by_families = masks(end.actor.families for end in self.all)
        refs: defaultdict[WorkloadRef, list[int]] = defaultdict(list)
        for number, end in enumerate(self.all):
            for ref, _ in end.members:
                refs[ref].append(number)
        self.by_ref = {ref: mask_of(numbers) for ref, numbers in refs.items()}

    def _of_workloads(self) -> Iterator[EndClass]:
        found: defaultdict[tuple[Actor, str, bool], list[tuple[WorkloadRef, Standin]]] = defaultdict(list)
        for ref in self._cast.workloads():
            for standin in self._cast.end(ref):
                for part in _by_placement(standin, self._node_of):
                    found[standin.actor, ref.namespace, "" in part.nodes].append((ref, part))
        for (actor, namespace, _), members in found.items():
            kind: EndKind = "host" if actor.nature == "host" else "workload"
            nodes = frozenset(node for _, standin in members for node in standin.nodes)
            yield EndClass(kind, actor, namespace, tuple(members), nodes=nodes)

    @cached_property
    def _node_of(self) -> Mapping[str, frozenset[str]]:
        found: defaultdict[str, set[str]] = defaultdict(set)
        for pod in self._inventory.pods:
            found[f"{pod.namespace}/{pod.name}"].add(pod.node)
        return {name: frozenset(nodes) for name, nodes in found.items()}

    def _unborn(self) -> Iterator[EndClass]:
        ranges = of_cidrs(self._inventory.pod_cidrs)
        for name, labels in self._cast.namespaces():
            yield EndClass("unborn", _Newcomer("pod", name, labels, {}, ranges=ranges), name)

    def _of_nodes(self, known: Mapping[str, int]) -> Iterator[EndClass]:
        found: defaultdict[Actor, list[tuple[str, str]]] = defaultdict(list)
        for ip, owners in known.items():
            standins = () if owners else self._cast.named(ip)
            for standin in standins:
                found[standin.actor] += [(node, ip) for node in standin.nodes]
        for actor, members in found.items():
            names = tuple(f"{node} ({ip})" for node, ip in sorted(members))
            where = frozenset(node for node, _ in members)
            yield EndClass("node", actor, names=names, addresses=of_cidrs(ip for _, ip in members), nodes=where)

    def _ambiguous(self, known: Mapping[str, int]) -> Iterator[EndClass]:
        found: defaultdict[Actor, list[str]] = defaultdict(list)
        for ip, owners in known.items():
            if owners > 1:
                found[self._cast.named(ip)[0].actor].append(ip)
        for actor, ips in found.items():
            yield EndClass("ambiguous", actor, names=tuple(sorted(ips)), addresses=of_cidrs(ips))


def masks(keys: Iterable[K]) -> dict[K, int]:
    """Return the mask of each key, where `keys` gives the one of each class in order."""
    found: defaultdict[K, list[int]] = defaultdict(list)
    for number, key in enumerate(keys):
        found[key].append(number)
    return {key: mask_of(numbers) for key, numbers in found.items()}


def _by_placement(standin: Standin, node_of: Mapping[str, frozenset[str]]) -> Iterator[Standin]:
    """Yield a stand-in's pods whose node is known, and those whose node is not, as stand-ins of their own."""
    if len(standin.nodes) < 2 or "" not in standin.nodes:
        yield standin
        return
    unplaced = tuple(pod for pod in standin.pods if "" in node_of[pod])
    placed = tuple(pod for pod in standin.pods if pod not in set(unplaced))
    yield replace(standin, nodes=frozenset([""]), pods=unplaced)
    if placed:
        yield replace(standin, nodes=standin.nodes - {""}, pods=placed)


def _known_addresses(inventory: Inventory) -> dict[str, int]:
    """Return all addresses that are there now: how many pods have it, 0 for those of nodes only; sorted."""
    found: Counter[str] = Counter()
    for node in inventory.nodes:
        found.update({ip: 0 for ip in node.addresses if node.end is None})
    for pod in inventory.pods:
        if pod.host_network:
            found.update(dict.fromkeys(pod.ips, 0))
        elif pod.end is None:
            found.update(dict.fromkeys(pod.ips, 1))
    return {ip: found[ip] for ip in sorted(found) if parse_address(ip) is not None}


def _texts(end: EndClass) -> Iterator[str]:
    return (name.rpartition(" (")[2].rstrip(")") for name in end.names)


def _of_addresses(policies: Iterable[NetworkPolicy], inventory: Inventory, owned: Iterable[str]) -> Iterator[EndClass]:
    rules = (rule for policy in policies for rule in (*policy.ingress, *policy.egress))
    blocks = {peer.ip_block for rule in rules for peer in rule.peers if peer.ip_block is not None}
    inside = of_cidrs((*inventory.pod_cidrs, *inventory.service_cidrs))
    taken: defaultdict[int, list[int]] = defaultdict(list)
    for address in sorted({parsed for ip in owned if (parsed := parse_address(ip)) is not None}, key=int):
        taken[address.version].append(int(address))
    for (version, own, holding), ranges in classes(blocks, inside).items():
        if not holds_only(ranges, taken):
            actor = Actor("address", ports=(), addresses=frozenset([(version, holding)]))
            yield EndClass("cluster" if own else "outside", actor, addresses=ranges)
