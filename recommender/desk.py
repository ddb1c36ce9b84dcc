"""Turns a review folder into a desk to decide at: each decision is checked, written at once, and can be undone."""

import hashlib
import json
import stat
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
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
from recommender.store import (
    DECISIONS,
    ChangedOnDisk,
    load_decisions,
    load_suggestions,
    locked,
    read_text,
    write_text,
)
from recommender.suggest import Suggestion, Suggestions
from recommender.what_if import WhatIf, what_if
from recommender.widening import Widening, problem

HISTORY = "decisions.history.jsonl"
_HEAD = "decisions:\n"


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
        self._decisions: Mapping[str, Decision] = {}
        self._texts: dict[Decision, str] = {}
        self.suggestions: Suggestions = load_suggestions(folder)
        self._by_id = {item.id: item for item in self.suggestions.items}
        self.reload()

    def reload(self) -> None:
        """Read the decisions again, as somebody else may have written them."""
        while True:  # whoever writes puts a whole file in the place of the old one, between two looks at worst
            digest = self._on_disk()
            decisions = {decision.id: decision for decision in load_decisions(self.folder)}
            if self._on_disk() == digest:
                break
        # both at once: a file that cannot be read is not the one that was, and so is never overwritten
        self._digest, self._decisions = digest, decisions
        self.__dict__.pop("reviewed", None)

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
        with locked(self.folder):
            self._refuse_if_changed()
            lines = self._history()
            while lines and self._never_was(lines[-1]):
                lines.pop()
            if not lines:
                return None
            last = self._read_change(lines[-1])
            for key, (_, after) in last.items():
                if self._decisions.get(key) != after:
                    raise PodfenceError(f"decision {one_line(key, 40)} was changed since; nothing was undone")
            change, reviewed, text = self._changed("undo", {key: before for key, (before, _) in last.items()})
            self._remember([*lines[:-1], json.dumps({**json.loads(lines[-1]), "back": _digest(text.encode())})])
            self._replace(reviewed, text)
            with suppress(PodfenceError):  # it is undone, and the mark tells so
                self._remember(lines[:-1])
        return change

    def _item(self, key: str) -> Suggestion:
        if key not in self._by_id:
            raise PodfenceError(f"{one_line(key, 40)!r} is the id of no suggestion in {self.folder}")
        return self._by_id[key]

    def _decision(self, item: Suggestion, choice: Choice, why: str) -> Decision:
        held = self._decisions.get(item.id)
        fresh = decided(self.suggestions, item, choice, self.by, why)
        widen = held.widen if held is not None and choice == "accept" else None
        if widen is not None and held in self.reviewed.stale:  # it was for something else
            widen = None
        return replace(fresh, widen=widen, at=self._clock().strftime("%Y-%m-%dT%H:%M:%SZ"))

    def _write(self, did: str, fresh: Mapping[str, Decision | None], skipped: int = 0) -> Change:
        if not fresh:
            return Change(did, skipped=skipped)
        with locked(self.folder):
            self._refuse_if_changed()
            change, reviewed, text = self._changed(did, fresh)
            entry = {
                "time": self._clock().strftime("%Y-%m-%dT%H:%M:%SZ"), "by": self.by, "did": did,
                "changes": {key: [_data(before), _data(after)] for key, (before, after) in change.changed.items()},
            }  # fmt: skip
            # marked until it is done: if podfence ends before, undo sees that it never was, and takes back no other one
            lines = self._history()
            self._remember([*lines, json.dumps({**entry, "from": self._digest})])
            self._replace(reviewed, text)
            with suppress(PodfenceError):  # it is decided, and what is there tells so too
                self._remember([*lines, json.dumps(entry)])
        return replace(change, skipped=skipped)

    def _changed(self, did: str, fresh: Mapping[str, Decision | None]) -> tuple[Change, Reviewed, str]:
        """Return a change, and review and decisions.yaml after it; raises PodfenceError where it cannot be reviewed."""
        change = Change(did, {key: (self._decisions.get(key), decision) for key, decision in fresh.items()})
        after = {key: decision for key, decision in {**self._decisions, **fresh}.items() if decision is not None}
        return change, review(self.suggestions, after.values()), self._text(after)

    def _replace(self, reviewed: Reviewed, text: str) -> None:
        """Write decisions.yaml, through a link that stands for it; those in memory change only when the file has."""
        _put((self.folder / DECISIONS).resolve(), text)
        self._digest, self._decisions, self.reviewed = self._on_disk(), reviewed.decisions, reviewed

    def _text(self, decisions: Mapping[str, Decision]) -> str:
        """Return decisions.yaml, writing anew only what changed: thousands of decisions take YAML a second."""
        data = decisions_to_data(decisions.values())
        entries: dict[str, Any] = data.pop("decisions")
        if not entries:
            return to_yaml({**data, "decisions": {}})
        known = self._texts
        self._texts = {
            decisions[key]: known.get(decisions[key]) or to_yaml({"decisions": {key: entry}}).removeprefix(_HEAD)
            for key, entry in entries.items()
        }
        return f"{to_yaml(data)}{_HEAD}{''.join(self._texts.values())}"

    def _refuse_if_changed(self) -> None:
        if self._on_disk() != self._digest:
            raise ChangedOnDisk(
                f"{self.folder / DECISIONS}: changed since it was read (another notebook, editor or branch); "
                "nothing was overwritten: load it again, and decide then"
            )

    def _on_disk(self) -> str:
        """Return what tells this decisions.yaml from any other, "" for none; raises UnreadableInput."""
        file = self.folder / DECISIONS
        try:
            found = file.stat() if file.exists() or file.is_symlink() else None
            if found is not None and not stat.S_ISREG(found.st_mode):
                raise UnreadableInput(f"{file}: no regular file; move it away, and put the decisions there")
            return "" if found is None else _digest(file.read_bytes())
        except OSError as fault:
            raise UnreadableInput(f"{file}: cannot be read ({fault.strerror}); mend or remove it") from fault

    def _remember(self, lines: Iterable[str]) -> None:
        _put(self.folder / HISTORY, "".join(f"{line}\n" for line in lines))

    def _never_was(self, line: str) -> bool:
        """Say whether podfence ended before a change was in decisions.yaml, or just after it was undone there."""
        self._read_change(line)  # raises where it is damaged
        entry = json.loads(line)
        return self._digest in {entry.get("from"), entry.get("back")}

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


def _put(file: Path, text: str) -> None:
    try:
        write_text(file, text)
    except PodfenceError as fault:
        reason = getattr(fault.__cause__, "strerror", None) or "no reason is known"
        raise PodfenceError(f"{file}: cannot be written ({reason}); nothing was decided: mend that first") from fault


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


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
