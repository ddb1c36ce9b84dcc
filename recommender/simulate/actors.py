"""Turns workloads, pods and addresses into actors: what policies can tell of an end of a connection.

Pods that differ in nothing that any policy at hand mentions are one actor, so that thousands of pods cost as much as
a few; the labels, port names and blocks that no policy mentions are left out for the same reason.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from collectors.inventory import ContainerPort, Inventory, Pod, WorkloadRef
from recommender.communications import AddressPeer, End
from recommender.policy import IPBlock, LabelSelector, NetworkPolicy
from recommender.simulate.blocks import BlockIndex, parse_address

NAMESPACE_NAME = "kubernetes.io/metadata.name"
"""The label that the API server puts on every namespace."""

Fact = tuple[object, ...]
"""("in", namespace), ("pod", key, value), ("namespace", key, value) or ("block", IPBlock): what a rule can ask."""

_PARTS_OF_A_WORKLOAD = 3
"""Of its name as text; a pod's has two, and no name of Kubernetes has a slash."""

Nature = Literal["pod", "host", "address", "unsure", "service", "loopback", "multicast"]
"""pod: policies select it. host: a host network pod, known by its node's address. address: no pod. unsure: an address
that may be a pod's. service: what is behind it is not known."""

_NATURES: dict[str, Nature] = {
    "unresolved": "unsure",
    "ambiguous": "unsure",
    "service": "service",
    "loopback": "loopback",
    "multicast": "multicast",
    "broadcast": "multicast",
}


@dataclass(frozen=True)
class SimulationOptions:
    """What NetworkPolicy implementations do differently; the defaults are what most of them do.

    `ip_block_matches_pods`: an ipBlock also takes pods whose address it holds. `self_always_allowed`: a pod always
    reaches itself (else that is judged like any other pair). `own_node_always_reachable`: a pod always reaches its own
    node, as the Kubernetes documentation says and several implementations do not; the other way, from the node to its
    pods, is always open.
    """

    ip_block_matches_pods: bool = True
    self_always_allowed: bool = False
    own_node_always_reachable: bool = False


@dataclass(frozen=True, eq=False)
class Actor:
    """Ends that every policy at hand treats alike; made and kept unique by Cast, so compared by identity.

    `labels` None: not known. `ports` None: container ports not known. `addresses` are (family, blocks that hold it).
    """

    nature: Nature
    namespace: str = ""
    namespace_labels: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] | None = None
    ports: tuple[ContainerPort, ...] | None = None
    addresses: frozenset[tuple[int, frozenset[IPBlock]]] = frozenset()

    @cached_property
    def families(self) -> frozenset[int]:
        """Return the IP versions that it has addresses of."""
        return frozenset(family for family, _ in self.addresses)

    @cached_property
    def facts(self) -> frozenset[Fact] | None:
        """Return all that a rule can ask and that is so, blocks only as far as addresses are known; None: not known."""
        if self.nature in {"unsure", "service"} or (self.nature == "pod" and self.labels is None):
            return None
        found: set[Fact] = {("block", block) for _, blocks in self.addresses for block in blocks}
        if self.nature == "pod":
            found.add(("in", self.namespace))
            found |= {("pod", *pair) for pair in (self.labels or {}).items()}
            found |= {("namespace", *pair) for pair in self.namespace_labels.items()}
        return frozenset(found)

    def in_block(self, block: IPBlock, family: int | None) -> bool | None:
        """Say whether an address of the family (None: any) is in a block; None where no address is known."""
        if not self.addresses:
            return None
        return any(block in blocks for version, blocks in self.addresses if family in {None, version})


@dataclass(frozen=True)
class Standin:
    """One actor for some pods of an end, with the nodes that they are on ("" = not known) and their names."""

    actor: Actor
    nodes: frozenset[str] = frozenset()
    pods: tuple[str, ...] = ()
    alive: int = 0
    """How many of the pods are still there."""

    @property
    def first_pod(self) -> str:
        """The first of the pods, "" where there is none."""
        return self.pods[0] if self.pods else ""


class Cast:
    """Gives every end its stand-ins under a set of policies."""

    def __init__(self, policies: Iterable[NetworkPolicy], inventory: Inventory) -> None:
        self._inventory = inventory
        self._pod_keys: set[str] = set()
        self._namespace_keys: set[str] = {NAMESPACE_NAME}
        self._port_names: set[str] = set()
        self._blocks: set[IPBlock] = set()
        self._learn(policies)
        self._index = BlockIndex(self._blocks)
        self._actors: dict[object, Actor] = {}
        self._known: dict[End, tuple[Standin, ...]] = {}
        self._namespaces: dict[str, Mapping[str, str]] = {}

    def _learn(self, policies: Iterable[NetworkPolicy]) -> None:
        # millions of peers share thousands of selectors: an object that was looked at is not looked at again
        pods, namespaces = dict[int, LabelSelector | None](), dict[int, LabelSelector | None]()
        for policy in policies:
            pods[id(policy.pod_selector)] = policy.pod_selector
            for rule in (*policy.ingress, *policy.egress):
                self._port_names |= {port.port for port in rule.ports if isinstance(port.port, str)}
                for peer in rule.peers:
                    pods[id(peer.pod_selector)] = peer.pod_selector
                    namespaces[id(peer.namespace_selector)] = peer.namespace_selector
                    if peer.ip_block is not None:
                        self._blocks.add(peer.ip_block)
        self._pod_keys |= {key for selector in pods.values() for key in _keys(selector)}
        self._namespace_keys |= {key for selector in namespaces.values() for key in _keys(selector)}

    @cached_property
    def _pods_of(self) -> Mapping[WorkloadRef, list[Pod]]:
        found: defaultdict[WorkloadRef, list[Pod]] = defaultdict(list)
        for pod in self._inventory.pods:
            found[pod.workload].append(pod)
        return dict(found)

    @cached_property
    def _pods_named(self) -> Mapping[str, list[Pod]]:
        found: defaultdict[str, list[Pod]] = defaultdict(list)
        for pod in self._inventory.pods:
            found[f"{pod.namespace}/{pod.name}"].append(pod)
        return dict(found)

    @cached_property
    def _pods_at(self) -> Mapping[str, list[Pod]]:
        found: defaultdict[str, list[Pod]] = defaultdict(list)
        for pod in self._inventory.pods:
            for ip in () if pod.host_network or pod.end is not None else pod.ips:
                found[ip].append(pod)
        return dict(found)

    @cached_property
    def _nodes_at(self) -> Mapping[str, str]:
        pairs = [(ip, pod.node) for pod in self._inventory.pods if pod.host_network and pod.node for ip in pod.ips]
        return dict(pairs) | {
            ip: node.name for node in self._inventory.nodes if node.end is None for ip in node.addresses
        }

    @cached_property
    def _node_names(self) -> frozenset[str]:
        return frozenset(pod.node for pod in self._inventory.pods if pod.node)

    def workloads(self) -> tuple[WorkloadRef, ...]:
        """Return every workload of the inventory, sorted."""
        return tuple(sorted({*self._pods_of, *self._inventory.workloads}))

    def namespaces(self) -> Iterator[tuple[str, Mapping[str, str]]]:
        """Yield every namespace of the inventory with what policies can tell of its labels, sorted."""
        for name in sorted({*self._inventory.namespaces, *(ref.namespace for ref in self.workloads())}):
            yield name, self._labels_of(name)

    def pod_addresses(self, ref: WorkloadRef) -> frozenset[str]:
        """Return all addresses that pods of a workload had."""
        return frozenset(ip for pod in self._pods_of.get(ref, ()) for ip in pod.ips)

    def end(self, end: End) -> tuple[Standin, ...]:
        """Return who stands in for an end: the pods of a workload by actor, finished ones too, or the one address."""
        if end not in self._known:
            self._known[end] = self._workload(end) if isinstance(end, WorkloadRef) else (self._address(end),)
        return self._known[end]

    def named(self, name: str) -> tuple[Standin, ...]:
        """Return who stands in for "namespace/pod", "namespace/Kind/workload" or an address text; nobody if not known.

        An address that one living pod has is that pod; one that several have is `ambiguous`.
        """
        address = parse_address(name)
        if address is None:
            ref = self.workload(name)
            return self.end(ref) if ref is not None else self._group(self._pods_named.get(name, ()))
        owners = self._pods_at.get(str(address), ())
        if len(owners) == 1:
            return self._group(owners)
        return self.end(AddressPeer(str(address), "ambiguous" if owners else "external"))

    def workload(self, name: str) -> WorkloadRef | None:
        """Return the workload of the inventory that "namespace/Kind/name" is; None where there is none."""
        parts = name.split("/")
        ref = WorkloadRef(*parts) if len(parts) == _PARTS_OF_A_WORKLOAD else None
        return ref if ref in self._pods_of or ref in self._inventory.workloads else None

    def _workload(self, ref: WorkloadRef) -> tuple[Standin, ...]:
        pods = self._pods_of.get(ref, ())
        if pods:
            return self._group(pods)
        workload = self._inventory.workloads.get(ref)
        labels = workload.template_labels if workload is not None else {}
        # a workload without pods is judged as the pod that its template would make
        actor = self._pod_actor(ref.namespace, labels or None, None, frozenset())
        return (Standin(actor, frozenset([""]), (), 1),)

    def _group(self, pods: Iterable[Pod]) -> tuple[Standin, ...]:
        found: defaultdict[Actor, list[Pod]] = defaultdict(list)
        for pod in pods:
            found[self._of_pod(pod)].append(pod)
        return tuple(
            Standin(
                actor,
                frozenset(pod.node for pod in members),
                tuple(f"{pod.namespace}/{pod.name}" for pod in members),
                sum(pod.end is None for pod in members),
            )
            for actor, members in found.items()
        )

    def _of_pod(self, pod: Pod) -> Actor:
        addresses = self._seen(pod.ips)
        ports = tuple(sorted({port for port in pod.ports if port.name in self._port_names}, key=_port_key))
        if pod.host_network:
            return self._unique("host", "", {}, {}, ports, addresses)
        return self._pod_actor(pod.namespace, pod.labels, ports, addresses)

    def _pod_actor(
        self,
        namespace: str,
        labels: Mapping[str, str] | None,
        ports: tuple[ContainerPort, ...] | None,
        addresses: frozenset[tuple[int, frozenset[IPBlock]]],
    ) -> Actor:
        kept = None if labels is None else {key: labels[key] for key in self._pod_keys & labels.keys()}
        return self._unique("pod", namespace, self._labels_of(namespace), kept, ports, addresses)

    def _labels_of(self, namespace: str) -> Mapping[str, str]:
        if namespace not in self._namespaces:
            known = self._inventory.namespaces.get(namespace)
            labels = {NAMESPACE_NAME: namespace, **(known.labels if known is not None else {})}
            self._namespaces[namespace] = {key: labels[key] for key in self._namespace_keys & labels.keys()}
        return self._namespaces[namespace]

    def _seen(self, addresses: Iterable[str]) -> frozenset[tuple[int, frozenset[IPBlock]]]:
        parsed = [parse_address(text) for text in addresses]
        return frozenset((ip.version, self._index.holding(ip)) for ip in parsed if ip is not None)

    def _address(self, peer: AddressPeer) -> Standin:
        nature = _NATURES.get(peer.kind, "address")
        ports = None if nature in {"unsure", "service"} else ()
        # what a Service's address leads to is not known, and policies act on what it leads to
        seen = frozenset() if nature == "service" else self._seen([peer.address])
        node = self._nodes_at.get(peer.address)
        if node is None and peer.kind == "node" and peer.name in self._node_names:
            node = peer.name
        if node is not None and nature == "unsure":
            nature, ports = "address", ()
        actor = self._unique(nature, "", {}, {}, ports, seen)
        return Standin(actor, frozenset([node] if node is not None else []))

    def _unique(
        self,
        nature: Nature,
        namespace: str,
        namespace_labels: Mapping[str, str],
        labels: Mapping[str, str] | None,
        ports: tuple[ContainerPort, ...] | None,
        addresses: frozenset[tuple[int, frozenset[IPBlock]]],
    ) -> Actor:
        key = (nature, namespace, None if labels is None else frozenset(labels.items()), ports, addresses)
        if key not in self._actors:
            self._actors[key] = Actor(nature, namespace, namespace_labels, labels, ports, addresses)
        return self._actors[key]


def _keys(selector: LabelSelector | None) -> set[str]:
    if selector is None:
        return set()
    return {key for key, _ in selector.match_labels} | {wanted.key for wanted in selector.match_expressions}


def _port_key(port: ContainerPort) -> tuple[str, str, int]:
    return (port.name, port.protocol, port.number)
