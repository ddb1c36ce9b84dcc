"""Turns the steps of an apply, or of taking it back, into lines for a terminal and plain data for `--json`."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from collectors.errors import UnreadableInput, one_line
from recommender.applying import ACTIONS, Action, Object, Plan, Step
from recommender.manifest import policy_from_object
from recommender.policy import NetworkPolicy
from recommender.policy_changes import policy_changes
from recommender.rehearsal import Replayed
from recommender.undoing import UndoStep

_LONGEST = 400
"""Characters of a line: names are other people's."""
_MOST_DETAILS, _MOST_BREAKING, _MOST_KEPT = 12, 10, 20
_DONE: Mapping[Action, str] = {"create": "created", "change": "changed", "remove": "removed", "leave": "left"}
_BACK = {"delete": "deleted", "restore": "restored", "recreate": "recreated", "leave": "left"}


def counted(counts: Mapping[Action, int]) -> str:
    """Return how many steps there are of each action: `create 3, change 1, leave 2`."""
    return ", ".join(f"{action} {counts[action]}" for action in ACTIONS if counts[action]) or "nothing"


def namespace_lines(plan: Plan, namespace: str, replayed: Replayed | None) -> Iterator[str]:
    """Yield what would change in a namespace, and what that would break. Texts are not escaped yet."""
    yield f"{namespace}: {counted(plan.counts(namespace))}"
    for step in plan.of(namespace):
        if step.action == "leave":
            continue
        yield one_line(f"  {step.action} {step.full_name}", _LONGEST)
        if step.action == "change":
            details = [detail for change in _changes(step) for detail in change]
            yield from (f"      {one_line(detail, _LONGEST)}" for detail in details[:_MOST_DETAILS])
            if len(details) > _MOST_DETAILS:
                yield f"      and {len(details) - _MOST_DETAILS} more"
    if replayed is None:
        yield "  would break: unknown, for no observations are given (--inventory INV --observations OBS)"
        return
    declined = f", and {replayed.declined} more that the review declined" if replayed.declined else ""
    already = f"; {replayed.denied} that worked are denied already" if replayed.denied else ""
    yield f"  would break: {len(replayed.would_break)} communications that worked{declined}{already}"
    for outcome in replayed.would_break[:_MOST_BREAKING]:
        yield f"      {one_line(outcome.communication, _LONGEST)}"
    if len(replayed.would_break) > _MOST_BREAKING:
        yield f"      and {len(replayed.would_break) - _MOST_BREAKING} more"


def _changes(step: Step) -> Iterator[tuple[str, ...]]:
    before, then = (_policy(item, step) for item in (step.before, step.expected or step.wanted))
    if before is None or then is None:
        yield ("~ what is there now is no policy that this podfence can read",)
        return
    found = [change.details for change in policy_changes([before], [then])]
    yield from found or [("~ who holds its fields only",)]


def _policy(item: Object | None, step: Step) -> NetworkPolicy | None:
    if item is None:
        return None
    try:
        return policy_from_object(item, step.full_name)
    except UnreadableInput:
        return None


def kept_lines(plan: Plan) -> Iterator[str]:
    """Yield the policies of earlier exports that are not wanted and stay, and why."""
    if not plan.kept:
        return
    yield f"{len(plan.kept)} policies of earlier exports are not wanted any more, and stay:"
    yield from (one_line(f"  {one.name}: {one.why}", _LONGEST) for one in plan.kept[:_MOST_KEPT])
    if len(plan.kept) > _MOST_KEPT:
        yield f"  and {len(plan.kept) - _MOST_KEPT} more, with --json"


def done_line(step: Step) -> str:
    """Return what was done: `created shop/web-podfence`."""
    return f"{_DONE[step.action]} {step.full_name}"


def would_line(step: Step) -> str:
    """Return what would be done: `would create shop/web-podfence`."""
    return f"would {step.action} {step.full_name}"


def undo_line(step: UndoStep, *, done: bool) -> str:
    """Return how a policy goes back, or why it stays."""
    if step.action == "leave":
        return one_line(f"left {step.entry.full_name}: {step.why}", _LONGEST)
    return f"{_BACK[step.action]} {step.entry.full_name}" if done else f"would {step.action} {step.entry.full_name}"


def apply_data(
    plan: Plan, replayed: Mapping[str, Replayed], done: Iterable[Step], *, server: str, dry_run: bool, undo: str | None
) -> dict[str, Any]:
    """Return everything as plain data, for `--json`."""
    finished = {step.full_name for step in done}
    return {
        "server": server,
        "dry_run": dry_run,
        "undo": undo,
        "counts": plan.counts(),
        "steps": [
            {"policy": step.full_name, "action": step.action, "done": step.full_name in finished}
            for step in plan.steps
        ],
        "namespaces": {name: _replayed_data(one) for name, one in sorted(replayed.items())},
        "kept": {one.name: one.why for one in plan.kept},
        "foreign": list(plan.foreign),
    }  # fmt: skip


def _replayed_data(replayed: Replayed) -> dict[str, Any]:
    return {
        "would_break": [str(outcome.communication) for outcome in replayed.would_break],
        "declined": replayed.declined,
        "denied_already": replayed.denied,
    }


def undo_data(steps: Sequence[UndoStep], *, server: str, dry_run: bool, done: bool) -> dict[str, Any]:
    """Return what went back as plain data, for `--json`."""
    told = [{"policy": step.entry.full_name, "action": step.action, "why": step.why} for step in steps]
    return {"server": server, "dry_run": dry_run, "done": done, "steps": told}
