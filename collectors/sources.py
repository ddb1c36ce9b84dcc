"""Turns paths into an observation: reads captures and flow logs, several at once, each with the format of its content.

`collectors.inputs` finds and opens them.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, cast

import pandas as pd

from collectors.capture import Conversations, first_time, read_capture
from collectors.capture.decode import VXLAN_PORTS
from collectors.capture.names import NameReader
from collectors.claims import Claims, ClaimTable, concat_claims
from collectors.errors import UnreadableInput
from collectors.flows import Flows
from collectors.formats import Fold, Format, LogReading, Loss, first_time_of, netflow, read_batches, read_log
from collectors.formats.mapping import Mapping
from collectors.inputs import FORMATS, Input, inputs, kind_of, log_format, opened, stores
from collectors.ledger import LedgerWriter
from collectors.listening import listen
from collectors.names import Names, concat_names
from collectors.observation import BUCKET_SECONDS, Gap, Observation, ObservationWindow, Source, concat_flows, merge
from collectors.stored import merge_stores
from collectors.streams import Content

_FIRST = 256
"""Bytes that the fingerprint of a source is made of: few enough that a file that is still written has them early."""
_MINUTE = 60 * 10**9


def never() -> bool:
    """Return no: what is listened at goes on."""
    return False


@dataclass(frozen=True)
class ReadOptions:
    """How captures are read: see `read_flows`."""

    format: str | None = None
    bucket_seconds: int = BUCKET_SECONDS
    outer: bool = False
    vxlan_ports: tuple[int, int] = VXLAN_PORTS
    mapping: Mapping | None = None
    stopped: Callable[[], bool] = never


def read_flows(
    paths: Iterable[str | Path],
    *,
    format: str | None = None,  # noqa: A002 -- the word that users of the command know
    bucket_seconds: int = BUCKET_SECONDS,
    outer: bool = False,
    vxlan_ports: tuple[int, int] = VXLAN_PORTS,
    workers: int = 1,
    mapping: Mapping | None = None,
    stopped: Callable[[], bool] = never,
) -> Observation:
    """Return what all captures, flow logs and stores of some files, folders (with all below) and stdin ("-") show.

    gzip and zstd are read through. `format` is one of FORMATS, None to tell each by its content. The innermost packet
    of a tunnel counts, or the outermost with `outer`; VXLAN is expected at `vxlan_ports`. With more `workers`, files
    are read by that many processes; one file, or stdin, by two threads. The result is the same. The `source` column
    holds file names, with as many folders before them as tell two apart. A file named twice is read once. Files of one
    folder whose names differ in digits only and whose times follow each other are read as one rotated capture: a
    conversation goes on from one to the next. An address (`udp://HOST:PORT`) is listened at for NetFlow and IPFIX until
    `stopped` says so, which is asked every second. `mapping` says what the columns of a `generic` log mean.
    Stores are taken as they are (`collectors.stored`).
    An empty capture is an empty observation. A capture that is cut or damaged counts as far as it goes; the ledger
    says where it ends. Raises UnreadableInput for what is missing, empty, unreadable or no capture; in a folder,
    files that are no captures are passed over as long as one is, and the ledger names them.
    """
    if format is not None and format not in FORMATS:
        raise UnreadableInput(f"{format!r} is no format that is read here: use one of {', '.join(FORMATS)}.")
    options = ReadOptions(format, bucket_seconds, outer, vxlan_ports, mapping, stopped)
    ledger = LedgerWriter()
    listed = list(paths)
    series = list(_series(inputs(listed, format, ledger), options))
    pieces = _pieces(series, options, workers)
    read = merge([Observation(ledger=ledger.ledger()), *pieces], bucket_seconds)
    return merge_stores(read, stores(listed), bucket_seconds)


_Series = list[tuple[Input, int | None]]


def _pieces(series: list[_Series], options: ReadOptions, workers: int) -> list[Observation]:
    if min(workers, len(series)) < 2 or any(item.path is None for listed in series for item, _ in listed):
        return [_read_series(listed, options, ahead=workers > 1) for listed in series]
    from concurrent.futures import ProcessPoolExecutor  # noqa: PLC0415 - late: seldom wanted
    from multiprocessing import get_context  # noqa: PLC0415 - as above

    with ProcessPoolExecutor(min(workers, len(series)), mp_context=get_context("spawn")) as pool:
        return list(pool.map(_read_series, series, [options] * len(series)))


def _read_series(series: _Series, options: ReadOptions, *, ahead: bool = False) -> Observation:
    reader = _Reader(options, ahead=ahead)
    end: int | None = None
    for position, (item, start) in enumerate(series):
        # Not behind one another: two inputs at one time, or of unknown times.
        apart = position > 0 and (start is None or end is None or start < end)
        end = reader.read(item, apart=apart)
    return reader.finish()


class _Reader:
    """Reads inputs one after the other; a conversation goes on from one to the next of the same kind."""

    def __init__(self, options: ReadOptions, *, ahead: bool) -> None:
        self._options, self._ahead = options, ahead
        self._ledger = LedgerWriter()
        self._flows: list[Flows] = []
        self._sources: list[Source] = []
        self._gaps: list[Gap] = []
        self._names: list[Names] = []
        self._claims: list[Claims] = []
        self._open: Conversations | Fold | None = None

    def read(self, item: Input, *, apart: bool) -> int | None:
        """Read one input; `apart`: nothing goes on in it. Return its last time."""
        names, claims = NameReader(), ClaimTable()
        if item.listens:
            self._close()
            source = self._heard(item, names, claims)
        else:
            source = self._opened(item, names, claims, apart=apart)
        self._tell(item, names, claims)
        self._sources.append(source)
        return None if source.end is None else int(source.end.value)

    def _opened(self, item: Input, names: NameReader, claims: ClaimTable, *, apart: bool) -> Source:
        with opened(item) as content:
            kind = kind_of(item, content.head, self._options.format)
            form = log_format(kind, self._options.mapping)
            if apart or (self._open is not None and isinstance(self._open, Fold) != (form is not None)):
                self._close()
            if form is None:
                source = self._capture(item, kind, content, names)
            else:
                source = self._log(form, item, content, names, claims)
            for fault in content.faults:
                text = f"{fault} (byte {source.size} of its content)"
                self._ledger.event(item.name, "truncated", source.size, text)
        return source

    def _capture(self, item: Input, kind: str, content: Content, names: NameReader) -> Source:
        options = self._options
        if not isinstance(self._open, Conversations):
            self._open = Conversations(options.bucket_seconds, outer=options.outer, vxlan_ports=options.vxlan_ports)
        reading = read_capture(content.whole(), item.name, self._open, self._ledger, names, ahead=self._ahead)
        source = _source(item, kind, content.head, reading.packets, reading.size, reading.start, reading.end)
        if reading.drops:
            self._gaps.append(Gap(item.name, source.start, source.end, reading.drops))
        return replace(source, drops=reading.drops)

    def _log(self, form: Format, item: Input, content: Content, names: NameReader, claims: ClaimTable) -> Source:
        with _naming(item):
            reading = read_log(form, content.whole(), item.name, self._folded(), self._ledger, names, claims)
        return self._log_source(item, form.NAME, content.head, reading)

    def _heard(self, item: Input, names: NameReader, claims: ClaimTable) -> Source:
        batches = listen(item.name, self._options.stopped)
        reading = read_batches(batches, item.name, self._folded(), self._ledger, names, claims)
        return self._log_source(item, netflow.NAME, b"", reading)

    def _folded(self) -> Fold:
        if not isinstance(self._open, Fold):
            self._open = Fold(self._options.bucket_seconds)
        return self._open

    def _log_source(self, item: Input, kind: str, head: bytes, reading: LogReading) -> Source:
        self._gaps += gaps_of(item.name, reading.losses)
        size, start, end = reading.size, reading.start, reading.end
        return replace(_source(item, kind, head, reading.records, size, start, end), drops=reading.lost)

    def _tell(self, item: Input, names: NameReader, claims: ClaimTable) -> None:
        for text, count in _NAME_EVENTS.items():
            if number := getattr(names, count):
                self._ledger.event(item.name, "name_evidence", 0, f"{number} {text}", number)
        if claims.overflow:
            text = f"{claims.overflow} claims of pods beyond the ceiling are not kept"
            self._ledger.event(item.name, "name_evidence", 0, text, claims.overflow)
        self._names.append(names.finish(item.name))
        self._claims.append(claims.finish(item.name))

    def _close(self) -> None:
        if self._open is not None:
            self._flows.append(self._open.finish())
        self._open = None

    def finish(self) -> Observation:
        """Return what all inputs came to."""
        self._close()
        names, claims = concat_names(self._names), concat_claims(self._claims)
        window = ObservationWindow.of(self._sources, self._gaps)
        return Observation(concat_flows(self._flows), window, self._ledger.ledger(), names, claims)


def gaps_of(source: str, losses: Iterable[Loss]) -> list[Gap]:
    """Return the gaps of a log, those of one minute as one: a log may say often that it lost something."""
    minutes: dict[int | None, list[Loss]] = {}
    for loss in losses:
        minutes.setdefault(None if loss.start is None else loss.start // _MINUTE, []).append(loss)
    return [
        Gap(
            source,
            _timestamp(min((loss.start for loss in listed if loss.start is not None), default=None)),
            _timestamp(max((loss.end for loss in listed if loss.end is not None), default=None)),
            None if any(loss.lost is None for loss in listed) else sum(loss.lost or 0 for loss in listed),
        )
        for listed in minutes.values()
    ]


_NAME_EVENTS = {
    "names beyond the ceiling are not kept": "overflow",
    "DNS messages or TLS greetings are malformed": "malformed",
    "address records that nobody asked for are not believed": "unasked",
}


def _source(
    item: Input, kind: str, head: bytes, packets: int, size: int, start: int | None, end: int | None
) -> Source:  # fmt: skip
    return Source(
        name=item.name,
        kind=kind,
        packets=packets,
        size=size,
        start=_timestamp(start),
        end=_timestamp(end),
        fingerprint=hashlib.sha256(head[:_FIRST]).hexdigest()[:32],
    )


def _timestamp(time: int | None) -> pd.Timestamp | None:
    return None if time is None else pd.Timestamp(time, unit="ns", tz="UTC")


def _series(inputs: list[Input], options: ReadOptions) -> Iterator[list[tuple[Input, int | None]]]:
    """Yield inputs that may be one rotated capture together, in the order of their first packets' times."""
    groups: dict[tuple[str, str], list[Input]] = {}
    for item in inputs:
        key = (
            ("", item.name) if item.path is None else (str(item.path.parent), re.sub(r"[\d_.:-]+", "", item.path.name))
        )
        groups.setdefault(key, []).append(item)
    for group in groups.values():
        if len(group) == 1:
            yield [(group[0], None)]
            continue
        timed = [(item, _first_time(item, options)) for item in group]
        yield sorted(timed, key=lambda pair: (pair[1] is None, pair[1] or 0, pair[0].name))


def _first_time(item: Input, options: ReadOptions) -> int | None:
    with opened(item) as content:
        form = log_format(kind_of(item, content.head, options.format), options.mapping)
        stream = cast("BinaryIO", content)
        if form is None:
            return first_time(stream)
        with _naming(item):
            return first_time_of(form, stream)


@contextmanager
def _naming(item: Input) -> Iterator[None]:
    """Say of what is refused which input it is: a format sees a stream only."""
    try:
        yield
    except UnreadableInput as fault:
        raise UnreadableInput(f"{item.where}: {fault}") from fault
