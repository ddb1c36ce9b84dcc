"""Turns an observation into a folder and back: `window.json`, `ledger.json`, Parquet parts of flows, names and claims.

There is one part of each per source, named by source and content, those of names in the folder `names`, those of
claims in `claims`; `window.json` lists them and is written last, so that a save that was cut short leaves the store as
it was. A source that the store holds already is not counted again.
"""

import hashlib
import io
import json
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from collectors.claims import CLAIMS, Claims, compact_claims, concat_claims
from collectors.errors import NewerArtefact, PodfenceError, SchemaMismatch, UnreadableInput
from collectors.flows import FLOWS, Flows
from collectors.ledger import Ledger, LedgerWriter
from collectors.names import NAMES, Names, compact_names, concat_names
from collectors.observation import Gap, Observation, ObservationWindow, Source, compact, concat_flows
from collectors.schema import Schema

VERSION = 1
"""Schema version of the five kinds of file."""
_WINDOW, _LEDGER = "podfence/window", "podfence/ledger"
_FOLDERS = {FLOWS.name: "", NAMES.name: "names/", CLAIMS.name: "claims/"}
"""Where in a store the parts of each kind are."""


def save(observation: Observation, folder: str | Path) -> tuple[Source, ...]:
    """Add an observation to a store, which is made if need be; return the sources left out as held already.

    A source is held already if content, counts and times are the same under any name: its flows, names, claims and
    ledger entries are left out, and the files stay as they are. A source that has grown since it was read takes the
    place of its shorter reading, with the event `grown`. One of the same name whose time overlaps but whose content
    differs otherwise is added, with the event `overlap`. Raises UnreadableInput where the folder holds something else.
    """
    folder = Path(folder)
    held, parts, ledger = _held(folder)
    known = tuple(source for source in observation.window.sources if any(map(source.same, held.sources)))
    fresh = [source for source in observation.window.sources if source not in known]
    grown = _grown(held, fresh)
    held, old, ledger = _without(held, grown), _parts_of(folder, parts, grown), ledger.without({s.name for s in grown})
    names = {source.name for source in fresh}
    left_out = {source.name for source in known} - names
    frames = [(FLOWS, observation.flows), (NAMES, observation.names), (CLAIMS, observation.claims)]
    taken = [(schema, frame[~frame["source"].isin(left_out)]) for schema, frame in frames]
    gaps = [gap for gap in observation.window.gaps if gap.source not in left_out]
    window = held + (ObservationWindow.of(fresh, gaps) if known else observation.window)
    kept = observation.ledger.without(left_out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        written = [_write_part(folder, schema, part) for schema, frame in taken for part in _by_source(schema, frame)]
        old -= {*written}
        _write_json(folder / "ledger.json", _LEDGER, (ledger + kept + _events(held, grown, fresh)).to_json())
        _write_json(folder / "window.json", _WINDOW, _window_json(window, sorted({*parts, *written} - old)))
        for part in old:
            (folder / part).unlink(missing_ok=True)
    except OSError as fault:
        reason = (fault.strerror or str(fault)).lower()
        raise PodfenceError(f"{folder} cannot be written ({reason}): name another folder.") from fault
    return known


def load(folder: str | Path) -> Observation:
    """Return all that a store holds, flows, names and claims compacted.

    Raises UnreadableInput where the folder is no store or a file of it is missing or damaged, and NewerArtefact for
    a store written by a newer podfence.
    """
    folder = Path(folder)
    if not (folder / "window.json").is_file():
        raise UnreadableInput(f"{folder} is no observation store (it has no window.json): name one that observe wrote.")
    window, parts, ledger = _held(folder)
    flows, names, claims = ([_read_part(folder / part, schema) for part in parts if _is_of(part, schema)]
                            for schema in (FLOWS, NAMES, CLAIMS))  # fmt: skip
    return Observation(
        compact(concat_flows(map(Flows, flows))),
        window,
        ledger,
        compact_names(concat_names(map(Names, names))),
        compact_claims(concat_claims(map(Claims, claims))),
    )


def _is_of(part: str, schema: Schema) -> bool:
    folder, slash, _ = part.rpartition("/")
    return folder + slash == _FOLDERS[schema.name]


def _held(folder: Path) -> tuple[ObservationWindow, list[str], Ledger]:
    """Return what a store holds beside its parts; a new or empty folder holds nothing."""
    if not (folder / "window.json").is_file():
        if folder.exists() and (not folder.is_dir() or any(map(_foreign, folder.iterdir()))):
            raise UnreadableInput(f"{folder} is no observation store but is not empty: name a new or empty folder.")
        return ObservationWindow(), [], Ledger()
    window_json = _read_json(folder / "window.json", _WINDOW)
    ledger_json = _read_json(folder / "ledger.json", _LEDGER)
    try:
        window = _window_from(window_json)
        ledger = Ledger.from_json(ledger_json)
        parts = [str(part) for part in window_json["parts"]]
    except (KeyError, TypeError, ValueError) as fault:
        raise UnreadableInput(f"{folder}: window.json or ledger.json is damaged ({fault!r}): observe anew.") from fault
    # A save that was cut short may have left entries of sources that it did not come to list.
    strays = {source for source, _ in (*ledger.packets, *ledger.events)} - {source.name for source in window.sources}
    return window, parts, ledger.without(strays) if window.sources else ledger


def _foreign(path: Path) -> bool:
    ours = path.name in {"ledger.json", *(place.strip("/") for place in _FOLDERS.values())}
    return not (path.name.startswith(".") or path.suffix == ".parquet" or ours)


def _grown(held: ObservationWindow, fresh: list[Source]) -> list[Source]:
    """Return what the store holds of sources that have grown since; one that shares its name with another stays."""
    names = Counter(source.name for source in held.sources)
    return [
        other for other in held.sources if names[other.name] == 1 and any(source.continues(other) for source in fresh)
    ]


def _without(held: ObservationWindow, sources: list[Source]) -> ObservationWindow:
    names = {source.name for source in sources}
    if not names:
        return held
    gaps = [gap for gap in held.gaps if gap.source not in names]
    return ObservationWindow.of([source for source in held.sources if source.name not in names], gaps)


def _parts_of(folder: Path, parts: list[str], sources: list[Source]) -> set[str]:
    """Return the parts that hold what was read of some sources."""
    if not sources:
        return set()
    names = {source.name.encode() for source in sources}
    return {part for part in parts if (pq.read_schema(folder / part).metadata or {}).get(b"podfence.source") in names}


def _events(held: ObservationWindow, grown: list[Source], fresh: list[Source]) -> Ledger:
    writer = LedgerWriter()
    for source in grown:
        writer.event(
            source.name, "grown", source.size, f"was observed when it had {source.size} bytes; now it has more"
        )
    for source in fresh:
        for other in held.sources:
            if source.name == other.name and _overlap(source, other):
                text = "a source of this name, of the same time but other content, was observed before: both count"
                writer.event(source.name, "overlap", 0, text)
    return writer.ledger()


def _overlap(one: Source, other: Source) -> bool:
    if one.start is None or one.end is None or other.start is None or other.end is None:
        return False
    return one.start <= other.end and other.start <= one.end


def _by_source(schema: Schema, frame: pd.DataFrame) -> list[pd.DataFrame]:
    groups = frame.groupby("source", observed=True, dropna=False, sort=True)
    if schema is NAMES:
        return [compact_names(Names(group)) for _, group in groups]
    if schema is CLAIMS:
        return [compact_claims(Claims(group)) for _, group in groups]
    return [compact(Flows(group)) for _, group in groups]


def _write_part(folder: Path, schema: Schema, frame: pd.DataFrame) -> str:
    """Write one part under a name made of its source and content, and return that name as `window.json` lists it."""
    table = pa.Table.from_pandas(frame, preserve_index=False)
    # pandas' own metadata name its version: without them the bytes depend on the rows and on pyarrow only.
    source = str(frame["source"].iloc[0])
    metadata = {"podfence.kind": f"podfence/{schema.name}", "podfence.version": str(VERSION), "podfence.source": source}
    table = table.replace_schema_metadata(metadata)
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    content = buffer.getvalue()
    stem = re.sub(r"[^A-Za-z0-9._]+", "-", source).strip("-.")[:80]
    name = f"{stem or schema.name}-{hashlib.sha256(content).hexdigest()[:16]}.parquet"
    place = _FOLDERS[schema.name]
    (folder / place).mkdir(exist_ok=True)
    _replace(folder / place / name, content)
    return f"{place}{name}"


def _read_part(path: Path, schema: Schema) -> pd.DataFrame:
    try:
        table = pq.read_table(path)
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


def _check_version(path: Path, kind: str, found_kind: object, found_version: object) -> None:
    if found_kind != kind or not str(found_version).isdecimal():
        raise UnreadableInput(f"{path} is not of kind {kind}: name an observation store that observe wrote.")
    if int(str(found_version)) > VERSION:
        message = f"{path} is {kind} version {found_version}, this podfence reads up to version {VERSION}: update it."
        raise NewerArtefact(message)


def _window_json(window: ObservationWindow, parts: list[str]) -> dict[str, Any]:
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
        "parts": parts,
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


def _write_json(path: Path, kind: str, document: Mapping[str, Any]) -> None:
    text = json.dumps({"kind": kind, "version": VERSION, **document}, indent=1, ensure_ascii=False)
    _replace(path, (text + "\n").encode())


def _read_json(path: Path, kind: str) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise UnreadableInput(f"{path} is missing or damaged ({fault}): observe anew.") from fault
    if not isinstance(document, dict):
        raise UnreadableInput(f"{path} is not of kind {kind}: name an observation store that observe wrote.")
    _check_version(path, kind, document.get("kind"), document.get("version"))
    return document


def _replace(path: Path, content: bytes) -> None:
    """Write a file as a whole or not at all."""
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_bytes(content)
    temporary.replace(path)
