"""Turns a review into the rows of a table: filtered, sorted, and one page of them as plain data."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from collectors.errors import PodfenceError
from collectors.inventory import WorkloadRef
from recommender.communications import End
from recommender.filters import STATUSES, Filter, Status, current, fits, said, status_of
from recommender.report.words import KINDS
from recommender.review import Reviewed
from recommender.suggest import Suggestion, Suggestions
from recommender.text import visible
from recommender.what_if import EFFECTS, Effect, WhatIf

PAGE = 100
"""Rows that the view is given at once."""
SORTS = ("from", "to", "port", "seen", "last", "status", "effect", "caveats")
_LONGEST = 600


def shown(text: object, longest: int = _LONGEST) -> str:
    """Return a text of somebody else's for the view: bounded, and what nobody would see is written out."""
    whole = str(text)
    return visible(whole[:longest]) + ("…" if len(whole) > longest else "")


@dataclass(frozen=True)
class Place:
    """An end of a communication: its box is a namespace, or a kind of address.

    Keys are digests: names may hold what no message can carry (lone surrogates).
    """

    key: str
    label: str
    box: str
    box_label: str
    inside: bool
    order: int = 0
    """Its place among all ends: workloads first, by namespace and name."""


def place(end: End) -> Place:
    """Return where an end stands."""
    if isinstance(end, WorkloadRef):
        return Place(_key("end", end), shown(f"{end.kind}/{end.name}"), _key("box", end.namespace),
                     shown(end.namespace), inside=True)  # fmt: skip
    name = f" ({end.name})" if end.name else ""
    kind = KINDS.get(end.kind, end.kind)
    return Place(_key("end", end), shown(f"{end.address}{name}"), _key("box", f"{end.kind}:"), shown(kind),
                 inside=False)  # fmt: skip


def _key(what: str, text: object) -> str:
    return hashlib.sha256(f"{what} {text}".encode(errors="surrogatepass")).hexdigest()[:16]


def _name(found: Place) -> tuple[bool, str, str, str]:
    return not found.inside, found.box_label, found.label, found.key


@dataclass(frozen=True)
class Places:
    """Where the ends of all suggestions stand, by suggestion id, and the name of each key."""

    ends: Mapping[str, tuple[Place, Place]] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    boxes: tuple[tuple[str, str], ...] = ()
    """Key and name of each namespace and kind of address; namespaces first, by name."""


def places(suggestions: Suggestions) -> Places:
    """Return where the ends of all suggestions stand."""
    all_ends = {end for item in suggestions.items for end in (item.communication.src, item.communication.dst)}
    placed = sorted(((place(end), end) for end in all_ends), key=lambda pair: _name(pair[0]))
    known = {end: replace(found, order=at) for at, (found, end) in enumerate(placed)}
    ends = {item.id: (known[item.communication.src], known[item.communication.dst]) for item in suggestions.items}
    found = list(known.values())
    boxes = {p.box: p.box_label for p in found}
    whole = {p.key: f"{p.box_label}/{p.label}" if p.inside else f"{p.box_label} {p.label}" for p in found}
    return Places(ends, {**whole, **boxes}, tuple(boxes.items()))


@dataclass(frozen=True)
class Wanted:
    """What the table shows, and in which order; keys are those of Place, of an end or of a box.

    `touching`: either end is it, or in it; `source` and `destination`: that end. `effect`: what an export would do.
    """

    filter: Filter = field(default_factory=Filter)
    touching: str = ""
    source: str = ""
    destination: str = ""
    effect: str = ""
    sort: str = "from"
    descending: bool = False

    def __post_init__(self) -> None:
        if self.effect and self.effect not in EFFECTS:
            raise PodfenceError(f"no effect is called {self.effect[:40]!r}; they are {', '.join(EFFECTS)}")
        if self.sort not in SORTS:
            raise PodfenceError(f"no column is called {self.sort[:40]!r}; they are {', '.join(SORTS)}")


@dataclass(frozen=True)
class Line:
    """One suggestion with all that a row, an edge or a cell shows of it."""

    item: Suggestion
    status: Status
    effect: Effect
    source: Place
    destination: Place

    @cached_property
    def said(self) -> str:
        """All that is said of it in small letters; kept, because one search follows another letter by letter."""
        return said(self.item)


def every_line(reviewed: Reviewed, effects: WhatIf, known: Places) -> tuple[Line, ...]:
    """Return all suggestions as lines, in their order."""
    statuses = status_of(reviewed)
    return tuple(
        Line(item, statuses[item.id], effects.effects[item.id], *known.ends[item.id]) for item in current(reviewed)
    )


def lines(every: Iterable[Line], wanted: Wanted) -> tuple[Line, ...]:
    """Return what a filter asks for of all lines, in its order; ties stand in the order of all suggestions."""
    found, needle = every, wanted.filter.text.lower()
    if needle:
        found = (line for line in found if needle in line.said)
    if replace(wanted.filter, text=""):
        found = (line for line in found if fits(line.item, line.status, wanted.filter))
    if wanted.touching or wanted.source or wanted.destination or wanted.effect:
        found = (line for line in found if _is_wanted(line, wanted))
    return tuple(sorted(found, key=_order(wanted.sort), reverse=wanted.descending))


def one_line_of(reviewed: Reviewed, effects: WhatIf, known: Places, key: str) -> Line:
    """Return one suggestion as a line, whatever the filter says."""
    listed = (reviewed.accepted, reviewed.declined, reviewed.undecided)
    item = next(item for items in listed for item in items if item.id == key)
    status: Status = status_of(reviewed)[key]
    return Line(item, status, effects.effects[key], *known.ends[key])


def _is_wanted(line: Line, wanted: Wanted) -> bool:
    source, destination = ({p.key, p.box} for p in (line.source, line.destination))
    return (
        (not wanted.touching or wanted.touching in source | destination)
        and (not wanted.source or wanted.source in source)
        and (not wanted.destination or wanted.destination in destination)
        and (not wanted.effect or wanted.effect == line.effect)
    )


def _order(sort: str) -> Callable[[Line], tuple[Any, ...]]:
    """Return what a line is sorted by."""
    orders: Mapping[str, Callable[[Line], tuple[Any, ...]]] = {
        "from": lambda line: (line.source.order, line.destination.order),
        "to": lambda line: (line.destination.order, line.source.order),
        "port": lambda line: (line.item.communication.port, line.item.communication.protocol),
        "seen": lambda line: (_seen(line),),
        "last": lambda line: (line.item.communication.evidence.last_seen,),
        "status": lambda line: (STATUSES.index(line.status),),
        "effect": lambda line: (EFFECTS.index(line.effect),),
        "caveats": lambda line: (len(line.item.caveats), line.item.caveats),
    }
    return orders[sort]


def _seen(line: Line) -> int:
    evidence = line.item.communication.evidence
    return evidence.successes


def page(found: Sequence[Line], offset: int, wanted: Wanted, known: Places) -> dict[str, Any]:
    """Return one page as plain data; an offset behind the end gives the last page."""
    last = max(0, (len(found) - 1) // PAGE * PAGE)
    start = min(max(0, offset) // PAGE * PAGE, last)
    return {
        "rows": [row(line) for line in found[start : start + PAGE]],
        "offset": start,
        "size": PAGE,
        "total": len(found),
        "undecided": sum(line.status == "undecided" for line in found),
        "chips": list(_chips(wanted, known)),
        "wanted": _asked(wanted),
    }


def _asked(wanted: Wanted) -> dict[str, Any]:
    """Return the fields of a `rows` command that asks for the same, so that a second view begins where the first is."""
    return {
        "text": wanted.filter.text, "status": wanted.filter.status, "caveat": wanted.filter.caveat,
        "touching": wanted.touching, "source": wanted.source, "destination": wanted.destination,
        "effect": wanted.effect, "sort": wanted.sort, "descending": wanted.descending,
    }  # fmt: skip


def _chips(wanted: Wanted, known: Places) -> Iterable[dict[str, str]]:
    """Yield what is filtered by a click, in words: the view offers to take each away."""
    for name, words in (("touching", "with"), ("source", "from"), ("destination", "to")):
        key = getattr(wanted, name)
        if key:
            yield {"name": name, "words": f"{words} {known.names.get(key, 'nothing known')}"}


def row(line: Line) -> dict[str, Any]:
    """Return one row as plain data."""
    seen = line.item.communication
    return {
        "key": line.item.id,
        "status": line.status,
        "effect": line.effect,
        "from": [line.source.box_label, line.source.label],
        "to": [line.destination.box_label, line.destination.label],
        "port": f"{shown(seen.protocol)}/{seen.port}",
        "seen": _seen(line),
        "last": f"{seen.evidence.last_seen:%Y-%m-%d %H:%M}",
        "caveats": list(line.item.caveats),
    }
