"""Turns a flow log that grows and is rotated into batches, each with the position behind what it was made of.

`Followed` gives whole lines, some hundred kibibytes of them at most, and formats hand on what they have before they
ask for more: each batch is of all lines up to its position. (One line of many mebibytes may come in several batches,
all with the position behind it.) Where reading goes on in the middle of a file, the lines at its beginning in which
its format finds no record (a header) are read again before the rest, or, where these begin with `#`, the last such
lines; a file that begins anew has its own.
"""

import io
import re
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, cast

from collectors.capture import sniff
from collectors.errors import UnreadableInput
from collectors.following import FIRST, Followed, Position
from collectors.following_files import LogFile, shown
from collectors.formats import netflow
from collectors.formats.batch import Batch
from collectors.formats.json_lines import json_object
from collectors.formats.mapping import Mapping
from collectors.formats.parquet import MAGIC
from collectors.formats.reading import Format
from collectors.inputs import Input, kind_of, log_format

COMPRESSED = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd")
"""What gzip and zstd begin with."""
_JSON = re.compile(rb"\{|\[\s*(?:[\[{]|$)").match
"""The beginning of JSON, and not that of a line with its time or a word in brackets."""
_MOST_HEADER = 64
"""Lines that a header has at most."""
UNKNOWN = "log"
"""The kind of a log that had nothing in it until it was not followed any more."""


class FollowedLog:
    """The batches of a log from a position on, until `stopped` says so; to be iterated over once.

    `format` is one of `inputs.FORMATS`, None to tell it by the first bytes, which are waited for. Raises
    UnreadableInput for what cannot be followed: captures, and files that are read as a whole or not at all.
    """

    def __init__(
        self,
        path: str | Path,
        stopped: Callable[[], bool],
        position: Position | None = None,
        format: str | None = None,  # noqa: A002 -- the word that users of the command know
        mapping: Mapping | None = None,
        pause: float = 0.2,
    ) -> None:
        self._item = Input(Path(path), shown(Path(path)))
        self._format = format
        self._mapping = mapping
        self._stream = Followed(path, stopped, position, pause)

    @cached_property
    def kind(self) -> str:
        """The format of the log, by name; waits for the first bytes, and is UNKNOWN if none ever come."""
        first = self._stream.beginning(self._tells)
        return self._kind_of(first) if first else UNKNOWN

    def __iter__(self) -> Iterator[tuple[Batch, Position]]:
        """Yield each batch, which may be long in coming, with the position behind it."""
        with self._stream:
            form = log_format(self.kind, self._mapping)
            if form is None:
                return
            for batch in form.read(cast("BinaryIO", _Behind(self._header(form), self._stream))):
                yield batch, cast("Position", self._stream.position)  # there is one where something was read

    def losses(self) -> list[str]:
        """Return sentences on what may have been lost since this was asked last."""
        return self._stream.losses()

    def _tells(self, first: bytes) -> bool:
        """Return whether the first bytes are enough to know the format, or that it is none that can be followed."""
        if _refusal(first):
            return True
        if not first.strip() or b"\n" not in first.lstrip():
            return False
        try:
            self._kind_of(first)
        except UnreadableInput:
            return False
        return True

    def _kind_of(self, first: bytes) -> str:
        if refusal := _refusal(first):
            raise UnreadableInput(f"{self._item.name} {refusal}")
        kind = kind_of(self._item, first, self._format)
        if kind == netflow.NAME:
            raise UnreadableInput(f"{self._item.name} has export messages and no lines: listen to them at udp://.")
        return kind

    def _header(self, form: Format) -> bytes:
        """Return the lines that are no records and say how those are written in whose middle reading begins."""
        position = self._stream.position
        header = header_of(form, self._stream.beginning(bool)[: position.offset]) if position else b""
        if not header.startswith(b"#"):
            return header
        # such lines may come again, and the last ones count
        return b"".join(line for line in self._stream.noted(_MOST_HEADER) if not _has_record(form, line))


def refuse(path: Path) -> None:
    """Raise UnreadableInput where a path has what cannot be followed, as far as that is told by now."""
    file = LogFile.opened(path)
    if file is None:
        return
    try:
        refusal = _refusal(file.first(FIRST))
    finally:
        file.close()
    if refusal:
        raise UnreadableInput(f"{shown(path)} {refusal}")


def header_of(form: Format, first: bytes) -> bytes:
    """Return the whole lines at the beginning of some bytes in which a format finds no record."""
    end = 0
    for _ in range(_MOST_HEADER):
        after = first.find(b"\n", end) + 1
        if not after or _has_record(form, first[:after]):
            break
        end = after
    return first[:end]


def _has_record(form: Format, lines: bytes) -> bool:
    try:
        return any(batch.size for batch in form.read(io.BytesIO(lines)))
    except UnreadableInput:
        return True  # whatever they are, more of them is no header


def _refusal(first: bytes) -> str:
    """Return what a file is that begins so and cannot be followed, as the end of a sentence; "" for any other."""
    if sniff(first):
        return "is a capture: pipe it into `podfence learn -` while it is written, or `podfence observe` it later."
    if first.startswith(MAGIC):
        return "is a Parquet file, which is read as a whole or not at all: `podfence observe` it."
    if first.startswith(COMPRESSED):
        return "is compressed: follow the file that is still written, and `podfence observe` this one."
    line, end, _ = first.removeprefix(b"\xef\xbb\xbf").lstrip().partition(b"\n")
    if end and _JSON(line) and isinstance(json_object(line.rstrip(b" \t\r,")), str):
        return "is JSON over several lines, and not a record in each line: `podfence observe` it when it is whole."
    return ""


class _Behind(io.RawIOBase):
    """A stream with bytes put before it."""

    def __init__(self, before: bytes, stream: Followed) -> None:
        super().__init__()
        self._before = before
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._before:
            return self._stream.readinto(buffer)
        part, self._before = self._before[: len(buffer)], self._before[len(buffer) :]
        buffer[: len(part)] = part
        return len(part)
