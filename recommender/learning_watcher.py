"""Turns the intervals of `podfence learn` into what its user, other programs, a probe and a bucket are told of it."""

import argparse
import shlex
import threading
import time
from pathlib import Path

from collectors.errors import PodfenceError
from collectors.learning import Interval
from recommender import learning_words as words
from recommender.learning_judge import STABLE_IN_A_ROW, Judge, Judgement, rule
from recommender.learning_progress import Counting
from recommender.learning_screen import Screen

_LATE = 3
"""Intervals without one that ended before /healthz says that something is wrong."""


class Watcher:
    """Tells whoever watches where the learner stands."""

    def __init__(
        self, given: argparse.Namespace, inventory: Path | None, screen: Screen, stop: threading.Event
    ) -> None:
        self._given, self._inventory, self._screen, self._stop = given, inventory, screen, stop
        self._counting = Counting()
        self.faults: list[str] = []
        """Why feeds ended before their time."""
        judged = inventory is not None or given.review is not None
        self._judge = Judge(given.output, inventory, given.review, given.judge_every) if judged else None
        self._enough = rule(STABLE_IN_A_ROW)
        self._last = time.monotonic()
        self._pushing: threading.Thread | None = None

    def tell(self, interval: Interval) -> None:
        """Tell what an interval came to."""
        now = self._last = time.monotonic()
        progress = self._counting.take(interval)
        if self._given.json:
            self._screen.show(words.interval_event(interval, progress))
        for remark in interval.remarks:
            self._screen.say(remark)
        self.faults += interval.faults
        self._ask(now)
        self._push()
        self._screen.status(words.status_line(self._counting.progress), also_to_logs=not self._given.json)

    def answer(self, path: str) -> tuple[int, str] | None:
        """Return what is answered at a path."""
        progress = self._counting.progress
        if path == "/metrics":
            return 200, words.metrics_text(progress)
        if path != "/healthz":
            return None
        silent = time.monotonic() - self._last
        if silent > _LATE * self._given.every + 30:
            return 503, f"no interval has ended for {silent:.0f} s\n"
        return (503, f"not written: {progress.unwritten}\n") if progress.unwritten else (200, "ok\n")

    def end(self) -> None:
        """Say what there is now, and what to do with it."""
        self._screen.end()
        if self._pushing is not None:
            self._pushing.join()
            self._pushed()
        if self._judge is not None:
            judgement = self._judge.last()
            self._judged(judgement)
            self._screen.say(words.judgement_text(judgement))
        progress, given = self._counting.progress, self._given
        lost = f", {progress.drops:,} dropped" if progress.drops else ""
        self._screen.say(f"{progress.packets:,} packets and records{lost}, {progress.known:,} distinct connections; "
                  f"written to {given.output}")  # fmt: skip
        inventory = "INVENTORY" if self._inventory is None else shlex.quote(str(self._inventory))
        self._screen.say(f"next: podfence suggest {shlex.quote(str(given.output))} --inventory {inventory} -o REVIEW")

    def _ask(self, now: float) -> None:
        if self._judge is None:
            return
        judgement = self._judge.taken(now)
        if judgement is not None:
            self._judged(judgement)
            if self._enough(judgement) and self._given.until:
                self._screen.say("coverage is stable, by two judgements in a row: learning ends")
                self._stop.set()
        self._judge.ask(now)

    def _judged(self, judgement: Judgement) -> None:
        self._counting.judged(judgement)
        if self._given.json:
            self._screen.show(words.judgement_event(judgement))

    def _push(self) -> None:
        """Mirror the store, behind the back of what goes on."""
        if not self._given.push or (self._pushing is not None and self._pushing.is_alive()):
            return
        self._pushing = threading.Thread(target=self._pushed, name="podfence pushes", daemon=True)
        self._pushing.start()

    def _pushed(self) -> None:
        from collectors.pushing import push  # noqa: PLC0415 - late: seldom wanted

        try:
            push(self._given.output, self._given.push)
        except PodfenceError as fault:
            self._screen.say(f"not pushed: {fault}")
