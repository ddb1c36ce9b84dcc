"""Turns observations into the segments of a learning store and back: each is there as a whole or not at all.

A segment is an observation store of some intervals, whose tables hold all sources at once, in a folder named by these
intervals; beside it, in `open`, is what was not over at its end, of which only that of the newest segment counts.
"""

import errno
import os
import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from collectors.claims import CLAIMS
from collectors.errors import PodfenceError, UnreadableInput, reason_of
from collectors.flows import FLOWS
from collectors.names import NAMES
from collectors.observation import Observation, merge
from collectors.segments_plan import LARGEST, Segment
from collectors.store_files import Held, is_store, look_at, read_observation, write_held
from collectors.store_tables import FlowTable, OpenFile
from collectors.store_writing import write_part

SEGMENTS, LOCK = "segments", "lock"
Conclude = Callable[[Mapping[str, bytes]], Observation]
"""Says what follows from what was still open, by its name."""
_OPEN = "open"
_TEMPORARY = ".tmp-"
_NAME = re.compile(r"(\d{10})-(\d{10})")
_ATTEMPTS = 10
_T = TypeVar("_T")
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def is_learning_store(folder: Path) -> bool:
    """Return whether a folder is what learn writes."""
    place = folder / SEGMENTS
    return place.is_dir() and ((folder / LOCK).exists() or bool(listed(place)))


def is_segment(folder: Path) -> bool:
    """Return whether a folder is one segment of a learning store."""
    place = folder.absolute()
    return place.parent.name == SEGMENTS and _NAME.fullmatch(place.name) is not None


def listed(place: Path) -> list[Segment]:
    """Return all segments of a folder `segments`, those too that others cover; raises UnreadableInput."""
    try:
        names = [name for name in os.listdir(place) if _NAME.fullmatch(name)]  # noqa: PTH208 - names are all it takes
    except OSError as fault:
        raise UnreadableInput(f"{place} cannot be listed ({reason_of(fault)}): make it readable.") from fault
    return sorted(Segment(int(name[:10]), int(name[11:])) for name in names)


def uncovered(place: Path, segments: Iterable[Segment]) -> list[Segment]:
    """Return the segments less those within another's range, oldest first.

    Raises UnreadableInput where they overlap otherwise, or leave out an interval.
    """
    kept: list[Segment] = []
    expected = 1
    for segment in sorted(segments, key=lambda one: (one.first, -one.last)):
        if kept and segment.last <= kept[-1].last:
            continue
        if segment.first != expected:
            before = f"ends at {expected - 1}" if kept else "is missing before it"
            fault = f"{segment.name} does not follow what {before}"
            raise UnreadableInput(f"{place} is no whole learning store ({fault}): copy it again, with all its folders.")
        kept.append(segment)
        expected = segment.last + 1
    return kept


def load_segments(folder: Path, conclude: Conclude | None = None) -> Observation:
    """Return what a learning store holds, with what `conclude` makes of what was still open.

    A learner may go on writing meanwhile. Raises UnreadableInput where a segment is missing or damaged.
    """
    return _while_merging(folder / SEGMENTS, lambda place, segments: _loaded(place, segments, conclude))


def look_at_segments(
    folder: Path, conclude: Conclude | None = None, *, hold: bool = True
) -> tuple[Observation, tuple[FlowTable, ...]]:
    """Return what `load_segments` does, of the flows only what was still open, and the tables of the others.

    `hold`: tables stay readable even if a learner merges them meanwhile, for which few files are held open.
    """
    return _while_merging(folder / SEGMENTS, lambda place, segments: _looked_at(place, segments, conclude, hold=hold))


def _while_merging(place: Path, read: Callable[[Path, list[Segment]], _T]) -> _T:
    for _ in range(_ATTEMPTS):
        segments = listed(place)
        try:
            return read(place, segments)
        except UnreadableInput:
            # A learner may have merged, and removed, what was about to be read.
            if listed(place) == segments:
                raise
    return read(place, listed(place))


def _loaded(place: Path, segments: Iterable[Segment], conclude: Conclude | None) -> Observation:
    kept = uncovered(place, segments)
    return merge([*(read_segment(place, segment) for segment in kept), *_still_open(place, kept, conclude)])


def _looked_at(
    place: Path, segments: Iterable[Segment], conclude: Conclude | None, *, hold: bool
) -> tuple[Observation, tuple[FlowTable, ...]]:
    kept = uncovered(place, segments)
    found = [_look_at(place, segment, hold=hold) for segment in kept]
    whole = merge([*(observation for observation, _ in found), *_still_open(place, kept, conclude)])
    return whole, tuple(table for _, tables in found for table in tables)


def _look_at(place: Path, segment: Segment, *, hold: bool) -> tuple[Observation, tuple[FlowTable, ...]]:
    folder = _store(place, segment)
    # Those that are full are not merged any more, and they are most of a large store.
    held = hold and size_of(place, segment) <= LARGEST // 2
    return look_at(folder, whole=True, opened=OpenFile.of if held else None)


def _still_open(place: Path, kept: list[Segment], conclude: Conclude | None) -> list[Observation]:
    still_open = read_open(place, kept[-1]) if kept else {}
    return [(conclude or _concluded())(still_open)] if still_open else []


def _concluded() -> Conclude:
    from collectors.learning.still_open import concluded  # noqa: PLC0415 - late: it knows the loop, which writes here

    return concluded


def read_segment(place: Path, segment: Segment) -> Observation:
    """Return what one segment holds; raises UnreadableInput and NewerArtefact."""
    return read_observation(_store(place, segment), whole=True)


def _store(place: Path, segment: Segment) -> Path:
    folder = place / segment.name
    if not is_store(folder):
        raise UnreadableInput(f"{folder} is damaged, it is no observation store: copy it again.")
    return folder


def read_open(place: Path, segment: Segment) -> dict[str, bytes]:
    """Return what was still open at the end of a segment, by name; raises UnreadableInput."""
    folder = place / segment.name / _OPEN
    try:
        return {path.name: path.read_bytes() for path in sorted(folder.iterdir())} if folder.is_dir() else {}
    except OSError as fault:
        raise UnreadableInput(f"{folder} cannot be read ({reason_of(fault)}): copy it again.") from fault


def write_segment(place: Path, segment: Segment, observation: Observation, still_open: Mapping[str, bytes]) -> int:
    """Write a segment that is not there yet and return its `size_of`; raises PodfenceError and leaves nothing."""
    temporary, target = place / f"{_TEMPORARY}{segment.name}", place / segment.name
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        _write(temporary, observation, still_open)
        size = _made_durable(temporary)
        temporary.rename(target)
        try:
            sync(place)
        except OSError:
            target.rename(temporary)
            raise
    except OSError as fault:
        shutil.rmtree(temporary, ignore_errors=True)
        raise unwritable(place.parent, fault) from fault
    return size


def _write(folder: Path, observation: Observation, still_open: Mapping[str, bytes]) -> None:
    folder.mkdir()
    frames = [(FLOWS, observation.flows), (NAMES, observation.names), (CLAIMS, observation.claims)]
    parts = sorted(write_part(folder, schema, frame) for schema, frame in frames if not frame.empty)
    write_held(folder, Held(observation.window, tuple(parts), observation.ledger))
    if still_open:
        (folder / _OPEN).mkdir()
    for name, content in still_open.items():
        (folder / _OPEN / name).write_bytes(content)


def _made_durable(folder: Path) -> int:
    """Make all below a folder durable and return its bytes, without what is open."""
    for path in (*folder.rglob("*"), folder):
        sync(path)
    return _size(folder)


def sync(path: Path) -> None:
    """Make a file's content, or the names in a folder, durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def size_of(place: Path, segment: Segment) -> int:
    """Return a segment's bytes on disk, without what is open: that goes when segments are merged."""
    return _size(place / segment.name)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and path.parent.name != _OPEN)


def remove(place: Path, segments: Iterable[Segment]) -> None:
    """Remove segments that another covers."""
    for segment in segments:
        shutil.rmtree(place / segment.name)


def clean(place: Path) -> None:
    """Remove what a writer that was killed left: half-written segments, and those that others cover."""
    for path in place.glob(f"{_TEMPORARY}*"):
        shutil.rmtree(path)
    segments = listed(place)
    remove(place, sorted(set(segments) - set(uncovered(place, segments))))


def unwritable(folder: Path, fault: OSError) -> PodfenceError:
    """Return the sentence for a learning store that cannot be written."""
    if fault.errno in _NO_ROOM:
        whole = f"{folder}: no room left ({reason_of(fault)}); what was learned before is whole"
        return PodfenceError(f"{whole}: make room, or name a --budget.")
    return PodfenceError(f"{folder} cannot be written ({reason_of(fault)}): check the folder, or name another.")
