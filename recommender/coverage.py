"""Turns communications into coverage: whether the learning has lasted long enough, for each workload and in all.

docs/coverage.md tells users what each number means.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter

import numpy as np
import pandas as pd

from collectors.inventory import Inventory, WorkloadRef
from collectors.observation import ObservationWindow
from recommender.communications import AddressPeer, Communication, meaning
from recommender.coverage_inputs import Loss, Partial, Unwatched, joined, losses, partial, selectable, unwatched
from recommender.coverage_model import Coverage, CoverageOptions, Seen, WorkloadCoverage
from recommender.coverage_words import shortfalls, silence, steady
from recommender.phrases import in_gaps, kept
from recommender.sightings import Sightings
from recommender.spans import Array
from recommender.unseen import unseen_by_group
from recommender.watched import Watched, watched


def coverage(
    communications: Iterable[Communication],
    inventory: Inventory,
    window: ObservationWindow,
    sightings: Sightings,
    options: CoverageOptions | None = None,
) -> Coverage:
    """Return whether the learning has lasted long enough; `sightings` are those of the same flows.

    A communication without sightings (it began before the window) counts as seen once.
    """
    options = options or CoverageOptions()
    told = sorted(((meaning(c), c) for c in communications if c.evidence.worked), key=itemgetter(0))
    keyed = [(key, communication) for key, communication in told if _is_edge(communication)]
    edges = [communication for _, communication in keyed]
    able = selectable(inventory)
    refs = sorted(able | {end for c in edges for end in (c.src, c.dst) if isinstance(end, WorkloadRef)})
    spans = watched(window, options.pause)
    counts = [max(1, sightings.get(key, 1)) for key, _ in keyed]
    table = _Table(edges, refs, counts, joined(inventory), window, spans, options)
    every, own = table.seen()
    lost = losses(window)
    late = unwatched(inventory, pd.Timedelta(spans.longest))
    parts, least = partial(window), min((edge.evidence.kept for edge in edges), default=1.0)
    doubts = _doubts(edges, refs, table, _Sources(window, lost, parts, least, options), late)
    judged = tuple(_judge(ref, seen, doubts.get(ref, ()), options) for ref, seen in zip(refs, own, strict=True))
    return Coverage(
        seen=every,
        workloads=judged,
        silent=tuple(entry.workload for entry in judged if not entry.seen.unseen.edges and entry.workload in able),
        unwatched=late,
        losses=lost,
        sampled=sum(edge.evidence.sampled for edge in edges),
        kept=least,
        partial=parts,
        left_out=len(told) - len(edges),
        inventory_gaps=inventory.gaps,
        start=window.start,
        end=window.end,
        options=options,
    )


def _is_edge(communication: Communication) -> bool:
    """Return whether a policy would meet this traffic, and who began it is known: a client port is no edge."""
    ends = (communication.src, communication.dst)
    routed = not any(isinstance(end, AddressPeer) and end.kind in _NOT_ROUTED for end in ends)
    oriented = not _UNKNOWN.issuperset(communication.evidence.orientations)
    return routed and oriented and _INSIDE.isdisjoint(communication.notes)


_NOT_ROUTED = frozenset({"multicast", "broadcast", "loopback"})
_UNKNOWN = frozenset({"unknown"})
_INSIDE = frozenset({"node_local", "hairpin"})


class _Table:
    """The edges as columns, so that thousands of workloads are counted at once; group 0 is all, then each workload."""

    def __init__(
        self,
        edges: Sequence[Communication],
        refs: Sequence[WorkloadRef],
        counts: Sequence[int],
        since: Mapping[WorkloadRef, int],
        window: ObservationWindow,
        spans: Watched,
        options: CoverageOptions,
    ) -> None:
        number = {ref: at for at, ref in enumerate(refs, start=1)}
        self.ends = [_numbers(edge, number) for edge in edges]
        own = [1 + len(groups) for groups in self.ends]
        self.edge, self.groups = np.repeat(np.arange(len(edges)), own), len(refs) + 1
        self.group = np.array([group for groups in self.ends for group in (0, *groups)], dtype=np.int64)
        self._edges, self._spans, self._options = edges, spans, options
        self._counts = np.array(counts, dtype=np.int64)
        self._first = np.array([edge.evidence.first_seen.value for edge in edges], dtype=np.int64)
        self._window = _bounds(window, self._first)
        self._since = np.array([self._window[0], *(since.get(ref, self._window[0]) for ref in refs)], dtype=np.int64)

    def seen(self) -> tuple[Seen, list[Seen]]:
        """Return what was seen in all, and of each workload."""
        own = [edge.evidence.successes for edge in self._edges]
        connections = np.bincount(self.group, weights=np.array(own)[self.edge] if own else None, minlength=self.groups)
        estimates = unseen_by_group(self.group, self._counts[self.edge], self.groups, self._options.confidence)
        newest = np.full(self.groups, -1, dtype=np.int64)
        np.maximum.at(newest, self.group, self._first[self.edge])
        whole = self._spans.total - self._spans.before(self._since)
        quiet = self._spans.total - self._spans.before(np.maximum(newest, self._since))
        columns = (connections, newest, whole, quiet)
        rows = zip(estimates, *(column.astype(np.int64).tolist() for column in columns), self._curves(), strict=True)
        every, *rest = [
            Seen(
                connections=int(count),
                unseen=estimate,
                newest=pd.Timestamp(new, tz="UTC") if estimate.edges else None,
                watched=pd.Timedelta(all_of_it),
                quiet=pd.Timedelta(since_new),
                curve=tuple(curve),
            )
            for estimate, count, new, all_of_it, since_new, curve in rows
        ]
        return every, rest

    def _curves(self) -> list[list[int]]:
        points, (start, end) = self._options.points, self._window
        width = max(1, -(-(end - start) // points))
        # A slice holds its end, so that the first edge is in the first one and the last edge in the last.
        place = np.clip(-(-(self._first - start) // width) - 1, 0, points - 1)
        flat = np.bincount(self.group * points + place[self.edge], minlength=self.groups * points)
        return [list(map(int, row)) for row in flat.reshape(self.groups, points).cumsum(axis=1).tolist()]


def _numbers(edge: Communication, number: Mapping[WorkloadRef, int]) -> tuple[int, ...]:
    """Return the groups of the workloads at an edge's ends, one that talks to itself once."""
    found = [number[end] for end in (edge.src, edge.dst) if isinstance(end, WorkloadRef)]
    return tuple(found[:1] if edge.src == edge.dst else found)


def _bounds(window: ObservationWindow, first: Array) -> tuple[int, int]:
    if window.start is not None and window.end is not None:
        return window.start.value, window.end.value
    return (int(first.min()), int(first.max())) if len(first) else (0, 0)


@dataclass(frozen=True)
class _Sources:
    """What the sources of a window are known not to show."""

    window: ObservationWindow
    lost: Sequence[Loss]
    parts: Sequence[Partial]
    kept: float
    options: CoverageOptions

    def doubts(self, edges: Sequence[Communication]) -> list[str]:
        """Return what speaks against a workload with these edges; one without any may be in any of the sources."""
        share = min((edge.evidence.kept for edge in edges), default=self.kept)
        found = [f"a source of it keeps {kept(share)}, where absence proves nothing"] if share < 1 else []
        names = {name for edge in edges for name in edge.evidence.sources}
        poor = [loss for loss in self.lost if loss.share is None or loss.share > self.options.lost_share]
        if own := [loss for loss in poor if not edges or loss.source in names]:
            found.append(f"a source of it lost packets or events{in_gaps(max(loss.during for loss in own))}")
        told = {one.source: one.what for one in self.parts}
        if told and (names or {source.name for source in self.window.sources}) <= told.keys():
            whats = sorted({told[name] for name in names or told})
            found.append(f"no source of it shows everything: one {' and one '.join(whats)}")
        return found


def _doubts(
    edges: Sequence[Communication],
    refs: Sequence[WorkloadRef],
    table: _Table,
    sources: _Sources,
    late: Sequence[Unwatched],
) -> dict[WorkloadRef, tuple[str, ...]]:
    """Return what else speaks against a workload being stable: sentences without their full stop."""
    own: dict[int, list[Communication]] = {}
    for edge, groups in zip(edges, table.ends, strict=True):
        for group in groups:
            own.setdefault(group, []).append(edge)
    found: dict[WorkloadRef, list[str]] = {entry.workload: [entry.reason] for entry in late}
    for at, ref in enumerate(refs, start=1):
        found.setdefault(ref, []).extend(sources.doubts(own.get(at, ())))
    return {ref: tuple(sentences) for ref, sentences in found.items()}


def _judge(ref: WorkloadRef, seen: Seen, doubts: Sequence[str], options: CoverageOptions) -> WorkloadCoverage:
    if not seen.unseen.edges:
        long = seen.watched >= options.stable.watched and not doubts
        return WorkloadCoverage(ref, seen, "stabilising" if long else "learning", silence(seen, doubts))
    basic = shortfalls(seen, options.stabilising)
    if basic:
        return WorkloadCoverage(ref, seen, "learning", f"Still learning: {'; '.join([*basic, *doubts])}.")
    lacking = [*shortfalls(seen, options.stable), *doubts]
    if lacking:
        return WorkloadCoverage(ref, seen, "stabilising", f"Not yet stable: {'; '.join(lacking)}.")
    return WorkloadCoverage(ref, seen, "stable", steady(seen))
