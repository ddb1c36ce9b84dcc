"""Turns sets of numbered things into bits of one integer, and back: thousands of members cost as much as a few."""

from collections.abc import Iterable, Iterator


def bits(mask: int) -> Iterator[int]:
    """Yield the numbers that a mask holds, ascending."""
    text = f"{mask:b}"
    size = len(text) - 1
    at = text.rfind("1")
    while at >= 0:
        yield size - at
        at = text.rfind("1", 0, at)


def first(mask: int) -> int:
    """Return the lowest number that a mask holds."""
    return (mask & -mask).bit_length() - 1


def mask_of(numbers: Iterable[int]) -> int:
    """Return the mask that holds these numbers."""
    found = 0
    for number in numbers:
        found |= 1 << number
    return found
