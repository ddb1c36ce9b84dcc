"""Turns exposure into its part of the page: what workloads and pods not yet born could reach and be reached by."""

from collections.abc import Sequence
from typing import Final

from recommender.policy import INGRESS
from recommender.report.markup import Html, join, tag
from recommender.report.tables import table
from recommender.simulate.port_algebra import words
from recommender.simulate.reachable import Reach
from recommender.text import cut

MOST_ROWS: Final = 1000
_LONGEST: Final = 400


def exposure_part(found: Sequence[Reach]) -> Html:
    """Return a table with a row for each workload and direction, in their order."""
    if not found:
        return tag("p", "The inventory has no workloads.", class_="empty")
    rows = [
        (
            [
                tag("bdi", cut(reach.subject, _LONGEST)),
                tag("small", " ", cut(", ".join(reach.pods), _LONGEST)) if reach.pods else None,
            ],
            "reached by" if reach.direction == INGRESS else "reaches",
            [_state(reach), tag("div", tag("bdi", cut(", ".join(reach.policies), _LONGEST)), class_="said dim")],
            [_other(other.ends.text, words(other.ports), words(other.undecidable)) for other in reach.others]
            or "nobody",
        )
        for reach in found[:MOST_ROWS]
    ]
    more = len(found) - MOST_ROWS
    rest = tag("p", f"and {more:,} more: podfence exposure lists them", class_="dim") if more > 0 else None
    return join([table(("Workload", "Way", "Direction", "Who, and at which ports"), rows, "Exposure"), rest])


def _state(reach: Reach) -> str:
    if reach.host_network:
        return "host network: no policy selects it"
    return {True: "isolated", False: "open", None: "labels not known"}[reach.isolated]


def _other(ends: str, ports: str, unsure: str) -> Html:
    doubt = "" if unsure == "none" else f" (undecidable: {cut(unsure, _LONGEST)})"
    return tag("div", tag("bdi", ends), " ", cut(ports, _LONGEST), doubt)
