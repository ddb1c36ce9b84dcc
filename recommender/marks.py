"""Turns settled rows into rows that also know the API server, masqueraded sources, hairpins and host listeners."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from recommender.claims import conflicts
from recommender.endpoints import API_SERVER, Window
from recommender.identity import CLASS, REASON, Finding, touching
from recommender.reach import Asked, entries_of
from recommender.settle import Rows, Setting
from recommender.spans import Array, during, groups, numbered
from recommender.translate import ANY_PORT


@dataclass(frozen=True, eq=False)
class Marks:
    """What is true of a row beside its two ends."""

    node_local: Array
    conflict: Array


def mark(rows: Rows, setting: Setting) -> tuple[Rows, Marks]:
    """Return the rows with what needs both ends at once, and their marks."""
    src = _translated(_of_api_server(rows.src, setting.source[rows.flow], None, rows, setting), rows, setting)
    dst = _of_api_server(rows.dst, rows.address, rows.port, rows, setting)
    claims = setting.claims
    conflict = conflicts(src, claims["src"].take(rows.flow), setting.identity)
    conflict |= conflicts(dst, claims["dst"].take(rows.flow), setting.identity)
    rows = replace(rows, src=src, dst=dst)
    at_pod = (src.kind == CLASS["node"]) & (dst.kind == CLASS["pod"]) & (dst.pod >= 0)
    home = setting.identity.node_of_pod(dst.pod)
    local = at_pod & (home == src.owner) | _all_at_home(rows, setting)
    rows = replace(rows, hairpin=rows.hairpin | _returned(rows, local, setting))
    rows = _masqueraded(rows, at_pod, at_pod & (home >= 0) & ~local, setting)
    return replace(rows, dst=_listening(rows, setting)), Marks(local, conflict)


def _all_at_home(rows: Rows, setting: Setting) -> Array:
    """Return where a node reached one of several pods, which it is not known, and all of them are its own."""
    at = np.flatnonzero((rows.src.kind == CLASS["node"]) & (rows.dst.kind == CLASS["pod"]) & (rows.dst.pod < 0))
    found = np.zeros(len(rows.flow), dtype=bool)
    found[at] = setting.choice.home(rows.option[at], setting.identity) == rows.src.owner[at]
    return found


def _times(rows: Rows, at: Array, setting: Setting) -> tuple[Array, Array]:
    flows = rows.flow[at]
    return setting.asked.first[flows], setting.asked.last[flows]


def _of_api_server(found: Finding, address: Array, port: Array | None, rows: Rows, setting: Setting) -> Finding:
    """Set the rows at the API server's own addresses; a source's port (None) is not known, any will do."""
    known = setting.endpoints.api_server
    texts, protocols = setting.identity.book.texts, setting.asked.protocols
    open_to = found.nobody if port is None else found.nobody | (found.kind == CLASS["node"])
    at = np.flatnonzero(np.array([text in known for text in texts])[address] & open_to)
    columns = (address[at], setting.asked.protocol[rows.flow[at]], np.zeros_like(at) if port is None else port[at])

    def windows(row: int) -> Sequence[Window]:
        own = known[texts[columns[0][row]]]
        if port is None:
            return [window for _, _, window in own]
        asked, number = protocols[columns[1][row]], int(columns[2][row])
        return [window for protocol, open_port, window in own if protocol == asked and open_port in {None, number}]

    there = at[during(columns, *_times(rows, at, setting), windows)]
    return found.but(there, "api_server", "api_server_slice", setting.identity.book.owner("/".join(API_SERVER)))


def _translated(src: Finding, rows: Rows, setting: Setting) -> Finding:
    """Set the sources that are a Service's address: only a masqueraded packet has such a one."""
    asked, book = setting.asked, setting.identity.book
    services = setting.endpoints.service_addresses
    of_service = np.array([text in services for text in book.texts])[setting.source[rows.flow]]
    at = np.flatnonzero(of_service & src.nobody)
    if not len(at):
        return src
    entries = entries_of(_from(setting.source, rows.flow[at], asked), setting.frontends, book)
    owner = entries.of(lambda entry: book.owner(entry.label.partition(":")[0]))
    alive = entries.of(lambda entry: bool(entry.label)).astype(bool)
    src = src.but(at[alive], "service", "service_address", owner[alive])
    for reason in ("two_claimants", "owner_changed"):
        unsure = entries.of(lambda entry, why=reason: entry.reason == why).astype(bool)  # type: ignore[misc]  # mypy cannot infer a lambda's default
        src = src.but(at[unsure], "ambiguous", reason)
    return src


def _from(source: Array, flows: Array, asked: Asked) -> Asked:
    """Return the question what is behind the addresses that these flows came from."""
    any_port = np.full(len(flows), ANY_PORT, dtype=np.int64)
    none = np.zeros(len(flows), dtype=np.int64)
    return Asked(source[flows], none, [""], any_port, asked.first[flows], asked.last[flows])


def _returned(rows: Rows, local: Array, setting: Setting) -> Array:
    """Return where a pod's own Service led back to it, as its node's or the Service's address as source shows."""
    found = np.zeros(len(local), dtype=bool)
    before = np.flatnonzero(local & (setting.before.which[rows.flow] > 0))
    found[before] = setting.before.take(rows.flow[before]).holds(rows.dst.pod[before])
    masked = np.flatnonzero((rows.src.reason == REASON["service_address"]) & (rows.dst.pod >= 0))
    question = _from(setting.source, rows.flow[masked], setting.asked)
    entries = entries_of(question, setting.frontends, setting.identity.book)
    found[masked] = entries.holds(rows.dst.pod[masked])
    return found


def _masqueraded(rows: Rows, at_pod: Array, elsewhere: Array, setting: Setting) -> Rows:
    """Give the reason `node_snat` to node sources that may stand for a client outside or on that node.

    So it is at a pod on another node, and at a pod and port behind a NodePort or a load balancer's address. A flow
    that was seen before Service translation is not masqueraded yet.
    """
    at = np.flatnonzero(at_pod & (setting.choice.entries.which[rows.flow] == 0))
    texts, protocols = setting.identity.book.texts, setting.asked.protocols
    columns = (rows.address[at], setting.asked.protocol[rows.flow[at]], rows.port[at])

    def windows(row: int) -> Sequence[Window]:
        address, protocol, port = (column[row] for column in columns)
        return setting.frontends.exposed(texts[address], protocols[protocol], int(port))

    behind = during(columns, *_times(rows, at, setting), windows)
    reason = rows.src.reason.copy()
    reason[at[behind | elsewhere[at]]] = REASON["node_snat"]
    return replace(rows, src=replace(rows.src, reason=reason))


def _listening(rows: Rows, setting: Setting) -> Finding:
    """Name the host network workload that declares the port on a node's address, where only one did."""
    dst, pods, book = rows.dst, setting.endpoints.inventory.pods, setting.identity.book
    at = np.flatnonzero(dst.kind == CLASS["node"])
    if not len(at):
        return dst
    owner, reason = dst.owner.copy(), dst.reason.copy()
    first, last = _times(rows, at, setting)
    number, firsts = numbered(rows.address[at], setting.asked.protocol[rows.flow[at]], rows.port[at])
    for code, members in groups(number):
        row = at[firsts[code]]
        protocol = setting.asked.protocols[setting.asked.protocol[rows.flow[row]]]
        declared = setting.endpoints.listeners.get((book.texts[rows.address[row]], protocol, int(rows.port[row])), ())
        named, doubt = np.zeros(len(members), dtype=np.int64), np.zeros(len(members), dtype=bool)
        for position, window in declared:
            there = touching(first[members], last[members], window)
            of = book.owner(str(pods[position].workload))
            doubt |= there & (named > 0) & (named != of)
            named[there] = of
        known = (named > 0) & ~doubt
        owner[at[members[known]]], reason[at[members[known]]] = named[known], REASON["host_network_port"]
    return replace(dst, owner=owner, reason=reason)
