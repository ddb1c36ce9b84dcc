"""Turns rows of connections that nobody knows the initiator of into rows with the likelier side as destination."""

from collections.abc import Sequence

import numpy as np

from collectors.flows import FAN_IN
from collectors.formats.columns import Array
from collectors.formats.connections import ends
from collectors.formats.ranks import ranked
from collectors.formats.rows import Rows, numbered
from collectors.formats.settle import turned


def with_likelier_destination(rows: Rows, texts: Sequence[str]) -> Rows:
    """Return the rows with the side as destination whose port more peers used: always the same of two ends.

    Of equals the lower port, then the lower address by text. Fewer than FAN_IN peers say nothing.
    """
    source, destination = ends(rows)
    of_source, of_destination = _peers(source, destination, rows["protocol"])
    rank = ranked(np.concatenate([rows["src"], rows["dst"]]), texts)[0]
    turn = np.select(
        [of_source != of_destination, rows["src_port"] != rows["dst_port"]],
        [of_source > of_destination, rows["src_port"] < rows["dst_port"]],
        rank[: len(rows)] < rank[len(rows) :],
    )
    return turned(rows, turn)


def _peers(source: Array, destination: Array, protocol: Array) -> tuple[Array, Array]:
    """Return how many others the source and the destination of each row have a connection with."""
    one, other = np.minimum(source, destination), np.maximum(source, destination)
    pair = numbered(one, other, protocol)
    row = np.zeros(int(pair.max()) + 1, dtype=np.int64)
    row[pair] = np.arange(len(pair))
    number = numbered(np.concatenate([one[row], other[row]]), np.concatenate([protocol[row], protocol[row]]))
    once = np.concatenate([np.ones(len(row), dtype=bool), one[row] != other[row]])  # an end is one peer of itself
    peers = np.bincount(number[once], minlength=len(number))[number]
    peers = np.where(peers < FAN_IN, 0, peers)
    of_one, of_other = peers[: len(row)][pair], peers[len(row) :][pair]
    return np.where(source == one, of_one, of_other), np.where(source == one, of_other, of_one)
