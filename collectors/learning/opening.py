"""Turns what a user names (interfaces, growing files, a pipe, an address) into the feeds of a learner."""

import io
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from collectors.errors import UnreadableInput, one_line
from collectors.following import Position
from collectors.following_logs import FollowedLog, refuse
from collectors.formats import netflow
from collectors.formats.batch import Batch
from collectors.formats.mapping import Mapping
from collectors.inputs import FORMATS, SCHEME
from collectors.learning.feed import Feed
from collectors.learning.logs import Log
from collectors.learning.packets import Interfaces
from collectors.learning.piped import Piped, placeless
from collectors.listening import listen
from collectors.live import RING_BYTES

_STDIN = "-"


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
    patterns = tuple(dict.fromkeys(interfaces)) if interfaces or sources else ("any",)
    feeds: list[Feed] = []
    with ExitStack() as opened:
        if patterns:
            feeds.append(Interfaces(patterns, full=opening.full, ring_bytes=opening.ring_bytes))
            opened.callback(feeds[0].close)
        for name in _distinct(sources):
            feeds.append(_opened(name, opening, stopped))
            opened.callback(feeds[-1].close)
        opened.pop_all()  # whoever learns closes them
    return feeds


def _distinct(sources: Iterable[str]) -> list[str]:
    """Return sources once each; a file is the same by whatever name."""
    found: dict[str | Path, str] = {}
    for name in sources:
        found.setdefault(name if name == _STDIN or name.startswith(SCHEME) else Path(name).resolve(), name)
    return list(found.values())


def _opened(name: str, opening: Opening, stopped: Callable[[], bool]) -> Feed:
    if name == _STDIN:
        if sys.stdin is None:
            raise UnreadableInput("stdin is closed: pipe a capture or a log into it.")
        stream = cast("io.BufferedReader", sys.stdin.buffer).raw  # a buffer would wait until it is full
        return Piped(stream, opening.format, opening.mapping, stopped)
    if name.startswith(SCHEME):
        batches = listen(name, stopped)
        return Log(name, lambda _: (netflow.NAME, placeless(batches), tuple))
    return _file(Path(name), opening, stopped)


def _file(path: Path, opening: Opening, stopped: Callable[[], bool]) -> Feed:
    if path.is_dir():
        raise UnreadableInput(f"{one_line(path)} is a folder: name the file in it that is to be followed.")
    refuse(path)

    def opened(position: str) -> tuple[str, Iterator[tuple[Batch, str]], Callable[[], Iterable[str]]]:
        before = _position(position) if position else None
        log = FollowedLog(path, stopped, before, opening.format, opening.mapping)
        placed = ((batch, json.dumps(at.to_json(), sort_keys=True)) for batch, at in log)
        return log.kind, placed, log.losses

    return Log(os.fsencode(path).decode(errors="backslashreplace"), opened)  # a store has text alone


def _position(text: str) -> Position:
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    return Position.from_json(document if isinstance(document, dict) else {})
