"""Turns the open connections of a log into bytes and back, so that following it goes on after a restart."""

import io
import json
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from collectors.formats.parts import PARTS, PORTS, TEXTS, WHOLE
from collectors.formats.rows import COUNTERS, Rows

_KIND = b"podfence/open connections 1"
_MOST_PORT = 65535
_MOST_COUNT = 1 << 53


def keep(rows: Rows | None, texts: Sequence[str], now: int) -> bytes:
    """Return open connections, the texts that their numbers stand for, and the latest time of the log in ns."""
    columns = {
        name: np.zeros(0, dtype=np.int64) if rows is None else np.ascontiguousarray(rows[name]) for name in PARTS
    }
    told = {"kind": _KIND, "texts": json.dumps(list(texts)), "now": str(now)}
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns).replace_schema_metadata(told), buffer, compression="zstd")
    return buffer.getvalue()


def kept(content: bytes) -> tuple[Rows, list[str], int] | None:
    """Return what `keep` was given; None if it is damaged or of another version. All is of the first source."""
    try:
        table = pq.read_table(io.BytesIO(content))
        told = table.schema.metadata or {}
        if told.get(b"kind") != _KIND or tuple(table.column_names) != PARTS:
            return None
        columns = {name: table.column(name).to_numpy().astype(np.int64, casting="safe") for name in PARTS}
        texts, now = json.loads(told[b"texts"]), int(told[b"now"])
    except (OSError, pa.ArrowException, KeyError, ValueError, TypeError):
        return None
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts) or len({*texts}) != len(texts):
        return None
    bounds = {
        **dict.fromkeys(TEXTS, (-1, len(texts) - 1)),
        **dict.fromkeys(PORTS, (-1, _MOST_PORT)),
        **dict.fromkeys(COUNTERS, (0, _MOST_COUNT)),
        "share": (1, WHOLE),
    }
    if any(((columns[name] < low) | (columns[name] > high)).any() for name, (low, high) in bounds.items()):
        return None
    columns["source"] = np.zeros(table.num_rows, dtype=np.int64)
    return Rows.of(columns), texts, now
