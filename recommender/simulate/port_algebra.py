"""Turns two exact sets of ports into what both have, and what one has and the other has not."""

from functools import lru_cache

from recommender.simulate.ports import Span, spans, text, union

Spans = frozenset[Span]
"""Disjoint, maximal spans, as `ports.union` makes them."""

EVERY_PORT: Spans = spans((), ())
NO_PORT: Spans = frozenset()


@lru_cache(maxsize=65536)
def common(one: Spans, other: Spans) -> Spans:
    """Return the ports that are in both sets."""
    if other in {one, EVERY_PORT}:
        return one
    return union(
        (protocol, max(low, first), min(high, last))
        for protocol, low, high in one
        for name, first, last in other
        if protocol == name and low <= last and first <= high
    )


@lru_cache(maxsize=65536)
def less(one: Spans, other: Spans) -> Spans:
    """Return the ports of one set that are not in the other."""
    left = sorted(one)
    for protocol, first, last in sorted(other):
        left = [
            (name, start, end)
            for name, low, high in left
            for start, end in (
                [(low, min(high, first - 1)), (max(low, last + 1), high)] if name == protocol else [(low, high)]
            )
            if start <= end
        ]
    return union(left)


def joined(one: Spans, other: Spans) -> Spans:
    """Return the ports that are in either set."""
    return one if one == other else union([*one, *other])


def words(ports: Spans) -> str:
    """Write a set of ports for people; "none" where it is empty."""
    return text(ports) if ports else "none"
