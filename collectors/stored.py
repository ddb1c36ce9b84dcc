"""Turns stores that are given as inputs into one observation with what was read beside them, each source once.

Sources of a learning store are called `<folder>/<source>`, by the folder of the store: `node-a/eth0`. Those of other
stores keep their names, unless another input has a source of that name.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from collectors.claims import conform_claims
from collectors.flows import Flows, conform_flows
from collectors.inputs import distinct_names
from collectors.ledger import Entry, Key, Ledger
from collectors.names import conform_names
from collectors.observation import BUCKET_SECONDS, Observation, ObservationWindow, Source, merge, without_sources
from collectors.pushing import is_learned
from collectors.remote import Remote
from collectors.store import load, opened
from collectors.stored_flows import StoredPartitions
from collectors.stored_observation import StoredObservation

Place = Path | Remote
_FEW = 8
"""Learning stores of which files are held open."""


def merge_stores(read: Observation, stores: Sequence[Place], bucket_seconds: int = BUCKET_SECONDS) -> Observation:
    """Return what was read and what some stores hold.

    A source that several of them have counts once; of one that has grown the longest reading counts. Raises
    UnreadableInput and NewerArtefact as `load` does.
    """
    if not stores:
        return read
    folders = _resolved(stores)
    held = [read, *(load(folder) for folder in folders)]
    taken = _taken([observation.window for observation in held], folders)
    return merge((part.of(observation) for part, observation in zip(taken, held, strict=True)), bucket_seconds)


def open_stores(stores: Sequence[Place]) -> StoredObservation:
    """Return what `merge_stores` does of stores alone, of which flows are read when they are asked for."""
    folders = _resolved(stores)
    held = [opened(folder, hold=len(folders) <= _FEW) for folder in folders]
    _, *taken = _taken([ObservationWindow(), *(store.window for store in held)], folders)
    beside = merge(part.of(store.beside_flows()) for part, store in zip(taken, held, strict=True))
    flows = (
        replace(one, called=part.flows_of)
        for part, store in zip(taken, held, strict=True)
        for one in store.parts.stores
    )
    return StoredObservation.of(beside, StoredPartitions(tuple(flows)))


def _resolved(stores: Sequence[Place]) -> list[Place]:
    return [store.resolve() if isinstance(store, Path) else store for store in stores]


@dataclass(frozen=True)
class _Taken:
    """What is taken of an observation, whose window is told: it is renamed, sources are left out, others renamed."""

    window: ObservationWindow
    named: Mapping[str, str]
    gone: frozenset[Source] = frozenset()
    told_apart: Mapping[str, str] = field(default_factory=dict)

    def of(self, observation: Observation) -> Observation:
        """Return what is taken of an observation, or of a part of its tables."""
        return renamed(without_sources(renamed(observation, self.named), self.gone), self.told_apart)

    def flows_of(self, flows: Flows) -> Flows:
        """Return what is taken of some of the flows."""
        return self.of(Observation(flows, self.window)).flows

    def names(self) -> set[str]:
        """Return the names of the sources that are left."""
        return _names(self.of(Observation(window=self.window)).window)


def _taken(windows: Sequence[ObservationWindow], folders: Sequence[Place]) -> list[_Taken]:
    """Return what is taken of observations: of what was read, which comes first, and of the stores in some folders."""
    names = distinct_names(folders)
    learned = [folder for folder in folders if is_learned(folder)]
    called = [
        {name: f"{names[folder]}/{name}" for name in _names(window)} if folder in learned else {}
        for folder, window in zip(folders, windows[1:], strict=True)
    ]
    first = [_Taken(window, named) for window, named in zip(windows, [{}, *called], strict=True)]
    once = [replace(part, gone=gone) for part, gone in zip(first, _told_before(first), strict=True)]
    rivals = Counter(name for part in once for name in part.names())
    apart = [
        {name: f"{names[folder]}/{name}" for name in part.names() if rivals[name] > 1 and folder not in learned}
        for folder, part in zip(folders, once[1:], strict=True)
    ]
    return [replace(part, told_apart=found) for part, found in zip(once, [{}, *apart], strict=True)]


def _names(window: ObservationWindow) -> set[str]:
    return {source.name for source in window.sources}


def _told_before(parts: Sequence[_Taken]) -> Iterator[frozenset[Source]]:
    """Yield the sources of each that one before it has too, and those that go on longer in another."""
    windows = [part.of(Observation(window=part.window)).window for part in parts]
    longer: dict[tuple[object, ...], list[Source]] = {}
    for source in (source for window in windows for source in window.sources):
        longer.setdefault(source.beginning(), []).append(source)
    seen: set[tuple[object, ...]] = set()
    for window in windows:
        yield frozenset(
            source
            for source in window.sources
            if source.identity() in seen or any(other.continues(source) for other in longer[source.beginning()])
        )
        seen |= {source.identity() for source in window.sources}


def renamed(observation: Observation, names: Mapping[str, str]) -> Observation:
    """Return an observation with other names of some of its sources."""
    if not names:
        return observation
    window = observation.window
    ledger = observation.ledger
    return Observation(
        conform_flows(_renamed(observation.flows, names)),
        replace(
            window,
            sources=tuple(sorted((_called(source, names) for source in window.sources), key=Source.order)),
            gaps=tuple(replace(gap, source=names.get(gap.source, gap.source)) for gap in window.gaps),
        ),
        Ledger(_entries(ledger.packets, names), _entries(ledger.events, names)),
        conform_names(_renamed(observation.names, names)),
        conform_claims(_renamed(observation.claims, names)),
    )


def _called(source: Source, names: Mapping[str, str]) -> Source:
    return replace(source, name=names.get(source.name, source.name))


def _renamed(frame: pd.DataFrame, names: Mapping[str, str]) -> pd.DataFrame:
    categories = frame["source"].cat.categories
    return frame.assign(source=frame["source"].map({name: names.get(name, name) for name in categories}))


def _entries(entries: Mapping[Key, Entry], names: Mapping[str, str]) -> dict[Key, Entry]:
    """Return entries of a ledger with other names of their sources."""
    total: dict[Key, Entry] = {}
    for (source, kind), entry in entries.items():
        key = (names.get(source, source), kind)
        called = Entry(entry.count, tuple(sample._replace(source=key[0]) for sample in entry.samples))
        total[key] = total[key] + called if key in total else called
    return dict(sorted(total.items()))
