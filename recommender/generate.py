"""Turns approved suggestions into NetworkPolicies: one per subject, both directions, no broader than approved."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from recommender.openings import openings, selector_of
from recommender.policy import (
    EGRESS,
    INGRESS,
    MANAGED_BY,
    IPBlock,
    LabelSelector,
    NetworkPolicy,
    Peer,
    PolicyType,
    Port,
    Rule,
)
from recommender.review import Reviewed, directions
from recommender.suggest import Suggestion
from recommender.workload import Subject

_MAX_NAME = 253


@dataclass(frozen=True)
class GenerateOptions:
    """With `default_deny`, every namespace that gets a policy also gets one that isolates all its pods both ways.

    With `split`, a workload's two directions are a policy each. With `named_ports`, a subject's own ports are written
    by the name that all its pods have there. Off by default: implementations differ on names, and one that knows none
    may open every port.
    """

    default_deny: bool = False
    split: bool = False
    named_ports: bool = False


def generate(reviewed: Reviewed, options: GenerateOptions | None = None) -> tuple[NetworkPolicy, ...]:
    """Return the policies that allow exactly what was accepted, sorted by namespace and name.

    A direction of a workload is isolated only where something in that direction was accepted (or by default_deny).
    Accepted communications whose ends cannot be selected do not occur: `suggest` withholds them.
    """
    subjects = reviewed.suggestions.subjects
    accepted: dict[Subject, dict[PolicyType, list[Suggestion]]] = {}
    for item in reviewed.accepted:
        for ref, direction in directions(item):
            accepted.setdefault(subjects[ref], {}).setdefault(direction, []).append(item)
    options = options or GenerateOptions()
    parts: dict[tuple[Subject, tuple[PolicyType, ...]], Mapping[PolicyType, list[Suggestion]]] = {}
    for subject, found in accepted.items():
        for part in [{direction: found[direction]} for direction in found] if options.split else [found]:
            parts[subject, tuple(part) if options.split else ()] = part
    names = _names(parts)
    policies = [_policy(key[0], names[key], found, reviewed, options) for key, found in parts.items()]
    if options.default_deny:
        taken = {policy.key for policy in policies}
        policies += [_default_deny(namespace, taken) for namespace in sorted({policy.namespace for policy in policies})]
    return tuple(sorted(policies, key=lambda policy: policy.key))


def _policy(
    subject: Subject,
    name: str,
    found: Mapping[PolicyType, list[Suggestion]],
    reviewed: Reviewed,
    options: GenerateOptions,
) -> NetworkPolicy:
    rules = {
        direction: _rules(openings(subject, direction, items, reviewed, named=options.named_ports))
        for direction, items in found.items()
    }
    return NetworkPolicy(
        namespace=subject.namespace,
        name=name,
        pod_selector=selector_of(subject),
        policy_types=tuple(direction for direction in (INGRESS, EGRESS) if direction in found),
        ingress=rules.get(INGRESS, ()),
        egress=rules.get(EGRESS, ()),
        labels=(MANAGED_BY,),
        annotations=_annotations(subject, found, reviewed),
    )


def _annotations(
    subject: Subject, found: Mapping[PolicyType, list[Suggestion]], reviewed: Reviewed
) -> tuple[tuple[str, str], ...]:
    start, end = reviewed.suggestions.window_start, reviewed.suggestions.window_end
    items = {item.id: item for listed in found.values() for item in listed}.values()
    evidence = {
        "podfence/connections": str(sum(item.communication.evidence.connections for item in items)),
        "podfence/review": reviewed.digest,
        "podfence/workload": " ".join(f"{ref.kind}/{ref.name}" for ref in subject.members),
    }
    if let_through := sum(item.communication.evidence.allowed for item in items):
        evidence["podfence/let-through"] = str(let_through)
    if start is not None and end is not None:
        evidence["podfence/window"] = f"{start:%Y-%m-%dT%H:%M:%SZ}/{end:%Y-%m-%dT%H:%M:%SZ}"
    return tuple(sorted(evidence.items()))


def _rules(opened: Mapping[Peer, frozenset[Port]]) -> tuple[Rule, ...]:
    """Return the rules of one direction: peers with the same ports share a rule."""
    sharing: dict[frozenset[Port], list[Peer]] = {}
    for peer, ports in opened.items():
        sharing.setdefault(ports, []).append(peer)
    rules = (
        Rule(tuple(sorted(peers, key=_peer_order)), tuple(sorted(ports, key=_port_order)))
        for ports, peers in sharing.items()
    )
    return tuple(
        sorted(rules, key=lambda rule: (list(map(_port_order, rule.ports)), list(map(_peer_order, rule.peers))))
    )


def _port_order(port: Port) -> tuple[str, int, int, str]:
    number, name = (0, port.port) if isinstance(port.port, str) else (port.port or 0, "")
    return port.protocol, number, port.end_port or 0, name


def _peer_order(peer: Peer) -> tuple[bool, bool, str, LabelSelector, IPBlock]:
    """Order peers as a reader expects: own namespace, other namespaces, then addresses."""
    away = peer.namespace_selector.match_labels[0][1] if peer.namespace_selector else ""
    block = peer.ip_block or IPBlock("")
    return bool(peer.ip_block), bool(away), away, peer.pod_selector or LabelSelector(), block


def _default_deny(namespace: str, taken: set[tuple[str, str]]) -> NetworkPolicy:
    name = "default-deny-podfence"
    if (namespace, name) in taken:
        name = _shorten(f"{name}-all", name)
    return NetworkPolicy(
        namespace=namespace,
        name=name,
        pod_selector=LabelSelector(),
        policy_types=(INGRESS, EGRESS),
        labels=(MANAGED_BY,),
        annotations=(("podfence/reason", "isolates every pod of the namespace; the other policies say what may pass"),),
    )


def _names(
    parts: Iterable[tuple[Subject, tuple[PolicyType, ...]]],
) -> dict[tuple[Subject, tuple[PolicyType, ...]], str]:
    """Return a policy name for each subject, or for each of its directions: the workload's.

    Its kind is added where two workloads share it; no two of a namespace are the same, whatever workloads are called.
    """
    ordered = sorted(parts, key=lambda part: (part[0].first, part[1]))
    sharing = Counter((subject.namespace, subject.first.name) for subject in {subject for subject, _ in ordered})
    names: dict[tuple[Subject, tuple[PolicyType, ...]], str] = {}
    taken: set[tuple[str, str]] = set()
    for subject, types in ordered:
        ref = subject.first
        words = [ref.name, *([ref.kind.lower()] if sharing[ref.namespace, ref.name] > 1 else ())]
        words += [*(direction.lower() for direction in types), "podfence"]
        meaning = " ".join((str(ref), *types))
        name = _shorten("-".join(words), meaning)
        if (ref.namespace, name) in taken:
            name = _marked(name, meaning)
        taken.add((ref.namespace, name))
        names[subject, types] = name
    return names


def _shorten(name: str, meaning: str) -> str:
    """Return a valid RFC 1123 subdomain; what had to be cut or replaced is told apart by a digest of its meaning."""
    safe = re.sub(r"[^a-z0-9.-]", "-", name.lower())
    safe = re.sub(r"[.-]*\.[.-]*", ".", safe).strip("-.")
    if safe == name and len(safe) <= _MAX_NAME:
        return safe
    return _marked(safe, meaning)


def _marked(name: str, meaning: str) -> str:
    """Return a name with a digest of its meaning, short enough."""
    digest = hashlib.sha256(meaning.encode(errors="surrogatepass")).hexdigest()[:8]
    return f"{name[: _MAX_NAME - 9].strip('-.')}-{digest}"
