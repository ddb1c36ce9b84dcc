"""Turns a stream into buffers of fixed size that the kernel works in, with a slow way out for odd records."""

import struct
from array import array
from typing import Any, BinaryIO, Protocol, cast

from collectors.capture import layout
from collectors.capture.reader import NO_TIME

_SIZE = 1 << 20  # more than twice what one record may have
_HANDED = 3
"""The form of a packet that is handed over, see `kernel.read`."""


class Lane(Protocol):
    """What takes the packets."""

    def consume(
        self, buffer: bytearray, at: int, end: int, form: int, swapped: bool, extra: int, faces: "array[int]"
    ) -> tuple[int, int]:
        """Take the whole records of a buffer; return where it stopped, and the kernel's MORE or ODD."""

    def spare(self, buffer: bytearray) -> bytearray:
        """Return a buffer of the same size to go on with."""


class Pump:
    """The bytes of a stream, forward only: `fast` counts whole records in place, `read` takes bytes away."""

    def __init__(self, stream: BinaryIO, lane: Lane) -> None:
        # A stream that fills a buffer in place saves one copy of every byte.
        self._stream = cast("Any", stream)
        self._lane = lane
        self._buffer = bytearray(_SIZE)
        self._at = 0
        self._end = 0

    def fast(self, form: int, swapped: bool, extra: int, faces: "array[int]") -> int:
        """Count the whole ordinary records that come next; return how many bytes they were."""
        passed = 0
        while True:
            at, result = self._lane.consume(self._buffer, self._at, self._end, form, swapped, extra, faces)
            passed += at - self._at
            self._at = at
            if result == layout.ODD or not self._fill():
                return passed

    def hand_over(
        self, time: int | None, link_type: int, wire: int, data: bytes, interface: tuple[int, int] = (0, 1)
    ) -> None:
        """Count one packet that the slow lane framed; `interface` is its number, and of how many."""
        link = link_type if link_type >= 0 else 0x10000
        stamp = NO_TIME if time is None or time < 0 else time
        record = struct.pack("<QIIQQ", stamp, link, interface[0], min(wire, 2**31), len(data)) + data
        faces = array("Q", bytes(32 * min(2, interface[1])))
        self._lane.consume(bytearray(record), 0, len(record), _HANDED, False, 0, faces)

    def read(self, size: int, /) -> bytes:
        """Return the next bytes; fewer only at the end of the stream."""
        while self._end - self._at < size and self._fill():
            pass
        piece = bytes(self._buffer[self._at : min(self._end, self._at + size)])
        self._at += len(piece)
        if len(piece) < size and len(piece) == _SIZE:
            return piece + self.read(size - len(piece))
        return piece

    def _fill(self) -> bool:
        """Take what is left to the front of a buffer and read more behind it; False at the end or when full."""
        left = self._end - self._at
        if left == _SIZE:
            return False
        full = self._buffer
        self._buffer = self._lane.spare(full)
        self._buffer[:left] = full[self._at : self._end]
        with memoryview(self._buffer) as view, view[left:] as room:
            count = self._stream.readinto(room) or 0
        self._at, self._end = 0, left + count
        return bool(count)
