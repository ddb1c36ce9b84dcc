"""Turns what was read, and what is not known of the cluster, into the part of the page that lets a reader check it."""

from collectors.inventory import Inventory
from recommender.report.facts import Facts
from recommender.report.markup import Child, Html, join, tag
from recommender.report.tables import events_table, ledger_table, said, samples_table, table, time
from recommender.report.words import plural


def inputs_part(facts: Facts) -> Html:
    """Return the inputs, what became of every packet, and what could not be known."""
    observation = facts.conclusion.observation
    window, ledger = observation.window, observation.ledger
    if not window.sources:
        return tag("p", "No input was read.", class_="empty")
    rows = [
        (tag("bdi", s.name), tag("bdi", s.kind), f"{s.packets:,}", f"{s.drops:,}", time(s.start), time(s.end))
        for s in window.sources
    ]
    head = ("Input", "Kind", "Packets or records", "Dropped by the source", "First (UTC)", "Last (UTC)")
    counts, events = ledger.packet_counts(), ledger.event_counts()
    samples = [(kind, sample) for kind in sorted({*counts, *events}) for sample in ledger.samples(kind)]
    return join(
        [
            table(head, rows, "Inputs", numbers=(2, 3)),
            tag("h3", "Ledger: what became of every packet"),
            ledger_table(counts, facts.flow_packets),
            _balance(sum(s.packets for s in window.sources), facts.flow_packets + ledger.packets_total()),
            join([tag("h3", "Input faults"), events_table(events)]) if events else None,
            _missing(facts.conclusion.inventory),
            tag("details", tag("summary", "Examples from the ledger"), samples_table(samples)) if samples else None,
        ]
    )


def _missing(inventory: Inventory) -> Html | None:
    """Return what the inventory could not know of the cluster."""
    if not inventory.missing and not inventory.gaps:
        return None
    rows: list[tuple[Child, ...]] = [(kind, said(reason)) for kind, reason in inventory.missing.items()]
    if inventory.gaps:
        lost = "the watcher lost its place; what came and went meanwhile is not known"
        rows.append((plural(inventory.gaps, "gap"), said(lost)))
    return join([tag("h3", "Not known of the cluster"), table(("What", "Why"), rows, "Not known of the cluster")])


def _balance(read: int, told: int) -> Html:
    if read == told:
        return tag("p", f"It balances: {plural(read, 'packet')} read, {told:,} accounted for.", class_="balance good")
    return tag(
        "p",
        f"{plural(read, 'packet or record', 'packets or records')} read, {told:,} accounted for. A flow log's record "
        "may stand for many packets; for captures alone the two must be equal.",
        class_="balance attention",
    )
