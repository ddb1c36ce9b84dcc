"""Turns what one action changed into lines and plain data."""

from collections.abc import Iterator
from typing import Any

from recommender.desk import Change
from recommender.review import Decision, decision_to_data
from recommender.reviewing_words import LONGEST, cut
from recommender.what_if import WhatIf

_MOST = 20
"""Changed decisions that are named; --json has all."""
_WORDS = {"accept": "accepted", "decline": "declined"}


def change_lines(change: Change) -> Iterator[str]:
    """Yield what became of each decision that changed; of many, the first."""
    for at, (key, (before, after)) in enumerate(change.changed.items()):
        if at == _MOST:
            yield f"and {len(change.changed) - _MOST} more"
            return
        either = after or before
        about = cut(either.what, 2 * LONGEST) if either else ""
        beyond = f", opens beyond what was seen: {cut(str(after.widen))}" if after and after.widen else ""
        yield f"{_became(after)}  {cut(key, 40)}  {about}{beyond}".rstrip()
    if not change.changed:
        yield "nothing changed"


def change_data(change: Change, after: WhatIf) -> dict[str, Any]:
    """Return the same as plain data, for `--json`: each decision before and after, null where there is none."""
    return {
        "did": change.did,
        "changed": {key: {"before": _data(old), "after": _data(new)} for key, (old, new) in change.changed.items()},
        "skipped": change.skipped,
        "if_exported_now": dict(after.counts),
    }


def _became(decision: Decision | None) -> str:
    return _WORDS[decision.choice] if decision else "undecided"


def _data(decision: Decision | None) -> dict[str, Any] | None:
    return None if decision is None else decision_to_data(decision)
