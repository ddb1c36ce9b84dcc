"""Turns a folder of exported policies into what is in it, and removes the files that podfence wrote and wants no more.

No symbolic link is followed on the way down, and a file is looked at and removed through its own folder's handle: what
is outside of the folder cannot be reached, whatever others put into it meanwhile.
"""

import os
import stat
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from collectors.errors import PodfenceError, UnreadableInput, one_line
from recommender.manifest import policies_from_yaml
from recommender.policy import MANAGED_BY, NetworkPolicy

_SUFFIXES = (".yaml", ".yml")
_LARGEST = 64 << 20  # a namespace's whole export in one file stays far below


@dataclass(frozen=True)
class Leftover:
    """A YAML file of the folder that the export does not write; `why` it is none of podfence's, "" where it is."""

    name: str
    text: str = ""
    policies: tuple[NetworkPolicy, ...] = ()
    why: str = ""

    @property
    def ours(self) -> bool:
        """Whether podfence wrote it, as far as it tells."""
        return not self.why


def leftovers(folder: Path, wanted: Collection[str]) -> tuple[Leftover, ...]:
    """Return the YAML files under a folder that are not wanted (relative paths), sorted; nothing is changed."""
    return tuple(sorted((found for found, _, _ in _walk(folder, wanted)), key=lambda one: one.name))


def prune(folder: Path, wanted: Collection[str]) -> tuple[Leftover, ...]:
    """Remove what `leftovers` calls ours, and return all of them; the folders stay."""
    found = []
    for leftover, name, handle in _walk(folder, wanted):
        found.append(leftover)
        if leftover.ours:
            try:
                os.unlink(name, dir_fd=handle)
            except OSError as fault:
                raise PodfenceError(
                    f"{folder / leftover.name}: cannot be removed ({fault.strerror}); check the folder's permissions"
                ) from fault
    return tuple(sorted(found, key=lambda one: one.name))


def texts(folder: Path, names: Collection[str]) -> Mapping[str, str]:
    """Return the texts of those files that are there; raises UnreadableInput for one that is no text."""
    found = {}
    for name in sorted(names):
        file = folder / name
        if not file.is_file():
            continue
        try:
            found[name] = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as fault:
            raise UnreadableInput(f"{file}: cannot be read ({fault}); check its permissions, or remove it") from fault
    return found


def _walk(folder: Path, wanted: Collection[str]) -> Iterator[tuple[Leftover, str, int]]:
    top = folder.resolve()  # the folder itself may be a link: it was named
    if not top.is_dir():
        return
    try:
        for at, folders, names, handle in os.fwalk(top, onerror=_refuse):
            folders.sort()
            for name in sorted(names):
                path = os.path.relpath(os.path.join(at, name), top)  # noqa: PTH118 - text, as os.fwalk gives it
                if name.endswith(_SUFFIXES) and path not in wanted:
                    yield _looked_at(path, name, handle), name, handle
    except OSError as fault:
        raise UnreadableInput(f"{folder}: cannot be listed ({fault}); check its permissions") from fault


def _refuse(fault: OSError) -> None:
    raise fault


def _looked_at(path: str, name: str, handle: int) -> Leftover:
    try:
        found = os.stat(name, dir_fd=handle, follow_symlinks=False)
        if not stat.S_ISREG(found.st_mode):
            return Leftover(path, why="no regular file")
        if found.st_size > _LARGEST:
            return Leftover(path, why="too large to be an export")
        # without O_NONBLOCK a pipe that was put here just now would keep us for ever
        opened = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=handle)
        with os.fdopen(opened, encoding="utf-8") as file:
            text = file.read(_LARGEST)
        read = policies_from_yaml(text, path)
    except OSError as fault:
        return Leftover(path, why=f"cannot be read: {fault.strerror}")
    except (UnicodeDecodeError, UnreadableInput) as fault:
        return Leftover(path, why=f"no export of podfence: {one_line(fault)}")
    if read.skipped:
        return Leftover(path, text, read.policies, "holds other objects too")
    if not read.policies or not all(MANAGED_BY in policy.labels for policy in read.policies):
        return Leftover(path, text, read.policies, f"not labelled {'='.join(MANAGED_BY)}")
    return Leftover(path, text, read.policies)
