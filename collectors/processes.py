"""Turns a number into processes of this machine, which make ready while it is found out what they shall do."""

import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import forkserver, get_context, parent_process
from threading import Thread

_READS = "collectors.series"
"""The module that has what they do: it takes as long to import as a small file to read."""
_FORKS = sys.platform == "linux"
"""Whether a process that has imported it may fork: elsewhere there are libraries that do not go on after that."""


def processes(workers: int) -> ProcessPoolExecutor:
    """Return so many processes, of which none shares memory or locks with this one."""
    return _pool(workers, "spawn")


def _pool(workers: int, method: str) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(workers, mp_context=get_context(method), initializer=_end_with_parent)


def _end_with_parent() -> None:
    """End this process as soon as the one that it works for is no more: an executor's would wait for ever."""
    Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)  # not in order: what it holds may be waiting for the parent


@contextmanager
def made_ready(workers: int) -> Iterator[ProcessPoolExecutor | None]:
    """Give processes for which is imported at once, None for fewer than two; they end with this.

    It is imported once, by a process that does nothing else, from which they are forked; they have the environment of
    the beginning. For a command: nothing else in this process may use `multiprocessing.forkserver` meanwhile.
    """
    if workers < 2:
        yield None
        return
    pool = _forked(workers) or processes(workers)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
        _end_forking()


def _forked(workers: int) -> ProcessPoolExecutor | None:
    if not _FORKS:
        return None
    try:
        forkserver.set_forkserver_preload([_READS])
        forkserver.ensure_running()
    except OSError:  # its socket is in a temporary folder, which needs a short name and some room
        return None
    return _pool(workers, "forkserver")


def _end_forking() -> None:
    """Wait for the process that others were forked from: `time` would not count what they did otherwise."""
    end = getattr(forkserver._forkserver, "_stop", None)  # noqa: SLF001 - nothing public waits for it
    if end is not None:
        end()
