"""Turns nothing: what the simulator says of connections, as frozen values."""

from dataclasses import dataclass
from typing import Literal

from recommender.communications import Communication

VerdictWord = Literal["allowed", "denied", "undecidable"]


@dataclass(frozen=True)
class EndVerdict:
    """What one end says: whether any policy isolates it in that direction, and the rules that let the connection pass.

    `rules` are "namespace/policy ingress[0]"; `policies` are "namespace/policy" of all that isolate this end.
    """

    verdict: VerdictWord
    isolated: bool
    policies: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class Outcome:
    """The verdict on one communication under a set of policies, with both ends' reasons in one sentence."""

    communication: Communication
    verdict: VerdictWord
    egress: EndVerdict
    ingress: EndVerdict
    reason: str


@dataclass(frozen=True)
class Excess:
    """Something that a set of policies lets through and that was not accepted.

    `subject` and `peer` are workloads ("namespace/kind/name"), "any pod of namespace X", or a CIDR; `ports` is text
    such as "TCP/8080" or "any"; `size` is the number of pods or addresses that come with it.
    """

    subject: str
    direction: str
    peer: str
    ports: str
    size: int
    rule: str
