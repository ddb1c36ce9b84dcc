"""Turns paths into an observation: reads captures and flow logs, several at once, each with the format of its content.

`collectors.inputs` finds and opens them, `collectors.series` reads them, `collectors.engine` says where.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypedDict, TypeVar, Unpack

from collectors.capture.decode import VXLAN_PORTS
from collectors.engine import ENGINES, LOCAL, Engine, Here, Processes, Progress, untold
from collectors.errors import UnreadableInput, one_line
from collectors.formats.mapping import Mapping
from collectors.formats.period import Period
from collectors.inputs import FORMATS, Input, inputs, stores
from collectors.ledger import LedgerWriter
from collectors.observation import BUCKET_SECONDS, Observation
from collectors.remote import Remote
from collectors.series import Beginning, ReadOptions, Series, beginning, never, read_parts, read_series, unreadable
from collectors.stored import merge_stores

Result = TypeVar("Result")


def read_flows(
    paths: Iterable[str | Path],
    *,
    format: str | None = None,  # noqa: A002 -- the word that users of the command know
    bucket_seconds: int = BUCKET_SECONDS,
    outer: bool = False,
    vxlan_ports: tuple[int, int] = VXLAN_PORTS,
    workers: int = 1,
    engine: str = LOCAL,
    scheduler: str | None = None,
    mapping: Mapping | None = None,
    stopped: Callable[[], bool] = never,
    progress: Progress = untold,
    period: Period | None = None,
) -> Observation:
    """Return what all captures, flow logs and stores of some files, folders (with all below) and stdin ("-") show.

    gzip and zstd are read through. `format` is one of FORMATS, None to tell each by its content. The innermost packet
    of a tunnel counts, or the outermost with `outer`; VXLAN is expected at `vxlan_ports`. With more `workers`, files
    are read by that many processes; one capture, or stdin, by two threads. With the `engine` dask, by workers of Dask:
    those of the cluster at `scheduler` (`tcp://HOST:PORT`), or `workers` processes on this machine. The result is the
    same. `progress` is told how many of how many tasks are done. The `source` column
    holds file names, with as many folders before them as tell two apart. A file named twice is read once. Files of one
    folder whose names differ in digits only and whose times follow each other are read as one rotated capture: a
    conversation goes on from one to the next. An address (`udp://HOST:PORT`) is listened at for NetFlow and IPFIX until
    `stopped` says so, which is asked every second. `mapping` says what the columns of a `generic` log mean.
    Stores are taken as they are (`collectors.stored`). A text with a scheme is a URL of an object store
    (`collectors.places`), `*` and `[...]` in it match names of one folder. Of a `period` only records of flow logs that
    begin in it count, the others are in the ledger; captures and stores are refused then.
    An empty capture is an empty observation. A capture that is cut or damaged counts as far as it goes; the ledger
    says where it ends. Raises UnreadableInput for what is missing, empty, unreadable or no capture; of a folder,
    files that are no captures are passed over, and those that cannot be read are left out, as long as one is read:
    the ledger names them.
    """
    options = ReadOptions(format, bucket_seconds, outer, vxlan_ports, mapping, stopped, period)
    return _all_of(list(paths), options, Where(workers, engine, scheduler, progress))


class Reading(TypedDict, total=False):
    """The options of `read_flows` by name, and one more."""

    format: str | None
    bucket_seconds: int
    outer: bool
    vxlan_ports: tuple[int, int]
    workers: int
    engine: str
    scheduler: str | None
    mapping: Mapping | None
    stopped: Callable[[], bool]
    progress: Progress
    period: Period | None
    ready: ProcessPoolExecutor | None
    """Processes that are there already (`collectors.processes`)."""


class Where(NamedTuple):
    """By what inputs are read, and who is told how far it is: see `read_flows`."""

    workers: int = 1
    engine: str = LOCAL
    scheduler: str | None = None
    progress: Progress = untold
    ready: ProcessPoolExecutor | None = None


def read_each(
    paths: Iterable[str | Path],
    then: Callable[[Iterable[Observation]], Result],
    aside: Path | None = None,
    **reading: Unpack[Reading],
) -> Iterator[Result]:
    """Yield what `then` makes of inputs, of those together that may go on in each other, as soon as they are read.

    `then` is given parts, as `read_parts` yields them. It is asked where they are read, maybe by another process; what
    Dask reads comes here first, since its workers may have no disk in common with this machine. The last is of no
    input: what was left out. With stores among the inputs everything comes at once. A log that is read here puts what
    is not to stay in memory into a folder, `aside`. Raises what `read_flows` raises, but for inputs that were all left
    out (`refuse_nothing`).
    """
    listed, given = list(paths), dict[str, Any](reading)
    where = Where(**{name: given.pop(name) for name in Where._fields if name in given})
    options = ReadOptions(**given)
    if stores(listed):
        yield then([_all_of(listed, options, where)])
        return
    ledger = LedgerWriter()
    with _begun(listed, ledger, options, where) as (running, series, ahead):
        if where.engine == LOCAL:
            read = partial(read_parts, options=replace(options, aside=aside), ahead=ahead)
            yield from running.done(_Both(read, then), series)
        else:
            yield from (then([read]) for read in running.done(partial(read_series, options=options), series))
    yield then([Observation(ledger=ledger.ledger())])


@dataclass(frozen=True)
class _Both(Generic[Result]):
    """Reads, and then does something with it; other processes can be told to."""

    read: Callable[[Series], Iterator[Observation]]
    then: Callable[[Iterable[Observation]], Result]

    def __call__(self, series: Series) -> Result:
        """Return what becomes of some inputs."""
        return self.then(self.read(series))


def _all_of(listed: Sequence[str | Path], options: ReadOptions, where: Where) -> Observation:
    ledger = LedgerWriter()
    with _begun(listed, ledger, options, where) as (running, series, ahead):
        read = partial(read_series, options=options, ahead=ahead)
        observation = running.merged(read, series, options.bucket_seconds)
    observation = replace(observation, ledger=observation.ledger + ledger.ledger())
    observation = merge_stores(observation, _whole_stores(listed, options.period), options.bucket_seconds)
    refuse_nothing(observation)
    return observation


@contextmanager
def _begun(
    paths: Sequence[str | Path], ledger: LedgerWriter, options: ReadOptions, where: Where
) -> Iterator[tuple[Engine, list[Series], bool]]:
    """Give what tasks are done by, all of them, and whether one is read ahead; write what is left out to the ledger."""
    if options.format is not None and options.format not in FORMATS:
        raise UnreadableInput(f"{options.format!r} is no format that is read here: use one of {', '.join(FORMATS)}.")
    found = inputs(paths, options.format, ledger)
    with _engine(where, found) as running:
        series = list(_series(found, options, ledger, running))
        alone = isinstance(running, Here) or (isinstance(running, Processes) and len(series) < 2)
        yield Here(where.progress) if alone else running, series, alone and where.workers > 1


def _whole_stores(paths: Iterable[str | Path], period: Period | None) -> list[Path | Remote]:
    found = stores(paths)
    if found and period is not None:
        raise UnreadableInput(f"{found[0]} is a store, and --since and --until are for flow logs: leave them away.")
    return found


def _engine(where: Where, found: list[Input]) -> Engine:
    """Return what tasks are done by. What is read as it comes is read here, and all that is named beside it."""
    if where.engine not in ENGINES:
        raise UnreadableInput(f"{one_line(where.engine)!r} is no engine: use one of {', '.join(ENGINES)}.")
    coming = [item.name for item in found if item.path is None]
    if where.engine == LOCAL:
        if where.scheduler is not None:
            raise UnreadableInput("a scheduler is for the engine dask: name that engine, or no scheduler.")
        if where.workers < 2 or coming:
            return Here(where.progress)
        return Processes(where.workers, where.progress, where.ready)
    if coming:
        raise UnreadableInput(f"{coming[0]} can be read on this machine only: leave the engine dask away.")
    from collectors.engine_dask import cluster  # noqa: PLC0415 - late: an extra

    return cluster(where.workers, where.scheduler, where.progress)


def _series(found: list[Input], options: ReadOptions, ledger: LedgerWriter, engine: Engine) -> Iterator[Series]:
    """Yield inputs that may be one rotated capture together, in the order of their first packets' times."""
    groups: dict[tuple[str, str], list[Input]] = {}
    for item in found:
        key = (
            ("", item.name) if item.path is None else (str(item.path.parent), re.sub(r"[\d_.:-]+", "", item.path.name))
        )
        groups.setdefault(key, []).append(item)
    timed = [item for group in groups.values() if len(group) > 1 for item in group]
    begins = dict(zip(timed, engine.each(partial(beginning, options=options), timed), strict=True))
    for item, begin in begins.items():
        if begin.fault:
            unreadable(ledger, item, begin.fault)
    for group in groups.values():
        if len(group) == 1:
            yield [(group[0], None)]
        else:
            yield from _apart([(item, begins[item]) for item in group if not begins[item].fault])


def _apart(group: list[tuple[Input, Beginning]]) -> Iterator[Series]:
    """Yield inputs of one group, parted where it is plain already that nothing goes on from one to the next."""
    series: Series = []
    reached: int | None = None
    for item, begin in sorted(group, key=lambda pair: (pair[1].start is None, pair[1].start or 0, pair[0].name)):
        if series and (begin.start is None or reached is None or begin.start < reached):
            yield series
            series = []
        series.append((item, begin.start))
        reached = begin.reached
    if series:
        yield series


def refuse_nothing(observation: Observation) -> None:
    """Raise UnreadableInput with the first reason where every file that was found was left out."""
    faults = observation.ledger.samples("unreadable")
    if faults and not observation.window.sources:
        raise UnreadableInput(faults[0].text)
