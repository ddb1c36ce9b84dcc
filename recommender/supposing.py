"""Turns a review and one suggestion into what deciding it otherwise would change: policies, and what is cut off."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from collectors.inventory import WorkloadRef
from recommender.communications import Communication
from recommender.generate import generate
from recommender.openings import selector_of
from recommender.policy import EGRESS, INGRESS, NetworkPolicy
from recommender.review import Direction, Reviewed, decided, directions
from recommender.suggest import Suggestion
from recommender.what_if import Effect, WhatIf, what_if


@dataclass(frozen=True)
class Consequence:
    """What accepting one suggestion does to everything else, compared with leaving it undecided.

    `accepted`: the review with it. `isolates`: workload directions that nothing else closes yet. `breaks` and `blocks`:
    what is undecided, and what is declined, and cut off by that; `unruled`: what is cut off and can have no rule.
    """

    accepted: Reviewed
    isolates: tuple[Direction, ...] = ()
    breaks: tuple[Suggestion, ...] = ()
    blocks: tuple[Suggestion, ...] = ()
    unruled: tuple[Communication, ...] = ()

    @property
    def cut(self) -> dict[str, Effect]:
        """The suggestions that it cuts off, by id, each with what an export then does to it."""
        broken: dict[str, Effect] = {other.id: "would_break" for other in self.breaks}
        return {**broken, **{other.id: "blocked" for other in self.blocks}}


def consequence(reviewed: Reviewed, item: Suggestion) -> Consequence:
    """Return what follows from accepting a suggestion, or what has followed where it is accepted."""
    without, accepted = (supposed(reviewed, item, accepted=either) for either in (False, True))
    isolates = tuple(direction for direction in directions(item) if direction not in without.isolated)
    if not isolates:
        return Consequence(accepted)  # one more rule where others are cuts nothing off
    before, after = (what_if(_about(each, isolates)) for each in (without, accepted))

    def fresh(items: Iterable[Suggestion], effect: Effect) -> tuple[Suggestion, ...]:
        return tuple(other for other in items if after.effects.get(other.id) == effect != before.effects[other.id])

    cut_before = {str(communication) for communication in before.withheld}
    return Consequence(
        accepted,
        isolates=isolates,
        breaks=fresh(accepted.undecided, "would_break"),
        blocks=fresh(accepted.declined, "blocked"),
        unruled=tuple(communication for communication in after.withheld if str(communication) not in cut_before),
    )


def supposed(reviewed: Reviewed, item: Suggestion, *, accepted: bool) -> Reviewed:
    """Return the review as it would be with this suggestion accepted as it was seen, or undecided; all else as it is.

    What is accepted stays as it was accepted.
    """
    listed = reviewed.accepted if accepted else reviewed.undecided
    if any(other.id == item.id for other in listed) and (accepted or item.id not in reviewed.decisions):
        return reviewed

    def others(items: tuple[Suggestion, ...]) -> tuple[Suggestion, ...]:
        return tuple(other for other in items if other.id != item.id)

    decisions = {key: decision for key, decision in reviewed.decisions.items() if key != item.id}
    without = replace(
        reviewed,
        accepted=others(reviewed.accepted),
        declined=others(reviewed.declined),
        undecided=others(reviewed.undecided),
        decisions=decisions,
    )
    if not accepted:
        return replace(without, undecided=(*without.undecided, item))
    decisions[item.id] = decided(reviewed.suggestions, item, "accept")
    order = {other.id: at for at, other in enumerate(reviewed.suggestions.items)}
    return replace(without, accepted=tuple(sorted((*without.accepted, item), key=lambda other: order[other.id])))


def _about(reviewed: Reviewed, closing: Collection[Direction]) -> Reviewed:
    """Return what of a review decides about whom closing these directions cuts off: with 10,000 it must be quick."""
    first = reviewed.suggestions.first

    def ends(communication: Communication) -> set[Direction]:
        src, dst = communication.src, communication.dst
        found: set[Direction] = {(first(src), EGRESS)} if isinstance(src, WorkloadRef) else set()
        return found | ({(first(dst), INGRESS)} if isinstance(dst, WorkloadRef) else set())

    declined, undecided = (
        tuple(item for item in items if any(direction in closing for direction in directions(item)))
        for items in (reviewed.declined, reviewed.undecided)
    )
    withheld = tuple(one for one in reviewed.suggestions.withheld if not ends(one.communication).isdisjoint(closing))
    asked = {direction for item in (*declined, *undecided) for direction in directions(item)}
    asked |= {direction for one in withheld for direction in ends(one.communication)}
    return replace(
        reviewed,
        suggestions=replace(reviewed.suggestions, withheld=withheld),
        accepted=tuple(item for item in reviewed.accepted if not asked.isdisjoint(directions(item))),
        declined=declined,
        undecided=undecided,
    )


def cut_with(reviewed: Reviewed, now: WhatIf, item: Suggestion) -> Mapping[str, Effect]:
    """Return what an export now would break or block, by id, in the directions that an accepted suggestion closes."""
    closing = set(directions(item))
    return {
        other.id: now.effects[other.id]
        for listed in (reviewed.undecided, reviewed.declined)
        for other in listed
        if now.effects[other.id] in {"would_break", "blocked"} and closing.intersection(directions(other))
    }


def policies_of(reviewed: Reviewed, item: Suggestion) -> tuple[NetworkPolicy, ...]:
    """Return the policies that an export now would have for the ends of a suggestion, as the whole export has them."""
    ends = {ref for ref, _ in directions(item)}
    subjects = [reviewed.suggestions.subjects[ref] for ref in ends]
    wanted = {(subject.namespace, selector_of(subject)) for subject in subjects}
    found = generate(replace(reviewed, accepted=tuple(_near(reviewed, ends))))
    return tuple(policy for policy in found if (policy.namespace, policy.pod_selector) in wanted)


def _near(reviewed: Reviewed, ends: Collection[WorkloadRef]) -> Iterator[Suggestion]:
    """Yield what is accepted at these ends, and one of each neighbour: names are given out among a namespace's."""
    namespaces = {ref.namespace for ref in ends}
    named: set[WorkloadRef] = set()
    for other in reviewed.accepted:
        refs = [ref for ref, _ in directions(other)]
        if any(ref in ends or (ref.namespace in namespaces and ref not in named) for ref in refs):
            named.update(refs)
            yield other
