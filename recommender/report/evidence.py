"""Turns facts into rows that hold their evidence, each communication once, and into links that lead to these rows."""

from collections.abc import Iterable, Sequence
from typing import Final

from collectors.inventory import WorkloadRef
from recommender.communications import Communication, Evidence
from recommender.report.fact import STATES, Fact
from recommender.report.facts import LONGEST, MOST_IN_FULL, Facts
from recommender.report.markup import Child, Html, join, tag
from recommender.report.tables import caveats, end_link, framed, time
from recommender.report.words import NOT_KNOWN, ORIENTATIONS, size
from recommender.text import cut

_BETWEEN: Final = " · "
_LISTED_ONLY: Final = tag("a", "Not every communication has a row: what is left out, and where it is.", href="#ceiling")


def evidence_table(found: Iterable[Fact], side: str, facts: Facts) -> Html:
    """Return facts with their evidence; `side`, "From" or "To", is the end that each row names.

    On a large page a row says what tells it from others; what it leaves out, `left_out_here` says in words.
    """
    head = (side, "Port", "State", "Connections", "Bytes there / back", "First – last seen (UTC)", "Why, caveats")
    label = "Who calls, with evidence" if side == "From" else "Whom it calls, with evidence"
    return framed(head, join([_row(fact, side, facts) for fact in found]), label, numbers=(3,), class_="facts")


def links_table(found: Iterable[Fact], facts: Facts) -> Html:
    """Return facts whose evidence stands at the workload that is called, as short rows with a link to it."""
    rows = [
        tag(
            "tr",
            tag("td", end_link(fact.communication.dst, facts.ids)),
            tag("td", tag("a", _port(fact.communication), href=f"#{fact.anchor}")),
            _state(fact, facts),
            tag("td", attempts(fact.communication.evidence)),
            tag("td", caveats(fact.caveats)),
        )
        for fact in found
    ]
    head = ("To", "Port, with link to the evidence", "State", "Connections", "Caveats")
    return framed(head, join(rows), "Whom it calls", numbers=(3,), class_="facts links")


def links(found: Iterable[Fact], *, both: bool = False) -> Html:
    """Return facts by state as links to their evidence, with whom is called, or with both ends."""
    by_state: dict[str, list[Html]] = {}
    for fact in found:
        spoken = fact.communication
        who = f"{_end(spoken.src)} → {_end(spoken.dst)}" if both else _end(spoken.dst)
        by_state.setdefault(fact.state, []).append(tag("a", f"{who} {_port(spoken)}", href=f"#{fact.anchor}"))
    return join(
        [
            tag("p", tag("b", STATES[state], class_=state), f" ({len(by_state[state]):,}): ", join(made, ", "))
            for state in STATES
            if (made := by_state.get(state))
        ]
    )


def _end(end: object) -> str:
    return f"{end.namespace}/{end.name}" if isinstance(end, WorkloadRef) else str(end)


def left_out_here(facts: Facts) -> Html | None:
    """Return what the rows of a large page leave out and where it stands, None where they leave out nothing."""
    if not facts.brief:
        return None
    return tag(
        "p",
        f"There are more than {MOST_IN_FULL:,} communications, so rows are short and times end at the "
        "minute. Each one's pods, packets, Services, names, sources and example flow, and why an allowed one is "
        "suggested, are in suggestions.json of the review folder, under the id that is the row's anchor here: #id "
        "leads to it. podfence explain says which rules decide. ",
        _LISTED_ONLY if facts.crowded else "No caveat, no finding and nothing that would break is left out.",
        tag("span", " Where a row says nothing of a decision: ", facts.usual_decision, "."),
        class_="folded",
    )


def _row(fact: Fact, side: str, facts: Facts) -> Html:
    spoken, seen = fact.communication, fact.communication.evidence
    more = _in_short(fact, facts) if facts.brief else _in_full(fact, facts)
    reason = None if facts.brief and fact.state == "allowed" else tag("div", fact.reason)
    row = tag(
        "tr",
        tag("td", end_link(spoken.src if side == "From" else spoken.dst, facts.ids)),
        tag("td", _port(spoken)),
        _state(fact, facts),
        tag("td", attempts(seen)),
        tag("td", _both(size(seen.bytes), size(seen.reply_bytes))),
        tag("td", _times(seen, brief=facts.brief)),
        tag("td", reason, caveats(fact.caveats)),
        id=fact.anchor,
    )
    if not more:
        return row
    return join([row, tag("tr", tag("td", join(more, _BETWEEN), colspan=7), class_="more")])


def _state(fact: Fact, facts: Facts) -> Html:
    """Return the cell with what became of it; the style takes a cell without class for one that is allowed."""
    if fact.state == "allowed":
        return tag("td", "allowed" if facts.brief else STATES["allowed"])
    return tag("td", STATES[fact.state], class_=fact.state)


def _port(spoken: Communication) -> str:
    return f"{spoken.protocol}/{spoken.port}" if spoken.port else spoken.protocol


def _times(seen: Evidence, *, brief: bool) -> str:
    """Return first and last seen, the year or the date once where both share it; `brief`: to the minute."""
    first, last = time(seen.first_seen), time(seen.last_seen)
    end = -3 if brief and NOT_KNOWN not in {first, last} else None
    shared = 11 if first[:10] == last[:10] else 5 if brief and first[:5] == last[:5] else 0
    return f"{first[:end]} – {last[shared:end]}"


def attempts(seen: Evidence) -> str:
    """Return how often something worked, and what failed, in one line."""
    parts = [f"{seen.connections:,}"] if seen.connections or not (seen.one_way or seen.allowed or seen.failed) else []
    parts += [f"{seen.one_way:,} one-way"] if seen.one_way else []
    parts += [f"{seen.allowed:,} let through"] if seen.allowed else []
    parts += [f"{count:,} {cut(outcome, LONGEST).replace('_', '-')}" for outcome, count in seen.failed]
    return ", ".join(parts)


def _in_full(fact: Fact, facts: Facts) -> list[Html]:
    """Return all else that is known of a communication, each with what it is."""
    seen = fact.communication.evidence
    known: list[tuple[str, Child]] = [
        ("began", ", ".join(ORIENTATIONS.get(name, name) for name in seen.orientations)),
        ("through Service", _names(seen.services)),
        ("called", _names(seen.names)),
        ("pods", join([_names(seen.src_pods) or "–", _names(seen.dst_pods) or "–"], " → ") if _pods(seen) else None),
        ("packets", _both(_count(seen.packets), _count(seen.reply_packets))),
        ("example", cut(seen.example, LONGEST)),
        ("sources", _names(seen.sources)),
        ("notes", ", ".join(cut(note, LONGEST) for note in fact.communication.notes)),
        ("policies", _verdict(fact)),
        ("decision", facts.decision_text(fact, dated=True)),
        ("id", tag("code", fact.suggestion.id) if fact.suggestion is not None else None),
    ]
    return [join([tag("b", name), " ", value]) for name, value in known if value]


def _in_short(fact: Fact, facts: Facts) -> list[Html]:
    """Return what else tells a communication from most on a large page."""
    decision = facts.decision_text(fact)
    known = [
        ("notes", ", ".join(cut(note, LONGEST) for note in fact.communication.notes)),
        ("policies", _verdict(fact) if fact.outcome is not None and fact.outcome.verdict == "undecidable" else ""),
        ("decision", "" if decision == facts.usual_decision else decision),
    ]
    return [join([tag("b", name), " ", value]) for name, value in known if value]


def _verdict(fact: Fact) -> str:
    if fact.outcome is None:
        return ""
    told = fact.outcome.reason
    return told if told.startswith(fact.outcome.verdict) else f"{fact.outcome.verdict}: {told}"


def _pods(seen: Evidence) -> bool:
    return bool(seen.src_pods or seen.dst_pods)


def _names(names: Sequence[str]) -> Html | None:
    return join([tag("bdi", name) for name in names], ", ") if names else None


def _both(there: str, back: str) -> str:
    """Return what went there and what came back; once where it is the same word for both, as "not known" is."""
    return there if there == back == NOT_KNOWN else f"{there} / {back}"


def _count(count: int | None) -> str:
    return NOT_KNOWN if count is None else f"{count:,}"
