"""Turns who calls whom into layers from left to right: callers before those they call, cycles cut."""

from collections.abc import Iterable

Arc = tuple[int, int]


def layers(count: int, arcs: Iterable[Arc]) -> tuple[int, ...]:
    """Return the layer of each of `count` nodes, from 0; the ends of an arc are never in one layer (loops aside).

    An arc that would close a cycle runs from a higher layer to a lower one.
    """
    wanted = sorted({arc for arc in arcs if arc[0] != arc[1]})
    place = {node: position for position, node in enumerate(_sequence(count, wanted))}
    forward = sorted({(a, b) if place[a] < place[b] else (b, a) for a, b in wanted}, key=lambda arc: place[arc[0]])
    found = [0] * count
    for src, dst in forward:
        found[dst] = max(found[dst], found[src] + 1)
    return tuple(_pull_callers(found, forward, place))


def _pull_callers(found: list[int], forward: list[Arc], place: dict[int, int]) -> list[int]:
    """Move what nobody calls next to what it calls: a client stands beside its server, not at the far left."""
    called = {dst for _, dst in forward}
    nearest: dict[int, int] = {}
    for src, dst in forward:
        nearest[src] = min(nearest.get(src, found[dst]), found[dst])
    for node in sorted(nearest, key=lambda node: place[node]):
        if node not in called:
            found[node] = nearest[node] - 1
    return found


def _sequence(count: int, arcs: list[Arc]) -> list[int]:
    """Return the nodes in an order that few arcs run against (Eades, Lin and Smyth 1993).

    What nobody calls goes first, what calls nobody last; of the rest, the one that calls most and is called least.
    """
    callees: dict[int, set[int]] = {node: set() for node in range(count)}
    callers: dict[int, set[int]] = {node: set() for node in range(count)}
    for src, dst in arcs:
        callees[src].add(dst)
        callers[dst].add(src)
    left = set(range(count))
    first: list[int] = []
    last: list[int] = []
    while left:
        sinks = sorted(node for node in left if not callees[node])
        sources = sorted(node for node in left if callees[node] and not callers[node])
        if sinks:
            taken, into = sinks, last
        elif sources:
            taken, into = sources, first
        else:
            taken, into = [min(left, key=lambda node: (len(callers[node]) - len(callees[node]), node))], first
        for node in taken:
            left.discard(node)
            into.append(node)
            for other in callees[node]:
                callers[other].discard(node)
            for other in callers[node]:
                callees[other].discard(node)
    return [*first, *reversed(last)]
