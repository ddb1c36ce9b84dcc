"""Turns a review into what exporting it now would do to all that was seen: let pass, break, block, or nothing."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from collectors.inventory import WorkloadRef
from recommender.communications import AddressPeer, Communication, End
from recommender.policy import EGRESS, INGRESS, PolicyType
from recommender.review import Direction, Reviewed, directions
from recommender.suggest import Suggestion
from recommender.widening import Widening, holds

Effect = Literal["allowed", "would_break", "blocked", "not_affected"]
EFFECTS: tuple[Effect, ...] = ("allowed", "would_break", "blocked", "not_affected")
"""Let through by a rule; undecided and cut off; declined and cut off; neither isolated nor let through by a rule."""

_EXACT = Widening()
# What worked and could not be suggested is cut off like anything else, where policies can see it.
_CUT = frozenset({"ambiguous", "unresolved", "service", "not_oriented", "no_subject"})


@dataclass(frozen=True)
class WhatIf:
    """The effect of an export on each suggestion, by id, and withheld communications that worked and would break."""

    effects: Mapping[str, Effect] = field(default_factory=dict)
    withheld: tuple[Communication, ...] = ()

    @cached_property
    def counts(self) -> dict[Effect, int]:
        """How many suggestions have each effect, all of them named."""
        found = Counter(self.effects.values())
        return {effect: found[effect] for effect in EFFECTS}

    def __str__(self) -> str:
        counts = self.counts
        said = (
            f"if exported now: {counts['allowed']} allowed, {counts['would_break']} would break, "
            f"{counts['blocked']} blocked on purpose, {counts['not_affected']} not affected"
        )
        more = f"; {len(self.withheld)} more would break that no rule can be written for" if self.withheld else ""
        return said + more


def what_if(reviewed: Reviewed, *, default_deny: bool = False) -> WhatIf:
    """Return what exporting a review now would do, without the inventory: as the simulator says of the same policies.

    `default_deny` closes every direction in the namespaces that would get a policy.
    """
    closed = _Closed(reviewed, default_deny=default_deny)
    effects: dict[str, Effect] = {item.id: "allowed" for item in reviewed.accepted}
    effects.update({item.id: _effect(item, closed, "would_break") for item in reviewed.undecided})
    effects.update({item.id: _effect(item, closed, "blocked") for item in reviewed.declined})
    withheld = tuple(
        entry.communication
        for entry in reviewed.suggestions.withheld
        if entry.why in _CUT and entry.communication.evidence.worked and closed.cuts(entry.communication)
    )
    return WhatIf(effects, withheld)


def _effect(item: Suggestion, closed: "_Closed", cut: Effect) -> Effect:
    verdicts = [v for v in closed.verdicts(item.communication, item.ingress_of, item.egress_of) if v is not None]
    if not verdicts:
        return "not_affected"
    return "allowed" if all(verdicts) else cut


class _Closed:
    """The directions that an export would close, and what it would let through there."""

    def __init__(self, reviewed: Reviewed, *, default_deny: bool) -> None:
        self._first = reviewed.suggestions.first
        self._isolated = reviewed.isolated
        self._namespaces = {ref.namespace for ref, _ in reviewed.isolated} if default_deny else set()
        asked = self._directions_asked(reviewed)
        self._open: defaultdict[tuple[Direction, End | str | None], list[tuple[Communication, Widening]]]
        self._open = defaultdict(list)
        for item in reviewed.accepted:
            for ref, direction in directions(item):
                if (ref, direction) in asked:
                    self._keep(item, ref, direction, reviewed)

    def _directions_asked(self, reviewed: Reviewed) -> set[Direction]:
        """Return where anything is that was not accepted: of what is let through elsewhere nobody will ask."""
        listed = (*reviewed.undecided, *reviewed.declined)
        found = {direction for item in listed for direction in directions(item)}
        for entry in reviewed.suggestions.withheld:
            for end, direction in ((entry.communication.dst, INGRESS), (entry.communication.src, EGRESS)):
                if isinstance(end, WorkloadRef):
                    found.add((self._first(end), direction))
        return found

    def _keep(self, item: Suggestion, ref: WorkloadRef, direction: PolicyType, reviewed: Reviewed) -> None:
        decision = reviewed.decisions.get(item.id)
        widening = (decision.widen if decision else None) or _EXACT
        peer = item.communication.src if direction == INGRESS else item.communication.dst
        whole = widening.source if direction == INGRESS else widening.destination
        place = None if whole or widening.addresses else self._place(peer)
        self._open[(ref, direction), place].append((item.communication, widening))

    def _place(self, end: End) -> End | str:
        """Return what rules for exactly this end are kept under; None is kept for rules that take others too."""
        return self._first(end) if isinstance(end, WorkloadRef) else end.address

    def verdicts(
        self, seen: Communication, ingress_of: WorkloadRef | None, egress_of: WorkloadRef | None
    ) -> tuple[bool | None, bool | None]:
        """Return for either end whether it lets a communication through; None where it is not closed."""
        return self._verdict(seen, ingress_of, INGRESS), self._verdict(seen, egress_of, EGRESS)

    def cuts(self, seen: Communication) -> bool:
        """Say whether a communication that is no suggestion is cut off at an end that is a workload."""
        ends = [self._first(end) if isinstance(end, WorkloadRef) else None for end in (seen.dst, seen.src)]
        return False in self.verdicts(seen, ends[0], ends[1])

    def _verdict(self, seen: Communication, ref: WorkloadRef | None, direction: PolicyType) -> bool | None:
        if ref is None or ((ref, direction) not in self._isolated and ref.namespace not in self._namespaces):
            return None
        other = self._place(seen.src if direction == INGRESS else seen.dst)
        rules = (rule for place in (other, None) for rule in self._open.get(((ref, direction), place), ()))
        return any(self._lets(seen, rule, widening, direction) for rule, widening in rules)

    def _lets(self, seen: Communication, rule: Communication, widening: Widening, direction: PolicyType) -> bool:
        other, peer = (seen.src, rule.src) if direction == INGRESS else (seen.dst, rule.dst)
        whole = widening.source if direction == INGRESS else widening.destination
        return self._takes(peer, other, widening, whole=whole) and _opens(rule, widening, seen, direction)

    def _takes(self, peer: End, other: End, widening: Widening, *, whole: bool) -> bool:
        if isinstance(peer, WorkloadRef):
            if not isinstance(other, WorkloadRef):
                return False
            return other.namespace == peer.namespace if whole else self._first(other) == self._first(peer)
        if not isinstance(other, AddressPeer):
            return False
        return holds(widening.addresses, other.address) if widening.addresses else other.address == peer.address


def _opens(rule: Communication, widening: Widening, seen: Communication, direction: PolicyType) -> bool:
    if seen.protocol not in (widening.protocols or (rule.protocol,)):
        return False
    low, high = widening.ports or (rule.port, rule.port)
    return low <= seen.port <= high or (direction == EGRESS and seen.port in widening.service_ports)
