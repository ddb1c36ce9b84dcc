"""Turns what was seen of both sides of connections into who began each, how that is known, and what became of it.

Side 0 and side 1 are the two ends of a connection, in whatever order; a row of every array is one connection.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from collectors.flows import ORIENTATIONS, OUTCOMES
from collectors.formats.columns import Array
from collectors.formats.evidence import Seen

ORIENTATION: Final = {name: at for at, name in enumerate(ORIENTATIONS)}
OUTCOME: Final = {name: at for at, name in enumerate(OUTCOMES)}
_ANSWERED_PACKETS, _ASKED_PACKETS = 2, 3
"""Packets each way that no refused or half open attempt has: SYN, ACK and one more against SYN-ACK and one more."""
_BARE = 64
"""Bytes of the largest packet that only refuses: an IPv6 header and a TCP header without options are 60."""
_NEVER: Final = np.iinfo(np.int64).max


@dataclass(frozen=True, eq=False)
class Sides:
    """What was seen of connections, by side: arrays of shape (connections, 2)."""

    bits: Array
    """Bits of `Seen`, of the records that this side is the source of."""
    first: Array
    """First time, ns; the largest integer where nothing was seen."""
    heard: Array
    """Whether something of this side arrived."""
    packets: Array
    """The most that one reporter counted; 0 where not known."""
    bytes: Array
    streams: Array
    """Of shape (connections,): TCP or SCTP, where there is a handshake."""
    begun: Array
    """Of shape (connections,): connections that the counts are of, where a log adds up several; at least 1."""
    lower: Array
    """Of shape (connections,): the side that stands first where both were first seen at the same time."""


@dataclass(frozen=True, eq=False)
class Verdicts:
    """Who began each connection, as a side (where nobody knows, the first that was seen); codes of the vocabularies."""

    initiator: Array
    orientation: Array
    outcome: Array


def verdicts(sides: Sides) -> Verdicts:
    """Return what can be said of connections (docs/evidence.md)."""
    initiator, orientation = _began(sides)
    return Verdicts(initiator, orientation, _became(sides, initiator, orientation))


def _has(bits: Array, bit: Seen) -> Array:
    found: Array = (bits & int(bit)) != 0
    return found


def _began(sides: Sides) -> tuple[Array, Array]:
    """Return the initiator's side and the orientation's code, by the strongest evidence there is."""
    own, others = sides.bits, sides.bits[:, ::-1]
    handshake = _has(own, Seen.OPENED) | _has(others, Seen.ANSWERED)
    told = _has(own, Seen.BEGAN) | _has(others, Seen.REPLIED)
    doubted = _has(own | others, Seen.DOUBTED)
    told &= ~doubted
    both = sides.heard.all(axis=1) & (sides.first[:, 0] != sides.first[:, 1])
    both &= sides.first.max(axis=1) < _NEVER  # a side that is only counted has no time
    # the first packet of both sides is there: TCP by its SYN, datagrams as far as the log goes back
    begun = _has(own, Seen.SYN).all(axis=1) | (~sides.streams & ~doubted[:, 0])
    earlier = np.where(sides.first[:, 0] == sides.first[:, 1], sides.lower, sides.first[:, 1] < sides.first[:, 0])
    one = [mask[:, 0] != mask[:, 1] for mask in (handshake, told)]
    choices = [(one[0], handshake[:, 1]), (one[1], told[:, 1]), (both & begun, earlier)]
    initiator = np.select([mask for mask, _ in choices], [side for _, side in choices], earlier)
    names = ("handshake", "reported", "paired")
    codes = [ORIENTATION[name] for name in names]
    orientation = np.select([mask for mask, _ in choices], codes, ORIENTATION["unknown"])
    return initiator.astype(np.int64), orientation


def _became(sides: Sides, initiator: Array, orientation: Array) -> Array:
    """Return the outcome's code; what the log itself says of a failure counts where nothing shows that it worked."""
    rows = np.arange(len(initiator))
    asking, answering = sides.bits[rows, initiator], sides.bits[rows, 1 - initiator]
    either = asking | answering
    answered = sides.heard[rows, 1 - initiator]
    known = orientation != ORIENTATION["unknown"]
    worked = _has(either, Seen.WORKED) | np.where(sides.streams, _streamed(sides, initiator, known), answered)
    # the SYN of the side that answers has an ACK
    syn_ack = _has(answering, Seen.ANSWERED) | (_has(answering, Seen.SYN) & known) | _has(either, Seen.HALF_OPEN)
    shown = _has(either, Seen.SHOWN)
    silent = ~answered & (known | ~sides.streams)
    found = np.select(
        [
            _has(either, Seen.AUDITED),
            worked,
            _has(either, Seen.DENIED),
            _has(either, Seen.REFUSED) | (_has(answering, Seen.RESET) & ~syn_ack & known),
            syn_ack,
            _has(either, Seen.UNANSWERED) | (silent & shown),
            _has(either, Seen.ALLOWED) & ~shown,
            silent & ~_has(asking, Seen.CARRIED),
        ],
        [
            OUTCOME[name]
            for name in (
                "audited", "established", "denied", "refused", "half_open", "unanswered", "allowed", "unanswered",
            )
        ],
        OUTCOME["unknown"],
    )  # fmt: skip
    return found.astype(np.int64)


def _streamed(sides: Sides, initiator: Array, known: Array) -> Array:
    """Return where the initiator of a TCP or SCTP connection completed the handshake, or data went both ways."""
    rows = np.arange(len(initiator))
    carried = _has(sides.bits, Seen.CARRIED)
    by_flags = np.where(known, carried[rows, initiator] & sides.heard[rows, 1 - initiator], carried.all(axis=1))
    asked, answered = sides.packets[rows, initiator], sides.packets[rows, 1 - initiator]
    enough = (asked >= _ASKED_PACKETS * sides.begun) & (answered >= _ANSWERED_PACKETS * sides.begun)
    volume = sides.bytes[rows, 1 - initiator]
    by_counts = enough & known & ((volume == 0) | (volume > _BARE * answered))
    shown = _has(sides.bits[:, 0] | sides.bits[:, 1], Seen.SHOWN)
    worked: Array = by_flags | (by_counts & ~shown)
    return worked
