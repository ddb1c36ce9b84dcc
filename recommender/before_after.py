"""Turns verdicts before and after a change of policies into what becomes of each communication, and of each workload.

Worked means that it was seen to work: connections, or datagrams without any reply. What failed when it was observed
cannot be broken by a policy.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from collectors.inventory import WorkloadRef
from recommender.communications import Communication, meaning
from recommender.outcomes import Outcome
from recommender.policy import EGRESS, INGRESS, NetworkPolicy, PolicyType
from recommender.review import Reviewed

Fate = Literal[
    "would_break", "newly_denied", "newly_allowed", "undecidable", "declined", "stays_denied", "stays_allowed"
]
FATES: tuple[Fate, ...] = (
    "would_break", "newly_denied", "newly_allowed", "undecidable", "declined", "stays_denied", "stays_allowed"
)  # fmt: skip
"""In the order in which they matter."""

Decided = Literal["accepted", "declined", "undecided", "withheld", ""]
_MOST_EXAMPLES = 3


@dataclass(frozen=True)
class Change:
    """What two sets of policies say of one communication, and what a review decided of it ("": it says nothing)."""

    before: Outcome
    after: Outcome
    decided: Decided = ""

    @property
    def communication(self) -> Communication:
        """The communication itself."""
        return self.after.communication

    @property
    def worked(self) -> bool:
        """Whether it was seen to work."""
        return self.communication.evidence.worked

    @property
    def fate(self) -> Fate:
        """What becomes of it.

        `would_break`: it worked and is denied after. `newly_denied`: it did not work, was allowed before and is denied
        after: nobody misses it. `declined`: either of these, as the review wants it. `undecidable`: the verdict after
        it, or whether anything changes, cannot be known.
        """
        before, after = self.before.verdict, self.after.verdict
        if after == "denied" and (self.worked or before == "allowed"):
            if self.decided == "declined":
                return "declined"
            return "would_break" if self.worked else "newly_denied"
        if after == "denied" and before == "denied":
            return "stays_denied"
        if after == "allowed" and (before == "allowed" or (before == "undecidable" and self.worked)):
            return "stays_allowed"
        return "newly_allowed" if (before, after) == ("denied", "allowed") else "undecidable"

    @property
    def contradicts(self) -> bool:
        """Whether it worked although the policies before deny it: these are stale, or nothing enforces them."""
        return self.worked and self.before.verdict == "denied"


@dataclass(frozen=True)
class Impact:
    """What becomes of one workload's communications in one direction; `examples` are a few of each fate."""

    workload: WorkloadRef
    direction: PolicyType
    counts: Mapping[Fate, int] = field(default_factory=dict)
    examples: Mapping[Fate, tuple[Change, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class BeforeAfter:
    """All changes, in the order of their communications."""

    changes: tuple[Change, ...] = ()

    @cached_property
    def counts(self) -> Mapping[Fate, int]:
        """How many communications have each fate; all fates, in their order."""
        found = Counter(change.fate for change in self.changes)
        return {fate: found[fate] for fate in FATES}

    def of(self, fate: Fate) -> tuple[Change, ...]:
        """Return the changes of one fate."""
        return tuple(change for change in self.changes if change.fate == fate)

    @property
    def contradicted(self) -> tuple[Change, ...]:
        """What worked although the policies before deny it."""
        return tuple(change for change in self.changes if change.contradicts)

    @property
    def declined_open(self) -> tuple[Change, ...]:
        """What a review declined and the policies after do not deny."""
        return tuple(c for c in self.changes if c.decided == "declined" and c.after.verdict != "denied")

    @cached_property
    def impacts(self) -> tuple[Impact, ...]:
        """What becomes of each workload in each direction, sorted by name, egress first."""
        found: defaultdict[tuple[WorkloadRef, PolicyType], list[Change]] = defaultdict(list)
        for change in self.changes:
            for place in _places(change.communication):
                found[place].append(change)
        return tuple(_impact(*place, changes) for place, changes in sorted(found.items()))


def applied(in_force: Iterable[NetworkPolicy], given: Iterable[NetworkPolicy]) -> tuple[NetworkPolicy, ...]:
    """Return the policies in force after others are applied: one of the same namespace and name is replaced; sorted."""
    by_name = {policy.key: policy for policy in (*in_force, *given)}
    return tuple(policy for _, policy in sorted(by_name.items()))


def compare_outcomes(
    before: Iterable[Outcome], after: Iterable[Outcome], reviewed: Reviewed | None = None
) -> BeforeAfter:
    """Return what becomes of each communication; both are verdicts on the same communications in the same order."""
    decided = dict(_decided(reviewed)) if reviewed is not None else {}
    return BeforeAfter(
        tuple(
            Change(first, second, decided.get(meaning(second.communication), ""))
            for first, second in zip(before, after, strict=True)
        )
    )


def _decided(reviewed: Reviewed) -> Iterator[tuple[tuple[object, ...], Decided]]:
    lists: tuple[tuple[Decided, Iterable[Communication]], ...] = (
        ("withheld", (item.communication for item in reviewed.suggestions.withheld)),
        ("undecided", (item.communication for item in reviewed.undecided)),
        ("declined", (item.communication for item in reviewed.declined)),
        ("accepted", (item.communication for item in reviewed.accepted)),
    )
    for word, communications in lists:
        yield from ((meaning(communication), word) for communication in communications)


def _places(communication: Communication) -> Iterator[tuple[WorkloadRef, PolicyType]]:
    if isinstance(communication.src, WorkloadRef):
        yield communication.src, EGRESS
    if isinstance(communication.dst, WorkloadRef):
        yield communication.dst, INGRESS


def _impact(workload: WorkloadRef, direction: PolicyType, changes: Iterable[Change]) -> Impact:
    by_fate: defaultdict[Fate, list[Change]] = defaultdict(list)
    for change in changes:
        by_fate[change.fate].append(change)
    present = [fate for fate in FATES if fate in by_fate]
    return Impact(
        workload,
        direction,
        {fate: len(by_fate[fate]) for fate in present},
        {fate: tuple(by_fate[fate][:_MOST_EXAMPLES]) for fate in present},
    )
