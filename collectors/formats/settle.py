"""Turns parts of connections into one row for each connection and time bucket, with its initiator as the source."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from collectors.formats.columns import Array
from collectors.formats.connections import is_paired
from collectors.formats.parts import HEARD, KNOWN
from collectors.formats.ranks import claims, lower, service
from collectors.formats.rows import COUNTERS, MOST, Rows, begins, ordered
from collectors.formats.verdicts import ORIENTATION, Sides, Verdicts, verdicts

STREAMS: Final = ("TCP", "SCTP")
_NEVER: Final = np.iinfo(np.int64).max
_SWAPPED: Final = (
    ("src", "dst"), ("src_port", "dst_port"), ("src_namespace", "dst_namespace"), ("src_pod", "dst_pod"),
    ("packets", "reply_packets"), ("bytes", "reply_bytes"),
)  # fmt: skip
_VIEW: Final = ("connection", "reporter", "side")
_BUCKET: Final = ("connection", "bucket")
_MEASURES: Final = ("first", "last", "bits", "share", "source", *COUNTERS)


def settle(parts: Rows, texts: Mapping[str, int], width: int) -> Rows:
    """Return a row for each connection and time bucket (`width` ns), in no particular order.

    Parts are as `connections` returns them; `texts` are the numbers of their texts. Ends, claims, the Service, who
    began it and what became of it are a connection's, and the same in all its rows; a row has its own times, counters,
    smallest share, and the first of its inputs. Columns are those of parts but `reporter` and `stretch`, and `bucket`,
    `connection`, `orientation` and `outcome` as numbers.
    """
    new = begins(parts["connection"])
    parts = parts.but(connection=np.cumsum(new) - 1, bucket=parts["first"] // width)
    views = _in_order(parts.only((*_VIEW, "bucket", *_MEASURES)), (*_VIEW, "bucket"))
    views = views.summed(begins(*(views[name] for name in (*_VIEW, "bucket"))))
    ends = parts.take(new)
    found = verdicts(_sides(views, ends, texts))
    rows = _by_bucket(views, found.initiator, is_paired(ends))
    told = _told(parts, ends, found, list(texts)).take(rows["connection"])
    return Rows.of({**rows.columns, **told.columns})


def turned(rows: Rows, where: Array) -> Rows:
    """Return the rows with source and destination exchanged where the mask holds, as far as they have both."""
    made = {}
    for left, right in _SWAPPED:
        if left in rows:
            made[left] = np.where(where, rows[right], rows[left])
            made[right] = np.where(where, rows[left], rows[right])
    if "bits" in rows:
        made["bits"] = bits = rows["bits"].copy()
        for left, right in (("packets", "reply_packets"), ("bytes", "reply_bytes")):
            differ = ((bits & KNOWN[left]) != 0) != ((bits & KNOWN[right]) != 0)
            bits ^= np.where(where & differ, KNOWN[left] | KNOWN[right], 0)
    return rows.but(**made)


def _in_order(rows: Rows, names: Sequence[str]) -> Rows:
    return rows.take(ordered(*(rows[name] for name in names)))


def _sides(views: Rows, ends: Rows, texts: Mapping[str, int]) -> Sides:
    seen = views.summed(begins(*(views[name] for name in _VIEW)))
    starts = np.flatnonzero(begins(seen["connection"]))
    own = [seen["side"] == side for side in (0, 1)]

    def of_sides(add_up: np.ufunc, values: Array, others: Array | int) -> Array:
        return np.stack([add_up.reduceat(np.where(mine, values, others), starts) for mine in own], axis=1)

    first = of_sides(np.minimum, seen["first"], _NEVER)
    return Sides(
        bits=of_sides(np.bitwise_or, seen["bits"], 0),
        first=first,
        heard=of_sides(np.logical_or, (seen["bits"] & HEARD) != 0, seen["reply_packets"] > 0),
        packets=of_sides(np.maximum, seen["packets"], seen["reply_packets"]),
        bytes=of_sides(np.maximum, seen["bytes"], seen["reply_bytes"]),
        streams=np.isin(ends["protocol"], [texts[name] for name in STREAMS if name in texts]),
        begun=np.maximum(np.maximum.reduceat(seen["connections"], starts), 1),
        lower=lower(ends, np.flatnonzero(first[:, 0] == first[:, 1]), list(texts)),
    )


def _by_bucket(views: Rows, initiator: Array, paired: Array) -> Rows:
    """Return one row for each connection and bucket: of several views of it, the one that counted most counts.

    A view is what one reporter says in the records of one direction. If these count both ways, the records of the
    other direction may count the same again.
    """
    number = views["connection"]
    rows = turned(views.only((*_BUCKET, *_MEASURES)), paired[number] & (views["side"] != initiator[number]))
    rows = _in_order(rows, _BUCKET)
    rows = rows.summed(begins(*(rows[name] for name in _BUCKET)), MOST)
    number, bits = rows["connection"], rows["bits"]
    new, known = begins(number), (bits & KNOWN["connections"]) != 0
    told = np.logical_or.reduceat(known, np.flatnonzero(new))[number]
    begun = np.where(paired[number] & ~told, new, rows["connections"])
    return rows.but(connections=begun, bits=np.where(paired[number], bits | KNOWN["connections"], bits))


def _told(parts: Rows, ends: Rows, found: Verdicts, texts: Sequence[str]) -> Rows:
    """Return what is the same in all rows of a connection, of each one."""
    starts = np.flatnonzero(begins(parts["connection"]))
    of_source, of_destination = claims(parts, starts, texts)
    paired, turn = is_paired(ends), ends["side"] != found.initiator
    address, port = service(parts, starts, texts)
    rows = ends.only(("protocol", "src", "dst", "src_port", "dst_port")).but(
        src_namespace=of_source[0], src_pod=of_source[1], dst_namespace=of_destination[0], dst_pod=of_destination[1],
        service_ip=address, service_port=port, outcome=found.outcome,
        # without the other direction, a row whose source only answers cannot be turned round
        orientation=np.where(paired | (found.initiator == 0), found.orientation, ORIENTATION["unknown"]),
    )  # fmt: skip
    return turned(rows, paired & turn)
