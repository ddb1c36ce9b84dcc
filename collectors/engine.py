"""Turns tasks into their results: here one after the other, or by processes of this machine.

Tasks that read give compact observations, which merge as a tree: no place ever holds all rows that were read.
`collectors.engine_dask` does the same by Dask.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from types import TracebackType
from typing import Final, Protocol, Self, TypeVar

from collectors.errors import PodfenceError
from collectors.observation import Observation, merge
from collectors.processes import processes

Item = TypeVar("Item")
Result = TypeVar("Result")
Progress = Callable[[int, int], None]
"""Told how many of how many tasks are done, after each."""

LOCAL: Final = "local"
DASK: Final = "dask"
ENGINES: Final = (LOCAL, DASK)
"""Where tasks may be done, by name."""
FAN_IN: Final = 8
"""Observations that are merged at once."""
LOSSES: Final = 3
"""Times that a worker may be lost: a task that takes more memory than there is would be tried for ever."""
_FEW: Final = 8
"""Inputs that are looked at sooner than a process begins."""


def untold(_done: int, _tasks: int) -> None:
    """Tell nobody."""


class Engine(Protocol):
    """Where tasks are done; a context, at whose end everything that was begun for it ends."""

    def each(self, task: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """Return a small result for each item, in their order."""

    def done(self, task: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
        """Yield the results, as they are done; of no order that could be told before."""

    def merged(self, read: Callable[[Item], Observation], items: Sequence[Item], bucket: int) -> Observation:
        """Return what the observations of all items come to, as `merge` does with the width of a bucket in seconds."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Here:
    """Tasks are done in this process, in their order."""

    def __init__(self, progress: Progress = untold) -> None:
        self._progress = progress

    def each(self, task: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """Return a result for each item."""
        return [task(item) for item in items]

    def done(self, task: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
        """Yield the results, as they are done."""
        return _counted(map(task, items), len(items), self._progress)

    def merged(self, read: Callable[[Item], Observation], items: Sequence[Item], bucket: int) -> Observation:
        """Return what all observations come to."""
        return merge_tree(self.done(read, items), bucket)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End nothing."""


class Processes:
    """Tasks are done by processes of this machine; what a process that was killed did not tell is done again."""

    def __init__(self, workers: int, progress: Progress = untold, ready: ProcessPoolExecutor | None = None) -> None:
        self._workers, self._progress, self._pool = workers, progress, ready

    def each(self, task: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """Return a result for each item; of a few items here."""
        if len(items) <= _FEW:
            return [task(item) for item in items]
        results = dict(self._numbered(task, items))
        return [results[number] for number in range(len(items))]

    def merged(self, read: Callable[[Item], Observation], items: Sequence[Item], bucket: int) -> Observation:
        """Return what all observations come to, merged as they come."""
        return merge_tree(self.done(read, items), bucket)

    def done(self, task: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
        """Yield the results, as they are done; of no order that could be told before."""
        results = (result for _, result in self._numbered(task, items))
        return _counted(results, len(items), self._progress)

    def _numbered(self, task: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[tuple[int, Result]]:
        """Yield the number of each item and its result, as they are done."""
        left = dict(enumerate(items))
        for _ in range(LOSSES):
            if self._pool is None:
                self._pool = processes(min(self._workers, len(left)) or 1)
            futures: dict[Future[Result], int] = {
                self._pool.submit(task, item): number for number, item in left.items()
            }
            for future in as_completed(futures):
                number = futures.pop(future)  # a result that was told is not kept
                try:
                    result = future.result()
                except BrokenProcessPool:
                    continue
                del left[number]
                yield number, result
            if not left:
                return
            self._end()
        raise PodfenceError(
            f"worker processes were killed {LOSSES} times, most likely for want of memory: give fewer --workers."
        )

    def _end(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
        self._pool = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End the processes; what is not begun is not done."""
        self._end()


def merge_tree(observations: Iterable[Observation], bucket: int) -> Observation:
    """Return what `merge` makes of all observations, whatever their order, with few of them waiting at any time."""
    levels: list[list[Observation]] = [[]]
    for observation in observations:
        levels[0].append(observation)
        for level, waiting in enumerate(levels):
            if len(waiting) < FAN_IN:
                break
            if level + 1 == len(levels):
                levels.append([])
            levels[level + 1].append(merge(waiting, bucket))
            waiting.clear()
    return merge([observation for waiting in levels for observation in waiting], bucket)


def _counted(results: Iterable[Result], tasks: int, progress: Progress) -> Iterator[Result]:
    for done, result in enumerate(results, 1):
        progress(done, tasks)
        yield result
