"""Turns captures of packets into flows: containers (framing), the kernel (headers, who began, outcome), rows.

The law of this package: it takes buffered binary streams, opens nothing, keeps no payload, and never raises for what
a capture holds. Every packet ends in a flow or in exactly one class of the ledger.
"""

from contextlib import nullcontext
from dataclasses import dataclass
from typing import BinaryIO

from collectors.capture.ahead import Ahead
from collectors.capture.containers import Framing, sniff
from collectors.capture.conversations import Conversations
from collectors.capture.names import NameReader
from collectors.capture.pump import Pump
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


def read_capture(
    stream: BinaryIO,
    source: str,
    conversations: Conversations,
    ledger: LedgerWriter,
    names: NameReader | None = None,
    *,
    ahead: bool = False,
) -> Reading:
    """Count every packet of a buffered stream into the conversations or the ledger.

    DNS answers, TLS greetings and name resolution blocks go to `names`. A packet without a usable time is taken at
    the time of the packet before it (the epoch, if there is none), and is an event `untimed`. With `ahead`, a second
    thread counts what this one reads; the result is the same.
    """
    conversations.begin_source(source, names)
    with Ahead(conversations) if ahead else nullcontext(conversations) as lane:
        pump = Pump(stream, lane)
        framing = Framing(pump, source, ledger, pump.fast)
        for time, link_type, wire, data in framing.packets():
            pump.hand_over(time, link_type, wire, data, framing.interface)
    if names is not None:
        for address, called in framing.named:
            names.resolved(address, called)
    packets, start, end = conversations.tell(ledger)
    return Reading(packets, framing.offset, start, end, framing.drops)


def first_time(stream: BinaryIO) -> int | None:
    """Return the time of a capture's first packet in ns, None if it has none."""
    for time, _, _, _ in Framing(stream, "", LedgerWriter()).packets():
        return time
    return None
