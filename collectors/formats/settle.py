"""Turns parts of connections into one row for each connection and time bucket, with its initiator as the source."""

from typing import Final

import numpy as np

from collectors.formats.columns import Array
from collectors.formats.evidence import Seen
from collectors.formats.parts import COUNTERS, KNOWN, Parts, grouped, numbered
from collectors.formats.verdicts import ORIENTATION, Sides, Verdicts, verdicts

Table = dict[str, Array]
"""Columns of one length, by name."""

STREAMS: Final = ("TCP", "SCTP")
_NEVER: Final = np.iinfo(np.int64).max
_SWAPPED: Final = (
    ("src", "dst"), ("src_port", "dst_port"), ("src_namespace", "dst_namespace"), ("src_pod", "dst_pod"),
    ("packets", "reply_packets"), ("bytes", "reply_bytes"),
)  # fmt: skip
_BEST: Final = ("src_namespace", "src_pod", "dst_namespace", "dst_pod")
_SAME: Final = ("protocol", "src", "dst", "src_port", "dst_port", "source", "bucket")
_PLACE: Final = 1 << 20
_SECOND: Final = 10**9
PATIENCE: Final = 15 * 60 * _SECOND
"""Log time without a record, in ns, after which a connection is done: longer than any log's interval (AWS: 600 s)."""


def settle(parts: Parts, number: Array, side: Array, streams: Array) -> Table:
    """Return a row for each connection that parts are of, and time bucket: all columns of a part but the reporter.

    `number` and `side` are of `connections`, the numbers without holes; `streams` is whether each part's protocol has
    handshakes. Beside a part's columns there are `orientation` and `outcome`, as numbers of their vocabularies. Rows
    are in no particular order.
    """
    found = verdicts(_sides(parts, number, side, streams))
    rows = {name: parts[name] for name in (*_SAME, *_BEST, "reporter", "share", "first", "last", "bits", *COUNTERS)}
    rows["service"] = (parts["service_ip"] + 1) * _PLACE + parts["service_port"] + 1
    paired = _paired(parts)
    rows = turned(rows, paired & (side != found.initiator[number]))
    rows["connection"] = number
    return _by_bucket(rows, found, paired)


def turned(rows: Table, where: Array) -> Table:
    """Return the rows with source and destination exchanged where the mask holds."""
    made, bits = dict(rows), rows["bits"]
    for left, right in _SWAPPED:
        made[left] = np.where(where, rows[right], rows[left])
        made[right] = np.where(where, rows[left], rows[right])
        if left in KNOWN:
            differ = ((bits & KNOWN[left]) != 0) != ((bits & KNOWN[right]) != 0)
            bits = np.where(where & differ, bits ^ (KNOWN[left] | KNOWN[right]), bits)
    made["bits"] = bits
    return made


def _paired(parts: Parts) -> Array:
    """Return where the other direction of a connection can be found: by both addresses and both ports."""
    return (parts["src_port"] >= 0) & (parts["src"] >= 0) & (parts["dst"] >= 0)


def connections(parts: Parts) -> tuple[Array, Array]:
    """Return the number of each part's connection, and the side that its source is on.

    What comes after PATIENCE is another connection, although its ends are the same. Without a client port, or without
    addresses, each direction is taken for a connection of its own.
    """
    addresses = []
    for end in ("src", "dst"):
        claim = parts[f"{end}_namespace"] * (1 << 31) + parts[f"{end}_pod"]
        addresses.append(np.where(parts[end] >= 0, parts[end], -(1 << 33) - claim))
    (a, b), (a_port, b_port) = addresses, (parts["src_port"], parts["dst_port"])
    side = _paired(parts) & ((a > b) | ((a == b) & (a_port > b_port)))
    ends = (np.where(side, b, a), np.where(side, b_port, a_port), np.where(side, a, b), np.where(side, a_port, b_port))
    number = numbered(*ends, parts["protocol"])
    return _apart(number, parts["first"], parts["last"]), side.astype(np.int64)


def _apart(number: Array, first: Array, last: Array) -> Array:
    """Return numbers that tell apart what has the same one but lies further than PATIENCE apart in time."""
    if not len(number):
        return number
    begin, end = (time // _SECOND - int(first.min()) // _SECOND for time in (first, last))
    order = np.lexsort((begin, number))
    stride = int(end.max()) + PATIENCE // _SECOND + 2
    latest = np.maximum.accumulate(number[order] * stride + end[order])
    new = np.ones(len(number), dtype=np.int64)
    new[1:] = number[order][1:] * stride + begin[order][1:] > latest[:-1] + PATIENCE // _SECOND
    found = np.empty(len(number), dtype=np.int64)
    found[order] = np.cumsum(new) - 1
    return found


def _sides(parts: Parts, number: Array, side: Array, streams: Array) -> Sides:
    shape = int(number.max(initial=-1)) + 1, 2
    bits = np.zeros(shape, dtype=np.int64)
    np.bitwise_or.at(bits, (number, side), parts["bits"])
    first = np.full(shape, _NEVER)
    np.minimum.at(first, (number, side), parts["first"])
    heard = np.zeros(shape, dtype=bool)
    np.logical_or.at(heard, (number, side), (parts["bits"] & int(Seen.DENIED)) == 0)
    np.logical_or.at(heard, (number, 1 - side), parts["reply_packets"] > 0)
    handshakes = np.zeros(shape[0], dtype=bool)
    handshakes[number] = streams
    packets, sizes = (_volume(parts, number, side, name, shape) for name in ("packets", "bytes"))
    return Sides(bits, first, heard, packets, sizes, handshakes, _begun(parts, number, shape[0]))


def _begun(parts: Parts, number: Array, count: int) -> Array:
    """Return how many connections each one stands for: the most that one reporter counted, at least 1."""
    begun = np.ones(count, dtype=np.int64)
    order, new = grouped((number, parts["reporter"]), len(parts))
    starts = np.flatnonzero(new)
    np.maximum.at(begun, number[order[starts]], np.add.reduceat(parts["connections"][order], starts))
    return begun


def _volume(parts: Parts, number: Array, side: Array, name: str, shape: tuple[int, int]) -> Array:
    """Return the most that one reporter counted of each side."""
    most = np.zeros(shape, dtype=np.int64)
    for at, counted in ((side, parts[name]), (1 - side, parts[f"reply_{name}"])):
        order, new = grouped((number, at, parts["reporter"]), len(parts))
        starts = np.flatnonzero(new)
        firsts, sums = order[starts], np.add.reduceat(counted[order], starts)
        np.maximum.at(most, (number[firsts], at[firsts]), sums)
    return most


def _by_bucket(rows: Table, found: Verdicts, paired: Array) -> Table:
    """Return one row for each connection and bucket: sums by reporter, then the most that one of them counted."""
    order = np.lexsort((rows["reporter"], rows["bucket"], rows["connection"]))
    rows, paired = {name: column[order] for name, column in rows.items()}, paired[order]
    number, bucket = rows["connection"], rows["bucket"]
    new = np.ones(len(number), dtype=bool)
    new[1:] = (number[1:] != number[:-1]) | (bucket[1:] != bucket[:-1])
    views = new.copy()
    views[1:] |= rows["reporter"][1:] != rows["reporter"][:-1]
    starts, of_view = np.flatnonzero(new), np.flatnonzero(views)
    within = np.searchsorted(of_view, starts)
    total = {name: rows[name][starts] for name in _SAME}
    total |= {name: np.maximum.reduceat(rows[name], starts) for name in (*_BEST, "last", "service")}
    total |= {name: np.minimum.reduceat(rows[name], starts) for name in ("first", "share")}
    total["bits"] = np.bitwise_or.reduceat(rows["bits"], starts)
    for name in COUNTERS:
        total[name] = np.maximum.reduceat(np.add.reduceat(rows[name], of_view), within)
    here = number[starts]
    begun = np.ones(len(here), dtype=bool)
    begun[1:] = here[1:] != here[:-1]
    told = (total["bits"] & KNOWN["connections"]) != 0
    counted = paired[starts] & ~told
    total["connections"] = np.where(counted, begun, total["connections"])
    total["bits"] = np.where(counted, total["bits"] | KNOWN["connections"], total["bits"])
    # without the other direction, a row whose source only answers cannot be turned round
    sure = paired[starts] | (found.initiator[here] == 0)
    total["orientation"] = np.where(sure, found.orientation[here], ORIENTATION["unknown"])
    total["outcome"] = found.outcome[here]
    service = total.pop("service")
    total["service_ip"], total["service_port"] = service // _PLACE - 1, service % _PLACE - 1
    return total
