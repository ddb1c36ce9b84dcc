"""Turns a plan into changes at an API server, one namespace after the other, and an undo file back into what was."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from collectors.applier import Applier
from collectors.applier_refusals import Absent, Conflict, Refused, Stale
from collectors.errors import PodfenceError, UnreadableInput, one_line
from collectors.refusals import Busy, Cut, Forbidden
from recommender.applying import Object, Plan, Step, body_of, content, is_same, settled
from recommender.undo_store import Journal, Undo
from recommender.undoing import Back, UndoStep, own_part, restoring, undo_step

_TRIES, _FIRST_PAUSE = 4, 0.5
_ITS_OWN = (Conflict, Refused, Stale, Absent, Forbidden)
"""Refusals that are about one object, so that the others can be asked about all the same."""


@dataclass(frozen=True)
class Rehearsed:
    """A plan with what the API server says to each step, and the sentences of what it refuses.

    `taken` says whose fields would be taken over by force.
    """

    plan: Plan
    refused: tuple[str, ...] = ()
    taken: tuple[str, ...] = ()


def dry_run(applier: Applier, plan: Plan, *, force: bool = False) -> Rehearsed:
    """Ask the API server about every step without changing anything; raises ClusterError where it cannot be asked."""
    steps, refused, taken = [], [], []
    for step in plan.steps:
        try:
            if step.action == "remove" and step.before is not None:
                applier.delete(step.before, dry_run=True)
                steps.append(step)
                continue
            if force and (held := _held(applier, step)):
                taken.append(f"{step.full_name}: {', '.join(f'{field} of {manager}' for manager, field in held)}")
            steps.append(settled(step, applier.apply(body_of(step), dry_run=True, force=force).object))
        except _ITS_OWN as fault:
            refused.append(str(fault))
            steps.append(step)
    return Rehearsed(replace(plan, steps=tuple(steps)), tuple(refused), tuple(taken))


def _held(applier: Applier, step: Step) -> tuple[tuple[str, str], ...]:
    """Return what other managers hold of what a step would change."""
    try:
        applier.apply(body_of(step), dry_run=True)
    except Conflict as fault:
        return fault.held
    return ()


def carry_out(
    applier: Applier, steps: Sequence[Step], journal: Journal, told: Callable[[Step], object], *, force: bool = False
) -> None:
    """Do the steps of one namespace, each put down in the undo file before and after; `told` hears of each.

    What opens comes before what closes, so that nothing accepted is cut off between two steps or where one fails.
    Raises PodfenceError where one cannot be done: those before it are done, and the undo file knows which.
    """
    doing = sorted((step for step in steps if step.action != "leave"), key=_closing)
    journal.plan(doing)
    for step in doing:
        left, existed = _surely(applier, step, force=force)
        journal.done(step, left, "existed" if existed else "done")
        told(step)
        if existed:
            raise PodfenceError(
                f"{applier.where}: networkpolicy {step.full_name} was made by somebody else just before podfence "
                "applied it, and holds both now; look at it, and run this again"
            )


def _closing(step: Step) -> int:
    """Return how late a step is due: a policy without rules (default deny) goes first, and comes after all others."""
    item = step.before if step.action == "remove" else step.wanted
    spec = {} if item is None else item.get("spec") or {}
    opens = bool(spec.get("ingress") or spec.get("egress"))
    if step.action == "remove":
        return 3 if opens else 0
    return 1 if opens else 2


def _surely(applier: Applier, step: Step, *, force: bool) -> tuple[Object | None, bool]:
    """Do one step, and return what it left, and whether something was there that should not have been.

    Where no answer tells what became of it, it is looked up: done, or to be tried again.
    """
    for attempt in range(1, _TRIES + 1):
        try:
            if step.action == "remove" and step.before is not None:
                applier.delete(step.before)
                return None, False
            applied = applier.apply(body_of(step), force=force)
        except (Busy, Cut) as fault:
            live = applier.find(step.namespace, step.name)
            if _is_done(step, live):
                return live, False
            if attempt == _TRIES or not _is_untouched(step, live):
                raise
            wanted = fault.retry_after if isinstance(fault, Busy) and fault.retry_after else 0.0
            applier.sleep(max(wanted, _FIRST_PAUSE * 2 ** (attempt - 1)))
        else:
            return applied.object, step.action == "create" and not applied.created
    raise AssertionError  # the last attempt returns or raises


def _is_done(step: Step, live: Object | None) -> bool:
    if step.action == "remove" or live is None:
        return step.action == "remove" and live is None
    return step.expected is not None and is_same(live, step.expected)


def _is_untouched(step: Step, live: Object | None) -> bool:
    if step.before is None or live is None:
        return step.before is None and live is None
    of_both = [[item["metadata"].get(key) for key in ("uid", "resourceVersion")] for item in (step.before, live)]
    return of_both[0] == of_both[1]


def plan_undo(applier: Applier, undo: Undo, namespaces: Collection[str] = ()) -> tuple[UndoStep, ...]:
    """Return how each change goes back, the last one first; of some namespaces only, where these are named.

    Raises PodfenceError for another API server's, and for a namespace in which nothing was changed.
    """
    if undo.server != applier.where:
        raise PodfenceError(
            f"{applier.where}: the undo file is of {undo.server}; name that cluster with --context or --kubeconfig"
        )
    known = {entry.namespace for entry in undo.entries}
    if unknown := sorted(set(namespaces) - known):
        raise UnreadableInput(
            f"--namespace {one_line(unknown[0], 80)}: the undo file changed nothing in it; its namespaces are: "
            f"{one_line(', '.join(sorted(known)), 400) or 'none'}"
        )
    entries = [entry for entry in reversed(undo.entries) if not namespaces or entry.namespace in namespaces]
    return tuple(undo_step(entry, applier.find(entry.namespace, entry.name)) for entry in entries)


def take_back(applier: Applier, steps: Iterable[UndoStep], told: Callable[[UndoStep, Back], object]) -> None:
    """Take changes back, one by one; `told` hears of each. What was changed since it was looked at is refused."""
    for step in steps:
        _take_back(applier, step)
        told(step, step.action)


def _take_back(applier: Applier, step: UndoStep) -> None:
    before = step.entry.before
    if step.action == "delete" and step.live is not None:
        applier.delete(step.live)
    elif step.action == "recreate" and before is not None:
        applier.apply(own_part(before))
    elif step.action == "restore" and before is not None and step.live is not None:
        _restore(applier, before, step.live)


def _restore(applier: Applier, before: Object, live: Object) -> None:
    """Apply again what podfence had applied, if that gives the object back; else put the whole of it there."""
    applied, whole = restoring(before, live)
    if applied is not None and content(_would_be(applier, applied)) == content(before):
        applier.apply(applied)
    else:
        applier.replace(whole)


def _would_be(applier: Applier, applied: Object) -> Mapping[str, Any]:
    """Return what applying would give; nothing where it is refused, as by a manager who holds a field now."""
    try:
        return applier.apply(applied, dry_run=True).object
    except Conflict:
        return {"metadata": {}}
