"""Turns policies and what was accepted into what the policies let through besides: exactly, never by samples."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from collectors.inventory import ContainerPort, Inventory, WorkloadRef
from recommender.communications import AddressPeer, Communication, End
from recommender.outcomes import Excess
from recommender.policy import EGRESS, INGRESS, IPBlock, LabelSelector, NetworkPolicy, Peer, PolicyType, Port, Rule
from recommender.simulate import ports as port_sets
from recommender.simulate.actors import Cast, SimulationOptions, Standin
from recommender.simulate.blocks import count, holds, parse_address
from recommender.simulate.labels import is_open, selects
from recommender.simulate.rulebook import rule_name, rules_of, takes
from recommender.simulate.shelf import wanted_facts

_EVERYWHERE = (IPBlock("0.0.0.0/0"), IPBlock("::/0"))
_ANY_NAMESPACE = "any pod of any namespace"
_SELECTORS_ONLY = SimulationOptions()

Points = frozenset[tuple[str, int]]
"""Accepted (protocol, port) pairs."""
_NOTHING: Points = frozenset()


@dataclass(frozen=True)
class _Side:
    """One rule of one policy as it applies to one workload that the policy selects, with what is accepted there."""

    subject: WorkloadRef
    standins: tuple[Standin, ...]
    direction: PolicyType
    namespace: str
    name: str
    rule: Rule
    accepted: Mapping[End, Points]

    def excess(self, peer: str, ports: str, size: int) -> Excess:
        return Excess(str(self.subject), self.direction, peer, ports, size, self.name)


def excess(
    policies: Iterable[NetworkPolicy], accepted: Iterable[Communication], inventory: Inventory
) -> tuple[Excess, ...]:
    """Return everything that the rules let through and that no accepted communication needs, sorted.

    Each rule is held against what was accepted at the workload it is for, whether or not the other end would block
    the rest. Workloads that a selector takes are listed one by one with the ports that are left over; where it takes
    also pods not yet born, those without anything accepted come as one entry "any pod of namespace X". Addresses are
    counted exactly; a rule without peers is open to all pods, 0.0.0.0/0 and ::/0.
    """
    listed = sorted(policies, key=lambda policy: (policy.namespace, policy.name))
    census = _Census(listed, inventory)
    justified = _justified(accepted)
    found: list[Excess] = []
    for policy in listed:
        subjects = census.taken(Peer(pod_selector=policy.pod_selector), policy.namespace)
        for direction in sorted(set(policy.policy_types)):
            for index, rule in enumerate(rules_of(policy, direction)):
                name = rule_name(policy, direction, index)
                for ref, standins in subjects.items():
                    needed = justified.get((ref, direction), {})
                    side = _Side(ref, standins, direction, policy.namespace, name, rule, needed)
                    found += _of_pods(side, census)
                    found += _of_addresses(side, census)
    return tuple(sorted(set(found), key=lambda e: (e.subject, e.direction, e.rule, e.peer, e.ports)))


def _justified(accepted: Iterable[Communication]) -> dict[tuple[WorkloadRef, PolicyType], dict[End, Points]]:
    found: defaultdict[tuple[WorkloadRef, PolicyType], defaultdict[End, set[tuple[str, int]]]]
    found = defaultdict(lambda: defaultdict(set))
    for seen in accepted:
        ends: tuple[tuple[End, End, PolicyType], ...] = ((seen.src, seen.dst, EGRESS), (seen.dst, seen.src, INGRESS))
        for subject, peer, direction in ends:
            if isinstance(subject, WorkloadRef):
                found[subject, direction][peer].add((seen.protocol, seen.port))
    return {key: {peer: frozenset(points) for peer, points in peers.items()} for key, peers in found.items()}


class _Census:
    """Which workloads a selector takes, with those of their stand-ins that it takes."""

    def __init__(self, policies: Iterable[NetworkPolicy], inventory: Inventory) -> None:
        self.cast = Cast(policies, inventory)
        members = [(ref, standin) for ref in self.cast.workloads() for standin in self.cast.end(ref)]
        # turned about: the actors are filed by what is so of them, and each peer looks where its wanted facts lead
        self._by_fact: defaultdict[object, list[tuple[WorkloadRef, Standin]]] = defaultdict(list)
        self._all = members
        for ref, standin in members:
            for fact in standin.actor.facts or ():
                self._by_fact[fact].append((ref, standin))
        self._taken: dict[tuple[Peer, str], dict[WorkloadRef, tuple[Standin, ...]]] = {}

    def taken(self, peer: Peer, namespace: str) -> Mapping[WorkloadRef, tuple[Standin, ...]]:
        """Return the workloads of which a selector peer takes some pods; pods of unknown labels are not counted."""
        key = (peer, namespace if peer.namespace_selector is None else "")
        if key not in self._taken:
            found: defaultdict[WorkloadRef, list[Standin]] = defaultdict(list)
            for ref, standin in self._candidates(peer, namespace):
                if takes(peer, namespace, standin.actor, None, _SELECTORS_ONLY):
                    found[ref].append(standin)
            self._taken[key] = {ref: tuple(standins) for ref, standins in found.items()}
        return self._taken[key]

    def everyone(self) -> Mapping[WorkloadRef, tuple[Standin, ...]]:
        """Return all pods that a rule without peers takes; host network pods are addresses."""
        return self.taken(Peer(namespace_selector=LabelSelector()), "")

    def _candidates(self, peer: Peer, namespace: str) -> list[tuple[WorkloadRef, Standin]]:
        wanted = wanted_facts(peer, namespace)
        return min((self._by_fact.get(fact, []) for fact in wanted), key=len) if wanted else self._all


def _size(standins: Iterable[Standin]) -> int:
    """Count living pods; a workload without any is one pod to be."""
    return sum(standin.alive for standin in standins) or 1


def _container_ports(standins: Iterable[Standin]) -> list[ContainerPort]:
    return [port for standin in standins for port in standin.actor.ports or ()]


def _unresolved(ports: tuple[Port, ...], standins: Iterable[Standin]) -> tuple[Port, ...]:
    """Return the named ports that may be any number, since no container ports of a pod are known."""
    if all(standin.actor.ports is not None for standin in standins):
        return ()
    return tuple(port for port in ports if isinstance(port.port, str))


def _of_pods(side: _Side, census: _Census) -> Iterator[Excess]:
    """Yield what a rule lets through to or from pods."""
    opened = _openings(side, census)
    taken: dict[WorkloadRef, dict[Standin, None]] = {}
    for standins_of in opened.limited:
        for ref, standins in standins_of.items():
            taken.setdefault(ref, {}).update(dict.fromkeys(standins))
    yield from _leftovers(side, {ref: tuple(standins) for ref, standins in taken.items()}, fold="")
    for label, members in opened.wide.items():
        yield from _leftovers(side, {ref: s for ref, s in members.items() if ref not in taken}, fold=label)


@dataclass(frozen=True)
class _Openings:
    """A rule's takers: those of selectors that ask for a label, and those of wide ones by what these are called."""

    limited: tuple[Mapping[WorkloadRef, tuple[Standin, ...]], ...]
    wide: Mapping[str, Mapping[WorkloadRef, tuple[Standin, ...]]]


def _openings(side: _Side, census: _Census) -> _Openings:
    if not side.rule.peers:
        return _Openings((), {_ANY_NAMESPACE: census.everyone()})
    limited = []
    wide: dict[str, dict[WorkloadRef, tuple[Standin, ...]]] = {}
    for peer in side.rule.peers:
        if peer.ip_block is not None:
            continue
        taken = census.taken(peer, side.namespace)
        if peer.pod_selector is not None and not is_open(peer.pod_selector):
            limited.append(taken)
            continue
        for label, members in _by_namespace(peer, side.namespace, taken, census):
            wide.setdefault(label, {}).update(members)
    if _ANY_NAMESPACE in wide:  # says it all
        wide = {_ANY_NAMESPACE: wide[_ANY_NAMESPACE]}
    return _Openings(tuple(limited), wide)


def _by_namespace(
    peer: Peer, own: str, taken: Mapping[WorkloadRef, tuple[Standin, ...]], census: _Census
) -> Iterator[tuple[str, dict[WorkloadRef, tuple[Standin, ...]]]]:
    selector = peer.namespace_selector
    if selector is not None and is_open(selector):
        yield _ANY_NAMESPACE, dict(taken)
        return
    names = [own] if selector is None else [n for n, labels in census.cast.namespaces() if selects(selector, labels)]
    for name in names:
        yield f"any pod of namespace {name}", {ref: s for ref, s in taken.items() if ref.namespace == name}


def _leftovers(side: _Side, takers: Mapping[WorkloadRef, tuple[Standin, ...]], *, fold: str) -> Iterator[Excess]:
    """Yield each taker's ports that nothing accepted needs; with `fold`, untouched takers as one entry of that name."""
    untouched = 0
    for ref, standins in takers.items():
        # a port's name means the container ports of the connection's destination
        target = side.standins if side.direction == INGRESS else standins
        whole = port_sets.spans(side.rule.ports, _container_ports(target))
        left = port_sets.without(whole, side.accepted.get(ref, _NOTHING))
        if fold and left == whole:
            untouched += _size(standins)
            continue
        words = [port_sets.text(left)] if left else []
        if not side.accepted.get(ref):
            words += [port_sets.rule_text((port,)) for port in _unresolved(side.rule.ports, target)]
        if words:
            yield side.excess(str(ref), ", ".join(words), _size(standins))
    if fold:
        yield side.excess(fold, port_sets.rule_text(side.rule.ports), untouched)


def _of_addresses(side: _Side, census: _Census) -> Iterator[Excess]:
    """Yield what a rule lets through to or from addresses."""
    blocks = dict.fromkeys(p.ip_block for p in side.rule.peers if p.ip_block is not None)
    if not blocks and side.rule.peers:
        return
    # no address has container ports, so a name at the destination lets no address through
    target = _container_ports(side.standins) if side.direction == INGRESS else []
    whole = port_sets.spans(side.rule.ports, target)
    if not whole:
        return
    used = _accepted_addresses(side, census)
    outside = {end.address for end in side.accepted if isinstance(end, AddressPeer)}
    for block in blocks or _EVERYWHERE:
        inside = {text: points for text, points in used.items() if (ip := parse_address(text)) and holds(block, ip)}
        touched = 0
        for text, points in sorted(inside.items()):
            left = port_sets.without(whole, points)
            if left == whole:
                continue
            touched += 1
            # a rule without peers has the pods behind these addresses among its workloads already
            if left and (blocks or text in outside):
                yield side.excess(text, port_sets.text(left), 1)
        if count(block) > touched:
            yield side.excess(_block_text(block), port_sets.text(whole), count(block) - touched)


def _accepted_addresses(side: _Side, census: _Census) -> dict[str, Points]:
    """Return accepted addresses with their points; the addresses of an accepted workload's pods are accepted too."""
    found: defaultdict[str, Points] = defaultdict(frozenset)
    for end, points in side.accepted.items():
        addresses = [end.address] if isinstance(end, AddressPeer) else census.cast.pod_addresses(end)
        for address in addresses:
            found[address] |= points
    return found


def _block_text(block: IPBlock) -> str:
    return f"{block.cidr} except {', '.join(block.excepts)}" if block.excepts else block.cidr
