"""Turns where a learner stands into a status line, a JSON event, and Prometheus' text format."""

import json
from typing import Any

from collectors.learning import Interval
from recommender.learning_judge import Judgement
from recommender.learning_progress import Progress
from recommender.phrases import duration, instant
from recommender.text import cut, visible

_LONGEST = 300
"""Characters of a status line."""

_METRICS = (
    ("packets_total", "counter", "Packets and records that were read.", "packets"),
    ("connections_total", "counter", "Connections that began.", "connections"),
    ("rows_total", "counter", "Rows of flows that were written.", "rows"),
    ("dropped_total", "counter", "Packets and records that were lost, as far as it is known how many.", "drops"),
    ("gaps_total", "counter", "Times in which something was not watched, or lost.", "gaps"),
    ("intervals_total", "counter", "Intervals that have ended.", "intervals"),
    ("known_connections", "gauge", "Distinct connections that worked, by addresses, port and protocol.", "known"),
    ("new_connections_last_hour", "gauge", "Those of them that were first seen in the last hour.", "new"),
)


def status_line(progress: Progress) -> str:
    """Return where a learner stands in one line."""
    if progress.end is None or progress.start is None:
        return "begun; nothing has been written yet"
    parts = [
        f"{duration(progress.end - progress.start)}: {progress.packets:,} packets and records",
        f"{progress.connections:,} connections",
        f"{progress.known:,} distinct, {progress.new:,} new in the last hour",
        f"{progress.drops:,} dropped" if progress.drops else "none dropped",
        *([judgement_text(progress.judged)] if progress.judged is not None else []),
        *([f"NOT WRITTEN: {visible(progress.unwritten)}"] if progress.unwritten else []),
    ]
    return cut(" · ".join(parts), _LONGEST)


def judgement_text(judged: Judgement) -> str:
    """Return in a few words what stopping now would come to."""
    if judged.fault:
        return f"not judged: {visible(judged.fault)}"
    counts = ", ".join(f"{count} {name}" for name, count in judged.workloads if count) or "no workload"
    left = "" if judged.open is None else f", {judged.open} of them not decided"
    why = f" ({visible(judged.reason)})" if judged.reason and judged.verdict != "stable" else ""
    return f"stopping now: {judged.suggestions} suggestions{left}; {counts}{why}"


def interval_event(interval: Interval, progress: Progress) -> str:
    """Return an interval as a line of JSON."""
    seen = interval.observation
    return _line({
        "event": "interval",
        "start": interval.start.isoformat(),
        "end": interval.end.isoformat(),
        "packets": sum(source.packets for source in seen.window.sources),
        "rows": len(seen.flows),
        "connections": int(seen.flows["connections"].sum()),
        "dropped": sum(source.drops for source in seen.window.sources),
        "gaps": [[gap.source, instant(gap.start), instant(gap.end), gap.lost] for gap in seen.window.gaps],
        "ledger": seen.ledger.packet_counts(),
        "events": seen.ledger.event_counts(),
        "remarks": list(interval.remarks),
        "unwritten": interval.unwritten or None,
        "known": progress.known,
        "new_last_hour": progress.new,
    })  # fmt: skip


def judgement_event(judged: Judgement) -> str:
    """Return a judgement as a line of JSON."""
    return _line({
        "event": "judgement",
        "verdict": judged.verdict or None,
        "workloads": dict(judged.workloads),
        "communications": judged.communications,
        "suggestions": judged.suggestions,
        "undecided": judged.open,
        "reason": judged.reason or None,
        "fault": judged.fault or None,
    })  # fmt: skip


def metrics_text(progress: Progress) -> str:
    """Return where a learner stands as Prometheus reads it.

    Format: https://prometheus.io/docs/instrumenting/exposition_formats/
    """
    lines = []
    for name, kind, text, field in _METRICS:
        lines += [f"# HELP podfence_{name} {text}", f"# TYPE podfence_{name} {kind}"]
        lines.append(f"podfence_{name} {getattr(progress, field)}")
    if progress.end is not None:
        lines += ["# HELP podfence_last_interval_seconds When the last interval ended, since 1970.",
                  "# TYPE podfence_last_interval_seconds gauge",
                  f"podfence_last_interval_seconds {progress.end.timestamp():.3f}"]  # fmt: skip
    if progress.judged is not None and not progress.judged.fault:
        lines += ["# HELP podfence_workloads Workloads by the verdict of their coverage.",
                  "# TYPE podfence_workloads gauge"]  # fmt: skip
        lines += [f'podfence_workloads{{verdict="{verdict}"}} {count}' for verdict, count in progress.judged.workloads]
    return "\n".join(lines) + "\n"


def _line(data: dict[str, Any]) -> str:
    return json.dumps(data, sort_keys=True)
