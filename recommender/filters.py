"""Turns a few words about suggestions into those that are meant."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from typing import Literal

from collectors.errors import PodfenceError
from collectors.inventory import WorkloadRef
from recommender.communications import End
from recommender.review import Reviewed
from recommender.suggest import CAVEATS, Suggestion

Status = Literal["accepted", "declined", "undecided", "stale"]
STATUSES: tuple[Status, ...] = ("accepted", "declined", "undecided", "stale")


@dataclass(frozen=True)
class Filter:
    """What suggestions must be like; an empty text asks for nothing.

    `workload`: either end is this workload, as `name`, `namespace/name` or `namespace/Kind/name`; `*` stands for any
    letters. `namespace`: either end's. `peer`: a part of what either end is written as. `port`: `443`, `TCP/443` or
    `443/TCP`. `text`: a part of anything that is said of it. `status`: one of STATUSES; what is stale is undecided too.
    """

    workload: str = ""
    namespace: str = ""
    peer: str = ""
    port: str = ""
    caveat: str = ""
    status: str = ""
    text: str = ""

    def __post_init__(self) -> None:
        if self.caveat and self.caveat not in CAVEATS:
            raise PodfenceError(f"no caveat is called {self.caveat[:40]!r}; they are {', '.join(sorted(CAVEATS))}")
        if self.status and self.status not in STATUSES:
            raise PodfenceError(f"no status is called {self.status[:40]!r}; they are {', '.join(STATUSES)}")
        if self.port and _port(self.port) is None:
            raise PodfenceError(f"{self.port[:40]!r} is no port; write 443, or TCP/443")

    def __bool__(self) -> bool:
        """Say whether it asks for anything."""
        return any(getattr(self, field.name) for field in fields(self))


def filter_from_words(text: str) -> Filter:
    """Return the filter in a typed line: `namespace=shop port=443 api`; what names no field is looked for as text.

    Raises PodfenceError for a field that is given twice, or to something that means nothing.
    """
    names = {field.name for field in fields(Filter)}
    found: dict[str, str] = {}
    free: list[str] = []
    for word in text.split():
        name, equals, value = word.partition("=")
        if not equals or name not in names:
            free.append(word)
        elif name in found:
            raise PodfenceError(f"`{name}` is asked for twice; name it once")
        else:
            found[name] = value
    if free and "text" in found:
        raise PodfenceError(f"{free[0][:40]!r} is beside `text=`; give one of the two")
    return Filter(**{**found, **({"text": " ".join(free)} if free else {})})


def status_of(reviewed: Reviewed) -> dict[str, Status]:
    """Return the status of each suggestion, by id."""
    found: dict[str, Status] = {}
    found.update({item.id: "accepted" for item in reviewed.accepted})
    found.update({item.id: "declined" for item in reviewed.declined})
    found.update({item.id: "undecided" for item in reviewed.undecided})
    found.update({decision.id: "stale" for decision in reviewed.stale})
    return found


def chosen(reviewed: Reviewed, wanted: Filter) -> tuple[Suggestion, ...]:
    """Return the suggestions that a filter asks for, in the order of all of them."""
    statuses, needle = status_of(reviewed), wanted.text.lower()
    fitting = (item for item in current(reviewed) if fits(item, statuses[item.id], wanted))
    return tuple(item for item in fitting if needle in said(item))


def current(reviewed: Reviewed) -> Iterable[Suggestion]:
    """Yield all suggestions, with the caveats that decisions gave them."""
    known = {item.id: item for items in (reviewed.accepted, reviewed.declined, reviewed.undecided) for item in items}
    return (known[item.id] for item in reviewed.suggestions.items)


def said(item: Suggestion) -> str:
    """Return all that is said of a suggestion in small letters, to look for a text in."""
    seen = item.communication.evidence
    parts = (str(item.communication), item.reason, item.id, *item.caveats, *seen.services, *seen.names)
    return "\0".join(parts).lower()


def fits(item: Suggestion, status: Status, wanted: Filter) -> bool:
    """Say whether a suggestion is all that a filter asks for but its text."""
    seen = item.communication
    ends = (seen.src, seen.dst)
    port = _port(wanted.port) if wanted.port else None
    return (
        (not wanted.workload or any(_is(end, wanted.workload) for end in ends))
        and (not wanted.namespace or any(getattr(end, "namespace", "") == wanted.namespace for end in ends))
        and (not wanted.peer or any(wanted.peer.lower() in str(end).lower() for end in ends))
        and (port is None or (port[1] == seen.port and port[0] in {"", seen.protocol}))
        and (not wanted.caveat or wanted.caveat in item.caveats)
        and (not wanted.status or wanted.status == status or (wanted.status == "undecided" and status == "stale"))
    )


def _is(end: End, pattern: str) -> bool:
    if not isinstance(end, WorkloadRef):
        return False
    shapes = (end.name, f"{end.namespace}/{end.name}", str(end))
    return fnmatchcase(shapes[min(pattern.count("/"), 2)], pattern)


def _port(text: str) -> tuple[str, int] | None:
    """Return protocol ("" for any) and number; None where the text is no port."""
    first, _, second = text.partition("/")
    protocol, number = (second, first) if first.isdigit() else (first, second)
    if not (number.isascii() and number.isdigit() and len(number) <= 5) or (protocol and not protocol.isalpha()):
        return None
    return protocol.upper(), int(number)
