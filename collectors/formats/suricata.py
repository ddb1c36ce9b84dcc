"""Turns Suricata's EVE log (JSON lines) into batches: flow and netflow events, names from dns, losses from stats.

Format: https://docs.suricata.io/en/latest/output/eve/eve-json-format.html; docs/formats/suricata.md says how it is
switched on. A flow event is a connection, both ways; with netflow each way is an event of its own. Where both are
logged they are two views of the same packets.
"""

from collections.abc import Iterator
from typing import Any, BinaryIO, Final

import numpy as np

from collectors.formats.batch import Batch, Loss, batch_of, records_of
from collectors.formats.columns import Array, Columns, Field, Kind, Numbers, Texts
from collectors.formats.evidence import ACK, FIN, PSH, RST, SYN, Seen, evidence, flags_of, of_sum_flags
from collectors.formats.icmp import not_conversations
from collectors.formats.json_lines import json_object, read_json
from collectors.formats.protocols import protocol_name
from collectors.formats.sniffing import lines, outline

NAME: Final = "suricata"

_FIELDS: Final = {
    "timestamp": Kind.TIME, "event_type": Kind.TEXT, "host": Kind.TEXT, "in_iface": Kind.TEXT, "proto": Kind.TEXT,
    "src_ip": Kind.TEXT, "src_port": Kind.NUMBER, "dest_ip": Kind.TEXT, "dest_port": Kind.NUMBER,
    "icmp_type": Kind.NUMBER, "flow.action": Kind.TEXT, "dns": Kind.RAW, "stats.capture.kernel_drops": Kind.NUMBER,
    **{f"tcp.tcp_flags{way}": Kind.TEXT for way in ("", "_ts", "_tc")},
    **{f"flow.{what}_{way}": Kind.NUMBER for what in ("pkts", "bytes") for way in ("toserver", "toclient")},
    **{f"netflow.{what}": Kind.NUMBER for what in ("pkts", "bytes")},
    **{f"{event}.{end}": Kind.TIME for event in ("flow", "netflow") for end in ("start", "end")},
}  # fmt: skip
_EVENTS: Final = frozenset({
    "flow", "netflow", "alert", "anomaly", "dns", "drop", "fileinfo", "http", "smtp", "ssh", "stats", "tls",
})  # fmt: skip
"""Events that a file may begin with; those of other application protocols never come alone."""
_ADDRESSES: Final = ("A", "AAAA")


def sniff(head: bytes) -> bool:
    """Return whether a file that begins so has EVE events."""
    return any(
        found.get("event_type") in _EVENTS and "timestamp" in found and ("flow_id" in found or "stats" in found)
        for found in (outline(line.encode()) for line in lines(head))
    )


def read(stream: BinaryIO) -> Iterator[Batch]:
    """Yield all events; others than flow and netflow are left out.

    A stats event whose count of dropped packets is higher than in the one before is a loss, and left out as `gap`.
    """
    drops = _Drops()
    for columns in read_json(stream, [Field.of(path, kind) for path, kind in _FIELDS.items()]):
        yield _batch(_Events(columns), columns, drops)


class _Events:
    """The fields of events, by their dotted path."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns

    def text(self, path: str) -> Texts:
        return self._columns.texts(Field.of(path, _FIELDS[path]))

    def number(self, path: str) -> Numbers:
        return self._columns.numbers(Field.of(path, _FIELDS[path]))


def _batch(events: _Events, columns: Columns, drops: "_Drops") -> Batch:
    event, time, protocol = events.text("event_type"), events.number("timestamp"), events.text("proto")
    one_way = event.isin(("netflow",))
    losses = list(drops.of(event, events))
    gaps = np.isin(columns.number, [columns.number[row] for row, _ in losses])
    records = records_of(
        columns,
        first=events.number("flow.start").or_else(events.number("netflow.start")).or_else(time),
        last=events.number("flow.end").or_else(events.number("netflow.end")).or_else(time),
        protocol=protocol,
        src=events.text("src_ip"),
        dst=events.text("dest_ip"),
        src_port=events.number("src_port"),
        dst_port=events.number("dest_port"),
        evidence=np.where(one_way, _of_one_way(events), _of_flow(events, protocol)),
        packets=events.number("flow.pkts_toserver").but(one_way, events.number("netflow.pkts")),
        bytes=events.number("flow.bytes_toserver").but(one_way, events.number("netflow.bytes")),
        reply_packets=events.number("flow.pkts_toclient").where(~one_way),
        reply_bytes=events.number("flow.bytes_toclient").where(~one_way),
        reporter=Texts.joined(events.text("host"), events.text("in_iface"), event),
    )
    return batch_of(
        columns,
        records,
        {
            "gap": gaps,
            "other_record": ~event.isin(("flow", "netflow")),
            **not_conversations(protocol, events.number("icmp_type")),
        },
        losses=[loss for _, loss in losses],
        names=_names(event, events.text("dns"), time),
    )


def _hexadecimal(text: str) -> int | None:
    """Return TCP flags; 00 is what is written for packets of no session that Suricata followed."""
    try:
        return int(text, 16) & 0xFF or None
    except ValueError:
        return None


def _of_one_way(events: _Events) -> Array:
    flags, known = flags_of(events.text("tcp.tcp_flags"), _hexadecimal)
    return of_sum_flags(flags, known, events.number("netflow.pkts"))


def _of_flow(events: _Events, protocol: Texts) -> Array:
    """Return the bits of connections by the OR of the flags of either side."""
    asking, asked = flags_of(events.text("tcp.tcp_flags_ts"), _hexadecimal)
    answering, answered = flags_of(events.text("tcp.tcp_flags_tc"), _hexadecimal)
    reply = events.number("flow.pkts_toclient")
    stream = protocol.each(lambda text: protocol_name(text) == "TCP", missing=False)
    began, reset = (asking & SYN) != 0, (answering & RST) != 0
    syn_ack = (answering & SYN) != 0
    goes_on = syn_ack | ((answering & ACK) != 0) & (~reset | ((answering & (PSH | FIN)) != 0))
    # an answer that goes on without a SYN: what the other side sent as SYN was one with ACK, or a SYN was missed
    doubted = began & goes_on & ~syn_ack
    # a RST may have the only ACK, and so follow a SYN with ACK: that is how a scanner ends
    sent = ((asking & ACK) != 0) & (((asking & RST) == 0) | ((asking & (PSH | FIN)) != 0))
    carried = sent & (goes_on | ~answered)
    return evidence(
        len(asking),
        (Seen.BEGAN, ~stream | (began & ~doubted)),
        (Seen.OPENED, stream & began & ((asking & ACK) == 0)),
        (Seen.DOUBTED, stream & doubted),
        (Seen.SYN, stream & began),
        (Seen.CARRIED, (stream & carried) | ~(stream | reply.known)),
        (Seen.WORKED, stream & carried & goes_on),
        (Seen.HALF_OPEN, stream & began & syn_ack & ~sent),
        (Seen.REFUSED, stream & began & reset & ~goes_on),
        (Seen.UNANSWERED, stream & began & ~sent & reply.known & (reply.values == 0)),
        (Seen.SHOWN, stream & asked & (goes_on | ~carried)),
        (Seen.DENIED, events.text("flow.action").isin(("drop",))),
    )


class _Drops:
    """How many packets each sensor said so far that the kernel had dropped, and when."""

    def __init__(self) -> None:
        self._said: dict[str | None, tuple[int, int]] = {}

    def of(self, event: Texts, events: _Events) -> Iterator[tuple[int, Loss]]:
        """Yield row and loss for each event that counts more than the one before; the first one of a sensor is none.

        The count goes on from before the log began; after a restart it is smaller, and all of it is new.
        """
        total, time, host = events.number("stats.capture.kernel_drops"), events.number("timestamp"), events.text("host")
        for row in np.flatnonzero(event.isin(("stats",)) & total.known & time.known).tolist():
            count, now = int(total.values[row]), int(time.values[row])
            before, since = self._said.get(host.at(row), (count, now))
            self._said[host.at(row)] = count, now
            lost = count - before if count >= before else count
            if lost > 0:
                yield row, Loss(min(since, now), now, lost, "dropped by the kernel before Suricata saw them")


def _names(event: Texts, answers: Texts, time: Numbers) -> Iterator[tuple[int, str, str]]:
    """Yield time, address and name for each address in an answer, under the name asked for and its own."""
    for row in np.flatnonzero(event.isin(("dns",)) & answers.known & time.known).tolist():
        answer = json_object(answers.values[answers.codes[row]])
        for address, name in set(_resolved(answer)) if isinstance(answer, dict) else ():
            yield int(time.values[row]), address, name


def _resolved(answer: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield address and name: one answer an event (version 1), a list of them, or addresses by type (`grouped`)."""
    if answer.get("type") not in {"answer", "response"}:
        return
    asked = _name(answer) or next(map(_name, _objects(answer.get("queries"))), "")
    listed = [one for one in (answer, *_objects(answer.get("answers"))) if one.get("rrtype") in _ADDRESSES]
    said = [(one.get("rdata"), name) for one in listed for name in (asked, _name(one))]
    grouped = answer.get("grouped")
    if isinstance(grouped, dict):
        addresses = [found for kind in _ADDRESSES if isinstance(found := grouped.get(kind), list)]
        said += [(address, asked) for found in addresses for address in found]
    yield from ((address, name) for address, name in said if isinstance(address, str) and name)


def _name(found: dict[str, Any]) -> str:
    name = found.get("rrname")
    return name if isinstance(name, str) else ""


def _objects(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
