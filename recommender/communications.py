"""Turns resolved flows into communications: who talks to whom, by protocol and port, with the evidence."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import pandas as pd

from collectors.inventory import WorkloadRef
from recommender.resolve import RESOLVED, ResolvedFlows


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
    """One (who, whom, protocol, port) with its evidence; `port` is dst's own, after Service translation."""

    src: End
    dst: End
    protocol: str
    port: int
    evidence: Evidence
    notes: tuple[str, ...] = ()
    """Facts of resolution that later stages need: `node_local`, `hairpin`, `backend_guessed`, `host_network`."""

    def __str__(self) -> str:
        return f"{self.src} -> {self.dst} {self.protocol}/{self.port}"


_KEY = [
    *(
        f"{end}_{part}"
        for end in ("src", "dst")
        for part in ("class", "owner_namespace", "owner_kind", "owner_name", "key")
    ),
    "protocol",
    "port",
]
_FLAGS = ("node_local", "hairpin", "backend_guessed")


def summarize(resolved: ResolvedFlows) -> tuple[Communication, ...]:
    """Return the communications among resolved flows, sorted by source, destination, protocol and port."""
    if resolved.empty:
        return ()
    frame = _prepare(resolved)
    groups = frame.groupby(_KEY, sort=True, observed=True)
    totals = groups.agg(
        first_seen=("first_seen", "min"),
        last_seen=("last_seen", "max"),
        connections=("worked_connections", "sum"),
        worked=("worked", "max"),
        one_way=("one_way", "sum"),
        sampled=("is_sampled", "max"),
        **{flag: (flag, "max") for flag in _FLAGS},
    )
    for counter in ("packets", "bytes", "reply_packets", "reply_bytes"):
        totals[counter] = groups[counter].sum(min_count=1)
    lists = {name: _distinct(frame, column) for name, column in _LISTS.items()}
    failed = frame[frame["failed"] > 0].groupby([*_KEY, "outcome"], observed=True)["failed"].sum()
    by_outcome: dict[tuple[object, ...], list[tuple[str, int]]] = {}
    for key, count in failed.items():
        by_outcome.setdefault(cast("tuple[object, ...]", key)[:-1], []).append(
            (str(cast("tuple[object, ...]", key)[-1]), int(count))
        )
    found = []
    for row in totals.reset_index().to_dict("records"):
        key = tuple(row[column] for column in _KEY)
        found.append(_communication(row, key, lists, tuple(sorted(by_outcome.get(key, [])))))
    return tuple(sorted(found, key=meaning))


_LISTS = {
    "src_pods": "src_owner_pod",
    "dst_pods": "dst_owner_pod",
    "orientations": "worked_orientation",
    "services": "service",
    "sources": "source",
    "example": "example",
}


def _prepare(resolved: ResolvedFlows) -> pd.DataFrame:
    """Return the frame with plain text keys and the counts split by what became of the attempts."""
    texts = [column.name for column in RESOLVED if column.dtype == "category"]
    frame = resolved.astype(dict.fromkeys(texts, "object"))
    frame[texts] = frame[texts].where(frame[texts].notna(), "")
    for end in ("src", "dst"):
        frame[f"{end}_key"] = frame[f"{end}_address"].where(frame[f"{end}_class"] != "pod", "")
    frame["port"] = frame["port"].astype("int64")
    connections = frame["connections"].fillna(0).astype("int64")
    frame["worked"] = frame["outcome"] == "established"
    silent = (frame["protocol"] == "UDP") & (frame["outcome"] == "unanswered")
    frame["worked_connections"] = connections.where(frame["worked"], 0)
    frame["one_way"] = connections.clip(lower=1).where(silent, 0)
    frame["failed"] = connections.clip(lower=1).where(~frame["worked"] & ~silent, 0)
    frame["worked_orientation"] = frame["orientation"].where(frame["worked"] | silent, "")
    frame["is_sampled"] = frame["sampled"].fillna(1.0) < 1.0
    frame["example"] = (
        frame["src"] + " -> " + frame["dst"] + " " + frame["protocol"] + "/" + frame["dst_port"].astype("str")
    )
    return frame


def _distinct(frame: pd.DataFrame, column: str) -> dict[tuple[object, ...], tuple[str, ...]]:
    """Return the sorted distinct non-empty values of a column by communication."""
    unique = frame.loc[frame[column] != "", [*_KEY, column]].drop_duplicates().sort_values(column)
    found: dict[tuple[object, ...], list[str]] = {}
    for *key, value in unique.itertuples(index=False, name=None):
        found.setdefault(tuple(key), []).append(str(value))
    return {key: tuple(values) for key, values in found.items()}


def _communication(
    row: Mapping[Hashable, Any],
    key: tuple[object, ...],
    lists: Mapping[str, Mapping[tuple[object, ...], tuple[str, ...]]],
    failed: tuple[tuple[str, int], ...],
) -> Communication:
    values = {name: found.get(key, ()) for name, found in lists.items()}
    evidence = Evidence(
        first_seen=row["first_seen"],
        last_seen=row["last_seen"],
        connections=max(int(row["connections"]), int(row["worked"])),
        one_way=int(row["one_way"]),
        failed=failed,
        packets=_known(row["packets"]),
        bytes=_known(row["bytes"]),
        reply_packets=_known(row["reply_packets"]),
        reply_bytes=_known(row["reply_bytes"]),
        src_pods=values["src_pods"],
        dst_pods=values["dst_pods"],
        orientations=values["orientations"],
        services=values["services"],
        sources=values["sources"],
        sampled=bool(row["sampled"]),
        example=next(iter(values["example"]), ""),
    )
    notes = tuple(flag for flag in _FLAGS if row[flag])
    return Communication(_end(row, "src"), _end(row, "dst"), str(row["protocol"]), int(row["port"]), evidence, notes)


def _known(value: Any) -> int | None:
    return None if pd.isna(value) else int(value)


def _end(row: Mapping[Hashable, Any], end: str) -> End:
    if row[f"{end}_class"] == "pod":
        return WorkloadRef(*(str(row[f"{end}_owner_{part}"]) for part in ("namespace", "kind", "name")))
    return AddressPeer(str(row[f"{end}_key"]), str(row[f"{end}_class"]), str(row[f"{end}_owner_name"]))


def meaning(communication: Communication) -> tuple[object, ...]:
    """Return what identifies a communication, as a sortable key: ends, protocol, port; no evidence."""
    return (*end_key(communication.src), *end_key(communication.dst), communication.protocol, communication.port)


def end_key(end: End) -> tuple[str, str, str, str]:
    """Return a sortable key of an end: workloads first, then addresses by kind."""
    if isinstance(end, WorkloadRef):
        return "workload", end.namespace, end.kind, end.name
    return "~address", end.kind, end.address, ""
