"""Turns what an export changes beside existing policies into rows for the terminal and into plain data."""

from collections.abc import Iterable, Iterator
from typing import Any

from recommender.existing import ExistingReport, KeptOpen
from recommender.policy import NetworkPolicy
from recommender.redundancy import Redundant

_SHOWN = 5
"""Examples shown of each kind; the report shows all."""

Row = tuple[str, str]


def existing_rows(report: ExistingReport) -> Iterator[Row]:
    """Yield name and text of each line; nothing where the cluster has no policies. Texts are not escaped yet."""
    found = report.existing
    if found.missing:
        yield "existing policies", f"not known, so that they do not count: {found.missing}"
    if not (found.policies or found.own or found.unread):
        return
    yield (
        "existing policies",
        (
            f"{len(found.policies)}, and {len(found.own)} of earlier exports; "
            f"they isolate {sum(map(len, report.isolates.values()))} workload directions"
        ),
    )
    for name, lines, what in _lists(report):
        if lines:
            yield name, f"{len(lines):<4} {what}"
            yield from (("", f"     {line}") for line in lines[:_SHOWN])
            if len(lines) > _SHOWN:
                yield "", f"     and {len(lines) - _SHOWN} more, in the report"


def _lists(report: ExistingReport) -> Iterator[tuple[str, list[str], str]]:
    yield "unread", [one.reason for one in report.existing.unread], "existing policies that cannot be read: not counted"
    yield (
        "union breaks",
        [f"{outcome.communication}: {outcome.reason}" for outcome in report.would_still_break],
        "accepted communications that existing policies and export together deny",
    )
    yield "kept open", [kept_open_text(kept) for kept in report.kept_open], "not accepted, kept open by existing rules"
    yield "stale", [delete_command(policy) for policy in report.stale], "policies of earlier exports to delete"
    yield (
        "overwritten",
        [policy_name(p) for p in report.overwritten],
        "others' policies that the export replaces by name",
    )
    yield "added", [str(c) for c in report.added], "accepted communications that existing policies deny until you apply"
    allowed = [f"{one.direction.lower()} of {one.communication}: {_first(one.rules)}" for one in report.already_allowed]
    yield "allowed already", allowed, "ends of accepted communications that existing rules open already"
    redundant = [redundant_text(item) for item in report.redundancy.redundant]
    yield "redundant", redundant, "existing policies and rules that the export makes redundant"
    yield "idle", list(report.redundancy.idle), "existing policies and rules that take no known pod"


def policy_name(policy: NetworkPolicy) -> str:
    """Return "namespace/name"."""
    return f"{policy.namespace}/{policy.name}"


def delete_command(policy: NetworkPolicy) -> str:
    """Return the command that deletes a policy: its names are letters, digits, '-' and '.' only."""
    return f"kubectl delete networkpolicy --namespace {policy.namespace} {policy.name}"


def kept_open_text(kept: KeptOpen) -> str:
    """Return a line that says what stays open by which rule, and what closes it."""
    unsure = " (undecidable)" if kept.verdict == "undecidable" else ""
    until = ", until the stale policies are deleted" if kept.stale else ""
    return f"{kept.decided}{unsure} {kept.communication}: {_first(kept.rules)}{until}"


def redundant_text(item: Redundant) -> str:
    """Return a line that says what is redundant, because of whom, and how far that holds."""
    kind = "policy" if item.whole else "rule"
    by = f", covered by {_first(item.by)}" if item.by else ""
    return f"{kind} {item.name}{by}" + ("" if item.always else " (for the pods known now)")


def _first(rules: Iterable[str]) -> str:
    listed = list(rules)
    return listed[0] if len(listed) == 1 else f"{listed[0]} and {len(listed) - 1} more"


def existing_data(report: ExistingReport) -> dict[str, Any]:
    """Return everything as plain data, for `--json`."""
    found = report.existing
    return {
        "policies": [policy_name(policy) for policy in found.policies],
        "own": [policy_name(policy) for policy in found.own],
        "unread": [{"name": one.name, "reason": one.reason} for one in found.unread],
        "missing": found.missing,
        "overwritten": [policy_name(policy) for policy in report.overwritten],
        "stale": [{"name": policy_name(policy), "delete": delete_command(policy)} for policy in report.stale],
        "already_allowed": [
            {"communication": str(one.communication), "direction": one.direction, "rules": list(one.rules)}
            for one in report.already_allowed
        ],
        "added": [str(communication) for communication in report.added],
        "kept_open": [
            {
                "communication": str(kept.communication),
                "decided": kept.decided,
                "verdict": kept.verdict,
                "rules": list(kept.rules),
                "stale": kept.stale,
            }
            for kept in report.kept_open
        ],
        "would_still_break": [
            {"communication": str(outcome.communication), "reason": outcome.reason}
            for outcome in report.would_still_break
        ],
        "redundant": [
            {"name": item.name, "whole": item.whole, "always": item.always, "by": list(item.by)}
            for item in report.redundancy.redundant
        ],
        "idle": list(report.redundancy.idle),
        "isolates": [f"{ref} {way}" for ref, closed in sorted(report.isolates.items()) for way in sorted(closed)],
    }
