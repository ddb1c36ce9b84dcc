"""Turns `podfence apply` into a dry run, questions, changes and an undo file, and such a file into taking them back."""

import argparse
import contextlib
import json
import shlex
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from collectors.errors import PodfenceError, UnreadableInput, one_line
from recommender.cli_export import say_breaking, telling_what_breaks
from recommender.cli_options import (
    FINDING,
    INVENTORY,
    Say,
    add_command,
    add_context,
    add_generate,
    add_ranges,
    place,
    run_options,
    unheard,
)

if TYPE_CHECKING:
    from collectors.applier import Applier
    from recommender.applying import Key, Plan, Step
    from recommender.policy import NetworkPolicy
    from recommender.rehearsal import Replayed
    from recommender.undo_store import Journal

    Policies = dict[Key, NetworkPolicy]
    Replay = Callable[[Policies, Policies], Replayed]

_LONGEST = 400
_MOST = 10


def add_apply(commands: Any, show: Say, say: Say) -> None:
    """Add `apply`; `show` prints data, `say` talks."""
    text = "exported or approved policies -> a cluster: dry run first, then namespace by namespace, with an undo file"
    apply = add_command(commands, "apply", lambda given: _apply(given, show, say), text)
    apply.add_argument(
        "source", nargs="?", type=Path, metavar="DIR|REVIEW", help="exported policies, or a review folder"
    )
    apply.add_argument("--undo", type=Path, metavar="FILE", help="take back what an undo file tells, and nothing else")
    add_context(apply, "the cluster to change, if not that of the current context")
    apply.add_argument("--namespace", action="append", default=[], metavar="NS", help="only this one; may be repeated")
    apply.add_argument("--yes", action="store_true", help="do not ask")
    apply.add_argument("--dry-run", action="store_true", help="ask the API server what would happen, and stop")
    apply.add_argument("--force", action="store_true", help="take over fields that other managers hold")
    apply.add_argument(
        "--prune", action="store_true", help="also remove policies of earlier exports that are not wanted any more"
    )
    apply.add_argument("--undo-folder", type=Path, default=Path(), metavar="DIR", help="for undo files (default: here)")
    apply.add_argument("--inventory", type=Path, metavar="INV", help=f"{INVENTORY}; needed to replay")
    apply.add_argument("--observations", type=place, metavar="OBS", help="observation store to replay before each step")
    add_ranges(apply)
    add_generate(apply)


def _apply(given: argparse.Namespace, show: Say, say: Say) -> int:
    if (given.source is None) == (given.undo is None):
        raise UnreadableInput("apply: name a folder of exported policies, a review folder, or a file with --undo")
    if (given.inventory is None) != (given.observations is None):
        raise UnreadableInput("apply: --inventory and --observations go together; give both, or neither")
    if not (given.yes or given.dry_run or _terminal()):
        raise UnreadableInput("apply: there is no terminal to ask at; pass --yes, or look first with --dry-run")
    show, say = unheard(show), unheard(say)
    if given.undo is not None:
        return _undo(given, show, say)
    with telling_what_breaks(say):
        wanted = _wanted(given, say)
    with _connected(given) as applier:
        return _Rollout(given, wanted, applier, show, say).run()


@contextlib.contextmanager
def _connected(given: argparse.Namespace) -> "Iterator[Applier]":
    from collectors.applier import connect_applier  # noqa: PLC0415 - late: it loads the network library

    with contextlib.closing(connect_applier(given.context, given.kubeconfig)) as applier:
        yield applier


@dataclass(frozen=True)
class _Wanted:
    """The policies to apply, and what their review declined."""

    policies: "tuple[NetworkPolicy, ...]"
    declined: frozenset[tuple[object, ...]] = frozenset()


def _wanted(given: argparse.Namespace, say: Say) -> _Wanted:
    from recommender.exporting import approved  # noqa: PLC0415 - late: --help loads nothing heavy
    from recommender.half_decided import would_break  # noqa: PLC0415 - late, as above
    from recommender.pipeline import load_review  # noqa: PLC0415 - late, as above
    from recommender.rehearsal import declined_meanings  # noqa: PLC0415 - late, as above
    from recommender.store import SUGGESTIONS, load_policies  # noqa: PLC0415 - late, as above

    if (given.source / SUGGESTIONS).exists():
        reviewed = load_review(given.source)
        policies = approved(reviewed, run_options(given))
        say_breaking(would_break(reviewed, default_deny=given.default_deny), say)
        return _Wanted(_chosen(policies, given), declined_meanings(reviewed))
    policies, skipped = load_policies([given.source])
    for kind, count in skipped.items():
        if kind != "Kustomization":
            say(one_line(f"{count} of kind {kind}: not applied, only NetworkPolicies are", _LONGEST))
    return _Wanted(_chosen(policies, given))


def _chosen(policies: "tuple[NetworkPolicy, ...]", given: argparse.Namespace) -> "tuple[NetworkPolicy, ...]":
    if not given.namespace:
        return policies
    known = {policy.namespace for policy in policies}
    unknown = sorted(set(given.namespace) - known)
    if unknown and not given.prune:
        listed = one_line(", ".join(sorted(known))) or "none"
        raise UnreadableInput(
            f"--namespace {one_line(unknown[0], 80)}: nothing to apply is in it; namespaces of {given.source}: {listed}"
        )
    return tuple(policy for policy in policies if policy.namespace in given.namespace)


@dataclass
class _Rollout:
    """One run of `apply`, from the list of what is there to the last namespace."""

    given: argparse.Namespace
    wanted: _Wanted
    applier: "Applier"
    show: Say
    say: Say
    done: "list[Step]" = field(default_factory=list)
    replayed: "dict[str, Replayed]" = field(default_factory=dict)

    def run(self) -> int:
        """Return the exit status: 0 all done, 1 something would break or was not wanted."""
        from recommender.apply_words import apply_data, counted, kept_lines, would_line  # noqa: PLC0415 - late
        from recommender.undo_store import Journal  # noqa: PLC0415 - late: --help loads nothing heavy

        given = self.given
        live = self.applier.policies(frozenset(given.namespace) or None)
        plan = self._rehearsed(live)
        self.say(f"{self.applier.where}: {counted(plan.counts())} (asked by dry run, nothing is changed yet)")
        journal = Journal(given.undo_folder, self.applier.where, self.applier.now())
        try:
            whole = self._each_namespace(plan, live, journal)
        except (PodfenceError, KeyboardInterrupt):
            self._say_stopped(plan, journal)
            raise
        for line in kept_lines(plan):
            self.say(line)
        if journal.file is not None:
            self.say(_how_to_undo(journal.file))
        if given.json:
            undo = None if journal.file is None else str(journal.file)
            server, dry = self.applier.where, given.dry_run
            data = apply_data(plan, self.replayed, self.done, server=server, dry_run=dry, undo=undo)
            self.show(json.dumps(data, indent=2))
        elif given.dry_run:
            self.show("\n".join(would_line(step) for step in plan.steps if step.action != "leave"))
        return FINDING if not whole or any(one.would_break for one in self.replayed.values()) else 0

    def _rehearsed(self, live: list[dict[str, Any]]) -> "Plan":
        """Return the plan with what the API server says to each step; raises PodfenceError where it refuses one."""
        from recommender.applying import plan  # noqa: PLC0415 - late: --help loads nothing heavy
        from recommender.rollout import dry_run  # noqa: PLC0415 - late, as above

        given = self.given
        first = plan(self.wanted.policies, live, prune=given.prune, prune_in=given.namespace)
        if first.unlabelled:
            raise UnreadableInput(
                f"{given.source}: {_some(first.unlabelled)}: not labelled app.kubernetes.io/managed-by: podfence, so "
                "that it could not be told apart later; apply it with kubectl, or leave it out"
            )
        if first.foreign and not given.force:
            raise PodfenceError(
                f"{self.applier.where}: {_some(first.foreign)}: there is such a policy that podfence did not make; "
                "rename that, or take it over with --force"
            )
        found = dry_run(self.applier, first, force=given.force)
        for text in (f"--force takes over {taken}" for taken in (*first.foreign, *found.taken)):
            self.say(one_line(text, _LONGEST))
        if found.refused:
            for sentence in found.refused[:_MOST]:
                self.say(sentence)
            raise PodfenceError(
                f"{self.applier.where}: {len(found.refused)} of {len(first.steps)} policies are refused in the dry "
                "run, see above; nothing was changed"
            )
        return found.plan

    def _each_namespace(self, plan: "Plan", live: list[dict[str, Any]], journal: "Journal") -> bool:
        """Go through the namespaces; return whether all was done, or would be."""
        from recommender.apply_words import namespace_lines  # noqa: PLC0415 - late: --help loads nothing heavy
        from recommender.rehearsal import after  # noqa: PLC0415 - late, as above

        policies, replay = self._replaying(live)
        whole = True
        for namespace in plan.namespaces:
            then = after(policies, plan.of(namespace)) if replay else policies
            if replay:
                self.replayed[namespace] = replay(policies, then)
            for line in namespace_lines(plan, namespace, self.replayed.get(namespace)):
                self.say(line)
            if self.given.dry_run:
                policies = then
            elif self.given.yes or _ask(f"apply this to {namespace}? [y/n]", self.say):
                self._carry_out(plan, namespace, journal)
                policies = then
            else:
                whole = False
                self.say(f"{namespace}: left as it is")
        return whole

    def _carry_out(self, plan: "Plan", namespace: str, journal: "Journal") -> None:
        from recommender.rollout import carry_out  # noqa: PLC0415 - late: --help loads nothing heavy

        carry_out(self.applier, plan.of(namespace), journal, self._told, force=self.given.force)

    def _say_stopped(self, plan: "Plan", journal: "Journal") -> None:
        total = sum(step.action != "leave" for step in plan.steps)
        self.say(f"stopped: {len(self.done)} of {total} changes are done")
        if journal.file is not None:
            self.say(_how_to_undo(journal.file))

    def _told(self, step: "Step") -> None:
        from recommender.apply_words import done_line  # noqa: PLC0415 - late: --help loads nothing heavy

        self.done.append(step)
        if not self.given.json:
            self.show(done_line(step))

    def _replaying(self, live: list[dict[str, Any]]) -> "tuple[Policies, Replay | None]":
        """Return the policies in force, and how to replay everything observed from some to others, if it is given."""
        if self.given.observations is None:
            return {}, None
        from collectors.store import opened  # noqa: PLC0415 - late: --help loads nothing heavy
        from recommender.existing import existing  # noqa: PLC0415 - late, as above
        from recommender.rehearsal import in_force, replay  # noqa: PLC0415 - late, as above
        from recommender.stages import spoken  # noqa: PLC0415 - late, as above

        inventory = run_options(self.given).inventory(self.given.inventory)
        seen = spoken(opened(self.given.observations), inventory)
        listed = frozenset(self.given.namespace) or None
        policies, unread = in_force(live, existing(inventory).in_force, listed)
        for reason in unread:
            self.say(one_line(f"not replayed, since it cannot be read: {reason}", _LONGEST))
        return policies, lambda before, then: replay(before, then, seen, inventory, self.wanted.declined)


def _undo(given: argparse.Namespace, show: Say, say: Say) -> int:
    from recommender.apply_words import undo_data, undo_line  # noqa: PLC0415 - late: --help loads nothing heavy
    from recommender.rollout import plan_undo, take_back  # noqa: PLC0415 - late, as above
    from recommender.undo_store import load_undo  # noqa: PLC0415 - late, as above

    undo = load_undo(given.undo)
    with _connected(given) as applier:
        steps = plan_undo(applier, undo, given.namespace)
        changing = sum(step.action != "leave" for step in steps)
        for step in steps:
            say(undo_line(step, done=False))
        asked = changing and not given.dry_run
        done = bool(asked and (given.yes or _ask(f"take these {changing} changes back? [y/n]", say)))
        if done:
            take_back(applier, steps, lambda step, _: None if given.json else show(undo_line(step, done=True)))
    if given.json:
        show(json.dumps(undo_data(steps, server=applier.where, dry_run=given.dry_run, done=done), indent=2))
    if not changing:
        say("nothing to take back")
    elif not done:
        say("nothing was changed")
    return FINDING if (asked and not done) or any(step.stuck for step in steps) else 0


def _how_to_undo(file: Path) -> str:
    return f"to take it back: podfence apply --undo {shlex.quote(str(file))}"


def _some(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
    return one_line(", ".join(names[:_MOST]), _LONGEST) + more


def _terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def _ask(question: str, say: Say) -> bool:
    """Return the answer to a question; whatever is no clear yes is a no."""
    say(question)
    return sys.stdin.readline().strip().lower() in {"y", "yes"}
