"""Turns the identity that records claim into findings where nothing better is known, and into conflicts elsewhere."""

from dataclasses import dataclass, replace

import numpy as np

from collectors.flows import Flows
from collectors.tenancy import span
from recommender.endpoints import Endpoints
from recommender.identity import CLASS, REASON, Finding, Identity, touching
from recommender.spans import Array, groups, numbered
from recommender.text import cut


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
        found = [(*endpoints.named(*name), -1)[0] for name in self.names]
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
    """Return the finding with pods that only the record tells: those that existed then, where no owner is known.

    Pods of several workloads make it ambiguous. An end without address that stays unknown is called as the record
    calls it.
    """
    asked = np.flatnonzero(finding.nobody & (claims.number >= 0))
    pod, doubt = np.full(len(asked), -1, dtype=np.int64), np.zeros(len(asked), dtype=bool)
    several = doubt.copy()
    for number, at in groups(claims.number[asked]):
        rows = asked[at]
        then = _named_then(claims.names[number], first[rows], last[rows], identity.endpoints)
        pod[at], several[at], doubt[at] = then
    sure = (pod >= 0) & ~doubt
    nameless = asked[~sure & (finding.reason[asked] == REASON["no_address"])]
    finding = finding.but(
        asked[sure], "pod", "claimed", identity.owner_of_pod(pod[sure]), np.where(several, -1, pod)[sure]
    )
    finding = finding.but(asked[doubt], "ambiguous", "two_claimants")
    owner = finding.owner.copy()
    owner[nameless] = _called(claims.take(nameless), identity)
    return replace(finding, owner=owner)


_MOST_NAME = 160


def _called(claims: Claims, identity: Identity) -> Array:
    """Return how each record calls an end, as the number of an owner."""
    numbers, place = np.unique(claims.number, return_inverse=True)
    names = (cut("/".join(claims.names[number]), _MOST_NAME) for number in numbers.tolist())
    return np.array([identity.book.owner(name) for name in names], dtype=np.int64)[place]


def _named_then(name: tuple[str, str], first: Array, last: Array, endpoints: Endpoints) -> tuple[Array, Array, Array]:
    """Return for each time the first pod that had this name (-1: none), whether others did, of other workloads too."""
    best = np.full(len(first), -1, dtype=np.int64)
    several, doubt = np.zeros(len(first), dtype=bool), np.zeros(len(first), dtype=bool)
    for position in endpoints.named(*name):
        pod = endpoints.inventory.pods[position]
        if not pod.host_network:
            then = touching(first, last, span(pod.start, pod.end))
            again = then & (best >= 0)
            several |= again & (pod.name != name[1])
            doubt |= again & (endpoints.workload_of[best] != endpoints.workload_of[position])
            best = np.where(then & (best < 0), position, best)
    return best, several, doubt


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
    """Return where a claim's namespace or pod name is not the found pod's; each distinct pair is compared once.

    A name that only begins like several pods differs where none of these is of the found workload.
    """
    endpoints, owners = identity.endpoints, list(identity.book.owners)
    distinct, firsts = numbered(number, pod, owner)
    differ = []
    for row in firsts.tolist():
        namespace, name = claims.names[number[row]]
        at = int(pod[row])
        where = owners[int(owner[row])][0]
        meant = np.array(endpoints.named(where, name), dtype=np.int64)
        agrees = owner[row] in identity.owner_of_pod(meant) if name.endswith("*") else at in meant
        differ.append(bool((namespace and namespace != where) or (name and not agrees)))
    return np.array(differ, dtype=bool)[distinct]


def _host(name: tuple[str, str], endpoints: Endpoints) -> int:
    """Return the first host network pod of that name, else -1."""
    return next((at for at in endpoints.named(*name) if endpoints.inventory.pods[at].host_network), -1)
