"""Turns feeds into a learning store, an interval at a time, until told to stop: a crash costs the last one at most."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pandas as pd

from collectors.errors import PodfenceError
from collectors.learning.feed import DAMAGED, Feed, Told
from collectors.learning.feed import Interval as Span
from collectors.learning.still_open import StillOpen, read_open, stored
from collectors.observation import Gap, Observation, merge
from collectors.segments import Segments

EVERY = 60.0
"""Seconds of an interval: what a crash may cost."""
_TURN = 0.25
"""Seconds after which it is looked at whether to stop."""
_HANDED_OVER = 0.3
"""Seconds in which what came has been handed over by the kernel, and threads that read have looked whether to stop."""
_SKEW = 2 * 10**9
"""Nanoseconds by which clocks may go apart in an interval before something is said of it."""
_MOST_WAITING = 2_000_000
"""Rows that wait for a full disk before learning gives up."""


@dataclass(frozen=True)
class LearnOptions:
    """`every`: seconds of an interval. `seconds`: when to stop by itself, None for never."""

    every: float = EVERY
    seconds: float | None = None


@dataclass(frozen=True)
class Interval:
    """What an interval came to, for whoever watches; `remarks` are sentences."""

    start: pd.Timestamp
    end: pd.Timestamp
    observation: Observation
    remarks: tuple[str, ...] = ()
    unwritten: str = ""
    """Why it could not be written down; it waits in memory for the next one."""
    faults: tuple[str, ...] = ()
    """Why feeds ended before their time."""


def _always() -> int:
    return time.clock_gettime_ns(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@dataclass
class _Clock:
    """The three clocks of the system, in ns: of the day, without sleep, with sleep."""

    day: int = field(default_factory=time.time_ns)
    awake: int = field(default_factory=time.monotonic_ns)
    always: int = field(default_factory=_always)

    def sentences(self, before: "_Clock") -> tuple[str, str]:
        """Return what happened to the clocks since: that the machine slept, that somebody set the clock."""
        slept = (self.always - before.always) - (self.awake - before.awake)
        set_by = (self.day - before.day) - (self.always - before.always)
        return (
            f"the machine slept for {slept / 1e9:.0f} s" if slept > _SKEW else "",
            f"the clock was set by {set_by / 1e9:+.0f} s" if abs(set_by) > _SKEW else "",
        )


def learn(
    segments: Segments,
    feeds: Sequence[Feed],
    options: LearnOptions,
    stopped: Callable[[], bool],
    tell: Callable[[Interval], None],
) -> None:
    """Write what feeds see into a store, until `stopped`, the time is over, or all feeds have ended.

    `tell` is called with each interval when it is written. What was open when the learner before this one ended goes
    on. The feeds are closed in the end. Raises PodfenceError where the store cannot be written, for so long that memory
    would not do, or at the end.
    """
    learner = _Learner(segments, feeds, options, tell)
    try:
        learner.resume()
        for feed in feeds:
            feed.begin()
        while not learner.over(stopped):
            learner.turn()
        learner.drain()
        learner.close_interval()
        learner.refuse_loss()
    finally:
        for feed in feeds:
            feed.close()
        learner.join()


class _Learner:
    def __init__(
        self, segments: Segments, feeds: Sequence[Feed], options: LearnOptions, tell: Callable[[Interval], None]
    ) -> None:
        self._segments, self._feeds, self._options, self._tell = segments, feeds, options, tell
        self._begun = time.monotonic()
        self._clock, self._next = _Clock(), self._begun + options.every
        self._waiting: Observation | None = None
        self._unwritten = ""
        self._remarks: deque[str] = deque()
        self._others: list[StillOpen] = []
        self._merging: threading.Thread | None = None
        self._resumed: list[Gap] = []

    def resume(self) -> None:
        """Go on where the learner before this one ended; the time between is a gap of every feed."""
        held, now = read_open(self._segments.still_open()), pd.Timestamp(self._clock.day, tz="UTC")
        end = self._segments.end if held else None
        for feed in self._feeds:
            for before in [held.pop(key) for key in feed.keys if key in held]:
                if not feed.resume(before):
                    self._remarks.append(DAMAGED.format(feed.name))
                if not before.position and end is not None:
                    self._resumed.append(Gap(feed.name, end, max(now, end)))
        # of what is not watched this time; another day it may be
        self._others = list(held.values())

    def over(self, stopped: Callable[[], bool]) -> bool:
        """Return whether to stop."""
        seconds = self._options.seconds
        late = seconds is not None and time.monotonic() - self._begun >= seconds
        return late or stopped() or all(feed.ended for feed in self._feeds)

    def turn(self) -> None:
        """Take what comes for a moment; write an interval when it is over."""
        waits = max(0.0, min(_TURN, self._next - time.monotonic()))
        for feed in self._feeds:
            feed.wait(waits / len(self._feeds))
        if time.monotonic() >= self._next:
            self.close_interval()
            # one after a disk that was slow is as long as any other
            self._next = max(self._next, time.monotonic()) + self._options.every

    def drain(self) -> None:
        """Take what came a moment ago and is not handed over yet."""
        until = time.monotonic() + _HANDED_OVER
        while (left := until - time.monotonic()) > 0:
            for feed in self._feeds:
                feed.wait(left / len(self._feeds))

    def close_interval(self) -> None:
        """Write down what was seen since the last one."""
        before, self._clock = self._clock, _Clock()
        slept, was_set = self._clock.sentences(before)
        start, end = sorted(pd.Timestamp(clock.day, tz="UTC") for clock in (before, self._clock))
        told = [self._told(feed, Span(start, end), slept, was_set) for feed in self._feeds]
        seen = merge([one.observation for one in told])
        observation = seen if self._waiting is None else merge([self._waiting, seen])
        still_open = [one.still_open for one in told if one.still_open is not None]
        self._unwritten = self._write(observation, [*still_open, *self._others])
        late = [self._remarks.popleft() for _ in range(len(self._remarks))]
        remarks = (*late, *filter(None, (slept, was_set)), *(text for one in told for text in one.remarks))
        faults = tuple(one.fault for one in told if one.fault)
        self._tell(Interval(start, end, seen, (*remarks, *faults), self._unwritten, faults))
        if not self._unwritten:
            self._merge()

    def refuse_loss(self) -> None:
        """Raise where what still waits to be written is lost by the end."""
        if self._unwritten:
            raise PodfenceError(f"the last intervals are lost: {self._unwritten}")

    def _told(self, feed: Feed, span: Span, slept: str, was_set: str) -> Told:
        span.gaps += [gap for gap in self._resumed if gap.source == feed.name]
        for gap in span.gaps:
            span.ledger.event(feed.name, "gap", 0, f"nobody watched from {_second(gap.start)} to {_second(gap.end)}")
        self._resumed = [gap for gap in self._resumed if gap.source != feed.name]
        if slept:
            span.gaps.append(Gap(feed.name, span.start, span.end))
            span.ledger.event(feed.name, "gap", 0, slept)
        if was_set:
            span.ledger.event(feed.name, "clock", 0, was_set)
        return feed.tell(span)

    def _write(self, observation: Observation, still_open: Sequence[StillOpen]) -> str:
        """Write an interval; return why it could not be, and keep it for the next one."""
        try:
            self._segments.add(observation, stored(still_open))
        except PodfenceError as fault:
            if len(observation.flows) > _MOST_WAITING:
                raise
            self._waiting = observation
            return str(fault)
        self._waiting = None
        return ""

    def _merge(self) -> None:
        """Merge older segments behind the back of what goes on."""
        if self._merging is not None and self._merging.is_alive():
            return
        self._merging = threading.Thread(target=self._merged, name="podfence merges", daemon=True)
        self._merging.start()

    def _merged(self) -> None:
        try:
            self._segments.merge()
        except PodfenceError as fault:
            self._remarks.append(f"segments are not merged: {fault}")

    def join(self) -> None:
        """Wait until nothing is merged any more."""
        if self._merging is not None:
            self._merging.join()


def _second(time: pd.Timestamp | None) -> str:
    return "the beginning" if time is None else f"{time:%Y-%m-%dT%H:%M:%SZ}"
