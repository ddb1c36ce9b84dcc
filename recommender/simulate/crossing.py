"""Turns the ways of both ends into what passes from each class of ends to each other, under several sets of policies.

A connection passes where the egress of its source and the ingress of its destination both let it through.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from collectors.inventory import Inventory
from recommender.policy import EGRESS, INGRESS, NetworkPolicy, PolicyType
from recommender.simulate.actors import SimulationOptions
from recommender.simulate.bits import bits, mask_of
from recommender.simulate.ends import Ends, masks
from recommender.simulate.port_algebra import EVERY_PORT, NO_PORT, Spans, common, joined, less
from recommender.simulate.ways import DIRECTIONS, Gatebook, Parts, Taken, Way, Ways

Value = tuple[Ways, ...]
"""The ways of one end under each set of policies."""
ValueParts = list[tuple[int, Value]]


@dataclass(frozen=True)
class Passing:
    """What passes between two ends under one set of policies: for certain, and for certain or perhaps."""

    yes: Spans
    maybe: Spans


@dataclass(frozen=True)
class Crossed:
    """What passes under each set of policies; `same` are the ports of which it is certain that no set differs."""

    passing: tuple[Passing, ...]
    same: Spans


class Crossing:
    """Several sets of policies over one inventory, ready to be asked row by row."""

    def __init__(
        self, sets: Sequence[Iterable[NetworkPolicy]], inventory: Inventory, options: SimulationOptions | None = None
    ) -> None:
        self.options = options or SimulationOptions()
        listed = [tuple(policies) for policies in sets]
        self.ends = Ends([policy for policies in listed for policy in policies], inventory)
        taken = Taken(self.ends, self.options)
        self._families = taken.families
        self.books = tuple(Gatebook(policies, taken) for policies in listed)
        self._values: dict[Value, Value] = {}
        self._parts = {direction: self._of_direction(direction) for direction in DIRECTIONS}
        self._seen_from = {direction: _Transposed(self._parts[direction]) for direction in DIRECTIONS}
        # told apart by identity: comparing all that a way hangs on takes long, and equal values are one object
        self._steady = frozenset(id(value) for value in self._values if value.count(value[0]) == len(value))
        self._at_one_node = masks(end.nodes if len(end.nodes) == 1 else None for end in self.ends.all)
        self._unplaced = masks(end.unplaced for end in self.ends.all).get(True, 0)
        self._crossed: dict[tuple[int, int, tuple[int | None, ...], str], Crossed] = {}

    def _of_direction(self, direction: PolicyType) -> list[ValueParts]:
        merged: dict[tuple[int, ...], ValueParts] = {}
        found: list[ValueParts] = []
        for number in range(len(self.ends.all)):
            parts = [book.parts(direction, number) for book in self.books]
            key = tuple(map(id, parts))
            if key not in merged:
                merged[key] = [(mask, self._values.setdefault(value, value)) for value, mask in _merged(parts).items()]
            found.append(merged[key])
        return found

    def to_and_from(self, number: int, direction: PolicyType, *, changed: bool = False) -> dict[Crossed, int]:
        """Return what passes from (EGRESS) or to (INGRESS) a class, with the mask of the other ends of each.

        `changed`: only where the ways of either end differ between the sets. Pairs of which no end is a pod that
        policies select are left out, and a pod's own node, where that is always let through.
        """
        others = self.ends.everyone if self.ends.subjects >> number & 1 else self.ends.subjects
        mine = [(mask & others, value) for mask, value in self._parts[direction][number] if mask & others]
        theirs = list(self._seen_from[INGRESS if direction == EGRESS else EGRESS].at(number))
        found: defaultdict[Crossed, int] = defaultdict(int)
        for mask, value in mine:
            steady = changed and id(value) in self._steady
            for met, other in theirs:
                both = mask & met
                if both and not (steady and id(other) in self._steady):
                    egress, ingress = (value, other) if direction == EGRESS else (other, value)
                    for part, families, unsure in self._apart(number, both, direction):
                        found[self._cross(egress, ingress, families, unsure)] |= part
        return dict(found)

    def _apart(
        self, number: int, others: int, direction: PolicyType
    ) -> Iterator[tuple[int, tuple[int | None, ...], str]]:
        """Yield others by the families of a connection and by which end may be on a node that always lets it pass."""
        own = self.ends.all[number].actor.families
        if self.options.self_always_allowed and len(set(self.ends.all[number].pods)) == 1:
            others &= ~(1 << number)
        for part, unsure in self._by_node(number, others, direction):
            if len(self._families) == 1:
                yield part, (None,), unsure
                continue
            for families, mask in self.ends.by_families.items():
                shared = (own & families) if own and families else (own | families)
                if part & mask:
                    yield part & mask, tuple(sorted(shared)) or (None,), unsure

    def _by_node(self, number: int, others: int, direction: PolicyType) -> Iterator[tuple[int, str]]:
        """Yield others whose node does not matter or is another one, and those of which it is not known, and where.

        A node reaches its own pods whatever policies say; that pods reach their own node is an option.
        """
        end = self.ends.all[number]
        is_pod = bool(self.ends.subjects >> number & 1)
        always = INGRESS if (direction == EGRESS) != is_pod else EGRESS
        if always == EGRESS and not self.options.own_node_always_reachable:
            near = 0
        elif is_pod:
            near = others & (self.ends.kinds["host"] | self.ends.kinds["node"])
        else:
            near = others & self.ends.subjects if end.nodes else 0
        unknown = 0 if end.kind == "unborn" else near & ~self.ends.kinds["unborn"]
        if not end.unplaced:
            unknown &= self._unplaced
        own = near & self._at_one_node.get(end.nodes, 0)
        if others & ~near:
            yield others & ~near, ""
        if near & ~unknown & ~own:
            yield near & ~unknown & ~own, ""
        if unknown:
            yield unknown, always

    def _cross(self, egress: Value, ingress: Value, families: tuple[int | None, ...], unsure: str) -> Crossed:
        key = (id(egress), id(ingress), families, unsure)
        if key not in self._crossed:
            indexes = [self._families.index(family) for family in families]
            sides = [
                [[_perhaps(ways[index]) if unsure == direction else ways[index] for index in indexes] for ways in value]
                for value, direction in ((egress, EGRESS), (ingress, INGRESS))
            ]
            passing = tuple(_passing(out, into) for out, into in zip(*sides, strict=True))
            same = EVERY_PORT
            for side in sides:
                for ways in side[1:]:
                    for before, after in zip(side[0], ways, strict=True):
                        same = common(same, _same(before, after))
            self._crossed[key] = Crossed(passing, same)
        return self._crossed[key]


class _Transposed:
    """Parts turned about: for each other end, the value of the ends that face it, the usual ones told once."""

    def __init__(self, parts: Sequence[ValueParts]) -> None:
        usual: defaultdict[int, list[int]] = defaultdict(list)
        unusual: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
        self._values = {id(value): value for each in parts for _, value in each}
        for number, each in enumerate(parts):
            most = max(each, key=lambda part: part[0].bit_count())
            usual[id(most[1])].append(number)
            for part in each:
                if part is not most:
                    unusual[part[0], id(part[1])].append(number)
        self._usual = [(mask_of(numbers), value) for value, numbers in usual.items()]
        self._unusual: list[list[tuple[int, int]]] = [[] for _ in parts]
        for (mask, value), numbers in unusual.items():
            met = mask_of(numbers)
            for number in bits(mask):
                self._unusual[number].append((met, value))

    def at(self, number: int) -> Iterator[tuple[int, Value]]:
        """Yield masks of the ends that have a value towards this one; together they are everyone."""
        found: defaultdict[int, int] = defaultdict(int)
        for mask, value in self._unusual[number]:
            found[value] |= mask
        others = 0
        for mask in found.values():
            others |= mask
        for mask, value in self._usual:
            if mask & ~others:
                found[value] |= mask & ~others
        yield from ((mask, self._values[value]) for value, mask in found.items())


def _merged(parts: Sequence[Parts]) -> dict[Value, int]:
    found: dict[Value, int] = {(): -1}
    for index, each in enumerate(parts):
        further: defaultdict[Value, int] = defaultdict(int)
        for value, mask in found.items():
            # the same rules make the same parts, as is usual
            steady = index > 0 and each is parts[index - 1]
            for part, ways in [(mask, value[-1])] if steady else each:
                if mask & part:
                    further[*value, ways] |= mask & part
        found = dict(further)
    return found


def _perhaps(way: Way) -> Way:
    return Way(way.yes, EVERY_PORT, way.conditions | {"own node"})


def _passing(egress: Sequence[Way], ingress: Sequence[Way]) -> Passing:
    yes, maybe = EVERY_PORT, NO_PORT
    # which family a connection takes is not known: it passes for certain if it does over each
    for out, into in zip(egress, ingress, strict=True):
        yes, maybe = common(yes, common(out.yes, into.yes)), joined(maybe, common(out.maybe, into.maybe))
    return Passing(yes, maybe)


def _same(before: Way, after: Way) -> Spans:
    """Return the ports of which it is certain that both ways say the same of them."""
    if before == after:
        return EVERY_PORT
    differing = [
        less(one, other)
        for one, other in (
            (before.yes, after.yes),
            (after.yes, before.yes),
            (before.maybe, after.maybe),
            (after.maybe, before.maybe),
        )
    ]
    if before.conditions != after.conditions:
        differing += [less(way.maybe, way.yes) for way in (before, after)]
    left = EVERY_PORT
    for part in differing:
        left = less(left, part)
    return left
