"""Turns policies and a CNI's profile into warnings: what of them would not do there what it says, and what to do."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from recommender.cni_checks import CHECKS, KINDS, Check, Kind
from recommender.cni_profiles import PROFILES, Profile, Trait, profile
from recommender.cni_sides import Labels, by_policy
from recommender.phrases import bounded
from recommender.policy import NetworkPolicy
from recommender.review import Reviewed

__all__ = ["KINDS", "PROFILES", "CniWarning", "Profile", "cni_data", "cni_rows", "cni_warnings", "profile"]

_SHOWN: Final = 3


@dataclass(frozen=True)
class CniWarning:
    """One thing of one policy that would not work, said once for all its rules that share it.

    `policy` is "namespace/name"; `count` is how many ports, peers or communications it is about. Names in the texts
    are cut and their control characters written out.
    """

    policy: str
    kind: Kind
    count: int
    sentence: str
    source: str

    @property
    def docs(self) -> str:
        """Where it is explained."""
        return f"docs/cni.md#{self.kind}"


def cni_warnings(
    policies: Iterable[NetworkPolicy],
    reviewed: Reviewed,
    profile: Profile,
    services: Mapping[str, Labels] | None = None,
) -> tuple[CniWarning, ...]:
    """Return what of the policies would not work under a CNI, sorted by policy and kind.

    What was seen tells what an address is and which Service led to it; declined communications do not count.
    `services` are the selectors of Services by "namespace/name": `service_selector` is only given with them.
    """
    found: list[CniWarning] = []
    for sides in by_policy(policies, reviewed, services):
        for kind, check in CHECKS.items():
            trait: Trait[Any] | None = getattr(profile, check.trait)
            examples = sorted(set(check.finds(sides, trait.value))) if trait is not None else []
            if trait is not None and examples:
                name = bounded(f"{sides.policy.namespace}/{sides.policy.name}")
                found.append(CniWarning(name, kind, len(examples), _sentence(check, examples, trait), trait.source))
    return tuple(sorted(found, key=lambda warning: (warning.policy, KINDS.index(warning.kind), warning.sentence)))


def _sentence(check: Check, examples: list[str], trait: Trait[Any]) -> str:
    count, more = len(examples), len(examples) - _SHOWN
    shown = "; ".join(map(bounded, examples[:_SHOWN])) + (f"; and {more:,} more" if more > 0 else "")
    return f"{count:,} {check.one if count == 1 else check.many} ({shown}). {trait.sentence} {check.advice}"


def cni_rows(warnings: Iterable[CniWarning]) -> Iterator[tuple[str, str]]:
    """Yield the rows of the summary: how many, then the first of each kind; no warnings, no rows."""
    listed = sorted(warnings, key=lambda warning: (KINDS.index(warning.kind), warning.policy, warning.sentence))
    if not listed:
        return
    about = len({warning.policy for warning in listed})
    what, where = "warning" if len(listed) == 1 else "warnings", "policy" if about == 1 else "policies"
    yield "cni", f"{len(listed):,} {what} in {about:,} {where}"
    for kind, group in groupby(listed, key=lambda warning: warning.kind):
        first, *others = group
        more = f" (and {len(others):,} more, in the report)" if others else ""
        yield "", f"{kind}: {first.policy}: {first.sentence}{more}"


def cni_data(warnings: Iterable[CniWarning]) -> list[dict[str, Any]]:
    """Return warnings as plain data for --json."""
    names = ("policy", "kind", "count", "sentence", "source", "docs")
    return [{name: getattr(warning, name) for name in names} for warning in warnings]
