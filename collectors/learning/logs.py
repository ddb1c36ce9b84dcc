"""Turns a flow log that goes on (a growing file, a pipe, an address) into what an interval saw of it."""

import threading
from collections.abc import Callable, Iterable, Iterator

from collectors.capture.names import NameReader
from collectors.claims import ClaimTable
from collectors.errors import UnreadableInput, one_line
from collectors.flows import Flows
from collectors.formats.batch import Batch
from collectors.formats.fold import Fold
from collectors.formats.reading import LogCounter, LogReading
from collectors.learning.feed import OVERFLOW, Interval, Told, Watched
from collectors.learning.still_open import StillOpen
from collectors.ledger import LedgerWriter
from collectors.observation import BUCKET_SECONDS, Gap, Observation, ObservationWindow, Source, compact, concat_flows
from collectors.series import gaps_of

MOST_WAITING = 1 << 20
"""Parts of connections that may be open at once (some 200 MB); what is beyond is told as it stands: see `overflow`."""
Opened = Callable[[str], tuple[str, Iterator[tuple[Batch, str]], Callable[[], Iterable[str]]]]
"""Position -> the kind of a log, its batches from there with the position behind each, and what it lost meanwhile."""


class Log:
    """A feed of one flow log, read by a thread of its own."""

    def __init__(self, name: str, opened: Opened, most_waiting: int = MOST_WAITING) -> None:
        self.name = name
        self.keys: tuple[str, ...] = (StillOpen("log", name, b"").key,)
        self._opened, self._most_waiting = opened, most_waiting
        self._kind, self._position, self._fault = "", "", ""
        self._lock = threading.Lock()
        self._fold = Fold(BUCKET_SECONDS)
        self._fold.begin_source(name)
        self._lost: Callable[[], Iterable[str]] = tuple
        self._early: list[Flows] = []
        self._told = False
        self._watched = Watched()
        self._begin_counting()
        self._thread = threading.Thread(target=self._read, name=f"podfence reads {name}", daemon=True)

    def _begin_counting(self) -> None:
        self._ledger, self._names, self._claims = LedgerWriter(), NameReader(), ClaimTable()
        self._counter = LogCounter(self.name, self._fold, self._ledger, self._names, self._claims)

    @property
    def ended(self) -> bool:
        """Whether the log has ended: what is told next is the last of it."""
        return self._thread.ident is not None and not self._thread.is_alive()

    def resume(self, still_open: StillOpen) -> bool:
        """Go on with the connections that were open, at the place behind the records they are of."""
        self._position = still_open.position  # whatever became of the connections: no record counts twice
        return self._fold.restore(still_open.content)

    def begin(self) -> None:
        """Begin to read."""
        self._thread.start()

    def wait(self, seconds: float) -> None:
        """Wait: a thread reads."""
        self._thread.join(seconds)

    def tell(self, interval: Interval) -> Told:
        """Return what was seen since it was asked last; nothing of the time after its end."""
        if self._told:
            return Told(Observation(), self._still_open())
        self._told = over = self.ended
        with self._lock:
            reading, names, claims, ledger = self._counter.reading(), self._names, self._claims, self._ledger
            self._begin_counting()
            flows, self._early = compact(concat_flows([*self._early, self._fold.settled()])), []
            still_open, fault = self._still_open(), self._fault if over else ""
            lost = tuple(self._lost())
        for sentence in filter(None, (*lost, fault)):
            interval.gaps.append(Gap(self.name, None, None))
            ledger.event(self.name, "gap", 0, sentence)
        interval.gaps += gaps_of(self.name, reading.losses)
        names.tell(self.name, ledger)
        claims.tell(self.name, ledger)
        window = ObservationWindow.of(self._watched_as(reading, interval), interval.gaps)
        observation = Observation(
            flows, window, interval.ledger.ledger() + ledger.ledger(), names.finish(self.name), claims.finish(self.name)
        )
        ended = (f"{self.name} has ended",) if over and not fault else ()
        return Told(observation, still_open, (*lost, *ended), fault)

    def _still_open(self) -> StillOpen:
        return StillOpen("log", self.name, self._fold.kept(), position=self._position)

    def _watched_as(self, reading: LogReading, interval: Interval) -> list[Source]:
        """Return what was watched: nothing as long as it is not known what it is."""
        if not self._kind:
            return []
        bounds = None if reading.start is None or reading.end is None else (reading.start, reading.end)
        start, end = self._watched.span(interval, bounds)
        return [Source(self.name, self._kind, reading.records, start=start, end=end, drops=reading.lost)]

    def _bound(self) -> None:
        """Tell all connections as they stand where too many are open: memory has a ceiling."""
        if len(self._fold) > self._most_waiting:
            self._ledger.event(
                self.name, "overflow", 0, OVERFLOW.format(len(self._fold), self._most_waiting), len(self._fold)
            )
            self._early.append(self._fold.finish())

    def close(self) -> None:
        """Let the log go: what is read is asked whether to stop."""

    def _read(self) -> None:
        try:
            self._kind, batches, self._lost = self._opened(self._position)
            for batch, position in batches:
                with self._lock:
                    self._counter.take(batch)
                    self._position = position
                    self._bound()
        except (OSError, UnreadableInput) as fault:
            self._fault = f"{self.name} cannot be read any more: {one_line(fault)}"
