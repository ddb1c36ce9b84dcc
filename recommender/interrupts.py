"""Turns signals into an orderly end that keeps what came."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def first_interrupt(say: Callable[[str], None]) -> Iterator[Callable[[], bool]]:
    """Yield whether there was a SIGINT; the second one raises KeyboardInterrupt, as long as this lasts.

    A terminal sends Ctrl-C to every program of a pipeline. The one that writes ends by it, and then there is nothing
    more to read. Does nothing outside the main thread, where no handler can be set.
    """
    came = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield came.is_set
        return
    before = signal.getsignal(signal.SIGINT)

    def passed(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, before)
        came.set()
        say("ending, as soon as what has come is read; press Ctrl-C again to give it up")

    if before is signal.default_int_handler:  # who ignores it (nohup) goes on ignoring it
        signal.signal(signal.SIGINT, passed)
    try:
        yield came.is_set
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def stopped_by_signals() -> Iterator[threading.Event]:
    """Give an event that SIGINT and SIGTERM set, so that what goes on for days ends by itself and in order.

    Does nothing outside the main thread, where no handler can be set.
    """
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    signals = (signal.SIGINT, signal.SIGTERM)
    former = [signal.signal(number, lambda *_: stop.set()) for number in signals]
    try:
        yield stop
    finally:
        for number, handler in zip(signals, former, strict=True):
            signal.signal(number, handler)
