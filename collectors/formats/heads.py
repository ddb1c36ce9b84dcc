"""Turns a stream that can only be read once into its beginning, and a stream that still has it."""

import io
from typing import BinaryIO, cast

HEAD = 1 << 16
"""Bytes that tell what a file is, and how it is written."""


def peek(stream: BinaryIO, size: int = HEAD) -> tuple[bytes, BinaryIO]:
    """Return the first bytes, and a stream that begins with them.

    They are fewer only where there are no more, or where a stream that is still written gives lines and then nothing.
    """
    head = b""
    # what comes next may be long in coming: a line is enough to tell how the others are written
    while len(head) < size and not _is_lines(head) and (piece := stream.read(size - len(head))):
        head += piece
    return head, cast("BinaryIO", _Rejoined(head, stream))


def _is_lines(head: bytes) -> bool:
    return head.endswith(b"\n") and not head.isspace()


class _Rejoined:
    """A stream with the bytes put back that were taken from its beginning."""

    closed = False  # pyarrow asks

    def __init__(self, head: bytes, stream: BinaryIO) -> None:
        self._head = head
        self._stream = stream

    def read(self, size: int = -1, /) -> bytes:
        if size < 0:
            self._head, head = b"", self._head
            return head + self._stream.read()
        piece, self._head = self._head[:size], self._head[size:]
        return piece or self._stream.read(size)

    def seekable(self) -> bool:
        return self._stream.seekable()

    def tell(self) -> int:
        return self._stream.tell() - len(self._head)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        place = self._stream.seek(offset - (len(self._head) if whence == io.SEEK_CUR else 0), whence)
        self._head = b""
        return place
