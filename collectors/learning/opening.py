"""Turns what a user names (interfaces, growing files, a pipe, an address) into the feeds of a learner."""

import io
import json
import select
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from collectors.errors import UnreadableInput, one_line
from collectors.following import Position
from collectors.following_logs import FollowedLog
from collectors.formats import Batch, netflow
from collectors.formats.mapping import Mapping
from collectors.inputs import CAPTURES, FORMATS, SCHEME, Input, kind_of, log_format
from collectors.learning.feed import Feed
from collectors.learning.logs import Log
from collectors.learning.packets import Interfaces, Pipe
from collectors.listening import listen
from collectors.live import RING_BYTES

_STDIN = "-"
_HEAD = 1 << 16
"""Bytes of a pipe that tell what it carries, at most."""


@dataclass(frozen=True)
class Opening:
    """How feeds are opened: packets of interfaces whole or only those that policies need, and how logs are read."""

    full: bool = False
    ring_bytes: int = RING_BYTES
    format: str | None = None
    mapping: Mapping | None = None


def feeds_of(
    sources: Sequence[str], interfaces: Sequence[str], opening: Opening, stopped: Callable[[], bool]
) -> list[Feed]:
    """Return a feed for each source, and one for all interfaces; without any of them one for `any` interface.

    A source is a file that is followed, "-" for what comes by stdin (a capture or a log), or an address that
    exporters of NetFlow send to (`udp://HOST:PORT`). Raises UnreadableInput for what cannot be opened.
    """
    if opening.format is not None and opening.format not in FORMATS:
        raise UnreadableInput(f"{opening.format!r} is no format that is read here: use one of {', '.join(FORMATS)}.")
    feeds: list[Feed] = []
    patterns = tuple(dict.fromkeys(interfaces)) if interfaces or sources else ("any",)
    if patterns:  # first of all: who may not capture is told before anything is waited for
        feeds.append(Interfaces(patterns, full=opening.full, ring_bytes=opening.ring_bytes))
    for name in dict.fromkeys(sources):
        if name == _STDIN:
            feeds.append(_stdin(opening, stopped))
        elif name.startswith(SCHEME):
            batches = listen(name, stopped)
            feeds.append(Log(name, lambda _, batches=batches: (netflow.NAME, _placeless(batches), tuple)))  # type: ignore[misc]  # a default binds it
        else:
            feeds.append(_file(Path(name), opening, stopped))
    return feeds


def _file(path: Path, opening: Opening, stopped: Callable[[], bool]) -> Feed:
    if path.is_dir():
        raise UnreadableInput(f"{one_line(path)} is a folder: name the file in it that is to be followed.")

    def opened(position: str) -> tuple[str, Iterator[tuple[Batch, str]], Callable[[], Iterable[str]]]:
        before = Position.from_json(json.loads(position)) if position else None
        log = FollowedLog(path, stopped, before, opening.format, opening.mapping)
        placed = ((batch, json.dumps(at.to_json(), sort_keys=True)) for batch, at in log)
        return log.kind, placed, log.losses

    return Log(str(path), opened)


def _stdin(opening: Opening, stopped: Callable[[], bool]) -> Feed:
    """Return the feed of what comes by stdin, when its first bytes have told what that is."""
    stream = cast("io.BufferedReader", sys.stdin.buffer).raw  # a buffer would wait until it is full
    item = Input(None, "stdin")
    head = _head(stream, lambda found: _is_told(found, item, opening.format), stopped)
    kind = kind_of(item, head, opening.format)
    whole = cast("BinaryIO", _Rejoined(head, stream))
    form = log_format(kind, opening.mapping)
    if form is None:
        return Pipe(whole, item.name)
    return Log(item.name, lambda _: (form.NAME, _placeless(form.read(whole)), tuple))


def _head(stream: Any, enough: Callable[[bytes], bool], stopped: Callable[[], bool]) -> bytes:
    head = b""
    while len(head) < _HEAD and not stopped():
        if not select.select([stream], [], [], 0.2)[0]:
            if head and enough(head):
                break
            continue
        piece = stream.read(_HEAD - len(head))
        if not piece:
            break
        head += piece
        if enough(head):
            break
    return head


def _is_told(head: bytes, item: Input, only: str | None) -> bool:
    if only is not None and only not in CAPTURES:
        return True
    try:
        kind_of(item, head, only)
    except UnreadableInput:
        return False
    return True


def _placeless(batches: Iterable[Batch]) -> Iterator[tuple[Batch, str]]:
    return ((batch, "") for batch in batches)


class _Rejoined(io.RawIOBase):
    """A raw stream with the bytes put back that were taken from its beginning; it gives what there is, at once."""

    def __init__(self, head: bytes, stream: Any) -> None:
        super().__init__()
        self._head, self._stream = head, stream

    def readable(self) -> bool:
        """Return yes."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a part of the buffer; return 0 at the end."""
        if not self._head:
            return int(self._stream.readinto(buffer) or 0)
        piece, self._head = self._head[: len(buffer)], self._head[len(buffer) :]
        buffer[: len(piece)] = piece
        return len(piece)
