"""Turns a flow log format into one whose records are of a period only: the others are `outside`."""

from collections.abc import Iterable, Iterator
from typing import BinaryIO, Protocol, runtime_checkable

from collectors.formats.batch import Batch, within
from collectors.formats.period import Period
from collectors.formats.reading import Format


@runtime_checkable
class Skipping(Format, Protocol):
    """A format that need not read all of what is outside."""

    def read_within(self, stream: BinaryIO, period: Period) -> Iterator[Batch]:
        """Yield all records of a file, in stretches; some outside of the period are counted and not read."""


class Within:
    """Another format, of a period: as a format's module."""

    def __init__(self, form: Format, period: Period) -> None:
        self.NAME = form.NAME
        self._form, self._period = form, period

    def sniff(self, head: bytes) -> bool:
        """Return whether a file that begins so is of this format."""
        return self._form.sniff(head)

    def read(self, stream: BinaryIO) -> Iterator[Batch]:
        """Yield all records, those that begin outside of the period left out as `outside`."""
        form, period = self._form, self._period
        return of_period(form.read_within(stream, period) if isinstance(form, Skipping) else form.read(stream), period)


def of_period(batches: Iterable[Batch], period: Period | None) -> Iterator[Batch]:
    """Yield batches with only what is said of a period, all of it without one."""
    return (batch if period is None else within(batch, period) for batch in batches)
