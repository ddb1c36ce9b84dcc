"""Turns outcomes into a drawing: who talks to whom, before and after, as plain values that every picture is made of."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Literal
from urllib.parse import quote

from collectors.inventory import WorkloadRef
from recommender.communications import AddressPeer, Communication, End, meaning
from recommender.outcomes import Outcome, VerdictWord
from recommender.text import cut

Before = Literal["worked", "failed"]
Change = Literal["would_break", "undecidable", "open", "allowed", "closed", "denied", "worked", "failed"]
CHANGES: Final[Mapping[Change, str]] = {
    "would_break": "worked, would be denied",
    "undecidable": "cannot be decided",
    "open": "failed or declined, still let through",
    "allowed": "worked, stays allowed",
    "closed": "worked, declined, now closed",
    "denied": "failed, and denied",
    "worked": "worked, not judged",
    "failed": "failed, not judged",
}
"""What becomes of a communication, the worst first; the last two where nothing was judged."""

BEFORE: Final[Mapping[Change, str]] = {"worked": "worked when seen", "failed": "failed when seen"}

LONGEST_NAME: Final = 200
"""Characters of a name: names claimed by a capture may have any length."""
LONGEST_REASON: Final = 600


@dataclass(frozen=True, order=True)
class Port:
    """A protocol and the port of the destination; 0 for protocols that have none."""

    protocol: str
    number: int

    def __str__(self) -> str:
        return f"{self.protocol}/{self.number}" if self.number else self.protocol


@dataclass(frozen=True)
class DrawnNode:
    """One end of communications: `id` tells it apart and comes from its meaning, `label` is for readers.

    `kind` is a workload's kind or an address's class (`external`, `node`, ...); an address has no namespace.
    """

    id: str
    label: str
    namespace: str
    kind: str
    end: End


@dataclass(frozen=True)
class DrawnEdge:
    """All communications between two nodes that share a fate; `reasons` has one sentence for each of `ports`.

    `after` is empty where nothing was judged. Name resolution (`dns`) is kept apart: nearly everybody does it.
    """

    src: str
    dst: str
    dns: bool
    before: Before
    after: VerdictWord | Literal[""]
    change: Change
    ports: tuple[Port, ...]
    reasons: tuple[str, ...]

    @property
    def reason(self) -> str:
        """The reason of its first port that has one."""
        return next(filter(None, self.reasons), "")


@dataclass(frozen=True)
class Drawing:
    """What pictures show: nodes sorted by namespace and name (addresses last), edges by their nodes."""

    nodes: tuple[DrawnNode, ...] = ()
    edges: tuple[DrawnEdge, ...] = ()

    @property
    def judged(self) -> bool:
        """Whether any edge has a verdict: else there is no after."""
        return any(edge.after for edge in self.edges)

    def within(self, namespaces: Collection[str] = (), workloads: Collection[WorkloadRef] = ()) -> "Drawing":
        """Return the edges that touch any of these, and the nodes of these edges; all of it where none is named."""
        if not namespaces and not workloads:
            return self
        chosen = {
            node.id
            for node in self.nodes
            if isinstance(node.end, WorkloadRef) and (node.end.namespace in namespaces or node.end in workloads)
        }
        edges = tuple(edge for edge in self.edges if {edge.src, edge.dst} & chosen)
        touched = chosen.union(*({edge.src, edge.dst} for edge in edges))
        return Drawing(tuple(node for node in self.nodes if node.id in touched), edges)


def drawing_of(
    items: Iterable[Outcome | Communication], declined: Collection[tuple[object, ...]] = frozenset()
) -> Drawing:
    """Return the drawing of outcomes, and of communications that nobody judged.

    `declined` holds the `meaning` of those that a decision declined: denying those is wanted and breaks nothing.
    """
    nodes: dict[End, DrawnNode] = {}
    merged: dict[tuple[str, str, bool, Before, VerdictWord | Literal[""], Change], dict[Port, str]] = {}
    for item in items:
        spoken, outcome = (item, None) if isinstance(item, Communication) else (item.communication, item)
        for end in (spoken.src, spoken.dst):
            if end not in nodes:
                nodes[end] = _node(end)
        src, dst = nodes[spoken.src], nodes[spoken.dst]
        before: Before = "worked" if spoken.evidence.worked else "failed"
        after = "" if outcome is None else outcome.verdict
        change = _change(before, after, declined=meaning(spoken) in declined)
        port = Port(cut(spoken.protocol, LONGEST_NAME), spoken.port)
        reason = "" if outcome is None else cut(outcome.reason, LONGEST_REASON)
        merged.setdefault((src.id, dst.id, _is_dns(port), before, after, change), {})[port] = reason
    edges = [
        DrawnEdge(*key, ports=tuple(sorted(ports)), reasons=tuple(ports[port] for port in sorted(ports)))
        for key, ports in merged.items()
    ]
    order = list(CHANGES)
    listed = sorted(nodes.values(), key=lambda node: (isinstance(node.end, AddressPeer), node.namespace, node.label,
                                                      node.kind, node.id))  # fmt: skip
    place = {node.id: number for number, node in enumerate(listed)}
    edges.sort(key=lambda e: (place[e.src], place[e.dst], order.index(e.change), e.before, e.after, e.dns))
    return Drawing(tuple(listed), tuple(edges))


def _change(before: Before, after: VerdictWord | Literal[""], *, declined: bool) -> Change:
    if after == "":
        return before
    if after == "undecidable":
        return "undecidable"
    wanted = before == "worked" and not declined
    if after == "allowed":
        return "allowed" if wanted else "open"
    if wanted:
        return "would_break"
    return "closed" if before == "worked" else "denied"


def _node(end: End) -> DrawnNode:
    if isinstance(end, WorkloadRef):
        label, namespace = end.name, end.namespace
        # Kubernetes allows no "/" in a name, but a record may claim any; escaped, no two ends share an id.
        whole = "/".join(_escaped(part, "") for part in (end.namespace, end.kind, end.name))
    else:
        label, namespace = f"{end.name} {end.address}".strip(), ""
        # The space between keeps addresses apart from workloads.
        whole = " ".join(_escaped(part, ":/") for part in (end.kind, end.address, *filter(None, [end.name])))
    # A cut id is still its own: the digest tells it from others that begin alike.
    name = whole if len(whole) <= 4 * LONGEST_NAME else f"{whole[:LONGEST_NAME]}~{sha256(whole.encode()).hexdigest()}"
    return DrawnNode(name, cut(label, LONGEST_NAME), cut(namespace, LONGEST_NAME), cut(end.kind, LONGEST_NAME), end)


def _escaped(part: str, safe: str) -> str:
    return quote(part, safe=safe, errors="surrogatepass")


def _is_dns(port: Port) -> bool:
    return port.number in {53, 5353} and port.protocol in {"UDP", "TCP"}
