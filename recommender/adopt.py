"""Turns existing policies into decisions that say the same, and lists what of them nothing observed uses."""

from collections.abc import Iterable
from dataclasses import dataclass

from collectors.inventory import Inventory
from recommender.outcomes import EndVerdict, Excess, Outcome
from recommender.policy import NetworkPolicy
from recommender.review import Decision, decided
from recommender.simulate import excess, simulate
from recommender.suggest import Suggestion, Suggestions
from recommender.text import some

_MOST_NAMED = 3
"""Policies named in a decision before it says how many more there are."""


@dataclass(frozen=True)
class Adoption:
    """Decisions that reproduce existing policies.

    `unused` are openings of the policies that no suggested communication uses: listed, not decided. `contradicted`
    are suggestions whose communication worked although the policies deny it: they came later, or nothing enforces
    them.
    """

    decisions: tuple[Decision, ...] = ()
    unused: tuple[Excess, ...] = ()
    contradicted: tuple[Outcome, ...] = ()


def adopt(policies: Iterable[NetworkPolicy], suggestions: Suggestions, inventory: Inventory) -> Adoption:
    """Return an acceptance for each suggestion that the policies allow by a rule, at every end that they isolate.

    Where they isolate neither end they say nothing of it, and it stays undecided; so does what is undecidable.
    """
    listed = tuple(policies)
    seen = [item.communication for item in suggestions.items]
    outcomes = simulate(listed, seen, inventory)
    decisions = [
        _decision(suggestions, item, outcome)
        for item, outcome in zip(suggestions.items, outcomes, strict=True)
        if outcome.verdict == "allowed" and _rules(outcome)
    ]
    return Adoption(
        tuple(sorted(decisions, key=lambda decision: (decision.what, decision.id))),
        excess(listed, seen, inventory),
        tuple(outcome for outcome in outcomes if outcome.verdict == "denied"),
    )


def _rules(outcome: Outcome) -> tuple[str, ...]:
    ends: tuple[EndVerdict, ...] = (outcome.egress, outcome.ingress)
    return tuple(sorted({rule for end in ends if end.isolated and end.verdict == "allowed" for rule in end.rules}))


def _decision(suggestions: Suggestions, item: Suggestion, outcome: Outcome) -> Decision:
    rules = _rules(outcome)
    policies = sorted({rule.partition(" ")[0] for rule in rules})
    by, why = f"adopted from {some(policies, _MOST_NAMED)}", f"allowed there by {some(rules, _MOST_NAMED)}"
    return decided(suggestions, item, "accept", by, why)
