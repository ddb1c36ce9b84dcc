"""Turns a URL into a place that is listed, read and written as a path is: a file or a folder of an object store.

What goes wrong there is one sentence of `collectors.places`; what is not there is UnreadableInput.
"""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Any, BinaryIO, Literal, cast

from collectors.errors import UnreadableInput, one_line
from collectors.places import said, shown, system_of

_GLOB = re.compile(r"[*\[]")
_LEAST, _MOST = 1 << 16, 1 << 23
"""Bytes asked for at once: of the beginning, and of what is read on and on."""


@dataclass(frozen=True)
class Remote:
    """A file or folder at a URL: `root` is its scheme and bucket, and `below` its path there."""

    root: str
    below: str = ""

    @staticmethod
    def of(url: str) -> "Remote":
        """Return the place of a URL; raises PodfenceError where it is none that is used here."""
        with said(url):
            system_of(url)
        scheme, _, rest = url.partition("://")
        bucket, _, below = rest.partition("/")
        return Remote(f"{scheme}://{bucket or '/'}", below.strip("/"))

    def __str__(self) -> str:
        """Return what a message calls it: no secret."""
        root = shown(self.root)
        return f"{root}{'' if root.endswith('/') or not self.below else '/'}{one_line(self.below)}"

    def __truediv__(self, part: str) -> "Remote":
        return Remote(self.root, "/".join(filter(None, (self.below, part.rstrip("/")))))

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts of its path, bucket first."""
        return PurePosixPath(shown(self.root).partition("://")[2], self.below).parts

    @property
    def name(self) -> str:
        """The last part of its path."""
        return PurePosixPath(*self.parts).name

    @property
    def stem(self) -> str:
        """Its name without what tells the kind of file."""
        return PurePosixPath(self.name).stem

    @property
    def suffix(self) -> str:
        """What of its name tells the kind of file."""
        return PurePosixPath(self.name).suffix

    def is_dir(self) -> bool:
        """Return whether it is a folder."""
        return self.kind() == "directory"

    @property
    def parent(self) -> PurePosixPath:
        """The path of the folder it is in."""
        return PurePosixPath(*self.parts).parent

    @property
    def is_pattern(self) -> bool:
        """Whether its path has a `*` or a `[`; a `?` begins what is no path of a URL."""
        return _GLOB.search(self.below) is not None

    def system(self) -> tuple[Any, str]:
        """Return its file system, which remembers no listing, and its path there."""
        system, root = system_of(self.root)
        system.invalidate_cache()
        return system, f"{root}/{self.below}" if self.below else root

    def kind(self) -> str | None:
        """Return `file` or `directory`, None where there is nothing."""
        with said(str(self)):
            system, path = self.system()
            try:
                return str(system.info(path)["type"])
            except FileNotFoundError:
                return None

    def exists(self) -> bool:
        """Return whether it is there."""
        return self.kind() is not None

    def is_file(self) -> bool:
        """Return whether it is a file."""
        return self.kind() == "file"

    def files(self) -> list[str]:
        """Return the paths of all files below it, relative to it, sorted; none of a folder that is not there."""
        if self.kind() != "directory":
            return []
        with said(str(self)):
            system, path = self.system()
            # find leaves out what it cannot list, and says nothing
            walked = [(folder, list(names)) for folder, _, names in system.walk(path, on_error="raise") if names]
        return sorted(_relative(f"{folder}/{name}", path) for folder, names in walked for name in names if name)

    def iterdir(self) -> "Iterator[Remote]":
        """Yield what lies directly in it, sorted; nothing of a folder that is not there."""
        with said(str(self)):
            system, path = self.system()
            try:
                found = [str(name) for name in system.ls(path, detail=False)]
            except FileNotFoundError:
                found = []
        return (self / name for name in sorted({_relative(name, path) for name in found} - {""}))

    def matches(self) -> "list[Remote]":
        """Return what its path, as a pattern, matches, sorted; raises UnreadableInput where that is nothing."""
        found = _matching(Remote(self.root), self.below.split("/"))
        if not found:
            raise UnreadableInput(f"{self} matches nothing: check the pattern (* stays within one folder).")
        return found

    def open(self, _mode: Literal["rb"] = "rb") -> BinaryIO:
        """Open it for reading at any place, forward with few requests; raises UnreadableInput if it is not there."""
        return cast("BinaryIO", _Stream(self, self._driver()))

    def read_bytes(self) -> bytes:
        """Return its content; raises UnreadableInput if it is not there."""
        with self.there(), self._driver() as file:
            return bytes(file.read())

    def _driver(self) -> Any:
        with self.there():
            system, path = self.system()
            return system.open(path, "rb")

    @contextmanager
    def there(self) -> Iterator[None]:
        """Turn a driver's faults into sentences, and that it is not there (any more) into UnreadableInput."""
        with said(str(self)):
            try:
                yield
            except FileNotFoundError as fault:
                raise UnreadableInput(f"{self} does not exist: check the URL.") from fault

    def write_bytes(self, content: bytes) -> None:
        """Write its content; somebody who reads meanwhile may see a part."""
        with said(str(self)):
            system, path = self.system()
            system.pipe_file(path, content)

    def replace_bytes(self, content: bytes) -> None:
        """Write its content as a whole or not at all."""
        with said(str(self)):
            system, path = self.system()
            folder, _, name = path.rpartition("/")
            # A shared file system would show a half-written file; a rename shows it whole.
            system.pipe_file(f"{folder}/.{name}.tmp", content)
            system.mv(f"{folder}/.{name}.tmp", path)

    def unlink(self, *, missing_ok: bool = False) -> None:
        """Remove it; with `missing_ok`, if it is there."""
        with self.there(), suppress(FileNotFoundError) if missing_ok else nullcontext():
            system, path = self.system()
            system.rm_file(path)


def _relative(path: str, folder: str) -> str:
    return path.rstrip("/").removeprefix(folder).lstrip("/")


def _matching(place: Remote, segments: list[str]) -> list[Remote]:
    """Return what lies below a place by patterns of its path's parts; as in a shell, `*` begins no hidden name."""
    if not segments:
        return [place] if place.exists() else []
    first, *rest = segments
    if not _GLOB.search(first):
        return _matching(place / first, rest)
    fitting = (one for one in place.iterdir() if first[0] == "." or one.name[0] != ".")
    return [found for one in fitting if fnmatchcase(one.name, first) for found in _matching(one, rest)]


class _Stream(io.RawIOBase):
    """A file of a driver: what is read on and on is asked for in ever larger pieces, what is sought as it is."""

    def __init__(self, place: Remote, file: Any) -> None:
        self._place, self._file = place, file
        self._position = 0
        self._ahead, self._piece = memoryview(b""), 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_CUR:
            offset, whence = self._position + offset, io.SEEK_SET
        if whence == io.SEEK_SET and offset == self._position:
            return offset
        with said(self._place.root):
            self._position = int(self._file.seek(offset, whence))
        self._ahead, self._piece = memoryview(b""), 0
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Any) -> int:
        filled = 0
        while filled < len(buffer) and (self._ahead or self._more(len(buffer) - filled)):
            piece = self._ahead[: len(buffer) - filled]
            buffer[filled : filled + len(piece)] = piece
            self._ahead = self._ahead[len(piece) :]
            filled += len(piece)
        self._position += filled
        return filled

    def _more(self, wanted: int) -> bool:
        # After a seek nobody knows whether more is wanted: of a Parquet file only some columns are.
        size = max(wanted, self._piece)
        self._piece = min(max(2 * size, _LEAST), _MOST)
        with self._place.there():
            self._ahead = memoryview(self._file.read(size))
        return bool(self._ahead)

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()
