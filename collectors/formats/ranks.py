"""Turns the order of texts into choices between several of them, whichever was read first."""

from collections.abc import Sequence

import numpy as np

from collectors.formats.columns import Array
from collectors.formats.rows import Rows


def ranked(codes: Array, texts: Sequence[str]) -> tuple[Array, Array]:
    """Return the rank of each number's text among those here, and the numbers by rank; a missing text (-1) is first."""
    used = (np.flatnonzero(np.bincount(codes + 1)) - 1).tolist()
    by_rank = np.array(sorted(used, key=lambda code: ("", texts[code])[code >= 0]), dtype=np.int64)
    rank = np.zeros(len(texts) + 1, dtype=np.int64)
    rank[by_rank + 1] = np.arange(len(by_rank))
    return rank[codes + 1], by_rank


def claims(parts: Rows, starts: Array, texts: Sequence[str]) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """Return namespace and pod of each connection's end at the source of its first part, and at the destination.

    Of several claims, the one with the last name of a pod, and of its namespaces the last, by text. `starts` is where
    a connection begins; parts that are its source's are those of the same side.
    """
    pods, spaces = (
        ranked(np.concatenate([parts[f"src_{what}"], parts[f"dst_{what}"]]), texts) for what in ("pod", "namespace")
    )
    both = pods[0] * len(spaces[1]) + spaces[0]
    source, destination = both[: len(parts)], both[len(parts) :]
    first = np.repeat(parts["side"][starts], np.diff(np.append(starts, len(parts))))
    same = parts["side"] == first
    best = [np.maximum.reduceat(np.where(mine, source, destination), starts) for mine in (same, ~same)]
    named = [(spaces[1][one % len(spaces[1])], pods[1][one // len(spaces[1])]) for one in best]
    return named[0], named[1]


def service(parts: Rows, starts: Array, texts: Sequence[str]) -> tuple[Array, Array]:
    """Return address and port of each connection's Service: of several the last, by text and then by port."""
    addresses, by_rank = ranked(parts["service_ip"], texts)
    port = parts["service_port"] + 1
    ports = int(port.max(initial=0)) + 1
    best = np.maximum.reduceat(addresses * ports + port, starts)
    return by_rank[best // ports], best % ports - 1


def lower(ends: Rows, where: Array, texts: Sequence[str]) -> Array:
    """Return the side of a connection that has the lower address by text, at some rows; elsewhere and of equals 0."""
    some = ends.take(where)
    rank = ranked(np.concatenate([some["src"], some["dst"]]), texts)[0]
    source, destination, side = rank[: len(some)], rank[len(some) :], some["side"]
    found = np.zeros(len(ends), dtype=np.int64)
    found[where] = np.where(source < destination, side, 1 - side) * (source != destination)
    return found
