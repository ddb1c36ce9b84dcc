"""Turns captured bytes into rows of the flow table: who began, what came of it, how much went each way.

The kernel counts; this owns its tables, grows them, and takes its rows. A conversation lives while its packets come;
then it is folded into the flow table, whose size depends on distinct rows alone. Who began: the sender of a SYN or
SCTP INIT, or the receiver of the answer to one (`handshake`); for datagrams the sender of the first packet once both
sides were heard (`paired`). A TCP or SCTP conversation whose handshake was not seen stays `unknown`: as its dst the
side is written whose port was seen with more peers, else the lower port.

Silence that ends a conversation, in packet time: 60 s after FIN both ways or RST (TIME-WAIT in Linux), 5 minutes for
datagrams (RFC 4787) and attempts without a completed handshake, 2 hours and 4 minutes for the rest (RFC 5382).
"""

from array import array
from typing import Protocol

import numpy as np

from collectors.capture import kernel, layout
from collectors.capture.decode import VXLAN_PORTS
from collectors.capture.keeping import keep, kept
from collectors.capture.lifecycle import PATIENCE
from collectors.capture.reader import Reader
from collectors.capture.rows import Rows
from collectors.flows import Flows
from collectors.ledger import LedgerWriter
from collectors.memory import numbers, words

ENDED, SHORT, LONG = PATIENCE
"""Silence in ns that ends a conversation: one that was closed, one that is short-lived, one that stands."""

_MARKS = 4096
_CAPACITY = 1 << 15
"""Conversations that there is room for at first: memory is taken only where it is written."""
_SPARSE = 2
"""Places of the index for each conversation."""


class NameSink(Protocol):
    """What takes payloads that may hold names."""

    def payload(self, time: int, kind: int, address: tuple[int, int, bool], data: bytes) -> None:
        """Take a DNS message (1), a DNS message over TCP (2), or the first data of a TLS client (3) and its server."""


class Conversations:
    """The open conversations of one capture (or of rotated captures, one after the other) and the rows so far."""

    def __init__(
        self,
        bucket_seconds: int = 60,
        *,
        outer: bool = False,
        vxlan_ports: tuple[int, int] = VXLAN_PORTS,
    ) -> None:
        self._names: NameSink | None = None
        self.reader = Reader(outer=outer, vxlan_ports=vxlan_ports)
        self._state = words(layout.STATE_WORDS)
        self._ring = words(layout.BATCH * layout.RING_WORDS)
        self._state[layout.BUCKET_NS] = bucket_seconds * 10**9
        self._state[layout.MARK_CAPACITY] = _MARKS
        self._conversations = words(0)
        self._pieces = words(0)
        self._index = numbers(0)
        self._marks = words(_MARKS * layout.MARK_WORDS)
        self._table = words(0)
        self._sources: list[str] = []
        self._rows = Rows()
        self._grow()

    def __len__(self) -> int:
        """Return how many conversations are open."""
        return int(self._state[layout.CONVERSATIONS])

    def begin_source(self, name: str, names: NameSink | None = None) -> None:
        """Name the input that the next packets come from, and what takes its payloads with names."""
        self._close_buckets()
        self._state[layout.SOURCE] = len(self._sources)
        self._sources.append(name)
        self.go_on(names)

    def go_on(self, names: NameSink | None = None) -> None:
        """Count the packets of the last source anew: `tell` is of those that come from now on."""
        self._names = names
        self._state[layout.WANT_MARKS] = int(names is not None)
        self.reader.begin_source()

    def consume(
        self, buffer: bytearray, at: int, end: int, form: int, swapped: bool, extra: int, faces: "array[int]"
    ) -> tuple[int, int]:
        """Count the whole records of a buffer; return where it stopped, and the kernel's MORE or ODD."""
        reader = self.reader
        reader.begin(at, faces)
        while True:
            result = kernel.run(
                buffer, end, form, swapped, extra, faces, reader.state, reader.scratch, reader.seen, self._ring,
                self._state, self._index, self._conversations, self._pieces, self._table, self._marks,
            )  # fmt: skip
            self._serve(result, buffer)
            if result in (layout.MORE, layout.ODD):
                return reader.state[layout.POSITION], result

    def spare(self, buffer: bytearray) -> bytearray:
        """Return a buffer to go on with: this one, for all of its packets are counted."""
        return buffer

    def count(self, buffer: bytearray, ring: "memoryview[int]", held: int) -> None:
        """Count packets that were read from a buffer into a ring, of which `held` words."""
        self._state[layout.TURN], self._state[layout.HELD] = 0, held
        result = layout.GROW
        while result != layout.MORE:
            result = kernel.count(
                buffer, ring, self._state, self._index, self._conversations, self._pieces, self._table, self._marks
            )
            self._serve(result, buffer)

    def _serve(self, result: int, buffer: bytearray) -> None:
        """Do what the kernel wants; marks are read as long as the buffer holds what they mark."""
        if result == layout.GROW:
            self._grow()
        elif result == layout.DRAIN:
            self._drain()
        elif result == layout.SWEEP:
            self._sweep(every=False, now=self._state[layout.SWEPT])
        else:
            self._read_marks(buffer)

    def tell(self, ledger: LedgerWriter) -> tuple[int, int | None, int | None]:
        """Write the source's packets that made no flow into a ledger; return (packets, first, last time in ns)."""
        return self.reader.tell(self._sources[-1], ledger)

    def finish(self) -> Flows:
        """Return the flows of everything counted, and forget it."""
        self._sweep(every=True, now=0)
        return self._flows()

    def settled(self, now: int) -> Flows:
        """Return the flows of what cannot change any more, and forget these; a time in ns ends what was silent.

        What is established is told up to now and stays open; other conversations are told when they end.
        """
        self._sweep(every=False, now=now)
        self._close_buckets()
        return self._flows()

    def kept(self) -> bytes:
        """Return the open conversations, to go on with another day; ask after `settled`, when no row waits."""
        state = self._state
        return keep(
            self._conversations[: state[layout.CONVERSATIONS] * layout.CONVERSATION_WORDS],
            self._pieces[: state[layout.PIECES] * layout.PIECE_WORDS],
        )

    def restore(self, content: bytes) -> bool:
        """Take what `kept` returned, before any packet; False, and nothing, if it is damaged or of another version."""
        found = kept(content)
        if found is None:
            return False
        conversations, pieces, free = found
        state = self._state
        count, pieced = len(conversations) // layout.CONVERSATION_WORDS, len(pieces) // layout.PIECE_WORDS
        while max(count, pieced) + 2 >= state[layout.CAPACITY]:
            self._grow()
        np.frombuffer(self._conversations, dtype=np.uint64)[: len(conversations)] = conversations
        np.frombuffer(self._pieces, dtype=np.uint64)[: len(pieces)] = pieces
        state[layout.CONVERSATIONS], state[layout.PIECES], state[layout.FREE_PIECE] = count, pieced, free
        self._reindex()
        return True

    def _flows(self) -> Flows:
        self._drain()
        flows = self._rows.flows(self._sources)
        self._rows = Rows()
        return flows

    def _close_buckets(self) -> None:
        state = self._state
        self._room(state[layout.CONVERSATIONS] + state[layout.PIECES])
        while state[layout.PIECES] + state[layout.CONVERSATIONS] + 2 >= state[layout.PIECE_CAPACITY]:
            self._grow()
        kernel.close_buckets(state, self._conversations, self._pieces, self._table)
        self._drain()

    def _sweep(self, *, every: bool, now: int) -> None:
        self._room(self._state[layout.CONVERSATIONS] + self._state[layout.PIECES])
        self._piece_room()
        kernel.sweep(2 if every else 1, now, self._state, self._index, self._conversations, self._pieces, self._table)

    def _piece_room(self) -> None:
        state = self._state
        if state[layout.PIECES] + 2 >= state[layout.PIECE_CAPACITY]:
            self._grow()

    def _grow(self) -> None:
        """Double all tables, and build the index anew."""
        state = self._state
        capacity = max(_CAPACITY, 2 * state[layout.CAPACITY])
        self._conversations = words(layout.CONVERSATION_WORDS * capacity, self._conversations)
        self._pieces = words(layout.PIECE_WORDS * capacity, self._pieces)
        state[layout.CAPACITY] = state[layout.PIECE_CAPACITY] = capacity
        state[layout.INDEX_MASK] = _SPARSE * capacity - 1
        self._reindex()

    def _reindex(self) -> None:
        """Find all conversations again by an index of their own."""
        self._index = numbers(self._state[layout.INDEX_MASK] + 1)
        self._room(1024)
        kernel.sweep(0, 0, self._state, self._index, self._conversations, self._pieces, self._table)

    def _room(self, rows: int) -> None:
        """Make room for some rows beside those there are."""
        state = self._state
        if state[layout.ROWS] + rows + 200 > state[layout.ROW_CAPACITY]:
            self._drain()
            if rows + 200 > state[layout.ROW_CAPACITY]:
                state[layout.ROW_CAPACITY] = max(2 * rows, 1 << 14)
                self._table = words(layout.ROW_WORDS * state[layout.ROW_CAPACITY])

    def _drain(self) -> None:
        count = self._state[layout.ROWS]
        if count:
            table = np.frombuffer(self._table, dtype=np.uint64)[: layout.ROW_WORDS * count]
            self._rows.add(table.reshape(count, layout.ROW_WORDS).copy())
        self._state[layout.ROWS] = 0

    def _read_marks(self, buffer: bytearray) -> None:
        state, marks = self._state, self._marks
        for at in range(0, 8 * state[layout.MARKS], 8):
            offset, length, time, kind, high, low, v6 = marks[at : at + 7]
            if self._names is not None:
                self._names.payload(time, kind, (high, low, bool(v6)), bytes(buffer[offset : offset + length]))
        state[layout.MARKS] = 0
