"""Turns the segments of a learning store into their mirror at a URL, and such mirrors back into folders.

A segment's `window.json` is written last and removed first, so a reader of the mirror sees whole segments only.
"""

import json
import operator
import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from collectors.errors import PodfenceError, UnreadableInput, one_line
from collectors.segment_files import SEGMENTS, is_learning_store, listed, remove

_WHOLE = "window.json"
_UNFINISHED = _WHOLE + ".part"
_FILE = re.compile(r"(?:(?P<store>.+)/)?segments/(?P<segment>[0-9]{10}-[0-9]{10})/(?P<file>.+)", re.DOTALL)
_PART = re.compile(r"(?!\.)[^/\\\x00-\x1f\x7f]{1,255}")
"""One part of a path that a mirror may have: names there are whatever the owner of a bucket wrote."""

_REFUSED = re.compile(
    r"access.?denied|invalid.?access.?key|signature.?does.?not.?match|forbidden|unauthorized|credential|expired.?token"
    r"|\b40[13]\b|authenticat",
    re.IGNORECASE,
)
_UNREACHABLE = re.compile(
    r"network.?connection|could ?n.t (connect|resolve)|cannot connect|connection (refused|reset|timed out)|timed? ?out"
    r"|name or service not known|no route to host|unreachable",
    re.IGNORECASE,
)

_LOCAL = ("file", "local")
_SECRET = re.compile(r"//[^/@]*@|[?#].*", re.DOTALL)

Sizes = Mapping[str, int]
"""The files of one segment, each with its size in bytes."""


class _Strange(Exception):
    """What a place holds that does not belong there, said without its URL."""


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
    with _said(url):
        remote, root = _remote(url)
        found = _found(remote, root).get("", {})
        _check_same_store(remote, root, folder, ours, found)
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


def pull(url: str, folder: Path) -> tuple[Path, ...]:
    """Bring every whole segment below a URL into a folder; return the learning stores there, sorted.

    The URL is that of one store, or of a place that has many, each of which becomes a folder of its name. Raises
    UnreadableInput where there is none or a name is unfit for a file, PodfenceError where the URL cannot be used.
    """
    with _said(url):
        remote, root = _remote(url)
        found = _found(remote, root)
        stores = []
        for name in sorted(found):
            whole = {segment: files for segment, files in found[name].items() if _WHOLE in files}
            if not whole:
                continue
            store = folder.joinpath(*_parts(name, url)) if name else folder
            stores.append(store)
            place = "/".join(filter(None, (root, name, SEGMENTS)))
            for segment in _outermost(whole):
                _fetch(remote, f"{place}/{segment}", store / SEGMENTS / segment, whole[segment], url)
            remove(store / SEGMENTS, [one for one in listed(store / SEGMENTS) if _covered(one.name, whole)])
    if not stores:
        raise UnreadableInput(f"{_shown(url)} holds no whole segment: name what `podfence learn --push` was given.")
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


def _check_same_store(remote: Any, root: str, folder: Path, ours: list[str], found: Mapping[str, Sizes]) -> None:
    """Refuse a place whose segments are of another store: theirs and ours would cover each other."""
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
    if strange:
        raise _Strange(f"holds the segments of another store ({strange[0]} differs): name a place for this one alone")


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


def _fetch(remote: Any, place: str, target: Path, files: Sizes, url: str) -> None:
    """Bring one segment into a hidden folder and rename it."""
    if target.exists():
        return
    temporary = target.with_name(f".tmp-{target.name}")
    for name, size in files.items():
        path = temporary.joinpath(*_parts(name, url))
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            remote.get_file(f"{place}/{name}", str(path))
            whole = path.stat().st_size == size
        except FileNotFoundError:
            whole = False
        if not whole:
            raise PodfenceError(f"{_shown(url)} changed while it was read: pull again.")
    temporary.rename(target)


def _parts(name: str, url: str) -> list[str]:
    parts = name.split("/")
    if all(map(_PART.fullmatch, parts)):
        return parts
    raise UnreadableInput(f"{_shown(url)} holds {name[:80]!r}, which is no name of a file: remove it there.")


def _remote(url: str) -> tuple[Any, str]:
    """Return the file system of a URL and the path in it, without a slash at its end."""
    try:
        import fsspec  # type: ignore[import-untyped] # noqa: PLC0415 - ships no types; late: only who pushes needs it
    except ImportError as fault:
        raise PodfenceError("Pushing needs fsspec: run pip install 'podfence[push]'.") from fault
    scheme = urlsplit(url).scheme
    if scheme == "s3":
        return _s3(url)
    if scheme not in fsspec.available_protocols():
        raise PodfenceError(f"{_shown(url)} is no URL that can be pushed to: name s3://, gs://, abfs:// or file://.")
    try:
        remote, path = fsspec.core.url_to_fs(url, **({"auto_mkdir": True} if scheme in _LOCAL else {}))
    except ImportError as fault:
        driver = getattr(fault.__cause__, "name", None) or scheme
        raise PodfenceError(f"{scheme}:// needs a driver that is not installed: run pip install {driver}.") from fault
    return remote, str(path).rstrip("/")


def _s3(url: str) -> tuple[Any, str]:
    """Return pyarrow's own S3: s3fs and kubernetes cannot be installed together, their dateutils differ."""
    from fsspec.implementations.arrow import ArrowFSWrapper  # type: ignore[import-untyped] # noqa: PLC0415 - as above
    from pyarrow.fs import AwsStandardS3RetryStrategy, S3FileSystem  # noqa: PLC0415 - late: takes its time

    parts = urlsplit(url)
    if parts.username or parts.password or parts.query or not parts.netloc:
        raise PodfenceError(
            f"{_shown(url)} is no place in a bucket: write s3://BUCKET/PATH, and keys into AWS_ variables."
        )
    endpoint = urlsplit(os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or "")
    system = S3FileSystem(
        endpoint_override=endpoint.netloc or None,
        scheme=endpoint.scheme or None,
        region=os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or None,
        connect_timeout=10,
        request_timeout=60,
        allow_delayed_open=True,  # one request for a small file instead of three
        retry_strategy=AwsStandardS3RetryStrategy(max_attempts=3),
    )
    return ArrowFSWrapper(system), (parts.netloc + parts.path).rstrip("/")


@contextmanager
def _said(url: str) -> Iterator[None]:
    """Turn whatever a driver raises into one sentence."""
    try:
        yield
    except PodfenceError:
        raise
    except _Strange as fault:
        raise PodfenceError(f"{_shown(url)} {fault}.") from fault
    except Exception as fault:  # each driver has errors of its own, and none is a reason to end a learner's days
        text = one_line(f"{type(fault).__name__}: {fault}".replace(url, _shown(url)))
        if isinstance(fault, PermissionError) or _REFUSED.search(text):
            why, what = "refuses these credentials", "give ones that may list, read, write and delete there"
        elif isinstance(fault, ConnectionError | TimeoutError) or _UNREACHABLE.search(text):
            why, what = "cannot be reached", "check the address and the way to it"
        else:
            why, what = "cannot be used", "check that the bucket or folder is there"
        raise PodfenceError(f"{_shown(url)} {why} ({text}): {what}.") from fault


def _shown(url: str) -> str:
    """Return a URL for a sentence, without what may be a secret in it."""
    return one_line(_SECRET.sub(lambda found: "//" if found[0].startswith("//") else "", url))
