"""Turns stores that are given as inputs into one observation with what was read beside them, each source once.

Sources of a learning store are called `<folder>/<source>`, by the folder of the store: `node-a/eth0`. Those of other
stores keep their names, unless another input has a source of that name.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from collectors.claims import conform_claims
from collectors.flows import conform_flows
from collectors.inputs import distinct_names
from collectors.ledger import Entry, Key, Ledger
from collectors.names import conform_names
from collectors.observation import BUCKET_SECONDS, Observation, Source, merge, without_sources
from collectors.remote import Remote
from collectors.store import is_learned, load


def merge_stores(
    read: Observation, stores: Sequence[Path | Remote], bucket_seconds: int = BUCKET_SECONDS
) -> Observation:
    """Return what was read and what some stores hold.

    A source that several of them have counts once; of one that has grown the longest reading counts. Raises
    UnreadableInput and NewerArtefact as `load` does.
    """
    if not stores:
        return read
    folders = [store.resolve() if isinstance(store, Path) else store for store in stores]
    names = distinct_names(folders)
    learned = {folder for folder in folders if is_learned(folder)}
    held = [_named(load(folder), names[folder], learned=folder in learned) for folder in folders]
    parts = list(_each_once([read, *held]))
    rivals = Counter(name for part in parts for name in _names(part))
    taken = [parts[0]]
    for folder, part in zip(folders, parts[1:], strict=True):
        clashing = [name for name in _names(part) if rivals[name] > 1 and folder not in learned]
        taken.append(renamed(part, {name: f"{names[folder]}/{name}" for name in clashing}))
    return merge(taken, bucket_seconds)


def _named(observation: Observation, store: str, *, learned: bool) -> Observation:
    return renamed(observation, {name: f"{store}/{name}" for name in _names(observation)}) if learned else observation


def _names(observation: Observation) -> set[str]:
    return {source.name for source in observation.window.sources}


def _each_once(observations: Sequence[Observation]) -> Iterator[Observation]:
    """Yield observations less the sources that one before them has too, and those that go on longer in another."""
    longer: dict[tuple[object, ...], list[Source]] = {}
    for source in (source for observation in observations for source in observation.window.sources):
        longer.setdefault(source.beginning(), []).append(source)
    seen: set[tuple[object, ...]] = set()
    for observation in observations:
        gone = {
            source
            for source in observation.window.sources
            if source.identity() in seen or any(other.continues(source) for other in longer[source.beginning()])
        }
        seen |= {source.identity() for source in observation.window.sources}
        yield without_sources(observation, gone)


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
