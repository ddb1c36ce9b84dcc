"""The lab itself: a Shop -> a node with a bridge, a namespace per pod, hosts outside, Services by DNAT."""

from __future__ import annotations

import socket
from collections.abc import Collection, Iterator
from contextlib import ExitStack
from typing import Self

from tests.lab import topology as t
from tests.lab.netns import Namespaces

_SYSCTLS = {
    "net/ipv4/ip_forward": 1,
    "net/ipv6/conf/all/forwarding": 1,
    # A node answers a packet that leaves by the interface it came in by with a redirect; CNI plugins turn that off.
    "net/ipv4/conf/all/send_redirects": 0,
    "net/ipv4/conf/default/send_redirects": 0,
    # Pod-to-pod traffic on one bridge must cross conntrack, DNAT and the forward hook.
    "net/bridge/bridge-nf-call-iptables": 1,
    "net/bridge/bridge-nf-call-ip6tables": 1,
}


def family_of(address: str) -> int:
    """AF_INET or AF_INET6."""
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def mac(ip4: str) -> str:
    """0a:58 and the IPv4 address, as the CNI bridge plugin made it: a reused address keeps its neighbours' entries."""
    return "0a:58:" + ":".join(f"{int(part):02x}" for part in ip4.split("."))


class Lab:
    """A running shop: actors are pod names, `node`, `client` and `external-api`."""

    def __init__(self, shop: t.Shop) -> None:
        self.shop = shop
        self.pods = [pod for pod in shop.pods if not pod.workload.host_network]
        self._short = {pod.name: f"p{index}" for index, pod in enumerate(self.pods)}
        self._short |= {t.NODE: "node", t.CLIENT: "out0", t.EXTERNAL: "out1"}
        self._short |= {pod.name: "node" for pod in shop.pods if pod.workload.host_network}
        self.spaces = Namespaces(sorted(set(self._short.values())))
        # Pods that come later, because another pod still has their address.
        first = {pod.ip4: pod for pod in reversed(self.pods)}
        self.asleep = {pod for pod in self.pods if first[pod.ip4] is not pod}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self.spaces)
            self._node()
            for index, (name, addresses) in enumerate(t.OUTSIDE.items()):
                self._outside(name, f"vout{index}", addresses)
            for pod in self.pods:
                self._plug(pod, up=pod not in self.asleep)
            self.nft(services_nft(self.shop, self.asleep))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _node(self) -> None:
        writes = "; ".join(f"echo {value} > /proc/sys/{key}" for key, value in _SYSCTLS.items())
        self.spaces.run("node", "sh", "-e", "-c", writes)
        self.spaces.ip(
            "node",
            [
                "link set lo up",
                # ageing and snooping off: the lab shall not depend on when a group was last joined
                "link add br0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0",
                "link add wan0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0",
                f"link set br0 address {mac(t.GATEWAY4)} up",
                f"link set wan0 address {mac(t.NODE4)} up",
                f"addr add {t.GATEWAY4}/24 dev br0",
                f"addr add {t.GATEWAY6}/64 dev br0 nodad",
                f"addr add {t.NODE4}/24 dev wan0",
                f"addr add {t.NODE6}/64 dev wan0 nodad",
            ],
        )

    def _veth(self, short: str, outer: str, bridge: str, hardware: str) -> None:
        self.spaces.ip(
            "node",
            [
                f"link add {outer} type veth peer name eth0 address {hardware} netns {self.spaces.full(short)}",
                f"link set {outer} master {bridge} up",
            ],
        )

    def _outside(self, name: str, outer: str, addresses: tuple[str, str]) -> None:
        """Plug in a host on the other side of the node, with a route back, so that nobody has to translate sources."""
        short = self._short[name]
        self._veth(short, outer, "wan0", mac(addresses[0]))
        self.spaces.ip(
            short,
            [
                "link set lo up",
                "link set eth0 up",
                f"addr add {addresses[0]}/32 dev eth0",
                f"addr add {addresses[1]}/128 dev eth0 nodad",
                f"route add default via {t.NODE4} dev eth0 onlink",
                f"route add default via {t.NODE6} dev eth0 onlink",
            ],
        )
        self.spaces.ip("node", [f"route add {addresses[0]}/32 dev wan0", f"route add {addresses[1]}/128 dev wan0"])

    def veth(self, pod: t.Pod) -> str:
        """Return the node's end of a pod's cable."""
        return f"veth{self._short[pod.name]}"

    def _plug(self, pod: t.Pod, *, up: bool) -> None:
        short = self._short[pod.name]
        self._veth(short, self.veth(pod), "br0", mac(pod.ip4))
        self.spaces.ip(short, ["link set lo up"])
        if up:
            self._wake(pod)

    def replace(self, finished: t.Pod, late: t.Pod) -> None:
        """One pod ends, and another gets its address and its place behind the Services."""
        self._put_to_sleep(finished)
        self._wake(late)
        self.asleep = (self.asleep - {late}) | {finished}
        self.nft(services_nft(self.shop, self.asleep))

    def _wake(self, pod: t.Pod) -> None:
        self.spaces.ip(
            self._short[pod.name],
            [
                "link set eth0 up",
                f"addr add {pod.ip4}/24 dev eth0",
                f"addr add {pod.ip6}/64 dev eth0 nodad",
                f"route add default via {t.GATEWAY4}",
                f"route add default via {t.GATEWAY6}",
            ],
        )

    def _put_to_sleep(self, pod: t.Pod) -> None:
        """Take its address away. Only the pod's end goes down: a capture on the node's end lives on."""
        self.spaces.ip(self._short[pod.name], ["link set eth0 down", "addr flush dev eth0"])

    def socket(self, actor: str, family: int, kind: int, protocol: int = 0) -> socket.socket:
        """Return a non-blocking socket of an actor."""
        return self.spaces.socket(self._short[actor], family, kind, protocol)

    def sockets(self, wanted: list[tuple[str, int, int]]) -> list[socket.socket]:
        """Many sockets at once: (actor, family, type)."""
        return self.spaces.sockets([(self._short[actor], family, kind, 0) for actor, family, kind in wanted])

    def nft(self, text: str) -> str:
        """Load a ruleset into the node, all or nothing."""
        return self.spaces.run("node", "nft", "-f", "-", text=text)

    def flush_conntrack(self) -> None:
        """Forget every connection, so that the next packet of any is judged anew."""
        self.spaces.run("node", "conntrack", "-F")


def _dnat(service: t.Service, pods: list[t.Pod]) -> Iterator[str]:
    """Write what kube-proxy would write: each Service port, in turn to each of its endpoints."""
    for version, word in enumerate(("ip", "ip6")):
        targets = [pod.ip6 if version else pod.ip4 for pod in pods]
        table = ", ".join(f"{index} : {target}" for index, target in enumerate(targets))
        for port in service.ports:
            low = port.protocol.lower()
            to = f"dnat {word} to numgen random mod {len(targets)} map {{ {table} }} : {port.number}"
            if service.cluster4:
                yield f"{word} daddr {(service.cluster4, service.cluster6)[version]} {low} dport {port.port} {to}"
            if service.ingress:
                yield f"{word} daddr {service.ingress[version]} {low} dport {port.port} {to}"
            if port.node_port:
                yield f"{word} daddr {(t.NODE4, t.NODE6)[version]} {low} dport {port.node_port} {to}"


def services_nft(shop: t.Shop, asleep: Collection[t.Pod] = ()) -> str:
    """Write the Services as nft text, for packets of pods and hosts (prerouting) and of the node itself (output)."""
    rules = [
        rule
        for service in shop.services
        for rule in _dnat(service, [pod for pod in shop.pods_of(service.workload) if pod not in asleep])
    ]
    body = "\n    ".join(rules)
    return (
        "table inet lab_services\ndelete table inet lab_services\n"
        "table inet lab_services {\n"
        f"  chain prerouting {{\n    type nat hook prerouting priority dstnat;\n    {body}\n  }}\n"
        f"  chain output {{\n    type nat hook output priority -100;\n    {body}\n  }}\n}}\n"
    )
