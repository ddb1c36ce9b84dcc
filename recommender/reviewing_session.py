"""Turns keys into decisions, one suggestion after the other, and where that stands into lines to show."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from collectors.errors import PodfenceError
from recommender.desk import Change, Desk
from recommender.filters import Filter, filter_from_words
from recommender.report.words import CAVEATS, plural
from recommender.review import Choice, directions
from recommender.reviewing import Standing, home, in_order
from recommender.reviewing_show import consequence_lines, decision_lines, evidence_lines, policy_lines
from recommender.reviewing_words import WIDEN_FORM, cut, named, what, widening_from_words
from recommender.store import ChangedOnDisk
from recommender.suggest import Suggestion
from recommender.supposing import consequence
from recommender.text import visible

Ask = Callable[[str], str]
Lines = Iterable[str]

HELP: Final = (
    "a  accept it                        d  decline it",
    "s  skip it: stay undecided          p  go back to the one before",
    "w  accept it and open more          u  undo the last change, also of former sessions",
    "e  the evidence in full             y  the YAML of its policies",
    "f  filter: namespace=shop port=443  b  accept or decline all undecided of this workload direction",
    "r  a reason for what follows        q  quit: every decision is on disk already",
    "?  this help",
)
KEYS: Final = "a d s p w u e y f b r q ?"
_CHOICES: Final[dict[str, Choice]] = {"a": "accept", "d": "decline"}


class Session:
    """One reviewer's way through the suggestions of a desk: undecided ones first, in the order of workloads.

    The way is laid when the session begins and when a filter is set; deciding does not change it. Whatever is refused
    is said and changes nothing. Where somebody else wrote the decisions, they are read again, and the reviewer told.
    """

    def __init__(self, desk: Desk) -> None:
        self.desk, self.over = desk, False
        self._keys: dict[str, Callable[[str, Ask], Lines]] = {
            "a": lambda text, _: self._decide("accept", text),
            "d": lambda text, _: self._decide("decline", text),
            "s": lambda _text, _: self._go(1),
            "p": lambda _text, _: self._go(-1),
            "w": self._widen,
            "u": lambda _text, _: self._undo(),
            "e": lambda _text, _: self._evidence(),
            "y": lambda _text, _: self._yaml(),
            "f": self._filter,
            "b": self._bulk,
            "r": self._reason,
            "q": lambda _text, _: self._quit(),
            "?": lambda _text, _: HELP,
        }
        self._why, self._standing = "", Standing(desk.reviewed)
        self._begin(Filter())

    def _begin(self, wanted: Filter) -> None:
        items = in_order(self.desk.reviewed, wanted)
        self._ids, self._at = [item.id for item in items], 0

    @property
    def standing(self) -> Standing:
        """The review as it stands now."""
        if self._standing.reviewed is not self.desk.reviewed:
            self._standing = Standing(self.desk.reviewed)
        return self._standing

    @property
    def current(self) -> Suggestion | None:
        """The suggestion that is looked at; None behind the last one."""
        if self._at >= len(self._ids):
            return None
        return self._items()[self._ids[self._at]]

    def _items(self) -> dict[str, Suggestion]:
        reviewed = self.desk.reviewed
        return {i.id: i for items in (reviewed.accepted, reviewed.declined, reviewed.undecided) for i in items}

    def bottom(self) -> str:
        """Return the line that is always in sight: what exporting now would do."""
        return str(self.standing.what_if)

    def view(self) -> Iterator[str]:
        """Yield what there is to see of the suggestion that is looked at."""
        item = self.current
        if item is None:
            left = len(set(self._ids) & {other.id for other in self.desk.reviewed.undecided})
            yield f"that is all: {plural(len(self._ids), 'suggestion')} looked at, {left} undecided among them"
            yield "f sets another filter, p goes back, q quits"
            return
        yield f"{self._at + 1} of {len(self._ids)}   {named(home(item))}   {self.standing.said(item)}"
        yield f"{what(item.communication)}   {cut(item.id, 40)}"
        yield f"  {cut(item.reason)}"
        yield from (f"  {caveat}: {CAVEATS.get(caveat, '')}" for caveat in item.caveats)
        yield from decision_lines(self.standing, item)
        yield from consequence_lines(self.standing, item, consequence(self.desk.reviewed, item))

    def answer(self, key: str, text: str, ask: Ask) -> tuple[str, ...]:
        """Do what a key asks for, and return what to say of it; `text` came with the key, `ask` gets one line more."""
        act = self._keys.get(key)
        if act is None:
            return (f"{cut(key, 10)!r} is no key here; ? lists them",)
        try:
            return tuple(act(text.strip(), ask))
        except ChangedOnDisk:
            self.desk.reload()
            return ("somebody else wrote the decisions: they were read again, and yours was not written; decide again",)
        except PodfenceError as fault:
            return (visible(str(fault)),)

    def _decide(self, choice: Choice, why: str) -> Lines:
        item = self._needed()
        change = self.desk.decide([item.id], choice, why or self._why)
        self._at += 1
        return (_said(change, what(item.communication)),)

    def _go(self, steps: int) -> Lines:
        self._at = max(0, min(len(self._ids), self._at + steps))
        return ()

    def _widen(self, text: str, ask: Ask) -> Lines:
        item = self._needed()
        typed = text or ask(f"open {WIDEN_FORM}: ").strip()
        if not typed:
            return ("nothing was named: nothing was widened",)
        widening = widening_from_words(typed)
        change = self.desk.accept_widened(item.id, widening, self._why)
        self._at += 1
        return (_said(change, what(item.communication)), f"  opens beyond what was seen: {cut(str(widening))}")

    def _undo(self) -> Lines:
        change = self.desk.undo()
        if change is None:
            return ("there is nothing to undo",)
        back = [self._ids.index(key) for key in change.changed if key in self._ids]
        self._at = min(back, default=self._at)
        return (f"undone: {plural(len(change.changed), 'decision')} as before",)

    def _evidence(self) -> Lines:
        return evidence_lines(self._needed())

    def _yaml(self) -> Lines:
        item = self._needed()
        return policy_lines(self.standing, item, consequence(self.desk.reviewed, item))

    def _filter(self, text: str, ask: Ask) -> Lines:
        typed = text or ask("filter, such as namespace=shop port=443 (empty: all): ").strip()
        self._begin(filter_from_words(typed))
        return (f"{plural(len(self._ids), 'suggestion')} to look at",)

    def _bulk(self, text: str, ask: Ask) -> Lines:
        here = home(self._needed())
        items = self._items()
        ids = [key for key in self._ids if here in directions(items[key])]
        still = [key for key in ids if key not in self.desk.decisions]
        if not still:
            return (f"nothing of {named(here)} is undecided among these",)
        told = f"{plural(len(still), 'undecided suggestion')} of {named(here)}"
        choice = _CHOICES.get((text or ask(f"{told}: a accepts all, d declines all, anything else neither: ")).strip())
        if choice is None:
            return ("neither: nothing was decided",)
        change = self.desk.decide_undecided(ids, choice, self._why)
        while self._at < len(self._ids) and self._ids[self._at] in self.desk.decisions:
            self._at += 1
        return (_said(change, f"{plural(len(change.changed), 'suggestion')} of {named(here)}"),)

    def _reason(self, text: str, ask: Ask) -> Lines:
        self._why = text or ask("reason for the decisions that follow (empty: none): ").strip()
        return (f"reason from now on: {cut(self._why)}" if self._why else "no reason is recorded from now on",)

    def _quit(self) -> Lines:
        self.over = True
        return ()

    def _needed(self) -> Suggestion:
        item = self.current
        if item is None:
            raise PodfenceError("there is no suggestion here; f sets another filter, p goes back")
        return item


def _said(change: Change, whom: str) -> str:
    words = {"accept": "accepted", "decline": "declined"}
    passed = f"; {change.skipped} were decided already and stay as they are" if change.skipped else ""
    return f"{words[change.did.split()[0]]}: {whom}{passed}"
