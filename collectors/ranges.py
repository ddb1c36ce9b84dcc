"""Turns what a person gives and what the cluster tells into the ranges of pod and Service addresses. Pure.

A range is believed only where somebody states it. None is guessed from addresses alone: the smallest range around ten
pods may hold a database that is no pod, and would call it one of ours.
"""

import ipaddress
from collections.abc import Iterable, Iterator
from itertools import zip_longest

from collectors.addresses import IPNetwork
from collectors.errors import UnreadableInput
from collectors.fields import Dict, metadata

_MIRROR = "kubernetes.io/config.mirror"
_POD_FLAG, _SERVICE_FLAG = "--cluster-cidr", "--service-cluster-ip-range"


def given_ranges(texts: Iterable[str], what: str) -> tuple[IPNetwork, ...]:
    """Return the ranges that a person gave; UnreadableInput names one that is none."""
    found = []
    for text in texts:
        try:
            network = ipaddress.ip_network(text.strip())
        except ValueError as fault:
            raise UnreadableInput(
                f"{what}: {text[:80]!r} is no address range ({str(fault)[:120]}); give one like 10.42.0.0/16"
            ) from fault
        if not network.prefixlen:
            raise UnreadableInput(f"{what}: {text[:80]!r} holds every address there is; give the cluster's own range")
        found.append(network)
    return tuple(found)


def pod_range_texts(item: Dict) -> list[str]:
    """Return what a node, or the controller manager's `--cluster-cidr`, tells of the ranges of pod addresses."""
    if item.get("kind") == "Pod":
        return list(_flag(item, _POD_FLAG)) if _is_control_plane(item) else []
    spec = item.get("spec") or {}
    return [str(text) for text in (spec.get("podCIDR"), *(spec.get("podCIDRs") or [])) if text]


def service_range_texts(item: Dict) -> list[str]:
    """Return what a ServiceCIDR, or the API server's flag, tells of the ranges of Service addresses."""
    if item.get("kind") == "Pod":
        return list(_flag(item, _SERVICE_FLAG)) if _is_control_plane(item) else []
    return [str(text) for text in (item.get("spec") or {}).get("cidrs") or []]


def collapsed(given: Iterable[IPNetwork], texts: Iterable[str]) -> tuple[str, ...]:
    """Return the fewest ranges that hold exactly these, sorted, IPv4 first; texts that are no ranges tell nothing."""
    found = [*given, *_networks(texts)]
    four = ipaddress.collapse_addresses(net for net in found if isinstance(net, ipaddress.IPv4Network))
    six = ipaddress.collapse_addresses(net for net in found if isinstance(net, ipaddress.IPv6Network))
    return tuple(map(str, [*four, *six]))


def _is_control_plane(pod: Dict) -> bool:
    """Whether it is a static pod of the control plane: anybody else may write any flag into a pod."""
    meta, spec = metadata(pod), pod.get("spec") or {}
    owners = [owner.get("kind") for owner in meta.get("ownerReferences") or []]
    mirrored = _MIRROR in (meta.get("annotations") or {}) and owners == ["Node"]
    return mirrored and meta.get("namespace") == "kube-system" and bool(spec.get("hostNetwork", False))


def _flag(pod: Dict, flag: str) -> Iterator[str]:
    """Yield the values of a flag in the command lines of a pod, written with `=` or as two words."""
    for container in (pod.get("spec") or {}).get("containers") or []:
        words = " ".join(map(str, [*(container.get("command") or []), *(container.get("args") or [])])).split()
        for word, following in zip_longest(words, words[1:], fillvalue=""):
            if word == flag:
                yield from following.split(",")
            elif word.startswith(f"{flag}="):
                yield from word.removeprefix(f"{flag}=").split(",")


def _networks(texts: Iterable[str]) -> Iterator[IPNetwork]:
    """Yield the ranges in texts that the cluster gave; what is none, or all there is, tells nothing."""
    for text in texts:
        try:
            network = ipaddress.ip_network(text.strip().strip("\"'"), strict=False)
        except ValueError:
            continue
        if network.prefixlen:
            yield network
