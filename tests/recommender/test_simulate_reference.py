"""`judge` against a plain reading of the API reference, on random small clusters: the two share no code."""

import ipaddress

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.inventory import ContainerPort, Inventory, Namespace, Pod, WorkloadRef
from recommender.manifest_read import policy_from_object
from recommender.simulate import judge
from tests.recommender.drawn import LABELS, NAMESPACES, POLICY, PROTOCOLS


def _matches(selector, labels):
    for key, value in selector.get("matchLabels", {}).items():
        if labels.get(key) != value:
            return False
    for requirement in selector.get("matchExpressions", []):
        has, operator = requirement["key"] in labels, requirement["operator"]
        listed = has and labels[requirement["key"]] in requirement.get("values", [])
        if not {"In": listed, "NotIn": not listed, "Exists": has, "DoesNotExist": not has}[operator]:
            return False
    return True


def _peer_takes(peer, policy, other, namespaces):
    if "ipBlock" in peer:
        address = ipaddress.ip_address(other["ip"])
        inside = address in ipaddress.ip_network(peer["ipBlock"]["cidr"])
        return inside and not any(address in ipaddress.ip_network(e) for e in peer["ipBlock"].get("except", []))
    if "labels" not in other:
        return False
    if "namespaceSelector" in peer:
        if not _matches(peer["namespaceSelector"], namespaces[other["namespace"]]):
            return False
    elif other["namespace"] != policy["metadata"]["namespace"]:
        return False
    return _matches(peer.get("podSelector", {}), other["labels"])


def _port_takes(port, protocol, number, target):
    if port.get("protocol", "TCP") != protocol:
        return False
    if "port" not in port:
        return True
    if isinstance(port["port"], str):
        return any(p == (number, protocol, port["port"]) for p in target.get("ports", []))
    return port["port"] <= number <= port.get("endPort", port["port"])


def _end_allows(direction, policies, subject, other, target, protocol, number, namespaces):
    if "labels" not in subject:
        return True
    section, side = ("ingress", "from") if direction == "Ingress" else ("egress", "to")
    selecting = [
        policy
        for policy in policies
        if policy["metadata"]["namespace"] == subject["namespace"]
        and direction in policy["spec"]["policyTypes"]
        and _matches(policy["spec"]["podSelector"], subject["labels"])
    ]
    if not selecting:
        return True
    return any(
        (not rule.get(side) or any(_peer_takes(peer, policy, other, namespaces) for peer in rule[side]))
        and (not rule.get("ports") or any(_port_takes(port, protocol, number, target) for port in rule["ports"]))
        for policy in selecting
        for rule in policy["spec"].get(section, [])
    )


_ADDRESSES = ["10.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.1.1", "fd00::1", "fd00::2"]
_DECLARED = st.sampled_from([(1, "TCP", "x"), (2, "TCP", "x"), (1, "UDP", "x"), (2, "SCTP", "y")])


@st.composite
def _pods(draw):
    return [
        {
            "name": f"p{index}",
            "namespace": draw(st.sampled_from(NAMESPACES)),
            "labels": draw(LABELS),
            "ip": ip,
            "ports": draw(st.lists(_DECLARED, max_size=2, unique=True)),
        }
        for index, ip in enumerate(_ADDRESSES[: draw(st.integers(1, len(_ADDRESSES)))])
    ]


def _inventory(pods, namespaces):
    return Inventory(
        pods=tuple(
            Pod(
                uid=pod["name"],
                namespace=pod["namespace"],
                name=pod["name"],
                workload=WorkloadRef(pod["namespace"], "Pod", pod["name"]),
                labels=pod["labels"],
                ips=(pod["ip"],),
                ports=tuple(ContainerPort(*port) for port in pod["ports"]),
            )
            for pod in pods
        ),
        namespaces={name: Namespace(name, labels) for name, labels in namespaces.items()},
    )


@settings(max_examples=120, deadline=None)
@given(_pods(), st.fixed_dictionaries(dict.fromkeys(NAMESPACES, LABELS)), st.lists(POLICY, max_size=4))
def test_judge_says_what_the_api_reference_says(pods, namespaces, policies):
    for index, policy in enumerate(policies):
        policy["metadata"]["name"] = f"p{index}"
    ends = {f"{pod['namespace']}/{pod['name']}": pod for pod in pods}
    ends |= {ip: {"ip": ip} for ip in ("8.8.8.8", "10.0.0.3", "2001:db8::1")}
    rows, expected = [], []
    for src_name, src in ends.items():
        for dst_name, dst in ends.items():
            # an IPv4 end and an IPv6 end cannot talk, so that nothing is claimed of them
            if (":" in src["ip"]) != (":" in dst["ip"]):
                continue
            for protocol in PROTOCOLS:
                for number in (1, 2, 3):
                    rows.append((src_name, dst_name, protocol, number))
                    question = (dst, protocol, number, namespaces)
                    allowed = _end_allows("Egress", policies, src, dst, *question)
                    allowed = allowed and _end_allows("Ingress", policies, dst, src, *question)
                    expected.append("allowed" if allowed else "denied")
    read = [policy_from_object(policy, "p") for policy in policies]
    probes = pd.DataFrame(rows, columns=["src", "dst", "protocol", "dst_port"])
    assert judge(read, _inventory(pods, namespaces), probes)["verdict"].tolist() == expected
