"""Turns commands of a view into decisions at a desk and into what is shown next; needs no browser and no Jupyter."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from collectors.errors import PodfenceError
from collectors.inventory import Inventory
from recommender.desk import Change, Desk
from recommender.existing import existing
from recommender.filters import Status, status_of
from recommender.notebook import commands
from recommender.notebook.detail import Around, detail
from recommender.notebook.exporting import export
from recommender.notebook.picture import Show, picture
from recommender.notebook.rows import Line, Places, Wanted, every_line, lines, one_line_of, page, places, shown
from recommender.policy import NetworkPolicy
from recommender.report.words import CAVEATS, plural
from recommender.review import Reviewed
from recommender.store import DECISIONS, ChangedOnDisk
from recommender.what_if import WhatIf

Message = Mapping[str, Any]
_STATUSES: tuple[Status, ...] = ("undecided", "stale", "accepted", "declined")


@dataclass(frozen=True)
class Reply:
    """What a command came to: a sentence for the person, and whether the decisions changed on disk meanwhile."""

    ok: bool
    say: str = ""
    changed_on_disk: bool = False
    more: Mapping[str, Any] = field(default_factory=dict)


class Session:
    """One review in front of one person: the desk, what the table shows, which row is open, what is drawn.

    Every part that a view shows (`summary`, `page`, `detail`, `picture`) is plain data, made from what is on disk.
    """

    def __init__(self, folder: Path, by: str = "", inventory: Inventory | None = None) -> None:
        self._folder, self._by = folder, by
        self._cluster, self._unread = _in_force(inventory)
        self._wanted, self._offset, self._key = Wanted(), 0, ""
        self._show: Show = ""
        self._dns = False
        self._outdated = ""
        self._open(Desk(folder, by))

    def _open(self, desk: Desk) -> None:
        self._desk = desk
        self._opened = desk.reviewed
        self._places: Places = places(desk.suggestions)
        self._look_now()

    def _look_now(self) -> None:
        self._stamp = self._on_disk()
        for name in ("_what_if", "_every_line", "_lines"):
            self.__dict__.pop(name, None)

    @cached_property
    def _what_if(self) -> WhatIf:
        return self._desk.what_if()

    @cached_property
    def _every_line(self) -> tuple[Line, ...]:
        return every_line(self._desk.reviewed, self._what_if, self._places)

    @cached_property
    def _lines(self) -> tuple[Line, ...]:
        return lines(self._every_line, self._wanted)

    def handle(self, message: object) -> Reply:
        """Do what a message asks for; what cannot be done is said, and changes nothing."""
        try:
            asked = commands.message(message)
            do = _COMMANDS.get(commands.text(asked, "do", 40))
            if do is None:
                return Reply(ok=False, say="the view sent a command that is not known; load the page again")
            return do(self, asked)
        except ChangedOnDisk as fault:
            self._outdated = shown(fault)
            return Reply(ok=False, say=self._outdated, changed_on_disk=True)
        except PodfenceError as fault:
            return Reply(ok=False, say=shown(fault, 1000))

    def summary(self) -> dict[str, Any]:
        """Return the numbers that are always visible, and the words that the view needs."""
        statuses = list(status_of(self._desk.reviewed).values())
        reviewed = self._desk.reviewed
        return {
            "folder": shown(self._folder),
            "by": shown(self._by),
            "line": str(self._what_if),
            "counts": {name: statuses.count(name) for name in _STATUSES},
            "effects": dict(self._what_if.counts),
            "withheld": len(self._what_if.withheld),
            "half_decided": len(reviewed.half_decided),
            "orphans": len(reviewed.orphans),
            "outdated": self._outdated,
            "boxes": [list(box) for box in self._places.boxes],
            "caveats": {name: CAVEATS[name] for name in sorted(_caveats(reviewed))},
        }

    def page(self) -> dict[str, Any]:
        """Return the rows that are shown."""
        return page(self._lines, self._offset, self._wanted, self._places)

    def detail(self) -> dict[str, Any]:
        """Return all of the row that is open, or nothing."""
        if not self._key:
            return {}
        line = one_line_of(self._desk.reviewed, self._what_if, self._places, self._key)
        return detail(line, self._desk.reviewed, self._what_if, Around(self._opened, self._cluster, self._unread))

    def picture(self) -> dict[str, Any]:
        """Return what is drawn of the rows."""
        return picture(self._lines, self._show, self._wanted.touching, dns=self._dns)

    def _rows(self, message: Message) -> Reply:
        wanted = commands.wanted(message)
        if wanted != self._wanted:
            self._wanted = wanted
            self.__dict__.pop("_lines", None)
        self._offset = commands.number(message, "offset")
        return Reply(ok=True)

    def _detail(self, message: Message) -> Reply:
        key = commands.text(message, "key", 200)
        if key and key not in self._places.ends:
            raise PodfenceError("this suggestion is not in the review any more; load it again")
        self._key = key
        return Reply(ok=True)

    def _picture(self, message: Message) -> Reply:
        show = commands.text(message, "show", 40)
        self._show = "graph" if show == "graph" else "matrix" if show == "matrix" else ""
        self._dns = message.get("dns") is True
        return Reply(ok=True)

    def _decide(self, message: Message) -> Reply:
        why = commands.text(message, "why")
        return self._did(self._desk.decide(commands.keys(message), commands.choice(message), why))

    def _decide_undecided(self, message: Message) -> Reply:
        """Decide all rows of the filter that nobody decided on; `expect` is how many the person was told."""
        choice, why = commands.choice(message), commands.text(message, "why")
        undecided = [line.item.id for line in self._lines if line.status == "undecided"]
        if commands.number(message, "expect") != len(undecided):
            raise PodfenceError(f"{len(undecided):,} undecided rows are shown now; look again, then decide")
        ids = [line.item.id for line in self._lines]
        return self._did(self._desk.decide_undecided(ids, choice, why))

    def _widen(self, message: Message) -> Reply:
        key, why = commands.text(message, "key", 200), commands.text(message, "why")
        return self._did(self._desk.widen(key, commands.widening(message), why))

    def _forget(self, message: Message) -> Reply:
        return self._did(self._desk.forget(commands.keys(message)))

    def _undo(self, _: Message) -> Reply:
        change = self._desk.undo()
        return Reply(ok=True, say="nothing is left to undo") if change is None else self._did(change)

    def _reload(self, _: Message) -> Reply:
        self._open(Desk(self._folder, self._by))
        self._outdated = ""
        if self._key not in self._places.ends:
            self._key = ""
        return Reply(ok=True, say="loaded what is on disk")

    def _look(self, _: Message) -> Reply:
        """Say whether somebody else wrote, before anything is decided on what is outdated."""
        if not self._outdated and self._on_disk() != self._stamp:
            raise ChangedOnDisk(
                f"{self._folder / DECISIONS}: changed since it was read (another notebook, editor or branch); "
                "load it again before you decide"
            )
        return Reply(ok=True)

    def _export(self, message: Message) -> Reply:
        done = export(
            self._desk, commands.text(message, "folder"), allow_incomplete=message.get("allow_incomplete") is True
        )
        others = f"; left as they were: {', '.join(map(shown, done.others[:5]))}" if done.others else ""
        say = f"{plural(len(done.files), 'file')} written to {shown(done.folder)}{others}"
        return Reply(ok=True, say=say, more={"files": [shown(name) for name in done.files[:500]]})

    def _did(self, change: Change) -> Reply:
        self._look_now()
        skipped = f", {change.skipped:,} decided before and left as they are" if change.skipped else ""
        return Reply(ok=True, say=f"{change.did}: {plural(len(change.changed), 'suggestion')}{skipped}")

    def _on_disk(self) -> tuple[int, int, int] | None:
        """Return what tells one version of the decisions from another without reading them."""
        file = self._folder / DECISIONS
        try:
            found = file.stat()
        except OSError:  # no decisions yet; a folder that cannot be read is told when it is written
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino


_COMMANDS: Mapping[str, Callable[[Session, Message], Reply]] = {
    "rows": Session._rows,  # noqa: SLF001 - the commands are the session's own
    "detail": Session._detail,  # noqa: SLF001 - as above
    "picture": Session._picture,  # noqa: SLF001 - as above
    "decide": Session._decide,  # noqa: SLF001 - as above
    "decide_undecided": Session._decide_undecided,  # noqa: SLF001 - as above
    "widen": Session._widen,  # noqa: SLF001 - as above
    "forget": Session._forget,  # noqa: SLF001 - as above
    "undo": Session._undo,  # noqa: SLF001 - as above
    "reload": Session._reload,  # noqa: SLF001 - as above
    "look": Session._look,  # noqa: SLF001 - as above
    "export": Session._export,  # noqa: SLF001 - as above
}


def _caveats(reviewed: Reviewed) -> Iterable[str]:
    listed = (reviewed.accepted, reviewed.declined, reviewed.undecided)
    return {name for items in listed for item in items for name in item.caveats if name in CAVEATS}


def _in_force(
    inventory: Inventory | None,
) -> tuple[Mapping[tuple[str, str], NetworkPolicy] | None, tuple[str, ...]]:
    """Return the policies in the cluster by namespace and name (None: not known), and those that cannot be read."""
    if inventory is None:
        return None, ()
    found = existing(inventory)
    if found.missing:
        return None, ()
    return {policy.key: policy for policy in found.in_force}, tuple(unread.name for unread in found.unread)
