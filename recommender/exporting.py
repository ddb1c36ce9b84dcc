"""Turns a review folder into exported files, and into what exporting would change in a folder or in a cluster."""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from recommender.cni import CniWarning
from recommender.communications import Communication
from recommender.export_folder import Leftover, leftovers, texts
from recommender.export_folder import prune as prune_folder
from recommender.generate import generate
from recommender.half_decided import refuse_half_decided, would_break
from recommender.manifest import policy_to_yaml
from recommender.outputs import KUSTOMIZATION, export_files
from recommender.pipeline import RunOptions, load_review, unsupported
from recommender.policy import MANAGED_BY, NetworkPolicy
from recommender.policy_changes import PolicyChange, policy_changes, without_notes
from recommender.review import Reviewed
from recommender.store import differing_files, read_policies, save_policies


@dataclass(frozen=True)
class Exported:
    """What was written: the policies, the files they are in, and the YAML files there that are none of theirs.

    `cni` says what of them would not work with the CNI that was named, `would_break` what they cut off though nobody
    declined it. `pruned` are files that were removed, `kept` those that were not, with the reason.
    """

    policies: tuple[NetworkPolicy, ...]
    files: tuple[str, ...]
    others: tuple[str, ...]
    cni: tuple[CniWarning, ...] = ()
    would_break: tuple[Communication, ...] = ()
    pruned: tuple[str, ...] = ()
    kept: tuple[Leftover, ...] = ()


@dataclass(frozen=True)
class ExportDiff:
    """What exporting would change: policy by policy, and as the lines of a unified diff."""

    changes: tuple[PolicyChange, ...] = ()
    text: tuple[str, ...] = ()

    @property
    def differs(self) -> bool:
        """Whether anything would change."""
        return bool(self.changes or self.text)


def approved(reviewed: Reviewed, options: RunOptions) -> tuple[NetworkPolicy, ...]:
    """Return the policies that decisions approve; raises HalfDecided for half-decided directions, unless allowed."""
    refuse_half_decided(reviewed, allow_incomplete=options.allow_incomplete, default_deny=options.default_deny)
    return generate(reviewed, options.generating)


def export(
    review_folder: str | Path, folder: str | Path, options: RunOptions | None = None, *, prune: bool = False
) -> Exported:
    """Write the approved policies; half-decided directions are refused.

    With `prune`, YAML files of the folder that podfence wrote and that are not among them are removed.
    """
    options = options or RunOptions()
    reviewed = load_review(review_folder)
    policies = approved(reviewed, options)
    files, others = save_policies(policies, folder, options.layout)
    found = prune_folder(Path(folder), files) if prune else ()
    pruned = tuple(one.name for one in found if one.ours)
    return Exported(
        policies,
        files=tuple(name for name in files if name != KUSTOMIZATION),
        others=tuple(name for name in others if name not in pruned),
        cni=unsupported(policies, reviewed, options),
        would_break=would_break(reviewed, default_deny=options.default_deny),
        pruned=pruned,
        kept=tuple(one for one in found if not one.ours),
    )


def check_export(review_folder: str | Path, folder: str | Path, options: RunOptions | None = None) -> tuple[str, ...]:
    """Return the files of a folder that differ from what `export` would write now; write nothing."""
    options = options or RunOptions()
    return differing_files(approved(load_review(review_folder), options), folder, options.layout)


def diff_folder(review_folder: Path, folder: Path, options: RunOptions | None = None) -> ExportDiff:
    """Return what `export` with `prune` would change in a folder; write nothing. Other people's files do not count."""
    options = options or RunOptions()
    policies = approved(load_review(review_folder), options)
    after = export_files(policies, options.layout)
    ours = [one for one in leftovers(folder, after) if one.ours]
    before = {**texts(folder, after.keys()), **{one.name: one.text for one in ours}}
    in_files = read_policies(str(folder / name) for name in after if name in before and name != KUSTOMIZATION)
    known = {policy.key: policy for one in ours for policy in one.policies}
    known.update({policy.key: policy for policy in in_files.policies})
    return ExportDiff(policy_changes(known.values(), policies), tuple(_unified(before, after)))


def diff_cluster(
    review_folder: Path, in_force: Iterable[NetworkPolicy], options: RunOptions | None = None
) -> ExportDiff:
    """Return what the approved policies would change among those of a cluster that podfence made or would overwrite.

    Annotations do not count, and of labels only those that podfence writes: others belong to whoever set them.
    """
    options = options or RunOptions()
    policies = approved(load_review(review_folder), options)
    names = {policy.key for policy in policies}
    key = MANAGED_BY[0]
    touched = [policy for policy in in_force if MANAGED_BY in policy.labels or policy.key in names]
    before = [_comparable(without_notes(policy, [key])) for policy in touched]
    after = [_comparable(without_notes(policy)) for policy in policies]
    return ExportDiff(policy_changes(before, after), tuple(_unified(_as_files(before), _as_files(after))))


def _comparable(policy: NetworkPolicy) -> NetworkPolicy:
    """Return a policy with its types in one order, since a cluster keeps the one that they were written in."""
    return replace(policy, policy_types=tuple(sorted(policy.policy_types, reverse=True)))


def _as_files(policies: Iterable[NetworkPolicy]) -> dict[str, str]:
    return {f"{policy.namespace}/{policy.name}.yaml": policy_to_yaml(policy) for policy in policies}


def _unified(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    """Yield the lines of a unified diff between files by name; texts are not escaped yet."""
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if old != new:
            places = (f"a/{name}" if old is not None else "/dev/null", f"b/{name}" if new is not None else "/dev/null")
            yield from difflib.unified_diff(_lines(old), _lines(new), *places, lineterm="")


def _lines(text: str | None) -> list[str]:
    *whole, last = (text or "").split("\n")
    return [*whole, f"{last}\n\\ No newline at end of file"] if last else whole
