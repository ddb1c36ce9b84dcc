"""Turns policies before and after a step of a rollout into what of everything observed the step would break. Pure."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from collectors.inventory import Inventory
from recommender.applying import Key, Step, read_live
from recommender.communications import Communication, meaning
from recommender.manifest import policy_from_object
from recommender.outcomes import Outcome
from recommender.policy import NetworkPolicy
from recommender.review import Reviewed
from recommender.simulate import simulate


@dataclass(frozen=True)
class Replayed:
    """What worked when observed, is not denied yet, and would be: `would_break`, and `declined` if a review wants it.

    `denied` counts what worked and that the policies before deny already.
    """

    would_break: tuple[Outcome, ...] = ()
    declined: int = 0
    denied: int = 0


def in_force(
    listed: Iterable[Mapping[str, object]], inventory: Iterable[NetworkPolicy], namespaces: Collection[str] | None
) -> tuple[dict[Key, NetworkPolicy], list[str]]:
    """Return a cluster's policies by name: as just listed, and those of an inventory where nothing was listed.

    `namespaces` are those that were listed (None: all of them). Also returns why some cannot be read.
    """
    live, unread = read_live(listed)
    found = {policy.key: policy for policy in live}
    if namespaces is not None:
        found.update({policy.key: policy for policy in inventory if policy.namespace not in namespaces})
    return found, unread


def after(before: Mapping[Key, NetworkPolicy], steps: Iterable[Step]) -> dict[Key, NetworkPolicy]:
    """Return the policies once some steps are done."""
    found = dict(before)
    for step in steps:
        key = step.namespace, step.name
        if step.action == "remove":
            found.pop(key, None)
        elif (item := step.expected or step.wanted) is not None:
            found[key] = policy_from_object(item, f"NetworkPolicy {step.full_name}")
    return found


def replay(
    before: Mapping[Key, NetworkPolicy],
    then: Mapping[Key, NetworkPolicy],
    communications: Iterable[Communication],
    inventory: Inventory,
    declined: Collection[tuple[object, ...]] = (),
) -> Replayed:
    """Return what going from one set of policies to the other would break; `declined` are meanings."""
    seen = [one for one in communications if one.evidence.worked]
    was = simulate([before[key] for key in sorted(before)], seen, inventory)
    will = simulate([then[key] for key in sorted(then)], seen, inventory)
    cut = [new for old, new in zip(was, will, strict=True) if new.verdict == "denied" and old.verdict != "denied"]
    breaking = tuple(one for one in cut if meaning(one.communication) not in declined)
    return Replayed(breaking, len(cut) - len(breaking), sum(old.verdict == "denied" for old in was))


def declined_meanings(reviewed: Reviewed) -> frozenset[tuple[object, ...]]:
    """Return what a review declined, as `replay` wants it."""
    return frozenset(meaning(item.communication) for item in reviewed.declined)
