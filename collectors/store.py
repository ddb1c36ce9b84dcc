"""Turns an observation into a folder and back: `window.json`, `ledger.json`, Parquet parts of flows, names and claims.

There is one part of each per source, named by source and content, those of names in the folder `names`, those of
claims in `claims`; `window.json` lists them and is written last, so that a save that was cut short leaves the store as
it was. A source that the store holds already is not counted again. `collectors.segments` writes stores that grow.

At a URL there is one part per source and day (UTC, of the first time of a row), in a folder of that day: a day that is
added touches no file of another. One process at a time may save to a store.
"""

import shutil
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from weakref import finalize

import pandas as pd

from collectors.claims import CLAIMS, Claims, compact_claims
from collectors.errors import PodfenceError, UnreadableInput
from collectors.flows import FLOWS, Flows
from collectors.ledger import Ledger, LedgerWriter
from collectors.names import NAMES, Names, compact_names
from collectors.observation import Observation, ObservationWindow, Source, compact, join_sources, without_sources
from collectors.places import is_url
from collectors.pushing import is_mirror, pull
from collectors.remote import Remote
from collectors.schema import Schema
from collectors.segment_files import Conclude, is_learning_store, is_segment, load_segments, look_at_segments
from collectors.store_files import LEDGER, WINDOW, Held, is_day, look_at, read_held, read_observation, write_held
from collectors.store_tables import FOLDERS, of_sources, write_part
from collectors.stored_flows import StoredFlows, StoredPartitions
from collectors.stored_observation import StoredObservation


def save(observation: Observation, folder: str | Path) -> tuple[Source, ...]:
    """Add an observation to a store at a path or URL, made if need be; return the sources left out as held already.

    A source is held already if content, counts and times are the same under any name (a stream: under its name): its
    flows, names, claims and ledger entries are left out, and the files stay as they are. A source that has grown since
    it was read takes the place of its shorter reading, with the event `grown`. One of the same name whose time overlaps
    but whose content differs otherwise is added, with the event `overlap`. Raises UnreadableInput where the folder
    holds something else, a learning store too.
    """
    place = _place(folder)
    held = _held(place)
    identities = {source.identity() for source in held.window.sources}
    known = tuple(source for source in observation.window.sources if source.identity() in identities)
    taken = without_sources(observation, set(known))
    fresh = taken.window.sources
    grown = _grown(held.window, fresh)
    old = of_sources(place, held.parts, (source.name for source in grown))
    held = Held(_without(held.window, grown), held.parts, held.ledger.without({source.name for source in grown}))
    ledger = held.ledger + taken.ledger + _events(held.window, grown, fresh)
    try:
        if isinstance(place, Path):
            place.mkdir(parents=True, exist_ok=True)
        written = {
            write_part(place, schema, part, str(part["source"].iloc[0]), day)
            for schema, frame in ((FLOWS, taken.flows), (NAMES, taken.names), (CLAIMS, taken.claims))
            for source in _by_source(schema, frame)
            for day, part in (_by_day(source) if isinstance(place, Remote) else [(None, source)])
        }
        old -= written
        write_held(place, Held(held.window + taken.window, tuple(sorted({*held.parts, *written} - old)), ledger))
        for part in old:
            (place / part).unlink(missing_ok=True)
    except OSError as fault:
        reason = (fault.strerror or str(fault)).lower()
        raise PodfenceError(f"{place} cannot be written ({reason}): name another folder.") from fault
    return known


def load(folder: str | Path | Remote, conclude: Conclude | None = None) -> Observation:
    """Return all that a store holds, flows, names and claims compacted; of a learning store all its segments.

    It is at a path or a URL; there a learning store is what `push` made of it, which is pulled for the while.
    `conclude` says what follows from what was still open at the end of a learning store (`collectors.segments`).
    Raises UnreadableInput where the folder is no store or a file of it is missing or damaged, and NewerArtefact for
    a store written by a newer podfence.
    """
    place = _place(folder)
    if isinstance(place, Remote) and is_mirror(place):
        with TemporaryDirectory(prefix="podfence-") as temporary:
            (pulled,) = pull(place, Path(temporary))
            return load_segments(pulled, conclude)
    if isinstance(place, Path) and is_learning_store(place):
        return load_segments(place, conclude)
    observation = read_observation(_ordinary(place))
    return replace(observation, window=join_sources(observation.window))


def opened(folder: str | Path | Remote, conclude: Conclude | None = None, *, hold: bool = True) -> StoredObservation:
    """Return what `load` does, of which flows are read when they are asked for; raises what it raises.

    What is missing or damaged of the flows may be found as late as that. `hold`: as for `look_at_segments`.
    """
    place = _place(folder)
    keeper = None
    if isinstance(place, Remote) and is_mirror(place):
        keeper = _Folder()
        (place,) = pull(place, keeper.path)
    if isinstance(place, Path) and is_learning_store(place):
        found, tables = look_at_segments(place, conclude, hold=hold and keeper is None)
    else:
        found, tables = look_at(_ordinary(place))
    parts = StoredPartitions((StoredFlows(tables, found.flows, keeper=keeper),))
    return StoredObservation.of(replace(found, window=join_sources(found.window)), parts)


class _Folder:
    """A temporary folder that is there as long as somebody has it."""

    def __init__(self) -> None:
        self.path = Path(mkdtemp(prefix="podfence-"))
        finalize(self, shutil.rmtree, self.path, ignore_errors=True)


def _ordinary(place: Path | Remote) -> Path | Remote:
    if not (place / WINDOW).is_file():
        raise UnreadableInput(f"{place} is no observation store (it has no {WINDOW}): name one that observe wrote.")
    return place


def is_learned(place: Path | Remote) -> bool:
    """Return whether a place holds what learn wrote: a learning store, or a mirror of one."""
    return is_mirror(place) if isinstance(place, Remote) else is_learning_store(place)


def _place(folder: str | Path | Remote) -> Path | Remote:
    if isinstance(folder, Remote):
        return folder
    return Remote.of(folder) if is_url(folder) else Path(folder)


def _held(folder: Path | Remote) -> Held:
    """Return what a store holds beside its tables; a new or empty folder holds nothing."""
    if is_learned(folder) or (isinstance(folder, Path) and is_segment(folder)):
        raise UnreadableInput(f"{folder} is a learning store, which only learn writes: name another folder.")
    if (folder / WINDOW).is_file():
        return read_held(folder)
    if folder.exists() and (not folder.is_dir() or any(map(_foreign, folder.iterdir()))):
        raise UnreadableInput(f"{folder} is no observation store but is not empty: name a new or empty folder.")
    return Held()


def _foreign(path: Path | Remote) -> bool:
    ours = path.name in {LEDGER, *(place.strip("/") for place in FOLDERS.values())}
    return not (path.name.startswith(".") or path.suffix == ".parquet" or is_day(path.name) or ours)


def _grown(held: ObservationWindow, fresh: Iterable[Source]) -> list[Source]:
    """Return what the store holds of sources that have grown since; one that shares its name with another stays."""
    names = Counter(source.name for source in held.sources)
    longer: dict[tuple[object, ...], list[Source]] = {}
    for source in fresh:
        longer.setdefault(source.beginning(), []).append(source)
    return [
        other
        for other in held.sources
        if names[other.name] == 1 and any(source.continues(other) for source in longer.get(other.beginning(), ()))
    ]


def _without(held: ObservationWindow, sources: Iterable[Source]) -> ObservationWindow:
    names = {source.name for source in sources}
    if not names:
        return held
    gaps = [gap for gap in held.gaps if gap.source not in names]
    return ObservationWindow.of([source for source in held.sources if source.name not in names], gaps)


def _events(held: ObservationWindow, grown: Iterable[Source], fresh: Iterable[Source]) -> Ledger:
    writer = LedgerWriter()
    for source in grown:
        writer.event(
            source.name, "grown", source.size, f"was observed when it had {source.size} bytes; now it has more"
        )
    named: dict[str, list[Source]] = {}
    for source in held.sources:
        named.setdefault(source.name, []).append(source)
    text = "a source of this name, of the same time but other content, was observed before: both count"
    for source in fresh:
        for other in named.get(source.name, ()):
            if _overlap(source, other):
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


def _by_day(frame: pd.DataFrame) -> list[tuple[str | None, pd.DataFrame]]:
    """Return the rows of each day, the first day first; rows without a time come last, with None."""
    days = frame["first_seen"].dt.strftime("%Y-%m-%d")
    return [(None if pd.isna(day) else str(day), rows) for day, rows in frame.groupby(days, dropna=False, sort=True)]
