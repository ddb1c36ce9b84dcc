"""Turns resolved flows into communications: who talks to whom, by protocol and port, with the evidence."""

from dataclasses import dataclass

import pandas as pd

from collectors.inventory import WorkloadRef


@dataclass(frozen=True, order=True)
class AddressPeer:
    """An end that is not a workload's pod: one address and what it is.

    kind: `external` (public), `node` (a node or a host network pod), `api_server`, `service` (a Service whose
    backends are not known), `unresolved` (private, owner unknown), `ambiguous` (two possible owners),
    `link_local`, `multicast`, `loopback`. `name` is the node, Service or host network workload, where known.
    """

    address: str
    kind: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.address}" + (f" ({self.name})" if self.name else "")


End = WorkloadRef | AddressPeer


@dataclass(frozen=True)
class Evidence:
    """What was seen of one communication.

    `connections` are those that worked; `failed` counts the attempts that did not, by outcome; `one_way` are
    datagram conversations without any reply. `services` are "namespace/name:port" it was reached through.
    """

    first_seen: pd.Timestamp
    last_seen: pd.Timestamp
    connections: int = 0
    one_way: int = 0
    failed: tuple[tuple[str, int], ...] = ()
    packets: int | None = None
    bytes: int | None = None
    reply_packets: int | None = None
    reply_bytes: int | None = None
    src_pods: tuple[str, ...] = ()
    dst_pods: tuple[str, ...] = ()
    orientations: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    sampled: bool = False
    example: str = ""


@dataclass(frozen=True)
class Communication:
    """One (who, whom, protocol, port) with its evidence; `port` is the port at dst itself, after Service translation."""

    src: End
    dst: End
    protocol: str
    port: int
    evidence: Evidence
    notes: tuple[str, ...] = ()
    """Facts of resolution that later stages need: `node_local`, `hairpin`, `backend_guessed`, `host_network`."""

    def __str__(self) -> str:
        return f"{self.src} -> {self.dst} {self.protocol}/{self.port}"
