"""Turns records into parts of connections: their texts numbered, what one reporter says of one direction added up."""

from math import gcd
from typing import Final

import numpy as np

from collectors.formats.batch import Records
from collectors.formats.columns import Array, Numbers, Texts
from collectors.formats.evidence import Seen
from collectors.formats.rows import COUNTERS, Rows

SECOND: Final = 10**9
PATIENCE: Final = 15 * 60 * SECOND
"""Log time without a record, in ns, after which a connection is done: longer than any log's interval (AWS: 600 s)."""

TEXTS: Final = (
    "protocol", "src", "dst", "service_ip", "src_namespace", "src_pod", "dst_namespace", "dst_pod", "reporter",
)  # fmt: skip
PORTS: Final = ("src_port", "dst_port", "service_port")
KEYS: Final = (*TEXTS, *PORTS, "stretch")
"""What tells parts apart: numbers of texts (-1: none), ports (-1: none), number of a stretch of time."""
PARTS: Final = (*KEYS, "first", "last", "bits", "share", "source", *COUNTERS)
"""Columns of parts. Beside the keys: times in ns, bits of `Seen` and of these here, share kept, number of the input.

Numbers of texts and ports may be of 32 bits, since there are many; all others are of 64.
"""
WHOLE: Final = 1_000_000
"""The share kept of a log that is not sampled."""
KNOWN: Final = {name: 1 << (40 + at) for at, name in enumerate(COUNTERS)}
"""Bits, beside those of `Seen`, of the counters that are known."""
HEARD: Final = 1 << 39
"""Bit of a record that was not dropped: what it is of arrived."""


def parts_of(records: Records, texts: dict[str, int], source: int, bucket: int) -> Rows:
    """Return records as parts, not yet added up, and number the texts that are new.

    A stretch divides both the time bucket (ns) and PATIENCE: what is added up is of one row and of one connection.
    """
    columns = {name: _codes(getattr(records, name), texts) for name in TEXTS}
    columns |= {name: _or_none(getattr(records, name)) for name in PORTS}
    first = records.first.values
    bits = records.evidence | np.where((records.evidence & int(Seen.DENIED)) == 0, HEARD, 0)
    for name in COUNTERS:
        bits |= np.where(getattr(records, name).known, KNOWN[name], 0)
        columns[name] = getattr(records, name).values
    columns |= {"first": first, "last": np.maximum(first, records.last.values), "bits": bits}
    columns |= {"stretch": first // gcd(bucket, PATIENCE), "source": np.full(len(records), source)}
    share = np.maximum(np.rint(records.sampled * WHOLE), 1).astype(np.int64)
    return Rows.of({**columns, "share": share})


def _codes(column: Texts, texts: dict[str, int]) -> Array:
    places = [texts.setdefault(text, len(texts)) for text in column.values]
    return np.array([*places, -1], dtype=np.int32)[column.codes]


def _or_none(numbers: Numbers) -> Array:
    return np.where(numbers.known, numbers.values, -1).astype(np.int32)
