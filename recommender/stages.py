"""Turns an observation and an inventory into communications and suggestions: the stages, each after the other. Pure."""

from dataclasses import dataclass

from collectors.inventory import Inventory
from collectors.observation import Observation
from recommender.communications import Communication, summarize
from recommender.names import with_names
from recommender.resolve import ResolvedFlows, resolve
from recommender.scans import Scan, scan_like, scans
from recommender.suggest import Suggestions, SuggestOptions, suggest
from recommender.vantages import once


@dataclass(frozen=True, eq=False)
class Suggested:
    """What each stage gave on the way to suggestions; the communications carry what their addresses were called."""

    resolved: ResolvedFlows
    communications: tuple[Communication, ...]
    scans: tuple[Scan, ...]
    suggestions: Suggestions


def suggested(observation: Observation, inventory: Inventory) -> Suggested:
    """Return what an observation suggests, with what led there."""
    resolved = _resolved_once(observation, inventory)
    communications = with_names(summarize(resolved), observation.names)
    scanned = scans(resolved)
    suspicious = SuggestOptions(scan_like=scan_like(scanned))
    return Suggested(
        resolved, communications, scanned, suggest(communications, inventory, observation.window, suspicious)
    )


def spoken(observation: Observation, inventory: Inventory) -> tuple[Communication, ...]:
    """Return the communications alone: without what addresses were called, which no verdict asks for."""
    return summarize(_resolved_once(observation, inventory))


def _resolved_once(observation: Observation, inventory: Inventory) -> ResolvedFlows:
    """Return what each end was at its time, each connection counted once."""
    return once(resolve(observation.flows, inventory), observation.window)
