"""Records made by hand, and the flows that come of them."""

import numpy as np

from collectors.formats.batch import batch_of, records_of
from collectors.formats.columns import Bad, Columns, Numbers, Texts
from collectors.formats.fold import Fold

SECOND = 10**9
START = 1_772_359_200 * SECOND  # 2026-03-01T10:00:00Z, the beginning of a minute


_EVERY = ("src", "src_port", "dst", "dst_port", "evidence", "first", "last", "protocol")


def record(src, dst, bits=0, at=0, until=None, protocol="TCP", **others):
    """Return one record: ends as "address:port" (or only an address), times in seconds after START."""
    first, last = (START + int(time * SECOND) for time in (at, at if until is None else until))
    return dict(zip(_EVERY, (*split(src), *split(dst), int(bits), first, last, protocol), strict=True)) | others


def split(end):
    """Return the address and the port of an end; None where there is none."""
    address, colon, port = end.rpartition(":") if end.count(":") in (0, 1) or "]" in end else (end, "", "")
    return (address.strip("[]"), int(port)) if colon else (end, None)


def batch(rows, **others):
    """Return records as a batch."""
    columns = Columns(np.arange(1, len(rows) + 1), {}, Bad(np.array([], dtype=np.int64), ()))
    made = {}
    for name in {*_EVERY, *(name for row in rows for name in row)} - {"evidence", "sampled"}:
        values = [row.get(name) for row in rows]
        is_text = name in {"src", "dst", "protocol", "service_ip", "reporter"} or name.endswith(("_namespace", "_pod"))
        made[name] = Texts.of(values) if is_text else Numbers.of(values)
    bits = np.array([row["evidence"] for row in rows], dtype=np.int64)
    sampled = np.array([row.get("sampled", 1.0) for row in rows])
    return batch_of(columns, records_of(columns, evidence=bits, sampled=sampled, **made), **others)


def flows(*batches):
    """Return the flows that batches (or lists of records) come to."""
    fold = Fold()
    fold.begin_source("log")
    for one in batches:
        fold.add((batch(one) if isinstance(one, list) else one).records)
    return fold.finish()


def only(frame):
    """Return the only row of some flows, as a dict."""
    (row,) = frame.astype("object").to_dict("records")
    return row
