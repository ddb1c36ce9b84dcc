"""Turns a log that grows and is rotated into one stream of whole lines, which waits for what is not written yet.

Files are looked at again and again (no inotify): this works on every file system, also over the network. What was
written to a renamed file after the rename is read as long as it comes: the next file is gone on to when the renamed
one has given nothing for QUIET looks, or when the stream is to stop. A last line without its end is whole in a renamed
file, where nothing follows; in a file that may grow it is kept for the next start.
"""

import io
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from collectors.following_files import (
    Identity,
    LogFile,
    Position,
    compressed_beside,
    identity_of,
    remaining,
    rotated_since,
    shown,
)
from collectors.formats.lines import LONGEST

__all__ = ["FIRST", "QUIET", "Followed", "Position"]

FIRST = 1 << 16
"""Bytes that tell what a file is."""
QUIET = 5
"""Looks, `pause` apart, in which a renamed file gives nothing before it is taken for complete."""
_PIECE = 1 << 18
"""Bytes that are read at once: few enough that what a reader makes of them is one batch."""
_MOST_FINISHED = 64
"""Files that are remembered as read."""


class Followed(io.RawIOBase):
    """A stream of the lines of a file, and of those that replace it, from a position on.

    It ends when `stopped` says so, and everything whole that was there has been returned; `pause` is the seconds
    between two looks. A line longer than LONGEST is returned in pieces.
    """

    def __init__(
        self, path: str | Path, stopped: Callable[[], bool], position: Position | None = None, pause: float = 0.2
    ) -> None:
        super().__init__()
        self._path = Path(path)
        self._stopped = stopped
        self._position = position
        self._pause = pause
        self._file: LogFile | None = None
        self._finished: dict[Identity, Position] = {}
        """How far the files were read that were left."""
        self._quiet = 0
        self._tail = bytearray()
        """The beginning of a line, of which the rest is not written yet."""
        self._lines = memoryview(b"")
        """What is to be returned."""
        self._begun = 0
        """Where in the file it begins."""
        self._line = 0
        """Where in the file the line begins that was not returned as a whole yet."""
        self._open_line = False
        """Whether what was read last is a piece of a line without its end."""
        self._losses: deque[str] = deque()

    def readable(self) -> bool:
        """Return yes."""
        return True

    def close(self) -> None:
        """Let go of the file; the position stays."""
        if self._file is not None:
            self._position = self.position
            self._file.close()
            self._file = None
        super().close()

    @property
    def position(self) -> Position | None:
        """How far whole lines have been returned; None before the first file was there."""
        # of a last line without its end, the end was made up
        return self._position if self._file is None else self._file.position(min(self._line, self._file.end))

    def losses(self) -> list[str]:
        """Return sentences on what may have been lost since this was asked last; any thread may ask."""
        return [self._losses.popleft() for _ in range(len(self._losses))]

    def readinto(self, buffer: Any) -> int:
        """Fill a part of the buffer with lines, as soon as there is one; return 0 at the end."""
        while not self._lines:
            ended = self._stopped()
            if self._fetch() or self._go_on(ended=ended):
                continue
            if ended:
                return 0
            time.sleep(self._pause)
        part = self._lines[: len(buffer)]
        buffer[: len(part)] = part
        self._lines = self._lines[len(part) :]
        if cut := bytes(part).rfind(b"\n") + 1:
            self._line = self._begun + cut
        self._begun += len(part)
        return len(part)

    def beginning(self, enough: Callable[[bytes], bool]) -> bytes:
        """Return the first bytes of the file that is read now: FIRST of them, or when they are `enough`, or at the end.

        Waits for them; nothing is returned if there never are any. Behind those of a renamed file stand those of the
        file that is at the path now.
        """
        while True:
            ended = self._stopped()
            first = b"" if self._file is None else self._file.first(FIRST)
            if first and self._is_replaced():
                first += self._first_of_next()
            if first and (ended or len(first) >= FIRST or enough(first)):
                return first
            if not first and self._go_on(ended=ended):
                continue
            if ended:
                return first
            time.sleep(self._pause)

    def noted(self, most: int) -> list[bytes]:
        """Return the last lines before the position that begin with `#`, in the file that is read now."""
        return [] if self._file is None else self._file.noted(self._line, most)

    def _first_of_next(self) -> bytes:
        file = LogFile.opened(self._path)
        if file is None:
            return b""
        try:
            return file.first(FIRST)
        finally:
            file.close()

    def _fetch(self) -> bool:
        """Read on in the file; return whether there was anything."""
        if self._file is None:
            return False
        piece = self._file.more(_PIECE)
        if piece is None:
            self._begin_anew(self._file)
            return True
        if piece:
            self._quiet = 0
        cut = piece.rfind(b"\n") + 1
        if cut:
            self._offer(bytes(self._tail) + piece[:cut])
            self._tail = bytearray(piece[cut:])
        else:
            self._tail += piece
            if len(self._tail) > LONGEST:
                self._offer(bytes(self._tail))
                self._tail.clear()
        return bool(piece)

    def _offer(self, lines: bytes) -> None:
        """Have bytes returned next, which were read before the tail."""
        self._lines = memoryview(lines)
        self._open_line = not lines.endswith(b"\n")

    def _go_on(self, *, ended: bool) -> bool:
        """Go on to the next file where this one is at its end; return whether there is something new to read."""
        if self._file is None:
            return self._open_first()
        if not self._is_replaced():
            self._quiet = 0
            return False
        self._quiet += 1
        if not ended and self._quiet <= QUIET:
            return False
        if self._tail or self._open_line:
            self._offer(bytes(self._tail) + b"\n")
            self._tail.clear()
            return True
        return self._open_next(self._file)

    def _is_replaced(self) -> bool:
        """Return whether another file is at the path than the one that is read."""
        now = identity_of(self._path)
        return now is not None and self._file is not None and now != self._file.identity

    def _open_first(self) -> bool:
        """Open the file that reading begins with, once it is there; return whether it is."""
        position = self._position
        found = remaining(position, self._path) if position else self._path
        file = LogFile.opened(found or self._path)
        if file is None:
            return False
        if position and found is not None and file.has(position):
            self._read_from(file, position.offset)
            return True
        if position:
            compressed = ", ".join(shown(Path(path.name)) for path in compressed_beside(self._path)[-3:])
            self._lose(
                f"the file that was read up to byte {position.offset} is gone"
                + (f" (compressed, it may be one of {compressed})" if compressed else "")
                + ", and what was written behind that: reading begins with the file that is there now"
            )
        self._read_from(file, 0)
        return True

    def _open_next(self, left: LogFile) -> bool:
        """Leave a file that is at its end for the next one; return whether there is one."""
        self._finished[left.identity] = left.position(left.end)
        if len(self._finished) > _MOST_FINISHED:
            del self._finished[next(iter(self._finished))]
        # several rotations may have been since the last look
        for path in [*rotated_since(self._path, left.modified), self._path]:
            file = LogFile.opened(path)
            if file is None:
                continue
            before = self._finished.get(file.identity)
            if before is not None and not file.has(before):
                before = None  # the name of a file that is gone was given to a new one
            offset = before.offset if before else 0
            if path == self._path or file.size > offset:
                self._read_from(file, offset)
                return True
            file.close()
        return False

    def _begin_anew(self, file: LogFile) -> None:
        """Go on with a file that was cut: first with the copy of what it had, if there is one."""
        position = file.position(file.end - len(self._tail))
        self._tail.clear()
        found = remaining(position, self._path)
        copy = None if found is None or identity_of(found) == file.identity else LogFile.opened(found)
        if copy is not None and copy.has(position):
            self._lose("it was copied and cut: lines that were written between the two are lost")
            self._read_from(copy, position.offset)
            return
        self._lose("it was cut and begins anew: lines that were written shortly before may be lost")
        file.go_to(0)
        self._line = self._begun = 0
        if self._open_line:
            self._offer(b"\n")
            self._begun = -1  # of no file

    def _read_from(self, file: LogFile, offset: int) -> None:
        if self._file is not None:
            self._file.close()
        self._file = file
        file.go_to(offset)
        self._line = self._begun = offset
        self._quiet = 0

    def _lose(self, what: str) -> None:
        self._losses.append(f"{shown(self._path)}: {what}.")
