"""Turns the history of a pod into a Pod: whose it is, and which address was its own when. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from collectors.fields import CLOCK_GRAIN, Dict, addresses_of, created_at, labels_of, metadata, time_of, uid_of
from collectors.histories import History, Version
from collectors.inventory import ContainerPort, Pod, Tenure
from collectors.owners import Owners, workload_of

Time = pd.Timestamp

_FINISHED = frozenset({"Succeeded", "Failed"})
_STATUSES = ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses")


def pod_of(history: History, owners: Owners) -> Pod:
    """Return the pod in its newest version, with the tenures that all its versions tell."""
    item = history.newest
    meta, spec, status = metadata(item), item.get("spec") or {}, _status(item)
    declared = [*spec.get("containers", []), *spec.get("initContainers", [])]
    end = _end(history)
    shown = [(version, ips) for version in history.versions if (ips := _ips(version.item))]
    return Pod(
        uid=uid_of(item),
        namespace=str(meta.get("namespace", "default")),
        name=str(meta.get("name", "")),
        workload=workload_of(item, owners),
        labels=labels_of(meta.get("labels")),
        node=str(spec.get("nodeName", "")),
        host_network=bool(spec.get("hostNetwork", False)),
        ips=shown[-1][1] if shown else (),
        ports=tuple(
            ContainerPort(int(port["containerPort"]), str(port.get("protocol", "TCP")), str(port.get("name", "")))
            for container in declared
            for port in container.get("ports") or []
        ),
        phase=str(status.get("phase", "")),
        start=_start(item),
        end=end,
        tenures=tuple(sorted(_tenures(shown, end), key=_place)) if _had_network(history) else (),
    )


def outgrown(item: Dict) -> Dict:
    """Return what an older version of a pod still tells beside a newer one: addresses, times and whether it ran.

    A timeline has many versions of each pod; whole ones would fill the memory.
    """
    status = _status(item)
    kept = {key: status[key] for key in ("phase", "podIP", "podIPs", "startTime") if key in status}
    if any(_is_over_or_runs(state) for state in _states(status)):
        kept["containerStatuses"] = [{"state": {"running": {}}}]
    meta = metadata(item)
    named = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    own = {key: item[key] for key in ("kind", "apiVersion") if key in item}
    return {**own, "metadata": {key: meta[key] for key in named if key in meta}, "status": kept}


def _status(item: Dict) -> Dict:
    return item.get("status") or {}


def _ips(item: Dict) -> tuple[str, ...]:
    status = _status(item)
    return addresses_of([status.get("podIP"), *(entry.get("ip") for entry in status.get("podIPs") or [])])


def _start(item: Dict) -> Time | None:
    """Return when the kubelet took the pod, before which it has no address; else when it was created."""
    started = time_of(_status(item).get("startTime"))
    return started if started is not None else created_at(item)


def _end(history: History) -> Time | None:
    """Return when the pod's addresses stopped being its own; None while they are.

    A finished pod keeps `status.podIP`, but the address is free from its last container's end. Where that is not
    told, its newest condition is the latest safe bound, then the time at which it was first seen to be finished.
    """
    item = history.newest
    times = [history.deleted, time_of(metadata(item).get("deletionTimestamp"))]
    if _status(item).get("phase") in _FINISHED:
        times.append(_finish(history))
    bounds = [time for time in times if time is not None]
    return min(bounds) + CLOCK_GRAIN if bounds else None


def _finish(history: History) -> Time | None:
    status = _status(history.newest)
    ends = [
        time_of(state["terminated"].get("finishedAt"))
        for state in _states(status)
        if state.get("terminated") is not None
    ]
    conditions = [time_of(entry.get("lastTransitionTime")) for entry in status.get("conditions") or []]
    told = ends if ends and None not in ends else [*ends, *conditions]
    known = [time for time in told if time is not None]
    if known:
        return max(known)
    finished = (version.latest for version in history.versions if _status(version.item).get("phase") in _FINISHED)
    seen = next(finished, None)
    return seen if seen is not None else _start(history.newest)


def _states(status: Dict) -> Iterator[Mapping[str, Any]]:
    for key in _STATUSES:
        for entry in status.get(key) or []:
            yield entry.get("state") or {}


def _had_network(history: History) -> bool:
    return _status(history.newest).get("phase") != "Failed" or any(map(_ran, history.versions))


def _tenures(shown: list[tuple[Version, tuple[str, ...]]], end: Time | None) -> Iterator[Tenure]:
    """Yield each address with its time, from the versions that show any.

    The addresses that a pod shows first are its own from its start on, for a status comes later than what it tells
    (the earliest start of all versions, should a status ever take it back).
    Another one comes with a sandbox made anew: where the change was not seen as it happened, it may have come as
    early as the former state was last seen, and the former one may have gone as late as the new one was first seen.
    A status without any address tells nothing: kubelets leave it out while a sandbox is being made.
    """
    starts = [time for time in (_start(version.item) for version, _ in shown) if time is not None]
    start = min(starts, default=None)
    held: dict[str, Time | None] = {}
    for at, (version, ips) in enumerate(shown):
        for ip in [ip for ip in held if ip not in ips]:
            yield from _tenure(ip, held.pop(ip), version.latest, end)
        for ip in ips:
            if ip not in held:
                held[ip] = version.earliest if at and version.earliest is not None else start
    for ip, since in held.items():
        yield from _tenure(ip, since, None, end)


def _tenure(ip: str, start: Time | None, until: Time | None, end: Time | None) -> Iterator[Tenure]:
    """Yield the tenure unless it has no time at all, as of a pod that was gone before it began."""
    bounds = [time for time in (until, end) if time is not None]
    last = min(bounds) if bounds else None
    if start is None or last is None or start < last:
        yield Tenure(ip, start, last)


def _ran(version: Version) -> bool:
    """Whether the pod had a network in this version: a container of it ran, or waited with an address."""
    status = _status(version.item)
    if status.get("phase") != "Failed":
        return status.get("phase") != "Pending" or bool(_ips(version.item))
    return any(_is_over_or_runs(state) for state in _states(status))


def _is_over_or_runs(state: Mapping[str, Any]) -> bool:
    return state.get("running") is not None or state.get("terminated") is not None


def _place(tenure: Tenure) -> tuple[str, bool, int]:
    return tenure.ip, tenure.start is not None, tenure.start.value if tenure.start is not None else 0
