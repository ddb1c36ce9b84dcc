"""Turns rules, selectors and blocks into whether one lets through all that another does."""

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from collectors.inventory import ContainerPort
from recommender.policy import IPBlock, LabelSelector, NetworkPolicy, Peer, PolicyType, Port, Rule
from recommender.simulate.ports import Span, spans, union
from recommender.simulate.rulebook import rule_name

NAMESPACE_NAME = "kubernetes.io/metadata.name"
_EVERYWHERE = (IPBlock("0.0.0.0/0"), IPBlock("::/0"))
_EVERY_PORT = (1, 65535)

Range = tuple[int, int, int]
"""IP version, first and last address."""
Name = tuple[str, str]
"""Protocol and name of a port whose number is not known."""


@dataclass(frozen=True)
class Reach:
    """What a rule's ports let through at a destination: numbers, and names of which no number is known there."""

    spans: frozenset[Span]
    names: frozenset[Name] = frozenset()


@dataclass(frozen=True, eq=False)
class Opening:
    """One rule with where it stands: `number` is its policy's among those compared, `blocks` the addresses it takes."""

    name: str
    number: int
    namespace: str
    direction: PolicyType
    rule: Rule
    blocks: tuple[IPBlock, ...]


def opening_of(policy: NetworkPolicy, number: int, direction: PolicyType, index: int, rule: Rule) -> Opening:
    """Return a rule of a policy with its place; one without peers takes every address."""
    blocks = tuple(peer.ip_block for peer in rule.peers if peer.ip_block is not None)
    return Opening(
        rule_name(policy, direction, index), number, policy.namespace, direction, rule,
        blocks if rule.peers else _EVERYWHERE,
    )  # fmt: skip


@lru_cache(maxsize=65536)
def reach_of(ports: tuple[Port, ...], declared: tuple[ContainerPort, ...] | None) -> Reach:
    """Return what ports let through where these container ports are declared; None: they are not known."""
    if declared is not None:
        return Reach(spans(ports, declared))
    names = frozenset((port.protocol, port.port) for port in ports if isinstance(port.port, str))
    numbered = tuple(port for port in ports if not isinstance(port.port, str))
    return Reach(spans(numbered, ()) if numbered or not ports else frozenset(), names)


def reach_within(needed: Reach, given: Iterable[Reach]) -> bool:
    """Say whether others together let through all that is needed; a name needs that name, or every port."""
    listed = list(given)
    if any(needed.spans <= reach.spans and needed.names <= reach.names for reach in listed):  # the common case, quick
        return True
    joined = union(span for reach in listed for span in reach.spans)
    names = {name for reach in listed for name in reach.names}
    return all(
        any(protocol == other and first <= low and high <= last for other, first, last in joined)
        for protocol, low, high in needed.spans
    ) and all(name in names or (name[0], *_EVERY_PORT) in joined for name in needed.names)


def selector_implies(narrow: LabelSelector, wide: LabelSelector) -> bool:
    """Say whether all that one selector takes is taken by another, as far as their requirements show it."""
    return set(wide.match_labels) <= set(narrow.match_labels) and set(wide.match_expressions) <= set(
        narrow.match_expressions
    )


def implied_peer(narrow: Peer, wide: Peer, namespace: str) -> bool:
    """Say whether all that one peer takes is taken by another, both in policies of `namespace`."""
    if narrow.ip_block is not None or wide.ip_block is not None:
        if narrow.ip_block is None or wide.ip_block is None:
            return False
        return _within(_ranges(narrow.ip_block), _ranges(wide.ip_block))
    return selector_implies(_namespaces(narrow, namespace), _namespaces(wide, namespace)) and selector_implies(
        narrow.pod_selector or LabelSelector(), wide.pod_selector or LabelSelector()
    )


def _namespaces(peer: Peer, own: str) -> LabelSelector:
    # the API server keeps this label on every namespace, so both ways to write the own namespace compare
    return LabelSelector(((NAMESPACE_NAME, own),)) if peer.namespace_selector is None else peer.namespace_selector


def addresses_covered(opening: Opening, others: Sequence[Opening], declared: tuple[ContainerPort, ...] | None) -> bool:
    """Say whether other rules let through, to the addresses of a rule's blocks, all that it does; exactly."""
    given = [(reach_of(other.rule.ports, declared), other.blocks) for other in others if other.blocks]
    needed = reach_of(opening.rule.ports, declared)
    wanted = [part for block in opening.blocks for part in _ranges(block)]
    for protocol, low, high in needed.spans:
        # between two cuts every port is let through by the same rules
        cuts = {low} | {
            cut
            for reach, _ in given
            for other, first, last in reach.spans
            for cut in (first, last + 1)
            if other == protocol and low < cut <= high
        }
        if not all(_within(wanted, _holding(given, protocol, cut)) for cut in cuts):
            return False
    return all(_within(wanted, _naming(given, name)) for name in needed.names)


_Given = Sequence[tuple[Reach, tuple[IPBlock, ...]]]


def _holding(given: _Given, protocol: str, number: int) -> list[Range]:
    return [
        part
        for reach, blocks in given
        if any(protocol == other and first <= number <= last for other, first, last in reach.spans)
        for block in blocks
        for part in _ranges(block)
    ]


def _naming(given: _Given, name: Name) -> list[Range]:
    return [
        part
        for reach, blocks in given
        if reach_within(Reach(frozenset(), frozenset([name])), [reach])
        for block in blocks
        for part in _ranges(block)
    ]


@lru_cache(maxsize=65536)
def _ranges(block: IPBlock) -> tuple[Range, ...]:
    """Return the addresses of a block as disjoint ranges, its excepts left out."""
    whole = ipaddress.ip_network(block.cidr)
    start, end = int(whole.network_address), int(whole.broadcast_address)
    found: list[Range] = []
    for part in sorted((ipaddress.ip_network(text) for text in block.excepts), key=lambda n: int(n.network_address)):
        first, last = int(part.network_address), int(part.broadcast_address)
        if start < first:
            found.append((whole.version, start, first - 1))
        start = max(start, last + 1)
    return (*found, (whole.version, start, end)) if start <= end else tuple(found)


def _within(needed: Iterable[Range], given: Iterable[Range]) -> bool:
    """Say whether ranges lie in the union of others."""
    joined: list[Range] = []
    for version, low, high in sorted(given):
        if joined and joined[-1][0] == version and low <= joined[-1][2] + 1:
            joined[-1] = (version, joined[-1][1], max(high, joined[-1][2]))
        else:
            joined.append((version, low, high))
    return all(
        any(v == version and first <= low and high <= last for v, first, last in joined)
        for version, low, high in needed
    )
