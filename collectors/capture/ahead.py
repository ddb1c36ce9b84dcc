"""Turns one capture into flows on two cores: this thread reads records, another counts the packets they hold.

Packets are counted in the order in which they were read, so the flows are the same to the last byte. (Two halves of a
file would have to agree on every conversation that crosses the cut, and a pipe has no second half.)
"""

from array import array
from queue import SimpleQueue
from threading import Thread
from types import TracebackType
from typing import Self

from collectors.capture import kernel, layout
from collectors.capture.conversations import Conversations
from collectors.memory import words

PACKETS = 4096
"""Room of one ring: large enough that handing it over costs nothing, small enough for the processor's cache."""
_SPARES = 3


class Ahead:
    """Takes the place of conversations while a capture is read; at its end all is counted."""

    def __init__(self, conversations: Conversations) -> None:
        self._conversations = conversations
        self._work: SimpleQueue[tuple[bytearray, memoryview[int] | None, int] | None] = SimpleQueue()
        self._rings: SimpleQueue[memoryview[int]] = SimpleQueue()
        self._buffers: SimpleQueue[bytearray | None] = SimpleQueue()
        for _ in range(_SPARES):
            self._rings.put(words(PACKETS * layout.RING_WORDS))
            self._buffers.put(None)
        self._fault: BaseException | None = None
        self._counter = Thread(target=self._count, name="podfence counts", daemon=True)

    def __enter__(self) -> Self:
        self._counter.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        self._work.put(None)
        self._counter.join()
        if kind is None and self._fault is not None:
            raise self._fault

    def consume(
        self, buffer: bytearray, at: int, end: int, form: int, swapped: bool, extra: int, faces: "array[int]"
    ) -> tuple[int, int]:
        """Read the whole records of a buffer; return where it stopped, and the kernel's MORE or ODD."""
        reader = self._conversations.reader
        reader.begin(at, faces)
        while True:
            ring = self._rings.get()
            result = kernel.read(
                buffer, end, form, swapped, extra, faces, reader.state, reader.scratch, reader.seen, ring
            )
            self._work.put((buffer, ring, reader.state[layout.HELD]))
            if result != layout.FULL:
                return reader.state[layout.POSITION], result

    def spare(self, buffer: bytearray) -> bytearray:
        """Return a buffer to go on with: packets of this one may still be counted."""
        self._work.put((buffer, None, 0))
        return self._buffers.get() or bytearray(len(buffer))

    def _count(self) -> None:
        while (piece := self._work.get()) is not None:
            buffer, ring, held = piece
            if ring is None:
                self._buffers.put(buffer)
                continue
            if held and self._fault is None:
                try:
                    self._conversations.count(buffer, ring, held)
                except BaseException as fault:  # noqa: BLE001 - raised again by the thread that reads
                    self._fault = fault
            self._rings.put(ring)
