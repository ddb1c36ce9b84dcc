"""Turns the log of the AWS network policy agent (VPC CNI) into batches: the node's file, and CloudWatch's text.

Format: https://github.com/aws/aws-network-policy-agent/blob/main/pkg/ebpf/events/events.go; docs/formats/
aws-network-policy-agent.md says how it is switched on. The agent writes of a packet that belongs to no connection that
it remembers, and only what the policies make of it: nothing says that anybody answered, or whose pods these are.
"""

import re
from collections.abc import Iterator, Mapping
from typing import BinaryIO, Final

import numpy as np

from collectors.formats.batch import Batch, Loss, batch_of, records_of
from collectors.formats.columns import Array, Columns, Field, Kind, Numbers, Texts
from collectors.formats.documents import json_documents
from collectors.formats.evidence import Seen, evidence
from collectors.formats.heads import peek
from collectors.formats.json_lines import read_json
from collectors.formats.ports import is_like_answer
from collectors.formats.separated import Dialect, read_separated
from collectors.formats.sniffing import lines, outline
from collectors.formats.values import read_text

NAME: Final = "aws-network-policy-agent"

_KEYS: Final = {
    "src": "Src IP", "src_port": "Src Port", "dst": "Dest IP", "dst_port": "Dest Port", "protocol": "Proto",
    "verdict": "Verdict",
}  # fmt: skip
"""Keys of versions before 1.2.2; later ones write all of it into the message, IPv6 with a colon behind every name."""
_PARTS: Final = (*_KEYS, "node", "time")
_NOTHING: Final = (None,) * len(_PARTS)
_SENTENCE: Final = re.compile(
    r"Flow Info:\s+" + r",? ".join(rf"{key}:? (?P<{name}>\S+)" for name, key in _KEYS.items())
).match
_EVENT: Final = re.compile(
    r"(?:(?P<time>\S+)\s(?:.*\s)?)?Node: (?P<node>[^;]*);SIP: (?P<src>[^;]*);SPORT: (?P<src_port>[^;]*);"
    r"DIP: (?P<dst>[^;]*);DPORT: (?P<dst_port>[^;]*);PROTOCOL: (?P<protocol>[^;]*);PolicyVerdict: (?P<verdict>[^;\s]*)"
).match
_ACCEPT, _DENY, _OVER = "ACCEPT", "DENY", ("EXPIRED/DELETED",)
_LOST: Final = "Failed to read from Ring buf"
_LONGEST: Final = 1 << 10
"""Characters of a message; a flow takes some 200."""
_FIELDS: Final = {
    **{key: Field((key,)) for key in (*_KEYS.values(), "msg", "message")},
    **{key: Field((key,), Kind.TIME) for key in ("ts", "timestamp")},
}
_LINE: Final = Field(("line",))


def sniff(head: bytes) -> bool:
    """Return whether a file that begins so is of the agent, and has a flow among its first lines."""
    found = outline(head)
    if "msg" in found:
        return any('"Flow Info:' in line and "Src IP" in line for line in lines(head, len(head)))
    message = found.get("events[].message", found.get("message"))
    first = lines(head, 1) if message is None else [message]
    return bool(first) and _EVENT(first[0]) is not None


def read(stream: BinaryIO) -> Iterator[Batch]:
    """Yield all records; other lines of the agent are left out, and what it says that it could not read is a loss."""
    head, stream = peek(stream)
    if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in {b"{", b"["}:
        for columns in read_json(json_documents(stream, ("events",)), list(_FIELDS.values())):
            yield _of_json(columns)
        return
    # nothing separates values in every line of CloudWatch: it is one value
    for columns in read_separated(stream, [_LINE], Dialect("\x1f", ("line",))):
        said = _Said(columns.texts(_LINE))
        yield _batch(columns, said, said.number("time", Kind.TIME), np.ones(len(columns), dtype=bool))


def _of_json(columns: Columns) -> Batch:
    """Return the batch of objects: flows in keys of their own or in a message, and CloudWatch's events."""
    by_key = {name: columns.texts(_FIELDS[key]) for name, key in _KEYS.items()}
    event = columns.texts(_FIELDS["message"])
    message = columns.texts(_FIELDS["msg"]).but(event.known, event)
    time = columns.numbers(_FIELDS["ts"]).or_else(columns.numbers(_FIELDS["timestamp"]))
    return _batch(columns, _Said(message, by_key), time, message.each(_is_flow, missing=False))


class _Said:
    """What a column of messages says, or keys beside it; each distinct message is read once."""

    def __init__(self, texts: Texts, keys: Mapping[str, Texts] | None = None) -> None:
        self._texts = texts
        self._keys = keys or {}
        # what is missing has the place -1
        self._read = dict(zip(_PARTS, zip(*map(_parts, texts.values), _NOTHING, strict=True), strict=True))

    @property
    def lost(self) -> Array:
        """Where the agent says that it could not read an event."""
        return self._texts.each(lambda text: text.startswith(_LOST), missing=False)

    def text(self, name: str) -> Texts:
        """Return one part of each message, by its name in _PARTS."""
        found = Texts.of(self._read[name]).take(self._texts.codes)
        beside = self._keys.get(name)
        return found if beside is None else beside.but(found.known, found)

    def number(self, name: str, kind: Kind = Kind.NUMBER) -> Numbers:
        """Return one part of each message as a number or a time."""
        texts = self.text(name)
        return Numbers.of([*(read_text(value, kind) for value in texts.values), None]).take(texts.codes)


def _parts(text: str) -> tuple[str | None, ...]:
    if len(text) > _LONGEST:
        return _NOTHING
    if found := _SENTENCE(text):
        return (*found.group(*_KEYS), None, None)
    return found.group(*_PARTS) if (found := _EVENT(text)) else _NOTHING


def _is_flow(message: str) -> bool:
    return message.startswith("Flow Info:") or "PolicyVerdict:" in message


def _batch(columns: Columns, said: _Said, time: Numbers, flows: Array) -> Batch:
    protocol, verdict, lost = said.text("protocol"), said.text("verdict"), said.lost
    ports = said.number("src_port"), said.number("dst_port")
    records = records_of(
        columns,
        first=time,
        protocol=protocol,
        src=said.text("src"),
        dst=said.text("dst"),
        src_port=ports[0],
        dst_port=ports[1],
        evidence=_evidence(verdict, *ports),
        reporter=said.text("node"),
    )
    return batch_of(
        columns,
        records,
        {"gap": lost, "other_record": ~flows | verdict.isin(_OVER), "incomplete": protocol.isin(("UNKNOWN",))},
        losses=(Loss(_at(time, row), _at(time, row), 1, "lost by the agent") for row in np.flatnonzero(lost).tolist()),
    )


def _at(time: Numbers, row: int) -> int | None:
    return int(time.values[row]) if time.known[row] else None


def _evidence(verdict: Texts, source: Numbers, destination: Numbers) -> Array:
    """Return the bits: a packet that is judged begins a connection, as far as the agent knows.

    It forgets some connections too early, and judges an answer as if it began one: that says nothing of who began.
    """
    answer = is_like_answer(source, destination)
    judged = verdict.isin((_ACCEPT, _DENY))
    return evidence(
        len(verdict),
        (Seen.BEGAN, judged & ~answer),
        (Seen.ALLOWED, verdict.isin((_ACCEPT,))),
        (Seen.DENIED, verdict.isin((_DENY,))),
    )
