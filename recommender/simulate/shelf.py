"""Turns what peers want into shelves on which the few peers that may take an actor are found without trying all."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Generic, TypeVar

from recommender.policy import LabelSelector, Peer
from recommender.simulate.actors import Actor, Fact

T = TypeVar("T")


def wanted_facts(peer: Peer, namespace: str) -> list[Fact]:
    """Return facts of which each must be so of whoever a peer takes; `namespace` is its policy's."""
    if peer.ip_block is not None:
        return [("block", peer.ip_block)]
    wanted: list[Fact] = [("pod", *pair) for pair in (peer.pod_selector or LabelSelector()).match_labels]
    if peer.namespace_selector is None:
        return [*wanted, ("in", namespace)]
    return [*wanted, *(("namespace", *pair) for pair in peer.namespace_selector.match_labels)]


class Shelf(Generic[T]):
    """Items that each want some facts, filed under the rarest of them, so that few must be looked at for an actor."""

    def __init__(self, items: Iterable[tuple[T, Sequence[Fact]]]) -> None:
        listed = list(items)
        frequency = Counter(fact for _, wanted in listed for fact in wanted)
        self._filed: defaultdict[Fact | None, list[tuple[int, T]]] = defaultdict(list)
        self._blocks: list[tuple[int, T]] = []
        self._all = [item for item, _ in listed]
        for position, (item, wanted) in enumerate(listed):
            rarest = min(wanted, key=lambda fact: frequency[fact], default=None)
            self._filed[rarest].append((position, item))
            if rarest is not None and rarest[0] == "block":
                self._blocks.append((position, item))

    def candidates(self, actor: Actor) -> list[T]:
        """Return, in their order, all items that may want only what is so of an actor."""
        if actor.facts is None:
            return self._all
        found = [*self._filed.get(None, ())]
        for fact in actor.facts:
            found += self._filed.get(fact, ())
        if not actor.addresses:
            found += self._blocks
        return [item for _, item in sorted(found, key=lambda pair: pair[0])]
