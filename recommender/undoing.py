"""Turns what an apply recorded, and what is there now, into how each policy goes back to what it was. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from collectors.applier import MANAGER
from recommender.applying import Object, at_version, content, is_labelled, is_same, managers

State = Literal["planned", "done", "existed"]
Back = Literal["delete", "restore", "recreate", "leave"]
_SPEC = ("podSelector", "policyTypes", "ingress", "egress")


@dataclass(frozen=True)
class Entry:
    """One change that an apply was about to make (`planned`), or made (`done`).

    `before` is the object that was there, `expected` what the dry run promised, `left` what podfence really left.
    `existed`: it was to be created, and somebody else had made it meanwhile, so that what was before is not known.
    """

    namespace: str
    name: str
    action: Literal["create", "change", "remove"]
    before: Object | None = None
    expected: Object | None = None
    left: Object | None = None
    state: State = "planned"

    @property
    def full_name(self) -> str:
        """Namespace and name as one text."""
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True)
class UndoStep:
    """How one policy goes back; `why` says it in words where it stays as it is.

    `stuck`: it is not what it was, and not what podfence left either, so that only a human can put it right.
    """

    entry: Entry
    action: Back
    live: Object | None = None
    why: str = ""
    stuck: bool = False


def undo_step(entry: Entry, live: Object | None) -> UndoStep:
    """Return how a change is taken back: only if what is there is still what podfence left."""
    if entry.state == "existed":
        return UndoStep(
            entry, "leave", live, "somebody else made it just before podfence applied it: look at it", stuck=True
        )
    if entry.action == "create":
        return _created(entry, live)
    if entry.action == "change":
        return _changed(entry, live)
    if live is None:
        return UndoStep(entry, "recreate")
    if _uid(live) == _uid(entry.before):
        return UndoStep(entry, "leave", live, "it is still there")
    if entry.before is not None and is_same(live, entry.before):
        return UndoStep(entry, "leave", live, "it is there again")
    return UndoStep(entry, "leave", live, "somebody made it anew", stuck=True)


def _created(entry: Entry, live: Object | None) -> UndoStep:
    if live is None:
        return UndoStep(entry, "leave", None, "it is not there")
    if _is_left(entry, live) and is_labelled(live) and {manager for manager, _ in managers(live)} == {MANAGER}:
        return UndoStep(entry, "delete", live)
    return UndoStep(entry, "leave", live, "it was changed since, or made by somebody else", stuck=True)


def _changed(entry: Entry, live: Object | None) -> UndoStep:
    if live is None or entry.before is None or _uid(live) != _uid(entry.before):
        why = "it was deleted since" if live is None else "somebody made it anew"
        return UndoStep(entry, "leave", live, why, stuck=True)
    if is_same(live, entry.before):
        return UndoStep(entry, "leave", live, "it is what it was")
    if _is_left(entry, live):
        return UndoStep(entry, "restore", live)
    if content(live) == content(entry.before):
        return UndoStep(entry, "leave", live, "it says what it said")
    return UndoStep(entry, "leave", live, "it was changed since", stuck=True)


def _is_left(entry: Entry, live: Object) -> bool:
    """Say whether an object is what podfence left; where that was not recorded any more, what it was to leave."""
    if entry.left is not None:
        return _uid(live) == _uid(entry.left) and is_same(live, entry.left)
    return entry.expected is not None and is_same(live, entry.expected)


def _uid(item: Object | None) -> Any:
    return None if item is None else item["metadata"].get("uid")


def own_part(item: Object) -> dict[str, Any]:
    """Return what podfence had applied of an object, by its managed fields: applying it anew gives that back."""
    meta = item["metadata"]
    fields = _own_fields(item)
    of_meta, of_spec = fields.get("f:metadata") or {}, fields.get("f:spec") or {}
    kept: dict[str, Any] = {"namespace": meta["namespace"], "name": meta["name"]}
    for part in ("labels", "annotations"):
        held = of_meta.get(f"f:{part}") or {}
        pairs = {key: value for key, value in (meta.get(part) or {}).items() if f"f:{key}" in held}
        if pairs:
            kept[part] = pairs
    spec = {key: item["spec"][key] for key in _SPEC if f"f:{key}" in of_spec and key in item["spec"]}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": kept, "spec": spec}


def _own_fields(item: Object) -> Mapping[str, Any]:
    for entry in item["metadata"].get("managedFields") or ():
        if entry.get("manager") == MANAGER and entry.get("operation") == "Apply" and not entry.get("subresource"):
            return entry.get("fieldsV1") or {}
    return {}


def restoring(before: Object, live: Object) -> tuple[Object | None, Object]:
    """Return two ways back: what podfence had applied before (None: nothing), and the whole object as it was.

    Both are taken only over the version that is there now.
    """
    applied = at_version(own_part(before), live) if _own_fields(before) else None
    return applied, at_version(before, live)
