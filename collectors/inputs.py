"""Turns paths and URLs into opened inputs, each with its format: files, folders, compressed files and stdin.

The only opener of captures and logs. A file is what its first bytes say, whatever it is called.
"""

import os
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeVar

from collectors.capture import sniff
from collectors.errors import UnreadableInput, reason_of
from collectors.formats import generic
from collectors.formats.known import FORMATS as LOGS
from collectors.formats.known import sniff_log
from collectors.formats.mapping import Mapping
from collectors.formats.period import Period
from collectors.formats.reading import Format
from collectors.formats.within import Within
from collectors.ledger import LedgerWriter
from collectors.places import is_url
from collectors.pushing import mirrors
from collectors.remote import Remote
from collectors.segment_files import is_learning_store
from collectors.store_files import LEDGER, WINDOW, is_store
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
    """One file, here or at a URL, stdin, or an address to listen at, with its name in the `source` column."""

    path: Path | Remote | None
    """None: stdin, or an address to listen at."""
    name: str
    listens: bool = False
    """Whether the name is an address, to which exporters send."""
    found: bool = False
    """Whether it was found in a folder: nobody named it, and where it cannot be read the others count."""

    @property
    def where(self) -> str:
        """What a message calls it."""
        return self.name if self.path is None else str(self.path)


def log_format(name: str, mapping: Mapping | None = None, period: Period | None = None) -> Format | None:
    """Return the log format of a name, None for captures; `mapping` is what the columns of `generic` mean.

    Of a period it is one by which other records are left out.
    """
    form = next((form for form in LOGS if name == form.NAME), None)
    if name == generic.NAME and mapping is not None:
        form = generic.Mapped(mapping)
    return Within(form, period) if form is not None and period is not None else form


def kind_of(item: Input, head: bytes, only: str | None, period: Period | None = None) -> str:
    """Return the format of some content, by name; a log that is named is believed to be one.

    Raises UnreadableInput with what was tried, and for a capture of which only a period is wanted.
    """
    kind = _kind(item, head, only)
    if period is not None and kind in CAPTURES:
        raise UnreadableInput(
            f"{item.where} is a capture, and --since and --until are for flow logs: cut it with editcap -A and -B."
        )
    return kind


def _kind(item: Input, head: bytes, only: str | None) -> str:
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
        raise UnreadableInput(f"{item.where} cannot be opened ({reason_of(fault)}): make it readable.") from fault
    with stream:
        try:
            yield Content(stream)
        except OSError as fault:
            reason = reason_of(fault)
            raise UnreadableInput(f"{item.where} cannot be read ({reason}): check the disk or copy it.") from fault


def inputs(paths: Iterable[str | Path], only: str | None, ledger: LedgerWriter) -> list[Input]:
    """Return each file once, named, in the order given; folders as their captures and logs, sorted, less `stores`.

    A URL may be a pattern; what it matches was found, as what lies in a folder.
    """
    files: dict[Path | Remote | str, Path | Remote | str] = {}
    named: set[Path | Remote] = set()
    for path in paths:
        if str(path) == _STDIN or str(path).startswith(SCHEME):
            files.setdefault(str(path), str(path))
            continue
        for place in _places(path):
            is_folder = place.is_dir()
            if not is_folder and not _is_pattern(path):
                named.add(_key(place))
            for file in _readable_below(place, only, ledger) if is_folder else [place]:
                files.setdefault(_key(file), file)
    names = distinct_names([file for file in files.values() if not isinstance(file, str)])
    return [
        Input(None, "stdin" if file == _STDIN else file, listens=file != _STDIN)
        if isinstance(file, str)
        else Input(file, names[file], found=key not in named)
        for key, file in files.items()
    ]


def _places(path: str | Path) -> list[Path | Remote]:
    """Return what a path or URL names: of a pattern all that it matches."""
    if isinstance(path, Path) or not is_url(path):
        return [Path(path)]
    place = Remote.of(path)
    return [*place.matches()] if place.is_pattern else [place]


def _is_pattern(path: str | Path) -> bool:
    return isinstance(path, str) and is_url(path) and Remote.of(path).is_pattern


def _key(place: Path | Remote) -> Path | Remote:
    return place.resolve() if isinstance(place, Path) else place


def stores(paths: Iterable[str | Path]) -> list[Path | Remote]:
    """Return each observation store and learning store among and below some paths once, in the order given."""
    listed = (path for path in paths if str(path) != _STDIN and not str(path).startswith(SCHEME))
    folders = (place for path in listed for place in _places(path) if place.is_dir())
    return list({_key(store): store for folder in folders for store in _stores_below(folder)}.values())


def _stores_below(folder: Path | Remote) -> Iterator[Path | Remote]:
    if isinstance(folder, Remote):
        yield from (folder / store for store in _remote_stores(folder.files()))
        return
    for place, folders, _ in os.walk(folder):
        if is_store(Path(place)) or is_learning_store(Path(place)):
            yield Path(place)
            folders.clear()
        folders[:] = sorted(name for name in folders if not name.startswith("."))


def _remote_stores(files: Collection[str]) -> list[str]:
    """Return the stores among the files of a place, by their paths in it, sorted; "" is the place itself."""
    listed = set(files)
    folders = (file.removesuffix(WINDOW) for file in files if PurePosixPath(file).name == WINDOW)
    found = {*mirrors(files), *(folder.rstrip("/") for folder in folders if f"{folder}{LEDGER}" in listed)}
    # A segment is a store within its mirror.
    return sorted(store for store in found if found.isdisjoint(_folders_above(store)))


def _folders_above(path: str) -> set[str]:
    """Return the folders that a relative path lies in; "" is the place that it is relative to."""
    return {"" if str(folder) == "." else str(folder) for folder in PurePosixPath(path).parents}


def _readable_below(folder: Path | Remote, only: str | None, ledger: LedgerWriter) -> list[Path | Remote]:
    """Return the captures and logs of a folder; the ledger names the files that are none."""
    files, apart = _files_below(folder)
    if files is None:
        return []
    readable: list[Path | Remote] = []
    others: list[str] = []
    for name in files:
        try:
            with opened(Input(folder / name, "")) as content:
                wanted = _is_wanted(content.head, only)
        except UnreadableInput:
            wanted = True  # whoever reads it says why it cannot be read
        if wanted:
            readable.append(folder / name)
        else:
            others.append(name)
    tried = only or ", ".join(FORMATS)
    if not readable and not apart:
        counted = f"{len(files)} files (tried {tried})"
        raise UnreadableInput(f"{folder} holds no capture and no flow log among {counted}: name another folder.")
    for name in others:
        ledger.event(name, "passed_over", 0, f"no capture, no flow log (tried {tried})")
    return readable


def _files_below(folder: Path | Remote) -> tuple[list[str] | None, bool]:
    """Return the files below a folder that are of no store and not hidden, and whether there are stores.

    None: the folder is a store.
    """
    if isinstance(folder, Remote):
        files = folder.files()
        apart = set(_remote_stores(files))
        listed = [file for file in files if apart.isdisjoint(_folders_above(file))]
        return None if "" in apart else _shown(listed), bool(apart)
    stores = set(_stores_below(folder))
    if folder in stores:
        return None, True
    try:
        paths = sorted(path for path in folder.rglob("*") if stores.isdisjoint(path.parents) and path.is_file())
    except OSError as fault:
        raise UnreadableInput(f"{folder} cannot be listed ({fault.strerror}): make it readable.") from fault
    return _shown(str(path.relative_to(folder)) for path in paths), bool(stores)


def _shown(files: Iterable[str]) -> list[str]:
    return [file for file in files if not any(part.startswith(".") for part in PurePosixPath(file).parts)]


def _is_wanted(head: bytes, only: str | None) -> bool:
    form = log_format(only) if only else None
    if form is not None:
        return bool(head) and (form.sniff(head) or form.NAME in NEVER_SNIFFED)
    kind = _sniffed(head)
    return kind is not None and only in {None, kind}


_Place = TypeVar("_Place", bound=Path | Remote)


def distinct_names(files: Collection[_Place]) -> dict[_Place, str]:
    """Return file or folder -> its name with as many folders before it as tell all of that name apart."""
    names: dict[_Place, str] = {}
    left = {file: file.parts for file in files}
    depth = 0
    while left:
        depth += 1
        tails = {file: parts[-depth:] for file, parts in left.items()}
        rivals = Counter(tails.values())
        named = [file for file, parts in left.items() if rivals[tails[file]] == 1 or depth >= len(parts)]
        names |= {file: _text("/".join(tails[file])) for file in named}
        for file in named:
            del left[file]
    return names


def _text(name: str) -> str:
    """Return a file's name as text that can be written: its bytes may be no UTF-8."""
    return os.fsencode(name).decode(errors="backslashreplace")
