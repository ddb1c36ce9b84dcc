"""Turns packets of live interfaces, or of a capture that comes through a pipe, into what an interval saw of them."""

import threading
from array import array
from collections.abc import Sequence
from dataclasses import replace
from typing import BinaryIO

from collectors.capture import Conversations
from collectors.capture.containers import Framing
from collectors.capture.names import NameReader
from collectors.capture.pump import Pump
from collectors.errors import one_line
from collectors.flows import Flows
from collectors.learning.feed import OVERFLOW, Interval, Told, Watched
from collectors.learning.still_open import StillOpen, without_sums
from collectors.ledger import LedgerWriter
from collectors.live import Live
from collectors.observation import (
    BUCKET_SECONDS,
    LIVE,
    Gap,
    Observation,
    ObservationWindow,
    Source,
    compact,
    concat_flows,
)

MOST_OPEN = 1 << 19
"""Conversations that may be open at once (some 100 MB); what is beyond is told as it stands: see `overflow`."""
_HANDED = 3
"""The form of records that `Live` gives: see `kernel.read`."""


class Counted:
    """The conversations of a feed of packets, and what was counted of an interval."""

    def __init__(self, name: str, *, filtered: bool, most_open: int = MOST_OPEN, bucket: int = BUCKET_SECONDS) -> None:
        self.name, self._filtered, self._most_open = name, filtered, most_open
        self.conversations = Conversations(bucket)
        self.names = NameReader()
        self.conversations.begin_source(name, self.names)
        self._early: list[Flows] = []
        self._overflow = 0
        self._now = 0
        self._watched = Watched()

    def bound(self) -> None:
        """Tell all conversations as they stand where too many are open: memory has a ceiling."""
        if len(self.conversations) > self._most_open:
            self._overflow += len(self.conversations)
            self._early.append(self.conversations.finish())

    def tell(self, interval: Interval, drops: int) -> Observation:
        """Return what was counted since it was told last."""
        packets, first, last = self.conversations.tell(interval.ledger)
        start, end = self._watched.span(interval, None if first is None or last is None else (first, last))
        if end is not None:  # of another time than the clock's: silence is told by that
            self._now = end.value
        flows = compact(concat_flows([*self._early, self.conversations.settled(self._now)]))
        names = self.names
        names.tell(self.name, interval.ledger)
        if self._overflow:
            text = OVERFLOW.format(self._overflow, self._most_open)
            interval.ledger.event(self.name, "overflow", 0, text, self._overflow)
        if drops:
            interval.gaps.append(Gap(self.name, interval.start, interval.end, drops))
            interval.ledger.event(self.name, "gap", 0, f"the kernel dropped {drops} packets: nobody took them", drops)
        self._early, self._overflow, self.names = [], 0, NameReader()
        self.conversations.go_on(self.names)
        seen = Source(name=self.name, kind=LIVE, packets=packets, start=start, end=end, drops=drops)
        return Observation(
            without_sums(flows) if self._filtered else flows,
            ObservationWindow.of([seen], interval.gaps),
            interval.ledger.ledger(),
            names.finish(self.name),
        )

    def still_open(self) -> StillOpen:
        """Return what is open; ask after `tell`."""
        return StillOpen("packets", self.name, self.conversations.kept(), self._filtered)


class Interfaces:
    """A feed of live interfaces; begins to capture when it is made, so that what is wrong is told at once."""

    def __init__(self, patterns: Sequence[str], *, full: bool, ring_bytes: int, most_open: int = MOST_OPEN) -> None:
        self.name = "+".join(patterns)
        self.keys: tuple[str, ...] = (StillOpen("packets", self.name, b"").key,)
        self.ended = False
        self._live = Live(patterns, full=full, ring_bytes=ring_bytes)
        self._live.changes()  # that they appear at the beginning is no news
        self._counted = Counted(self.name, filtered=not full, most_open=most_open)
        self._remarks: tuple[str, ...] = (
            () if self._live.names else (f"no interface is called {self.name} now: waiting for one",)
        )

    def resume(self, still_open: StillOpen) -> bool:
        """Go on with the conversations that were open."""
        return self._counted.conversations.restore(still_open.content)

    def begin(self) -> None:
        """Do nothing: the rings fill by themselves."""

    def wait(self, seconds: float) -> None:
        """Count the packets that come within so many seconds."""
        for records in self._live.read(seconds):
            self._counted.conversations.consume(records, 0, len(records), _HANDED, False, 0, self._live.faces)
            self._counted.bound()

    def tell(self, interval: Interval) -> Told:
        """Return what was seen since it was asked last."""
        changes = self._live.changes()
        for change in changes:
            interval.gaps += [Gap(self.name, at, end) for at, end in change.missing(interval.start, interval.end)]
            interval.ledger.event(self.name, "interface", 0, change.sentence)
        drops = sum(self._live.drops().values())
        observation = self._counted.tell(interval, drops)
        remarks, self._remarks = self._remarks, ()
        return Told(observation, self._counted.still_open(), (*remarks, *(change.sentence for change in changes)))

    def close(self) -> None:
        """Let the interfaces go."""
        self._live.close()


class Pipe:
    """A feed of a capture that comes through a pipe, read by a thread of its own."""

    def __init__(self, stream: BinaryIO, name: str, most_open: int = MOST_OPEN) -> None:
        self.name = name
        self.keys: tuple[str, ...] = (StillOpen("packets", name, b"").key,)
        self._counted = Counted(name, filtered=False, most_open=most_open)
        self._lock = threading.Lock()
        self._ledger = LedgerWriter()
        self._pump = Pump(stream, _Locked(self._counted, self._lock))
        self._framing = Framing(self._pump, name, self._ledger, self._pump.fast)
        self._fault = ""
        self._told = False
        self._thread = threading.Thread(target=self._read, name=f"podfence reads {name}", daemon=True)

    @property
    def ended(self) -> bool:
        """Whether the pipe has ended: what is told next is the last of it."""
        return self._thread.ident is not None and not self._thread.is_alive()

    def resume(self, still_open: StillOpen) -> bool:
        """Go on with the conversations that were open."""
        return self._counted.conversations.restore(still_open.content)

    def begin(self) -> None:
        """Begin to read."""
        self._thread.start()

    def wait(self, seconds: float) -> None:
        """Wait: a thread reads."""
        self._thread.join(seconds)

    def tell(self, interval: Interval) -> Told:
        """Return what was seen since it was asked last; how many the pipe's own writer lost is known at its end.

        Nothing of the time after that.
        """
        if self._told:
            return Told(Observation(), self._counted.still_open())
        self._told = over = self.ended
        fault = self._fault if over else ""
        if fault:
            interval.gaps.append(Gap(self.name, None, None))
            interval.ledger.event(self.name, "gap", 0, fault)
        with self._lock:
            while self._framing.named:
                self._counted.names.resolved(*self._framing.named.pop(0))
            observation = self._counted.tell(interval, self._framing.drops if over else 0)
            still_open = self._counted.still_open()
        if not over:
            return Told(observation, still_open)
        observation = replace(observation, ledger=observation.ledger + self._ledger.ledger())
        return Told(observation, still_open, () if fault else (f"{self.name} has ended",), fault)

    def close(self) -> None:
        """Leave the pipe: the system tells whoever writes into it."""

    def _read(self) -> None:
        try:
            for time, link_type, wire, data in self._framing.packets():
                self._pump.hand_over(time, link_type, wire, data, self._framing.interface)
        except OSError as fault:
            self._fault = f"{self.name} cannot be read any more: {one_line(fault)}"


class _Locked:
    """Counts for the thread that reads, never while an interval is told."""

    def __init__(self, counted: Counted, lock: threading.Lock) -> None:
        self._counted, self._lock = counted, lock

    def consume(
        self, buffer: bytearray, at: int, end: int, form: int, swapped: bool, extra: int, faces: "array[int]"
    ) -> tuple[int, int]:
        """Count the whole records of a buffer."""
        with self._lock:
            found = self._counted.conversations.consume(buffer, at, end, form, swapped, extra, faces)
            self._counted.bound()
            return found

    def spare(self, buffer: bytearray) -> bytearray:
        """Return a buffer to go on with: this one."""
        return buffer
