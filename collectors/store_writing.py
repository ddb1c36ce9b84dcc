"""Turns frames into the tables of a store: Parquet files of one source each, named by their content."""

import hashlib
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, Final, cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from collectors.claims import CLAIMS, compact_claims
from collectors.flows import FLOWS, Flows
from collectors.names import NAMES, compact_names
from collectors.observation import Observation, concat_flows
from collectors.remote import Remote
from collectors.schema import Schema
from collectors.store_tables import FOLDERS, ROWS_OF_GROUP, SOURCE, VERSION

_IN_MEMORY: Final = 1 << 22
"""Bytes of a table from which on it waits on disk: where sources are many they are small, and open files are few."""
_CODES: Final = pa.int32()


class Tables(ExitStack):
    """The tables of an observation that comes in parts, of each source, and maybe day, for itself.

    A context, at whose end nothing is left of tables that are not finished.
    """

    def __init__(self, folder: Path, *, by_day: bool = False) -> None:
        super().__init__()
        self._folder, self._by_day = folder, by_day
        self._flows: dict[tuple[str, str | None], FlowWriter] = {}
        self._written: dict[str, tuple[str, ...]] = {}

    def add(self, part: Observation) -> None:
        """Write a part; flows of a source are compact, and behind those before."""
        for source, day, rows in self._cut(part.flows):
            if (source, day) not in self._flows:
                self._flows[source, day] = self.enter_context(closing(FlowWriter(self._folder, source, day)))
            self._flows[source, day].add(Flows(rows))
        for schema, frame in ((NAMES, compact_names(part.names)), (CLAIMS, compact_claims(part.claims))):
            for source, day, rows in self._cut(frame):
                self._list(source, write_part(self._folder, schema, rows, source, day))

    def finish(self) -> dict[str, tuple[str, ...]]:
        """Write what is left, and return the paths of all tables by source, as `window.json` lists them."""
        for (source, _), writer in self._flows.items():
            self._list(source, writer.finish())
        return self._written

    def _list(self, source: str, path: str) -> None:
        self._written[source] = (*self._written.get(source, ()), path)

    def _cut(self, frame: pd.DataFrame) -> Iterator[tuple[str, str | None, pd.DataFrame]]:
        for source, rows in frame.groupby("source", observed=True, dropna=False, sort=True):
            if not self._by_day:
                yield str(source), None, rows
                continue
            days = rows["first_seen"].dt.strftime("%Y-%m-%d")
            for day, own in rows.groupby(days, dropna=False, sort=True):  # rows without a time come last
                yield str(source), None if pd.isna(day) else str(day), own


class FlowWriter:
    """A table of flows that is written stretch by stretch; however they are cut, the file is the same."""

    def __init__(self, folder: Path, source: str, day: str | None = None) -> None:
        self._table = _Table(folder, FLOWS, source, day)
        self._waiting: list[Flows] = []

    def add(self, flows: Flows) -> None:
        """Take some rows, which are behind those before."""
        self._waiting.append(flows)
        rows = sum(map(len, self._waiting))
        if rows < ROWS_OF_GROUP:
            return
        joined = concat_flows(self._waiting)
        whole = rows - rows % ROWS_OF_GROUP
        self._table.write(joined[:whole])
        self._waiting = [Flows(joined[whole:])]

    def finish(self) -> str:
        """Write what is left, and return the table's path as `window.json` lists it."""
        self._table.write(concat_flows(self._waiting))
        return self._table.finish()

    def close(self) -> None:
        """Let go what the table was written to."""
        self._table.close()


def write_part(
    folder: Path | Remote, schema: Schema, frame: pd.DataFrame, source: str | None = None, day: str | None = None
) -> str:
    """Write one part under a name made of its source and content, and return its path as `window.json` lists it.

    Without a source it holds rows of several. Of a day (UTC, as in 2026-11-23) it is in a folder of that name.
    """
    with closing(_Table(folder, schema, source, day)) as table:
        table.write(frame)
        return table.finish()


def replace_file(path: Path | Remote, content: bytes) -> None:
    """Write a file as a whole or not at all."""
    if isinstance(path, Remote):
        path.replace_bytes(content)
        return
    with _whole(path) as file:
        file.write(content)


class _Table:
    """A file of one kind; its bytes depend on the rows and on pyarrow only."""

    def __init__(self, folder: Path | Remote, schema: Schema, source: str | None, day: str | None) -> None:
        self._folder, self._schema, self._source = folder, schema, source
        self._place = FOLDERS[schema.name] + (f"{day}/" if day else "")
        self._file = SpooledTemporaryFile(_IN_MEMORY, dir=None if isinstance(folder, Remote) else str(folder))  # noqa: SIM115
        self._writer: Any = None

    def write(self, frame: pd.DataFrame) -> None:
        """Write rows; only those written last may be no whole groups."""
        for at in range(0, len(frame), ROWS_OF_GROUP):
            self._write(_arrow(frame[at : at + ROWS_OF_GROUP], self._schema))

    def _write(self, table: Any) -> None:
        if self._writer is None:
            told = {"podfence.kind": f"podfence/{self._schema.name}", "podfence.version": str(VERSION)}
            told |= {} if self._source is None else {SOURCE.decode(): self._source}
            self._writer = pq.ParquetWriter(self._file, table.schema.with_metadata(told), compression="zstd")
        self._writer.write_table(table)

    def finish(self) -> str:
        """Put the file into its place, whole or not at all, and return its path."""
        if self._writer is None:
            self._write(_arrow(self._schema.empty(), self._schema))
        self._writer.close()
        self._file.seek(0)
        digest = hashlib.file_digest(cast("Any", self._file), "sha256").hexdigest()[:16]
        stem = re.sub(r"[^A-Za-z0-9._]+", "-", self._source or "").strip("-.")[:80]
        name = f"{stem or self._schema.name}-{digest}.parquet"
        self._file.seek(0)
        _put(self._folder / self._place / name, self._file)
        return f"{self._place}{name}"

    def close(self) -> None:
        """Let the file go that the table was written to."""
        if self._writer is not None:
            with suppress(OSError):  # the disk may be full: then nobody asks for the table
                self._writer.close()
        self._file.close()


@contextmanager
def _whole(path: Path) -> Iterator[BinaryIO]:
    """Give a file that takes its place when it is written."""
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("wb") as file:
        yield file
    temporary.replace(path)


def _put(path: Path | Remote, file: Any) -> None:
    if isinstance(path, Remote):
        path.write_bytes(file.read())  # nobody reads it before it is listed
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with _whole(path) as target:
        shutil.copyfileobj(file, target)


def _arrow(rows: pd.DataFrame, schema: Schema) -> Any:
    """Return rows as a table; its type depends on the schema only, its dictionaries on the rows."""
    texts = [column.name for column in schema if column.dtype == "category"]
    plain = pa.Table.from_pandas(rows.drop(columns=texts), preserve_index=False, nthreads=1)
    columns = [_dictionary(rows[name]) if name in texts else plain[name] for name in schema.names]
    return pa.table(columns, names=schema.names)


def _dictionary(texts: "pd.Series[Any]") -> Any:
    """Return a category column with the categories that are in use; what pandas has for it sorts all codes first."""
    codes, categories = texts.cat.codes.to_numpy().astype(np.int64), texts.cat.categories
    used = np.flatnonzero(np.bincount(codes + 1, minlength=1)[1:])
    place = np.full(len(categories) + 1, -1, dtype=np.int32)
    place[used] = np.arange(len(used))
    indices = pa.array(place[codes], type=_CODES, mask=codes < 0)
    return pa.DictionaryArray.from_arrays(indices, pa.array(categories.take(used), type=pa.string()))
