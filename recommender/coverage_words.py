"""Turns coverage into the sentences of its verdicts, the rows of the summary and the plain data of --json."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from recommender.coverage_inputs import Loss
from recommender.coverage_model import Coverage, Seen, Thresholds
from recommender.phrases import bounded, duration, in_gaps, instant, kept, percent
from recommender.unseen import Unseen

_SHOWN = 5
"""Names shown of each kind; the report shows all."""
_REASONS = 3
"""Workloads whose verdict the summary gives a reason for: it has a sentence for each."""


def shortfalls(seen: Seen, wanted: Thresholds) -> list[str]:
    """Return what is lacking for a verdict, each as a sentence without its full stop; empty where nothing is."""
    found = []
    if seen.watched < wanted.watched:
        found.append(f"watched for {duration(seen.watched)}, wanted are {duration(wanted.watched)}")
    if seen.unseen.chance_most >= wanted.unseen:
        found.append(
            f"the next sighting may be of an unseen edge with a chance of up to {percent(seen.unseen.chance_most)}, "
            f"wanted is less than {percent(wanted.unseen)} ({_basis(seen.unseen)})"
        )
    if seen.watched.value > 0 and seen.quiet < wanted.quiet * seen.watched:
        found.append(
            f"the newest edge came {duration(seen.quiet)} before the end, "
            f"wanted is no new one in the last {percent(wanted.quiet)} of the time"
        )
    return found


def silence(seen: Seen, doubts: Iterable[str]) -> str:
    """Return what may be said of a workload without traffic."""
    return "; ".join([f"No traffic was seen in {duration(seen.watched)}: nothing is known of it", *doubts]) + "."


def steady(seen: Seen) -> str:
    """Return what a stable verdict rests on."""
    return (
        f"{_basis(seen.unseen)}, none new in the last {duration(seen.quiet)} of {duration(seen.watched)}; "
        f"the next sighting is of an unseen edge with a chance of {percent(seen.unseen.chance_most)} at most."
    )


def _basis(found: Unseen) -> str:
    times = f"{found.sightings:,} sighting{'' if found.sightings == 1 else 's'}"
    return f"{times} of {_edges(found.edges)}, {found.once:,} of them seen once"


def _edges(count: int) -> str:
    return f"{count:,} edge{'' if count == 1 else 's'}"


def coverage_rows(coverage: Coverage) -> Iterator[tuple[str, str]]:
    """Yield the rows that the terminal summary has for coverage; the texts are bounded and escaped."""
    counts = ", ".join(f"{count} {verdict}" for verdict, count in coverage.counts.items() if count)
    yield "coverage", f"{coverage.verdict} ({f'workloads: {counts}' if counts else 'no workload is known'})"
    yield "", estimate(coverage.seen, coverage.options.confidence)
    for sentence in warnings(coverage):
        yield "", sentence
    if sum(bool(count) for count in coverage.counts.values()) < 2:
        return  # all alike: which ones they are tells nothing, and the report has each one's reason
    unsure = [entry for entry in coverage.workloads if entry.verdict != "stable"]
    yield from (("", f"{bounded(str(entry.workload))}: {entry.reason}") for entry in unsure[:_REASONS])
    if len(unsure) > _REASONS:
        yield "", f"and {len(unsure) - _REASONS:,} more, in the report"


def estimate(seen: Seen, confidence: float) -> str:
    """Return what was seen in all and how likely the next sighting is of something unseen, as a sentence."""
    found = seen.unseen
    if found.chance is None:
        return f"No connection that worked was seen in {duration(seen.watched)}."
    return (
        f"{_basis(found)} in {duration(seen.watched)}: the next sighting is of an unseen edge with a chance of "
        f"about {percent(found.chance)}, up to {percent(found.chance_most)} (confidence {percent(confidence)})."
    )


def warnings(coverage: Coverage) -> list[str]:
    """Return what else limits the coverage, a sentence for each kind that there is."""
    found = []
    if coverage.silent:
        found.append(f"Nothing of theirs worked: {_listed(map(str, coverage.silent))}.")
    if coverage.unwatched:
        jobs = (f"{entry.workload} ({entry.reason})" for entry in coverage.unwatched)
        found.append(f"CronJobs that need not have run: {_listed(jobs)}.")
    if coverage.losses:
        sources = (f"{loss.source} ({_lost(loss)})" for loss in coverage.losses)
        found.append(f"Sources that lost something, which may be missing here: {_listed(sources)}.")
    if coverage.sampled:
        found.append(
            f"From sources that keep {kept(coverage.kept)}: {_edges(coverage.sampled)}; what such a source did not "
            "show may well have happened, and the chances above are of what it keeps."
        )
    if coverage.partial:
        logs = (f"{one.source} {one.what}" for one in coverage.partial)
        found.append(f"Sources that never show everything: {_listed(logs)}.")
    if coverage.inventory_gaps:
        found.append(
            f"Gaps in the inventory: {coverage.inventory_gaps:,}; workloads that came and went in them are not known."
        )
    return found


def coverage_data(coverage: Coverage) -> dict[str, Any]:
    """Return coverage as the plain data that --json prints; times are RFC 3339, lengths of time in seconds."""
    options = coverage.options
    return {
        "verdict": coverage.verdict,
        "counts": dict(coverage.counts),
        "start": instant(coverage.start),
        "end": instant(coverage.end),
        "confidence": options.confidence,
        "thresholds": {"stable": _thresholds(options.stable), "stabilising": _thresholds(options.stabilising)},
        "all": _seen_data(coverage.seen),
        "workloads": [
            {
                "workload": str(entry.workload),
                "verdict": entry.verdict,
                "reason": entry.reason,
                **_seen_data(entry.seen),
            }
            for entry in coverage.workloads
        ],
        "without_traffic": [str(ref) for ref in coverage.silent],
        "unwatched_cronjobs": [
            {
                "workload": str(entry.workload),
                "schedule": entry.schedule,
                "longest_gap_seconds": None if entry.gap is None else entry.gap.total_seconds(),
                "watched_seconds": entry.watched.total_seconds(),
            }
            for entry in coverage.unwatched
        ],
        "losses": [_loss_data(loss) for loss in coverage.losses],
        "partial_sources": [asdict(one) for one in coverage.partial],
        "sampled_edges": coverage.sampled,
        "kept_share": coverage.kept,
        "left_out": coverage.left_out,
        "inventory_gaps": coverage.inventory_gaps,
    }


def _loss_data(loss: Loss) -> dict[str, Any]:
    gaps = loss.during.total_seconds()
    return {"source": loss.source, "lost": loss.lost, "share": loss.share, "gap_seconds": gaps}


def _seen_data(seen: Seen) -> dict[str, Any]:
    found = seen.unseen
    return {
        "connections": seen.connections,
        "edges": found.edges,
        "edges_seen_once": found.once,
        "sightings": found.sightings,
        "unseen_chance": found.chance,
        "unseen_chance_most": found.chance_most,
        "unseen_expected_most": found.expected_most,
        "newest_edge": instant(seen.newest),
        "watched_seconds": seen.watched.total_seconds(),
        "quiet_seconds": seen.quiet.total_seconds(),
        "curve": list(seen.curve),
    }


def _thresholds(wanted: Thresholds) -> dict[str, float]:
    return {"unseen": wanted.unseen, "quiet": wanted.quiet, "watched_seconds": wanted.watched.total_seconds()}


def _lost(loss: Loss) -> str:
    if loss.share is None:
        least = f"at least {loss.lost:,} packets or records; " if loss.lost else ""
        return f"{least}it does not say how many{in_gaps(loss.during)}"
    if not loss.lost:
        return f"it does not say how many{in_gaps(loss.during)}, {percent(loss.share)} of its time"
    return f"{loss.lost:,} packets or records{in_gaps(loss.during)}, {percent(loss.share)} of all"


def _listed(names: Iterable[str]) -> str:
    listed = [bounded(name) for name in names]
    more = f" and {len(listed) - _SHOWN:,} more" if len(listed) > _SHOWN else ""
    return f"{', '.join(listed[:_SHOWN])}{more}"
