"""Turns the lines of a timeline into what is known of each kind: living objects, how far it was seen, since when.

The watcher folds each line that it writes, a restart folds the file: both know the same, because it is one function.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from collectors.errors import UnreadableInput

Record = Mapping[str, Any]

OBJECT_TYPES = frozenset({"ADDED", "MODIFIED", "DELETED"})
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{3})?Z").fullmatch
_PATTERN = "timeline-*.jsonl"


def stamp(time: datetime) -> str:
    """Return a time as the timeline writes it: RFC 3339, UTC, milliseconds; so texts sort as times do."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def identity(item: Record) -> str:
    """Return the uid of an object, else its kind, namespace and name."""
    meta = item.get("metadata") or {}
    return str(meta.get("uid") or f"{item.get('kind', '')}/{meta.get('namespace', '')}/{meta.get('name', '')}")


def version(item: Record) -> str:
    """Return an object's resourceVersion."""
    return str((item.get("metadata") or {}).get("resourceVersion", ""))


def content(item: Record) -> str:
    """Return all of an object but its resourceVersion, as one text that is equal where the objects are."""
    meta = {key: value for key, value in (item.get("metadata") or {}).items() if key != "resourceVersion"}
    return json.dumps({**item, "metadata": meta}, sort_keys=True, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Known:
    """A living object as it was last written."""

    version: str
    content: str

    def item(self) -> dict[str, Any]:
        """Return the object itself."""
        found: dict[str, Any] = json.loads(self.content)
        if self.version:
            found["metadata"]["resourceVersion"] = self.version
        return found


@dataclass
class Memory:
    """What is known of one kind.

    `position` is the resourceVersion to go on from; empty = list first. `sure` is the last time for which the state
    was certain; empty = never. `lost` is true between a GAP and the end of the list that ends it.
    """

    known: dict[str, Known] = field(default_factory=dict)
    position: str = ""
    sure: str = ""
    lost: bool = False

    def note(self, record: Record) -> None:
        """Take one line of the timeline; types that are not known are passed over."""
        what = record["type"]
        if what == "GAP":
            self.position, self.sure, self.lost = "", str(record["since"]), True
        elif what == "BOOKMARK":
            self.position, self.sure, self.lost = version(record["object"]), str(record["time"]), False
        elif what in OBJECT_TYPES:
            item = record["object"]
            if what == "DELETED":
                self.known.pop(identity(item), None)
            else:
                self.known[identity(item)] = Known(version(item), content(item))
            self.passed(version(item), "" if "since" in record else str(record["time"]))

    def passed(self, seen: str, time: str) -> None:
        """Move on to an event's resourceVersion; `time` is empty where the event may have happened long ago.

        Within a list the resourceVersions of its objects say nothing of how far was seen.
        """
        if self.position and seen:
            self.position = seen
        if time and not self.lost:
            self.sure = time


def timeline_files(folder: Path) -> list[Path]:
    """Return the timeline files of a folder, oldest first."""
    found = [file for file in folder.glob(_PATTERN) if number_of(file) > 0]
    return sorted(found, key=number_of)


def number_of(file: Path) -> int:
    """Return the number in a timeline file's name; 0 where it has none."""
    digits = file.stem.removeprefix("timeline-")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 16 else 0


def file_of(folder: Path, number: int) -> Path:
    """Return the timeline file of this number."""
    return folder / f"timeline-{number:06}.jsonl"


def read_records(file: Path) -> Iterator[tuple[bytes, Record]]:
    """Yield each line with the record in it; a last line without newline is passed over.

    Raises UnreadableInput where another line is none of a timeline.
    """
    with file.open("rb") as stream:
        for count, line in enumerate(stream, 1):
            if line.endswith(b"\n"):
                yield line, _record(line, f"{file}, line {count}")


def _record(line: bytes, where: str) -> Record:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        record = None
    if not isinstance(record, dict) or not isinstance(record.get("type"), str) or not _is_time(record.get("time")):
        raise UnreadableInput(f"{where}: no timeline event; move this file out of the folder and start again")
    needed = {"GAP": ("since", "kind")}.get(record["type"], ())
    shaped = isinstance(record.get("object"), dict) or record["type"] not in OBJECT_TYPES | {"BOOKMARK"}
    if not shaped or any(key not in record for key in needed):
        raise UnreadableInput(f"{where}: a {record['type'][:20]!r} event without its fields; move this file away")
    return record


def _is_time(text: object) -> bool:
    if not isinstance(text, str) or _TIME(text) is None:
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def kind_of(record: Record) -> str:
    """Return the kind that a record is about; empty for types that are not known."""
    if record["type"] == "GAP":
        return str(record["kind"])
    return str(record["object"].get("kind", "")) if record["type"] in OBJECT_TYPES | {"BOOKMARK"} else ""


def load_timeline(folder: Path) -> dict[str, Memory]:
    """Return what the timeline files of a folder tell of each kind."""
    memories: dict[str, Memory] = {}
    for file in timeline_files(folder):
        for _, record in read_records(file):
            kind = kind_of(record)
            if kind:
                memories.setdefault(kind, Memory()).note(record)
    return memories
