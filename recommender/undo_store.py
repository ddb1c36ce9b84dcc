"""Turns the changes of an apply into an undo file that is right at every moment, and such a file into its changes.

What is about to change is on disk before anything is sent, each file whole or not there.
"""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, get_args

from collectors.errors import NewerArtefact, PodfenceError, UnreadableInput, one_line
from recommender.applying import Step
from recommender.undoing import Entry, State

KIND, VERSION = "podfence/undo", 1
_ACTIONS = ("create", "change", "remove")
_LARGEST = 512 << 20


@dataclass(frozen=True)
class Undo:
    """What an apply did at one API server, in the order in which it did it."""

    server: str
    time: str
    entries: tuple[Entry, ...] = ()


class Journal:
    """An undo file that grows with what is done; it is made with the first entry."""

    def __init__(self, folder: Path, server: str, time: datetime) -> None:
        head = {"kind": KIND, "version": VERSION, "server": server, "time": f"{time:%Y-%m-%dT%H:%M:%SZ}"}
        self._head = json.dumps(head).removesuffix("}")
        self._stem = folder / f"undo-{time:%Y%m%dT%H%M%SZ}"
        self._entries: dict[str, Entry] = {}
        self._lines: dict[str, str] = {}  # each entry is written as JSON once, though the file is with each change
        self.file: Path | None = None

    def plan(self, steps: Iterable[Step]) -> None:
        """Put down what is about to be done; raises PodfenceError where that is impossible: then nothing is done."""
        self._write(
            Entry(step.namespace, step.name, step.action, step.before, step.expected)
            for step in steps
            if step.action != "leave"
        )

    def done(self, step: Step, left: Mapping[str, Any] | None, state: State = "done") -> None:
        """Put down that a step was done, and what it left."""
        self._write([replace(self._entries[step.full_name], left=left, state=state)])

    def _write(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            self._entries[entry.full_name] = entry
            self._lines[entry.full_name] = json.dumps(_to_data(entry))
        try:
            self.file = self.file or _reserved(self._stem)
            _replace(self.file, f'{self._head}, "entries": [\n' + ",\n".join(self._lines.values()) + "\n]}\n")
        except OSError as fault:
            raise PodfenceError(
                f"{self.file or self._stem}: the undo file cannot be written ({fault.strerror}); stopped before the "
                "next change: check the disk, or name another folder with --undo-folder"
            ) from fault


def load_undo(file: Path) -> Undo:
    """Return what an undo file holds; raises UnreadableInput for one that is none, NewerArtefact."""
    try:
        if file.stat().st_size > _LARGEST:
            raise UnreadableInput(f"{file}: too large for an undo file; name one that `podfence apply` wrote")
        data = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as fault:
        raise UnreadableInput(f"{file}: no such file; name an undo file that `podfence apply` wrote") from fault
    except OSError as fault:
        raise UnreadableInput(f"{file}: cannot be read ({fault.strerror}); check its permissions") from fault
    except (ValueError, RecursionError) as fault:
        raise UnreadableInput(f"{file}: not JSON ({fault}); name an undo file that `podfence apply` wrote") from fault
    if not isinstance(data, dict) or data.get("kind") != KIND:
        raise UnreadableInput(f"{file}: this is no undo file; name one that `podfence apply` wrote")
    version = data.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version > VERSION:
        raise NewerArtefact(
            f"{file}: written as version {one_line(version, 40)}, this podfence reads up to {VERSION}; upgrade podfence"
        )
    entries = data.get("entries")
    if not isinstance(entries, list) or not isinstance(data.get("server"), str):
        raise UnreadableInput(f"{file}: it is damaged: `server` or `entries` is missing; take changes back by hand")
    return Undo(
        data["server"], str(data.get("time")), tuple(_entry(entry, at, file) for at, entry in enumerate(entries))
    )


def _entry(data: Any, at: int, file: Path) -> Entry:
    fields = data if isinstance(data, dict) else {}
    texts = [fields.get(key) for key in ("namespace", "name", "action", "state")]
    named = all(isinstance(text, str) for text in texts)
    if not named or texts[2] not in _ACTIONS or texts[3] not in get_args(State):
        raise UnreadableInput(f"{file}: entries[{at}] is damaged; take that change back by hand, and remove it")
    objects = {key: fields.get(key) for key in ("before", "expected", "left")}
    needed = fields["action"] == "create" or objects["before"] is not None
    if not needed or not all(_is_policy(item, fields) for item in objects.values() if item is not None):
        raise UnreadableInput(
            f"{file}: entries[{at}] holds no NetworkPolicy of its name; take that change back by hand"
        )
    return Entry(fields["namespace"], fields["name"], fields["action"], **objects, state=fields["state"])


def _is_policy(item: Any, fields: Mapping[str, Any]) -> bool:
    if not isinstance(item, dict) or not isinstance(item.get("metadata"), dict):
        return False
    meta = item["metadata"]
    managed = meta.get("managedFields") or []
    return (
        item.get("kind") == "NetworkPolicy"
        and isinstance(item.get("spec"), dict)
        and (meta.get("namespace"), meta.get("name")) == (fields["namespace"], fields["name"])
        and all(isinstance(meta.get(part) or {}, dict) for part in ("labels", "annotations"))
        and isinstance(managed, list)
        and all(isinstance(entry, dict) for entry in managed)
    )


def _to_data(entry: Entry) -> dict[str, Any]:
    return {
        "namespace": entry.namespace, "name": entry.name, "action": entry.action, "state": entry.state,
        "before": entry.before, "expected": entry.expected, "left": entry.left,
    }  # fmt: skip


def _reserved(stem: Path) -> Path:
    """Make an empty file of a name that nobody has, and return it."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        file = stem.with_name(f"{stem.name}{'' if number == 1 else f'-{number}'}.json")
        try:
            os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            number += 1
        else:
            return file


def _replace(file: Path, text: str) -> None:
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(beside, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "w", encoding="utf-8") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the name has to last too
    finally:
        os.close(folder)
