"""Turns a learning store, as it is now, into what stopping now would come to, by a process of its own.

Weeks of flows would otherwise stay in the memory of a program that is to run for weeks.
"""

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path

from collectors.errors import PodfenceError

STABLE_IN_A_ROW = 2
"""Judgements that must all say `stable` before learning ends by itself."""
_PAUSES = 9
"""How many times as long as a judgement took none is asked for: it takes no more than a tenth of the time."""


@dataclass(frozen=True)
class Judgement:
    """What suggestions there would be now, and whether coverage says that it is enough.

    `open`: suggestions that the decisions of a review folder do not speak of, None without one. `fault` is why nothing
    could be said.
    """

    verdict: str = ""
    workloads: tuple[tuple[str, int], ...] = ()
    """How many workloads have each verdict, worst first."""
    communications: int = 0
    suggestions: int = 0
    open: int | None = None
    reason: str = ""
    """What the worst workload lacks."""
    fault: str = ""


def judge(store: Path, inventory: Path | None, review: Path | None) -> Judgement:
    """Return what stopping now would come to."""
    from collectors.store import opened  # noqa: PLC0415 - late: only the process that judges needs it
    from recommender.coverage import coverage  # noqa: PLC0415 - as above
    from recommender.pipeline import RunOptions  # noqa: PLC0415 - as above
    from recommender.review import review as reviewed  # noqa: PLC0415 - as above
    from recommender.stages import suggested  # noqa: PLC0415 - as above
    from recommender.store import load_decisions  # noqa: PLC0415 - as above

    try:
        observation = opened(store)
        known = RunOptions().known(inventory, observation)
        found = suggested(observation, known)
        covered = coverage(found.communications, known, observation.window, found.sightings)
        undecided = None if review is None else reviewed(found.suggestions, load_decisions(review)).undecided
    except (PodfenceError, OSError) as fault:
        return Judgement(fault=str(fault))
    worst = next((entry.reason for entry in covered.workloads if entry.verdict == covered.verdict), "")
    return Judgement(
        covered.verdict,
        tuple(covered.counts.items()),
        len(found.communications),
        len(found.suggestions.items),
        None if undecided is None else len(undecided),
        worst,
    )


class Judge:
    """Asks for a judgement every so often, one at a time; `taken` hands it out when it is there."""

    def __init__(self, store: Path, inventory: Path | None, review: Path | None, every: float) -> None:
        self._what = (store, inventory, review)
        self._every = every
        self._next = 0.0
        self._begun = 0.0
        self._asked: _Asked | None = None

    def ask(self, now: float) -> None:
        """Ask, if it is time (seconds of a clock that only goes forward) and nothing is being asked."""
        if self._asked is None and now >= self._next:
            self._begun, self._asked = now, _Asked(*self._what)

    def taken(self, now: float) -> Judgement | None:
        """Return a judgement that has come since it was asked."""
        if self._asked is None or not self._asked.is_answered():
            return None
        found, self._asked = self._asked.answer(), None
        self._next = max(self._begun + self._every, now + _PAUSES * (now - self._begun))
        return found

    def last(self) -> Judgement:
        """Return the judgement of all that there is, when nothing more comes."""
        self.close()
        return _Asked(*self._what).answer()

    def close(self) -> None:
        """Wait for no answer any more."""
        if self._asked is not None:
            self._asked.give_up()
            self._asked = None


class _Asked:
    """A process that judges."""

    def __init__(self, store: Path, inventory: Path | None, review: Path | None) -> None:
        context = get_context("spawn")
        self._answer, told = context.Pipe(duplex=False)
        self._process: SpawnProcess = context.Process(
            target=_judging, args=(told, store, inventory, review), name="podfence judges", daemon=True
        )
        resource_tracker.ensure_running()  # now, since it would let SIGINT through again
        # A terminal sends Ctrl-C to every process; when this one ends is for the learner to say.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            told.close()

    def is_answered(self) -> bool:
        """Return whether there is an answer, or none to come."""
        return self._answer.poll()

    def answer(self) -> Judgement:
        """Return the answer; waits for it."""
        try:
            found: Judgement = self._answer.recv()
        except EOFError:
            self._process.join()
            why = f"the judging process ended with status {self._process.exitcode}"
            found = Judgement(fault=f"{why}, for want of memory most likely")
        self.give_up()
        return found

    def give_up(self) -> None:
        """End the process."""
        self._answer.close()
        self._process.terminate()
        self._process.join()
        self._process.close()


def _judging(told: Connection, store: Path, inventory: Path | None, review: Path | None) -> None:
    os.nice(10)  # what is learnt comes first
    told.send(judge(store, inventory, review))
    told.close()


def rule(judgements: int) -> Callable[[Judgement], bool]:
    """Return whether so many judgements in a row said `stable`, told one after the other."""
    in_a_row = 0

    def enough(judgement: Judgement) -> bool:
        nonlocal in_a_row
        in_a_row = in_a_row + 1 if judgement.verdict == "stable" else 0
        return in_a_row >= judgements

    return enough
