"""Turns what a record says of its connection into bits that add up by OR: who began it, and what became of it."""

from collections.abc import Callable
from enum import IntFlag

import numpy as np

from collectors.formats.columns import Array, Numbers, Texts


class Seen(IntFlag):
    """What one record proves or says; "src" is the record's own, whoever began the connection.

    docs/evidence.md has the meaning of orientations and outcomes that come of it.
    """

    OPENED = 1 << 0
    """A handshake shows that src began it: SYN without ACK, SCTP INIT, conntrack's original direction."""
    ANSWERED = 1 << 1
    """A handshake shows that dst began it: SYN with ACK."""
    BEGAN = 1 << 2
    """The log writes connections, and its source is who began it."""
    REPLIED = 1 << 3
    """The log says that src answers what dst began."""
    SYN = 1 << 4
    """A SYN of src is among the packets, with or without ACK: its first packet was seen."""
    CARRIED = 1 << 5
    """src sent more than its part of a handshake: an ACK of its own, data, a FIN."""
    RESET = 1 << 6
    """src sent a RST."""
    SHOWN = 1 << 7
    """The packets of src are shown, one by one or by their TCP flags: what is not there did not happen."""
    WORKED = 1 << 8
    """The log says that the connection was established."""
    HALF_OPEN = 1 << 9
    UNANSWERED = 1 << 10
    REFUSED = 1 << 11
    ALLOWED = 1 << 12
    """Let through by a policy; the log does not say whether anybody answered."""
    DENIED = 1 << 13
    """Dropped by a policy or a firewall."""
    AUDITED = 1 << 14
    """It passed, and would have been denied were the policy in force."""
    DOUBTED = 1 << 15
    """The log itself is not sure who began it."""


FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
"""TCP flags (RFC 9293, section 3.1)."""
_BEYOND_HANDSHAKE = 3
"""Packets of one side that cannot all be its part of a handshake: SYN, ACK and one more."""


def evidence(count: int, *marks: tuple[Seen, Array | bool]) -> Array:
    """Return the bits of each record: for each mark, its bit where its mask holds."""
    bits = np.zeros(count, dtype=np.int64)
    for bit, where in marks:
        bits |= np.where(where, int(bit), 0)
    return bits


def of_packet_flags(flags: Array, known: Array) -> Array:
    """Return the bits of records that are one packet each, by its TCP flags."""
    syn, ack, rst = ((flags & flag) != 0 for flag in (SYN, ACK, RST))
    return evidence(
        len(flags),
        (Seen.SHOWN, known),
        (Seen.OPENED | Seen.SYN, known & syn & ~ack & ~rst),
        (Seen.ANSWERED | Seen.SYN, known & syn & ack & ~rst),
        (Seen.CARRIED, known & ~syn & ~rst & (flags != 0)),
        (Seen.RESET, known & rst),
    )


def of_sum_flags(flags: Array, known: Array, packets: Numbers, *, lone_ack: bool = True) -> Array:
    """Return the bits of records that are many packets of one direction each, by the OR of their TCP flags.

    SYN and ACK together may be a SYN with ACK, or a SYN and later packets: such a record tells neither. With
    `lone_ack` False the log leaves out ACK where it stands alone (AWS): then both together are a SYN with ACK.
    """
    syn, ack, rst, fin = ((flags & flag) != 0 for flag in (SYN, ACK, RST, FIN))
    many = packets.known & (packets.values >= _BEYOND_HANDSHAKE)
    return evidence(
        len(flags),
        (Seen.SHOWN, known),
        (Seen.SYN, known & syn),
        (Seen.OPENED, known & syn & ~ack),
        (Seen.ANSWERED, known & syn & ack & (not lone_ack)),
        (Seen.CARRIED, known & (ack if lone_ack else fin | many | ~(syn | rst))),
        (Seen.RESET, known & rst),
    )


def flags_of(texts: Texts, meaning: Callable[[str], int | None]) -> tuple[Array, Array]:
    """Return each record's TCP flags by what a function says of a text, and where they are known."""
    found = texts.each(lambda text: -1 if (flags := meaning(text)) is None else flags, -1)
    return np.where(found < 0, 0, found), found >= 0
