"""A small cluster, and short ways to write the policies and probes that the Kubernetes documentation speaks of."""

import pandas as pd

from recommender.manifest_read import policy_from_object
from recommender.simulate import SimulationOptions, judge
from tests.recommender.simulated import cluster, pod, template

DOCUMENTED = SimulationOptions(self_always_allowed=True, own_node_always_reachable=True)
"""As the documentation says, which several implementations do not do: the defaults are what most of them do."""

CLUSTER = cluster(
    pod(
        "db", "10.1.0.1", namespace="default", node="n1", role="db", ports=[(6379, "TCP", "redis"), (53, "UDP", "dns")]
    ),
    pod("front", "10.1.0.2", namespace="default", node="n2", role="frontend"),
    pod("client", "10.1.0.3", namespace="default", node="n2", role="client", ports=[(8080, "TCP", "redis")]),
    pod("worker", "10.1.0.4", namespace="mine", node="n1", role="worker"),
    pod("client", "10.1.0.5", namespace="alice", node="n2", role="client"),
    pod("front", "10.1.0.6", namespace="alice", node="n2", role="frontend", env="test"),
    pod("agent", "192.168.0.2", namespace="default", node="n2", host=True, role="client"),
    pod("six", "fd00::1", namespace="default", node="n1", role="six"),
    nodes=[("n1", "192.168.0.1"), ("n2", "192.168.0.2")],
    workloads=[template("unborn", "default", role="db")],
    default={},
    mine={"project": "myproject"},
    alice={"user": "alice"},
)


def policy_of(name="p", namespace="default", **spec):
    """Make one policy of any spec."""
    whole = {"metadata": {"name": name, "namespace": namespace}, "spec": {"podSelector": {}} | spec}
    return policy_from_object(whole, "documented")


def role(label):
    """Make a selector of pods by their role."""
    return {"matchLabels": {"role": label}}


def needs(key, operator, *values):
    """Make a selector of one expression."""
    return {"matchExpressions": [{"key": key, "operator": operator} | ({"values": list(values)} if values else {})]}


def into(*rules, to="db", **spec):
    """Make a policy for the ingress of the pods of a role."""
    return policy_of(podSelector=role(to), policyTypes=["Ingress"], ingress=list(rules), **spec)


def out_of(*rules, of="db", **spec):
    """Make a policy for the egress of the pods of a role."""
    return policy_of(podSelector=role(of), policyTypes=["Egress"], egress=list(rules), **spec)


def sources(*peers):
    """Make an ingress rule of peers alone."""
    return {"from": list(peers)}


def targets(*peers):
    """Make an egress rule of peers alone."""
    return {"to": list(peers)}


FRONT, CLIENT = {"podSelector": role("frontend")}, {"podSelector": role("client")}
ALICE = {"namespaceSelector": {"matchLabels": {"user": "alice"}}}
DENY_INGRESS = policy_of("deny-ingress", policyTypes=["Ingress"])
DENY_EGRESS = policy_of("deny-egress", policyTypes=["Egress"])
ALLOW_INGRESS = policy_of("allow-ingress", policyTypes=["Ingress"], ingress=[{}])
ALLOW_EGRESS = policy_of("allow-egress", policyTypes=["Egress"], egress=[{}])
DENY_ALL = policy_of("deny-all", policyTypes=["Ingress", "Egress"])
EXAMPLE = policy_of(
    podSelector=role("db"),
    policyTypes=["Ingress", "Egress"],
    ingress=[
        {
            "from": [
                {"ipBlock": {"cidr": "172.17.0.0/16", "except": ["172.17.1.0/24"]}},
                {"namespaceSelector": {"matchLabels": {"project": "myproject"}}},
                FRONT,
            ],
            "ports": [{"protocol": "TCP", "port": 6379}],
        }
    ],
    egress=[{"to": [{"ipBlock": {"cidr": "10.0.0.0/24"}}], "ports": [{"protocol": "TCP", "port": 5978}]}],
)
RANGE = out_of({"to": [{"ipBlock": {"cidr": "10.0.0.0/24"}}], "ports": [{"port": 32000, "endPort": 32768}]})


def verdicts_of(policies, probes):
    """Judge probes as the tables write them; an end without a slash is a pod of the namespace default."""
    rows = []
    for line in probes:
        src, dst, *port = line.split(" ")
        ends = (end if set(end) & set("/.:") else f"default/{end}" for end in (src, dst))
        rows.append((*ends, *(port or ["TCP/80"])[0].split("/")))
    frame = pd.DataFrame(rows, columns=["src", "dst", "protocol", "dst_port"])
    return dict(zip(probes, judge(policies, CLUSTER, frame, DOCUMENTED)["verdict"], strict=True))
