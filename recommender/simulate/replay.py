"""Turns communications into outcomes in words, and an inventory into what is isolated."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from collectors.inventory import Inventory, WorkloadRef
from recommender.communications import Communication
from recommender.outcomes import Outcome
from recommender.policy import EGRESS, INGRESS, NetworkPolicy, PolicyType
from recommender.simulate.actors import SimulationOptions
from recommender.simulate.court import Court, EndFinding, PairFinding, pods_in_words
from recommender.simulate.words import in_words, sentence

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
    names = (str(seen.src), str(seen.dst), f"{seen.protocol}/{seen.port}")
    egress, ingress = in_words(EGRESS, finding.egress), in_words(INGRESS, finding.ingress)
    why = sentence(finding.verdict, finding.egress, finding.ingress, instance=any(finding.pods))
    return Outcome(
        seen,
        finding.verdict,
        replace(egress, reason=egress.reason.format(*names)),
        replace(ingress, reason=ingress.reason.format(*names)),
        why.format(*names, *pods_in_words(finding.pods)),
    )


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
