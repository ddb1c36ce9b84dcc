"""Turns the intervals of a learner into where it stands: what came, what is new, what was lost."""

import hashlib
from dataclasses import dataclass, field, replace
from itertools import islice

import numpy as np
import pandas as pd

from collectors.learning import Interval
from collectors.observation import Observation
from recommender.learning_judge import Judgement

MOST_KNOWN = 1 << 20
"""Connections by address that are told apart (some 100 MB); beyond, none is counted as new."""
_HOUR = pd.Timedelta(hours=1)


@dataclass(frozen=True)
class Progress:
    """Where a learner stands. `known`: distinct connections that worked: addresses, port, protocol.

    `new`: those of the last hour; `unwritten`: why the last intervals could not be written down; `judged`: what
    following what is known by now would come to, None before that was asked.
    """

    start: pd.Timestamp | None = None
    end: pd.Timestamp | None = None
    intervals: int = 0
    packets: int = 0
    connections: int = 0
    rows: int = 0
    known: int = 0
    new: int = 0
    drops: int = 0
    gaps: int = 0
    unwritten: str = ""
    judged: Judgement | None = None


@dataclass
class Counting:
    """Counts interval after interval; `progress` is where it stands."""

    progress: Progress = field(default_factory=Progress)
    _known: set[int] = field(default_factory=set)
    _recent: list[tuple[pd.Timestamp, int]] = field(default_factory=list)

    def take(self, interval: Interval) -> Progress:
        """Count an interval; return where the learner stands now."""
        seen, so_far = interval.observation, self.progress
        sources = seen.window.sources
        new = self._new(seen)
        # a clock that was set back leaves none behind that never become old
        hour = [(end, count) for end, count in self._recent if interval.end - _HOUR < end <= interval.end]
        self._recent = [*hour, (interval.end, new)]
        self.progress = replace(
            so_far,
            start=interval.start if so_far.start is None else so_far.start,
            end=interval.end,
            intervals=so_far.intervals + 1,
            packets=so_far.packets + sum(source.packets for source in sources),
            connections=so_far.connections + int(seen.flows["connections"].sum()),
            rows=so_far.rows + len(seen.flows),
            known=len(self._known),
            new=sum(count for _, count in self._recent),
            drops=so_far.drops + sum(source.drops for source in sources),
            gaps=so_far.gaps + len(seen.window.gaps),
            unwritten=interval.unwritten,
        )
        return self.progress

    def judged(self, judgement: Judgement) -> Progress:
        """Take what a judgement says; return where the learner stands now."""
        self.progress = replace(self.progress, judged=judgement)
        return self.progress

    def _new(self, seen: Observation) -> int:
        flows = seen.flows[seen.flows["outcome"].isin(["established", "allowed"])]
        room = MOST_KNOWN - len(self._known)
        if flows.empty or not room:
            return 0
        ends = flows[["src", "dst", "protocol", "dst_port"]].astype("str").drop_duplicates()
        fresh = {_digest("\0".join(row)) for row in ends.to_numpy(dtype=np.object_).tolist()} - self._known
        self._known.update(islice(fresh, room))
        return min(len(fresh), room)


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest())
