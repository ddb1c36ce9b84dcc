"""Turns what was seen and not accepted into whether widenings together would let any of it through."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Literal

from collectors.inventory import WorkloadRef
from recommender.communications import AddressPeer, Communication, End
from recommender.policy import EGRESS, INGRESS, PolicyType
from recommender.review import Reviewed, directions
from recommender.suggest import Suggestion
from recommender.widening import Widening, holds

_Far = WorkloadRef | str | tuple[Literal["namespace"], str] | None
"""The other end: a workload, an address, a whole namespace, or (None) every address."""


_Place = tuple[WorkloadRef, PolicyType, _Far]


class Guard:
    """What was seen and not accepted, by the rule that could let it through.

    Each option heeds it for what the option widens itself. Two widenings of one decision multiply, so they are asked
    about here.
    """

    def __init__(self, reviewed: Reviewed) -> None:
        self._first = reviewed.suggestions.first
        self._at: defaultdict[_Place, defaultdict[int, list[Communication]]] = defaultdict(lambda: defaultdict(list))
        for seen in reviewed.not_accepted:
            for near, far, direction in ((seen.dst, seen.src, INGRESS), (seen.src, seen.dst, EGRESS)):
                if isinstance(near, WorkloadRef):
                    for key in self._keys(far):
                        self._at[self._first(near), direction, key][seen.port].append(seen)

    def forbids(self, item: Suggestion, before: Widening, alone: Widening, after: Widening) -> bool:
        """Say whether `after` lets through what was not accepted and neither `before` nor `alone` does."""
        if not before and alone:
            return False
        return any(
            self._takes(item, after, direction, seen)
            and not any(self._takes(item, one, direction, seen) for one in (before, alone))
            for subject, direction in directions(item)
            for seen in self._met(item, after, direction, subject)
        )

    def _keys(self, far: End) -> tuple[_Far, ...]:
        if isinstance(far, AddressPeer):
            return far.address, None
        return self._first(far), ("namespace", far.namespace)

    def _far(self, end: End, widening: Widening, direction: PolicyType) -> _Far:
        if isinstance(end, AddressPeer):
            return end.address if widening.addresses is None else None
        whole = widening.source if direction == INGRESS else widening.destination
        return ("namespace", end.namespace) if whole else self._first(end)

    def _met(
        self, item: Suggestion, widening: Widening, direction: PolicyType, subject: WorkloadRef
    ) -> Iterator[Communication]:
        """Yield what was not accepted and may be between the subject and the peer that a widening makes."""
        far = self._far(_far_end(item.communication, direction), widening, direction)
        ports: Mapping[int, list[Communication]] = self._at.get((subject, direction, far), {})
        low, high = widening.ports or (item.communication.port, item.communication.port)
        wanted = [*range(low, high + 1), *widening.service_ports] if high - low < len(ports) else list(ports)
        for port in wanted:
            yield from ports.get(port, ())

    def _takes(self, item: Suggestion, widening: Widening, direction: PolicyType, seen: Communication) -> bool:
        """Say whether a widening lets a communication of the item's subject through."""
        far, other = self._far(_far_end(item.communication, direction), widening, direction), _far_end(seen, direction)
        if far not in self._keys(other) or not _opens(item.communication, widening, direction, seen):
            return False
        block = widening.addresses
        return far is not None or (block is not None and isinstance(other, AddressPeer) and holds(block, other.address))


def _far_end(seen: Communication, direction: PolicyType) -> End:
    return seen.src if direction == INGRESS else seen.dst


def _opens(own: Communication, widening: Widening, direction: PolicyType, seen: Communication) -> bool:
    """Say whether a widening opens the protocol and port of a communication."""
    if seen.protocol not in (widening.protocols or (own.protocol,)):
        return False
    low, high = widening.ports or (own.port, own.port)
    return low <= seen.port <= high or (direction == EGRESS and seen.port in widening.service_ports)
