"""Turns nothing: NetworkPolicy v1 and its parts as frozen values, in the words of the API.

Source: https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/network-policy-v1/
"""

from dataclasses import dataclass
from typing import Literal

MANAGED_BY = ("app.kubernetes.io/managed-by", "podfence")
"""The label of every policy that podfence writes."""

PolicyType = Literal["Ingress", "Egress"]
INGRESS: PolicyType = "Ingress"
EGRESS: PolicyType = "Egress"

Labels = tuple[tuple[str, str], ...]
"""Sorted (key, value) pairs."""


@dataclass(frozen=True, order=True)
class Requirement:
    """One matchExpressions entry; operator is In, NotIn, Exists or DoesNotExist; values are sorted."""

    key: str
    operator: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, order=True)
class LabelSelector:
    """matchLabels and matchExpressions, both of which must hold; with neither it takes everything."""

    match_labels: Labels = ()
    match_expressions: tuple[Requirement, ...] = ()


@dataclass(frozen=True, order=True)
class IPBlock:
    """A CIDR less its `except` CIDRs, as canonical text."""

    cidr: str
    excepts: tuple[str, ...] = ()

    @staticmethod
    def of(address: str) -> "IPBlock":
        """Return the block of one address."""
        return IPBlock(f"{address}/{128 if ':' in address else 32}")

    def __str__(self) -> str:
        return f"{self.cidr} except {', '.join(self.excepts)}" if self.excepts else self.cidr

    @property
    def single(self) -> bool:
        """Whether it is one address."""
        return self.cidr.endswith("/128" if ":" in self.cidr else "/32")


@dataclass(frozen=True)
class Peer:
    """One entry of `from` or `to`: an ip_block alone, or a pod and/or namespace selector (None = field absent)."""

    pod_selector: LabelSelector | None = None
    namespace_selector: LabelSelector | None = None
    ip_block: IPBlock | None = None


@dataclass(frozen=True)
class Port:
    """One entry of `ports`: protocol, and a number, a container port's name, a range up to end_port, or None = any."""

    protocol: str = "TCP"
    port: int | str | None = None
    end_port: int | None = None


@dataclass(frozen=True)
class Rule:
    """One ingress or egress rule; no peers means any peer, no ports means any port, exactly as in the API."""

    peers: tuple[Peer, ...] = ()
    ports: tuple[Port, ...] = ()


@dataclass(frozen=True)
class NetworkPolicy:
    """One NetworkPolicy; policy_types is always explicit here (defaults are filled in when YAML is read)."""

    namespace: str
    name: str
    pod_selector: LabelSelector
    policy_types: tuple[PolicyType, ...]
    ingress: tuple[Rule, ...] = ()
    egress: tuple[Rule, ...] = ()
    labels: Labels = ()
    annotations: Labels = ()

    @property
    def key(self) -> tuple[str, str]:
        """Namespace and name: no two policies of a cluster share them."""
        return self.namespace, self.name
