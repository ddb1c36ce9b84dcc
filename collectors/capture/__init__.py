"""Turns captures of packets into flows: containers (framing), decode (headers), conversations (who began, outcome).

The law of this package: it takes buffered binary streams, opens nothing, keeps no payload, and never raises for what
a capture holds. Every packet ends in a flow or in exactly one class of the ledger.
"""

from dataclasses import dataclass
from typing import BinaryIO

from collectors.capture.containers import Framing, sniff
from collectors.capture.conversations import Conversations
from collectors.capture.decode import Quote, decode
from collectors.ledger import LedgerWriter

__all__ = ["Conversations", "Reading", "first_time", "read_capture", "sniff"]


@dataclass(frozen=True)
class Reading:
    """What reading one capture came to, beside its flows: packets read, bytes of the stream, times in ns, losses."""

    packets: int
    size: int
    start: int | None
    end: int | None
    drops: int


def read_capture(stream: BinaryIO, source: str, conversations: Conversations, ledger: LedgerWriter) -> Reading:
    """Count every packet of a buffered stream into the conversations or the ledger.

    A packet without a usable time is taken at the time of the packet before it (the epoch, if there is none), and is
    an event `untimed`.
    """
    framing = Framing(stream, source, ledger)
    conversations.begin_source(source)
    number, time, untimed = 0, 0, 0
    start: int | None = None
    end = 0
    packet = conversations.packet
    for number, (stamp, link_type, wire, data) in enumerate(framing.packets(), 1):
        if stamp is None:
            untimed += 1
        else:
            time = stamp
            if start is None or time < start:
                start = time
            end = max(end, time)
        decoded = decode(link_type, data, wire)
        if isinstance(decoded, str):
            ledger.packet(source, decoded, number, f"link type {link_type}, {wire} bytes")
        elif isinstance(decoded, Quote):
            conversations.quote(decoded)
            ledger.packet(source, "icmp_error", number, f"link type {link_type}, {wire} bytes")
        else:
            packet(time, decoded)
    if untimed:
        ledger.event(source, "untimed", 0, f"{untimed} packets carry no usable time", untimed)
    return Reading(number, framing.offset, start, None if start is None else end, framing.drops)


def first_time(stream: BinaryIO) -> int | None:
    """Return the time of a capture's first packet in ns, None if it has none."""
    for time, _, _, _ in Framing(stream, "", LedgerWriter()).packets():
        return time
    return None
