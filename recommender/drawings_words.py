"""Turns parts of a drawing into the short texts that exports and the report share: labels of ports, colours, places."""

from collections.abc import Iterable, Mapping
from typing import Final

from recommender.communications import AddressPeer
from recommender.drawings import Change, Drawing, DrawnEdge, DrawnNode, Port

COLOURS: Final[Mapping[Change, str]] = {
    "would_break": "#c2410c",
    "undecidable": "#7c3aad",
    "open": "#8a6100",
    "allowed": "#0b62a8",
    "closed": "#0a7567",
    "denied": "#6b7480",
    "worked": "#0b62a8",
    "failed": "#6b7480",
}
"""Dark enough on white; orange and blue stay apart for every kind of colour blindness, and the style differs too."""

MOST_PORTS: Final = 6


def ports_text(ports: Iterable[Port], most: int = MOST_PORTS) -> str:
    """Return protocols and ports in a few letters: "TCP/8080", "TCP+UDP/53", "TCP/80,443 +3"."""
    protocols: dict[int, set[str]] = {}
    for port in ports:
        protocols.setdefault(port.number, set()).add(port.protocol)
    by_protocol: dict[str, list[int]] = {}
    for number, names in sorted(protocols.items()):
        by_protocol.setdefault("+".join(sorted(names)), []).append(number)
    parts: list[str] = []
    more = 0
    for protocol, numbers in sorted(by_protocol.items()):
        if parts:
            more += len(numbers)
            continue
        shown = numbers[:most]
        more += len(numbers) - len(shown)
        parts.append(protocol if shown == [0] else f"{protocol}/{','.join(map(str, shown))}")
    return " ".join(parts) + (f" +{more}" if more else "")


def edge_text(edge: DrawnEdge) -> str:
    """Return the label of an edge: its ports, and in words what no style alone should have to say."""
    return marked(ports_text(edge.ports), edge.change)


def marked(ports: str, change: Change) -> str:
    """Return a label of ports; what would break carries a cross and says so, what is undecidable a question mark."""
    return {"would_break": f"✖ {ports} breaks", "undecidable": f"? {ports}"}.get(change, ports)


def by_namespace(drawing: Drawing) -> tuple[tuple[str | None, tuple[tuple[int, DrawnNode], ...]], ...]:
    """Return the numbered nodes of each namespace, in their order; None stands for what is outside the pods."""
    found: dict[str | None, list[tuple[int, DrawnNode]]] = {}
    for number, node in enumerate(drawing.nodes):
        found.setdefault(None if isinstance(node.end, AddressPeer) else node.namespace, []).append((number, node))
    return tuple((name, tuple(nodes)) for name, nodes in found.items())
