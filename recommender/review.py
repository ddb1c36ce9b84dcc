"""Turns suggestions and a human's decisions into what is approved, declined and still open."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

from collectors.errors import NewerArtefact, PodfenceError, UnreadableInput, one_line
from collectors.inventory import WorkloadRef
from recommender.communications import Communication
from recommender.policy import EGRESS, INGRESS, PolicyType
from recommender.suggest import Suggestion, Suggestions
from recommender.widening import Widening, problem, widening_from_data, widening_to_data

KIND, VERSION = "podfence/decisions", 1

Choice = Literal["accept", "decline"]
Direction = tuple[WorkloadRef, PolicyType]


@dataclass(frozen=True)
class Decision:
    """What a human decided of one suggestion; `what` repeats its meaning for readers of the file.

    `widen` is what an acceptance opens beyond what was seen; None: nothing yet, an empty one: nothing, and no option
    is to change that. `others` are workloads that no selector told apart from its ends when it was decided.
    """

    id: str
    choice: Choice
    what: str = ""
    by: str = ""
    why: str = ""
    widen: Widening | None = None
    others: tuple[str, ...] = ()
    at: str = ""
    """When, as RFC 3339; empty where no human's moment is meant."""


@dataclass(frozen=True)
class Reviewed:
    """Suggestions sorted into what the decisions say; `orphans` are decisions on what is no longer suggested.

    `stale` are decisions that meant something else, or less: what they were about is undecided again.
    """

    suggestions: Suggestions
    accepted: tuple[Suggestion, ...] = ()
    declined: tuple[Suggestion, ...] = ()
    undecided: tuple[Suggestion, ...] = ()
    orphans: tuple[Decision, ...] = ()
    stale: tuple[Decision, ...] = ()
    decisions: Mapping[str, Decision] = field(default_factory=dict)

    @cached_property
    def isolated(self) -> frozenset[Direction]:
        """The workload directions that exporting the accepted suggestions closes for everything else."""
        return frozenset(direction for item in self.accepted for direction in directions(item))

    @property
    def not_accepted(self) -> Iterator[Communication]:
        """What was seen and not accepted: declined, undecided, and what could not be suggested."""
        yield from (item.communication for listed in (self.declined, self.undecided) for item in listed)
        yield from (item.communication for item in self.suggestions.withheld)

    @cached_property
    def half_decided(self) -> Mapping[Direction, tuple[Suggestion, ...]]:
        """The isolated directions with undecided suggestions, which exporting now would cut off."""
        found: dict[Direction, list[Suggestion]] = {}
        for item in self.undecided:
            for direction in directions(item):
                if direction in self.isolated:
                    found.setdefault(direction, []).append(item)
        return {direction: tuple(items) for direction, items in sorted(found.items())}

    @cached_property
    def digest(self) -> str:
        """A short digest of everything that was decided."""
        text = "\n".join(f"{key} {_digested(self.decisions[key])}" for key in sorted(self.decisions))
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def _digested(decision: Decision) -> str:
    return f"{decision.choice} {decision.widen}" if decision.widen else decision.choice


def directions(item: Suggestion) -> tuple[Direction, ...]:
    """Return the workload directions that a suggestion would isolate if it were accepted."""
    both: tuple[tuple[WorkloadRef | None, PolicyType], ...] = ((item.ingress_of, INGRESS), (item.egress_of, EGRESS))
    return tuple((ref, direction) for ref, direction in both if ref is not None)


def review(suggestions: Suggestions, decisions: Iterable[Decision] = ()) -> Reviewed:
    """Return the suggestions sorted by what was decided of them; the widened ones carry the caveat `widened`.

    Raises PodfenceError for a widening that does not hold what it widens.
    """
    by_id = {decision.id: decision for decision in decisions}
    known = {item.id for item in suggestions.items}
    chosen: dict[str | None, list[Suggestion]] = {}
    stale: list[Decision] = []
    for item in suggestions.items:
        decision = by_id.get(item.id)
        if decision is not None and _is_stale(decision, item, suggestions):
            stale.append(decision)
            decision = None
        elif decision is not None and decision.widen:
            item = _widened(item, decision.widen)  # noqa: PLW2901 - the same suggestion, with its caveat
        chosen.setdefault(decision.choice if decision else None, []).append(item)
    return Reviewed(
        suggestions,
        accepted=tuple(chosen.get("accept", ())),
        declined=tuple(chosen.get("decline", ())),
        undecided=tuple(chosen.get(None, ())),
        orphans=tuple(decision for key, decision in sorted(by_id.items()) if key not in known),
        stale=tuple(stale),
        decisions=by_id,
    )


def decided(suggestions: Suggestions, item: Suggestion, choice: Choice, by: str = "", why: str = "") -> Decision:
    """Return a decision on a suggestion that records what it means now."""
    return Decision(item.id, choice, str(item.communication), by, why, others=_others(suggestions, item))


def _others(suggestions: Suggestions, item: Suggestion) -> tuple[str, ...]:
    """Return the workloads that come with the ends of a suggestion, since no selector tells them apart."""
    ends = (item.communication.src, item.communication.dst)
    found = (suggestions.subjects.get(end) for end in ends if isinstance(end, WorkloadRef))
    crowds = [subject.members for subject in found if subject is not None and len(subject.members) > 1]
    return tuple(sorted({str(ref) for members in crowds for ref in members if ref not in ends}))


def _is_stale(decision: Decision, item: Suggestion, suggestions: Suggestions) -> bool:
    """Say whether a decision that tells what it is about was about something else, or about fewer workloads."""
    if not decision.what:
        return False
    return decision.what != str(item.communication) or not {*_others(suggestions, item)} <= {*decision.others}


def _widened(item: Suggestion, widening: Widening) -> Suggestion:
    wrong = problem(widening, item.communication)
    if wrong:
        raise PodfenceError(
            f"decision {item.id} ({one_line(str(item.communication))}) {wrong}; correct its `widen` in decisions.yaml"
        )
    return replace(item, caveats=tuple(sorted({*item.caveats, "widened"})))


def accept_observed(suggestions: Suggestions, decisions: Iterable[Decision] = ()) -> tuple[Decision, ...]:
    """Return the decisions with every undecided suggestion accepted; what a human decided stays as it is."""
    found = {decision.id: decision for decision in decisions}
    for item in suggestions.items:
        found.setdefault(item.id, decided(suggestions, item, "accept", by="--accept observed"))
    return tuple(sorted(found.values(), key=lambda decision: (decision.what, decision.id)))


def decisions_to_data(decisions: Iterable[Decision]) -> dict[str, Any]:
    """Return plain data for decisions.yaml, sorted by what is decided, so that git shows small differences."""
    ordered = sorted(decisions, key=lambda d: (d.what, d.id))
    return {"kind": KIND, "version": VERSION, "decisions": {d.id: decision_to_data(d) for d in ordered}}


def decision_to_data(decision: Decision) -> dict[str, Any]:
    """Return what decisions.yaml holds under a decision's id; only what is set."""
    texts = {"what": decision.what, "by": decision.by, "at": decision.at, "why": decision.why}
    entry: dict[str, Any] = {"decision": decision.choice, **{key: value for key, value in texts.items() if value}}
    if decision.widen is not None:
        entry["widen"] = widening_to_data(decision.widen)
    if decision.others:
        entry["with"] = list(decision.others)
    return entry


def decisions_from_data(data: Any, where: str) -> tuple[Decision, ...]:
    """Return the decisions in the plain data of a decisions.yaml.

    Raises UnreadableInput naming file and entry, NewerArtefact for a file of a later version.
    """
    if not isinstance(data, Mapping) or data.get("kind") != KIND:
        raise UnreadableInput(f"{where}: this is no decisions file; it should begin with `kind: {KIND}`")
    version = data.get("version")
    if not isinstance(version, int) or isinstance(version, bool):
        raise UnreadableInput(f"{where}: `version` should be a number, as in `version: {VERSION}`")
    if version > VERSION:
        raise NewerArtefact(
            f"{where}: written as version {version}, this podfence reads up to {VERSION}; upgrade podfence"
        )
    entries = data.get("decisions") or {}
    if not isinstance(entries, Mapping):
        raise UnreadableInput(f"{where}: `decisions` should map suggestion ids to decisions")
    return tuple(decision_from_data(str(key), entry, where) for key, entry in entries.items())


def decision_from_data(key: str, entry: Any, where: str) -> Decision:
    """Return the decision that stands under an id; raises UnreadableInput naming file and id."""
    choice = entry.get("decision") if isinstance(entry, Mapping) else None
    if choice not in ("accept", "decline"):
        raise UnreadableInput(f"{where}: decision {key!r} should say `decision: accept` or `decision: decline`")
    texts = {name: str(entry.get(name) or "") for name in ("what", "by", "at", "why")}
    try:
        widen = widening_from_data(entry["widen"]) if "widen" in entry else None
        others = entry.get("with") or []
        if not isinstance(others, list):
            raise ValueError("`with` should be a list of workloads")  # noqa: TRY004, TRY301 - one sentence for both
    except ValueError as fault:
        raise UnreadableInput(f"{where}: decision {key!r}: {fault}") from fault
    if widen and choice == "decline":
        raise UnreadableInput(f"{where}: decision {key!r} declines and has `widen`; drop one of them")
    return Decision(key, choice, **texts, widen=widen, others=tuple(map(str, others)))
