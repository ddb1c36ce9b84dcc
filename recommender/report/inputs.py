"""Turns what was read, and what is not known of the cluster, into the part of the page that lets a reader check it."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import pandas as pd

from collectors.inventory import Inventory
from collectors.ledger import Ledger
from collectors.observation import Gap, Source
from recommender.phrases import duration
from recommender.reading_words import is_capture, is_live
from recommender.report.facts import Facts
from recommender.report.markup import Child, Html, join, tag
from recommender.report.tables import events_table, ledger_table, said, samples_table, table, time
from recommender.report.words import NOT_KNOWN, plural

_MOST_GAPS: Final = 50
_FILTERED: Final = (
    "Packets that the kernel's filter left out, because policies need nothing of them, are in neither number."
)


def inputs_part(facts: Facts) -> Html:
    """Return the inputs, what became of every packet and record, and what could not be known."""
    observation = facts.conclusion.observation
    window, ledger = observation.window, observation.ledger
    if not window.sources:
        return tag("p", "No input was read.", class_="empty")
    rows = [
        (tag("bdi", s.name), _kind(s), f"{s.packets:,}", f"{s.drops:,}", time(s.start), time(s.end))
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
            _of_records(records, window.sources) if records.read else None,
            join([tag("h3", "Input faults"), events_table(events)]) if events else None,
            _gaps(window.gaps),
            _missing(facts.conclusion.inventory),
            tag("details", tag("summary", "Examples from the ledger"), samples_table(samples)) if samples else None,
        ]
    )


def _kind(source: Source) -> Html:
    return tag("bdi", "live interface" if is_live(source) else source.kind)


def _gaps(gaps: Sequence[Gap]) -> Html | None:
    """Return when nothing was seen, or not everything; the longest where there are too many to list."""
    if not gaps:
        return None
    listed = sorted(sorted(gaps, key=_length, reverse=True)[:_MOST_GAPS], key=Gap.order)
    rows = [(tag("bdi", gap.source), time(gap.start), time(gap.end), _long(gap), _lost(gap)) for gap in listed]
    head = ("Input", "From (UTC)", "To (UTC)", "Length", "Packets or records lost")
    left = len(gaps) - len(listed)
    return join(
        [
            tag("h3", "Gaps: when something was lost, or nobody watched"),
            table(head, rows, "Gaps", numbers=(4,)),
            tag("p", f"And {plural(left, 'gap')} more, no longer than these.", class_="dim") if left else None,
        ]
    )


def _length(gap: Gap) -> pd.Timedelta:
    return pd.Timedelta(0) if gap.start is None or gap.end is None else gap.end - gap.start


def _long(gap: Gap) -> str:
    return NOT_KNOWN if gap.start is None or gap.end is None else duration(_length(gap))


def _lost(gap: Gap) -> str:
    return NOT_KNOWN if gap.lost is None else f"{gap.lost:,}"


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


def _of_records(records: _Read, sources: Sequence[Source]) -> Html:
    live, logs = any(map(is_live, sources)), not all(map(is_capture, sources))
    one, many, of = "record", "records", "flow logs"
    if live:
        one, many, of = "packet", "packets", "live interfaces"
        if logs:
            one, many, of = "packet or record", "packets or records", "live interfaces and flow logs"
    means = "A record may stand for many packets, and many records for one connection." if logs else _FILTERED
    return tag(
        "p",
        f"Of {plural(records.read, one, many)} of {of}, {records.left:,} are in the ledger; the other "
        f"{records.in_flows:,} are in flows. {means}",
        class_="balance good",
    )
