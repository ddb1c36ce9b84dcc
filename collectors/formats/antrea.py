"""Turns Antrea's flow records into batches: the flow logger's CSV, and JSON as the flow aggregator sends it.

Format: https://github.com/antrea-io/antrea/blob/main/pkg/flowaggregator/flowlogger/logger.go (no header, no quoting)
and https://github.com/vmware/go-ipfix/blob/main/pkg/exporter/process.go (JSON). Antrea's IPFIX is read as `netflow`.
docs/formats/antrea.md says how they are switched on.
"""

from collections.abc import Iterator
from typing import BinaryIO, Final

from collectors.addresses import canonical_ip
from collectors.formats import antrea_parts
from collectors.formats.batch import Batch, batch_of, records_of
from collectors.formats.columns import Columns, Field, Kind, Numbers, Texts
from collectors.formats.documents import json_documents
from collectors.formats.heads import peek
from collectors.formats.json_lines import read_json
from collectors.formats.netflow_fields import set_address
from collectors.formats.separated import Dialect, read_separated
from collectors.formats.sniffing import lines, outline
from collectors.formats.values import read_text

NAME: Final = "antrea"

_KINDS: Final = {
    "flowStartSeconds": Kind.TIME, "flowEndSeconds": Kind.TIME, "sourceTransportPort": Kind.NUMBER,
    "destinationTransportPort": Kind.NUMBER, "destinationServicePort": Kind.NUMBER, "packetDeltaCount": Kind.NUMBER,
    "octetDeltaCount": Kind.NUMBER, "reversePacketDeltaCount": Kind.NUMBER, "reverseOctetDeltaCount": Kind.NUMBER,
    "reversePacketTotalCount": Kind.NUMBER,
}  # fmt: skip
_HEAD: Final = (
    "flowStartSeconds", "flowEndSeconds", "sourceIPv4Address", "destinationIPv4Address", "sourceTransportPort",
    "destinationTransportPort", "protocolIdentifier", "sourcePodName", "sourcePodNamespace", "sourceNodeName",
    "destinationPodName", "destinationPodNamespace", "destinationNodeName", "destinationClusterIPv4",
)  # fmt: skip
"""Columns of the CSV that every version has here; its addresses are of either family."""
_TAIL: Final = (
    "destinationServicePort", "destinationServicePortName", "ingressNetworkPolicyName",
    "ingressNetworkPolicyNamespace", "ingressNetworkPolicyRuleName", "ingressNetworkPolicyRuleAction",
    "ingressNetworkPolicyType", "egressNetworkPolicyName", "egressNetworkPolicyNamespace",
    "egressNetworkPolicyRuleName", "egressNetworkPolicyRuleAction", "egressNetworkPolicyType",
)  # fmt: skip
"""The next columns, after the Service's address in the versions that have it; the rest differs and is not needed."""
_FEWEST: Final = len(_HEAD) + len(_TAIL)
_MOST: Final = 31
"""26 values to 31, by version: 29 at first sight of egress nodes, 30 with the Service's address."""
_PLACES: Final = tuple(f"place {place}" for place in range(_MOST - len(_HEAD)))
_CSV: Final = {name: Field((name,), _KINDS.get(name, Kind.TEXT)) for name in (*_HEAD, *_PLACES)}
_JSON: Final = {
    name: Field(("ipfix", name), _KINDS.get(name, Kind.TEXT))
    for name in (
        *_KINDS, "sourceIPv4Address", "sourceIPv6Address", "destinationIPv4Address", "destinationIPv6Address",
        "protocolIdentifier", "sourcePodName", "sourcePodNamespace", "sourceNodeName", "sourcePodLabels",
        "destinationPodName", "destinationPodNamespace", "destinationNodeName", "destinationPodLabels",
        "destinationClusterIPv4", "destinationClusterIPv6", "tcpState", "ingressNetworkPolicyRuleAction",
        "egressNetworkPolicyRuleAction", "originalExporterIPv4Address", "originalExporterIPv6Address",
    )
}  # fmt: skip
_UNKNOWN: Final = "Unknown Protocol"


def sniff(head: bytes) -> bool:
    """Return whether a file that begins so is of Antrea's flow records, in either dialect."""
    return "ipfix.flowStartSeconds" in outline(head) or any(_is_record(line.split(",")) for line in lines(head, 1))


def read(stream: BinaryIO) -> Iterator[Batch]:
    """Yield all records; how the file begins tells the dialect."""
    head, stream = peek(stream)
    if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in {b"{", b"["}:
        for columns in read_json(json_documents(stream), list(_JSON.values())):
            yield _batch(_Json(columns), columns)
        return
    dialect = Dialect(",", columns=(*_HEAD, *_PLACES), optional=_MOST - _FEWEST)
    for columns in read_separated(stream, list(_CSV.values()), dialect):
        yield _batch(_Csv(columns), columns)


def _is_record(values: list[str]) -> bool:
    """Return whether a line's values begin as those of a record of the flow logger."""
    if not _FEWEST <= len(values) <= _MOST:
        return False
    numbers, addresses = (*values[:2], *values[4:6]), values[2:4]
    service = values[len(_HEAD) : len(_HEAD) + 2]
    return all(map(str.isdecimal, numbers)) and all(map(_is_address, addresses)) and any(map(str.isdecimal, service))


def _is_address(text: str) -> bool:
    try:
        canonical_ip(text)
    except ValueError:
        return False
    return True


class _Json:
    """JSON records: an object of information elements in each."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns

    def text(self, name: str) -> Texts:
        return self._columns.texts(_JSON[name])

    def number(self, name: str) -> Numbers:
        return self._columns.numbers(_JSON[name])


class _Csv:
    """CSV records. The port of a Service is always a number, so where it is none, the Service's address stands."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._newer = ~columns.texts(_CSV[_PLACES[0]]).each(str.isdecimal, missing=False)

    def text(self, name: str) -> Texts:
        if name in _HEAD:
            return self._columns.texts(_CSV[name])
        if name not in _TAIL:
            return Texts.none(len(self._columns))
        place = _TAIL.index(name)
        older, newer = (self._columns.texts(_CSV[_PLACES[at]]) for at in (place, place + 1))
        return older.but(self._newer, newer)

    def number(self, name: str) -> Numbers:
        if name in _HEAD:
            return self._columns.numbers(_CSV[name])
        found = self.text(name)
        # the last one is what a missing text has
        return Numbers.of([*(read_text(text, Kind.NUMBER) for text in found.values), None]).take(found.codes)


def _batch(said: _Csv | _Json, columns: Columns) -> Batch:
    first, last = said.number("flowStartSeconds"), said.number("flowEndSeconds")
    first = first.or_else(last)
    source, destination, exporter = (
        (four := said.text(f"{name}IPv4Address")).but(~four.known, said.text(f"{name}IPv6Address"))
        for name in ("source", "destination", "originalExporter")
    )
    protocol = said.text("protocolIdentifier")
    replies = said.number("reversePacketDeltaCount")
    records = records_of(
        columns,
        first=first,
        last=last.or_else(first),
        protocol=protocol,
        src=source,
        dst=destination,
        src_port=said.number("sourceTransportPort"),
        dst_port=said.number("destinationTransportPort"),
        sampled=1.0,
        evidence=antrea_parts.outcome(said, protocol, said.number("reversePacketTotalCount").or_else(replies)),
        packets=said.number("packetDeltaCount"),
        bytes=said.number("octetDeltaCount"),
        reply_packets=replies,
        reply_bytes=said.number("reverseOctetDeltaCount"),
        reporter=exporter.map(set_address),
        **antrea_parts.pods(said),
        **antrea_parts.service(said),
    )
    return batch_of(
        columns,
        records,
        {"incomplete": protocol.isin((_UNKNOWN,))},
        claims=[
            *antrea_parts.claims(said, first, "source", source),
            *antrea_parts.claims(said, first, "destination", destination),
        ],
    )
