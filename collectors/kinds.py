"""Turns nothing by itself: the kinds of API objects that are read, and where the API server keeps them."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Kind:
    """One kind of API object; `group` is "" for the core API, `resource` the plural in its path."""

    kind: str
    group: str
    version: str
    resource: str
    namespaced: bool = True

    @property
    def path(self) -> str:
        """Return the path that lists and watches the objects of the whole cluster."""
        return f"{self.root}/{self.resource}"

    @property
    def root(self) -> str:
        """Return the path of the group and version, where discovery tells its resources."""
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"

    @property
    def api_version(self) -> str:
        """Return `apiVersion` as the objects carry it."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def __str__(self) -> str:
        return f"{self.resource}.{self.group}" if self.group else self.resource


PODS = Kind("Pod", "", "v1", "pods")

# What is owned comes before its owner: an owner lives as long as what it owns, so the later list still has it.
KINDS = (
    PODS,
    Kind("EndpointSlice", "discovery.k8s.io", "v1", "endpointslices"),
    Kind("Service", "", "v1", "services"),
    Kind("ReplicaSet", "apps", "v1", "replicasets"),
    Kind("Deployment", "apps", "v1", "deployments"),
    Kind("StatefulSet", "apps", "v1", "statefulsets"),
    Kind("DaemonSet", "apps", "v1", "daemonsets"),
    Kind("Job", "batch", "v1", "jobs"),
    Kind("CronJob", "batch", "v1", "cronjobs"),
    Kind("ReplicationController", "", "v1", "replicationcontrollers"),
    Kind("NetworkPolicy", "networking.k8s.io", "v1", "networkpolicies"),
    Kind("ServiceCIDR", "networking.k8s.io", "v1", "servicecidrs", namespaced=False),
    Kind("Node", "", "v1", "nodes", namespaced=False),
    Kind("Namespace", "", "v1", "namespaces", namespaced=False),
)
"""Every kind that a snapshot lists; ServiceCIDR is missing from servers before 1.33."""

WATCHED = KINDS
"""Every kind that the watcher follows: labels, owners and policies change who is who as addresses do."""

_COSTS: Mapping[str, str] = {
    "Pod": "nothing can be told",
    "Namespace": "rules across namespaces are checked without namespace labels",
    "Node": "node addresses look like unknown ones",
    "Service": "traffic to Service addresses stays unresolved",
    "EndpointSlice": "Services without a selector stay unresolved",
    "NetworkPolicy": "existing policies do not count",
    "ServiceCIDR": "the range of Service addresses is known from the API server's flags alone, or has to be given",
}
_OWNERS = frozenset(kind.kind for kind in KINDS) - _COSTS.keys()


def cost_of(kind: str) -> str:
    """Return what an inventory without the objects of this kind cannot tell."""
    if kind in _OWNERS:
        return "its pods are told by owner references alone, without the workload's selector"
    return _COSTS.get(kind, "its workloads count as the topmost owners, though something may own them in turn")
