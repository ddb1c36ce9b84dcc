"""Turns parts into connections: those of the same two ends, as long as not too much time lies between them."""

from typing import Final

import numpy as np

from collectors.formats.columns import Array
from collectors.formats.parts import PATIENCE, SECOND
from collectors.formats.rows import Rows, begins, grouped, numbered, ordered

_PORT_BITS: Final = 17
_PATIENCE: Final = PATIENCE // SECOND


def connections(parts: Rows) -> tuple[Array, Array]:
    """Return an order in which the parts of a connection lie together, and the number of the connection at each place.

    What comes after PATIENCE (in whole seconds) is another connection, although its ends are the same. Without a
    client port, or without addresses, each direction is taken for a connection of its own.
    """
    source, destination = ends(parts)
    turn = _is_turned(parts, source, destination)
    one, other = np.where(turn, destination, source), np.where(turn, source, destination)
    order, new = grouped([one, other, parts["protocol"]])
    return _apart(order, np.cumsum(new) - 1, parts)


def sides(parts: Rows) -> Array:
    """Return which side of its connection the source of each part is, 0 or 1; all are 0 where none is paired."""
    return _is_turned(parts, *ends(parts)).astype(np.int64)


def _is_turned(parts: Rows, source: Array, destination: Array) -> Array:
    return is_paired(parts) & (source > destination)


def is_paired(parts: Rows) -> Array:
    """Return where the other direction of a connection can be found: by both addresses and both ports."""
    return (parts["src_port"] >= 0) & (parts["src"] >= 0) & (parts["dst"] >= 0)


def ends(parts: Rows) -> tuple[Array, Array]:
    """Return a number for source and destination of each row: address, or claimed pod without one, and port."""
    address = _both(parts, "")
    missing = address < 0
    if missing.any():
        address[missing] = -1 - numbered(_both(parts, "_namespace")[missing], _both(parts, "_pod")[missing])
    half = len(parts)
    source, destination = address[:half] << _PORT_BITS, address[half:] << _PORT_BITS
    return source | (parts["src_port"] + 1), destination | (parts["dst_port"] + 1)


def _both(parts: Rows, what: str) -> Array:
    return np.concatenate([parts[f"src{what}"], parts[f"dst{what}"]], dtype=np.int64)


def done(order: Array, number: Array, parts: Rows, now: int) -> Array:
    """Return at which places are parts of connections that nothing goes on with that begins now (ns) or later.

    Order and number of the parts are as `connections` returns them.
    """
    starts = np.flatnonzero(begins(number))
    latest = np.maximum.reduceat(parts["last"][order], starts) // SECOND
    over: Array = np.repeat(latest + _PATIENCE < now // SECOND, np.diff(starts, append=len(number)))
    return over


def _apart(order: Array, number: Array, parts: Rows) -> tuple[Array, Array]:
    """Return order and number with connections told apart that have the same number, but lie too far apart in time."""
    first, last = parts["first"][order], parts["last"][order]
    starts = np.flatnonzero(begins(number))
    spans = np.maximum.reduceat(last, starts) - np.minimum.reduceat(first, starts)
    long = np.flatnonzero((spans > PATIENCE)[number])
    rows = long[ordered(number[long], first[long])]
    later = _after_silence(number[rows], first[rows] // SECOND, last[rows] // SECOND)
    if not later.any():
        return order, number
    more = np.cumsum(np.bincount(number[rows[later]], minlength=len(starts)))
    made = number + np.append(0, more)[number]
    made[rows] = number[rows] + np.cumsum(later)
    places = np.argsort(made)
    return order[places], made[places]


def _after_silence(number: Array, first: Array, last: Array) -> Array:
    """Return where another connection of the same number begins; rows are in the order of number and time (s)."""
    base = number * (int(last.max(initial=0)) - int(first.min(initial=0)) + _PATIENCE + 1)
    latest = np.maximum.accumulate(base + last)
    later = np.zeros(len(number), dtype=bool)
    later[1:] = (number[1:] == number[:-1]) & ((base + first)[1:] > latest[:-1] + _PATIENCE)
    return later
