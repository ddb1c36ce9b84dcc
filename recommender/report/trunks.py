"""Turns a graph and its layers into items that take room: a box for each node, slots where lines pass a layer.

Lines that end at the same node in the same way (fate, ports) share a trunk, as cables share a duct: everything that
enters the trunk leaves it at its one end, so sharing says nothing untrue and spares most crossings.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

from recommender.drawings import Before, Change
from recommender.report.graph import Graph, Line

Side = Literal["left", "right"]

NODE_HEIGHT: Final = 40.0
PORT_STEP: Final = 15.0
"""Between the lines that meet one side of a box: room for a label on each."""
SLOT_HEIGHT: Final = 9.0


@dataclass(frozen=True)
class Item:
    """Something that stands in a layer of a lane: a node's box, or one slot of a trunk."""

    layer: int
    lane: str
    height: float


@dataclass(frozen=True)
class Trunk:
    """Lines with one end in common: they enter `dst` at `side`; `slots` are its items by layer."""

    dst: int
    side: Side
    before: Before
    change: Change
    dns: bool
    ports: str
    lines: tuple[Line, ...]
    slots: Mapping[int, int]

    @property
    def label(self) -> str:
        """What stands at its arrowhead, the same for all its lines."""
        return self.lines[0].label

    def entry(self, layer: int) -> int:
        """Return the item that the line of a source in some layer runs to first."""
        return self.slots.get(layer + 1 if self.side == "left" else layer - 1, self.dst)


@dataclass(frozen=True)
class Room:
    """All items (nodes first, in the graph's order), all trunks, loops, and which items are linked across a gap."""

    items: tuple[Item, ...]
    trunks: tuple[Trunk, ...]
    loops: tuple[Line, ...]
    links: tuple[tuple[int, int], ...]


def room_of(graph: Graph, layer: Sequence[int]) -> Room:
    """Return what has to be placed so that every line of the graph can be drawn."""
    shared: dict[tuple[int, Side, Before, Change, bool, str], list[Line]] = {}
    loops = tuple(line for line in graph.lines if line.src == line.dst)
    for line in graph.lines:
        if line.src != line.dst:
            side: Side = "left" if layer[line.src] < layer[line.dst] else "right"
            key = (line.dst, side, line.before, line.change, line.dns, line.ports)
            shared.setdefault(key, []).append(line)
    slots: list[Item] = []
    trunks = []
    for key, lines in shared.items():
        dst = key[0]
        passed = _passed(layer[dst], [layer[line.src] for line in lines])
        first = len(graph.nodes) + len(slots)
        slots += [Item(number, graph.nodes[dst].lane, SLOT_HEIGHT) for number in passed]
        taken = {number: first + position for position, number in enumerate(passed)}
        trunks.append(Trunk(*key, tuple(lines), taken))
    boxes = [
        Item(layer[node], graph.nodes[node].lane, _height(node, trunks, loops)) for node in range(len(graph.nodes))
    ]  # fmt: skip
    return Room((*boxes, *slots), tuple(trunks), loops, _links(trunks, layer))


def _passed(dst: int, srcs: list[int]) -> list[int]:
    """Return the layers strictly between the end of a trunk and its farthest source."""
    if min(srcs) < dst:
        return list(range(min(srcs) + 1, dst))
    return list(range(dst + 1, max(srcs)))


def _height(node: int, trunks: Sequence[Trunk], loops: Sequence[Line]) -> float:
    """Return the height that the lines on the fuller side of a box need; a loop leaves and enters at the right."""
    sides = {"left": 0, "right": 2 * sum(loop.src == node for loop in loops)}
    leaving = {"left": False, "right": False}
    for trunk in trunks:
        sides[trunk.side] += trunk.dst == node
        if any(line.src == node for line in trunk.lines):
            leaving["right" if trunk.side == "left" else "left"] = True
    fullest = max(sides[side] + leaving[side] for side in sides)
    return max(NODE_HEIGHT, fullest * PORT_STEP + 8)


def _links(trunks: Sequence[Trunk], layer: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Return (item, item in the next layer) for every line's way, each as often as lines take it."""
    found = []
    for trunk in trunks:
        found += [(line.src, trunk.entry(layer[line.src])) for line in trunk.lines]
        ordered = [trunk.slots[number] for number in sorted(trunk.slots, reverse=trunk.side == "right")]
        found += pairwise([*ordered, trunk.dst])
    return tuple(found) if found else ()
