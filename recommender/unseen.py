"""Turns how often each edge was seen into the chance that the next sighting is of an edge not yet seen.

The estimate is Good's (1953). The bound is exact for any number of sightings; docs/coverage.md has its proof.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import log

import numpy as np

from recommender.spans import Array

# The bound is best with one weight for few edges and another for many; a mixture of all costs little and needs no
# choice after looking. Twice as many weights, between these, would make the bound under 3 % sharper.
_WEIGHTS = np.array([0.9, *(2.0**-power for power in range(1, 11))])
_HALVINGS = 60


@dataclass(frozen=True)
class Unseen:
    """What is likely not to have been seen yet; a sighting is an edge in a time bucket, `once` are edges with one.

    `expected_most` bounds from above how many sightings a further watch like this one would have on edges that this
    one did not see; `chance_most` is that as a share of all. `chance` is None where nothing was seen.
    """

    sightings: int
    edges: int
    once: int
    chance: float | None
    expected_most: float
    chance_most: float


def unseen(counts: Iterable[int], confidence: float = 0.95) -> Unseen:
    """Return the estimate for one set of edges, from the sightings (1 or more) of each."""
    found = np.array(list(counts), dtype=np.int64)
    return unseen_by_group(np.zeros(len(found), dtype=np.int64), found, 1, confidence)[0]


def unseen_by_group(group: Array, counts: Array, groups: int, confidence: float = 0.95) -> tuple[Unseen, ...]:
    """Return the estimate for each of `groups` sets; the edge at a position is in set `group`, sighted `counts` times.

    Each bound holds with the given confidence by itself, not all of them together.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence {confidence} is not between 0 and 1")
    if len(counts) and counts.min() < 1:
        raise ValueError("an edge that was seen has at least one sighting")
    edges = np.bincount(group, minlength=groups)
    once = np.bincount(group[counts == 1], minlength=groups)
    sightings = np.bincount(group, weights=counts, minlength=groups).astype(np.int64)
    most = _expected_most(group, counts, groups, confidence)
    return tuple(
        Unseen(n, e, k, k / n if n else None, x, min(1.0, x / n) if n else 1.0)
        for n, e, k, x in zip(sightings.tolist(), edges.tolist(), once.tolist(), most.tolist(), strict=True)
    )


def _expected_most(group: Array, counts: Array, groups: int, confidence: float) -> Array:
    """Return the largest expectation on unseen edges that the counts do not refute, for each group.

    For each weight a, exp(a * expectation) * product(1 - a^count) has mean 1 at most, whatever the edges' rates are;
    so has the mean over the weights, and it exceeds 1 / (1 - confidence) with no more than that chance (Markov).
    """
    cost = np.stack(
        [np.bincount(group, weights=-np.log1p(-(weight**counts)), minlength=groups) for weight in _WEIGHTS], axis=1
    )
    limit = -log(1 - confidence)
    low = np.zeros(groups)
    high = ((limit + log(len(_WEIGHTS)) + cost) / _WEIGHTS).min(axis=1)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        beyond = _log_mean(middle[:, None] * _WEIGHTS - cost) > limit
        low, high = np.where(beyond, low, middle), np.where(beyond, middle, high)
    return np.asarray(high)


def _log_mean(exponents: Array) -> Array:
    top = exponents.max(axis=1)
    return np.asarray(top + np.log(np.exp(exponents - top[:, None]).mean(axis=1)))
