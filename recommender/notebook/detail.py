"""Turns one suggestion of a review into plain data for the pane beside the table: evidence, decision, YAML, effects."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from recommender.manifest import policy_to_yaml
from recommender.notebook.differing import DiffLine, difference
from recommender.notebook.rows import Line, row, shown
from recommender.policy import NetworkPolicy
from recommender.report.words import CAVEATS, ORIENTATIONS, size
from recommender.review import Decision, Reviewed, directions
from recommender.supposing import consequence, cut_with, policies_of, supposed
from recommender.what_if import Effect, WhatIf
from recommender.widening import Widening, widening_to_data

_MOST = 20
"""Names listed of each kind of evidence."""
_MOST_CUT, _MOST_LINES = 200, 4000
_EXACT = Widening()


@dataclass(frozen=True)
class Around:
    """What a detail is held against: the review when it was opened, and the policies in the cluster.

    `cluster` is None where no inventory was given; `unread` are policies of it that cannot be compared.
    """

    opened: Reviewed
    cluster: Mapping[tuple[str, str], NetworkPolicy] | None = None
    unread: tuple[str, ...] = field(default=())


def detail(line: Line, reviewed: Reviewed, now: WhatIf, around: Around) -> dict[str, Any]:
    """Return all that is known of one suggestion as plain data; every text may be shown as it is."""
    item, accepted = line.item, line.status == "accepted"
    here = policies_of(reviewed, item)
    if accepted:
        cut, otherwise = cut_with(reviewed, now, item), supposed(reviewed, item, accepted=False)
    else:
        found = consequence(reviewed, item)
        cut, otherwise = found.cut, found.accepted
    other = policies_of(otherwise, item)
    before, after = (other, here) if accepted else (here, other)
    return {
        **row(line),
        "closes": [f"{direction.lower()} of {shown(ref)}" for ref, direction in directions(item)],
        "reason": shown(item.reason),
        "evidence": list(_evidence(line)),
        "caveats": [[name, CAVEATS.get(name, "")] for name in item.caveats],
        "decision": _decision(reviewed.decisions.get(item.id), stale=line.status == "stale"),
        "now": [_document(policy) for policy in here],
        "then": [] if accepted else [_document(policy) for policy in other],
        "differences": [
            _difference("that accepting it makes", difference(before, after)),
            _difference("since this review was opened", difference(policies_of(around.opened, item), here)),
            *_against_cluster(here, around),
        ],
        "cut": _cut(cut, reviewed),
        "widen": _form(line, reviewed.decisions.get(item.id)),
    }


def _evidence(line: Line) -> Iterable[tuple[str, str]]:
    seen = line.item.communication
    found = seen.evidence
    yield "From", shown(seen.src)
    yield "To", shown(seen.dst)
    yield "Port", f"{shown(seen.protocol)}/{seen.port}"
    yield "First seen", f"{found.first_seen:%Y-%m-%d %H:%M:%S} UTC"
    yield "Last seen", f"{found.last_seen:%Y-%m-%d %H:%M:%S} UTC"
    yield "Connections", f"{found.connections:,}"
    if found.one_way:
        yield "Without a reply", f"{found.one_way:,} message streams"
    if found.allowed:
        yield "Let through by a policy", f"{found.allowed:,}, no answer shown"
    if found.failed:
        yield "Did not work", ", ".join(f"{count:,} {shown(outcome)}" for outcome, count in found.failed)
    yield "Bytes", f"{size(found.bytes)} there, {size(found.reply_bytes)} back"
    yield "Who began", "; ".join(ORIENTATIONS.get(name, shown(name)) for name in found.orientations)
    for name, listed in (
        ("Source pods", found.src_pods), ("Destination pods", found.dst_pods), ("Through Service", found.services),
        ("Called", found.names), ("Seen in", found.sources),
    ):  # fmt: skip
        if listed:
            yield name, _listed(listed)
    if found.example:
        yield "Example", shown(found.example)


def _listed(names: Sequence[str]) -> str:
    more = f", and {len(names) - _MOST:,} more" if len(names) > _MOST else ""
    return ", ".join(map(shown, names[:_MOST])) + more


def _decision(decision: Decision | None, *, stale: bool) -> dict[str, Any] | None:
    if decision is None:
        return None
    return {
        "choice": decision.choice,
        "by": shown(decision.by),
        "at": shown(decision.at),
        "why": shown(decision.why, 2000),
        "widen": "" if decision.widen is None else shown(decision.widen),
        "stale": shown(decision.what) if stale else "",
    }


def _document(policy: NetworkPolicy) -> dict[str, str]:
    return {"name": shown(f"{policy.namespace}/{policy.name}"), "text": _bounded(policy_to_yaml(policy).split("\n"))}


def _bounded(found: Sequence[str]) -> str:
    more = [f"# and {len(found) - _MOST_LINES:,} more lines"] if len(found) > _MOST_LINES else []
    return "\n".join([*found[:_MOST_LINES], *more])


def _difference(against: str, found: Sequence[DiffLine], note: str = "") -> dict[str, Any]:
    return {"against": against, "note": note, "lines": found[:_MOST_LINES], "left": max(0, len(found) - _MOST_LINES)}


def _against_cluster(here: Sequence[NetworkPolicy], around: Around) -> Iterable[dict[str, Any]]:
    if around.cluster is None:
        return
    names = {policy.key for policy in here}
    held = [around.cluster[name] for name in sorted(names) if name in around.cluster]
    missing = len(names) - len(held)
    said = [f"{missing} not in the cluster yet" if missing else ""]
    said += [
        f"{shown(name)} in the cluster cannot be read" for name in around.unread if tuple(name.split("/")) in names
    ]
    yield _difference("against the cluster", difference(held, here), "; ".join(filter(None, said)))


def _cut(cut: Mapping[str, Effect], reviewed: Reviewed) -> dict[str, Any]:
    items = {item.id: item for listed in (reviewed.undecided, reviewed.declined) for item in listed}
    found = sorted(cut, key=lambda key: (cut[key] != "would_break", -_worked(items[key].communication.evidence), key))
    return {
        "total": len(found),
        "would_break": sum(effect == "would_break" for effect in cut.values()),
        "rows": [
            {"key": key, "what": shown(items[key].communication), "effect": cut[key],
             "seen": _worked(items[key].communication.evidence)}
            for key in found[:_MOST_CUT]
        ],
    }  # fmt: skip


def _worked(evidence: Any) -> int:
    return int(evidence.successes)


def _form(line: Line, decision: Decision | None) -> dict[str, Any]:
    """Return what the edit form begins with, and which of its fields can mean something here."""
    widening = (decision.widen if decision else None) or _EXACT
    ends = {"source": line.source.inside, "destination": line.destination.inside}
    return {
        "data": widening_to_data(widening),
        "recorded": decision is not None and decision.widen is not None,
        "protocol": line.item.communication.protocol,
        "addresses": not all(ends.values()),
        **ends,
        "words": shown(widening),
    }
