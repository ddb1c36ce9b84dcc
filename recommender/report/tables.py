"""Turns facts, ledger and excess into tables; every table scrolls by itself and has a header for each column."""

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from collectors.inventory import WorkloadRef
from collectors.ledger import Sample
from recommender.communications import Communication, End, Evidence
from recommender.outcomes import Excess
from recommender.report.facts import STATES, Fact
from recommender.report.markup import Child, Html, join, tag
from recommender.report.words import CAVEATS, EVENTS, KINDS, LEDGER, ORIENTATIONS, plural, size
from recommender.review import Decision

Ids = Mapping[WorkloadRef, str]


def table(
    head: Sequence[str],
    rows: Iterable[Sequence[Child]],
    label: str,
    numbers: Iterable[int] = (),
    below: Sequence[Html] = (),
) -> Html:
    """Return a table; `numbers` are the columns set to the right, `below` what stands under each row in full width."""
    right = frozenset(numbers)
    cells = [
        tag("th", name, scope="col", class_="number" if place in right else None) for place, name in enumerate(head)
    ]
    body: list[Html] = []
    for number, row in enumerate(rows):
        tds = [tag("td", cell, class_="number" if place in right else None) for place, cell in enumerate(row)]
        body.append(tag("tr", tds, class_="over" if below else None))
        if below:
            body.append(tag("tr", tag("td", below[number], colspan=len(head)), class_="under"))
    whole = tag("table", tag("thead", tag("tr", cells)), tag("tbody", body))
    return tag("div", whole, class_="scroll", tabindex=0, role="region", aria_label=label)


def end_name(end: End, ids: Ids) -> Html:
    """Return an end as a reader names it; workloads link to their part of the page."""
    if isinstance(end, WorkloadRef):
        name = [tag("span", f"{end.namespace}/", class_="dim"), end.name, " ", tag("small", end.kind)]
        return tag("a", tag("bdi", name), href=f"#{ids[end]}", class_="end") if end in ids else tag("bdi", name)
    named = f"{end.name} " if end.name else ""
    return tag("bdi", named, end.address, " ", tag("small", KINDS.get(end.kind, end.kind)), class_="end")


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
    parts += [tag("div", f"{count:,} {outcome.replace('_', '-')}", class_="dim") for outcome, count in evidence.failed]
    return join(parts or ["0"])


def time(stamp: pd.Timestamp | None) -> str:
    """Return a time to the second."""
    return "not known" if stamp is None or pd.isna(stamp) else f"{stamp:%Y-%m-%d %H:%M:%S}"


def span(evidence: Evidence) -> Html:
    """Return first and last seen, the date once where both share it."""
    first, last = time(evidence.first_seen), time(evidence.last_seen)
    if first[:10] == last[:10]:
        return tag("span", tag("span", f"{first[:10]} ", class_="dim"), f"{first[11:]} – {last[11:]}", class_="time")
    return tag("span", f"{first} – {last}", class_="time")


def facts_table(facts: Iterable[Fact], ids: Ids, label: str) -> Html:
    """Return facts with both ends, one row each, without their evidence."""
    rows = [
        (
            end_name(fact.communication.src, ids),
            end_name(fact.communication.dst, ids),
            port(fact.communication),
            state(fact),
            seen(fact.communication.evidence),
            said(fact.reason),
        )
        for fact in facts
    ]
    return table(("From", "To", "Port", "State", "Connections", "Why"), rows, label, numbers=(4,))


def evidence_table(facts: Iterable[Fact], side: str, ids: Ids, decisions: Mapping[str, Decision]) -> Html:
    """Return facts of one workload and direction with all their evidence; `side` is "From" or "To"."""
    rows, shown = [], tuple(facts)
    for fact in shown:
        communication, evidence = fact.communication, fact.communication.evidence
        peer = communication.src if side == "From" else communication.dst
        rows.append(
            (
                end_name(peer, ids),
                port(communication),
                state(fact),
                seen(evidence),
                tag("span", f"{size(evidence.bytes)} / {size(evidence.reply_bytes)}", class_="time"),
                span(evidence),
                [said(fact.reason), _caveat_badges(fact)],
            )
        )
    head = (side, "Port", "State", "Connections", "Bytes there / back", "First – last seen (UTC)", "Why")
    below = [_evidence(fact, decisions) for fact in shown]
    return table(head, rows, f"{side} whom", numbers=(3,), below=below)


def _caveat_badges(fact: Fact) -> Html | None:
    if not fact.caveats:
        return None
    return tag("div", [tag("span", name, title=CAVEATS.get(name), class_="caveat") for name in fact.caveats])


def _evidence(fact: Fact, decisions: Mapping[str, Decision]) -> Html:
    """Return everything else that is known of one communication, folded away."""
    evidence = fact.communication.evidence
    known: list[tuple[str, Child]] = [
        (f"caveat {name}", CAVEATS.get(name, "no explanation is known")) for name in fact.caveats
    ]
    known += [
        ("who began", ", ".join(f"{name}: {ORIENTATIONS.get(name, name)}" for name in evidence.orientations)),
        ("through Service", _names(evidence.services)),
        ("called", _names(evidence.names)),
        ("pods of the caller", _names(evidence.src_pods)),
        ("pods called", _names(evidence.dst_pods)),
        ("packets there / back", f"{_count(evidence.packets)} / {_count(evidence.reply_packets)}"),
        ("example", evidence.example),
        ("sources", _names(evidence.sources)),
        ("notes", ", ".join(fact.communication.notes)),
    ]
    if fact.outcome is not None:
        known.append(("policies say", f"{fact.outcome.verdict}: {fact.outcome.reason}"))
    if fact.suggestion is not None:
        known.append(("decision", _decision(fact, decisions.get(fact.suggestion.id))))
        known.append(("suggestion", tag("code", fact.suggestion.id)))
    rows = [tag("div", tag("dt", name), tag("dd", value)) for name, value in known if value]
    return tag("details", tag("summary", "evidence"), tag("dl", rows), class_="evidence")


_DECIDED = ("accepted", "declined")


def _decision(fact: Fact, decision: Decision | None) -> str:
    if decision is None or fact.decided not in _DECIDED:  # what a stale decision says is not so any more
        return fact.decided
    by = f" by {decision.by}" if decision.by else ""
    why = f": {decision.why}" if decision.why else ""
    wider = f"; widened to {decision.widen}" if decision.widen else ""
    return f"{fact.decided}{by}{why}{wider}"


def _names(names: Sequence[str]) -> Html | None:
    return join([tag("bdi", name) for name in names], ", ") if names else None


def _bdi(name: str) -> Html:
    return tag("bdi", name)


def _count(count: int | None) -> str:
    return "not known" if count is None else f"{count:,}"


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
        (_bdi(e.subject), e.direction, _bdi(e.peer), tag("code", e.ports), plural(e.size, "end"), _bdi(e.rule))
        for e in excess
    ]
    return table(("Workload", "Direction", "Peer", "Ports", "How many come with it", "By rule"), rows, "Excess")
