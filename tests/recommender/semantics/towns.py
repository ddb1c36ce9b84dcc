"""Turns hypothesis' choices into random clusters (Town) and random traffic in them."""

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from collectors.inventory import Inventory, WorkloadRef
from tests.cluster import deployment, flow, inventory, namespace, node, pod, service, slices

NODES = {"node-1": "192.168.0.1", "node-2": "192.168.0.2"}
OUTSIDE = ("203.0.113.7", "198.51.100.9", "2001:db8::5")
PORTS = (53, 80, 5432, 8080)
PROTOCOLS = ("TCP", "UDP")
SERVICE_PORT, BEHIND = 443, 8080


@dataclass(frozen=True)
class Resident:
    """One pod: what it is called, its addresses, its node, and its workload."""

    name: str
    ips: tuple[str, ...]
    node: str
    workload: WorkloadRef


@dataclass(frozen=True)
class Town:
    """A cluster: its objects, its pods, and which workload is behind the address of each Service."""

    objects: tuple[dict[str, Any], ...]
    residents: tuple[Resident, ...]
    services: dict[str, WorkloadRef]

    @property
    def inventory(self) -> Inventory:
        """Return it as podfence knows it."""
        return inventory(list(self.objects))

    @property
    def homes(self) -> dict[str, Resident]:
        """Return the pod of each address."""
        return {ip: resident for resident in self.residents for ip in resident.ips}


_SHARED = st.sampled_from([None, None, "shared"])
_TIER = st.sampled_from([{}, {"tier": "a"}, {"tier": "b"}])
_FAMILIES = st.sampled_from(["4", "4", "6", "46"])
_NAMED = st.sampled_from([[], [{"containerPort": 80, "name": "http"}], [{"containerPort": 8080, "name": "http"}]])


@st.composite
def towns(draw):
    """Draw a cluster of two namespaces with 2 to 5 workloads, some of which share labels, Services and a host pod."""
    objects: list[dict[str, Any]] = [namespace("shop"), namespace("data")]
    objects += [node(name, address) for name, address in NODES.items()]
    objects.append(pod("agent", NODES["node-2"], {"app": "agent"}, host_network=True, node="node-2"))
    residents: list[Resident] = []
    services: dict[str, WorkloadRef] = {}
    for at in range(draw(st.integers(2, 5))):
        made = _workload(draw, at)
        objects += made
        own = [_resident(item) for item in made if item["kind"] == "Pod"]
        own = [Resident(one.name, one.ips, one.node, _ref(made, one)) for one in own]
        residents += own
        if draw(st.booleans()) and "." in own[0].ips[0]:
            services[f"10.96.0.{at}"] = own[0].workload
            objects += _service(at, own)
    return Town(tuple(objects), tuple(residents), services)


def _workload(draw, at):
    where, name = draw(st.sampled_from(["shop", "data"])), f"w{at}"
    labels = {"app": draw(_SHARED) or name, **draw(_TIER)}
    families, many, ports = draw(_FAMILIES), draw(st.integers(1, 2)), draw(_NAMED)
    ips = [[text for kind, text in (("4", f"10.0.{at}.{of + 1}"), ("6", f"fd00::{at}:{of + 1}")) if kind in families]
           for of in range(many)]  # fmt: skip
    if many == 1 and draw(st.booleans()):
        made = [pod(name, ips[0][0], labels, ns=where, ports=ports)]
    else:
        made = deployment(name, [own[0] for own in ips], ns=where, labels=labels, ports=ports,
                          selector={"app": labels["app"]})  # fmt: skip
    for item, own in zip([item for item in made if item["kind"] == "Pod"], ips, strict=True):
        item["status"]["podIPs"] = [{"ip": ip} for ip in own]
        item["spec"]["nodeName"] = draw(st.sampled_from(sorted(NODES)))
    return made


def _resident(item):
    meta, ips = item["metadata"], tuple(entry["ip"] for entry in item["status"]["podIPs"])
    return Resident(f"{meta['namespace']}/{meta['name']}", ips, item["spec"]["nodeName"], WorkloadRef("", "", ""))


def _ref(made, resident):
    where, _, name = resident.name.partition("/")
    root = made[0]
    return WorkloadRef(where, root["kind"], root["metadata"]["name"] if root["kind"] != "Pod" else name)


def _service(at, own):
    where = own[0].workload.namespace
    ends = [(one.ips[0], one.name.partition("/")[2]) for one in own]
    return [
        service(f"s{at}", f"10.96.0.{at}", SERVICE_PORT, ns=where),
        slices(f"s{at}", BEHIND, ends, ns=where),
    ]


@st.composite
def traffic(draw, town, most=10):
    """Draw flows that worked or not: between pods, to Services, from and to nodes and the outside."""
    sources = [*town.homes, *NODES.values(), *OUTSIDE]
    targets = [*sources, *town.services]
    rows = []
    for _ in range(draw(st.integers(1, most))):
        if rows and draw(st.integers(0, 2)) == 0:  # the same again, as it makes most of real traffic
            rows.append({**draw(st.sampled_from(rows)), "connections": draw(st.integers(1, 3))})
            continue
        src, dst = draw(st.sampled_from(sources)), draw(st.sampled_from(targets))
        if src == dst or (":" in src) != (":" in dst):
            continue
        rows.append(_flow(draw, src, dst, behind=dst in town.services))
    return rows


def _flow(draw, src, dst, *, behind):
    port = SERVICE_PORT if behind else draw(st.sampled_from(PORTS))
    protocol = "TCP" if behind else draw(st.sampled_from(PROTOCOLS))
    when = f"2026-11-01T11:{draw(st.integers(0, 3)):02}:{draw(st.sampled_from([0, 7, 58])):02}Z"
    more = {
        "outcome": draw(st.sampled_from(["established"] * 4 + ["refused", "denied"])),
        "source": draw(st.sampled_from(["a.pcap", "b.pcap", "c.pcap"])),
        "connections": draw(st.integers(1, 3)),
    }
    return flow(src, dst, port, protocol, at=when, **more)


@st.composite
def lives(draw, most=10):
    """Draw a cluster with traffic."""
    town = draw(towns())
    return town, draw(traffic(town, most))
