"""Turns records of one template into a batch: ends before and after translation, times, counters, what flags prove."""

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from collectors.formats import antrea_parts
from collectors.formats.batch import Batch, Records, batch_of, records_of
from collectors.formats.columns import Array, Bad, Columns, Numbers, Texts
from collectors.formats.evidence import ACK, RST, SYN, Seen, evidence, of_sum_flags
from collectors.formats.icmp import not_conversations
from collectors.formats.ipfix_elements import reverse_name
from collectors.formats.netflow_fields import Fields, set_address

_MILLI: Final = 10**6
_NANO: Final = 10**9
_WRAP: Final = (1 << 32) * _MILLI
"""The exporter's own clock, in ms, begins again after 49 days."""
_NTP: Final = 2_208_988_800
"""Seconds from 1900 to 1970 (RFC 7011, section 6.1.9)."""
_LATEST: Final = 1 << 62
_DATED: Final = (("Milliseconds", _MILLI), ("Seconds", _NANO))
_TCP: Final = 6
_PACKETS: Final = ("packetDeltaCount", "packetTotalCount")
_FEW: Final = 2
"""Packets of an initiator that refuses the answer: SYN and RST."""
_ACL: Final = (129, 130)
"""Forwarding status: dropped, by an access list."""
_DROPPED: Final = 2
_SESSIONS: Final = (0, 1, 2, 4, 5, 6, 7)
"""NAT events that are about a connection (RFC 8158, section 4.3); the others are of pools and limits."""
_CREATED, _DELETED, _REFUSED, _UPDATED = 1, 2, 3, 5
_INITIATOR, _RESPONDER = 1, 2


@dataclass(frozen=True, eq=False)
class Context:
    """What messages say of their records, a value for each record: times in ns; boot is -1 where it is not known."""

    number: Array
    export: Array
    boot: Array
    exporter: Texts
    share: Array


def batch_of_run(fields: Fields, context: Context) -> Batch:
    """Return what records of one template say."""
    columns = Columns(context.number, {}, Bad(np.zeros(0, dtype=np.int64), ()))
    antrea = fields.has("sourcePodName", "destinationPodName")
    records = _of_antrea(fields, context, columns) if antrea else _of_others(fields, context, columns)
    ends = (("source", records.src), ("destination", records.dst)) if antrea else ()
    event = fields.number("natEvent")
    # an exporter without an element for it puts type and code in place of the port
    kind = fields.numbers("icmpTypeCodeIPv4", "icmpTypeCodeIPv6", "destinationTransportPort")
    return batch_of(
        columns,
        records,
        {
            **not_conversations(records.protocol, Numbers(kind.values >> 8, kind.known)),
            "other_record": event.known & ~np.isin(event.values, _SESSIONS),
            "incomplete": ~records.protocol.known | ~records.src.known | ~records.dst.known,
        },
        claims=[claim for end, address in ends for claim in antrea_parts.claims(fields, records.first, end, address)],
    )


def _of_antrea(fields: Fields, context: Context, columns: Columns) -> Records:
    protocol = fields.text("protocolIdentifier")
    answered = fields.numbers("reversePacketTotalCount", "reversePacketDeltaCount")
    bits = antrea_parts.outcome(fields, protocol, answered)
    parts = antrea_parts.pods(fields) | antrea_parts.service(fields)
    target, port = fields.address("destination"), fields.number("destinationTransportPort")
    return _made(fields, context, columns, bits, dst=target, dst_port=port, **parts)


def _of_others(fields: Fields, context: Context, columns: Columns) -> Records:
    """Return the records with the destination after translation, and what was called as the Service."""
    target, asked = fields.address("destination"), fields.number("destinationTransportPort")
    behind = fields.address("postNATDestination").map(set_address)
    port = fields.number("postNAPTDestinationTransportPort")
    turned = _only_replies(fields)
    records = _made(
        fields,
        context,
        columns,
        _evidence(fields, fields.text("protocolIdentifier"), turned),
        dst=target.but(behind.known, behind),
        dst_port=asked.but(behind.known & port.known & (port.values > 0), port),
        service_ip=target.but(~behind.known, Texts.none(len(fields))),
        service_port=asked.where(behind.known),
    )
    return _exchanged(records, turned) if turned.any() else records


def _made(
    fields: Fields, context: Context, columns: Columns, bits: Array, dst: Texts, dst_port: Numbers, **parts: Any
) -> Records:
    first, last = _times(fields, context)
    return records_of(
        columns,
        first=first,
        last=last,
        protocol=fields.text("protocolIdentifier"),
        src=fields.address("source"),
        dst=dst,
        src_port=fields.number("sourceTransportPort"),
        dst_port=dst_port,
        evidence=bits,
        sampled=_share(fields, context),
        reporter=_reporter(fields, context),
        **_counters(fields),
        **parts,
    )


def _only_replies(fields: Fields) -> Array:
    """Return where a record of both directions has packets only of the other one: its source sent nothing."""
    own, other = (fields.numbers(delta, total) for delta, total in (_PACKETS, tuple(map(reverse_name, _PACKETS))))
    sent: Array = own.known & (own.values == 0) & (other.values > 0)
    return sent


def _exchanged(records: Records, where: Array) -> Records:
    """Return the records with source and destination exchanged where the mask holds."""
    made: dict[str, Any] = {}
    for pair in (("src", "dst"), ("src_port", "dst_port"), ("packets", "reply_packets"), ("bytes", "reply_bytes")):
        left, right = (getattr(records, name) for name in pair)
        made |= {pair[0]: left.but(where, right), pair[1]: right.but(where, left)}
    return replace(records, **made)


def _counters(fields: Fields) -> dict[str, Texts | Numbers]:
    """Return packets and bytes of both ways: deltas, for a total counts what an earlier record counted."""
    found: dict[str, Texts | Numbers] = {}
    for name, word in (("packets", "packet"), ("bytes", "octet")):
        title = "Packets" if word == "packet" else "Octets"
        delta, total = f"{word}DeltaCount", f"{word}TotalCount"
        post = f"post{word.title()}DeltaCount"
        found[name] = fields.numbers(delta, total, f"initiator{title}", post)
        found[f"reply_{name}"] = fields.numbers(reverse_name(delta), reverse_name(total), f"responder{title}")
    return found


def _times(fields: Fields, context: Context) -> tuple[Numbers, Numbers]:
    """Return first and last time; when the record was sent, where it has neither."""
    sent = Numbers(context.export, np.ones(len(fields), dtype=bool))
    event = _scaled(fields, "observationTimeMilliseconds", _MILLI)
    start, end = (_time(fields, context, word) for word in ("Start", "End"))
    return start.or_else(event).or_else(end).or_else(sent), end.or_else(event).or_else(start).or_else(sent)


def _time(fields: Fields, context: Context, word: str) -> Numbers:
    found = Numbers.none(len(fields))
    for unit, scale in _DATED:
        found = found.or_else(_scaled(fields, f"flow{word}{unit}", scale))
    for unit in ("Microseconds", "Nanoseconds"):
        if fields.has(f"flow{word}{unit}"):
            found = found.or_else(_ntp(fields, f"flow{word}{unit}"))
    before = fields.number(f"flow{word}DeltaMicroseconds")
    found = found.or_else(Numbers(context.export - before.values * 1000, before.known))
    return _possible(found.or_else(_uptime(fields, context, f"flow{word}SysUpTime")))


def _scaled(fields: Fields, name: str, scale: int) -> Numbers:
    found = fields.number(name)
    return Numbers(found.values * scale, found.known & (found.values > 0) & (found.values < _LATEST // scale))


def _ntp(fields: Fields, name: str) -> Numbers:
    """Return a time of 64 bits whose upper half is seconds since 1900, and the lower one fractions of them."""
    seconds, fraction = fields.halves(name)
    return Numbers((seconds.values - _NTP) * _NANO + (fraction.values * _NANO >> 32), seconds.known)


def _uptime(fields: Fields, context: Context, name: str) -> Numbers:
    """Return a time by the exporter's own clock, on the side of its last beginning that is nearer to the export."""
    clock, set_at = fields.number(name), _scaled(fields, "systemInitTimeMilliseconds", _MILLI)
    boot = np.where(set_at.known, set_at.values, context.boot)
    time = boot + clock.values * _MILLI
    time -= np.rint((time - context.export) / _WRAP).astype(np.int64) * _WRAP
    return Numbers(time, clock.known & (boot >= 0))


def _possible(times: Numbers) -> Numbers:
    return times.where((times.values >= 0) & (times.values < _LATEST))


def _share(fields: Fields, context: Context) -> Array:
    """Return the share that was kept: as the record says, else as its exporter has said."""
    rate = fields.numbers("samplingInterval", "samplerRandomInterval")
    return np.where(rate.known & (rate.values > 0), 1 / np.maximum(rate.values, 1), context.share)


def _reporter(fields: Fields, context: Context) -> Texts:
    """Return who saw each record: exporter, and the interface at which it counted."""
    way = fields.number("flowDirection")
    out = way.known & (way.values == 1)
    place = fields.number("ingressInterface").but(out, fields.number("egressInterface"))
    # a node whose records another one passes on
    original = fields.address("originalExporter").map(set_address)
    key = np.stack(
        [context.exporter.codes, original.codes, out.astype(np.int64), np.where(place.known, place.values, -1)]
    )
    distinct, codes = np.unique(key, axis=1, return_inverse=True)
    names = [
        " ".join(
            [context.exporter.values[who], *([original.values[behind]] if behind >= 0 else []),
             *([f"{'out' if outward else 'in'} {where}"] if where >= 0 else [])]
        )
        for who, behind, outward, where in distinct.T.tolist()
    ]  # fmt: skip
    return Texts(codes.ravel().astype(np.int64), tuple(names))


def _evidence(fields: Fields, protocol: Texts, turned: Array) -> Array:
    """Return the bits of records; those in `turned` are of the other direction only."""
    tcp = protocol.isin((str(_TCP),))
    packets = [fields.numbers("packetDeltaCount", "packetTotalCount", "initiatorPackets")]
    packets += [fields.numbers("reversePacketDeltaCount", "reversePacketTotalCount", "responderPackets")]
    flags = [fields.number("tcpControlBits"), fields.number("reverseTcpControlBits")]
    for pair in (packets, flags):
        pair[:] = pair[0].but(turned, pair[1]), pair[1].but(turned, pair[0])
    (own, known), (other, other_known) = (_flags(found, tcp) for found in flags)
    bits = of_sum_flags(own, known, packets[0]) | _both_ways(
        (own, other), (packets[0], packets[1]), known & other_known
    )
    return bits | _told(fields, turned)


def _told(fields: Fields, turned: Array) -> Array:
    """Return what exporters say beside flags: of firewalls, translation, forwarding, and which direction came first."""
    status, event = fields.number("forwardingStatus"), fields.number("firewallEvent")
    # 8 bits, in IPFIX also as the last of 32
    dropped = status.known & ((status.values & 0xFF) >> 6 == _DROPPED)
    by_list = dropped & np.isin(status.values & 0xFF, _ACL)
    direction, nat = fields.number("biflowDirection"), fields.number("natEvent")
    passed = (event.known & np.isin(event.values, (_CREATED, _DELETED, _UPDATED))) | (nat.known & (nat.values > 0))
    refused = event.known & (event.values == _REFUSED)
    # initiator and responder are who they are; RFC 5103, section 6.3 for the reverse elements
    began = passed | refused | fields.number("initiatorOctets").known | fields.number("initiatorPackets").known
    began |= direction.values == np.where(turned, _RESPONDER, _INITIATOR)
    return evidence(
        len(fields),
        (Seen.BEGAN, began),
        (Seen.REPLIED, direction.values == np.where(turned, _INITIATOR, _RESPONDER)),
        (Seen.ALLOWED, passed),
        (Seen.DENIED, refused | by_list),
        (Seen.UNANSWERED, dropped & ~by_list),
    )


def _flags(found: Numbers, tcp: Array) -> tuple[Array, Array]:
    """Return TCP flags and where they are known: no TCP packet is without any, so 0 is an exporter that has none."""
    flags = found.values & 0xFF
    return flags, found.known & tcp & (flags != 0)


def _both_ways(flags: tuple[Array, Array], packets: tuple[Numbers, Numbers], known: Array) -> Array:
    """Return what the TCP flags of both ways in one record prove, whichever of them began."""
    syn, rst = ([(side & flag) != 0 for side in flags] for flag in (SYN, RST))
    # a RST with ACK that refuses the answer acknowledges nothing that was established
    few = [count.known & (count.values <= _FEW) for count in packets]
    ack = [
        ((side & ACK) != 0) & ~(reset & scarce & begun)
        for side, reset, scarce, begun in zip(flags, rst, few, syn, strict=True)
    ]
    sides = [(0, 1), (1, 0)]
    refused = [syn[one] & ~ack[one] & rst[two] & ~syn[two] for one, two in sides]
    half_open = [syn[one] & ~ack[one] & syn[two] & ack[two] for one, two in sides]
    return evidence(
        len(known),
        (Seen.ANSWERED, known & syn[1] & ~ack[1]),
        (Seen.WORKED, known & ack[0] & ack[1] & ~refused[0] & ~refused[1]),
        (Seen.HALF_OPEN, known & (half_open[0] | half_open[1])),
        (Seen.REFUSED, known & (refused[0] | refused[1])),
    )
