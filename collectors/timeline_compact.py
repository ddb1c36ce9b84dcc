"""Turns closed timeline files into smaller ones that tell the same: who had which address when, labels, owners, rules.

Of a run of events of one object that differ in nothing of that, the first and the last stay. Deletions, gaps and the
last bookmark of each kind stay. An object deleted longer ago than `keep` is forgotten, unless one that is kept names
it as its owner. A file is replaced by one rename: a kill leaves the former or the new, never both.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from collectors.timeline import sync_folder
from collectors.timeline_memory import OBJECT_TYPES, Record, content, identity, kind_of, read_records, stamp

_MARK = "COMPACTED"
_FINISHED = frozenset({"Succeeded", "Failed"})


@dataclass(frozen=True)
class Compacted:
    """What compaction did: files written anew, lines left out of them, deleted objects that it forgot."""

    files: int = 0
    dropped: int = 0
    forgotten: int = 0


class Interrupted(Exception):
    """The watch ends; the compaction is left for the next time."""


def compact(
    closed: list[Path], current: list[Path], *, keep: timedelta, halted: Callable[[], bool] = lambda: False
) -> Compacted:
    """Compact the closed files; `current` are those still written to, which are only read.

    A file that was compacted before is left alone unless it tells of an object that is to be forgotten. Now is the
    newest time in the timeline: no clock that is set wrong makes it forget.
    Raises OSError where the new file cannot be written (the former one stays), Interrupted once `halted` says so.
    """
    forgotten, newest = _forgettable(_until(halted, [*closed, *current]), keep)
    files = dropped = 0
    for file in closed if newest else ():
        left_out = _compact_file(file, forgotten, newest, halted)
        if left_out is not None:
            files += 1
            dropped += left_out
    return Compacted(files, dropped, len(forgotten) if files else 0)


def _until(halted: Callable[[], bool], files: list[Path]) -> Iterator[Record]:
    for file in files:
        for _, record in read_records(file):
            if halted():
                raise Interrupted
            yield record


def _forgettable(records: Iterator[Record], keep: timedelta) -> tuple[frozenset[str], str]:
    """Return the uids of objects that were deleted too long ago and that no kept object needs, and the newest time."""
    newest = ""
    last: dict[str, str] = {}
    owners: dict[str, frozenset[str]] = {}
    for record in records:
        newest = max(newest, record["time"])
        if record["type"] in OBJECT_TYPES:
            uid = identity(record["object"])
            last[uid] = record["time"] if record["type"] == "DELETED" else ""
            owners[uid] = _owners(record["object"]) | owners.get(uid, frozenset())
    before = stamp(datetime.fromisoformat(newest) - keep) if newest else ""
    old = {uid for uid, deleted in last.items() if deleted and deleted < before}
    needed = [owner for uid in last.keys() - old for owner in owners[uid]]
    while needed:
        uid = needed.pop()
        if uid in old:
            old.remove(uid)
            needed += owners[uid]
    return frozenset(old), newest


def _owners(item: Mapping[str, Any]) -> frozenset[str]:
    references = (item.get("metadata") or {}).get("ownerReferences")
    entries = references if isinstance(references, list) else []
    return frozenset(str(entry["uid"]) for entry in entries if isinstance(entry, Mapping) and entry.get("uid"))


def _compact_file(file: Path, forgotten: frozenset[str], newest: str, halted: Callable[[], bool]) -> int | None:
    """Write the file anew and return how many lines it lost; None where there was nothing to do."""
    keep, marks, before = _choose(_until(halted, [file]), forgotten)
    if marks and len(keep) == before:
        return None
    part = file.with_name(f"{file.name}.tmp")
    mark = {"time": newest, "type": _MARK, "dropped": before - len(keep)}
    try:
        with part.open("wb") as stream:
            stream.write(json.dumps(mark, separators=(",", ":")).encode() + b"\n")
            stream.writelines(_lines(file, keep, halted))
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(file)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    sync_folder(file.parent)
    return before - len(keep)


def _lines(file: Path, keep: frozenset[int], halted: Callable[[], bool]) -> Iterator[bytes]:
    for at, (line, _) in enumerate(read_records(file)):
        if halted():
            raise Interrupted
        if at in keep:
            yield line


def _choose(records: Iterator[Record], forgotten: frozenset[str]) -> tuple[frozenset[int], int, int]:
    """Return which lines stay, how many marks of former compactions there are, and how many lines beside them."""
    choice = _Choice()
    marks = count = 0
    for at, record in enumerate(records):
        if record["type"] == _MARK:
            marks += 1
            continue
        count += 1
        if not (record["type"] in OBJECT_TYPES and identity(record["object"]) in forgotten):
            choice.take(at, record)
    return choice.kept(), marks, count


class _Choice:
    """The lines to keep of one file, chosen while it is read."""

    def __init__(self) -> None:
        self._keep: set[int] = set()
        self._bookmarks: dict[str, int] = {}
        self._runs: dict[str, tuple[bytes, int]] = {}

    def take(self, at: int, record: Record) -> None:
        """Weigh one line. The last of an object's run is only known when the next begins."""
        what = record["type"]
        if what == "BOOKMARK":
            self._bookmarks[kind_of(record)] = at
        elif what not in OBJECT_TYPES:
            self._keep.add(at)
        elif what == "DELETED":
            self._end_run(identity(record["object"]))
            self._keep.add(at)
        else:
            self._extend(at, record)

    def _extend(self, at: int, record: Record) -> None:
        uid, digest = identity(record["object"]), _digest(record["object"])
        former = self._runs.get(uid)
        if former is None or former[0] != digest:
            self._end_run(uid)
            self._keep.add(at)
        self._runs[uid] = digest, at

    def _end_run(self, uid: str) -> None:
        former = self._runs.pop(uid, None)
        if former is not None:
            self._keep.add(former[1])

    def kept(self) -> frozenset[int]:
        """Return the numbers of the lines that stay."""
        ends = {at for _, at in self._runs.values()}
        return frozenset(self._keep | ends | set(self._bookmarks.values()))


def _digest(item: Mapping[str, Any]) -> bytes:
    """Return a digest of what matters of an object: readiness and restarts of what goes on living do not."""
    status = item.get("status")
    if item.get("kind") == "Pod" and isinstance(status, Mapping) and status.get("phase") not in _FINISHED:
        passing = {"conditions", "containerStatuses"}
        item = {**item, "status": {key: value for key, value in status.items() if key not in passing}}
    endpoints = item.get("endpoints")
    if item.get("kind") == "EndpointSlice" and isinstance(endpoints, list):
        item = {**item, "endpoints": [_without_conditions(entry) for entry in endpoints]}
    return hashlib.blake2b(content(item).encode(), digest_size=16).digest()


def _without_conditions(entry: Any) -> Any:
    return {key: value for key, value in entry.items() if key != "conditions"} if isinstance(entry, Mapping) else entry
