"""Turns how much of the reading is done into one line of a terminal, written anew each time."""

import contextlib
import sys

_CLEARED = "\r\x1b[2K"
_FEWEST = 2


def show_progress(done: int, tasks: int) -> None:
    """Write to stderr how many parts of the input are read, and clear it at the end; nothing where nobody looks."""
    if tasks < _FEWEST or sys.stderr is None or not sys.stderr.isatty():
        return
    with contextlib.suppress(OSError):  # nobody reads it: the reading goes on
        sys.stderr.write(_CLEARED if done == tasks else f"{_CLEARED}read {done:,} of {tasks:,} parts")
        sys.stderr.flush()
