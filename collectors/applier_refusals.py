"""Turns what an API server answers to a change that it refuses into an error with one sentence."""

import json
import re
from collections.abc import Mapping
from typing import Any

from collectors.errors import one_line
from collectors.refusals import Asked, ClusterError, Forbidden, refusal

_LONGEST = 400
_MOST = 10
_HOLDER = re.compile(r'conflict with "([^"]{0,200})"')
_USER = re.compile(r'User "([^"]{1,200})"')


class Conflict(ClusterError):
    """409: another field manager holds what would change; `held` are (manager, field)."""

    def __init__(self, sentence: str, held: tuple[tuple[str, str], ...]) -> None:
        super().__init__(sentence)
        self.held = held


class Stale(ClusterError):
    """409: the object is not the version any more that was read."""


class Refused(ClusterError):
    """400, 422, and 403 for a namespace that ends: this object cannot be there."""


class Absent(ClusterError):
    """404: no such object, or no such namespace."""


def refused_write(asked: Asked, status: int, headers: Mapping[str, str], body: bytes) -> ClusterError:
    """Return the error that an answer to a change is; what every request can meet is as in collectors.refusals."""
    answer = _status(body)
    details = answer.get("details")
    causes = details.get("causes") if isinstance(details, Mapping) else None
    found = [cause for cause in causes if isinstance(cause, Mapping)] if isinstance(causes, list) else []
    said = one_line(answer.get("message", ""), _LONGEST)
    if status == 409:
        return _conflict(asked, found, said)
    if status == 404 and answer.get("kind") == "Status":
        return Absent(f"{asked}: {said or 'it is not there'}; create the namespace first, or take the policy out")
    if status == 403:
        if any(cause.get("reason") == "NamespaceTerminating" for cause in found):
            return Refused(f"{asked}: its namespace is being deleted; leave it out with --namespace")
        who = _USER.search(said)
        user = f"user {who[1]!r} " if who else ""
        return Forbidden(
            f"{asked}: {user}may not (403); apply deploy/apply/rbac.yaml, or ask for the verbs get, list, create, "
            "patch, update and delete on networkpolicies of this namespace"
        )
    if status in {400, 422}:
        return Refused(f"{asked}: the API server refuses it ({said}); correct the policy, or export it again")
    return refusal(asked, status, headers, body)


def _conflict(asked: Asked, causes: list[Mapping[str, Any]], said: str) -> ClusterError:
    held = []
    for cause in causes:
        holder = _HOLDER.search(str(cause.get("message", "")))
        if cause.get("reason") == "FieldManagerConflict" and holder:
            held.append((one_line(holder[1], 100), one_line(cause.get("field", ""), 100)))
    if not held:
        return Stale(f"{asked}: it was changed since it was read ({said}); look at it, and run this again")
    by_manager: dict[str, list[str]] = {}
    for manager, field in sorted(held):
        by_manager.setdefault(manager, []).append(field)
    told = "; ".join(f"{manager!r} holds {_some(fields)}" for manager, fields in list(by_manager.items())[:_MOST])
    return Conflict(
        f"{asked}: other managers hold what would change: {told}; agree with whoever that is, or take the fields over "
        "with --force",
        tuple(sorted(held)),
    )


def _some(fields: list[str]) -> str:
    more = f" and {len(fields) - _MOST} more" if len(fields) > _MOST else ""
    return ", ".join(fields[:_MOST]) + more


def _status(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
