"""Turns paths into an observation: reads captures and flow logs, several at once, each with the format of its content.

`collectors.inputs` finds and opens them, `collectors.series` reads them, `collectors.engine` says where.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from collectors.capture.decode import VXLAN_PORTS
from collectors.engine import ENGINES, LOCAL, Engine, Here, Processes, Progress, untold
from collectors.errors import UnreadableInput, one_line
from collectors.formats.mapping import Mapping
from collectors.formats.period import Period
from collectors.inputs import FORMATS, Input, inputs, stores
from collectors.ledger import LedgerWriter
from collectors.observation import BUCKET_SECONDS, Observation
from collectors.remote import Remote
from collectors.series import Beginning, ReadOptions, Series, beginning, never, read_series, unreadable
from collectors.stored import merge_stores


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
    are read by that many processes; one file, or stdin, by two threads. With the `engine` dask, by workers of Dask:
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
    if format is not None and format not in FORMATS:
        raise UnreadableInput(f"{format!r} is no format that is read here: use one of {', '.join(FORMATS)}.")
    ledger = LedgerWriter()
    listed = list(paths)
    found = inputs(listed, format, ledger)
    options = ReadOptions(format, bucket_seconds, outer, vxlan_ports, mapping, stopped, period)
    with _engine(engine, workers, scheduler, found, progress) as running:
        series = list(_series(found, options, ledger, running))
        alone = isinstance(running, Here) or (isinstance(running, Processes) and len(series) < 2)
        read = partial(read_series, options=options, ahead=alone and workers > 1)
        observation = (Here(progress) if alone else running).merged(read, series, bucket_seconds)
    observation = replace(observation, ledger=observation.ledger + ledger.ledger())
    observation = merge_stores(observation, _whole_stores(listed, period), bucket_seconds)
    _refuse_nothing(observation)
    return observation


def _whole_stores(paths: Iterable[str | Path], period: Period | None) -> list[Path | Remote]:
    found = stores(paths)
    if found and period is not None:
        raise UnreadableInput(f"{found[0]} is a store, and --since and --until are for flow logs: leave them away.")
    return found


def _engine(name: str, workers: int, scheduler: str | None, found: list[Input], progress: Progress) -> Engine:
    """Return what tasks are done by. What is read as it comes is read here, and all that is named beside it."""
    if name not in ENGINES:
        raise UnreadableInput(f"{one_line(name)!r} is no engine: use one of {', '.join(ENGINES)}.")
    coming = [item.name for item in found if item.path is None]
    if name == LOCAL:
        if scheduler is not None:
            raise UnreadableInput("a scheduler is for the engine dask: name that engine, or no scheduler.")
        return Here(progress) if workers < 2 or coming else Processes(workers, progress)
    if coming:
        raise UnreadableInput(f"{coming[0]} can be read on this machine only: leave the engine dask away.")
    from collectors.engine_dask import cluster  # noqa: PLC0415 - late: an extra

    return cluster(workers, scheduler, progress)


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


def _refuse_nothing(observation: Observation) -> None:
    """Raise UnreadableInput with the first reason where every file that was found was left out."""
    faults = observation.ledger.samples("unreadable")
    if faults and not observation.window.sources:
        raise UnreadableInput(faults[0].text)
