"""Turns two sets of policies into the lines of YAML in which they differ."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from difflib import unified_diff

from recommender.manifest import policy_to_yaml
from recommender.notebook.rows import shown
from recommender.policy import NetworkPolicy

_DIGEST = "podfence/review"
"""The annotation that every decision anywhere changes: no difference worth showing."""

DiffLine = tuple[str, str]
"""` `, `+`, `-` or `@`, and the line."""


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
