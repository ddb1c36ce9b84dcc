"""Turns inventory and window into what coverage must know of them: schedules, losses, and since when who was there."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pandas as pd

from collectors.inventory import Inventory, WorkloadRef
from collectors.observation import ObservationWindow
from recommender.phrases import bounded, duration, often
from recommender.schedules import longest_gap
from recommender.source_facts import PARTIAL

_NONE = pd.Timedelta(0)


@dataclass(frozen=True)
class Unwatched:
    """A CronJob that need not have run while it was watched; `gap` is None where its schedule is not understood."""

    workload: WorkloadRef
    schedule: str
    gap: pd.Timedelta | None
    watched: pd.Timedelta

    @property
    def reason(self) -> str:
        """What was not seen, as a sentence without its full stop."""
        if not self.schedule:
            return "when it runs is not known"
        if self.gap is None:
            return f"its schedule {bounded(self.schedule)!r} is not understood, or never comes"
        return f"it runs {often(self.gap)}, watched without a break for {duration(self.watched)}"


@dataclass(frozen=True)
class Loss:
    """A source that lost packets or events; `share` is of all that it should have had, None where it does not say.

    `during` is the time of all its gaps together, as far as they have times.
    """

    source: str
    lost: int
    share: float | None
    during: pd.Timedelta = _NONE


@dataclass(frozen=True)
class Partial:
    """A source whose kind of log shows a part of the traffic only; `what` is the end of a sentence that says so."""

    source: str
    what: str


def partial(window: ObservationWindow) -> tuple[Partial, ...]:
    """Return the sources of kinds that show a part only, by name."""
    found = {Partial(source.name, PARTIAL[source.kind]) for source in window.sources if source.kind in PARTIAL}
    return tuple(sorted(found, key=lambda one: (one.source, one.what)))


def unwatched(inventory: Inventory, longest: pd.Timedelta) -> tuple[Unwatched, ...]:
    """Return the CronJobs whose longest time between two runs is longer than was watched without a break."""
    own = {pod.workload for pod in inventory.pods if pod.workload.kind == "CronJob"}
    refs = sorted(own | {ref for ref in inventory.workloads if ref.kind == "CronJob"})
    return tuple(_unwatched(refs, inventory, longest))


def _unwatched(refs: list[WorkloadRef], inventory: Inventory, longest: pd.Timedelta) -> Iterator[Unwatched]:
    for ref in refs:
        schedule = inventory.workloads[ref].schedule if ref in inventory.workloads else ""
        gap = longest_gap(schedule)
        if gap is None or gap > longest:
            yield Unwatched(ref, schedule, gap, longest)


def losses(window: ObservationWindow) -> tuple[Loss, ...]:
    """Return the sources that lost something, by name.

    A gap may say again what the drops of its source say: the larger of the two counts. Of one that does not say how
    much was lost, its share of the time of its source counts in its place, if that is known.
    """
    drops: dict[str, int] = {}
    read: dict[str, int] = {}
    times: dict[str, pd.Timedelta] = {}
    for source in window.sources:
        drops[source.name] = drops.get(source.name, 0) + source.drops
        read[source.name] = read.get(source.name, 0) + source.packets
        if source.start is not None and source.end is not None:
            times[source.name] = times.get(source.name, _NONE) + (source.end - source.start)
    told: dict[str, int] = {}
    spans: dict[str, list[tuple[pd.Timestamp, pd.Timestamp]]] = {}
    unseen: dict[str, list[tuple[pd.Timestamp, pd.Timestamp]]] = {}
    silent = set()
    for gap in window.gaps:
        told[gap.source] = told.get(gap.source, 0) + (gap.lost or 0)
        if gap.start is not None and gap.end is not None:
            spans.setdefault(gap.source, []).append((gap.start, gap.end))
            if gap.lost is None:
                unseen.setdefault(gap.source, []).append((gap.start, gap.end))
        elif gap.lost is None:
            silent.add(gap.source)
    found = []
    for name in sorted({*drops, *told}):
        lost, away = max(drops.get(name, 0), told.get(name, 0)), _together(unseen.get(name, ()))
        known = name not in silent and name in read and (not away or times.get(name, _NONE) > _NONE)
        share = max(lost / max(1, lost + read[name]), min(1.0, away / times[name]) if away else 0.0) if known else None
        if lost or away or name in silent:
            found.append(Loss(name, lost, share, _together(spans.get(name, ()))))
    return tuple(found)


def _together(spans: Iterable[tuple[pd.Timestamp, pd.Timestamp]]) -> pd.Timedelta:
    """Return how long some spans last together; where they overlap they count once."""
    total, reach = _NONE, None
    for start, end in sorted(spans):
        begin = start if reach is None else max(start, reach)
        total += max(end - begin, _NONE)
        reach = end if reach is None else max(end, reach)
    return total


def selectable(inventory: Inventory) -> set[WorkloadRef]:
    """Return the workloads that a policy could select: with labels, and not on the host network alone."""
    host: set[WorkloadRef] = set()
    own: set[WorkloadRef] = set()
    labelled: set[WorkloadRef] = set()
    for pod in inventory.pods:
        (host if pod.host_network else own).add(pod.workload)
        if pod.labels and not pod.host_network:
            labelled.add(pod.workload)
    labelled |= {ref for ref, workload in inventory.workloads.items() if workload.template_labels}
    return labelled - (host - own)


def joined(inventory: Inventory) -> dict[WorkloadRef, int]:
    """Return when the first pod of each workload is known to have been there, in nanoseconds; 0 = since ever.

    Workloads without any pod are left out, and CronJobs: those are there while no pod of theirs is.
    """
    found: dict[WorkloadRef, int] = {}
    for pod in inventory.pods:
        if pod.workload.kind == "CronJob":
            continue
        start = 0 if pod.start is None else pod.start.value
        found[pod.workload] = min(start, found.get(pod.workload, start))
    return found
