"""Turns what flow logs say of pods into an Inventory, for where there is no better one.

It knows what was said and nothing else: no Services, no controllers' selectors, no nodes, no host network, and no pod
that never talked. `Inventory.claimed` says so.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

import pandas as pd

from collectors.claims import Claims
from collectors.errors import UnreadableInput
from collectors.inventory import Inventory, Namespace, Pod, Tenure, Workload, WorkloadRef

_NAME = re.compile(r"[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?|[a-z0-9][-a-z0-9.]{0,251}-\*")
_NAMESPACE = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")
_LABEL = re.compile(r"(?:[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_KIND = re.compile(r"[A-Za-z][A-Za-z0-9]{0,62}")
_UNASKED = "no inventory was given"
_LONGEST, _BEGINNING = 63, 58
"""https://github.com/kubernetes/apiserver/blob/master/pkg/storage/names/generate.go: 63 characters, 5 of them added."""

_Key = tuple[str, str]
"""Namespace and name of a pod."""


@dataclass(frozen=True, order=True)
class _Said:
    """One claim; empty texts are not said, times are in ns since 1970."""

    last: int
    first: int
    address: str
    namespace: str
    pod: str
    workload_kind: str
    workload_name: str
    labels: str
    node: str


def inventory_of(claims: Claims) -> Inventory:
    """Return the inventory that claims make; none where they name no pod.

    Of labels, workload and node what was said last counts. An address is a pod's from the first time that this was
    said to the first time that it was said of the next one, without end at both ends of the log; claims that overlap
    both hold, so that it is ambiguous. A claim with a name that no pod can have is counted in `Inventory.skipped`.
    """
    listed = sorted(_said(claims))
    usable = [one for one in listed if _NAMESPACE.fullmatch(one.namespace) and _NAME.fullmatch(one.pod)]
    of_pods: dict[_Key, list[_Said]] = {}
    for one in usable:
        of_pods.setdefault((one.namespace, one.pod), []).append(one)
    whole = {(space, beginning) for space, name in of_pods if name[-1] != "*" for beginning in beginnings(name)}
    of_pods = {key: said for key, said in of_pods.items() if (key[0], beginning_of(key[1])) not in whole}
    tenures = _tenures(chain.from_iterable(of_pods.values()))
    pods = [_pod(key, said, tenures.get(key, ())) for key, said in sorted(of_pods.items())]
    workloads = sorted({pod.workload for pod in pods})
    return Inventory(
        pods=tuple(pods),
        workloads={ref: Workload(ref) for ref in workloads},
        namespaces={name: _namespace(name) for name in sorted({pod.namespace for pod in pods})},
        skipped={"Claim": len(listed) - len(usable)} if len(listed) > len(usable) else {},
        missing=dict.fromkeys(("EndpointSlice", "NetworkPolicy", "Node", "Service"), _UNASKED),
        claimed=True,
    )


def beginnings(pod: str) -> Iterator[str]:
    """Yield how a controller that named this pod names all of its pods: a beginning and `*`."""
    beginning, dash, _ = pod.rpartition("-")
    if dash:
        yield beginning_of(f"{beginning}-*")
    if len(pod) == _LONGEST:
        yield f"{pod[:_BEGINNING]}*"


def beginning_of(name: str) -> str:
    """Return a name as `beginnings` gives it where it ends in `*`; controllers cut what they begin names with."""
    return f"{name[:-1][:_BEGINNING]}*" if name.endswith("*") else name


def _said(claims: Claims) -> Iterator[_Said]:
    times = [claims[name].astype("int64").tolist() for name in ("last_seen", "first_seen")]
    names = ("address", "namespace", "pod", "workload_kind", "workload_name", "labels", "node")
    texts = (claims[name].astype("object").where(claims[name].notna(), "").tolist() for name in names)
    return (_Said(*row) for row in zip(*times, *texts, strict=True))


def _namespace(name: str) -> Namespace:
    return Namespace(name, {"kubernetes.io/metadata.name": name})


def _pod(key: _Key, said: list[_Said], tenures: tuple[Tenure, ...]) -> Pod:
    """Return a pod of all claims of it, in order of time."""
    namespace, name = key
    labels = _labels(said, shared=name.endswith("*"))
    return Pod(
        uid="/".join(key),
        namespace=namespace,
        name=name,
        workload=_workload(namespace, name, labels, said),
        labels=labels,
        node=next((one.node for one in reversed(said) if one.node), ""),
        ips=tuple(sorted({tenure.ip for tenure in tenures if tenure.end is None})),
        tenures=tenures,
    )


def _labels(said: list[_Said], *, shared: bool) -> dict[str, str]:
    """Return the labels that were said last, or where a name stands for several pods those that were always said."""
    told = [_parsed(one.labels) for one in reversed(said) if one.labels]
    if not told:
        return {}
    others = told if shared else told[:1]
    return {key: value for key, value in told[0].items() if all(other.get(key) == value for other in others)}


@lru_cache(maxsize=4096)
def _parsed(text: str) -> Mapping[str, str]:
    """Return labels from their JSON, without what no label can be."""
    try:
        found = json.loads(text)
        pairs = sorted((str(key), str(value)) for key, value in found.items())
    except (ValueError, AttributeError, RecursionError) as fault:
        raise UnreadableInput(
            f"claims: {text[:80]!r} is no JSON object of labels; read the flow logs again with `podfence observe`"
        ) from fault
    return {key: value for key, value in pairs if _LABEL.fullmatch(key) and (not value or _is_value(value))}


def _is_value(value: str) -> bool:
    return "/" not in value and _LABEL.fullmatch(value) is not None


def _workload(namespace: str, name: str, labels: Mapping[str, str], said: list[_Said]) -> WorkloadRef:
    """Return the controller that was said last, else the one that labels prove which only it sets, else the pod."""
    told = ((one.workload_kind, one.workload_name) for one in reversed(said))
    kind, owner = next(filter(_is_workload, told), None) or _by_labels(name, labels) or ("Pod", name)
    digest = labels.get("pod-template-hash")
    if kind == "ReplicaSet" and digest and owner.endswith(f"-{digest}"):
        kind, owner = "Deployment", owner.removesuffix(f"-{digest}")
    return WorkloadRef(namespace, kind, owner)


def _is_workload(named: tuple[str, str]) -> bool:
    return bool(_KIND.fullmatch(named[0]) and _NAME.fullmatch(named[1]))


def _by_labels(name: str, labels: Mapping[str, str]) -> tuple[str, str] | None:
    """Return kind and name of the controller by a label that it alone sets, where the pod's name agrees with it."""
    beginning = name.rpartition("-")[0]
    digest, ordinal = labels.get("pod-template-hash"), labels.get("statefulset.kubernetes.io/pod-name", "")
    job = labels.get("batch.kubernetes.io/job-name") or labels.get("job-name")
    if digest and beginning.endswith(f"-{digest}"):
        return "Deployment", beginning.removesuffix(f"-{digest}")
    if ordinal and beginning and ordinal.rpartition("-")[0] == beginning:
        return "StatefulSet", beginning
    if job and name.startswith(f"{job}-"):
        return "Job", job
    return ("DaemonSet", beginning) if beginning and "pod-template-generation" in labels else None


def _tenures(said: Iterable[_Said]) -> dict[_Key, tuple[Tenure, ...]]:
    """Return which addresses each pod had when, sorted by address."""
    addresses: dict[str, dict[_Key, tuple[int, int]]] = {}
    for one in said:
        if one.address:
            seen = addresses.setdefault(one.address, {})
            key = one.namespace, one.pod
            first, last = seen.get(key, (one.first, one.last))
            seen[key] = min(first, one.first), max(last, one.last)
    found: dict[_Key, list[Tenure]] = {}
    for address, seen in sorted(addresses.items()):
        for key, tenure in _turns(address, sorted((*times, key) for key, times in seen.items())):
            found.setdefault(key, []).append(tenure)
    return {key: tuple(held) for key, held in found.items()}


def _turns(address: str, seen: list[tuple[int, int, _Key]]) -> Iterator[tuple[_Key, Tenure]]:
    """Yield the tenure of each pod that was seen with an address from first to last, in that order."""
    turns: list[list[tuple[int, int, _Key]]] = []
    reach = -1
    for one in seen:
        if not turns or one[0] > reach:
            turns.append([])
        turns[-1].append(one)
        reach = max(reach, one[1])
    ends = [*(_time(following[0][0]) for following in turns[1:]), None]
    for turn, end in zip(turns, ends, strict=True):
        for one in turn:
            yield one[2], Tenure(address, None if one is seen[0] else _time(one[0]), end)


def _time(nanoseconds: int) -> pd.Timestamp:
    return pd.Timestamp(nanoseconds, unit="ns", tz="UTC")
