"""Turns a number of lines into flow logs of made-up pods: Hubble's JSON, Zeek's conn.log, AWS VPC flow logs."""

import json
import random
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple

VERSION = 2
"""Of what is written here: a cached log of another version is not used."""

_BEGIN = 1_772_359_200  # 2026-03-01T10:00:00Z
_PODS = 400
_WORKLOADS = 60
_FLOWS = 5_000
_PORTS = (80, 443, 8080, 5432, 6379, 53)
_AT_ONCE = 10_000
_EVERY = 3_600_000
"""Nanoseconds between two lines: a million in an hour."""

_ZEEK = (
    "ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto", "service", "duration", "orig_bytes",
    "resp_bytes", "conn_state", "local_orig", "local_resp", "missed_bytes", "history", "orig_pkts", "orig_ip_bytes",
    "resp_pkts", "resp_ip_bytes", "tunnel_parents",
)  # fmt: skip
_VPC = (
    "version", "account-id", "interface-id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol", "packets", "bytes",
    "start", "end", "action", "log-status", "vpc-id", "subnet-id", "instance-id", "tcp-flags", "type", "pkt-srcaddr",
    "pkt-dstaddr", "region", "az-id", "pkt-src-aws-service", "pkt-dst-aws-service", "flow-direction", "traffic-path",
)  # fmt: skip


class Pod(NamedTuple):
    """One end of flows: its address, and what Hubble writes of it."""

    address: str
    text: str


class Seen(NamedTuple):
    """What one line tells of: `time` and `size` in ns and bytes; `back` if it is of the answer."""

    number: int
    client: int
    server: int
    port: int
    source_port: int
    time: int
    size: int
    back: bool
    dropped: bool


def write_log(path: Path, kind: str, lines: int) -> None:
    """Write a log of so many records, a million an hour, the same bytes for the same number: hubble, zeek or vpc."""
    head, line, each = _KINDS[kind]
    pods = [_pod(number) for number in range(_PODS)]
    made = map(partial(line, pods), _seen(lines, each))
    with path.open("w", encoding="ascii") as file:
        file.write(head)
        while some := list(islice(made, _AT_ONCE)):
            file.writelines(some)


def _seen(lines: int, each: int) -> Iterator[Seen]:
    """Yield what is seen, `each` lines of a connection: a few of the flows most of the time."""
    chance = random.Random(8)
    flows = [(chance.randrange(_PODS), chance.randrange(_PODS), chance.choice(_PORTS)) for _ in range(_FLOWS)]
    for number in range(lines):
        if number % each == 0:
            client, server, port = flows[int(_FLOWS ** chance.random()) - 1]
            source_port, dropped = chance.randrange(32_768, 61_000), chance.random() < 0.02
        time = _BEGIN * 10**9 + number * _EVERY + chance.randrange(1_000)
        size, back = chance.randrange(60, 200_000), number % each > 0 and not dropped
        yield Seen(number, client, server, port, source_port, time, size, back, dropped)


def _pod(number: int) -> Pod:
    """Return a pod with the labels that Cilium gives it."""
    name, namespace = f"svc-{number % _WORKLOADS:02d}", f"team-{number % 12}"
    labels = [
        f"k8s:app={name}",
        f"k8s:app.kubernetes.io/name={name}",
        f"k8s:io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name={namespace}",
        "k8s:io.cilium.k8s.policy.cluster=default",
        f"k8s:io.cilium.k8s.policy.serviceaccount={name}",
        f"k8s:io.kubernetes.pod.namespace={namespace}",
    ]
    text = {
        "ID": 1000 + number,
        "identity": 20_000 + number % _WORKLOADS,
        "cluster_name": "default",
        "namespace": namespace,
        "labels": labels,
        "pod_name": f"{name}-7d9f8b6c5-{number:05x}",
        "workloads": [{"name": name, "kind": "Deployment"}],
    }
    return Pod(f"10.244.{number // 200}.{number % 200 + 2}", json.dumps(text, separators=(",", ":")))


def _ends(pods: list[Pod], seen: Seen) -> tuple[Pod, Pod, int, int]:
    ends = pods[seen.client], pods[seen.server], seen.source_port, seen.port
    return (ends[1], ends[0], ends[3], ends[2]) if seen.back else ends


def _hubble(pods: list[Pod], seen: Seen) -> str:
    source, destination, source_port, port = _ends(pods, seen)
    minutes, rest = divmod(seen.time - _BEGIN * 10**9, 60 * 10**9)
    time = f"2026-03-01T{10 + minutes // 60}:{minutes % 60:02d}:{rest // 10**9:02d}.{rest % 10**9:09d}Z"
    ports = f'"source_port":{source_port},"destination_port":{port}'
    layer = f'"UDP":{{{ports}}}' if seen.port == 53 else f'"TCP":{{{ports},"flags":{{"PSH":true,"ACK":true}}}}'
    return (
        f'{{"flow":{{"time":"{time}","uuid":"{seen.number:08x}-3b1c-4b6e-9a55-0242ac120002",'
        f'"verdict":"{"DROPPED" if seen.dropped else "FORWARDED"}",'
        f'"ethernet":{{"source":"02:42:0a:f4:00:01","destination":"02:42:0a:f4:00:02"}},'
        f'"IP":{{"source":"{source.address}","destination":"{destination.address}","ipVersion":"IPv4"}},'
        f'"l4":{{{layer}}},"source":{source.text},"destination":{destination.text},"Type":"L3_L4",'
        f'"node_name":"default/node-{seen.client % 5}","event_type":{{"type":4,"sub_type":3}},'
        f'"traffic_direction":"{"INGRESS" if seen.back else "EGRESS"}","trace_observation_point":"TO_ENDPOINT",'
        f'"is_reply":{"true" if seen.back else "false"},"Summary":"TCP Flags: ACK, PSH"}},'
        f'"node_name":"default/node-{seen.client % 5}","time":"{time}"}}\n'
    )


def _zeek(pods: list[Pod], seen: Seen) -> str:
    client, server = pods[seen.client].address, pods[seen.server].address
    protocol = "udp" if seen.port == 53 else "tcp"
    packets, answers = seen.size // 700 + 1, seen.size // 3
    return (
        f"{seen.time // 10**9}.{seen.time // 1_000 % 10**6:06d}\tC{seen.number * 2654435761:016x}\t{client}\t"
        f"{seen.source_port}\t{server}\t{seen.port}\t{protocol}\t-\t{seen.size / 10**5:.6f}\t{seen.size}\t{answers}\t"
        f"SF\tT\tT\t0\tShADadFf\t{packets}\t{seen.size}\t{packets}\t{answers}\t-\n"
    )


def _vpc(pods: list[Pod], seen: Seen) -> str:
    source, destination, source_port, port = _ends(pods, seen)
    start = seen.time // 10**9
    addresses = f"{source.address} {destination.address}"
    flags = 2 if seen.dropped else 19 if seen.back else 3
    return (
        f"5 123456789012 eni-0a1b2c3d4e5f{seen.client:05x} {addresses} {source_port} {port} "
        f"{17 if seen.port == 53 else 6} {seen.size // 700 + 1} {seen.size} {start} {start + 60} "
        f"{'REJECT' if seen.dropped else 'ACCEPT'} OK vpc-0123456789abcdef0 subnet-0123456789abcdef0 - {flags} IPv4 "
        f"{addresses} eu-west-1 euw1-az1 - - {'ingress' if seen.back else 'egress'} 1\n"
    )


_KINDS: dict[str, tuple[str, Callable[[list[Pod], Seen], str], int]] = {
    "hubble": ("", _hubble, 2),
    "zeek": ("#separator \\x09\n#path\tconn\n#fields\t" + "\t".join(_ZEEK) + "\n", _zeek, 1),
    "vpc": (" ".join(_VPC) + "\n", _vpc, 2),
}
"""Kind -> header, what makes a line, and how many there are of a connection."""
