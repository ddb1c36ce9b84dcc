"""Turns facts, ledger and excess into tables; every table scrolls by itself and has a header for each column."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import pandas as pd

from collectors.inventory import WorkloadRef
from collectors.ledger import Sample
from recommender.communications import Communication, End, Evidence
from recommender.outcomes import Excess
from recommender.report.fact import STATES, Fact
from recommender.report.markup import Child, Html, join, tag
from recommender.report.words import EVENTS, KINDS, LEDGER, NOT_KNOWN, plural

Ids = Mapping[WorkloadRef, str]
MOST_UNFOLDED: Final = 20
"""More rows of what a reader should see first are folded."""


def table(
    head: Sequence[str],
    rows: Iterable[Sequence[Child]],
    label: str,
    numbers: Iterable[int] = (),
    class_: str | None = None,
) -> Html:
    """Return a table; `numbers` are the columns set to the right; of class "stack" it has one column if narrow."""
    right = frozenset(numbers)
    body = [
        tag("tr", [tag("td", cell, class_="number" if place in right else None) for place, cell in enumerate(row)])
        for row in rows
    ]
    return framed(head, join(body), label, right, class_)


def long_table(head: Sequence[str], rows: Iterable[Sequence[Child]], label: str, class_: str | None = None) -> Html:
    """Return a table of which only the first rows are unfolded where it is long; paper shows all of it."""
    found = list(rows)
    if len(found) <= MOST_UNFOLDED:
        return table(head, found, label, class_=class_)
    rest = found[MOST_UNFOLDED:]
    return join(
        [
            table(head, found[:MOST_UNFOLDED], f"{label}: the first {MOST_UNFOLDED}", class_=class_),
            tag(
                "details",
                tag("summary", f"The other {len(rest):,}"),
                table(head, rest, f"{label}: the other {len(rest):,}", class_=class_),
                class_="rest",
            ),
        ]
    )


def framed(head: Sequence[str], body: Html, label: str, numbers: Iterable[int] = (), class_: str | None = None) -> Html:
    """Return a table around rows that are made already."""
    right = frozenset(numbers)
    cells = [
        tag("th", name, scope="col", class_="number" if place in right else None) for place, name in enumerate(head)
    ]
    whole = tag("table", tag("thead", tag("tr", cells)), tag("tbody", body), class_=class_)
    # A group, not a region: hundreds of landmarks would be none.
    return tag("div", whole, class_="scroll", tabindex=0, role="group", aria_label=label)


def end_name(end: End, ids: Ids) -> Html:
    """Return an end as a reader names it; workloads link to their part of the page."""
    if isinstance(end, WorkloadRef):
        name = [tag("span", f"{end.namespace}/", class_="dim"), end.name, " ", tag("small", end.kind)]
        return tag("a", tag("bdi", name), href=f"#{ids[end]}", class_="end") if end in ids else tag("bdi", name)
    named = f"{end.name} " if end.name else ""
    return tag("bdi", named, end.address, " ", tag("small", KINDS.get(end.kind, end.kind)), class_="end")


def end_link(end: End, ids: Ids) -> Html:
    """Return an end in as few bytes as a table of thousands allows; its cell keeps its direction of writing apart."""
    if not isinstance(end, WorkloadRef):
        return join([f"{end.name} " if end.name else "", end.address, " ", tag("small", KINDS.get(end.kind, end.kind))])
    name = [f"{end.namespace}/{end.name}", None if end.kind == "Deployment" else [" ", tag("small", end.kind)]]
    return tag("a", name, href=f"#{ids[end]}") if end in ids else join(name)


def port(communication: Communication) -> Html:
    """Return protocol and port; protocols without ports stand alone."""
    text = f"{communication.protocol}/{communication.port}" if communication.port else communication.protocol
    return tag("code", text, class_="port")


def state(fact: Fact) -> Html:
    """Return what became of a communication, as a badge."""
    return tag("span", STATES[fact.state], class_=f"badge {fact.state}")


def said(sentence: str) -> Html:
    """Return a sentence for a cell: wide enough to read, and long names in it may break anywhere."""
    return tag("div", sentence, class_="said")


def seen(evidence: Evidence) -> Html:
    """Return how often something worked, and what failed."""
    parts: list[Child] = []
    if evidence.connections:
        parts.append(tag("div", f"{evidence.connections:,}"))
    if evidence.one_way:
        parts.append(tag("div", f"{evidence.one_way:,} one-way"))
    if evidence.allowed:
        parts.append(tag("div", f"{evidence.allowed:,} let through"))
    parts += [tag("div", f"{count:,} {outcome.replace('_', '-')}", class_="dim") for outcome, count in evidence.failed]
    return join(parts or ["0"])


def time(stamp: pd.Timestamp | None) -> str:
    """Return a time to the second."""
    return NOT_KNOWN if stamp is None or pd.isna(stamp) else f"{stamp:%Y-%m-%d %H:%M:%S}"


def span(evidence: Evidence) -> Html:
    """Return first and last seen, the date once where both share it."""
    first, last = time(evidence.first_seen), time(evidence.last_seen)
    if first[:10] == last[:10]:
        return tag("span", tag("span", f"{first[:10]} ", class_="dim"), f"{first[11:]} – {last[11:]}", class_="time")
    return tag("span", f"{first} – {last}", class_="time")


def facts_table(facts: Iterable[Fact], ids: Ids, label: str, *, anchored: bool = False) -> Html:
    """Return facts with both ends, one row each; `anchored` where this is the row that links lead to."""
    rows = [
        tag(
            "tr",
            tag("td", end_name(fact.communication.src, ids)),
            tag("td", end_name(fact.communication.dst, ids)),
            tag("td", port(fact.communication)),
            tag("td", state(fact)),
            tag("td", seen(fact.communication.evidence), class_="number"),
            tag("td", said(fact.reason)),
            id=fact.anchor if anchored else None,
        )
        for fact in facts
    ]
    return framed(("From", "To", "Port", "State", "Connections", "Why"), join(rows), label, numbers=(4,))


def caveats(names: Sequence[str]) -> Html | None:
    """Return caveats as badges; what they mean stands on the page once."""
    return join([tag("i", name) for name in names], " ") if names else None


def _bdi(name: str) -> Html:
    return tag("bdi", name)


def ledger_table(counts: Mapping[str, int], flow_packets: int) -> Html:
    """Return what became of every packet read: those in flows, then each class of the ledger, and the sum."""
    rows: list[tuple[Child, ...]] = [("in flows", f"{flow_packets:,}", "the conversations that this report is about")]
    rows += [(tag("code", name), f"{count:,}", LEDGER.get(name, "")) for name, count in counts.items()]
    total = flow_packets + sum(counts.values())
    rows.append((tag("b", "sum"), tag("b", f"{total:,}"), ""))
    return table(("Class", "Packets or records", "What it means"), rows, "Ledger", numbers=(1,))


def events_table(counts: Mapping[str, int]) -> Html:
    """Return what happened to inputs as a whole."""
    rows = [(tag("code", name), f"{count:,}", EVENTS.get(name, "")) for name, count in counts.items()]
    return table(("Event", "Count", "What it means"), rows, "Input faults", numbers=(1,))


def samples_table(samples: Iterable[tuple[str, Sample]]) -> Html:
    """Return the examples that the ledger kept, by class."""
    rows = [(tag("code", name), tag("bdi", s.source), f"{s.position:,}", said(s.text)) for name, s in samples]
    return table(("Class", "Input", "Position", "Said of it"), rows, "Ledger samples", numbers=(2,))


def excess_table(excess: Iterable[Excess]) -> Html:
    """Return everything that is let through and was not accepted."""
    rows = [
        (
            tag("div", _bdi(e.subject), class_="long"),
            e.direction,
            _bdi(e.peer),
            tag("code", e.ports),
            plural(e.size, "pod or address", "pods or addresses"),
            tag("div", _bdi(e.rule), class_="long"),
        )
        for e in excess
    ]
    return table(("Workload", "Direction", "Peer", "Ports", "How many come with it", "By rule"), rows, "Excess")
