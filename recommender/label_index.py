"""Turns the label sets of a namespace's workloads into an index that tells whose pods a selector takes."""

from collections.abc import Iterable, Mapping
from functools import cached_property

from collectors.inventory import WorkloadRef
from recommender.policy import LabelSelector, Requirement

Labels = Mapping[str, str]


def selects(selector: LabelSelector, labels: Labels) -> bool:
    """Return whether the selector takes an object with these labels."""
    if any(labels.get(key) != value for key, value in selector.match_labels):
        return False
    return all(_holds(requirement, labels) for requirement in selector.match_expressions)


def _holds(requirement: Requirement, labels: Labels) -> bool:
    value = labels.get(requirement.key)
    match requirement.operator:
        case "In":
            return value is not None and value in requirement.values
        case "NotIn":
            return value is None or value not in requirement.values
        case "Exists":
            return value is not None
        case _:
            return value is None


class LabelIndex:
    """The label sets of one namespace, by label.

    A selector is compared with the sets that have its rarest label only, and each selector once: thousands of
    workloads in one namespace would else be compared with each other.
    """

    def __init__(self, workloads: Mapping[WorkloadRef, Iterable[Labels]]) -> None:
        self._sets = [(ref, labels) for ref, sets in workloads.items() for labels in sets]
        self._caught: dict[LabelSelector, frozenset[WorkloadRef]] = {}

    def caught(self, selector: LabelSelector) -> frozenset[WorkloadRef]:
        """Return the workloads of which the selector takes a pod."""
        found = self._caught.get(selector)
        if found is None:
            sets = (self._sets[at] for at in self._candidates(selector))
            found = frozenset(ref for ref, labels in sets if selects(selector, labels))
            self._caught[selector] = found
        return found

    def _candidates(self, selector: LabelSelector) -> Iterable[int]:
        """Return the positions of sets among which are all that the selector takes."""
        pools = [self._by_label.get(label, ()) for label in selector.match_labels]
        for requirement in selector.match_expressions:
            if requirement.operator == "In":
                labels = ((requirement.key, value) for value in dict.fromkeys(requirement.values))
                pools.append([at for label in labels for at in self._by_label.get(label, ())])
        return min(pools, key=len, default=range(len(self._sets)))

    @cached_property
    def _by_label(self) -> Mapping[tuple[str, str], list[int]]:
        found: dict[tuple[str, str], list[int]] = {}
        for at, (_, labels) in enumerate(self._sets):
            for label in labels.items():
                found.setdefault(label, []).append(at)
        return found
