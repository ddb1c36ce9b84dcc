"""Turns facts that a page has no room for into words: how many of each kind, and where all of them are."""

from collections import Counter
from collections.abc import Sized
from typing import Final

from recommender.report.fact import STATES, Fact
from recommender.report.facts import Facts
from recommender.report.markup import Html, tag
from recommender.report.words import plural

_ORDER: Final = (
    "First come those that would break, those that nobody has decided on, those that worked and no rule is possible "
    "for, and those declined that are still open; then those with most caveats; then the busiest."
)
_WHERE: Final = (
    "All of them are in suggestions.json of the review folder; podfence review and the widget go through them page by "
    "page, and podfence explain says of each what decides. A policy is written out where every communication of its "
    "workload is listed: podfence run and podfence export write all policies as files. Every number, the matrix and "
    "the coverage are of all communications."
)


def ceiling_part(facts: Facts) -> Html | None:
    """Return what a crowded page leaves out, by kind, and where it stands; None where it leaves out nothing."""
    if not facts.crowded:
        return None
    left = Counter(_kind(fact) for fact in facts.all if fact.anchor not in facts.listed)
    kinds = sorted(left.items(), key=lambda pair: (-pair[1], pair[0]))
    without = len(facts.workloads) - len(facts.shown)
    workloads = f" No part of the page: {plural(without, 'workload')}, without evidence here." if without else ""
    return tag(
        "section",
        tag("h2", f"This page lists {len(facts.listed):,} of {plural(len(facts.all), 'communication')}"),
        tag("p", _ORDER),
        tag(
            "p", "Left out: ", "; ".join(f"{count:,} {kind}" for kind, count in kinds), ".", workloads, class_="folded"
        ),
        tag("p", _WHERE),
        id="ceiling",
    )


def _kind(fact: Fact) -> str:
    if fact.decided in {"accepted", "withheld"}:
        return STATES[fact.state]
    return f"{fact.decided}, {'denied' if fact.state == 'denied' else 'still open'}"


def more(found: Sized, shown: Sized) -> Html | None:
    """Return how many of a list the page has no room for, None where it shows all."""
    left = len(found) - len(shown)
    return tag("p", f"And {left:,} more, which this list has no room for.", class_="dim") if left else None
