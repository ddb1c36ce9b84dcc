"""Turns the tables of a store into frames: Parquet files, read whole or by stretches of time."""

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from collectors.claims import CLAIMS
from collectors.errors import NewerArtefact, SchemaMismatch, UnreadableInput
from collectors.flows import FLOWS, Flows, empty_flows
from collectors.names import NAMES
from collectors.remote import Remote
from collectors.schema import Schema

VERSION = 1
"""Schema version of the five kinds of file."""
FOLDERS = {FLOWS.name: "", NAMES.name: "names/", CLAIMS.name: "claims/"}
"""Where in a store the parts of each kind are."""
ROWS_OF_GROUP = 1 << 15
"""Rows that are read at once, at least: of a stretch of time nothing is decoded but the groups that it touches."""
SOURCE = b"podfence.source"
"""Key of a table's metadata: of which source its rows are."""
_NANOSECONDS = pa.timestamp("ns", tz="UTC")


@dataclass(frozen=True, eq=False)
class OpenFile:
    """A local file that was opened once and stays readable after somebody has removed its name."""

    path: Path | Remote
    stream: Any

    @staticmethod
    def of(path: Path | Remote) -> "OpenFile":
        """Open a file that lies here; raises UnreadableInput where it is not there."""
        try:
            # pyarrow closes its own when nothing refers to it any more.
            return OpenFile(path, pa.OSFile(str(path)))
        except OSError as fault:
            raise _missing(path, fault) from fault

    def __str__(self) -> str:
        return str(self.path)

    def open(self, _mode: str = "rb") -> AbstractContextManager[Any]:
        """Return the open file, which stays open."""
        return nullcontext(self.stream)


File = Path | Remote | OpenFile


@dataclass(frozen=True)
class Wanted:
    """Which flows are asked for: of a stretch of time, and of an orientation ("" of any).

    `first_seen` is from `start` on and before `end`, nanoseconds since 1970; both None: it is absent.
    """

    start: int | None
    end: int | None
    orientation: str = ""


@dataclass(frozen=True)
class RowGroup:
    """What is known of stored rows that are read together.

    `first` and `last` are the earliest and latest `first_seen` in nanoseconds since 1970, None where all are absent.
    `orientations` are the least and the greatest that may be among them, by their text.
    """

    rows: int
    first: int | None
    last: int | None
    untimed: bool
    orientations: tuple[str, str]

    def may_be(self, orientation: str) -> bool:
        """Return whether rows of an orientation may be among these, "" of any."""
        low, high = self.orientations
        return not orientation or low <= orientation <= high

    def may_hold(self, wanted: Wanted) -> bool:
        """Return whether rows that are asked for may be among these."""
        if not self.may_be(wanted.orientation):
            return False
        if wanted.start is None or wanted.end is None:
            return self.untimed
        return (
            self.first is not None and self.last is not None and self.first < wanted.end and wanted.start <= self.last
        )


@dataclass(frozen=True, eq=False)
class FlowTable:
    """A stored table of flows, of which rows are read when they are asked for."""

    file: File
    groups: tuple[RowGroup, ...]

    @staticmethod
    def of(file: File) -> "FlowTable":
        """Look at a table; raises UnreadableInput and NewerArtefact."""
        try:
            with file.open("rb") as stream:
                parquet = pq.ParquetFile(stream)
                _check(file, FLOWS, parquet.schema_arrow.metadata)
                groups = tuple(_row_group(parquet, at) for at in range(parquet.num_row_groups))
        except (OSError, pa.ArrowException) as fault:
            raise _missing(file, fault) from fault
        except KeyError as fault:
            raise UnreadableInput(f"{file} holds no {FLOWS.name} ({fault} is missing): observe anew.") from fault
        return FlowTable(file, groups)

    def read(self, wanted: Wanted) -> Flows:
        """Return the rows that are asked for, not compacted; raises UnreadableInput."""
        at = [number for number, group in enumerate(self.groups) if group.may_hold(wanted)]
        if not at:
            return empty_flows()
        try:
            with self.file.open("rb") as stream:
                table = pq.ParquetFile(stream).read_row_groups(at)
            table = table.filter(_mask(table, wanted))
        except (OSError, pa.ArrowException) as fault:
            raise _missing(self.file, fault) from fault
        return Flows(_frame(self.file, table, FLOWS))

    def moments(self, group: int) -> "np.ndarray[Any, Any]":
        """Return every `first_seen` of a group that is known, in nanoseconds since 1970; raises UnreadableInput."""
        try:
            with self.file.open("rb") as stream:
                return np.asarray(_moments(pq.ParquetFile(stream), group))
        except (OSError, pa.ArrowException) as fault:
            raise _missing(self.file, fault) from fault


def _row_group(parquet: Any, at: int) -> RowGroup:
    group = parquet.metadata.row_group(at)
    told = {column.path_in_schema: column.statistics for column in map(group.column, range(group.num_columns))}
    times, orientations = told["first_seen"], told["orientation"]
    low, high = (orientations.min, orientations.max) if _knows_bounds(orientations) else ("", "\U0010ffff")
    exact = parquet.schema_arrow.field("first_seen").type == _NANOSECONDS and _knows_bounds(times)
    if exact and times.has_null_count:
        return RowGroup(group.num_rows, times.min_raw, times.max_raw, bool(times.null_count), (low, high))
    moments = _moments(parquet, at)
    ends = pc.min_max(moments).as_py()
    return RowGroup(group.num_rows, ends["min"], ends["max"], len(moments) < group.num_rows, (low, high))


def _knows_bounds(statistics: Any) -> bool:
    return statistics is not None and statistics.has_min_max


def _moments(parquet: Any, group: int) -> Any:
    column = parquet.read_row_group(group, columns=["first_seen"])["first_seen"]
    return column.cast(_NANOSECONDS).cast(pa.int64()).drop_null()


def _mask(table: Any, wanted: Wanted) -> Any:
    moments = table["first_seen"].cast(_NANOSECONDS).cast(pa.int64())
    if wanted.start is None or wanted.end is None:
        mask = pc.is_null(moments)
    else:
        mask = pc.and_(pc.greater_equal(moments, wanted.start), pc.less(moments, wanted.end))
    if not wanted.orientation:
        return mask
    return pc.and_(mask, pc.equal(table["orientation"].cast(pa.string()), wanted.orientation))


def read_part(file: File, schema: Schema) -> pd.DataFrame:
    """Return all rows of a table; raises UnreadableInput and NewerArtefact."""
    try:
        with file.open("rb") as stream:
            table = pq.ParquetFile(stream).read()
    except (OSError, pa.ArrowException) as fault:
        raise _missing(file, fault) from fault
    _check(file, schema, table.schema.metadata)
    return _frame(file, table, schema)


def _frame(file: File, table: Any, schema: Schema) -> pd.DataFrame:
    dtypes = {pa.int64(): pd.Int64Dtype(), pa.uint16(): pd.UInt16Dtype(), pa.float32(): pd.Float32Dtype()}
    try:
        frame = schema.conform(table.to_pandas(types_mapper=dtypes.get))
        schema.check(frame)
    except SchemaMismatch as fault:
        raise UnreadableInput(f"{file} holds no {schema.name} ({fault}): observe anew.") from fault
    return frame


def of_sources(folder: Path | Remote, parts: Iterable[str], names: Iterable[str]) -> set[str]:
    """Return the parts that hold what was read of the sources of some names."""
    wanted = {name.encode() for name in names}
    return {part for part in parts if _metadata(folder / part).get(SOURCE) in wanted} if wanted else set()


def _metadata(path: Path | Remote) -> dict[bytes, bytes]:
    with path.open("rb") as stream:
        return pq.read_schema(stream).metadata or {}


def _check(file: File, schema: Schema, metadata: dict[bytes, bytes] | None) -> None:
    told = {key.decode(): value.decode() for key, value in (metadata or {}).items()}
    check_version(file, f"podfence/{schema.name}", told.get("podfence.kind"), told.get("podfence.version"))


def check_version(file: File, kind: str, found_kind: object, found_version: object) -> None:
    """Raise UnreadableInput for a file of another kind, NewerArtefact for one of a newer podfence."""
    if found_kind != kind or not str(found_version).isdecimal():
        raise UnreadableInput(f"{file} is not of kind {kind}: name an observation store that observe wrote.")
    if int(str(found_version)) > VERSION:
        message = f"{file} is {kind} version {found_version}, this podfence reads up to version {VERSION}: update it."
        raise NewerArtefact(message)


def _missing(file: File, fault: Exception) -> UnreadableInput:
    return UnreadableInput(f"{file} is missing or damaged ({fault}): observe anew.")
