"""Turns the segments of a learning store into their mirror at a URL, and such mirrors back into folders.

A segment's `window.json` is written last and removed first, so a reader of the mirror sees whole segments only.
"""

import json
import operator
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from collectors.errors import PodfenceError, UnreadableInput
from collectors.places import said, shown
from collectors.remote import Remote
from collectors.segment_files import SEGMENTS, is_learning_store, listed, remove

_WHOLE = "window.json"
_UNFINISHED = _WHOLE + ".part"
_FILE = re.compile(r"(?:(?P<store>.+)/)?segments/(?P<segment>[0-9]{10}-[0-9]{10})/(?P<file>.+)", re.DOTALL)
_PART = re.compile(r"(?!\.)[^/\\\x00-\x1f\x7f]{1,255}")
"""One part of a path that a mirror may have: names there are whatever the owner of a bucket wrote."""

Sizes = Mapping[str, int]
"""The files of one segment, each with its size in bytes."""


@dataclass(frozen=True)
class Pushed:
    """What one push did; `size` is the bytes of the files sent, segments are named by their range."""

    files: int
    size: int
    segments: tuple[str, ...]
    removed: tuple[str, ...]


def push(store: Path, url: str) -> Pushed:
    """Mirror the segments of a learning store to a URL, whole ones only.

    What is there already is not sent again, a push that was cut short is gone on with, and what a merged segment at
    the URL covers is removed there. Raises UnreadableInput where the folder is no learning store, and PodfenceError
    where the URL cannot be used or holds the segments of another store.
    """
    if not is_learning_store(store):
        raise UnreadableInput(f"{store} is no learning store (it has no segments): name one that learn wrote.")
    folder = store / SEGMENTS
    ours = _ours(folder)
    with said(url):
        remote, root = Remote.of(url).system()
        found = _found(remote, root).get("", {})
        if (strange := _strange(remote, root, folder, ours, found)) is not None:
            reason = f"holds the segments of another store ({strange} differs)"
            raise PodfenceError(f"{shown(url)} {reason}: name a place for this one alone.")
        sent: dict[str, list[int]] = {}
        for segment in ours:
            if _WHOLE in found.get(segment, {}):
                continue
            sizes = _send(remote, folder / segment, f"{root}/{SEGMENTS}/{segment}", found.get(segment, {}))
            if sizes is None:
                break  # what comes after it would leave a hole; the next push sends what it was merged into
            sent[segment] = sizes
        whole = {name for name, files in found.items() if _WHOLE in files} | sent.keys()
        removed = tuple(name for name in sorted(found) if _covered(name, whole))
        for segment in removed:
            _remove(remote, f"{root}/{SEGMENTS}/{segment}", found[segment])
    every = [size for sizes in sent.values() for size in sizes]
    return Pushed(len(every), sum(every), tuple(sent), removed)


def mirrors(files: Iterable[str]) -> list[str]:
    """Return the learning stores among the files of a place, by their paths in it, sorted; "" is the place itself."""
    found = filter(None, map(_FILE.fullmatch, files))
    return sorted({file["store"] or "" for file in found if file["file"] == _WHOLE})


def is_learned(place: Path | Remote) -> bool:
    """Return whether a place holds what learn wrote: a learning store, or a mirror of one."""
    return is_mirror(place) if isinstance(place, Remote) else is_learning_store(place)


def is_mirror(place: Remote) -> bool:
    """Return whether a place is the mirror of one learning store."""
    return bool(mirrors(f"{SEGMENTS}/{name}" for name in (place / SEGMENTS).files()))


def pull(url: str | Remote, folder: Path) -> tuple[Path, ...]:
    """Bring every whole segment below a URL into a folder; return the learning stores there, sorted.

    The URL is that of one store, or of a place that has many, each of which becomes a folder of its name. Raises
    UnreadableInput where there is none or a name is unfit for a file, PodfenceError where the URL cannot be used.
    """
    origin = url if isinstance(url, Remote) else Remote.of(url)
    with said(str(origin)):
        remote, root = origin.system()
        found = _found(remote, root)
        stores = []
        for name in sorted(found):
            whole = {segment: files for segment, files in found[name].items() if _WHOLE in files}
            if not whole:
                continue
            store = folder.joinpath(*_parts(name, origin)) if name else folder
            stores.append(store)
            place = "/".join(filter(None, (root, name, SEGMENTS)))
            for segment in _outermost(whole):
                _fetch(remote, f"{place}/{segment}", store / SEGMENTS / segment, whole[segment], origin)
            remove(store / SEGMENTS, [one for one in listed(store / SEGMENTS) if _covered(one.name, whole)])
    if not stores:
        raise UnreadableInput(f"{origin} holds no whole segment: name what `podfence learn --push` was given.")
    return tuple(stores)


def _ours(folder: Path) -> list[str]:
    return _outermost(segment.name for segment in listed(folder))


def _outermost(names: Iterable[str]) -> list[str]:
    """Return the segments that lie within no other, the oldest first."""
    names = set(names)
    return sorted(name for name in names if not _covered(name, names))


def _covered(name: str, others: Iterable[str]) -> bool:
    """Tell whether a segment lies within another; the numbers have ten digits, so they compare as texts."""
    first, last = name.split("-")
    ranges = (other.split("-") for other in others if other != name)
    return any(start <= first and last <= end for start, end in ranges)


def _local_files(folder: Path) -> dict[str, int]:
    """Return the files of one segment and their sizes, `window.json` last."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    files = {path.relative_to(folder).as_posix(): path.stat().st_size for path in paths}
    return dict(sorted(files.items(), key=lambda file: (file[0] == _WHOLE, file[0])))


def _found(remote: Any, root: str) -> dict[str, dict[str, dict[str, int]]]:
    """Return the files at a URL: store -> segment -> file -> size; the store that the URL itself is has no name."""
    remote.invalidate_cache()
    stores: dict[str, dict[str, dict[str, int]]] = defaultdict(lambda: defaultdict(dict))
    for path, info in remote.find(root, detail=True).items():
        relative = path.removeprefix(root).lstrip("/")
        if place := _FILE.fullmatch(relative):
            stores[place["store"] or ""][place["segment"]][place["file"]] = int(info["size"] or 0)
    return stores


def _strange(remote: Any, root: str, folder: Path, ours: list[str], found: Mapping[str, Sizes]) -> str | None:
    """Return a segment that is of another store, None if none is: theirs and ours would cover each other."""
    there = sorted(name for name, files in found.items() if _WHOLE in files)
    strange = [name for name in ours if _covered(name, there)]
    # Segments never change and each tells its own times, so one of them tells whose store this is.
    for name in [name for name in ours if name in there][:1]:
        if _differs(remote.cat_file(f"{root}/{SEGMENTS}/{name}/{_WHOLE}"), folder / name, operator.eq):
            strange = [*strange, name]
    for name in there:
        for cover in [cover for cover in ours if _covered(name, [cover])]:
            if _differs(remote.cat_file(f"{root}/{SEGMENTS}/{name}/{_WHOLE}"), folder / cover, _within):
                strange = [*strange, name]
    return strange[0] if strange else None


def _differs(there: bytes, segment: Path, same: Callable[[Any, Any], bool]) -> bool:
    """Tell whether a window at a URL contradicts that of a segment here, which may be merged away meanwhile."""
    try:
        return not same(json.loads(there), json.loads((segment / _WHOLE).read_bytes()))
    except FileNotFoundError:
        return False


def _within(inner: Mapping[str, Any], outer: Mapping[str, Any]) -> bool:
    """Tell whether one window lies within another; their times are texts of one form, so they compare as such."""
    times = inner.get("start"), inner.get("end"), outer.get("start"), outer.get("end")
    return not all(times) or bool(outer["start"] <= inner["start"] and inner["end"] <= outer["end"])


def _send(remote: Any, source: Path, place: str, there: Sizes) -> list[int] | None:
    """Send what is missing of one segment and return the sizes sent; None where it was merged away meanwhile."""
    sizes = []
    try:
        for name, size in _local_files(source).items():
            if there.get(name) != size:
                remote.put_file(str(source / name), f"{place}/{_UNFINISHED if name == _WHOLE else name}")
                sizes.append(size)
        # The merged one is there before its parts are removed: where it is not, all files of this one were.
        if source.name in _ours(source.parent):
            # A shared file system would show a half-written file; a rename shows it whole.
            remote.mv(f"{place}/{_UNFINISHED}", f"{place}/{_WHOLE}")
            return sizes
    except FileNotFoundError:
        if source.name in _ours(source.parent):
            raise
    return None


def _remove(remote: Any, place: str, files: Sizes) -> None:
    if _WHOLE in files:
        remote.rm_file(f"{place}/{_WHOLE}")
    remote.rm(place, recursive=True)


def _fetch(remote: Any, place: str, target: Path, files: Sizes, origin: Remote) -> None:
    """Bring one segment into a hidden folder and rename it."""
    if target.exists():
        return
    temporary = target.with_name(f".tmp-{target.name}")
    for name, size in files.items():
        path = temporary.joinpath(*_parts(name, origin))
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            remote.get_file(f"{place}/{name}", str(path))
            whole = path.stat().st_size == size
        except FileNotFoundError:
            whole = False
        if not whole:
            raise PodfenceError(f"{origin} changed while it was read: pull again.")
    temporary.rename(target)


def _parts(name: str, origin: Remote) -> list[str]:
    parts = name.split("/")
    if all(map(_PART.fullmatch, parts)):
        return parts
    raise UnreadableInput(f"{origin} holds {name[:80]!r}, which is no name of a file: remove it there.")
