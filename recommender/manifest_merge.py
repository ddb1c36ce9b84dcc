"""Turns policies from several places into each policy once, or into a sentence that names the two that differ."""

from collections.abc import Iterable
from dataclasses import replace

from collectors.errors import UnreadableInput
from recommender.policy import NetworkPolicy

Placed = tuple[NetworkPolicy, str]
"""A policy, and where it stands for people: file, document, entry."""


def once(found: Iterable[Placed]) -> tuple[Placed, ...]:
    """Return each policy once, at its first place; raises UnreadableInput where two of one name differ.

    Labels and annotations change nothing that a policy does, so they may differ: a copy from the cluster carries more
    of them than the file that it was made from.
    """
    kept: dict[tuple[str, str], Placed] = {}
    for policy, place in found:
        first, first_place = kept.setdefault(policy.key, (policy, place))
        if _content(first) != _content(policy):
            raise UnreadableInput(
                f"{place}: NetworkPolicy {policy.namespace}/{policy.name} stands here a second time and differs from "
                f"that in {first_place}; keep one of the two, since applying both leaves only the last"
            )
    return tuple(kept.values())


def _content(policy: NetworkPolicy) -> NetworkPolicy:
    return replace(policy, labels=(), annotations=())
