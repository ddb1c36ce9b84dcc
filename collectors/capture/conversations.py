"""Turns captured bytes into rows of the flow table: who began, what came of it, how much went each way.

The kernel counts; this owns its tables, grows them, and takes its rows. A conversation lives while its packets come;
then it is folded into the flow table, whose size depends on distinct rows alone. Who began: the sender of a SYN or
SCTP INIT, or the receiver of the answer to one (`handshake`); for datagrams the sender of the first packet once both
sides were heard (`paired`). A TCP or SCTP conversation whose handshake was not seen stays `unknown`: as its dst the
side is written whose port was seen with more peers, else the lower port.

Silence that ends a conversation, in packet time: 60 s after FIN both ways or RST (TIME-WAIT in Linux), 5 minutes for
datagrams (RFC 4787) and attempts without a completed handshake, 2 hours and 4 minutes for the rest (RFC 5382).
"""

import struct
from array import array
from typing import Protocol

import numpy as np

from collectors.capture import kernel, layout
from collectors.capture.decode import VXLAN_PORTS, new_scratch
from collectors.capture.lifecycle import PATIENCE
from collectors.capture.memory import numbers, words
from collectors.capture.rows import Rows
from collectors.flows import Flows
from collectors.ledger import LedgerWriter

PCAP, ENHANCED, HANDED = 1, 2, 3
"""Forms of records, see `kernel.run`."""
ENDED, SHORT, LONG = PATIENCE
"""Silence in ns that ends a conversation: one that was closed, one that is short-lived, one that stands."""

_NO_TIME = 2**64 - 1
_MARKS = 4096
_SEEN = 1 << 16
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
        self._state = words(layout.STATE_WORDS)
        self._scratch = new_scratch(outer=outer, vxlan_ports=vxlan_ports)
        self._ring = words(layout.BATCH * layout.RING_WORDS)
        self._state[layout.BUCKET_NS] = bucket_seconds * 10**9
        self._state[layout.MARK_CAPACITY] = _MARKS
        self._state[layout.SEEN_MASK] = _SEEN // 4 - 1  # four packets in each place
        self._conversations = words(0)
        self._pieces = words(0)
        self._index = numbers(0)
        self._marks = words(_MARKS * layout.MARK_WORDS)
        self._seen = words(_SEEN * 3)
        self._table = words(0)
        self._sources: list[str] = []
        self._rows = Rows()
        self._grow()

    def __len__(self) -> int:
        """Return how many conversations are open."""
        return int(self._state[layout.CONVERSATIONS])

    def begin_source(self, name: str, names: NameSink | None = None) -> None:
        """Name the input that the next packets come from, and what takes its payloads with names."""
        self._names = names
        state = self._state
        self._room(state[layout.CONVERSATIONS] + state[layout.PIECES])
        while state[layout.PIECES] + state[layout.CONVERSATIONS] + 2 >= state[layout.PIECE_CAPACITY]:
            self._grow()
        kernel.close_buckets(state, self._conversations, self._pieces, self._table)
        self._drain()
        state[layout.SOURCE] = len(self._sources)
        state[layout.WANT_MARKS] = int(names is not None)
        self._sources.append(name)
        for word in range(layout.COUNTS, layout.STATE_WORDS):
            state[word] = 0
        state[layout.PACKETS] = state[layout.UNTIMED] = state[layout.END] = state[layout.TIME] = 0
        state[layout.START] = _NO_TIME

    def consume(
        self, buffer: bytearray, at: int, end: int, form: int, swapped: bool, extra: int, faces: "array[int]"
    ) -> tuple[int, int]:
        """Count the whole records of a buffer; return where it stopped, and the kernel's MORE or ODD."""
        state = self._state
        state[layout.POSITION], state[layout.INTERFACES] = at, len(faces) // 4
        # more than one interface may show the same packet more than once
        state[layout.SEVERAL] = int(len(faces) > 4)
        while True:
            result = kernel.run(
                buffer, end, form, swapped, extra, faces, state, self._scratch, self._ring, self._seen, self._index,
                self._conversations, self._pieces, self._table, self._marks,
            )  # fmt: skip
            if result in (layout.MORE, layout.ODD):
                self._read_marks(buffer)
                return state[layout.POSITION], result
            if result == layout.GROW:
                self._grow()
            elif result == layout.DRAIN:
                self._drain()
            elif result == layout.MARKED:
                self._read_marks(buffer)
            else:
                self._sweep(every=False, now=state[layout.SWEPT])

    def hand_over(
        self, time: int | None, link_type: int, wire: int, data: bytes, interface: tuple[int, int] = (0, 1)
    ) -> None:
        """Count one packet that the slow lane framed; `interface` is its number, and of how many."""
        link = link_type if link_type >= 0 else 0x10000
        stamp = _NO_TIME if time is None or time < 0 else time
        record = struct.pack("<QIIQQ", stamp, link, interface[0], min(wire, 2**31), len(data)) + data
        self.consume(bytearray(record), 0, len(record), HANDED, False, 0, array("Q", bytes(32 * min(2, interface[1]))))

    def tell(self, ledger: LedgerWriter) -> tuple[int, int | None, int | None]:
        """Write the source's packets that made no flow into a ledger; return (packets, first, last time in ns)."""
        state = self._state
        source = self._sources[-1]
        for number, kind in enumerate(kernel.CLASSES):
            count = state[layout.COUNTS + number]
            first = layout.SAMPLES + 9 * number
            samples = [state[first + 3 * n : first + 3 * n + 3] for n in range(min(count, 3))]
            if count:
                told = [(position, f"link type {_link(link)}, {wire} bytes") for position, link, wire in samples]
                ledger.packets(source, kind, count, told)
        if untimed := state[layout.UNTIMED]:
            ledger.event(source, "untimed", 0, f"{untimed} packets carry no usable time", untimed)
        start = state[layout.START]
        return state[layout.PACKETS], *((None, None) if start == _NO_TIME else (start, state[layout.END]))

    def finish(self) -> Flows:
        """Return the flows of everything counted, and forget it."""
        self._sweep(every=True, now=0)
        self._drain()
        flows = self._rows.flows(self._sources)
        self._rows = Rows()
        return flows

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
        self._index = numbers(_SPARSE * capacity)
        state[layout.CAPACITY] = state[layout.PIECE_CAPACITY] = capacity
        state[layout.INDEX_MASK] = _SPARSE * capacity - 1
        self._room(1024)
        kernel.sweep(0, 0, state, self._index, self._conversations, self._pieces, self._table)

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


def _link(link: int) -> int:
    return -1 if link > 0xFFFF else link
