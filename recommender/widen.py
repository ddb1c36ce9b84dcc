"""Turns named options with their budgets into widenings of what was accepted, recorded in the decisions."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from collectors.inventory import Inventory, WorkloadRef
from recommender.exposure import exposed_ports
from recommender.port_ranges import port_ranges
from recommender.review import Decision, Reviewed
from recommender.suggest import Suggestion
from recommender.widen_addresses import aggregated, internet
from recommender.widen_options import WidenOptions
from recommender.widening import Widening

_DNS = 53
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
    draft = _Draft(dict(reviewed.decisions))
    refused: list[str] = []
    if options.internet:
        draft.take("addresses", internet(reviewed, exposed_ports(inventory)), "internet")
    if options.cidr is not None:
        found = aggregated(draft.review(reviewed), inventory, options.cidr)
        refused += found.refused
        draft.take("addresses", found.blocks.items(), f"cidr={options.cidr}")
    if options.ports is not None:
        draft.take("ports", _port_ranges(reviewed, options), f"ports={options.ports}")
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

    def __init__(self, decisions: dict[str, Decision]) -> None:
        self.decisions = decisions
        self._kept = {key for key, d in decisions.items() if d.widen is not None and not d.widen}

    def take(self, name: str, found: Iterable[tuple[str, Any]], option: str) -> None:
        """Set one field of the widenings named by id, where no decision has set it yet."""
        for key, value in found:
            decision = self.decisions[key]
            widening = decision.widen or Widening()
            if key not in self._kept and not getattr(widening, name):
                options = tuple(dict.fromkeys((*widening.options, option)))
                widening = replace(widening, options=options, **{name: value})
                self.decisions[key] = replace(decision, widen=widening)

    def review(self, reviewed: Reviewed) -> Reviewed:
        """Return a review with these decisions; nobody's choice has changed."""
        return replace(reviewed, decisions=self.decisions)


def _port_ranges(reviewed: Reviewed, options: WidenOptions) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield the ranges that hold the accepted ports between the same ends."""
    between: defaultdict[object, list[Suggestion]] = defaultdict(list)
    for item in reviewed.accepted:
        seen = item.communication
        between[seen.src, seen.dst, seen.protocol].append(item)
    never: defaultdict[object, set[int]] = defaultdict(set)
    for seen in reviewed.not_accepted:
        never[seen.src, seen.dst, seen.protocol].add(seen.port)
    budget = options.ports
    for ends, items in between.items():
        ports = {item.communication.port for item in items}
        if budget is None or len(ports) == 1:
            continue
        ranges = port_ranges(ports, most_ranges=budget.rules, most_unseen=budget.unseen, never=never[ends] - ports)
        for low, high in ranges or ():
            if low < high:
                yield from ((item.id, (low, high)) for item in items if low <= item.communication.port <= high)


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
