"""Turns policies into gates: what isolates an actor in a direction, and which rules open that to which other actor."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from recommender.policy import EGRESS, INGRESS, NetworkPolicy, Peer, PolicyType, Port, Rule
from recommender.simulate.actors import Actor, SimulationOptions
from recommender.simulate.labels import selects
from recommender.simulate.shelf import Shelf, wanted_facts


@dataclass(frozen=True)
class Opening:
    """A rule that takes the other end; not `sure` where that cannot be known."""

    rule: str
    ports: tuple[Port, ...]
    sure: bool = True


@dataclass(frozen=True)
class _Entry:
    """One peer of a rule; None as peer: the rule takes anyone."""

    rule: str
    namespace: str
    peer: Peer | None
    ports: tuple[Port, ...]


class Gate:
    """One direction of one actor: the policies that isolate it, and what their rules open."""

    def __init__(self, policies: Sequence[NetworkPolicy], direction: PolicyType, options: SimulationOptions) -> None:
        self.policies = tuple(sorted(f"{policy.namespace}/{policy.name}" for policy in policies))
        self._options = options
        self._chosen, self._direction = policies, direction
        self._openings: dict[tuple[Actor, int | None], tuple[Opening, ...]] = {}

    @cached_property
    def rules(self) -> tuple[tuple[str, str, Rule], ...]:
        """Every rule with its name and the namespace of its policy, in the order in which rules are named."""
        return tuple(
            (rule_name(policy, self._direction, index), policy.namespace, rule)
            for policy in self._chosen
            for index, rule in enumerate(rules_of(policy, self._direction))
        )

    @cached_property
    def _shelf(self) -> Shelf[_Entry]:
        # whoever only asks what isolates has no need of the rules
        entries = [entry for policy in self._chosen for entry in _entries(policy, self._direction)]
        return Shelf((e, wanted_facts(e.peer, e.namespace) if e.peer is not None else ()) for e in entries)

    def openings(self, other: Actor, family: int | None) -> tuple[Opening, ...]:
        """Return the rules that take an actor by its addresses of one family (None: of any)."""
        key = (other, family)
        if key not in self._openings:
            found: dict[tuple[str, tuple[Port, ...]], bool] = {}
            for entry in self._shelf.candidates(other):
                taken = True if entry.peer is None else takes(entry.peer, entry.namespace, other, family, self._options)
                if taken is not False:
                    rule = (entry.rule, entry.ports)
                    found[rule] = found.get(rule, False) or taken is True
            self._openings[key] = tuple(Opening(rule, ports, sure) for (rule, ports), sure in found.items())
        return self._openings[key]


def _entries(policy: NetworkPolicy, direction: PolicyType) -> Iterable[_Entry]:
    for index, rule in enumerate(rules_of(policy, direction)):
        for peer in rule.peers or (None,):
            yield _Entry(rule_name(policy, direction, index), policy.namespace, peer, rule.ports)


def rules_of(policy: NetworkPolicy, direction: PolicyType) -> tuple[Rule, ...]:
    """Return the rules of one direction."""
    return policy.ingress if direction == INGRESS else policy.egress


def rule_name(policy: NetworkPolicy, direction: PolicyType, index: int) -> str:
    """Name a rule for people: "shop/api ingress[0]"."""
    return f"{policy.namespace}/{policy.name} {direction.lower()}[{index}]"


def takes(peer: Peer, namespace: str, other: Actor, family: int | None, options: SimulationOptions) -> bool | None:
    """Say whether a peer of a policy in `namespace` takes an actor; None where that cannot be known."""
    if peer.ip_block is not None:
        if other.nature == "pod" and not options.ip_block_matches_pods:
            return False
        return other.in_block(peer.ip_block, family)
    if other.nature in {"unsure", "service"}:
        return None
    if other.nature != "pod":
        return False
    if peer.namespace_selector is None:
        if other.namespace != namespace:
            return False
    elif not selects(peer.namespace_selector, other.namespace_labels):
        return False
    return True if peer.pod_selector is None else selects(peer.pod_selector, other.labels)


class Rulebook:
    """All policies, arranged so that an actor's gates are found without looking at each policy."""

    def __init__(self, policies: Iterable[NetworkPolicy], options: SimulationOptions) -> None:
        self._options = options
        listed = sorted(policies, key=lambda policy: policy.key)
        self._shelves: dict[PolicyType, Shelf[NetworkPolicy]] = {
            direction: Shelf(
                (policy, wanted_facts(Peer(pod_selector=policy.pod_selector), policy.namespace))
                for policy in listed
                if direction in policy.policy_types
            )
            for direction in (INGRESS, EGRESS)
        }
        self._gates: dict[tuple[PolicyType, tuple[int, ...]], Gate] = {}
        self._found: dict[tuple[PolicyType, Actor], tuple[Gate, bool | None]] = {}

    def gate(self, subject: Actor, direction: PolicyType) -> tuple[Gate, bool | None]:
        """Return an actor's gate and whether the actor is isolated there; None where its labels are not known."""
        key = (direction, subject)
        if key not in self._found:
            chosen, isolated = self._isolating(subject, direction)
            shared = (direction, tuple(id(policy) for policy in chosen))
            if shared not in self._gates:
                self._gates[shared] = Gate(chosen, direction, self._options)
            self._found[key] = (self._gates[shared], isolated)
        return self._found[key]

    def _isolating(self, subject: Actor, direction: PolicyType) -> tuple[list[NetworkPolicy], bool | None]:
        if subject.nature != "pod":  # policies select pods with a network of their own, nothing else
            return [], False
        chosen: list[NetworkPolicy] = []
        sure = True
        for policy in self._shelves[direction].candidates(subject):
            selected = policy.namespace == subject.namespace and selects(policy.pod_selector, subject.labels)
            if selected is not False:
                chosen.append(policy)
                sure = sure and selected is True
        return chosen, bool(chosen) if sure else None
