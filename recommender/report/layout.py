"""Turns a graph into a drawing: where boxes, lanes, lines, arrowheads and labels are, in the units of the SVG."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Final

from recommender.report.arrange import Arrangement, arrange
from recommender.report.graph import OUTSIDE, Graph, Line
from recommender.report.layers import layers
from recommender.report.trunks import PORT_STEP, Room, Side, Trunk, room_of

NODE_WIDTH: Final = 138.0
GAP: Final = 58.0
"""Between layers, for the curves."""
LETTER: Final = 5.7
"""Width of a letter of a line's label."""
MARGIN: Final = 14.0


@dataclass(frozen=True)
class Box:
    """A rectangle by its top left corner."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Wire:
    """One curve from left to right or right to left, level at both ends; `lines` are all that run through it."""

    start: tuple[float, float]
    end: tuple[float, float]
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Path:
    """A trunk drawn: its wires, and its arrowhead's tip, which touches the box at the trunk's side.

    `middles` are points on the way of each of its lines, before lines meet: where a mark speaks for one line.
    """

    trunk: Trunk
    wires: tuple[Wire, ...]
    tip: tuple[float, float]
    middles: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Loop:
    """A line of a workload to itself, between its own replicas: it leaves and enters the box at the right."""

    line: Line
    x: float
    leaves: float
    enters: float


@dataclass(frozen=True)
class Drawing:
    """Everything placed; `nodes` are in the graph's order, `lanes` from top to bottom."""

    width: float
    height: float
    lanes: tuple[tuple[str, Box], ...]
    nodes: tuple[Box, ...]
    paths: tuple[Path, ...]
    loops: tuple["Loop", ...]


@dataclass(frozen=True)
class _Column:
    """One layer: where slots enter and leave it, and where its boxes begin."""

    left: float
    boxes: float
    right: float


def lay_out(graph: Graph) -> Drawing:
    """Return the drawing of a graph: callers left of those they call, a lane for each namespace."""
    layer = layers(len(graph.nodes), ((line.src, line.dst) for line in graph.lines))
    room = room_of(graph, layer)
    placed = arrange(room.items, room.links, OUTSIDE)
    columns = _columns(room, layer)
    boxes = [
        Box(columns[item.layer].boxes, middle - item.height / 2, NODE_WIDTH, item.height)
        for item, middle in zip(room.items[: len(graph.nodes)], placed.middle, strict=False)
    ]
    ports = _ports(room, placed)
    router = _Router(layer, columns, placed, ports)
    paths = tuple(router.path(number, trunk) for number, trunk in enumerate(room.trunks))
    width = max((column.right for column in columns), default=0.0) + MARGIN
    lanes = tuple((lane, Box(0, top, width, bottom - top)) for lane, (top, bottom) in placed.lanes.items())
    loops = tuple(
        Loop(line, boxes[line.src].x + NODE_WIDTH, *(ports[line.src, "right", end] for end in _loop_ends(number)))
        for number, line in enumerate(room.loops)
    )
    return Drawing(width, placed.height, lanes, tuple(boxes), paths, loops)


def _columns(room: Room, layer: Sequence[int]) -> tuple[_Column, ...]:
    """Return the columns, each with room for the labels at both sides of its boxes."""
    count = max(layer, default=-1) + 1
    room_for: dict[Side, list[float]] = {"left": [0.0] * count, "right": [0.0] * count}
    for trunk in room.trunks:
        widths = room_for[trunk.side]
        widths[layer[trunk.dst]] = max(widths[layer[trunk.dst]], len(trunk.label) * LETTER + 18)
    for line in room.loops:
        room_for["right"][layer[line.src]] = max(room_for["right"][layer[line.src]], len(line.label) * LETTER + 35)
    columns, x = [], MARGIN
    for left, right in zip(room_for["left"], room_for["right"], strict=True):
        columns.append(_Column(x, x + left, x + left + NODE_WIDTH + right))
        x = columns[-1].right + GAP
    return tuple(columns)


Ports = dict[tuple[int, Side, int | None], float]
"""(node, side, position of the trunk that enters there, None for all that leave, below 0 for loops) -> height."""


def _loop_ends(number: int) -> tuple[int, int]:
    return -2 * number - 2, -2 * number - 1


def _ports(room: Room, placed: Arrangement) -> Ports:
    """Return where lines meet the boxes: in the order of where they come from, so that they do not cross at the box."""
    wanted: dict[tuple[int, Side], list[tuple[float, int | None]]] = {}
    leaving: dict[tuple[int, Side], list[float]] = {}
    layer = [item.layer for item in room.items]
    for number, trunk in enumerate(room.trunks):
        before = [trunk.slots[max(trunk.slots) if trunk.side == "left" else min(trunk.slots)]] if trunk.slots else []
        step = -1 if trunk.side == "left" else 1
        before += [line.src for line in trunk.lines if layer[line.src] == layer[trunk.dst] + step]
        come_from = sum(placed.middle[item] for item in before) / len(before)
        wanted.setdefault((trunk.dst, trunk.side), []).append((come_from, number))
        out: Side = "right" if trunk.side == "left" else "left"
        for line in trunk.lines:
            leaving.setdefault((line.src, out), []).append(placed.middle[trunk.entry(layer[line.src])])
    for (node, side), targets in leaving.items():
        wanted.setdefault((node, side), []).append((sum(targets) / len(targets), None))
    for number, line in enumerate(room.loops):  # below all others, so that nothing crosses them
        ends: list[tuple[float, int | None]] = [(inf, end) for end in _loop_ends(number)]
        wanted.setdefault((line.src, "right"), []).extend(ends)
    found: Ports = {}
    for (node, side), meeting in wanted.items():
        meeting.sort(key=lambda entry: (entry[0], entry[1] is not None, entry[1] or 0))
        top = placed.middle[node] - PORT_STEP * (len(meeting) - 1) / 2
        found |= {(node, side, number): top + PORT_STEP * place for place, (_, number) in enumerate(meeting)}
    return found


def _middle(wire: Wire) -> tuple[float, float]:
    """Return the point halfway of a curve: it is the same seen from both ends."""
    return (wire.start[0] + wire.end[0]) / 2, (wire.start[1] + wire.end[1]) / 2


@dataclass(frozen=True)
class _Router:
    """Draws trunks: `forward` ones run to the right and meet boxes at their left side, the others mirrored."""

    layer: Sequence[int]
    columns: Sequence[_Column]
    placed: Arrangement
    ports: Ports

    def path(self, number: int, trunk: Trunk) -> Path:
        """Return the wires of a trunk, each stretch once however many lines run through it."""
        forward = trunk.side == "left"
        step = 1 if forward else -1
        last = self.layer[trunk.dst]
        height = self.ports[trunk.dst, trunk.side, number]
        feeders = [self._feeder(trunk, line, height) for line in trunk.lines]
        middles = tuple(_middle(curve) for _, curve in feeders)
        wires = [wire for feeder in feeders for wire in feeder]
        for place in sorted(trunk.slots, reverse=not forward):
            own = self.placed.middle[trunk.slots[place]]
            after = self.placed.middle[trunk.slots[place + step]] if place + step in trunk.slots else height
            through = tuple(line for line in trunk.lines if (self.layer[line.src] - place) * step < 0)
            enter, leave = self._sides(place, forward=forward)
            wires.append(Wire((enter, own), (leave, own), through))
            wires.append(Wire((leave, own), (self._sides(place + step, forward=forward)[0], after), through))
        tip = self.columns[last].boxes + (0 if forward else NODE_WIDTH), height
        wires.append(Wire((self._sides(last, forward=forward)[0], height), tip, trunk.lines))
        return Path(trunk, tuple(wire for wire in wires if wire.start != wire.end), tip, middles)

    def _feeder(self, trunk: Trunk, line: Line, height: float) -> tuple[Wire, Wire]:
        """Return the way from a source's box to the next layer."""
        forward = trunk.side == "left"
        place = self.layer[line.src]
        out = self.ports[line.src, "right" if forward else "left", None]
        item = trunk.entry(place)
        target = height if item == trunk.dst else self.placed.middle[item]
        box = self.columns[place].boxes + (NODE_WIDTH if forward else 0)
        leave = self._sides(place, forward=forward)[1]
        enter = self._sides(place + (1 if forward else -1), forward=forward)[0]
        return Wire((box, out), (leave, out), (line,)), Wire((leave, out), (enter, target), (line,))

    def _sides(self, place: int, *, forward: bool) -> tuple[float, float]:
        """Return where a trunk enters and leaves a column."""
        column = self.columns[place]
        return (column.left, column.right) if forward else (column.right, column.left)
