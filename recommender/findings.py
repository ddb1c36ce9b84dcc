"""Turns an observation, its communications and scans into findings: what a person should look at beside the rules."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from collectors.addresses import Ranges
from collectors.flow_facts import FlowFacts, facts_of
from collectors.inventory import Inventory, WorkloadRef
from collectors.observation import Observation
from recommender.communications import AddressPeer, Communication, End, meaning
from recommender.findings_model import KINDS, SEVERITIES, Finding, Severity, counted, name_of, names_of
from recommender.findings_sources import from_records, lossy
from recommender.scans import Scan

METADATA: Final = frozenset({"169.254.169.254", "fd00:ec2::254", "fd20:ce::254", "100.100.100.200"})
"""Where clouds hand out credentials: AWS, Azure, GCP, OpenStack and Oracle share the first; AWS and GCP over IPv6;
Alibaba."""

DATABASES: Final[Mapping[tuple[str, int], str]] = {
    ("TCP", 1433): "SQL Server", ("TCP", 1521): "Oracle", ("TCP", 2181): "ZooKeeper", ("TCP", 3306): "MySQL",
    ("TCP", 5432): "PostgreSQL", ("TCP", 5672): "AMQP", ("TCP", 5984): "CouchDB", ("TCP", 6379): "Redis",
    ("TCP", 9042): "Cassandra", ("TCP", 9092): "Kafka", ("TCP", 9200): "Elasticsearch",
    ("TCP", 11211): "Memcached", ("UDP", 11211): "Memcached", ("TCP", 27017): "MongoDB",
}  # fmt: skip
"""Ports known for databases and brokers that may speak plaintext; what spoke there is not known."""


@dataclass(frozen=True)
class FindingOptions:
    """`many_at_api_server`: more workloads than this at the API server, those of `system_namespaces` not counted."""

    many_at_api_server: int = 10
    system_namespaces: frozenset[str] = frozenset({"kube-system"})


def findings(
    observation: Observation,
    inventory: Inventory,
    communications: Iterable[Communication],
    scans: Iterable[Scan] = (),
    options: FindingOptions | None = None,
    *,
    facts: FlowFacts | None = None,
) -> tuple[Finding, ...]:
    """Return everything to look at, the most serious first, then by kind and subject.

    `facts` are those of the observation's flows, where they are known already.
    """
    options = options or FindingOptions()
    spoken = tuple(sorted(communications, key=meaning))
    worked = tuple(c for c in spoken if c.evidence.worked)
    found = [
        *_scans(scans, spoken),
        *_conflicts(spoken),
        *_denied_before(worked),
        *_from_nowhere(worked, inventory),
        *_api_server(worked, options),
        *_metadata(worked),
        *_databases(worked),
        *_from_outside(worked),
        *_host_network(worked),
        *lossy(observation.window, facts_of(observation.flows) if facts is None else facts),
        *from_records(inventory),
    ]
    return tuple(sorted(found, key=_order))


def _order(finding: Finding) -> tuple[object, ...]:
    return (
        SEVERITIES.index(finding.severity), KINDS.index(finding.kind),
        finding.subject, finding.sentence, finding.communications,
    )  # fmt: skip


def findings_data(found: Iterable[Finding]) -> list[dict[str, Any]]:
    """Return findings as plain data for --json."""
    names = ("kind", "severity", "subject", "sentence", "communications", "docs")
    return [{name: getattr(finding, name) for name in names} for finding in found]


def findings_rows(found: Iterable[Finding]) -> Iterator[tuple[str, str]]:
    """Yield the rows of the summary: how many of each severity, then the first of each kind; no findings, no rows."""
    listed = list(found)
    if not listed:
        return
    counts = {severity: sum(finding.severity == severity for finding in listed) for severity in SEVERITIES}
    yield "findings", ", ".join(f"{count} {severity}" for severity, count in counts.items() if count)
    firsts = {finding.kind: finding for finding in reversed(listed)}
    for first in sorted(firsts.values(), key=_order):
        more = sum(finding.kind == first.kind for finding in listed) - 1
        yield "", f"{first.kind}: {first.sentence}" + (f" (and {more} more, in the report)" if more else "")


def _by(side: Literal["src", "dst"], of: Iterable[Communication]) -> Mapping[End, list[Communication]]:
    grouped: dict[End, list[Communication]] = {}
    for communication in of:
        grouped.setdefault(communication.src if side == "src" else communication.dst, []).append(communication)
    return grouped


def _is(end: End, kind: str) -> bool:
    return isinstance(end, AddressPeer) and end.kind == kind


def _scans(found: Iterable[Scan], spoken: Iterable[Communication]) -> Iterator[Finding]:
    known = {meaning(communication): communication for communication in spoken}
    for scan in found:
        of = [known[meant] for meant in scan.worked if meant in known]
        sentence = (
            f"{name_of(scan.source)} tried {counted(scan.ports, 'port')} of {counted(scan.peers, 'peer')} "
            f"from {scan.start:%Y-%m-%d %H:%M:%S} to {scan.end:%Y-%m-%d %H:%M:%S} UTC, and {scan.failed:,} of "
            f"{counted(scan.attempts, 'attempt')} failed (such as {names_of(scan.examples)}); "
            "it looks like a scan, so do not accept what it reached meanwhile before you know why."
        )
        yield Finding.of("scan", "serious", scan.source, sentence, of)


def _conflicts(spoken: Iterable[Communication]) -> Iterator[Finding]:
    for src, of in _by("src", (c for c in spoken if "identity_conflict" in c.notes)).items():
        sentence = (
            f"In {counted(len(of), 'communication')} from {name_of(src)} (to {names_of(c.dst for c in of)}) the record "
            "names another pod or namespace, at one end, than the inventory knows; the inventory is believed."
        )
        yield Finding.of("identity_conflict", "attention", src, sentence, of)


def _denied_before(worked: Iterable[Communication]) -> Iterator[Finding]:
    for dst, of in _by("dst", (c for c in worked if _denied(c))).items():
        sentence = (
            f"{counted(sum(map(_denied, of)), 'attempt')} at {name_of(dst)} (from {names_of(c.src for c in of)}) met a "
            "policy or firewall that denies them, or is in audit mode and would; others of the same communications "
            "worked. Which one it was is not told: find out whether it still holds before you accept them."
        )
        yield Finding.of("denied_before", "attention", dst, sentence, of)


def _denied(communication: Communication) -> int:
    return sum(count for outcome, count in communication.evidence.failed if outcome in {"denied", "audited"})


def _from_nowhere(worked: Iterable[Communication], inventory: Inventory) -> Iterator[Finding]:
    cluster = Ranges(
        [*inventory.pod_cidrs, *inventory.service_cidrs, *(cidr for node in inventory.nodes for cidr in node.pod_cidrs)]
    )
    owned = {tenure.ip for pod in inventory.pods if not pod.host_network for tenure in pod.held}
    for src, of in _by("src", worked).items():
        if not isinstance(src, AddressPeer) or src.kind not in {"unresolved", "ambiguous"} or not src.address:
            continue
        if src.kind == "ambiguous":
            why = "two owners claim it for that time"
        elif src.address in owned:
            why = "a pod had it, but not then"
        elif src.address in cluster:
            why = "it is in the cluster's ranges, and nobody is known to have had it"
        else:
            continue
        sentence = (
            f"{name_of(src.address)} reached {names_of(c.dst for c in of)}, and who that was is not known: {why}. "
            "An inventory watched during the observation would tell."
        )
        yield Finding.of("traffic_from_nowhere", "attention", src, sentence, of)


def _api_server(worked: Iterable[Communication], options: FindingOptions) -> Iterator[Finding]:
    of = [
        c for c in worked
        if _is(c.dst, "api_server")
        and isinstance(c.src, WorkloadRef) and c.src.namespace not in options.system_namespaces
    ]  # fmt: skip
    callers = {c.src for c in of}
    if len(callers) > options.many_at_api_server:
        sentence = (
            f"{counted(len(callers), 'workload')} outside {names_of(options.system_namespaces)} talk to the API server "
            f"({names_of(callers)}); few applications need it, and each that can is a way to take over the cluster."
        )
        yield Finding.of("api_server_reached_by_many", "info", "API server", sentence, of)


def _metadata(worked: Iterable[Communication]) -> Iterator[Finding]:
    # On GCP the same address is the resolver: name resolution hands out no credentials.
    asked = (c for c in worked if isinstance(c.dst, AddressPeer) and c.dst.address in METADATA and c.port != 53)
    for src, of in _by("src", asked).items():
        sentence = (
            f"{name_of(src)} reached the cloud's metadata service ({names_of(_address(c.dst) for c in of)}), which "
            "hands out the credentials of the node; give the workload an identity of its own, and decline this."
        )
        yield Finding.of("metadata_service_reached", "serious", src, sentence, of)


def _databases(worked: Iterable[Communication]) -> Iterator[Finding]:
    for dst, spoken in _by("dst", worked).items():
        if not isinstance(dst, WorkloadRef):
            continue
        for (protocol, port), product in DATABASES.items():
            of = [c for c in spoken if (c.protocol, c.port) == (protocol, port) and _is_foreign(c.src, dst)]
            if not of:
                continue
            outside = any(_is(c.src, "external") for c in of)
            sentence = (
                f"{name_of(dst)} is reached at {protocol}/{port}, the port known for {product}, from outside its "
                f"namespace ({names_of(c.src for c in of)}); without TLS all of it can be read on the way."
            )
            severity: Severity = "serious" if outside else "attention"
            yield Finding.of("database_from_outside_namespace", severity, dst, sentence, of)


def _is_foreign(src: End, dst: WorkloadRef) -> bool:
    return src.namespace != dst.namespace if isinstance(src, WorkloadRef) else src.kind == "external"


def _from_outside(worked: Iterable[Communication]) -> Iterator[Finding]:
    direct = (c for c in worked if _is(c.src, "external") and isinstance(c.dst, WorkloadRef))
    for dst, of in _by("dst", direct).items():
        peers = {c.src for c in of}
        sentence = (
            f"{counted(len(peers), 'public address', 'public addresses')} ({names_of(map(_address, peers))}) reached "
            f"{name_of(dst)} straight at {names_of(f'{c.protocol}/{c.port}' for c in of)}; "
            "if that is not its purpose, it is exposed by mistake."
        )
        yield Finding.of("external_reaches_pod", "attention", dst, sentence, of)


def _address(end: End) -> str:
    return end.address if isinstance(end, AddressPeer) else str(end)


def _host_network(worked: Iterable[Communication]) -> Iterator[Finding]:
    """Yield one finding for each host network workload that is known, and one for nodes on which nobody is named."""
    grouped: dict[str, list[tuple[Communication, AddressPeer]]] = {}
    for communication in worked:
        if "node_local" in communication.notes:
            continue
        for end in (communication.src, communication.dst):
            if isinstance(end, AddressPeer) and end.kind == "node":
                # a node's name has no slash, a workload's has two
                grouped.setdefault(end.name if "/" in end.name else "", []).append((communication, end))
    for name, pairs in grouped.items():
        nodes, of = {end.address for _, end in pairs}, [communication for communication, _ in pairs]
        who = name_of(name) if name else "Some process on the host network"
        sentence = (
            f"{who} talks from or at {counted(len(nodes), 'node address', 'node addresses')} ({names_of(nodes)}); no "
            "policy can select what is on the host network, and a rule for a node's address means all that runs there."
        )
        yield Finding.of("host_network_talks", "info", name or "nodes", sentence, of)
