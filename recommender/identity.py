"""Turns addresses, each at its own time, into what they were: class, reason, owner and pod, as numbers in arrays."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from collectors.addresses import NOBODYS, address_class, canonical_ip
from collectors.tenancy import KINDS
from recommender.endpoints import Endpoints, Window
from recommender.spans import Array

CLASSES = (
    "pod", "node", "api_server", "service", "external", "unresolved", "ambiguous",
    "link_local", "multicast", "broadcast", "loopback",
)  # fmt: skip
CLASS = {name: code for code, name in enumerate(CLASSES)}

REASONS = (
    "owner", "behind_service", "claimed",  # pod
    "node_address", "host_network_port", "pod_range_gateway", "node_snat",  # node
    "api_server_slice",  # api_server
    "service_address", "no_backend", "no_service_port",  # service
    "two_claimants", "owner_changed",  # ambiguous
    "owned_at_another_time", "in_pod_range", "in_service_range", "never_seen", "no_address",  # unresolved
    "public",  # external
    "link_local", "multicast", "broadcast", "loopback",  # each its own class
)  # fmt: skip
REASON = {name: code for code, name in enumerate(REASONS)}

Owner = tuple[str, str, str]
"""Namespace, kind and name; namespace and kind are empty where the owner is no workload."""


@dataclass(frozen=True)
class Book:
    """The addresses and owners that one resolution speaks of, numbered as they come; number 0 of each is none, ""."""

    addresses: dict[str, int] = field(default_factory=lambda: {"": 0})
    owners: dict[Owner, int] = field(default_factory=lambda: {("", "", ""): 0})

    def address(self, text: str) -> int:
        """Return the number of an address."""
        return self.addresses.setdefault(text, len(self.addresses))

    def owner(self, name: str, namespace: str = "", kind: str = "") -> int:
        """Return the number of an owner."""
        return self.owners.setdefault((namespace, kind, name), len(self.owners))

    def column(self, texts: "pd.Categorical[Any]") -> Array:
        """Return the numbers of a column of addresses, which are made canonical; what is missing is 0."""
        numbers = [self.address(_canonical(str(text))) for text in texts.categories]
        return np.take(np.array([*numbers, 0], dtype=np.int64), texts.codes)

    @property
    def texts(self) -> Sequence[str]:
        """The address of each number."""
        return list(self.addresses)


@dataclass(frozen=True)
class Finding:
    """What was found for each row: codes of CLASSES and REASONS, number of the owner, position of the pod or -1."""

    kind: Array
    reason: Array
    owner: Array
    pod: Array
    reused: Array

    def but(self, rows: Array, kind: str, reason: str, owner: "Array | int" = 0, pod: "Array | int" = -1) -> "Finding":
        """Return the finding with some rows (a mask or positions) set to something else."""
        values = {"kind": CLASS[kind], "reason": REASON[reason], "owner": owner, "pod": pod}
        columns = {name: getattr(self, name).copy() for name in values}
        for name, value in values.items():
            columns[name][rows] = value
        return replace(self, **columns)

    def take(self, rows: Array) -> "Finding":
        """Return the finding of these rows."""
        return Finding(self.kind[rows], self.reason[rows], self.owner[rows], self.pod[rows], self.reused[rows])

    @property
    def nobody(self) -> Array:
        """Where no owner is known, so that other evidence may speak."""
        return np.isin(self.kind, (CLASS["unresolved"], CLASS["external"]))


@dataclass(frozen=True, eq=False)
class Identity:
    """Answers who an address was, from the tenancy of one inventory."""

    endpoints: Endpoints
    book: Book

    def find(self, address: Array, first: Array, last: Array) -> Finding:
        """Return who each address (numbers of the book) was in [first, last], in nanoseconds."""
        spans = self.endpoints.spans
        low, high = spans.touched(self._tenant[address], first, last)
        nobody = low == high
        at = np.where(nobody, len(spans.keys), low)
        segment = self._segments
        finding = Finding(segment.kind[at], segment.reason[at], segment.owner[at], segment.pod[at], segment.reused[at])
        several = np.flatnonzero(high - low > 1)
        finding = self._together(finding, several, low[several], high[several])
        return self._unowned(finding, address, np.flatnonzero(nobody))

    def owner_of_pod(self, positions: Array) -> Array:
        """Return the owner number of each pod's workload."""
        return np.take(self._owner_of_workload, self.endpoints.workload_of[positions])

    def node_of_pod(self, positions: Array) -> Array:
        """Return the owner number of each pod's node; -1 where that is not known or there is no pod."""
        return np.take(self._node_of_pod, positions)

    @cached_property
    def _tenant(self) -> Array:
        """The tenancy's code of each address of the book, -1 without one; complete once all addresses are in."""
        known = {text: code for code, text in enumerate(self.endpoints.tenancy["ip"].cat.categories)}
        return np.array([known.get(text, -1) for text in self.book.addresses], dtype=np.int64)

    @cached_property
    def _owner_of_workload(self) -> Array:
        refs = self.endpoints.workloads
        return np.array([*(self.book.owner(ref.name, ref.namespace, ref.kind) for ref in refs), 0], dtype=np.int64)

    @cached_property
    def _node_of_pod(self) -> Array:
        pods = self.endpoints.inventory.pods
        return np.array([*(self.book.owner(pod.node) if pod.node else -1 for pod in pods), -1], dtype=np.int64)

    @cached_property
    def _segments(self) -> Finding:
        """What each segment of the tenancy says, and behind the last one nobody."""
        frame = self.endpoints.tenancy
        code = frame["kind"].cat.codes.to_numpy()
        nodes = frame["node"].cat
        node = np.array([self.book.owner(str(name)) for name in nodes.categories], dtype=np.int64)
        gateways = frame["ip"].cat.categories.isin(list(self.endpoints.gateways))[frame["ip"].cat.codes.to_numpy()]
        pod = frame["pod"].to_numpy()
        is_pod, is_node = code == KINDS.index("pod"), code == KINDS.index("node")
        of_node = node[nodes.codes.to_numpy()] if len(node) else 0
        kind = np.select([is_pod, is_node], [CLASS["pod"], CLASS["node"]], CLASS["ambiguous"])
        by_node = np.where(gateways, REASON["pod_range_gateway"], REASON["node_address"])
        reason = np.where(is_pod, REASON["owner"], np.where(is_node, by_node, REASON["two_claimants"]))
        owner = np.where(is_pod, self.owner_of_pod(pod), np.where(is_node, of_node, 0))
        last = (CLASS["unresolved"], REASON["never_seen"], 0, -1, False)
        columns = (kind, reason, owner, pod, frame["ip_reused"].to_numpy())
        return Finding(*(np.append(column, value) for column, value in zip(columns, last, strict=True)))

    def _together(self, finding: Finding, rows: Array, low: Array, high: Array) -> Finding:
        """Settle the rows that touch several segments: of one owner they are its first, else nobody can tell."""
        if not len(rows):
            return finding
        segment = self._segments
        changed = (segment.owner[1:] != segment.owner[:-1]) | (segment.kind[1:] != segment.kind[:-1])
        run = np.append(0, np.cumsum(changed))
        doubtful = np.append(0, np.cumsum(segment.kind == CLASS["ambiguous"]))
        unsure = doubtful[high] > doubtful[low]
        finding = finding.but(rows[unsure], "ambiguous", "two_claimants")
        return finding.but(rows[~unsure & (run[low] != run[high - 1])], "ambiguous", "owner_changed")

    def _unowned(self, finding: Finding, address: Array, rows: Array) -> Finding:
        """Say what the rows are whose address nobody owned then: each distinct address is looked at once."""
        kind, reason = finding.kind.copy(), finding.reason.copy()
        numbers = pd.unique(address[rows])
        table = np.zeros((2, len(self.book.addresses)), dtype=np.int64)
        texts = self.book.texts
        for number in numbers.tolist():
            name, why = self._network(texts[number])
            table[:, number] = CLASS[name], REASON[why]
        kind[rows], reason[rows] = table[:, address[rows]]
        return replace(finding, kind=kind, reason=reason)

    def _network(self, text: str) -> tuple[str, str]:
        """Return class and reason of an address that nobody owned at the time."""
        try:
            kind = address_class(text)
        except ValueError:
            return "unresolved", "no_address"
        if kind in NOBODYS:
            return kind, kind
        if text in self._ever or text in self.endpoints.service_addresses:
            return "unresolved", "owned_at_another_time"
        if text in self.endpoints.pod_ranges:
            return "unresolved", "in_pod_range"
        if text in self.endpoints.service_ranges:
            return "unresolved", "in_service_range"
        return ("unresolved", "never_seen") if kind == "private" else ("external", "public")

    @cached_property
    def _ever(self) -> frozenset[str]:
        return frozenset(self.endpoints.tenancy["ip"].cat.categories)


def touching(first: Array, last: Array, window: Window) -> Array:
    """Return where [first, last] touches a half-open window."""
    return (first < window[1]) & (last >= window[0])


def _canonical(text: str) -> str:
    if ":" not in text:
        return text
    try:
        return canonical_ip(text)
    except ValueError:
        return text
