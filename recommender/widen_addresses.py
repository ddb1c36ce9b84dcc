"""Turns accepted outside addresses into ranges within a budget, or into the internet for what is exposed to it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from collectors.addresses import Ranges
from collectors.inventory import Inventory, WorkloadRef
from collectors.ranges import collapsed
from recommender.communications import AddressPeer
from recommender.exposure import exposed_ports
from recommender.policy import EGRESS, INGRESS, IPBlock, PolicyType
from recommender.prefixes import PRIVATE, aggregate, blocks_of
from recommender.review import Reviewed
from recommender.suggest import Suggestion
from recommender.widen_options import Budget
from recommender.widening import holds, size

_Place = tuple[WorkloadRef, PolicyType, str, int]
"""Subject, direction, protocol and port: what one rule is about."""

# What a client on the internet cannot have as its address; loopback and groups never arrive as a source at all.
_INTERNET = {
    4: ("0.0.0.0/0", ("10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16")),
    6: ("::/0", ("fc00::/7", "fe80::/10")),
}


@dataclass(frozen=True)
class Aggregated:
    """Suggestion id -> the range that its address is in; and a sentence for each budget that cannot be met."""

    blocks: Mapping[str, IPBlock] = field(default_factory=dict)
    refused: tuple[str, ...] = ()


def aggregated(reviewed: Reviewed, inventory: Inventory, budget: Budget) -> Aggregated:
    """Return the ranges that hold the accepted outside addresses of each subject, direction, protocol and port.

    Ranges of a place that decisions have already count against its budget. None of them holds an address that is
    private, the cluster's or a node's, or one that was seen there and not accepted.
    """
    never = _own_ranges(inventory)
    against = _against(reviewed)
    blocks: dict[str, IPBlock] = {}
    refused: list[str] = []
    for place, items in sorted(_places(reviewed).items(), key=lambda entry: entry[0]):
        fixed = {block for item in items for block in [_fixed(item, reviewed)] if block is not None}
        open_items = [i for i in items if not any(holds(block, _outside(i).address) for block in fixed)]
        left = _left(budget, fixed, {_outside(item).address for item in items})
        addresses = {_outside(item).address for item in open_items}
        if len(addresses) < 2:
            continue
        found = aggregate(
            addresses, most_entries=left.rules, most_unseen=left.unseen, never=(*never, *against.get(place, ()))
        )
        if found is None:
            refused.append(_sentence(place, len(addresses), budget))
            continue
        held = blocks_of(found, addresses)
        ranges = ((item.id, held[_outside(item).address]) for item in open_items)
        blocks.update((key, block) for key, block in ranges if not block.single)
    return Aggregated(blocks, tuple(refused))


def internet(reviewed: Reviewed, inventory: Inventory) -> Iterator[tuple[str, IPBlock]]:
    """Yield for each accepted client from outside of an exposed port all addresses of the internet.

    Those that are private or the cluster's, and those that were declined there, are `except`s.
    """
    exposed, own = exposed_ports(inventory), _cluster_ranges(inventory)
    declined: defaultdict[_Place, set[str]] = defaultdict(set)
    for item in reviewed.declined:
        if (place := _place(item)) is not None:
            declined[place].add(_outside(item).address)
    blocks: dict[tuple[_Place, int], IPBlock] = {}
    for item in reviewed.accepted:
        seen, place = item.communication, _place(item)
        if place is None or item.ingress_of is None or not isinstance(seen.dst, WorkloadRef):
            continue
        if (seen.dst, seen.protocol, seen.port) in exposed:
            family = 6 if ":" in _outside(item).address else 4
            if (place, family) not in blocks:
                blocks[place, family] = _everybody(family, (*own, *declined[place]))
            # of workloads that no selector tells apart, one may have accepted the address and the other declined it
            if holds(blocks[place, family], _outside(item).address):
                yield item.id, blocks[place, family]


def _everybody(family: int, but: Iterable[str]) -> IPBlock:
    """Return the internet of a family without some ranges."""
    cidr, private = _INTERNET[family]
    return IPBlock(cidr, tuple(text for text in collapsed((), (*private, *but)) if (":" in text) == (family == 6)))


def _outside(item: Suggestion) -> AddressPeer:
    """Return the end that is an outside address."""
    ends = (item.communication.src, item.communication.dst)
    return next(end for end in ends if isinstance(end, AddressPeer) and end.kind == "external")


def _place(item: Suggestion) -> _Place | None:
    """Return where the rule for an outside address stands; None where there is no such address."""
    seen = item.communication
    for end, subject, direction in ((seen.src, item.ingress_of, INGRESS), (seen.dst, item.egress_of, EGRESS)):
        if isinstance(end, AddressPeer) and end.kind == "external" and subject is not None:
            return subject, direction, seen.protocol, seen.port
    return None


def _places(reviewed: Reviewed) -> dict[_Place, list[Suggestion]]:
    found: defaultdict[_Place, list[Suggestion]] = defaultdict(list)
    for item in reviewed.accepted:
        if (place := _place(item)) is not None:
            found[place].append(item)
    return found


def _against(reviewed: Reviewed) -> Mapping[_Place, list[str]]:
    """Return the addresses that were seen at a place and not accepted: declined, undecided, or nothing worked."""
    found: defaultdict[_Place, list[str]] = defaultdict(list)
    for seen in reviewed.not_accepted:
        for end, other, direction in ((seen.src, seen.dst, INGRESS), (seen.dst, seen.src, EGRESS)):
            if isinstance(end, AddressPeer) and isinstance(other, WorkloadRef):
                subject = reviewed.suggestions.first(other)
                found[subject, direction, seen.protocol, seen.port].append(end.address)
    return found


def _own_ranges(inventory: Inventory) -> tuple[str, ...]:
    """Return what no range may hold: what is not public, and what is the cluster's."""
    return tuple(sorted({*PRIVATE, *_cluster_ranges(inventory)}))


def _cluster_ranges(inventory: Inventory) -> tuple[str, ...]:
    """Return the cluster's ranges, and the public addresses of its nodes, Services and pods."""
    ranges = {*inventory.pod_cidrs, *inventory.service_cidrs}
    private = Ranges(PRIVATE)
    single = {address for node in inventory.nodes for address in node.addresses}
    single |= {tenure.ip for pod in inventory.pods for tenure in pod.held}
    for service in inventory.services:
        single |= {*service.cluster_ips, *service.external_ips, *service.load_balancer_ips}
    for node in inventory.nodes:
        ranges |= set(node.pod_cidrs)
    return tuple(sorted(ranges | {address for address in single if address not in private}))


def _fixed(item: Suggestion, reviewed: Reviewed) -> IPBlock | None:
    decision = reviewed.decisions[item.id]
    return decision.widen.addresses if decision.widen is not None else None


def _left(budget: Budget, fixed: Iterable[IPBlock], seen: set[str]) -> Budget:
    """Return what is left of a budget beside the ranges that are decided already."""
    rules, unseen = budget.rules, budget.unseen
    for block in fixed:
        if rules is not None:
            rules -= 1 + len(block.excepts)
        elif unseen is not None:
            unseen -= size(block) - sum(holds(block, address) for address in seen)
    return Budget(None if rules is None else max(rules, 0), None if unseen is None else max(unseen, 0))


def _sentence(place: _Place, addresses: int, budget: Budget) -> str:
    ref, direction, protocol, port = place
    return (
        f"{direction.lower()} of {ref} at {protocol}/{port}: its {addresses} addresses cannot be held within "
        f"cidr={budget}, which counts ranges of both IP versions and those decided already, since no range may hold "
        "addresses that are private, the cluster's, or seen there and not accepted; they stay as they are"
    )
