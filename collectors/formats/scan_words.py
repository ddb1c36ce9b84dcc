"""Turns bytes into words and runs of them, uncompiled: `scan_words.pxd` has the compiler's way for the same."""

from typing import Any

p_uchar = Any
"""Whatever gives bytes by index."""


def word64(p: p_uchar, at: int) -> int:
    """Return eight bytes, the least significant first."""
    return int.from_bytes(bytes(p[at + n] for n in range(8)), "little")


def head64(p: p_uchar, at: int, size: int) -> int:
    """Return the first bytes of so many, eight at most, the least significant first."""
    return int.from_bytes(bytes(p[at + n] for n in range(min(size, 8))), "little")


def same(p: p_uchar, at: int, q: p_uchar, place: int, size: int) -> bool:
    """Return whether so many bytes are the same in two places."""
    return all(p[at + n] == q[place + n] for n in range(size))


def copy(p: p_uchar, at: int, q: p_uchar, place: int, size: int) -> None:
    """Copy so many bytes from `p` to `q`."""
    for n in range(size):
        q[place + n] = p[at + n]


def past_blanks(p: p_uchar, at: int) -> int:
    """Return the place of the next byte that is no blank, tabulator or carriage return."""
    while p[at] in b" \t\r":
        at += 1
    return at


def plain_end(p: p_uchar, at: int) -> int:
    """Return the place of the next quote, backslash, control character or byte of 128 and more."""
    while p[at] not in b'"\\' and 32 <= p[at] < 128:
        at += 1
    return at


def marks(p: p_uchar, at: int, separator: int, quote: int) -> int:
    """Return a bit for each of the next 64 bytes, the first the lowest: 1 where a value may end or turn odd.

    That is at a separator, quote, line feed, carriage return or byte of 128 and more.
    """
    return sum((p[at + n] in {separator, quote, 10, 13} or p[at + n] > 127) << n for n in range(64))


def lowest(x: int) -> int:
    """Return the place of the lowest bit that is 1."""
    return (x & -x).bit_length() - 1


def line_end(p: p_uchar, at: int) -> int:
    """Return the place of the next line feed, of which there is one."""
    while p[at] != 10:
        at += 1
    return at


def lines(p: p_uchar, at: int, end: int) -> int:
    """Return how many line feeds there are from one place to another."""
    return bytes(p[at:end]).count(b"\n")
