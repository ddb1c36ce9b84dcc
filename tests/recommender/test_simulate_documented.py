"""Every sentence of the Kubernetes documentation on what a NetworkPolicy does: in short, with probes and verdicts.

https://kubernetes.io/docs/concepts/services-networking/network-policies/, in its order. What speaks only of fields, of
plugins, or of when a change takes effect has no verdict, and is left out.
"""

import pytest

from recommender.communications import AddressPeer
from recommender.simulate import simulate
from tests.recommender.documented import (
    ALICE,
    ALLOW_EGRESS,
    ALLOW_INGRESS,
    CLIENT,
    CLUSTER,
    DENY_ALL,
    DENY_EGRESS,
    DENY_INGRESS,
    DOCUMENTED,
    EXAMPLE,
    FRONT,
    RANGE,
    into,
    needs,
    out_of,
    policy_of,
    role,
    sources,
    targets,
    verdicts_of,
)
from tests.recommender.simulated import seen, workload

# (sentence, policies, probes with the verdict); a probe is source, destination and, unless it is TCP/80, the port
CONCEPT = [
    ("policies are for connections with a pod at an end, not for others", [DENY_ALL],
     {"8.8.8.8 9.9.9.9": "allowed", "192.168.0.1 8.8.8.8": "allowed", "mine/worker alice/front": "allowed"}),
    ("a pod cannot block access to itself", [DENY_ALL], {"db db": "allowed"}),
    ("traffic to and from the node where a pod runs is always allowed, whatever the addresses are", [DENY_ALL],
     {"192.168.0.1 db": "allowed", "db 192.168.0.1": "allowed",
      "192.168.0.2 db": "denied", "db 192.168.0.2": "denied"}),
    ("isolation is declared for each direction by itself", [DENY_INGRESS],
     {"mine/worker db": "denied", "db mine/worker": "allowed"}),
    ("isolation is not absolute: it means that some restrictions apply", [into(sources(FRONT))],
     {"front db": "allowed", "client db": "denied"}),
    ("both isolations count for a connection from one pod to another", [out_of(of="frontend"), into(sources(FRONT))],
     {"front db": "denied", "front client": "denied",
      "client db": "denied", "client front": "allowed"}),
    ("by default a pod is not isolated for egress: all outbound connections are allowed", [],
     {"db mine/worker": "allowed", "db 8.8.8.8": "allowed", "db front UDP/9": "allowed"}),
    ("isolated for egress is a pod that a policy with Egress among its types selects", [out_of()],
     {"db front": "denied", "db 8.8.8.8": "denied", "client front": "allowed"}),
    ("a pod isolated for egress may do what an egress list allows, and nothing else", [out_of(targets(CLIENT))],
     {"db client": "allowed", "db front": "denied"}),
    ("replies to allowed connections are allowed; to begin one the other way is not",
     [into(sources(FRONT)), out_of(), into(to="frontend")],
     {"front db": "allowed", "db front": "denied"}),
    ("egress lists add up", [out_of(targets(CLIENT)), out_of(targets(FRONT), of="db")],
     {"db client": "allowed", "db front": "allowed", "db 8.8.8.8": "denied"}),
    ("by default a pod is not isolated for ingress: all inbound connections are allowed", [],
     {"mine/worker db": "allowed", "8.8.8.8 db": "allowed", "front db SCTP/9": "allowed"}),
    ("isolated for ingress is a pod that a policy with Ingress among its types selects", [into()],
     {"front db": "denied", "8.8.8.8 db": "denied", "front client": "allowed"}),
    ("into a pod isolated for ingress comes what is from its node or what an ingress list allows",
     [into(sources(CLIENT))],
     {"192.168.0.1 db": "allowed", "client db": "allowed", "front db": "denied"}),
    ("ingress lists add up", [into(sources(CLIENT)), into(sources(FRONT))],
     {"client db": "allowed", "front db": "allowed", "mine/worker db": "denied"}),
    ("policies do not conflict: what is allowed is the union",
     [DENY_ALL, into(sources(CLIENT)), out_of(targets(), of="client")],
     {"client db": "allowed", "front db": "denied"}),
    ("both the egress of the source and the ingress of the destination must allow",
     [out_of(targets(CLIENT)), into(to="client")],
     {"db client": "denied"}),
    ("if both do, it happens", [out_of(targets(CLIENT)), into(sources({"podSelector": role("db")}), to="client")],
     {"db client": "allowed"}),
    ("the example isolates the pods of role=db for ingress and egress", [EXAMPLE],
     {"8.8.8.8 db TCP/6379": "denied", "db 8.8.8.8 TCP/5978": "denied",
      "8.8.8.8 client TCP/6379": "allowed", "client 8.8.8.8 TCP/5978": "allowed"}),
    ("the example lets pods of role=frontend of its own namespace in, at TCP 6379", [EXAMPLE],
     {"front db TCP/6379": "allowed", "front db TCP/6380": "denied",
      "front db UDP/6379": "denied", "alice/front db TCP/6379": "denied",
      "client db TCP/6379": "denied"}),
    ("the example lets any pod of a namespace with project=myproject in", [EXAMPLE],
     {"mine/worker db TCP/6379": "allowed", "mine/worker db TCP/80": "denied"}),
    ("the example lets 172.17.0.0/16 in, without 172.17.1.0/24", [EXAMPLE],
     {"172.17.0.0 db TCP/6379": "allowed", "172.17.0.255 db TCP/6379": "allowed",
      "172.17.1.0 db TCP/6379": "denied", "172.17.1.255 db TCP/6379": "denied",
      "172.17.2.0 db TCP/6379": "allowed", "172.17.255.255 db TCP/6379": "allowed",
      "172.18.0.0 db TCP/6379": "denied", "172.16.255.255 db TCP/6379": "denied"}),
    ("the example lets its pods out to 10.0.0.0/24 at TCP 5978", [EXAMPLE],
     {"db 10.0.0.0 TCP/5978": "allowed", "db 10.0.0.255 TCP/5978": "allowed",
      "db 10.0.1.0 TCP/5978": "denied", "db 10.0.0.1 TCP/5979": "denied"}),
    ("an empty podSelector selects all pods of the namespace", [DENY_INGRESS],
     {"mine/worker db": "denied", "mine/worker client": "denied", "mine/worker alice/front": "allowed"}),
    ("without policyTypes Ingress is always set", [policy_of(podSelector=role("db"))],
     {"front db": "denied", "db front": "allowed"}),
    ("and Egress where there are egress rules", [policy_of(podSelector=role("db"), egress=[targets(FRONT)])],
     {"front db": "denied", "db front": "allowed", "db client": "denied"}),
    ("an ingress rule wants both its from and its ports", [into({"from": [FRONT], "ports": [{"port": 80}]})],
     {"front db": "allowed", "front db TCP/81": "denied",
      "client db": "denied"}),
    ("an egress rule wants both its to and its ports", [out_of({"to": [FRONT], "ports": [{"port": 80}]})],
     {"db front": "allowed", "db front TCP/81": "denied",
      "db client": "denied"}),
    ("podSelector: pods of the policy's own namespace", [into(sources(CLIENT))],
     {"client db": "allowed", "alice/client db": "denied"}),
    ("namespaceSelector: all pods of these namespaces", [into(sources(ALICE))],
     {"alice/client db": "allowed", "alice/front db": "allowed", "client db": "denied"}),
    ("both in one entry: these pods in these namespaces", [into(sources(ALICE | CLIENT))],
     {"alice/client db": "allowed", "alice/front db": "denied", "client db": "denied"}),
    ("in two entries: these pods of the own namespace, or any pod of these", [into(sources(ALICE, CLIENT))],
     {"alice/client db": "allowed", "alice/front db": "allowed", "client db": "allowed",
      "front db": "denied"}),
    ("ipBlock: sources or destinations by address", [into(sources({"ipBlock": {"cidr": "8.8.8.0/24"}})),
                                                     out_of(targets({"ipBlock": {"cidr": "2001:db8::/32"}}))],
     {"8.8.8.8 db": "allowed", "8.8.9.8 db": "denied",
      "db 2001:db8::1": "allowed", "db 2001:db9::1": "denied"}),
    ("without policies in a namespace, all traffic to and from its pods is allowed", [policy_of(namespace="alice")],
     {"8.8.8.8 db": "allowed", "db 8.8.8.8": "allowed", "8.8.8.8 alice/client": "denied"}),
    ("default deny of ingress: also for pods that nothing else selects; no egress is isolated",
     [DENY_INGRESS, into(sources(FRONT))],
     {"front db": "allowed", "front client": "denied", "client 8.8.8.8": "allowed"}),
    ("allow all ingress: no other policy can deny any; no egress is affected",
     [ALLOW_INGRESS, DENY_INGRESS, into(), out_of()],
     {"8.8.8.8 db": "allowed", "mine/worker client SCTP/1": "allowed", "db 8.8.8.8": "denied",
      "client 8.8.8.8": "allowed"}),
    ("default deny of egress: also for pods that nothing else selects; no ingress is isolated",
     [DENY_EGRESS, out_of(targets(FRONT))],
     {"db front": "allowed", "client front": "denied", "8.8.8.8 client": "allowed"}),
    ("allow all egress: no other policy can deny any; no ingress is affected",
     [ALLOW_EGRESS, DENY_EGRESS, out_of(), into()],
     {"db 8.8.8.8": "allowed", "client mine/worker UDP/1": "allowed", "8.8.8.8 db": "denied",
      "8.8.8.8 client": "allowed"}),
    ("default deny of both: also for pods that nothing else selects", [DENY_ALL],
     {"8.8.8.8 client": "denied", "client 8.8.8.8": "denied"}),
    ("deny all is sure to deny TCP, UDP and SCTP; of other protocols nothing is said", [DENY_ALL],
     {"mine/worker db TCP/1": "denied", "mine/worker db UDP/1": "denied",
      "mine/worker db SCTP/1": "denied", "mine/worker db ICMP/0": "undecidable"}),
    ("nor is it where a rule allows the pod", [into(sources(FRONT)), out_of(targets(FRONT))],
     {"front db ICMP/0": "undecidable", "db front ICMP/0": "undecidable",
      "mine/worker alice/front ICMP/0": "allowed"}),
    ("endPort: a range of ports, both ends included", [RANGE],
     {"db 10.0.0.9 TCP/31999": "denied", "db 10.0.0.9 TCP/32000": "allowed",
      "db 10.0.0.9 TCP/32768": "allowed", "db 10.0.0.9 TCP/32769": "denied",
      "db 10.0.0.9 UDP/32000": "denied", "db 10.0.1.9 TCP/32000": "denied"}),
    ("several namespaces by their labels",
     [out_of(targets({"namespaceSelector": needs("kubernetes.io/metadata.name", "In", "mine", "alice")}))],
     {"db mine/worker": "allowed", "db alice/front": "allowed", "db front": "denied"}),
    ("a namespace by the label that holds its name",
     [into(sources({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "mine"}}}))],
     {"mine/worker db": "allowed", "alice/front db": "denied"}),
    ("pods created later are isolated before they start", [into(sources(FRONT))],
     {"front default/Deployment/unborn": "allowed", "client default/Deployment/unborn": "denied"}),
    ("hostNetwork pods are ignored where a policy selects its pods", [into(to="client"), out_of(of="client")],
     {"8.8.8.8 agent": "allowed", "agent 8.8.8.8": "allowed", "8.8.8.8 client": "denied"}),
    ("and where a rule selects its peers", [into(sources(CLIENT, {"namespaceSelector": {}})), out_of(targets(CLIENT))],
     {"agent db": "denied", "db agent": "denied", "client db": "allowed"}),
    ("their connections are their node's: an ipBlock allows them",
     [into(sources({"ipBlock": {"cidr": "192.168.0.2/32"}}))],
     {"agent db": "allowed", "192.168.0.2 db": "allowed"}),
    ("nodes can be told by CIDR only", [out_of(targets({"podSelector": {}, "namespaceSelector": {}}))],
     {"db 192.168.0.2": "denied"}),
    ("there is no policy for all namespaces", [DENY_ALL],
     {"8.8.8.8 mine/worker": "allowed", "mine/worker 8.8.8.8": "allowed"}),
    ("nothing denies but isolation: rules only add", [into(sources(FRONT)), into(), DENY_INGRESS],
     {"front db": "allowed", "client db": "denied"}),
    ("incoming traffic from the own node cannot be prevented", [into(sources(FRONT))],
     {"192.168.0.1 db": "allowed", "192.168.0.1 db UDP/9": "allowed"}),
]  # fmt: skip


@pytest.mark.parametrize(("sentence", "policies", "probes"), CONCEPT, ids=[case[0] for case in CONCEPT])
def test_what_the_concept_page_says(sentence, policies, probes):
    assert verdicts_of(policies, probes) == probes, sentence


@pytest.mark.parametrize(("sentence", "policies", "probes"), CONCEPT, ids=[case[0] for case in CONCEPT])
def test_in_whatever_order_the_policies_are(sentence, policies, probes):
    assert verdicts_of(policies[::-1], probes) == probes, sentence


def test_what_is_done_with_rewritten_service_addresses_is_not_defined():
    to_outside = out_of(targets({"ipBlock": {"cidr": "0.0.0.0/0"}}))
    asked = seen(workload("db", "default"), AddressPeer("10.96.0.1", "service", "default/api"))
    assert simulate([to_outside], [asked], CLUSTER, DOCUMENTED)[0].verdict == "undecidable"


def test_loopback_cannot_be_blocked():
    asked = seen(workload("db", "default"), AddressPeer("127.0.0.1", "loopback"))
    assert simulate([DENY_ALL], [asked], CLUSTER, DOCUMENTED)[0].verdict == "allowed"
