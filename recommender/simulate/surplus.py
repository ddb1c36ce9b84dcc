"""Turns policies and what was accepted into what the policies let through besides: exactly, never by samples."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from collectors.inventory import ContainerPort, Inventory, WorkloadRef
from recommender.communications import AddressPeer, Communication, End
from recommender.outcomes import Excess
from recommender.policy import EGRESS, INGRESS, IPBlock, NetworkPolicy, Peer, PolicyType, Port, Rule
from recommender.simulate import ports as port_sets
from recommender.simulate.actors import Cast, Standin
from recommender.simulate.blocks import BlockIndex, count, parse_address
from recommender.simulate.ports import Span
from recommender.simulate.rulebook import rule_name, rules_of
from recommender.simulate.takers import Census, Crowd, Members, size

_EVERYWHERE = (IPBlock("0.0.0.0/0"), IPBlock("::/0"))

Points = frozenset[tuple[str, int]]
"""Accepted (protocol, port) pairs."""
_NOTHING: Points = frozenset()
_Key = tuple[WorkloadRef, PolicyType]


@dataclass(frozen=True)
class _Place:
    """One rule of one policy, with the blocks that it takes; one without peers takes them all."""

    direction: PolicyType
    name: str
    rule: Rule

    @property
    def blocks(self) -> tuple[IPBlock, ...]:
        if not self.rule.peers:
            return _EVERYWHERE
        return tuple(dict.fromkeys(peer.ip_block for peer in self.rule.peers if peer.ip_block is not None))

    def excess(self, subject: WorkloadRef, peer: str, ports: str, many: int) -> Excess:
        return Excess(str(subject), self.direction, peer, ports, many, self.name)


@dataclass(frozen=True)
class _Side:
    """A rule as it applies to one workload that its policy selects, with what is accepted there."""

    place: _Place
    subject: WorkloadRef
    standins: tuple[Standin, ...]
    accepted: Mapping[End, Points]

    def excess(self, peer: str, ports: str, many: int) -> Excess:
        return self.place.excess(self.subject, peer, ports, many)

    def leads_to(self, taker: tuple[Standin, ...]) -> tuple[Standin, ...]:
        """Return whose container ports a port's name means: those of the connection's destination."""
        return self.standins if self.place.direction == INGRESS else taker


def excess(
    policies: Iterable[NetworkPolicy], accepted: Iterable[Communication], inventory: Inventory
) -> tuple[Excess, ...]:
    """Return everything that the rules let through and that no accepted communication needs, sorted.

    Each rule is held against what was accepted at the workload it is for, whether or not the other end would block
    the rest. Workloads that a selector takes are listed one by one with the ports that are left over; where it takes
    also pods not yet born, those without anything accepted come as one entry "any pod of namespace X". Addresses are
    counted exactly; a rule without peers is open to all pods, 0.0.0.0/0 and ::/0.
    """
    listed = sorted(policies, key=lambda policy: policy.key)
    census, justified = Census(listed, inventory), _justified(accepted)
    addresses = _Addresses(listed, justified, census.cast)
    found: set[Excess] = set()
    for policy in listed:
        subjects = census.taken(Peer(pod_selector=policy.pod_selector), policy.namespace)
        for direction in sorted(set(policy.policy_types)):
            for index, rule in enumerate(rules_of(policy, direction)):
                place = _Place(direction, rule_name(policy, direction, index), rule)
                takers = census.takers(rule, policy.namespace)
                for ref, standins in subjects.items():
                    side = _Side(place, ref, standins, justified.get((ref, direction), {}))
                    found.update(_of_limited(side, takers.limited))
                    for label, crowd in takers.wide.items():
                        found.update(_of_crowd(side, crowd, label))
                    found.update(_of_addresses(side, addresses))
    return tuple(sorted(found, key=lambda e: (e.subject, e.direction, e.rule, e.peer, e.ports)))


def _justified(accepted: Iterable[Communication]) -> dict[_Key, dict[End, Points]]:
    found: defaultdict[_Key, defaultdict[End, set[tuple[str, int]]]]
    found = defaultdict(lambda: defaultdict(set))
    for seen in accepted:
        ends: tuple[tuple[End, End, PolicyType], ...] = ((seen.src, seen.dst, EGRESS), (seen.dst, seen.src, INGRESS))
        for subject, peer, direction in ends:
            if isinstance(subject, WorkloadRef):
                found[subject, direction][peer].add((seen.protocol, seen.port))
    return {key: {peer: frozenset(points) for peer, points in peers.items()} for key, peers in found.items()}


def _container_ports(standins: Iterable[Standin]) -> list[ContainerPort]:
    return [port for standin in standins for port in standin.actor.ports or ()]


def _unresolved(ports: tuple[Port, ...], standins: Iterable[Standin]) -> tuple[Port, ...]:
    """Return the named ports that may be any number, since no container ports of a pod are known."""
    if all(standin.actor.ports is not None for standin in standins):
        return ()
    return tuple(port for port in ports if isinstance(port.port, str))


def _of_limited(side: _Side, members: Members) -> Iterator[Excess]:
    """Yield what a rule lets through to or from each workload that it names by a label."""
    for ref, standins in members.items():
        _, left = _left(side, ref, standins)
        yield from _leftover(side, ref, standins, left)


def _of_crowd(side: _Side, crowd: Crowd, label: str) -> Iterator[Excess]:
    """Yield what a rule lets through to or from those with something accepted, and all others as one entry."""
    untouched = crowd.size
    members, accepted = crowd.members, side.accepted
    few: Iterable[End] = members if len(members) < len(accepted) else accepted
    for ref in few:
        # the others have all of the rule left: looking at each would take policies times workloads
        if not isinstance(ref, WorkloadRef) or ref not in members or ref not in accepted:
            continue
        whole, left = _left(side, ref, members[ref])
        if left != whole:
            untouched -= size(members[ref])
            yield from _leftover(side, ref, members[ref], left)
    yield side.excess(label, port_sets.rule_text(side.place.rule.ports), untouched)


def _left(side: _Side, ref: WorkloadRef, standins: tuple[Standin, ...]) -> tuple[frozenset[Span], frozenset[Span]]:
    """Return all ports that a rule opens between subject and taker, and those that nothing accepted needs."""
    whole = port_sets.spans(side.place.rule.ports, _container_ports(side.leads_to(standins)))
    return whole, port_sets.without(whole, side.accepted.get(ref, _NOTHING))


def _leftover(side: _Side, ref: WorkloadRef, standins: tuple[Standin, ...], left: frozenset[Span]) -> Iterator[Excess]:
    words = [port_sets.text(left)] if left else []
    if not side.accepted.get(ref):
        unresolved = _unresolved(side.place.rule.ports, side.leads_to(standins))
        words += [port_sets.rule_text((port,)) for port in unresolved]
    if words:
        yield side.excess(str(ref), ", ".join(words), size(standins))


class _Addresses:
    """What is accepted by address, at each workload and direction, found once for all rules."""

    def __init__(
        self, policies: Iterable[NetworkPolicy], justified: Mapping[_Key, Mapping[End, Points]], cast: Cast
    ) -> None:
        rules = (rule for policy in policies for rule in (*policy.ingress, *policy.egress))
        blocks = {peer.ip_block for rule in rules for peer in rule.peers if peer.ip_block is not None}
        self._index = BlockIndex([*blocks, *_EVERYWHERE])
        self._justified, self._cast = justified, cast
        self._found: dict[_Key, Mapping[IPBlock, Mapping[str, Points]]] = {}

    def inside(self, key: _Key, block: IPBlock) -> Mapping[str, Points]:
        """Return the accepted addresses that a block holds; those of an accepted workload's pods are accepted too."""
        if key not in self._found:
            self._found[key] = self._by_block(key)
        return self._found[key].get(block, {})

    def _by_block(self, key: _Key) -> Mapping[IPBlock, Mapping[str, Points]]:
        used: defaultdict[str, Points] = defaultdict(frozenset)
        for end, points in self._justified.get(key, {}).items():
            for text in [end.address] if isinstance(end, AddressPeer) else self._cast.pod_addresses(end):
                used[text] |= points
        found: defaultdict[IPBlock, dict[str, Points]] = defaultdict(dict)
        for text, points in used.items():
            address = parse_address(text)
            for block in self._index.holding(address) if address is not None else ():
                found[block][text] = points
        return dict(found)


def _of_addresses(side: _Side, addresses: _Addresses) -> Iterator[Excess]:
    """Yield what a rule lets through to or from addresses."""
    blocks = side.place.blocks
    # no address has container ports, so a name at the destination lets no address through
    target = _container_ports(side.standins) if side.place.direction == INGRESS else []
    whole = port_sets.spans(side.place.rule.ports, target) if blocks else frozenset()
    if not whole:
        return
    # a rule without peers has the pods behind other addresses among its workloads already
    anyone = not side.place.rule.peers
    outside = {end.address for end in side.accepted if isinstance(end, AddressPeer)} if anyone else set()
    for block in blocks:
        touched = 0
        for text, points in addresses.inside((side.subject, side.place.direction), block).items():
            left = port_sets.without(whole, points)
            if left == whole:
                continue
            touched += 1
            if left and (not anyone or text in outside):
                yield side.excess(text, port_sets.text(left), 1)
        if count(block) > touched:
            yield side.excess(str(block), port_sets.text(whole), count(block) - touched)
