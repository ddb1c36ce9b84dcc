"""Turns flows and an inventory into resolved flows: what each end was, at its own time, and how that is known."""

from collections.abc import Sequence
from typing import Any, NewType, cast

import numpy as np
import pandas as pd

from collectors.flows import FLOWS, Flows, conform_flows
from collectors.inventory import Inventory
from collectors.schema import Column, Schema
from collectors.tenancy import categorical
from recommender.claims import claims_of
from recommender.endpoints import Endpoints
from recommender.identity import CLASSES, REASONS, Book, Finding, Identity
from recommender.marks import Marks, mark
from recommender.reach import Asked, Choice, entries_of
from recommender.settle import Rows, Setting, settle
from recommender.spans import Array, numbered
from recommender.translate import Entry, Frontends


def _end_columns(end: str) -> tuple[Column, ...]:
    return (
        Column(f"{end}_class", "category", f"what {end} is", vocabulary=CLASSES),
        Column(f"{end}_reason", "category", "why it is that (docs/identity.md)", vocabulary=REASONS),
        Column(f"{end}_address", "category", f"address of {end} after Service translation; empty where not known"),
        Column(f"{end}_owner_namespace", "category", f"namespace of the workload that owned {end} then"),
        Column(f"{end}_owner_kind", "category", f"kind of that workload; empty where {end} is no pod"),
        Column(f"{end}_owner_name", "category", "its name; else the node, Service, or what the record calls it"),
        Column(f"{end}_owner_pod", "category", f"pod that owned {end} then; empty where it may be one of several"),
        Column(f"{end}_ip_reused", "bool", f"another pod claimed the address of {end} too, at whatever time"),
    )


RESOLVED = Schema(
    "resolved flows",
    (
        Column(
            "flow", "int64", "position of the flow; more than one row where a Service has several workloads behind it"
        ),
        *FLOWS.columns,
        *_end_columns("src"),
        *_end_columns("dst"),
        Column("port", "UInt16", "port at dst itself, after Service translation"),
        Column("service", "category", "the Service it was reached through, as namespace/name:port"),
        Column("node_local", "bool", "from the pod's own node (kubelet probes): Kubernetes always allows it"),
        Column("hairpin", "bool", "a pod that reached itself through its own Service"),
        Column("backend_guessed", "bool", "which of several workloads behind the Service answered was not seen"),
        Column("identity_conflict", "bool", "the record claims another namespace or pod than was found"),
    ),
)

ResolvedFlows = NewType("ResolvedFlows", pd.DataFrame)


def resolve(flows: Flows, inventory: Inventory | Endpoints) -> ResolvedFlows:
    """Return the flows with what each end was at the flow's own time (RESOLVED), in the order of the flows.

    Who resolves several flows by one inventory gives its Endpoints, which are made once.

    Flows to a Service address become one row for each workload behind it, with the pod's port. An address that two
    workloads may have owned is `ambiguous`, a private one that nobody is known to have owned is `unresolved`.
    """
    if flows.empty:
        return cast("ResolvedFlows", RESOLVED.empty())
    flows = conform_flows(flows)
    setting = _setting(flows, inventory if isinstance(inventory, Endpoints) else Endpoints(inventory))
    rows, marks = mark(settle(setting), setting)
    return cast("ResolvedFlows", _frame(flows, rows, marks, setting))


def _setting(flows: Flows, endpoints: Endpoints) -> Setting:
    """Return what the steps look at; every address is numbered here, before the first one is looked up."""
    book, frontends = Book(), Frontends(endpoints)
    asked = _asked(flows, "dst", "dst_port", book)
    choice = Choice(entries_of(asked, frontends, book), book)
    choice.number_addresses()
    return Setting(
        asked=asked,
        source=book.column(flows["src"].array),
        claims={end: claims_of(flows, end) for end in ("src", "dst")},
        choice=choice,
        before=entries_of(_asked(flows, "service_ip", "service_port", book), frontends, book),
        identity=Identity(endpoints, book),
        frontends=frontends,
    )


def _asked(flows: Flows, address: str, port: str, book: Book) -> Asked:
    protocol = flows["protocol"].cat
    first, last = (flows[bound].astype("int64").to_numpy() for bound in ("first_seen", "last_seen"))
    return Asked(
        address=book.column(flows[address].array),
        protocol=protocol.codes.to_numpy().astype(np.int64),
        protocols=[*map(str, protocol.categories), ""],
        port=flows[port].fillna(0).to_numpy(dtype=np.int64),
        first=first,
        last=np.maximum(first, last),
    )


def _frame(flows: Flows, rows: Rows, marks: Marks, setting: Setting) -> pd.DataFrame:
    """Return the rows as RESOLVED."""
    whole = len(rows.flow) == len(flows)
    columns: dict[str, Any] = {"flow": rows.flow}
    columns |= {name: flows[name].array if whole else flows[name].array.take(rows.flow) for name in FLOWS.names}
    columns |= _end("src", rows.src, setting.source[rows.flow], setting)
    columns |= _end("dst", rows.dst, rows.address, setting)
    columns["port"] = pd.array(rows.port.astype(np.uint16), dtype="UInt16")
    labels = [entry.label if entry.reason in {"", "no_backend"} else "" for entry in _entries(setting)]
    of_dst = setting.choice.entries.which[rows.flow]
    of_before = setting.before.which[rows.flow] + len(setting.choice.entries.known)
    direct = np.array([bool(label) for label in labels])[of_dst]
    columns["service"] = categorical(labels, np.where(direct, of_dst, of_before))
    columns["node_local"], columns["hairpin"] = marks.node_local, rows.hairpin
    columns["backend_guessed"] = (np.bincount(rows.flow) > 1)[rows.flow]
    columns["identity_conflict"] = marks.conflict
    columns["orientation"] = _oriented(columns["orientation"], rows, direct | (columns["service"] != ""), setting)
    return pd.DataFrame(columns)[RESOLVED.names]


def _entries(setting: Setting) -> Sequence[Entry]:
    return (*setting.choice.entries.known, *setting.before.known)


def _end(end: str, found: Finding, address: Array, setting: Setting) -> dict[str, Any]:
    book = setting.identity.book
    owners, pods = list(book.owners), setting.endpoints.inventory.pods
    return {
        f"{end}_class": categorical(CLASSES, found.kind),
        f"{end}_reason": categorical(REASONS, found.reason),
        f"{end}_address": categorical(book.texts, address),
        **{
            f"{end}_owner_{part}": categorical([owner[at] for owner in owners], found.owner)
            for at, part in enumerate(("namespace", "kind", "name"))
        },
        f"{end}_owner_pod": categorical([*(pod.name for pod in pods), ""], found.pod),
        f"{end}_ip_reused": found.reused,
    }


MANY_CLIENTS = 10
"""Addresses that one address and port must have talked with to be taken for a server's."""
CLIENTS_OWN = 32768
"""The first port that Linux gives to clients (ip_local_port_range); others begin later (RFC 6335: 49152)."""


def _oriented(
    orientation: "pd.Categorical[Any]", rows: Rows, by_service: Array, setting: Setting
) -> "pd.Categorical[Any]":
    """Mark as port_hint the unoriented rows whose server port is declared, by a Service, a slice or a container.

    Or has many clients; but only below the ports that clients get: over days such a one meets many servers too.
    """
    at = np.flatnonzero(np.asarray(orientation == "unknown"))
    if not len(at):
        return orientation
    book, protocols, declared = setting.identity.book, setting.asked.protocols, setting.endpoints.declared_ports
    addresses = book.texts
    columns = rows.address[at], setting.asked.protocol[rows.flow[at]], rows.port[at]
    number, first_rows = numbered(*columns)
    known = [
        (addresses[columns[0][row]], protocols[columns[1][row]], int(columns[2][row])) in declared
        for row in first_rows.tolist()
    ]
    _, firsts = numbered(number, setting.source[rows.flow[at]])
    many = np.bincount(number[firsts], minlength=len(known)) >= MANY_CLIENTS
    many &= (columns[2][first_rows] < CLIENTS_OWN) & (columns[0][first_rows] > 0)
    hinted = at[(np.array(known) | many)[number] | by_service[at]]
    texts = [*map(str, orientation.categories), "port_hint"]
    codes = orientation.codes.astype(np.int64)
    codes[hinted] = len(texts) - 1
    return categorical(texts, codes)
