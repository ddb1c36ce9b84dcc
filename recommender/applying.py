"""Turns wanted policies and those of a cluster into what to create, change, leave and remove. Nothing is sent here."""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from collectors.applier import MANAGER
from collectors.errors import UnreadableInput, one_line
from recommender.manifest import policy_from_object, policy_to_object
from recommender.policy import MANAGED_BY, NetworkPolicy

Action = Literal["create", "change", "leave", "remove"]
ACTIONS: tuple[Action, ...] = ("create", "change", "remove", "leave")
Object = Mapping[str, Any]
Key = tuple[str, str]
"""Namespace and name."""


@dataclass(frozen=True)
class Step:
    """What is to become of one policy.

    `wanted` is what is sent, `before` the live object that was read (None: there is none), `expected` what the API
    server says that it would be afterwards.
    """

    namespace: str
    name: str
    action: Action
    wanted: Object | None = None
    before: Object | None = None
    expected: Object | None = None

    @property
    def full_name(self) -> str:
        """Namespace and name as one text."""
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True)
class Kept:
    """A policy of an earlier export that is not wanted and stays, and why."""

    name: str
    why: str


@dataclass(frozen=True)
class Plan:
    """All steps, sorted; `kept` are earlier exports that stay, `foreign` wanted names that somebody else's policy has.

    `unlabelled` are wanted policies that are no export of podfence.
    """

    steps: tuple[Step, ...] = ()
    kept: tuple[Kept, ...] = ()
    foreign: tuple[str, ...] = ()
    unlabelled: tuple[str, ...] = ()

    @property
    def namespaces(self) -> tuple[str, ...]:
        """The namespaces in which anything changes, sorted."""
        return tuple(sorted({step.namespace for step in self.steps if step.action != "leave"}))

    def of(self, namespace: str) -> tuple[Step, ...]:
        """Return the steps of a namespace."""
        return tuple(step for step in self.steps if step.namespace == namespace)

    def counts(self, namespace: str | None = None) -> dict[Action, int]:
        """Return how many steps there are of each action, in one namespace or in all."""
        chosen = [step.action for step in self.steps if namespace in {None, step.namespace}]
        return {action: chosen.count(action) for action in ACTIONS}


def plan(
    policies: Iterable[NetworkPolicy],
    live: Iterable[Object],
    *,
    prune: bool = False,
    prune_in: Collection[str] = (),
) -> Plan:
    """Return what to do with each wanted policy, and with each live one of an earlier export that is not wanted.

    With `prune`, those are removed in the namespaces that get a policy and in `prune_in`, if podfence alone holds their
    fields. A live policy without podfence's label is somebody else's.
    """
    wanted = {policy.key: policy for policy in policies}
    held = {key_of(item): item for item in live}
    steps, foreign = [], []
    for (namespace, name), policy in sorted(wanted.items()):
        before = held.get((namespace, name))
        if before is not None and not is_labelled(before):
            foreign.append(f"{namespace}/{name}")
        action: Action = "create" if before is None else "change"
        steps.append(Step(namespace, name, action, policy_to_object(policy), before))
    scope = {namespace for namespace, _ in wanted}.union(prune_in)
    kept = []
    for (namespace, name), item in sorted(held.items()):
        if (namespace, name) not in wanted and is_labelled(item):
            why = _why_kept(item, in_scope=namespace in scope, prune=prune)
            if why:
                kept.append(Kept(f"{namespace}/{name}", why))
            else:
                steps.append(Step(namespace, name, "remove", before=item))
    unlabelled = [f"{p.namespace}/{p.name}" for p in wanted.values() if MANAGED_BY not in p.labels]
    ordered = sorted(steps, key=lambda step: (step.namespace, step.name))
    return Plan(tuple(ordered), tuple(kept), tuple(foreign), tuple(sorted(unlabelled)))


def _why_kept(item: Object, *, in_scope: bool, prune: bool) -> str:
    others = sorted(manager for manager, _ in managers(item) if manager != MANAGER)
    if others:
        return f"its fields are held by {one_line(', '.join(others), 100)}, not by {MANAGER} alone"
    if not managers(item):
        return f"nothing tells that {MANAGER} made it"
    if not in_scope:
        return "nothing is applied in its namespace; name that with --namespace to remove it"
    return "" if prune else "remove it with --prune"


def settled(step: Step, answered: Object) -> Step:
    """Return a step with what the dry run answered; one that would change nothing is to be left."""
    same = step.before is not None and is_same(step.before, answered)
    return replace(step, expected=answered, action="leave" if same else step.action)


def body_of(step: Step) -> Object:
    """Return what is sent to apply a step: over an object that is there, only over the version that was read."""
    if step.wanted is None:
        raise ValueError(f"{step.full_name} is to be removed, and has no body")
    return step.wanted if step.before is None else at_version(step.wanted, step.before)


def at_version(item: Object, held: Object) -> Object:
    """Return an object that the API server takes only over this version of the one that is there."""
    return {**item, "metadata": {**item["metadata"], "resourceVersion": held["metadata"]["resourceVersion"]}}


def key_of(item: Object) -> Key:
    """Return namespace and name of an object."""
    return str(item["metadata"]["namespace"]), str(item["metadata"]["name"])


def is_labelled(item: Object) -> bool:
    """Say whether an object carries podfence's label."""
    key, value = MANAGED_BY
    return bool((item["metadata"].get("labels") or {}).get(key) == value)


def content(item: Object) -> dict[str, Any]:
    """Return what an object says, without what the API server notes about it."""
    meta = item["metadata"]
    said = {key: meta[key] for key in ("labels", "annotations", "finalizers", "ownerReferences") if meta.get(key)}
    return {**said, "spec": item.get("spec") or {}}


def managers(item: Object) -> frozenset[tuple[str, str]]:
    """Return who holds fields of an object: manager, and operation with the fields as JSON."""
    return frozenset(
        (str(entry.get("manager")), _operation(entry)) for entry in item["metadata"].get("managedFields") or ()
    )


def _operation(entry: Object) -> str:
    return f"{entry.get('operation')} {json.dumps(entry.get('fieldsV1'), sort_keys=True)}"


def is_same(first: Object, second: Object) -> bool:
    """Say whether two versions of an object say the same, and the same managers hold the same fields."""
    return content(first) == content(second) and managers(first) == managers(second)


def read_live(items: Iterable[Object]) -> tuple[tuple[NetworkPolicy, ...], list[str]]:
    """Return live objects as policies, sorted, and why some of them could not be read."""
    found, unread = [], []
    for item in items:
        try:
            found.append(policy_from_object(item, f"NetworkPolicy {'/'.join(key_of(item))}"))
        except UnreadableInput as fault:
            unread.append(str(fault))
    return tuple(sorted(found, key=lambda policy: policy.key)), sorted(unread)
