"""Turns a stream into its lines, some mebibytes at a time, whatever the length of a line."""

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from collectors.formats.scan_layout import PADDING
from collectors.formats.scan_text import count_lines

BLOCK = 1 << 24
"""Bytes of lines that are handed on at once, at most, about."""
_FIRST = 1 << 20
"""Bytes that are read before it is known how long lines are, and at least."""
LONGEST = 1 << 24
"""Bytes of a line before it is a fault: no record of any log is as long."""
MOST_LINES = 1 << 16
"""Lines that are handed on at once, however short they are: a row for each takes more than the line."""
_LINES = MOST_LINES // 2
"""Lines that are wanted at once: fewer pay more for what is done once a stretch, the rows of more leave the caches."""
TOO_LONG = f"longer than {LONGEST >> 20} MiB"
"""What is wrong with such a line."""
_BOM = b"\xef\xbb\xbf"
_BLANKS = b" \t\r"


class Line(NamedTuple):
    """One line without its end; `fault` says why it has no content."""

    number: int
    content: bytes
    fault: str = ""


class Stretch(NamedTuple):
    """Whole lines: so many from `start` to `end` of a text, the first with this number; none for one too long.

    Behind `end` the text has PADDING bytes or more, of which nothing is known.
    """

    number: int
    text: bytes | bytearray
    start: int
    end: int
    lines: int


def blocks(stream: BinaryIO) -> Iterator[list[Line]]:
    """Yield the lines that are not blank, many at a time, numbered from 1; a byte order mark at the start is dropped.

    A line ends in LF or CR LF. Of one longer than LONGEST only the number is kept, and that it was too long.
    """
    for stretch in stretches(stream):
        if kept := lines_of(stretch):
            yield kept


def lines_of(stretch: Stretch) -> list[Line]:
    """Return the lines of a stretch that are not blank."""
    if not stretch.lines:
        return [Line(stretch.number, b"", TOO_LONG)]
    text = bytes(stretch.text[stretch.start : stretch.end])
    numbered = enumerate(text.split(b"\n"), stretch.number)
    return [Line(number, line.removesuffix(b"\r")) for number, line in numbered if line.strip(_BLANKS)]


def stretches(stream: BinaryIO) -> Iterator[Stretch]:
    """Yield whole lines, some tens of thousands or about BLOCK bytes at a time.

    The last line may lack its end in the stream, but not here. What was yielded holds only until the next: one buffer
    is filled again and again, for that is twice as fast.
    """
    buffer = bytearray(2 * BLOCK + PADDING)
    head = stream.read(len(_BOM))
    while 0 < len(head) < len(_BOM) and (more := stream.read(len(_BOM) - len(head))):
        head += more
    head = head.removeprefix(_BOM)
    buffer[: len(head)] = head
    number, known, size, skipping = 1, 0, len(head), False  # no line ends in the bytes that are known
    most = min(_FIRST, BLOCK)
    while (got := _fill(stream, memoryview(buffer)[size : size + most])) or known < size:
        start, size = 0, size + got
        if not skipping and size > LONGEST and buffer.find(b"\n", known, LONGEST + 1) < 0:
            yield Stretch(number, b"", 0, 0, 0)
            number, skipping = number + 1, True
        if skipping:
            start = buffer.find(b"\n", known, size) + 1
            if not start:
                known = size = 0
                continue
            skipping = False
        end, first = max(start, buffer.rfind(b"\n", known, size) + 1), number
        for some in _portions(number, buffer, start, end):
            yield some
            number += some.lines
        if number > first:
            most = min(max(_FIRST, _LINES * (end - start) // (number - first)), BLOCK)
        buffer[: size - end] = buffer[end:size]
        known = size = size - end
        if len(buffer) < size + BLOCK + PADDING:
            buffer += bytes(2 * BLOCK + PADDING)
    if size:
        buffer[size] = 10
        yield Stretch(number, buffer, 0, size + 1, 1)


def _fill(stream: BinaryIO, part: memoryview) -> int:
    """Read what a stream has at once into a part of a buffer; return how many bytes."""
    readinto = getattr(stream, "readinto", None)
    if readinto is not None:
        return readinto(part) or 0
    piece = stream.read(len(part))
    part[: len(piece)] = piece
    return len(piece)


def whole_lines(stream: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """Yield what `stretches` does as the number and the bytes; None in the place of a line that is too long."""
    for number, text, start, end, count in stretches(stream):
        yield number, bytes(text[start:end]) if count else None


def _portions(number: int, text: bytearray, start: int, end: int) -> Iterator[Stretch]:
    """Yield stretches of MOST_LINES lines at most."""
    count = count_lines(text, start, end)
    while count > MOST_LINES:
        after = start
        for _ in range(MOST_LINES):
            after = text.index(b"\n", after) + 1
        yield Stretch(number, text, start, after, MOST_LINES)
        number, start, count = number + MOST_LINES, after, count - MOST_LINES
    if count:
        yield Stretch(number, text, start, end, count)
