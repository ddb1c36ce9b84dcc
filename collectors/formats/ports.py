"""Turns the two ports of a packet into whether it looks like an answer."""

from typing import Final

from collectors.formats.columns import Array, Numbers

_EPHEMERAL: Final = 32768
"""First port that Linux gives to clients (net.ipv4.ip_local_port_range)."""


def is_like_answer(source: Numbers, destination: Numbers) -> Array:
    """Return where a packet goes from a port that no client is given to one that clients are given."""
    known = source.known & destination.known
    return known & (source.values < _EPHEMERAL) & (destination.values >= _EPHEMERAL)
