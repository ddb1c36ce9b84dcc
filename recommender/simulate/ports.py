"""Turns `ports` entries into what they let through: one port at a time, or as exact sets of intervals."""

from collections.abc import Iterable

from collectors.inventory import ContainerPort
from recommender.policy import Port

PROTOCOLS = ("TCP", "UDP", "SCTP")
"""What NetworkPolicy can express."""
_LOWEST, _HIGHEST = 1, 65535

Span = tuple[str, int, int]
"""Protocol, first and last port."""


def lets(port: Port, protocol: str, number: int | None, container_ports: Iterable[ContainerPort] | None) -> bool | None:
    """Say whether a `ports` entry lets a destination's port through.

    A name means the container ports of that name and protocol at the destination. None: it cannot be known, because
    `number` or the destination's container ports are not.
    """
    if port.protocol != protocol:
        return False
    if port.port is None:
        return True
    if number is None:
        return None
    if isinstance(port.port, int):
        return port.port <= number <= (port.end_port or port.port)
    if container_ports is None:
        return None
    return any(_is_named(declared, port) and declared.number == number for declared in container_ports)


def _is_named(declared: ContainerPort, port: Port) -> bool:
    return declared.name == port.port and declared.protocol == port.protocol


def spans(ports: tuple[Port, ...], container_ports: Iterable[ContainerPort]) -> frozenset[Span]:
    """Return all that a rule's `ports` let through at a destination; no ports at all is every port."""
    if not ports:
        return frozenset((protocol, _LOWEST, _HIGHEST) for protocol in PROTOCOLS)
    found: list[Span] = []
    for port in ports:
        if port.port is None:
            found.append((port.protocol, _LOWEST, _HIGHEST))
        elif isinstance(port.port, int):
            found.append((port.protocol, port.port, port.end_port or port.port))
        else:
            found += [(p.protocol, p.number, p.number) for p in container_ports if _is_named(p, port)]
    return union(found)


def union(parts: Iterable[Span]) -> frozenset[Span]:
    """Return the same ports as disjoint, maximal spans."""
    joined: list[Span] = []
    for protocol, low, high in sorted(parts):
        if joined and joined[-1][0] == protocol and low <= joined[-1][2] + 1:
            joined[-1] = (protocol, joined[-1][1], max(high, joined[-1][2]))
        else:
            joined.append((protocol, low, high))
    return frozenset(joined)


def without(whole: frozenset[Span], points: Iterable[tuple[str, int]]) -> frozenset[Span]:
    """Return the spans less single (protocol, port) points."""
    left: list[Span] = []
    taken = sorted(set(points))
    for protocol, low, high in whole:
        start = low
        for _, number in [point for point in taken if point[0] == protocol and low <= point[1] <= high]:
            if start < number:
                left.append((protocol, start, number - 1))
            start = number + 1
        if start <= high:
            left.append((protocol, start, high))
    return frozenset(left)


def text(parts: frozenset[Span]) -> str:
    """Write spans for people: "any", "UDP/any, TCP/80, TCP/90-99"."""
    if parts == spans((), ()):
        return "any"
    return ", ".join(_span_text(span) for span in sorted(parts, key=lambda s: (PROTOCOLS.index(s[0]), s)))


def _span_text(span: Span) -> str:
    protocol, low, high = span
    if (low, high) == (_LOWEST, _HIGHEST):
        return f"{protocol}/any"
    return f"{protocol}/{low}" if low == high else f"{protocol}/{low}-{high}"


def rule_text(ports: tuple[Port, ...]) -> str:
    """Write a rule's ports for people where it is open whose container ports its names mean: names stay names."""
    names = [f"{port.protocol}/{port.port}" for port in ports if isinstance(port.port, str)]
    if not names:
        return text(spans(ports, ()))
    numbered = tuple(port for port in ports if not isinstance(port.port, str))
    return ", ".join(([text(spans(numbered, ()))] if numbered else []) + names)
