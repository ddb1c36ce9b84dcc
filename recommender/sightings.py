"""Turns resolved flows into sightings: in how many time buckets a connection of each communication began."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from collectors.observation import BUCKET_SECONDS
from recommender.communications import successful
from recommender.resolve import ResolvedFlows
from recommender.spans import Array, numbered

Sightings = Mapping[tuple[object, ...], int]
"""By `communications.meaning`."""


def sightings(resolved: ResolvedFlows, bucket_seconds: int = BUCKET_SECONDS) -> dict[tuple[object, ...], int]:
    """Return the number of buckets in which a connection that worked began, for each communication that has any.

    Connections of one edge in one bucket are one sighting: they come in bursts, and a burst says no more than its
    first connection. A long connection counts where it began; where a source does not count connections, wherever
    it was reported. One that began before the window is in no bucket, and so not here.
    """
    began = resolved[_began(resolved)]
    if began.empty:
        return {}
    codes = [code for end in ("src", "dst") for code in _end_codes(began, end)]
    edge, firsts = numbered(*codes, began["protocol"].cat.codes.to_numpy(), began["port"].to_numpy(dtype=np.int64))
    bucket = began["first_seen"].astype("int64").to_numpy() // (bucket_seconds * 10**9)
    _, distinct = numbered(edge, bucket)
    counts = np.bincount(edge[distinct], minlength=len(firsts))
    first = began.iloc[firsts]
    ports = first["port"].to_numpy(dtype=np.int64).tolist()
    keys = zip(_ends(first, "src"), _ends(first, "dst"), first["protocol"].astype("object"), ports, strict=True)
    return {
        (*src, *dst, str(protocol), port): count
        for (src, dst, protocol, port), count in zip(keys, counts.tolist(), strict=True)
    }


def _began(resolved: ResolvedFlows) -> "pd.Series[Any]":
    return successful(resolved) & (resolved["connections"].fillna(1) > 0)


def _end_codes(resolved: pd.DataFrame, end: str) -> list[Array]:
    """Return what tells ends apart as numbers: the workload of a pod, class and address of anything else."""
    pod = (resolved[f"{end}_class"] == "pod").to_numpy()
    code = {name: resolved[f"{end}_{name}"].cat.codes.to_numpy() for name in (*_OWNER, "class", "address")}
    named = pod | (resolved[f"{end}_address"] == "").to_numpy()
    return [
        *(np.where(named, code[name], -1) for name in _OWNER),
        *(np.where(pod, -1, code[name]) for name in ("class", "address")),
    ]


_OWNER = ("owner_namespace", "owner_kind", "owner_name")


def _ends(resolved: pd.DataFrame, end: str) -> list[tuple[str, str, str, str]]:
    """Return `communications.end_key` of each row."""
    columns = (resolved[f"{end}_{name}"].astype("object") for name in (*_OWNER, "class", "address"))
    return [
        ("workload", str(namespace), str(owner), str(name))
        if kind == "pod"
        else ("~address", str(kind), str(address), "" if address else str(name))
        for namespace, owner, name, kind, address in zip(*columns, strict=True)
    ]
