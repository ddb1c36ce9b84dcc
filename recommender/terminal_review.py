"""Turns a terminal, or lines from a pipe, into a review session: single keys where there are keys, lines else."""

import os
import select
import shutil
import signal
import sys
import termios
import threading
import tty
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final, NoReturn, Protocol, TextIO

from recommender.desk import Desk
from recommender.reviewing_session import KEYS, Session

_CLEAR, _BOLD, _PLAIN = "\x1b[H\x1b[2J", "\x1b[1m", "\x1b[0m"
_ESCAPE, _END = "\x1b", "\x04"
_MARKED, _UNMARKED = "\x1b[?2004h", "\x1b[?2004l"
"""Asks a terminal to put marks around what is pasted, and to put none (bracketed paste, xterm's control sequences)."""
_PASTE_BEGINS, _PASTE_ENDS = "\x1b[200~", "\x1b[201~"
_PASTED = "what was pasted is no key: nothing was decided"
_CORRECTIONS: Final[dict[str, Callable[[str], str]]] = {
    "\x7f": lambda line: line[:-1],
    "\b": lambda line: line[:-1],
    "\x17": lambda line: line[: line.rstrip().rfind(" ") + 1],  # Ctrl-W
    "\x15": lambda _: "",  # Ctrl-U
}
_LONGEST_LINE = 4096
_REST_OF_ESCAPE: Final = 0.2
"""Seconds in which the rest of an arrow key's bytes arrives."""
_PROMPT = f"[{KEYS}] > "


def review_at_terminal(desk: Desk, stdin: TextIO, stdout: TextIO) -> None:
    """Let a reviewer decide, until they quit or their input ends; every decision is on disk at once.

    Whatever ends it, a signal too, leaves the terminal as it was.
    """
    screen = Screen(stdout)
    session = Session(desk)
    message: tuple[str, ...] = ()
    with _unwinding(), _entry(stdin, screen) as entry:
        while not session.over:
            screen.draw([*session.view(), *([""] if message else []), *message], session.bottom())
            entered = entry.key(_PROMPT)
            if entered is None:
                break
            message = session.answer(*entered, entry.line)
    screen.write(f"\n{session.bottom()}\n")


class Entry(Protocol):
    """Where a reviewer's keys and lines come from."""

    def key(self, prompt: str) -> tuple[str, str] | None:
        """Return the next key and what was typed behind it; None where the input ends."""

    def line(self, prompt: str) -> str:
        """Return the next line, "" where the input ends."""


class Screen:
    """What a reviewer sees. Colours and clearing only where a terminal shows them and nobody set NO_COLOR."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._obeys = out.isatty() and os.environ.get("TERM") != "dumb"
        self._commands = self._obeys and not os.environ.get("NO_COLOR")

    def draw(self, lines: Iterable[str], bottom: str) -> None:
        """Show lines, which are safe to print, and the bottom line below them where the screen ends."""
        body = list(lines)
        if not self._commands:
            self.write("\n".join([*body, "", bottom, ""]))
            return
        size = shutil.get_terminal_size()
        rows = sum(_rows(line, size.columns) for line in [*body, bottom, _PROMPT])
        head = [f"{_BOLD}{body[0]}{_PLAIN}", *body[1:]] if body else []
        gap = "\n" * max(1, size.lines - rows)
        self.write(_CLEAR + "\n".join(head) + gap + f"\n{_BOLD}{bottom}{_PLAIN}\n")

    def mark_pastes(self, *, marked: bool) -> None:
        """Let the terminal, where there is one that can, put marks around what is pasted, or none again."""
        if self._obeys:
            self.write(_MARKED if marked else _UNMARKED)

    def write(self, text: str) -> None:
        """Show text at once."""
        self._out.write(text)
        self._out.flush()


def _rows(line: str, columns: int) -> int:
    return max(1, -(-len(line) // max(1, columns)))


class Typed:
    """Lines from a pipe: the first letter is the key, what follows belongs to it."""

    def __init__(self, lines: TextIO, screen: Screen) -> None:
        self._lines, self._screen = lines, screen

    def key(self, prompt: str) -> tuple[str, str] | None:
        """Return the key and the text of the next line that is not empty."""
        self._screen.write(prompt)
        while line := self._lines.readline():
            if typed := line.strip():
                self._screen.write("\n")
                return typed[0], typed[1:]
        return None

    def line(self, prompt: str) -> str:
        """Return the next line, "" where the input ends."""
        self._screen.write(prompt)
        line = self._lines.readline()
        self._screen.write("\n")
        return line.rstrip("\r\n")


class Keys:
    """Single keys from a terminal, unseen; what is typed ahead is kept, and what is pasted is no key.

    `back` gives the terminal its own mode.
    """

    def __init__(self, terminal: int, screen: Screen) -> None:
        self._terminal, self._screen = terminal, screen
        self._before = termios.tcgetattr(terminal)
        self._decoder = getincrementaldecoder("utf-8")("replace")

    def back(self) -> None:
        """Give the terminal the mode it had."""
        termios.tcsetattr(self._terminal, termios.TCSADRAIN, self._before)
        self._screen.mark_pastes(marked=False)

    def key(self, prompt: str) -> tuple[str, str] | None:
        """Return the next key; arrows and others of several bytes are passed over, for they end in letters."""
        self._begin(prompt)
        while True:
            entered, pasted = self._next()
            if pasted:
                self._screen.write(f"{_PASTED}\n{prompt}")
            elif entered in {"", _END}:
                return None
            elif len(entered) == 1 and entered.isprintable() and entered.isascii() and entered != " ":
                self._screen.write(f"{entered}\n")
                return entered, ""

    def line(self, prompt: str) -> str:
        """Return a line, typed and corrected, or pasted: the lines of what is pasted become one."""
        self._begin(prompt)
        line = ""
        while True:
            entered, pasted = self._next()
            if not pasted and entered in {"", _END, "\n", "\r"}:
                self._screen.write("\n")
                return line
            if not pasted and entered in _CORRECTIONS:
                kept = _CORRECTIONS[entered](line)
                self._screen.write("\b \b" * (len(line) - len(kept)))
                line = kept
            elif pasted or len(entered) == 1:
                more = "".join(filter(str.isprintable, entered))[: _LONGEST_LINE - len(line)]
                self._screen.write(more)
                line += more

    def _begin(self, prompt: str) -> None:
        tty.setcbreak(self._terminal, termios.TCSADRAIN)  # each time: whoever stopped us meanwhile may have changed it
        self._screen.mark_pastes(marked=True)
        self._screen.write(prompt)

    def _next(self) -> tuple[str, bool]:
        """Return a character, or all that an escape begins, "" at the end; and whether it is a text that was pasted."""
        found = self._read()
        if found == _ESCAPE:
            found = self._sequence()
        return (self._paste(), True) if found == _PASTE_BEGINS else (found, False)

    def _sequence(self) -> str:
        """Return an escape and what comes behind it: a whole sequence, the letter of an Alt key, or nothing."""
        found = _ESCAPE
        if not select.select([self._terminal], [], [], _REST_OF_ESCAPE)[0]:
            return found
        found += self._read()
        if found == f"{_ESCAPE}O":
            return found + self._read()
        while found.startswith(f"{_ESCAPE}[") and (letter := self._read()):
            found = found[:_LONGEST_LINE] + letter
            if "@" <= letter <= "~":
                break
        return found

    def _paste(self) -> str:
        """Return what is pasted, in one line, once all of it is read."""
        found = ""
        while not found.endswith(_PASTE_ENDS) and (letter := self._read()):
            found += letter
        return " ".join(found.removesuffix(_PASTE_ENDS).split())

    def _read(self) -> str:
        """Return the next character, "" where the input ends."""
        try:
            while byte := os.read(self._terminal, 1):
                if letter := self._decoder.decode(byte):
                    return letter
        except OSError:  # the terminal is gone: as if its input had ended
            return ""
        return ""


@contextmanager
def _entry(stdin: TextIO, screen: Screen) -> Iterator[Entry]:
    """Give keys where there is a terminal, lines else; the terminal has its own mode again afterwards."""
    if not stdin.isatty():
        yield Typed(stdin, screen)
        return
    keys = Keys(stdin.fileno(), screen)
    try:
        yield keys
    finally:
        keys.back()


@contextmanager
def _unwinding() -> Iterator[None]:
    """Let signals that end the process end it through every `finally`, so that the terminal is given back."""

    def leave(number: int, _frame: FrameType | None) -> NoReturn:
        sys.exit(128 + number)

    if threading.current_thread() is not threading.main_thread():  # signals belong to the main thread
        yield
        return
    before = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
