"""Turns a review and one suggestion into what deciding it otherwise would change: policies, lines of YAML, effects."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import unified_diff

from collectors.inventory import WorkloadRef
from recommender.generate import generate
from recommender.manifest import policy_to_yaml
from recommender.notebook.rows import shown
from recommender.openings import selector_of
from recommender.policy import NetworkPolicy
from recommender.review import Reviewed, decided, directions
from recommender.suggest import Suggestion
from recommender.what_if import Effect, WhatIf, what_if

_DIGEST = "podfence/review"
"""The annotation that every decision anywhere changes: no difference worth showing."""

DiffLine = tuple[str, str]
"""` `, `+`, `-` or `@`, and the line."""


def supposed(reviewed: Reviewed, item: Suggestion, *, accepted: bool) -> Reviewed:
    """Return the review as it would be with this suggestion accepted, or undecided; all else as it is."""
    others = tuple(other for other in reviewed.accepted if other.id != item.id)
    order = {other.id: at for at, other in enumerate(reviewed.suggestions.items)} if accepted else {}
    decisions = dict(reviewed.decisions)
    if not accepted:
        decisions.pop(item.id, None)
    elif item.id not in {other.id for other in reviewed.accepted}:
        decisions[item.id] = decided(reviewed.suggestions, item, "accept")
    return replace(
        reviewed,
        accepted=tuple(sorted([*others, item], key=lambda other: order[other.id])) if accepted else others,
        declined=tuple(other for other in reviewed.declined if other.id != item.id),
        undecided=tuple(other for other in reviewed.undecided if other.id != item.id) + (() if accepted else (item,)),
        decisions=decisions,
    )


def policies_of(reviewed: Reviewed, item: Suggestion) -> tuple[NetworkPolicy, ...]:
    """Return the policies that an export now would have for the ends of a suggestion, as the whole export has them."""
    subjects = [reviewed.suggestions.subjects[ref] for ref, _ in directions(item)]
    found = generate(replace(reviewed, accepted=tuple(_near(reviewed, {ref for ref, _ in directions(item)}))))
    meant = {(subject.namespace, selector_of(subject)) for subject in subjects}
    return tuple(policy for policy in found if (policy.namespace, policy.pod_selector) in meant)


def _near(reviewed: Reviewed, ends: Collection[WorkloadRef]) -> Iterator[Suggestion]:
    """Yield what is accepted at these ends, and one of each neighbour: names are given out among a namespace's."""
    namespaces = {ref.namespace for ref in ends}
    named: set[WorkloadRef] = set()
    for other in reviewed.accepted:
        refs = [ref for ref, _ in directions(other)]
        if any(ref in ends for ref in refs) or any(r.namespace in namespaces and r not in named for r in refs):
            named.update(refs)
            yield other


def difference(before: Iterable[NetworkPolicy], after: Iterable[NetworkPolicy]) -> tuple[DiffLine, ...]:
    """Return the lines of YAML that go and come between two sets of policies, a few unchanged ones around them."""
    return tuple(
        (line[:1], line if line.startswith("@") else line[1:])
        for line in unified_diff(_text(before), _text(after), lineterm="", n=3)
        if not line.startswith(("---", "+++"))
    )


def _text(policies: Iterable[NetworkPolicy]) -> Sequence[str]:
    listed: list[str] = []
    for policy in policies:
        kept = tuple(pair for pair in policy.annotations if pair[0] != _DIGEST)
        listed += [
            f"# {shown(f'{policy.namespace}/{policy.name}')}",
            *policy_to_yaml(replace(policy, annotations=kept)).split("\n"),
        ]
    return listed


def cut_by(reviewed: Reviewed, now: WhatIf, item: Suggestion) -> Mapping[str, Effect]:
    """Return what would break or be blocked, by suggestion, once this one is accepted and is not so now."""
    then = supposed(reviewed, item, accepted=True)
    closing = set(directions(item))
    # Only where it closes a direction can anything change: the others need not be asked again.
    undecided, declined = (
        tuple(other for other in listed if closing.intersection(directions(other)))
        for listed in (then.undecided, then.declined)
    )
    asked = {direction for other in (*undecided, *declined) for direction in directions(other)}
    accepted = tuple(other for other in then.accepted if asked.intersection(directions(other)))
    effects = what_if(replace(then, accepted=accepted, undecided=undecided, declined=declined)).effects
    return {
        key: effect
        for key, effect in effects.items()
        if effect in {"would_break", "blocked"} and now.effects[key] != effect
    }


def cut_with(reviewed: Reviewed, now: WhatIf, item: Suggestion) -> Mapping[str, Effect]:
    """Return what an export now would break or block in the directions that an accepted suggestion closes."""
    closing = set(directions(item))
    return {
        other.id: now.effects[other.id]
        for listed in (reviewed.undecided, reviewed.declined)
        for other in listed
        if now.effects[other.id] in {"would_break", "blocked"} and closing.intersection(directions(other))
    }
