"""Turns a review that is decided in part into what exporting it would break, and into a refusal that says so."""

from collectors.errors import PodfenceError
from recommender.communications import Communication
from recommender.review import Reviewed
from recommender.what_if import what_if


class HalfDecided(PodfenceError):
    """Exporting would close directions whose suggestions are not all decided; `would_break` is what it would cut."""

    def __init__(self, sentence: str, would_break: tuple[Communication, ...]) -> None:
        super().__init__(sentence)
        self.would_break = would_break


def would_break(reviewed: Reviewed, *, default_deny: bool = False) -> tuple[Communication, ...]:
    """Return what worked, was not declined, and would be cut off by an export: undecided, or no rule can say it."""
    found = what_if(reviewed, default_deny=default_deny)
    undecided = tuple(item.communication for item in reviewed.undecided if found.effects[item.id] == "would_break")
    return undecided + found.withheld


def refuse_half_decided(reviewed: Reviewed, *, allow_incomplete: bool = False, default_deny: bool = False) -> None:
    """Raise HalfDecided where an isolated direction has undecided suggestions, unless that is allowed."""
    if allow_incomplete or not reviewed.half_decided:
        return
    (ref, direction), items = next(iter(reviewed.half_decided.items()))
    cut = {item.id for listed in reviewed.half_decided.values() for item in listed}
    raise HalfDecided(
        f"{len(reviewed.half_decided)} workload directions are half decided (first: {direction.lower()} of {ref}, "
        f"{len(items)} open) and exporting them would cut off {len(cut)} undecided communications; "
        "decide them with `podfence review`, pass --allow-incomplete, or tick the box in the notebook",
        would_break(reviewed, default_deny=default_deny),
    )
