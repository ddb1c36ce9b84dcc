"""Turns lines of JSON into columns of the wanted fields, in bounded memory."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import numpy as np

from collectors.formats.columns import Array, Bad, Columns, Field, Kind, Numbers, Texts
from collectors.formats.lines import Line, blocks
from collectors.formats.values import Written, read_value


def read_json(stream: BinaryIO, fields: Sequence[Field]) -> Iterator[Columns]:
    """Yield the wanted fields of lines that are JSON objects (RFC 8259), a stretch of lines at a time.

    Blank lines are no records. Lines that are no object, cut or too long are `bad`. Of a key that comes twice the
    last one counts. A value that its field's kind cannot hold is missing.
    """
    for lines in blocks(stream):
        yield columns_of(lines, fields)


def columns_of(lines: Sequence[Line], fields: Sequence[Field]) -> Columns:
    """Return the wanted fields of some lines."""
    numbers: list[int] = []
    found: list[list[Any]] = []
    bad: list[tuple[int, str]] = []
    for line in lines:
        document = line.fault or json_object(line.content)
        if isinstance(document, str):
            bad.append((line.number, document))
            continue
        numbers.append(line.number)
        found.append([read_value(_at(document, field.path), field.kind) for field in fields])
    listed = list(zip(*found, strict=True)) if found else [()] * len(fields)
    columns = {field: _column(field.kind, values) for field, values in zip(fields, listed, strict=True)}
    wrong = Bad(np.array([number for number, _ in bad], dtype=np.int64), tuple(reason for _, reason in bad))
    return Columns(np.array(numbers, dtype=np.int64), columns, wrong)


def json_object(text: bytes | str) -> dict[str, Any] | str:
    """Return the JSON object that a text is, fractions as `Written`, or what is wrong with it."""
    try:
        document = json.loads(text, parse_float=Written, parse_constant=_refuse)
    except RecursionError:
        return "nested too deeply"
    except UnicodeDecodeError:
        return "not UTF-8"
    except ValueError as fault:
        return f"no JSON: {str(fault)[:80]}"
    return document if isinstance(document, dict) else "no JSON object"


def _refuse(text: str) -> None:
    raise ValueError(f"{text} is no number")


def _at(document: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        if not isinstance(document, dict):
            return None
        document = document.get(key)
    return document


def _column(kind: Kind, values: Sequence[Any]) -> Texts | Numbers | Array:
    if kind in {Kind.TEXT, Kind.RAW}:
        return Texts.of(values)
    return np.array(values, dtype=bool) if kind is Kind.PRESENT else Numbers.of(values)
