"""Turns what the threads of one watch share into one place: timeline, counts, pace, what is said and how often."""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from collectors.cluster import Api
from collectors.timeline import Closed, Timeline

AT_ONCE = timedelta(seconds=5)
"""An event that comes in a stream opened this long after the last sure moment may have happened in between."""
_LONGEST_RETRY_AFTER = 300.0


class Recorder(Protocol):
    """Where kinds that cannot be watched are told."""

    def add(self, kind: str, reason: str) -> None:
        """Tell that a kind cannot be watched."""

    def remove(self, kind: str) -> None:
        """Tell that a kind can be watched."""


@dataclass(frozen=True)
class Pace:
    """How long the watch waits, in seconds: between tries (doubling from `first` to `most`), for a missing kind."""

    first: float = 1.0
    most: float = 60.0
    missing: float = 600.0
    stream: int = 300
    sleep: Callable[[threading.Event, float], object] = threading.Event.wait
    jitter: Callable[[], float] = random.random

    def delay(self, failures: int, retry_after: float | None = None) -> float:
        """Return how long to wait after so many failures in a row; never less than the server asks for."""
        wait = min(self.most, self.first * 2.0 ** min(max(failures - 1, 0), 32)) * (0.5 + self.jitter() / 2)
        return max(wait, min(retry_after or 0.0, _LONGEST_RETRY_AFTER))


@dataclass
class Shared:
    """What the threads of one watch share; `halt` ends them all."""

    api: Api
    timeline: Timeline
    missing: Recorder
    pace: Pace
    say: Callable[[str], None]
    halt: threading.Event = field(default_factory=threading.Event)
    failures: list[BaseException] = field(default_factory=list)
    _guard: threading.Lock = field(default_factory=threading.Lock)
    written: int = 0
    unchanged: int = 0
    _ailing: dict[str, str] = field(default_factory=dict)
    _recovered: dict[str, list[str]] = field(default_factory=dict)
    _stalls: int = 0
    _pulse: float = 0.0

    def pulse(self) -> None:
        """Tell that the process runs; a long time since the last pulse means that it stood still (suspended)."""
        with self._guard:
            self._notice()
            self._pulse = time.time()

    def stalls(self) -> int:
        """Return how often the process has stood still, also if it only just goes on."""
        with self._guard:
            self._notice()
            return self._stalls

    def _notice(self) -> None:
        # a clock that goes on while the machine sleeps, which the monotonic one does not
        now = time.time()
        if self._pulse and now - self._pulse > AT_ONCE.total_seconds():
            self._stalls += 1
            self._pulse = now  # whoever notices counts: another stall before the next pulse is another one

    def fail(self, fault: BaseException) -> None:
        """End the watch with this fault; what comes after the end is no fault."""
        with self._guard:
            if not (self.halt.is_set() and isinstance(fault, Closed)):
                self.failures.append(fault)
            self.halt.set()

    def stopped(self, kind: str, reason: str, sentence: str) -> None:
        """Say that a kind cannot be watched for now; what ails several kinds alike is said of the first."""
        with self._guard:
            is_news = reason not in self._ailing.values()
            self._ailing[kind] = reason
        if is_news:
            self.say(f"{sentence}; trying again until it works")

    def goes_on(self, kind: str) -> None:
        """Say that a kind is watched again, and all that had the same fault with the last of them."""
        with self._guard:
            reason = self._ailing.pop(kind, "")
            others = self._recovered.setdefault(reason, [])
            others.append(kind)
            if reason and reason in self._ailing.values():
                return
            del self._recovered[reason]
        self.say(f"{', '.join(sorted(others))}: watched again")

    def count(self, *, written: bool) -> None:
        """Count one event as written, or as one that changed nothing."""
        with self._guard:
            self.written += written
            self.unchanged += not written
