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

from collectors.capture import kernel
from collectors.capture.decode import VXLAN_PORTS, new_state
from collectors.capture.rows import Rows
from collectors.flows import Flows
from collectors.ledger import LedgerWriter

PCAP, ENHANCED, HANDED = 1, 2, 3
"""Forms of records, see `kernel.run`."""
ENDED, SHORT, LONG = kernel.PATIENCE
"""Silence in ns that ends a conversation: one that was closed, one that is short-lived, one that stands."""

_L = kernel.LAYOUT
_NO_TIME = 2**64 - 1
_MARKS = 4096
_SEEN = 1 << 16


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
        self._state = new_state(outer=outer, vxlan_ports=vxlan_ports)
        self._state[_L["BUCKET_NS"]] = bucket_seconds * 10**9
        self._state[_L["MARK_CAPACITY"]] = _MARKS
        self._state[_L["SEEN_MASK"]] = _SEEN // 4 - 1  # four packets in each place
        self._conversations = _aligned(0)
        self._pieces = _words(0)
        self._index = array("I")
        self._marks = _words(_MARKS * 8)
        self._seen = _words(_SEEN * 3)
        self._table = _words(0)
        self._sources: list[str] = []
        self._rows = Rows()
        self._grow()

    def __len__(self) -> int:
        """Return how many conversations are open."""
        return int(self._state[_L["CONVERSATIONS"]])

    def begin_source(self, name: str, names: NameSink | None = None) -> None:
        """Name the input that the next packets come from, and what takes its payloads with names."""
        self._names = names
        state = self._state
        self._room(state[_L["CONVERSATIONS"]] + state[_L["PIECES"]])
        while state[_L["PIECES"]] + state[_L["CONVERSATIONS"]] + 2 >= state[_L["PIECE_CAPACITY"]]:
            self._grow()
        kernel.close_buckets(state, self._conversations, self._pieces, self._table)
        self._drain()
        state[_L["SOURCE"]] = len(self._sources)
        state[_L["WANT_MARKS"]] = int(names is not None)
        self._sources.append(name)
        for word in range(_L["COUNTS"], _L["SCRATCH"]):
            state[word] = 0
        state[_L["PACKETS"]] = state[_L["UNTIMED"]] = state[_L["END"]] = state[_L["TIME"]] = 0
        state[_L["START"]] = _NO_TIME

    def consume(
        self, buffer: bytearray, at: int, end: int, form: int, swapped: bool, extra: int, faces: "array[int]"
    ) -> tuple[int, int]:
        """Count the whole records of a buffer; return where it stopped, and the kernel's MORE or ODD."""
        state = self._state
        state[_L["POSITION"]], state[_L["INTERFACES"]] = at, len(faces) // 4
        # more than one interface may show the same packet more than once
        state[_L["SEVERAL"]] = int(len(faces) > 4)
        while True:
            result = kernel.run(
                buffer, end, form, swapped, extra, state, faces, self._index, self._conversations, self._pieces,
                self._table, self._marks, self._seen,
            )  # fmt: skip
            if result in (kernel.MORE, kernel.ODD):
                self._read_marks(buffer)
                return state[_L["POSITION"]], result
            if result == kernel.GROW:
                self._grow()
            elif result == kernel.DRAIN:
                self._drain()
            elif result == kernel.MARKED:
                self._read_marks(buffer)
            else:
                self._sweep(every=False, now=state[_L["SWEPT"]])

    def hand_over(self, time: int | None, link_type: int, wire: int, data: bytes) -> None:
        """Count one packet that the slow lane framed."""
        link = link_type if link_type >= 0 else 0x10000
        stamp = _NO_TIME if time is None or time < 0 else time
        record = struct.pack("<QIIQQ", stamp, link, 0, min(wire, 2**31), len(data)) + data
        self.consume(bytearray(record), 0, len(record), HANDED, False, 0, _words(4))

    def tell(self, ledger: LedgerWriter) -> tuple[int, int | None, int | None]:
        """Write the source's packets that made no flow into a ledger; return (packets, first, last time in ns)."""
        state = self._state
        source = self._sources[-1]
        for number, kind in enumerate(kernel.CLASSES):
            count = state[_L["COUNTS"] + number]
            first = _L["SAMPLES"] + 9 * number
            samples = [state[first + 3 * n : first + 3 * n + 3] for n in range(min(count, 3))]
            if count:
                told = [(position, f"link type {_link(link)}, {wire} bytes") for position, link, wire in samples]
                ledger.packets(source, kind, count, told)
        if untimed := state[_L["UNTIMED"]]:
            ledger.event(source, "untimed", 0, f"{untimed} packets carry no usable time", untimed)
        start = state[_L["START"]]
        return state[_L["PACKETS"]], *((None, None) if start == _NO_TIME else (start, state[_L["END"]]))

    def finish(self) -> Flows:
        """Return the flows of everything counted, and forget it."""
        self._sweep(every=True, now=0)
        self._drain()
        flows = self._rows.flows(self._sources)
        self._rows = Rows()
        return flows

    def _sweep(self, *, every: bool, now: int) -> None:
        self._room(self._state[_L["CONVERSATIONS"]] + self._state[_L["PIECES"]])
        self._piece_room()
        kernel.sweep(2 if every else 1, now, self._state, self._index, self._conversations, self._pieces, self._table)

    def _piece_room(self) -> None:
        state = self._state
        if state[_L["PIECES"]] + 2 >= state[_L["PIECE_CAPACITY"]]:
            self._grow()

    def _grow(self) -> None:
        """Double all tables, and build the index anew."""
        state = self._state
        capacity = max(8192, 2 * state[_L["CAPACITY"]])
        conversations = _aligned(16 * capacity)
        conversations[: len(self._conversations)] = self._conversations
        self._conversations = conversations
        self._pieces.frombytes(bytes(8 * (10 * capacity - len(self._pieces))))
        self._index = array("I", bytes(4 * 2 * capacity))
        state[_L["CAPACITY"]] = state[_L["PIECE_CAPACITY"]] = capacity
        state[_L["INDEX_MASK"]] = 2 * capacity - 1
        self._room(1024)
        kernel.sweep(0, 0, state, self._index, self._conversations, self._pieces, self._table)

    def _room(self, rows: int) -> None:
        """Make room for some rows beside those there are."""
        state = self._state
        if state[_L["ROWS"]] + rows + 200 > state[_L["ROW_CAPACITY"]]:
            self._drain()
            if rows + 200 > state[_L["ROW_CAPACITY"]]:
                state[_L["ROW_CAPACITY"]] = max(2 * rows, 1 << 14)
                self._table = _words(14 * state[_L["ROW_CAPACITY"]])

    def _drain(self) -> None:
        count = self._state[_L["ROWS"]]
        if count:
            self._rows.add(np.frombuffer(self._table, dtype=np.uint64)[: 14 * count].reshape(count, 14).copy())
        self._state[_L["ROWS"]] = 0

    def _read_marks(self, buffer: bytearray) -> None:
        state, marks = self._state, self._marks
        for at in range(0, 8 * state[_L["MARKS"]], 8):
            offset, length, time, kind, high, low, v6 = marks[at : at + 7]
            if self._names is not None:
                self._names.payload(time, kind, (high, low, bool(v6)), bytes(buffer[offset : offset + length]))
        state[_L["MARKS"]] = 0


def _words(count: int) -> "array[int]":
    return array("Q", bytes(8 * count))


def _aligned(count: int) -> "memoryview[int]":
    """Return words that begin where a line of the processor's cache begins."""
    words = _words(count + 8)
    start = -(words.buffer_info()[0] // 8) % 8
    return memoryview(words)[start : start + count]


def _link(link: int) -> int:
    return -1 if link > 0xFFFF else link
