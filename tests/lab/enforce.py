"""NetworkPolicy objects and a cluster's pods -> nft text that enforces them in the node.

Shares nothing with the product: it reads the YAML itself and knows nothing but the NetworkPolicy v1 reference.
Traffic from the node itself leaves by the output hook, where no rule is: a pod's own node may always reach it.
Traffic to the node passes the input hook and is judged there as egress, as Calico does; so an exported rule for a
hostNetwork peer can be tested.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

Object = dict[str, Any]
TABLE = "lab_policies"
_WORDS = ("ip", "ip6")
# Without these a bridge full of IPv6 pods cannot find each other; no NetworkPolicy is meant to stop them.
_NEIGHBOURS = (
    "nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert, mld-listener-query, "
    "mld-listener-report, mld2-listener-report"
)


@dataclass(frozen=True, eq=False)
class PodView:
    """What a policy can know of a pod: addresses are IPv4 and IPv6, ports are (name, protocol) -> number."""

    name: str
    namespace: str
    labels: Mapping[str, str]
    addresses: tuple[str, str]
    ports: Mapping[tuple[str, str], int]


@dataclass(frozen=True)
class ClusterView:
    """Pods that have a network of their own, and the labels of every namespace."""

    pods: Sequence[PodView]
    namespaces: Mapping[str, Mapping[str, str]]


def load(folder: Path) -> list[Object]:
    """Every NetworkPolicy in a file or a folder of YAML."""
    files = sorted(folder.rglob("*.yaml")) if folder.is_dir() else [folder]
    documents = [made for file in files for made in yaml.safe_load_all(file.read_text())]
    return [made for made in documents if made and made.get("kind") == "NetworkPolicy"]


def selects(selector: Object, labels: Mapping[str, str]) -> bool:
    """Return a label selector's answer; an empty one takes everything."""
    for key, value in (selector.get("matchLabels") or {}).items():
        if labels.get(key) != value:
            return False
    for term in selector.get("matchExpressions") or []:
        has, values = labels.get(term["key"]), term.get("values") or []
        fits = {
            "In": has in values,
            "NotIn": has not in values,
            "Exists": has is not None,
            "DoesNotExist": has is None,
        }[term["operator"]]
        if not fits:
            return False
    return True


def directions(policy: Object) -> list[str]:
    """`ingress`, `egress` or both, with the API server's default."""
    spec = policy["spec"]
    types = spec.get("policyTypes") or ["Ingress", *(["Egress"] if spec.get("egress") else [])]
    return [kind.lower() for kind in types]


def _peers(peer: Object, namespace: str, cluster: ClusterView) -> list[PodView]:
    """Return the pods that a podSelector and namespaceSelector take."""
    spaces = {namespace}
    if "namespaceSelector" in peer:
        wanted = peer["namespaceSelector"] or {}
        spaces = {name for name, labels in cluster.namespaces.items() if selects(wanted, labels)}
    return [
        pod for pod in cluster.pods if pod.namespace in spaces and selects(peer.get("podSelector") or {}, pod.labels)
    ]


def _set(values: Iterable[str]) -> str:
    return "{ " + ", ".join(sorted(set(values))) + " }"


def _addresses(pods: Sequence[PodView], side: str) -> list[str]:
    """Return matches for all these pods, one per family."""
    return [f"{_WORDS[six]} {side} {_set(pod.addresses[six] for pod in pods)}" for six in (0, 1)] if pods else []


def _block(block: Object, side: str) -> str:
    word = _WORDS[":" in block["cidr"]]
    without = block.get("except") or []
    return f"{word} {side} {block['cidr']}" + (f" {word} {side} != {_set(without)}" if without else "")


def _number(protocol: str, port: int | str, end: int | None) -> str:
    return f"{protocol.lower()} dport {port}" + (f"-{end}" if end else "")


def _matches(entry: Object, direction: str, policy: Object, subject: PodView, cluster: ClusterView) -> Iterator[str]:
    """Write one entry of an ingress or egress list as nft matches, any of which lets a packet pass."""
    side = "saddr" if direction == "ingress" else "daddr"
    peers = entry.get("from" if direction == "ingress" else "to") or []
    blocks = [_block(peer["ipBlock"], side) for peer in peers if "ipBlock" in peer]
    pods = [
        pod for peer in peers if "ipBlock" not in peer for pod in _peers(peer, policy["metadata"]["namespace"], cluster)
    ]
    whom = [*blocks, *_addresses(pods, side)] if peers else [""]
    for port in entry.get("ports") or [None]:
        if port is None:
            yield from whom
            continue
        protocol, number = port.get("protocol", "TCP"), port.get("port")
        if number is None:
            yield from (f"{who} meta l4proto {protocol.lower()}" for who in whom)
        elif isinstance(number, int):
            yield from (f"{who} {_number(protocol, number, port.get('endPort'))}" for who in whom)
        elif direction == "ingress":
            if own := subject.ports.get((number, protocol)):
                yield from (f"{who} {_number(protocol, own, None)}" for who in whom)
        else:
            yield from _named_egress(pods if peers else cluster.pods, number, protocol)


def _named_egress(pods: Sequence[PodView], name: str, protocol: str) -> Iterator[str]:
    """Read a port name on the way out: what each destination pod calls so. An address block has no names."""
    numbers = {pod.ports[name, protocol] for pod in pods if (name, protocol) in pod.ports}
    for number in sorted(numbers):
        named = [pod for pod in pods if pod.ports.get((name, protocol)) == number]
        yield from (f"{who} {_number(protocol, number, None)}" for who in _addresses(named, "daddr"))


def _chains(direction: str, policies: Sequence[Object], cluster: ClusterView) -> Iterator[tuple[PodView, str, str]]:
    """(pod, chain name, chain text) for each pod that something isolates in this direction."""
    for index, pod in enumerate(cluster.pods):
        own = [
            policy
            for policy in policies
            if policy["metadata"]["namespace"] == pod.namespace
            and direction in directions(policy)
            and selects(policy["spec"].get("podSelector") or {}, pod.labels)
        ]
        if not own:
            continue
        rules = [
            f'{match} counter return comment "{policy["metadata"]["name"][:80]} {direction} {number}"'.strip()
            for policy in own
            for number, entry in enumerate(policy["spec"].get(direction) or [])
            for match in _matches(entry or {}, direction, policy, pod, cluster)
        ]
        name = f"{direction}_{index}"
        body = "\n    ".join([f"# {pod.namespace}/{pod.name}", *rules, "counter drop"])
        yield pod, name, f"  chain {name} {{\n    {body}\n  }}"


def _jumps(made: Sequence[tuple[PodView, str, str]], side: str) -> list[str]:
    """Verdict maps by pod address."""
    if not made:
        return []
    tables = [", ".join(f"{pod.addresses[six]} : jump {name}" for pod, name, _ in made) for six in (0, 1)]
    return [f"{word} {side} vmap {{ {table} }}" for word, table in zip(_WORDS, tables, strict=True)]


def compile_nft(policies: Sequence[Object], cluster: ClusterView) -> str:
    """Write the whole ruleset; loading it replaces the one before in one transaction."""
    out = list(_chains("egress", policies, cluster))
    into = list(_chains("ingress", policies, cluster))
    first = ["ct state established,related accept", f"icmpv6 type {{ {_NEIGHBOURS} }} accept"]
    leave = _jumps(out, "saddr")
    forward = "\n    ".join([*first, *leave, *_jumps(into, "daddr")])
    to_node = "\n    ".join([*first, *leave])
    return "\n".join(
        [
            f"table inet {TABLE}",
            f"delete table inet {TABLE}",
            f"table inet {TABLE} {{",
            *(text for _, _, text in (*out, *into)),
            f"  chain forward {{\n    type filter hook forward priority 0; policy accept;\n    {forward}\n  }}",
            f"  chain to_node {{\n    type filter hook input priority 0; policy accept;\n    {to_node}\n  }}",
            "}",
            "",
        ]
    )
