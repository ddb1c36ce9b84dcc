"""Turns pieces of bytes, as some code makes them, into a stream that a reader takes."""

from collections.abc import Iterator
from typing import BinaryIO, cast


def stream_of(pieces: Iterator[bytes]) -> BinaryIO:
    """Return a stream of these bytes, which are made as they are read; it can only be read.

    A piece without bytes says that the next one may be long in coming: what there is, is not held back for it.
    """
    return cast("BinaryIO", _Pieces(pieces))


class _Pieces:
    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""

    def read(self, size: int = -1, /) -> bytes:
        if size < 0:
            rest, self._rest = self._rest, b""
            return rest + b"".join(self._pieces)
        while len(self._rest) < size and (piece := next(self._pieces, None)) is not None:
            if self._rest and not piece:
                break
            self._rest += piece
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken
