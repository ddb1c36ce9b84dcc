"""Turns nothing by itself: what coverage asks for (CoverageOptions) and what it finds (Coverage)."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from collectors.inventory import WorkloadRef
from recommender.coverage_inputs import Loss, Partial, Unwatched
from recommender.unseen import Unseen

Verdict = Literal["learning", "stabilising", "stable"]
VERDICTS: tuple[Verdict, ...] = ("learning", "stabilising", "stable")
"""From worst to best."""

_DAY, _HOUR, _MINUTES = pd.Timedelta(days=1), pd.Timedelta(hours=1), pd.Timedelta(minutes=5)


@dataclass(frozen=True)
class Thresholds:
    """What a verdict asks for.

    `unseen`: the upper bound of the chance that the next sighting is of an unseen edge; `quiet`: the share of the
    watched time since the newest edge was first seen; `watched`: how long was watched at all.
    """

    unseen: float
    quiet: float
    watched: pd.Timedelta


_STABLE, _STABILISING = Thresholds(0.01, 0.5, _DAY), Thresholds(0.10, 0.25, _HOUR)


@dataclass(frozen=True)
class CoverageOptions:
    """`stable` also asks for no unwatched CronJob period, nothing sampled, no source that lost over `lost_share`.

    `confidence` is that of each bound by itself. A break between captures of up to `pause` is none. `points` is the
    number of equal slices of the window that a curve has.
    """

    stable: Thresholds = _STABLE
    stabilising: Thresholds = _STABILISING
    confidence: float = 0.95
    lost_share: float = 0.001
    pause: pd.Timedelta = _MINUTES
    points: int = 24


@dataclass(frozen=True)
class Seen:
    """What was seen of one workload, or of all: its edges are the communications that it is an end of.

    `watched` counts from when its first pod is known, without the pauses between captures; `quiet` is the part of it
    after `newest`, when the newest edge was first seen. `curve` is the number of edges seen up to the end of each
    slice of the window.
    """

    connections: int
    unseen: Unseen
    newest: pd.Timestamp | None
    watched: pd.Timedelta
    quiet: pd.Timedelta
    curve: tuple[int, ...] = ()


@dataclass(frozen=True)
class WorkloadCoverage:
    """One workload's coverage; `reason` is a sentence that says what the verdict lacks, or what it rests on."""

    workload: WorkloadRef
    seen: Seen
    verdict: Verdict
    reason: str


@dataclass(frozen=True)
class Coverage:
    """The coverage of an observation; `verdict` is the worst of any workload's, `counts` has how many have each.

    `silent` workloads could be selected by a policy and had no traffic. `left_out` are communications that worked
    and are no edges here: of the pod's own node, hairpin, not routed, or with neither side known as initiator.
    """

    seen: Seen
    workloads: tuple[WorkloadCoverage, ...] = ()
    silent: tuple[WorkloadRef, ...] = ()
    unwatched: tuple[Unwatched, ...] = ()
    losses: tuple[Loss, ...] = ()
    sampled: int = 0
    """Edges that a source which keeps one of many packets or connections speaks of."""
    kept: float = 1.0
    """The least share that a source keeps: 1/N."""
    partial: tuple[Partial, ...] = ()
    """Sources whose kind of log shows a part of the traffic only."""
    left_out: int = 0
    inventory_gaps: int = 0
    start: pd.Timestamp | None = None
    end: pd.Timestamp | None = None
    options: CoverageOptions = CoverageOptions()

    @property
    def counts(self) -> Mapping[Verdict, int]:
        """How many workloads have each verdict, worst first, all three named."""
        found = Counter(entry.verdict for entry in self.workloads)
        return {verdict: found[verdict] for verdict in VERDICTS}

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of any workload; `learning` where there is none."""
        return next((verdict for verdict, count in self.counts.items() if count), "learning")
