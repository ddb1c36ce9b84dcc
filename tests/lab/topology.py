"""The shop as frozen data: a generation number -> workloads, Services and pods with names, labels and addresses.

Generation 0 is what the samples record. Generation 1 is the same shop after everything was rolled out again: other pod
names, other template hashes, other addresses. Policies learnt from 0 must hold for 1.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field

POD_CIDR4, POD_CIDR6 = "10.244.1.0/24", "fd00:244:1::/64"
GATEWAY4, GATEWAY6 = "10.244.1.1", "fd00:244:1::1"
NODE_NAME, NODE4, NODE6 = "worker-1", "192.168.50.11", "fd00:50::11"
EXTERNAL_NAME = "api.payments.example"

# Actors which are no pods: name -> addresses.
NODE, CLIENT, EXTERNAL = "node", "client", "external-api"
OUTSIDE: Mapping[str, tuple[str, str]] = {
    CLIENT: ("203.0.113.7", "2001:db8:7::7"),
    EXTERNAL: ("198.51.100.23", "2001:db8:23::23"),
}
NAMESPACES = ("data", "kube-system", "monitoring", "shop")


@dataclass(frozen=True)
class Port:
    """A container port as a pod declares it."""

    name: str
    number: int
    protocol: str = "TCP"


@dataclass(frozen=True)
class Workload:
    """A root owner and what its pods look like."""

    namespace: str
    kind: str
    name: str
    image: str
    ports: tuple[Port, ...] = ()
    replicas: int = 1
    host_network: bool = False
    selector: tuple[tuple[str, str], ...] = ()
    env: tuple[tuple[str, str], ...] = ()

    @property
    def ref(self) -> str:
        """`namespace/Kind/name`, as expected.csv names it."""
        return f"{self.namespace}/{self.kind}/{self.name}"

    @property
    def match_labels(self) -> dict[str, str]:
        """The controller's own selector."""
        return dict(self.selector) or {"app.kubernetes.io/name": self.name}

    @property
    def labels(self) -> dict[str, str]:
        """What every pod of the workload carries, whatever the rollout."""
        part = "shop" if self.namespace in {"shop", "data"} else self.namespace
        return {"app.kubernetes.io/name": self.name, "app.kubernetes.io/part-of": part, **self.match_labels}


@dataclass(frozen=True)
class ServicePort:
    """One Service port and the pod port behind it."""

    name: str
    port: int
    target: str | int
    number: int
    protocol: str = "TCP"
    node_port: int = 0


@dataclass(frozen=True)
class Service:
    """A Service; without cluster addresses it is headless."""

    namespace: str
    name: str
    workload: str
    ports: tuple[ServicePort, ...]
    cluster4: str = ""
    cluster6: str = ""
    ingress: tuple[str, str] | None = None

    @property
    def host(self) -> str:
        """Its DNS name."""
        return f"{self.name}.{self.namespace}.svc.cluster.local"


@dataclass(frozen=True, eq=False)
class Pod:
    """One pod: a network namespace of the lab."""

    name: str
    workload: Workload
    ip4: str
    ip6: str
    labels: Mapping[str, str]
    ordinal: int = 0


@dataclass(frozen=True, eq=False)
class Shop:
    """Everything that the lab builds."""

    generation: int
    workloads: Mapping[str, Workload]
    services: tuple[Service, ...]
    pods: tuple[Pod, ...]
    _by_name: Mapping[str, Pod] = field(repr=False, default_factory=dict)

    def pods_of(self, ref: str) -> list[Pod]:
        """Return the pods of a workload, oldest first."""
        return [pod for pod in self.pods if pod.workload.ref == ref]

    def service(self, namespaced: str) -> Service:
        """Return the Service called `namespace/name`."""
        return next(s for s in self.services if f"{s.namespace}/{s.name}" == namespaced)

    def addresses(self, actor: str) -> tuple[str, str]:
        """IPv4 and IPv6 address of a pod, of the node or of a host outside."""
        if actor == NODE:
            return NODE4, NODE6
        if actor in OUTSIDE:
            return OUTSIDE[actor]
        pod = self._by_name[actor]
        return pod.ip4, pod.ip6


COREDNS, TRAEFIK = "kube-system/Deployment/coredns", "kube-system/Deployment/traefik"
EXPORTER = "kube-system/DaemonSet/node-exporter"
WEB, API, PAYMENTS = "shop/Deployment/web", "shop/Deployment/api", "shop/Deployment/payments"
WORKER, REPORT, DEBUG = "shop/Deployment/worker", "shop/CronJob/report", "shop/Pod/debug"
POSTGRES, REDIS, QUEUE = "data/StatefulSet/postgres", "data/Deployment/redis", "data/StatefulSet/queue"
PROMETHEUS, STATSD = "monitoring/StatefulSet/prometheus", "monitoring/Deployment/statsd"

_WORKLOADS = (
    Workload(
        "kube-system",
        "Deployment",
        "coredns",
        "registry.example.com/coredns:v1.12.1",
        (Port("dns", 53, "UDP"), Port("dns-tcp", 53), Port("metrics", 9153)),
        2,
        selector=(("k8s-app", "kube-dns"),),
    ),
    Workload(
        "kube-system",
        "Deployment",
        "traefik",
        "registry.example.com/traefik:v3.4",
        (Port("web", 8000), Port("websecure", 8443), Port("metrics", 9100)),
        selector=(("app.kubernetes.io/instance", "traefik-kube-system"), ("app.kubernetes.io/name", "traefik")),
    ),
    Workload(
        "kube-system",
        "DaemonSet",
        "node-exporter",
        "registry.example.com/node-exporter:v1.9.1",
        (Port("metrics", 9101),),
        host_network=True,
    ),
    Workload(
        "shop",
        "Deployment",
        "web",
        "registry.example.com/shop/web:2.4.1",
        (Port("http", 8080),),
        2,
        env=(("API_URL", "http://api.shop.svc.cluster.local"),),
    ),
    Workload(
        "shop",
        "Deployment",
        "api",
        "registry.example.com/shop/api:5.0.3",
        (Port("api", 3000), Port("metrics", 9090)),
        2,
        env=(("PGHOST", "postgres.data.svc.cluster.local"), ("REDIS_PORT", "6380")),
    ),
    Workload(
        "shop",
        "Deployment",
        "payments",
        "registry.example.com/shop/payments:1.9.0",
        (Port("http", 8080),),
        env=(("GATEWAY", f"https://{EXTERNAL_NAME}"),),
    ),
    Workload(
        "shop",
        "Deployment",
        "worker",
        "registry.example.com/shop/worker:5.0.3",
        env=(("AMQP_URL", "amqp://queue.data.svc.cluster.local:5672"),),
    ),
    Workload(
        "shop",
        "CronJob",
        "report",
        "registry.example.com/shop/report:0.7.2",
        env=(("PGHOST", "postgres.data.svc.cluster.local"),),
    ),
    Workload("shop", "Pod", "debug", "registry.example.com/tools/netshoot:0.13"),
    Workload("data", "StatefulSet", "postgres", "registry.example.com/postgres:17.5", (Port("postgres", 5432),)),
    Workload("data", "Deployment", "redis", "registry.example.com/redis:8.0", (Port("redis", 6379),)),
    Workload("data", "StatefulSet", "queue", "registry.example.com/rabbitmq:4.1", (Port("amqp", 5672),)),
    Workload("monitoring", "StatefulSet", "prometheus", "registry.example.com/prometheus:v3.4.1", (Port("web", 9090),)),
    Workload(
        "monitoring",
        "Deployment",
        "statsd",
        "registry.example.com/statsd-exporter:v0.28.0",
        (Port("statsd", 8125, "UDP"),),
    ),
)

_SERVICES = (
    Service(
        "kube-system",
        "kube-dns",
        COREDNS,
        (
            ServicePort("dns", 53, "dns", 53, "UDP"),
            ServicePort("dns-tcp", 53, "dns-tcp", 53),
            ServicePort("metrics", 9153, "metrics", 9153),
        ),
        "10.96.0.10",
        "fd00:96::a",
    ),
    Service(
        "kube-system",
        "traefik",
        TRAEFIK,
        (
            ServicePort("web", 80, "web", 8000, node_port=30080),
            ServicePort("websecure", 443, "websecure", 8443, node_port=30443),
        ),
        "10.96.44.7",
        "fd00:96::2c07",
        ("198.51.100.80", "2001:db8:80::80"),
    ),
    Service("shop", "web", WEB, (ServicePort("http", 80, "http", 8080),), "10.96.112.30", "fd00:96::701e"),
    Service("shop", "api", API, (ServicePort("http", 80, 3000, 3000),), "10.96.112.31", "fd00:96::701f"),
    Service("shop", "payments", PAYMENTS, (ServicePort("http", 80, 8080, 8080),), "10.96.112.32", "fd00:96::7020"),
    Service(
        "data", "postgres", POSTGRES, (ServicePort("postgres", 5432, "postgres", 5432),), "10.96.200.5", "fd00:96::c805"
    ),
    Service("data", "postgres-headless", POSTGRES, (ServicePort("postgres", 5432, "postgres", 5432),)),
    Service("data", "redis", REDIS, (ServicePort("redis", 6380, 6379, 6379),), "10.96.200.6", "fd00:96::c806"),
    Service("data", "queue", QUEUE, (ServicePort("amqp", 5672, "amqp", 5672),), "10.96.200.7", "fd00:96::c807"),
    Service(
        "monitoring",
        "statsd",
        STATSD,
        (ServicePort("statsd", 8125, "statsd", 8125, "UDP"),),
        "10.96.77.2",
        "fd00:96::4d02",
    ),
)

_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"  # the one Kubernetes takes its random suffixes from


def suffix(seed: str, length: int) -> str:
    """Return a suffix as Kubernetes would invent it, the same at every recording."""
    return "".join(random.Random(seed).choices(_ALPHABET, k=length))


def _identity(work: Workload, generation: int, ordinal: int) -> tuple[str, dict[str, str]]:
    """Name and varying labels of one pod."""
    seed = f"{work.ref}/{generation}"
    if work.kind == "Deployment":
        template = suffix(seed, 10)
        return f"{work.name}-{template}-{suffix(f'{seed}/{ordinal}', 5)}", {"pod-template-hash": template}
    if work.kind == "StatefulSet":
        revision = f"{work.name}-{suffix(seed, 10)}"
        name = f"{work.name}-{ordinal}"
        return name, {
            "controller-revision-hash": revision,
            "statefulset.kubernetes.io/pod-name": name,
            "apps.kubernetes.io/pod-index": str(ordinal),
        }
    if work.kind == "DaemonSet":
        return f"{work.name}-{suffix(seed, 5)}", {
            "controller-revision-hash": suffix(seed, 10),
            "pod-template-generation": str(generation + 1),
        }
    return work.name, {}


def shop(generation: int = 0, job: str = "report-29700000", job_uid: str = "") -> Shop:
    """Make the whole shop.

    In generation 0 the third web pod comes late and gets the address of the finished report pod; in generation 1
    both are there at once, the report pod being the next run of its CronJob.
    """
    pods: list[Pod] = []
    host = 10 + 100 * generation

    def add(work: Workload, name: str, varying: Mapping[str, str], ordinal: int, number: int) -> None:
        ip4, ip6 = (NODE4, NODE6) if work.host_network else (f"10.244.1.{number}", f"fd00:244:1::{number:x}")
        pods.append(Pod(name, work, ip4, ip6, {**work.labels, **varying}, ordinal))

    for work in _WORKLOADS:
        for ordinal in range(work.replicas):
            name, varying = _identity(work, generation, ordinal)
            if work.ref == REPORT:
                uid = job_uid or f"00000000-0000-4000-8000-{generation:012d}"
                name = f"{job}-{suffix(job, 5)}"
                varying = {
                    "batch.kubernetes.io/controller-uid": uid,
                    "batch.kubernetes.io/job-name": job,
                    "controller-uid": uid,
                    "job-name": job,
                }
                reused = host
            add(work, name, varying, ordinal, host)
            host += not work.host_network
    web = next(work for work in _WORKLOADS if work.ref == WEB)
    name, varying = _identity(web, generation, web.replicas)
    add(web, name, varying, web.replicas, host if generation else reused)
    return Shop(
        generation, {work.ref: work for work in _WORKLOADS}, _SERVICES, tuple(pods), {pod.name: pod for pod in pods}
    )
