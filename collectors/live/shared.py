"""Turns the memory that the kernel shares into values, uncompiled: what `shared.pxd` tells the C compiler to do."""

import sys
from typing import Any

from collectors.capture.machine import p_uchar, word

_BIG = sys.byteorder == "big"


def owner(p: p_uchar, at: int) -> int:
    """Return the word at `at` that says whose a block is; what the block holds is read after it."""
    return word(p, at, _BIG)


def hand_back(p: p_uchar, at: int) -> None:
    """Write 0 there, after everything was read."""
    for place in range(at, at + 4):
        p[place] = 0


def copy(out: Any, to: int, p: p_uchar, at: int, size: int) -> None:
    """Copy bytes."""
    out[to : to + size] = p[at : at + size]


def is_big() -> bool:
    """Return whether this machine's words begin with their most significant byte."""
    return _BIG
