"""Turns a stream into its lines, some mebibytes at a time, whatever the length of a line."""

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

BLOCK = 1 << 22
"""Bytes of lines that are handed on at once, about."""
LONGEST = 1 << 24
"""Bytes of a line before it is a fault: no record of any log is as long."""
_BOM = b"\xef\xbb\xbf"


class Line(NamedTuple):
    """One line without its end; `fault` says why it has no content."""

    number: int
    content: bytes
    fault: str = ""


def blocks(stream: BinaryIO, size: int = BLOCK, longest: int = LONGEST) -> Iterator[list[Line]]:
    """Yield the lines that are not blank, many at a time, numbered from 1; a byte order mark at the start is dropped.

    A line ends in LF or CR LF. Of one longer than `longest` only the number is kept, and that it was too long.
    """
    for start, block in whole_lines(stream, size, longest):
        if block is None:
            yield [Line(start, b"", f"longer than {longest >> 20} MiB")]
            continue
        lines = block.split(b"\n")
        kept = [Line(number, line) for number, line in enumerate(map(bytes.strip, lines), start) if line]
        if kept:
            yield kept


def whole_lines(
    stream: BinaryIO, size: int = BLOCK, longest: int = LONGEST
) -> Iterator[tuple[int, bytes | None]]:
    """Yield stretches of whole lines, with the number of the first; None in the place of a line that is too long."""
    number, rest = 1, stream.read(len(_BOM))
    rest = rest.removeprefix(_BOM)
    while piece := stream.read(size):
        rest += piece
        end = rest.rfind(b"\n") + 1
        if end:
            yield number, rest[:end]
            number += rest.count(b"\n", 0, end)
            rest = rest[end:]
        elif len(rest) > longest:
            yield number, None
            rest = _skip(stream, size)
            number += 1
    if rest:
        yield number, rest


def _skip(stream: BinaryIO, size: int) -> bytes:
    """Read to the end of the line; return what follows it."""
    while piece := stream.read(size):
        end = piece.find(b"\n") + 1
        if end:
            return piece[end:]
    return b""
