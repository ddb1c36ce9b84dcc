"""Turns a review folder into a desk to decide at: each decision is checked, written at once, and can be undone."""

import fcntl
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from textwrap import indent
from typing import Any

from collectors.errors import PodfenceError, UnreadableInput, one_line
from recommender.generate import GenerateOptions, generate
from recommender.manifest import to_yaml
from recommender.policy import NetworkPolicy
from recommender.review import (
    Choice,
    Decision,
    Reviewed,
    decided,
    decision_from_data,
    decision_to_data,
    decisions_to_data,
    review,
)
from recommender.store import DECISIONS, load_decisions, load_suggestions, read_text, write_text
from recommender.suggest import Suggestion, Suggestions
from recommender.what_if import WhatIf, what_if
from recommender.widening import Widening, problem

HISTORY = "decisions.history.jsonl"
_LOCK = ".decisions.lock"


class ChangedOnDisk(PodfenceError):
    """Somebody else wrote the decisions since they were read: nothing was overwritten."""


@dataclass(frozen=True)
class Change:
    """What one action did: each decision before and after (None: there is none), and how many it passed over."""

    did: str
    changed: Mapping[str, tuple[Decision | None, Decision | None]] = field(default_factory=dict)
    skipped: int = 0


def _now() -> datetime:
    return datetime.now(UTC)


class Desk:
    """The decisions of one review folder. Every change is on disk before the method returns, whole or not at all.

    `by` is who decides. Raises ChangedOnDisk instead of writing where the file is not the one that was read: `reload`
    then, and decide again. What was done is kept in decisions.history.jsonl, so that `undo` works after a restart too.
    """

    def __init__(self, folder: str | Path, by: str = "", now: Callable[[], datetime] = _now) -> None:
        self.folder, self.by, self._clock = Path(folder), by, now
        self._texts: dict[Decision, str] = {}
        self.suggestions: Suggestions = load_suggestions(folder)
        self._by_id = {item.id: item for item in self.suggestions.items}
        self.reload()

    def reload(self) -> None:
        """Read the decisions again, as somebody else may have written them."""
        while True:  # whoever writes puts a whole file in the place of the old one, between two looks at worst
            self._digest = self._on_disk()
            self._decisions = {decision.id: decision for decision in load_decisions(self.folder)}
            if self._on_disk() == self._digest:
                break
        self._forget_what_follows()

    @cached_property
    def reviewed(self) -> Reviewed:
        """What the decisions say now."""
        return review(self.suggestions, self._decisions.values())

    @property
    def decisions(self) -> Mapping[str, Decision]:
        """The decisions by the id of their suggestion, orphans and stale ones too."""
        return dict(self._decisions)

    def what_if(self, *, default_deny: bool = False) -> WhatIf:
        """Return what exporting now would do."""
        return what_if(self.reviewed, default_deny=default_deny)

    def policies(self, options: GenerateOptions | None = None) -> tuple[NetworkPolicy, ...]:
        """Return the policies that are approved now."""
        return generate(self.reviewed, options)

    def decide(self, ids: Iterable[str], choice: Choice, why: str = "") -> Change:
        """Accept or decline suggestions, whatever was decided of them before; what they open beyond stays as it was."""
        items = [self._item(key) for key in ids]
        return self._write(choice, {item.id: self._decision(item, choice, why) for item in items})

    def decide_undecided(self, ids: Iterable[str], choice: Choice, why: str = "") -> Change:
        """Accept or decline those that nobody has decided on; the others, stale ones too, are passed over."""
        items = [self._item(key) for key in ids]
        still = {item.id: self._decision(item, choice, why) for item in items if item.id not in self._decisions}
        return self._write(f"{choice} undecided", still, skipped=len(items) - len(still))

    def widen(self, key: str, widening: Widening | None, why: str = "") -> Change:
        """Let an acceptance open more than was seen, or exactly that (None); raises PodfenceError where it cannot."""
        item = self._item(key)
        held = self._decisions.get(key)
        if key not in {accepted.id for accepted in self.reviewed.accepted} or held is None:
            raise PodfenceError(f"{_named(item)} is not accepted; accept it before you widen it")
        _refuse_misfit(item, widening)
        fresh = replace(self._decision(item, "accept", why or held.why), widen=widening)
        return self._write("widen", {key: fresh})

    def accept_widened(self, key: str, widening: Widening, why: str = "") -> Change:
        """Accept a suggestion and let it open more than was seen, as one change that one `undo` takes back."""
        item = self._item(key)
        _refuse_misfit(item, widening)
        return self._write("accept", {key: replace(self._decision(item, "accept", why), widen=widening)})

    def forget(self, ids: Iterable[str]) -> Change:
        """Take decisions back: their suggestions are undecided again, and orphans are gone."""
        return self._write("forget", {key: None for key in ids if key in self._decisions})

    def undo(self) -> Change | None:
        """Take the last change back, by whomever; None where there is none.

        Raises PodfenceError where one of its decisions was changed since by other means.
        """
        with self._locked():
            self._refuse_if_changed()
            lines = self._history()
            if not lines:
                return None
            last = self._read_change(lines[-1])
            for key, (_, after) in last.items():
                if self._decisions.get(key) != after:
                    raise PodfenceError(f"decision {one_line(key, 40)} was changed since; nothing was undone")
            back = {key: before for key, (before, _) in last.items()}
            change = self._replace("undo", back)
            write_text(self.folder / HISTORY, "".join(f"{line}\n" for line in lines[:-1]))
        return change

    def _item(self, key: str) -> Suggestion:
        if key not in self._by_id:
            raise PodfenceError(f"{one_line(key, 40)!r} is the id of no suggestion in {self.folder}")
        return self._by_id[key]

    def _decision(self, item: Suggestion, choice: Choice, why: str) -> Decision:
        held = self._decisions.get(item.id)
        fresh = decided(self.suggestions, item, choice, self.by, why)
        widen = held.widen if held is not None and choice == "accept" else None
        return replace(fresh, widen=widen, at=self._clock().strftime("%Y-%m-%dT%H:%M:%SZ"))

    def _write(self, did: str, fresh: Mapping[str, Decision | None], skipped: int = 0) -> Change:
        if not fresh:
            return Change(did, skipped=skipped)
        with self._locked():
            self._refuse_if_changed()
            change = replace(self._replace(did, fresh), skipped=skipped)
            entry = {
                "time": self._clock().strftime("%Y-%m-%dT%H:%M:%SZ"), "by": self.by, "did": did,
                "changes": {key: [_data(before), _data(after)] for key, (before, after) in change.changed.items()},
            }  # fmt: skip
            lines = [*self._history(), json.dumps(entry, ensure_ascii=True)]
            write_text(self.folder / HISTORY, "".join(f"{line}\n" for line in lines))
        return change

    def _replace(self, did: str, fresh: Mapping[str, Decision | None]) -> Change:
        """Write the decisions with these in their place; those in memory change only when the file has."""
        before = {key: self._decisions.get(key) for key in fresh}
        merged = {**self._decisions, **{key: decision for key, decision in fresh.items() if decision is not None}}
        kept = {key: decision for key, decision in merged.items() if fresh.get(key, decision) is not None}
        write_text(self.folder / DECISIONS, self._text(kept))
        self._digest, self._decisions = self._on_disk(), kept
        self._forget_what_follows()
        return Change(did, {key: (before[key], decision) for key, decision in fresh.items()})

    def _text(self, decisions: Mapping[str, Decision]) -> str:
        """Return decisions.yaml, writing anew only what changed: thousands of decisions take YAML a second."""
        data = decisions_to_data(decisions.values())
        entries: dict[str, Any] = data.pop("decisions")
        if not entries:
            return to_yaml({**data, "decisions": {}})
        known = self._texts
        self._texts = {
            decisions[key]: known.get(decisions[key]) or indent(to_yaml({key: entry}), "  ")
            for key, entry in entries.items()
        }
        return f"{to_yaml(data)}decisions:\n{''.join(self._texts.values())}"

    def _forget_what_follows(self) -> None:
        self.__dict__.pop("reviewed", None)

    def _refuse_if_changed(self) -> None:
        if self._on_disk() != self._digest:
            raise ChangedOnDisk(
                f"{self.folder / DECISIONS}: changed since it was read (another notebook, editor or branch); "
                "nothing was overwritten: load it again, and decide then"
            )

    def _on_disk(self) -> str:
        file = self.folder / DECISIONS
        return hashlib.sha256(file.read_bytes()).hexdigest() if file.exists() else ""

    def _history(self) -> list[str]:
        file = self.folder / HISTORY
        return read_text(file, "check its permissions").splitlines() if file.exists() else []

    def _read_change(self, line: str) -> dict[str, tuple[Decision | None, Decision | None]]:
        where = str(self.folder / HISTORY)
        try:
            entries = json.loads(line)["changes"].items()
            return {key: (_read(key, before, where), _read(key, after, where)) for key, (before, after) in entries}
        except (ValueError, KeyError, TypeError, AttributeError) as fault:
            raise UnreadableInput(f"{where}: its last line is damaged; remove it to undo what came before") from fault

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Let nobody else who asks write between our look at the file and our writing it."""
        try:
            with (self.folder / _LOCK).open("a") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
        except OSError as fault:
            raise PodfenceError(
                f"{self.folder}: cannot be written ({fault.strerror}); check its permissions"
            ) from fault


def _data(decision: Decision | None) -> dict[str, Any] | None:
    return None if decision is None else decision_to_data(decision)


def _read(key: str, entry: Any, where: str) -> Decision | None:
    return None if entry is None else decision_from_data(key, entry, where)


def _refuse_misfit(item: Suggestion, widening: Widening | None) -> None:
    wrong = problem(widening, item.communication) if widening else ""
    if wrong:
        raise PodfenceError(f"{_named(item)}: what you ask for {wrong}")


def _named(item: Suggestion) -> str:
    return f"{item.id} ({one_line(str(item.communication))})"
