"""Turns sightings of API objects, from lists, snapshots and timelines, into the history of each object. Pure.

Two sightings of one uid with one resourceVersion are one version, whoever saw it. An API server numbers all changes of
one kind in order, so resourceVersions say what came first even where no clock does.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Literal

import pandas as pd

from collectors.fields import CLOCK_GRAIN, Dict, created_at, kind_of, name_of, not_as_given, uid_of, version_of

Time = pd.Timestamp
Seen = Literal["listed", "ADDED", "MODIFIED", "DELETED"]


@dataclass(frozen=True, slots=True)
class Sighting:
    """An object as it was seen at `time` (None = not known when), in a list or in an event of a watch.

    An event that was found later, by comparing lists, happened between `since` and `time`.
    """

    item: Dict
    time: Time | None = None
    seen: Seen = "listed"
    since: Time | None = None


@dataclass(frozen=True)
class Listing:
    """A whole list of one kind: what it does not hold did not exist at `time`.

    `version` is the list's resourceVersion, or any that the list is not older than; 0 = not known.
    """

    kind: str
    time: Time
    uids: frozenset[str]
    version: int = 0


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an object; it came into being between `earliest` and `latest` (None = not known)."""

    item: Dict
    earliest: Time | None = None
    latest: Time | None = None


@dataclass(frozen=True)
class History:
    """All known versions of one object, in order; `deleted` is when it was known to be gone, None while it lives."""

    kind: str
    uid: str
    versions: tuple[Version, ...]
    deleted: Time | None = None

    @property
    def newest(self) -> Dict:
        """The object as it was last seen."""
        return self.versions[-1].item


def histories(sightings: Iterable[Sighting], listings: Iterable[Listing] = ()) -> list[History]:
    """Return the history of each object, sorted by kind, namespace, name and age.

    An object is gone when an event says so, when a later whole list lacks it, or when another one has its name.
    """
    found: dict[tuple[str, str], list[Sighting]] = {}
    for sighting in sightings:
        found.setdefault((kind_of(sighting.item), uid_of(sighting.item)), []).append(sighting)
    by_kind: dict[str, list[Listing]] = {}
    for listing in sorted(listings, key=lambda listing: listing.time):
        by_kind.setdefault(listing.kind, []).append(listing)
    made = [_history(kind, uid, seen, by_kind.get(kind, [])) for (kind, uid), seen in found.items()]
    return _succeeded(sorted(made, key=_order))


def _history(kind: str, uid: str, seen: list[Sighting], listings: list[Listing]) -> History:
    ordered = seen if len(seen) == 1 else sorted(seen, key=_age)
    deletions = [sighting.time for sighting in seen if sighting.seen == "DELETED" and sighting.time is not None]
    deleted = min(deletions) if deletions else None
    if deleted is None and listings:
        deleted = _absence(uid, ordered, listings)
    whole = [sighting for sighting in ordered if not is_tombstone(sighting)] or ordered
    return History(kind, uid, tuple(_versions(whole)), deleted)


def _age(sighting: Sighting) -> tuple[int, bool, int, bool]:
    """Order sightings of one object: by resourceVersion, else by time; those without a time are the oldest."""
    time = sighting.time
    known = time is not None
    return version_of(sighting.item), known, time.value if time is not None else 0, sighting.seen == "DELETED"


def is_tombstone(sighting: Sighting) -> bool:
    """Return whether a deletion tells only whose it was, not what the object was like."""
    return sighting.seen == "DELETED" and not sighting.item.keys() - {"apiVersion", "kind", "metadata"}


def _absence(uid: str, ordered: list[Sighting], listings: list[Listing]) -> Time | None:
    """Return the time of the first whole list that is later than all sightings of an object and lacks it.

    A list takes a while, so its clock cannot tell whether an object was made just before or after; versions can.
    """
    last = max((sighting.time for sighting in ordered if sighting.time is not None), default=None)
    version = version_of(ordered[-1].item)
    known = last if last is not None else created_at(ordered[-1].item)
    for listing in listings:
        if uid in listing.uids or (last is not None and listing.time <= last):
            continue
        if version and listing.version:
            later = version <= listing.version
        else:
            later = known is not None and known + CLOCK_GRAIN < listing.time
        if later:
            return listing.time
    return None


def _versions(ordered: list[Sighting]) -> Iterable[Version]:
    """Yield a version for each resourceVersion, with the bounds of the time at which it came into being.

    An event without `since` was seen as it happened. All else happened after the former version was last seen.
    """
    last_seen: Time | None = None
    at = 0
    while at < len(ordered):
        number = version_of(ordered[at].item)
        end = at + 1
        while number and end < len(ordered) and version_of(ordered[end].item) == number:
            end += 1
        times = [sighting.time for sighting in ordered[at:end] if sighting.time is not None]
        latest = min(times) if times else None
        yield Version(ordered[at].item, _earliest(ordered[at:end], latest, last_seen), latest)
        if times:
            last_seen = max(times) if last_seen is None else max(last_seen, *times)
        at = end


def _earliest(same: list[Sighting], latest: Time | None, last_seen: Time | None) -> Time | None:
    if latest is None:
        return last_seen
    told = [s.since or s.time for s in same if s.seen != "listed" and (s.seen != "ADDED" or s.since or not last_seen)]
    exact = [time for time in told if time is not None]
    earliest = min(exact) if exact else last_seen
    return None if earliest is None else min(earliest, latest)


def _order(history: History) -> tuple[str, tuple[str, str], int, int, str]:
    created = _created(history)
    age = created.value if created is not None else 0
    return history.kind, name_of(history.newest), age, version_of(history.newest), history.uid


def _created(history: History) -> Time | None:
    try:
        return created_at(history.newest)
    except (ValueError, OverflowError) as fault:
        raise not_as_given(history.newest, fault) from fault


def _succeeded(ordered: list[History]) -> list[History]:
    """End what another object of the same name replaced: the API holds one name once at a time."""
    found: list[History] = []
    for history, following in zip_longest(ordered, ordered[1:]):
        replaced = following is not None and history.deleted is None and _key(history) == _key(following)
        until = _created(following) if replaced and following is not None else None
        found.append(replace(history, deleted=until) if until is not None else history)
    return found


def _key(history: History) -> tuple[str, tuple[str, str]]:
    return history.kind, name_of(history.newest)


def by_kind(found: Iterable[History]) -> Mapping[str, list[History]]:
    """Return the histories of each kind."""
    kinds: dict[str, list[History]] = {}
    for history in found:
        kinds.setdefault(history.kind, []).append(history)
    return kinds
