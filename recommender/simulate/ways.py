"""Turns policies and classes of ends into ways: what an end lets through in a direction, to or from each other end."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from collectors.inventory import ContainerPort
from recommender.policy import EGRESS, INGRESS, LabelSelector, NetworkPolicy, Peer, PolicyType, Port
from recommender.simulate import ports as port_sets
from recommender.simulate.actors import SimulationOptions
from recommender.simulate.bits import bits, mask_of
from recommender.simulate.ends import EndClass, Ends, masks
from recommender.simulate.port_algebra import EVERY_PORT, NO_PORT, Spans, common
from recommender.simulate.ports import Span, union
from recommender.simulate.rulebook import rule_name, rules_of, takes
from recommender.simulate.shelf import wanted_facts

DIRECTIONS: tuple[PolicyType, ...] = (INGRESS, EGRESS)
Entry = tuple[str, Peer | None, tuple[Port, ...]]
"""A policy's namespace, one peer of a rule of it (None: the rule takes anyone), and the rule's ports."""
Profile = tuple[bool, tuple[ContainerPort, ...] | None]
"""What a port's name means at a destination: whether it is a host network pod, and its container ports if known."""


@dataclass(frozen=True)
class Way:
    """What one end lets through: for certain, and perhaps; `conditions` are all that the difference hangs on.

    Two ways that are equal open the same whatever it is that is not known.
    """

    yes: Spans
    maybe: Spans
    conditions: frozenset[object] = frozenset()


OPEN, SHUT = Way(EVERY_PORT, EVERY_PORT), Way(NO_PORT, NO_PORT)
Ways = tuple[Way, ...]
"""A way for each family in `Taken.families`."""
Parts = tuple[tuple[int, Ways], ...]
"""Masks of other ends, which together are everyone, each with the ways to or from them."""
_Piece = tuple[tuple[int | None, ...], Spans, Spans, Entry | None]
"""For which families, what is let through for certain, what perhaps, and the entry on which that hangs."""


class Taken:
    """Which ends a peer takes, for certain and perhaps, looked up and remembered."""

    def __init__(self, ends: Ends, options: SimulationOptions) -> None:
        self.ends, self.options = ends, options
        dual = any(len(end.actor.families) > 1 for end in ends.all)
        # where an end has addresses of both families a connection is of either, and blocks hold one of them
        self.families: tuple[int | None, ...] = (None, 4, 6) if dual else (None,)
        self.profiles: Mapping[Profile, int] = masks(_profile(end) for end in ends.all)
        facts: defaultdict[object, list[int]] = defaultdict(list)
        blocks: defaultdict[object, set[int]] = defaultdict(set)
        for number, end in enumerate(ends.all):
            for fact in end.actor.facts or ():
                facts[fact].append(number)
            for _, holding in end.actor.addresses:
                for block in holding:
                    blocks[block].add(number)
        self._facts = {fact: mask_of(numbers) for fact, numbers in facts.items()}
        self._blocks = {block: mask_of(sorted(numbers)) for block, numbers in blocks.items()}
        self._obscure = mask_of(n for n, end in enumerate(ends.all) if end.actor.facts is None)
        homeless = [n for n, end in enumerate(ends.all) if not end.actor.addresses]
        self._unborn = [n for n in homeless if ends.all[n].kind == "unborn"]
        self._homeless = mask_of(homeless) & ~mask_of(self._unborn)
        self._found: dict[tuple[Peer, str], tuple[int, int]] = {}
        self.made: dict[object, Parts] = {}

    def by(self, peer: Peer, namespace: str) -> tuple[int, int]:
        """Return who is taken by a peer of a policy of a namespace for certain, and who perhaps."""
        key = (peer, namespace if peer.namespace_selector is None else "")
        if key not in self._found:
            self._found[key] = self._by_block(peer) if peer.ip_block is not None else self._by_labels(peer, namespace)
        return self._found[key]

    def _by_block(self, peer: Peer) -> tuple[int, int]:
        takers = self.ends.everyone if self.options.ip_block_matches_pods else self.ends.everyone & ~self.ends.subjects
        sure, unsure = self._blocks.get(peer.ip_block, 0), self._homeless
        for number in self._unborn:
            inside = takes(peer, "", self.ends.all[number].actor, None, self.options)
            sure |= (1 << number) if inside else 0
            unsure |= (1 << number) if inside is None else 0
        return sure & takers, unsure & takers

    def _by_labels(self, peer: Peer, namespace: str) -> tuple[int, int]:
        candidates = self.ends.everyone
        for fact in wanted_facts(peer, namespace):
            candidates &= self._facts.get(fact, 0)
        answers: dict[bool | None, list[int]] = {True: [], False: [], None: []}
        for number in bits(candidates | self._obscure):
            answers[takes(peer, namespace, self.ends.all[number].actor, None, self.options)].append(number)
        return mask_of(answers[True]), mask_of(answers[None])

    def matters(self, peer: Peer | None, family: int | None) -> bool:
        """Say whether a peer can take an end by an address of a family (None: of any)."""
        if peer is None or peer.ip_block is None or family is None:
            return True
        return (":" in peer.ip_block.cidr) == (family == 6)


def _profile(end: EndClass) -> Profile:
    return (end.actor.nature == "host", end.actor.ports)


@lru_cache(maxsize=65536)
def let_through(ports: tuple[Port, ...], profile: Profile) -> tuple[Spans, Spans]:
    """Return what a rule's ports let through at a destination for certain, and what for certain or perhaps."""
    host, declared = profile
    numbered = tuple(port for port in ports if not isinstance(port.port, str))
    sure = port_sets.spans(numbered, ()) if numbered or not ports else NO_PORT
    named = tuple(port for port in ports if isinstance(port.port, str))
    if not named:
        return sure, sure
    if declared is None:
        every: list[Span] = [span for port in named for span in EVERY_PORT if span[0] == port.protocol]
        return sure, union([*sure, *every])
    by_name = union([*sure, *port_sets.spans(named, declared)])
    # no policy selects a host network pod, so implementations differ on whether its port names count
    return (sure if host else by_name), by_name


class Gatebook:
    """One set of policies: what isolates each end in each direction, and its parts."""

    def __init__(self, policies: Iterable[NetworkPolicy], taken: Taken) -> None:
        self._taken, self._ends = taken, taken.ends
        self._chosen: defaultdict[tuple[PolicyType, int], list[NetworkPolicy]] = defaultdict(list)
        self._unsure: set[tuple[PolicyType, int]] = set()
        for policy in sorted(policies, key=lambda policy: policy.key):
            sure, unsure = taken.by(Peer(pod_selector=policy.pod_selector), policy.namespace)
            for direction in sorted(set(policy.policy_types)):
                for number in bits((sure | unsure) & self._ends.subjects):
                    self._chosen[direction, number].append(policy)
                self._unsure |= {(direction, number) for number in bits(unsure & self._ends.subjects)}

    def isolated(self, direction: PolicyType, number: int) -> bool | None:
        """Say whether an end is isolated; None where its labels are not known."""
        return None if (direction, number) in self._unsure else bool(self._chosen.get((direction, number)))

    def policies(self, direction: PolicyType, number: int) -> tuple[str, ...]:
        """Name the policies that isolate an end."""
        return tuple(f"{policy.namespace}/{policy.name}" for policy in self._chosen.get((direction, number), ()))

    def parts(self, direction: PolicyType, number: int) -> Parts:
        """Return the ways to or from all other ends; the same object where the same rules make the same parts."""
        isolated = self.isolated(direction, number)
        chosen = self._chosen.get((direction, number), ())
        entries = tuple(dict.fromkeys(entry for policy in chosen for entry in _entries(policy, direction)))
        profile = _profile(self._ends.all[number]) if direction == INGRESS else None
        selectors = frozenset((policy.namespace, policy.pod_selector) for policy in chosen) if isolated is None else 0
        key = (isolated, frozenset(entries), profile, selectors)
        made = self._taken.made
        if key not in made:
            if isolated:
                made[key] = self._isolated(entries, profile)
            else:
                way = OPEN if isolated is False else Way(NO_PORT, EVERY_PORT, frozenset([("isolated", key)]))
                made[key] = ((self._ends.everyone, (way,) * len(self._taken.families)),)
        return made[key]

    def _isolated(self, entries: tuple[Entry, ...], profile: Profile | None) -> Parts:
        pieces: defaultdict[_Piece, int] = defaultdict(int)
        for entry in entries:
            namespace, peer, ports = entry
            families = tuple(family for family in self._taken.families if self._taken.matters(peer, family))
            sure, unsure = (self._ends.everyone, 0) if peer is None else self._taken.by(peer, namespace)
            for yes, maybe, mask in self._at_destinations(ports, profile):
                # what does not hang on anything is merged, whichever peers it is for
                pieces[families, yes, maybe, entry if yes != maybe else None] |= sure & mask
                # who has no known address may get one of either family
                pieces[self._taken.families, NO_PORT, maybe, entry] |= unsure & mask
        parts: list[tuple[int, tuple[_Piece, ...]]] = [(self._ends.everyone, ())]
        for piece, mask in pieces.items():
            parts = [
                (part, held)
                for whole, former in parts
                for part, held in ((whole & mask, (*former, piece)), (whole & ~mask, former))
                if part
            ]
        found: defaultdict[Ways, int] = defaultdict(int)
        for mask, held in parts:
            found[tuple(_way(held, family) for family in self._taken.families)] |= mask
        return tuple((mask, ways) for ways, mask in found.items())

    def _at_destinations(self, ports: tuple[Port, ...], profile: Profile | None) -> Iterator[tuple[Spans, Spans, int]]:
        """Yield what ports let through by the destinations where it is that; a given profile is the only one."""
        if profile is not None or not any(isinstance(port.port, str) for port in ports):
            yield *let_through(ports, profile or (False, ())), self._ends.everyone
            return
        for each, mask in self._taken.profiles.items():
            yield *let_through(ports, each), mask

    def rules(self, direction: PolicyType, subject: int, other: int, target: int, ports: Spans) -> tuple[str, ...]:
        """Name the rules of a subject that let any of some ports through to or from another end, perhaps or surely."""
        profile, found = _profile(self._ends.all[target]), []
        for policy in self._chosen.get((direction, subject), ()):
            for index, rule in enumerate(rules_of(policy, direction)):
                if not common(let_through(rule.ports, profile)[1], ports):
                    continue
                peers = [self._taken.by(peer, policy.namespace) for peer in rule.peers]
                if not peers or any((sure | unsure) >> other & 1 for sure, unsure in peers):
                    found.append(rule_name(policy, direction, index))
        return tuple(found)

    def why(self, direction: PolicyType, subject: int, other: int, target: int, ports: Spans) -> str:
        """Say in words what decides at one end: rules, what isolates it, or that nothing does."""
        if not self.policies(direction, subject):
            return f"{direction.lower()}: not isolated"
        rules = self.rules(direction, subject, other, target, ports)
        if rules:
            return f"{direction.lower()}: {', '.join(rules)}"
        return f"{direction.lower()}: no rule of {', '.join(self.policies(direction, subject))}"


def _entries(policy: NetworkPolicy, direction: PolicyType) -> Iterator[Entry]:
    for rule in rules_of(policy, direction):
        for peer in rule.peers or (None,):
            yield _entry(policy.namespace, peer, rule.ports)


def _entry(namespace: str, peer: Peer | None, ports: tuple[Port, ...]) -> Entry:
    """Return an entry in which what makes no difference is left out, so that those that mean the same are equal."""
    if peer is None or peer.ip_block is not None:
        return "", peer, ports
    if peer.namespace_selector is None:
        return namespace, peer, ports
    return "", Peer(peer.pod_selector or LabelSelector(), peer.namespace_selector), ports


def _way(pieces: Sequence[_Piece], family: int | None) -> Way:
    yes: list[Span] = []
    maybe: list[Span] = []
    conditions: set[object] = set()
    for families, sure, perhaps, entry in pieces:
        if family in families:
            yes += sure
            maybe += perhaps
            if entry is not None:
                conditions.add(entry)
    return Way(union(yes), union(maybe), frozenset(conditions))
