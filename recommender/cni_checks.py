"""Turns a policy's sides and one trait of a CNI into examples of what would not work there, a check for each kind."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from recommender.cni_sides import Side, Sides, far_address, port_text
from recommender.communications import Communication
from recommender.label_index import selects
from recommender.policy import EGRESS, Port, Rule

Kind = Literal[
    "service_port", "service_address", "service_selector", "node_address", "api_server_address", "link_local_address",
    "host_network_source", "client_address", "end_port", "sctp", "named_port", "named_port_of_block",
    "except_overlap", "ipv6_everything", "mixed_families", "too_many_ports", "standalone_pod",
]  # fmt: skip
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

# Served by the cloud and not by the node, so that an ipBlock takes it where it takes nothing of the node.
_METADATA: Final = "169.254.169.254"


@dataclass(frozen=True)
class Check:
    """One kind of warning: the trait of the profile it rests on, what to look for, and what to say of it.

    `finds` takes the sides and the trait's value; `one` and `many` say what the examples are, `advice` what to do.
    """

    trait: str
    finds: Callable[[Sides, Any], Iterable[str]]
    one: str
    many: str
    advice: str


def _service_port(sides: Sides, equal: bool) -> Iterator[str]:
    for spoken, service, port in sides.egress.through_services() if equal else ():
        rules = [rule for rule, _ in sides.egress.naming(spoken)]
        opened = any(_takes(rule, spoken.protocol, spoken.port) for rule in rules)
        if opened and not any(_takes(rule, spoken.protocol, port) for rule in rules):
            yield f"{spoken} through {service}:{port}"


def _service_selector(sides: Sides, needed: bool) -> Iterator[str]:
    services = sides.services if needed else None
    for spoken, service, port in sides.egress.through_services() if services else ():
        labels = services.get(service) if services else None
        naming = [found for rule, found in sides.egress.naming(spoken) if _takes(rule, spoken.protocol, spoken.port)]
        if labels is not None and naming and not any(selects(selector, labels) for selector in naming):
            yield f"{spoken} through {service}:{port}"


def _service_address(sides: Sides, sees: str) -> Iterator[str]:
    for spoken in _by_address(sides.egress) if sees == "service" else ():
        yield from (f"{spoken} through {service}" for service in spoken.evidence.services)


def _addresses_of(kind: str) -> Callable[[Sides, bool], Iterator[str]]:
    def finds(sides: Sides, taken: bool) -> Iterator[str]:
        for side in () if taken else sides.both:
            yield from map(str, _by_address(side, kind))

    return finds


def _host_network_source(sides: Sides, by_address: bool) -> Iterator[str]:
    return iter(()) if by_address else map(str, _by_address(sides.ingress, "node"))


def _client_address(sides: Sides, what: str) -> Iterator[str]:
    """Yield clients seen before their address was replaced: on the way to a Service, not at the pod."""
    for spoken in _by_address(sides.ingress, "external") if what == "replaced" else ():
        if spoken.evidence.services:
            yield f"{spoken} through {spoken.evidence.services[0]}"


def _end_port(sides: Sides, since: str) -> Iterator[str]:
    if since:
        yield from (f"{side.direction} {port_text(port)}" for side, _, port in _ports(sides) if port.end_port)


def _sctp(sides: Sides, known: str) -> Iterator[str]:
    if known != "yes":
        yield from (f"{side.direction} {port_text(port)}" for side, _, port in _ports(sides) if port.protocol == "SCTP")


def _named_port(sides: Sides, how: str) -> Iterator[str]:
    for side, _, port in _ports(sides):
        if isinstance(port.port, str) and (how == "any_port" or (how == "one_number" and side.direction == EGRESS)):
            yield f"{side.direction} {port_text(port)}"


def _named_port_of_block(sides: Sides, left_out: tuple[str, ...]) -> Iterator[str]:
    for side, rule, port in _ports(sides):
        if isinstance(port.port, str) and side.direction in left_out:
            blocks = (peer.ip_block for peer in rule.peers if peer.ip_block is not None)
            yield from (f"{side.direction} {port_text(port)} of {block}" for block in blocks)


def _except_overlap(sides: Sides, how: str) -> Iterator[str]:
    for side in sides.both if how == "lost_in_overlap" else ():
        yield from (f"{side.direction} {block}" for block in side.overlapped)


def _ipv6_everything(sides: Sides, taken: tuple[str, ...]) -> Iterator[str]:
    for side in sides.both if taken else ():
        yield from (f"{side.direction} {block}" for _, block in side.blocks if block.cidr == "::/0")


def _mixed_families(sides: Sides, hold: str) -> Iterator[str]:
    cidrs = {block.cidr for side in sides.both for _, block in side.blocks}
    six = {cidr for cidr in cidrs if ":" in cidr}
    if hold == "one" and six and six != cidrs:
        yield f"IPv4 such as {min(cidrs - six)}, IPv6 such as {min(six)}"


def _too_many_ports(sides: Sides, most: int) -> Iterator[str]:
    for side in sides.both:
        for text, ports in side.ports_by_peer:
            if len(ports) > most:
                yield f"{side.direction}, {len(ports)} ports of {text}"


def _standalone_pod(sides: Sides, held: bool) -> Iterator[str]:
    return iter(()) if held else (str(ref) for ref in sides.members if ref.kind == "Pod")


def _ports(sides: Sides) -> Iterator[tuple[Side, Rule, Port]]:
    for side in sides.both:
        yield from ((side, rule, port) for rule in side.rules for port in rule.ports)


def _by_address(side: Side, kind: str = "") -> Iterator[Communication]:
    """Yield what goes through a rule's ipBlock, to or from an address of this kind; of any but none given."""
    for spoken in side.spoken:
        far = far_address(side, spoken)
        if far is None or (kind and far.kind != kind) or (kind == "link_local" and far.address == _METADATA):
            continue
        if any(_takes(rule, spoken.protocol, spoken.port) for rule in side.holding(far.address)):
            yield spoken


def _takes(rule: Rule, protocol: str, number: int) -> bool:
    """Say whether a rule's ports have this one; a name may stand for any number."""
    return not rule.ports or any(
        port.protocol == protocol
        and (not isinstance(port.port, int) or port.port <= number <= (port.end_port or port.port))
        for port in rule.ports
    )


CHECKS: Final[Mapping[Kind, Check]] = {
    "service_port": Check(
        "equal_ports", _service_port,
        "communication through a Service whose port is not the pod's",
        "communications through Services whose ports are not the pods'",
        "Give both the same number, or let the rule take the Service's port beside the pod's.",
    ),
    "service_address": Check(
        "egress_sees", _service_address,
        "communication with an address behind a Service", "communications with addresses behind Services",
        "Add an ipBlock with the Service's own address and port.",
    ),
    "service_selector": Check(
        "service_selectors", _service_selector,
        "communication through a Service whose selector lacks labels of the rule",
        "communications through Services whose selectors lack labels of the rules",
        "Add the missing labels to the Service's selector, or an ipBlock with the Service's own address and port.",
    ),
    "node_address": Check(
        "node_blocks", _addresses_of("node"),
        "communication with a node by its address", "communications with nodes by their addresses",
        "Set that, or allow the entities `host` and `remote-node` in a CiliumNetworkPolicy.",
    ),
    "api_server_address": Check(
        "node_blocks", _addresses_of("api_server"),
        "communication with the API server by its address", "communications with the API server by its address",
        "If the API server runs on a node, set that, or allow the entity `kube-apiserver` in a CiliumNetworkPolicy.",
    ),
    "link_local_address": Check(
        "local_blocks", _addresses_of("link_local"),
        "communication with a link-local address", "communications with link-local addresses",
        "If the node answers there, as NodeLocal DNSCache and the EKS Pod Identity Agent do, allow the entity `host` "
        "in a CiliumNetworkPolicy.",
    ),
    "host_network_source": Check(
        "host_network", _host_network_source,
        "communication from the host network by a node's address",
        "communications from the host network by nodes' addresses",
        "Allow the namespace that stands for the host network (`--host-network-namespace`) by its label.",
    ),
    "client_address": Check(
        "client_address", _client_address,
        "communication from outside that was seen on the way to a Service",
        "communications from outside that were seen on the way to Services",
        "Set `externalTrafficPolicy: Local`, or allow the address that the pod sees.",
    ),
    "end_port": Check(
        "end_port", _end_port, "port range", "port ranges",
        "Bring the CNI to that version first, or list the ports.",
    ),
    "sctp": Check(
        "sctp", _sctp, "SCTP port", "SCTP ports",
        "Try it on the cluster before you close the workload.",
    ),
    "named_port": Check(
        "named_ports", _named_port, "port by name", "ports by name",
        "Write numbers instead of names.",
    ),
    "named_port_of_block": Check(
        "nameless_blocks", _named_port_of_block, "port by name beside an ipBlock", "ports by name beside ipBlocks",
        "Write numbers instead of names.",
    ),
    "except_overlap": Check(
        "excepts", _except_overlap,
        "ipBlock with exceptions that overlaps another rule's", "ipBlocks with exceptions that overlap other rules'",
        "Write ipBlocks that do not overlap.",
    ),
    "ipv6_everything": Check(
        "whole_ipv6", _ipv6_everything, "ipBlock for all of IPv6", "ipBlocks for all of IPv6",
        "Name other ranges beside it if you use them, such as 64:ff9b::/96 for NAT64.",
    ),
    "mixed_families": Check(
        "families", _mixed_families, "mixture of families", "mixtures of families",
        "Traffic of the other family is not under policy there: close it by other means.",
    ),
    "too_many_ports": Check(
        "ports_per_peer", _too_many_ports, "peer with too many ports", "peers with too many ports",
        "Join ports to ranges with endPort.",
    ),
    "standalone_pod": Check(
        "standalone_pods", _standalone_pod, "pod without a controller", "pods without a controller",
        "Run it under a Deployment or another controller.",
    ),
}  # fmt: skip
"""In the order of KINDS."""
