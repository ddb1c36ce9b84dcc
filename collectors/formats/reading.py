"""Turns one flow log into records for a Fold, and what became of the rest into a ledger."""

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from io import BufferedIOBase
from typing import BinaryIO, Protocol, cast

from collectors.capture.names import NameReader
from collectors.claims import ClaimTable
from collectors.formats.batch import Batch, Loss
from collectors.formats.fold import Fold
from collectors.ledger import LedgerWriter


class Format(Protocol):
    """A flow log format: a module of this package."""

    NAME: str

    def sniff(self, head: bytes) -> bool:
        """Return whether a file that begins so is of this format."""

    def read(self, stream: BinaryIO) -> Iterator[Batch]:
        """Yield all records of a file, in stretches."""


@dataclass(frozen=True)
class LogReading:
    """What reading one log came to, beside its flows: records read, bytes of the stream, times in ns, losses."""

    records: int
    size: int
    start: int | None
    end: int | None
    losses: tuple[Loss, ...]

    @property
    def lost(self) -> int:
        """How many events the log says that it lost, as far as it says how many."""
        return sum(loss.lost or 0 for loss in self.losses)


def read_log(
    form: Format,
    stream: BinaryIO,
    source: str,
    fold: Fold,
    ledger: LedgerWriter,
    names: NameReader,
    claims: ClaimTable,
) -> LogReading:
    """Take every record of a log into the fold or the ledger, what it says of names and pods into theirs.

    Never raises for what a log holds, but UnreadableInput where a format cannot use it at all.
    """
    counted = _Counted(stream)
    reading = read_batches(form.read(cast("BinaryIO", counted)), source, fold, ledger, names, claims)
    return replace(reading, size=counted.size)


def read_batches(
    batches: Iterable[Batch], source: str, fold: Fold, ledger: LedgerWriter, names: NameReader, claims: ClaimTable
) -> LogReading:
    """Take every record of some batches, as `read_log` does."""
    fold.begin_source(source)
    counter = LogCounter(source, fold, ledger, names, claims)
    for batch in batches:
        counter.take(batch)
    return counter.reading()


class LogCounter:
    """Takes batches of one source, each into the fold or the ledger, and counts what they come to."""

    def __init__(self, source: str, fold: Fold, ledger: LedgerWriter, names: NameReader, claims: ClaimTable) -> None:
        self._source, self._fold, self._ledger, self._names, self._claims = source, fold, ledger, names, claims
        self._records, self._bounds, self._losses = 0, list[int](), list[Loss]()

    def take(self, batch: Batch) -> None:
        """Take a batch."""
        self._records += batch.size
        self._fold.add(batch.records)
        if len(batch.records):
            bounds = (*self._bounds, int(batch.records.first.values.min()), int(batch.records.last.values.max()))
            self._bounds = [min(bounds), max(bounds)]
        self._losses += batch.losses
        _tell(batch, self._source, self._ledger)
        for claim in batch.claims:
            workload = (claim.workload_kind, claim.workload_name)
            pod = claim.namespace, claim.pod
            self._claims.add(claim.time, claim.address, pod, claim.labels, workload, claim.node)
        for time, address, name in batch.names:
            self._names.resolved(address, [name], time, kind="dns")

    def reading(self) -> LogReading:
        """Return what was taken; its bytes are not known here."""
        start, end = self._bounds or (None, None)
        return LogReading(self._records, 0, start, end, tuple(self._losses))


def _tell(batch: Batch, source: str, ledger: LedgerWriter) -> None:
    for item in batch.left_out:
        ledger.packets(source, item.kind, item.count, item.samples)
    for loss in batch.losses:
        number = "an unknown number of" if loss.lost is None else f"{loss.lost}"
        ledger.event(source, "gap", 0, f"{number} events {loss.what}", max(loss.lost or 1, 1))


def first_times_of(form: Format, stream: BinaryIO) -> tuple[int, int] | None:
    """Return the earliest and the latest time in ns of a log's first stretch that has records; None if none has."""
    for batch in form.read(stream):
        if len(batch.records):
            return int(batch.records.first.values.min()), int(batch.records.last.values.max())
    return None


class _Counted:
    """A stream whose bytes are counted, as far as it was read: of a file whose end was read, all."""

    closed = False  # pyarrow asks

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._place = 0
        self.size = 0

    def read(self, size: int = -1, /) -> bytes:
        piece = self._stream.read(size)
        self._went(self._place + len(piece))
        return piece

    def readinto(self, buffer: memoryview, /) -> int:
        count = int(cast("BufferedIOBase", self._stream).readinto(buffer) or 0)
        self._went(self._place + count)
        return count

    def seekable(self) -> bool:
        # What began elsewhere has its own places: stdin of which somebody had read.
        return self._stream.seekable() and self._stream.tell() == self._place

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        self._place = self._stream.seek(offset, whence)
        return self._place

    def _went(self, place: int) -> None:
        self._place, self.size = place, max(self.size, place)
