"""Turns a label selector and labels into yes, no, or None where the labels are not known."""

from collections.abc import Mapping

from recommender.policy import LabelSelector, Requirement


def selects(selector: LabelSelector, labels: Mapping[str, str] | None) -> bool | None:
    """Say whether a selector takes these labels; None as labels means that they are not known."""
    if not selector.match_labels and not selector.match_expressions:
        return True
    if labels is None:
        return None
    return all(labels.get(key) == value for key, value in selector.match_labels) and all(
        _meets(wanted, labels) for wanted in selector.match_expressions
    )


def _meets(wanted: Requirement, labels: Mapping[str, str]) -> bool:
    present = wanted.key in labels
    if wanted.operator == "In":
        return present and labels[wanted.key] in wanted.values
    if wanted.operator == "NotIn":  # an absent key has none of the values
        return not present or labels[wanted.key] not in wanted.values
    return present if wanted.operator == "Exists" else not present


def is_open(selector: LabelSelector) -> bool:
    """Say whether a selector takes things without any label, so that its takers cannot be listed in advance."""
    return bool(selects(selector, {}))
