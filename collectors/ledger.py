"""Turns every packet or record that made no flow into a class, a count and a few samples (Ledger)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

# Classes of packets and records: each one read that is in no flow is in exactly one of these.
PACKET_CLASSES = (
    "malformed",  # nonsense: bad version, header shorter than itself, lengths that contradict each other
    "truncated",  # the capture length cut the header off before the ports
    "not_ip",  # ARP, LLDP, ...
    "unknown_link",  # a link type that is not read
    "fragment",  # later fragments carry no ports
    "icmp_error",  # quotes a packet of another conversation
    "link_control",  # neighbour discovery, router discovery, multicast listeners
    "loopback",
    "multicast",  # multicast or broadcast destination
    "duplicate",
    "reply",
    # of records of flow logs
    "other_record",  # of another kind: an alert, a heartbeat, a log line of the agent, an interval without data
    "incomplete",  # leaves out what it may: no protocol, no ports, an address that was masked
    "no_end",  # names neither address nor pod of an end
    "gap",  # says that events were lost
    "outside",  # begins outside of the period that was asked for
)
# What happened to a source as a whole: no packet of ours, so counted apart and not part of the balance.
EVENT_CLASSES = (
    "truncated",  # the file ends in the middle of a packet
    "malformed",  # framing that cannot be followed further
    "gap",  # the source says that it lost packets
    "untimed",  # packets without a usable time, taken at the time of the packet before them
    "passed_over",  # a file of a folder that is no capture
    "unreadable",  # a file of a folder that could not be read: nothing of it counts
    "name_evidence",  # DNS answers or TLS greetings of which something was not used
    "grown",  # a source that was observed before, when it was shorter: the longer reading took its place
    "overlap",  # a source of the same name and time but other content was observed already
    "interface",  # an interface appeared, went away, came back, or could not be captured
    "overflow",  # conversations that were told before they ended, because too many were open
    "clock",  # somebody set the clock
    "budget",  # packets or records of a learning store that were removed, to stay within its disk budget
)
LEFT_OUT = ("passed_over", "unreadable")
"""Events of files that are no source: nothing of them is in an observation."""
SAMPLES = 3


class Sample(NamedTuple):
    """One example: source, packet number from 1 (for an event: byte offset), and a few words."""

    source: str
    position: int
    text: str


@dataclass(frozen=True)
class Entry:
    """How often, and the first few by position."""

    count: int
    samples: tuple[Sample, ...] = ()

    def __add__(self, other: "Entry") -> "Entry":
        # The smallest few of the sorted union: any order of merging gives the same.
        samples = sorted({*self.samples, *other.samples})[:SAMPLES]
        return Entry(self.count + other.count, tuple(samples))


Key = tuple[str, str]
"""(source, class)"""


@dataclass(frozen=True)
class Ledger:
    """What became of the input that is in no flow, by (source, class).

    `packets` holds the packets and records themselves: their sum plus the packets of all flows is what was read.
    `events` holds what happened to a source as a whole, and takes no part in that balance.
    """

    packets: Mapping[Key, Entry] = field(default_factory=dict)
    events: Mapping[Key, Entry] = field(default_factory=dict)

    def __add__(self, other: "Ledger") -> "Ledger":
        return Ledger(_add(self.packets, other.packets), _add(self.events, other.events))

    def packets_total(self) -> int:
        """Return the number of packets or records in all classes."""
        return sum(entry.count for entry in self.packets.values())

    def packet_counts(self) -> dict[str, int]:
        """Return class -> packets over all sources, sorted by class."""
        return _counts(self.packets)

    def event_counts(self) -> dict[str, int]:
        """Return class -> events over all sources, sorted by class."""
        return _counts(self.events)

    def samples(self, kind: str) -> tuple[Sample, ...]:
        """Return the samples kept of a class, packets before events."""
        entries = [*sorted(self.packets.items()), *sorted(self.events.items())]
        return tuple(sample for (_, name), entry in entries if name == kind for sample in entry.samples)

    def without(self, sources: Iterable[str]) -> "Ledger":
        """Return the ledger less the entries of some sources."""
        gone = set(sources)
        return Ledger(
            {key: entry for key, entry in self.packets.items() if key[0] not in gone},
            {key: entry for key, entry in self.events.items() if key[0] not in gone},
        )

    def to_json(self) -> dict[str, Any]:
        """Return plain lists and dicts, sorted; `from_json` reads them."""
        return {"packets": _to_json(self.packets), "events": _to_json(self.events)}

    @staticmethod
    def from_json(document: Mapping[str, Any]) -> "Ledger":
        """Return the ledger that `to_json` wrote; raises KeyError, TypeError or ValueError on anything else."""
        return Ledger(_from_json(document["packets"]), _from_json(document["events"]))


class LedgerWriter:
    """Counts while reading; `ledger()` is the value at the end."""

    def __init__(self) -> None:
        self._packets: dict[Key, tuple[int, tuple[Sample, ...]]] = {}
        self._events: dict[Key, tuple[int, tuple[Sample, ...]]] = {}

    def packet(self, source: str, kind: str, number: int, text: str = "") -> None:
        """Count one packet of a class; `number` is its place in the source, from 1."""
        _count(self._packets, (source, kind), 1, number, text)

    def packets(self, source: str, kind: str, count: int, samples: Iterable[tuple[int, str]]) -> None:
        """Count many packets of a class at once, with the number and text of the first few."""
        before, told = self._packets.get((source, kind), (0, ()))
        fresh = tuple(Sample(source, number, text) for number, text in samples)
        self._packets[source, kind] = (before + count, (*told, *fresh)[:SAMPLES])

    def event(self, source: str, kind: str, offset: int, text: str, count: int = 1) -> None:
        """Count an event; `offset` is where in the source, in bytes."""
        _count(self._events, (source, kind), count, offset, text)

    def ledger(self) -> Ledger:
        """Return what was counted so far."""
        packets = {key: Entry(count, tuple(sorted(samples))) for key, (count, samples) in self._packets.items()}
        events = {key: Entry(count, tuple(sorted(samples))) for key, (count, samples) in self._events.items()}
        return Ledger(packets, events)


def _count(table: dict[Key, tuple[int, tuple[Sample, ...]]], key: Key, count: int, position: int, text: str) -> None:
    before, samples = table.get(key, (0, ()))
    if len(samples) < SAMPLES:
        samples = (*samples, Sample(key[0], position, text))
    table[key] = (before + count, samples)


def _add(left: Mapping[Key, Entry], right: Mapping[Key, Entry]) -> dict[Key, Entry]:
    total = dict(left)
    for key, entry in right.items():
        total[key] = total[key] + entry if key in total else entry
    return dict(sorted(total.items()))


def _counts(entries: Mapping[Key, Entry]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for (_, kind), entry in entries.items():
        counts[kind] = counts.get(kind, 0) + entry.count
    return dict(sorted(counts.items()))


def _to_json(entries: Mapping[Key, Entry]) -> list[dict[str, Any]]:
    return [
        {
            "source": source,
            "class": kind,
            "count": entry.count,
            "samples": [{"position": sample.position, "text": sample.text} for sample in entry.samples],
        }
        for (source, kind), entry in sorted(entries.items())
    ]


def _from_json(rows: Iterable[Mapping[str, Any]]) -> dict[Key, Entry]:
    return {
        (str(row["source"]), str(row["class"])): Entry(
            int(row["count"]),
            tuple(Sample(str(row["source"]), int(s["position"]), str(s["text"])) for s in row["samples"]),
        )
        for row in rows
    }
