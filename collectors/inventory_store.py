"""Turns a file or folder of API objects (kubectl JSON, timelines) into an Inventory."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from collectors.errors import UnreadableInput
from collectors.inventory import Inventory
from collectors.objects import build_inventory, flatten

_HOW = "write one with `kubectl get pods,services,... --all-namespaces -o json`"


def load_inventory(path: str | Path) -> Inventory:
    """Return the inventory in a JSON file, a `*.jsonl` timeline, or a folder with any number of both.

    Raises UnreadableInput where there is none, or where a file holds anything but Kubernetes API objects.
    """
    path = Path(path)
    objects: list[Mapping[str, Any]] = []
    deleted: dict[str, pd.Timestamp] = {}
    for file in _files(path):
        if file.suffix == ".jsonl":
            for event in _events(file):
                objects.append(event["object"])
                if event["type"] == "DELETED":
                    uid = str((event["object"].get("metadata") or {}).get("uid", ""))
                    deleted[uid] = pd.Timestamp(str(event["time"])).tz_convert("UTC")
        else:
            objects += _objects(file)
    return build_inventory(objects, deleted)


def _files(path: Path) -> list[Path]:
    if not path.exists():
        raise UnreadableInput(f"{path}: no such inventory; {_HOW}")
    if not path.is_dir():
        return [path]
    files = sorted(file for file in path.rglob("*") if file.suffix in {".json", ".jsonl"} and file.is_file())
    if not files:
        raise UnreadableInput(f"{path}: no *.json or *.jsonl file in this folder; {_HOW}")
    return files


def _parse(text: str | bytes, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as fault:
        raise UnreadableInput(f"{where}: not JSON ({_short(fault)}); {_HOW}") from fault


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as fault:
        raise UnreadableInput(f"{file}: cannot be read ({fault.strerror}); check its permissions") from fault


def _objects(file: Path) -> Iterator[Mapping[str, Any]]:
    document = _parse(_read(file), str(file))
    if not isinstance(document, Mapping) or "kind" not in document or "apiVersion" not in document:
        raise UnreadableInput(f"{file}: JSON, but no Kubernetes object or list (no kind and apiVersion); {_HOW}")
    if document["kind"] == "Status":
        raise UnreadableInput(f"{file}: the API server's refusal, not an inventory: {_short(document.get('message'))}")
    yield from flatten(document)


def _events(file: Path) -> Iterator[Mapping[str, Any]]:
    """Yield a timeline's events; a last line cut in the middle of a write is passed over."""
    lines = _read(file).split(b"\n")
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        if number == len(lines):  # no newline behind it: the writer was stopped in the middle
            continue
        event = _parse(line, f"{file}, line {number}")
        if not isinstance(event, Mapping) or not {"time", "type", "object"} <= event.keys():
            raise UnreadableInput(f"{file}, line {number}: no timeline event (time, type and object are needed)")
        yield event


def _short(text: object) -> str:
    return " ".join(str(text).split())[:160]
