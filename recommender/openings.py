"""Turns what was accepted at one end of a subject into peers with their ports, none of which another one covers."""

import ipaddress
from collections.abc import Iterable, Mapping

from collectors.inventory import WorkloadRef
from recommender.communications import AddressPeer, Communication, End
from recommender.policy import EGRESS, INGRESS, IPBlock, LabelSelector, Peer, PolicyType, Port
from recommender.review import Reviewed
from recommender.suggest import Suggestion
from recommender.widening import Widening
from recommender.workload import Subject

Span = tuple[str, int, int]
"""Protocol, first and last port."""
_EXACT = Widening()


def openings(
    subject: Subject, direction: PolicyType, items: Iterable[Suggestion], reviewed: Reviewed, *, named: bool = False
) -> dict[Peer, frozenset[Port]]:
    """Return the peers of a subject in one direction, with the ports that each may use.

    With `named`, the subject's own ports are written by the name that each of its pods has there, but for addresses:
    what a name means beside an ipBlock is where implementations differ most.
    """
    found: dict[Peer, set[Span]] = {}
    for item in items:
        decision = reviewed.decisions.get(item.id)
        widening = (decision.widen if decision else None) or _EXACT
        other = item.communication.src if direction == INGRESS else item.communication.dst
        peer = _peer(other, subject.namespace, reviewed.suggestions.subjects, widening, direction)
        found.setdefault(peer, set()).update(_spans(item.communication, widening, direction))
    merged = {peer: _merged(spans) for peer, spans in found.items()}
    names = subject.port_names if direction == INGRESS and named else {}
    own = subject.namespace_selector
    wide = [peer for peer in merged if peer.pod_selector is None and not (peer.ip_block and peer.ip_block.single)]
    left = {peer: _uncovered(merged[peer], [merged[w] for w in wide if _takes_all(w, peer, own)]) for peer in merged}
    return {
        peer: frozenset(_port(span, {} if peer.ip_block else names) for span in spans)
        for peer, spans in left.items()
        if spans
    }


def _peer(
    end: End, namespace: str, subjects: Mapping[WorkloadRef, Subject], widening: Widening, direction: PolicyType
) -> Peer:
    if isinstance(end, AddressPeer):
        own = IPBlock.of(end.address)
        return Peer(ip_block=widening.addresses or own)
    subject = subjects[end]
    there = subject.namespace_selector
    if widening.source if direction == INGRESS else widening.destination:
        return Peer(namespace_selector=there)
    return Peer(pod_selector=selector_of(subject), namespace_selector=there if subject.namespace != namespace else None)


def selector_of(subject: Subject) -> LabelSelector:
    """Return a subject's selector, which is never empty: an empty one would open everything."""
    if subject.selector is None or subject.selector == LabelSelector():
        raise AssertionError(f"{subject.first} has no selector: suggest withholds it")
    return subject.selector


def _spans(communication: Communication, widening: Widening, direction: PolicyType) -> Iterable[Span]:
    low, high = widening.ports or (communication.port, communication.port)
    beside = widening.service_ports if direction == EGRESS else ()
    for protocol in widening.protocols or (communication.protocol,):
        yield protocol, low, high
        yield from ((protocol, number, number) for number in beside)


def _merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Return the same ports with overlapping ranges as one; neighbours stay apart, as they were seen."""
    merged: list[Span] = []
    for protocol, low, high in sorted(spans):
        if merged and merged[-1][0] == protocol and low <= merged[-1][2]:
            merged[-1] = (protocol, merged[-1][1], max(high, merged[-1][2]))
        else:
            merged.append((protocol, low, high))
    return tuple(merged)


def _takes_all(wide: Peer, peer: Peer, own: LabelSelector) -> bool:
    """Say whether a peer of a whole namespace or range takes all that another peer takes."""
    if wide == peer:
        return False
    if wide.ip_block is None or peer.ip_block is None:
        return wide.ip_block is peer.ip_block and wide.namespace_selector == (peer.namespace_selector or own)
    if peer.ip_block.excepts:  # of two ranges with holes, neither is looked for in the other
        return False
    part, whole = ipaddress.ip_network(peer.ip_block.cidr), ipaddress.ip_network(wide.ip_block.cidr)
    if part.version != whole.version or part == whole or not part.subnet_of(whole):  # type: ignore[arg-type]  # one family, by the test before
        return False
    return not any(part.overlaps(ipaddress.ip_network(hole)) for hole in wide.ip_block.excepts)


def _uncovered(spans: tuple[Span, ...], wider: Iterable[tuple[Span, ...]]) -> tuple[Span, ...]:
    covering = [span for listed in wider for span in listed]
    return tuple(
        (protocol, low, high)
        for protocol, low, high in spans
        if not any(p == protocol and first <= low and high <= last for p, first, last in covering)
    )


def _port(span: Span, names: Mapping[tuple[str, int], str]) -> Port:
    protocol, low, high = span
    return Port(protocol, low, high) if low != high else Port(protocol, names.get((protocol, low), low))
