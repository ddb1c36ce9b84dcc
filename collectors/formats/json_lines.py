"""Turns lines of JSON into columns of the wanted fields, in bounded memory."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, BinaryIO

from collectors.formats.columns import Columns, Field, Kind
from collectors.formats.lines import Line, Stretch, lines_of, stretches
from collectors.formats.scan_json import scan_json
from collectors.formats.scan_layout import (
    CHILD,
    GROW,
    KEY,
    KEY_PLACE,
    KEY_SIZE,
    NODE_FIELD,
    NODE_WORDS,
    SIBLING,
)
from collectors.formats.scan_tables import Tables
from collectors.formats.scan_text import is_compiled
from collectors.formats.values import json_value, read_value
from collectors.memory import words

Scan = Callable[..., int]
"""`scan_json`, or what stands in for it."""


def read_json(stream: BinaryIO, fields: Sequence[Field]) -> Iterator[Columns]:
    """Yield the wanted fields of lines that are JSON objects (RFC 8259), a stretch of lines at a time.

    Blank lines are no records. Lines that are no object, cut or too long are `bad`. Of a key that comes twice the
    last one counts. A value that its field's kind cannot hold is missing.
    """
    return read_with(scan_json if is_compiled() else None, stream, fields)


def read_with(scan: Scan | None, stream: BinaryIO, fields: Sequence[Field]) -> Iterator[Columns]:
    """Do what `read_json` does, by a scanner that leaves to Python what it does not see at once, or by Python alone."""
    scanner = scan and _Scanner(scan, fields)
    for stretch in stretches(stream):
        columns = scanner.columns_of(stretch) if scanner and stretch.lines else columns_of(lines_of(stretch), fields)
        if len(columns) or columns.bad.reasons:
            yield columns


class _Scanner:
    """Reads blocks of lines by the compiled scanner, with the wanted paths as a tree of their keys."""

    def __init__(self, scan: Scan, fields: Sequence[Field]) -> None:
        self._scan = scan
        self._fields = fields
        self._tables = Tables(fields, _text_of)
        self._keys = bytearray()
        self._nodes = words(NODE_WORDS * (1 + sum(len(field.path) for field in fields)))
        nodes: dict[tuple[str, ...], int] = {(): 0}
        for at, field in enumerate(dict.fromkeys(fields)):
            for size in range(1, len(field.path) + 1):
                path = field.path[:size]
                if path not in nodes:
                    nodes[path] = len(nodes)
                    self._add(nodes[path[:-1]] * NODE_WORDS, nodes[path], path[-1].encode(errors="surrogatepass"))
            place = nodes[field.path] * NODE_WORDS + NODE_FIELD
            self._nodes[place] = self._tables.chain(at, self._nodes[place])
        self._keys += b"\0"

    def columns_of(self, stretch: Stretch) -> Columns:
        """Return the wanted fields of some lines."""
        tables = self._tables
        tables.begin(stretch)
        while self._go_on() == GROW:
            tables.grow()
        slow = list(tables.slow_lines())
        columns = tables.columns()
        return columns.merged(columns_of(slow, self._fields)) if slow else columns

    def _go_on(self) -> int:
        t = self._tables
        return self._scan(
            t.text, t.state, t.fields, self._nodes, self._keys, t.index, t.entries, t.arena, t.guesses, t.listing,
            t.out, t.known, t.slow,
        )  # fmt: skip

    def _add(self, parent: int, node: int, key: bytes) -> None:
        """Put a node last among the children of its parent."""
        link = parent + CHILD
        while self._nodes[link]:
            link = self._nodes[link] * NODE_WORDS + SIBLING
        self._nodes[link] = node
        first = node * NODE_WORDS
        self._nodes[first + KEY] = int.from_bytes(key[:8], "little")
        self._nodes[first + KEY_SIZE], self._nodes[first + KEY_PLACE] = len(key), len(self._keys)
        self._keys += key


def _text_of(content: bytes, kind: Kind) -> str | None:
    """Return what a value says that the scanner kept: a string without its quotes, or the JSON of anything else."""
    text = content.decode()
    if kind is Kind.RAW:
        return str(read_value(json_value(text), kind))
    if "\\" not in text:
        return text
    return read_value(json_value(f'"{text}"'), kind)  # type: ignore[no-any-return]  # TEXT: a str or None


def columns_of(lines: Sequence[Line], fields: Sequence[Field]) -> Columns:
    """Return the wanted fields of some lines."""
    numbers: list[int] = []
    found: list[list[Any]] = []
    bad: list[tuple[int, str]] = []
    for line in lines:
        values = line.fault or _values(line.content, fields)
        if isinstance(values, str):
            bad.append((line.number, values))
        else:
            numbers.append(line.number)
            found.append(values)
    return Columns.of(fields, numbers, found, bad)


def json_object(text: bytes | str) -> dict[str, Any] | str:
    """Return the JSON object that a text is, or what is wrong with it."""
    try:
        document = json_value(text if isinstance(text, str) else text.decode())
    except RecursionError:
        return "nested too deeply"
    except UnicodeDecodeError:
        return "not UTF-8"
    except ValueError as fault:
        return f"no JSON: {str(fault)[:80]}"
    return document if isinstance(document, dict) else "no JSON object"


def _values(text: bytes, fields: Sequence[Field]) -> list[Any] | str:
    document = json_object(text)
    if isinstance(document, str):
        return document
    try:
        return [read_value(_at(document, field.path), field.kind) for field in fields]
    except RecursionError:
        return "nested too deeply"


def _at(document: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        if not isinstance(document, dict):
            return None
        document = document.get(key)
    return document
