"""Turns the policies that a cluster has already, and an export, into what applying the export changes and what not.

NetworkPolicies are a union: the export only adds to what existing policies open, and it cannot close it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from collectors.errors import UnreadableInput, one_line
from collectors.inventory import Inventory, WorkloadRef
from recommender.communications import AddressPeer, Communication, meaning
from recommender.manifest_read import policy_from_object
from recommender.outcomes import EndVerdict, Outcome
from recommender.policy import EGRESS, INGRESS, MANAGED_BY, NetworkPolicy, PolicyType
from recommender.redundancy import Redundancy, redundancy
from recommender.review import Reviewed
from recommender.simulate import isolation, simulate

_LONGEST_NAME = 253

Decided = Literal["declined", "undecided", "withheld"]


@dataclass(frozen=True)
class Unread:
    """An existing policy ("namespace/name") that this podfence cannot read, and why: it counts nowhere."""

    name: str
    reason: str


@dataclass(frozen=True)
class Existing:
    """The policies in force, sorted: others' (`policies`), earlier exports of podfence (`own`), and unreadable ones.

    `missing` says why the cluster's policies could not be listed, "" where they were.
    """

    policies: tuple[NetworkPolicy, ...] = ()
    own: tuple[NetworkPolicy, ...] = ()
    unread: tuple[Unread, ...] = ()
    missing: str = ""

    @property
    def in_force(self) -> tuple[NetworkPolicy, ...]:
        """All that can be read, whoever made them, sorted by namespace and name."""
        return tuple(sorted((*self.policies, *self.own), key=lambda policy: policy.key))

    def refuse_missing(self, where: Path, advice: str) -> None:
        """Raise UnreadableInput if they could not be listed; `where` names the inventory, `advice` what to do."""
        if self.missing:
            raise UnreadableInput(
                f"{where}: the cluster's NetworkPolicies could not be listed ({one_line(self.missing)}); {advice}"
            )


@dataclass(frozen=True)
class AlreadyAllowed:
    """An accepted communication that existing rules let through at an end that existing policies isolate."""

    communication: Communication
    direction: PolicyType
    rules: tuple[str, ...]


@dataclass(frozen=True)
class KeptOpen:
    """A communication that was not accepted and that rules which the export does not replace let through all the same.

    `verdict` is `undecidable` where the inventory cannot tell for certain. `stale`: it closes once the stale policies
    of earlier exports are deleted.
    """

    communication: Communication
    decided: Decided
    rules: tuple[str, ...]
    verdict: str = "allowed"
    stale: bool = False


@dataclass(frozen=True)
class ExistingReport:
    """What applying an export changes in a cluster that has policies.

    `overwritten` are others' policies that have the name of an exported one: applying replaces them. `stale` are
    podfence's own that the export no longer contains: applying does not delete them. `added` are accepted
    communications that existing policies deny and the union allows; `would_still_break` those that the union does not
    certainly allow. `isolates` are the directions that others' policies isolate already.
    """

    existing: Existing = field(default_factory=Existing)
    overwritten: tuple[NetworkPolicy, ...] = ()
    stale: tuple[NetworkPolicy, ...] = ()
    already_allowed: tuple[AlreadyAllowed, ...] = ()
    added: tuple[Communication, ...] = ()
    kept_open: tuple[KeptOpen, ...] = ()
    would_still_break: tuple[Outcome, ...] = ()
    redundancy: Redundancy = field(default_factory=Redundancy)
    isolates: Mapping[WorkloadRef, frozenset[PolicyType]] = field(default_factory=dict)


def existing(inventory: Inventory) -> Existing:
    """Return the inventory's policies; one that cannot be read is named with the reason and never refused.

    The API server took them all, so a field that is not known here is from a later Kubernetes.
    """
    read: dict[tuple[str, str], NetworkPolicy] = {}
    unread: set[Unread] = set()
    for item in inventory.policies:
        name = _name_of(item)
        try:
            policy = policy_from_object(item, f"NetworkPolicy {name}")
        except UnreadableInput as fault:
            unread.add(Unread(name, str(fault)))
        else:
            read[policy.key] = policy
    listed = [policy for _, policy in sorted(read.items())]
    return Existing(
        tuple(policy for policy in listed if not _is_own(policy)),
        tuple(policy for policy in listed if _is_own(policy)),
        tuple(sorted(unread, key=lambda one: (one.name, one.reason))),
        str(inventory.missing.get("NetworkPolicy", "")),
    )


def _name_of(item: object) -> str:
    metadata = item.get("metadata") if isinstance(item, Mapping) else None
    parts = [metadata.get(key) for key in ("namespace", "name")] if isinstance(metadata, Mapping) else ["", ""]
    texts = [part if isinstance(part, str) and part else "?" for part in parts]
    return "/".join(text if len(text) <= _LONGEST_NAME else f"{text[: _LONGEST_NAME - 3]}..." for text in texts)


def _is_own(policy: NetworkPolicy) -> bool:
    return MANAGED_BY in policy.labels


def compare(
    policies: Iterable[NetworkPolicy], reviewed: Reviewed, inventory: Inventory, outcomes: Iterable[Outcome] = ()
) -> ExistingReport:
    """Return what applying exported policies changes beside the inventory's own.

    Earlier exports of podfence do not count as existing, since the export replaces them; those that it does not
    contain any more count only for what they keep open until they are deleted. `outcomes` are the simulator's
    verdicts on communications under the exported policies alone: with them the same comes sooner.
    """
    found, export = existing(inventory), tuple(policies)
    exported = {policy.key for policy in export}
    replaced = [policy.key in exported for policy in found.policies]
    staying = tuple(policy for policy, gone in zip(found.policies, replaced, strict=True) if not gone)
    stale = tuple(policy for policy in found.own if policy.key not in exported)
    accepted = [item.communication for item in reviewed.accepted]
    before = simulate(found.policies, accepted, inventory)
    sure = _surely_allowed(outcomes, isolation(export, inventory))
    after = simulate([*staying, *export], [c for c in accepted if meaning(c) not in sure], inventory)
    allowed = sure | {meaning(outcome.communication) for outcome in after if outcome.verdict == "allowed"}
    return ExistingReport(
        found,
        overwritten=tuple(policy for policy, gone in zip(found.policies, replaced, strict=True) if gone),
        stale=stale,
        already_allowed=tuple(entry for outcome in before for entry in _already(outcome)),
        added=tuple(
            outcome.communication
            for outcome in before
            if outcome.verdict == "denied" and meaning(outcome.communication) in allowed
        ),
        kept_open=_kept_open(staying, stale, export, reviewed, inventory),
        would_still_break=tuple(outcome for outcome in after if outcome.verdict != "allowed"),
        redundancy=redundancy(staying, export, inventory),
        isolates={ref: closed for ref, closed in isolation(found.policies, inventory).items() if closed},
    )


def _surely_allowed(
    outcomes: Iterable[Outcome], isolated: Mapping[WorkloadRef, frozenset[PolicyType]]
) -> frozenset[tuple[object, ...]]:
    """Return the meanings of communications that stay allowed whatever policies are added.

    At an end that is isolated some rule lets them through, and a union only adds; an address no policy can isolate.
    """
    return frozenset(
        meaning(outcome.communication)
        for outcome in outcomes
        if outcome.verdict == "allowed"
        and all(
            isinstance(end, AddressPeer) or direction in isolated.get(end, ())
            for end, direction in ((outcome.communication.src, EGRESS), (outcome.communication.dst, INGRESS))
        )
    )


def _already(outcome: Outcome) -> Iterator[AlreadyAllowed]:
    ends: tuple[tuple[PolicyType, EndVerdict], ...] = ((EGRESS, outcome.egress), (INGRESS, outcome.ingress))
    for direction, end in ends:
        if end.isolated and end.verdict == "allowed":
            yield AlreadyAllowed(outcome.communication, direction, end.rules)


def _kept_open(
    staying: tuple[NetworkPolicy, ...],
    stale: tuple[NetworkPolicy, ...],
    export: tuple[NetworkPolicy, ...],
    reviewed: Reviewed,
    inventory: Inventory,
) -> tuple[KeptOpen, ...]:
    decided = tuple(_not_accepted(reviewed))
    communications = [communication for communication, _ in decided]
    runs: list[tuple[tuple[NetworkPolicy, ...], bool]] = [(staying, False)]
    if stale:
        runs.append(((*staying, *stale), True))
    found: dict[int, KeptOpen] = {}
    for lasting, with_stale in runs:
        names = {f"{policy.namespace}/{policy.name}" for policy in lasting}
        outcomes = simulate([*lasting, *export], communications, inventory)
        for at, outcome in enumerate(outcomes):
            rules = _deciding(outcome, names)
            if rules and outcome.verdict != "denied":
                kept = KeptOpen(outcome.communication, decided[at][1], rules, outcome.verdict, stale=with_stale)
                found.setdefault(at, kept)
    return tuple(kept for _, kept in sorted(found.items()))


def _not_accepted(reviewed: Reviewed) -> Iterator[tuple[Communication, Decided]]:
    for item in reviewed.declined:
        yield item.communication, "declined"
    for item in reviewed.undecided:
        yield item.communication, "undecided"
    for withheld in reviewed.suggestions.withheld:
        # from the pod's own node: Kubernetes lets it through whatever policies say
        if withheld.why != "node_local":
            yield withheld.communication, "withheld"


def _deciding(outcome: Outcome, names: set[str]) -> tuple[str, ...]:
    """Return the rules that alone let a communication through at some end, if all of them are of policies so named."""
    found: set[str] = set()
    for end in (outcome.egress, outcome.ingress):
        if end.isolated and all(rule.partition(" ")[0] in names for rule in end.rules):
            found.update(end.rules)
    return tuple(sorted(found))
