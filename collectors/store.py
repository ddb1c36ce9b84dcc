"""Turns an observation into a folder and back: `window.json`, `ledger.json`, Parquet parts of flows, names and claims.

There is one part of each per source, named by source and content, those of names in the folder `names`, those of
claims in `claims`; `window.json` lists them and is written last, so that a save that was cut short leaves the store as
it was (`collectors.adding`). A source that the store holds already is not counted again. `collectors.segments` writes
stores that grow.

At a URL there is one part per source and day (UTC, of the first time of a row), in a folder of that day: a day that is
added touches no file of another. One process at a time may save to a store.
"""

import shutil
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from weakref import finalize

from collectors.adding import Adding
from collectors.errors import UnreadableInput
from collectors.observation import Observation, Source, compact, join_sources
from collectors.places import is_url
from collectors.pushing import is_mirror, pull
from collectors.remote import Remote
from collectors.segment_files import Conclude, is_learning_store, load_segments, look_at_segments
from collectors.store_files import WINDOW, look_at, read_observation
from collectors.stored_flows import StoredFlows, StoredPartitions
from collectors.stored_observation import StoredObservation


def save(observation: Observation, folder: str | Path) -> tuple[Source, ...]:
    """Add an observation to a store at a path or URL, made if need be; return the sources left out as held already.

    A source is held already if content, counts and times are the same under any name (a stream: under its name): its
    flows, names, claims and ledger entries are left out, and the files stay as they are. A source that has grown since
    it was read takes the place of its shorter reading, with the event `grown`. One of the same name whose time overlaps
    but whose content differs otherwise is added, with the event `overlap`. Raises UnreadableInput where the folder
    holds something else, a learning store too.
    """
    with Adding(place_of(folder)) as adding:
        compacted = replace(observation, flows=compact(observation.flows))
        return adding.keep([adding.draft.write([compacted])]).known


def load(folder: str | Path | Remote, conclude: Conclude | None = None) -> Observation:
    """Return all that a store holds, flows, names and claims compacted; of a learning store all its segments.

    It is at a path or a URL; there a learning store is what `push` made of it, which is pulled for the while.
    `conclude` says what follows from what was still open at the end of a learning store (`collectors.segments`).
    Raises UnreadableInput where the folder is no store or a file of it is missing or damaged, and NewerArtefact for
    a store written by a newer podfence.
    """
    place = place_of(folder)
    if isinstance(place, Remote) and is_mirror(place):
        with TemporaryDirectory(prefix="podfence-") as temporary:
            (pulled,) = pull(place, Path(temporary))
            return load_segments(pulled, conclude)
    if isinstance(place, Path) and is_learning_store(place):
        return load_segments(place, conclude)
    observation = read_observation(_ordinary(place))
    return replace(observation, window=join_sources(observation.window))


def opened(folder: str | Path | Remote, conclude: Conclude | None = None, *, hold: bool = True) -> StoredObservation:
    """Return what `load` does, of which flows are read when they are asked for; raises what it raises.

    What is missing or damaged of the flows may be found as late as that. `hold`: as for `look_at_segments`.
    """
    place = place_of(folder)
    keeper = None
    if isinstance(place, Remote) and is_mirror(place):
        keeper = _Folder()
        (place,) = pull(place, keeper.path)
    if isinstance(place, Path) and is_learning_store(place):
        found, tables = look_at_segments(place, conclude, hold=hold and keeper is None)
    else:
        found, tables = look_at(_ordinary(place))
    parts = StoredPartitions((StoredFlows(tables, found.flows, keeper=keeper),))
    return StoredObservation.of(replace(found, window=join_sources(found.window)), parts)


class _Folder:
    """A temporary folder that is there as long as somebody has it."""

    def __init__(self) -> None:
        self.path = Path(mkdtemp(prefix="podfence-"))
        finalize(self, shutil.rmtree, self.path, ignore_errors=True)


def _ordinary(place: Path | Remote) -> Path | Remote:
    if not (place / WINDOW).is_file():
        raise UnreadableInput(f"{place} is no observation store (it has no {WINDOW}): name one that observe wrote.")
    return place


def place_of(folder: str | Path | Remote) -> Path | Remote:
    """Return the place of a path or URL."""
    if isinstance(folder, Remote):
        return folder
    return Remote.of(folder) if is_url(folder) else Path(folder)
