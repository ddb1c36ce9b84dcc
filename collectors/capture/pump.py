"""Turns a stream into a buffer of fixed size that the kernel works in, with a slow way out for odd records."""

from array import array
from typing import Any, BinaryIO, cast

from collectors.capture import layout
from collectors.capture.conversations import Conversations

_SIZE = 1 << 20  # more than twice what one record may have


class Pump:
    """The bytes of a stream, forward only: `fast` counts whole records in place, `read` takes bytes away."""

    def __init__(self, stream: BinaryIO, conversations: Conversations) -> None:
        # A stream that fills a buffer in place saves one copy of every byte.
        self._stream = cast("Any", stream)
        self._conversations = conversations
        self._buffer = bytearray(_SIZE)
        self._at = 0
        self._end = 0

    def fast(self, form: int, swapped: bool, extra: int, faces: "array[int]") -> int:
        """Count the whole ordinary records that come next; return how many bytes they were."""
        passed = 0
        while True:
            at, result = self._conversations.consume(self._buffer, self._at, self._end, form, swapped, extra, faces)
            passed += at - self._at
            self._at = at
            if result == layout.ODD or not self._fill():
                return passed

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
        """Move what is left to the front and read more behind it; False at the end of the stream or when full."""
        left = self._end - self._at
        if left == _SIZE:
            return False
        self._buffer[:left] = self._buffer[self._at : self._end]
        with memoryview(self._buffer) as view, view[left:] as room:
            count = self._stream.readinto(room) or 0
        self._at, self._end = 0, left + count
        return bool(count)
