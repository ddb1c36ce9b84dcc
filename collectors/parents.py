"""Turns owner references to kinds that are not listed (Rollout, SearchCluster, ...) into those objects.

Whoever may make a pod writes its owner references: what they name is hostile text. Only objects of named API groups
are asked for, never of the core group, which has the Secrets; and only their metadata is kept.
"""

import re
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from collectors.cluster import Api, ClusterError, NotServed
from collectors.kinds import KINDS
from collectors.minimal import minimise
from collectors.owners import controller_of

Dict = Mapping[str, Any]

MOST = 300
"""So many owners are asked for; a cluster has few that matter, and each costs a request."""

_GROUP = re.compile(r"(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*", re.ASCII)
_VERSION = re.compile(r"v[1-9][0-9]{0,3}((alpha|beta)[1-9][0-9]{0,3})?", re.ASCII)
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", re.ASCII)
_RESOURCE = re.compile(r"[a-z][-a-z0-9]{0,62}", re.ASCII)
_KIND = re.compile(r"[A-Za-z][A-Za-z0-9]{0,62}", re.ASCII)

_LISTED = {(kind.group, kind.kind) for kind in KINDS} | {("extensions", kind.kind) for kind in KINDS}


@dataclass(frozen=True, order=True)
class _Owner:
    group: str
    version: str
    kind: str
    namespace: str
    name: str
    uid: str


def parents(api: Api, objects: Iterable[Dict]) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Return the owners that pods have, near or far, beyond these objects; and for each kind not read, why."""
    by_uid = {str(item["metadata"].get("uid")): item for item in objects}
    waiting = deque(item for item in by_uid.values() if item["kind"] == "Pod")
    search = _Search(api)
    climbed: set[str] = set()
    while waiting:
        child = waiting.popleft()
        reference = controller_of(child)
        if reference is None:
            continue
        uid = str(reference.get("uid"))
        if uid not in by_uid:
            found = search.fetch(_owner(reference, child))
            if found is None:
                continue
            by_uid[uid] = found
        if uid not in climbed:
            climbed.add(uid)
            waiting.append(by_uid[uid])
    return sorted(search.found, key=lambda item: (item["kind"], item["metadata"]["uid"])), search.missing


def _owner(reference: Dict, child: Dict) -> _Owner | None:
    """Return what a reference names, if it can be an object of a named group that was not listed."""
    group, _, version = str(reference.get("apiVersion", "")).rpartition("/")
    kind, name = str(reference.get("kind", "")), str(reference.get("name", ""))
    namespace = str(child["metadata"].get("namespace", ""))
    whole = _GROUP.fullmatch(group) and _VERSION.fullmatch(version) and _KIND.fullmatch(kind)
    if not whole or not _GROUP.fullmatch(name) or not _LABEL.fullmatch(namespace) or (group, kind) in _LISTED:
        return None
    return _Owner(group, version, kind, namespace, name, str(reference.get("uid", "")))


class _Search:
    """Asks for owners, once each, and not again for a kind that cannot be read."""

    def __init__(self, api: Api) -> None:
        self.found: list[dict[str, Any]] = []
        self.missing: dict[str, str] = {}
        self._api = api
        self._asked: set[_Owner] = set()
        self._resources: dict[str, list[Dict]] = {}

    def fetch(self, owner: _Owner | None) -> dict[str, Any] | None:
        """Return the owner; None where it was asked for before, cannot be read, or is another by now (other uid)."""
        if owner is None or owner in self._asked or owner.kind in self.missing:
            return None
        if len(self._asked) == MOST:
            self.missing[owner.kind] = f"{self._api.where}: more than {MOST} owners of kinds that are not listed"
            return None
        self._asked.add(owner)
        try:
            item = self._api.get(self._path(owner))
        except ClusterError as fault:
            self.missing[owner.kind] = str(fault)
            return None
        kept = minimise({**item, "kind": owner.kind, "apiVersion": f"{owner.group}/{owner.version}"})
        if kept["metadata"].get("uid") != owner.uid:
            return None
        self.found.append({key: kept[key] for key in ("apiVersion", "kind", "metadata")})
        return self.found[-1]

    def _path(self, owner: _Owner) -> str:
        """Return where the owner is to be had, as discovery tells; raises NotServed where the kind is gone."""
        root = f"/apis/{owner.group}/{owner.version}"
        if root not in self._resources:
            listed = self._api.get(root).get("resources")
            entries = listed if isinstance(listed, list) else []
            self._resources[root] = [entry for entry in entries if isinstance(entry, Mapping)]
        for entry in self._resources[root]:
            name = str(entry.get("name", ""))
            if entry.get("kind") == owner.kind and _RESOURCE.fullmatch(name):
                within = f"/namespaces/{owner.namespace}" if entry.get("namespaced") else ""
                return f"{root}{within}/{name}/{owner.name}"
        raise NotServed(f"{self._api.where}: cannot get {owner.kind}: {root} does not have this kind any more")
