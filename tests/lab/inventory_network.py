"""The shop's network as the API server tells it: Services, EndpointSlices, namespaces, the node."""

from __future__ import annotations

from collections.abc import Callable

from tests.lab import topology as t
from tests.lab.objects import DAY, Object, make, owned, stamp, uid
from tests.lab.scenario import Times


class Network:
    """Builds what is not a workload: Services and their slices, namespaces, the node, a policy."""

    def __init__(self, shop: t.Shop, times: Times, born: Callable[[t.Workload], float]) -> None:
        self.shop = shop
        self.times = times
        self.born = born

    def service(self, service: t.Service) -> Object:
        """Return a Service, dual stack or headless."""
        work = self.shop.workloads[service.workload]
        addresses = [service.cluster4, service.cluster6] if service.cluster4 else ["None"]
        spec: Object = {
            "type": "LoadBalancer" if service.ingress else "ClusterIP",
            "selector": work.match_labels,
            "clusterIP": addresses[0],
            "clusterIPs": addresses,
            "ipFamilies": ["IPv4", "IPv6"],
            "ipFamilyPolicy": "RequireDualStack",
            "sessionAffinity": "None",
            "internalTrafficPolicy": "Cluster",
            "ports": [
                {
                    "name": port.name,
                    "port": port.port,
                    "targetPort": port.target,
                    "protocol": port.protocol,
                    **({"nodePort": port.node_port} if port.node_port else {}),
                }
                for port in service.ports
            ],
        }
        balancer: Object = {}
        if service.ingress:
            spec |= {"externalTrafficPolicy": "Local", "allocateLoadBalancerNodePorts": True}
            balancer = {"ingress": [{"ip": address, "ipMode": "VIP"} for address in service.ingress]}
        return make(
            "Service",
            service.namespace,
            service.name,
            self.born(work) + 5,
            work.labels,
            spec=spec,
            status={"loadBalancer": balancer},
        )

    def slices(self, service: t.Service) -> list[Object]:
        """Its EndpointSlices, one per family."""
        made = []
        for six, family in enumerate(("IPv4", "IPv6")):
            name = f"{service.name}-{t.suffix(service.host + family, 5)}"
            endpoints = [
                {
                    "addresses": [pod.ip6 if six else pod.ip4],
                    "nodeName": t.NODE_NAME,
                    "conditions": {"ready": True, "serving": True, "terminating": False},
                    "targetRef": {
                        "kind": "Pod",
                        "namespace": service.namespace,
                        "name": pod.name,
                        "uid": uid("Pod", service.namespace, pod.name),
                    },
                }
                for pod in self.shop.pods_of(service.workload)
            ]
            work = self.shop.workloads[service.workload]
            made.append(
                owned(
                    make(
                        "EndpointSlice",
                        service.namespace,
                        name,
                        self.born(work) + 6,
                        {
                            "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
                            "kubernetes.io/service-name": service.name,
                        },
                        addressType=family,
                        endpoints=endpoints,
                        ports=[
                            {"name": port.name, "port": port.number, "protocol": port.protocol}
                            for port in service.ports
                        ],
                    ),
                    "Service",
                    service.name,
                )
            )
        return made

    def namespace(self, name: str) -> Object:
        """Return a namespace with the label that the API server gives it."""
        return make(
            "Namespace",
            "",
            name,
            self.times.start - 31 * DAY,
            {"kubernetes.io/metadata.name": name},
            spec={"finalizers": ["kubernetes"]},
            status={"phase": "Active"},
        )

    def node(self) -> Object:
        """Return the one node."""
        ready = {
            "type": "Ready",
            "status": "True",
            "reason": "KubeletReady",
            "message": "kubelet is posting ready status",
            "lastHeartbeatTime": stamp(self.times.end),
            "lastTransitionTime": stamp(self.times.start - 31 * DAY),
        }
        labels = {"kubernetes.io/arch": "amd64", "kubernetes.io/hostname": t.NODE_NAME, "kubernetes.io/os": "linux"}
        return make(
            "Node",
            "",
            t.NODE_NAME,
            self.times.start - 31 * DAY,
            labels,
            spec={"podCIDR": t.POD_CIDR4, "podCIDRs": [t.POD_CIDR4, t.POD_CIDR6]},
            status={
                "addresses": [
                    {"type": "InternalIP", "address": t.NODE4},
                    {"type": "InternalIP", "address": t.NODE6},
                    {"type": "Hostname", "address": t.NODE_NAME},
                ],
                "conditions": [ready],
                "nodeInfo": {
                    "kubeletVersion": "v1.34.2",
                    "operatingSystem": "linux",
                    "architecture": "amd64",
                    "osImage": "Debian GNU/Linux 12 (bookworm)",
                },
            },
        )

    def networkpolicy(self) -> Object:
        """Return a forgotten policy for an importer that is long gone: it selects no pod."""
        return make(
            "NetworkPolicy",
            "shop",
            "legacy-import",
            self.times.start - 30 * DAY,
            spec={"podSelector": {"matchLabels": {"app": "legacy-import"}}, "policyTypes": ["Ingress"]},
        )
