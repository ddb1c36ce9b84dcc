"""Turns an inventory into the ports of workloads that a Service lets clients outside of the cluster reach."""

from collections import defaultdict
from collections.abc import Iterator

from collectors.inventory import EndpointSlice, Inventory, Pod, Service, ServicePort, WorkloadRef

Exposed = frozenset[tuple[WorkloadRef, str, int]]
"""Workload, protocol and the pod's port."""

_OUTSIDE = ("LoadBalancer", "NodePort")


def exposed_ports(inventory: Inventory) -> Exposed:
    """Return what is behind a LoadBalancer, a NodePort or an external IP, at any time of the observation.

    The EndpointSlices tell pods and ports; a Service without any is read by its selector and targetPort.
    """
    pods: defaultdict[str, list[Pod]] = defaultdict(list)
    for pod in inventory.pods:
        if not pod.host_network:
            pods[pod.namespace].append(pod)
    slices: defaultdict[tuple[str, str], list[EndpointSlice]] = defaultdict(list)
    for piece in inventory.slices:
        slices[piece.namespace, piece.service].append(piece)
    found: set[tuple[WorkloadRef, str, int]] = set()
    for service in inventory.services:
        if service.type in _OUTSIDE or service.external_ips or service.load_balancer_ips:
            near = pods[service.namespace]
            own = slices.get((service.namespace, service.name))
            found.update(_of_slices(own, near) if own else _of_selector(service, near))
    return frozenset(found)


def _of_slices(slices: list[EndpointSlice], pods: list[Pod]) -> Iterator[tuple[WorkloadRef, str, int]]:
    for piece in slices:
        names = {name for _, name in piece.endpoints if name}
        refs = {pod.workload for pod in pods if pod.name in names}
        yield from ((ref, port.protocol, port.port) for ref in refs for port in piece.ports if port.port is not None)


def _of_selector(service: Service, pods: list[Pod]) -> Iterator[tuple[WorkloadRef, str, int]]:
    for pod in pods:
        if service.selector and service.selector.items() <= pod.labels.items():
            for port in service.ports:
                yield from ((pod.workload, port.protocol, number) for number in _numbers(port, pod))


def _numbers(port: ServicePort, pod: Pod) -> list[int]:
    if isinstance(port.target_port, str):
        return [p.number for p in pod.ports if (p.name, p.protocol) == (port.target_port, port.protocol)]
    return [port.port if port.target_port is None else port.target_port]
