"""Turns peers of rules into the workloads that they take, pod by pod: exactly, over the whole inventory."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from collectors.inventory import Inventory, WorkloadRef
from recommender.policy import LabelSelector, NetworkPolicy, Peer, Rule
from recommender.simulate.actors import Cast, SimulationOptions, Standin
from recommender.simulate.labels import is_open, selects
from recommender.simulate.rulebook import takes
from recommender.simulate.shelf import wanted_facts

ANY_NAMESPACE = "any pod of any namespace"
_SELECTORS_ONLY = SimulationOptions()

Members = Mapping[WorkloadRef, tuple[Standin, ...]]
"""Workloads of which some pods are taken, with the stand-ins of these."""


def size(standins: Iterable[Standin]) -> int:
    """Count living pods; a workload without any is one pod to be."""
    return sum(standin.alive for standin in standins) or 1


@dataclass(frozen=True)
class Crowd:
    """All that a wide selector takes: also pods not yet born, so that only those with something accepted are listed."""

    members: Members

    @cached_property
    def size(self) -> int:
        """How many pods there are of them."""
        return sum(map(size, self.members.values()))


@dataclass(frozen=True)
class Takers:
    """Whom a rule takes by selectors: `limited` ask for a label, `wide` ones by what they are called do not."""

    limited: Members = field(default_factory=dict)
    wide: Mapping[str, Crowd] = field(default_factory=dict)


class Census:
    """Which workloads a selector takes, with those of their stand-ins that it takes."""

    def __init__(self, policies: Iterable[NetworkPolicy], inventory: Inventory) -> None:
        self.cast = Cast(policies, inventory)
        self._all = [(ref, standin) for ref in self.cast.workloads() for standin in self.cast.end(ref)]
        # turned about: the actors are filed by what is so of them, and each peer looks where its wanted facts lead
        self._by_fact: defaultdict[object, list[tuple[WorkloadRef, Standin]]] = defaultdict(list)
        for ref, standin in self._all:
            for fact in standin.actor.facts or ():
                self._by_fact[fact].append((ref, standin))
        self._taken: dict[tuple[Peer, str], Members] = {}
        self._crowds: dict[tuple[tuple[Peer, ...], str], Takers] = {}

    def taken(self, peer: Peer, namespace: str) -> Members:
        """Return the workloads of which a selector peer takes some pods; pods of unknown labels are not counted."""
        key = (peer, namespace if peer.namespace_selector is None else "")
        if key not in self._taken:
            found: defaultdict[WorkloadRef, list[Standin]] = defaultdict(list)
            for ref, standin in self._candidates(peer, namespace):
                if takes(peer, namespace, standin.actor, None, _SELECTORS_ONLY):
                    found[ref].append(standin)
            self._taken[key] = {ref: tuple(standins) for ref, standins in found.items()}
        return self._taken[key]

    def takers(self, rule: Rule, namespace: str) -> Takers:
        """Return whom a rule of a policy takes by selectors; one without peers takes all pods.

        Host network pods are addresses.
        """
        peers = tuple(peer for peer in rule.peers if peer.ip_block is None)
        if rule.peers and not any(map(_is_wide, peers)):
            return Takers(_together(self.taken(peer, namespace) for peer in peers))
        key = (peers, namespace)
        if key not in self._crowds:
            self._crowds[key] = self._sorted_out(peers, namespace)
        return self._crowds[key]

    def _sorted_out(self, peers: tuple[Peer, ...], namespace: str) -> Takers:
        limited = _together(self.taken(peer, namespace) for peer in peers if not _is_wide(peer))
        wide: dict[str, dict[WorkloadRef, tuple[Standin, ...]]] = {}
        for peer in filter(_is_wide, peers or (Peer(namespace_selector=LabelSelector()),)):
            for label, members in self._by_namespace(peer, namespace):
                wide.setdefault(label, {}).update(members)
        if ANY_NAMESPACE in wide:  # says it all
            wide = {ANY_NAMESPACE: wide[ANY_NAMESPACE]}
        return Takers(
            limited,
            {
                label: Crowd({ref: standins for ref, standins in members.items() if ref not in limited})
                for label, members in wide.items()
            },
        )

    def _by_namespace(self, peer: Peer, own: str) -> Iterator[tuple[str, Members]]:
        taken, selector = self.taken(peer, own), peer.namespace_selector
        if selector is not None and is_open(selector):
            yield ANY_NAMESPACE, taken
            return
        found: defaultdict[str, dict[WorkloadRef, tuple[Standin, ...]]] = defaultdict(dict)
        for ref, standins in taken.items():
            found[ref.namespace][ref] = standins
        names = [own] if selector is None else [n for n, labels in self.cast.namespaces() if selects(selector, labels)]
        for name in names:
            yield f"any pod of namespace {name}", found[name]

    def _candidates(self, peer: Peer, namespace: str) -> list[tuple[WorkloadRef, Standin]]:
        wanted = wanted_facts(peer, namespace)
        return min((self._by_fact.get(fact, []) for fact in wanted), key=len) if wanted else self._all


def _is_wide(peer: Peer) -> bool:
    return peer.pod_selector is None or is_open(peer.pod_selector)


def _together(parts: Iterable[Members]) -> Members:
    found: dict[WorkloadRef, tuple[Standin, ...]] = {}
    for part in parts:
        for ref, standins in part.items():
            found[ref] = tuple(dict.fromkeys((*found[ref], *standins))) if ref in found else standins
    return found
