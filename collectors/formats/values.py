"""Turns one value of a record, as JSON or a text column holds it, into text, whole number or time."""

import json
import re
from decimal import Decimal
from typing import Any

from collectors.formats.columns import Kind
from collectors.formats.times import of_number, time_of

MISSING = frozenset({"", "-"})
"""Texts that logs write for nothing."""
_NUMBER = re.compile(r"-?\d{1,19}(?:\.\d{1,30})?", re.ASCII).fullmatch
_LIMIT = 1 << 63
_SHORTEST = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


class Written(str):
    """A fraction as it stands in the text: a float would lose nanoseconds."""

    __slots__ = ()


def json_value(text: str) -> Any:
    """Return what JSON (RFC 8259) says, fractions as `Written`; of a key that comes twice, the last.

    Raises ValueError for what is no JSON, RecursionError for what is nested too deeply.
    """
    return _DECODER.decode(text)


def read_value(value: Any, kind: Kind) -> Any:
    """Return a value of `json_value` as its kind is kept: str, int or bool; None where it is missing or no such thing.

    Half a surrogate pair, which no UTF-8 can hold, is U+FFFD.
    """
    if kind is Kind.PRESENT:
        return value is not None
    if value is None:
        return None
    if kind is Kind.RAW:
        return _whole(_raw(value))
    if isinstance(value, bool):
        return str(value).lower() if kind is Kind.TEXT else None
    if isinstance(value, int):
        return str(value) if kind is Kind.TEXT else _number(value) if kind is Kind.NUMBER else of_number(str(value))
    return read_text(_whole(value), kind) if isinstance(value, str) else None


def read_text(text: str, kind: Kind) -> Any:
    """Return what a text says, as its kind is kept; None where it says nothing of the kind."""
    if kind is Kind.PRESENT:
        return text not in MISSING
    if text in MISSING:
        return None
    if kind is Kind.NUMBER:
        return _number(int(Decimal(text))) if _NUMBER(text) else None
    return time_of(text) if kind is Kind.TIME else text


def _refuse(text: str) -> None:
    raise ValueError(f"{text} is no number")


_DECODER = json.JSONDecoder(parse_float=Written, parse_constant=_refuse)


def _raw(value: Any) -> str:
    """Return the shortest JSON text of a value, its keys in their order, its fractions as they were written."""
    if _has_no_fraction(value):
        return _SHORTEST.encode(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{_raw(key)}:{_raw(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_raw, value)) + "]"
    return str(value)


def _has_no_fraction(value: Any) -> bool:
    kind = type(value)
    if kind is dict:
        return all(map(_has_no_fraction, value.values()))
    return all(map(_has_no_fraction, value)) if kind is list else kind is not Written


def _whole(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _number(number: int) -> int | None:
    return number if -_LIMIT <= number < _LIMIT else None
