"""Turns an inventory's pods into actors, and selectors into which of them they take."""

from collections import defaultdict
from collections.abc import Iterable

from collectors.inventory import Inventory
from recommender.policy import NetworkPolicy, Peer, Rule
from recommender.simulate.actors import Actor, Cast, SimulationOptions
from recommender.simulate.rulebook import takes
from recommender.simulate.shelf import wanted_facts

_SELECTORS_ONLY = SimulationOptions(ip_block_matches_pods=False)


class Ground:
    """All pods whose labels are known, as actors, and which of them selectors take."""

    def __init__(self, policies: Iterable[NetworkPolicy], inventory: Inventory) -> None:
        cast = Cast(policies, inventory)
        met = (standin.actor for ref in cast.workloads() for standin in cast.end(ref))
        self._all = tuple(dict.fromkeys(actor for actor in met if actor.nature == "pod" and actor.labels is not None))
        self._by_fact: defaultdict[object, list[Actor]] = defaultdict(list)
        for actor in self._all:
            for fact in actor.facts or ():
                self._by_fact[fact].append(actor)
        self._taken: dict[tuple[Peer, str], frozenset[Actor]] = {}
        self._takers: dict[tuple[tuple[Peer, ...], str], frozenset[Actor]] = {}

    def taken(self, peer: Peer, namespace: str) -> frozenset[Actor]:
        """Return the pods that a selector peer takes."""
        key = (peer, namespace if peer.namespace_selector is None else "")
        if key not in self._taken:
            wanted = wanted_facts(peer, namespace)
            candidates = min((self._by_fact.get(fact, []) for fact in wanted), key=len) if wanted else self._all
            self._taken[key] = frozenset(a for a in candidates if takes(peer, namespace, a, None, _SELECTORS_ONLY))
        return self._taken[key]

    def takers(self, rule: Rule, namespace: str) -> frozenset[Actor]:
        """Return the pods that a rule takes by selectors; one without peers takes all."""
        key = (rule.peers, namespace)
        if key not in self._takers:
            parts = [self.taken(peer, namespace) for peer in rule.peers if peer.ip_block is None]
            self._takers[key] = frozenset().union(*parts) if rule.peers else frozenset(self._all)
        return self._takers[key]
