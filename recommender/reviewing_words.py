"""Turns names from a cluster into words for a line of a terminal, and words that a reviewer typed into widenings."""

from collections.abc import Mapping
from typing import Any

from collectors.errors import PodfenceError, one_line
from recommender.communications import Communication
from recommender.policy import INGRESS
from recommender.review import Direction
from recommender.text import visible
from recommender.widening import NAMESPACE, Widening, widening_from_data

LONGEST = 400
"""Characters of an end that are shown: namespace, kind and a name of 253 fit, a made-up one without end does not."""

WIDEN_FORM = "addresses=CIDR except=CIDR ports=A-B protocols=TCP,UDP service-port=N source-namespace, or exact"
_LISTS = {"except": "except", "protocols": "protocols", "service-port": "service_ports"}
_WORDS = {"source-namespace": "source", "destination-namespace": "destination"}


def cut(text: str, longest: int = LONGEST) -> str:
    """Return somebody else's text so that it stays in its line, in sight and within a length."""
    shown = visible(text[: longest + 1])
    return shown if len(text) <= longest and len(shown) <= 4 * longest else f"{shown[:longest]}…"


def what(communication: Communication) -> str:
    """Return who, whom, protocol and port, either end within a length of its own."""
    seen = communication
    return f"{cut(str(seen.src))} -> {cut(str(seen.dst))} {cut(seen.protocol, 20)}/{seen.port}"


def named(direction: Direction) -> str:
    """Return a workload direction, as in "ingress of shop/Deployment/api"."""
    ref, way = direction
    return f"{way.lower()} of {cut(str(ref))}"


def order(direction: Direction) -> tuple[object, ...]:
    """Return what workload directions are sorted by: the workload, its ingress first."""
    ref, way = direction
    return (ref.namespace, ref.name, ref.kind, way != INGRESS)


def widening_of(data: Mapping[str, Any]) -> Widening:
    """Return the widening in plain data that a reviewer gave; raises PodfenceError saying what is wrong with it."""
    try:
        return widening_from_data(data)
    except ValueError as fault:
        raise PodfenceError(f"this widens nothing: {fault}") from fault


def widening_from_words(text: str) -> Widening:
    """Return the widening in a typed line, in the form of WIDEN_FORM; raises PodfenceError saying what is wrong."""
    found: dict[str, Any] = {}
    words = text.split()
    if words == ["exact"]:
        return Widening()
    for word in words:
        name, equals, value = word.partition("=")
        if name in _WORDS and not equals:
            found[_WORDS[name]] = NAMESPACE
        elif name in _LISTS and value:
            found.setdefault(_LISTS[name], []).extend(_values(name, value))
        elif name in {"addresses", "ports"} and value and name not in found:
            found[name] = value
        else:
            raise PodfenceError(f"{one_line(word, 60)!r} is not understood here; write {WIDEN_FORM}")
    if not found:
        raise PodfenceError(f"nothing to open was named; write {WIDEN_FORM}")
    return widening_of(found)


def _values(name: str, value: str) -> list[Any]:
    parts = [part for part in value.split(",") if part]
    if name == "protocols":
        return [part.upper() for part in parts]
    if name == "service-port":
        return [int(part) if part.isascii() and part.isdigit() and len(part) <= 5 else part for part in parts]
    return parts
