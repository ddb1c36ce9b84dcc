"""Turns what was seen and what would be into one part with a switch between them that needs no script."""

from collections.abc import Iterable
from typing import Final, Literal

from recommender.drawings import BEFORE, CHANGES, Change
from recommender.drawings_words import ports_text
from recommender.report.graph import Graph, Line
from recommender.report.markup import Html, tag
from recommender.text import cut

View = Literal["before", "after"]
MARKS: Final[dict[Change, str]] = {
    "would_break": "✖",
    "undecidable": "?",
    "open": "◐",
    "allowed": "●",
    "closed": "■",
    "denied": "○",
    "worked": "●",
    "failed": "○",
}
"""One mark for each fate, so that colour is not all there is."""

MEANINGS: Final[dict[Change, str]] = {**CHANGES, **BEFORE}
"""What a fate says in a legend; where nothing is judged, what was seen is all there is."""

_HEADINGS: Final[tuple[tuple[str, str], ...]] = (
    ("before", "Before: what was observed"),
    ("after", "After: under these policies"),
    ("both", "Both"),
)
LONGEST: Final = 200
"""Characters of a name in a title."""


def views(name: str, before: Html, after: Html | None) -> Html:
    """Return both views under a switch, the after first; paper, and browsers without `:has`, show both.

    `name` tells the switch from others on the page; None for `after`: nothing was judged, so there is no switch.
    """
    if after is None:
        return before
    switch = [
        tag(
            "label",
            tag("input", type="radio", name=name, id=f"{name}-{view}", class_=f"pick-{view}", checked=view == "after"),
            heading,
            for_=f"{name}-{view}",
        )
        for view, heading in _HEADINGS
    ]
    return tag(
        "div",
        tag("div", switch, class_="switch", role="radiogroup", aria_label="Before or after"),
        *(
            tag("div", tag("h3", heading), body, class_=f"view {view}")
            for (view, heading), body in zip(_HEADINGS, (before, after), strict=False)
        ),
        class_="views",
    )


def fate(line: Line, view: View) -> Change:
    """Return what a line is shown as."""
    return line.before if view == "before" else line.change


def told(lines: Iterable[Line], graph: Graph, view: View) -> str:
    """Return what lines mean, for the pointer; the first few by name, the rest counted."""
    found = list(lines)
    parts = [_told(line, graph, view) for line in found[:8]]
    reason = found[0].edges[0].reason if len(found) == 1 and view == "after" else ""
    more = f"; and {len(found) - 8} more" if len(found) > 8 else ""
    return "; ".join(parts) + more + (f" ({reason})" if reason else "")


def _told(line: Line, graph: Graph, view: View) -> str:
    src, dst = (cut(graph.nodes[end].full, LONGEST) for end in (line.src, line.dst))
    return f"{src} → {dst} {fates((line,), view)}"


def fates(lines: Iterable[Line], view: View) -> str:
    """Return ports and what becomes of them: "TCP/80: worked, stays allowed"."""
    return "; ".join(
        f"{ports_text(port for edge in line.edges for port in edge.ports)}: {MEANINGS[fate(line, view)]}"
        for line in lines
    )
