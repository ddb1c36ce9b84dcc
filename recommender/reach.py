"""Turns flows to Service addresses into one row for each workload or address that may have answered."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from recommender.endpoints import Endpoints
from recommender.identity import Book, Identity
from recommender.spans import Array, groups, numbered
from recommender.translate import Entry, Frontends, moments

NO_ENTRY = Entry()


@dataclass(frozen=True)
class Asked:
    """Where flows went: numbers of the book, protocols (codes and their texts), ports, and the time of each."""

    address: Array
    protocol: Array
    protocols: Sequence[str]
    port: Array
    first: Array
    last: Array


@dataclass(frozen=True)
class Entries:
    """The entry of each row, as a position in `known`; 0 is none."""

    which: Array
    known: tuple[Entry, ...]

    def of(self, tell: Callable[[Entry], int]) -> Array:
        """Return a number for each row that its entry tells."""
        return np.take(np.array([tell(entry) for entry in self.known], dtype=np.int64), self.which)

    def take(self, rows: Array) -> "Entries":
        """Return the entries of these rows."""
        return Entries(self.which[rows], self.known)

    def holds(self, pod: Array) -> Array:
        """Return where a pod (by position) is among those behind the row's entry."""
        members = [(at, of) for at, entry in enumerate(self.known) for o in entry.options for of in o.pods]
        return _among(self.which, pod, members)


def entries_of(asked: Asked, frontends: Frontends, book: Book) -> Entries:
    """Return what each row's address and port led to at its time, as far as they were a Service's."""
    rows = _of_services(asked, frontends.endpoints, frontends, book)
    at = np.zeros(len(asked.address), dtype=np.int64)
    known = [NO_ENTRY]
    if len(rows):
        texts = book.texts
        number, firsts = numbered(asked.address[rows], asked.protocol[rows], asked.port[rows])
        low, high = np.zeros_like(number), np.zeros_like(number)
        keys, slots = [], []
        for code, members in groups(number):
            row = int(rows[firsts[code]])
            key = (texts[asked.address[row]], asked.protocols[asked.protocol[row]], int(asked.port[row]))
            keys.append(key)
            slots.append(frontends.slots(*key))
            low[members] = np.searchsorted(slots[-1], asked.first[rows[members]], "right")
            high[members] = np.searchsorted(slots[-1], asked.last[rows[members]], "right")
        which, firsts = numbered(number, low, high)
        found = []
        for first in firsts.tolist():
            of = int(number[first])
            entry = frontends.entry(*keys[of], moments(slots[of], int(low[first]), int(high[first])))
            found.append(0 if entry is None else len(known))
            known += [entry] if entry is not None else []
        at[rows] = np.array(found, dtype=np.int64)[which]
    return Entries(at, tuple(known))


def _of_services(asked: Asked, endpoints: Endpoints, frontends: Frontends, book: Book) -> Array:
    """Return the rows whose address led to a Service at some time, or is a node's and the port a NodePort."""
    texts = book.texts
    service = np.array([text in endpoints.service_addresses for text in texts])[asked.address]
    node = np.array([text in endpoints.node_addresses for text in texts])[asked.address] & ~service
    on_node = np.flatnonzero(node)
    if len(on_node):
        number, firsts = numbered(asked.protocol[on_node], asked.port[on_node])
        pairs = [(asked.protocols[asked.protocol[row]], int(asked.port[row])) for row in on_node[firsts].tolist()]
        service[on_node] = np.array([pair in frontends.node_ports for pair in pairs])[number]
    return np.flatnonzero(service)


@dataclass(frozen=True)
class Choice:
    """The options of all entries as columns, so that rows can point at them; the last row stands for "no option"."""

    entries: Entries
    book: Book

    @cached_property
    def _options(self) -> list[tuple[int, tuple[int, ...], tuple[str, ...]]]:
        return [(o.port, o.pods, o.addresses) for entry in self.entries.known for o in entry.options]

    @cached_property
    def port(self) -> Array:
        """The port behind, 0 at the end."""
        return np.array([*(port for port, _, _ in self._options), 0], dtype=np.int64)

    @cached_property
    def pods(self) -> Array:
        """The first and the second pod, -1 where there is none."""
        return np.array([*((*pods, -1, -1)[:2] for _, pods, _ in self._options), (-1, -1)], dtype=np.int64)

    @cached_property
    def addresses(self) -> Array:
        """The first and the second address, 0 where there is none."""
        rows = [[self.book.address(text) for text in (*addresses, "")[:2]] for _, _, addresses in self._options]
        return np.array([*rows, [0, 0]], dtype=np.int64)

    @cached_property
    def size(self) -> Array:
        """How many pods."""
        return np.array([*(len(pods) for _, pods, _ in self._options), 0], dtype=np.int64)

    def home(self, option: Array, identity: Identity) -> Array:
        """Return the node of all pods of each option, as an owner; -1 where there is not one, or it is not known."""
        nodes = [set(identity.node_of_pod(np.array(pods, dtype=np.int64)).tolist()) for _, pods, _ in self._options]
        return np.array([*(own.pop() if len(own) == 1 else -1 for own in nodes), -1], dtype=np.int64)[option]

    def reused(self, addresses: frozenset[str]) -> Array:
        """Return for each option whether one of its addresses is among these."""
        found = [not addresses.isdisjoint(of) for _, _, of in self._options]
        return np.array([*found, False], dtype=bool)

    def number_addresses(self) -> None:
        """Put every address behind a Service into the book."""
        _ = self.addresses

    def expand(self) -> tuple[Array, Array]:
        """Return for each row to be which flow it is of, and which option (the last: none); no option lost."""
        sizes = np.array([len(entry.options) for entry in self.entries.known], dtype=np.int64)
        begin = np.cumsum(sizes) - sizes
        at = self.entries.which
        if not sizes.any():
            return np.arange(len(at)), np.zeros(len(at), dtype=np.int64)
        counts = np.maximum(sizes[at], 1)
        flow = np.repeat(np.arange(len(at)), counts)
        within = np.arange(len(flow)) - np.repeat(np.cumsum(counts) - counts, counts)
        option = np.where(sizes[at][flow] > 0, begin[at][flow] + within, len(self._options))
        return flow, option

    def holds(self, option: Array, pod: Array) -> Array:
        """Return where a pod is one of the option's."""
        members = [(at, pod) for at, (_, pods, _) in enumerate(self._options) for pod in pods]
        return _among(option, pod, members)

    def address_of(self, option: Array, pod: Array) -> Array:
        """Return the number of the address under which a pod is in an option; 0 where it is not."""
        known = {
            (at, pod): self.book.address(address)
            for at, (_, pods, addresses) in enumerate(self._options)
            for pod, address in zip(pods, addresses, strict=False)
        }
        number, firsts = numbered(option, pod)
        found = [known.get((int(option[row]), int(pod[row])), 0) for row in firsts.tolist()]
        return np.take(np.array(found, dtype=np.int64), number)


def _among(code: Array, pod: Array, members: Sequence[tuple[int, int]]) -> Array:
    """Return where (code, pod) is one of the members."""
    if not members:
        return np.zeros(len(code), dtype=bool)
    table = np.array(members, dtype=np.int64)
    radix = int(max(table[:, 1].max(), pod.max(initial=0))) + 1
    keys = np.unique(table[:, 0] * radix + table[:, 1])
    asked = code * radix + pod
    at = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
    found: Array = (pod >= 0) & (keys[at] == asked)
    return found
