"""Turns any log of connections into batches: CSV, JSON or Parquet whose columns a user's Mapping names.

docs/formats/generic.md says how such a mapping is written. What the log does not say in a mapped column is not known.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import BinaryIO, Final

import numpy as np

from collectors.errors import UnreadableInput
from collectors.formats.batch import Batch, Claim, Records, batch_of, records_of
from collectors.formats.columns import Array, Columns, Field, Kind, Numbers, Texts
from collectors.formats.documents import json_documents
from collectors.formats.evidence import ACK, FIN, PSH, RST, SYN, Seen, evidence, flags_of, of_sum_flags
from collectors.formats.heads import peek
from collectors.formats.json_lines import read_json
from collectors.formats.mapping import REQUIRED, Mapping
from collectors.formats.parquet import MAGIC, read_parquet
from collectors.formats.period import Period
from collectors.formats.separated import Dialect, read_separated
from collectors.formats.sniffing import lines

NAME: Final = "generic"

_NUMBERS: Final = ("service_port", "connections", "packets", "bytes", "reply_packets", "reply_bytes")
_TEXTS: Final = ("service_ip", "src_namespace", "src_pod", "dst_namespace", "dst_pod", "reporter")
_KINDS: Final = {
    **dict.fromkeys(("time", "last"), Kind.TIME),
    **dict.fromkeys(("src_port", "dst_port", *_NUMBERS), Kind.NUMBER),
}
"""Kinds of the fields that are no texts."""
_SEPARATORS: Final = ",\t;| "
_CHECKED: Final = (*REQUIRED, "verdict")
"""Fields whose column must be in some record: without the last one, denied traffic would pass for allowed."""
_VERDICTS: Final = {
    "established": Seen.WORKED, "half_open": Seen.HALF_OPEN, "unanswered": Seen.UNANSWERED, "refused": Seen.REFUSED,
    "allowed": Seen.ALLOWED, "denied": Seen.DENIED, "audited": Seen.AUDITED, "unknown": Seen(0),
}  # fmt: skip
_FLAGS: Final = {"F": FIN, "S": SYN, "R": RST, "P": PSH, "A": ACK}
_OTHER_FLAGS: Final = frozenset("UECWN. -")
"""Letters of flags that say nothing here, and what is written for a flag that is not set."""


class Mapped:
    """The format of one user's logs: as a format's module."""

    NAME = NAME

    def __init__(self, mapping: Mapping) -> None:
        self._mapping = mapping

    def sniff(self, head: bytes) -> bool:
        """Return no: what a column means is only known to who names it."""
        return sniff(head)

    def read(self, stream: BinaryIO) -> Iterator[Batch]:
        """Yield all records; see `read`."""
        return read(stream, self._mapping)

    def read_within(self, stream: BinaryIO, period: Period | None) -> Iterator[Batch]:
        """Yield all records; those of Parquet outside of a period may be counted only."""
        return read(stream, self._mapping, period)


def sniff(_head: bytes) -> bool:
    """Return no: what a column means is only known to who names it."""
    return False


def read(stream: BinaryIO, mapping: Mapping | None = None, period: Period | None = None) -> Iterator[Batch]:
    """Yield all records of CSV, of JSON in any layout, or of Parquet, as the first bytes tell.

    Those of Parquet outside of a period may be counted only. Raises UnreadableInput without a mapping, and for a file
    that has no column or field of a name in it.
    """
    if mapping is None:
        text = "the generic format needs a mapping: say with --columns which column is what, such as src=SourceAddress"
        raise UnreadableInput(text)
    head, stream = peek(stream)
    if not head.strip():
        return
    log = _Log(mapping, nested=head.startswith(MAGIC) or _is_json(head))
    for columns in _stretches(head, stream, log, period):
        yield _batch(log, columns)


def _is_json(head: bytes) -> bool:
    return head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith((b"{", b"["))


class _Log:
    """Records by the fields of a mapping; with `nested`, a dot in a name may lead to a field of a record's field."""

    def __init__(self, mapping: Mapping, *, nested: bool) -> None:
        self.mapping = mapping
        self.columns = dict(mapping.columns)
        self._nested = nested

    def fields(self) -> list[Field]:
        """Return where every field that is mapped may be."""
        return [field for name in self.columns for field in self.places(name)]

    def text(self, columns: Columns, name: str) -> Texts:
        """Return a text field; missing everywhere where it is not mapped."""
        found = Texts.none(len(columns))
        for place in self.places(name):
            found = found.but(~found.known, columns.texts(place))
        return found

    def number(self, columns: Columns, name: str) -> Numbers:
        """Return a number or time; missing everywhere where it is not mapped."""
        found = Numbers.none(len(columns))
        for place in self.places(name):
            found = found.or_else(columns.numbers(place))
        return found

    def lacking(self, names: Sequence[str]) -> str | None:
        """Return the first column of the mapping that is not among those of a log."""
        places = {column: {field.path[0] for field in self.places(name)} for name, column in self.columns.items()}
        return next((column for column, heads in places.items() if heads.isdisjoint(names)), None)

    def places(self, name: str) -> list[Field]:
        """Return where a field may be: a column, or keys with dots between them."""
        if name not in self.columns:
            return []
        column, kind = self.columns[name], _KINDS.get(name, Kind.TEXT)
        return [Field((column,), kind), *([Field.of(column, kind)] if self._nested and "." in column else [])]


def _stretches(head: bytes, stream: BinaryIO, log: _Log, period: Period | None) -> Iterator[Columns]:
    if head.startswith(MAGIC):
        yield from read_parquet(stream, log.fields(), lambda names: _check(log, names), log.places("time"), period)
    elif _is_json(head):
        keys = [log.mapping.records] if log.mapping.records else []
        first = True
        for columns in read_json(json_documents(stream, keys), log.fields()):
            if first and len(columns):
                _check_json(log, columns)
                first = False
            yield columns
    else:
        yield from read_separated(stream, log.fields(), _dialect(head, log))


def _check(log: _Log, names: Sequence[str]) -> None:
    lacking = log.lacking(names)
    if lacking is not None:
        listed = ", ".join(ascii(name[:40]).strip("'") for name in names[:40])
        raise UnreadableInput(
            f"The log has no column {lacking[:80]!a}, which the mapping names: its columns are {listed or 'none'}."
        )


def _check_json(log: _Log, columns: Columns) -> None:
    """Refuse a mapping by which no record of the first stretch can be read."""
    for name in _CHECKED:
        found = log.number(columns, name) if name in _KINDS else log.text(columns, name)
        if name in log.columns and not found.known.any():
            raise UnreadableInput(
                f"None of the first {len(columns)} records has a field {log.columns[name][:80]!a} that holds "
                f"what {name} is: correct the mapping."
            )


def _dialect(head: bytes, log: _Log) -> Dialect:
    """Return how the lines are written: with a header, or, where columns are numbers, without."""
    first = next(iter(lines(head, 1)), "")
    likely = [log.mapping.separator] if log.mapping.separator else list(_SEPARATORS)
    rows = [_values(first, separator) for separator in likely]
    if all(column.isdecimal() for column in log.columns.values()):
        separator, row = max(zip(likely, rows, strict=True), key=lambda pair: len(pair[1]))
        names = [str(number) for number in range(1, len(row) + 1)]
        _check(log, names)
        return Dialect(separator, tuple(names), quoted=True)
    separator, names = max(zip(likely, rows, strict=True), key=lambda pair: len({*pair[1]} & {*log.columns.values()}))
    _check(log, names)
    return Dialect(
        separator,
        tuple(names),
        heads=frozenset(names[:1]),
        header=lambda line: _values(line, separator),
        quoted=True,
    )


def _values(line: str, separator: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=separator), [])
    except csv.Error:
        return []


def _batch(log: _Log, columns: Columns) -> Batch:
    verdict, meanings = log.text(columns, "verdict"), dict(log.mapping.verdicts)
    outcome = verdict.map(lambda word: meanings.get(word.lower()))
    mapped = "verdict" in log.columns
    others: dict[str, Texts | Numbers] = {
        **{name: log.text(columns, name) for name in _TEXTS},
        **{name: log.number(columns, name) for name in _NUMBERS},
    }
    records = records_of(
        columns,
        first=log.number(columns, "time"),
        last=log.number(columns, "last").or_else(log.number(columns, "time")),
        protocol=log.text(columns, "protocol"),
        src=log.text(columns, "src"),
        dst=log.text(columns, "dst"),
        src_port=log.number(columns, "src_port"),
        dst_port=log.number(columns, "dst_port"),
        evidence=_evidence(log, columns, outcome),
        sampled=1 / log.mapping.one_of,
        **others,
    )
    # of a verdict that nobody knows, or that is not there, it may be that the traffic was denied
    left_out = {"other_record": verdict.known & ~outcome.known, "incomplete": ~verdict.known & mapped}
    batch = batch_of(columns, records, left_out)
    claims = (claim for end in ("src", "dst") for claim in _claims(batch.records, end))
    return replace(batch, claims=tuple(claims))


def _evidence(log: _Log, columns: Columns, outcome: Texts) -> Array:
    flags, known = flags_of(log.text(columns, "tcp_flags"), _flags)
    began, answer = log.mapping.source_began, log.number(columns, "reply_packets")
    bits = of_sum_flags(flags, known, log.number(columns, "packets"))
    bits |= outcome.look_up(_VERDICTS, Seen(0))
    # of a connection whose answers are not counted nothing can be concluded from silence
    return bits | evidence(len(bits), (Seen.BEGAN, began), (Seen.CARRIED, began & ~answer.known & ~known))


def _flags(text: str) -> int | None:
    """Return TCP flags that are written as a number, or as their first letters."""
    if text.isascii() and text.isdigit():
        return int(text[:4])
    if text[:2].lower() == "0x":
        try:
            return int(text[:6], 16)
        except ValueError:
            return None
    letters = {*text.upper()} - _OTHER_FLAGS
    return sum(_FLAGS[letter] for letter in letters) if letters <= _FLAGS.keys() else None


def _claims(records: Records, end: str) -> Iterator[Claim]:
    """Yield which pod is claimed at each address, as of the first record of the batch that says so."""
    address, namespace, pod = (getattr(records, name) for name in (end, f"{end}_namespace", f"{end}_pod"))
    rows = np.flatnonzero(address.known & namespace.known & pod.known)
    place = (namespace.codes * (len(pod.values) + 1) + pod.codes) * (len(address.values) + 1) + address.codes
    for row in rows[np.unique(place[rows], return_index=True)[1]].tolist():
        what = [str(texts.at(row)) for texts in (address, namespace, pod)]
        yield Claim(int(records.first.values[row]), what[0], what[1], what[2])
