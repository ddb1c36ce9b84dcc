"""Turns flows and what stood behind their Services into rows whose two ends are settled, each with its reason."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from recommender.claims import Claims, believe
from recommender.endpoints import Endpoints
from recommender.identity import CLASS, REASON, Finding, Identity
from recommender.reach import Asked, Choice, Entries
from recommender.spans import Array
from recommender.translate import Frontends


@dataclass(frozen=True, eq=False)
class Setting:
    """What every step of one resolution looks at; arrays are by flow."""

    asked: Asked
    source: Array
    claims: Mapping[str, Claims]
    choice: Choice
    before: Entries
    """What the address before DNAT led to, where a source shows it."""
    identity: Identity
    frontends: Frontends

    @property
    def endpoints(self) -> Endpoints:
        """The lookup tables of the inventory."""
        return self.identity.endpoints


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows to be: positions of flow and option, the numbers of dst's address, its port, both ends, and hairpins."""

    flow: Array
    option: Array
    address: Array
    port: Array
    src: Finding
    dst: Finding
    hairpin: Array

    def take(self, at: Array) -> "Rows":
        """Return these rows only, in this order."""
        columns = (self.flow, self.option, self.address, self.port)
        flow, option, address, port = (column[at] for column in columns)
        return Rows(flow, option, address, port, self.src.take(at), self.dst.take(at), self.hairpin[at])


def settle(setting: Setting) -> Rows:
    """Return the rows of all flows, in the order of the flows; those of one flow sorted by owner, address and port."""
    rows = _sourced(_begun(setting), setting)
    return _merged(_without_self(rows, setting), setting)


def _begun(setting: Setting) -> Rows:
    """Return a row for each option of each flow, with who is there; a record that names one of them decides."""
    asked, choice, identity = setting.asked, setting.choice, setting.identity
    flow, option = choice.expand()
    claimed = setting.claims["dst"].positions(setting.endpoints)
    told = choice.holds(option, claimed[flow])
    if told.any():
        decided = np.bincount(flow[told], minlength=len(claimed)) > 0
        kept = told | ~decided[flow]
        flow, option, told = flow[kept], option[kept], told[kept]
    size, pods, addresses = choice.size[option], choice.pods[option], choice.addresses[option]
    pod = np.where(told, claimed[flow], np.where(size == 1, pods[:, 0], -1))
    address = np.where(size > 1, 0, np.where(addresses[:, 0] > 0, addresses[:, 0], asked.address[flow]))
    if told.any():
        address[told] = choice.address_of(option[told], pod[told])
    port = np.where(addresses[:, 0] > 0, choice.port[option], asked.port[flow])
    dst = identity.find(address, asked.first[flow], asked.last[flow])
    dst = _behind(dst, np.flatnonzero(size > 0), pods[:, 0], pod, told, identity)
    dst = replace(dst, reused=np.where(size > 0, choice.reused(setting.endpoints.reused_addresses)[option], dst.reused))
    dst = _stated(dst, choice.entries.take(flow), identity)
    dst = believe(dst, setting.claims["dst"].take(flow), asked.first[flow], asked.last[flow], identity)
    mark = np.zeros(len(flow), dtype=bool)
    return Rows(flow, option, address, port, dst, dst, mark)


def _behind(dst: Finding, at: Array, any_pod: Array, pod: Array, told: Array, identity: Identity) -> Finding:
    """Set the rows at which pods stand behind the Service."""
    dst = dst.but(at, "pod", "behind_service", identity.owner_of_pod(any_pod[at]), pod[at])
    reason = dst.reason.copy()
    reason[told] = REASON["claimed"]
    return replace(dst, reason=reason)


def _stated(dst: Finding, entries: Entries, identity: Identity) -> Finding:
    """Set the rows whose Service says by itself what they are: nothing behind it, not its port, two Services."""
    if len(entries.known) == 1:
        return dst
    owner = entries.of(lambda entry: identity.book.owner(entry.label) if entry.reason.startswith("no_") else 0)
    for kind, reason in (
        ("service", "no_backend"), ("service", "no_service_port"),
        ("ambiguous", "two_claimants"), ("ambiguous", "owner_changed"),
    ):  # fmt: skip
        rows = entries.of(lambda entry, why=reason: entry.reason == why).astype(bool)  # type: ignore[misc]  # mypy cannot infer a lambda's default
        if reason == "no_service_port":
            rows &= dst.nobody
        dst = dst.but(rows, kind, reason, owner[rows])
    return dst


def _sourced(rows: Rows, setting: Setting) -> Rows:
    """Add who the source was; where it is one of two pods of an option, it is the other that answers."""
    asked, choice = setting.asked, setting.choice
    src = setting.identity.find(setting.source, asked.first, asked.last)
    src = believe(src, setting.claims["src"], asked.first, asked.last, setting.identity).take(rows.flow)
    pair = np.flatnonzero((choice.size[rows.option] == 2) & (rows.dst.pod < 0))
    pair = pair[choice.holds(rows.option[pair], src.pod[pair])]
    if not len(pair):
        return replace(rows, src=src)
    pods, addresses = choice.pods[rows.option[pair]], choice.addresses[rows.option[pair]]
    second = pods[:, 0] == src.pod[pair]
    pod, address = rows.dst.pod.copy(), rows.address.copy()
    pod[pair] = np.where(second, pods[:, 1], pods[:, 0])
    address[pair] = np.where(second, addresses[:, 1], addresses[:, 0])
    return replace(rows, src=src, address=address, dst=replace(rows.dst, pod=pod))


def _without_self(rows: Rows, setting: Setting) -> Rows:
    """Drop a caller's own pod from what may have answered where there are others; where there are none: a hairpin."""
    own = (rows.dst.pod >= 0) & (rows.dst.pod == rows.src.pod)
    if not own.any():
        return rows
    others = np.bincount(rows.flow[~own], minlength=len(setting.source)) > 0
    rows = replace(rows, hairpin=own)
    return rows.take(np.flatnonzero(~(own & others[rows.flow])))


def _merged(rows: Rows, setting: Setting) -> Rows:
    """Make the rows of one flow that lead to the same workload and port one, and sort them."""
    several = np.flatnonzero((np.bincount(rows.flow) > 1)[rows.flow])
    if not len(several):
        return rows
    book, is_pod = setting.identity.book, rows.dst.kind == CLASS["pod"]
    owner = _ranks([(namespace, name, kind) for namespace, kind, name in book.owners])[rows.dst.owner]
    place = np.where(is_pod, -1, _ranks(book.texts)[rows.address])
    keys = np.column_stack((rows.flow, owner, place, rows.port, rows.dst.kind, rows.dst.pod))[several]
    order = np.lexsort(keys.T[::-1])
    keys, at = keys[order], np.arange(len(rows.flow))
    at[several] = several[order]
    again = np.append(False, (keys[1:, :5] == keys[:-1, :5]).all(axis=1))
    head = np.flatnonzero(~again)
    tail = np.append(head[1:], len(keys)) - 1
    unsure = head[(keys[head, 5] != keys[tail, 5]) & is_pod[several[order]][head]]
    pod, address = rows.dst.pod.copy(), rows.address.copy()
    pod[several[order][unsure]], address[several[order][unsure]] = -1, 0
    option = rows.option.copy()
    option[several[order][unsure]] = len(setting.choice.size) - 1  # no single one of them tells the pods
    rows = replace(rows, option=option, address=address, dst=replace(rows.dst, pod=pod))
    kept = np.ones(len(at), dtype=bool)
    kept[several[again]] = False
    return rows.take(at[kept])


def _ranks(values: "Sequence[tuple[str, str, str]] | Sequence[str]") -> Array:
    """Return the place of each value among all of them sorted."""
    ranks = np.empty(len(values), dtype=np.int64)
    ranks[sorted(range(len(values)), key=lambda at: values[at])] = np.arange(len(values))
    return ranks
