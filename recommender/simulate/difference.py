"""Turns two sets of policies into the connections that one lets through and the other does not: exactly, no samples."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from collectors.inventory import Inventory
from recommender.outcomes import VerdictWord
from recommender.policy import EGRESS, INGRESS, NetworkPolicy, PolicyType
from recommender.simulate.actors import SimulationOptions
from recommender.simulate.bits import bits, first, mask_of
from recommender.simulate.crossing import Crossed, Crossing, Passing
from recommender.simulate.end_words import EndSet
from recommender.simulate.ends import KINDS
from recommender.simulate.port_algebra import EVERY_PORT, NO_PORT, Spans, common, joined, less, words
from recommender.simulate.ways import DIRECTIONS, Gatebook

ChangeKind = Literal["added", "removed", "changed"]
VERDICTS: tuple[VerdictWord, ...] = ("allowed", "denied", "undecidable")


@dataclass(frozen=True)
class _Pair:
    """Sources and destinations of which each pair is alike, and what can be asked of one of them."""

    src: EndSet
    dst: EndSet
    ports: Spans
    books: tuple[Gatebook, ...] = field(compare=False, repr=False)

    @property
    def ports_text(self) -> str:
        """The ports in words."""
        return words(self.ports)

    @cached_property
    def rules_before(self) -> tuple[str, ...]:
        """What decides before, at each end, for the first source and the first destination; others' are alike."""
        return self._decides(self.books[0])

    @cached_property
    def rules_after(self) -> tuple[str, ...]:
        """What decides after, likewise."""
        return self._decides(self.books[1])

    def _decides(self, book: Gatebook) -> tuple[str, ...]:
        src, dst = first(self.src.mask), first(self.dst.mask)
        ends: tuple[tuple[PolicyType, int, int], ...] = ((EGRESS, src, dst), (INGRESS, dst, src))
        return tuple(book.why(direction, subject, other, dst, self.ports) for direction, subject, other in ends)


@dataclass(frozen=True)
class Change(_Pair):
    """Connections that are certainly allowed on one side and certainly denied on the other, at `ports`.

    `opened` and `closed` together are `ports`; `before` and `after` are all that is certainly allowed between these
    ends.
    """

    before: Spans = NO_PORT
    after: Spans = NO_PORT
    opened: Spans = NO_PORT
    closed: Spans = NO_PORT

    @property
    def kind(self) -> ChangeKind:
        """Added: nothing was allowed before; removed: nothing is after; else changed."""
        if not self.before:
            return "added"
        return "changed" if self.after else "removed"


@dataclass(frozen=True)
class Unsure(_Pair):
    """Connections whose verdict is undecidable before or after, and of which it is not sure that they are alike."""

    before: VerdictWord = "undecidable"
    after: VerdictWord = "undecidable"


@dataclass(frozen=True)
class IsolationChange:
    """Ends that are isolated in a direction on one side only; None: their labels are not known."""

    ends: EndSet
    direction: PolicyType
    before: bool | None
    after: bool | None


@dataclass(frozen=True)
class Difference:
    """All that two sets of policies decide differently between any two ends; each tuple is sorted.

    A port of a pair of ends is in one entry at most. What no entry holds is decided alike. NetworkPolicy speaks of
    TCP, UDP and SCTP; where isolation changes, other protocols may change too, as implementations differ on these.
    """

    changes: tuple[Change, ...] = ()
    undecidable: tuple[Unsure, ...] = ()
    isolation: tuple[IsolationChange, ...] = ()

    @property
    def added(self) -> tuple[Change, ...]:
        """Connections of ends between which nothing was allowed before."""
        return tuple(change for change in self.changes if change.kind == "added")

    @property
    def removed(self) -> tuple[Change, ...]:
        """Connections of ends between which nothing is allowed after."""
        return tuple(change for change in self.changes if change.kind == "removed")

    @property
    def changed(self) -> tuple[Change, ...]:
        """Connections of ends between which other ports are allowed after than before."""
        return tuple(change for change in self.changes if change.kind == "changed")

    @property
    def is_empty(self) -> bool:
        """Whether both sets are certainly the same to every connection, and isolate the same."""
        return not (self.changes or self.undecidable or self.isolation)

    @property
    def only_adds(self) -> bool:
        """Whether everything that was allowed before certainly is after."""
        return not any(change.closed for change in self.changes) and not any(map(_may_close, self.undecidable))

    @property
    def only_removes(self) -> bool:
        """Whether everything that is allowed after certainly was before."""
        return not any(change.opened for change in self.changes) and not any(map(_may_open, self.undecidable))


def _may_close(entry: Unsure) -> bool:
    return entry.before != "denied" and entry.after != "allowed"


def _may_open(entry: Unsure) -> bool:
    return entry.after != "denied" and entry.before != "allowed"


@dataclass(frozen=True)
class Containment:
    """Whether one set allows nothing that another does not; None: it cannot be known, `witness` says where."""

    within: bool | None
    witness: Change | Unsure | None = None


@dataclass(frozen=True)
class _Turn:
    """How a pair of ends turns: what was and is allowed, and the ports of each two verdicts that are not alike."""

    before: Spans
    after: Spans
    ports: tuple[tuple[VerdictWord, VerdictWord, Spans], ...]


def difference(
    before: Iterable[NetworkPolicy],
    after: Iterable[NetworkPolicy],
    inventory: Inventory,
    options: SimulationOptions | None = None,
) -> Difference:
    """Return every connection that two sets of policies decide differently, folded to ends that turn alike.

    Ends are all pods of the inventory, finished ones too, by groups that no policy tells apart; host network pods and
    nodes; "any pod not yet born" of each namespace, with none of the labels that policies name; all other addresses.
    """
    crossing = Crossing((tuple(before), tuple(after)), inventory, options)
    turns: dict[Crossed, _Turn] = {}
    found: defaultdict[tuple[_Turn, int], list[int]] = defaultdict(list)
    for number in range(len(crossing.ends.all)):
        alike: defaultdict[_Turn, int] = defaultdict(int)
        for crossed, others in crossing.to_and_from(number, EGRESS, changed=True).items():
            if crossed not in turns:
                turns[crossed] = _turn(crossed)
            alike[turns[crossed]] |= others
        for turn, others in alike.items():
            if turn.ports:
                found[turn, others].append(number)
    changes: list[Change] = []
    undecidable: list[Unsure] = []
    for (turn, targets), sources in found.items():
        for src, dst in _by_kind(crossing, mask_of(sources), targets):
            changes += _change(turn, src, dst, crossing.books)
            undecidable += _unsure(turn, src, dst, crossing.books)
    return Difference(
        tuple(sorted(changes, key=lambda c: (*_place(c), sorted(c.before), sorted(c.after)))),
        tuple(sorted(undecidable, key=lambda u: (*_place(u), u.before, u.after))),
        tuple(_isolation(crossing)),
    )


def _turn(crossed: Crossed) -> _Turn:
    before, after = crossed.passing
    ports = []
    for was in VERDICTS:
        for now in VERDICTS:
            both = (
                common(_of_verdict(before, was), _of_verdict(after, now))
                if was != now or was == VERDICTS[2]
                else NO_PORT
            )
            if was == now:
                both = less(both, crossed.same)
            if both:
                ports.append((was, now, both))
    return _Turn(before.yes, after.yes, tuple(ports))


def _of_verdict(passing: Passing, verdict: VerdictWord) -> Spans:
    if verdict == "allowed":
        return passing.yes
    return less(EVERY_PORT, passing.maybe) if verdict == "denied" else less(passing.maybe, passing.yes)


def _by_kind(crossing: Crossing, sources: int, targets: int) -> Iterator[tuple[EndSet, EndSet]]:
    ends = crossing.ends
    for one in KINDS:
        for other in KINDS:
            if sources & ends.kinds[one] and targets & ends.kinds[other]:
                yield EndSet(one, sources & ends.kinds[one], ends), EndSet(other, targets & ends.kinds[other], ends)


def _change(turn: _Turn, src: EndSet, dst: EndSet, books: tuple[Gatebook, ...]) -> Iterator[Change]:
    sure = {(was, now): ports for was, now, ports in turn.ports if "undecidable" not in {was, now}}
    opened, closed = sure.get(("denied", "allowed"), NO_PORT), sure.get(("allowed", "denied"), NO_PORT)
    if sure:
        yield Change(src, dst, joined(opened, closed), books, turn.before, turn.after, opened, closed)


def _unsure(turn: _Turn, src: EndSet, dst: EndSet, books: tuple[Gatebook, ...]) -> Iterator[Unsure]:
    for was, now, ports in turn.ports:
        if "undecidable" in {was, now}:
            yield Unsure(src, dst, ports, books, was, now)


def _place(entry: _Pair) -> tuple[object, ...]:
    """Sort by the namespace of the end that is a pod, the source first."""
    pods = entry.src if entry.src.kind in {"workload", "unborn"} else entry.dst
    kinds = (KINDS.index(entry.src.kind), KINDS.index(entry.dst.kind))
    return (pods.namespaces[0], pods is entry.dst, entry.src.text, entry.dst.text, kinds, sorted(entry.ports))


def _isolation(crossing: Crossing) -> Iterator[IsolationChange]:
    before, after = crossing.books
    for direction in DIRECTIONS:
        found: defaultdict[tuple[bool | None, bool | None], list[int]] = defaultdict(list)
        for number in bits(crossing.ends.subjects):
            was, now = before.isolated(direction, number), after.isolated(direction, number)
            if was is not now:
                found[was, now].append(number)
        for (was, now), numbers in sorted(found.items(), key=str):
            for kind in ("workload", "unborn"):
                if mask := mask_of(numbers) & crossing.ends.kinds[kind]:
                    yield IsolationChange(EndSet(kind, mask, crossing.ends), direction, was, now)


def is_within(
    inner: Iterable[NetworkPolicy],
    outer: Iterable[NetworkPolicy],
    inventory: Inventory,
    options: SimulationOptions | None = None,
) -> Containment:
    """Say whether everything that one set of policies allows, another allows too; a witness says what not."""
    found = difference(inner, outer, inventory, options)
    for change in found.changes:
        if change.closed:
            return Containment(False, change)
    for entry in found.undecidable:
        if _may_close(entry):
            return Containment(None, entry)
    return Containment(True)
