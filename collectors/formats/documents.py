"""Turns JSON of any layout (an array, an object around one, text over many lines) into one line for each record."""

import io
import re
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, cast

from collectors.formats.lines import BLOCK, LONGEST
from collectors.formats.scan_grammar import record_end
from collectors.formats.scan_text import is_compiled

_BOM = b"\xef\xbb\xbf"
_BLANKS = b" \t\r\n"
_LINE_END = 8
"""Bytes after a record that are looked at: a line end, and blanks that nobody meant."""
_STRING = rb'"(?:[^"\\\n]|\\[^\n])*+"'
# Possessive, so that a string without an end is looked through once and not once for each of its bytes.
_TO_BRACKET = re.compile(rb'(?:[^"{}\[\]]++|' + _STRING + rb")*+")
_TO_COMMA = re.compile(rb'(?:[^",{}\[\]\n]++|' + _STRING + rb")*+")
_STRING_SO_FAR = re.compile(rb'"(?:[^"\\\n]|\\[^\n])*+\\?+')
_BETWEEN = re.compile(rb"[ \t\r\n]*+")
_BETWEEN_ELEMENTS = re.compile(rb"[ \t\r\n,]*+")


def json_documents(stream: BinaryIO, keys: Sequence[str] = ()) -> BinaryIO:
    """Return a stream in which each record is one line.

    Records are the elements of a top-level array, or of the arrays behind `keys` of a top-level object, of which
    nothing else is kept; else the top-level objects themselves, over however many lines. JSON lines pass unchanged;
    the first line tells. Where the input is cut, what there is of the last record, or else the bracket that is never
    closed, is a line; a record with a line end in a string is cut there. Only strings and brackets are looked at:
    whether a line is JSON, its reader finds. Memory is bounded: what is longer than `lines.LONGEST` is handed on in
    pieces, as one line still.
    """
    return cast("BinaryIO", _Pieces(_pieces(stream, keys)))


def _pieces(stream: BinaryIO, keys: Sequence[str]) -> Iterator[bytes]:
    documents = _Documents(stream, keys)
    if _is_record(documents.first_line(), keys):
        return documents.unchanged()
    return documents.records()


def _is_record(line: bytes, keys: Sequence[str]) -> bool:
    """Return whether a line is a record for itself, or else nothing that goes on in the next line."""
    if line[:1] not in {b"{", b"["}:
        return True
    documents = _Documents(io.BytesIO(line + b"\n"), keys)
    return list(filter(None, documents.records())) == [line + b"\n"] and not documents.cut


class _Pieces(io.RawIOBase):
    """A stream of what an iterator gives; an empty piece says that the next one may be long in coming."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._piece = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        filled = 0
        while filled < len(buffer):
            if not self._piece:
                piece = next(self._pieces, None)
                if piece is None or (filled and not piece):
                    break
                self._piece = memoryview(piece)
            size = min(len(buffer) - filled, len(self._piece))
            buffer[filled : filled + size] = self._piece[:size]
            self._piece = self._piece[size:]
            filled += size
        return filled


class _Documents:
    """Goes through a stream from bracket to bracket; what is not handed on yet is in memory."""

    def __init__(self, stream: BinaryIO, keys: Sequence[str]) -> None:
        self._stream = stream
        self._keys = tuple(b'"' + key.encode() + b'"' for key in keys)
        self._window = 64 + max(map(len, self._keys), default=0)
        self._text = b""
        self._at = 0
        self._start = 0
        """Where what is not handed on yet begins."""
        self._record_end = record_end if is_compiled() else _unknown
        self.cut = False
        """Whether the stream ended within a record or an array."""

    def first_line(self) -> bytes:
        """Return the first line that is not blank, without its end; of a very long one only the beginning."""
        while b"\n" not in self._text.lstrip(_BLANKS) and len(self._text) <= LONGEST and self._more():
            pass
        self._text = self._text.removeprefix(_BOM)
        return self._text.strip(_BLANKS).partition(b"\n")[0].rstrip(_BLANKS)

    def unchanged(self) -> Iterator[bytes]:
        """Yield everything as it is."""
        yield self._text
        yield b""
        while piece := self._stream.read(BLOCK):
            yield piece
            yield b""

    def records(self) -> Iterator[bytes]:
        """Yield each record as one line, in one piece or several."""
        while byte := self._next(_BETWEEN):
            if byte == b"[":
                self._at += 1
                yield from self._elements()
            elif byte == b"{":
                yield from self._record(self._keys)
            else:
                yield from self._rest_of_line()
            if self._is_through():
                yield b""

    def _is_through(self) -> bool:
        """Return whether nothing but the end of a line is left of what was read."""
        return len(self._text) - self._at <= _LINE_END and not self._text[self._at :].strip(_BLANKS)

    def _elements(self) -> Iterator[bytes]:
        """Yield the elements of the array whose bracket was just passed."""
        while byte := self._next(_BETWEEN_ELEMENTS):
            if byte == b"]":
                self._at += 1
                return
            yield from self._record(()) if byte in b"{[" else self._scalar()
        yield from self._unclosed(b"[")

    def _record(self, keys: Sequence[bytes]) -> Iterator[bytes]:
        """Yield the object or array that begins here as a line, or what is in the arrays behind these of its keys."""
        if self._take_whole(keys):
            yield self._taken() + b"\n"
            return
        opened = bytearray()
        while byte := self._to(_TO_BRACKET):
            before = self._before()
            if byte == b'"':
                yield from self._rest_of_line()
                return
            if byte == b"{" and opened[-1:] == b"{" and before[-1:] != b":":
                break  # no value of the object before: that one is not whole, and another begins
            self._at += 1
            if byte == b"[" and opened == b"{" and _is_behind(before, keys):
                yield from self._around(keys)
                return
            if byte in b"{[":
                opened += byte
            else:
                opened.pop()
            if not opened:
                break
            if self._at - self._start > LONGEST:
                yield self._taken()
                keys = ()
        self.cut |= not byte
        yield self._taken() + b"\n"

    def _take_whole(self, keys: Sequence[bytes]) -> bool:
        """Go behind the record that begins here if it is in memory, with nothing odd and no key in it."""
        end = self._record_end(self._text, self._at, len(self._text))
        if not end or end - self._at > LONGEST or any(self._text.find(key, self._at, end) >= 0 for key in keys):
            return False
        self._at = end
        return True

    def _around(self, keys: Sequence[bytes]) -> Iterator[bytes]:
        """Yield the elements of the array that begins here, and of others like it to the end of their object."""
        yield from self._elements()
        depth = 1
        while depth and (byte := self._to(_TO_BRACKET)):
            before = self._before()
            self._start = self._at
            if byte == b'"':
                yield from self._rest_of_line()
                return
            self._at += 1
            if byte == b"[" and depth == 1 and _is_behind(before, keys):
                yield from self._elements()
            else:
                depth += 1 if byte in b"{[" else -1
        if depth:
            yield from self._unclosed(b"{")

    def _unclosed(self, bracket: bytes) -> Iterator[bytes]:
        """Yield a line that tells of a bracket around records without end, if none told of the cut before."""
        if not self.cut:
            yield bracket + b"\n"
        self.cut = True

    def _scalar(self) -> Iterator[bytes]:
        """Yield an element without brackets as a line, or what stands in the place of one."""
        byte = self._to(_TO_COMMA)
        if byte == b'"':
            yield from self._rest_of_line()
            return
        if self._at == self._start:
            self._at += 1  # a bracket that nothing opened
        self.cut |= not byte
        yield self._taken() + b"\n"

    def _rest_of_line(self) -> Iterator[bytes]:
        """Yield everything to the next line end, in pieces."""
        while (end := self._text.find(b"\n", self._at)) < 0:
            self._at = len(self._text)
            if self._at - self._start > LONGEST:
                yield self._taken()
            if not self._more():
                self.cut = True
                break
        else:
            self._at = end
        yield self._taken() + b"\n"

    def _next(self, between: re.Pattern[bytes]) -> bytes:
        """Go to where the next record begins; return its first byte, nothing at the end."""
        while True:
            self._start = self._at = _end(between, self._text, self._at)
            if self._at < len(self._text) or not self._more():
                return self._text[self._at : self._at + 1]

    def _to(self, ending: re.Pattern[bytes]) -> bytes:
        """Go to what ends the pattern; return its byte, nothing at the end, a quote if a line end must end it."""
        while True:
            self._at = _end(ending, self._text, self._at)
            byte = self._text[self._at : self._at + 1]
            if byte and byte != b'"':
                return byte
            if (byte and self._is_endless()) or len(self._text) - self._start > 2 * LONGEST:
                return b'"'
            if not self._more():
                self._at = len(self._text)
                return b""

    def _before(self) -> bytes:
        """Return the end of the text before here, without blanks."""
        return self._text[max(0, self._at - self._window) : self._at].rstrip(_BLANKS)

    def _is_endless(self) -> bool:
        """Return whether the string that begins here has a line end in it."""
        return _end(_STRING_SO_FAR, self._text, self._at) < len(self._text)

    def _more(self) -> bool:
        """Read on, and forget what was handed on; return whether there was more."""
        piece = self._stream.read(BLOCK)
        known = max(0, min(self._start, self._at - self._window))
        self._text = self._text[known:] + piece
        self._start -= known
        self._at -= known
        return bool(piece)

    def _taken(self) -> bytes:
        """Return what is not handed on yet, up to here, in one line: line ends are blanks between values."""
        taken = self._text[self._start : self._at].replace(b"\n", b" ")
        self._start = self._at
        return taken


def _unknown(*_: object) -> int:
    """Stand in for `record_end` where it is not compiled: going from bracket to bracket is faster than it is then."""
    return 0


def _is_behind(before: bytes, keys: Sequence[bytes]) -> bool:
    """Return whether a text ends with one of these keys (in quotes), and a colon."""
    name = before.removesuffix(b":").rstrip(_BLANKS)
    return name != before and any(
        name.endswith(key) and name.removesuffix(key).rstrip(_BLANKS)[-1:] in {b"{", b","} for key in keys
    )


def _end(pattern: re.Pattern[bytes], text: bytes, at: int) -> int:
    """Return where a pattern ends that takes anything, be it nothing."""
    matched = pattern.match(text, at)
    return matched.end() if matched else at
