"""Turns a stream that may be compressed into the stream of its content, which never raises for damage.

gzip (RFC 1952) and zstd (RFC 8878) are told by their magic, in any nesting up to MAXIMUM_LAYERS; members and frames
that follow each other are read as one. Content is produced in bounded pieces, however well it was compressed.
"""

import io
import zlib
from collections.abc import Callable
from typing import Any, BinaryIO, cast

import zstandard

MAXIMUM_LAYERS = 3
_BUFFER = 1 << 18

# name -> (magic, a new decompressor, compressed bytes fed at once). One piece of content stays under some 32 MiB:
# deflate expands at most 1032 times, zstd one 4-byte block to 128 KiB.
_COMPRESSIONS: dict[str, tuple[bytes, Callable[[], Any], int]] = {
    "gzip": (b"\x1f\x8b", lambda: zlib.decompressobj(wbits=31), 1 << 14),
    "zstd": (b"\x28\xb5\x2f\xfd", lambda: zstandard.ZstdDecompressor().decompressobj(), 1 << 10),
}


class Content(io.BufferedReader):
    """The content of a stream behind all compression; `faults` says, after the end, what was damaged."""

    def __init__(self, stream: BinaryIO) -> None:
        self._layers: list[_Decompressed] = []
        source = stream
        head, stream = _peek(stream)
        while len(self._layers) < MAXIMUM_LAYERS and (name := _compression(head)):
            layer = _Decompressed(stream, name)
            self._layers.append(layer)
            head, stream = _peek(cast("BinaryIO", io.BufferedReader(layer, _BUFFER)))
        self.head = head
        """The first bytes of the content, for telling its format; reading begins before them."""
        self._plain = source if not self._layers and source.seekable() else None
        self._size = len(head)
        super().__init__(Rejoined(b"", stream), _BUFFER)

    def whole(self) -> BinaryIO:
        """Return the content from its beginning, to be read instead of this: the file itself where it is plain."""
        if self._plain is None:
            return cast("BinaryIO", self)
        start = self._plain.tell() - self._size
        # Without the buffer in between: whoever reads large pieces saves a copy.
        raw = cast("BinaryIO", getattr(self._plain, "raw", self._plain))
        raw.seek(start)
        return raw

    @property
    def faults(self) -> list[str]:
        """What was damaged in the compression, as far as it was read."""
        return [layer.fault for layer in self._layers if layer.fault]


class Rejoined(io.RawIOBase):
    """A stream with the bytes put back that were taken from its beginning; of a raw one it gives what there is."""

    def __init__(self, head: bytes, stream: BinaryIO) -> None:
        self._head = head
        self._stream = stream

    def readable(self) -> bool:
        """Return yes."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a part of the buffer; return 0 at the end."""
        piece = self._head[: len(buffer)] or self._stream.read(len(buffer)) or b""
        self._head = self._head[len(piece) :]
        buffer[: len(piece)] = piece
        return len(piece)


class _Decompressed(io.RawIOBase):
    """The content of one layer of compression; damage ends it and is remembered."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self._stream = stream
        self._name = name
        self._magic, self._new, self._feed = _COMPRESSIONS[name]
        self._decompressor = self._new()
        self._begun = False
        self._compressed = b""
        self._content = b""
        self.fault = ""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._content and not self.fault:
            if not self._advance():
                break
        piece = self._content[: len(buffer)]
        self._content = self._content[len(piece) :]
        buffer[: len(piece)] = piece
        return len(piece)

    def _advance(self) -> bool:
        """Decompress one more piece; False at the end."""
        compressed = self._compressed or self._stream.read(self._feed)
        self._compressed = b""
        if self._decompressor.eof:
            return self._next_member(compressed)
        if not compressed:
            self.fault = f"the {self._name} stream is cut"
            return False
        try:
            self._content = self._decompressor.decompress(compressed)
        except (zlib.error, zstandard.ZstdError) as fault:
            self.fault = f"the {self._name} stream is damaged: {fault}"
            return False
        self._compressed = self._decompressor.unused_data
        return True

    def _next_member(self, compressed: bytes) -> bool:
        while compressed and not compressed.strip(b"\0"):
            compressed = self._stream.read(self._feed)  # padding, as tapes and some tools add it
        if not compressed:
            return False
        compressed += self._stream.read(max(0, len(self._magic) - len(compressed)))
        if not compressed.startswith(self._magic):
            self.fault = f"something else follows the {self._name} stream and is not read"
            return False
        self._decompressor = self._new()
        self._compressed = compressed
        return True


def _compression(head: bytes) -> str:
    return next((name for name, (magic, _, _) in _COMPRESSIONS.items() if head.startswith(magic)), "")


def _peek(stream: BinaryIO, size: int = 1 << 16) -> tuple[bytes, BinaryIO]:
    """Return the first bytes, and a stream that still begins with them."""
    head = stream.read(size)
    return head, cast("BinaryIO", io.BufferedReader(Rejoined(head, stream), _BUFFER))
