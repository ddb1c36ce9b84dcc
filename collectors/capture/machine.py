"""Turns bytes into words, uncompiled: what `machine.pxd` tells the C compiler to do in one instruction each."""

from typing import Any

p_uchar = Any
"""Whatever gives bytes by index."""


def big16(p: p_uchar, at: int) -> int:
    """Return the two bytes from `at` on, the most significant first."""
    return int(p[at] << 8 | p[at + 1])


def big32(p: p_uchar, at: int) -> int:
    """Return four bytes, the most significant first."""
    return int(p[at] << 24 | p[at + 1] << 16 | p[at + 2] << 8 | p[at + 3])


def word(p: p_uchar, at: int, swapped: bool) -> int:
    """Return four bytes, the least significant first, or last if `swapped`."""
    if swapped:
        return big32(p, at)
    return int(p[at] | p[at + 1] << 8 | p[at + 2] << 16 | p[at + 3] << 24)


def wrapped(x: int) -> int:
    """Return what 64 bits hold of a number."""
    return x & 0xFFFFFFFFFFFFFFFF


def prefetch(_: object) -> None:
    """Do nothing: Python has no say in what the processor's cache holds."""


def low32(x: int) -> int:
    """Return the lower half of 64 bits."""
    return x & 0xFFFFFFFF
