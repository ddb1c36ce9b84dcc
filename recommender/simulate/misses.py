"""Turns one rule and the two ends of a connection into whether the rule lets it through, and why not."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from collectors.inventory import ContainerPort
from recommender.policy import IPBlock, LabelSelector, NetworkPolicy, Peer, PolicyType, Port, Requirement, Rule
from recommender.simulate.blocks import Address, holds, parse_address
from recommender.simulate.labels import selects
from recommender.simulate.parties import Party, Wire
from recommender.simulate.ports import lets
from recommender.simulate.rulebook import rule_name, rules_of
from recommender.text import cut

EVERYTHING = "<none>"
"""An empty selector in kubectl's words."""
_MOST_PEERS = 4
_MOST_TEXT = 160
_WRONG_KIND = 3
"""How far away a selector is that would take pods only: farther than one with a wrong label."""


@dataclass(frozen=True)
class RuleFinding:
    """Whether a rule lets a connection through (None: that cannot be known), and what of it does not fit.

    `distance` counts what does not fit at its nearest peer and port; 0 where it lets the connection through.
    """

    name: str
    lets: bool | None
    reasons: tuple[str, ...] = ()
    distance: int = 0


@dataclass(frozen=True)
class _Part:
    """Whether one peer or port of a rule fits, and in words and number what does not."""

    fits: bool | None
    words: tuple[str, ...] = ()
    distance: int = 0


def _unfit(words: Iterable[str], distance: int = 0) -> _Part:
    listed = tuple(words)
    return _Part(False, listed, distance or len(listed))


def selector_text(selector: LabelSelector) -> str:
    """Write a selector as kubectl describes it; an empty one is `<none>`."""
    terms = [(key, f"{key}={value}") for key, value in selector.match_labels]
    terms += [(wanted.key, _term(wanted)) for wanted in selector.match_expressions]
    return ",".join(text for _, text in sorted(terms)) or EVERYTHING


def _term(wanted: Requirement) -> str:
    if wanted.operator in {"In", "NotIn"}:
        return f"{wanted.key} {wanted.operator.lower()} ({','.join(wanted.values)})"
    return wanted.key if wanted.operator == "Exists" else f"!{wanted.key}"


def rule_findings(
    policy: NetworkPolicy, direction: PolicyType, other: Party, target: Party, wire: Wire
) -> list[RuleFinding]:
    """Say of each rule of a policy in one direction whether it lets the connection through, in their order."""
    side = "from" if direction == "Ingress" else "to"
    return [
        _rule(rule_name(policy, direction, index), side, rule, policy.namespace, other, target, wire)
        for index, rule in enumerate(rules_of(policy, direction))
    ]


def _rule(name: str, side: str, rule: Rule, namespace: str, other: Party, target: Party, wire: Wire) -> RuleFinding:
    families = wire.families
    peers = [_peer(f"{side}[{i}]", peer, namespace, other, families) for i, peer in enumerate(rule.peers)]
    ports = [_port(port, target, wire) for port in rule.ports]
    taken, through = _any(peers), _any(ports)
    if taken and through:
        return RuleFinding(name, True)
    unfit = [part for parts, fits in ((peers, taken), (ports, through)) if not fits for part in _nearest(parts)]
    distance = sum(min(part.distance for part in parts) for parts in (peers, ports) if parts)
    decided = None if taken is not False and through is not False else False
    return RuleFinding(name, decided, tuple(text for part in unfit for text in part.words), distance)


def _any(parts: list[_Part]) -> bool | None:
    """Say whether one of the parts fits; a rule without any takes everything."""
    found = {part.fits for part in parts}
    return True if not parts or True in found else None if None in found else False


def _nearest(parts: list[_Part]) -> list[_Part]:
    ranked = sorted(parts, key=lambda part: (part.fits is False, part.distance))
    left = len(ranked) - _MOST_PEERS
    return [*ranked[:_MOST_PEERS], *([_unfit([f"and {left} more that do not fit"])] if left > 0 else [])]


def _peer(where: str, peer: Peer, namespace: str, other: Party, families: frozenset[int]) -> _Part:
    if peer.ip_block is not None:
        return _block(f"{where} ipBlock {_block_text(peer.ip_block)}", peer.ip_block, other, families)
    shown = f"{where} {_peer_text(peer)}"
    if other.nature in {"unsure", "service"}:
        return _Part(None, (f"{shown}: {other.name} may be a pod that is not in the inventory",))
    if other.nature != "pod":
        what = "uses the network of its node" if other.nature == "host" else "is no pod"
        return _unfit([f"{shown}: takes pods, and {other.name} {what}"], _WRONG_KIND)
    wrong: list[str] = []
    if peer.namespace_selector is None:
        if other.namespace != namespace:
            wrong.append(f"takes pods of its own namespace {namespace} only, and {other.name} is in {other.namespace}")
    else:
        wrong += [f"namespace {other.namespace} {text}" for text in _unmet(peer.namespace_selector, other.space)]
    selector = peer.pod_selector or LabelSelector()
    if other.labels is None and not wrong and selects(selector, None) is None:
        return _Part(None, (f"{shown}: the labels of {other.name} are not known",))
    if other.labels is not None:
        wrong += [f"{other.name} {text}" for text in _unmet(selector, other.labels)]
    return _unfit([f"{shown}: {' and '.join(wrong)}"], len(wrong)) if wrong else _Part(True)


def _peer_text(peer: Peer) -> str:
    parts = {"namespaceSelector": peer.namespace_selector, "podSelector": peer.pod_selector}
    return " ".join(
        f"{name} {cut(selector_text(part), _MOST_TEXT)}" for name, part in parts.items() if part is not None
    )


def _unmet(selector: LabelSelector, labels: Mapping[str, str]) -> Iterator[str]:
    for key, value in selector.match_labels:
        if labels.get(key) != value:
            yield _instead(key, labels, value)
    for wanted in selector.match_expressions:
        if selects(LabelSelector(match_expressions=(wanted,)), labels):
            continue
        if wanted.operator in {"In", "Exists"}:
            yield _instead(wanted.key, labels, cut(" or ".join(wanted.values), _MOST_TEXT))
        elif wanted.operator == "NotIn":
            yield f"has the label {wanted.key}={labels[wanted.key]}, which is excluded"
        else:
            yield f"has the label {wanted.key}, which it must not have"


def _instead(key: str, labels: Mapping[str, str], value: str) -> str:
    return f"has the label {key}={labels[key]}, not {value}" if key in labels else f"has no label {key}"


def _block(shown: str, block: IPBlock, other: Party, families: frozenset[int]) -> _Part:
    known = [ip for ip in map(parse_address, other.addresses) if ip is not None]
    addresses = [ip for ip in known if not families or ip.version in families]
    if not addresses:
        return _Part(None, (f"{shown}: the addresses of {other.name} are not known",))
    # two ends without a common family: any address will do
    groups = [[ip for ip in addresses if ip.version == family] for family in sorted(families)] or [addresses]
    held = [any(holds(block, ip) for ip in group) for group in groups]
    if all(held):
        return _Part(True)
    first = next(ip for ip in addresses if not holds(block, ip))
    words = (f"{shown}: {_outside(block, first)}",)
    # over one family it fits and over the other it does not: which one a connection takes is not known
    return _Part(None, words) if any(held) else _unfit(words)


def _outside(block: IPBlock, address: Address) -> str:
    if not holds(IPBlock(block.cidr), address):
        return f"{address} is not in {block.cidr}"
    part = next(part for part in block.excepts if holds(IPBlock(part), address))
    return f"{address} is in its except {part}"


def _block_text(block: IPBlock) -> str:
    return cut(f"{block.cidr} except {','.join(block.excepts)}" if block.excepts else block.cidr, _MOST_TEXT)


def _port(port: Port, target: Party, wire: Wire) -> _Part:
    number = None if target.nature == "service" else wire.port
    fits = lets(port, wire.protocol, number, target.ports)
    if fits and target.nature == "host" and isinstance(port.port, str):
        fits = None
    if fits:
        return _Part(True)
    shown = f"ports {port.protocol}/{_port_text(port)}"
    wrong = [f"the protocol is {wire.protocol}"] if port.protocol != wire.protocol else []
    if fits is None:
        return _Part(None, (f"{shown}: the container ports of {target.name} are not known for certain",))
    if port.port is not None and not lets(port, port.protocol, number, target.ports):
        wrong.append(_other_port(port, target, wire))
    return _unfit([f"{shown}: {' and '.join(wrong)}"], len(wrong))


def _other_port(port: Port, target: Party, wire: Wire) -> str:
    if not isinstance(port.port, str):
        return f"the port is {wire.port}"
    numbers = _numbers(port, target.ports or ())
    if not numbers:
        return f"{target.name} declares no {port.protocol} port of that name"
    return f"{target.name} has that name at {numbers}, and the port is {wire.port}"


def _numbers(port: Port, declared: Iterable[ContainerPort]) -> str:
    found = {one.number for one in declared if one.name == port.port and one.protocol == port.protocol}
    return ", ".join(map(str, sorted(found)))


def _port_text(port: Port) -> str:
    if port.port is None:
        return "any"
    return f"{port.port}-{port.end_port}" if port.end_port else str(port.port)
