"""Turns a drawing into Graphviz DOT: a cluster for each namespace, fates told by colour, dash and arrowhead."""

from collections.abc import Iterator, Mapping
from typing import Final

from recommender.drawings import CHANGES, Change, Drawing, DrawnEdge
from recommender.drawings_words import COLOURS, by_namespace, edge_text
from recommender.text import visible

_STYLES: Final[Mapping[Change, Mapping[str, str]]] = {
    "would_break": {"style": "dashed", "penwidth": "3.5", "arrowhead": "normaltee"},
    "undecidable": {"style": "dotted", "penwidth": "2.2", "arrowhead": "odot"},
    "open": {"style": "solid", "penwidth": "2", "arrowhead": "empty"},
    "allowed": {"style": "solid", "penwidth": "1.3", "arrowhead": "normal"},
    "closed": {"style": "solid", "penwidth": "1.6", "arrowhead": "tee"},
    "denied": {"style": "dashed", "penwidth": "0.9", "arrowhead": "tee"},
    "worked": {"style": "solid", "penwidth": "1.3", "arrowhead": "normal"},
    "failed": {"style": "dashed", "penwidth": "0.9", "arrowhead": "vee"},
}


def to_dot(drawing: Drawing) -> str:
    """Return a digraph, without a newline at the end; every text from the cluster is quoted and escaped."""
    return "\n".join(_lines(drawing))


def _lines(drawing: Drawing) -> Iterator[str]:
    yield "digraph podfence {"
    yield "  graph [rankdir=LR, compound=true, fontname=Helvetica, nodesep=0.3, ranksep=1.2, labeljust=l];"
    yield "  node [shape=box, style=rounded, fontname=Helvetica, fontsize=11];"
    yield "  edge [fontname=Helvetica, fontsize=9];"
    for place, (namespace, nodes) in enumerate(by_namespace(drawing)):
        if namespace is not None:
            yield f"  subgraph cluster_{place} {{"
            yield f"    graph [label={_quoted(namespace)}, style=rounded, color=gray];"
        style = ', style="dashed,rounded"' if namespace is None else ""  # outside the pods is no one place
        for number, node in nodes:
            label = f"{_escaped(node.label)}\\n{_escaped(node.kind)}"
            yield f'    n{number} [label="{label}", tooltip={_quoted(node.id)}{style}];'
        if namespace is not None:
            yield "  }"
    number_of = {node.id: number for number, node in enumerate(drawing.nodes)}
    for edge in drawing.edges:
        yield f"  n{number_of[edge.src]} -> n{number_of[edge.dst]} [{_attributes(edge)}];"
    yield "}"


def _attributes(edge: DrawnEdge) -> str:
    colour, told = COLOURS[edge.change], CHANGES[edge.change]
    found = {
        "label": _quoted(edge_text(edge)),
        "tooltip": _quoted(f"{told}: {edge.reason}" if edge.reason else told),
        "class": _quoted(edge.change),
        "color": _quoted(colour),
        "fontcolor": _quoted(colour),
        **_STYLES[edge.change],
    }
    return ", ".join(f"{name}={value}" for name, value in found.items())


def _quoted(text: str) -> str:
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    # A backslash begins \N, \G and the like in labels, an ampersand an HTML entity: both are doubled or named.
    return visible(text).replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;")
