"""Turns two sets of policies into what changes between them: policies added, removed, changed, rule by rule."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from collectors.errors import one_line
from recommender.policy import EGRESS, INGRESS, LabelSelector, NetworkPolicy, Peer, PolicyType, Port, Rule
from recommender.text import cut

ChangeWord = Literal["added", "removed", "changed"]
_LONGEST = 400
"""Characters of one rule in words: selectors are other people's, and peers may be many."""


@dataclass(frozen=True)
class PolicyChange:
    """One policy ("namespace/name") of which the two sets say different things; `details` are sentences."""

    kind: ChangeWord
    name: str
    details: tuple[str, ...] = ()

    @property
    def lines(self) -> Iterator[str]:
        """Yield it for a terminal; texts are not escaped yet."""
        sign = {"added": "+", "removed": "-", "changed": "~"}[self.kind]
        yield f"{sign} {self.name}: {self.kind}"
        yield from (f"    {detail}" for detail in self.details)


def policy_changes(before: Iterable[NetworkPolicy], after: Iterable[NetworkPolicy]) -> tuple[PolicyChange, ...]:
    """Return the changes from one set to the other, sorted by name; the order of rules in a policy says nothing."""
    old = {policy.key: policy for policy in before}
    new = {policy.key: policy for policy in after}
    found = []
    for key in sorted(old.keys() | new.keys()):
        first, second, name = old.get(key), new.get(key), "/".join(key)
        if first is None and second is not None:
            found.append(PolicyChange("added", name, tuple(_whole(second, "+"))))
        elif second is None and first is not None:
            found.append(PolicyChange("removed", name, tuple(_whole(first, "-"))))
        elif first is not None and second is not None and first != second:
            found.append(PolicyChange("changed", name, tuple(_between(first, second))))
    return tuple(found)


def without_notes(policy: NetworkPolicy, keys: Iterable[str] | None = None) -> NetworkPolicy:
    """Return a policy without annotations, and with those labels only whose keys are given (None: all of them)."""
    kept = None if keys is None else frozenset(keys)
    labels = policy.labels if kept is None else tuple(pair for pair in policy.labels if pair[0] in kept)
    return replace(policy, labels=labels, annotations=())


def _whole(policy: NetworkPolicy, sign: str) -> Iterator[str]:
    yield f"{sign} isolates {_types(policy.policy_types)} of {selector_words(policy.pod_selector)}"
    for direction, rules in _directions(policy):
        yield from (f"{sign} {rule_words(rule, direction)}" for rule in rules)


def _between(before: NetworkPolicy, after: NetworkPolicy) -> Iterator[str]:
    same = True
    if before.pod_selector != after.pod_selector:
        same = False
        yield f"~ selects {selector_words(after.pod_selector)}, not {selector_words(before.pod_selector)}"
    if frozenset(before.policy_types) != frozenset(after.policy_types):
        same = False
        yield f"~ isolates {_types(after.policy_types)}, not {_types(before.policy_types)}"
    for (direction, old), (_, new) in zip(_directions(before), _directions(after), strict=True):
        gone = sorted(rule_words(rule, direction) for rule in old if rule not in new)
        come = sorted(rule_words(rule, direction) for rule in new if rule not in old)
        same = same and not gone and not come
        yield from (f"- {text}" for text in gone)
        yield from (f"+ {text}" for text in come)
    if same:
        notes = before.labels != after.labels or before.annotations != after.annotations
        yield "~ labels or annotations only" if notes else "~ the order of its rules only"


def _directions(policy: NetworkPolicy) -> tuple[tuple[PolicyType, tuple[Rule, ...]], ...]:
    return (INGRESS, policy.ingress), (EGRESS, policy.egress)


def _types(types: tuple[PolicyType, ...]) -> str:
    return " and ".join(word.lower() for word in sorted(types, reverse=True))


def rule_words(rule: Rule, direction: PolicyType) -> str:
    """Return a rule in words, of bounded length; whoever prints it escapes it."""
    side = "from" if direction == INGRESS else "to"
    peers = ", ".join(map(_peer_words, rule.peers)) or "anybody"
    ports = ", ".join(map(_port_words, rule.ports)) or "every port"
    return one_line(f"{direction.lower()} {side} {cut(peers, _LONGEST)} at {cut(ports, _LONGEST)}", 2 * _LONGEST + 50)


def _peer_words(peer: Peer) -> str:
    if peer.ip_block is not None:
        return str(peer.ip_block)
    pods = "every pod" if peer.pod_selector is None else selector_words(peer.pod_selector)
    if peer.namespace_selector is None:
        return pods
    where = selector_words(peer.namespace_selector).replace("every pod", "every namespace")
    return f"{pods} in {where.removeprefix('kubernetes.io/metadata.name=')}"


def _port_words(port: Port) -> str:
    if port.port is None:
        return f"every {port.protocol} port"
    last = f"-{port.end_port}" if port.end_port is not None else ""
    return f"{port.protocol} {port.port}{last}"


def selector_words(selector: LabelSelector) -> str:
    """Return a selector as kubectl writes it, of bounded length; an empty one is "every pod"."""
    parts = [f"{key}={value}" for key, value in selector.match_labels]
    for wanted in selector.match_expressions:
        values = f" ({', '.join(wanted.values)})" if wanted.values else ""
        parts.append(f"{wanted.key} {wanted.operator}{values}")
    return cut(",".join(parts), _LONGEST) or "every pod"
