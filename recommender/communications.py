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
    known. Without an address (a log without addresses names a pod that is not known) it is what the log calls it.
    """

    address: str
    kind: str
    name: str = ""

    def __str__(self) -> str:
        return " ".join(part for part in (self.kind, self.address, f"({self.name})" if self.name else "") if part)


End = WorkloadRef | AddressPeer


@dataclass(frozen=True)
class Evidence:
    """What was seen of one communication.

    `connections` are those that worked; `failed` counts the attempts that did not, by outcome; `one_way` are
    datagram conversations without any reply; `allowed` are attempts that a policy let through, of which no source
    shows whether anybody answered. `services` are "namespace/name:port" it was reached through. `names` are
    what an address without owner was called, by DNS answers, TLS clients or the capture file. `kept` is 1/N where a
    source keeps one of N, the least of all.
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
    kept: float = 1.0
    example: str = ""
    names: tuple[str, ...] = ()
    allowed: int = 0

    @property
    def successes(self) -> int:
        """How often it worked: connections, datagrams to which nothing came back, and what a policy let through."""
        return self.connections + self.one_way + self.allowed

    @property
    def sampled(self) -> bool:
        """Whether a source of it does not keep all that it sees."""
        return self.kept < 1

    @property
    def worked(self) -> bool:
        """Whether anything worked."""
        return self.successes > 0


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
_LISTS = {"src_pods": "src_owner_pod", "dst_pods": "dst_owner_pod", "services": "service", "sources": "source"}
_EXAMPLE = ("src", "dst", "dst_port", "src_namespace", "src_pod", "dst_namespace", "dst_pod")
COUNTERS = ("packets", "bytes", "reply_packets", "reply_bytes")
_OTHERS = ("src_address", "dst_address", "src_ip_reused", "dst_ip_reused", "src_reason", "orientation", "outcome")
_MEASURES = ("connections", "sampled", "first_seen", "last_seen")
READ = frozenset((*_KEY, *_FLAGS[:4], *_LISTS.values(), *_EXAMPLE, *COUNTERS, *_OTHERS, *_MEASURES))
"""The columns of resolved flows that `summarize` reads; and `again`, where it is there."""


def summarize(resolved: ResolvedFlows) -> tuple[Communication, ...]:
    """Return the communications among resolved flows, sorted by source, destination, protocol and port."""
    if resolved.empty:
        return ()
    group, firsts = numbered(*_key_codes(resolved))
    counts = attempts(resolved)
    totals = _totals(resolved, counts, group)
    totals["example"] = _examples(resolved, group)
    keys = resolved[[*_KEY, "src_address", "dst_address"]].iloc[firsts].astype("object").reset_index(drop=True)
    worth = _established(resolved) | (counts["one_way"] > 0) | (counts["allowed"] > 0)
    lists = {name: _distinct(resolved[column], group) for name, column in _LISTS.items()}
    lists["orientations"] = _distinct(resolved["orientation"].where(worth, None), group)
    failures = _failures(resolved, counts, group)
    found = [
        _communication(
            {**key, **row}, {name: values.get(at, ()) for name, values in lists.items()}, failures.get(at, ())
        )
        for at, (key, row) in enumerate(zip(keys.to_dict("records"), totals.to_dict("records"), strict=True))
    ]
    # One address may have been called two things: to its meaning that is the same.
    return tuple(sorted(found, key=lambda one: (*meaning(one), one.src.name, one.dst.name)))


def _key_codes(resolved: ResolvedFlows) -> list[Array]:
    """Return what tells communications apart as numbers: the workload of a pod, the address of anything else."""
    columns = [resolved[name].cat.codes.to_numpy() for name in _KEY if name != "port"]
    columns += [
        np.where(resolved[f"{end}_class"] == "pod", -1, resolved[f"{end}_address"].cat.codes.to_numpy())
        for end in ("src", "dst")
    ]
    return [*columns, resolved["port"].to_numpy(dtype=np.int64)]


def attempts(resolved: ResolvedFlows) -> pd.DataFrame:
    """Return the attempts of each row, in the column of what became of them; 0 in the others."""
    connections = resolved["connections"].fillna(0).astype("int64")
    worked, allowed, silent = _established(resolved), resolved["outcome"] == "allowed", _silent(resolved)
    # a row that another vantage point counts already has no attempts of its own (vantages.once)
    least = 1 - resolved["again"].astype("int64") if "again" in resolved else 1
    return pd.DataFrame(
        {
            "connections": connections.where(worked, 0),
            "one_way": connections.clip(lower=least).where(silent, 0),
            "allowed": connections.clip(lower=least).where(allowed, 0),
            "failed": connections.clip(lower=least).where(~worked & ~silent & ~allowed, 0),
        }
    )


def successful(resolved: pd.DataFrame) -> "pd.Series[bool]":
    """Return which resolved flows speak for a communication: it worked, nobody answered datagrams, or it was let by."""
    return resolved["outcome"].isin(["established", "allowed"]) | _silent(resolved)


def _established(resolved: pd.DataFrame) -> "pd.Series[bool]":
    return resolved["outcome"] == "established"


def _silent(resolved: pd.DataFrame) -> "pd.Series[bool]":
    """Return where datagrams got no reply: they may be real (statsd, syslog)."""
    return (resolved["protocol"] == "UDP") & (resolved["outcome"] == "unanswered")


def _totals(resolved: ResolvedFlows, counts: pd.DataFrame, group: Array) -> pd.DataFrame:
    """Return a row of sums and bounds for each communication."""
    kept = resolved["sampled"].fillna(1.0).astype(float).rename("kept")
    reused = resolved["src_ip_reused"] | resolved["dst_ip_reused"]
    snat = resolved["src_reason"] == "node_snat"
    flags = resolved.assign(ip_reused=reused, node_snat=snat, worked=_established(resolved))
    marks = pd.concat([flags[["first_seen", "last_seen", "worked", *_FLAGS]], counts, kept], axis=1)
    groups = marks.groupby(group, sort=True)
    least, most = groups[["first_seen", "kept"]].min(), groups[["last_seen", "worked", *_FLAGS]].max()
    known = resolved[[*COUNTERS]].groupby(group, sort=True).sum(min_count=1)
    return pd.concat([least, most, groups[["connections", "one_way", "allowed"]].sum(), known], axis=1)


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
    for name in _EXAMPLE:
        rank = _ranks(resolved[name])[rows]
        least = np.full(int(group.max()) + 1, np.iinfo(np.int64).max)
        np.minimum.at(least, group[rows], rank)
        rows = rows[rank == least[group[rows]]]
    chosen = np.empty(int(group.max()) + 1, dtype=np.int64)
    chosen[group[rows[::-1]]] = rows[::-1]
    flows = resolved.iloc[chosen]
    ends = ([one or called for one, called in zip(*_texts(flows, end), strict=True)] for end in ("src", "dst"))
    parts = zip(*ends, flows["protocol"], flows["dst_port"], strict=True)
    return [f"{src} -> {dst} {protocol}/{port}" for src, dst, protocol, port in parts]


def _ranks(column: "pd.Series[Any]") -> Array:
    """Return the place of each value's text among all texts sorted; what is missing is the text ""."""
    codes, values = pd.factorize(column, use_na_sentinel=True)
    texts = np.array([*map(str, values), ""])
    ranks = np.empty(len(texts), dtype=np.int64)
    ranks[np.argsort(texts)] = np.arange(len(texts))
    return ranks[codes]


def _texts(rows: pd.DataFrame, end: str) -> tuple[list[str], list[str]]:
    """Return the address of each row's end, empty where it has none, and what the record calls it."""
    address, namespace, pod = (
        rows[name].astype("object").where(rows[name].notna(), "").tolist()
        for name in (end, f"{end}_namespace", f"{end}_pod")
    )
    return address, [f"{space}/{name}" for space, name in zip(namespace, pod, strict=True)]


def _communication(
    row: Mapping[Hashable, Any], values: Mapping[str, tuple[str, ...]], failed: tuple[tuple[str, int], ...]
) -> Communication:
    evidence = Evidence(
        first_seen=row["first_seen"],
        last_seen=row["last_seen"],
        connections=max(int(row["connections"]), int(row["worked"])),
        one_way=int(row["one_way"]),
        allowed=int(row["allowed"]),
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
        kept=float(row["kept"]),
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
    return "~address", end.kind, end.address, "" if end.address else end.name
