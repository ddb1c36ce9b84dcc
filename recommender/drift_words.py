"""Turns drift into lines for a terminal, plain data for `--json`, and Markdown for a merge request."""

import string
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from recommender.before_after import BeforeAfter, Change
from recommender.before_after_words import before_after_data
from recommender.communications import Communication, End
from recommender.coverage_words import warnings
from recommender.drift import Drift, New, Vanished, by_workload
from recommender.outcomes import Outcome
from recommender.phrases import duration, instant
from recommender.text import cut, some

_MOST_SHOWN, _MOST_ROWS = 50, 20
_LONGEST, _LONGEST_NAME, _LONGEST_REASON, _LONGEST_PROOF = 400, 120, 2000, 240
"""Characters of a line, a name in Markdown, a reason, and why an absence proves nothing: --json has all of that."""
_MOST_POLICIES = 3
_COLUMNS = ("from", "to", "port")
_Item = TypeVar("_Item")


def headline(found: Drift) -> str:
    """Return what drifted, by count: "2 new communications, 1 would be denied, 3 vanished"."""
    counts = (
        (len(found.new), "new communication" if len(found.new) == 1 else "new communications"),
        (len(found.would_break), "would be denied"),
        (len(found.vanished), "vanished"),
    )
    return ", ".join(f"{count} {what}" for count, what in counts if count) or "no drift"


def drift_lines(found: Drift) -> Iterator[str]:
    """Yield what drifted, each with its reason, and by workload. Texts are not escaped yet."""
    yield f"{'drift':<16}{headline(found)}"
    yield f"{'observed':<16}{_observed(found)}"
    yield f"{'approved':<16}{_approved(found)}"
    yield from _block("new: in no suggestion of the review", found.new, _new_lines)
    yield from _block("would be denied: worked, and the approved policies deny it", found.would_break, _broken_lines)
    yield from _block("vanished: approved, and not seen to work", found.vanished, _vanished_lines)
    if found.vanished:
        yield from (f"  absence proves nothing here: {doubt}" for doubt in found.doubts)
        yield from (f"  of the new observation: {sentence}" for sentence in warnings(found.coverage))
    yield from _block("no drift: new, and a widened decision holds it", found.widened, _new_lines)
    yield from _block("no drift: would be denied, as at the review: no rule can say it", found.known, _broken_lines)
    rows = _workloads(found)
    if rows:
        yield ""
        yield "by workload:"
    for name, way, new, denied in rows[:_MOST_SHOWN]:
        yield cut(f"  {way} of {name}: {new} new, {denied} would be denied", _LONGEST)
    yield from _rest(len(rows) - _MOST_SHOWN)


def _block(title: str, items: Sequence[_Item], lines_of: Callable[[_Item], Iterator[str]]) -> Iterator[str]:
    if not items:
        return
    yield ""
    yield f"{title}: {len(items)}"
    for item in items[:_MOST_SHOWN]:
        yield from lines_of(item)
    yield from _rest(len(items) - _MOST_SHOWN)


def _rest(count: int) -> Iterator[str]:
    if count > 0:
        yield f"  and {count} more, with --json"


def _new_lines(item: New) -> Iterator[str]:
    held = f"; held by decision {item.decision}" if item.decision else ""
    yield cut(f"  + {item.communication}", _LONGEST)
    yield cut(f"      {_said(item)}; approved policies: {_standing(item.outcome)}{held}", _LONGEST)
    yield cut(f"      {item.found.reason}", _LONGEST_REASON)


def _broken_lines(change: Change) -> Iterator[str]:
    yield cut(f"  ! {change.communication}", _LONGEST) + f" ({change.decided or 'not in the review'})"
    yield cut(f"      {change.after.reason}", _LONGEST_REASON)


def _vanished_lines(item: Vanished) -> Iterator[str]:
    yield cut(f"  - {item.suggestion.communication}", _LONGEST) + f" ({_proof(item)})"
    yield cut(f"      {item.reason}", _LONGEST_REASON if item.likely_gone else _LONGEST_PROOF)


def _observed(found: Drift) -> str:
    watch = found.coverage
    if watch.start is None or watch.end is None:
        return "nothing"
    start, end = (f"{time:%Y-%m-%d %H:%M:%S}" for time in (watch.start, watch.end))
    watched = duration(watch.seen.watched)
    return f"{start} to {end} UTC ({watched} watched), {found.seen} communications, {watch.verdict}"


def _approved(found: Drift) -> str:
    open_ones = f", {found.undecided} undecided" if found.undecided else ""
    return f"{found.approved} communications, {len(found.policies)} policies{open_ones}"


def _said(item: New) -> str:
    return f"withheld: {item.why.replace('_', ' ')}" if item.why else "suggested"


def _standing(outcome: Outcome) -> str:
    """Return what the approved policies say in a word or two: open where they isolate neither end."""
    if outcome.verdict != "allowed":
        return outcome.verdict
    return "let through" if outcome.egress.rules or outcome.ingress.rules else "open"


def _proof(item: Vanished) -> str:
    return "likely gone" if item.likely_gone else "proves nothing"


def _workloads(found: Drift) -> list[tuple[str, str, int, int]]:
    """Return workload, direction, and how many are new and would be denied there."""
    new = by_workload(item.communication for item in found.new)
    denied = by_workload(change.communication for change in found.would_break)
    places = sorted({*new, *denied})
    return [(str(ref), way.lower(), new.get((ref, way), 0), denied.get((ref, way), 0)) for ref, way in places]


def drift_data(found: Drift, *, drifted: bool) -> dict[str, Any]:
    """Return everything as plain data, for `--json`; `drifted` is what the exit status says."""
    watch = found.coverage
    return {
        "drift": drifted,
        "observed": {
            "start": instant(watch.start),
            "end": instant(watch.end),
            "watched_seconds": watch.seen.watched.total_seconds(),
            "communications": found.seen,
            "coverage": watch.verdict,
            "warnings": warnings(watch),
        },
        "approved": found.approved,
        "undecided": found.undecided,
        "policies": ["/".join(policy.key) for policy in found.policies],
        "new": [_new_data(item) for item in found.new],
        "widened": [_new_data(item) for item in found.widened],
        "would_break": _broken_data(found.would_break),
        "known_would_break": _broken_data(found.known),
        "vanished": [
            {
                "communication": str(item.suggestion.communication),
                "id": item.suggestion.id,
                "likely_gone": item.likely_gone,
                "reason": item.reason,
            }
            for item in found.vanished
        ],
        "doubts": list(found.doubts),
        "workloads": [
            {"workload": name, "direction": way, "new": new, "would_break": denied}
            for name, way, new, denied in _workloads(found)
        ],
    }


def _new_data(item: New) -> dict[str, Any]:
    evidence = item.communication.evidence
    return {
        "communication": str(item.communication),
        "suggested": not item.why,
        "why": item.why or None,
        "reason": item.found.reason,
        "worked": evidence.worked,
        "first_seen": instant(evidence.first_seen),
        "last_seen": instant(evidence.last_seen),
        "verdict": item.outcome.verdict,
        "verdict_reason": item.outcome.reason,
        "decision": item.decision or None,
    }


def _broken_data(changes: tuple[Change, ...]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = before_after_data(BeforeAfter(changes))["outcomes"]
    return found


def drift_markdown(found: Drift) -> str:
    """Return a short Markdown with at most twenty rows of each kind.

    Whatever others named is in a code span, without any character that could end it or mean something around it.
    """
    return "\n".join(_markdown(found)) + "\n"


def _markdown(found: Drift) -> Iterator[str]:
    yield f"## podfence drift: {headline(found)}"
    yield ""
    yield f"Observed: {_observed(found)}. Approved: {_approved(found)}."
    rows = [[*_ends(item.communication), _said(item), _standing(item.outcome)] for item in found.new]
    yield from _table("New", (*_COLUMNS, "podfence", "approved policies"), rows)
    rows = [[*_ends(c.communication), c.decided or "not in it", _deniers(c)] for c in found.would_break]
    yield from _table("Would be denied", (*_COLUMNS, "review", "denied by"), rows)
    rows = [[*_ends(item.suggestion.communication), _proof(item)] for item in found.vanished]
    yield from _table("Vanished", (*_COLUMNS, "its absence"), rows)
    if found.vanished and found.doubts:
        yield ""
        yield f"Absence proves nothing here: {'; '.join(found.doubts)}."
    rows = [[_code(name), way, str(new), str(denied)] for name, way, new, denied in _workloads(found)]
    yield from _table("By workload", ("workload", "direction", "new", "would be denied"), rows)


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    if not rows:
        return
    yield from ("", f"### {title} ({len(rows)})", "", _row(columns), _row(["---"] * len(columns)))
    yield from map(_row, rows[:_MOST_ROWS])
    if len(rows) > _MOST_ROWS:
        yield from ("", f"and {len(rows) - _MOST_ROWS} more, with `--json`")


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _ends(communication: Communication) -> tuple[str, str, str]:
    return _end(communication.src), _end(communication.dst), _code(f"{communication.protocol}/{communication.port}")


def _end(end: End) -> str:
    return _code(str(end))


def _deniers(change: Change) -> str:
    """Return the policies that deny it."""
    ends = (change.after.egress, change.after.ingress)
    names = sorted({name for end in ends if end.verdict == "denied" for name in end.policies})
    return _code(some(names, _MOST_POLICIES))


# Letters and digits of any script, and these: none of them ends a code span or a cell of a table, in any dialect.
_PLAIN = frozenset(string.ascii_letters + string.digits + " .-_/,+:()")


def _code(text: str) -> str:
    shown = "".join(c if c in _PLAIN or c.isalnum() else f"(U+{ord(c):04X})" for c in cut(text, _LONGEST_NAME))
    return f"`{shown}`" if shown.strip() else "`(nothing)`"
