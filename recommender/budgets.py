"""Turns two budgets of a widening, of which one is to be given, into that one."""

from collectors.errors import PodfenceError


def check_budget(what: str, entries: int | None, unseen: int | None) -> None:
    """Raise ValueError unless exactly one budget is given, PodfenceError where that one is negative."""
    if (entries is None) == (unseen is None):
        raise ValueError(f"{what}: give either a budget of entries or one of never-seen values")
    given = unseen if entries is None else entries
    if given is not None and given < 0:
        raise PodfenceError(f"{what}: the budget {given} is below zero; give 0 or more")
