"""Turns cluster objects and flows, or packets, into a conclusion, the way `podfence run` does, and cases into tests."""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from collectors.flows import empty_flows
from collectors.observation import Observation, ObservationWindow, Source
from collectors.sources import read_flows
from recommender.manifest import to_yaml
from recommender.pipeline import RunOptions, conclude
from recommender.store import load_suggestions
from recommender.summary import Conclusion
from tests.cluster import deployment, flows, inventory, namespace, node
from tests.recommender.semantics.views import line

EARLY = "2025-01-01T00:00:00Z"
"""Before the packets of tests.collectors.capture.frames and the flows of tests.cluster."""
WEB, WEB2, API, DB = "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.1.4"
NODE1, NODE2 = "192.168.0.1", "192.168.0.2"
OUTSIDE = "203.0.113.5"
PORTS = [{"containerPort": 3000}, {"containerPort": 8125, "protocol": "UDP"}]
CLUSTER = (
    namespace("shop"),
    namespace("data"),
    deployment("web", [WEB, WEB2], start=EARLY),
    deployment("api", [API], ports=PORTS, start=EARLY),
    deployment("db", [DB], ns="data", start=EARLY),
    node("node-1", NODE1),
    node("node-2", NODE2),
)
HOURS = ("2026-11-01T10:00:00Z", "2026-11-01T12:00:00Z")


@dataclass(frozen=True)
class Case:
    """One sentence of a numbered line, with an id such as `A1-syn`: what `act` gives must be what it `wants`."""

    id: str
    act: Callable[[], object]
    wants: object
    fails: str = ""

    @property
    def number(self) -> str:
        """The line that it is for, such as "A1"."""
        return self.id.partition("-")[0]


def case(name: str, ask: Callable[[Conclusion], object], wants: object, *rows: Any, fails: str = "", **world: Any):
    """Make a case about the conclusion of a world: see `concluded`."""
    return Case(name, lambda: ask(concluded(*rows, **world)), wants, fails)


def params(cases):
    """Return the cases for pytest.mark.parametrize; those that podfence fails are expected to, each with its reason."""
    return [
        pytest.param(one, id=one.id, marks=[pytest.mark.xfail(strict=True, reason=one.fails)] if one.fails else [])
        for one in cases
    ]


def window(start: str = HOURS[0], end: str = HOURS[1], **more: Any) -> ObservationWindow:
    """Return the window of one source."""
    times = {"start": pd.Timestamp(start), "end": pd.Timestamp(end)}
    return ObservationWindow.of([Source("test.pcap", "pcap", 1000, **{**times, **more})])


def observed(rows: Any, captures: Mapping[str, bytes], seen_in: ObservationWindow | None) -> Observation:
    """Return the observation of captures that are read from files, or else of flows."""
    if not captures:
        return Observation(flows(*rows) if rows else empty_flows(), window() if seen_in is None else seen_in)
    with tempfile.TemporaryDirectory() as folder:
        for name, content in captures.items():
            (Path(folder) / name).write_bytes(content)
        return read_flows([Path(folder) / name for name in captures])


def concluded(
    *rows: Any,
    parts: Any = CLUSTER,
    also: Any = (),
    captures: Mapping[str, bytes] | None = None,
    seen_in: ObservationWindow | None = None,
    decisions: Mapping[str, Any] | None = None,
    accept: bool = True,
    known: Callable[[Any], Any] = lambda found: found,
    **options: Any,
) -> Conclusion:
    """Return what follows from a world: `parts` and `also` are its objects, `rows` or `captures` its traffic.

    `decisions` go by what a suggestion says ("web -> api TCP/3000", see views.line) or by id: a choice, or an entry of
    decisions.yaml. With `accept` all else is accepted.
    """
    observation = observed(rows, captures or {}, seen_in)
    found = known(inventory(*parts, *also))
    given = RunOptions(accept_observed=accept, **options)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if decisions:
            conclude(observation, found, folder, replace(given, accept_observed=False))
            ids = {line(item.communication): item.id for item in load_suggestions(folder).items}
            entries = {
                ids.get(key, key): entry if isinstance(entry, Mapping) else {"decision": entry}
                for key, entry in decisions.items()
            }
            document = {"kind": "podfence/decisions", "version": 1, "decisions": entries}
            (folder / "decisions.yaml").write_text(to_yaml(document))
        return conclude(observation, found, folder, given)
