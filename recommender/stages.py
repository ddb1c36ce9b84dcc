"""Turns an observation and an inventory into communications and suggestions: the stages, each after the other. Pure.

The flows may come in parts, of which each is resolved by itself: memory is that of one part and of what is left of all.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from collectors.flow_facts import FlowFacts, facts_of
from collectors.flows import Flows
from collectors.inventory import Inventory
from collectors.names import Names
from collectors.observation import Observation, ObservationWindow
from collectors.partitions import in_order
from collectors.stored_flows import StoredPartitions
from collectors.stored_observation import parts_of
from recommender.communications import Communication, summarize
from recommender.condense import condensed, merge_condensed
from recommender.endpoints import Endpoints
from recommender.names import with_names
from recommender.resolve import ResolvedFlows, resolve
from recommender.scans import Scan, ScanWatch, scan_like
from recommender.servers import hinted, servers
from recommender.sightings import Sightings, sightings
from recommender.suggest import Suggestions, SuggestOptions, suggest
from recommender.vantages import once


@dataclass(frozen=True, eq=False)
class Suggested:
    """What each stage gave on the way to suggestions; the communications carry what their addresses were called."""

    communications: tuple[Communication, ...]
    scans: tuple[Scan, ...]
    suggestions: Suggestions
    sightings: Sightings
    facts: FlowFacts


def suggested(observation: Observation, inventory: Inventory) -> Suggested:
    """Return what an observation suggests, with what led there."""
    return suggested_by_parts(parts_of(observation), observation.names, observation.window, inventory)


def suggested_by_parts(
    parts: Iterable[Flows], names: Names, window: ObservationWindow, inventory: Inventory
) -> Suggested:
    """Return what all parts of the flows suggest together.

    The parts are iterated over twice: they are in the order of time, and no two have rows of one bucket
    (`collectors.partitions`). Raises ValueError where they are not.
    """
    watch, seen = ScanWatch(), Counter[tuple[object, ...]]()
    total, facts = merge_condensed(()), FlowFacts()
    for told, resolved in _each_resolved(parts, inventory, window):
        facts += told
        watch.add(resolved)
        seen.update(sightings(resolved))
        total = merge_condensed((total, condensed(resolved)))
        del resolved
    communications, scanned = with_names(summarize(total), names), watch.scans()
    return Suggested(
        communications, scanned, _suggestions(communications, scanned, inventory, window), dict(seen), facts
    )


def spoken(observation: Observation, inventory: Inventory) -> tuple[Communication, ...]:
    """Return the communications alone: without what addresses were called, which no verdict asks for."""
    return spoken_by_parts(parts_of(observation), observation.window, inventory)


def spoken_by_parts(
    parts: Iterable[Flows], window: ObservationWindow, inventory: Inventory
) -> tuple[Communication, ...]:
    """Return what `spoken` does of all parts together; they are as for `suggested_by_parts`."""
    total = merge_condensed(())
    for _, resolved in _each_resolved(parts, inventory, window):
        total = merge_condensed((total, condensed(resolved)))
    return summarize(total)


def _each_resolved(
    parts: Iterable[Flows], inventory: Inventory, window: ObservationWindow
) -> Iterator[tuple[FlowFacts, ResolvedFlows]]:
    """Yield what each end was at its time, each connection counted once, part by part, with the facts of each."""
    endpoints = Endpoints(inventory)
    known = servers(parts.unoriented() if isinstance(parts, StoredPartitions) else parts, endpoints)
    for flows in in_order(parts):
        yield facts_of(flows), once(hinted(resolve(flows, endpoints), known), window)
        del flows  # as all that is of one part: it would stay in memory while the next one is read


def _suggestions(
    communications: tuple[Communication, ...], scanned: Iterable[Scan], inventory: Inventory, window: ObservationWindow
) -> Suggestions:
    return suggest(communications, inventory, window, SuggestOptions(scan_like=scan_like(scanned)))
