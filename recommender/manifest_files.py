"""Turns a path into the manifest files that it means: none is left out in silence."""

from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from collectors.errors import UnreadableInput

_MANIFESTS = frozenset({".yaml", ".yml", ".json"})


def manifest_files(path: Path) -> tuple[Path, ...]:
    """Return a file itself, or every manifest below a folder, sorted; links to folders are in it, and not entered.

    Raises UnreadableInput where there is nothing, where a folder cannot be listed, and for a manifest that is no file:
    a link to nowhere may have been a policy.
    """
    try:
        path.stat()
        return tuple(sorted(_below(path))) if path.is_dir() else (path,)
    except FileNotFoundError as fault:
        raise UnreadableInput(
            f"{path}: no such file or folder; name exported policies, as `podfence export` writes"
        ) from fault
    except (OSError, ValueError) as fault:
        _refuse(path, fault)


def _below(folder: Path) -> Iterator[Path]:
    try:
        found = sorted(folder.iterdir())
    except OSError as fault:
        _refuse(folder, fault)
    for path in found:
        if path.is_dir() and not path.is_symlink():
            yield from _below(path)
        elif path.is_dir():
            yield path
        elif path.suffix in _MANIFESTS:
            if not path.is_file():
                _refuse(path, "a link to nowhere, or no regular file")
            yield path


def _refuse(path: Path, fault: object) -> NoReturn:
    reason = getattr(fault, "strerror", None) or fault
    raise UnreadableInput(f"{str(path)[:300]}: cannot be read ({reason}); mend or remove it, or name another")
