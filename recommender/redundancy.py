"""Turns existing policies and an export into what of the existing becomes redundant, and what takes nobody yet.

Redundant is decided at each end alone, so that it does not depend on the policies of the other end. A policy is
redundant where every known pod that it selects stays isolated without it and everything that its rules let through is
let through by the rules of others: pods by selectors, addresses by ipBlocks, since implementations differ on whether
an ipBlock takes pods. All that is listed can be removed at once.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from collectors.inventory import ContainerPort, Inventory
from recommender.cover import (
    Opening,
    Reach,
    addresses_covered,
    implied_peer,
    opening_of,
    reach_of,
    reach_within,
    selector_implies,
)
from recommender.ground import Ground
from recommender.policy import INGRESS, NetworkPolicy, Peer, PolicyType
from recommender.simulate.actors import Actor
from recommender.simulate.rulebook import rules_of

_Cover = frozenset[int] | None
"""The policies, by their place in the list, that let through or isolate what another does; None: they do not."""


@dataclass(frozen=True)
class Redundant:
    """An existing policy ("shop/api"), or one rule of it ("shop/api ingress[0]", `whole` false), not needed any more.

    `always`: the selectors of others take all that it takes, so that this holds for pods to come too. Else it holds
    for the pods of the inventory only: a pod with other labels may still need it. `by` are the policies that do the
    same without it, of those that stay; none where no known pod is left to it.
    """

    name: str
    whole: bool
    always: bool
    by: tuple[str, ...] = ()


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
    listed = sorted(existing, key=lambda policy: policy.key)
    union = _Union([*listed, *export], inventory)
    idle: list[str] = []
    gone: list[int] = []
    kept: list[int] = []
    for number in range(len(listed)):
        if union.always(number) is None and not union.selected(number):
            idle.append(union.name(number))
        elif union.always(number) is not None or union.redundant_here(number) is not None:
            union.remove(number)
            gone.append(number)
        else:
            kept.append(number)
    dropped: list[Opening] = []
    for opening in [opening for number in kept for opening in union.openings(number)]:
        if union.always_open(opening) is None and union.takes_nobody(opening):
            idle.append(opening.name)
        elif union.always_open(opening) is not None or union.open_without(opening) is not None:
            union.remove_rule(opening)
            dropped.append(opening)
    # asked again now that all is removed, so that nothing rests on what is to be deleted itself
    found = [
        *(union.redundant(union.name(n), union.always(n), union.redundant_here(n), whole=True) for n in gone),
        *(union.redundant(o.name, union.always_open(o), union.open_without(o), whole=False) for o in dropped),
    ]
    return Redundancy(tuple(sorted(found, key=lambda item: item.name)), tuple(sorted(idle)))


class _Union:
    """The policies that are left, by their place in the list, and what they do to every known pod."""

    def __init__(self, policies: Sequence[NetworkPolicy], inventory: Inventory) -> None:
        self._openings: dict[tuple[PolicyType, int], tuple[Opening, ...]] = {}
        self._policies = policies
        self._ground = Ground(policies, inventory)
        self._taken_by: dict[Opening, frozenset[Actor]] = {}
        self._at: defaultdict[tuple[PolicyType, Actor], list[int]] = defaultdict(list)
        self._in_namespace: defaultdict[tuple[PolicyType, str], list[int]] = defaultdict(list)
        for number, policy in enumerate(policies):
            for direction in policy.policy_types:
                self._openings[direction, number] = tuple(
                    opening_of(policy, number, direction, index, rule)
                    for index, rule in enumerate(rules_of(policy, direction))
                )
                self._in_namespace[direction, policy.namespace].append(number)
                for actor in self.selected(number):
                    self._at[direction, actor].append(number)
        self._left = {place: list(openings) for place, openings in self._openings.items()}

    def name(self, number: int) -> str:
        """Return "namespace/name" of a policy."""
        return f"{self._policies[number].namespace}/{self._policies[number].name}"

    def redundant(self, name: str, always: _Cover, here: _Cover, *, whole: bool) -> Redundant:
        """Return an entry that names the policies which do the same."""
        by = always if always is not None else here or frozenset()
        return Redundant(name, whole, always is not None, tuple(sorted({self.name(number) for number in by})))

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

    def always(self, number: int) -> _Cover:
        """Return who isolates and opens, by selectors, all that a policy does, whatever pods there are."""
        found: set[int] = set()
        for direction in self._policies[number].policy_types:
            wider = list(self._wider(direction, number))
            parts = _all_of(self._implied(o, own=False) for o in self._openings[direction, number])
            if not wider or parts is None:
                return None
            found |= parts or {wider[0]}
        return frozenset(found)

    def always_open(self, opening: Opening) -> _Cover:
        """Return whose other rules let through, by their selectors, all that a rule does, whatever pods there are."""
        return self._implied(opening, own=True)

    def _wider(self, direction: PolicyType, number: int) -> Iterator[int]:
        """Yield the other policies left that select all that a policy selects, now and later."""
        policy = self._policies[number]
        for other in self._in_namespace[direction, policy.namespace]:
            left = other != number and (direction, other) in self._left
            if left and selector_implies(policy.pod_selector, self._policies[other].pod_selector):
                yield other

    def _implied(self, opening: Opening, *, own: bool) -> _Cover:
        numbers = [*self._wider(opening.direction, opening.number), *([opening.number] if own else [])]
        others = [o for number in numbers for o in self._left[opening.direction, number] if o is not opening]
        wide = [o for o in others if reach_within(reach_of(opening.rule.ports, None), [reach_of(o.rule.ports, None)])]
        found: set[int] = set()
        for peer in opening.rule.peers or (None,):
            by = next((o.number for o in wide if _stands_in(o, peer)), None)
            if by is None:
                return None
            found.add(by)
        return frozenset(found)

    def redundant_here(self, number: int) -> _Cover:
        """Return who isolates and opens every known pod that a policy selects as it is with the policy."""
        ways = self._policies[number].policy_types
        found = _all_of(self._covered(o, own=False) for way in ways for o in self._openings[way, number])
        if found is None:
            return None
        more: set[int] = set()
        for way in ways:
            for actor in self.selected(number):
                others = [o for o in self._at[way, actor] if o != number and (way, o) in self._left]
                if not others:
                    return None
                if found.isdisjoint(others):
                    more.add(others[0])
        return found | more

    def takes_nobody(self, opening: Opening) -> bool:
        """Say whether a rule has peers of which none is a known pod or an address."""
        return bool(opening.rule.peers) and not opening.blocks and not self._takers(opening)

    def open_without(self, opening: Opening) -> _Cover:
        """Return who of the rest lets through all that a rule lets through at known pods."""
        return self._covered(opening, own=True)

    def _covered(self, opening: Opening, *, own: bool) -> _Cover:
        """Return who of the rest lets through, at every known pod that a rule is for, what it does."""
        found: dict[object, _Cover] = {}
        for actor in self.selected(opening.number):
            numbers = tuple(
                other
                for other in self._at[opening.direction, actor]
                if (opening.direction, other) in self._left and (own or other != opening.number)
            )
            # pods under the same policies with the same port names need one look
            key = (numbers, actor.ports)
            if key not in found:
                others = [o for number in numbers for o in self._left[opening.direction, number] if o is not opening]
                found[key] = self._covered_at(actor, opening, others)
            if found[key] is None:
                return None
        return _all_of(found.values())

    def _covered_at(self, subject: Actor, opening: Opening, others: Sequence[Opening]) -> _Cover:
        inward, ports = opening.direction == INGRESS, opening.rule.ports
        declared = subject.ports if inward else None
        parts: list[_Cover] = []
        if opening.blocks:
            parts.append(_least(others, lambda some: addresses_covered(opening, some, declared)))
        if None in parts:
            return None
        left = self._takers(opening)
        needed = reach_of(ports, None)
        for other in others:
            # whatever a name is the number of at a pod, it is for both rules
            if left and reach_within(needed, [reach_of(other.rule.ports, None)]):
                met = left & self._takers(other)
                left -= met
                parts.append(frozenset([other.number] if met else []))
        for alike, some in self._alike(left, others):
            for there in [declared] if inward else {taker.ports for taker in alike}:
                parts.append(_least(some, _within(reach_of(ports, there), there)))
                if parts[-1] is None:
                    return None
        return _all_of(parts)

    def _alike(
        self, actors: frozenset[Actor], others: Sequence[Opening]
    ) -> list[tuple[frozenset[Actor], list[Opening]]]:
        """Return the pods in groups that the same rules take, with these rules: one look is enough for each."""
        groups: list[tuple[frozenset[Actor], list[Opening]]] = [(actors, [])]
        for other in others:
            taken = self._takers(other)
            if not taken.isdisjoint(actors):
                halves = [((group & taken, [*some, other]), (group - taken, some)) for group, some in groups]
                groups = [half for both in halves for half in both if half[0]]
        return groups if actors else []

    def _takers(self, opening: Opening) -> frozenset[Actor]:
        if opening not in self._taken_by:
            self._taken_by[opening] = self._ground.takers(opening.rule, opening.namespace)
        return self._taken_by[opening]


def _all_of(parts: Iterable[_Cover]) -> _Cover:
    found: set[int] = set()
    for part in parts:
        if part is None:
            return None
        found |= part
    return frozenset(found)


def _stands_in(other: Opening, peer: Peer | None) -> bool:
    """Say whether a rule takes, by its selectors, whoever a peer takes; None: anyone."""
    if not other.rule.peers:
        return True
    return peer is not None and any(implied_peer(peer, wide, other.namespace) for wide in other.rule.peers)


def _within(needed: Reach, declared: tuple[ContainerPort, ...] | None) -> Callable[[Sequence[Opening]], bool]:
    return lambda some: reach_within(needed, [reach_of(other.rule.ports, declared) for other in some])


def _least(others: Sequence[Opening], enough: Callable[[Sequence[Opening]], bool]) -> _Cover:
    """Return the policies of the first rule that is enough alone, else of rules of which none can be left out."""
    if not enough(others):
        return None
    for few in ([], *([other] for other in others)):
        if enough(few):
            return frozenset(other.number for other in few)
    kept = list(others)
    for other in others[::-1]:
        fewer = [one for one in kept if one is not other]
        if enough(fewer):
            kept = fewer
    return frozenset(other.number for other in kept)
