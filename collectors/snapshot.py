"""Turns an API server's present state into a folder of lists, as `kubectl get -o json` prints them.

Only what `collectors.minimal` names is kept, and Secrets, ConfigMaps and the like are never asked for.
"""

import json
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from collectors.cluster import Api, Forbidden, NotServed
from collectors.errors import PodfenceError
from collectors.kinds import KINDS, PODS, Kind
from collectors.minimal import minimise
from collectors.parents import parents

VERSION = 1
OWNERS = "owners"

Dict = Mapping[str, Any]


@dataclass(frozen=True)
class Snapshot:
    """A cluster at one time: when its pods had been listed, by the server's clock.

    `documents` are lists by resource (`pods`, ...); `owners` has the owners of other kinds. `missing` tells for each
    kind that could not be read why.
    """

    time: datetime
    server: str
    documents: Mapping[str, Dict]
    missing: Mapping[str, str]

    @property
    def counts(self) -> dict[str, int]:
        """Return how many objects there are of each resource."""
        return {resource: len(document["items"]) for resource, document in self.documents.items()}


def take(api: Api) -> Snapshot:
    """Return what the API server has now of every kind that podfence uses.

    Raises ClusterError where pods cannot be read or the server cannot be asked; a kind that it does not serve, or
    that these credentials may not list, is `missing`.
    """
    documents: dict[str, Dict] = {}
    missing: dict[str, str] = {}
    time = api.now()
    for kind in KINDS:
        try:
            documents[kind.resource] = _document(api, kind)
        except (Forbidden, NotServed) as fault:
            if kind is PODS:
                raise
            missing[kind.kind] = str(fault)
        if kind is PODS:
            time = api.now()
    found, unread = parents(api, [item for document in documents.values() for item in document["items"]])
    if found:
        documents[OWNERS] = _list(found, "")
    return Snapshot(time, api.where, documents, dict(sorted({**unread, **missing}.items())))


def write(snapshot: Snapshot, folder: Path) -> Path:
    """Write the snapshot into a folder of its own, named after its time, and return that; it is whole or not there.

    Raises PodfenceError where it cannot be written, or where that second has a snapshot already.
    """
    at = f"{snapshot.time:%Y%m%dT%H%M%SZ}"
    final = folder / at
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # hidden, so that what a kill leaves behind is no part of the inventory
        partial = folder / f".{at}-{os.getpid()}"
        partial.mkdir()
        try:
            for resource, document in snapshot.documents.items():
                _write(partial / f"{resource}.json", document)
            _write(partial / "snapshot.json", _about(snapshot))
            _flush(partial)
            if final.exists():
                raise PodfenceError(f"{final}: there is a snapshot of this second already; take one again")
            partial.rename(final)
            _flush(folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    except OSError as fault:
        raise PodfenceError(
            f"{final}: the snapshot cannot be written ({fault.strerror}); check the disk and its permissions"
        ) from fault
    return final


def _document(api: Api, kind: Kind) -> Dict:
    items, version = [], ""
    for page in api.pages(kind, keep=minimise):
        items += page.items
        version = version or page.resource_version  # the oldest that any page may show
    return _list(items, version)


def _list(items: Iterable[Dict], resource_version: str) -> Dict:
    meta = {"resourceVersion": resource_version}
    return {"apiVersion": "v1", "kind": "List", "metadata": meta, "items": list(items)}


def _about(snapshot: Snapshot) -> Dict:
    return {
        "kind": "podfence/snapshot",
        "version": VERSION,
        "time": snapshot.time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "server": snapshot.server,
        "missing": snapshot.missing,
        "counts": snapshot.counts,
    }


def _write(file: Path, document: Dict) -> None:
    with file.open("w", encoding="utf-8") as out:
        out.write(json.dumps(document, separators=(",", ":")) + "\n")
        out.flush()
        os.fsync(out.fileno())


def _flush(folder: Path) -> None:
    """Make the names in a folder last."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
