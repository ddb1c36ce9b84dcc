"""Turns a graph into matrices: who calls, whom, and what becomes of it; by namespace first in large clusters."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Final

from recommender.drawings import CHANGES, Change
from recommender.report.graph import MOST_WORKLOADS, OUTSIDE, Graph, Line, Node
from recommender.report.markup import Child, Html, join, tag
from recommender.report.views import LONGEST, MARKS, MEANINGS, View, fate, fates, views
from recommender.report.words import plural
from recommender.text import cut

MOST_COLUMNS: Final = 80
"""More columns nobody could follow: then it is a list of pairs."""
MOST_PAIRS: Final = 1000
"""More pairs of namespaces no list shows, and no more have a matrix: first come those of which most would break."""
MOST_CELLS: Final = 20_000
"""Pairs of workloads in the matrices of what breaks, all together."""
MOST_OPEN: Final = 3
"""So many matrices of pairs are unfolded from the start."""

Place = tuple[bool, str]
"""Whether it is outside the pods (last), and a namespace or a class of addresses."""
Pair = tuple[Place, Place]
Ends = Mapping[tuple[int, int], Sequence[Line]]


def matrix(graph: Graph) -> Html:
    """Return before and after as matrices, with every communication counted."""
    return views("matrix", matrix_of(graph, "before"), matrix_of(graph, "after") if graph.judged else None)


def matrix_of(graph: Graph, view: View) -> Html:
    """Return one view: of workloads, or, where these are too many, of namespaces and of each pair that would break."""
    if graph.workloads <= MOST_WORKLOADS:
        lines = graph.lines
        callers, called = {line.src for line in lines}, {line.dst for line in lines}
        return tag("div", _key(graph.lines, view), _workloads(graph, callers, called, _by_ends(lines), view))
    return _namespaces(graph, view)


def _by_ends(lines: Iterable[Line]) -> Ends:
    found: dict[tuple[int, int], list[Line]] = {}
    for line in lines:
        found.setdefault((line.src, line.dst), []).append(line)
    return found


def _key(lines: Iterable[Line], view: View) -> Html:
    counts: Counter[Change] = Counter()
    for line in lines:
        counts[fate(line, view)] += line.count
    parts = [
        tag("span", _mark(shown), f" {MEANINGS[shown]} ", tag("b", f"{counts[shown]:,}"), " ")
        for shown in CHANGES
        if counts[shown]
    ]
    return tag("p", parts, class_="key")


def _mark(shown: Change) -> Html:
    return tag("span", MARKS[shown], class_=f"mark {shown}")


def _workloads(graph: Graph, callers: Iterable[int], called: Iterable[int], cells: Ends, view: View) -> Html:
    """Return a square of nodes, those of one namespace together; a list where it would be too wide."""
    rows, columns = (sorted(ends, key=lambda end: (_place(graph.nodes[end]), end)) for ends in (callers, called))
    if len(columns) > MOST_COLUMNS:
        return _list((((_node(graph.nodes[src]), _node(graph.nodes[dst])), _cell(graph, lines, view))
                      for (src, dst), lines in sorted(cells.items())), "What becomes of it")  # fmt: skip
    groups = [(place, [*group]) for place, group in groupby(columns, key=lambda end: _place(graph.nodes[end]))]
    head = [
        tag("tr", tag("td", "from ↓ to →", colspan=2, rowspan=2, class_="corner"),
            [tag("th", _name(place), colspan=len(group), scope="colgroup") for place, group in groups]),
        tag("tr", [tag("th", tag("span", _node(graph.nodes[end])), scope="col") for end in columns], class_="names"),
    ]  # fmt: skip
    body = []
    for place, group in groupby(rows, key=lambda end: _place(graph.nodes[end])):
        for position, src in enumerate(several := [*group]):
            side = tag("th", _name(place), scope="rowgroup", rowspan=len(several))
            tds = [_cell(graph, cells.get((src, dst), ()), view) for dst in columns]
            body.append(
                tag("tr", side if position == 0 else None, tag("th", _node(graph.nodes[src]), scope="row"), tds)
            )
    return _scrolled(tag("table", tag("thead", head), tag("tbody", body), class_="matrix"))


def _cell(graph: Graph, lines: Sequence[Line], view: View) -> Html:
    """Return a cell with the mark of the worst that becomes of anything between two nodes, and all of it as title."""
    if not lines:
        return tag("td")
    worst = min((fate(line, view) for line in lines), key=list(CHANGES).index)
    src, dst = (graph.nodes[end] for end in (lines[0].src, lines[0].dst))
    names = " → ".join(
        cut(f"{node.lane}/{node.title}" if node.workload else node.title, LONGEST) for node in (src, dst)
    )
    return tag("td", tag("span", MARKS[worst], class_=f"mark {worst}"), title=f"{names} {fates(lines, view)}")


def _namespaces(graph: Graph, view: View) -> Html:
    """Return counts by namespace, and in the after a matrix of workloads for each pair of which something breaks."""
    counts: dict[Pair, Counter[Change]] = {}
    breaking: dict[Pair, list[Line]] = {}
    for line in graph.lines:
        pair = _place(graph.nodes[line.src]), _place(graph.nodes[line.dst])
        counts.setdefault(pair, Counter())[fate(line, view)] += line.count
        if fate(line, view) == "would_break":
            breaking.setdefault(pair, []).append(line)
    roomy = _roomy(breaking)
    links = {pair: f"breaks-{number}" for number, pair in enumerate(sorted(roomy), 1)}
    callers = sorted({src for src, _ in counts})
    called = sorted({dst for _, dst in counts})
    if len(called) > MOST_COLUMNS:
        body = _busiest(counts, links)
    else:
        head = tag("tr", tag("td", "from ↓ to →"), [tag("th", tag("span", _name(dst)), scope="col") for dst in called])
        rows = [
            tag("tr", tag("th", _name(src), scope="row"),
                [tag("td", _counts(counts.get((src, dst)), links.get((src, dst)))) for dst in called])
            for src in callers
        ]  # fmt: skip
        body = _scrolled(tag("table", tag("thead", head, class_="single"), tag("tbody", rows), class_="matrix"))
    return tag("div", _key(graph.lines, view), body, _pairs(graph, breaking, links, view))


def _busiest(counts: Mapping[Pair, Counter[Change]], links: Mapping[Pair, str]) -> Html:
    """Return the counts as a list, of the pairs that it has room for."""
    order = sorted(counts, key=lambda pair: (-counts[pair]["would_break"], -counts[pair].total(), pair))
    rows = (((_name(src), _name(dst)), tag("td", _counts(counts[src, dst], links.get((src, dst)))))
            for src, dst in sorted(order[:MOST_PAIRS]))  # fmt: skip
    left = len(counts) - MOST_PAIRS
    more = tag(
        "p",
        f"And {plural(left, 'pair')} more: listed are those of which most would break, then the busiest.",
        class_="dim",
    )
    return join([_list(rows, "Communications"), more if left > 0 else None])


def _roomy(breaking: Mapping[Pair, Sequence[Line]]) -> set[Pair]:
    """Return the pairs that have a matrix: those of which most would break, as far as there is room for cells."""
    chosen: set[Pair] = set()
    room = MOST_CELLS
    order = sorted(breaking, key=lambda pair: (-sum(line.count for line in breaking[pair]), pair))
    for pair in order[:MOST_PAIRS]:
        room -= len({line.src for line in breaking[pair]}) * len({line.dst for line in breaking[pair]})
        if chosen and room < 0:
            break
        chosen.add(pair)
    return chosen


def _pairs(graph: Graph, breaking: Mapping[Pair, Sequence[Line]], links: Mapping[Pair, str], view: View) -> Html:
    """Return for each pair of namespaces the workloads between which something would break."""
    between: dict[Pair, list[Line]] = {pair: [] for pair in links}
    for line in graph.lines:
        pair = _place(graph.nodes[line.src]), _place(graph.nodes[line.dst])
        if pair in between:
            between[pair].append(line)
    parts = []
    for pair in sorted(links):
        lines = breaking[pair]
        callers, called = {line.src for line in lines}, {line.dst for line in lines}
        cells = _by_ends(line for line in between[pair] if line.src in callers and line.dst in called)
        count = plural(sum(line.count for line in lines), "communication")
        title = tag("summary", tag("b", _name(pair[0]), " → ", _name(pair[1])), f": {count} would break")
        # The id stands inside: browsers unfold what a link leads into, not what it leads to.
        square = tag("div", _workloads(graph, callers, called, cells, view), id=links[pair])
        parts.append(tag("details", title, square, class_="breaking", open=len(breaking) <= MOST_OPEN))
    left = sum(line.count for pair in breaking.keys() - links.keys() for line in breaking[pair])
    more = f"And {plural(left, 'communication')} more would break, between namespaces that have no matrix here."
    return join([*parts, tag("p", more, class_="dim") if left else None])


def _list(rows: Iterable[tuple[tuple[Html, Html], Html]], what: str) -> Html:
    head = tag("tr", [tag("th", name, scope="col") for name in ("From", "To", what)])
    body = [tag("tr", tag("td", src), tag("td", dst), cell) for (src, dst), cell in rows]
    return _scrolled(tag("table", tag("thead", head), tag("tbody", body), class_="pairs"))


def _scrolled(table: Child) -> Html:
    return tag("div", table, class_="scroll", tabindex=0, role="group", aria_label="Matrix")


def _place(node: Node) -> Place:
    return (True, node.kind) if node.workload is None and node.lane == OUTSIDE else (False, node.lane)


def _name(place: Place) -> Html:
    outside, name = place
    return tag("i", f"({name})") if outside else tag("bdi", cut(name, LONGEST))


def _node(node: Node) -> Html:
    return tag("bdi", cut(node.title, LONGEST))


def _counts(count: Counter[Change] | None, link: str | None) -> Html | None:
    if count is None:
        return None
    marks = [
        tag(
            "span",
            f"{MARKS[shown]} {count[shown]} ",
            class_=f"mark {shown}",
            title=f"{plural(count[shown], 'communication')}: {MEANINGS[shown]}",
        )
        for shown in CHANGES
        if count[shown]
    ]
    return tag("span", marks) if link is None else tag("a", marks, href=f"#{link}")
