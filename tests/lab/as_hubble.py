"""Turns a capture of the scenario into the lines that Cilium's Hubble exporter would write of it, with pods and labels.

One line a packet, as with monitor aggregation "none". Written from api/v1/flow/flow.proto; Cilium itself cannot run
here. `python -m tests.lab.as_hubble CAPTURE INVENTORY > FILE` writes them.
"""

import ipaddress
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.utils import PcapReader

_FLAGS = {"S": "SYN", "A": "ACK", "F": "FIN", "R": "RST", "P": "PSH"}


def pods_of(inventory):
    """Return address -> the pods that had it, with the time each began."""
    found = {}
    for pod in json.loads((Path(inventory) / "pods.json").read_text())["items"]:
        for address in pod["status"].get("podIPs", []):
            if not pod["spec"].get("hostNetwork"):
                found.setdefault(str(ipaddress.ip_address(address["ip"])), []).append(pod)
    return {ip: sorted(pods, key=lambda pod: pod["status"]["startTime"]) for ip, pods in found.items()}


def workload_of(pod):
    """Return the workload as Hubble names it: the root controller, of a ReplicaSet its Deployment."""
    for owner in pod["metadata"].get("ownerReferences", []):
        if owner["kind"] == "ReplicaSet":
            return {"name": owner["name"].rpartition("-")[0], "kind": "Deployment"}
        if owner["kind"] == "Job":
            return {"name": owner["name"].rpartition("-")[0], "kind": "CronJob"}
        return {"name": owner["name"], "kind": owner["kind"]}
    return None


def endpoint(address, time, pods):
    """Return the endpoint object of an address at a time."""
    held = [pod for pod in pods.get(address, []) if moment(pod["status"]["startTime"]) <= time] or pods.get(address, [])
    if not held:
        return {"identity": 2, "labels": ["reserved:world"]}
    pod = held[-1]
    namespace, labels = pod["metadata"]["namespace"], pod["metadata"].get("labels", {})
    found = {
        "ID": 1000 + int(ipaddress.ip_address(address)) % 1000,
        "identity": 20000 + int(ipaddress.ip_address(address)) % 1000,
        "cluster_name": "default",
        "namespace": namespace,
        "labels": [
            *(f"k8s:{key}={value}" for key, value in sorted(labels.items())),
            f"k8s:io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name={namespace}",
            f"k8s:io.kubernetes.pod.namespace={namespace}",
        ],
        "pod_name": pod["metadata"]["name"],
    }
    workload = workload_of(pod)
    return {**found, "workloads": [workload]} if workload else found


def moment(text):
    """Return the seconds since 1970 of an RFC 3339 time."""
    return datetime.fromisoformat(text).timestamp()


def lines(capture, inventory, node="worker-1"):
    """Yield one line for each TCP and UDP packet of a capture, in its order."""
    pods, begun = pods_of(inventory), {}
    with PcapReader(str(capture)) as reader:
        for packet in reader:
            ip = packet.getlayer(IP) or packet.getlayer(IPv6)
            layer = ip and (ip.getlayer(TCP) or ip.getlayer(UDP))
            if not layer or ipaddress.ip_address(ip.dst).is_multicast:
                continue
            yield json.dumps(_line(packet, ip, layer, pods, begun, node), separators=(",", ":"))


def _line(packet, ip, layer, pods, begun, node):
    src, dst = (str(ipaddress.ip_address(address)) for address in (ip.src, ip.dst))
    seconds = float(packet.time)
    text = datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%S")
    time = f"{text}.{round(packet.time % 1 * 10**9):09d}Z"
    name = "TCP" if isinstance(layer, TCP) else "UDP"
    forward, back = (src, layer.sport, dst, layer.dport, name), (dst, layer.dport, src, layer.sport, name)
    # Cilium's connection tracking: who came first is the client
    new = forward not in begun and back not in begun
    if new:
        begun[forward] = True
    reply = forward not in begun
    l4 = {"source_port": layer.sport, "destination_port": layer.dport}
    if name == "TCP":
        l4["flags"] = {_FLAGS[flag]: True for flag in str(layer.flags) if flag in _FLAGS}
    flow = {
        "time": time,
        "verdict": "FORWARDED",
        "IP": {"source": src, "destination": dst, "ipVersion": "IPv4" if isinstance(ip, IP) else "IPv6"},
        "l4": {name: l4},
        "source": endpoint(src, seconds, pods),
        "destination": endpoint(dst, seconds, pods),
        "Type": "L3_L4",
        "node_name": node,
        "event_type": {"type": 4, "sub_type": 0},
        "traffic_direction": "INGRESS",
        "trace_observation_point": "TO_ENDPOINT",
        "trace_reason": "NEW" if new else "REPLY" if reply else "ESTABLISHED",
        "is_reply": reply,
        "Summary": "TCP Flags: " + ", ".join(l4["flags"]) if name == "TCP" else "UDP",
    }
    return {"flow": flow, "node_name": node, "time": time}


if __name__ == "__main__":
    for line in lines(*sys.argv[1:3]):
        print(line)
