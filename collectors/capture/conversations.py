"""Turns decoded packets into rows of the flow table: who began, what came of it, how much went each way.

A conversation lives while its packets come; then it is folded into the table, whose size depends on distinct rows
alone. Who began: the sender of a SYN or SCTP INIT, or the receiver of the answer to one (`handshake`); for datagrams
the sender of the first packet once both sides were heard (`paired`). A TCP or SCTP conversation whose handshake was
not seen stays `unknown`: as its dst the side is written whose port was seen with more peers, else the lower port.
"""

from collectors.capture.decode import (
    ACK,
    FIN,
    ICMP,
    ICMPV6,
    PAYLOAD,
    REPLY,
    REQUEST,
    RST,
    SCTP,
    SYN,
    SYN_ACK,
    TCP,
    Decoded,
    Quote,
)  # fmt: skip
from collectors.capture.rows import Row, RowKey, add_row, ends, flows_of, reverse
from collectors.flows import Flows

_SECOND = 1_000_000_000
# Silence after which a further packet is a new conversation, by what was seen so far (in packet time).
ENDED = 60 * _SECOND  # FIN both ways or RST: late packets of the old one still come (TIME-WAIT in Linux)
SHORT = 300 * _SECOND  # datagrams (RFC 4787 recommends 5 minutes) and attempts without a completed handshake
LONG = 7440 * _SECOND  # an established TCP or SCTP connection (RFC 5382: 2 hours 4 minutes)
_SWEEP = 30 * _SECOND

_OPENING = SYN | SYN_ACK


class _Side:
    """One direction of a conversation: what its sender said, and its counters in the current time bucket."""

    __slots__ = ("bits", "conversation", "isn", "key", "other", "packets", "refused", "size")

    conversation: "_Conversation"
    other: "_Side"

    def __init__(self, key: bytes) -> None:
        self.key = key
        self.bits = 0
        self.isn = -1
        self.refused = False
        self.packets = 0
        self.size = 0


class _Conversation:
    """Both sides, who began as far as known, and the rows that wait for the end because its outcome is open."""

    __slots__ = ("begun", "bucket", "first", "initiator", "last", "latest", "opener", "waiting")

    def __init__(self, opener: _Side, time: int, bucket: int) -> None:
        self.opener = opener
        """The sender of the first packet seen."""
        self.initiator: _Side | None = None
        self.begun = 1
        self.bucket = bucket
        self.first = self.last = time
        """Of the current time bucket; `latest` is that of all buckets before."""
        self.latest = time
        self.waiting: list[tuple[str, int, int, int, int, int, int, int, int]] = []


class Conversations:
    """The open conversations of one capture (or of rotated captures, one after the other) and the rows so far."""

    def __init__(self, bucket_seconds: int = 60) -> None:
        self._bucket = bucket_seconds * _SECOND
        self._source = ""
        self._sides: dict[bytes, _Side] = {}
        self._rows: dict[RowKey, Row] = {}
        # Neither side known as the initiator: both ports are kept until the whole capture was seen.
        self._loose: dict[tuple[bytes, str, int, str], Row] = {}
        self._swept = 0
        self._since_sweep = 0
        self._before = 0

    def begin_source(self, name: str) -> None:
        """Name the input that the next packets come from."""
        for side in self._sides.values():
            if side.conversation.opener is side:
                self._close_row(side.conversation)
        self._source = name

    def packet(self, time: int, decoded: Decoded) -> None:
        """Count one packet; times may go backwards."""
        key, size, bits, seq, ack = decoded
        bucket = time // self._bucket
        side = self._sides.get(key)
        if side is None:
            side = self._begin(key, time, bucket)
        elif time - side.conversation.last > ENDED and _is_over(side.conversation, time):
            side = self._begin_again(side, time, bucket)
        if bits & _OPENING:
            side = self._opening(side, bits, seq, ack, time, bucket)
        side.bits |= bits
        conversation = side.conversation
        if bucket != conversation.bucket:
            self._close_row(conversation)
            conversation.bucket = bucket
            conversation.first = conversation.last = time
        elif time > conversation.last:
            conversation.last = time
        elif time < conversation.first:
            conversation.first = time
        side.packets += 1
        side.size += size
        self._since_sweep += 1
        if abs(time - self._swept) > _SWEEP and 4 * self._since_sweep > len(self._sides):
            self._sweep(min(time, self._before))
        self._before = time

    def quote(self, quote: Quote) -> None:
        """Take an ICMP error as evidence about the conversation that it quotes."""
        if quote.unreachable and quote.key is not None and (side := self._sides.get(quote.key)):
            side.refused = True

    def finish(self) -> Flows:
        """Return the flows of everything counted, and forget it."""
        for side in list(self._sides.values()):
            if side.conversation.opener is side:
                self._fold(side.conversation)
        self._sides.clear()
        self._settle_loose()
        flows = flows_of(self._rows)
        self._rows = {}
        return flows

    def _begin(self, key: bytes, time: int, bucket: int) -> _Side:
        side, other = _Side(key), _Side(reverse(key))
        side.conversation = other.conversation = _Conversation(side, time, bucket)
        side.other, other.other = other, side
        # A socket that speaks to itself has one key for both directions: all its packets go the first way.
        self._sides[other.key] = other
        self._sides[key] = side
        return side

    def _begin_again(self, side: _Side, time: int, bucket: int) -> _Side:
        self._fold(side.conversation)
        return self._begin(side.key, time, bucket)

    def _opening(self, side: _Side, bits: int, seq: int, ack: int, time: int, bucket: int) -> _Side:
        """Take a SYN or SYN-ACK: the same handshake, its retransmission, or a new conversation on the same ports."""
        other, conversation = side.other, side.conversation
        quiet = not (side.bits or other.bits)
        if bits & SYN:
            simultaneous = other.bits == SYN and not side.bits
            if not (quiet or side.isn == seq or simultaneous):
                side = self._begin_again(side, time, bucket)
            side.isn = seq
            conversation = side.conversation
            if conversation.initiator is None:
                conversation.initiator = side
            return side
        expected = (ack - 1) & 0xFFFFFFFF
        if _ended(conversation) and other.isn != expected:
            side = self._begin_again(side, time, bucket)
            conversation, other = side.conversation, side.other
        if conversation.initiator is None:
            conversation.initiator = other
            # The SYN was not seen (yet): this is the number that it had.
            other.isn = expected
        return side

    def _close_row(self, conversation: _Conversation) -> None:
        """End the current time bucket of a conversation; its row waits if the outcome may still change."""
        ahead, behind = conversation.opener, conversation.opener.other
        if not (ahead.packets or behind.packets):
            return
        row = (
            self._source, conversation.bucket, conversation.first, conversation.last, conversation.begun,
            ahead.packets, ahead.size, behind.packets, behind.size,
        )  # fmt: skip
        conversation.begun = 0
        conversation.latest = max(conversation.latest, conversation.last)
        ahead.packets = ahead.size = behind.packets = behind.size = 0
        conversation.waiting.append(row)
        src, orientation, outcome = _conclude(conversation)
        if orientation != "unknown" and outcome == "established":
            self._emit(conversation, src, orientation, outcome)

    def _fold(self, conversation: _Conversation) -> None:
        """Move a conversation that is over into the table."""
        self._close_row(conversation)
        self._emit(conversation, *_conclude(conversation))
        self._sides.pop(conversation.opener.key, None)
        self._sides.pop(conversation.opener.other.key, None)

    def _emit(self, conversation: _Conversation, src: _Side | None, orientation: str, outcome: str) -> None:
        opener = conversation.opener
        for source, bucket, first, last, begun, packets, size, back_packets, back_size in conversation.waiting:
            ahead, behind = (packets, size), (back_packets, back_size)
            if src is None:
                key = min(opener.key, opener.other.key)
                counts = (*ahead, *behind) if key == opener.key else (*behind, *ahead)
                add_row(self._loose, (key, outcome, bucket, source), [first, last, begun, *counts])
            else:
                counts = (*ahead, *behind) if src is opener else (*behind, *ahead)
                row = (*ends(src.key), orientation, outcome, bucket, source)
                add_row(self._rows, row, [first, last, begun, *counts])
        conversation.waiting = []

    def _settle_loose(self) -> None:
        """Choose the dst of conversations whose initiator is unknown, now that all peers of each port were seen."""
        peers: dict[tuple[bytes, int, int], int] = {}
        for key in {key for key, _, _, _ in self._loose}:
            for _, dst, port, protocol in (ends(key), ends(reverse(key))):
                peers[dst, port, protocol] = peers.get((dst, port, protocol), 0) + 1
        for (_, dst, port, protocol, orientation, _, _, _), row in self._rows.items():
            if orientation == "handshake":
                peers[dst, port, protocol] = peers.get((dst, port, protocol), 0) + row[2]
        for (key, outcome, bucket, source), row in self._loose.items():
            ahead, behind = ends(key), ends(reverse(key))
            # More peers, then the lower port, then the lower address: always the same side.
            rank_ahead = (-peers[ahead[1:]], ahead[2], ahead[1])
            rank_behind = (-peers[behind[1:]], behind[2], behind[1])
            if rank_behind < rank_ahead:
                ahead, row = behind, [*row[:3], *row[5:], *row[3:5]]  # noqa: PLW2901 -- the same row, turned
            add_row(self._rows, (*ahead, "unknown", outcome, bucket, source), row)
        self._loose = {}

    def _sweep(self, now: int) -> None:
        """Fold what has been silent for too long: for memory only, a late packet would find the same verdict.

        `now` is the earlier of two packet times, so that one wild timestamp ends nothing.
        """
        self._swept, self._since_sweep = now, 0
        for side in list(self._sides.values()):
            conversation = side.conversation
            if conversation.opener is side and _is_over(conversation, now):
                self._fold(conversation)


def _ended(conversation: _Conversation) -> bool:
    ahead, behind = conversation.opener.bits, conversation.opener.other.bits
    return bool((ahead | behind) & RST or ahead & behind & FIN)


def _is_over(conversation: _Conversation, now: int) -> bool:
    # The last packet taken need not be the latest one: captures of several CPUs are not in order.
    return now - max(conversation.last, conversation.latest) > _patience(conversation)


def _patience(conversation: _Conversation) -> int:
    if _ended(conversation):
        return ENDED
    if conversation.opener.key[-1] not in (TCP, SCTP):
        return SHORT
    _, orientation, outcome = _conclude(conversation)
    # "unknown" behind a handshake: only one direction is captured, and it went on.
    return LONG if outcome == "established" or (orientation, outcome) == ("handshake", "unknown") else SHORT


def _conclude(conversation: _Conversation) -> tuple[_Side | None, str, str]:
    """Return (src or None where neither side is known to have begun, orientation, outcome)."""
    opener = conversation.opener
    protocol = opener.key[-1]
    if protocol in (TCP, SCTP):
        initiator = conversation.initiator
        if initiator is None:
            return None, "unknown", _midway(opener.bits, opener.other.bits)
        return initiator, "handshake", _connection(initiator, initiator.other)
    ahead, behind = opener, opener.other
    if protocol in (ICMP, ICMPV6) and (ahead.bits | behind.bits) & (REQUEST | REPLY):
        if not ahead.bits & REQUEST and (behind.bits & REQUEST or ahead.bits & REPLY):
            ahead, behind = behind, ahead
        if behind.bits:
            return ahead, "paired" if ahead.bits else "unknown", "established" if ahead.bits else "unknown"
        return ahead, "paired", "refused" if ahead.refused else "unanswered"
    if behind.bits:
        return ahead, "paired", "established"
    return ahead, "unknown", "refused" if ahead.refused else "unanswered"


def _connection(initiator: _Side, responder: _Side) -> str:
    """Return the outcome of a handshake: established means that the initiator completed it, or payload both ways."""
    ahead, behind = initiator.bits, responder.bits
    if ahead & behind & PAYLOAD or (ahead & (ACK | PAYLOAD) and behind & (SYN_ACK | ACK)):
        return "established"
    if behind & SYN_ACK:
        return "half_open"
    if ahead & (ACK | PAYLOAD):
        return "unknown"  # it went on without an answer that was seen: the capture has one direction only
    if behind & RST or (initiator.refused and not behind):
        return "refused"
    return "unknown" if behind else "unanswered"


def _midway(ahead: int, behind: int) -> str:
    """Return the outcome of a connection whose beginning was not seen: established where data were acknowledged."""
    return "established" if (ahead | behind) & PAYLOAD and ahead & behind & (ACK | PAYLOAD) else "unknown"
