"""Turns tasks into their results by Dask: on a cluster that is there, or by processes of this machine.

Of the extra `dask`. Dask distributes tasks, and does again what a lost worker had: nothing here does either.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Self

from collectors.engine import FAN_IN, LOSSES, Item, Progress, Result, untold
from collectors.errors import PodfenceError, UnreadableInput, one_line
from collectors.observation import Observation, merge

_PATIENCE = 10
"""Seconds until a scheduler that does not answer is given up."""
_LOOPBACK = "127.0.0.1"
_MEMORY = {
    "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": 64 << 20,
    "distributed.nanny.pre-spawn-environ.MALLOC_MMAP_THRESHOLD_": 32 << 20,
}
"""What glibc comes to by itself: else Dask's workers give the memory of each table back, and fetch it again."""


class Cluster:
    """Tasks are done by the workers that a client (`distributed.Client`) knows of; `begun` ends with this context."""

    def __init__(self, client: Any, begun: ExitStack, progress: Progress = untold) -> None:
        self._client, self._begun, self._progress = client, begun, progress

    def each(self, task: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """Return a result for each item, in their order."""
        with _said():
            found: list[Result] = self._client.gather(self._client.map(task, items, pure=False))
        return found

    def done(self, task: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
        """Yield the results, as they are done; each comes here when it is asked for."""
        with _said():
            futures = self._client.map(task, items, pure=False)
            waiting = _distributed().as_completed(futures, loop=self._client.loop)
            futures.clear()  # a result is let go once it was told
            for done, future in enumerate(waiting, 1):
                result: Result = future.result()
                self._progress(done, len(items))
                yield result

    def merged(self, read: Callable[[Item], Observation], items: Sequence[Item], bucket: int) -> Observation:
        """Return what all observations come to: only the last merge comes here."""
        if not items:
            return merge([], bucket)
        with _said():
            leaves = self._client.map(read, items, pure=False)
            root = self._tree(leaves, bucket)
            waiting = _distributed().as_completed(leaves, loop=self._client.loop)
            leaves.clear()  # a table is let go once it is merged
            for done, leaf in enumerate(waiting, 1):
                if leaf.status == "error":
                    leaf.result()
                self._progress(done, len(items))
            result: Observation = root.result()
        return result

    def _tree(self, level: Sequence[Any], bucket: int) -> Any:
        """Return the future of what some observations come to; of merges those that can be done go first."""
        while True:
            groups = [level[start : start + FAN_IN] for start in range(0, len(level), FAN_IN)]
            level = [self._client.submit(merge, group, bucket, pure=False, priority=1) for group in groups]
            if len(level) == 1:
                return level[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave a cluster that was there as it is; end one that was made for this."""
        self._begun.close()


def cluster(workers: int, scheduler: str | None = None, progress: Progress = untold) -> Cluster:
    """Return the cluster of a scheduler (`tcp://HOST:PORT`), or one of so many processes that is made here.

    Raises PodfenceError without Dask, and where no scheduler answers.
    """
    distributed = _distributed()
    with ExitStack() as begun:
        if scheduler is None:
            scheduler = begun.enter_context(_processes(workers))
        else:
            _reach(scheduler)
        client = begun.enter_context(distributed.Client(scheduler, set_as_default=False))
        return Cluster(client, begun.pop_all(), progress)


def _processes(workers: int) -> Any:
    """Return a cluster of so many processes of this machine, which nobody outside can reach."""
    distributed = _distributed()
    import dask  # noqa: PLC0415 - late: an extra

    with dask.config.set(_MEMORY):
        return distributed.LocalCluster(
            n_workers=max(1, workers),
            threads_per_worker=1,
            host=_LOOPBACK,
            dashboard_address=f"{_LOOPBACK}:0",  # without a port of its own it takes a fixed one
            scheduler_kwargs={"dashboard": False},
            silence_logs=logging.CRITICAL,
        )


def _reach(scheduler: str) -> None:
    """Raise UnreadableInput where no scheduler answers: a client is long in giving up, and not quiet."""
    distributed = _distributed()

    async def reach() -> None:
        how = distributed.Security().get_connection_args("client")
        found = await distributed.comm.core.connect(scheduler, timeout=_PATIENCE, **how)
        await found.close()

    try:
        asyncio.run(reach())
    except (OSError, ValueError, TypeError, RuntimeError) as fault:
        raise UnreadableInput(
            f"no Dask scheduler answers at {one_line(scheduler)} ({one_line(fault)}): name the address that it prints "
            "when it starts, such as tcp://HOST:8786."
        ) from fault


@contextmanager
def _said() -> Iterator[None]:
    """Turn what becomes of a cluster into one sentence."""
    distributed = _distributed()
    try:
        yield
    except distributed.KilledWorker as fault:
        raise PodfenceError(
            f"a task lost its Dask worker {LOSSES + 1} times, most likely for want of memory: give workers more of it."
        ) from fault
    except (distributed.comm.CommClosedError, distributed.client.FutureCancelledError) as fault:
        raise PodfenceError(f"the Dask scheduler went away ({one_line(fault)}): see why, and read again.") from fault
    except ImportError as fault:
        raise PodfenceError(
            f"Dask's workers do not know podfence ({one_line(fault)}): install this version there, too."
        ) from fault


def _distributed() -> Any:
    """Return the module that speaks to clusters; half of it has types. Raises PodfenceError where it is missing."""
    try:
        import distributed  # noqa: PLC0415 - late: an extra, which takes its time
    except ImportError as fault:
        raise PodfenceError("the engine dask needs Dask: run pip install 'podfence[dask]'.") from fault
    return distributed
