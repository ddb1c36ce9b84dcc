"""Turns existing policies and an export into what of the existing becomes redundant, and what takes nobody yet.

Redundant is decided at each end alone, so that it does not depend on the policies of the other end. A policy is
redundant where every known pod that it selects stays isolated without it and everything that its rules let through is
let through by the rules of others: pods by selectors, addresses by ipBlocks, since implementations differ on whether
an ipBlock takes pods. All that is listed can be removed at once.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from collectors.inventory import Inventory
from recommender.cover import (
    Opening,
    addresses_covered,
    implied_peer,
    opening_of,
    reach_of,
    reach_within,
    selector_implies,
)
from recommender.policy import INGRESS, NetworkPolicy, Peer, PolicyType, Rule
from recommender.simulate.actors import Actor, Cast, SimulationOptions
from recommender.simulate.rulebook import rules_of, takes
from recommender.simulate.shelf import wanted_facts

_SELECTORS_ONLY = SimulationOptions(ip_block_matches_pods=False)


@dataclass(frozen=True)
class Redundant:
    """An existing policy ("shop/api"), or one rule of it ("shop/api ingress[0]", `whole` false), not needed any more.

    `always`: the selectors of others take all that it takes, so that this holds for pods to come too. Else it holds
    for the pods of the inventory only: a pod with other labels may still need it.
    """

    name: str
    whole: bool
    always: bool


@dataclass(frozen=True)
class Redundancy:
    """What becomes redundant, and `idle`: policies that select no known pod and rules that take none; all sorted."""

    redundant: tuple[Redundant, ...] = ()
    idle: tuple[str, ...] = ()


def redundancy(existing: Iterable[NetworkPolicy], export: Iterable[NetworkPolicy], inventory: Inventory) -> Redundancy:
    """Return the existing policies, and single rules of the others, that change nothing once the export is applied.

    Policies are tried first, by name, then rules; what was found redundant supports nothing that comes after it.
    Pods whose labels are not known are left out, as is their traffic.
    """
    listed = sorted(existing, key=lambda policy: (policy.namespace, policy.name))
    union = _Union([*listed, *export], inventory)
    found: list[Redundant] = []
    idle: list[str] = []
    kept: list[int] = []
    for number, policy in enumerate(listed):
        name, always = f"{policy.namespace}/{policy.name}", union.always(number)
        if not always and not union.selected(number):
            idle.append(name)
        elif always or union.redundant_here(number):
            union.remove(number)
            found.append(Redundant(name, whole=True, always=always))
        else:
            kept.append(number)
    for opening in [opening for number in kept for opening in union.openings(number)]:
        always = union.always_open(opening)
        if not always and union.takes_nobody(opening):
            idle.append(opening.name)
        elif always or union.open_without(opening):
            union.remove_rule(opening)
            found.append(Redundant(opening.name, whole=False, always=always))
    return Redundancy(tuple(sorted(found, key=lambda item: item.name)), tuple(sorted(idle)))


class _Union:
    """The policies that are left, by their place in the list, and what they do to every known pod."""

    def __init__(self, policies: Sequence[NetworkPolicy], inventory: Inventory) -> None:
        self._left: dict[tuple[PolicyType, int], list[Opening]] = {}
        self._policies = policies
        self._ground = _Ground(policies, inventory)
        self._at: defaultdict[tuple[PolicyType, Actor], list[int]] = defaultdict(list)
        self._in_namespace: defaultdict[tuple[PolicyType, str], list[int]] = defaultdict(list)
        for number, policy in enumerate(policies):
            for direction in policy.policy_types:
                self._left[direction, number] = [
                    opening_of(policy, number, direction, index, rule)
                    for index, rule in enumerate(rules_of(policy, direction))
                ]
                self._in_namespace[direction, policy.namespace].append(number)
                for actor in self.selected(number):
                    self._at[direction, actor].append(number)

    def selected(self, number: int) -> frozenset[Actor]:
        """Return the known pods that a policy selects."""
        policy = self._policies[number]
        return self._ground.taken(Peer(pod_selector=policy.pod_selector), policy.namespace)

    def openings(self, number: int) -> list[Opening]:
        """Return the rules of a policy that are left."""
        return [found for way in self._policies[number].policy_types for found in self._left[way, number]]

    def remove(self, number: int) -> None:
        """Leave a policy out from now on."""
        for direction in self._policies[number].policy_types:
            del self._left[direction, number]

    def remove_rule(self, opening: Opening) -> None:
        """Leave a rule out from now on; its policy still isolates."""
        self._left[opening.direction, opening.number].remove(opening)

    def always(self, number: int) -> bool:
        """Say whether others isolate and open, by their selectors, all that a policy does, whatever pods there are."""
        return all(
            bool(list(self._wider(direction, number)))
            and all(self._implied(o, own=False) for o in self._left[direction, number])
            for direction in self._policies[number].policy_types
        )

    def always_open(self, opening: Opening) -> bool:
        """Say whether other rules let through, by their selectors, all that a rule does, whatever pods there are."""
        return self._implied(opening, own=True)

    def _wider(self, direction: PolicyType, number: int) -> Iterator[int]:
        """Yield the other policies left that select all that a policy selects, now and later."""
        policy = self._policies[number]
        for other in self._in_namespace[direction, policy.namespace]:
            left = other != number and (direction, other) in self._left
            if left and selector_implies(policy.pod_selector, self._policies[other].pod_selector):
                yield other

    def _implied(self, opening: Opening, *, own: bool) -> bool:
        numbers = [*self._wider(opening.direction, opening.number), *([opening.number] if own else [])]
        others = [o for number in numbers for o in self._left[opening.direction, number] if o is not opening]
        wide = [o for o in others if reach_within(reach_of(opening.rule.ports, None), [reach_of(o.rule.ports, None)])]
        return all(
            any(not o.rule.peers or (peer is not None and any(implied_peer(peer, p, o.namespace) for p in o.rule.peers))
                for o in wide)
            for peer in opening.rule.peers or (None,)
        )  # fmt: skip

    def redundant_here(self, number: int) -> bool:
        """Say whether every known pod that a policy selects is isolated and open by others as it is with it."""
        return all(
            self._isolated_without(direction, number)
            and all(self._covered(opening, own=False) for opening in self._left[direction, number])
            for direction in self._policies[number].policy_types
        )

    def _isolated_without(self, direction: PolicyType, number: int) -> bool:
        return all(
            any(other != number and (direction, other) in self._left for other in self._at[direction, actor])
            for actor in self.selected(number)
        )

    def takes_nobody(self, opening: Opening) -> bool:
        """Say whether a rule has peers of which none is a known pod or an address."""
        return bool(opening.rule.peers) and not opening.blocks and not self._takers(opening)

    def open_without(self, opening: Opening) -> bool:
        """Say whether the rest lets through all that a rule lets through at known pods."""
        return self._covered(opening, own=True)

    def _covered(self, opening: Opening, *, own: bool) -> bool:
        """Say whether at every known pod that a rule is for, the rest lets through what it does."""
        done: set[object] = set()
        for actor in self.selected(opening.number):
            numbers = tuple(
                other
                for other in self._at[opening.direction, actor]
                if (opening.direction, other) in self._left and (own or other != opening.number)
            )
            # pods under the same policies with the same port names need one look
            if (numbers, actor.ports) in done:
                continue
            done.add((numbers, actor.ports))
            others = [o for number in numbers for o in self._left[opening.direction, number] if o is not opening]
            if not self._covered_at(actor, opening, others):
                return False
        return True

    def _covered_at(self, subject: Actor, opening: Opening, others: Sequence[Opening]) -> bool:
        inward = opening.direction == INGRESS
        if opening.blocks and not addresses_covered(opening, others, subject.ports if inward else None):
            return False
        left = self._takers(opening)
        needed = reach_of(opening.rule.ports, None)
        for other in others:
            # whatever a name is the number of at a pod, it is for both rules
            if left and reach_within(needed, [reach_of(other.rule.ports, None)]):
                left -= self._takers(other)
        return all(
            reach_within(
                reach_of(opening.rule.ports, subject.ports if inward else taker.ports),
                [
                    reach_of(other.rule.ports, subject.ports if inward else taker.ports)
                    for other in others
                    if taker in self._takers(other)
                ],
            )
            for taker in left
        )

    def _takers(self, opening: Opening) -> frozenset[Actor]:
        return self._ground.takers(opening.rule, opening.namespace)


class _Ground:
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
