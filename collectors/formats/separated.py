"""Turns lines of separated values into columns of the wanted fields, in bounded memory."""

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from collectors.formats.columns import Columns, Field
from collectors.formats.lines import Line, Stretch, lines_of, stretches
from collectors.formats.scan_layout import DONE, GROW, LEAST, MOST, QUOTED, SEPARATOR
from collectors.formats.scan_separated import scan_separated
from collectors.formats.scan_tables import Tables
from collectors.formats.scan_text import is_compiled
from collectors.formats.values import read_text
from collectors.memory import numbers

Scan = Callable[..., int]
"""`scan_separated`, or what stands in for it."""


class Stop(Exception):
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
    A field that no column is named after is missing in every record. There is no JSON: RAW is TEXT, and PRESENT says
    whether there is a value other than "" and "-".
    """
    return read_with(scan_separated if is_compiled() else None, stream, fields, dialect)


def read_with(scan: Scan | None, stream: BinaryIO, fields: Sequence[Field], dialect: Dialect) -> Iterator[Columns]:
    """Do what `read_separated` does, by a scanner that leaves to Python what it does not see at once, or by Python."""
    table = _Table(fields, dialect)
    scanner = scan and dialect.separator.isascii() and _Scanner(scan, fields, dialect, table)
    for stretch in stretches(stream):
        if scanner and stretch.lines:
            columns = scanner.columns_of(stretch)
        else:
            table.read(lines_of(stretch))
            columns = table.taken()
        if len(columns) or columns.bad.reasons:
            yield columns
        if table.ended:
            return


class _Table:
    """Reads lines one after the other: `columns` are those that the last header gave."""

    def __init__(self, fields: Sequence[Field], dialect: Dialect) -> None:
        self._fields = fields
        self._dialect = dialect
        self.columns = tuple(dialect.columns)
        self.ended = False
        """Whether a header said that no record follows; what does is not read."""
        self._numbers: list[int] = []
        self._found: list[list[Any]] = []
        self._bad: list[tuple[int, str]] = []

    def read(self, lines: Iterable[Line]) -> None:
        """Read some more lines."""
        for line in lines:
            values = line.fault or self._values(line.content)
            if self.ended:
                return
            if isinstance(values, str):
                self._bad.append((line.number, values))
            elif values is not None:
                named = dict(zip(self.columns, values, strict=False))
                self._numbers.append(line.number)
                self._found.append([read_text(named.get(field.path[0], ""), field.kind) for field in self._fields])

    def taken(self) -> Columns:
        """Return the wanted fields of what was read since this was asked last."""
        columns = Columns.of(self._fields, self._numbers, self._found, self._bad)
        self._numbers, self._found, self._bad = [], [], []
        return columns

    def _values(self, content: bytes) -> list[str] | str | None:
        """Return the values of a record, what is wrong with it, or None for what is no record."""
        try:
            text = content.decode()
            noted = self._dialect.comment and text.startswith(self._dialect.comment)
            values = [] if noted else self._split(text)
        except UnicodeDecodeError:
            return "not UTF-8"
        except csv.Error as fault:
            return f"no CSV: {fault}"
        if noted or values[0] in self._dialect.heads:
            try:
                self.columns = tuple(self._dialect.header(text) or self.columns)
            except Stop:
                self.ended = True
            return None
        if not len(self.columns) - self._dialect.optional <= len(values) <= len(self.columns):
            return f"{len(values)} values, not {len(self.columns)}"
        return values

    def _split(self, text: str) -> list[str]:
        if self._dialect.quoted:
            return next(csv.reader([text], delimiter=self._dialect.separator, strict=True))
        return text.split(self._dialect.separator)


class _Scanner:
    """Reads blocks of lines by the compiled scanner, headers and what it leaves to Python in their order."""

    def __init__(self, scan: Scan, fields: Sequence[Field], dialect: Dialect, table: _Table) -> None:
        self._scan = scan
        self._fields = tuple(dict.fromkeys(fields))
        self._table = table
        self._optional = dialect.optional
        self._tables = Tables(fields, lambda content, _: content.decode())
        heads = [*(head + dialect.separator for head in dialect.heads), dialect.comment]
        heads += ['"'] if dialect.quoted and dialect.heads else []
        self._heads = bytearray(256)
        for head in filter(None, heads):
            self._heads[head.encode()[0]] = 1
        self._tables.state[SEPARATOR], self._tables.state[QUOTED] = ord(dialect.separator), dialect.quoted
        self._name(table.columns)

    def columns_of(self, stretch: Stretch) -> Columns:
        """Return the wanted fields of some lines."""
        tables = self._tables
        tables.begin(stretch)
        while (result := self._go_on()) != DONE:
            if result == GROW:
                tables.grow()
                continue
            tables.leave_line()
            self._table.read(tables.slow_lines())
            if self._table.ended:
                break
            if self._table.columns != self._columns:
                self._name(self._table.columns)
        self._table.read(tables.slow_lines())
        columns, others = tables.columns(), self._table.taken()
        return columns.merged(others) if len(others) or others.bad.reasons else columns

    def _go_on(self) -> int:
        t = self._tables
        return self._scan(
            t.text, t.state, t.fields, self._places, self._heads, t.index, t.entries, t.arena, t.listing, t.out,
            t.known, t.slow,
        )  # fmt: skip

    def _name(self, columns: tuple[str, ...]) -> None:
        """Put fields into columns by their names; of a name that comes twice Python knows which one counts."""
        self._columns = columns
        most = len(columns) if len(set(columns)) == len(columns) else 0
        self._places = numbers(most + 1)
        named = {name: place for place, name in enumerate(columns[:most])}
        for at, field in enumerate(self._fields):
            place = named.get(field.path[0])
            if place is not None:
                self._places[place] = self._tables.chain(at, self._places[place])
        self._tables.state[LEAST], self._tables.state[MOST] = max(0, most - self._optional), most
