"""Turns what was read, a piece at a time, into a store: tables aside first, then moved and listed, all or nothing."""

import fcntl
import os
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

from collectors.errors import UnreadableInput, writing
from collectors.flow_facts import FlowFacts, facts_of
from collectors.ledger import Ledger, LedgerWriter
from collectors.observation import Observation, ObservationWindow, Source, join_sources, without_sources
from collectors.pushing import is_learned
from collectors.remote import Remote
from collectors.segment_files import is_segment
from collectors.store_files import LEDGER, WINDOW, Held, is_day, read_held, write_held
from collectors.store_tables import FOLDERS, of_sources
from collectors.store_writing import Tables

_ASIDE = ".reading-"
"""What the folder is called that tables are in until they are listed."""


@dataclass(frozen=True)
class Piece:
    """What was read of some sources: their tables (paths by source) are in a draft; `read` has no rows."""

    read: Observation
    facts: FlowFacts
    tables: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Draft:
    """A folder on this machine where tables wait until a store lists them; any process may write there."""

    folder: Path
    store: str
    by_day: bool

    def write(self, parts: Iterable[Observation]) -> Piece:
        """Write the tables of what comes in parts, one of each kind for each source, and maybe day.

        Flows are compact, and those of a source come in the order that `compact` gives them.
        """
        window, ledger, facts = ObservationWindow(), Ledger(), FlowFacts()
        with Tables(self.folder, by_day=self.by_day) as tables:
            for part in parts:
                window, ledger, facts = window + part.window, ledger + part.ledger, facts + facts_of(part.flows)
                with writing(self.store):
                    tables.add(part)
            with writing(self.store):
                return Piece(Observation(window=window, ledger=ledger), facts, tables.finish())


@dataclass(frozen=True)
class Added:
    """What was read, without rows; `known` are those of its sources that the store held already."""

    read: Observation
    facts: FlowFacts
    known: tuple[Source, ...]


def total(pieces: Iterable[Piece]) -> tuple[Observation, FlowFacts]:
    """Return what all pieces come to."""
    listed = list(pieces)
    window = join_sources(ObservationWindow.total(piece.read.window for piece in listed))
    ledger = sum((piece.read.ledger for piece in listed), Ledger())
    return Observation(window=window, ledger=ledger), sum((piece.facts for piece in listed), FlowFacts())


class Adding:
    """A context in which a store is added to: at its end nothing is left of tables that are not listed.

    Raises UnreadableInput where the place holds something else, a learning store too, and PodfenceError where it
    cannot be written.
    """

    def __init__(self, place: Path | Remote) -> None:
        _held(place)  # rather now than after hours of reading
        self._place, self._ending = place, ExitStack()

    def __enter__(self) -> Self:
        place = self._place
        with ExitStack() as ending, writing(place):
            if isinstance(place, Remote):
                folder = ending.enter_context(TemporaryDirectory(prefix="podfence-"))
            else:
                for made in _made(place):
                    ending.callback(_remove_empty, made)
                _remove_left(place)
                folder = ending.enter_context(TemporaryDirectory(prefix=_ASIDE, dir=place))
                with suppress(OSError):  # not every file system has locks
                    ending.enter_context(_locked(Path(folder)))
            self.draft = Draft(Path(folder), str(place), isinstance(place, Remote))
            self._ending = ending.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.close()

    def keep(self, pieces: Iterable[Piece]) -> Added:
        """List the tables of all pieces of this draft but those of sources that the store holds already."""
        listed, place = list(pieces), self._place
        read, facts = total(listed)
        held = _held(place)  # somebody else may have added to it meanwhile
        identities = {source.identity() for source in held.window.sources}
        known = tuple(source for source in read.window.sources if source.identity() in identities)
        taken = without_sources(read, set(known))
        fresh = taken.window.sources
        gone = {source.name for source in known} - {source.name for source in fresh}
        grown = _grown(held.window, fresh)
        old = of_sources(place, held.parts, (source.name for source in grown))
        window = _without(held.window, grown)
        ledger = held.ledger.without({source.name for source in grown})
        ledger += taken.ledger + _events(window, grown, fresh)
        tables = {
            path for piece in listed for name, paths in piece.tables.items() if name not in gone for path in paths
        }
        with writing(place):
            for path in sorted(tables):
                self._move(path)
            old -= tables
            write_held(place, Held(window + taken.window, tuple(sorted({*held.parts, *tables} - old)), ledger))
            for path in old:
                (place / path).unlink(missing_ok=True)
        return Added(read, facts, known)

    def _move(self, path: str) -> None:
        made, place = self.draft.folder / path, self._place
        if isinstance(place, Remote):
            (place / path).write_bytes(made.read_bytes())  # nobody reads it before it is listed
            return
        (place / path).parent.mkdir(exist_ok=True)
        made.replace(place / path)


def _made(folder: Path) -> list[Path]:
    """Make a folder and those around it; return those that were not there, the outermost first."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()][::-1]
    folder.mkdir(parents=True, exist_ok=True)
    return missing


def _remove_empty(folder: Path) -> None:
    with suppress(OSError):  # it is not empty: that is what was to be
        folder.rmdir()


def _remove_left(place: Path) -> None:
    """Remove what processes that were killed left aside: nobody holds the lock of that any more."""
    for folder in place.glob(f"{_ASIDE}*"):
        with suppress(OSError), _locked(folder):
            shutil.rmtree(folder)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder; raises OSError where somebody else does."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)


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
