"""A second, slow reading of NetworkPolicy: one rule, one connection -> whether the rule lets it pass.

The enforcer turns policies into sets; this asks rule by rule. Where they differ, one of them is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any

Object = dict[str, Any]
Rule = tuple[int, str, int]  # policy, direction, entry


@dataclass(frozen=True, eq=False)
class End:
    """One end of a connection; hosts outside have no namespace."""

    address: str
    namespace: str = ""
    labels: Mapping[str, str] | None = None
    ports: Mapping[tuple[str, str], int] | None = None


@dataclass(frozen=True, eq=False)
class Connection:
    """Who calls whom, after DNAT."""

    src: End
    dst: End
    protocol: str
    port: int


def _fits(selector: Object | None, labels: Mapping[str, str]) -> bool:
    wanted = dict((selector or {}).get("matchLabels") or {})
    terms = [(key, "In", [value]) for key, value in wanted.items()]
    terms += [(e["key"], e["operator"], e.get("values")) for e in (selector or {}).get("matchExpressions") or []]
    for key, operator, values in terms:
        present = key in labels
        if operator in {"Exists", "DoesNotExist"}:
            good = present == (operator == "Exists")
        else:
            good = (present and labels[key] in values) == (operator == "In")
        if not good:
            return False
    return True


def _is_peer(peer: Object, other: End, home: str, namespaces: Mapping[str, Mapping[str, str]]) -> bool:
    if block := peer.get("ipBlock"):
        address, network = ip_address(other.address), ip_network(block["cidr"])
        return address in network and not any(address in ip_network(hole) for hole in block.get("except") or [])
    if not other.namespace:
        return False
    if "namespaceSelector" in peer:
        if not _fits(peer["namespaceSelector"], namespaces[other.namespace]):
            return False
    elif other.namespace != home:
        return False
    return _fits(peer.get("podSelector"), other.labels or {})


def _is_port(port: Object, connection: Connection) -> bool:
    if port.get("protocol", "TCP") != connection.protocol:
        return False
    wanted = port.get("port")
    if isinstance(wanted, str):
        return (connection.dst.ports or {}).get((wanted, connection.protocol)) == connection.port
    return wanted is None or wanted <= connection.port <= port.get("endPort", wanted)


def subject_of(policy: Object, direction: str, connection: Connection) -> bool:
    """Whether the policy isolates the end that this direction is about."""
    end = connection.dst if direction == "ingress" else connection.src
    types = [kind.lower() for kind in policy["spec"].get("policyTypes", ["Ingress"])]
    return (
        direction in types
        and end.namespace == policy["metadata"]["namespace"]
        and _fits(policy["spec"].get("podSelector"), end.labels or {})
    )


def carriers(
    policies: Sequence[Object], connection: Connection, direction: str, namespaces: Mapping[str, Mapping[str, str]]
) -> list[Rule]:
    """Every rule of a direction that lets the connection pass."""
    other = connection.src if direction == "ingress" else connection.dst
    found = []
    for number, policy in enumerate(policies):
        if not subject_of(policy, direction, connection):
            continue
        for index, entry in enumerate(policy["spec"].get(direction) or []):
            peers, ports = entry.get("from" if direction == "ingress" else "to"), entry.get("ports")
            if peers and not any(_is_peer(p, other, policy["metadata"]["namespace"], namespaces) for p in peers):
                continue
            if not ports or any(_is_port(port, connection) for port in ports):
                found.append((number, direction, index))
    return found
