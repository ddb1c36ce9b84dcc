"""Turns what is known of a file that was read in part into the file that has the rest, whatever it is called by now.

Logs are rotated in two ways: renamed and made anew, or copied and cut (`copytruncate`). A rotated file stays in its
folder, and its name is the old one with a number or a date (logrotate, kubelet, lumberjack).
"""

import hashlib
import os
import re
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from stat import S_ISREG
from typing import Any

from collectors.errors import UnreadableInput, one_line, reason_of
from collectors.formats.lines import LONGEST

HEAD = 256
"""Bytes by which a file is known again: few enough that it has them early."""
_COMPRESSED = (".gz", ".zst", ".bz2", ".xz")
_MOST_TEXT = 80

Identity = tuple[int, int]
"""Device and inode."""


@dataclass(frozen=True)
class Position:
    """How far a file was read: `offset` bytes of it, in whole lines.

    `head` is how many of its first bytes are known, a colon, and their SHA-256.
    """

    device: int
    inode: int
    offset: int
    head: str

    @property
    def identity(self) -> Identity:
        """What the file system calls the file; it may give it to another one later."""
        return self.device, self.inode

    def to_json(self) -> dict[str, Any]:
        """Return this as JSON has it."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Position":
        """Return what `to_json` gave; raises UnreadableInput for anything else."""
        device, inode, offset, head = (document.get(name) for name in ("device", "inode", "offset", "head"))
        if (
            isinstance(device, int)
            and isinstance(inode, int)
            and isinstance(offset, int)
            and isinstance(head, str)
            and min(device, inode, offset) >= 0
            and re.fullmatch(r"\d{1,3}:[0-9a-f]{64}", head)
        ):
            return cls(device, inode, offset, head)
        text = one_line(repr(dict(document)), _MOST_TEXT)
        raise UnreadableInput(f"{text} is no position in a file: remove it to read the file from its beginning.")


def head_of(first: bytes) -> str:
    """Return the `head` of a position for a file that begins so."""
    known = first[:HEAD]
    return f"{len(known)}:{hashlib.sha256(known).hexdigest()}"


class LogFile:
    """An opened file, of which what is not read yet may be asked for again and again."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor
        about = os.fstat(descriptor)
        self.identity: Identity = about.st_dev, about.st_ino
        self.end = 0
        """Bytes that were read, or passed over."""
        self._head = b""

    @classmethod
    def opened(cls, path: Path) -> "LogFile | None":
        """Return a file, None where there is none; what a link leads to is the file.

        Raises UnreadableInput for what cannot be opened or is no file.
        """
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        except OSError as fault:
            raise UnreadableInput(f"{shown(path)} cannot be opened ({reason_of(fault)}): make it readable.") from fault
        if not S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise UnreadableInput(f"{shown(path)} is no file that grows: name one, or pipe into `podfence learn -`.")
        return cls(path, descriptor)

    def has(self, position: Position) -> bool:
        """Return whether the file begins as the one of a position did, and goes at least as far."""
        known = int(position.head.partition(":")[0])
        return self.size >= position.offset and head_of(self.first(known)) == position.head

    def go_to(self, offset: int) -> None:
        """Have the file read from here on."""
        self.end = offset
        self._head = self.first(min(offset, HEAD))

    def first(self, size: int) -> bytes:
        """Return the first bytes of the file, as many as there are."""
        return self._at(0, size)

    def more(self, size: int) -> bytes | None:
        """Return what comes next, nothing if nothing has come yet, None if the file was cut and begins anew."""
        piece = self._at(self.end, size)
        # looked at after reading: what was read may be of after the cut
        if self.size < self.end + len(piece) or self.first(len(self._head)) != self._head:
            return None
        self.end += len(piece)
        if piece and len(self._head) < HEAD:
            self._head = self.first(min(self.end, HEAD))
        return piece

    def position(self, offset: int) -> Position:
        """Return the position behind so many bytes."""
        return Position(*self.identity, offset, head_of(self._head[:offset]))

    def noted(self, offset: int, most: int) -> list[bytes]:
        """Return the last lines before an offset that begin with `#`; of a line beyond LONGEST its beginning."""
        lines: deque[bytes] = deque(maxlen=most)
        with os.fdopen(self._descriptor, "rb", closefd=False) as stream:
            stream.seek(0)
            while stream.tell() < offset and (line := stream.readline(LONGEST)):
                if line.startswith(b"#"):
                    lines.append(line)
        return list(lines)

    @property
    def size(self) -> int:
        """Bytes of the file by now."""
        return os.fstat(self._descriptor).st_size

    @property
    def modified(self) -> int:
        """When it was written last, ns since 1970."""
        return os.fstat(self._descriptor).st_mtime_ns

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)

    def _at(self, offset: int, size: int) -> bytes:
        try:
            return os.pread(self._descriptor, size, offset)
        except OSError as fault:
            raise UnreadableInput(f"{shown(self.path)} cannot be read ({reason_of(fault)}): check the disk.") from fault


def identity_of(path: Path) -> Identity | None:
    """Return which file a path leads to, None where there is none."""
    try:
        about = path.stat()
    except OSError:
        return None
    return about.st_dev, about.st_ino


def remaining(position: Position, path: Path) -> Path | None:
    """Return the file that a position is in: at its path, or a rotated one of the same folder; None where it is gone.

    It has the position's inode and beginning, or else, as a copy has it, its beginning, which no other rotated file
    has.
    """
    path = Path(os.path.realpath(path))
    files = _files(path.parent)
    for file in files:
        if identity_of(file) == position.identity and _has(file, position):
            return file
    if not position.offset:
        return None
    copies = [file for file in files if (file == path or _is_rotated(file, path)) and _has(file, position)]
    return copies[0] if len(copies) == 1 else None


def rotated_since(path: Path, modified: int) -> list[Path]:
    """Return rotated files beside a path that were written at a time (ns since 1970) or later, the oldest first."""
    path = Path(os.path.realpath(path))
    found: list[tuple[int, str, Path]] = []
    for file in _files(path.parent):
        if _is_rotated(file, path) and file.suffix not in _COMPRESSED:
            written = _modified(file)
            if written is not None and written >= modified:
                found.append((written, file.name, file))
    return [file for _, _, file in sorted(found)]


def compressed_beside(path: Path) -> list[Path]:
    """Return the rotated files beside a path that were compressed, sorted."""
    path = Path(os.path.realpath(path))
    return [file for file in _files(path.parent) if file.suffix in _COMPRESSED and _is_rotated(file, path)]


def shown(path: Path) -> str:
    """Return a path for a sentence: its end, in one line, without control characters."""
    text = str(path)
    return one_line("".join(char if char.isprintable() else "?" for char in text[-200:]))


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(file for file in folder.iterdir() if file.is_file())
    except OSError:
        return []  # a folder that is gone has none


def _is_rotated(file: Path, path: Path) -> bool:
    """Return whether a name is that of a path with a number or a date, before or behind its ending."""
    stem, ending = re.escape(path.stem), re.escape(path.suffix)
    compressed = "|".join(map(re.escape, _COMPRESSED))
    return re.fullmatch(rf"{stem}(?:{ending})?[._-]\d[\dTZ:._+-]*(?:{ending})?(?:{compressed})?", file.name) is not None


def _has(file: Path, position: Position) -> bool:
    try:
        opened = LogFile.opened(file)
    except UnreadableInput:
        return False  # one that cannot be read is none to go on with
    if opened is None:
        return False
    try:
        return opened.has(position)
    finally:
        opened.close()


def _modified(file: Path) -> int | None:
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return None
