"""Turns exposure into rows for the terminal: how many workloads anyone unknown could reach."""

from collections.abc import Iterable

from recommender.policy import INGRESS
from recommender.simulate.reachable import Reach


def exposure_rows(found: Iterable[Reach]) -> list[tuple[str, str]]:
    """Return (name, text) rows; a workload counts once, whichever of its pods it is."""
    known = [reach for reach in found if reach.workload is not None]
    whole = {reach.workload for reach in known}
    if not whole:
        return []
    rows: list[tuple[str, str]] = []
    for kind, words in (("outside", "from addresses outside"), ("unborn", "by pods not yet born")):
        met = {
            reach.workload
            for reach in known
            if reach.direction == INGRESS and any(other.ends.kind == kind and other.ports for other in reach.others)
        }
        rows.append(
            ("exposed" if not rows else "", f"{len(met):<4} of {len(whole)} workloads could be reached {words}")
        )
    return rows
