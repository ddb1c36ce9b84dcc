"""Turns what becomes of communications into lines for a terminal and into plain data for `--json`."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from recommender.before_after import FATES, BeforeAfter, Change, Decided, Fate, Impact
from recommender.outcomes import Outcome
from recommender.text import cut

_MOST_SHOWN = 5
_LONGEST = 400
"""Characters of a line: names are other people's."""
_LONGEST_REASON = 2000
FATE_TEXTS: dict[Fate, str] = {
    "would_break": "worked when observed, denied after",
    "newly_denied": "did not work when observed; allowed before, denied after",
    "newly_allowed": "denied before, allowed after",
    "undecidable": "cannot be told from the inventory",
    "declined": "denied after, as the review wants it",
    "stays_denied": "denied before and after",
    "stays_allowed": "allowed before and after",
}
_TOLD_APART: tuple[Decided, ...] = ("accepted", "undecided", "withheld", "")


def before_after_lines(found: BeforeAfter) -> Iterator[str]:
    """Yield the table of fates, what would break in full, and the rest by count. Texts are not escaped yet."""
    for fate, count in found.counts.items():
        if fate != "declined" or count:
            yield f"{_name(fate):<14} {count:>6}  {FATE_TEXTS[fate]}"
    breaking = found.of("would_break")
    if breaking:
        yield ""
        yield f"would break: {len(breaking)}{_split(breaking)}"
        for change in breaking:
            yield from _in_full(change)
    yield from _listed(
        "worked although the policies before deny it (stale policies, or nothing enforces them)", found.contradicted
    )
    yield from _listed("declined in the review, and not denied after", found.declined_open)
    yield from _listed("newly denied", found.of("newly_denied"))
    yield from _listed("newly allowed", found.of("newly_allowed"))
    yield from _listed("undecidable", found.of("undecidable"))
    changing = [impact for impact in found.impacts if set(impact.counts) - {"stays_allowed", "stays_denied"}]
    if changing:
        yield ""
        yield f"by workload, of {len({impact.workload for impact in found.impacts})} that were seen:"
        yield from map(_impact_line, changing)


def _name(fate: Fate) -> str:
    return fate.replace("_", " ")


def _split(breaking: tuple[Change, ...]) -> str:
    """Tell apart what a review decided of them, where there is one."""
    if not any(change.decided for change in breaking):
        return ""
    counts = Counter(change.decided for change in breaking)
    words = [f"{counts[word]} {word or 'not in the review'}" for word in _TOLD_APART if counts[word]]
    return f" ({', '.join(words)})"


def _in_full(change: Change) -> Iterator[str]:
    yield cut(f"  {change.communication}", _LONGEST) + (f" ({change.decided})" if change.decided else "")
    yield cut(f"      {change.after.reason}", _LONGEST_REASON)


def _listed(title: str, changes: tuple[Change, ...]) -> Iterator[str]:
    if not changes:
        return
    yield ""
    yield f"{title}: {len(changes)}"
    yield from (cut(f"  {change.communication}", _LONGEST) for change in changes[:_MOST_SHOWN])
    if len(changes) > _MOST_SHOWN:
        yield f"  and {len(changes) - _MOST_SHOWN} more, with --json"


def _impact_line(impact: Impact) -> str:
    counts = ", ".join(f"{count} {_name(fate)}" for fate, count in impact.counts.items())
    worst = next(iter(impact.examples.values()))[0]
    return cut(f"  {impact.direction.lower()} of {impact.workload}: {counts} (such as {worst.communication})", _LONGEST)


def before_after_data(found: BeforeAfter) -> dict[str, Any]:
    """Return everything as plain data, for `--json`."""
    verdicts = [change.after.verdict for change in found.changes]
    return {
        "allowed": verdicts.count("allowed"),
        "denied": verdicts.count("denied"),
        "undecidable": verdicts.count("undecidable"),
        "would_break": len(found.of("would_break")),
        "classes": dict(found.counts),
        "contradicted": [str(change.communication) for change in found.contradicted],
        "declined_open": [str(change.communication) for change in found.declined_open],
        "workloads": [
            {
                "workload": str(impact.workload),
                "direction": impact.direction,
                "classes": {fate: impact.counts.get(fate, 0) for fate in FATES},
                "examples": {fate: [str(c.communication) for c in some] for fate, some in impact.examples.items()},
            }
            for impact in found.impacts
        ],
        "outcomes": [_change_data(change) for change in found.changes],
    }


def _change_data(change: Change) -> dict[str, Any]:
    return {
        "communication": str(change.communication),
        "class": change.fate,
        "worked": change.worked,
        "decided": change.decided or None,
        "verdict": change.after.verdict,
        "reason": change.after.reason,
        "policies": _policies(change.after),
        "rules": sorted({*change.after.egress.rules, *change.after.ingress.rules}),
        "before": {"verdict": change.before.verdict, "reason": change.before.reason},
    }


def _policies(outcome: Outcome) -> list[str]:
    """Return the policies that isolate the ends which decide."""
    ends = (outcome.egress, outcome.ingress)
    return sorted({policy for end in ends if end.verdict == outcome.verdict for policy in end.policies})
