"""Turns parts into connections: those of the same two ends, as long as not too much time lies between them."""

from typing import Final

import numpy as np

from collectors.formats.columns import Array
from collectors.formats.parts import PATIENCE, SECOND
from collectors.formats.rows import Rows, begins, grouped, numbered, ordered

_PORT_BITS: Final = 17
_PATIENCE: Final = PATIENCE // SECOND


def connections(parts: Rows) -> Rows:
    """Return the parts, those of a connection together, with its number as `connection` and the `side` of their source.

    What comes after PATIENCE (in whole seconds) is another connection, although its ends are the same. Without a
    client port, or without addresses, each direction is taken for a connection of its own, and all sides are 0.
    """
    source, destination = ends(parts)
    side = is_paired(parts) & (source > destination)
    one, other = np.where(side, destination, source), np.where(side, source, destination)
    order, new = grouped([one, other, parts["protocol"]])
    parts = parts.but(side=side.astype(np.int64)).take(order)
    return _apart(parts.but(connection=np.cumsum(new) - 1))


def is_paired(parts: Rows) -> Array:
    """Return where the other direction of a connection can be found: by both addresses and both ports."""
    return (parts["src_port"] >= 0) & (parts["src"] >= 0) & (parts["dst"] >= 0)


def ends(parts: Rows) -> tuple[Array, Array]:
    """Return a number for source and destination of each row: address, or claimed pod without one, and port."""
    address, namespace, pod = (
        np.concatenate([parts[f"src{what}"], parts[f"dst{what}"]]) for what in ("", "_namespace", "_pod")
    )
    missing = address < 0
    if missing.any():
        address[missing] = -1 - numbered(namespace[missing], pod[missing])
    half = len(parts)
    source, destination = address[:half] << _PORT_BITS, address[half:] << _PORT_BITS
    return source | (parts["src_port"] + 1), destination | (parts["dst_port"] + 1)


def done(parts: Rows, now: int) -> Array:
    """Return which parts are of connections that nothing goes on with that begins now (ns) or later."""
    starts = np.flatnonzero(begins(parts["connection"]))
    latest = np.maximum.reduceat(parts["last"], starts)[parts["connection"]] // SECOND
    over: Array = latest + _PATIENCE < now // SECOND
    return over


def _apart(parts: Rows) -> Rows:
    """Return the parts with connections told apart that have the same number, but lie too far apart in time."""
    number = parts["connection"]
    starts = np.flatnonzero(begins(number))
    spans = np.maximum.reduceat(parts["last"], starts) - np.minimum.reduceat(parts["first"], starts)
    long = np.flatnonzero((spans > PATIENCE)[number])
    rows = long[ordered(number[long], parts["first"][long])]
    later = _after_silence(number[rows], parts["first"][rows] // SECOND, parts["last"][rows] // SECOND)
    if not later.any():
        return parts
    more = np.cumsum(np.bincount(number[rows[later]], minlength=len(starts)))
    made = number + np.append(0, more)[number]
    made[rows] = number[rows] + np.cumsum(later)
    return parts.but(connection=made).take(np.argsort(made))


def _after_silence(number: Array, first: Array, last: Array) -> Array:
    """Return where another connection of the same number begins; rows are in the order of number and time (s)."""
    base = number * (int(last.max(initial=0)) - int(first.min(initial=0)) + _PATIENCE + 1)
    latest = np.maximum.accumulate(base + last)
    later = np.zeros(len(number), dtype=bool)
    later[1:] = (number[1:] == number[:-1]) & ((base + first)[1:] > latest[:-1] + _PATIENCE)
    return later
