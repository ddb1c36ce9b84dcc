"""Turns records of Azure's flow logs, each with many tuples nested by rule, into one line of values for each tuple."""

from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, Final

from collectors.formats.documents import json_documents
from collectors.formats.json_lines import json_object
from collectors.formats.lines import blocks
from collectors.formats.pieces import stream_of

GROUP, NETWORK = "group", "network"
"""Layouts: logs of network security groups, logs of virtual networks."""
COLUMNS: Final = (
    "layout", "reporter", "whole", "time", "src", "dst", "src_port", "dst_port", "protocol", "direction", "word",
    "more", "packets", "bytes", "reply_packets", "reply_bytes",
)  # fmt: skip
"""What a line has: a tuple's own values from `time` on, of which version 1 ends with `word`.

`whole` is 1 at the end of a connection whose beginning was the record before. `word` and `more` are what was decided
and the state (groups), or the state and the encryption (networks).
"""
OPTIONAL: Final = 5
"""Values that a tuple of version 1 has not."""
MAXIMUM: Final = 1 << 18
"""Connections that are remembered at once; the one that began longest ago is forgotten first."""
_LONGEST: Final = 256
"""Characters of a name that tell interfaces apart: every line has it."""
_WORD, _MORE = 7, 8
_BAD: Final = "-"
_WITHOUT: Final = "without" + "," * (len(COLUMNS) - 1)
"""The lines of a record that is no JSON object, and of one without tuples."""


def tuple_lines(stream: BinaryIO) -> BinaryIO:
    """Return a stream with a line for each tuple, for each record without tuples, and for each that is no record.

    Read are whole files (an object around `records`), arrays, and lines of records; one record is in memory at a time.
    """
    return stream_of(_lines(stream))


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    begun = _Begun(MAXIMUM)
    for block in blocks(json_documents(stream, ("records",))):
        for line in block:
            document = line.fault or json_object(line.content)
            found = [_BAD] if isinstance(document, str) else list(_of_record(document, begun)) or [_WITHOUT]
            yield "".join(f"{one}\n" for one in found).encode("utf-8", "replace")
        yield b""


def _of_record(record: dict[str, Any], begun: "_Begun") -> Iterator[str]:
    for layout, seen_by, tuples in _tuples(record):
        reporter = _one_value(part[:_LONGEST] for part in seen_by if isinstance(part, str))
        for one in tuples:
            if not isinstance(one, str):
                yield _BAD
                continue
            values = one.split(",")
            whole = begun.then((reporter, *values[1:6]), _state(layout, values))
            yield f"{layout},{reporter},{whole:d},{' '.join(one.split())}"


def _one_value(parts: Iterable[str]) -> str:
    return " ".join(" ".join(parts).replace(",", " ").split())


def _tuples(record: dict[str, Any]) -> Iterator[tuple[str, tuple[Any, ...], list[Any]]]:
    """Yield the layout, who saw them and the tuples of each rule of a record.

    An interface that two lists of rules judge has each tuple twice, once for each list.
    """
    seen_by = record.get("targetResourceID"), record.get("macAddress")
    for rules in _objects(record.get("flowRecords"), "flows"):
        for rule in _objects(rules, "flowGroups"):
            yield NETWORK, (*seen_by, rules.get("aclID")), _list(rule, "flowTuples")
    for rule in _objects(record.get("properties"), "flows"):
        for interface in _objects(rule, "flows"):
            yield GROUP, (record.get("resourceId"), interface.get("mac")), _list(interface, "flowTuples")


def _objects(around: Any, key: str) -> list[dict[str, Any]]:
    return [one for one in _list(around, key) if isinstance(one, dict)]


def _list(around: Any, key: str) -> list[Any]:
    found = around.get(key) if isinstance(around, dict) else None
    return found if isinstance(found, list) else []


def _state(layout: str, values: list[str]) -> str:
    at = _WORD if layout == NETWORK else _MORE
    return values[at] if len(values) > at else ""


class _Begun:
    """Connections whose only record so far is that they began."""

    def __init__(self, maximum: int) -> None:
        self._ends: dict[tuple[str, ...], None] = {}
        self._maximum = maximum

    def then(self, ends: tuple[str, ...], state: str) -> bool:
        """Take a record; return whether it ends a connection whose beginning was the record before."""
        began = ends in self._ends
        self._ends.pop(ends, None)
        if state == "B":
            self._ends[ends] = None
            if len(self._ends) > self._maximum:
                del self._ends[next(iter(self._ends))]
        return began and state == "E"
