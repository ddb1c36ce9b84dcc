"""Turns paths into opened inputs, each with its format: files, folders, compressed files and stdin.

The only opener of captures and logs. A file is what its first bytes say, whatever it is called.
"""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from collectors.capture import sniff
from collectors.errors import UnreadableInput
from collectors.formats import FORMATS as LOGS
from collectors.formats import Format, generic, sniff_log
from collectors.formats.mapping import Mapping
from collectors.ledger import LedgerWriter
from collectors.segment_files import is_learning_store
from collectors.store_files import is_store
from collectors.streams import Content

CAPTURES = ("pcap", "pcapng")
FORMATS = (*CAPTURES, *(form.NAME for form in LOGS))
"""What is read, by name."""
NEVER_SNIFFED = frozenset({generic.NAME})
"""Formats that a file cannot be told to be of: they are named."""
_STDIN = "-"
SCHEME = "udp://"
"""Beginning of an address to listen at."""


@dataclass(frozen=True)
class Input:
    """One file, stdin, or an address to listen at, with its name in the `source` column."""

    path: Path | None
    """None: stdin, or an address to listen at."""
    name: str
    listens: bool = False
    """Whether the name is an address, to which exporters send."""

    @property
    def where(self) -> str:
        """What a message calls it."""
        return self.name if self.path is None else str(self.path)


def log_format(name: str, mapping: Mapping | None = None) -> Format | None:
    """Return the log format of a name, None for captures; `mapping` is what the columns of `generic` mean."""
    if name == generic.NAME and mapping is not None:
        return generic.Mapped(mapping)
    return next((form for form in LOGS if name == form.NAME), None)


def kind_of(item: Input, head: bytes, only: str | None) -> str:
    """Return the format of some content, by name; a log that is named is believed to be one.

    Raises UnreadableInput with what was tried.
    """
    if only is not None and only not in CAPTURES:
        return only
    found = _sniffed(head)
    if found is not None and only in {None, found}:
        return found
    if not head:
        raise UnreadableInput(f"{item.where} is empty: name a capture, or a flow log that has a record.")
    looks = f" (it looks like {found})" if found else ""
    if only is not None:
        raise UnreadableInput(f"{item.where} is no {only}{looks}: leave --format away, or name what tcpdump -w wrote.")
    raise UnreadableInput(
        f"{item.where} is no capture and no flow log that is known by its beginning: tried {', '.join(FORMATS)}; "
        "if it is one of these, name it with --format."
    )


def _sniffed(head: bytes) -> str | None:
    capture = sniff(head)
    if capture is not None:
        return capture
    form = sniff_log(head)
    return None if form is None else form.NAME


@contextmanager
def opened(item: Input) -> Iterator[Content]:
    """Open an input's content; raises UnreadableInput where it cannot be opened or read."""
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


def inputs(paths: Iterable[str | Path], only: str | None, ledger: LedgerWriter) -> list[Input]:
    """Return each file once, named, in the order given; folders as their captures and logs, sorted, less `stores`."""
    files: dict[Path | str, Path | str] = {}
    for path in paths:
        if str(path) == _STDIN or str(path).startswith(SCHEME):
            files.setdefault(str(path), str(path))
            continue
        path = Path(path)  # noqa: PLW2901 -- the same path, as a Path
        for file in _readable_below(path, only, ledger) if path.is_dir() else [path]:
            files.setdefault(file.resolve(), file)
    names = distinct_names([file for file in files.values() if isinstance(file, Path)])
    return [
        Input(file, names[file])
        if isinstance(file, Path)
        else Input(None, "stdin" if file == _STDIN else file, listens=file != _STDIN)
        for file in files.values()
    ]


def stores(paths: Iterable[str | Path]) -> list[Path]:
    """Return each observation store and learning store among and below some paths once, in the order given."""
    folders = [Path(path) for path in paths if not str(path).startswith(SCHEME)]
    found = (store for folder in folders if folder.is_dir() for store in _stores_below(folder))
    return list({store.resolve(): store for store in found})


def _stores_below(folder: Path) -> Iterator[Path]:
    for place, folders, _ in os.walk(folder):
        if is_store(Path(place)) or is_learning_store(Path(place)):
            yield Path(place)
            folders.clear()
        folders[:] = sorted(name for name in folders if not name.startswith("."))


def _readable_below(folder: Path, only: str | None, ledger: LedgerWriter) -> list[Path]:
    """Return the captures and logs of a folder; the ledger names the files that are none."""
    apart = set(_stores_below(folder))
    if folder in apart:
        return []
    try:
        files = sorted(
            path
            for path in folder.rglob("*")
            if apart.isdisjoint(path.parents) and path.is_file() and not _hidden(path, folder)
        )
    except OSError as fault:
        raise UnreadableInput(f"{folder} cannot be listed ({fault.strerror}): make it readable.") from fault
    readable: list[Path] = []
    others: list[Path] = []
    for file in files:
        with opened(Input(file, "")) as content:
            (readable if _is_wanted(content.head, only) else others).append(file)
    tried = only or ", ".join(FORMATS)
    if not readable and not apart:
        counted = f"{len(files)} files (tried {tried})"
        raise UnreadableInput(f"{folder} holds no capture and no flow log among {counted}: name another folder.")
    for file in others:
        ledger.event(str(file.relative_to(folder)), "passed_over", 0, f"no capture, no flow log (tried {tried})")
    return readable


def _is_wanted(head: bytes, only: str | None) -> bool:
    form = log_format(only) if only else None
    if form is not None:
        return bool(head) and (form.sniff(head) or form.NAME in NEVER_SNIFFED)
    kind = _sniffed(head)
    return kind is not None and only in {None, kind}


def _hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def distinct_names(files: list[Path]) -> dict[Path, str]:
    """Return file or folder -> its name with as many folders before it as tell all of that name apart."""
    names: dict[Path, str] = {}
    for file in files:
        rivals = [other for other in files if other.name == file.name and other != file]
        depth = 1
        while depth < len(file.parts) and any(other.parts[-depth:] == file.parts[-depth:] for other in rivals):
            depth += 1
        names[file] = "/".join(file.parts[-depth:])
    return names
