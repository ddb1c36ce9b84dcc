"""Turns flows into the few facts that are told of all of them, part by part: how many, and what of each source."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from collectors.flows import Flows


@dataclass(frozen=True)
class FlowFacts:
    """What is told of flows as a whole; facts of parts that share no rows add up.

    `packets` are those of each source, both ways. `sampled` is the least share that a source keeps, of those alone
    that do not keep all. Sources are sorted by name, rows without one are of "".
    """

    rows: int = 0
    connections: int = 0
    packets: Mapping[str, int] = field(default_factory=dict)
    sampled: Mapping[str, float] = field(default_factory=dict)

    def __add__(self, other: "FlowFacts") -> "FlowFacts":
        packets = Counter(self.packets)
        packets.update(other.packets)
        sampled = dict(self.sampled)
        for name, share in other.sampled.items():
            sampled[name] = min(share, sampled.get(name, share))
        rows, connections = self.rows + other.rows, self.connections + other.connections
        return FlowFacts(rows, connections, dict(sorted(packets.items())), dict(sorted(sampled.items())))


def facts_of(flows: Flows) -> FlowFacts:
    """Return the facts of some flows."""
    if flows.empty:
        return FlowFacts()
    packets = flows["packets"].fillna(0) + flows["reply_packets"].fillna(0)
    thinned = flows[(flows["sampled"] < 1).fillna(value=False).astype(bool)]
    return FlowFacts(
        len(flows),
        int(flows["connections"].sum()),
        {str(name): int(count) for name, count in packets.groupby(_names(flows)).sum().items()},
        {str(name): float(share) for name, share in thinned.groupby(_names(thinned))["sampled"].min().items()},
    )


def _names(flows: pd.DataFrame) -> "pd.Series[Any]":
    return flows["source"].astype("object").where(flows["source"].notna(), "")
