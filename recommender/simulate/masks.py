"""Turns actors and ports into numbers, and what peers and rules ask into arrays of answers: each is asked once."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from recommender.policy import IPBlock, LabelSelector, Peer, Requirement
from recommender.simulate.actors import Actor, SimulationOptions

Codes = npt.NDArray[np.int64]
Answers = npt.NDArray[np.int8]
NO, UNKNOWN, YES = -1, 0, 1
"""Three answers in an order in which `and` is the least and `or` the greatest."""


def numbers(items: Iterable[Hashable]) -> tuple[Codes, list[Any]]:
    """Return the number of each thing in the order of their first appearance, and the things."""
    known: dict[Hashable, int] = {}
    codes = [known.setdefault(item, len(known)) for item in items]
    return np.array(codes, dtype=np.int64), list(known)


class Labels:
    """Answers selectors for many label sets at once; None as labels: not known."""

    def __init__(self, rows: Sequence[Mapping[str, str] | None]) -> None:
        self._unknown = np.array([labels is None for labels in rows], dtype=bool)
        cells: defaultdict[str, list[tuple[int, str]]] = defaultdict(list)
        for row, labels in enumerate(rows):
            for key, value in (labels or {}).items():
                cells[key].append((row, value))
        self._columns: dict[str, tuple[Codes, dict[str, int]]] = {}
        for key, listed in cells.items():
            value_codes, values = numbers(value for _, value in listed)
            column = np.zeros(len(rows), dtype=np.int64)  # 0: has not the key
            column[[row for row, _ in listed]] = value_codes + 1
            self._columns[key] = (column, {value: code for code, value in enumerate(values, 1)})
        self._answers: dict[LabelSelector, Answers] = {}

    def selected(self, selector: LabelSelector) -> Answers:
        """Say of each label set whether a selector takes it."""
        if selector not in self._answers:
            asked = [Requirement(key, "In", (value,)) for key, value in selector.match_labels]
            asked += selector.match_expressions
            met = np.ones(len(self._unknown), dtype=bool)
            for requirement in asked:
                met &= self._meets(requirement)
            answers = np.where(met, YES, NO).astype(np.int8)
            if asked:
                answers[self._unknown] = UNKNOWN
            self._answers[selector] = answers
        return self._answers[selector]

    def _meets(self, wanted: Requirement) -> npt.NDArray[np.bool_]:
        if wanted.key not in self._columns:
            return np.full(len(self._unknown), wanted.operator in {"NotIn", "DoesNotExist"})
        column, codes = self._columns[wanted.key]
        chosen = np.zeros(len(codes) + 1, dtype=bool)
        if wanted.operator in {"Exists", "DoesNotExist"}:
            chosen[1:] = True
        else:
            chosen[[codes[value] for value in wanted.values if value in codes]] = True
        positive = wanted.operator in {"In", "Exists"}
        return chosen[column] if positive else ~chosen[column]


class Peers:
    """Answers for many actors at once whom a peer takes."""

    def __init__(self, actors: Sequence[Actor], options: SimulationOptions) -> None:
        self._options = options
        self._pods = np.array([actor.nature == "pod" for actor in actors], dtype=bool)
        self._unsure = np.array([actor.nature in {"unsure", "service"} for actor in actors], dtype=bool)
        self._nowhere = np.array([not actor.addresses for actor in actors], dtype=bool)
        self._namespace_of, names = numbers(actor.namespace for actor in actors)
        self._namespaces = {name: code for code, name in enumerate(names)}
        labels_of_namespace = {actor.namespace: actor.namespace_labels for actor in actors}
        self._namespace_labels = Labels([labels_of_namespace[name] for name in names])
        self._label_set_of, _ = numbers(
            None if actor.labels is None else frozenset(actor.labels.items()) for actor in actors
        )
        sets = dict(zip(self._label_set_of.tolist(), (actor.labels for actor in actors), strict=True))
        self._pod_labels = Labels([sets[code] for code in sorted(sets)])
        inside: defaultdict[IPBlock, list[int]] = defaultdict(list)
        for code, actor in enumerate(actors):
            for _, blocks in actor.addresses:
                for block in blocks:
                    inside[block].append(code)
        self._inside = dict(inside)
        self._answers: dict[tuple[object, object], Answers] = {}

    def taken(self, peer: Peer, namespace: str, family: int | None) -> Answers:
        """Say of each actor whether a peer of a policy in `namespace` takes it by its addresses of a family."""
        key: tuple[object, object]
        if peer.ip_block is not None:
            other_family = family is not None and family != (6 if ":" in peer.ip_block.cidr else 4)
            key = (peer.ip_block, other_family)
            if key not in self._answers:
                self._answers[key] = self._in_block(peer.ip_block, other_family=other_family)
        else:
            key = (peer, namespace if peer.namespace_selector is None else None)
            if key not in self._answers:
                self._answers[key] = self._selected(peer, namespace)
        return self._answers[key]

    def _in_block(self, block: IPBlock, *, other_family: bool) -> Answers:
        answers = np.where(self._nowhere, UNKNOWN, NO).astype(np.int8)
        if not other_family:
            answers[self._inside.get(block, [])] = YES
        if not self._options.ip_block_matches_pods:
            answers[self._pods] = NO
        return answers

    def _selected(self, peer: Peer, namespace: str) -> Answers:
        if peer.namespace_selector is None:
            there = self._namespace_of == self._namespaces.get(namespace, -1)
        else:
            there = self._namespace_labels.selected(peer.namespace_selector)[self._namespace_of] == YES
        answers = np.where(self._unsure, UNKNOWN, NO).astype(np.int8)
        there &= self._pods
        wanted = self._pod_labels.selected(peer.pod_selector or LabelSelector())
        answers[there] = wanted[self._label_set_of[there]]
        return answers
