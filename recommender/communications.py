"""Turns resolved flows into communications: who talks to whom, by protocol and port, with the evidence."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd

from collectors.inventory import WorkloadRef
from recommender.resolve import ResolvedFlows
from recommender.spans import Array, numbered


@dataclass(frozen=True, order=True)
class AddressPeer:
    """An end that is not a workload's pod: one address and what it is.

    kind: `external` (public), `node` (a node or a host network pod), `api_server`, `service` (a Service whose
    backends are not known), `unresolved` (private, owner unknown), `ambiguous` (two possible owners),
    `link_local`, `multicast`, `broadcast`, `loopback`. `name` is the node, Service or host network workload, where
    known.
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
    datagram conversations without any reply. `services` are "namespace/name:port" it was reached through. `names` are
    what an address without owner was called, by DNS answers, TLS clients or the capture file.
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
    names: tuple[str, ...] = ()

    @property
    def worked(self) -> bool:
        """Whether anything worked: a connection, or datagrams to which nothing came back."""
        return bool(self.connections or self.one_way)


@dataclass(frozen=True)
class Communication:
    """One (who, whom, protocol, port) with its evidence; `port` is dst's own, after Service translation."""

    src: End
    dst: End
    protocol: str
    port: int
    evidence: Evidence
    notes: tuple[str, ...] = ()
    """Facts of resolution that later stages need: `node_local`, `hairpin`, `backend_guessed`, `identity_conflict`,
    `ip_reused`, `node_snat`."""

    def __str__(self) -> str:
        return f"{self.src} -> {self.dst} {self.protocol}/{self.port}"


_KEY = [
    *(f"{end}_{part}" for end in ("src", "dst") for part in ("class", "owner_namespace", "owner_kind", "owner_name")),
    "protocol",
    "port",
]
_FLAGS = ("node_local", "hairpin", "backend_guessed", "identity_conflict", "ip_reused", "node_snat")


def summarize(resolved: ResolvedFlows) -> tuple[Communication, ...]:
    """Return the communications among resolved flows, sorted by source, destination, protocol and port."""
    if resolved.empty:
        return ()
    group, firsts = numbered(*_key_codes(resolved))
    counts = _counts(resolved)
    totals = _totals(resolved, counts, group)
    totals["example"] = _examples(resolved, group)
    keys = resolved[[*_KEY, "src_address", "dst_address"]].iloc[firsts].astype("object").reset_index(drop=True)
    worth = counts["worked"] | (counts["one_way"] > 0)
    lists = {name: _distinct(resolved[column], group) for name, column in _LISTS.items()}
    lists["orientations"] = _distinct(resolved["orientation"].where(worth, None), group)
    failures = _failures(resolved, counts, group)
    found = [
        _communication(
            {**key, **row}, {name: values.get(at, ()) for name, values in lists.items()}, failures.get(at, ())
        )
        for at, (key, row) in enumerate(zip(keys.to_dict("records"), totals.to_dict("records"), strict=True))
    ]
    return tuple(sorted(found, key=meaning))


_LISTS = {"src_pods": "src_owner_pod", "dst_pods": "dst_owner_pod", "services": "service", "sources": "source"}


def _key_codes(resolved: ResolvedFlows) -> list[Array]:
    """Return what tells communications apart as numbers: the workload of a pod, the address of anything else."""
    columns = [resolved[name].cat.codes.to_numpy() for name in _KEY if name != "port"]
    columns += [
        np.where(resolved[f"{end}_class"] == "pod", -1, resolved[f"{end}_address"].cat.codes.to_numpy())
        for end in ("src", "dst")
    ]
    return [*columns, resolved["port"].to_numpy(dtype=np.int64)]


def _counts(resolved: ResolvedFlows) -> pd.DataFrame:
    """Return the connections split by what became of the attempts."""
    connections = resolved["connections"].fillna(0).astype("int64")
    worked = resolved["outcome"] == "established"
    silent = (resolved["protocol"] == "UDP") & (resolved["outcome"] == "unanswered")
    # a row that another vantage point counts already has no attempts of its own (vantages.once)
    least = 1 - resolved["again"].astype("int64") if "again" in resolved else 1
    return pd.DataFrame(
        {
            "worked": worked,
            "connections": connections.where(worked, 0),
            "one_way": connections.clip(lower=least).where(silent, 0),
            "failed": connections.clip(lower=least).where(~worked & ~silent, 0),
        }
    )


def _totals(resolved: ResolvedFlows, counts: pd.DataFrame, group: Array) -> pd.DataFrame:
    """Return a row of sums and bounds for each communication."""
    sampled = (resolved["sampled"].fillna(1.0) < 1.0).astype(bool)
    reused = resolved["src_ip_reused"] | resolved["dst_ip_reused"]
    flags = resolved.assign(ip_reused=reused, node_snat=resolved["src_reason"] == "node_snat")
    marks = pd.concat([flags[["first_seen", "last_seen", *_FLAGS]], counts, sampled.rename("sampled")], axis=1)
    groups = marks.groupby(group, sort=True)
    least, most = groups[["first_seen"]].min(), groups[["last_seen", "worked", "sampled", *_FLAGS]].max()
    counters = ["packets", "bytes", "reply_packets", "reply_bytes"]
    known = resolved[counters].groupby(group, sort=True).sum(min_count=1)
    return pd.concat([least, most, groups[["connections", "one_way"]].sum(), known], axis=1)


def _failures(resolved: ResolvedFlows, counts: pd.DataFrame, group: Array) -> dict[int, tuple[tuple[str, int], ...]]:
    """Return what became of the attempts that did not work, with how many, for each communication that has some."""
    rows = np.flatnonzero(counts["failed"].to_numpy())
    outcome = resolved["outcome"].astype("object").to_numpy()[rows]
    sums = counts["failed"].iloc[rows].groupby([group[rows], outcome]).sum()
    found: dict[int, list[tuple[str, int]]] = {}
    for key, count in sums.items():
        at, name = cast("tuple[int, str]", key)
        found.setdefault(at, []).append((str(name), int(count)))
    return {at: tuple(sorted(values)) for at, values in found.items()}


def _distinct(column: "pd.Series[Any]", group: Array) -> dict[int, tuple[str, ...]]:
    """Return the sorted distinct non-empty values of a category column by communication."""
    codes, texts = column.cat.codes.to_numpy(), [*map(str, column.cat.categories), ""]
    rows = np.flatnonzero(np.array([bool(text) for text in texts])[codes])
    _, firsts = numbered(group[rows], codes[rows])
    found: dict[int, list[str]] = {}
    for at, code in zip(group[rows[firsts]].tolist(), codes[rows[firsts]].tolist(), strict=True):
        found.setdefault(at, []).append(texts[code])
    return {at: tuple(sorted(values)) for at, values in found.items()}


def _examples(resolved: ResolvedFlows, group: Array) -> list[str]:
    """Return the least flow of each communication, as text: it does not depend on the order of the flows."""
    rows = np.arange(len(group))
    ports = resolved["dst_port"].to_numpy(dtype=np.int64)
    for column in (*(resolved[end].astype("category").cat for end in ("src", "dst")), None):
        texts = np.unique(ports).astype(str) if column is None else np.array([*map(str, column.categories), ""])
        codes = np.searchsorted(np.unique(ports), ports) if column is None else column.codes.to_numpy()
        rank = np.empty(len(texts), dtype=np.int64)
        rank[np.argsort(texts)] = np.arange(len(texts))
        rank = rank[codes]
        least = np.full(int(group.max()) + 1, np.iinfo(np.int64).max)
        np.minimum.at(least, group[rows], rank[rows])
        rows = rows[rank[rows] == least[group[rows]]]
    chosen = np.empty(int(group.max()) + 1, dtype=np.int64)
    chosen[group[rows[::-1]]] = rows[::-1]
    parts = resolved[["src", "dst", "protocol", "dst_port"]].iloc[chosen].astype("object").astype(str)
    return [
        f"{src} -> {dst} {protocol}/{port}" for src, dst, protocol, port in parts.itertuples(index=False, name=None)
    ]


def _communication(
    row: Mapping[Hashable, Any], values: Mapping[str, tuple[str, ...]], failed: tuple[tuple[str, int], ...]
) -> Communication:
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
        example=row["example"],
    )
    notes = tuple(flag for flag in _FLAGS if row[flag])
    return Communication(_end(row, "src"), _end(row, "dst"), str(row["protocol"]), int(row["port"]), evidence, notes)


def _known(value: Any) -> int | None:
    return None if pd.isna(value) else int(value)


def _end(row: Mapping[Hashable, Any], end: str) -> End:
    if row[f"{end}_class"] == "pod":
        return WorkloadRef(*(str(row[f"{end}_owner_{part}"]) for part in ("namespace", "kind", "name")))
    return AddressPeer(str(row[f"{end}_address"]), str(row[f"{end}_class"]), str(row[f"{end}_owner_name"]))


def meaning(communication: Communication) -> tuple[object, ...]:
    """Return what identifies a communication, as a sortable key: ends, protocol, port; no evidence."""
    return (*end_key(communication.src), *end_key(communication.dst), communication.protocol, communication.port)


def end_key(end: End) -> tuple[str, str, str, str]:
    """Return a sortable key of an end: workloads first, then addresses by kind."""
    if isinstance(end, WorkloadRef):
        return "workload", end.namespace, end.kind, end.name
    return "~address", end.kind, end.address, ""
