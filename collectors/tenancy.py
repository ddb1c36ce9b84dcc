"""Turns an inventory into who owned which address when: disjoint segments of time for each address (Tenancy).

A node's address is the node's. Where tenures of two pods overlap, for whatever reason, the address is `ambiguous` for
that time, unless both are of one workload: a pod's start comes before it has an address, and the end of one that
terminates may come early, so cutting one claim where another begins would give somebody's last seconds to a stranger.
"""

import ipaddress
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple, NewType, cast

import numpy as np
import pandas as pd

from collectors.addresses import NOBODYS, address_class, canonical_ip
from collectors.errors import UnreadableInput
from collectors.inventory import Inventory, Node, WorkloadRef
from collectors.schema import Column, Schema

EARLIEST = pd.Timestamp.min.tz_localize("UTC")
LATEST = pd.Timestamp.max.tz_localize("UTC")
_EARLIEST, _LATEST = EARLIEST.value, LATEST.value

KINDS = ("ambiguous", "node", "pod")

TENANCY = Schema(
    "tenancy",
    (
        Column("ip", "category", "canonical address"),
        Column("start", "datetime64[ns, UTC]", "first instant of the segment; the earliest Timestamp where open"),
        Column("end", "datetime64[ns, UTC]", "first instant after the segment; the latest Timestamp where open"),
        Column("kind", "category", "who owned it: a pod, a node, or more than one claimant", vocabulary=KINDS),
        Column("pod", "int64", "position in inventory.pods; -1 for other kinds"),
        Column("namespace", "category", "namespace of the pod; empty for other kinds"),
        Column("pod_name", "category", "name of the pod"),
        Column("workload_kind", "category", "kind of the pod's root controller"),
        Column("workload_name", "category", "its name"),
        Column("node", "category", "the node, or the node that the pod was on"),
        Column("host_network", "bool", "a node's address that host network pods share"),
        Column("ip_reused", "bool", "another pod claimed the address too, at whatever time"),
    ),
)

Tenancy = NewType("Tenancy", pd.DataFrame)

Array = np.ndarray[Any, Any]

_NODE, _HOST_POD, _POD, _GATEWAY = range(4)


class _Claim(NamedTuple):
    """One claim; `owner` is a pod's position or, for the other tiers, a node's position among the node names."""

    start: int
    end: int
    tier: int
    owner: int


def tenancy(inventory: Inventory) -> Tenancy:
    """Return who owned each address when, sorted by ip and start; segments of one address never overlap.

    Host network pods own nothing: they tell a node's address where no Node object does. The first addresses of a
    node's pod CIDR are the node's unless a pod or node claims them. Link-local, loopback and group addresses have
    no owner, whatever an object says. Raises UnreadableInput for a pod CIDR that is none.
    """
    names = sorted({node.name for node in inventory.nodes} | {pod.node for pod in inventory.pods})
    claims = list(_claims(inventory, {name: at for at, name in enumerate(names)}))
    texts = sorted(ip for ip in {ip for ip, *_ in claims} if address_class(ip) not in NOBODYS)
    if not texts:
        return cast("Tenancy", TENANCY.empty())
    code = {ip: at for at, ip in enumerate(texts)}
    columns = ([code.get(ip, -1) for ip, *_ in claims], *([claim[at] for claim in claims] for at in range(1, 5)))
    table = np.array(columns, dtype=np.int64).T
    table = _effective(table[(table[:, 0] >= 0) & (table[:, 1] < table[:, 2])])
    segments = _segments(table, [pod.workload for pod in inventory.pods])
    return _frame(segments, table, texts, names, inventory)


def nanoseconds(time: pd.Timestamp | None, otherwise: int) -> int:
    """Return a time as nanoseconds since 1970; `otherwise` where there is none, the bound where it is beyond them."""
    if time is None:
        return otherwise
    try:
        return int(time.value)
    except OverflowError:
        return _LATEST if time.year > 1970 else _EARLIEST


def span(start: pd.Timestamp | None, end: pd.Timestamp | None) -> tuple[int, int]:
    """Return an interval whose bounds may be open as nanoseconds since 1970."""
    return nanoseconds(start, _EARLIEST), nanoseconds(end, _LATEST)


def gateways(node: Node) -> tuple[str, ...]:
    """Return the addresses of a node's pod CIDRs that no pod gets: the bridge's (cni0), and flannel's device.

    The bridge has the first address after the network's own, and flannel's device the network's own.
    """
    found = []
    for cidr in node.pod_cidrs:
        try:
            network = ipaddress.ip_network(cidr, strict=False)
        except ValueError as fault:
            raise UnreadableInput(
                f"inventory: node {node.name[:253]!r} has the pod CIDR {cidr[:80]!r}, which is no range of addresses; "
                "take the inventory again with `kubectl get nodes -o json`"
            ) from fault
        if network.num_addresses > 2:
            found += [str(network[0]), str(network[1])]
    return tuple(found)


def _claims(inventory: Inventory, nodes: dict[str, int]) -> Iterator[tuple[str, int, int, int, int]]:
    """Yield address, start, end, tier and owner of every claim."""
    for node in inventory.nodes:
        start, end = span(node.start, node.end)
        for tier, addresses in ((_NODE, node.addresses), (_GATEWAY, gateways(node))):
            for ip in addresses:
                yield _plain(ip), start, end, tier, nodes[node.name]
    for at, pod in enumerate(inventory.pods):
        tier, owner = (_HOST_POD, nodes[pod.node]) if pod.host_network else (_POD, at)
        for tenure in pod.held:
            yield _plain(tenure.ip), *span(tenure.start, tenure.end), tier, owner


def _plain(ip: str) -> str:
    return canonical_ip(ip) if ip[:7].lower() == "::ffff:" else ip


def _effective(table: Array) -> Array:
    """Return the claims sorted by address and start, without those that others make void at any time.

    A host network pod's word is not needed where a Node object speaks, nor a guess by CIDR where anything does.
    """
    table = table[np.lexsort((table[:, 4], table[:, 3], table[:, 2], table[:, 1], table[:, 0]))]
    size = int(table[:, 0].max(initial=-1)) + 1
    said = [np.bincount(table[table[:, 3] == tier, 0], minlength=size) > 0 for tier in range(4)]
    ip, tier = table[:, 0], table[:, 3]
    void = ((tier == _HOST_POD) & said[_NODE][ip]) | (
        (tier == _GATEWAY) & (said[_NODE] | said[_HOST_POD] | said[_POD])[ip]
    )
    return np.compress(~void, table, axis=0)


def _segments(table: Array, workloads: Sequence[WorkloadRef]) -> Array:
    """Return rows of ip, start, end, kind, owner; only addresses whose claims overlap are looked at one by one."""
    ip, start, end, tier, owner = table.T
    overlap = (ip[1:] == ip[:-1]) & (end[:-1] > start[1:])
    doubtful = np.isin(ip, ip[1:][overlap])
    kind = np.where(tier == _POD, KINDS.index("pod"), KINDS.index("node"))
    plain = np.column_stack((ip, start, end, kind, owner))[~doubtful]
    rows: list[tuple[int, ...]] = []
    rest = np.column_stack((ip, start, end, tier, owner))[doubtful]
    for group in np.split(rest, np.flatnonzero(np.diff(rest[:, 0])) + 1) if len(rest) else ():
        settled = _settle([_Claim(*claim) for claim in group[:, 1:].tolist()], workloads)
        rows += [(int(group[0, 0]), *segment) for segment in settled]
    found = np.concatenate((plain, np.array(rows, dtype=np.int64).reshape(-1, 5)))
    return np.take(found, np.lexsort((found[:, 1], found[:, 0])), axis=0)


def _settle(claims: Sequence[_Claim], workloads: Sequence[WorkloadRef]) -> Iterator[tuple[int, int, int, int]]:
    """Yield the disjoint segments (start, end, kind, owner) of one address, whose claims are sorted by start."""
    waiting = list(reversed(claims))
    bounds = sorted({bound for claim in claims for bound in (claim.start, claim.end)})
    active: list[_Claim] = []
    last: tuple[int, int, int, int] | None = None
    for start, end in pairwise(bounds):
        active = [claim for claim in active if claim.end > start]
        while waiting and waiting[-1].start <= start:
            active.append(waiting.pop())
        if not active:
            continue
        segment = (start, end, *_verdict(active, workloads))
        if last is not None and last[1] == start and last[2:] == segment[2:]:
            last = (last[0], *segment[1:])
            continue
        if last is not None:
            yield last
        last = segment
    if last is not None:
        yield last


def _verdict(active: Sequence[_Claim], workloads: Sequence[WorkloadRef]) -> tuple[int, int]:
    nodes = {claim.owner for claim in active if claim.tier != _POD}
    if len(nodes) == 1:
        return KINDS.index("node"), nodes.pop()
    if nodes or len({workloads[claim.owner] for claim in active}) > 1:
        return KINDS.index("ambiguous"), -1
    return KINDS.index("pod"), min(claim.owner for claim in active)


def _frame(
    segments: Array,
    table: Array,
    texts: Sequence[str],
    names: Sequence[str],
    inventory: Inventory,
) -> Tenancy:
    ip, start, end, kind, owner = segments.T
    is_pod, is_node = kind == KINDS.index("pod"), kind == KINDS.index("node")
    pod = np.where(is_pod, owner, -1)
    claimed = np.unique(table[table[:, 3] == _POD][:, [0, 4]], axis=0)[:, 0]
    claimants = np.bincount(claimed, minlength=len(texts))
    pods = inventory.pods
    node_of = np.array([*_codes([pod.node for pod in pods], names), -1])
    node = np.where(is_node, owner, node_of[pod])
    frame = pd.DataFrame(
        {
            "ip": categorical(texts, ip),
            "start": pd.to_datetime(start, utc=True, unit="ns"),
            "end": pd.to_datetime(end, utc=True, unit="ns"),
            "kind": categorical(KINDS, kind),
            "pod": pod,
            "namespace": _named([p.namespace for p in pods], pod),
            "pod_name": _named([p.name for p in pods], pod),
            "workload_kind": _named([p.workload.kind for p in pods], pod),
            "workload_name": _named([p.workload.name for p in pods], pod),
            "node": _named(names, node),
            "host_network": is_node,
            "ip_reused": claimants[ip] > is_pod,
        }
    )
    return cast("Tenancy", frame)


def _codes(texts: Iterable[str], names: Sequence[str]) -> list[int]:
    code = {name: at for at, name in enumerate(names)}
    return [code[text] for text in texts]


def _named(texts: Sequence[str], at: Array) -> "pd.Categorical[Any]":
    """Return the text at each position, "" at -1, as categories."""
    return categorical([*texts, ""], at)


def categorical(texts: Sequence[str], at: Array) -> "pd.Categorical[Any]":
    """Return the text at each position (-1: the last) as categories, which are sorted."""
    categories = sorted(set(texts))
    codes = np.array(_codes(texts, categories), dtype=np.int32)[at]
    return pd.Categorical.from_codes(codes, dtype=pd.CategoricalDtype(pd.Index(categories, dtype="object")))
