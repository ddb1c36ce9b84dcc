"""Turns flows of many stretches of time into servers that nobody declared: ports that many clients talked with.

`resolve` looks for them among the flows that it is given. Here are those that only several stretches together show.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from collectors.flows import ORIENTATIONS, Flows
from collectors.inventory import Inventory
from collectors.tenancy import categorical
from recommender.endpoints import Endpoints
from recommender.resolve import CLIENTS_OWN, MANY_CLIENTS, ResolvedFlows, resolve
from recommender.spans import Array, numbered

Server = tuple[str, str, int]
"""Address, protocol and port."""


def servers(parts: Iterable[Flows], inventory: Inventory | Endpoints) -> frozenset[Server]:
    """Return the servers that flows without orientation show, in whichever order the parts come."""
    clients: dict[Server, set[str]] = {}
    for flows in parts:
        unoriented = Flows(flows[(flows["orientation"] == "unknown").to_numpy()])
        for server, client in _meetings(resolve(unoriented, inventory)):
            known = clients.setdefault(server, set())
            if len(known) < MANY_CLIENTS:
                known.add(client)
    return frozenset(server for server, known in clients.items() if len(known) >= MANY_CLIENTS)


def hinted(resolved: ResolvedFlows, known: frozenset[Server]) -> ResolvedFlows:
    """Return the rows, those without orientation marked as port_hint where they are at a known server."""
    at = np.flatnonzero((resolved["orientation"] == "unknown").to_numpy())
    number, firsts = _server_numbers(resolved, at)
    found = np.array([server in known for server in _servers(resolved, at[firsts])], dtype=bool)
    if not found.any():
        return resolved
    codes = resolved["orientation"].cat.set_categories([*ORIENTATIONS]).cat.codes.to_numpy().astype(np.int64)
    codes[at[found[number]]] = ORIENTATIONS.index("port_hint")
    return resolved.assign(orientation=categorical(ORIENTATIONS, codes))


def _meetings(resolved: ResolvedFlows) -> Iterable[tuple[Server, str]]:
    """Return each server that may be one with each of its clients, once."""
    at = np.flatnonzero(((resolved["port"] < CLIENTS_OWN) & (resolved["dst_address"] != "")).to_numpy(dtype=bool))
    number, _ = _server_numbers(resolved, at)
    _, firsts = numbered(number, resolved["src_address"].cat.codes.to_numpy()[at])
    met = resolved.iloc[at[firsts]]
    return zip(_servers(resolved, at[firsts]), met["src_address"].astype("object"), strict=True)


def _server_numbers(resolved: ResolvedFlows, at: Array) -> tuple[Array, Array]:
    codes = [resolved[name].cat.codes.to_numpy()[at] for name in ("dst_address", "protocol")]
    return numbered(*codes, resolved["port"].to_numpy(dtype=np.int64)[at])


def _servers(resolved: pd.DataFrame, at: Array) -> list[Server]:
    rows = resolved.iloc[at]
    columns = (rows[name].astype("object") for name in ("dst_address", "protocol", "port"))
    return [(str(address), str(protocol), int(port)) for address, protocol, port in zip(*columns, strict=True)]
