"""Turns a Parquet file into columns of the wanted fields, in bounded memory.

Format: https://parquet.apache.org/docs/file-format/
"""

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any, BinaryIO, Final

import numpy as np

from collectors.errors import UnreadableInput, one_line
from collectors.formats.columns import Array, Bad, Columns, Field, Kind, Numbers, Texts
from collectors.formats.period import Period
from collectors.formats.times import of_number
from collectors.formats.values import read_text, read_value

MAGIC: Final = b"PAR1"
"""The first bytes of every Parquet file."""
_ROWS: Final = 1 << 16
_NANOSECONDS: Final = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
_UNITS: Final = {"milliseconds": 10**6, "microseconds": 10**3, "nanoseconds": 1}
"""What a file calls the units of its times, in ns."""
_WHOLE_NUMBERS: Final = ("INT32", "INT64")


def read_parquet(
    stream: BinaryIO,
    fields: Sequence[Field],
    check: Callable[[Sequence[str]], None] = lambda _: None,
    times: Sequence[Field] = (),
    period: Period | None = None,
) -> Iterator[Columns]:
    """Yield the wanted fields of all rows, a stretch at a time; rows are numbered from 1.

    A field is a column, or one of a struct by the path to it. One that there is no column for is missing, and so is
    a value that its kind (TEXT, NUMBER or TIME) cannot hold. Of a stream that cannot be read at any place the file is
    copied to a temporary one: its index is at its end. `check` is asked first, with the names of all columns, and may
    raise. `times` is where a row's time may be: row groups whose times are all outside of the period are not read, but
    counted. Raises UnreadableInput for a file that is cut or damaged.
    """
    import pyarrow as pa  # noqa: PLC0415  # takes a third of a second
    import pyarrow.parquet as pq  # noqa: PLC0415  # the same

    with _at_any_place(stream) as file:
        try:
            table = pq.ParquetFile(file)
            names = table.schema_arrow.names
            check(names)
            wanted = sorted({field.path[0] for field in fields} & set(names))
            start = 1
            for outside, groups in _runs(table.metadata, times, period):
                if outside:
                    count = sum(table.metadata.row_group(group).num_rows for group in groups)
                    yield _unread(fields, count)
                    start += count
                    continue
                for batch in table.iter_batches(_ROWS, row_groups=groups, columns=wanted):
                    yield _columns(batch, fields, start)
                    start += len(batch)
        except (pa.ArrowException, OSError) as fault:
            text = one_line(ascii(str(fault)))
            raise UnreadableInput(f"it is no whole Parquet file: copy it again, from its source ({text})") from fault


@contextmanager
def _at_any_place(stream: BinaryIO) -> Iterator[Any]:
    """Return a stream as a file that can be read at any place."""
    if stream.seekable():
        yield stream
        return
    with tempfile.TemporaryFile() as file:
        shutil.copyfileobj(stream, file)
        yield file


def _runs(metadata: Any, times: Sequence[Field], period: Period | None) -> Iterator[tuple[bool, list[int]]]:
    """Yield the row groups that follow each other and are all outside, or not known to be."""
    groups = range(metadata.num_row_groups)
    if period is None:
        yield False, list(groups)
        return
    paths = {".".join(field.path) for field in times}
    places = [place for place in range(metadata.num_columns) if metadata.schema.column(place).path in paths]

    def is_outside(group: int) -> bool:
        # Which of several columns has a row's time is known only to who reads it.
        bounds = _bounds(metadata.row_group(group).column(places[0]).statistics) if len(places) == 1 else None
        return bounds is not None and period.misses(*bounds)

    for outside, run in groupby(groups, is_outside):
        yield outside, list(run)


def _bounds(statistics: Any) -> tuple[int, int] | None:
    """Return the earliest and the latest time of a column's stretch in ns; None where they are not known."""
    if statistics is None or not statistics.has_min_max or not statistics.has_null_count or statistics.null_count:
        return None
    if statistics.physical_type not in _WHOLE_NUMBERS:
        return None
    low, high = statistics.min_raw, statistics.max_raw
    logical = json.loads(statistics.logical_type.to_json())
    if logical["Type"] == "Timestamp":
        scale = _UNITS[logical["timeUnit"]]
        return low * scale, high * scale
    if logical["Type"] not in {"None", "Int"} or low <= 0 or high <= 0:
        return None
    first, last = of_number(str(low)), of_number(str(high))
    # A number's size tells its unit: from one to another of the same unit, times grow with the numbers.
    return (first, last) if first is not None and last is not None and first // low == last // high else None


def _unread(fields: Sequence[Field], count: int) -> Columns:
    made = {field: _column(None, field.kind, 0) for field in fields}
    nothing = np.array([], dtype=np.int64)
    return Columns(nothing, made, Bad(nothing, ()), count)


def _columns(batch: Any, fields: Sequence[Field], start: int) -> Columns:
    made = {field: _column(_array(batch, field.path), field.kind, len(batch)) for field in fields}
    nothing = Bad(np.array([], dtype=np.int64), ())
    return Columns(np.arange(start, start + len(batch)), made, nothing)


def _array(batch: Any, path: tuple[str, ...]) -> Any:
    """Return the Arrow array at a path, None where there is none that holds single values."""
    import pyarrow as pa  # noqa: PLC0415  # see above
    import pyarrow.compute as pc  # noqa: PLC0415  # see above

    if path[0] not in batch.schema.names:
        return None
    array = batch.column(path[0])
    for key in path[1:]:
        if not pa.types.is_struct(array.type) or array.type.get_field_index(key) < 0:
            return None
        array = pc.struct_field(array, key)
    return None if pa.types.is_nested(array.type) or pa.types.is_null(array.type) else array


def _column(array: Any, kind: Kind, count: int) -> Texts | Numbers:
    """Return an Arrow array as a column; what is no whole number or time is read once for each distinct value."""
    import pyarrow as pa  # noqa: PLC0415  # see above

    if array is None:
        return Texts.none(count) if kind is Kind.TEXT else Numbers.none(count)
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if kind is Kind.TIME and pa.types.is_timestamp(array.type):
        return _times(array)
    if kind is Kind.NUMBER and pa.types.is_integer(array.type) and array.type != pa.uint64():
        return Numbers(np.asarray(array.fill_null(0)).astype(np.int64), ~np.asarray(array.is_null()))
    encoded = array.dictionary_encode()
    codes = np.asarray(encoded.indices.fill_null(-1)).astype(np.int64)
    values = [_value(value, kind) for value in encoded.dictionary.to_pylist()]
    if kind is Kind.TEXT:
        return Texts(codes, tuple(map(str, range(len(values))))).map(lambda text: values[int(text)])
    return Numbers.of([*values, None]).take(codes)


def _times(array: Any) -> Numbers:
    import pyarrow as pa  # noqa: PLC0415  # see above

    scale = _NANOSECONDS[array.type.unit]
    known = ~np.asarray(array.is_null())
    values: Array = np.asarray(array.cast(pa.int64()).fill_null(0))
    known &= (values >= 0) & (values <= (1 << 62) // scale)
    return Numbers(np.where(known, values, 0) * scale, known)


def _value(value: Any, kind: Kind) -> Any:
    if isinstance(value, bytes):
        try:
            value = value.decode()
        except UnicodeDecodeError:
            return None
    if isinstance(value, float):
        return read_text(repr(value), kind)
    return read_text(value, kind) if isinstance(value, str) else read_value(value, kind)
