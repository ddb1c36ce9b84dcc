"""Turns coverage into its part of the page: the verdict, the estimate, the curve of new edges, every workload."""

from collections.abc import Mapping, Sequence

import pandas as pd

from collectors.inventory import WorkloadRef
from recommender.coverage_model import VERDICTS, Coverage, WorkloadCoverage
from recommender.coverage_words import estimate, warnings
from recommender.phrases import bounded, duration, percent
from recommender.report.markup import Child, Html, join, tag
from recommender.report.tables import end_name, said, table, time
from recommender.report.words import plural

MOST_ROWS = 1000
"""More workloads than this no table shows: those with the worst verdict come first."""
_BADGES = {"learning": "badge denied", "stabilising": "badge open", "stable": "badge allowed"}
_MEANING = (
    "An edge is who, whom, protocol and port; a sighting is an edge in a minute in which one of its connections began. "
    "The chance is Good and Turing's estimate; the bound holds with the confidence given. It speaks of more time like "
    "this one: of a job that runs at another time, or of the next release, it knows nothing."
)


def coverage_part(coverage: Coverage, ids: Mapping[WorkloadRef, str] | None = None) -> Html:
    """Return the part; `ids` are the anchors of the workloads on the page.

    A picture is left out where nothing was seen.
    """
    counts = ", ".join(f"{count:,} {verdict}" for verdict, count in coverage.counts.items() if count)
    shown = f"workloads: {counts}" if counts else "no workload is known"
    seen, limits = coverage.seen, warnings(coverage)
    return join(
        [
            tag("p", _badge(coverage.verdict), f" {shown}"),
            tag("p", estimate(seen, coverage.options.confidence)),
            _figure(coverage) if seen.unseen.edges else None,
            tag("ul", [tag("li", sentence) for sentence in limits]) if limits else None,
            tag("p", _MEANING, class_="dim"),
            _workloads(coverage, ids or {}),
            _cronjobs(coverage, ids or {}),
        ]
    )


def _badge(verdict: str) -> Html:
    return tag("span", verdict, class_=_BADGES[verdict])


def _figure(coverage: Coverage) -> Html:
    curve = coverage.seen.curve
    label = f"Edges seen over time: {plural(curve[-1], 'edge')} at the end, {curve[len(curve) // 2 - 1]:,} at half time"
    return tag(
        "figure",
        _curve(curve, 560, 120, label),
        tag("figcaption", f"{label}. {_moment(coverage.start)} to {_moment(coverage.end)}.", class_="dim"),
    )


def _moment(stamp: pd.Timestamp | None) -> str:
    return f"{time(stamp)} UTC" if stamp is not None else "time not known"


def _curve(curve: Sequence[int], width: int, height: int, label: str) -> Html:
    """Return the curve as a line from nothing at the start to all edges at the end."""
    top, last = max(curve[-1], 1), len(curve)
    points = [(0, height - 1)]
    points += [(round(width * at / last), round(1 + (height - 2) * (1 - n / top))) for at, n in enumerate(curve, 1)]
    # Of a level stretch only both ends: most curves are flat for most of their length.
    kept = [p for at, p in enumerate(points) if at in {0, last} or not points[at - 1][1] == p[1] == points[at + 1][1]]
    line = tag("polyline", points=" ".join(f"{x},{y}" for x, y in kept))
    return tag(
        "svg", line, viewBox=f"0 0 {width} {height}", width=width, height=height, class_="curve", role="img",
        aria_label=label,
    )  # fmt: skip


def _workloads(coverage: Coverage, ids: Mapping[WorkloadRef, str]) -> Html:
    if not coverage.workloads:
        return tag("p", "No workload is known, so there is nothing to judge.", class_="empty")
    worst = sorted(coverage.workloads, key=lambda entry: (VERDICTS.index(entry.verdict), entry.workload))
    head = ("Workload", "Verdict", "Connections", "Edges", "Seen once", "Unseen at most", "Newest edge", "Curve", "Why")
    shown = table(head, [_row(entry, ids) for entry in worst[:MOST_ROWS]], "Coverage by workload", numbers=(2, 3, 4, 5))
    left = len(worst) - MOST_ROWS
    more = tag("p", f"And {plural(left, 'workload')} more, no worse than these.") if left > 0 else None
    return tag("details", tag("summary", f"Workload by workload ({len(worst):,})"), shown, more)


def _row(entry: WorkloadCoverage, ids: Mapping[WorkloadRef, str]) -> tuple[Child, ...]:
    seen = entry.seen
    return (
        end_name(entry.workload, ids),
        _badge(entry.verdict),
        f"{seen.connections:,}",
        f"{seen.unseen.edges:,}",
        f"{seen.unseen.once:,}",
        percent(seen.unseen.chance_most),
        "none" if seen.newest is None else time(seen.newest),
        _curve(seen.curve, 72, 20, f"{plural(seen.unseen.edges, 'edge')} over time") if seen.unseen.edges else None,
        said(entry.reason),
    )


def _cronjobs(coverage: Coverage, ids: Mapping[WorkloadRef, str]) -> Html | None:
    if not coverage.unwatched:
        return None
    rows = [
        (
            end_name(entry.workload, ids),
            tag("code", bounded(entry.schedule)),
            "not known" if entry.gap is None else duration(entry.gap),
            duration(entry.watched),
        )
        for entry in coverage.unwatched[:MOST_ROWS]
    ]
    head = ("CronJob", "Schedule", "Longest time between two runs", "Watched without a break")
    return join([tag("h3", "CronJobs that need not have run"), table(head, rows, "CronJobs that need not have run")])
