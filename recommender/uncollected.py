"""Turns the search for cycles off while a stage builds what has none, and on again."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Let no search for cycles interrupt: frozen values have none, and looking takes as long as making them.

    Not for what never ends: cycles of the libraries underneath would pile up.
    """
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()
