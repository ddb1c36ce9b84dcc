"""Turns observed ports into the fewest ranges under a budget of ranges or of never-seen ports. Pure."""

from collections.abc import Iterable
from itertools import pairwise

from collectors.errors import PodfenceError, one_line
from recommender.budgets import check_budget

LOWEST, HIGHEST = 1, 65535

PortRange = tuple[int, int]
"""First and last port, both included."""


def port_ranges(
    ports: Iterable[int],
    *,
    most_ranges: int | None = None,
    most_unseen: int | None = None,
    never: Iterable[int] = (),
) -> tuple[PortRange, ...] | None:
    """Return the best ranges, sorted, that hold all ports; None where a budget of ranges cannot be met.

    With `most_ranges` they hold as few never-seen ports as possible; with `most_unseen` they are as few as possible,
    and of those the ones that hold the fewest never-seen ports. No range holds a never-seen port of `never`; what was
    seen is held even so. Neighbours are one range always, for that opens nothing. Of equal gaps the lowest is closed.
    Raises PodfenceError for a number that is no port, or a budget below zero.
    """
    check_budget("port ranges", most_ranges, most_unseen)
    seen = sorted(_checked(ports))
    runs = _runs(seen)
    refused = _checked(never)
    closable = sorted(
        (after - before - 1, at)
        for at, ((_, before), (after, _)) in enumerate(pairwise(runs))
        if refused.isdisjoint(range(before + 1, after))
    )
    # Greedy is optimal: closing a gap saves exactly one range and costs exactly its own never-seen ports, whatever
    # else is closed, so the n cheapest gaps are the best n there are, for either budget.
    closed: set[int] = set()
    opened = 0
    for size, at in closable:
        if most_ranges is not None and len(runs) - len(closed) <= most_ranges:
            break
        if most_unseen is not None and opened + size > most_unseen:
            break
        closed.add(at)
        opened += size
    if most_ranges is not None and len(runs) - len(closed) > most_ranges:
        return None
    return _joined(runs, closed)


def _checked(ports: Iterable[int]) -> set[int]:
    found = set(ports)
    for port in found:
        if not isinstance(port, int) or not LOWEST <= port <= HIGHEST:
            raise PodfenceError(
                f"port ranges: {one_line(repr(port), 40)} is no port; give numbers from {LOWEST} to {HIGHEST}"
            )
    return found


def _runs(ports: list[int]) -> list[PortRange]:
    """Return the runs of consecutive ports."""
    starts = [port for at, port in enumerate(ports) if not at or ports[at - 1] != port - 1]
    ends = [port for at, port in enumerate(ports) if at + 1 == len(ports) or ports[at + 1] != port + 1]
    return list(zip(starts, ends, strict=True))


def _joined(runs: list[PortRange], closed: set[int]) -> tuple[PortRange, ...]:
    """Return the runs with the gaps behind the given positions closed."""
    first = [run[0] for at, run in enumerate(runs) if at - 1 not in closed]
    last = [run[1] for at, run in enumerate(runs) if at not in closed]
    return tuple(zip(first, last, strict=True))
