"""Turns wanted NetworkPolicies into changes at an API server: the only place that writes to a cluster.

Everything is told first what it would do (`dry_run`), nothing is forced unless asked, and what is replaced or deleted
is so only in the version that was read.
"""

import json
import random
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote, urlencode

from collectors.api import Answer, Api
from collectors.applier_refusals import Absent, refused_write
from collectors.cluster import Busy, Cut, Forbidden, Sent, connection
from collectors.kinds import KINDS
from collectors.refusals import Asked, not_json

MANAGER, UNDO_MANAGER = "podfence", "podfence-undo"
"""Who holds the fields that are applied, and those that were put back for somebody else."""

_POLICIES = next(kind for kind in KINDS if kind.kind == "NetworkPolicy")
_APPLY = "application/apply-patch+yaml"  # JSON is YAML
_READ_SECONDS, _TRIES, _FIRST_PAUSE, _LONGEST_PAUSE = 60.0, 5, 0.5, 30.0

Object = Mapping[str, Any]


class Sending(Protocol):
    """The way to one API server that takes any request; see collectors.cluster."""

    where: str

    def send(self, asked: Asked, sent: Sent, read_seconds: float) -> Answer:
        """Return the answer, whatever its status."""


@dataclass(frozen=True)
class Applied:
    """An object as the API server left it, or would leave it; `created`: it was not there before."""

    object: dict[str, Any]
    created: bool


def connect_applier(
    context: str | None = None,
    kubeconfig: str | Path | None = None,
    *,
    sleep: Callable[[float], object] = time.sleep,
    jitter: Callable[[], float] = random.random,
) -> "Applier":
    """Return the way to change the policies of a kubeconfig context; arguments as of collectors.cluster.connect."""
    line = connection(context, kubeconfig)
    return Applier(Api(line, jitter, sleep), line, sleep)


class Applier:
    """The NetworkPolicies of one API server, to be read and changed.

    Reads and dry runs are tried again while the server is busy or the connection breaks. Changes are not: whether one
    arrived has to be looked up first.
    """

    def __init__(self, api: Api, line: Sending, sleep: Callable[[float], object]) -> None:
        self._api, self._line, self.sleep = api, line, sleep
        self.where = api.where

    def now(self) -> datetime:
        """Return the time by the server's clock."""
        return self._api.now()

    def close(self) -> None:
        """Answer no more."""
        self._api.close()

    def policies(self, namespaces: Collection[str] | None = None) -> list[dict[str, Any]]:
        """Return the policies of some namespaces, or of the whole cluster, sorted; raises ClusterError."""
        try:
            if namespaces is None:
                found = [item for page in self._api.pages(_POLICIES) for item in page.items]
            else:
                found = [item for namespace in sorted(namespaces) for item in self._listed(namespace)]
        except Forbidden as fault:
            scope = "in the whole cluster" if namespaces is None else "in every namespace that is named"
            raise Forbidden(
                f"{self.where}: these credentials may not list networkpolicies {scope}; apply deploy/apply/rbac.yaml, "
                "or name namespaces that you may change with --namespace"
            ) from fault
        for item in found:
            if not _is_whole(item):
                raise not_json(Asked(self.where, "list", str(_POLICIES)), {}, json.dumps(item)[:60].encode())
        return sorted(found, key=lambda item: (item["metadata"]["namespace"], item["metadata"]["name"]))

    def _listed(self, namespace: str) -> list[dict[str, Any]]:
        path = _path(namespace)
        answer = self._api.get(path)
        items = answer.get("items") or []
        if not (isinstance(items, list) and all(isinstance(item, dict) for item in items)):
            raise not_json(Asked(self.where, "list", path), {}, json.dumps(answer)[:60].encode())
        return [{"kind": _POLICIES.kind, "apiVersion": _POLICIES.api_version, **item} for item in items]

    def find(self, namespace: str, name: str) -> dict[str, Any] | None:
        """Return a policy as it is now; None where there is none."""
        try:
            return self._patiently(Sent("GET", _path(namespace, name)), namespace, name).object
        except Absent:
            return None

    def apply(self, wanted: Object, *, dry_run: bool = False, force: bool = False) -> Applied:
        """Apply an object as field manager podfence; one with a resourceVersion only to that version.

        Raises Conflict where another manager holds a field that would change, unless `force`; Stale, and other
        ClusterErrors as they come.
        """
        query = {"fieldManager": MANAGER, "fieldValidation": "Strict", **({"force": "true"} if force else {})}
        return self._change("PATCH", wanted, query, wanted, _APPLY, dry_run=dry_run)

    def replace(self, whole: Object, *, dry_run: bool = False) -> Applied:
        """Put an object in the place of the version that its resourceVersion names, as field manager podfence-undo."""
        query = {"fieldManager": UNDO_MANAGER}
        return self._change("PUT", whole, query, whole, "application/json", dry_run=dry_run)

    def delete(self, held: Object, *, dry_run: bool = False) -> None:
        """Delete an object if it is still the one that was read, in that version; raises Absent, Stale."""
        meta = held["metadata"]
        same = {"uid": meta["uid"], "resourceVersion": meta["resourceVersion"]}
        body = {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": same}
        self._change("DELETE", held, {}, body, "application/json", dry_run=dry_run)

    def _change(
        self, method: str, what: Object, query: Mapping[str, str], body: Object, content_type: str, *, dry_run: bool
    ) -> Applied:
        namespace, name = what["metadata"]["namespace"], what["metadata"]["name"]
        query = {**query, **({"dryRun": "All"} if dry_run else {})}
        path = _path(namespace, name) + (f"?{urlencode(query)}" if query else "")
        sent = Sent(method, path, body, content_type)
        return self._patiently(sent, namespace, name) if dry_run else self._once(sent, namespace, name)

    def _patiently(self, sent: Sent, namespace: str, name: str) -> Applied:
        pause = _FIRST_PAUSE
        for attempt in range(1, _TRIES + 1):
            try:
                return self._once(sent, namespace, name)
            except (Busy, Cut) as fault:
                if attempt == _TRIES:
                    raise
                wanted = fault.retry_after if isinstance(fault, Busy) and fault.retry_after else 0.0
                self.sleep(min(max(wanted, pause), _LONGEST_PAUSE))
                pause *= 2
        raise AssertionError  # the last attempt returns or raises

    def _once(self, sent: Sent, namespace: str, name: str) -> Applied:
        asked = Asked(self.where, sent.method.lower(), f"networkpolicy {namespace}/{name}")
        answer = self._line.send(asked, sent, _READ_SECONDS)
        try:
            body = b"".join(answer.chunks())
        finally:
            answer.close()
        if answer.status not in {200, 201, 202}:
            raise refused_write(asked, answer.status, answer.headers, body)
        try:
            found = json.loads(body)
        except (ValueError, RecursionError) as fault:
            raise not_json(asked, answer.headers, body) from fault
        # a deletion is answered with a Status, which names no object
        if not isinstance(found, dict) or (sent.method != "DELETE" and not _is_whole(found)):
            raise not_json(asked, answer.headers, body)
        return Applied(found, answer.status == 201)


def _is_whole(item: Object) -> bool:
    """Say whether it has what every object of an API server has."""
    meta = item.get("metadata")
    return isinstance(meta, Mapping) and all(isinstance(meta.get(key), str) for key in ("namespace", "name", "uid"))


def _path(namespace: str, name: str = "") -> str:
    path = f"{_POLICIES.root}/namespaces/{quote(namespace, safe='')}/{_POLICIES.resource}"
    return f"{path}/{quote(name, safe='')}" if name else path
