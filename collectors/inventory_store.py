"""Turns a file or folder of API objects (kubectl JSON, snapshots, timelines) into an Inventory."""

import gc
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from collectors.errors import NewerArtefact, UnreadableInput, one_line
from collectors.fields import kind_of, metadata, not_as_given, time_of, uid_of, version_number, version_of
from collectors.histories import Listing, Seen, Sighting, is_tombstone
from collectors.inventory import Inventory
from collectors.kinds import KINDS
from collectors.objects import Told, flatten, inventory_from
from collectors.pods import outgrown
from collectors.ranges import given_ranges

VERSION = 1
"""The newest version of `podfence/snapshot` and `podfence/watch` that this podfence reads."""

_LONGEST = 160  # of what somebody else wrote, in a sentence of ours
_HOW = "write one with `podfence inventory snapshot` or `kubectl get pods,services,... --all-namespaces -o json`"
_HEADS = {"snapshot.json": "podfence/snapshot", "watch.json": "podfence/watch"}
_EVENTS: Mapping[str, Seen] = {"ADDED": "ADDED", "MODIFIED": "MODIFIED", "DELETED": "DELETED"}
_RESOURCES = {kind.resource: kind.kind for kind in KINDS}

# What the API server answers to those who ask for less than the objects.
_EXCERPTS = frozenset({"Table", "PartialObjectMetadata", "PartialObjectMetadataList"})


@dataclass(frozen=True)
class _Head:
    """What snapshot.json or watch.json says of the files beside it."""

    time: pd.Timestamp | None
    missing: Mapping[str, str]


@dataclass
class _Lists:
    """The lists of one kind in one snapshot: pages are one list, which is whole when the last page is there.

    `version` is the oldest of the pages': later ones may be newer where the server had to begin anew.
    """

    uids: set[str] = field(default_factory=set)
    version: int = 0
    newest: int = 0
    whole: bool = False

    def listing(self, kind: str, time: pd.Timestamp) -> Listing:
        """Return the whole list; where it tells no version of its own, it is not older than its newest object."""
        return Listing(kind, time, frozenset(self.uids), self.version or self.newest)


def load_inventory(path: str | Path, *, pod_cidrs: Iterable[str] = (), service_cidrs: Iterable[str] = ()) -> Inventory:
    """Return the inventory in a JSON file, a `*.jsonl` timeline, or a folder with any number of both and snapshots.

    The ranges are those of pod and Service addresses, beside what the cluster tells. Hidden files are passed over: a
    snapshot that is being written is one. Raises UnreadableInput where there is none, or where a file holds anything
    but Kubernetes API objects, and NewerArtefact where a newer podfence wrote it.
    """
    path = Path(path)
    given = given_ranges(pod_cidrs, "pod range"), given_ranges(service_cidrs, "Service range")
    files = _files(path)
    heads = {file: _head(file) for file in files if file.name in _HEADS}
    folders = {file.parent: head.time for file, head in heads.items() if head and file.name == "snapshot.json"}
    missing = {kind: reason for _, head in sorted(heads.items()) if head for kind, reason in head.missing.items()}
    lists: dict[tuple[pd.Timestamp, str], _Lists] = {}
    types: Counter[str] = Counter()
    with _no_collector():
        seen: list[Sighting] = []
        for file in files:
            if file.suffix == ".jsonl":
                seen += _thinned(_timeline(file, types))
            elif not heads.get(file):
                seen += _listed(file, folders.get(file.parent), lists)
        whole = [found.listing(kind, time) for (time, kind), found in lists.items() if found.whole]
        return inventory_from(seen, whole, Told(*given, missing, types["GAP"]))


@contextmanager
def _no_collector() -> Iterator[None]:
    """Pause the garbage collector: API objects hold no circles, and looking for some takes longer than reading."""
    paused = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if paused:
            gc.enable()


def _files(path: Path) -> list[Path]:
    if not path.exists():
        raise UnreadableInput(f"{path}: no such inventory; {_HOW}")
    if not path.is_dir():
        return [path]
    files = sorted(
        file
        for file in path.rglob("*")
        if file.suffix in {".json", ".jsonl"}
        and not any(part.startswith(".") for part in file.relative_to(path).parts)
        and file.is_file()
    )
    if not files:
        raise UnreadableInput(f"{path}: no *.json or *.jsonl file in this folder; {_HOW}")
    return files


def _head(file: Path) -> _Head | None:
    """Return what the file says of its folder; None where it holds API objects under such a name."""
    kind, document = _HEADS[file.name], _parse(_read(file), str(file))
    if not isinstance(document, Mapping) or document.get("kind") != kind:
        return None
    version, missing = document.get("version"), document.get("missing") or {}
    if isinstance(version, int) and version > VERSION:
        raise NewerArtefact(
            f"{file}: written as version {version}, this podfence reads up to {VERSION}; upgrade podfence"
        )
    if version != VERSION or not isinstance(missing, Mapping):
        raise UnreadableInput(f"{file}: damaged (no version, or no list of what is missing); {_HOW}")
    time = _time(document.get("time"), str(file)) if file.name == "snapshot.json" else None
    return _Head(time, {str(name): one_line(reason, _LONGEST) for name, reason in missing.items()})


def _time(text: object, where: str) -> pd.Timestamp:
    try:
        time = time_of(text)
    except (ValueError, OverflowError):
        time = None
    if time is None:
        shown = one_line(text, _LONGEST)
        raise UnreadableInput(f"{where}: {shown!r} is no RFC 3339 time; take this file out of the folder")
    return time


def _parse(text: str | bytes, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as fault:
        raise UnreadableInput(f"{where}: not JSON ({one_line(fault, _LONGEST)}); {_HOW}") from fault


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as fault:
        raise UnreadableInput(f"{file}: cannot be read ({fault.strerror}); check its permissions") from fault


def _listed(file: Path, time: pd.Timestamp | None, lists: dict[tuple[pd.Timestamp, str], _Lists]) -> Iterator[Sighting]:
    """Yield the objects of one file; where it is of a snapshot, note in `lists` what it is a list of."""
    document = _parse(_read(file), str(file))
    if not isinstance(document, Mapping) or "kind" not in document or "apiVersion" not in document:
        raise UnreadableInput(f"{file}: JSON, but no Kubernetes object or list (no kind and apiVersion); {_HOW}")
    if document["kind"] == "Status":
        reason = one_line(document.get("message"), _LONGEST)
        raise UnreadableInput(f"{file}: the API server's refusal, not an inventory: {reason}")
    if str(document["kind"]) in _EXCERPTS:
        raise UnreadableInput(
            f"{file}: holds {one_line(document['kind'], _LONGEST)}, only an excerpt of the objects; {_HOW}"
        )
    kind, note = _list_of(document, file), None
    if time is not None and kind:
        note = lists.setdefault((time, kind), _Lists())
        version = version_number(metadata(document).get("resourceVersion"))
        note.version = min(note.version or version, version)
        note.whole |= not metadata(document).get("continue")
    for item in flatten(document):
        _slim(item)
        if note is not None:
            note.uids.add(uid_of(item))
            note.newest = max(note.newest, version_of(item))
        yield Sighting(item, time)


def _list_of(document: Mapping[str, Any], file: Path) -> str:
    """Return the kind that a document is a list of: it says so, or its file is named after it; else empty."""
    kind = str(document["kind"])
    if kind == "List":
        return _RESOURCES.get(file.name.split(".", 1)[0], "")
    one = {"kind": kind.removesuffix("List"), "apiVersion": document["apiVersion"]}
    return kind_of(one) if kind.endswith("List") else ""


def _slim(item: Mapping[str, Any]) -> None:
    """Take out what nobody reads and what is half of the memory."""
    meta = item.get("metadata")
    if isinstance(meta, dict):
        meta.pop("managedFields", None)


def _timeline(file: Path, types: Counter[str]) -> Iterator[Sighting]:
    """Yield what a timeline's events show; a last line cut in the middle of a write is passed over.

    Lines of other types are counted in `types`.
    """
    for number, line in enumerate(_lines(file), 1):
        if not line.strip():
            continue
        where = f"{file}, line {number}"
        event = _parse(line, where)
        if not isinstance(event, Mapping) or not isinstance(event.get("type"), str):
            raise UnreadableInput(f"{where}: no timeline event (time, type and object are needed)")
        types[event["type"]] += 1
        if event["type"] not in _EVENTS:
            continue
        item = event.get("object")
        if not isinstance(item, Mapping) or not item.get("kind"):
            raise UnreadableInput(f"{where}: no timeline event (time, type and object with its kind are needed)")
        _slim(item)
        time, since = _time(event.get("time"), where), event.get("since")
        yield Sighting(item, time, _EVENTS[event["type"]], None if since is None else _time(since, where))


def _thinned(events: Iterable[Sighting]) -> list[Sighting]:
    """Return the events, with the versions of a pod that a newer one follows cut down to what they still tell."""
    found: list[Sighting] = []
    newest: dict[str, int] = {}
    for sighting in events:
        if kind_of(sighting.item) == "Pod" and version_of(sighting.item) and not is_tombstone(sighting):
            uid = uid_of(sighting.item)
            former = newest.get(uid)
            if former is not None and version_of(found[former].item) < version_of(sighting.item):
                found[former] = _outgrown(found[former])
            newest[uid] = len(found)
        found.append(sighting)
    return found


def _outgrown(sighting: Sighting) -> Sighting:
    try:
        return replace(sighting, item=outgrown(sighting.item))
    except (AttributeError, TypeError) as fault:
        raise not_as_given(sighting.item, fault) from fault


def _lines(file: Path) -> Iterator[bytes]:
    """Yield the whole lines of a file."""
    try:
        with file.open("rb") as stream:
            yield from (line for line in stream if line.endswith(b"\n"))
    except OSError as fault:
        raise UnreadableInput(f"{file}: cannot be read ({fault.strerror}); check its permissions") from fault
