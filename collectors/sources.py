"""Turns paths into an observation: opens files, folders, compressed files and stdin, and tells formats by content.

The only opener of captures and logs. A file is what its first bytes say, whatever it is called.
"""

import hashlib
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import pandas as pd

from collectors.capture import Conversations, Reading, first_time, read_capture, sniff
from collectors.capture.decode import VXLAN_PORTS
from collectors.capture.names import NameReader
from collectors.errors import UnreadableInput
from collectors.flows import Flows
from collectors.ledger import Ledger, LedgerWriter
from collectors.names import Names, compact_names, concat_names
from collectors.observation import BUCKET_SECONDS, Gap, Observation, ObservationWindow, Source, compact, concat_flows
from collectors.streams import Content

FORMATS = ("pcap", "pcapng")
_STDIN = "-"
_FIRST = 256
"""Bytes that the fingerprint of a source is made of: few enough that a file that is still written has them early."""


@dataclass(frozen=True)
class _Input:
    path: Path | None
    """None: stdin."""
    name: str
    """In the `source` column."""

    @property
    def where(self) -> str:
        return "stdin" if self.path is None else str(self.path)


@dataclass(frozen=True)
class ReadOptions:
    """How captures are read: see `read_flows`."""

    format: str | None = None
    bucket_seconds: int = BUCKET_SECONDS
    outer: bool = False
    vxlan_ports: tuple[int, int] = VXLAN_PORTS


def read_flows(
    paths: Iterable[str | Path],
    *,
    format: str | None = None,  # noqa: A002 -- the word that users of the command know
    bucket_seconds: int = BUCKET_SECONDS,
    outer: bool = False,
    vxlan_ports: tuple[int, int] = VXLAN_PORTS,
    workers: int = 1,
) -> Observation:
    """Return what all captures of some files, folders (with all below them) and stdin ("-") show.

    gzip and zstd are read through. `format` is one of FORMATS, None to tell each by its content. The innermost packet
    of a tunnel counts, or the outermost with `outer`; VXLAN is expected at `vxlan_ports`. With more `workers`, files
    are read by that many processes; one file, or stdin, by two threads. The result is the same. The `source` column
    holds file names, with as many folders before them as tell two apart. A file named twice is read once. Files of one
    folder whose names differ in digits only and whose times follow each other are read as one rotated capture: a
    conversation goes on from one to the next.
    An empty capture is an empty observation. A capture that is cut or damaged counts as far as it goes; the ledger
    says where it ends. Raises UnreadableInput for what is missing, empty, unreadable or no capture; in a folder,
    files that are no captures are passed over as long as one is, and the ledger names them.
    """
    if format is not None and format not in FORMATS:
        raise UnreadableInput(f"{format!r} is no format that is read here: use one of {', '.join(FORMATS)}.")
    options = ReadOptions(format, bucket_seconds, outer, vxlan_ports)
    ledger = LedgerWriter()
    series = list(_series(_inputs(paths, format, ledger), format))
    pieces = _pieces(series, options, workers)
    sources = [source for piece in pieces for source in piece.sources]
    gaps = [Gap(source.name, source.start, source.end, source.drops) for source in sources if source.drops]
    return Observation(
        compact(concat_flows(piece.flows for piece in pieces), bucket_seconds),
        ObservationWindow.of(sources, gaps),
        sum((piece.ledger for piece in pieces), ledger.ledger()),
        compact_names(concat_names(piece.names for piece in pieces)),
    )


@dataclass(frozen=True)
class _Piece:
    """What one series of rotated captures came to."""

    flows: Flows
    sources: list[Source]
    ledger: Ledger
    names: Names


_Series = list[tuple[_Input, int | None]]


def _pieces(series: list[_Series], options: ReadOptions, workers: int) -> list[_Piece]:
    if min(workers, len(series)) < 2 or any(item.path is None for listed in series for item, _ in listed):
        return [_read_series(listed, options, ahead=workers > 1) for listed in series]
    from concurrent.futures import ProcessPoolExecutor  # noqa: PLC0415 - late: seldom wanted
    from multiprocessing import get_context  # noqa: PLC0415 - as above

    with ProcessPoolExecutor(min(workers, len(series)), mp_context=get_context("spawn")) as pool:
        return list(pool.map(_read_series, series, [options] * len(series)))


def _read_series(series: _Series, options: ReadOptions, *, ahead: bool = False) -> _Piece:
    ledger = LedgerWriter()
    flows: list[Flows] = []
    sources: list[Source] = []
    names: list[Names] = []
    conversations, end = _conversations(options), None
    for position, (item, start) in enumerate(series):
        if position and (start is None or end is None or start < end):
            # Not behind one another: two captures at one time, or of unknown times.
            flows.append(conversations.finish())
            conversations = _conversations(options)
        reader = NameReader()
        source, end = _read(item, options.format, conversations, ledger, reader, ahead=ahead)
        sources.append(source)
        names.append(reader.finish(item.name))
    flows.append(conversations.finish())
    return _Piece(concat_flows(flows), sources, ledger.ledger(), concat_names(names))


def _conversations(options: ReadOptions) -> Conversations:
    return Conversations(options.bucket_seconds, outer=options.outer, vxlan_ports=options.vxlan_ports)


def _read(
    item: _Input,
    only: str | None,
    conversations: Conversations,
    ledger: LedgerWriter,
    names: NameReader,
    *,
    ahead: bool,
) -> tuple[Source, int | None]:
    with _opened(item) as content:
        kind = _kind(item, content.head, only)
        reading = read_capture(content.whole(), item.name, conversations, ledger, names, ahead=ahead)
        for fault in content.faults:
            ledger.event(item.name, "truncated", reading.size, f"{fault} (byte {reading.size} of its content)")
        for text, count in _NAME_EVENTS.items():
            if number := getattr(names, count):
                ledger.event(item.name, "name_evidence", 0, f"{number} {text}", number)
        return _source(item, kind, content.head, reading), reading.end


_NAME_EVENTS = {
    "names beyond the ceiling are not kept": "overflow",
    "DNS messages or TLS greetings are malformed": "malformed",
    "address records that nobody asked for are not believed": "unasked",
}


def _source(item: _Input, kind: str, head: bytes, reading: Reading) -> Source:
    return Source(
        name=item.name,
        kind=kind,
        packets=reading.packets,
        size=reading.size,
        start=_timestamp(reading.start),
        end=_timestamp(reading.end),
        drops=reading.drops,
        fingerprint=hashlib.sha256(head[:_FIRST]).hexdigest()[:32],
    )


def _timestamp(time: int | None) -> pd.Timestamp | None:
    return None if time is None else pd.Timestamp(time, unit="ns", tz="UTC")


def _kind(item: _Input, head: bytes, only: str | None) -> str:
    """Return the format of some content; raises UnreadableInput with what was tried."""
    kind = sniff(head)
    if kind is not None and only in (None, kind):
        return kind
    if not head:
        raise UnreadableInput(f"{item.where} is empty, it has not even a capture's header: name a capture.")
    tried = only or " and ".join(FORMATS)
    found = f" (it looks like {kind})" if kind else ""
    raise UnreadableInput(f"{item.where} is no capture{found}: tried {tried}; name what tcpdump -w or the like wrote.")


@contextmanager
def _opened(item: _Input) -> Iterator[Content]:
    if item.path is None:
        yield Content(sys.stdin.buffer)
        return
    try:
        stream = item.path.open("rb")
    except FileNotFoundError:
        raise UnreadableInput(f"{item.where} does not exist: check the path.") from None
    except OSError as fault:
        reason = (fault.strerror or str(fault)).lower()
        raise UnreadableInput(f"{item.where} cannot be opened ({reason}): make it readable.") from fault
    with stream:
        try:
            yield Content(cast("BinaryIO", stream))
        except OSError as fault:
            reason = (fault.strerror or str(fault)).lower()
            raise UnreadableInput(f"{item.where} cannot be read ({reason}): check the disk or copy it.") from fault


def _inputs(paths: Iterable[str | Path], only: str | None, ledger: LedgerWriter) -> list[_Input]:
    """Return each file once, named, in the order given; folders as their captures, sorted."""
    files: dict[Path | None, Path | None] = {}
    for path in paths:
        if str(path) == _STDIN:
            files.setdefault(None, None)
            continue
        path = Path(path)  # noqa: PLW2901 -- the same path, as a Path
        for file in _captures_below(path, only, ledger) if path.is_dir() else [path]:
            files.setdefault(file.resolve(), file)
    names = _names([file for file in files.values() if file is not None])
    return [_Input(file, names[file] if file else "stdin") for file in files.values()]


def _captures_below(folder: Path, only: str | None, ledger: LedgerWriter) -> list[Path]:
    """Return the captures of a folder; the ledger names the files that are none."""
    try:
        files = sorted(path for path in folder.rglob("*") if path.is_file() and not _hidden(path, folder))
    except OSError as fault:
        raise UnreadableInput(f"{folder} cannot be listed ({fault.strerror}): make it readable.") from fault
    captures: list[Path] = []
    others: list[Path] = []
    for file in files:
        with _opened(_Input(file, "")) as content:
            kind = sniff(content.head)
        (captures if kind and only in (None, kind) else others).append(file)
    if not captures:
        tried = only or " and ".join(FORMATS)
        counted = f"{len(files)} files (tried {tried})"
        raise UnreadableInput(f"{folder} holds no capture among {counted}: name another folder.")
    for file in others:
        ledger.event(
            str(file.relative_to(folder)), "passed_over", 0, f"no capture (tried {only or ' and '.join(FORMATS)})"
        )
    return captures


def _hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def _names(files: list[Path]) -> dict[Path, str]:
    """Return file -> its name with as many folders before it as tell all files of that name apart."""
    names: dict[Path, str] = {}
    for file in files:
        rivals = [other for other in files if other.name == file.name and other != file]
        depth = 1
        while depth < len(file.parts) and any(other.parts[-depth:] == file.parts[-depth:] for other in rivals):
            depth += 1
        names[file] = "/".join(file.parts[-depth:])
    return names


def _series(inputs: list[_Input], only: str | None) -> Iterator[list[tuple[_Input, int | None]]]:
    """Yield inputs that may be one rotated capture together, in the order of their first packets' times."""
    groups: dict[tuple[str, str], list[_Input]] = {}
    for item in inputs:
        key = ("", "") if item.path is None else (str(item.path.parent), re.sub(r"[\d_.:-]+", "", item.path.name))
        groups.setdefault(key, []).append(item)
    for group in groups.values():
        if len(group) == 1:
            yield [(group[0], None)]
            continue
        timed = [(item, _first_time(item, only)) for item in group]
        yield sorted(timed, key=lambda pair: (pair[1] is None, pair[1] or 0, pair[0].name))


def _first_time(item: _Input, only: str | None) -> int | None:
    with _opened(item) as content:
        _kind(item, content.head, only)
        return first_time(cast("BinaryIO", content))
