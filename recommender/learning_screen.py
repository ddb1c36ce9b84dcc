"""Turns what a program that runs for days says into lines for a terminal, a log, and a reader that may go away."""

import contextlib
import os
import sys
import threading

from collectors.errors import PodfenceError
from recommender.cli_options import Say, unheard
from recommender.text import cut, visible

_ERASE = "\r\x1b[2K"


class Screen:
    """Tells by `show` and `say`, any thread, and keeps a status line below; that nobody hears it is no fault."""

    def __init__(self, show: Say, say: Say) -> None:
        self._show, self._say = show, unheard(say)
        self._terminal = sys.stderr if sys.stderr is not None and sys.stderr.isatty() else None
        self._line = ""
        self._gone = False
        self._lock = threading.RLock()

    def show(self, line: str) -> None:
        """Print an event, at once."""
        with self._lock:
            if self._gone:
                return
            try:
                self._show(line)
            except (OSError, PodfenceError) as fault:
                self._gone = True
                self.say(f"events are not told any more, learning goes on: {fault}")

    def say(self, text: str) -> None:
        """Say a sentence, above the status line."""
        with self._lock:
            self._write(_ERASE if self._line else "")
            self._say(text)
            self._write(self._line)

    def status(self, line: str, *, also_to_logs: bool) -> None:
        """Rewrite the line of a terminal, or say it where there is none."""
        with self._lock:
            if self._terminal is not None:
                self._line = cut(visible(line), max(_columns(self._terminal.fileno()) - 1, 1))
                self._write(_ERASE + self._line)
            elif also_to_logs:
                self._say(line)

    def end(self) -> None:
        """Leave the status line as it is, and go on below."""
        with self._lock:
            self._write("\n" if self._line else "")
            self._line = ""

    def _write(self, text: str) -> None:
        if self._terminal is not None and text:
            with contextlib.suppress(OSError):  # a terminal that was closed
                self._terminal.write(text)
                self._terminal.flush()


def _columns(descriptor: int) -> int:
    try:
        return os.get_terminal_size(descriptor).columns or 80
    except OSError:
        return 80
