"""Turns named options with their budgets into widenings of what was accepted, recorded in the decisions."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from collectors.inventory import Inventory, WorkloadRef
from recommender.communications import End
from recommender.port_ranges import port_ranges
from recommender.review import Decision, Reviewed
from recommender.suggest import Suggestion
from recommender.widen_addresses import aggregated, internet
from recommender.widen_guard import Guard
from recommender.widen_options import Budget, WidenOptions
from recommender.widening import Widening

_DNS = 53
_UNCHECKED = ("protocols", "service_ports")
_FEWEST = 2
"""Peers of a namespace that must be seen before the whole of it is one."""


@dataclass(frozen=True)
class Widened:
    """The decisions with their widenings, and a sentence for each budget that could not be met."""

    decisions: tuple[Decision, ...]
    refused: tuple[str, ...] = ()


def widen(reviewed: Reviewed, inventory: Inventory, options: WidenOptions) -> Widened:
    """Return the decisions with what the options widen of the acceptances, within their budgets.

    What a decision says of its widening stays as it is: nothing is widened twice, and `widen: {}` keeps it exact.
    Nothing is widened over what was seen and not accepted: declined, undecided, or without success.
    """
    draft = _Draft(reviewed)
    refused: list[str] = []
    if options.internet:
        draft.take("addresses", internet(reviewed, inventory), "internet")
    if options.cidr is not None:
        found = aggregated(draft.review(reviewed), inventory, options.cidr)
        refused += found.refused
        draft.take("addresses", found.blocks.items(), f"cidr={options.cidr}")
    if options.ports is not None:
        ports, unmet = _port_ranges(reviewed, options.ports)
        refused += unmet
        draft.take("ports", ports, f"ports={options.ports}")
    if options.namespace is not None:
        for end in ("source", "destination"):
            found_ids = _whole_namespaces(reviewed, inventory, end, options.namespace)
            draft.take(end, ((key, True) for key in found_ids), f"namespace=unseen:{options.namespace}")
    if options.dns:
        draft.take("protocols", _both_protocols(reviewed), "dns")
    if options.service_port:
        draft.take("service_ports", _service_ports(reviewed), "service-port")
    return Widened(tuple(sorted(draft.decisions.values(), key=lambda d: (d.what, d.id))), tuple(refused))


class _Draft:
    """Decisions in the making."""

    def __init__(self, reviewed: Reviewed) -> None:
        self.decisions = dict(reviewed.decisions)
        self._kept = {key for key, d in self.decisions.items() if d.widen is not None and not d.widen}
        self._items = {item.id: item for item in reviewed.accepted}
        self._guard = Guard(reviewed)

    def take(self, name: str, found: Iterable[tuple[str, Any]], option: str) -> None:
        """Set one field of the widenings named by id, where no decision has set it yet and nothing forbids it.

        What an option finds is safe by itself, but for `protocols` and `service_ports`, which nobody looked at.
        """
        for key, value in found:
            decision = self.decisions[key]
            before = decision.widen or Widening()
            if key in self._kept or getattr(before, name):
                continue
            after = replace(before, options=tuple(dict.fromkeys((*before.options, option))), **{name: value})
            alone = Widening() if name in _UNCHECKED else Widening(**{name: value})
            if not self._guard.forbids(self._items[key], before, alone, after):
                self.decisions[key] = replace(decision, widen=after)

    def review(self, reviewed: Reviewed) -> Reviewed:
        """Return a review with these decisions; nobody's choice has changed."""
        return replace(reviewed, decisions=self.decisions)


def _port_ranges(reviewed: Reviewed, budget: Budget) -> tuple[list[tuple[str, tuple[int, int]]], list[str]]:
    """Return the ranges that hold the accepted ports between the same ends, and a sentence for each unmet budget."""
    between: defaultdict[tuple[End, End, str], list[Suggestion]] = defaultdict(list)
    for item in reviewed.accepted:
        seen = item.communication
        between[seen.src, seen.dst, seen.protocol].append(item)
    never: defaultdict[tuple[End, End, str], set[int]] = defaultdict(set)
    for seen in reviewed.not_accepted:
        never[seen.src, seen.dst, seen.protocol].add(seen.port)
    found: list[tuple[str, tuple[int, int]]] = []
    refused: list[str] = []
    for ends, items in between.items():
        ports = {item.communication.port for item in items}
        if len(ports) == 1:
            continue
        ranges = port_ranges(ports, most_ranges=budget.rules, most_unseen=budget.unseen, never=never[ends] - ports)
        if ranges is None:
            refused.append(_unmet(*ends, len(ports), budget))
        wide = [(low, high) for low, high in ranges or () if low < high]
        found += [(item.id, span) for item in items for span in wide if span[0] <= item.communication.port <= span[1]]
    return found, refused


def _unmet(src: End, dst: End, protocol: str, ports: int, budget: Budget) -> str:
    return (
        f"{src} -> {dst}: its {ports} {protocol} ports cannot be held within ports={budget}, "
        "since no range may hold a port that was seen there and not accepted; they stay as they are"
    )


def _whole_namespaces(reviewed: Reviewed, inventory: Inventory, end: str, most_unseen: int) -> Iterator[str]:
    """Yield the acceptances whose `end` is one of so many of its namespace that the rest is within the budget."""
    members: defaultdict[str, set[WorkloadRef]] = defaultdict(set)
    for ref in {pod.workload for pod in inventory.pods if not pod.host_network}.union(inventory.workloads):
        members[ref.namespace].add(ref)
    groups: defaultdict[tuple[WorkloadRef, str, str, int], list[Suggestion]] = defaultdict(list)
    for item in reviewed.accepted:
        peer = getattr(item.communication, "src" if end == "source" else "dst")
        subject = item.ingress_of if end == "source" else item.egress_of
        if isinstance(peer, WorkloadRef) and subject is not None:
            groups[subject, peer.namespace, item.communication.protocol, item.communication.port].append(item)
    refused = {
        (reviewed.suggestions.first(other), peer.namespace, seen.protocol, seen.port)
        for seen in reviewed.not_accepted
        for peer, other in [(seen.src, seen.dst) if end == "source" else (seen.dst, seen.src)]
        if isinstance(peer, WorkloadRef) and isinstance(other, WorkloadRef)
    }
    for (subject, namespace, protocol, port), items in groups.items():
        peers = {getattr(item.communication, "src" if end == "source" else "dst") for item in items}
        rest = members[namespace] - peers - {subject}
        if len(peers) >= _FEWEST and len(rest) <= most_unseen and (subject, namespace, protocol, port) not in refused:
            yield from (item.id for item in items)


def _both_protocols(reviewed: Reviewed) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield UDP and TCP for what is DNS by its port, or by the Service's where the pods listen elsewhere."""
    for item in reviewed.accepted:
        if item.communication.port == _DNS or _DNS in _asked(item):
            yield item.id, tuple(sorted({"TCP", "UDP", item.communication.protocol}))


def _service_ports(reviewed: Reviewed) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield the ports of the Services through which pods reached others, where the pods listen at another one."""
    for item in reviewed.accepted:
        beside = _asked(item) - {item.communication.port}
        if item.egress_of is not None and beside:
            yield item.id, tuple(sorted(beside))


def _asked(item: Suggestion) -> set[int]:
    """Return the Service ports through which it was reached: services are "namespace/name:port"."""
    ports = (service.rpartition(":")[2] for service in item.communication.evidence.services)
    return {int(port) for port in ports if port.isdigit()}
