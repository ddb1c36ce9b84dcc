"""Turns a graph into SVG, before and after: lanes, boxes, lines told apart by colour, dash and mark; no script."""

from collections.abc import Iterable, Mapping
from typing import Final

from collectors.inventory import WorkloadRef
from recommender.drawings import CHANGES, Change
from recommender.report.graph import OUTSIDE, Graph, Line, Node
from recommender.report.layout import Box, Drawing, Loop, Path, Wire, lay_out
from recommender.report.markup import Html, tag
from recommender.report.matrix import matrix_of
from recommender.report.views import LONGEST, MEANINGS, View, fate, told, views
from recommender.report.words import plural
from recommender.text import cut

TITLE_LETTERS: Final = 17
SUBTITLE_LETTERS: Final = 23
LOOP: Final = 24
"""From a box to the label of its loop."""
WIDEST: Final = 1800
"""Wider pictures scroll: made to fit a screen, nobody could read them."""


def picture(graph: Graph, ids: Mapping[WorkloadRef, str]) -> Html:
    """Return before and after, each with switches, legend and matrix; workloads link to their part of the page.

    Both have boxes and lines in the same places, so that the eye finds what differs.
    """
    drawing = lay_out(graph)
    before = _view(graph, drawing, ids, "before")
    return views("picture", before, _view(graph, drawing, ids, "after") if graph.judged else None)


def _view(graph: Graph, drawing: Drawing, ids: Mapping[WorkloadRef, str], view: View) -> Html:
    svg = _svg(graph, drawing, ids, view)
    canvas = tag("div", svg, class_="canvas", tabindex=0, role="group", aria_label="Picture of who talks to whom")
    folded = tag("details", tag("summary", "The same as a matrix"), matrix_of(graph, view))
    return tag("div", tag("div", _switches(graph.lines, view), canvas, class_="picture"), folded)


def _svg(graph: Graph, drawing: Drawing, ids: Mapping[WorkloadRef, str], view: View) -> Html:
    width, height = drawing.width, drawing.height
    # What is drawn last hides the rest: what breaks is on top, what failed anyway at the bottom.
    order = list(CHANGES)
    paths = sorted(drawing.paths, key=lambda path: (-order.index(path.trunk.change), not path.trunk.dns))
    return tag(
        "svg",
        tag("title", f"Who talks to whom, {view}", id=f"{view}-title"),
        tag("desc", _description(graph), id=f"{view}-desc"),
        [_lane(lane, box) for lane, box in drawing.lanes],
        [_path(path, graph, view) for path in paths],
        [_loop(loop, graph, view) for loop in drawing.loops],
        [_node(number, node, drawing.nodes[number], ids) for number, node in enumerate(graph.nodes)],
        [_crosses(path.trunk.lines, path.middles) for path in paths if view == "after"],
        [_label(path, view) for path in paths],
        viewBox=f"0 0 {width:.0f} {height:.0f}",
        width=round(width),
        height=round(height),
        class_="wide" if width > WIDEST else None,
        role="group",  # an image may hold no links
        aria_labelledby=f"{view}-title {view}-desc",
    )  # fmt: skip


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


def _switches(lines: Iterable[Line], view: View) -> Html:
    """Return the legend: a sample of each kind of line that occurs, its meaning, its count, and a switch to hide it."""
    counts: dict[Change, int] = {}
    dns = 0
    for line in lines:
        counts[fate(line, view)] = counts.get(fate(line, view), 0) + line.count
        dns += line.count if line.dns else 0
    rows = [_switch(shown, MEANINGS[shown], counts[shown], view) for shown in CHANGES if shown in counts]
    if dns:
        rows.append(_switch("dns", "name resolution (drawn thinner)", dns, view))
    return tag("div", rows, class_="legend")


def _switch(name: str, meaning: str, count: int, view: View) -> Html:
    sample = tag(
        "svg",
        tag("path", d="M1 8H36", class_=f"wire {name}"),
        tag("path", d="M44 8l-9 -4.5v9z", class_=f"head {name}"),
        _cross(18, 8) if name == "would_break" else None,
        width=46, height=16, aria_hidden="true",
    )  # fmt: skip
    switch = f"{view}-{name}"
    box = tag("input", type="checkbox", checked=True, id=switch, class_=f"show-{name}")
    return tag("label", box, sample, f"{meaning} ", tag("b", f"{count:,}"), for_=switch)


def _crosses(lines: Iterable[Line], middles: Iterable[tuple[float, float]]) -> Html | None:
    marks = [
        _cross(x, y, line) for line, (x, y) in zip(lines, middles, strict=True) if line.change == "would_break"
    ]  # fmt: skip
    return tag("g", marks) if marks else None


def _cross(x: float, y: float, line: Line | None = None) -> Html:
    """Return the mark of what would break: a cross on a disc, which needs neither colour nor a steady hand."""
    nodes = "" if line is None else f" wire l{line.src} l{line.dst}"
    disc = f"M{x - 7:.1f} {y:.1f}a7 7 0 1 0 14 0a7 7 0 1 0 -14 0M{x - 3:.1f} {y - 3:.1f}l6 6m0 -6l-6 6"
    return tag("path", d=disc, class_=f"cross would_break{nodes}")


def _lane(lane: str, box: Box) -> Html:
    name = "outside the pods: addresses, nodes, API server" if lane == OUTSIDE else shorten(lane, 60)
    return tag(
        "g",
        tag("rect", x=box.x + 0.5, y=box.y + 0.5, width=box.width - 1, height=box.height - 1, rx=8),
        tag("text", name, x=box.x + 12, y=box.y + 18),
        tag("title", "outside the pods" if lane == OUTSIDE else f"namespace {cut(lane, LONGEST)}"),
        class_="lane outside" if lane == OUTSIDE else "lane",
    )


def _node(number: int, node: Node, box: Box, ids: Mapping[WorkloadRef, str]) -> Html:
    middle = box.y + box.height / 2
    drawn = tag(
        "g",
        tag("title", cut(node.full, LONGEST)),
        tag("rect", x=box.x, y=box.y, width=box.width, height=box.height, rx=5),
        tag("text", shorten(node.title, TITLE_LETTERS), x=box.x + box.width / 2, y=middle - 2, class_="name"),
        tag("text", shorten(node.subtitle, SUBTITLE_LETTERS), x=box.x + box.width / 2, y=middle + 11, class_="kind"),
        class_=f"node n{number}" + ("" if node.workload else " address"),
    )
    # The tables carry the same links for the keyboard; inside an image they are for the pointer only.
    target = None if node.workload is None else ids.get(node.workload)
    return drawn if target is None else tag("a", drawn, href=f"#{target}", tabindex=-1)


def _path(path: Path, graph: Graph, view: View) -> Html:
    trunk = path.trunk
    kind = _kind(trunk.lines[0], view)
    wires = [_wire(wire, kind, graph, view) for wire in path.wires]
    nodes = " ".join(f"l{node}" for node in sorted({trunk.dst, *(line.src for line in trunk.lines)}))
    x, y = path.tip
    size = 13.0 if fate(trunk.lines[0], view) == "would_break" else 9.0  # a thick line would hide a small head
    back = -size if trunk.side == "left" else size
    head = tag("path", d=f"M{x:.1f} {y:.1f}l{back:.0f} {-size / 2}v{size:.0f}z", class_=f"wire head {kind} {nodes}")
    return tag("g", wires, head)


def _kind(line: Line, view: View) -> str:
    return f"{fate(line, view)} dns" if line.dns else fate(line, view)


def _wire(wire: Wire, kind: str, graph: Graph, view: View) -> Html:
    (x1, y1), (x2, y2) = wire.start, wire.end
    if y1 == y2:
        way = f"M{x1:.1f} {y1:.1f}H{x2:.1f}"
    else:
        bend = (x2 - x1) / 2
        way = f"M{x1:.1f} {y1:.1f}C{x1 + bend:.1f} {y1:.1f} {x2 - bend:.1f} {y2:.1f} {x2:.1f} {y2:.1f}"
    nodes = " ".join(f"l{node}" for node in sorted({node for line in wire.lines for node in (line.src, line.dst)}))
    return tag("path", tag("title", told(wire.lines, graph, view)), d=way, class_=f"wire {kind} {nodes}")


def _label(path: Path, view: View) -> Html:
    trunk = path.trunk
    x, y = path.tip
    forward = trunk.side == "left"
    return tag(
        "text",
        trunk.ports if view == "before" else trunk.label,
        x=x - 11 if forward else x + 11,
        y=y - 3.5,
        class_=f"port {_kind(trunk.lines[0], view)}",
        text_anchor="end" if forward else "start",
    )


def _loop(loop: Loop, graph: Graph, view: View) -> Html:
    line = loop.line
    kind = _kind(line, view)
    high = loop.enters - loop.leaves
    middle = loop.enters - high / 2
    wire = f"M{loop.x:.1f} {loop.leaves:.1f}c20 0 20 {high:.1f} 0 {high:.1f}"
    return tag(
        "g",
        tag("path", tag("title", told([line], graph, view)), d=wire, class_=f"wire {kind} l{line.src}"),
        tag("path", d=f"M{loop.x:.1f} {loop.enters:.1f}l9 -4.5v9z", class_=f"wire head {kind} l{line.src}"),
        _crosses([line], [(loop.x + 15, middle)]) if view == "after" else None,
        tag("text", line.ports if view == "before" else line.label, x=loop.x + LOOP, y=middle + 3.5,
            class_=f"port {kind}"),
    )  # fmt: skip


def shorten(name: str, letters: int) -> str:
    """Return a name with its middle left out where it is too long: beginnings and endings both tell things apart."""
    if len(name) <= letters:
        return name
    tail = letters // 3
    return f"{name[: letters - tail - 1]}…{name[-tail:]}"
