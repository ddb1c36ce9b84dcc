"""Turns Kubernetes API dicts, as `kubectl get -o json` prints them, into an Inventory. Pure: no I/O."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any, TypeVar

import pandas as pd

from collectors.addresses import IPNetwork
from collectors.fields import Dict, not_as_given
from collectors.histories import History, Listing, Sighting, by_kind, histories
from collectors.inventory import EndpointSlice, Inventory, Service, Workload
from collectors.kinds import KINDS
from collectors.networks import namespace_of, node_of, service_of, slice_of, versions_of
from collectors.owners import Owners, workload_in
from collectors.pods import pod_of
from collectors.ranges import collapsed, pod_range_texts, service_range_texts

_Built = TypeVar("_Built")
_Versioned = TypeVar("_Versioned", Service, EndpointSlice)


@dataclass(frozen=True)
class Told:
    """What a person or the writer of an inventory tells beside the objects; see the fields of Inventory."""

    pod_cidrs: tuple[IPNetwork, ...] = ()
    service_cidrs: tuple[IPNetwork, ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict)
    gaps: int = 0


def flatten(document: Dict) -> Iterable[Dict]:
    """Yield the objects of a List, PodList, ... or the object itself; items of a typed list get their kind from it."""
    kind = str(document.get("kind", ""))
    if not (kind.endswith("List") and isinstance(document.get("items"), list)):
        yield document
        return
    own = {"kind": kind.removesuffix("List"), "apiVersion": document.get("apiVersion")}
    for item in document["items"]:
        if isinstance(item, Mapping):
            yield item if item.get("kind") else {**item, **own}


def build_inventory(objects: Iterable[Dict], deleted: Mapping[str, pd.Timestamp] | None = None) -> Inventory:
    """Return the inventory of these API objects, of which nobody knows when they were seen.

    `deleted` tells uids that are known to be gone since a time.
    """
    found = histories(Sighting(item) for item in objects)
    gone = deleted or {}
    return inventory_of([replace(history, deleted=gone.get(history.uid, history.deleted)) for history in found])


def inventory_from(sightings: Iterable[Sighting], listings: Iterable[Listing], told: Told | None = None) -> Inventory:
    """Return the inventory of objects that were seen at known times, in lists and timelines."""
    return inventory_of(histories(sightings, listings), told)


def inventory_of(found: Iterable[History], told: Told | None = None) -> Inventory:
    """Return the inventory of these histories, which are in the order of `histories`.

    Objects of kinds that are not used, and that own nothing, are counted in `Inventory.skipped`.
    """
    found, told = list(found), told or Told()
    kinds = by_kind(found)
    owners = Owners(history.newest for history in found)
    pods = _each(lambda history: pod_of(history, owners), kinds.get("Pod", []))
    roots = _each(lambda history: workload_in(history.newest), _oldest_first(found))
    workloads = {workload.ref: workload for workload in roots if workload is not None}
    for pod in pods:
        workloads.setdefault(pod.workload, Workload(pod.workload, None, {}))
    known = {kind.kind for kind in KINDS} | {ref.kind for ref in workloads}
    nodes, spaces = kinds.get("Node", []), kinds.get("Namespace", [])
    return Inventory(
        pods=tuple(sorted(pods, key=lambda pod: (pod.namespace, pod.name, pod.uid))),
        workloads=dict(sorted(workloads.items())),
        services=_versions(service_of, kinds.get("Service", [])),
        slices=_versions(slice_of, kinds.get("EndpointSlice", [])),
        nodes=tuple(sorted(_each(node_of, nodes), key=lambda node: node.name)),
        namespaces={item.name: item for item in _each(namespace_of, spaces)},
        policies=tuple(history.newest for history in kinds.get("NetworkPolicy", []) if history.deleted is None),
        skipped=dict(sorted(Counter(history.kind for history in found if history.kind not in known).items())),
        missing=dict(sorted(told.missing.items())),
        gaps=told.gaps,
        **_ranges(kinds, told),
    )


def _each(build: Callable[[History], _Built], found: Iterable[History]) -> list[_Built]:
    """Return what `build` makes of each; UnreadableInput names an object whose fields the API could not give."""
    built = []
    for history in found:
        try:
            built.append(build(history))
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as fault:
            raise not_as_given(history.newest, fault) from fault
    return built


def _oldest_first(found: Iterable[History]) -> list[History]:
    """Order objects so that of two with one name the one that lives, else the younger one, comes last."""
    return sorted(found, key=lambda history: history.deleted is None)


def _versions(build: Callable[[Dict], _Versioned], found: Iterable[History]) -> tuple[_Versioned, ...]:
    built = _each(lambda history: versions_of(history, build), found)
    return tuple(version for versions in built for version in versions)


def _ranges(kinds: Mapping[str, list[History]], told: Told) -> dict[str, Any]:
    """Return both ranges: what is given counts beside what the cluster tells.

    The API server's flag only made the first ServiceCIDR, which may have been replaced since.
    """
    nodes, pods, cidrs = (kinds.get(kind, []) for kind in ("Node", "Pod", "ServiceCIDR"))
    of_pods = _each(lambda history: pod_range_texts(history.newest), [*nodes, *pods])
    of_services = _each(lambda history: service_range_texts(history.newest), cidrs or pods)
    return {
        "pod_cidrs": collapsed(told.pod_cidrs, chain.from_iterable(of_pods)),
        "service_cidrs": collapsed(told.service_cidrs, chain.from_iterable(of_services)),
    }
