"""Every sentence of the NetworkPolicy API reference on what is allowed or refused: in short, with probes.

https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/network-policy-v1/, in its order, with those of the
label selectors that it refers to. What is the same as on the concept page is there only.
"""

import pytest

from collectors.errors import UnreadableInput
from tests.recommender.documented import (
    ALICE,
    CLIENT,
    FRONT,
    into,
    needs,
    out_of,
    policy_of,
    sources,
    targets,
    verdicts_of,
)

# (sentence, policies, probes with the verdict); as in test_simulate_documented
REFERENCE = [
    ("matchLabels and matchExpressions of a selector must all hold",
     [into(sources({"podSelector": {"matchLabels": {"role": "frontend"}} | needs("env", "Exists"), **ALICE}))],
     {"alice/front db": "allowed", "alice/client db": "denied"}),
    ("matchLabels is the same as In with one value", [into(sources({"podSelector": needs("role", "In", "client")}))],
     {"client db": "allowed", "front db": "denied"}),
    ("NotIn: another value, or no such key", [into(sources(ALICE | {"podSelector": needs("env", "NotIn", "test")}))],
     {"alice/client db": "allowed", "alice/front db": "denied"}),
    ("Exists: the key, with any value", [into(sources(ALICE | {"podSelector": needs("env", "Exists")}))],
     {"alice/front db": "allowed", "alice/client db": "denied"}),
    ("DoesNotExist: no such key", [into(sources(ALICE | {"podSelector": needs("env", "DoesNotExist")}))],
     {"alice/client db": "allowed", "alice/front db": "denied"}),
    ("expressions select the policy's pods too", [policy_of(podSelector=needs("role", "NotIn", "client"))],
     {"8.8.8.8 db": "denied", "8.8.8.8 client": "allowed"}),
    ("all policies with an Egress section are assumed to affect Egress", [policy_of(egress=[targets(FRONT)])],
     {"db 8.8.8.8": "denied", "db front": "denied"}),
    ("all policies are assumed to affect Ingress, whether or not they have that section",
     [policy_of(egress=[targets(FRONT)])],
     {"8.8.8.8 db": "denied"}),
    ("for egress only one must say so", [policy_of(policyTypes=["Egress"], egress=[targets(FRONT)])],
     {"8.8.8.8 db": "allowed", "db front": "allowed", "db 8.8.8.8": "denied"}),
    ("for no egress at all one must say Egress: an empty section defaults to Ingress alone", [policy_of(egress=[])],
     {"db mine/worker": "allowed", "mine/worker db": "denied"}),
    ("with Egress among the types and no section, none is allowed", [policy_of(policyTypes=["Egress"])],
     {"db mine/worker": "denied", "mine/worker db": "allowed"}),
    ("rules of a direction that the types leave out do nothing",
     [policy_of(policyTypes=["Ingress"], ingress=[{}], egress=[targets(FRONT)])],
     {"db 8.8.8.8": "allowed", "8.8.8.8 db": "allowed"}),
    ("an empty ingress field allows nothing and isolates", [into()], {"front db": "denied"}),
    ("one rule of any policy that selects the pod is enough",
     [into(sources(CLIENT), sources(FRONT)), into(sources(ALICE))],
     {"client db": "allowed", "front db": "allowed", "alice/front db": "allowed",
      "mine/worker db": "denied"}),
    ("entries of from are combined by or", [into(sources(CLIENT, FRONT))],
     {"client db": "allowed", "front db": "allowed", "mine/worker db": "denied"}),
    ("a from that is empty or missing is all sources", [into(sources())],
     {"8.8.8.8 db": "allowed", "mine/worker db": "allowed", "agent db": "allowed"}),
    ("and restricts by its ports alone", [into({"ports": [{"port": 80}]})],
     {"8.8.8.8 db": "allowed", "8.8.8.8 db TCP/81": "denied"}),
    ("except: addresses that the block leaves out",
     [into(sources({"ipBlock": {"cidr": "0.0.0.0/0", "except": ["8.0.0.0/8", "9.9.9.9/32"]}}))],
     {"7.0.0.1 db": "allowed", "8.1.2.3 db": "denied", "9.9.9.9 db": "denied",
      "9.9.9.8 db": "allowed"}),
    ("what one block leaves out another may take in",
     [into(sources({"ipBlock": {"cidr": "0.0.0.0/0", "except": ["8.0.0.0/8"]}}, {"ipBlock": {"cidr": "8.8.8.8/32"}}))],
     {"8.8.8.8 db": "allowed", "8.8.8.9 db": "denied"}),
    ("a CIDR may be of IPv6, and takes no IPv4", [into(sources({"ipBlock": {"cidr": "::/0"}}), to="six"),
                                                 into(sources({"ipBlock": {"cidr": "::/0"}}))],
     {"2001:db8::1 six": "allowed", "8.8.8.8 db": "denied"}),
    ("an empty namespaceSelector selects all namespaces", [into(sources({"namespaceSelector": {}}))],
     {"alice/front db": "allowed", "front db": "allowed", "8.8.8.8 db": "denied"}),
    ("with a podSelector beside it: these pods of all namespaces", [into(sources({"namespaceSelector": {}} | CLIENT))],
     {"alice/client db": "allowed", "client db": "allowed", "alice/front db": "denied"}),
    ("an empty podSelector beside a namespaceSelector: all pods of these", [into(sources(ALICE | {"podSelector": {}}))],
     {"alice/front db": "allowed", "front db": "denied"}),
    ("an empty podSelector alone: all pods of the policy's own namespace", [into(sources({"podSelector": {}}))],
     {"front db": "allowed", "alice/front db": "denied", "8.8.8.8 db": "denied"}),
    ("entries of ports are combined by or", [into({"ports": [{"port": 80}, {"port": 53, "protocol": "UDP"}]})],
     {"8.8.8.8 db": "allowed", "8.8.8.8 db UDP/53": "allowed", "8.8.8.8 db UDP/80": "denied",
      "8.8.8.8 db TCP/53": "denied"}),
    ("ports that are empty or missing are all ports", [into({"from": [FRONT], "ports": []})],
     {"front db TCP/1": "allowed", "front db SCTP/65535": "allowed"}),
    ("a port may be a name: that of the pod's own container port", [into({"ports": [{"port": "redis"}]}, to="db")],
     {"8.8.8.8 db TCP/6379": "allowed", "8.8.8.8 db TCP/8080": "denied"}),
    ("out of a pod the name is each destination's", [out_of({"ports": [{"port": "redis"}]}, of="frontend")],
     {"front db TCP/6379": "allowed", "front db TCP/8080": "denied",
      "front client TCP/8080": "allowed", "front 8.8.8.8 TCP/6379": "denied"}),
    ("a missing port is all ports of the protocol", [into({"ports": [{"protocol": "UDP"}]})],
     {"8.8.8.8 db UDP/1": "allowed", "8.8.8.8 db UDP/65535": "allowed", "8.8.8.8 db": "denied"}),
    ("protocol and port must both be those of the entry",
     [into({"ports": [{"protocol": "UDP", "port": "dns"}, {"protocol": "SCTP", "port": 6379}]})],
     {"8.8.8.8 db UDP/53": "allowed", "8.8.8.8 db TCP/53": "denied",
      "8.8.8.8 db SCTP/6379": "allowed", "8.8.8.8 db UDP/6379": "denied"}),
    ("endPort may be the same as port", [into({"ports": [{"port": 80, "endPort": 80}]})],
     {"8.8.8.8 db": "allowed", "8.8.8.8 db TCP/81": "denied"}),
    ("without a protocol it is TCP", [into({"ports": [{"port": 80}]})],
     {"8.8.8.8 db TCP/80": "allowed", "8.8.8.8 db UDP/80": "denied", "8.8.8.8 db SCTP/80": "denied"}),
    ("a to that is empty or missing is all destinations", [out_of(targets())],
     {"db 8.8.8.8": "allowed", "db mine/worker": "allowed", "db agent": "allowed"}),
    ("entries of to are combined by or", [out_of(targets(CLIENT, ALICE))],
     {"db client": "allowed", "db alice/front": "allowed", "db mine/worker": "denied"}),
    ("ports of an egress rule are the destination's", [out_of({"ports": [{"port": 53, "protocol": "UDP"}]})],
     {"db 8.8.8.8 UDP/53": "allowed", "db 8.8.8.8 UDP/54": "denied"}),
]  # fmt: skip


@pytest.mark.parametrize(("sentence", "policies", "probes"), REFERENCE, ids=[case[0] for case in REFERENCE])
def test_what_the_api_reference_says(sentence, policies, probes):
    assert verdicts_of(policies, probes) == probes, sentence


@pytest.mark.parametrize(("sentence", "policies", "probes"), REFERENCE, ids=[case[0] for case in REFERENCE])
def test_in_whatever_order_the_policies_are(sentence, policies, probes):
    assert verdicts_of(policies[::-1], probes) == probes, sentence


# (sentence, what the spec has, what the refusal names)
REFUSED = [
    ("endPort must not be less than port", {"ports": [{"port": 81, "endPort": 80}]}, "endPort"),
    ("endPort wants a port", {"ports": [{"endPort": 80}]}, "endPort"),
    ("endPort wants a numeric port", {"ports": [{"port": "http", "endPort": 80}]}, "endPort"),
    ("endPort is numeric", {"ports": [{"port": 80, "endPort": "http"}]}, "endPort"),
    ("protocol is TCP, UDP or SCTP", {"ports": [{"protocol": "ICMP"}]}, "protocol"),
    ("an ipBlock stands alone", {"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}, "podSelector": {}}]}, "from[0]"),
    ("with no namespaceSelector either",
     {"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}, "namespaceSelector": {}}]}, "from[0]"),
    ("cidr is required", {"from": [{"ipBlock": {"except": ["10.0.0.0/8"]}}]}, "cidr"),
    ("except lies within cidr", {"from": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["11.0.0.0/8"]}}]}, "except"),
    ("In wants values", {"from": [{"podSelector": needs("role", "In")}]}, "values"),
    ("NotIn wants values", {"from": [{"podSelector": needs("role", "NotIn")}]}, "values"),
    ("Exists takes none", {"from": [{"podSelector": needs("role", "Exists", "db")}]}, "values"),
    ("DoesNotExist takes none", {"from": [{"podSelector": needs("role", "DoesNotExist", "db")}]}, "values"),
    ("there are no other operators", {"from": [{"podSelector": needs("role", "Gt", "1")}]}, "operator"),
    ("an entry of from says something", {"from": [{}]}, "from[0]"),
]  # fmt: skip


@pytest.mark.parametrize(("sentence", "rule", "named"), REFUSED, ids=[case[0] for case in REFUSED])
def test_what_the_documentation_rules_out_is_refused(sentence, rule, named):
    with pytest.raises(UnreadableInput) as refused:
        into(rule)
    assert named in str(refused.value), sentence


def test_policy_types_are_ingress_and_egress_only():
    with pytest.raises(UnreadableInput, match="policyTypes"):
        policy_of(policyTypes=["Both"])
