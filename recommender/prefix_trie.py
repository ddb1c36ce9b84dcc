"""Turns the observed addresses of one IP version into the fewest never-seen ones that n written prefixes must let in.

Walking from 0/0 down to an address, it is let in or not, and each written prefix switches that: on where an ipBlock
begins, off at an `except`, on again at an ipBlock inside an `except`. Any union of ipBlocks changes only at prefixes
that it writes, so it is a choice of such switches, and any choice of switches is a union of ipBlocks as long as itself.
Only prefixes where observed addresses part can matter, and the halves beside the way from one to the next.

A *curve* has at n the fewest never-seen addresses with at most n entries; it falls, and stays at its last value.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

Curve = np.ndarray[Any, Any]

# Up to here a curve is machine words, sums and all. Beyond, it is Python's integers: as exact, fifty times as slow.
MOST_IN_WORDS = (1 << 61) - 2


@dataclass(frozen=True)
class Limits:
    """What a curve need not tell: more entries than these, and how much more never-seen addresses than these."""

    entries: int
    unseen: int

    @property
    def beyond(self) -> int:
        """The value that stands for everything over `unseen`, and for what is forbidden."""
        return self.unseen + 1

    def curve(self, value: int) -> Curve:
        """Return the curve that has one value at any number of entries."""
        return np.array([min(value, self.beyond)], dtype=np.int64 if self.unseen <= MOST_IN_WORDS else object)


@dataclass(frozen=True)
class Family:
    """The observed addresses of one IP version (sorted, distinct) and the merged spans that must not be swallowed."""

    width: int
    observed: Sequence[int]
    never: Sequence[tuple[int, int]]

    @cached_property
    def _starts(self) -> list[int]:
        return [first for first, _ in self.never]

    def forbids(self, first: int, last: int) -> bool:
        """Say whether a span that no observed address lies in must not be let in."""
        at = bisect_right(self._starts, last) if first <= last else 0
        return at > 0 and self.never[at - 1][1] >= first

    def size(self, length: int) -> int:
        """Return how many addresses a prefix of this length has."""
        return 1 << (self.width - length)


@dataclass(frozen=True, order=True)
class Switch:
    """A prefix from which on addresses are let in, or are not."""

    start: int
    length: int
    on: bool


@dataclass(frozen=True)
class Way:
    """What the halves beside the way down to a node cost if they are let in; None: one of them is forbidden.

    `spared` is the cost with an `except` for the one half, `half`, that costs most.
    """

    kept: int | None = 0
    spared: int | None = None
    half: tuple[int, int] = (0, 0)


@dataclass(frozen=True, eq=False)
class Node:
    """A prefix where observed addresses part, or (no children) one full of them, with its curves.

    `off` and `on` are for coming in not let in, or let in: from the upper end of the way, whose start and length
    `upper` is. `parted` has both without a switch on the way or at the node.
    """

    start: int
    length: int
    upper: tuple[int, int]
    way: Way
    children: tuple["Node", "Node"] | None
    parted: tuple[Curve, Curve]
    off: Curve
    on: Curve


def grow(family: Family, limits: Limits) -> Node:
    """Return the root for a family with at least one observed address; its `off` is the curve of the family."""
    return _grow(family, limits, 0, len(family.observed), 0)


def _grow(family: Family, limits: Limits, low: int, high: int, top: int) -> Node:
    """Return the node of the observed addresses from position `low` to before `high`, below a prefix length."""
    first, last = family.observed[low], family.observed[high - 1]
    length = family.width - (first ^ last).bit_length()
    size = family.size(length)
    start = first & -size
    if high - low == size:
        children = None
        parted = (limits.curve(limits.beyond), limits.curve(0))
    else:
        middle = bisect_left(family.observed, start + size // 2, low, high)
        one, other = _grow(family, limits, low, middle, length + 1), _grow(family, limits, middle, high, length + 1)
        children = (one, other)
        parted = (merged(one.off, other.off, limits), merged(one.on, other.on, limits))
    off = _least(limits, parted[0], _paid(parted[1], limits))
    way = _way(family, start, length, top)
    upper = (start & -family.size(top), top)
    return Node(start, length, upper, way, children, parted, off, _on(limits, way, off, parted[1]))


def _way(family: Family, start: int, length: int, top: int) -> Way:
    """Return what lies beside the way from the prefix of length `top` to the node at `start`."""
    if top == length:
        return Way()
    total = family.size(top) - family.size(length)
    upper = start & -family.size(top)
    end, upper_end = start + family.size(length), upper + family.size(top)
    if not family.forbids(upper, start - 1) and not family.forbids(end, upper_end - 1):
        return Way(total, total - family.size(top + 1), _half(family, start, top + 1))
    forbidden: list[tuple[int, int]] = []
    for at in range(top + 1, length + 1):
        half = _half(family, start, at)
        if family.forbids(half[0], half[0] + family.size(at) - 1):
            forbidden.append(half)
            if len(forbidden) > 1:
                return Way(None)
    return Way(None, total - family.size(forbidden[0][1]), forbidden[0])


def _half(family: Family, start: int, length: int) -> tuple[int, int]:
    """Return start and length of the prefix that differs from the node's in its last bit."""
    size = family.size(length)
    return (start & -size) ^ size, length


def _on(limits: Limits, way: Way, off: Curve, parted: Curve) -> Curve:
    """Return the curve at the upper end of a way that comes in let in, from those of its node.

    The halves grow upwards, so two excepts on the way are never better than one at its upper end, with the node
    switched on again where that is wanted: what remains is to keep all, all but the dearest, or none.
    """
    curves = [_paid(off, limits)]
    if way.kept is not None:
        curves.append(_dearer(parted, way.kept, limits))
    if way.spared is not None:
        curves.append(_paid(_dearer(parted, way.spared, limits), limits))
    return _least(limits, *curves)


def merged(one: Curve, other: Curve, limits: Limits) -> Curve:
    """Return the curve of two disjoint parts together: the best division of the entries among them."""
    short, long = sorted((one, other), key=len)
    length = min(len(one) + len(other) - 1, limits.entries + 1)
    found = np.full(length, limits.beyond, dtype=one.dtype)
    for at, value in enumerate(short[:length]):
        if value < limits.beyond:
            part = found[at : at + len(long)]
            np.minimum(part, long[: len(part)] + value, out=part)
    return found


def division(one: Curve, other: Curve, entries: int) -> tuple[int, int]:
    """Return how two parts best share the entries; the first gets as few as that allows."""
    low, high = max(0, entries - len(other) + 1), min(entries, len(one) - 1)
    sums = one[low : high + 1] + other[entries - high : entries - low + 1][::-1]
    first = low + int(np.argmin(sums))
    return first, entries - first


def _paid(curve: Curve, limits: Limits) -> Curve:
    """Return the curve with one entry more to write."""
    return np.concatenate((limits.curve(limits.beyond), curve))[: limits.entries + 1]


def _dearer(curve: Curve, unseen: int, limits: Limits) -> Curve:
    """Return the curve with some never-seen addresses more."""
    found: Curve = np.minimum(curve + min(unseen, limits.beyond), limits.beyond)
    return found


def _least(limits: Limits, *curves: Curve) -> Curve:
    """Return the best of the curves at each number of entries, without the part where it no longer falls."""
    found = np.full(max(map(len, curves)), limits.beyond, dtype=curves[0].dtype)
    for curve in curves:
        np.minimum(found[: len(curve)], curve, out=found[: len(curve)])
        np.minimum(found[len(curve) :], curve[-1], out=found[len(curve) :])
    return found[: int(np.argmax(found == found[-1])) + 1]


def switches(root: Node, entries: int) -> Iterator[Switch]:
    """Yield the switches, in no certain order, that give what the root's `off` has at this number of entries.

    It must be the least number with that value. Of choices that are as good, it takes the one that lets in less, at
    the widest prefix where they differ.
    """
    todo = [(root, False, entries)]
    while todo:
        node, on, left = todo.pop()
        value = int((node.on if on else node.off)[left])
        if on and _is(node.off, left - 1, value):
            yield Switch(*node.upper, False)
            on, left = False, left - 1
        elif on and (node.way.kept is None or not _is(node.parted[1], left, value - node.way.kept)):
            yield Switch(*node.way.half, False)
            left -= 1
        if not on and not _is(node.parted[0], left, value):
            yield Switch(node.start, node.length, True)
            on, left = True, left - 1
        if node.children:
            one, other = node.children
            first, second = division(one.on, other.on, left) if on else division(one.off, other.off, left)
            todo += [(one, on, first), (other, on, second)]


def _is(curve: Curve, entries: int, value: int) -> bool:
    return 0 <= entries < len(curve) and int(curve[entries]) == value
