"""Turns existing policies and an observation store into a review folder whose decisions reproduce the policies."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from collectors.inventory import Inventory
from collectors.store import opened
from recommender.adopt import Adoption
from recommender.adopt import adopt as adopted_from
from recommender.existing import Existing, Unread, existing
from recommender.generate import generate
from recommender.pipeline import RunOptions
from recommender.policy import NetworkPolicy
from recommender.review import Decision, Direction, review
from recommender.simulate import isolation
from recommender.stages import suggested
from recommender.store import load_decisions, load_policies, replace_decisions, save_suggestions
from recommender.suggest import Suggestions
from recommender.uncollected import uncollected


@dataclass(frozen=True)
class Adopted:
    """What was adopted from which policies, and what of them the decisions do not carry.

    `unread` are policies of the inventory that cannot be read, `own` those that podfence exported itself, `skipped`
    counts manifests of other kinds. `added` are the decisions that are new; what was decided before stays. `reopened`
    are workload directions that the policies isolate and an export of the decisions does not; `half_decided` those
    that it isolates although suggestions there are undecided.
    """

    policies: tuple[NetworkPolicy, ...]
    suggestions: Suggestions
    adoption: Adoption
    added: tuple[Decision, ...]
    reopened: tuple[Direction, ...] = ()
    half_decided: tuple[Direction, ...] = ()
    unread: tuple[Unread, ...] = ()
    own: tuple[NetworkPolicy, ...] = ()
    skipped: Mapping[str, int] = field(default_factory=dict)


def adopt(
    paths: Iterable[str | Path],
    inventory_path: Path,
    store: Path,
    folder: Path,
    options: RunOptions | None = None,
) -> Adopted:
    """Write suggestions, and decisions that reproduce policies, into a review folder; decisions there are kept.

    The policies are those in files and folders, or, where none is named, those of the inventory that podfence did not
    export. Raises UnreadableInput for files that cannot be read, and for an inventory that could not list policies.
    """
    options = options or RunOptions()
    inventory = options.inventory(inventory_path)
    policies, skipped, found = _to_adopt([*paths], inventory, inventory_path)
    with uncollected():
        suggestions = suggested(opened(store), inventory).suggestions
        adoption = adopted_from(policies, suggestions, inventory)
        read = load_decisions(folder)
        decisions = {decision.id: decision for decision in read}
        added = tuple(decision for decision in adoption.decisions if decision.id not in decisions)
        merged = (*decisions.values(), *added)
        reviewed = review(suggestions, merged)
        reopened = _reopened(policies, generate(reviewed, options.generating), inventory)
    save_suggestions(suggestions, folder)
    replace_decisions(read, merged, folder)
    return Adopted(
        policies,
        suggestions,
        adoption,
        added,
        reopened=reopened,
        half_decided=tuple(reviewed.half_decided),
        unread=found.unread,
        own=found.own,
        skipped=skipped,
    )


def _to_adopt(
    paths: Collection[str | Path], inventory: Inventory, where: Path
) -> tuple[tuple[NetworkPolicy, ...], Mapping[str, int], Existing]:
    """Return the policies, what was skipped in files, and the inventory's own policies where it is asked for them."""
    if paths:
        return *load_policies(paths), Existing()
    found = existing(inventory)
    found.refuse_missing(
        where, "name files or folders of policies, or take the inventory again with the right to list them"
    )
    return found.policies, {}, found


def _reopened(
    policies: Iterable[NetworkPolicy], export: Iterable[NetworkPolicy], inventory: Inventory
) -> tuple[Direction, ...]:
    after = isolation(export, inventory)
    return tuple(
        (ref, direction)
        for ref, closed in isolation(policies, inventory).items()
        for direction in sorted(closed - after.get(ref, frozenset()))
    )
