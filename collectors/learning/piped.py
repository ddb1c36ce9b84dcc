"""Turns what comes by stdin into a feed of its kind: its first bytes tell, and may be long in coming."""

import select
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any, BinaryIO, cast

from collectors.errors import UnreadableInput, one_line
from collectors.following_logs import COMPRESSED
from collectors.formats.batch import Batch
from collectors.formats.mapping import Mapping
from collectors.inputs import CAPTURES, Input, kind_of, log_format
from collectors.learning.feed import DAMAGED, Interval, Told
from collectors.learning.logs import Log
from collectors.learning.packets import Pipe
from collectors.learning.still_open import StillOpen
from collectors.observation import Observation
from collectors.streams import Rejoined

_HEAD = 1 << 16
"""Bytes that tell what is carried, at most."""
_LOOK = 0.2
"""Seconds without a byte after which those that came may be enough; and after which it is looked at whether to stop."""
_AT_ONCE = 1.0
"""Seconds in which what is wrong may be told before anything begins."""


class Piped:
    """A feed of a capture or a log in a pipe; raises UnreadableInput where it is neither, if that is told at once."""

    def __init__(self, stream: Any, only: str | None, mapping: Mapping | None, stopped: Callable[[], bool]) -> None:
        self.name = "stdin"
        self.keys: tuple[str, ...] = (StillOpen("packets", self.name, b"").key, StillOpen("log", self.name, b"").key)
        self._stream, self._only, self._mapping, self._stopped = stream, only, mapping, stopped
        self._before: StillOpen | None = None
        self._found: Pipe | Log | None = None
        self._begun: Pipe | Log | None = None
        self._fault = ""
        self._remarks: tuple[str, ...] = ()
        self._thread = threading.Thread(target=self._look, name="podfence looks at stdin", daemon=True)
        self._thread.start()
        self._thread.join(_AT_ONCE)
        if self._fault:
            raise UnreadableInput(self._fault)

    @property
    def ended(self) -> bool:
        """Whether nothing more comes than is told next."""
        return not self._thread.is_alive() and (self._found is None or self._found.ended)

    def resume(self, still_open: StillOpen) -> bool:
        """Keep what was open until it is told what comes; whether it is of use is told then."""
        self._before = still_open
        return True

    def begin(self) -> None:
        """Begin to read, as soon as it is told what comes."""
        found = None if self._thread.is_alive() else self._found
        if found is None or self._begun is not None:
            return
        before = self._before
        if before is not None and not (before.key in found.keys and found.resume(before)):
            self._remarks = (DAMAGED.format(self.name),)
        found.begin()
        self._begun = found

    def wait(self, seconds: float) -> None:
        """Wait: a thread reads."""
        if self._begun is not None:
            self._begun.wait(seconds)
            return
        self._thread.join(seconds)
        self.begin()

    def tell(self, interval: Interval) -> Told:
        """Return what was seen since it was asked last."""
        if self._begun is None:
            fault, self._fault = self._fault, ""
            return Told(Observation(ledger=interval.ledger.ledger()), self._before, fault=fault)
        told, remarks = self._begun.tell(interval), self._remarks
        self._remarks = ()
        return replace(told, remarks=(*remarks, *told.remarks))

    def close(self) -> None:
        """Leave the pipe: the system tells whoever writes into it."""

    def _look(self) -> None:
        try:
            head = self._head()
            if head or not self._stopped():
                self._found = self._feed(head)
        except UnreadableInput as fault:
            self._fault = "" if self._stopped() else str(fault)
        except OSError as fault:
            self._fault = f"{self.name} cannot be read: {one_line(fault)}"

    def _feed(self, head: bytes) -> Pipe | Log:
        kind = self._kind(head)
        form = log_format(kind, self._mapping)
        whole = cast("BinaryIO", Rejoined(head, self._stream))
        if form is None:
            return Pipe(whole, self.name)
        return Log(self.name, lambda _: (form.NAME, placeless(form.read(whole)), tuple))

    def _head(self) -> bytes:
        head = b""
        while len(head) < _HEAD and not self._stopped():
            if not select.select([self._stream], [], [], _LOOK)[0]:
                if head and self._is_told(head):
                    break
                continue
            piece = self._stream.read(_HEAD - len(head))
            head += piece
            if not piece or self._is_told(head):
                break
        return head

    def _is_told(self, head: bytes) -> bool:
        if head.startswith(COMPRESSED) or (self._only is not None and self._only not in CAPTURES):
            return True
        try:
            self._kind(head)
        except UnreadableInput:
            return False
        return True

    def _kind(self, head: bytes) -> str:
        if head.startswith(COMPRESSED):
            raise UnreadableInput(
                f"{self.name} is compressed: unpack it on the way, as in `gzip -dc | podfence learn -`; "
                "a file that is finished is for `podfence observe`."
            )
        return kind_of(Input(None, self.name), head, self._only)


def placeless(batches: Iterable[Batch]) -> Iterator[tuple[Batch, str]]:
    """Yield the batches of what nobody can go back in, each with no position."""
    return ((batch, "") for batch in batches)
