"""Turns what was read, and what is not known of the cluster, into the part of the page that lets a reader check it."""

from collections.abc import Sequence
from typing import NamedTuple

from collectors.inventory import Inventory
from collectors.ledger import Ledger
from collectors.observation import Source
from recommender.reading_words import is_capture, is_live
from recommender.report.facts import Facts
from recommender.report.markup import Child, Html, join, tag
from recommender.report.tables import events_table, ledger_table, said, samples_table, table, time
from recommender.report.words import plural


def inputs_part(facts: Facts) -> Html:
    """Return the inputs, what became of every packet and record, and what could not be known."""
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
    packets, records = _read(window.sources, ledger)
    return join(
        [
            table(head, rows, "Inputs", numbers=(2, 3)),
            tag("h3", "Ledger: what became of every packet and record"),
            ledger_table(counts, facts.flow_packets + records.in_flows),
            _balance(packets.read, facts.flow_packets + packets.left) if packets.read or not records.read else None,
            _of_records(records, live=any(map(is_live, window.sources))) if records.read else None,
            join([tag("h3", "Input faults"), events_table(events)]) if events else None,
            _missing(facts.conclusion.inventory),
            tag("details", tag("summary", "Examples from the ledger"), samples_table(samples)) if samples else None,
        ]
    )


class _Read(NamedTuple):
    """How many packets, or records, were read, and how many of them the ledger has."""

    read: int
    left: int

    @property
    def in_flows(self) -> int:
        return self.read - self.left


def _read(sources: Sequence[Source], ledger: Ledger) -> tuple[_Read, _Read]:
    """Return what was read of captures, whose packets the flows count all, and of live interfaces and logs."""
    others = [source for source in sources if is_live(source) or not is_capture(source)]
    logs = {source.name for source in others}
    of_logs = sum(entry.count for (name, _), entry in ledger.packets.items() if name in logs)
    records = sum(source.packets for source in others)
    packets = sum(source.packets for source in sources) - records
    return _Read(packets, ledger.packets_total() - of_logs), _Read(records, of_logs)


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
        f"It does not balance: {plural(read, 'packet')} read, {told:,} accounted for. Nothing may be lost in silence: "
        "observe the captures again, and report it where that does not help.",
        class_="balance attention",
    )


def _of_records(records: _Read, *, live: bool) -> Html:
    what = ("packet or record", "packets or records") if live else ("record", "records")
    of = " of live interfaces and flow logs" if live else " of flow logs"
    return tag(
        "p",
        f"Of {plural(records.read, what[0], what[1])}{of}, {records.left:,} are in the ledger; the other "
        f"{records.in_flows:,} are in flows. A record may stand for many packets, and many records for one connection.",
        class_="balance good",
    )
