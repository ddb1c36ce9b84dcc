"""Turns what becomes of communications once policies are applied into a part of the page."""

from recommender.before_after import BeforeAfter, Change, Fate
from recommender.before_after_words import FATE_TEXTS
from recommender.report.markup import Child, Html, join, tag
from recommender.report.tables import Ids, end_name, port, said, table

_IN_FULL: tuple[Fate, ...] = ("would_break", "newly_denied", "newly_allowed", "undecidable", "declined")
"""What stays as it was is only counted."""


def before_after_part(found: BeforeAfter, ids: Ids) -> Html | None:
    """Return the part without a heading: counts, then every communication that changes; None where nothing was seen.

    `ids` are the anchors of the workloads on the page.
    """
    if not found.changes:
        return None
    counts = [(_name(fate), count, FATE_TEXTS[fate]) for fate, count in found.counts.items()]
    lists = [(_name(fate), FATE_TEXTS[fate], found.of(fate)) for fate in _IN_FULL]
    lists.append(("worked, though denied before", _CONTRADICTED, found.contradicted))
    return join(
        [
            table(("Class", "Communications", "Means"), counts, "Before and after", numbers=(1,)),
            [_list(title, text, changes, ids) for title, text, changes in lists if changes],
        ]
    )


_CONTRADICTED = "The policies before deny it, and it worked: they are newer than the traffic, or nothing enforces them."


def _name(fate: Fate) -> str:
    return fate.replace("_", " ")


def _list(title: str, text: str, changes: tuple[Change, ...], ids: Ids) -> Html:
    rows: list[tuple[Child, ...]] = [
        (
            end_name(change.communication.src, ids),
            end_name(change.communication.dst, ids),
            port(change.communication),
            change.decided,
            said(change.after.reason),
        )
        for change in changes
    ]
    return tag(
        "details",
        tag("summary", tag("b", title), " ", tag("span", f"{len(rows):,}", class_="dim")),
        tag("p", text),
        table(("From", "To", "Port", "Decision", "After, because"), rows, title),
        class_="why",
    )
