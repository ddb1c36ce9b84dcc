"""Turns a graph into one SVG: lanes, boxes, lines told apart by colour and by dash, switches without script."""

from collections.abc import Iterable, Mapping
from typing import Final

from collectors.inventory import WorkloadRef
from recommender.report.facts import STATES, State
from recommender.report.graph import OUTSIDE, Graph, Line, Node
from recommender.report.layout import Box, Loop, Path, Wire, lay_out
from recommender.report.markup import Html, tag
from recommender.report.words import plural

TITLE_LETTERS: Final = 17
SUBTITLE_LETTERS: Final = 23
WIDEST: Final = 1700
"""Wider pictures scroll: made to fit a screen, nobody could read them."""


def picture(graph: Graph, ids: Mapping[WorkloadRef, str]) -> Html:
    """Return the picture with its switches and its legend; workloads link to their part of the page."""
    drawing = lay_out(graph)
    width, height = drawing.width, drawing.height
    # Widest lines last would hide the rest: what breaks is drawn on top, what is withheld at the bottom.
    order = list(STATES)
    paths = sorted(drawing.paths, key=lambda path: (-order.index(path.trunk.state), not path.trunk.dns))
    svg = tag(
        "svg",
        tag("title", "Who talks to whom", id="picture-title"),
        tag("desc", _description(graph), id="picture-desc"),
        [_lane(lane, box) for lane, box in drawing.lanes],
        [_path(path, graph) for path in paths],
        [_loop(loop, graph) for loop in drawing.loops],
        [_node(number, node, drawing.nodes[number], ids) for number, node in enumerate(graph.nodes)],
        [_label(path) for path in paths],
        viewBox=f"0 0 {width:.0f} {height:.0f}",
        width=round(width),
        height=round(height),
        class_="wide" if width > WIDEST else None,
        role="img",
        aria_labelledby="picture-title picture-desc",
    )  # fmt: skip
    return tag(
        "div",
        _switches(graph.lines),
        tag("div", svg, class_="canvas", tabindex=0, role="region", aria_label="Picture of who talks to whom"),
        class_="picture",
    )


def hover_rules(nodes: int) -> Html:
    """Return the style rules that fade all lines but those of the node under the pointer; made of numbers only."""
    rules = (f".canvas:has(.n{n}:hover) .wire:not(.l{n}){{opacity:.08}}" for n in range(nodes))
    return Html("\n".join(rules))


def _description(graph: Graph) -> str:
    lanes = sum(1 for lane in {node.lane for node in graph.nodes} if lane != OUTSIDE)
    return (
        f"{plural(graph.workloads, 'workload')} in {plural(lanes, 'namespace')} and "
        f"{plural(len(graph.nodes) - graph.workloads, 'end')} outside the pods, joined by "
        f"{plural(len(graph.lines), 'line')}. The table below the picture says the same in words."
    )


def _switches(lines: Iterable[Line]) -> Html:
    """Return the legend: a sample of each kind of line that occurs, its meaning, its count, and a switch to hide it."""
    counts: dict[State, int] = {}
    dns = 0
    for line in lines:
        counts[line.state] = counts.get(line.state, 0) + len(line.facts)
        dns += len(line.facts) if line.dns else 0
    rows = [_switch(state, meaning, counts[state]) for state, meaning in STATES.items() if state in counts]
    if dns:
        rows.append(_switch("dns", "name resolution (drawn thinner)", dns))
    return tag("div", rows, class_="legend")


def _switch(name: str, meaning: str, count: int) -> Html:
    sample = tag(
        "svg",
        tag("path", d="M1 6H36", class_=f"wire {name}"),
        tag("path", d="M44 6l-9 -4.5v9z", class_=f"head {name}"),
        width=46, height=12, aria_hidden="true",
    )  # fmt: skip
    box = tag("input", type="checkbox", checked=True, id=f"show-{name}", class_=f"show-{name}")
    return tag("label", box, sample, f"{meaning} ", tag("b", f"{count:,}"), for_=f"show-{name}")


def _lane(lane: str, box: Box) -> Html:
    name = "outside the pods: addresses, nodes, API server" if lane == OUTSIDE else shorten(lane, 60)
    return tag(
        "g",
        tag("rect", x=box.x + 0.5, y=box.y + 0.5, width=box.width - 1, height=box.height - 1, rx=8),
        tag("text", name, x=box.x + 12, y=box.y + 18),
        tag("title", "outside the pods" if lane == OUTSIDE else f"namespace {lane}"),
        class_="lane outside" if lane == OUTSIDE else "lane",
    )


def _node(number: int, node: Node, box: Box, ids: Mapping[WorkloadRef, str]) -> Html:
    middle = box.y + box.height / 2
    drawn = tag(
        "g",
        tag("title", node.full),
        tag("rect", x=box.x, y=box.y, width=box.width, height=box.height, rx=5),
        tag("text", shorten(node.title, TITLE_LETTERS), x=box.x + box.width / 2, y=middle - 2, class_="name"),
        tag("text", shorten(node.subtitle, SUBTITLE_LETTERS), x=box.x + box.width / 2, y=middle + 11, class_="kind"),
        class_=f"node n{number}" + ("" if node.workload else " address"),
    )
    # The tables carry the same links for the keyboard; inside an image they are for the pointer only.
    target = None if node.workload is None else ids.get(node.workload)
    return drawn if target is None else tag("a", drawn, href=f"#{target}", tabindex=-1)


def _path(path: Path, graph: Graph) -> Html:
    trunk = path.trunk
    kind = f"{trunk.state} dns" if trunk.dns else trunk.state
    wires = [_wire(wire, kind, graph) for wire in path.wires]
    nodes = " ".join(f"l{node}" for node in sorted({trunk.dst, *(line.src for line in trunk.lines)}))
    x, y = path.tip
    back = -9 if trunk.side == "left" else 9
    head = tag("path", d=f"M{x:.1f} {y:.1f}l{back} -4.5v9z", class_=f"wire head {kind} {nodes}")
    return tag("g", wires, head)


def _wire(wire: Wire, kind: str, graph: Graph) -> Html:
    (x1, y1), (x2, y2) = wire.start, wire.end
    if y1 == y2:
        way = f"M{x1:.1f} {y1:.1f}H{x2:.1f}"
    else:
        bend = (x2 - x1) / 2
        way = f"M{x1:.1f} {y1:.1f}C{x1 + bend:.1f} {y1:.1f} {x2 - bend:.1f} {y2:.1f} {x2:.1f} {y2:.1f}"
    nodes = " ".join(f"l{node}" for node in sorted({node for line in wire.lines for node in (line.src, line.dst)}))
    return tag("path", tag("title", _told(wire.lines, graph)), d=way, class_=f"wire {kind} {nodes}")


def _told(lines: Iterable[Line], graph: Graph) -> str:
    """Return what a line means, for the pointer; a trunk names its first few sources and counts the rest."""
    found = [
        f"{graph.nodes[line.src].full} → {graph.nodes[line.dst].full} {line.label}: {STATES[line.state]}"
        for line in lines
    ]
    return "; ".join(found[:8]) + (f"; and {len(found) - 8} more" if len(found) > 8 else "")


def _label(path: Path) -> Html:
    trunk = path.trunk
    x, y = path.tip
    forward = trunk.side == "left"
    return tag(
        "text",
        trunk.label,
        x=x - 11 if forward else x + 11,
        y=y - 3.5,
        class_=f"port {trunk.state}" + (" dns" if trunk.dns else ""),
        text_anchor="end" if forward else "start",
    )


def _loop(loop: Loop, graph: Graph) -> Html:
    line = loop.line
    kind = f"{line.state} dns" if line.dns else line.state
    high = loop.enters - loop.leaves
    wire = f"M{loop.x:.1f} {loop.leaves:.1f}c20 0 20 {high:.1f} 0 {high:.1f}"
    return tag(
        "g",
        tag("path", tag("title", _told([line], graph)), d=wire, class_=f"wire {kind} l{line.src}"),
        tag("path", d=f"M{loop.x:.1f} {loop.enters:.1f}l9 -4.5v9z", class_=f"wire head {kind} l{line.src}"),
        tag("text", line.label, x=loop.x + 19, y=loop.enters - high / 2 + 3.5, class_=f"port {kind}"),
    )


def shorten(name: str, letters: int) -> str:
    """Return a name with its middle left out where it is too long: beginnings and endings both tell things apart."""
    if len(name) <= letters:
        return name
    tail = letters // 3
    return f"{name[: letters - tail - 1]}…{name[-tail:]}"
