"""Turns every fault a user can cause into one sentence: what, where, what to do."""

from collections.abc import Iterator
from contextlib import contextmanager


class PodfenceError(Exception):
    """A fault with a sentence for a person; the command prints it and exits with status 2."""


class UnreadableInput(PodfenceError):
    """A source, inventory, decision or policy file that cannot be read as what it should be."""


class NewerArtefact(PodfenceError):
    """An artefact written by a newer podfence than this one; both versions are named."""


class SchemaMismatch(PodfenceError):
    """A frame that lacks columns of its stage, or holds values outside their vocabulary."""


def one_line(text: object, longest: int = 200) -> str:
    """Return a text of somebody else's for a sentence: in one line, of bounded length."""
    return " ".join(str(text).split())[:longest]


def reason_of(fault: OSError) -> str:
    """Return what the system says of a fault, for a sentence: without path and number."""
    return (fault.strerror or str(fault)).lower()


@contextmanager
def writing(place: object) -> Iterator[None]:
    """Turn what the system says while a folder is written into a sentence; raise it as PodfenceError."""
    try:
        yield
    except OSError as fault:
        raise PodfenceError(f"{place} cannot be written ({reason_of(fault)}): name another folder.") from fault
