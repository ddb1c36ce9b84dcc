"""Turns the identity that records claim into findings where nothing better is known, and into conflicts elsewhere."""

from dataclasses import dataclass

import numpy as np

from collectors.flows import Flows
from collectors.tenancy import span
from recommender.endpoints import Endpoints
from recommender.identity import CLASS, Finding, Identity, touching
from recommender.spans import Array, groups, numbered


@dataclass(frozen=True)
class Claims:
    """What records claim for one end: for each row the number of a distinct claim, -1 for none."""

    number: Array
    names: tuple[tuple[str, str], ...]
    """Namespace and pod of each claim; either may be empty."""

    def take(self, rows: Array) -> "Claims":
        """Return the claims of these rows."""
        return Claims(self.number[rows], self.names)

    def positions(self, endpoints: Endpoints) -> Array:
        """Return for each row the first pod of the claimed namespace and name, -1 where there is none."""
        found = [endpoints.pods_named.get(name, (-1,))[0] for name in self.names]
        return np.array([*found, -1], dtype=np.int64)[self.number]


def claims_of(flows: Flows, end: str) -> Claims:
    """Return what the records of flows claim for src or dst."""
    columns = [flows[f"{end}_{part}"].cat for part in ("namespace", "pod")]
    codes = [column.codes.to_numpy() for column in columns]
    made = np.flatnonzero((codes[0] >= 0) | (codes[1] >= 0))
    number = np.full(len(flows), -1, dtype=np.int64)
    if not len(made):
        return Claims(number, ())
    distinct, firsts = numbered(*(code[made] for code in codes))
    texts = [[*map(str, column.categories), ""] for column in columns]
    names = [(texts[0][codes[0][row]], texts[1][codes[1][row]]) for row in made[firsts].tolist()]
    number[made] = np.where(np.array([any(name) for name in names])[distinct], distinct, -1)
    return Claims(number, tuple(names))


def believe(finding: Finding, claims: Claims, first: Array, last: Array, identity: Identity) -> Finding:
    """Return the finding with pods that only the record tells: one that existed then, where no owner is known.

    Several pods that had the name then are believed if they are of one workload: the first by position.
    """
    asked = np.flatnonzero(finding.nobody & (claims.number >= 0))
    believed = np.full(len(asked), -1, dtype=np.int64)
    for number, at in groups(claims.number[asked]):
        rows = asked[at]
        believed[at] = _named_then(claims.names[number], first[rows], last[rows], identity.endpoints)
    found = believed[believed >= 0]
    return finding.but(asked[believed >= 0], "pod", "claimed", identity.owner_of_pod(found), found)


def _named_then(name: tuple[str, str], first: Array, last: Array, endpoints: Endpoints) -> Array:
    """Return for each time the pod that had this name, -1 for none and for pods of several workloads."""
    best = np.full(len(first), -1, dtype=np.int64)
    doubt = np.zeros(len(first), dtype=bool)
    for position in endpoints.pods_named.get(name, ()):
        pod = endpoints.inventory.pods[position]
        if not pod.host_network:
            then = touching(first, last, span(pod.start, pod.end))
            doubt |= then & (best >= 0) & (endpoints.workload_of[best] != endpoints.workload_of[position])
            best = np.where(then & (best < 0), position, best)
    return np.where(doubt, -1, best)


def conflicts(finding: Finding, claims: Claims, identity: Identity) -> Array:
    """Return where the record claims another than was found.

    Only what was found can be contradicted: a claim beside an unknown, ambiguous or Service's address is none. A
    node's address agrees with the host network pods on that node.
    """
    found = np.zeros(len(claims.number), dtype=bool)
    made = np.flatnonzero(claims.number >= 0)
    if not len(made):
        return found
    number, kind, pod = claims.number[made], finding.kind[made], finding.pod[made]
    endpoints = identity.endpoints
    of_pod = _differing(number, pod, finding.owner[made], claims, identity)
    named = np.array([bool(name[1]) for name in claims.names])[number]
    hosts = np.array([_host(name, endpoints) for name in claims.names], dtype=np.int64)[number]
    of_host = named & ((hosts < 0) | (identity.node_of_pod(hosts) != finding.owner[made]))
    found[made] = np.select(
        [kind == CLASS["pod"], kind == CLASS["node"], kind == CLASS["api_server"]],
        [of_pod, of_host, named & (hosts < 0)],
        False,
    )
    return found


def _differing(number: Array, pod: Array, owner: Array, claims: Claims, identity: Identity) -> Array:
    """Return where a claim's namespace or pod name is not the found pod's; each distinct pair is compared once."""
    pods, owners = identity.endpoints.inventory.pods, list(identity.book.owners)
    distinct, firsts = numbered(number, pod, owner)
    differ = []
    for row in firsts.tolist():
        namespace, name = claims.names[number[row]]
        at = int(pod[row])
        held = pods[at].name if at >= 0 else ""
        where = owners[int(owner[row])][0]
        differ.append(bool((namespace and namespace != where) or (name and name != held)))
    return np.array(differ, dtype=bool)[distinct]


def _host(name: tuple[str, str], endpoints: Endpoints) -> int:
    """Return the first host network pod of that name, else -1."""
    positions = endpoints.pods_named.get(name, ())
    return next((at for at in positions if endpoints.inventory.pods[at].host_network), -1)
