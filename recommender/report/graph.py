"""Turns a drawing into the graph of the report: nodes in lanes (namespaces, outside), lines merged by meaning."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from collectors.inventory import WorkloadRef
from recommender.communications import AddressPeer, meaning
from recommender.drawings import CHANGES, Before, Change, Drawing, DrawnEdge, drawing_of
from recommender.drawings_words import marked, ports_text
from recommender.report.fact import Fact
from recommender.report.words import KINDS, plural

OUTSIDE: Final = ""
"""The lane of everything that is no pod; no namespace has an empty name."""

MOST_WORKLOADS: Final = 60
"""More than this are shown by namespace first."""
MOST_ALIKE: Final = 3
"""So many outside ends of one kind and role are drawn apart, where there are many outside ends."""
MOST_OUTSIDE: Final = 14
MOST_PORTS: Final = 2
"""Ports named on a line; its title names more."""


@dataclass(frozen=True, order=True)
class Node:
    """One thing drawn: a workload, or one or more ends outside the pods.

    `full` says in words what it is, `kind` is a workload's kind or the class of addresses, in words.
    """

    lane: str
    title: str
    subtitle: str
    full: str
    kind: str
    workload: WorkloadRef | None = None
    role: str = ""


@dataclass(frozen=True)
class Line:
    """All communications of one fate between two nodes (positions in the graph's nodes); DNS is kept apart."""

    src: int
    dst: int
    before: Before
    change: Change
    dns: bool
    ports: str
    edges: tuple[DrawnEdge, ...]

    @property
    def label(self) -> str:
        """What stands at its arrowhead: ports, and a mark in words where nobody should need the colour."""
        return marked(self.ports, self.change)

    @property
    def count(self) -> int:
        """How many communications it stands for."""
        return sum(len(edge.ports) for edge in self.edges)


@dataclass(frozen=True)
class Graph:
    """What is drawn: nodes sorted, lines sorted, every edge in exactly one line; `judged` where there is an after."""

    nodes: tuple[Node, ...]
    lines: tuple[Line, ...]
    judged: bool = True

    @property
    def workloads(self) -> int:
        """How many nodes are workloads."""
        return sum(node.workload is not None for node in self.nodes)


def graph_of(facts: Sequence[Fact]) -> Graph:
    """Return the graph of all facts; what a decision declined is wanted to be denied."""
    declined = {meaning(fact.communication) for fact in facts if fact.decided == "declined"}
    return graph_of_drawing(drawing_of((fact.outcome or fact.communication for fact in facts), declined))


def graph_of_drawing(drawing: Drawing) -> Graph:
    """Return the graph of a drawing; where outside ends are many, those of one kind and role share a node."""
    named = _outside(drawing)
    named |= {node.id: _workload(node.end) for node in drawing.nodes if isinstance(node.end, WorkloadRef)}
    nodes = tuple(
        sorted(set(named.values()), key=lambda node: (node.lane, node.title, node.subtitle, node.full, node.role))
    )
    number = {node: position for position, node in enumerate(nodes)}
    merged: dict[tuple[int, int, Before, Change, bool], list[DrawnEdge]] = {}
    for edge in drawing.edges:
        src, dst = number[named[edge.src]], number[named[edge.dst]]
        merged.setdefault((src, dst, edge.before, edge.change, edge.dns), []).append(edge)
    lines = [
        Line(*key, ports_text((port for edge in found for port in edge.ports), MOST_PORTS), tuple(found))
        for key, found in merged.items()
    ]
    order = list(CHANGES)
    lines.sort(key=lambda line: (line.src, line.dst, order.index(line.change), line.before, line.dns))
    return Graph(nodes, tuple(lines), drawing.judged)


def _workload(ref: WorkloadRef) -> Node:
    return Node(ref.namespace, ref.name, ref.kind, str(ref), ref.kind, ref)


def _outside(drawing: Drawing) -> dict[str, Node]:
    """Return the node of each end that is no workload, grouped by kind and role only where that spares much room."""
    ends = {node.id: node.end for node in drawing.nodes if isinstance(node.end, AddressPeer)}
    calls: dict[str, set[str]] = {}
    for edge in drawing.edges:
        for name, role in ((edge.src, "calls"), (edge.dst, "is called")):
            if name in ends:
                calls.setdefault(name, set()).add(role)
    alike: dict[tuple[str, str], list[str]] = {}
    for name, roles in calls.items():
        alike.setdefault((ends[name].kind, " and ".join(sorted(roles))), []).append(name)
    found: dict[str, Node] = {}
    for (kind, role), names in alike.items():
        together = len(calls) > MOST_OUTSIDE and len(names) > MOST_ALIKE
        count, what = plural(len(names), "address", "addresses"), f"{_kind(kind)}, {role}"
        shared = Node(OUTSIDE, count, what, f"{count}: {what}", _kind(kind), role=role)
        found |= {name: shared if together else _address(ends[name], role) for name in names}
    return found


def _address(end: AddressPeer, role: str) -> Node:
    kind = _kind(end.kind)
    if end.name:  # a host network workload or a Service is named with its namespace: the last part tells most
        return Node(OUTSIDE, end.name.rpartition("/")[2], f"{kind} {end.address}", str(end), kind, role=role)
    return Node(OUTSIDE, end.address, kind, str(end), kind, role=role)


def _kind(kind: str) -> str:
    return KINDS.get(kind, kind)
