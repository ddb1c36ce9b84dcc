"""Turns communications into suggestions, each with its evidence and caveats, and says what was withheld and why."""

from dataclasses import dataclass, field

import pandas as pd

from collectors.inventory import WorkloadRef
from recommender.communications import Communication

CAVEATS = (
    "seen_once", "short_window", "orientation_guessed", "no_reply", "scan_like", "host_network", "ip_reused",
    "sampled", "widened", "external", "wide_source", "api_server", "backend_guessed", "inseparable",
)  # fmt: skip


@dataclass(frozen=True)
class Suggestion:
    """One communication that may become rules: at `ingress_of` (its dst) and at `egress_of` (its src).

    Either may be None: an address or a host network pod cannot be the subject of a policy.
    """

    id: str
    communication: Communication
    ingress_of: WorkloadRef | None
    egress_of: WorkloadRef | None
    caveats: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class Withheld:
    """A communication that no rule is suggested for, and why.

    `why` is one of `not_oriented`, `did_not_work`, `inexpressible`, `unresolved`, `ambiguous`, `node_local`,
    `hairpin`, `not_routed` (multicast, loopback, link-local), `no_subject` (no end of it is a pod that a policy selects).
    """

    communication: Communication
    why: str
    reason: str


@dataclass(frozen=True)
class Suggestions:
    """All suggestions (sorted by id's meaning), all withheld communications, and the window they were seen in."""

    items: tuple[Suggestion, ...] = ()
    withheld: tuple[Withheld, ...] = ()
    window_start: pd.Timestamp | None = None
    window_end: pd.Timestamp | None = None
    notes: tuple[str, ...] = field(default=())
