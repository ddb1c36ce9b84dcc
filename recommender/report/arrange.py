"""Turns items and their links into heights on the page: lanes one above the other, few crossings, straight lines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from recommender.report.trunks import Item

LANE_TOP: Final = 30.0
LANE_BOTTOM: Final = 14.0
LANE_GAP: Final = 14.0
BETWEEN: Final = 9.0
SWEEPS: Final = 24

Links = Sequence[tuple[int, int]]


@dataclass(frozen=True)
class Arrangement:
    """The middle of every item, and top and bottom of every lane in their order."""

    middle: tuple[float, ...]
    lanes: Mapping[str, tuple[float, float]]
    height: float


def arrange(items: Sequence[Item], links: Links, first_lane: str) -> Arrangement:
    """Return where items stand; `first_lane` is on top, the others are ordered so that lanes that talk are near."""
    cells: dict[tuple[str, int], list[int]] = {}
    for number, item in enumerate(items):
        cells.setdefault((item.lane, item.layer), []).append(number)
    lanes = _lane_bands(items, cells, _lane_order(items, links, first_lane))
    middle = [0.0] * len(items)
    for (lane, _), cell in cells.items():
        _place(cell, [0.0] * len(cell), items, lanes[lane], middle)
    neighbours: tuple[dict[int, list[int]], dict[int, list[int]]] = ({}, {})
    for one, other in links:
        before, after = sorted((one, other), key=lambda number: items[number].layer)
        neighbours[0].setdefault(after, []).append(before)
        neighbours[1].setdefault(before, []).append(after)
    best, least = list(middle), _length(links, middle)
    for sweep in range(SWEEPS):
        to_the_right = sweep % 2 == 0
        _sweep(cells, neighbours[0 if to_the_right else 1], items, lanes, middle, to_the_right=to_the_right)
        length = _length(links, middle)
        if length < least:
            best, least = list(middle), length
    bottom = max((bottom for _, bottom in lanes.values()), default=0.0)
    return Arrangement(tuple(best), lanes, bottom)


def _length(links: Links, middle: Sequence[float]) -> float:
    return sum(abs(middle[one] - middle[other]) for one, other in links)


def _sweep(
    cells: Mapping[tuple[str, int], list[int]],
    neighbours: Mapping[int, list[int]],
    items: Sequence[Item],
    lanes: Mapping[str, tuple[float, float]],
    middle: list[float],
    *,
    to_the_right: bool,
) -> None:
    """Move the items of one layer after the other towards the middle of what they are linked to in the one before."""
    for lane, layer in sorted(cells, key=lambda cell: (cell[1] if to_the_right else -cell[1], cell[0])):
        cell = cells[lane, layer]
        wanted = {}
        for number in cell:
            others = [middle[other] for other in neighbours.get(number, ())]
            wanted[number] = sum(others) / len(others) if others else middle[number]
        cell.sort(key=lambda number: (wanted[number], middle[number], number))
        _place(cell, [wanted[number] for number in cell], items, lanes[lane], middle)


def _place(
    cell: Sequence[int], wanted: Sequence[float], items: Sequence[Item], band: tuple[float, float], middle: list[float]
) -> None:
    """Set the middles of a cell's items, in their order, as near to the wanted ones as room allows.

    Least squares under "each at least so far below the last": pool neighbours that would overlap (PAVA).
    """
    offsets, used = [], 0.0
    for number in cell:
        offsets.append(used + items[number].height / 2)
        used += items[number].height + BETWEEN
    pools: list[tuple[float, int]] = []
    for want, offset in zip(wanted, offsets, strict=True):
        pools.append((want - offset, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (high, many), (low, few) = pools[-2:]
            pools[-2:] = [((high * many + low * few) / (many + few), many + few)]
    top = band[0] + LANE_TOP
    lowest = band[1] - LANE_BOTTOM - (used - BETWEEN)
    shifts = [min(max(shift, top), max(lowest, top)) for shift, count in pools for _ in range(count)]
    for number, offset, shift in zip(cell, offsets, shifts, strict=True):
        middle[number] = round(shift + offset, 1)


def _lane_bands(
    items: Sequence[Item], cells: Mapping[tuple[str, int], list[int]], order: Sequence[str]
) -> dict[str, tuple[float, float]]:
    """Return top and bottom of each lane: as high as its fullest layer."""
    content = dict.fromkeys(order, 0.0)
    for (lane, _), cell in cells.items():
        content[lane] = max(content[lane], sum(items[number].height + BETWEEN for number in cell) - BETWEEN)
    bands, top = {}, 0.0
    for lane in order:
        bottom = top + LANE_TOP + content[lane] + LANE_BOTTOM
        bands[lane] = (top, bottom)
        top = bottom + LANE_GAP
    return bands


def _lane_order(items: Sequence[Item], links: Links, first: str) -> list[str]:
    """Return the lanes so ordered that links cross few of them: improved from the sorted order by single moves."""
    weights: dict[tuple[str, str], int] = {}
    for one, other in links:
        pair = items[one].lane, items[other].lane
        if pair[0] != pair[1]:
            weights[pair] = weights.get(pair, 0) + 1
    order = sorted({item.lane for item in items}, key=lambda lane: (lane != first, lane))
    fixed = 1 if order and order[0] == first else 0
    best, improved = _crossed(order, weights), True
    while improved:
        improved = False
        for source in range(fixed, len(order)):
            for target in range(fixed, len(order)):
                moved = [lane for lane in order if lane != order[source]]
                moved.insert(target, order[source])
                cost = _crossed(moved, weights)
                if cost < best:
                    order, best, improved = moved, cost, True
    return order


def _crossed(order: Sequence[str], weights: Mapping[tuple[str, str], int]) -> int:
    place = {lane: position for position, lane in enumerate(order)}
    return sum(weight * abs(place[one] - place[other]) for (one, other), weight in weights.items())
