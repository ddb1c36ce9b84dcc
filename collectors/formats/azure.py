"""Turns Azure's flow logs into batches: of virtual networks (version 4), and of network security groups (1 and 2).

Format: https://learn.microsoft.com/azure/network-watcher/vnet-flow-logs-overview and .../nsg-flow-logs-overview;
docs/formats/azure-flow-log.md says how they are switched on. A record here is one tuple: that a connection began, goes
on, ended or was denied, at one network interface. Counters are of both directions, since the tuple before.
"""

from collections.abc import Iterator
from typing import BinaryIO, Final

import numpy as np

from collectors.formats.azure_tuples import COLUMNS, GROUP, NETWORK, OPTIONAL, tuple_lines
from collectors.formats.batch import Batch, batch_of, records_of
from collectors.formats.columns import Array, Columns, Field, Kind, Numbers, Texts
from collectors.formats.evidence import Seen, evidence
from collectors.formats.ports import is_like_answer
from collectors.formats.separated import Dialect, read_separated
from collectors.formats.sniffing import outline

NAME: Final = "azure-flow-log"

_CATEGORIES: Final = ("FlowLogFlowEvent", "NetworkSecurityGroupFlowEvent")
_TUPLES: Final = ("flowRecords.flows[].flowGroups[].flowTuples", "properties.flows[].flows[].flowTuples")
_COUNTERS: Final = ("packets", "bytes", "reply_packets", "reply_bytes")
_KINDS: Final = {
    **dict.fromkeys(COLUMNS, Kind.TEXT),
    **dict.fromkeys(("src_port", "dst_port", *_COUNTERS), Kind.NUMBER),
    "time": Kind.TIME,
}
_PROTOCOLS: Final = {"T": "TCP", "U": "UDP"}
"""What groups write; networks write IANA's numbers."""
_DENIED: Final = ("D",)
_GOOD: Final = {GROUP: ("A",), NETWORK: ("B", "C", "E")}
"""Words, by layout, that a connection was let through."""
_UNENCRYPTED: Final = ("NX_SW_NOT_READY", "NX_NOT_ACCEPTED", "NX_NOT_SUPPORTED")
"""States of encryption in which packets are dropped."""
_ASKED_PACKETS, _ANSWERED_PACKETS = 3, 2
"""Packets, each way, that no refused or half open attempt has."""
_BARE: Final = 64
"""Bytes of the largest packet that only refuses, with an Ethernet header."""


def sniff(head: bytes) -> bool:
    """Return whether a file that begins so has records of flow logs, in an object around them or not."""
    found = outline(head)
    return any(
        found.get(f"{at}category") in _CATEGORIES or any(f"{at}{path}" in found for path in _TUPLES)
        for at in ("records[].", "")
    )


def read(stream: BinaryIO) -> Iterator[Batch]:
    """Yield all tuples; a record without any counts as one `other_record`, one that is cut as one `malformed`."""
    fields = [Field.of(name, kind) for name, kind in _KINDS.items()]
    for columns in read_separated(tuple_lines(stream), fields, Dialect(",", COLUMNS, optional=OPTIONAL)):
        yield _batch(_Tuples(columns), columns)


class _Tuples:
    """The values of some tuples, by name; what one says of its state stands in two places, by layout."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        group, word, more = self.text("layout").isin((GROUP,)), self.text("word"), self.text("more")
        self.denied = word.isin(_DENIED) | (~group & more.isin(_UNENCRYPTED))
        self.allowed = np.where(group, word.isin(_GOOD[GROUP]), word.isin(_GOOD[NETWORK])) & ~self.denied
        # where a connection begins or is denied there are empty counters, or noughts that count nothing
        self.counted = word.but(group, more).isin(("C", "E"))

    def text(self, name: str) -> Texts:
        return self._columns.texts(Field.of(name))

    def number(self, name: str) -> Numbers:
        found = self._columns.numbers(Field.of(name, _KINDS[name]))
        return found.where(self.counted) if name in _COUNTERS else found


def _batch(tuples: _Tuples, columns: Columns) -> Batch:
    protocol = tuples.text("protocol").map(lambda text: _PROTOCOLS.get(text, text))
    source, destination = tuples.text("src"), tuples.text("dst")
    without = ~tuples.text("layout").isin((GROUP, NETWORK))
    records = records_of(
        columns,
        first=tuples.number("time"),
        protocol=protocol,
        src=source,
        dst=destination,
        src_port=tuples.number("src_port"),
        dst_port=tuples.number("dst_port"),
        evidence=_evidence(tuples, protocol),
        # the interfaces of both ends, and each list of rules of an interface, have tuples of their own
        reporter=tuples.text("reporter"),
        packets=tuples.number("packets"),
        bytes=tuples.number("bytes"),
        reply_packets=tuples.number("reply_packets"),
        reply_bytes=tuples.number("reply_bytes"),
    )
    return batch_of(
        columns,
        records,
        {
            "other_record": without | ~(tuples.allowed | tuples.denied),
            "incomplete": ~source.known | ~destination.known | ~protocol.known,
        },
    )


def _evidence(tuples: _Tuples, protocol: Texts) -> Array:
    """Return the bits: the source began it, unless it looks like an answer, and what the counters show at the end.

    They show a failure only where the connection has no more tuples than its beginning and this end.
    """
    packets, replies, size = (tuples.number(name) for name in ("packets", "reply_packets", "reply_bytes"))
    ended = tuples.text("whole").isin(("1",)) & packets.known & replies.known & tuples.allowed
    answered = ended & (replies.values > 0) & protocol.isin(("TCP", "6"))
    refused = answered & size.known & (size.values <= _BARE * replies.values) & (packets.values <= replies.values)
    few = (packets.values < _ASKED_PACKETS) | (replies.values < _ANSWERED_PACKETS)
    return evidence(
        len(protocol),
        (Seen.BEGAN, ~is_like_answer(tuples.number("src_port"), tuples.number("dst_port"))),
        (Seen.ALLOWED, tuples.allowed),
        (Seen.DENIED, tuples.denied),
        (Seen.UNANSWERED, ended & (replies.values == 0) & (packets.values > 0)),
        (Seen.REFUSED, refused),
        (Seen.HALF_OPEN, answered & few & ~refused),
    )
