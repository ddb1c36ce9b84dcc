"""Turns a conclusion into its headline and the numbers behind it, each with what it means in plain words."""

from dataclasses import dataclass
from typing import Literal

from recommender.report.facts import Facts
from recommender.report.markup import Html, tag
from recommender.report.words import plural
from recommender.summary import Conclusion

Mood = Literal["good", "attention", "bad", "empty"]
MARKS: dict[Mood, str] = {"good": "✔", "attention": "!", "bad": "✖", "empty": "–"}


@dataclass(frozen=True)
class Number:
    """One number of the headline; it is fine at 0, and `where` is the part of the page that lists what it counts."""

    count: int
    name: str
    meaning: str
    where: str
    mood: Mood = "attention"


def headline(facts: Facts) -> tuple[Mood, str, str]:
    """Return the mood, the verdict in one sentence, and what to do about it."""
    conclusion = facts.conclusion
    broken, excess = len(conclusion.would_break), len(conclusion.excess)
    if not facts.all:
        read = "No packet or record of the input became a communication; the ledger below says what became of each one."
        unread = "No input was read, so nothing can be concluded."
        return "empty", "Nothing was observed.", read if conclusion.observation.window.sources else unread
    if facts.not_simulated:
        return "bad", f"{plural(facts.not_simulated, 'accepted communication')} could not be checked.", (
            "The simulator said nothing about them, so the numbers below are incomplete. Do not apply these policies."
        )  # fmt: skip
    if broken:
        return "bad", f"Applied now, these policies would break {plural(broken, 'accepted communication')}.", (
            "Do not apply them. Each one is listed below with the reason."
        )  # fmt: skip
    if not conclusion.policies:
        return "empty", "There are no policies yet.", _without_policies(conclusion)
    if excess:
        return "attention", "Everything accepted passes, but more than that would pass too.", (
            f"{plural(excess, 'permission')} beyond what was accepted: listed below with the rule that gives it."
        )  # fmt: skip
    cut = len(conclusion.undecided_denied)
    if cut:
        return "attention", "Everything accepted passes, but the review is not finished.", (
            f"{plural(cut, 'observed communication')} nobody has decided on would be cut."
        )  # fmt: skip
    if conclusion.withheld_denied:
        return "attention", "Everything accepted passes, but some traffic that worked will not.", (
            f"{plural(len(conclusion.withheld_denied), 'communication')} worked, no rule can be suggested, and the "
            "policies deny them."
        )  # fmt: skip
    return "good", "Where these policies close, everything accepted passes and nothing else.", _good(conclusion)


def _without_policies(conclusion: Conclusion) -> str:
    reviewed = conclusion.reviewed
    if reviewed.undecided:
        return f"{plural(len(reviewed.undecided), 'suggestion')} wait for a decision. Until then nothing is closed."
    if reviewed.declined:
        return "Nothing was accepted, so nothing is closed: declining alone does not isolate a workload."
    return "Nothing that was observed can become a rule; the withheld communications below say why."


def _good(conclusion: Conclusion) -> str:
    rules = sum(len(policy.ingress) + len(policy.egress) for policy in conclusion.policies)
    namespaces = len({policy.namespace for policy in conclusion.policies})
    still_open = len(conclusion.open_directions)
    return (
        f"{plural(len(conclusion.policies), 'policy', 'policies')} with {plural(rules, 'rule')} in "
        f"{plural(namespaces, 'namespace')}, from {plural(len(conclusion.communications), 'communication')} observed."
        + (
            f" {plural(still_open, 'workload direction')} stay{'s' if still_open == 1 else ''} open."
            if still_open
            else ""
        )
    )


def numbers(conclusion: Conclusion) -> tuple[Number, ...]:
    """Return the two numbers that a run is judged by, then what else a reader must know before applying."""
    return (
        Number(
            len(conclusion.would_break), "accepted traffic denied",
            "Communications that were accepted and that the policies would not certainly let through. Must be 0.",
            "would-break", "bad",
        ),
        Number(
            len(conclusion.excess), "excess",
            "What the policies let through although nobody accepted it: further pods, addresses or ports.",
            "excess",
        ),
        Number(
            len(conclusion.undecided_denied), "undecided, denied",
            "Observed, not decided on yet, and cut off if the policies were applied now.", "undecided-denied",
        ),
        Number(
            len(conclusion.withheld_denied), "worked, but no rule possible",
            "Observed to work, but no policy can express it or its ends are not known for sure; the policies deny it.",
            "withheld-denied",
        ),
        Number(
            len(conclusion.declined_open), "declined, still open",
            "Declined, yet it still passes: no policy isolates the workloads at its ends.", "declined-open",
        ),
        Number(
            len(conclusion.open_directions), "directions that stay open",
            "Workload directions (ingress or egress) that no policy of this run isolates: anything may pass there.",
            "open",
        ),
    )  # fmt: skip


def verdict_part(facts: Facts) -> Html:
    """Return the headline and the numbers as cards; those above 0 link to what they count."""
    mood, sentence, then = headline(facts)
    zero: Mood = "good" if facts.all else "empty"  # where nothing was observed, 0 is no merit
    found = numbers(facts.conclusion)
    return tag(
        "section",
        tag(
            "div",
            tag("span", MARKS[mood], class_="mark", aria_hidden="true"),
            tag("div", tag("h2", sentence), tag("p", then)),
            class_=f"verdict {mood}",
        ),
        tag("div", [_card(number, zero, large=place < 2) for place, number in enumerate(found)], class_="cards"),
        id="verdict",
    )


def _card(number: Number, zero: Mood, *, large: bool) -> Html:
    mood = number.mood if number.count else zero
    count = tag("span", f"{number.count:,}", class_="count")
    inside = (tag("div", count, " ", tag("span", number.name, class_="what")), tag("p", number.meaning))
    classes = f"card {mood}" + (" large" if large else "")
    if number.count:
        return tag("a", inside, href=f"#{number.where}", class_=classes)
    return tag("div", inside, class_=classes)
