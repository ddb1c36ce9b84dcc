"""Builds a shop by hand: 12 workloads in 4 namespaces and what they say to each other."""

from dataclasses import replace

import pandas as pd

from collectors.flows import Flows, conform_flows
from collectors.inventory import Inventory, Namespace, Node, Pod, Workload, WorkloadRef
from collectors.ledger import LedgerWriter
from collectors.observation import Observation, ObservationWindow, Source
from recommender.communications import AddressPeer, Communication, End, Evidence
from recommender.generate import GenerateOptions, generate
from recommender.outcomes import EndVerdict, Excess, Outcome
from recommender.policy import EGRESS, INGRESS
from recommender.review import Decision, Reviewed, decided, review
from recommender.suggest import suggest
from recommender.summary import Conclusion

START = pd.Timestamp("2026-03-02T08:00:00Z")


def workload(name: str, kind: str = "Deployment") -> WorkloadRef:
    namespace, _, own = name.partition("/")
    return WorkloadRef(namespace, kind, own)


COREDNS, TRAEFIK = workload("kube-system/coredns"), workload("kube-system/traefik")
EXPORTER = workload("kube-system/node-exporter", "DaemonSet")
WEB, API, PAYMENTS = workload("shop/web"), workload("shop/api"), workload("shop/payments")
WORKER, REPORT, DEBUG = workload("shop/worker"), workload("shop/report", "CronJob"), workload("shop/debug", "Pod")
POSTGRES, REDIS = workload("data/postgres", "StatefulSet"), workload("data/redis")
QUEUE = workload("data/queue", "StatefulSet")
PROMETHEUS, STATSD = workload("monitoring/prometheus", "StatefulSet"), workload("monitoring/statsd")
WORKLOADS = (
    COREDNS, TRAEFIK, EXPORTER, WEB, API, PAYMENTS, WORKER, REPORT, DEBUG, POSTGRES, REDIS, QUEUE, PROMETHEUS, STATSD,
)  # fmt: skip

CLIENT, BANK = AddressPeer("203.0.113.7", "external"), AddressPeer("2001:db8:23::23", "external")
NODE = AddressPeer("192.168.50.11", "node", "worker-1")
EXPORTER_NODE = AddressPeer("192.168.50.12", "node", "kube-system/DaemonSet/node-exporter")
API_SERVER = AddressPeer("192.168.50.10", "api_server", "kubernetes")
STRANGER = AddressPeer("10.244.9.9", "unresolved")

WORKED: tuple[tuple[End, End, str, int], ...] = (
    (CLIENT, TRAEFIK, "TCP", 8000),
    (TRAEFIK, WEB, "TCP", 8080),
    (WEB, API, "TCP", 3000),
    (API, PAYMENTS, "TCP", 8080),
    (API, POSTGRES, "TCP", 5432),
    (API, REDIS, "TCP", 6379),
    (API, STATSD, "UDP", 8125),
    (PAYMENTS, BANK, "TCP", 443),
    (WORKER, QUEUE, "TCP", 5672),
    (WORKER, POSTGRES, "TCP", 5432),
    (REPORT, POSTGRES, "TCP", 5432),
    (POSTGRES, POSTGRES, "TCP", 5432),
    (QUEUE, API, "TCP", 3001),
    (PROMETHEUS, API, "TCP", 9090),
    (PROMETHEUS, COREDNS, "TCP", 9153),
    (PROMETHEUS, TRAEFIK, "TCP", 9100),
    (PROMETHEUS, EXPORTER_NODE, "TCP", 9101),
    (PROMETHEUS, API_SERVER, "TCP", 6443),
    (STRANGER, WEB, "TCP", 8080),
    (NODE, WEB, "TCP", 8080),
    *((src, COREDNS, "UDP", 53) for src in (WEB, API, PAYMENTS, WORKER, REPORT, TRAEFIK, PROMETHEUS)),
    (PAYMENTS, COREDNS, "TCP", 53),
)
FAILED: tuple[tuple[End, End, str, int], ...] = (
    (DEBUG, PAYMENTS, "TCP", 6666),
    (DEBUG, POSTGRES, "TCP", 22),
    (DEBUG, REDIS, "TCP", 6379),
    (DEBUG, WEB, "TCP", 23),
)


def communication(
    src: End, dst: End, protocol: str = "TCP", port: int = 80, connections: int = 12, notes: tuple[str, ...] = ()
) -> Communication:
    """Return a communication that worked `connections` times, or was refused once."""
    evidence = Evidence(
        first_seen=START + pd.Timedelta(seconds=port % 50),
        last_seen=START + pd.Timedelta(minutes=9, seconds=port % 60),
        connections=connections,
        failed=() if connections else (("refused", 1),),
        packets=connections * 12,
        bytes=connections * 4321,
        reply_packets=None,
        reply_bytes=None,
        src_pods=(f"{src.name}-0",) if isinstance(src, WorkloadRef) else (),
        dst_pods=(f"{dst.name}-0", f"{dst.name}-1") if isinstance(dst, WorkloadRef) else (),
        orientations=("handshake",),
        services=(f"{dst.namespace}/{dst.name}:{port}",) if isinstance(dst, WorkloadRef) else (),
        sources=("shop.pcap",),
        example=f"10.244.1.5 -> 10.244.1.6 {protocol}/{port}",
    )
    return Communication(src, dst, protocol, port, evidence, notes)


def communications() -> tuple[Communication, ...]:
    notes = {NODE: ("node_local",)}
    worked = [communication(*parts, notes=notes.get(parts[0], ())) for parts in WORKED]
    icmp = communication(DEBUG, API, "ICMP", 0)
    return (*worked, *(communication(*parts, connections=0) for parts in FAILED), icmp)


def inventory(refs: tuple[WorkloadRef, ...] = WORKLOADS) -> Inventory:
    pods = tuple(
        Pod(
            uid=f"uid-{number}",
            namespace=ref.namespace,
            name=f"{ref.name}-0",
            workload=ref,
            labels={"app": ref.name},
            node="worker-1",
            host_network=ref == EXPORTER,
            ips=("192.168.50.12",) if ref == EXPORTER else (f"10.244.{number // 250}.{number % 250 + 1}",),
        )
        for number, ref in enumerate(refs)
    )
    return Inventory(
        pods=pods,
        workloads={ref: Workload(ref, {"matchLabels": {"app": ref.name}}, {"app": ref.name}) for ref in refs},
        nodes=(Node("worker-1", ("192.168.50.11",)), Node("worker-2", ("192.168.50.12",))),
        namespaces={ref.namespace: Namespace(ref.namespace) for ref in refs},
    )


def observation(packets: int = 1000) -> Observation:
    """Return packets of which 40 are in no flow."""
    writer = LedgerWriter()
    for number in range(1, 41):
        writer.packet("shop.pcap", "not_ip" if number % 4 else "fragment", number, "link type 1, 60 bytes")
    flows = conform_flows(
        pd.DataFrame({
            "first_seen": [START], "last_seen": [START], "src": ["10.244.0.1"], "dst": ["10.244.0.2"],
            "dst_port": [80], "protocol": ["TCP"], "orientation": ["handshake"], "outcome": ["established"],
            "connections": [1], "packets": [packets - 540], "reply_packets": [500], "source": ["shop.pcap"],
        })
    )  # fmt: skip
    source = Source("shop.pcap", "pcap", packets, start=START, end=START + pd.Timedelta(minutes=10))
    return Observation(Flows(flows), ObservationWindow.of([source]), writer.ledger())


def outcome(item: Communication, verdict: str, reason: str = "said by hand") -> Outcome:
    end = EndVerdict(verdict, isolated=True)
    return Outcome(item, verdict, end, end, reason)


def decide(reviewed: Reviewed, choices: dict[tuple[End, End, int], str | None]) -> tuple[Decision, ...]:
    """Return decisions that accept everything but what `choices` says otherwise (None: not decided on)."""
    found = []
    for item in reviewed.suggestions.items:
        spoken = item.communication
        choice = choices.get((spoken.src, spoken.dst, spoken.port), "accept")
        if choice is not None:
            found.append(decided(reviewed.suggestions, item, choice, "ann", "checked with the owners"))
    return tuple(found)


def shop(choices: dict[tuple[End, End, int], str | None] | None = None, *, accept: bool = True) -> Conclusion:
    """Return the shop with everything accepted but what `choices` says otherwise; what is not accepted is denied."""
    return conclusion(communications(), inventory(), choices, accept=accept)


def conclusion(
    spoken: tuple[Communication, ...],
    known: Inventory,
    choices: dict[tuple[End, End, int], str | None] | None = None,
    *,
    accept: bool = True,
) -> Conclusion:
    seen = observation()
    suggestions = suggest(spoken, known, seen.window)
    first = review(suggestions)
    reviewed = review(suggestions, decide(first, choices or {}) if accept else ())
    policies = generate(reviewed, GenerateOptions(default_deny=True)) if reviewed.accepted else ()
    accepted = {item.id for item in reviewed.accepted}
    closed = frozenset({INGRESS, EGRESS})
    namespaces = {policy.namespace for policy in policies}
    outcomes = [
        outcome(item.communication, "allowed" if item.id in accepted or not policies else "denied")
        for item in suggestions.items
    ]
    outcomes += [
        outcome(item.communication, "allowed" if item.why == "node_local" or not policies else "denied")
        for item in suggestions.withheld
    ]
    refs = {pod.workload for pod in known.pods}
    isolation = {
        ref: closed if ref.namespace in namespaces and ref != EXPORTER else frozenset() for ref in sorted(refs)
    }
    return Conclusion(seen, known, spoken, reviewed, policies, tuple(outcomes), (), isolation)


def troubled_shop() -> Conclusion:
    """Return a shop in which every number of the headline is above 0."""
    whole = shop(
        {(REPORT, POSTGRES, 5432): None, (API, STATSD, 8125): "decline", (PROMETHEUS, TRAEFIK, 9100): "decline"}
    )
    verdicts = {(PAYMENTS, BANK): "denied", (PROMETHEUS, TRAEFIK): "allowed", (WORKER, QUEUE): "undecidable"}
    outcomes = tuple(
        outcome(o.communication, verdicts.get((o.communication.src, o.communication.dst), o.verdict), "no rule fits")
        for o in whole.outcomes
    )
    excess = (
        Excess("shop/Deployment/api", "Egress", "0.0.0.0/0", "TCP/443", 4294967296, "shop/api-podfence egress[1]"),
    )
    return replace(whole, outcomes=outcomes, excess=excess)
