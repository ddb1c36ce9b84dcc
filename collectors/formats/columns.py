"""Turns the fields of many records into columns: texts by number, whole numbers and times with what is missing."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar, cast

import numpy as np

Array = np.ndarray[Any, Any]
T = TypeVar("T")


class Kind(Enum):
    """What a field is read as.

    TEXT: strings as they are, numbers and booleans as they are written. RAW: the JSON text of a value, of whatever
    type. NUMBER: whole numbers, also in quotes; a fraction is cut off. TIME: RFC 3339 (any fraction, any offset), or
    a number since 1970 whose unit its size tells (s, ms, us, ns). PRESENT: whether there is a value other than null.
    Null, absent, and (TEXT, NUMBER, TIME) "" and "-" are missing.
    """

    TEXT = "text"
    RAW = "raw"
    NUMBER = "number"
    TIME = "time"
    PRESENT = "present"


@dataclass(frozen=True)
class Field:
    """One field of a record: a column's name, or a path of keys as a tuple where keys may hold dots."""

    path: tuple[str, ...]
    kind: Kind = Kind.TEXT

    @staticmethod
    def of(path: str, kind: Kind = Kind.TEXT) -> "Field":
        """Return the field of a dotted path: "flow.IP.source" is the keys flow, IP, source."""
        return Field(tuple(path.split(".")), kind)


@dataclass(frozen=True, eq=False)
class Texts:
    """One text for each record, as the number of a distinct value; -1 where it is missing."""

    codes: Array
    values: tuple[str, ...]

    @staticmethod
    def of(texts: Iterable[str | None]) -> "Texts":
        """Return the column of these texts."""
        places: dict[str | None, int] = {None: -1}
        codes = [places.setdefault(text, len(places) - 1) for text in texts]
        return Texts(np.array(codes, dtype=np.int64), tuple(text for text in places if text is not None))

    @staticmethod
    def numbered(codes: Array, texts: Sequence[str | None]) -> "Texts":
        """Return the column of texts by their place in a list, in which some may be None or there twice."""
        distinct = dict.fromkeys(texts)
        if len(distinct) == len(texts) and None not in distinct:
            return Texts(codes, cast("tuple[str, ...]", tuple(texts)))
        made = Texts.of(texts)
        return Texts(np.append(made.codes, -1)[codes], made.values)

    @staticmethod
    def all(text: str, count: int) -> "Texts":
        """Return a column of one text."""
        return Texts(np.zeros(count, dtype=np.int64), (text,))

    @staticmethod
    def none(count: int) -> "Texts":
        """Return a column in which everything is missing."""
        return Texts(np.full(count, -1, dtype=np.int64), ())

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def known(self) -> Array:
        """Where there is a text."""
        return self.codes >= 0

    def map(self, meaning: Callable[[str], str | None]) -> "Texts":
        """Return what a function makes of each distinct text; None is missing."""
        return Texts.numbered(self.codes, [meaning(value) for value in self.values])

    def look_up(self, table: Mapping[str, T], default: T) -> Array:
        """Return each text's value in a table, as an array."""
        return self.each(lambda text: table.get(text, default), default)

    def each(self, meaning: Callable[[str], T], missing: T) -> Array:
        """Return what a function says of each distinct text, as an array."""
        return np.array([*map(meaning, self.values), missing])[self.codes]

    def isin(self, texts: Iterable[str]) -> Array:
        """Return where the text is one of these."""
        wanted = frozenset(texts)
        return self.each(wanted.__contains__, missing=False)

    def but(self, where: Array, other: "Texts") -> "Texts":
        """Return the texts of `other` where the mask holds, these elsewhere."""
        places = {value: at for at, value in enumerate(self.values)}
        moved = [places.setdefault(value, len(places)) for value in other.values]
        codes = np.where(where, np.array([*moved, -1], dtype=np.int64)[other.codes], self.codes)
        return Texts(codes, tuple(places))

    @staticmethod
    def joined(*columns: "Texts") -> "Texts":
        """Return several columns as one: records have the same text where they have the same in all."""
        number = np.zeros(len(columns[0]), dtype=np.int64)
        for column in columns:
            number = number * (len(column.values) + 1) + column.codes + 1
            number = np.unique(number, return_inverse=True)[1]
        _, firsts = np.unique(number, return_index=True)
        return Texts.of("/".join(column.at(row) or "" for column in columns) for row in firsts.tolist()).take(number)

    def take(self, rows: Array) -> "Texts":
        """Return the column at these rows (positions or a mask)."""
        return Texts(self.codes[rows], self.values)

    def at(self, row: int) -> str | None:
        """Return one record's text."""
        code = int(self.codes[row])
        return None if code < 0 else self.values[code]


@dataclass(frozen=True, eq=False)
class Numbers:
    """One whole number for each record (times: nanoseconds since 1970, UTC); `values` is 0 where it is missing."""

    values: Array
    known: Array

    @staticmethod
    def of(numbers: Sequence[int | None]) -> "Numbers":
        """Return the column of these numbers."""
        known = np.array([number is not None for number in numbers], dtype=bool)
        return Numbers(np.array([number or 0 for number in numbers], dtype=np.int64), known)

    @staticmethod
    def all(number: int, count: int) -> "Numbers":
        """Return a column of one number."""
        return Numbers(np.full(count, number, dtype=np.int64), np.ones(count, dtype=bool))

    @staticmethod
    def none(count: int) -> "Numbers":
        """Return a column in which everything is missing."""
        return Numbers(np.zeros(count, dtype=np.int64), np.zeros(count, dtype=bool))

    def __len__(self) -> int:
        return len(self.values)

    def or_else(self, other: "Numbers") -> "Numbers":
        """Return these where known, the others elsewhere."""
        return self.but(~self.known, other)

    def but(self, where: Array, other: "Numbers") -> "Numbers":
        """Return the numbers of `other` where the mask holds, these elsewhere."""
        return Numbers(np.where(where, other.values, self.values), np.where(where, other.known, self.known))

    def where(self, mask: Array) -> "Numbers":
        """Return these where the mask holds, missing elsewhere."""
        return Numbers(np.where(mask, self.values, 0), self.known & mask)

    def take(self, rows: Array) -> "Numbers":
        """Return the column at these rows (positions or a mask)."""
        return Numbers(self.values[rows], self.known[rows])


@dataclass(frozen=True, eq=False)
class Bad:
    """Records that could not be read: their numbers in the stream from 1, and what is wrong with each."""

    numbers: Array
    reasons: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Columns:
    """The wanted fields of some records of a stream, in order; `bad` are among the same stretch, in no column."""

    number: Array
    """Each record's place in the stream, from 1: its line where a record is a line."""
    fields: Mapping[Field, Texts | Numbers | Array]
    bad: Bad
    outside: int = 0
    """Records of the same stretch, in no column, that were not read: all of them are outside of the period wanted."""

    @staticmethod
    def of(
        fields: Sequence[Field],
        numbers: Sequence[int],
        records: Sequence[Sequence[Any]],
        bad: Sequence[tuple[int, str]] = (),
    ) -> "Columns":
        """Return the columns of records: for each its number, and what `values` reads of each of the fields."""
        listed = list(zip(*records, strict=True)) if records else [()] * len(fields)
        columns = {field: _column(field.kind, values) for field, values in zip(fields, listed, strict=True)}
        wrong = Bad(np.array([number for number, _ in bad], dtype=np.int64), tuple(reason for _, reason in bad))
        return Columns(np.array(numbers, dtype=np.int64), columns, wrong)

    def merged(self, other: "Columns") -> "Columns":
        """Return the records of both, which have the same fields, by number; `values` of texts are those that occur."""
        number = np.append(self.number, other.number)
        order = np.argsort(number, kind="stable")
        fields = {field: _joined(column, other.fields[field], order) for field, column in self.fields.items()}
        bad = np.append(self.bad.numbers, other.bad.numbers)
        worst = np.argsort(bad, kind="stable")
        reasons = self.bad.reasons + other.bad.reasons
        return Columns(number[order], fields, Bad(bad[worst], tuple(reasons[at] for at in worst)))

    def __len__(self) -> int:
        return len(self.number)

    def texts(self, field: Field) -> Texts:
        """Return a TEXT or RAW field."""
        return cast("Texts", self.fields[field])

    def numbers(self, field: Field) -> Numbers:
        """Return a NUMBER or TIME field."""
        return cast("Numbers", self.fields[field])

    def present(self, field: Field) -> Array:
        """Return where a PRESENT field is there."""
        return cast("Array", self.fields[field])


def _column(kind: Kind, values: Sequence[Any]) -> Texts | Numbers | Array:
    if kind in {Kind.TEXT, Kind.RAW}:
        return Texts.of(values)
    return np.array(values, dtype=bool) if kind is Kind.PRESENT else Numbers.of(values)


def _joined(first: Texts | Numbers | Array, second: Texts | Numbers | Array, order: Array) -> Texts | Numbers | Array:
    if isinstance(first, Texts) and isinstance(second, Texts):
        places = {value: at for at, value in enumerate(first.values)}
        moved = [places.setdefault(value, len(places)) for value in second.values]
        codes = np.append(first.codes, np.array([*moved, -1], dtype=np.int64)[second.codes])[order]
        listed = [*places, None]
        return Texts.of(map(listed.__getitem__, codes.tolist()))
    if isinstance(first, Numbers) and isinstance(second, Numbers):
        return Numbers(np.append(first.values, second.values)[order], np.append(first.known, second.known)[order])
    return np.append(cast("Array", first), cast("Array", second))[order]
