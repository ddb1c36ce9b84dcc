"""Turns inputs that may be one rotated capture or log into an observation: what one task of an engine reads."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

import pandas as pd

from collectors.aside import Aside
from collectors.capture import Conversations, first_time, read_capture
from collectors.capture.decode import VXLAN_PORTS
from collectors.capture.names import NameReader
from collectors.claims import Claims, ClaimTable, concat_claims
from collectors.errors import UnreadableInput, one_line
from collectors.flows import Flows, empty_flows
from collectors.formats import netflow
from collectors.formats.batch import Loss
from collectors.formats.fold import Fold
from collectors.formats.mapping import Mapping
from collectors.formats.period import Period
from collectors.formats.reading import Format, LogReading, first_times_of, read_batches, read_log
from collectors.formats.within import of_period
from collectors.inputs import Input, kind_of, log_format, opened
from collectors.ledger import Ledger, LedgerWriter
from collectors.listening import listen
from collectors.names import Names, concat_names
from collectors.observation import BUCKET_SECONDS, Gap, Observation, ObservationWindow, Source, concat_flows
from collectors.streams import Content

_FIRST = 256
"""Bytes that the fingerprint of a source is made of: few enough that a file that is still written has them early."""
_LONGEST = 500
"""Characters of why an input cannot be read, which hold a path, too."""
_MINUTE = 60 * 10**9


def never() -> bool:
    """Return no: what is listened at goes on."""
    return False


@dataclass(frozen=True)
class ReadOptions:
    """How captures and logs are read: see `collectors.read_flows`."""

    format: str | None = None
    bucket_seconds: int = BUCKET_SECONDS
    outer: bool = False
    vxlan_ports: tuple[int, int] = VXLAN_PORTS
    mapping: Mapping | None = None
    stopped: Callable[[], bool] = never
    period: Period | None = None
    aside: Path | None = None
    """Folder for what is not to stay in memory while a log is read; None where everything comes to memory anyway."""


class Beginning(NamedTuple):
    """The time of the first packet or record in ns, and one that the last is not before; None without any.

    `fault`: why the input cannot be read.
    """

    start: int | None = None
    reached: int | None = None
    fault: str = ""


Series = list[tuple[Input, int | None]]
"""Inputs by the time that each begins at, where that is known."""


def beginning(item: Input, options: ReadOptions) -> Beginning:
    """Return when an input begins. Raises UnreadableInput for one that was named and cannot be read."""
    try:
        with opened(item) as content:
            kind = kind_of(item, content.head, options.format, options.period)
            form = log_format(kind, options.mapping, options.period)
            stream = cast("BinaryIO", content)
            if form is None:
                time = first_time(stream)
                return Beginning(time, time)
            with _naming(item):
                return Beginning(*(first_times_of(form, stream) or ()))
    except UnreadableInput as fault:
        if not item.found:
            raise
        return Beginning(fault=str(fault))


def unreadable(ledger: LedgerWriter, item: Input, fault: object) -> None:
    """Write into a ledger that an input that was found in a folder cannot be read, and why."""
    ledger.event(item.name, "unreadable", 0, one_line(fault, _LONGEST))


def read_series(series: Series, options: ReadOptions, *, ahead: bool = False) -> Observation:
    """Return what some inputs show, read one after the other; rows are compact. Raises what `read_parts` raises."""
    *parts, last = read_parts(series, options, ahead=ahead)
    return replace(last, flows=concat_flows(part.flows for part in parts)) if parts else last


def read_parts(series: Series, options: ReadOptions, *, ahead: bool = False) -> Iterator[Observation]:
    """Yield what some inputs show, read one after the other: flows, and with the last of it everything else.

    Rows are compact, no two observations have rows of one source and time bucket, and those of a source come in the
    order of time. One input that was found in a folder and cannot be read counts not at all, and the ledger says why.
    Raises UnreadableInput for one that was named, and PodfenceError where nothing can be put aside.
    """
    ledger = LedgerWriter()
    left = list(series)
    while True:
        reader = _Reader(options, ahead=ahead)
        end: int | None = None
        for position, (item, start) in enumerate(left):
            # Not behind one another: two inputs at one time, or of unknown times.
            apart = position > 0 and (start is None or end is None or start < end)
            try:
                end = reader.read(item, apart=apart)
            except UnreadableInput as fault:
                if not item.found:
                    raise
                unreadable(ledger, item, fault)
                break
        else:
            yield from reader.finish(ledger.ledger())
            return
        # Connections that it took part in are told again without it.
        del left[position]


class _Reader:
    """Reads inputs one after the other; a conversation goes on from one to the next of the same kind."""

    def __init__(self, options: ReadOptions, *, ahead: bool) -> None:
        self._options, self._ahead = options, ahead
        self._ledger = LedgerWriter()
        self._flows: list[Iterator[Flows]] = []
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
            kind = kind_of(item, content.head, self._options.format, self._options.period)
            form = log_format(kind, self._options.mapping, self._options.period)
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
        batches = of_period(listen(item.name, self._options.stopped), self._options.period)
        reading = read_batches(batches, item.name, self._folded(), self._ledger, names, claims)
        return self._log_source(item, netflow.NAME, b"", reading)

    def _folded(self) -> Fold:
        if not isinstance(self._open, Fold):
            aside = None if self._options.aside is None else Aside(self._options.aside)
            self._open = Fold(self._options.bucket_seconds, elsewhere=aside)
        return self._open

    def _log_source(self, item: Input, kind: str, head: bytes, reading: LogReading) -> Source:
        self._gaps += gaps_of(item.name, reading.losses)
        size, start, end = reading.size, reading.start, reading.end
        return replace(_source(item, kind, head, reading.records, size, start, end), drops=reading.lost)

    def _tell(self, item: Input, names: NameReader, claims: ClaimTable) -> None:
        names.tell(item.name, self._ledger)
        claims.tell(item.name, self._ledger)
        self._names.append(names.finish(item.name))
        self._claims.append(claims.finish(item.name))

    def _close(self) -> None:
        if isinstance(self._open, Fold):
            self._flows.append(self._open.finished())
        elif self._open is not None:
            self._flows.append(iter([self._open.finish()]))
        self._open = None

    def finish(self, left_out: Ledger) -> Iterator[Observation]:
        """Yield what all inputs came to, and add what was left out before."""
        self._close()
        for flows in chain.from_iterable(self._flows):
            yield Observation(flows)
        names, claims = concat_names(self._names), concat_claims(self._claims)
        window = ObservationWindow.of(self._sources, self._gaps)
        yield Observation(empty_flows(), window, self._ledger.ledger() + left_out, names, claims)


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


@contextmanager
def _naming(item: Input) -> Iterator[None]:
    """Say of what is refused which input it is: a format sees a stream only."""
    try:
        yield
    except UnreadableInput as fault:
        raise UnreadableInput(f"{item.where}: {fault}") from fault
