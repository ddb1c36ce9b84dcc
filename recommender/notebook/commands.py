"""Turns messages of a view into what they ask for; what has another form is refused in one sentence.

A message is whatever the browser sent: nothing in it is taken for granted.
"""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from collectors.errors import PodfenceError
from recommender.filters import Filter
from recommender.notebook.rows import Wanted
from recommender.review import Choice
from recommender.widening import Widening, widening_from_data

_LONGEST_TEXT, _MOST_KEYS, _MOST_ENTRIES = 2000, 100_000, 1000


def message(sent: object) -> Mapping[str, Any]:
    """Return what was sent as a message."""
    if not isinstance(sent, Mapping):
        raise PodfenceError("the view sent no command; load the page again")
    return sent


def text(asked: Mapping[str, Any], name: str, longest: int = _LONGEST_TEXT) -> str:
    """Return a text of a message, "" where there is none."""
    value = asked.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise PodfenceError(f"the view sent `{name}` that is no text; load the page again")
    if len(value) > longest:
        raise PodfenceError(f"`{name}` has {len(value):,} characters; write at most {longest:,}")
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def number(asked: Mapping[str, Any], name: str) -> int:
    """Return a number of a message, 0 where there is none."""
    value = asked.get(name, 0)
    if not isinstance(value, int) or isinstance(value, bool):
        raise PodfenceError(f"the view sent `{name}` that is no whole number; load the page again")
    return value


def keys(asked: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the suggestions that a message names, each once."""
    found = asked.get("keys")
    if not isinstance(found, list) or not found or len(found) > _MOST_KEYS:
        raise PodfenceError("no suggestion is selected; choose a row first")
    if not all(isinstance(key, str) for key in found):
        raise PodfenceError("the view sent `keys` that are no texts; load the page again")
    return tuple(dict.fromkeys(found))


def choice(asked: Mapping[str, Any]) -> Choice:
    """Return what a message decides."""
    found = asked.get("choice")
    if found == "accept":
        return "accept"
    if found == "decline":
        return "decline"
    raise PodfenceError("`choice` should be accept or decline")


def wanted(asked: Mapping[str, Any]) -> Wanted:
    """Return what a message wants to see."""
    places = {name: text(asked, name) for name in ("touching", "source", "destination", "effect")}
    said = Filter(**{field.name: text(asked, field.name) for field in fields(Filter)})
    sort = text(asked, "sort") or "from"
    return Wanted(said, **places, sort=sort, descending=asked.get("descending") is True)


def widening(asked: Mapping[str, Any]) -> Widening | None:
    """Return what an acceptance shall open; None: exactly what was seen, and options may change that."""
    data = asked.get("widen")
    if data is None:
        return None
    for name in ("except", "protocols", "service_ports") if isinstance(data, Mapping) else ():
        entries = data.get(name)
        if isinstance(entries, list) and len(entries) > _MOST_ENTRIES:
            raise PodfenceError(f"`{name}` has {len(entries):,} entries; give at most {_MOST_ENTRIES:,}")
    try:
        return widening_from_data(data)
    except ValueError as fault:
        raise PodfenceError(f"{fault}; nothing was changed") from fault
