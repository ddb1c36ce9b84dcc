"""Turns a review and a newer observation into drift: what is new, what vanished, what approved policies would deny.

docs/drift.md tells users what each part proves.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product

import pandas as pd

from collectors.inventory import Inventory, WorkloadRef
from collectors.observation import Observation
from recommender.before_after import Change, compare_outcomes
from recommender.communications import AddressPeer, Communication, End, meaning
from recommender.coverage import coverage
from recommender.coverage_model import Coverage, CoverageOptions
from recommender.generate import GenerateOptions, generate
from recommender.outcomes import Outcome
from recommender.phrases import duration, in_gaps, kept
from recommender.policy import EGRESS, INGRESS, IPBlock, NetworkPolicy
from recommender.review import Direction, Reviewed
from recommender.simulate import simulate
from recommender.stages import suggested
from recommender.suggest import Suggestion, Suggestions, Withheld
from recommender.uncollected import uncollected
from recommender.widening import Widening, holds

Meaning = tuple[object, ...]


@dataclass(frozen=True)
class New:
    """A communication that the review does not have: what `suggest` says of it, and the approved policies' verdict.

    `decision` is the id of an accepted and widened suggestion that holds it: somebody approved it ahead; "": nobody.
    """

    found: Suggestion | Withheld
    outcome: Outcome
    decision: str = ""

    @property
    def communication(self) -> Communication:
        """The communication itself."""
        return self.found.communication

    @property
    def why(self) -> str:
        """Why no rule is suggested for it, as `Withheld.why`; "" where one is."""
        return self.found.why if isinstance(self.found, Withheld) else ""


@dataclass(frozen=True)
class Vanished:
    """An approved communication that was not seen to work; `reason` is a sentence on what its absence rests on.

    `likely_gone`: the observation is good enough to take its absence for more than chance.
    """

    suggestion: Suggestion
    likely_gone: bool
    reason: str


@dataclass(frozen=True)
class Drift:
    """What an observation shows beside what a review approved; all lists are sorted by meaning.

    `widened` are new communications that a widened acceptance holds, and `known` would be denied although the review
    saw them work, as no rule can say them: neither is drift. `doubts` are why absence proves nothing for any of the
    vanished, in podfence's own words and numbers alone. `coverage` is that of the new observation.
    """

    coverage: Coverage
    new: tuple[New, ...] = ()
    widened: tuple[New, ...] = ()
    vanished: tuple[Vanished, ...] = ()
    would_break: tuple[Change, ...] = ()
    known: tuple[Change, ...] = ()
    doubts: tuple[str, ...] = ()
    seen: int = 0
    approved: int = 0
    undecided: int = 0
    policies: tuple[NetworkPolicy, ...] = ()

    def has_drifted(self, *, vanished: bool = False, worked: bool = False) -> bool:
        """Say whether anything is new or would be denied.

        With `vanished`, that counts too; with `worked`, what is new counts only where it worked.
        """
        new = any(item.communication.evidence.worked or not worked for item in self.new)
        return bool(new or self.would_break or (vanished and self.vanished))


@uncollected()
def drift(
    reviewed: Reviewed,
    observation: Observation,
    inventory: Inventory,
    options: GenerateOptions | None = None,
    coverage_options: CoverageOptions | None = None,
) -> Drift:
    """Return how an observation differs from what was approved; `options` are those that the policies were made with.

    A communication is new where the review neither suggests nor withholds it, or withheld it and it is suggested now.
    """
    found = suggested(observation, inventory)
    policies = generate(reviewed, options)
    outcomes = simulate(policies, found.communications, inventory)
    changes = compare_outcomes(simulate((), found.communications, inventory), outcomes, reviewed).of("would_break")
    judged = coverage(found.communications, inventory, observation.window, found.sightings, coverage_options)
    verdicts = {meaning(outcome.communication): outcome for outcome in outcomes}
    new = tuple(_new(reviewed, found.suggestions, verdicts))
    known = _limits(reviewed) - {meaning(item.communication) for item in new}
    absence = _Absence(judged, found.communications, reviewed.suggestions)
    return Drift(
        judged,
        new=tuple(item for item in new if not item.decision),
        widened=tuple(item for item in new if item.decision),
        vanished=tuple(absence.vanished(reviewed.accepted)),
        would_break=tuple(change for change in changes if meaning(change.communication) not in known),
        known=tuple(change for change in changes if meaning(change.communication) in known),
        doubts=absence.doubts,
        seen=len(found.communications),
        approved=len(reviewed.accepted),
        undecided=len(reviewed.undecided),
        policies=policies,
    )


def by_workload(communications: Iterable[Communication]) -> Mapping[Direction, int]:
    """Return how many communications each workload has at each direction, sorted by name, egress first."""
    counts: Counter[Direction] = Counter()
    for communication in communications:
        if isinstance(communication.src, WorkloadRef):
            counts[communication.src, EGRESS] += 1
        if isinstance(communication.dst, WorkloadRef):
            counts[communication.dst, INGRESS] += 1
    return dict(sorted(counts.items()))


def _new(reviewed: Reviewed, fresh: Suggestions, verdicts: Mapping[Meaning, Outcome]) -> Iterator[New]:
    """Yield what the review does not have, sorted by meaning."""
    before = {meaning(item.communication) for item in reviewed.suggestions.items}
    withheld = {meaning(item.communication) for item in reviewed.suggestions.withheld}
    found: dict[Meaning, Suggestion | Withheld] = {}
    found.update((key, item) for item in fresh.items if (key := meaning(item.communication)) not in before)
    found.update(
        (key, entry) for entry in fresh.withheld if (key := meaning(entry.communication)) not in before | withheld
    )
    ahead = _Widened(reviewed)
    for key, item in sorted(found.items()):
        yield New(item, verdicts[key], ahead.decision(item.communication))


def _limits(reviewed: Reviewed) -> frozenset[Meaning]:
    """Return what worked when it was reviewed and no rule can say: whoever approved the rest was told."""
    told = (entry.communication for entry in reviewed.suggestions.withheld)
    return frozenset(meaning(communication) for communication in told if communication.evidence.worked)


_Place = End | str | None
_Opening = tuple[tuple[str, ...], tuple[int, int], IPBlock | None]


class _Widened:
    """What accepted suggestions open beyond what was seen, by the ends that it is between, each opening once."""

    def __init__(self, reviewed: Reviewed) -> None:
        self._held: defaultdict[tuple[_Place, _Place], dict[_Opening, str]] = defaultdict(dict)
        for item in reviewed.accepted:
            decision = reviewed.decisions.get(item.id)
            if decision is not None and decision.widen:
                self._keep(item, decision.widen)

    def _keep(self, item: Suggestion, widening: Widening) -> None:
        seen, addresses = item.communication, widening.addresses
        src = _place(seen.src, addresses, whole=widening.source)
        dst = _place(seen.dst, addresses, whole=widening.destination)
        opening = (widening.protocols or (seen.protocol,), widening.ports or (seen.port, seen.port), addresses)
        self._held[src, dst].setdefault(opening, item.id)

    def decision(self, seen: Communication) -> str:
        """Return the id of an acceptance that holds a communication, "" where none does."""
        for places in product(_places(seen.src), _places(seen.dst)):
            for opening, key in self._held.get(places, {}).items():
                if _opens(opening, seen):
                    return key
        return ""


def _place(end: End, addresses: IPBlock | None, *, whole: bool) -> _Place:
    """Return what an opening for an end is kept under: the end, its whole namespace, or None for any address."""
    if isinstance(end, WorkloadRef):
        return end.namespace if whole else end
    return end if addresses is None else None


def _places(end: End) -> tuple[_Place, _Place]:
    return end, end.namespace if isinstance(end, WorkloadRef) else None


def _opens(opening: _Opening, seen: Communication) -> bool:
    protocols, (low, high), addresses = opening
    if seen.protocol not in protocols or not low <= seen.port <= high:
        return False
    others = [end.address for end in (seen.src, seen.dst) if isinstance(end, AddressPeer)]
    return addresses is None or any(address and holds(addresses, address) for address in others)


class _Absence:
    """What it proves that something was not seen: nothing, unless window and coverage speak for it."""

    def __init__(self, judged: Coverage, seen: Iterable[Communication], before: Suggestions) -> None:
        self._workloads = {entry.workload: entry for entry in judged.workloads}
        self._seen = {meaning(communication): communication for communication in seen}
        self.doubts = tuple(_doubts(judged, before))

    def vanished(self, accepted: Iterable[Suggestion]) -> Iterator[Vanished]:
        """Yield those of the accepted that did not work this time."""
        for item in accepted:
            seen = self._seen.get(meaning(item.communication))
            if seen is None:
                yield self._judged(item)
            elif not seen.evidence.worked:
                tried = ", ".join(f"{count} {outcome}" for outcome, count in seen.evidence.failed)
                yield Vanished(item, likely_gone=False, reason=f"It was tried, and did not work ({tried}).")

    def _judged(self, item: Suggestion) -> Vanished:
        ends = {end for end in (item.communication.src, item.communication.dst) if isinstance(end, WorkloadRef)}
        known = {ref: self._workloads.get(ref) for ref in sorted(ends)}
        told = {ref: entry.reason if entry else _UNKNOWN for ref, entry in known.items()}
        stable = [ref for ref, entry in known.items() if entry is not None and entry.verdict == "stable"]
        # where one end alone is unknown or not stable, only that one is the reason
        shown = [ref for ref in told if ref not in stable] or stable
        gone = len(stable) == len(known) and not self.doubts
        return Vanished(item, likely_gone=gone, reason=" ".join(f"{ref}: {told[ref]}" for ref in shown))


_UNKNOWN = "Neither the inventory nor the traffic has it: it may be gone."


# Two watches that were meant to be as long as each other differ by a little.
_LONG_ENOUGH = 0.9


def _doubts(judged: Coverage, before: Suggestions) -> Iterator[str]:
    """Yield what keeps absence from proving anything, each a sentence without its full stop."""
    start, end = before.window_start, before.window_end
    reviewed = pd.Timedelta(0) if start is None or end is None else end - start
    if judged.seen.watched < _LONG_ENOUGH * reviewed:
        yield f"watched for {duration(judged.seen.watched)}, the review rests on {duration(reviewed)}"
    if judged.sampled:
        yield f"a source keeps {kept(judged.kept)}, where absence proves nothing"
    if judged.losses:
        yield f"a source lost packets or events{in_gaps(max(loss.during for loss in judged.losses))}"
    if judged.inventory_gaps:
        yield f"the inventory has gaps ({judged.inventory_gaps:,}); workloads that came and went in them are not known"
