"""Turns the first Ctrl-C, while a pipe is read, into its orderly end: its writer ends, and what came is kept."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def pipe_ends_first(say: Callable[[str], None]) -> Iterator[None]:
    """Let the first SIGINT pass, and the second raise KeyboardInterrupt, as long as this lasts.

    A terminal sends Ctrl-C to every program of a pipeline. The one that writes ends by it, and then there is nothing
    more to read. Does nothing outside the main thread, where no handler can be set.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)

    def passed(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, before)
        say("reading on until the pipe ends, to keep what is in it; press Ctrl-C again to give up")

    if before is signal.default_int_handler:  # who ignores it (nohup) goes on ignoring it
        signal.signal(signal.SIGINT, passed)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
