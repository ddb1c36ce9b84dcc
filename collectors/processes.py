"""Turns a number into processes of this machine, which make ready while it is found out what they shall do."""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from importlib import import_module
from multiprocessing import get_context

_READS = "collectors.series"
"""The module that has what they do: it takes as long to import as a small file to read."""


def processes(workers: int) -> ProcessPoolExecutor:
    """Return so many processes, of which none shares memory or locks with this one."""
    return ProcessPoolExecutor(workers, mp_context=get_context("spawn"))


@contextmanager
def made_ready(workers: int) -> Iterator[ProcessPoolExecutor | None]:
    """Give processes that begin to import at once, None for fewer than two; they end with this."""
    if workers < 2:
        yield None
        return
    pool = processes(workers)
    try:
        for _ in range(workers):
            pool.submit(import_module, _READS)
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
