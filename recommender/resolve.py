"""Turns flows and an inventory into resolved flows: what each end was, at its own time."""

from typing import NewType, cast

import pandas as pd

from collectors.addresses import address_class
from collectors.flows import FLOWS, Flows, conform_flows
from collectors.inventory import Inventory
from collectors.schema import Column, Schema
from recommender.endpoints import Endpoints

CLASSES = (
    "pod", "node", "api_server", "service", "external", "unresolved", "ambiguous",
    "link_local", "multicast", "loopback",
)  # fmt: skip


def _end_columns(end: str) -> tuple[Column, ...]:
    return (
        Column(f"{end}_class", "category", f"what {end} is", vocabulary=CLASSES),
        Column(f"{end}_address", "category", f"address of {end} after Service translation"),
        Column(f"{end}_owner_namespace", "category", f"namespace of the workload that owned {end} then"),
        Column(f"{end}_owner_kind", "category", f"kind of that workload; empty where {end} is no pod"),
        Column(f"{end}_owner_name", "category", "its name; for other classes the node or Service, where known"),
        Column(f"{end}_owner_pod", "category", f"pod that owned {end} then"),
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
    ),
)

ResolvedFlows = NewType("ResolvedFlows", pd.DataFrame)

_NOBODY, _SEVERAL = -1, -2


def resolve(flows: Flows, inventory: Inventory) -> ResolvedFlows:
    """Return the flows with what each end was at the flow's own time (RESOLVED), in the order of the flows.

    Flows to a Service address become one row for each workload behind it, with the pod's port. An address that two
    workloads may have owned is `ambiguous`, a private one that nobody is known to have owned is `unresolved`.
    """
    if flows.empty:
        return cast("ResolvedFlows", RESOLVED.empty())
    endpoints = Endpoints(inventory)
    frame: pd.DataFrame = conform_flows(flows).reset_index(names="flow")
    frame = _translate_services(frame, endpoints)
    frame["src_address"] = frame["src"].astype("str")
    frame["src_pod_at"] = _owners(frame, "src_address", endpoints)
    by_address = _owners(frame, "dst_address", endpoints)
    frame["dst_pod_at"] = frame["dst_pod_at"].where(frame["dst_pod_at"] >= 0, by_address)
    frame = _settle_backends(frame)
    for end in ("src", "dst"):
        frame = _name_end(frame, end, endpoints)
    frame = _orient(frame, endpoints)
    frame["node_local"] = _node_local(frame, inventory)
    resolved = RESOLVED.conform(frame.sort_values(["flow", "dst_owner_namespace", "dst_owner_name", "port"]))
    return cast("ResolvedFlows", resolved)


def _translate_services(frame: pd.DataFrame, endpoints: Endpoints) -> pd.DataFrame:
    """Add dst_address, port, service and dst_pod_at (the pod an EndpointSlice names, else -1), a row a backend."""
    key = ["dst", "protocol", "dst_port"]
    asked = frame[key].astype({"dst": "str", "protocol": "str"}).drop_duplicates()
    positions = {
        (pod.namespace, pod.name): at for at, pod in enumerate(endpoints.inventory.pods) if not pod.host_network
    }
    rows = []
    for dst, protocol, dst_port in asked.itertuples(index=False, name=None):
        label, backends = endpoints.services.get((dst, protocol, dst_port), ("", ()))
        namespace = label.split("/", 1)[0]
        for backend in backends:
            at = positions.get((namespace, backend.pod), _NOBODY)
            rows.append((dst, protocol, dst_port, backend.address, backend.port, label, at, len(backends)))
        if not backends:
            rows.append((dst, protocol, dst_port, dst, dst_port, label, _NOBODY, 0))
    table = pd.DataFrame(rows, columns=[*key, "dst_address", "port", "service", "dst_pod_at", "backends"])
    table["dst_port"] = table["dst_port"].astype("UInt16")
    frame = frame.astype({"dst": "str", "protocol": "str"}).merge(table, on=key, how="left")
    before_nat = [
        endpoints.services.get(asked, ("", ()))[0]
        for asked in zip(frame["service_ip"].astype("str"), frame["protocol"], frame["service_port"], strict=True)
    ]
    frame["service"] = frame["service"].where(frame["service"] != "", pd.Series(before_nat, index=frame.index))
    return frame


def _owners(frame: pd.DataFrame, address: str, endpoints: Endpoints) -> "pd.Series[int]":
    """Return for each row the position of the pod that owned the address then, or -1 none, -2 several."""
    asked = frame[[address, "first_seen", "last_seen"]].drop_duplicates()
    claims = asked.merge(endpoints.intervals, left_on=address, right_on="ip")
    claims = claims[(claims["start"] <= claims["last_seen"]) & (claims["first_seen"] < claims["end"])]
    workload = {ref: code for code, ref in enumerate(sorted({pod.workload for pod in endpoints.inventory.pods}))}
    codes = [workload[pod.workload] for pod in endpoints.inventory.pods]
    claims = claims.assign(workload=claims["pod"].map(dict(enumerate(codes))))
    keys = [address, "first_seen", "last_seen"]
    owners = claims.groupby(keys, as_index=False).agg(pod=("pod", "min"), workloads=("workload", "nunique"))
    owners["pod"] = owners["pod"].where(owners["workloads"] == 1, _SEVERAL)
    found = frame[keys].merge(owners, on=keys, how="left")["pod"]
    return found.fillna(_NOBODY).astype("int64").set_axis(frame.index)


def _settle_backends(frame: pd.DataFrame) -> pd.DataFrame:
    """Drop a caller's own pod from the backends where there are others, and mark what is then left in doubt."""
    own = (frame["backends"] > 0) & (frame["dst_pod_at"] == frame["src_pod_at"]) & (frame["src_pod_at"] >= 0)
    direct = (frame["backends"] == 0) & (frame["src_pod_at"] >= 0) & (frame["dst_pod_at"] == frame["src_pod_at"])
    frame = frame[~(own & (frame["backends"] > 1))].copy()
    frame["hairpin"] = (own | direct).reindex(frame.index)
    return frame


def _name_end(frame: pd.DataFrame, end: str, endpoints: Endpoints) -> pd.DataFrame:
    """Add the class and owner columns of one end."""
    pods = endpoints.inventory.pods
    known = pd.DataFrame(
        [("pod", pod.workload.namespace, pod.workload.kind, pod.workload.name, pod.name) for pod in pods]
        + [("ambiguous", "", "", "", "")],
        columns=[f"{end}_{part}" for part in ("class", "owner_namespace", "owner_kind", "owner_name", "owner_pod")],
        index=[*range(len(pods)), _SEVERAL],
    )
    at = frame[f"{end}_pod_at"]
    named = known.reindex(at).set_index(frame.index)
    others = frame.loc[at == _NOBODY, [f"{end}_address", "protocol", "port", "service", "backends"]].drop_duplicates()
    rows = [
        (address, protocol, port, *_outside(end, address, protocol, port, service if not backends else "", endpoints))
        for address, protocol, port, service, backends in others.itertuples(index=False, name=None)
    ]
    columns = [f"{end}_address", "protocol", "port", f"{end}_class", f"{end}_owner_name"]
    table = pd.DataFrame(rows, columns=columns).drop_duplicates(columns[:3]).astype({"port": "UInt16"})
    outside = (
        frame[columns[:3]].astype({"port": "UInt16"}).merge(table, on=columns[:3], how="left").set_index(frame.index)
    )
    for column in known.columns:
        fill = outside[column] if column in outside else pd.Series("", index=frame.index)
        frame[column] = named[column].where(at != _NOBODY, fill)
    return frame


def _outside(end: str, address: str, protocol: str, port: int, service: str, endpoints: Endpoints) -> tuple[str, str]:
    """Return class and name of an address that no pod owned."""
    if end == "dst" and service:
        return "service", service
    if end == "dst" and (address, port) in endpoints.api_server:
        return "api_server", "default/kubernetes"
    if address in endpoints.nodes:
        return "node", _listener(address, protocol, port, endpoints) if end == "dst" else endpoints.nodes[address]
    kind = address_class(address)
    return {"private": "unresolved", "public": "external"}.get(kind, kind), ""


def _listener(address: str, protocol: str, port: int, endpoints: Endpoints) -> str:
    """Return the host network workload that declares the port on a node's address, else the node's name."""
    for pod in endpoints.inventory.pods:
        if (
            pod.host_network
            and address in pod.ips
            and any((p.number, p.protocol) == (port, protocol) for p in pod.ports)
        ):
            return str(pod.workload)
    return endpoints.nodes[address]


def _orient(frame: pd.DataFrame, endpoints: Endpoints) -> pd.DataFrame:
    """Mark as port_hint the unoriented rows whose server port is declared by a Service, a slice or a container."""
    keys = pd.MultiIndex.from_frame(frame[["dst_address", "protocol", "port"]].astype({"port": "int64"}))
    declared = keys.isin(list(endpoints.declared_ports)) | (frame["service"] != "").to_numpy()
    unknown = frame["orientation"].astype("str") == "unknown"
    frame["orientation"] = frame["orientation"].astype("str").mask(unknown & declared, "port_hint")
    workload = ["dst_owner_namespace", "dst_owner_kind", "dst_owner_name"]
    behind = frame.astype(dict.fromkeys(workload, "str")).groupby("flow")[workload].transform("nunique").max(axis=1)
    frame["backend_guessed"] = (frame["backends"] > 1) & (behind > 1)
    return frame


def _node_local(frame: pd.DataFrame, inventory: Inventory) -> "pd.Series[bool]":
    nodes = frame["dst_pod_at"].map({at: pod.node for at, pod in enumerate(inventory.pods)})
    return (frame["src_class"] == "node") & (frame["dst_class"] == "pod") & (frame["src_owner_name"] == nodes)
