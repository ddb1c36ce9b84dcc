"""Turns facts into the graph to draw: nodes in lanes (namespaces, outside), lines merged by meaning."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from collectors.inventory import WorkloadRef
from recommender.communications import AddressPeer, End
from recommender.report.facts import STATES, Fact, State
from recommender.report.words import KINDS, plural

OUTSIDE: Final = ""
"""The lane of everything that is no pod; no namespace has an empty name."""

MOST_ALIKE: Final = 3
"""So many outside ends of one kind and role are drawn apart, where there are many outside ends."""
MOST_OUTSIDE: Final = 14


@dataclass(frozen=True, order=True)
class Node:
    """One thing drawn: a workload, or one or more ends outside the pods; `full` says in words what it is."""

    lane: str
    title: str
    subtitle: str
    full: str
    workload: WorkloadRef | None = None
    role: str = ""


@dataclass(frozen=True)
class Line:
    """All communications of one state between two nodes (positions in the graph's nodes); DNS is kept apart."""

    src: int
    dst: int
    state: State
    dns: bool
    label: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True)
class Graph:
    """What is drawn: nodes sorted, lines sorted, every fact in exactly one line."""

    nodes: tuple[Node, ...]
    lines: tuple[Line, ...]

    @property
    def workloads(self) -> int:
        """How many nodes are workloads."""
        return sum(node.workload is not None for node in self.nodes)


def graph_of(facts: Sequence[Fact]) -> Graph:
    """Return the graph of all facts; where outside ends are many, those of one kind and role share a node."""
    named = _outside(facts)
    named |= {end: _workload(end) for fact in facts for end in _ends(fact) if isinstance(end, WorkloadRef)}
    nodes = tuple(
        sorted(set(named.values()), key=lambda node: (node.lane, node.title, node.subtitle, node.full, node.role))
    )
    number = {node: position for position, node in enumerate(nodes)}
    merged: dict[tuple[int, int, State, bool], list[Fact]] = {}
    for fact in facts:
        src, dst = (number[named[end]] for end in _ends(fact))
        merged.setdefault((src, dst, fact.state, fact.is_dns), []).append(fact)
    lines = (Line(*key, ports_label(found), tuple(found)) for key, found in merged.items())
    order = list(STATES)
    return Graph(nodes, tuple(sorted(lines, key=lambda line: (line.src, line.dst, order.index(line.state), line.dns))))


def _ends(fact: Fact) -> tuple[End, End]:
    return fact.communication.src, fact.communication.dst


def _workload(ref: WorkloadRef) -> Node:
    return Node(ref.namespace, ref.name, ref.kind, str(ref), ref)


def _outside(facts: Iterable[Fact]) -> dict[End, Node]:
    """Return the node of each end that is no workload, grouped by kind and role only where that spares much room."""
    calls: dict[AddressPeer, set[str]] = {}
    for fact in facts:
        for end, role in zip(_ends(fact), ("calls", "is called"), strict=True):
            if isinstance(end, AddressPeer):
                calls.setdefault(end, set()).add(role)
    alike: dict[tuple[str, str], list[AddressPeer]] = {}
    for end, roles in calls.items():
        alike.setdefault((end.kind, " and ".join(sorted(roles))), []).append(end)
    found: dict[End, Node] = {}
    for (kind, role), ends in alike.items():
        together = len(calls) > MOST_OUTSIDE and len(ends) > MOST_ALIKE
        count, what = plural(len(ends), "address", "addresses"), f"{_kind(kind)}, {role}"
        shared = Node(OUTSIDE, count, what, f"{count}: {what}", None, role)
        found |= {end: shared if together else _address(end, role) for end in ends}
    return found


def _address(end: AddressPeer, role: str) -> Node:
    kind = _kind(end.kind)
    if end.name:  # a host network workload or a Service is named with its namespace: the last part tells most
        return Node(OUTSIDE, end.name.rpartition("/")[2], f"{kind} {end.address}", str(end), None, role)
    return Node(OUTSIDE, end.address, kind, str(end), None, role)


def _kind(kind: str) -> str:
    return KINDS.get(kind, kind)


def ports_label(facts: Iterable[Fact]) -> str:
    """Return protocols and ports in a few letters: "TCP/8080", "TCP+UDP/53", "TCP/80,443 +3"."""
    protocols: dict[int, set[str]] = {}
    for fact in facts:
        protocols.setdefault(fact.communication.port, set()).add(fact.communication.protocol)
    by_protocol: dict[str, list[int]] = {}
    for port, names in sorted(protocols.items()):
        by_protocol.setdefault("+".join(sorted(names)), []).append(port)
    parts: list[str] = []
    more = 0
    for protocol, ports in sorted(by_protocol.items()):
        if parts:
            more += len(ports)
            continue
        shown = ports[:2]
        more += len(ports) - len(shown)
        parts.append(protocol if shown == [0] else f"{protocol}/{','.join(map(str, shown))}")
    return " ".join(parts) + (f" +{more}" if more else "")
