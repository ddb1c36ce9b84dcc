"""Turns window, ledger and frames into the files of an observation store and back; `collectors.store` says which.

A folder is a path, or a place at a URL.
"""

import hashlib
import io
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from collectors.claims import CLAIMS, Claims, compact_claims, concat_claims
from collectors.errors import NewerArtefact, SchemaMismatch, UnreadableInput
from collectors.flows import FLOWS, Flows
from collectors.ledger import Ledger
from collectors.names import NAMES, Names, compact_names, concat_names
from collectors.observation import Gap, Observation, ObservationWindow, Source, compact, concat_flows
from collectors.remote import Remote
from collectors.schema import Schema

VERSION = 1
"""Schema version of the five kinds of file."""
WINDOW, LEDGER = "window.json", "ledger.json"
FOLDERS = {FLOWS.name: "", NAMES.name: "names/", CLAIMS.name: "claims/"}
"""Where in a store the parts of each kind are."""
_SOURCE = b"podfence.source"
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_PART = re.compile(rf"(?P<place>(?:names/|claims/)?)(?:{_DAY.pattern}/)?(?!\.)[A-Za-z0-9._-]+\.parquet", re.ASCII)
"""The path of a table: a list of them says nothing of what lies outside of its store."""


@dataclass(frozen=True)
class Held:
    """What a store says that it holds; `parts` are the paths of its tables below its folder."""

    window: ObservationWindow = field(default_factory=ObservationWindow)
    parts: tuple[str, ...] = ()
    ledger: Ledger = field(default_factory=Ledger)


def is_store(folder: Path | Remote) -> bool:
    """Return whether a folder is an observation store."""
    return (folder / WINDOW).is_file() and (folder / LEDGER).is_file()


def read_held(folder: Path | Remote, *, whole: bool = False) -> Held:
    """Return what a store holds beside its tables; raises UnreadableInput and NewerArtefact.

    `whole`: no save to it was ever cut short.
    """
    window_json = _read_json(folder / WINDOW)
    ledger_json = _read_json(folder / LEDGER)
    try:
        window = _window_from(window_json)
        ledger = Ledger.from_json(ledger_json)
        parts = tuple(_part(part) for part in window_json["parts"])
    except (KeyError, TypeError, ValueError) as fault:
        raise UnreadableInput(f"{folder}: {WINDOW} or {LEDGER} is damaged ({fault!r}): observe anew.") from fault
    # A save that was cut short may have left entries of sources that it did not come to list.
    if whole or not window.sources:
        return Held(window, parts, ledger)
    strays = {source for source, _ in (*ledger.packets, *ledger.events)} - {source.name for source in window.sources}
    return Held(window, parts, ledger.without(strays))


def read_observation(folder: Path | Remote, *, whole: bool = False) -> Observation:
    """Return all that a store holds, flows, names and claims compacted; see `read_held`."""
    held = read_held(folder, whole=whole)
    flows, names, claims = (
        [_read_part(folder / part, schema) for part in held.parts if _is_of(part, schema)]
        for schema in (FLOWS, NAMES, CLAIMS)
    )
    return Observation(
        compact(concat_flows(map(Flows, flows))),
        held.window,
        held.ledger,
        compact_names(concat_names(map(Names, names))),
        compact_claims(concat_claims(map(Claims, claims))),
    )


def write_held(folder: Path | Remote, held: Held) -> None:
    """Write what a store holds, the list of its tables last."""
    _write_json(folder / LEDGER, held.ledger.to_json())
    _write_json(folder / WINDOW, _window_json(held.window, held.parts))


def parts_of(folder: Path | Remote, parts: Iterable[str], sources: Iterable[Source]) -> set[str]:
    """Return the parts that hold what was read of some sources."""
    names = {source.name.encode() for source in sources}
    if not names:
        return set()
    return {part for part in parts if _metadata(folder / part).get(_SOURCE) in names}


def _metadata(path: Path | Remote) -> dict[bytes, bytes]:
    with path.open("rb") as stream:
        return pq.read_schema(stream).metadata or {}


def is_day(name: str) -> bool:
    """Return whether a folder's name is that of the tables of one day."""
    return _DAY.fullmatch(name) is not None


def _part(path: Any) -> str:
    if _PART.fullmatch(path):
        return str(path)
    raise ValueError(f"{str(path)[:80]!a} is no table of a store")


def _is_of(part: str, schema: Schema) -> bool:
    found = _PART.fullmatch(part)
    return found is not None and found["place"] == FOLDERS[schema.name]


def write_part(
    folder: Path | Remote, schema: Schema, frame: pd.DataFrame, source: str | None = None, day: str | None = None
) -> str:
    """Write one part under a name made of its source and content, and return its path as `window.json` lists it.

    Without a source it holds rows of several. Of a day (UTC, as in 2026-11-23) it is in a folder of that name.
    """
    table = pa.Table.from_pandas(frame, preserve_index=False)
    # pandas' own metadata name its version: without them the bytes depend on the rows and on pyarrow only.
    metadata = {b"podfence.kind": f"podfence/{schema.name}", b"podfence.version": str(VERSION)}
    table = table.replace_schema_metadata(metadata | ({} if source is None else {_SOURCE: source}))
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    content = buffer.getvalue()
    stem = re.sub(r"[^A-Za-z0-9._]+", "-", source or "").strip("-.")[:80]
    name = f"{stem or schema.name}-{hashlib.sha256(content).hexdigest()[:16]}.parquet"
    place = FOLDERS[schema.name] + (f"{day}/" if day else "")
    path = folder / place / name
    if isinstance(path, Remote):
        path.write_bytes(content)  # nobody reads it before it is listed
    else:
        path.parent.mkdir(exist_ok=True)
        _replace(path, content)
    return f"{place}{name}"


def _read_part(path: Path | Remote, schema: Schema) -> pd.DataFrame:
    try:
        with path.open("rb") as stream:
            table = pq.ParquetFile(stream).read()
    except (OSError, pa.ArrowException) as fault:
        raise UnreadableInput(f"{path} is missing or damaged ({fault}): observe anew.") from fault
    metadata = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
    _check_version(path, f"podfence/{schema.name}", metadata.get("podfence.kind"), metadata.get("podfence.version"))
    dtypes = {pa.int64(): pd.Int64Dtype(), pa.uint16(): pd.UInt16Dtype(), pa.float32(): pd.Float32Dtype()}
    try:
        frame = schema.conform(table.to_pandas(types_mapper=dtypes.get))
        schema.check(frame)
    except SchemaMismatch as fault:
        raise UnreadableInput(f"{path} holds no {schema.name} ({fault}): observe anew.") from fault
    return frame


def _check_version(path: Path | Remote, kind: str, found_kind: object, found_version: object) -> None:
    if found_kind != kind or not str(found_version).isdecimal():
        raise UnreadableInput(f"{path} is not of kind {kind}: name an observation store that observe wrote.")
    if int(str(found_version)) > VERSION:
        message = f"{path} is {kind} version {found_version}, this podfence reads up to version {VERSION}: update it."
        raise NewerArtefact(message)


def _window_json(window: ObservationWindow, parts: Iterable[str]) -> dict[str, Any]:
    return {
        "start": _time_text(window.start),
        "end": _time_text(window.end),
        "drops": window.drops,
        "sources": [
            {
                "name": source.name,
                "kind": source.kind,
                "packets": source.packets,
                "size": source.size,
                "start": _time_text(source.start),
                "end": _time_text(source.end),
                "drops": source.drops,
                "fingerprint": source.fingerprint,
            }
            for source in window.sources
        ],
        "gaps": [
            {"source": gap.source, "start": _time_text(gap.start), "end": _time_text(gap.end), "lost": gap.lost}
            for gap in window.gaps
        ],
        "parts": list(parts),
    }


def _window_from(document: Mapping[str, Any]) -> ObservationWindow:
    times = ("start", "end")
    sources = [Source(**{**row, **{name: _time(row[name]) for name in times}}) for row in document["sources"]]
    gaps = [Gap(**{**row, **{name: _time(row[name]) for name in times}}) for row in document["gaps"]]
    return ObservationWindow(
        _time(document["start"]), _time(document["end"]), tuple(sources), tuple(gaps), int(document["drops"])
    )


def _time_text(time: pd.Timestamp | None) -> str | None:
    return None if time is None else time.isoformat(timespec="nanoseconds")


def _time(text: str | None) -> pd.Timestamp | None:
    return None if text is None else pd.Timestamp(text).as_unit("ns")


def _write_json(path: Path | Remote, document: Mapping[str, Any]) -> None:
    text = json.dumps({"kind": f"podfence/{path.stem}", "version": VERSION, **document}, indent=1, ensure_ascii=False)
    _replace(path, (text + "\n").encode())


def _read_json(path: Path | Remote) -> dict[str, Any]:
    kind = f"podfence/{path.stem}"
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError) as fault:
        raise UnreadableInput(f"{path} is missing or damaged ({fault}): observe anew.") from fault
    if not isinstance(document, dict):
        raise UnreadableInput(f"{path} is not of kind {kind}: name an observation store that observe wrote.")
    _check_version(path, kind, document.get("kind"), document.get("version"))
    return document


def _replace(path: Path | Remote, content: bytes) -> None:
    """Write a file as a whole or not at all."""
    if isinstance(path, Remote):
        path.replace_bytes(content)
        return
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_bytes(content)
    temporary.replace(path)
