"""Turns what is seen of a cluster into lines on disk that survive kill, power cut and a full disk.

A folder has one writer (`watch.lock`). Each line is one write to a file opened for appending, so what was written
before a kill is there after it; what a kill left half is cut off at the next start.
"""

import errno
import fcntl
import json
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

from collectors.errors import PodfenceError
from collectors.timeline_memory import Memory, Record, file_of, load_timeline, number_of, timeline_files

LIMIT = 64 * 1024 * 1024
_TAIL = 64 * 1024


class Unwritable(PodfenceError):
    """A timeline folder that cannot be written: no permission, a full disk, or another watcher in it."""


class Closed(PodfenceError):
    """A line came after the end of the watch; whoever writes stops."""


class Timeline:
    """The open end of a timeline, for any number of threads.

    Begins by taking the folder's lock and cutting off a half-written last line; `memories` is what was known before.
    Raises Unwritable, and UnreadableInput where a former line is none of a timeline.
    """

    def __init__(self, folder: Path, *, limit: int = LIMIT, say: Callable[[str], None] = lambda _: None) -> None:
        self.folder = folder
        self._limit = limit
        self._guard = threading.RLock()
        self._file = -1
        self._dirty = False
        self._lock = _lock(folder)
        try:
            with _faults(folder):
                for leftover in [*folder.glob("timeline-*.jsonl.tmp"), *folder.glob("watch.json.tmp")]:
                    leftover.unlink()
                files = timeline_files(folder)
                self._number = number_of(files[-1]) if files else 1
                self._size = _repair(files[-1], say) if files else 0
                self.memories: dict[str, Memory] = load_timeline(folder)
                self._open()
        except BaseException:
            os.close(self._lock)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def closed_files(self) -> list[Path]:
        """The files that will get no more lines, oldest first."""
        with self._guard:
            return [file for file in timeline_files(self.folder) if number_of(file) < self._number]

    def write(self, record: Record) -> None:
        """Append one record as one line; before a BOOKMARK everything before it is made durable.

        Raises Unwritable where the line does not fit (and takes back what was written of it), Closed after `close`.
        """
        line = json.dumps(record, separators=(",", ":")).encode() + b"\n"
        with self._guard, _faults(self.folder):
            if self._file < 0:
                raise Closed("the timeline is closed")
            if record["type"] == "BOOKMARK":
                self._sync()
            if self._size and self._size + len(line) > self._limit:
                self._rotate()
            self._append(line)

    def sync(self) -> None:
        """Make all lines durable."""
        with self._guard, _faults(self.folder):
            self._sync()

    def close(self) -> None:
        """Make all lines durable and give the folder free; a second time does nothing."""
        with self._guard:
            if self._file < 0:
                return
            file, self._file = self._file, -1
            try:
                with _faults(self.folder):
                    os.fsync(file)
            finally:
                os.close(file)
                os.close(self._lock)

    def _append(self, line: bytes) -> None:
        try:
            written = os.write(self._file, line)
        except OSError:
            os.ftruncate(self._file, self._size)
            raise
        if written < len(line):
            os.ftruncate(self._file, self._size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._size += written
        self._dirty = True

    def _sync(self) -> None:
        if self._dirty and self._file >= 0:
            os.fsync(self._file)
            self._dirty = False

    def _rotate(self) -> None:
        self._sync()
        former, number = self._file, self._number
        self._number, self._size = number + 1, 0
        self._open()
        os.close(former)

    def _open(self) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        self._file = os.open(file_of(self.folder, self._number), flags, 0o644)
        sync_folder(self.folder)


def write_document(folder: Path, name: str, document: Mapping[str, Any]) -> None:
    """Write a JSON document so that a reader finds the former one or this one, whole; raises Unwritable."""
    part = folder / f"{name}.tmp"
    with _faults(folder):
        try:
            with part.open("w", encoding="utf-8") as stream:
                json.dump(document, stream, indent=1, sort_keys=True)
                stream.write("\n")
                stream.flush()
                os.fsync(stream.fileno())
            part.replace(folder / name)
        except OSError:
            part.unlink(missing_ok=True)
            raise
        sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class _faults:  # noqa: N801 - used as a function in `with`; a class keeps the traceback short
    """Turn an OSError into the one sentence that tells which folder and what to do."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> None:
        return None

    def __exit__(self, _: object, fault: BaseException | None, __: object) -> None:
        if not isinstance(fault, OSError):
            return
        if fault.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            raise Unwritable(
                f"{self._folder}: no room left ({fault.strerror}); all lines before are whole: "
                "make room and start again, the watch goes on from the last one"
            ) from fault
        raise Unwritable(f"{self._folder}: cannot be written ({fault.strerror}); check the folder") from fault


def _lock(folder: Path) -> int:
    """Return the descriptor that holds the folder's lock: the kernel frees it at whatever end of the process."""
    with _faults(folder):
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / "watch.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as fault:
            os.close(handle)
            raise Unwritable(
                f"{folder}: another watcher writes here; stop it first, or give this one a folder of its own"
            ) from fault
        except OSError:
            os.close(handle)
            raise
    return handle


def _repair(file: Path, say: Callable[[str], None]) -> int:
    """Cut off what stands behind the last newline and return the size that is left."""
    with file.open("r+b") as stream:
        size = stream.seek(0, os.SEEK_END)
        end = size
        while end:
            begin = max(0, end - _TAIL)
            stream.seek(begin)
            at = stream.read(end - begin).rfind(b"\n")
            end = begin + at + 1 if at >= 0 else begin
            if at >= 0:
                break
        if end < size:
            stream.truncate(end)
            os.fsync(stream.fileno())
            say(f"{file}: the last line was half written ({size - end} bytes) and is cut off; nothing else is lost")
    return end
