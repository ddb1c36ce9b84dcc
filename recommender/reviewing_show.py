"""Turns one suggestion into everything a reviewer asks of it: evidence, doubts, consequences, and its policies."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import pandas as pd

from recommender.communications import Evidence
from recommender.manifest import policy_to_yaml
from recommender.report.words import CAVEATS, ORIENTATIONS, plural, size
from recommender.review import decision_to_data, directions
from recommender.reviewing import EXAMPLES, Standing, row_data
from recommender.reviewing_words import LONGEST, cut, named, what
from recommender.suggest import Suggestion
from recommender.supposing import Consequence, consequence, policies_of
from recommender.text import some

_MOST = 5
"""Pods, names and sources that are listed of each kind; --json has all."""


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
    if evidence.allowed:
        yield _row("let through", f"{evidence.allowed} by a policy, no answer shown")
    if evidence.failed:
        yield _row("failed", ", ".join(f"{count} {cut(outcome, 40)}" for outcome, count in evidence.failed))
    yield _row("there", f"{_packets(evidence.packets)}, {size(evidence.bytes)}")
    yield _row("back", f"{_packets(evidence.reply_packets)}, {size(evidence.reply_bytes)}")
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
    accepted = standing.statuses[item.id] == "accepted"
    for policy in policies_of(found.accepted, item):
        yield "# " + ("part of this policy:" if accepted else "would be part of this policy:")
        yield from policy_to_yaml(policy).splitlines()


def show_data(standing: Standing, item: Suggestion) -> dict[str, Any]:
    """Return everything there is to say of a suggestion as plain data, for `--json`."""
    found = consequence(standing.reviewed, item)
    decision = standing.reviewed.decisions.get(item.id)
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
        "policies": [policy_to_yaml(policy) for policy in policies_of(found.accepted, item)],
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


def _packets(number: int | None) -> str:
    return "an unknown number of packets" if number is None else plural(number, "packet")


def _shown(values: tuple[str, ...]) -> str:
    return some([cut(value) for value in values], _MOST)


def _cut_off(texts: list[str], said: str) -> Iterator[str]:
    if texts:
        yield _row("", f"cuts off {len(texts)} {said}:")
        yield from (_row("", f"  {text}") for text in texts[:EXAMPLES])
    if len(texts) > EXAMPLES:
        yield _row("", f"  and {len(texts) - EXAMPLES} more")
