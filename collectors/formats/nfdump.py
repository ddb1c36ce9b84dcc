"""Turns the CSV of nfdump (NetFlow, IPFIX, sFlow, nfpcapd) into batches, in any of its dialects.

Format: nfdump(1) and src/output of https://github.com/phaag/nfdump; docs/formats/nfdump.md says how it is written. The
header names the columns: `-o csv` and `-o csv-fast` since 1.7.5, `-o "csv:%tsr,..."`, and `-o csv` of older versions,
which ends with a summary. A record is one direction of a connection. Times without an offset are taken for UTC.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import BinaryIO, Final

import numpy as np

from collectors.errors import UnreadableInput
from collectors.formats.batch import Batch, batch_of, records_of
from collectors.formats.columns import Array, Columns, Field, Kind, Numbers, Texts
from collectors.formats.evidence import ACK, FIN, PSH, RST, SYN, Seen, evidence, flags_of, of_packet_flags, of_sum_flags
from collectors.formats.icmp import not_conversations
from collectors.formats.protocols import protocol_name
from collectors.formats.separated import Dialect, read_separated
from collectors.formats.sniffing import lines

NAME: Final = "nfdump"

_ALIASES: Final = {
    "firstSeen": "first", "ts": "first", "lastSeen": "last", "te": "last", "duration": "duration", "td": "duration",
    "proto": "protocol", "pr": "protocol", "srcAddr": "src", "sa": "src", "dstAddr": "dst", "da": "dst",
    "srcPort": "src_port", "sp": "src_port", "dstPort": "dst_port", "dp": "dst_port", "flags": "flags", "flg": "flags",
    "packets": "packets", "inPackets": "packets", "ipkt": "packets", "bytes": "bytes", "inBytes": "bytes",
    "ibyt": "bytes", "outPackets": "answers", "opkt": "answers", "fwdStatus": "forwarding", "fwd": "forwarding",
    "routerIP": "router", "ra": "router", "exporterID": "exporter", "exid": "exporter",
    "input": "input", "in": "input", "direction": "direction", "dir": "direction",
}  # fmt: skip
"""Names of columns in headers -> ours."""
_NEEDED: Final = frozenset({"first", "protocol", "src", "dst", "dst_port"})
_HEADS: Final = frozenset(_ALIASES) | {
    "Summary", "No matched flows", "version", "count", "cnt", "af", "Ident", "engine", "received", "tos", "flows",
}  # fmt: skip
"""First values of lines that are no records."""
_TIMES: Final = ("first", "last")
_NUMBERS: Final = ("src_port", "dst_port", "forwarding")
_COUNTERS: Final = ("packets", "bytes", "answers")
_PLACES: Final = ("router", "exporter", "input", "direction")
_FIELDS: Final = (
    *(Field((name,), Kind.TIME) for name in _TIMES),
    *(Field((name,), Kind.NUMBER) for name in _NUMBERS),
    *(Field((name,)) for name in ("protocol", "src", "dst", "flags", "duration", *_COUNTERS, *_PLACES)),
)
_FLAGS: Final = {"F": FIN, "S": SYN, "R": RST, "P": PSH, "A": ACK, "U": 32, "E": 64, "C": 128}
_DROPPED: Final = range(128, 192)
"""forwardingStatus of IPFIX (element 89)."""
_ECHO_REQUEST: Final = {"ICMP": 8, "ICMPv6": 128}
_MOST_TYPE: Final = 255
_MOST: Final = 1 << 62
_HEX: Final = re.compile(r"0x[0-9a-fA-F]{1,4}").fullmatch
_COUNT: Final = re.compile(r"(\d{1,19}(?:\.\d{1,9})?)(?: ?([kKMGT]))?", re.ASCII).fullmatch
_SCALES: Final = {None: 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_LASTED: Final = re.compile(r"(?:(?:(\d{1,5})d )?(\d{1,5}):(\d\d):)?(\d{1,9}(?:\.\d{1,9})?)", re.ASCII).fullmatch


def sniff(head: bytes) -> bool:
    """Return whether a file that begins so begins with a header of nfdump that names both ends."""
    first = lines(head, 1)
    return bool(first) and set(_columns(first[0])) >= _NEEDED and first[0].split(",", 1)[0] in _HEADS


def read(stream: BinaryIO) -> Iterator[Batch]:
    """Yield all records; sums after the word Summary are `other_record`, two directions in one are `incomplete`.

    Raises UnreadableInput where the header names no end, no time or no protocol: a statistic, or aggregated flows.
    """
    lacking: set[str] = set()

    def header(line: str) -> Sequence[str] | None:
        if "," not in line:
            return None
        columns = _columns(line)
        if "avg_bps" not in columns:
            lacking.clear()
            lacking.update(_NEEDED.difference(columns))
        return columns

    for columns in read_separated(stream, _FIELDS, Dialect(",", heads=_HEADS, header=header)):
        if lacking and len(columns):
            missing = ", ".join(sorted(lacking)).replace("_", " ")
            raise UnreadableInput(
                f"this output of nfdump has no column for {missing}: write flows, not statistics (-s) or sums (-A), "
                "for example with -o csv-fast"
            )
        yield _batch(columns)


def _columns(header: str) -> list[str]:
    """Return our names of a header's columns, and the header's own where we have none."""
    return [_ALIASES.get(name, name) for name in header.strip().split(",")]


def _batch(columns: Columns) -> Batch:
    texts = {field.path[0]: columns.texts(field) for field in _FIELDS if field.kind is Kind.TEXT}
    numbers = {field.path[0]: columns.numbers(field) for field in _FIELDS if field.kind is not Kind.TEXT}
    packets, size, answers = (_numbers(texts[name], _count) for name in _COUNTERS)
    kind = _icmp_type(numbers["dst_port"])
    first = numbers["first"].where(numbers["first"].values > 0)
    lasted = _numbers(texts["duration"], _lasted)
    records = records_of(
        columns,
        first=first,
        last=numbers["last"].or_else(Numbers(first.values + lasted.values, first.known)),
        protocol=texts["protocol"],
        src=texts["src"],
        dst=texts["dst"],
        src_port=numbers["src_port"],
        dst_port=numbers["dst_port"],
        evidence=_evidence(texts, numbers["forwarding"], packets, kind),
        packets=packets,
        bytes=size,
        reporter=_reporter([texts[name] for name in _PLACES]),
    )
    nothing = ~texts["protocol"].known & ~texts["src"].known & ~texts["dst"].known
    left_out = {"other_record": nothing, **not_conversations(texts["protocol"], kind)}
    # both directions in one (`-b`): who was first, and the flags of one side, are lost
    return batch_of(columns, records, {**left_out, "incomplete": answers.values > 0})


def _icmp_type(port: Numbers) -> Numbers:
    """Return the type that a destination port stands for: `8.0`, cut to 8, or type * 256 + code as in NetFlow v9."""
    return Numbers(np.where(port.values > _MOST_TYPE, port.values >> 8, port.values), port.known)


def _evidence(texts: Mapping[str, Texts], forwarding: Numbers, packets: Numbers, kind: Numbers) -> Array:
    flags, known = flags_of(texts["flags"], _flags)
    protocol = texts["protocol"].map(protocol_name)
    # an exporter that knows no flags writes dots as well
    known &= protocol.isin(("TCP",)) & (flags != 0)
    asks = kind.known & (kind.values == protocol.look_up(_ECHO_REQUEST, -1))
    alone = packets.known & (packets.values == 1)
    dropped = forwarding.known & np.isin(forwarding.values, _DROPPED)
    bits = np.where(alone, of_packet_flags(flags, known), of_sum_flags(flags, known, packets))
    return bits | evidence(len(bits), (Seen.DENIED, dropped), (Seen.BEGAN, asks))


def _flags(text: str) -> int | None:
    """Return the flags of `...AP.SF`, or of a number."""
    if text.startswith("0x"):
        return int(text, 16) if _HEX(text) else None
    if text.isascii() and text.isdigit():
        return int(text[:4])
    return sum(flag for letter, flag in _FLAGS.items() if letter in text)


def _count(text: str) -> int | None:
    """Return the number of `600`, or about that of `1.2 M`, which output for people has."""
    match = _COUNT(text)
    return int(Decimal(match[1]) * _SCALES[match[2]]) if match else None


def _lasted(text: str) -> int | None:
    """Return the nanoseconds of `0.500`, `00:00:00.500` or `1d 00:00:00.500`."""
    match = _LASTED(text)
    if match is None:
        return None
    days, hours, minutes = (int(part or 0) for part in match.groups()[:3])
    return int((Decimal(match[4]) + 60 * (minutes + 60 * (hours + 24 * days))) * 10**9)


def _numbers(texts: Texts, meaning: Callable[[str], int | None]) -> Numbers:
    """Return the numbers that a function makes of the texts."""
    found = texts.each(lambda text: -1 if (number := meaning(text)) is None else min(number, _MOST), -1)
    return Numbers(np.where(found < 0, 0, found), found >= 0)


def _reporter(places: Sequence[Texts]) -> Texts:
    """Return who saw each record: the exporter, and which of its interfaces, as far as the columns say."""
    number = np.zeros(len(places[0]), dtype=np.int64)
    for place in places:
        number = np.unique(number * (len(place.values) + 1) + place.codes + 1, return_inverse=True)[1]
    _, rows = np.unique(number, return_index=True)
    names = ["/".join(place.at(row) or "" for place in places) for row in rows.tolist()]
    return Texts(number, tuple(names)).map(lambda name: name if name.strip("/") else None)
