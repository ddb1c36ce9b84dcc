"""Turns lines of separated values into columns of the wanted fields, in bounded memory."""

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

from collectors.formats.columns import Array, Bad, Columns, Field, Kind, Numbers, Texts
from collectors.formats.lines import Line, blocks
from collectors.formats.values import read_text


class Stop(Exception):  # noqa: N818 - no fault: the records end here
    """Raised by a dialect's `header` where the records end before the file does (a trailer)."""


@dataclass(frozen=True)
class Dialect:
    """How lines are separated, and which of them are no records.

    A line whose first value is in `heads`, or begins with `comment`, is no record: `header` is asked what columns
    follow it (None: as before). `columns` are those before any such line. A record has as many values as there are
    columns; with `optional`, up to so many of the last may be missing. With `quoted`, values may stand in double
    quotes (RFC 4180).
    """

    separator: str
    columns: tuple[str, ...] = ()
    heads: frozenset[str] = frozenset()
    comment: str = ""
    header: Callable[[str], Sequence[str] | None] = lambda _: None
    optional: int = 0
    quoted: bool = False


def read_separated(stream: BinaryIO, fields: Sequence[Field], dialect: Dialect) -> Iterator[Columns]:
    """Yield the wanted fields of lines of separated values, a stretch of lines at a time.

    Blank lines and headers are no records. Lines with too few or too many values, too long, or not UTF-8 are `bad`.
    A field that no column is named after is missing in every record.
    """
    columns: Sequence[str] = dialect.columns
    for lines in blocks(stream):
        numbers: list[int] = []
        found: list[list[Any]] = []
        bad: list[tuple[int, str]] = []
        stopped = False
        for line in lines:
            try:
                text = line.content.decode()
            except UnicodeDecodeError:
                bad.append((line.number, "not UTF-8"))
                continue
            if line.fault:
                bad.append((line.number, line.fault))
                continue
            values = next(csv.reader([text], delimiter=dialect.separator)) if dialect.quoted else text.split(dialect.separator)
            if values[0] in dialect.heads or (dialect.comment and text.startswith(dialect.comment)):
                try:
                    columns = dialect.header(text) or columns
                except Stop:
                    stopped = True
                    break
                continue
            if not len(columns) - dialect.optional <= len(values) <= len(columns):
                bad.append((line.number, f"{len(values)} values, not {len(columns)}"))
                continue
            named = dict(zip(columns, values, strict=False))
            numbers.append(line.number)
            found.append([read_text(named.get(field.path[0], ""), field.kind) for field in fields])
        yield _columns(fields, numbers, found, bad)
        if stopped:
            return


def _columns(fields: Sequence[Field], numbers: list[int], found: list[list[Any]], bad: list[tuple[int, str]]) -> Columns:
    listed = list(zip(*found, strict=True)) if found else [()] * len(fields)
    made: dict[Field, Texts | Numbers | Array] = {}
    for field, values in zip(fields, listed, strict=True):
        made[field] = Texts.of(values) if field.kind in {Kind.TEXT, Kind.RAW} else Numbers.of(values)
    wrong = Bad(np.array([number for number, _ in bad], dtype=np.int64), tuple(reason for _, reason in bad))
    return Columns(np.array(numbers, dtype=np.int64), made, wrong)
