"""Turns intervals of learning into a store that grows for months: segments, merged in the background, within a budget.

The store is a folder: `segments/<first>-<last>/` holds the intervals of these numbers, counted from 1 without a hole,
and never changes; `lock` is held while a learner runs. A segment is written under another name and then renamed.
Merging writes one of the whole range and removes the parts, which are ignored from the rename on: whenever a process is
killed, the store is what it was before or after. `collectors.segments_plan` has the rule and its bounds.
"""

import fcntl
import os
import threading
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Self

import pandas as pd

from collectors.errors import PodfenceError, UnreadableInput
from collectors.ledger import Ledger, LedgerWriter
from collectors.observation import Gap, Observation, ObservationWindow, join_sources, merge
from collectors.segment_files import (
    LOCK,
    SEGMENTS,
    Conclude,
    clean,
    listed,
    load_segments,
    read_open,
    read_segment,
    remove,
    size_of,
    sync,
    unwritable,
    write_segment,
)
from collectors.segments_plan import Segment, beyond, largest_for, next_merge, spanning
from collectors.store_files import WINDOW, Held, read_held

_KNOWN = frozenset({SEGMENTS, LOCK, "inventory", "lost+found"})
"""What may be in the folder of a learning store that has no segment yet."""


class Segments:
    """The open end of a learning store, for one thread that adds and one that merges.

    Makes the folder, takes its lock and removes what a killed learner left. `budget` is in bytes of all segments, which
    a merge may exceed for a while by what it writes; what was open at the end of the newest ones comes beside it.
    Raises PodfenceError where the folder cannot be written, is no learning store, or has another learner.
    """

    def __init__(self, folder: str | Path, budget: int | None = None) -> None:
        self.folder = Path(folder)
        self._place = self.folder / SEGMENTS
        self._budget, self._largest = budget, largest_for(budget)
        # `_guard` is for `_sizes` and held for moments; `_merging` for what removes segments, and what reads them.
        self._guard, self._merging = threading.Lock(), threading.Lock()
        self._closing = False
        self._lock = _locked(self.folder)
        try:
            self._place.mkdir(exist_ok=True)
            sync(self.folder)
            clean(self._place)
            self._sizes = {segment: size_of(self._place, segment) for segment in listed(self._place)}
        except OSError as fault:
            self.close()
            raise unwritable(self.folder, fault) from fault
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the folder free, after the merge of one segment that may go on; a second time does nothing."""
        self._closing = True
        with self._merging:
            if self._lock >= 0:
                os.close(self._lock)
                self._lock = -1

    @property
    def next(self) -> int:
        """The number of the interval that is added next, from 1."""
        return max((segment.last for segment in self._held()), default=0) + 1

    @property
    def end(self) -> pd.Timestamp | None:
        """The end of what was observed until the newest interval; None where there is none."""
        with self._merging:
            held = self._held()
            return read_held(self._place / max(held).name, whole=True).window.end if held else None

    @property
    def size(self) -> int:
        """Bytes of all segments on disk, without what is open."""
        return sum(self._held().values())

    def add(self, observation: Observation, still_open: Mapping[str, bytes]) -> None:
        """Write the next interval, compacted, with what was not over at its end, by names that may be files'.

        Raises PodfenceError where there is no room: then nothing has changed, and the caller may try again.
        """
        segment = Segment(self.next, self.next)
        size = write_segment(self._place, segment, merge([observation]), still_open)
        with self._guard:
            self._sizes[segment] = size

    def still_open(self) -> dict[str, bytes]:
        """Return what was not over at the end of the newest interval, by name."""
        with self._merging:
            held = self._held()
            return read_open(self._place, max(held)) if held else {}

    def load(self, conclude: Conclude | None = None) -> Observation:
        """Return all that was added, with what `conclude` makes of what was still open (`collectors.store.load`)."""
        with self._merging:
            return load_segments(self.folder, conclude)

    def merge(self) -> None:
        """Merge what is due; remove the oldest segments where the budget is exceeded even so.

        What is removed stays as event `budget` and as a gap of each source. May run while another thread adds.
        Raises PodfenceError where a segment is damaged or there is no room to merge: then none is lost.
        """
        with self._merging:
            self._merge(pack=False)
            if self._budget is not None and self.size > self._budget:
                self._merge(pack=True)
                self._forget(self._budget)

    def _merge(self, *, pack: bool) -> None:
        while not self._closing and (parts := next_merge(self._held(), self._largest, pack=pack)):
            self._replace(parts, merge(read_segment(self._place, part) for part in parts))

    def _forget(self, budget: int) -> None:
        """Put one segment, which says what is lost, in the place of those beyond the budget and of the one after."""
        held = self._held()
        gone = beyond(held, budget)
        if not gone or self._closing:
            return
        stays = min(set(held) - set(gone))
        lost = forgotten(read_held(self._place / segment.name, whole=True) for segment in gone)
        self._replace([*gone, stays], merge([lost, read_segment(self._place, stays)]))

    def _replace(self, parts: list[Segment], observation: Observation) -> None:
        whole = spanning(parts)
        still_open = read_open(self._place, parts[-1]) if parts[-1] == max(self._held()) else {}
        size = write_segment(self._place, whole, observation, still_open)
        with self._guard:
            self._sizes = {segment: held for segment, held in self._sizes.items() if segment not in parts}
            self._sizes[whole] = size
        try:
            remove(self._place, parts)
        except OSError as fault:
            raise unwritable(self.folder, fault) from fault

    def _held(self) -> dict[Segment, int]:
        with self._guard:
            return dict(self._sizes)


def forgotten(gone: Iterable[Held]) -> Observation:
    """Return what is left to say of segments that were removed: their sources, each with a gap, and events.

    Their packets count no more, neither as read nor in the ledger; the event `budget` has their number.
    """
    parts = list(gone)
    window = join_sources(ObservationWindow.total(part.window for part in parts))
    writer = LedgerWriter()
    for source in window.sources:
        if source.packets:
            text = f"{source.packets} of {source.start} to {source.end} are removed: the disk budget is used up"
            writer.event(source.name, "budget", 0, text, source.packets)
    events = Ledger(events=sum((part.ledger for part in parts), Ledger()).events)
    sources = [replace(source, packets=0, size=0) for source in window.sources]
    gaps = [Gap(source.name, source.start, source.end) for source in sources if source.start is not None]
    return Observation(window=ObservationWindow.of(sources, gaps), ledger=events + writer.ledger())


def _locked(folder: Path) -> int:
    """Return the descriptor that holds the lock of a learning store: the kernel frees it at whatever end."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _refuse_others(folder)
        handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as fault:
        raise unwritable(folder, fault) from fault
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as fault:
        os.close(handle)
        if not isinstance(fault, BlockingIOError):
            raise unwritable(folder, fault) from fault
        message = f"{folder}: another learner writes here; stop it first, or give this one a folder of its own."
        raise PodfenceError(message) from fault
    return handle


def _refuse_others(folder: Path) -> None:
    if (folder / WINDOW).exists():
        raise UnreadableInput(f"{folder} is an observation store that is finished: give learn a folder of its own.")
    others = [path for path in folder.iterdir() if path.name not in _KNOWN and not path.name.startswith(".")]
    if others and not (folder / SEGMENTS).is_dir():
        raise UnreadableInput(f"{folder} is no learning store but is not empty: name a new or empty folder.")
