"""Turns facts into a matrix of namespaces, for clusters too large for a picture that anyone could read."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from collectors.inventory import WorkloadRef
from recommender.communications import End
from recommender.report.facts import STATES, Fact, State
from recommender.report.markup import Html, tag
from recommender.report.words import KINDS, plural

MOST_COLUMNS: Final = 40
MARKS: Final[dict[State, str]] = {"breaks": "✖", "allowed": "●", "denied": "○", "open": "◐", "withheld": "·"}
"""One mark for each state, so that colour is not all there is."""

Pair = tuple[tuple[bool, str], tuple[bool, str]]


def matrix(facts: Sequence[Fact]) -> Html:
    """Return who talks to whom by namespace: a row for each caller, a column for each that is called.

    With more than MOST_COLUMNS columns it is a list of the pairs instead; either way every fact is counted.
    """
    counts: dict[Pair, Counter[State]] = {}
    for fact in facts:
        pair = _place(fact.communication.src), _place(fact.communication.dst)
        counts.setdefault(pair, Counter())[fact.state] += 1
    callers = sorted({src for src, _ in counts})
    called = sorted({dst for _, dst in counts})
    body = _list(counts) if len(called) > MOST_COLUMNS else _square(counts, callers, called)
    return tag("div", _key(), tag("div", body, class_="scroll", tabindex=0, role="region", aria_label="Matrix"))


def _place(end: End) -> tuple[bool, str]:
    """Return a namespace, or the kind of an end outside; the flag keeps the two apart and the outside last."""
    return (False, end.namespace) if isinstance(end, WorkloadRef) else (True, KINDS.get(end.kind, end.kind))


def _key() -> Html:
    parts = [
        tag("span", tag("span", mark, class_=f"mark {state}"), f" {STATES[state]} ") for state, mark in MARKS.items()
    ]
    return tag("p", "Numbers are communications: ", parts, class_="key")


def _square(
    counts: dict[Pair, Counter[State]], callers: Iterable[tuple[bool, str]], called: Sequence[tuple[bool, str]]
) -> Html:
    head = tag("tr", tag("td", "from ↓ to →"), [tag("th", tag("span", _name(dst)), scope="col") for dst in called])
    rows = [
        tag("tr", tag("th", _name(src), scope="row"), [tag("td", _cell(counts.get((src, dst)))) for dst in called])
        for src in callers
    ]
    return tag("table", tag("thead", head), tag("tbody", rows), class_="matrix")


def _list(counts: dict[Pair, Counter[State]]) -> Html:
    head = tag("tr", [tag("th", name, scope="col") for name in ("From", "To", "Communications")])
    rows = [
        tag("tr", tag("td", _name(src)), tag("td", _name(dst)), tag("td", _cell(count)))
        for (src, dst), count in sorted(counts.items())
    ]
    return tag("table", tag("thead", head), tag("tbody", rows), class_="pairs")


def _name(place: tuple[bool, str]) -> Html:
    outside, name = place
    return tag("i", f"({name})") if outside else tag("bdi", name)


def _cell(count: Counter[State] | None) -> Html | None:
    if count is None:
        return None
    marks = [
        tag(
            "span",
            f"{MARKS[state]} {count[state]} ",
            class_=f"mark {state}",
            title=plural(count[state], "communication"),
        )
        for state in STATES
        if count[state]
    ]
    return tag("span", marks)
