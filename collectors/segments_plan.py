"""Turns the sizes of a learning store's segments into which of them are merged next, and which a budget removes.

The rule: a segment over half of `largest` bytes is full and stays as it is. Sixteen neighbours of one level that are
not full become one, as far as they fit into `largest`; the level of a segment is that power of sixteen which the number
of its intervals reaches. Neighbours that lie before a full one become one at once, for nothing will join them any more.

What follows: of n intervals and b bytes there are no more than 15 * (log16(n) + 1) + 4 * b / largest + 1 segments,
no row is written more than log16(n) + 3 times, and no merge reads more than `largest` bytes.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

FAN = 16
LARGEST = 2 * 1024 * 1024
"""Bytes on disk that one merge reads at most: about 70,000 rows of flows, so that its memory is bounded."""
_SHARE = 8
"""Part of a budget that is removed at once, and that no segment exceeds by merging."""


@dataclass(frozen=True, order=True)
class Segment:
    """The intervals from `first` to `last`, both included."""

    first: int
    last: int

    @property
    def name(self) -> str:
        """What its folder is called."""
        return f"{self.first:010}-{self.last:010}"

    @property
    def level(self) -> int:
        """The power of sixteen that the number of its intervals reaches."""
        return ((self.last - self.first + 1).bit_length() - 1) // (FAN.bit_length() - 1)


def spanning(segments: Iterable[Segment]) -> Segment:
    """Return the segment from the first interval of some to their last."""
    listed = list(segments)
    return Segment(min(one.first for one in listed), max(one.last for one in listed))


def largest_for(budget: int | None) -> int:
    """Return how many bytes a merge may come to."""
    return LARGEST if budget is None else min(LARGEST, budget // _SHARE)


def next_merge(sizes: Mapping[Segment, int], largest: int, *, pack: bool = False) -> list[Segment]:
    """Return the neighbours that are merged next, oldest first; none where there is nothing to do.

    With `pack` the newest do not wait until there are sixteen of them.
    """
    *closed, still_growing = _stretches(sizes, largest)
    runs = [still_growing] if pack else []
    runs = [run for run in (*closed, *runs) if len(run) > 1]
    if not pack:
        levels = (list(run) for _, run in groupby(still_growing, key=lambda segment: segment.level))
        runs += [run[:FAN] for run in levels if len(run) >= FAN]
    return list(_fitting(runs[0], sizes, largest)) if runs else []


def beyond(sizes: Mapping[Segment, int], budget: int) -> list[Segment]:
    """Return the oldest segments that must go for the rest to fit a budget and leave an eighth of it free.

    The newest always stays.
    """
    total, gone = sum(sizes.values()), []
    for segment in sorted(sizes)[:-1] if total > budget else []:
        if total <= budget - budget // _SHARE:
            break
        gone.append(segment)
        total -= sizes[segment]
    return gone


def _stretches(sizes: Mapping[Segment, int], largest: int) -> list[list[Segment]]:
    """Return the segments that are not full, as the full ones part them; the last stretch is still growing."""
    stretches: list[list[Segment]] = [[]]
    for segment in sorted(sizes):
        if sizes[segment] > largest // 2:
            stretches.append([])
        else:
            stretches[-1].append(segment)
    return stretches


def _fitting(run: list[Segment], sizes: Mapping[Segment, int], largest: int) -> Iterator[Segment]:
    total = 0
    for segment in run:
        total += sizes[segment]
        if total > largest:
            return
        yield segment
