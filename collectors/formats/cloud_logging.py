"""Turns entries of Google's Cloud Logging into columns of what they log: in `jsonPayload`, or the payload alone.

Format: https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry. A sink to Cloud Storage writes JSON lines,
`gcloud logging read --format=json` one array; on a node there are lines of payloads.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO, Final

import numpy as np

from collectors.formats.batch import Claim
from collectors.formats.columns import Array, Columns, Field, Kind, Numbers, Texts
from collectors.formats.documents import json_documents
from collectors.formats.json_lines import read_json

_PLACES: Final = ("jsonPayload.", "")
_WRAPPED: Final = Field.of("jsonPayload", Kind.PRESENT)
_TIMES: Final = (Field.of("timestamp", Kind.TIME), Field.of("receiveTimestamp", Kind.TIME))
"""Of the entry; an agent that takes the time out of the payload puts it there."""


class Entries:
    """Some entries: the fields of their payloads by dotted path, as `kinds` says how each is read."""

    def __init__(self, columns: Columns, kinds: Mapping[str, Kind]) -> None:
        self.columns = columns
        self._kinds = kinds
        self._bare = ~columns.present(_WRAPPED)

    def __len__(self) -> int:
        return len(self.columns)

    def text(self, path: str) -> Texts:
        """Return a TEXT or RAW field."""
        wrapped, bare = (self.columns.texts(Field.of(at + path, self._kinds[path])) for at in _PLACES)
        return wrapped.but(self._bare, bare)

    def number(self, path: str) -> Numbers:
        """Return a NUMBER or TIME field."""
        wrapped, bare = (self.columns.numbers(Field.of(at + path, self._kinds[path])) for at in _PLACES)
        return wrapped.but(self._bare, bare)

    @property
    def time(self) -> Numbers:
        """When each was logged, by the entry."""
        written, received = (self.columns.numbers(field) for field in _TIMES)
        return written.or_else(received)


def read_entries(stream: BinaryIO, kinds: Mapping[str, Kind]) -> Iterator[Entries]:
    """Yield these fields of the payloads, a stretch of entries at a time."""
    fields = [Field.of(at + path, kind) for at in _PLACES for path, kind in kinds.items()]
    fields = list(dict.fromkeys([*fields, _WRAPPED, *_TIMES]))
    for columns in read_json(json_documents(stream), fields):
        yield Entries(columns, kinds)


def payload_of(found: Mapping[str, str]) -> Mapping[str, str]:
    """Return the part of an outline that is the payload's, by paths within it."""
    wrapped, _ = _PLACES
    inner = {path.removeprefix(wrapped): text for path, text in found.items() if path.startswith(wrapped)}
    return inner or found


def claims_of(time: Numbers, address: Texts, said: Sequence[Texts]) -> Iterator[Claim]:
    """Yield what is claimed of each address, as of the first record that says so.

    `said` is namespace, pod, kind and name of its workload, and node; without namespace and pod nothing is claimed.
    """
    namespace, pod, *_ = said
    rows = np.flatnonzero(namespace.known & pod.known & address.known & time.known)
    codes: Array = np.stack([texts.codes[rows] for texts in (address, *said)], axis=1)
    for row in rows[np.unique(codes, axis=0, return_index=True)[1]].tolist():
        where, name, kind, owner, node = (texts.at(row) or "" for texts in said)
        yield Claim(int(time.values[row]), address.values[address.codes[row]], where, name, kind, owner, node=node)
