"""Turns communications into suggestions, each with its evidence and caveats, and says what was withheld and why."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pandas as pd

from collectors.flows import TRANSPORTS
from collectors.inventory import Inventory, WorkloadRef
from collectors.observation import ObservationWindow
from recommender.communications import AddressPeer, Communication, End, Evidence, meaning
from recommender.exposure import exposed_ports
from recommender.workload import Subject, subjects

CAVEATS = (
    "seen_once", "short_window", "orientation_guessed", "no_reply", "scan_like", "host_network", "ip_reused",
    "sampled", "widened", "external", "wide_source", "api_server", "backend_guessed", "inseparable",
    "link_local", "identity_conflict", "node_snat", "unconfirmed",
)  # fmt: skip
_NAMED = 3  # names of an address in a suggestion's reason
_DOUBTS = ("identity_conflict", "ip_reused", "node_snat")


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

    `why` is one of `inexpressible`, `did_not_work`, `outcome_unknown`, `audited`, `node_local`, `hairpin`,
    `ambiguous`, `unresolved`, `service` (nothing known behind it), `not_routed` (multicast, loopback, link-local),
    `not_oriented`, `no_subject` (an end cannot be named by a policy, or neither end is a pod).
    """

    communication: Communication
    why: str
    reason: str


@dataclass(frozen=True)
class Suggestions:
    """All suggestions, all withheld communications (both sorted by meaning), and the window they were seen in."""

    items: tuple[Suggestion, ...] = ()
    withheld: tuple[Withheld, ...] = ()
    window_start: pd.Timestamp | None = None
    window_end: pd.Timestamp | None = None
    subjects: Mapping[WorkloadRef, Subject] = field(default_factory=dict)
    """How policies can name each workload that a suggestion speaks of."""

    def first(self, ref: WorkloadRef) -> WorkloadRef:
        """Return the workload that stands for all which no selector tells apart from this one."""
        subject = self.subjects.get(ref)
        return ref if subject is None else subject.first


_ONE_DAY = pd.Timedelta(days=1)


@dataclass(frozen=True)
class SuggestOptions:
    """Below `short_window` of observation every suggestion carries that caveat.

    `scan_like` are the meanings of communications whose source scanned meanwhile (scans.scan_like).
    """

    short_window: pd.Timedelta = _ONE_DAY
    scan_like: frozenset[tuple[object, ...]] = frozenset()


def suggest(
    communications: Iterable[Communication],
    inventory: Inventory,
    window: ObservationWindow,
    options: SuggestOptions | None = None,
) -> Suggestions:
    """Return a suggestion for each communication that worked and can be expressed; the rest is withheld, with why."""
    options = options or SuggestOptions()
    found = subjects(inventory)
    items: list[Suggestion] = []
    withheld: list[Withheld] = []
    listed = sorted(communications, key=meaning)
    wide = _wide_places(listed, inventory)
    short = window.start is None or window.end is None or window.end - window.start < options.short_window
    for communication in listed:
        ends = _subject(communication.dst, found), _subject(communication.src, found)
        refusal = _refusal(communication) or _unselectable(communication, ends)
        if refusal is not None:
            withheld.append(Withheld(communication, *refusal))
            continue
        caveats = _caveats(communication, short, [end for end in ends if end is not None])
        if meaning(communication) in options.scan_like:
            caveats = tuple(sorted({*caveats, "scan_like"}))
        if _is_external(communication.src) and _place(communication) in wide:
            caveats = tuple(sorted({*caveats, "wide_source"}))
        items.append(
            Suggestion(
                id=suggestion_id(communication),
                communication=communication,
                ingress_of=ends[0].first if ends[0] else None,
                egress_of=ends[1].first if ends[1] else None,
                caveats=caveats,
                reason=_reason(communication),
            )
        )
    named = {end for item in items for end in (item.communication.src, item.communication.dst)}
    used = {ref: subject for ref, subject in found.items() if named.intersection(subject.members)}
    return Suggestions(tuple(items), tuple(withheld), window.start, window.end, used)


def suggestion_id(communication: Communication) -> str:
    """Return a short id that depends only on what the communication means: who, whom, protocol and port."""
    text = json.dumps([str(part) for part in meaning(communication)], ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _subject(end: End, found: Mapping[WorkloadRef, Subject]) -> Subject | None:
    return found.get(end) if isinstance(end, WorkloadRef) else None


def _refusal(communication: Communication) -> tuple[str, str] | None:
    """Return why no rule may follow from this communication, or None; evidence against comes before doubt."""
    evidence, notes = communication.evidence, communication.notes
    if communication.protocol not in TRANSPORTS:
        return "inexpressible", f"NetworkPolicy cannot express {communication.protocol}"
    if not evidence.worked:
        return _failure(evidence)
    if "node_local" in notes:
        return "node_local", "from the pod's own node (kubelet probes): Kubernetes always allows it"
    if "hairpin" in notes:
        return "hairpin", "a pod that reached itself through its own Service needs no peer rule"
    for end, what in ((communication.src, "source"), (communication.dst, "destination")):
        if isinstance(end, AddressPeer) and end.kind in _UNKNOWN_ENDS:
            return end.kind, _unknown(end, what)
        if isinstance(end, AddressPeer) and _not_routed(end, what):
            return "not_routed", f"the {what} {end.address} is {end.kind.replace('_', '-')}"
    if set(evidence.orientations) <= {"unknown"}:
        return "not_oriented", "which side began it was not seen, and the port is declared nowhere"
    return None


def _failure(evidence: Evidence) -> tuple[str, str]:
    """Return why nothing that worked was seen."""
    attempts = ", ".join(f"{count} {outcome.replace('_', '-')}" for outcome, count in evidence.failed)
    outcomes = {outcome for outcome, _ in evidence.failed}
    if "audited" in outcomes:
        return "audited", f"it passed, but a policy in audit mode would deny it ({attempts}): evidence against"
    if outcomes == {"unknown"}:
        return "outcome_unknown", f"no source shows whether an attempt worked ({attempts}): no rule rests on that"
    return "did_not_work", f"no attempt worked ({attempts}): evidence against, not for"


_UNKNOWN_ENDS = {
    "ambiguous": "may have belonged to two workloads at that time",
    "unresolved": "is private and no pod, node or Service is known to have had it at that time",
    "service": "is a Service with nothing known behind it",
}


def _unknown(end: AddressPeer, what: str) -> str:
    """Return why an end is not known, by its address or, where a log gives none, by what the log calls it."""
    if end.address:
        return f"the {what} {end.address} {_UNKNOWN_ENDS[end.kind]}"
    if not end.name:
        return f"the {what} has no address that can be read"
    known = "pods of several workloads are called so" if end.kind == "ambiguous" else "no pod of that name is known"
    return f"the {what} has no address in the log, which calls it {end.name}: {known}"


def _not_routed(end: AddressPeer, what: str) -> bool:
    """Return whether no policy meets this traffic; IPv4 link-local services (NodeLocal DNS, metadata) are reached."""
    if end.kind == "link_local":
        return what == "source" or ":" in end.address
    return end.kind in {"multicast", "broadcast", "loopback"}


def _unselectable(communication: Communication, ends: tuple[Subject | None, Subject | None]) -> tuple[str, str] | None:
    """Return why no policy can name the ends: no end is a pod that a policy selects, or a peer has no stable labels."""
    for end, subject in zip((communication.dst, communication.src), ends, strict=True):
        if isinstance(end, WorkloadRef) and subject is None:
            return "no_subject", f"{end} has no labels that a policy could select it by"
        if subject is not None and subject.selector is None:
            return "no_subject", f"no policy can select {end}: {subject.reason}"
    if ends == (None, None):
        return "no_subject", "neither end is a pod that a policy can select"
    return None


def _caveats(communication: Communication, short: bool, ends: Iterable[Subject]) -> tuple[str, ...]:
    evidence = communication.evidence
    peers = [end for end in (communication.src, communication.dst) if isinstance(end, AddressPeer)]
    kinds = {peer.kind for peer in peers}
    held = {
        "seen_once": evidence.successes == 1,
        "short_window": short,
        "orientation_guessed": set(evidence.orientations) <= {"port_hint", "unknown"},
        "no_reply": bool(evidence.one_way) and not evidence.connections,
        "unconfirmed": bool(evidence.allowed) and not evidence.connections,
        "host_network": "node" in kinds,
        "external": "external" in kinds,
        "api_server": "api_server" in kinds,
        "link_local": "link_local" in kinds,
        "sampled": evidence.sampled,
        **{note: note in communication.notes for note in ("backend_guessed", *_DOUBTS)},
        "inseparable": any(len(subject.members) > 1 for subject in ends),
    }
    return tuple(sorted(caveat for caveat, holds in held.items() if holds))


_MANY_SOURCES = 10
"""Outside addresses at one port, from which on tomorrow's are taken to be others than today's."""

_Place = tuple[End, str, int]


def _wide_places(communications: Iterable[Communication], inventory: Inventory) -> frozenset[_Place]:
    """Return the ports of workloads whose outside clients are anybody: exposed by a Service, or reached by many."""
    sources: dict[_Place, set[End]] = {}
    for communication in communications:
        if _is_external(communication.src):
            sources.setdefault(_place(communication), set()).add(communication.src)
    return exposed_ports(inventory).union(place for place, found in sources.items() if len(found) >= _MANY_SOURCES)


def _place(communication: Communication) -> _Place:
    return communication.dst, communication.protocol, communication.port


def _is_external(end: End) -> bool:
    return isinstance(end, AddressPeer) and end.kind == "external"


def _reason(communication: Communication) -> str:
    """Return one sentence: how often, by which Service, how we know who began, and what failed beside it."""
    evidence = communication.evidence
    parts = [f"{_how_often(evidence)} to port {communication.port}"]
    if evidence.services:
        parts.append(f"through Service {', '.join(evidence.services)}")
    if evidence.names:
        parts.append(f"the address was called {', '.join(evidence.names[:_NAMED])}")
    how = {
        "handshake": "the handshake was seen",
        "paired": "the first packet was seen",
        "reported": "the source says who began",
    }
    strong = [how[name] for name in evidence.orientations if name in how]
    parts.append(strong[0] if strong else "who began it is inferred from the declared port")
    if evidence.failed:
        parts.append("beside " + ", ".join(f"{number} {outcome}" for outcome, number in evidence.failed))
    return "; ".join(parts) + "."


def _how_often(evidence: Evidence) -> str:
    """Return the best of what worked, with its count."""
    what, rest, count = next(
        (what, rest, count)
        for what, rest, count in (
            ("connection", "", evidence.connections),
            ("one-way message stream", "", evidence.one_way),
            ("attempt", " that a policy let through", evidence.allowed),
        )
        if count
    )
    return f"{count} {what}{'' if count == 1 else 's'}{rest}"
