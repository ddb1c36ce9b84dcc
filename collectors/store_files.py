"""Turns window, ledger and frames into the files of an observation store and back; `collectors.store` says which.

A folder is a path, or a place at a URL. `collectors.store_tables` reads the frames, `store_writing` writes them.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from collectors.claims import CLAIMS, Claims, compact_claims, concat_claims
from collectors.errors import UnreadableInput
from collectors.flows import FLOWS, Flows
from collectors.ledger import Ledger
from collectors.names import NAMES, Names, compact_names, concat_names
from collectors.observation import Gap, Observation, ObservationWindow, Source, compact, concat_flows
from collectors.remote import Remote
from collectors.schema import Schema
from collectors.store_tables import FOLDERS, VERSION, File, FlowTable, check_version, read_part
from collectors.store_writing import replace_file

WINDOW, LEDGER = "window.json", "ledger.json"
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
    flows = compact(concat_flows(Flows(read_part(folder / part, FLOWS)) for part in _parts_of(held, FLOWS)))
    return replace(_beside_flows(folder, held), flows=flows)


def look_at(
    folder: Path | Remote, *, whole: bool = False, opened: Callable[[Path | Remote], File] | None = None
) -> tuple[Observation, tuple[FlowTable, ...]]:
    """Return what `read_observation` does, without flows, and the tables of these; `opened` says how a table is."""
    held = read_held(folder, whole=whole)
    files = (folder / part for part in _parts_of(held, FLOWS))
    return _beside_flows(folder, held), tuple(FlowTable.of(opened(file) if opened else file) for file in files)


def _beside_flows(folder: Path | Remote, held: Held) -> Observation:
    names = concat_names(Names(read_part(folder / part, NAMES)) for part in _parts_of(held, NAMES))
    claims = concat_claims(Claims(read_part(folder / part, CLAIMS)) for part in _parts_of(held, CLAIMS))
    return Observation(
        window=held.window, ledger=held.ledger, names=compact_names(names), claims=compact_claims(claims)
    )


def write_held(folder: Path | Remote, held: Held) -> None:
    """Write what a store holds, the list of its tables last."""
    _write_json(folder / LEDGER, held.ledger.to_json())
    _write_json(folder / WINDOW, _window_json(held.window, held.parts))


def is_day(name: str) -> bool:
    """Return whether a folder's name is that of the tables of one day."""
    return _DAY.fullmatch(name) is not None


def _part(path: Any) -> str:
    if _PART.fullmatch(path):
        return str(path)
    raise ValueError(f"{str(path)[:80]!a} is no table of a store")


def _parts_of(held: Held, schema: Schema) -> list[str]:
    found = [(part, _PART.fullmatch(part)) for part in held.parts]
    return [part for part, match in found if match is not None and match["place"] == FOLDERS[schema.name]]


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
    replace_file(path, (text + "\n").encode())


def _read_json(path: Path | Remote) -> dict[str, Any]:
    kind = f"podfence/{path.stem}"
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError) as fault:
        raise UnreadableInput(f"{path} is missing or damaged ({fault}): observe anew.") from fault
    if not isinstance(document, dict):
        raise UnreadableInput(f"{path} is not of kind {kind}: name an observation store that observe wrote.")
    check_version(path, kind, document.get("kind"), document.get("version"))
    return document
