"""Turns a conclusion into one fact per communication: what was decided of it and what the policies do to it."""

import heapq
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal, TypeVar

from collectors.inventory import WorkloadRef
from recommender.communications import meaning
from recommender.policy import LabelSelector, NetworkPolicy
from recommender.reading_words import is_capture, is_live
from recommender.report.fact import Decided, Fact, state_of
from recommender.suggest import Suggestion
from recommender.summary import Conclusion
from recommender.text import cut

MOST_IN_FULL: Final = 2000
"""With more communications than this, rows are short and fold away what suggestions.json has."""
MOST_LISTED: Final = 10_000
"""With more communications than this, a page lists only so many. Each may stand at a workload of its own, which makes
it as large as 20,000 at few workloads are: 16 MB, which Chromium opens in 1.1 s and unfolds in 4 s. 40 MB took it 3.4 s
and 16 s.
"""
MOST_BESIDE: Final = 1000
"""On such a page a list of anything else ends after so many."""
LONGEST: Final = 400
"""Characters of a text that a human or a source wrote."""
_ID: Final = re.compile("[0-9a-f]{12}")
T = TypeVar("T")


@dataclass(frozen=True)
class Facts:
    """All facts of a conclusion, in the order of what communications mean, and views on them by workload."""

    conclusion: Conclusion
    most: int = MOST_LISTED
    """How many communications the page has room for."""

    @cached_property
    def all(self) -> tuple[Fact, ...]:
        """Every communication once: those concluded on, and any other that the conclusion lists."""
        reviewed = self.conclusion.reviewed
        outcomes = {meaning(outcome.communication): outcome for outcome in self.conclusion.outcomes}
        found: dict[tuple[Any, ...], Fact] = {}
        groups: tuple[tuple[Decided, tuple[Suggestion, ...]], ...] = (
            ("accepted", reviewed.accepted),
            ("declined", reviewed.declined),
            ("undecided", reviewed.undecided),
        )
        for decided, items in groups:
            for item in items:
                key = meaning(item.communication)
                outcome = outcomes.get(key)
                found[key] = Fact(item.communication, decided, state_of(decided, outcome), item, outcome=outcome)
        for left_out in reviewed.suggestions.withheld:
            key = meaning(left_out.communication)
            found[key] = Fact(
                left_out.communication, "withheld", "withheld", withheld=left_out, outcome=outcomes.get(key)
            )
        for communication in self.conclusion.communications:
            key = meaning(communication)
            if key not in found:
                outcome = outcomes.get(key)
                found[key] = Fact(communication, "undecided", state_of("undecided", outcome), outcome=outcome)
        return _anchored(found[key] for key in sorted(found))

    @property
    def crowded(self) -> bool:
        """Whether there are more communications than the page has room for."""
        return len(self.all) > self.most

    @cached_property
    def listed(self) -> frozenset[str]:
        """The anchors of the communications that the page lists: all of them, or those that a reader needs most."""
        chosen = heapq.nsmallest(self.most, self.all, key=lambda fact: fact.need) if self.crowded else self.all
        return frozenset(fact.anchor for fact in chosen)

    def here(self, found: Iterable[Fact]) -> tuple[Fact, ...]:
        """Return those of some facts that the page lists."""
        return tuple(fact for fact in found if fact.anchor in self.listed)

    @cached_property
    def anchors(self) -> Mapping[tuple[object, ...], str]:
        """The anchor of each communication that the page lists, by its meaning."""
        return {meaning(fact.communication): fact.anchor for fact in self.here(self.all)}

    def few(self, found: Sequence[T]) -> Sequence[T]:
        """Return as much as the page has room for of a list of something else than communications."""
        return found[:MOST_BESIDE] if self.crowded else found

    @cached_property
    def shown(self) -> tuple[WorkloadRef, ...]:
        """The workloads that have a part of the page: all, or, where it is crowded, those with evidence there."""
        if not self.crowded:
            return self.workloads
        homes = {fact.home for fact in self.here(self.all)}
        return tuple(ref for ref in self.workloads if ref in homes)

    @property
    def brief(self) -> bool:
        """Whether there are so many communications that rows are short."""
        return len(self.all) > MOST_IN_FULL

    @cached_property
    def usual_decision(self) -> str:
        """The most common decision in words, which rows of a large page leave out."""
        counts = Counter(said for fact in self.here(self.all) if (said := self.decision_text(fact)))
        return min(counts, key=lambda said: (-counts[said], said), default="")

    def decision_text(self, fact: Fact, *, dated: bool = False) -> str:
        """Return what was decided, by whom and why, "" where nothing can be; `dated`: and when."""
        if fact.suggestion is None:
            return ""
        decision = self.conclusion.reviewed.decisions.get(fact.suggestion.id)
        # What a stale decision says is not so any more.
        if decision is None or fact.decided not in {"accepted", "declined"}:
            return fact.decided
        by = f" by {cut(decision.by, LONGEST)}" if decision.by else ""
        at = f" at {cut(decision.at, LONGEST)}" if decision.at and dated else ""
        why = f": {cut(decision.why, LONGEST)}" if decision.why else ""
        wider = f"; widened to {cut(str(decision.widen), LONGEST)}" if decision.widen else ""
        return f"{fact.decided}{by}{at}{why}{wider}"

    @cached_property
    def workloads(self) -> tuple[WorkloadRef, ...]:
        """Every workload known: from the inventory, the traffic, the suggestions and the policies' reach, sorted."""
        ends = {end for fact in self.all for end in (fact.communication.src, fact.communication.dst)}
        inventory = self.conclusion.inventory
        known = {end for end in ends if isinstance(end, WorkloadRef)}
        known |= {*inventory.workloads, *(pod.workload for pod in inventory.pods), *self.conclusion.isolation}
        return tuple(sorted(known, key=lambda ref: (ref.namespace, ref.name, ref.kind)))

    @cached_property
    def sizes(self) -> Mapping[str, int]:
        """How many workloads are known of each namespace."""
        return Counter(ref.namespace for ref in self.workloads)

    def complete(self, ref: WorkloadRef) -> bool:
        """Say whether the page lists every communication of a workload."""
        return all(fact.anchor in self.listed for fact in (*self.ingress.get(ref, ()), *self.egress.get(ref, ())))

    @cached_property
    def ids(self) -> Mapping[WorkloadRef, str]:
        """The page's id of each workload that has a part of it: a number, because names come from the cluster."""
        return {ref: f"w{number}" for number, ref in enumerate(self.shown, 1)}

    @cached_property
    def ingress(self) -> Mapping[WorkloadRef, tuple[Fact, ...]]:
        """The facts by the workload that is reached."""
        return self._by_end("dst")

    @cached_property
    def egress(self) -> Mapping[WorkloadRef, tuple[Fact, ...]]:
        """The facts by the workload that reaches out."""
        return self._by_end("src")

    @cached_property
    def homeless(self) -> tuple[Fact, ...]:
        """The facts without a workload at either end: no part of the page that goes by workload has them."""
        return tuple(
            fact
            for fact in self.all
            if not isinstance(fact.communication.src, WorkloadRef)
            and not isinstance(fact.communication.dst, WorkloadRef)
        )

    def _by_end(self, end: Literal["src", "dst"]) -> Mapping[WorkloadRef, tuple[Fact, ...]]:
        found: dict[WorkloadRef, list[Fact]] = {}
        for fact in self.all:
            ref = fact.communication.src if end == "src" else fact.communication.dst
            if isinstance(ref, WorkloadRef):
                found.setdefault(ref, []).append(fact)
        return {ref: tuple(facts) for ref, facts in found.items()}

    @cached_property
    def policies(self) -> Mapping[WorkloadRef, NetworkPolicy]:
        """The policy of each workload that one was written for, found by its selector."""
        by_selector = {(policy.namespace, policy.pod_selector): policy for policy in self.conclusion.policies}
        found = {}
        for ref, subject in self.conclusion.reviewed.suggestions.subjects.items():
            if subject.selector is not None and subject.selector != LabelSelector():
                policy = by_selector.get((ref.namespace, subject.selector))
                if policy is not None:
                    found[ref] = policy
        return found

    @cached_property
    def other_policies(self) -> tuple[NetworkPolicy, ...]:
        """The policies of no single workload, such as a namespace's default deny."""
        named = {policy.key for policy in self.policies.values()}
        return tuple(policy for policy in self.conclusion.policies if policy.key not in named)

    @cached_property
    def beyond_policy(self) -> frozenset[WorkloadRef]:
        """The workloads on the host network."""
        return frozenset(self.conclusion.beyond_policy)

    @cached_property
    def not_simulated(self) -> int:
        """How many accepted communications the numbers say nothing about; 0 after every whole run."""
        return sum(fact.decided == "accepted" and fact.outcome is None for fact in self.all)

    @cached_property
    def flow_packets(self) -> int:
        """How many packets of captures the flows stand for, both ways: of logs and live interfaces not all count."""
        sources = self.conclusion.observation.window.sources
        logs = {source.name for source in sources if is_live(source) or not is_capture(source)}
        packets = self.conclusion.flow_facts.packets
        return sum(count for name, count in packets.items() if name not in logs)


def _anchored(facts: Iterable[Fact]) -> tuple[Fact, ...]:
    """Return the facts with their anchors; a number where an id is none of podfence's, or there twice."""
    used: set[str] = set()
    made = []
    for number, fact in enumerate(facts, 1):
        own = "" if fact.suggestion is None else fact.suggestion.id
        anchor = own if _ID.fullmatch(own) and own not in used else f"c{number}"
        used.add(anchor)
        made.append(
            Fact(fact.communication, fact.decided, fact.state, fact.suggestion, fact.withheld, fact.outcome, anchor)
        )
    return tuple(made)
