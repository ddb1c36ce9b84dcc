"""Turns policies, an inventory and one connection into why it is allowed or denied, rule by rule at both ends."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from collectors.inventory import Inventory
from recommender.outcomes import VerdictWord
from recommender.policy import EGRESS, INGRESS, LabelSelector, NetworkPolicy, PolicyType
from recommender.simulate.actors import NAMESPACE_NAME, SimulationOptions
from recommender.simulate.blocks import parse_address
from recommender.simulate.court import Court, EndFinding, worst
from recommender.simulate.labels import selects
from recommender.simulate.misses import RuleFinding, rule_findings, selector_text
from recommender.simulate.parties import Parties, Party, Target, Wire, parse_wire, present

_MOST_PAIRS = 12
"""Pairs of unlike pods that are explained; the worst first."""
_VOLATILE = frozenset(
    {"pod-template-hash", "controller-revision-hash", "pod-template-generation", "controller-uid", "job-name",
     "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name", "batch.kubernetes.io/job-completion-index",
     "statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index"}
)  # fmt: skip
"""Labels that the next pod of a workload will not have."""

_SELECTOR_PARTS = ("matchLabels", "matchExpressions")


@dataclass(frozen=True)
class PolicyFinding:
    """A policy that isolates an end: the selector that took it (None as `sure`: perhaps), and each of its rules.

    The rules that let the connection through come first, then the nearest misses.
    """

    name: str
    selector: str
    rules: tuple[RuleFinding, ...] = ()
    sure: bool = True


@dataclass(frozen=True)
class EndExplanation:
    """What one end says; `why` tells what no rule does. `missing` would let the connection through at this end.

    `missing` is the rule as it would stand in `spec` of the policy `belongs_to`; None where it is not denied, or where
    no rule can name the other end.
    """

    direction: PolicyType
    subject: str
    verdict: VerdictWord
    isolated: bool
    policies: tuple[PolicyFinding, ...] = ()
    why: str = ""
    missing: Mapping[str, Any] | None = None
    belongs_to: str = ""


@dataclass(frozen=True)
class PairExplanation:
    """Both ends of a connection between two pods or addresses; `count` pairs are alike."""

    src: str
    dst: str
    port: int
    verdict: VerdictWord
    egress: EndExplanation
    ingress: EndExplanation
    count: int = 1


@dataclass(frozen=True)
class Explanation:
    """The verdict on a connection, and the pairs of pods that it stands for, the worst first.

    `service` is the Service ("namespace/name") that the destination is, and `behind` what stands behind it, with
    ports. `omitted` counts further pairs of unlike pods.
    """

    src: str
    dst: str
    protocol: str
    port: int
    verdict: VerdictWord
    pairs: tuple[PairExplanation, ...] = ()
    service: str = ""
    behind: tuple[str, ...] = ()
    omitted: int = 0


def explain(
    policies: Iterable[NetworkPolicy],
    inventory: Inventory,
    src: str,
    dst: str,
    port: str,
    options: SimulationOptions | None = None,
) -> Explanation:
    """Return why policies allow or deny one connection, as things are at the end of the inventory.

    Ends are "namespace/pod", "namespace/Kind/name" or an address; `port` is "PORT" or "PORT/PROTOCOL". Raises
    PodfenceError for an end that is not known and a port that is none. A Service with nothing known behind it is
    undecidable.
    """
    listed = tuple(sorted(policies, key=lambda policy: policy.key))
    wire, here = parse_wire(port), present(inventory, src, dst)
    court = Court(listed, here, options)
    parties = Parties(here, court.cast)
    sources, destination = parties.source(src), parties.destination(dst, wire)
    case = _Case(listed, here, court, wire.protocol)
    pairs = [case.pair(source, target) for source in sources for target in destination.targets]
    ranked = sorted(pairs, key=lambda pair: _RANK[pair.verdict])
    behind = {f"{name} {t.port}/{wire.protocol}" for t in destination.targets for name in _names(t.party)}
    return Explanation(
        src,
        dst,
        wire.protocol,
        wire.port,
        worst(pair.verdict for pair in pairs) if pairs else "undecidable",
        tuple(ranked[:_MOST_PAIRS]),
        destination.service,
        tuple(sorted(behind)) if destination.service else (),
        max(0, len(ranked) - _MOST_PAIRS),
    )


_RANK: dict[VerdictWord, int] = {"denied": 0, "undecidable": 1, "allowed": 2}


def _names(party: Party) -> tuple[str, ...]:
    return party.standin.pods or (party.name,)


class _Case:
    """Explains pairs under one set of policies."""

    def __init__(self, policies: tuple[NetworkPolicy, ...], inventory: Inventory, court: Court, protocol: str) -> None:
        self._policies, self._inventory, self._court, self._protocol = policies, inventory, court, protocol

    def pair(self, source: Party, target: Target) -> PairExplanation:
        other = target.party
        itself = len(source.standin.pods) == 1 and source.standin.pods == other.standin.pods
        targets = (source.standin if itself else other.standin,)
        found = self._court.among((source.standin,), targets, self._protocol, target.port, itself=itself)
        wire = Wire(self._protocol, target.port, _families(source, other))
        egress = self._end(EGRESS, found.egress, source, other, other, wire)
        ingress = self._end(INGRESS, found.ingress, other, source, other, wire)
        count = source.count * other.count
        return PairExplanation(source.name, other.name, target.port, found.verdict, egress, ingress, count)

    def _end(
        self, direction: PolicyType, found: EndFinding, subject: Party, other: Party, target: Party, wire: Wire
    ) -> EndExplanation:
        chosen = [policy for policy in self._policies if direction in policy.policy_types and _takes(policy, subject)]
        why = found.why.format(subject=subject.name, other=other.name, port=f"{wire.protocol}/{wire.port}")
        missing, belongs_to = None, ""
        if found.verdict == "denied" and chosen:
            missing = self._missing(direction, other, wire, chosen[0].namespace)
            belongs_to = "" if missing is None else _narrowest(chosen)
        return EndExplanation(
            direction,
            subject.name,
            found.verdict,
            found.isolated,
            tuple(sorted((_of_policy(p, direction, subject, other, target, wire) for p in chosen), key=_nearness)),
            why,
            missing,
            belongs_to,
        )

    def _missing(self, direction: PolicyType, other: Party, wire: Wire, namespace: str) -> Mapping[str, Any] | None:
        peer = self._peer(other, namespace)
        if peer is None:
            return None
        side = "from" if direction == INGRESS else "to"
        return {direction.lower(): [{side: peer, "ports": [{"protocol": wire.protocol, "port": wire.port}]}]}

    def _peer(self, other: Party, namespace: str) -> list[Mapping[str, Any]] | None:
        if other.nature != "pod":
            addresses = [ip for ip in map(parse_address, other.addresses) if ip is not None]
            return [{"ipBlock": {"cidr": f"{ip}/{ip.max_prefixlen}"}} for ip in addresses] or None
        selector = self._selector(other)
        if selector is None:
            return None
        peer: dict[str, Any] = {"podSelector": selector}
        if other.namespace != namespace:
            peer = {"namespaceSelector": {"matchLabels": {NAMESPACE_NAME: other.namespace}}, **peer}
        return [peer]

    def _selector(self, other: Party) -> Mapping[str, Any] | None:
        """Return the selector of the workload's controller, else lasting labels; never one that takes every pod."""
        known = None if other.workload is None else self._inventory.workloads.get(other.workload)
        if known is not None and known.selector and any(known.selector.get(part) for part in _SELECTOR_PARTS):
            return {part: known.selector[part] for part in _SELECTOR_PARTS if known.selector.get(part)}
        labels = {key: value for key, value in sorted((other.labels or {}).items()) if key not in _VOLATILE}
        return {"matchLabels": labels} if labels else None


def _takes(policy: NetworkPolicy, subject: Party) -> bool:
    """Say whether a policy selects an end, or may: labels that are not known may be any."""
    if subject.nature != "pod" or policy.namespace != subject.namespace:
        return False
    return selects(policy.pod_selector, subject.labels) is not False


def _of_policy(
    policy: NetworkPolicy, direction: PolicyType, subject: Party, other: Party, target: Party, wire: Wire
) -> PolicyFinding:
    rules = rule_findings(policy, direction, other, target, wire)
    ranked = sorted(rules, key=lambda rule: (rule.lets is not True, rule.lets is False, rule.distance))
    sure = selects(policy.pod_selector, subject.labels) is True
    return PolicyFinding(f"{policy.namespace}/{policy.name}", selector_text(policy.pod_selector), tuple(ranked), sure)


def _nearness(policy: PolicyFinding) -> tuple[object, ...]:
    best = policy.rules[0] if policy.rules else None
    if best is None:
        return (3, 0, policy.name)
    return (0 if best.lets else 1 if best.lets is None else 2, best.distance, policy.name)


def _narrowest(chosen: list[NetworkPolicy]) -> str:
    """Return the policy that opens the fewest pods if a rule is added: the one that asks for most."""
    policy = max(chosen, key=lambda policy: _wishes(policy.pod_selector))
    return f"{policy.namespace}/{policy.name}"


def _wishes(selector: LabelSelector) -> int:
    return len(selector.match_labels) + len(selector.match_expressions)


def _families(source: Party, target: Party) -> frozenset[int]:
    """Return the IP versions that a connection may take: those of both ends, or of the one that has any known."""
    first, second = source.standin.actor.families, target.standin.actor.families
    return first & second if first and second else first | second
