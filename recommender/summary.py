"""Turns everything a run concluded into the summary a person reads at a glance, and into the same as plain data."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from collectors.flow_facts import FlowFacts, facts_of
from collectors.inventory import Inventory, WorkloadRef
from collectors.observation import Observation
from recommender.cni import CniWarning, cni_data, cni_rows
from recommender.communications import Communication
from recommender.coverage_model import Coverage
from recommender.coverage_words import coverage_data, coverage_rows
from recommender.existing import ExistingReport
from recommender.existing_summary import existing_data, existing_rows
from recommender.findings import findings_data, findings_rows
from recommender.findings_model import Finding
from recommender.outcomes import Excess, Outcome
from recommender.policy import EGRESS, INGRESS, NetworkPolicy, PolicyType
from recommender.reading_words import counts_text, faults_text, inputs_text, units, window_text
from recommender.review import Reviewed
from recommender.suggest import Suggestion
from recommender.text import visible


@dataclass(frozen=True)
class Conclusion:
    """Everything that was concluded from one observation and one inventory.

    `outcomes` are the simulator's verdicts on every communication (accepted, declined, undecided and withheld),
    `isolation` the directions in which the policies isolate each workload.
    """

    observation: Observation
    inventory: Inventory
    communications: tuple[Communication, ...]
    reviewed: Reviewed
    policies: tuple[NetworkPolicy, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    excess: tuple[Excess, ...] = ()
    isolation: Mapping[WorkloadRef, frozenset[PolicyType]] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    coverage: Coverage | None = None
    existing: ExistingReport = field(default_factory=ExistingReport)
    cni: tuple[CniWarning, ...] = ()
    not_widened: tuple[str, ...] = ()
    """Sentences: where an option to widen could not keep to its budget."""
    facts: FlowFacts | None = None
    """What is told of the flows as a whole; None: what those of the observation say."""

    @cached_property
    def flow_facts(self) -> FlowFacts:
        """What is told of the flows as a whole."""
        return facts_of(self.observation.flows) if self.facts is None else self.facts

    def outcomes_of(self, communications: Iterable[Communication]) -> tuple[Outcome, ...]:
        """Return the outcomes of these communications, in the order of all outcomes."""
        wanted = {(c.src, c.dst, c.protocol, c.port) for c in communications}
        return tuple(
            outcome
            for outcome in self.outcomes
            if (outcome.communication.src, outcome.communication.dst, outcome.communication.protocol,
                outcome.communication.port) in wanted
        )  # fmt: skip

    @cached_property
    def would_break(self) -> tuple[Outcome, ...]:
        """Accepted communications that the policies do not certainly allow: must be empty."""
        found = self.outcomes_of(item.communication for item in self.reviewed.accepted)
        return tuple(outcome for outcome in found if outcome.verdict != "allowed")

    @cached_property
    def undecided_denied(self) -> tuple[Outcome, ...]:
        """Communications that nobody decided on and that the policies deny."""
        found = self.outcomes_of(item.communication for item in self.reviewed.undecided)
        return tuple(outcome for outcome in found if outcome.verdict == "denied")

    @cached_property
    def withheld_denied(self) -> tuple[Outcome, ...]:
        """Communications that worked, for which no rule could be suggested, and that the policies deny."""
        withheld = [item.communication for item in self.reviewed.suggestions.withheld]
        worked = [c for c in withheld if c.evidence.worked]
        return tuple(outcome for outcome in self.outcomes_of(worked) if outcome.verdict == "denied")

    @cached_property
    def declined_open(self) -> tuple[Outcome, ...]:
        """Declined communications that the policies still allow."""
        found = self.outcomes_of(item.communication for item in self.reviewed.declined)
        return tuple(outcome for outcome in found if outcome.verdict != "denied")

    @cached_property
    def open_directions(self) -> tuple[tuple[WorkloadRef, PolicyType], ...]:
        """Workload directions that no policy of this run isolates, although one could: anything may pass there."""
        return tuple(
            (ref, direction)
            for ref, closed in sorted(self.isolation.items())
            for direction in (INGRESS, EGRESS)
            if direction not in closed and ref not in self.beyond_policy
        )

    @cached_property
    def beyond_policy(self) -> tuple[WorkloadRef, ...]:
        """Workloads whose pods all use the host network: no NetworkPolicy applies to them."""
        own: dict[WorkloadRef, bool] = {}
        for pod in self.inventory.pods:
            own[pod.workload] = own.get(pod.workload, True) and pod.host_network
        return tuple(sorted(ref for ref, only_host in own.items() if only_host))


def summary_data(conclusion: Conclusion) -> dict[str, Any]:
    """Return the summary as plain data, the object that `--json` prints."""
    reviewed = conclusion.reviewed
    withheld = Counter(item.why for item in reviewed.suggestions.withheld)
    caveats = Counter(caveat for item in reviewed.accepted for caveat in item.caveats)
    return {
        **_read_data(conclusion),
        "communications": len(conclusion.communications),
        "suggestions": {
            "accepted": len(reviewed.accepted),
            "declined": len(reviewed.declined),
            "undecided": len(reviewed.undecided),
            "orphaned_decisions": len(reviewed.orphans),
            "stale_decisions": len(reviewed.stale),
        },
        "withheld": dict(sorted(withheld.items())),
        "caveats": dict(sorted(caveats.items())),
        "widened": [f"{item.communication}: {reviewed.decisions[item.id].widen}" for item in _widened(conclusion)],
        "not_widened": list(conclusion.not_widened),
        "policies": len(conclusion.policies),
        "rules": sum(len(policy.ingress) + len(policy.egress) for policy in conclusion.policies),
        "namespaces": sorted({policy.namespace for policy in conclusion.policies}),
        "accepted_denied": len(conclusion.would_break),
        "excess": len(conclusion.excess),
        "undecided_denied": len(conclusion.undecided_denied),
        "withheld_denied": len(conclusion.withheld_denied),
        "declined_still_open": len(conclusion.declined_open),
        "open_directions": [f"{ref} {direction}" for ref, direction in conclusion.open_directions],
        "beyond_policy": [str(ref) for ref in conclusion.beyond_policy],
        "findings": findings_data(conclusion.findings),
        "coverage": None if conclusion.coverage is None else coverage_data(conclusion.coverage),
        "existing": existing_data(conclusion.existing),
        "cni": cni_data(conclusion.cni),
    }


def _read_data(conclusion: Conclusion) -> dict[str, Any]:
    """Return what was read, as plain data."""
    window = conclusion.observation.window
    return {
        "inputs": [{"name": s.name, "kind": s.kind, "packets": s.packets} for s in window.sources],
        "window": {
            "start": None if window.start is None else window.start.isoformat(),
            "end": None if window.end is None else window.end.isoformat(),
        },
        "packets": sum(source.packets for source in window.sources),
        "ledger": conclusion.observation.ledger.packet_counts(),
        "events": conclusion.observation.ledger.event_counts(),
        "inventory": {
            "pods": len(conclusion.inventory.pods),
            "workloads": len({pod.workload for pod in conclusion.inventory.pods}),
            "claimed": conclusion.inventory.claimed,
            "unlabelled": sum(not pod.labels for pod in conclusion.inventory.pods),
            "missing": dict(conclusion.inventory.missing),
            "gaps": conclusion.inventory.gaps,
        },
        "flows": conclusion.flow_facts.rows,
    }


def _widened(conclusion: Conclusion) -> list[Suggestion]:
    return [item for item in conclusion.reviewed.accepted if conclusion.reviewed.decisions[item.id].widen]


def summary_text(conclusion: Conclusion) -> str:
    """Return the summary as lines for a terminal."""
    data = summary_data(conclusion)
    rows = list(_input_rows(conclusion, data))
    rows += [] if conclusion.coverage is None else coverage_rows(conclusion.coverage)
    rows += [*_decision_rows(conclusion, data), *_number_rows(conclusion), *existing_rows(conclusion.existing)]
    rows += [*cni_rows(conclusion.cni), *findings_rows(conclusion.findings)]
    return "\n".join(f"{name:<18} {visible(text)}".rstrip() for name, text in rows)


Row = tuple[str, str]
_SHOWN = 5
"""Examples shown of each kind; the report shows all."""


def _input_rows(conclusion: Conclusion, data: Mapping[str, Any]) -> Iterator[Row]:
    window = conclusion.observation.window
    yield "inputs", inputs_text(window.sources)
    yield "window", window_text(window)
    yield "flows", f"{data['flows']:,} rows; {units(window.sources)} in no flow: {counts_text(data['ledger'])}"
    if data["events"]:
        yield "input faults", faults_text(conclusion.observation)
    yield from _inventory_rows(data["inventory"])
    suggestions = conclusion.reviewed.suggestions
    able, unable = len(suggestions.items), len(suggestions.withheld)
    yield "communications", f"{data['communications']}: {able} can become rules, {unable} cannot"
    for why, count in data["withheld"].items():
        yield "", f"{count} {_WHY[why]}"


def _inventory_rows(known: Mapping[str, Any]) -> Iterator[Row]:
    """Yield what is known of the cluster, and what could not be had."""
    yield "inventory", f"{known['pods']} pods of {known['workloads']} workloads"
    if known["claimed"]:
        yield "", "as the flow logs name them: no Services, selectors, nodes, or pods that never talked are known"
        if known["unlabelled"]:
            told = "of these pods without labels, so that no policy can select them: name an inventory"
            yield "", f"{known['unlabelled']} {told}"
        return
    for kind, reason in known["missing"].items():
        yield "", f"without {kind}: {reason}"
    if known["gaps"]:
        yield "", f"{known['gaps']} gaps: the watcher lost its place; what came and went meanwhile is not known"


def _decision_rows(conclusion: Conclusion, data: Mapping[str, Any]) -> Iterator[Row]:
    yield "decisions", ", ".join(f"{count} {word.replace('_', ' ')}" for word, count in data["suggestions"].items())
    if data["caveats"]:
        yield "caveats", counts_text(data["caveats"])
    if data["widened"]:
        yield "widened", f"{len(data['widened']):<4} decisions open more than was seen (see excess)"
        yield from _examples(data["widened"])
    if data["not_widened"]:
        yield "not widened", f"{len(data['not_widened']):<4} budgets that cannot be kept to"
        yield from _examples(data["not_widened"])
    yield "policies", f"{data['policies']} with {data['rules']} rules in {len(data['namespaces'])} namespaces"
    directions = conclusion.reviewed.half_decided
    if directions:
        yield "half decided", f"{len(directions)} workload directions have undecided communications"


def _number_rows(conclusion: Conclusion) -> Iterator[Row]:
    """Yield the honest numbers: what breaks, what is let through beyond the observed, and what stays open."""
    yield "accepted denied", f"{len(conclusion.would_break):<4} accepted communications that the policies would deny"
    yield from _examples(f"{outcome.communication}: {outcome.reason}" for outcome in conclusion.would_break)
    yield "excess", f"{len(conclusion.excess):<4} openings in the policies that nothing accepted needs"
    yield from _examples(f"{e.subject} {e.direction.lower()}: {e.peer} {e.ports}" for e in conclusion.excess)
    for name, outcomes, what in (
        ("undecided denied", conclusion.undecided_denied, "undecided communications that the policies deny"),
        ("withheld denied", conclusion.withheld_denied, "that worked, but no rule can be written: denied"),
        ("declined open", conclusion.declined_open, "declined, still open: not isolated, or widened over"),
    ):
        if outcomes:
            yield name, f"{len(outcomes):<4} {what}"
            yield from _examples(str(outcome.communication) for outcome in outcomes)
    for name, count, what in (
        ("still open", len(conclusion.open_directions), "workload directions that these policies do not isolate"),
        ("beyond policy", len(conclusion.beyond_policy), "workloads on the host network: no policy applies to them"),
    ):
        if count:
            yield name, f"{count:<4} {what}"


def _examples(lines: Iterable[str]) -> Iterator[Row]:
    listed = list(lines)
    yield from (("", f"     {line}") for line in listed[:_SHOWN])
    if len(listed) > _SHOWN:
        yield "", f"     and {len(listed) - _SHOWN} more, in the report"


_WHY = {
    "inexpressible": "inexpressible (ICMP and other protocols that NetworkPolicy cannot name)",
    "did_not_work": "did not work (refused, unanswered or half open: evidence against)",
    "outcome_unknown": "whose outcome is not known (no log shows whether they worked: no rule rests on that)",
    "audited": "audited (passed, but a policy in audit mode would deny it: evidence against)",
    "node_local": "from the pod's own node (kubelet probes; always allowed)",
    "hairpin": "hairpin (a pod to itself through its Service)",
    "ambiguous": "ambiguous (the address, or the name, may have had two owners at that time)",
    "unresolved": "unresolved (private address, or name, that nobody is known to have had)",
    "service": "to a Service with nothing known behind it",
    "not_routed": "not routed (multicast, loopback, link-local)",
    "not_oriented": "not oriented (which side began was not seen)",
    "no_subject": "cannot be named by a policy (no selectable pod, or no stable labels)",
}
