"""Turns existing policies and an observation store into a review folder whose decisions reproduce the policies."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from collectors.errors import UnreadableInput
from collectors.inventory import Inventory
from collectors.observation import Observation
from collectors.store import load
from recommender.adopt import Adoption
from recommender.adopt import adopt as adopted_from
from recommender.communications import summarize
from recommender.existing import Unread, existing
from recommender.generate import generate
from recommender.names import with_names
from recommender.pipeline import RunOptions
from recommender.policy import NetworkPolicy
from recommender.resolve import resolve
from recommender.review import Decision, Direction, review
from recommender.scans import scan_like, scans
from recommender.simulate import isolation
from recommender.store import load_decisions, load_policies, replace_decisions, save_suggestions
from recommender.suggest import Suggestions, SuggestOptions, suggest
from recommender.uncollected import uncollected
from recommender.vantages import once


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
    listed = [*paths]
    policies, skipped = load_policies(listed) if listed else ((), {})
    found = existing(inventory)
    if not listed:
        if found.missing:
            raise UnreadableInput(
                f"{inventory_path}: the cluster's NetworkPolicies could not be listed ({found.missing}); "
                "name files or folders of policies, or take the inventory again with the right to list them"
            )
        policies = found.policies
    with uncollected():
        suggestions = _suggested(load(store), inventory)
        adoption = adopted_from(policies, suggestions, inventory)
        read = load_decisions(folder)
        decisions = {decision.id: decision for decision in read}
        added = tuple(decision for decision in adoption.decisions if decision.id not in decisions)
        merged = (*decisions.values(), *added)
        reviewed = review(suggestions, merged)
        reopened = _reopened(policies, generate(reviewed, options.generating), inventory)
    save_suggestions(suggestions, folder)
    replace_decisions(read, merged, folder)
    unread, own = ((), ()) if listed else (found.unread, found.own)
    half = tuple(reviewed.half_decided)
    return Adopted(policies, suggestions, adoption, added, reopened, half, unread, own, skipped)


def _suggested(observation: Observation, inventory: Inventory) -> Suggestions:
    resolved = once(resolve(observation.flows, inventory), observation.window)
    communications = with_names(summarize(resolved), observation.names)
    suspicious = SuggestOptions(scan_like=scan_like(scans(resolved)))
    return suggest(communications, inventory, observation.window, suspicious)


def _reopened(
    policies: Iterable[NetworkPolicy], export: Iterable[NetworkPolicy], inventory: Inventory
) -> tuple[Direction, ...]:
    after = isolation(export, inventory)
    return tuple(
        (ref, direction)
        for ref, closed in isolation(policies, inventory).items()
        for direction in sorted(closed - after.get(ref, frozenset()))
    )
