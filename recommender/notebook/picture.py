"""Turns the rows of a table into a picture of them as plain data: boxes of workloads with lines between, or a matrix.

Which rows are drawn is what the table's filter says: to look at one workload is to filter for it.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from recommender.notebook.rows import Line, Place
from recommender.what_if import EFFECTS, Effect

Show = Literal["", "graph", "matrix"]
MOST_WORKLOADS = 60
"""With more ends than this, each box is drawn as one."""
MOST_EDGES = 1500
_WORST: tuple[Effect, ...] = ("would_break", "blocked", "allowed", "not_affected")
_DNS = frozenset({53, 5353})
_ROW, _HEAD, _PAD, _WIDTH, _ACROSS, _BETWEEN = 24, 26, 8, 196, 110, 22
_TALLEST = 560


@dataclass(frozen=True)
class _Edge:
    source: str
    destination: str
    effect: Effect
    count: int
    undecided: int


def picture(found: Sequence[Line], show: Show, focus: str = "", *, dns: bool) -> dict[str, Any]:
    """Return what is drawn of the rows; `dns` says whether name resolution is.

    `focus` is the key of a box, or of an end in it, whose workloads are drawn one by one however many rows there are.
    """
    if not show:
        return {"show": ""}
    drawn = [line for line in found if dns or line.item.communication.port not in _DNS]
    base = {"show": show, "dns": dns, "hidden": len(found) - len(drawn), "rows": len(drawn)}
    return {**base, **(_matrix(drawn) if show == "matrix" else _graph(drawn, focus))}


def _edges(found: Iterable[Line], opened: Collection[str] = ()) -> list[_Edge]:
    """Return the lines to draw, the worst and busiest first: between ends in opened boxes, between boxes else."""
    effects: defaultdict[tuple[str, str], Counter[Effect]] = defaultdict(Counter)
    undecided: Counter[tuple[str, str]] = Counter()
    for line in found:
        ends = _spot(line.source, opened), _spot(line.destination, opened)
        effects[ends][line.effect] += 1
        undecided[ends] += line.status in {"undecided", "stale"}
    edges = [
        _Edge(*ends, next(e for e in _WORST if counts[e]), counts.total(), undecided[ends])
        for ends, counts in effects.items()
    ]
    return sorted(edges, key=lambda e: (_WORST.index(e.effect), -e.count, e.source, e.destination))


def _graph(found: Sequence[Line], focus: str) -> dict[str, Any]:
    ends = {place.key: place for line in found for place in (line.source, line.destination)}
    boxes: defaultdict[str, list[Place]] = defaultdict(list)
    for place in sorted(ends.values(), key=lambda place: (place.box_label, place.label, place.key)):
        boxes[place.box].append(place)
    opened = _opened(boxes, focus)
    edges = _edges(found, opened)
    placed, nodes, size = _laid_out(boxes, edges, opened)
    spots = {spot["key"]: spot for spot in (*placed, *nodes)}
    return {
        "whole": len(opened) < len(boxes),
        "boxes": placed,
        "nodes": nodes,
        "edges": [_drawn(edge, spots) for edge in edges[:MOST_EDGES]],
        "not_drawn": max(0, len(edges) - MOST_EDGES),
        "width": size[0],
        "height": size[1],
    }


def _opened(boxes: Mapping[str, Sequence[Place]], focus: str) -> frozenset[str]:
    """Return the boxes whose ends are drawn one by one: all of them while they are few, else the one in focus."""
    if sum(map(len, boxes.values())) <= MOST_WORKLOADS:
        return frozenset(boxes)
    near = {key for key, listed in boxes.items() if focus == key or any(place.key == focus for place in listed)}
    return frozenset(key for key in near if len(boxes[key]) <= MOST_WORKLOADS)


def _spot(place: Place, opened: Collection[str]) -> str:
    return place.key if place.box in opened else place.box


def _laid_out(
    boxes: Mapping[str, Sequence[Place]], edges: Sequence[_Edge], opened: Collection[str]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], tuple[int, int]]:
    """Place boxes in columns, who mostly asks at the left, who mostly answers at the right; ends inside their box."""
    box_of = {place.key: key for key, listed in boxes.items() for place in listed} | {key: key for key in boxes}
    asks: Counter[str] = Counter()
    for edge in edges:
        asks[box_of[edge.source]] += edge.count
        asks[box_of[edge.destination]] -= edge.count
    order = sorted(boxes, key=lambda key: (_side(boxes[key][0], asks[key]), -asks[key], boxes[key][0].box_label, key))
    heights = {key: _HEAD + _PAD + _ROW * (len(boxes[key]) if key in opened else 1) for key in boxes}
    columns = _columns(order, heights)
    placed: list[dict[str, Any]] = []
    nodes: list[dict[str, Any]] = []
    for column, keys in enumerate(columns):
        x, y = 20 + column * (_WIDTH + _ACROSS), 20
        for key in keys:
            first = boxes[key][0]
            box = {"key": key, "label": first.box_label, "inside": first.inside, "count": len(boxes[key])}
            placed.append({**box, "whole": key not in opened, "x": x, "y": y, "w": _WIDTH, "h": heights[key]})
            if key in opened:
                nodes += [
                    {"key": place.key, "label": place.label, "x": x + _PAD, "y": y + _HEAD + at * _ROW,
                     "w": _WIDTH - 2 * _PAD, "h": _ROW - 4}
                    for at, place in enumerate(boxes[key])
                ]  # fmt: skip
            y += heights[key] + _BETWEEN
    tall = 20 + max((sum(heights[key] + _BETWEEN for key in keys) for keys in columns), default=60)
    return placed, nodes, (40 + len(columns) * (_WIDTH + _ACROSS), tall)


def _side(place: Place, asks: int) -> int:
    """Return 0 for clients from outside, 2 for what is asked outside, 1 for the cluster between them."""
    if place.inside:
        return 1
    return 0 if asks > 0 else 2


def _columns(order: Sequence[str], heights: Mapping[str, int]) -> list[list[str]]:
    """Return the boxes in columns of like height, at least two where there are two boxes."""
    total = sum(heights[key] + _BETWEEN for key in order)
    count = max(min(len(order), 3), -(-total // _TALLEST)) if order else 0
    columns: list[list[str]] = []
    used = 0.0
    for at, key in enumerate(order):
        left = len(order) - at
        is_full = len(columns) < count and used >= total / count * len(columns)
        if not columns or is_full or left == count - len(columns):
            columns.append([])
        columns[-1].append(key)
        used += heights[key] + _BETWEEN
    return columns


def _drawn(edge: _Edge, spots: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return a line as an SVG path: across between columns, around at the right inside of one."""
    one, other = spots[edge.source], spots[edge.destination]
    y1, y2 = one["y"] + one["h"] // 2, other["y"] + other["h"] // 2
    if one["x"] == other["x"]:
        x = one["x"] + one["w"]
        out = x + 24 + min(60, abs(y2 - y1) // 4)
        y1, y2 = (y1 - 5, y2 + 5) if one is other else (y1, y2)
        path = f"M{x} {y1}C{out} {y1} {out} {y2} {x} {y2}"
    else:
        right = one["x"] < other["x"]
        x1, x2 = (one["x"] + one["w"], other["x"]) if right else (one["x"], other["x"] + other["w"])
        bend = (x2 - x1) // 2
        path = f"M{x1} {y1}C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}"
    return {"from": edge.source, "to": edge.destination, "effect": edge.effect, "count": edge.count,
            "undecided": edge.undecided, "path": path,
            "words": f"{one['label']} to {other['label']}"}  # fmt: skip


def _matrix(found: Sequence[Line]) -> dict[str, Any]:
    """Return boxes by boxes, rows are who asks; only those that have something in them."""
    named = {place.box: place for line in found for place in (line.source, line.destination)}
    order = sorted(named, key=lambda key: (not named[key].inside, named[key].box_label, key))
    cells = {(edge.source, edge.destination): edge for edge in _edges(found)}
    sources, destinations = ([key for key in order if any(ends[side] == key for ends in cells)] for side in (0, 1))
    return {
        "rows_of": [{"key": key, "label": named[key].box_label} for key in sources],
        "columns_of": [{"key": key, "label": named[key].box_label} for key in destinations],
        "cells": [
            {"from": one, "to": other, "effect": edge.effect, "count": edge.count, "undecided": edge.undecided}
            for (one, other), edge in sorted(cells.items())
        ],
        "effects": list(EFFECTS),
    }
