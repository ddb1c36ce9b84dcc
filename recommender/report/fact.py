"""Turns a communication, the decision on it and its outcome into one fact: what became of it, and who must see it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from collectors.inventory import WorkloadRef
from recommender.communications import Communication
from recommender.outcomes import Outcome
from recommender.suggest import Suggestion, Withheld

State = Literal["breaks", "allowed", "denied", "open", "withheld"]
STATES: Final[Mapping[State, str]] = {
    "breaks": "accepted, but not let through",
    "allowed": "accepted and allowed",
    "denied": "not accepted, denied",
    "open": "not accepted, still open",
    "withheld": "no rule",
}
"""What can become of a communication, the worst first."""

Decided = Literal["accepted", "declined", "undecided", "withheld"]


@dataclass(frozen=True)
class Fact:
    """One communication with the decision on it and the simulator's outcome (None where it was not simulated)."""

    communication: Communication
    decided: Decided
    state: State
    suggestion: Suggestion | None = None
    withheld: Withheld | None = None
    outcome: Outcome | None = None
    anchor: str = ""
    """The page's id of the row with its evidence: the suggestion's own, so that a link to it lasts."""

    @property
    def reason(self) -> str:
        """Return the sentence that says why there is a rule, or why there is none."""
        if self.suggestion is not None:
            return self.suggestion.reason
        return self.withheld.reason if self.withheld is not None else ""

    @property
    def caveats(self) -> tuple[str, ...]:
        """Return the caveats of the suggestion, if there is one."""
        return self.suggestion.caveats if self.suggestion is not None else ()

    @property
    def need(self) -> tuple[int, int, int]:
        """Return the order in which a reader needs to see it, least first: faults, caveats, then the busiest."""
        outcome, seen = self.outcome, self.communication.evidence
        denied = outcome is not None and outcome.verdict == "denied"
        faults = (
            self.state == "breaks",
            self.decided == "undecided",
            self.decided == "withheld" and denied and seen.worked,
            self.decided == "declined" and self.state == "open",
            True,
        )
        return faults.index(True), -len(self.caveats), -seen.successes

    @property
    def home(self) -> WorkloadRef | None:
        """The workload in whose part of the page its evidence stands: whoever is called, else the caller, else none."""
        ends = (self.communication.dst, self.communication.src)
        return next((end for end in ends if isinstance(end, WorkloadRef)), None)

    @property
    def is_dns(self) -> bool:
        """Return whether this is name resolution: nearly everybody does it, so pictures keep it in the background."""
        return self.communication.port in {53, 5353} and self.communication.protocol in {"UDP", "TCP"}

    @property
    def verdict(self) -> str:
        """Return what the policies do to it, in a few words."""
        if self.outcome is None:
            return "not simulated"
        return self.outcome.verdict


def state_of(decided: Decided, outcome: Outcome | None) -> State:
    """Return what becomes of a communication that was decided on, or waits for it."""
    if decided == "accepted":  # what was not simulated is not known to be let through
        return "allowed" if outcome is not None and outcome.verdict == "allowed" else "breaks"
    return "denied" if outcome is not None and outcome.verdict == "denied" else "open"
