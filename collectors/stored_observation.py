"""Turns what a store holds into an observation whose flows are read by parts, and whole only when asked for."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import cast

from collectors.flows import Flows
from collectors.observation import Observation, compact, concat_flows
from collectors.partitions import Partitions
from collectors.stored_flows import StoredPartitions


def _all(observation: "StoredObservation") -> Flows:
    return compact(concat_flows(observation.parts))


@dataclass(frozen=True, eq=False)
class StoredObservation(Observation):
    """What a store holds; `parts` are its flows by stretches of time.

    `flows` are all of them at once: they are read when they are first asked for, and then stay in memory.
    """

    flows: Flows = field(init=False, repr=False, default=cast("Flows", cached_property(_all)))
    parts: StoredPartitions = field(default=StoredPartitions(()))

    @staticmethod
    def of(beside: Observation, parts: StoredPartitions) -> "StoredObservation":
        """Return an observation of these parts with all that another one has beside flows."""
        return StoredObservation(
            window=beside.window, ledger=beside.ledger, names=beside.names, claims=beside.claims, parts=parts
        )

    def beside_flows(self) -> Observation:
        """Return all that it has beside flows."""
        return Observation(window=self.window, ledger=self.ledger, names=self.names, claims=self.claims)


def parts_of(observation: Observation) -> Iterable[Flows]:
    """Return the flows of an observation by parts of time, which may be iterated over any number of times."""
    return observation.parts if isinstance(observation, StoredObservation) else Partitions(observation.flows)


def rows_of(observation: Observation) -> int:
    """Return how many flows an observation has; those of a store are read for it, and not kept."""
    return sum(map(len, observation.parts)) if isinstance(observation, StoredObservation) else len(observation.flows)
