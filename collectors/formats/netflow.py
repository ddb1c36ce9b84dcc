"""Turns files of NetFlow v5, v9 and IPFIX messages into batches.

A file is messages one after the other: the IPFIX file format (RFC 5655), or the payloads of export datagrams as they
came (`nc -u -l 2055 > flows.bin`). docs/formats/netflow.md says how exporters are switched on; `netflow_udp` collects
from the network.
"""

from collections.abc import Iterator
from typing import BinaryIO, Final

from collectors.formats.batch import Batch
from collectors.formats.netflow_collector import Collector
from collectors.formats.netflow_wire import LONGEST, length_of, plausible

NAME: Final = "netflow"

_BLOCK: Final = 1 << 20


def sniff(head: bytes) -> bool:
    """Return whether a file that begins so is of export messages."""
    return plausible(head)


def read(stream: BinaryIO) -> Iterator[Batch]:
    """Yield all records; where messages cannot be followed any more, the rest is one `malformed` record and a gap."""
    collector = Collector()
    for at, message in _messages(stream):
        if message is None:
            collector.lost(f"after byte {at}, where no message follows")
            break
        collector.take(0, "", message)
        if collector.full:
            yield from collector.batches()
    yield from collector.finish()


def _messages(stream: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """Yield the messages with the byte that each begins at; the last may be cut. None where none can follow."""
    at, rest, ended = 0, b"", False
    while rest or not ended:
        place = 0
        while (length := length_of(view := memoryview(rest)[place:])) and length <= len(view):
            yield at + place, bytes(view[:length])
            place += length
        unknown = length is None or length > len(view)
        if length == 0 or (unknown and len(view) > LONGEST):
            yield at + place, None
            return
        at, rest = at + place, rest[place:]
        if ended:
            if rest:
                yield at, rest
            return
        piece = stream.read(_BLOCK)
        rest, ended = rest + piece, not piece
