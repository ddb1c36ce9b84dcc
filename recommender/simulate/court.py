"""Turns two ends, a protocol and a port into a verdict: each end by its own gate, both must allow."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from collectors.inventory import Inventory
from recommender.outcomes import VerdictWord
from recommender.policy import EGRESS, INGRESS, NetworkPolicy, PolicyType, Port
from recommender.simulate.actors import Actor, Cast, SimulationOptions, Standin
from recommender.simulate.ports import PROTOCOLS, lets
from recommender.simulate.rulebook import Rulebook

_SEVERITY: dict[VerdictWord, int] = {"denied": 0, "undecidable": 1, "allowed": 2}


@dataclass(frozen=True)
class EndFinding:
    """What one end says, before it is put into words; `why` explains what the rules alone do not."""

    verdict: VerdictWord
    isolated: bool = False
    policies: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    why: str = ""


@dataclass(frozen=True)
class PairFinding:
    """What both ends say of one pair of stand-ins; `pods` names a pair when the end has several."""

    verdict: VerdictWord
    egress: EndFinding
    ingress: EndFinding
    pods: tuple[str, str] = ("", "")


ITSELF = EndFinding("allowed", why="a pod always reaches itself")
LABELS_UNKNOWN = "the labels of {subject} are not known"
LOOPBACK = "loopback traffic does not leave the pod"
INEXPRESSIBLE = "NetworkPolicy says nothing of {port} with {other}, and implementations differ"
NOT_SELECTABLE = EndFinding("allowed", why="{subject} is no pod that a policy selects")


def worst(verdicts: Iterable[VerdictWord]) -> VerdictWord:
    """Return denied before undecidable before allowed."""
    return min(verdicts, key=_SEVERITY.__getitem__)


def nobody(*, known_src: bool, known_dst: bool) -> PairFinding:
    """Say which end is not known, where there is nobody to judge."""
    unknown = EndFinding("undecidable", why="{subject} is not in the inventory")
    known = EndFinding("allowed")
    return PairFinding("undecidable", known if known_src else unknown, known if known_dst else unknown)


def pods_in_words(pods: tuple[str, str]) -> tuple[str, str]:
    """Name a pair of pods; an end without pods is called by its side."""
    return (pods[0] or "the source", pods[1] or "the destination")


class Court:
    """Judges connections under one set of policies; what was judged once is remembered."""

    def __init__(
        self, policies: Iterable[NetworkPolicy], inventory: Inventory, options: SimulationOptions | None = None
    ) -> None:
        listed = tuple(policies)
        self.options = options or SimulationOptions()
        self.cast = Cast(listed, inventory)
        self.rulebook = Rulebook(listed, self.options)
        self._judged: dict[tuple[Actor, Actor, str, int], PairFinding] = {}

    def among(
        self, sources: tuple[Standin, ...], targets: tuple[Standin, ...], protocol: str, port: int, *, itself: bool
    ) -> PairFinding:
        """Judge every pair of stand-ins and return the worst; `itself`: only a pod and that same pod.

        The policies and rules of both ends are those of all pairs together.
        """
        pairs = [(src, dst) for src in sources for dst in targets if not itself or src is dst]
        if not pairs:
            return nobody(known_src=bool(sources), known_dst=bool(targets))
        found = [self._pair(src, dst, protocol, port, itself=itself) for src, dst in pairs]
        if len(found) == 1:
            return found[0]
        src, dst = pairs[worst_of(found)]
        return replace(of_pairs(found), pods=(src.first_pod, dst.first_pod))

    def _pair(self, src: Standin, dst: Standin, protocol: str, port: int, *, itself: bool) -> PairFinding:
        found = self._between(src.actor, dst.actor, protocol, port)
        alone = src is dst and len(src.pods) == 1
        if self.options.self_always_allowed and (itself or alone):
            return PairFinding("allowed", ITSELF, ITSELF)
        return on_one_node(found, src, dst, self.options)

    def _between(self, src: Actor, dst: Actor, protocol: str, port: int) -> PairFinding:
        key = (src, dst, protocol, port)
        if key not in self._judged:
            self._judged[key] = self._judge(src, dst, protocol, port)
        return self._judged[key]

    def _judge(self, src: Actor, dst: Actor, protocol: str, port: int) -> PairFinding:
        families = src.families & dst.families if src.families and dst.families else src.families | dst.families
        found = []
        common: list[int | None] = [*sorted(families)] or [None]
        for family in common:
            egress = self._end(EGRESS, src, dst, dst, family, protocol, port)
            ingress = self._end(INGRESS, dst, src, dst, family, protocol, port)
            found.append(PairFinding(worst([egress.verdict, ingress.verdict]), egress, ingress))
        return found[0] if len(found) == 1 else of_families(found)

    def _end(
        self,
        direction: PolicyType,
        subject: Actor,
        other: Actor,
        dst: Actor,
        family: int | None,
        protocol: str,
        port: int,
    ) -> EndFinding:
        gate, isolated = self.rulebook.gate(subject, direction)
        if isolated is False:
            return NOT_SELECTABLE if subject.nature != "pod" else EndFinding("allowed")
        if isolated is None:
            return EndFinding("undecidable", policies=gate.policies, why=LABELS_UNKNOWN)
        if "loopback" in {subject.nature, other.nature}:
            return EndFinding("allowed", True, gate.policies, why=LOOPBACK)
        if protocol not in PROTOCOLS or other.nature == "multicast":
            return EndFinding("undecidable", True, gate.policies, why=INEXPRESSIBLE)
        sure: list[str] = []
        unsure: list[str] = []
        for opening in gate.openings(other, family):
            through = _through(opening.ports, protocol, port, dst)
            if through is not False:
                (sure if through and opening.sure else unsure).append(opening.rule)
        if sure:
            return EndFinding("allowed", True, gate.policies, tuple(dict.fromkeys(sure)))
        if unsure:
            return EndFinding("undecidable", True, gate.policies, tuple(dict.fromkeys(unsure)), why_unsure(other, dst))
        return EndFinding("denied", True, gate.policies)


def _through(ports: tuple[Port, ...], protocol: str, number: int, dst: Actor) -> bool | None:
    """Say whether a rule's ports let a port of the destination through; None where that cannot be known."""
    if not ports:
        return True
    found: set[bool | None] = set()
    for port in ports:
        answer = lets(port, protocol, None if dst.nature == "service" else number, dst.ports)
        if answer and dst.nature == "host" and isinstance(port.port, str):
            answer = None  # no policy selects the pod, so implementations differ on whether its port names count
        found.add(answer)
    return True if True in found else None if None in found else False


def why_unsure(other: Actor, dst: Actor) -> str:
    """Say why it is not known whether a rule lets something through."""
    if "service" in {other.nature, dst.nature}:
        return "what is behind {other} is not known"
    if other.nature == "unsure":
        return "{other} may be a pod that is not in the inventory"
    if not other.addresses:
        return "the addresses or container ports of {other} are not known"
    return "the container ports of the destination are not known"


def worst_of(found: Sequence[PairFinding]) -> int:
    """Return the place of the first of the worst."""
    return min(range(len(found)), key=lambda index: _SEVERITY[found[index].verdict])


def of_pairs(found: Sequence[PairFinding]) -> PairFinding:
    """Put together what is found of all pairs of two ends: the worst counts."""
    chosen = found[worst_of(found)]
    return PairFinding(
        chosen.verdict,
        _together(chosen.egress, [pair.egress for pair in found]),
        _together(chosen.ingress, [pair.ingress for pair in found]),
    )


def of_families(found: Sequence[PairFinding]) -> PairFinding:
    """Put together what is found over IPv4 and over IPv6: which a connection took is not known once it is summed up."""
    if found[0] == found[1]:
        return found[0]
    verdicts = {pair.verdict for pair in found}
    return PairFinding(
        found[0].verdict if len(verdicts) == 1 else "undecidable",
        _of_families([pair.egress for pair in found]),
        _of_families([pair.ingress for pair in found]),
    )


def on_one_node(found: PairFinding, src: Standin, dst: Standin, options: SimulationOptions) -> PairFinding:
    """Let a node reach its own pods, and pods their node where that is an option, whatever policies say."""
    ingress, egress = _from_own_node(found.ingress, src, dst), found.egress
    if options.own_node_always_reachable:
        egress = _from_own_node(egress, dst, src)
    if ingress is found.ingress and egress is found.egress:
        return found
    return PairFinding(worst([egress.verdict, ingress.verdict]), egress, ingress)


def _from_own_node(finding: EndFinding, node_end: Standin, pod_end: Standin) -> EndFinding:
    """Let a node reach its own pods whatever policies say; what may be its own node is undecidable where denied."""
    if finding.verdict == "allowed" or node_end.actor.nature == "pod" or pod_end.actor.nature != "pod":
        return finding
    pairs = [(node, own) for node in node_end.nodes for own in pod_end.nodes]
    if not pairs or any(node and own and node != own for node, own in pairs):
        return finding
    if any(not node or not own for node, own in pairs):
        return replace(finding, verdict="undecidable", why="{other} may be the node of {subject}")
    return replace(finding, verdict="allowed", rules=(), why="{subject} and its own node always reach each other")


def _together(chosen: EndFinding, found: list[EndFinding]) -> EndFinding:
    verdict = worst(finding.verdict for finding in found)
    decisive = chosen if chosen.verdict == verdict else next(f for f in found if f.verdict == verdict)
    return EndFinding(
        verdict,
        any(finding.isolated for finding in found),
        tuple(sorted({policy for finding in found for policy in finding.policies})),
        tuple(sorted({rule for finding in found for rule in finding.rules})),
        decisive.why,
    )


def _of_families(found: list[EndFinding]) -> EndFinding:
    if len({finding.verdict for finding in found}) == 1:
        return _together(found[0], found)
    both = _together(found[0], found)
    words = " and ".join(f"{f.verdict} over {name}" for f, name in zip(found, ("IPv4", "IPv6"), strict=True))
    return replace(both, verdict="undecidable", why=words)
