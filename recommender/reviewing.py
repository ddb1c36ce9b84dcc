"""Turns a review into what its readers see of it: its suggestions by workload and direction, and where it stands."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from collectors.errors import PodfenceError
from recommender.communications import Communication
from recommender.filters import Filter, Status, chosen, status_of
from recommender.review import Decision, Direction, Reviewed, decision_to_data, directions
from recommender.reviewing_words import LONGEST, cut, named, order, what
from recommender.suggest import Suggestion
from recommender.what_if import Effect, WhatIf, what_if

_WIDEST = 72
"""Columns that the communications of a list are padded to; longer ones push what is behind them."""
EXAMPLES = 3
_MOST = 20
"""Half-decided directions that are named; --json has all."""


@dataclass(frozen=True)
class Standing:
    """A review with what follows from it: the status of each suggestion, and what exporting now would do."""

    reviewed: Reviewed
    default_deny: bool = False

    @cached_property
    def statuses(self) -> dict[str, Status]:
        """The status of each suggestion, by id."""
        return status_of(self.reviewed)

    @cached_property
    def what_if(self) -> WhatIf:
        """What exporting now would do."""
        return what_if(self.reviewed, default_deny=self.default_deny)

    def effect(self, item: Suggestion) -> Effect:
        """Return what exporting now would do to a suggestion's communication."""
        return self.what_if.effects[item.id]

    def said(self, item: Suggestion) -> str:
        """Return a suggestion's status as people read it: what is declined may be open all the same."""
        status = self.statuses[item.id]
        return f"{status}, still open" if status == "declined" and self.effect(item) != "blocked" else status

    @property
    def breaking(self) -> tuple[Suggestion, ...]:
        """The undecided suggestions that an export would cut off."""
        return tuple(item for item in self.reviewed.undecided if self.effect(item) == "would_break")

    @property
    def finished(self) -> bool:
        """Whether nothing is undecided, and so nothing stale or about to break that a decision could help."""
        return not self.reviewed.undecided


def by_direction(items: Iterable[Suggestion]) -> tuple[tuple[Direction, tuple[Suggestion, ...]], ...]:
    """Return suggestions by workload and direction, each once: at the end that is reached, where that is a workload."""
    found: dict[Direction, list[Suggestion]] = {}
    for item in items:
        found.setdefault(home(item), []).append(item)
    return tuple((direction, tuple(found[direction])) for direction in sorted(found, key=order))


def home(item: Suggestion) -> Direction:
    """Return the workload direction that a suggestion is listed under; raises PodfenceError where it has none."""
    found = directions(item)
    if not found:
        raise PodfenceError(
            f"suggestion {cut(item.id, 40)} has no end that a policy could select; "
            "write the suggestions again with `podfence suggest`"
        )
    return found[0]


def in_order(reviewed: Reviewed, wanted: Filter) -> tuple[Suggestion, ...]:
    """Return the suggestions that a filter asks for in the order in which they are reviewed: the undecided first."""
    groups = by_direction(chosen(reviewed, wanted))
    items = [item for _, group in groups for item in group]
    still = {item.id for item in reviewed.undecided}
    return tuple(sorted(items, key=lambda item: item.id not in still))


def counted(communication: Communication) -> tuple[str, str]:
    """Return how often a communication worked, and in what way: the number, and the word for it."""
    evidence = communication.evidence
    if evidence.connections:
        return f"{evidence.connections:,}", "worked"
    return (f"{evidence.one_way:,}", "one way") if evidence.one_way else (f"{evidence.allowed:,}", "let through")


def list_lines(standing: Standing, items: Iterable[Suggestion], limit: int | None = None) -> Iterator[str]:
    """Yield a table: a line for each suggestion, under the workload direction where it is decided."""
    shown, left = _limited(items, limit)
    listed = [item for _, group in shown for item in group]
    texts = {item.id: what(item.communication) for item in listed}
    counts = {item.id: counted(item.communication) for item in listed}
    wide = min(_WIDEST, max(map(len, texts.values()), default=0))
    status_wide = max((len(standing.said(item)) for item in listed), default=0)
    digits, letters = (max((len(count[place]) for count in counts.values()), default=0) for place in (0, 1))
    for direction, group in shown:
        yield named(direction)
        for item in group:
            row = f"  {cut(item.id, 40)}  {standing.said(item):<{status_wide}}  {texts[item.id]:<{wide}}"
            number, way = counts[item.id]
            yield f"{row}  {number:>{digits}} {way:<{letters}}  {' '.join(item.caveats)}".rstrip()
    if left:
        yield f"and {left} more: ask for fewer, or raise --limit"


def list_data(standing: Standing, items: Iterable[Suggestion], limit: int | None = None) -> dict[str, Any]:
    """Return the same as plain data, for `--json`; `left_out` counts those beyond the limit."""
    shown, left = _limited(items, limit)
    return {"suggestions": [row_data(standing, item) for _, group in shown for item in group], "left_out": left}


def row_data(standing: Standing, item: Suggestion) -> dict[str, Any]:
    """Return what a row of the list says, as plain data."""
    seen = item.communication
    return {
        "id": item.id,
        "status": standing.statuses[item.id],
        "if_exported_now": standing.effect(item),
        "what": str(seen),
        "src": str(seen.src),
        "dst": str(seen.dst),
        "protocol": seen.protocol,
        "port": seen.port,
        "connections": seen.evidence.connections,
        "one_way": seen.evidence.one_way,
        "allowed": seen.evidence.allowed,
        "caveats": list(item.caveats),
        "decides": [_plainly(direction) for direction in directions(item)],
    }


def _limited(
    items: Iterable[Suggestion], limit: int | None
) -> tuple[list[tuple[Direction, tuple[Suggestion, ...]]], int]:
    shown: list[tuple[Direction, tuple[Suggestion, ...]]] = []
    groups = by_direction(items)
    left = sum(len(group) for _, group in groups)
    for direction, group in groups:
        taken = group if limit is None else group[: max(0, limit - sum(len(before) for _, before in shown))]
        if not taken:
            break
        shown.append((direction, taken))
        left -= len(taken)
    return shown, left


def status_lines(standing: Standing) -> Iterator[str]:
    """Yield where a review stands: counts, what exporting now would do, what is half decided, stale or an orphan."""
    reviewed = standing.reviewed
    stale = f" ({len(reviewed.stale)} of them stale)" if reviewed.stale else ""
    counts = {name: len(getattr(reviewed, name)) for name in ("accepted", "declined", "undecided")}
    yield ", ".join(f"{count} {name}" for name, count in counts.items()) + stale
    yield str(standing.what_if)
    for direction, items in [*reviewed.half_decided.items()][:_MOST]:
        cut_off = [item for item in items if standing.effect(item) == "would_break"]
        yield f"half decided: {named(direction)}: {len(items)} undecided, {len(cut_off)} of them would break"
        yield from _examples([f"{cut(item.id, 40)}  {what(item.communication)}" for item in cut_off])
    if len(reviewed.half_decided) > _MOST:
        yield f"and {len(reviewed.half_decided) - _MOST} more directions are half decided; --json has all"
    if standing.what_if.withheld:
        yield "would break, and no rule can be written for it:"
        yield from _examples([what(communication) for communication in standing.what_if.withheld])
    for word, decisions, todo in (
        ("stale", reviewed.stale, "meant something else when they were decided: decide them again"),
        ("orphan", reviewed.orphans, "are about nothing that is suggested now: `forget` them, or let them be"),
    ):
        if decisions:
            yield f"{word}: {len(decisions)} decisions {todo}"
            yield from _examples([_decision_words(decision) for decision in decisions])


def status_data(standing: Standing) -> dict[str, Any]:
    """Return the same as plain data, for `--json`; lists are whole."""
    reviewed, counts = standing.reviewed, standing.what_if.counts
    return {
        "suggestions": {
            "accepted": len(reviewed.accepted),
            "declined": len(reviewed.declined),
            "undecided": len(reviewed.undecided),
            "stale": len(reviewed.stale),
            "orphaned_decisions": len(reviewed.orphans),
        },
        "if_exported_now": dict(counts),
        "would_break_without_a_rule": [str(communication) for communication in standing.what_if.withheld],
        "half_decided": [
            {
                "direction": _plainly(direction),
                "undecided": [item.id for item in items],
                "would_break": [item.id for item in items if standing.effect(item) == "would_break"],
            }
            for direction, items in reviewed.half_decided.items()
        ],
        "stale": {decision.id: decision_to_data(decision) for decision in reviewed.stale},
        "orphans": {decision.id: decision_to_data(decision) for decision in reviewed.orphans},
        "finished": standing.finished,
    }


def _plainly(direction: Direction) -> dict[str, str]:
    return {"workload": str(direction[0]), "direction": direction[1]}


def _decision_words(decision: Decision) -> str:
    return f"{cut(decision.id, 40)}  {decision.choice}  {cut(decision.what, 2 * LONGEST)}".rstrip()


def _examples(texts: list[str]) -> Iterator[str]:
    yield from (f"  {text}" for text in texts[:EXAMPLES])
    if len(texts) > EXAMPLES:
        yield f"  and {len(texts) - EXAMPLES} more"
