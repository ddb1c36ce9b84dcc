"""Turns a learning store, as it is now, into what stopping now would come to, by a process of its own.

Weeks of flows would otherwise stay in the memory of a program that is to run for weeks.
"""

import os
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from collectors.errors import PodfenceError

STABLE_IN_A_ROW = 2
"""Judgements that must all say `stable` before learning ends by itself."""


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
    os.nice(10)  # what is learnt comes first
    from collectors.store import load  # noqa: PLC0415 - late: in its own process
    from recommender.coverage import coverage  # noqa: PLC0415 - as above
    from recommender.pipeline import RunOptions  # noqa: PLC0415 - as above
    from recommender.review import review as reviewed  # noqa: PLC0415 - as above
    from recommender.sightings import sightings  # noqa: PLC0415 - as above
    from recommender.stages import suggested  # noqa: PLC0415 - as above
    from recommender.store import load_decisions  # noqa: PLC0415 - as above

    try:
        observation = load(store)
        known = RunOptions().known(inventory, observation)
        found = suggested(observation, known)
        covered = coverage(found.communications, known, observation.window, sightings(found.resolved))
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


_Asked = tuple[float, ProcessPoolExecutor, "Future[Judgement]"]
"""When something was asked, by what process, and the answer to come."""


class Judge:
    """Asks for a judgement every so often, one at a time; `taken` hands it out when it is there."""

    def __init__(self, store: Path, inventory: Path | None, review: Path | None, every: float) -> None:
        self._what = (store, inventory, review)
        self._every = every
        self._next = 0.0
        self._asked: _Asked | None = None

    def ask(self, now: float) -> None:
        """Ask, if it is time (seconds of a clock that only goes forward) and nothing is being asked."""
        if self._asked is None and now >= self._next:
            pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"))
            self._asked = now, pool, pool.submit(judge, *self._what)

    def last(self) -> Judgement:
        """Return the judgement of all that there is, when nothing more comes."""
        if self._asked is not None:
            self._finished(self._asked)
        pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"))
        return self._finished((0.0, pool, pool.submit(judge, *self._what)))

    def taken(self, now: float) -> Judgement | None:
        """Return a judgement that has come since it was asked."""
        if self._asked is None or not self._asked[2].done():
            return None
        begun = self._asked[0]
        found = self._finished(self._asked)
        # never more than a tenth of the time
        self._asked, self._next = None, max(begun + self._every, now + 9 * (now - begun))
        return found

    @staticmethod
    def _finished(asked: "_Asked") -> Judgement:
        _, pool, future = asked
        try:
            found = future.result()
        except Exception as fault:  # noqa: BLE001 - a process that was killed, for want of memory most of all
            found = Judgement(fault=f"the judging process ended: {fault}")
        pool.shutdown()
        return found


def rule(judgements: int) -> Callable[[Judgement], bool]:
    """Return whether so many judgements in a row said `stable`, told one after the other."""
    said: list[bool] = []

    def enough(judgement: Judgement) -> bool:
        said.append(judgement.verdict == "stable")
        return len(said) >= judgements and all(said[-judgements:])

    return enough
