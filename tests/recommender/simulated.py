"""A small cluster and short ways to write policies for it."""

import pandas as pd

from collectors.inventory import ContainerPort, Inventory, Namespace, Node, Pod, Workload, WorkloadRef
from recommender.communications import AddressPeer, Communication, Evidence
from recommender.manifest_read import policy_from_object

T0 = pd.Timestamp("2026-01-01", tz="UTC")
EVIDENCE = Evidence(T0, T0, 1)


def workload(name, namespace="shop", kind="Deployment"):
    return WorkloadRef(namespace, kind, name)


def pod(name, ip, *, namespace="shop", of=None, node="", host=False, ports=(), end=None, **labels):
    """Make one pod, labelled app=<name> where no labels are given; `ip` may hold several, by spaces."""
    return Pod(
        uid=f"{namespace}/{name}/{ip}",
        namespace=namespace,
        name=name,
        workload=workload(of or name, namespace),
        labels=labels or {"app": of or name},
        node=node,
        host_network=host,
        ips=tuple(ip.split()),
        ports=tuple(ContainerPort(*port) for port in ports),
        end=end,
    )


def cluster(*pods, nodes=(), workloads=(), **namespaces):
    """Make an inventory; namespaces as shop={"team": "a"}, and all others with their name label only."""
    names = {p.namespace for p in pods} | set(namespaces) | {w.ref.namespace for w in workloads}
    return Inventory(
        pods=tuple(sorted(pods, key=lambda p: (p.namespace, p.name))),
        workloads={w.ref: w for w in workloads},
        nodes=tuple(Node(name, tuple(addresses.split())) for name, addresses in nodes),
        namespaces={
            n: Namespace(n, {"kubernetes.io/metadata.name": n, **namespaces.get(n, {})}) for n in sorted(names)
        },
    )


def template(name, namespace="shop", **labels):
    """Make a workload without pods."""
    return Workload(workload(name, namespace), None, labels)


def policy(name="p", namespace="shop", *, select=None, types=None, ingress=None, egress=None):
    """Make one policy in the words of the API; `select` is matchLabels, None every pod."""
    spec = {"podSelector": {"matchLabels": select or {}}, "policyTypes": types, "ingress": ingress, "egress": egress}
    metadata = {"name": name, "namespace": namespace}
    return policy_from_object({"metadata": metadata, "spec": {k: v for k, v in spec.items() if v is not None}}, name)


def app(name):
    """Make a podSelector peer of the policy's own namespace."""
    return {"podSelector": {"matchLabels": {"app": name}}}


def block(cidr, *excepts):
    """Make an ipBlock peer."""
    return {"ipBlock": {"cidr": cidr, "except": list(excepts)}}


def tcp(*ports):
    """Make the TCP ports of a rule."""
    return [{"port": port} for port in ports]


def seen(src, dst, port=80, protocol="TCP", notes=()):
    """Make one communication; ends are workload names of shop, references, or addresses."""
    return Communication(_end(src), _end(dst), protocol, port, EVIDENCE, notes)


def _end(end):
    if not isinstance(end, str):
        return end
    return AddressPeer(end, "external") if end[0].isdigit() or ":" in end else workload(end)
