"""Turns communications or probes into outcomes in words, and an inventory into what is isolated."""

from collections.abc import Iterable, Mapping

import pandas as pd

from collectors.inventory import Inventory, WorkloadRef
from recommender.communications import Communication
from recommender.outcomes import EndVerdict, Outcome
from recommender.policy import EGRESS, INGRESS, NetworkPolicy, PolicyType
from recommender.simulate.actors import SimulationOptions
from recommender.simulate.court import Court, EndFinding, PairFinding

_MOST_NAMED = 3
"""Policies or rules named in a sentence before it says how many more there are."""
_NODE_LOCAL = EndFinding("allowed", why="{subject} and its own node always reach each other")


def simulate(
    policies: Iterable[NetworkPolicy],
    communications: Iterable[Communication],
    inventory: Inventory,
    options: SimulationOptions | None = None,
) -> tuple[Outcome, ...]:
    """Judge every communication under a set of policies, in the given order.

    A workload stands for all its pods, finished ones too: `allowed` means from each to each, `denied` that at least
    one pair is denied. Other policies in force count only if they are among `policies`.
    """
    court = Court(policies, inventory, options)
    return tuple(_outcome(court, communication) for communication in communications)


def _outcome(court: Court, seen: Communication) -> Outcome:
    sources, targets = court.cast.end(seen.src), court.cast.end(seen.dst)
    hairpin = "hairpin" in seen.notes and seen.src == seen.dst
    finding = court.among(sources, targets, seen.protocol, seen.port, itself=hairpin)
    # resolution saw that it was the pod's own node; the workload's other pods, on other nodes, are not meant
    if "node_local" in seen.notes and finding.ingress.verdict != "allowed":
        finding = PairFinding(finding.egress.verdict, finding.egress, _NODE_LOCAL)
    src, dst = str(seen.src), str(seen.dst)
    port = f"{seen.protocol}/{seen.port}"
    egress = _in_words(EGRESS, finding.egress, src, dst, port)
    ingress = _in_words(INGRESS, finding.ingress, dst, src, port)
    return Outcome(seen, finding.verdict, egress, ingress, _sentence(finding, egress, ingress))


def _in_words(direction: PolicyType, finding: EndFinding, subject: str, other: str, port: str) -> EndVerdict:
    way = "in" if direction == INGRESS else "out"
    link = "from" if direction == INGRESS else "to"
    if finding.why and not (finding.verdict == "allowed" and finding.rules):
        reason = finding.why.format(subject=subject, other=other, port=port)
        if "{subject}" not in finding.why:
            reason = f"{direction.lower()} of {subject}: {reason}"
    elif finding.verdict == "denied":
        reason = (
            f"{direction.lower()} of {subject} is isolated by {_named(finding.policies)} "
            f"and no rule lets {port} {link} {other} {way}"
        )
    elif finding.isolated:
        reason = f"{_named(finding.rules)} lets {port} {link} {other} {way}"
    else:
        reason = f"{direction.lower()} of {subject} is not isolated"
    return EndVerdict(finding.verdict, finding.isolated, finding.policies, finding.rules, reason)


def _named(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:_MOST_NAMED])
    return shown if len(names) <= _MOST_NAMED else f"{shown} and {len(names) - _MOST_NAMED} more"


def _sentence(finding: PairFinding, egress: EndVerdict, ingress: EndVerdict) -> str:
    decisive = [end.reason for end in (egress, ingress) if end.verdict == finding.verdict]
    if not decisive:
        decisive = [egress.reason, ingress.reason]
    pods = ""
    if finding.verdict != "allowed" and any(finding.pods):
        pods = f" (for instance {finding.pods[0] or 'the source'} to {finding.pods[1] or 'the destination'})"
    return f"{finding.verdict}: {'; '.join(decisive)}{pods}"


def judge(
    policies: Iterable[NetworkPolicy],
    inventory: Inventory,
    probes: pd.DataFrame,
    options: SimulationOptions | None = None,
) -> pd.DataFrame:
    """Judge single connections between pods or addresses.

    `probes` has src and dst ("namespace/pod", or an address text), protocol and dst_port. Returns it, in its order,
    with verdict, the policies that isolate either end, the rules that let it through there (", " between), and reason.
    """
    court = Court(policies, inventory, options)
    columns = [probes[name].astype(object) for name in ("src", "dst", "protocol", "dst_port")]
    found: dict[tuple[str, str, str, int], tuple[str, ...]] = {}
    rows = []
    for src, dst, protocol, port in zip(*columns, strict=True):
        key = (str(src), str(dst), str(protocol), 0 if pd.isna(port) else int(port))
        if key not in found:
            found[key] = _probe(court, *key)
        rows.append(found[key])
    names = ["verdict", "egress_policies", "egress_rules", "ingress_policies", "ingress_rules", "reason"]
    judged = pd.DataFrame(rows, columns=names, index=probes.index, dtype="str")
    return pd.concat([probes, judged], axis=1)


def _probe(court: Court, src: str, dst: str, protocol: str, port: int) -> tuple[str, ...]:
    sources, targets = court.cast.named(src), court.cast.named(dst)
    itself = src == dst and bool(sources)
    finding = court.among(sources, sources if itself else targets, protocol, port, itself=itself)
    egress = _in_words(EGRESS, finding.egress, src, dst, f"{protocol}/{port}")
    ingress = _in_words(INGRESS, finding.ingress, dst, src, f"{protocol}/{port}")
    lists = (egress.policies, egress.rules, ingress.policies, ingress.rules)
    return (finding.verdict, *(", ".join(names) for names in lists), _sentence(finding, egress, ingress))


def isolation(policies: Iterable[NetworkPolicy], inventory: Inventory) -> Mapping[WorkloadRef, frozenset[PolicyType]]:
    """Say for every workload of the inventory, sorted, in which directions all its pods are isolated."""
    court = Court(policies, inventory)
    directions: tuple[PolicyType, ...] = (INGRESS, EGRESS)
    return {
        ref: frozenset(
            direction
            for direction in directions
            if all(court.rulebook.gate(standin.actor, direction)[1] for standin in court.cast.end(ref))
        )
        for ref in court.cast.workloads()
    }
