"""Turns a made-up cluster, policies and random probes into CPU seconds: `judge`, and how it grows.

    .venv/bin/python -m benchmarks.judge [--pods 10000] [--policies 1000] [--probes 1e6] [--write]

Four pods to a workload and twenty-five workloads to a namespace; one pod in fifty is on the host's network, every tenth
has an address of either family. The policies ask by labels, expressions, namespaces and blocks for ports, ranges and
names. A probe goes from a pod, a workload or an address to another, at random, so that hardly two are alike. The same
is done with half of everything, so that the last column tells how the time grows: 2.0 is linear.
"""

import argparse
import resource
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.table import README, digits, machine, markdown, paste
from collectors.inventory import ContainerPort, Inventory, Namespace, Node, Pod, Workload, WorkloadRef
from recommender.manifest_read import policy_from_object
from recommender.policy import NetworkPolicy
from recommender.simulate import judge
from recommender.uncollected import uncollected

_OF_WORKLOAD, _OF_NAMESPACE, _NODES = 4, 25, 100
_PORTS = (80, 443, 5432, 6379, 8080, 9090, 9092, 50051)
_TIERS = ("front", "back", "data", "batch")


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.judge", description=(__doc__ or "").split("\n")[0])
    for name, default in (("pods", 10_000), ("policies", 1_000), ("probes", 1_000_000)):
        parser.add_argument(f"--{name}", type=lambda text: int(float(text)), default=default)
    parser.add_argument("--write", action="store_true", help="put the table into benchmarks/README.md")
    words = parser.parse_args()
    sizes = (words.pods, words.policies, words.probes)
    with uncollected():  # as the commands do it
        half = measure(*(size // 2 for size in sizes))
        whole = measure(*sizes)
    rows = [[name, digits(half[name]), digits(whole[name]), digits(whole[name] / half[name])] for name in whole]
    head = ["", *(_called(*(size // part for size in sizes)) for part in (2, 1)), "last / first"]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    text = f"{markdown(head, rows)}\nPeak memory {peak:,.0f} MB, the probes and the answers in it.\n\n{machine()}\n"
    print(text)
    if words.write:
        paste(README, "judge", text)


def _called(pods: int, policies: int, probes: int) -> str:
    return f"{pods:,} pods, {policies:,} policies, {probes:,} probes"


def measure(pods: int, policies: int, probes: int) -> dict[str, float]:
    """Return the CPU seconds of preparation (judging one probe), of judging, and probes per second."""
    random = np.random.default_rng(7)
    inventory = make_inventory(pods)
    rules = make_policies(random, inventory, policies)
    asked = make_probes(random, inventory, probes)
    prepared, _ = _timed(lambda: judge(rules, inventory, asked.head(1)))
    brief, _ = _timed(lambda: judge(rules, inventory, asked, reasons=False))
    spent, found = _timed(lambda: judge(rules, inventory, asked))
    shares = found["verdict"].value_counts(normalize=True)
    if not all(shares.get(verdict, 0) > 0.1 for verdict in ("allowed", "denied")):
        raise SystemExit(f"{shares.to_dict()}: probes of one sort only measure nothing")
    return {
        "CPU s, one probe": prepared,
        "CPU s, all, without reasons": brief,
        "CPU s, all": spent,
        "probes per CPU s": probes / spent,
    }


def _timed(step: Callable[[], Any]) -> tuple[float, Any]:
    begun = time.process_time()
    found = step()
    return time.process_time() - begun, found


def make_inventory(pods: int) -> Inventory:
    """Return Deployments of four pods each, twenty-five to a namespace."""
    refs = [
        WorkloadRef(f"ns-{at // _OF_NAMESPACE:03}", "Deployment", f"app-{at:05}") for at in range(pods // _OF_WORKLOAD)
    ]
    known = {ref: Workload(ref, {"matchLabels": {"app": ref.name}}, {"app": ref.name}) for ref in refs}
    names = sorted({ref.namespace for ref in refs})
    return Inventory(
        tuple(_pod(refs[at // _OF_WORKLOAD], at) for at in range(pods)),
        known,
        nodes=tuple(Node(f"node-{at}", (f"192.168.0.{at}",)) for at in range(_NODES)),
        namespaces={
            name: Namespace(name, {"kubernetes.io/metadata.name": name, "team": f"team-{at % 10}"})
            for at, name in enumerate(names)
        },
    )


def _pod(ref: WorkloadRef, at: int) -> Pod:
    host = at % 50 == 0
    own = [f"10.{at >> 16}.{at >> 8 & 255}.{at & 255}", *([f"fd00::{at:x}"] if at % 10 == 3 else [])]
    which = at // _OF_WORKLOAD
    return Pod(
        uid=f"u{at}",
        namespace=ref.namespace,
        name=f"{ref.name}-{at % _OF_WORKLOAD}",
        workload=ref,
        labels={"app": ref.name, "tier": _TIERS[which % len(_TIERS)], "pod-template-hash": "5d9c"},
        node=f"node-{at % _NODES}",
        host_network=host,
        ips=(f"192.168.0.{at % _NODES}",) if host else tuple(own),
        ports=(ContainerPort(_PORTS[which % len(_PORTS)], "TCP", "web"), ContainerPort(9100, "TCP", "metrics")),
    )


def make_policies(random: np.random.Generator, inventory: Inventory, count: int) -> tuple[NetworkPolicy, ...]:
    """Return policies of eight sorts, spread over the namespaces: every fourth for a tier, others for a workload."""
    refs = tuple(inventory.workloads)
    found = []
    for at in range(count):
        ref, other = refs[at * len(refs) // count], refs[int(random.integers(len(refs)))]
        peers, ports = _rule(at % 8, other, int(random.integers(len(_PORTS))))
        subject = {"matchLabels": {"app": ref.name}} if at % 4 else _tiers("In", at)
        own = {"podSelector": {"matchExpressions": [{"key": "app", "operator": "Exists"}]}}
        spec = {
            "podSelector": subject,
            "policyTypes": ["Ingress"] if at % 3 else ["Ingress", "Egress"],
            "ingress": [{"from": peers, "ports": ports}, {"from": [own]}],
            "egress": [{"to": peers, "ports": ports}, {"ports": [{"port": 53, "protocol": "UDP"}]}],
        }
        metadata = {"namespace": ref.namespace, "name": f"policy-{at:04}"}
        found.append(policy_from_object({"metadata": metadata, "spec": spec}, "benchmark"))
    return tuple(found)


def _tiers(operator: str, at: int) -> dict[str, Any]:
    return {"matchExpressions": [{"key": "tier", "operator": operator, "values": [_TIERS[at % len(_TIERS)]]}]}


def _rule(sort: int, other: WorkloadRef, port: int) -> tuple[list[Any], list[Any]]:
    there = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": other.namespace}}}
    team = {"namespaceSelector": {"matchExpressions": [{"key": "team", "operator": "In", "values": ["team-1"]}]}}
    private = {"ipBlock": {"cidr": "10.0.0.0/8", "except": [f"10.0.{port}.0/24", "10.0.32.0/20"]}}
    number, name = [{"port": _PORTS[port]}], [{"port": "web"}, {"port": "metrics"}]
    return (
        ([there | {"podSelector": {"matchLabels": {"app": other.name}}}], number),
        ([team | {"podSelector": _tiers("NotIn", port)}], name),
        ([private], [{"port": 8000 + port, "endPort": 9000 + port}]),
        ([{"namespaceSelector": {}}], name),
        ([{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}}, {"ipBlock": {"cidr": "::/0"}}], number),
        ([there], [{"port": 1024, "endPort": 32767}, {"protocol": "SCTP", "port": 3868}]),
        ([team, private], number),
        ([{"podSelector": _tiers("NotIn", port)}], []),
    )[sort]


def make_probes(random: np.random.Generator, inventory: Inventory, count: int) -> pd.DataFrame:
    """Return random probes: seven ends of ten are pods, two are workloads, one is an address from outside or a node."""
    pods = [f"{pod.namespace}/{pod.name}" for pod in inventory.pods]
    addresses = [f"203.0.{at >> 8}.{at & 255}" for at in range(5_000)] + [n.addresses[0] for n in inventory.nodes]
    parts = [np.array(part, dtype=object) for part in (pods, [str(ref) for ref in inventory.workloads], addresses)]

    def ends() -> Any:
        sort = random.choice(3, count, p=[0.7, 0.2, 0.1])
        return np.choose(sort, [part[random.integers(0, len(part), count)] for part in parts])

    near = np.array([*_PORTS, 53, 3868, 9100, 31000])
    ports = np.where(random.random(count) < 0.8, random.choice(near, count), random.integers(1, 65_536, count))
    protocols = random.choice(np.array(["TCP", "UDP", "SCTP", "ICMP"], dtype=object), count, p=[0.8, 0.15, 0.04, 0.01])
    return pd.DataFrame({"src": ends(), "dst": ends(), "protocol": protocols, "dst_port": ports})


if __name__ == "__main__":
    main()
