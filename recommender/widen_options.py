"""Turns the words of `--widen` into options with budgets."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from collectors.errors import PodfenceError

FORMS = (
    "cidr=rules:N", "cidr=unseen:N", "ports=ranges:N", "ports=unseen:N", "namespace=unseen:N", "internet", "dns",
    "service-port",
)  # fmt: skip


@dataclass(frozen=True)
class Budget:
    """At most `rules` entries in a policy, or at most `unseen` addresses or ports that were never seen; one of them."""

    rules: int | None = None
    unseen: int | None = None
    word: str = "rules"

    def __str__(self) -> str:
        return f"unseen:{self.unseen}" if self.rules is None else f"{self.word}:{self.rules}"


@dataclass(frozen=True)
class WidenOptions:
    """What may be widened: addresses to ranges (`cidr`), ports to ranges, peers to their whole namespace.

    `namespace` is how many workloads of one may be unseen. `internet`: from outside to what a Service exposes.
    `dns`: both protocols. `service_port`: the Service's port beside the pod's.
    """

    cidr: Budget | None = None
    ports: Budget | None = None
    namespace: int | None = None
    internet: bool = False
    dns: bool = False
    service_port: bool = False

    def __bool__(self) -> bool:
        """Say whether anything may be."""
        return self != WidenOptions()


def widen_options(words: Iterable[str]) -> WidenOptions:
    """Return the options that words such as `cidr=unseen:64` mean; raises PodfenceError that lists the forms."""
    options = WidenOptions()
    for word in words:
        options = replace(options, **_option(word))
    return options


def _option(word: str) -> dict[str, Any]:
    name, _, budget = word.partition("=")
    kind, _, number = budget.partition(":")
    shape = f"{name}={kind}:N" if budget else name
    if shape not in FORMS or (budget and not (number.isascii() and number.isdigit() and len(number) <= _DIGITS)):
        raise PodfenceError(f"--widen: {word[:80]!r} is none of {', '.join(FORMS)}; N is a number")
    if not budget:
        return {name.replace("-", "_"): True}
    if name == "namespace":
        return {name: int(number)}
    return {name: Budget(unseen=int(number)) if kind == "unseen" else Budget(rules=int(number), word=kind)}


_DIGITS = 40
"""An IPv6 budget may be long; Python reads no more digits of a number than it is told."""
