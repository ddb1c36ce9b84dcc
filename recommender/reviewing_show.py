"""Turns one suggestion into everything a reviewer asks of it: evidence, doubts, consequences, and its policies."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import pandas as pd

from collectors.inventory import WorkloadRef
from recommender.communications import Communication, Evidence
from recommender.generate import generate
from recommender.manifest import policy_to_yaml
from recommender.openings import selector_of
from recommender.policy import EGRESS, INGRESS, NetworkPolicy
from recommender.report.words import CAVEATS, ORIENTATIONS, plural, size
from recommender.review import Direction, Reviewed, decided, decision_to_data, directions
from recommender.reviewing import EXAMPLES, Standing, row_data
from recommender.reviewing_words import LONGEST, cut, named, what
from recommender.suggest import Suggestion
from recommender.text import some
from recommender.what_if import what_if

_MOST = 5
"""Pods, names and sources that are listed of each kind; --json has all."""


@dataclass(frozen=True)
class Consequence:
    """What accepting one suggestion does to everything else, compared with leaving it undecided.

    `isolates`: workload directions that nothing else closes yet. `breaks` and `blocks`: what is undecided, and what is
    declined, and cut off by that; `unruled`: what is cut off and can have no rule. `accepted`: the review with it.
    """

    isolates: tuple[Direction, ...] = ()
    breaks: tuple[Suggestion, ...] = ()
    blocks: tuple[Suggestion, ...] = ()
    unruled: tuple[Communication, ...] = ()
    accepted: Reviewed | None = None


def consequence(reviewed: Reviewed, item: Suggestion) -> Consequence:
    """Return what follows from accepting a suggestion, or what has followed where it is accepted."""
    without, accepted = _placed(reviewed, item, accept=False), _placed(reviewed, item, accept=True)
    isolates = tuple(direction for direction in directions(item) if direction not in without.isolated)
    if not isolates:
        return Consequence(accepted=accepted)  # one more rule where others are cuts nothing off
    before, after = (what_if(_about(each, isolates)) for each in (without, accepted))

    def fresh(items: Iterable[Suggestion], effect: str) -> tuple[Suggestion, ...]:
        return tuple(other for other in items if after.effects.get(other.id) == effect != before.effects[other.id])

    cut_before = {str(communication) for communication in before.withheld}
    return Consequence(
        isolates=isolates,
        breaks=fresh(accepted.undecided, "would_break"),
        blocks=fresh(accepted.declined, "blocked"),
        unruled=tuple(communication for communication in after.withheld if str(communication) not in cut_before),
        accepted=accepted,
    )


def _about(reviewed: Reviewed, closing: Iterable[Direction]) -> Reviewed:
    """Return what of a review decides about whom closing these directions cuts off: with 10,000 it must be quick."""
    first = reviewed.suggestions.first

    def ends(communication: Communication) -> set[Direction]:
        src, dst = communication.src, communication.dst
        found: set[Direction] = {(first(src), EGRESS)} if isinstance(src, WorkloadRef) else set()
        return found | ({(first(dst), INGRESS)} if isinstance(dst, WorkloadRef) else set())

    closing = {*closing}
    declined, undecided = (
        tuple(item for item in items if not closing.isdisjoint(directions(item)))
        for items in (reviewed.declined, reviewed.undecided)
    )
    withheld = tuple(one for one in reviewed.suggestions.withheld if not closing.isdisjoint(ends(one.communication)))
    asked = {direction for item in (*declined, *undecided) for direction in directions(item)}
    asked |= {direction for one in withheld for direction in ends(one.communication)}
    return replace(
        reviewed,
        suggestions=replace(reviewed.suggestions, withheld=withheld),
        accepted=tuple(item for item in reviewed.accepted if not asked.isdisjoint(directions(item))),
        declined=declined,
        undecided=undecided,
    )


def _placed(reviewed: Reviewed, item: Suggestion, *, accept: bool) -> Reviewed:
    """Return the review with this suggestion accepted, or undecided; what its acceptance opens beyond stays."""

    def others(items: tuple[Suggestion, ...]) -> tuple[Suggestion, ...]:
        return tuple(other for other in items if other.id != item.id)

    accepted, undecided = others(reviewed.accepted), others(reviewed.undecided)
    decisions = {key: decision for key, decision in reviewed.decisions.items() if key != item.id}
    if accept:
        held = reviewed.decisions.get(item.id)
        fresh = decided(reviewed.suggestions, item, "accept")
        decisions[item.id] = replace(fresh, widen=held.widen if held is not None else None)
        accepted = (*accepted, item)
    else:
        undecided = (*undecided, item)
    return replace(
        reviewed, accepted=accepted, declined=others(reviewed.declined), undecided=undecided, decisions=decisions
    )


def policies_of(reviewed: Reviewed, item: Suggestion) -> tuple[NetworkPolicy, ...]:
    """Return the policies that an accepted suggestion is part of: its subjects' own, as an export would write them."""
    subjects = [reviewed.suggestions.subjects[ref] for ref, _ in directions(item)]
    places = {subject.namespace for subject in subjects}
    # names are told apart within a namespace: what is elsewhere cannot change these policies
    near = tuple(other for other in reviewed.accepted if any(ref.namespace in places for ref, _ in directions(other)))
    wanted = {(subject.namespace, selector_of(subject)) for subject in subjects}
    policies = generate(replace(reviewed, accepted=near))
    return tuple(policy for policy in policies if (policy.namespace, policy.pod_selector) in wanted)


def show_lines(standing: Standing, item: Suggestion) -> Iterator[str]:
    """Yield everything there is to say of a suggestion, its policies last."""
    yield f"{cut(item.id, 40)}  {standing.said(item)}"
    yield what(item.communication)
    found = consequence(standing.reviewed, item)
    yield _row("decides", ", ".join(map(named, directions(item))))
    yield from evidence_lines(item)
    yield from decision_lines(standing, item)
    yield from consequence_lines(standing, item, found)
    yield from policy_lines(standing, item, found)


def evidence_lines(item: Suggestion) -> Iterator[str]:
    """Yield the evidence in full, and what its caveats mean."""
    evidence = item.communication.evidence
    yield _row("reason", cut(item.reason))
    yield _row("seen", f"{_time(evidence.first_seen)} to {_time(evidence.last_seen)}")
    yield _row("connections", str(evidence.connections))
    if evidence.one_way:
        yield _row(
            "one way", plural(evidence.one_way, "conversation without any reply", "conversations without any reply")
        )
    if evidence.failed:
        yield _row("failed", ", ".join(f"{count} {cut(outcome, 40)}" for outcome, count in evidence.failed))
    yield _row("there", f"{_count(evidence.packets)} packets, {size(evidence.bytes)}")
    yield _row("back", f"{_count(evidence.reply_packets)} packets, {size(evidence.reply_bytes)}")
    yield _row("who began", ", ".join(ORIENTATIONS.get(name, cut(name, 40)) for name in evidence.orientations))
    for name, values in (
        ("from pods", evidence.src_pods), ("to pods", evidence.dst_pods), ("Services", evidence.services),
        ("called", evidence.names), ("sources", evidence.sources),
    ):  # fmt: skip
        if values:
            yield _row(name, _shown(values))
    if evidence.example:
        yield _row("example", cut(evidence.example))
    for caveat in item.caveats:
        yield _row("caveat", f"{cut(caveat, 40)}: {CAVEATS.get(caveat, 'not known to this podfence')}")


def decision_lines(standing: Standing, item: Suggestion) -> Iterator[str]:
    """Yield who decided what, when and why; nothing where nobody has."""
    decision = standing.reviewed.decisions.get(item.id)
    if decision is None:
        return
    who = f" by {cut(decision.by, 100)}" if decision.by else ""
    when = f" at {cut(decision.at, 40)}" if decision.at else ""
    yield _row("decision", f"{decision.choice}{who}{when}")
    if decision.why:
        yield _row("why", cut(decision.why))
    if decision.widen is not None:
        yield _row("opens beyond", cut(str(decision.widen)))
    if standing.statuses[item.id] == "stale":
        yield _row("stale", f"decided of: {cut(decision.what, 2 * LONGEST)}")


def consequence_lines(standing: Standing, item: Suggestion, found: Consequence) -> Iterator[str]:
    """Yield what accepting a suggestion closes, and what that cuts off."""
    done = standing.statuses[item.id] == "accepted"
    yield _row(
        "accepting it",
        ("isolates " + ", ".join(map(named, found.isolates)) if found.isolates else "isolates nothing more")
        + (" (done)" if done else ""),
    )
    for items, said in ((found.breaks, "undecided"), (found.blocks, "declined")):
        yield from _cut_off([what(other.communication) for other in items], said)
    yield from _cut_off(
        [what(communication) for communication in found.unruled], "without any rule that could allow it"
    )


def policy_lines(standing: Standing, item: Suggestion, found: Consequence) -> Iterator[str]:
    """Yield the YAML of the policies that a suggestion is part of, or would be if it were accepted."""
    if found.accepted is None:
        return
    accepted = standing.statuses[item.id] == "accepted"
    reviewed = standing.reviewed if accepted else found.accepted
    for policy in policies_of(reviewed, item):
        yield "# " + ("part of this policy:" if accepted else "would be part of this policy:")
        yield from policy_to_yaml(policy).splitlines()


def show_data(standing: Standing, item: Suggestion) -> dict[str, Any]:
    """Return everything there is to say of a suggestion as plain data, for `--json`."""
    found = consequence(standing.reviewed, item)
    decision = standing.reviewed.decisions.get(item.id)
    reviewed = standing.reviewed if standing.statuses[item.id] == "accepted" else found.accepted
    policies = policies_of(reviewed, item) if reviewed is not None else ()
    return {
        **row_data(standing, item),
        "reason": item.reason,
        "evidence": _evidence_data(item.communication.evidence),
        "caveats": {caveat: CAVEATS.get(caveat, "") for caveat in item.caveats},
        "decision": None if decision is None else decision_to_data(decision),
        "accepting": {
            "isolates": [{"workload": str(ref), "direction": way} for ref, way in found.isolates],
            "would_break": [other.id for other in found.breaks],
            "blocked": [other.id for other in found.blocks],
            "would_break_without_a_rule": [str(communication) for communication in found.unruled],
        },
        "policies": [policy_to_yaml(policy) for policy in policies],
    }


def _evidence_data(evidence: Evidence) -> dict[str, Any]:
    return {
        **asdict(evidence),
        "first_seen": _time(evidence.first_seen),
        "last_seen": _time(evidence.last_seen),
        "failed": dict(evidence.failed),
    }


def _row(name: str, text: str) -> str:
    return f"  {name:<13} {text}".rstrip()


def _time(time: pd.Timestamp) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"


def _count(number: int | None) -> str:
    return "an unknown number of" if number is None else f"{number:,}"


def _shown(values: tuple[str, ...]) -> str:
    return some([cut(value) for value in values], _MOST)


def _cut_off(texts: list[str], said: str) -> Iterator[str]:
    if texts:
        yield _row("", f"cuts off {len(texts)} {said}:")
        yield from (_row("", f"  {text}") for text in texts[:EXAMPLES])
    if len(texts) > EXAMPLES:
        yield _row("", f"  and {len(texts) - EXAMPLES} more")
