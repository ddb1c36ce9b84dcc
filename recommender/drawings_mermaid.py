"""Turns a drawing into a Mermaid flowchart: a subgraph for each namespace, a style for each fate."""

import string
from collections.abc import Iterator, Mapping
from typing import Final

from recommender.drawings import Change, Drawing
from recommender.drawings_words import COLOURS, by_namespace, edge_text
from recommender.text import visible

MOST_EDGES: Final = 500
"""What Mermaid draws unless its maxEdges is raised."""
MOST_LETTERS: Final = 50_000
"""What Mermaid reads unless its maxTextSize is raised."""

_ARROWS: Final[Mapping[Change, str]] = {
    "would_break": "--x",
    "undecidable": "-.->",
    "open": "==>",
    "allowed": "-->",
    "closed": "--o",
    "denied": "-.-x",
    "worked": "-->",
    "failed": "-.->",
}
_DASHES: Final[Mapping[Change, str]] = {
    "would_break": "stroke-width:4px,stroke-dasharray:10 5",
    "undecidable": "stroke-width:2.5px,stroke-dasharray:2 4",
    "denied": "stroke-width:1px,stroke-dasharray:6 4",
    "failed": "stroke-width:1px,stroke-dasharray:6 4",
}
# Nothing else stands as itself: quotes, brackets, backticks, "#", ";", ":" and "%" all mean something to Mermaid.
_PLAIN: Final = frozenset(string.ascii_letters + string.digits + " .-_/,+")


def to_mermaid(drawing: Drawing) -> str:
    """Return a flowchart from left to right, without a newline at the end.

    Every text from the cluster is in quotes, and what is no plain letter in it is a numbered entity.
    """
    return "\n".join(_lines(drawing))


def _lines(drawing: Drawing) -> Iterator[str]:
    yield "flowchart LR"
    for place, (namespace, nodes) in enumerate(by_namespace(drawing)):
        yield f'  subgraph s{place}["{_escaped("outside the pods" if namespace is None else namespace)}"]'
        for number, node in nodes:
            # "<br/>" is ours: the texts beside it can hold no "<".
            yield f'    n{number}["{_escaped(node.label)}<br/>{_escaped(node.kind)}"]'
        yield "  end"
    number_of = {node.id: number for number, node in enumerate(drawing.nodes)}
    styled: dict[Change, list[int]] = {}
    for place, edge in enumerate(drawing.edges):
        arrow, label = _ARROWS[edge.change], _escaped(edge_text(edge))
        yield f'  n{number_of[edge.src]} {arrow}|"{label}"| n{number_of[edge.dst]}'
        styled.setdefault(edge.change, []).append(place)
    for change, places in sorted(styled.items()):
        dash = _DASHES.get(change, "stroke-width:1.5px")
        yield f"  linkStyle {','.join(map(str, places))} stroke:{COLOURS[change]},{dash}"


def _escaped(text: str) -> str:
    shown = visible(text)
    # An empty label would not parse; one that is all spaces neither.
    return "".join(c if c in _PLAIN else f"#{ord(c)};" for c in shown) if shown.strip() else "#32;"
