"""What must hold of policies in force, as plain functions: each gives the list of what is wrong."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator, Sequence

from tests.lab.enforce import Object
from tests.lab.probes import Enforced, Probe, must_drop, must_pass
from tests.lab.reading import Rule, carriers, subject_of


def lost(lab: Enforced) -> list[str]:
    """Find expected connections that do not get through."""
    probes = must_pass(lab.shop)
    found = lab.probe(probes, set(probes))
    return [f"{probe}: {what}" for probe, what in found.items() if what != "passed"]


def leaking(lab: Enforced, probes: Sequence[Probe]) -> dict[Probe, str]:
    """Find connections that should be dropped in silence and are not; a refusal means that the packet got there."""
    return {probe: what for probe, what in lab.probe(probes).items() if what != "dropped"}


def some_to_drop(lab: Enforced, count: int) -> list[Probe]:
    """Return a sample of what must be dropped, the same at every run."""
    return random.Random(count).sample(must_drop(lab.shop), count)


def rules(policies: Sequence[Object]) -> Iterator[Rule]:
    """Each entry of each list."""
    for number, policy in enumerate(policies):
        for direction in ("ingress", "egress"):
            for index in range(len(policy["spec"].get(direction) or [])):
                yield number, direction, index


def without(policies: Sequence[Object], rule: Rule) -> list[Object]:
    """Return the same policies less one rule; what is isolated stays isolated."""
    number, direction, index = rule
    changed = copy.deepcopy(list(policies))
    spec = changed[number]["spec"]
    spec.setdefault("policyTypes", ["Ingress", *(["Egress"] if spec.get("egress") else [])])
    del spec[direction][index]
    return changed


def carried_alone(lab: Enforced, policies: Sequence[Object]) -> dict[Rule, set[Probe]]:
    """Find which expected connections hang on one rule only, by the second reading.

    A probe of a Service address counts when the connection to each of its backends does.
    """
    alone: dict[Rule, set[Probe]] = {rule: set() for rule in rules(policies)}
    for probe in must_pass(lab.shop):
        connections = lab.connection(probe)
        for direction in ("ingress", "egress"):
            ways = [carriers(policies, made, direction, lab.cluster.namespaces) for made in connections]
            if any(subject_of(policy, direction, connections[0]) for policy in policies) and probe.src != "node":
                first = ways[0]
                if len(first) == 1 and all(way == first for way in ways):
                    alone[first[0]].add(probe)
    return alone


def removal_faults(lab: Enforced, policies: Sequence[Object], closed: Sequence[Probe]) -> list[str]:
    """Remove each rule in turn: exactly what it alone carried must fail, and what was closed must stay closed."""
    faults = []
    everything, shut = must_pass(lab.shop), set(closed)
    for rule, alone in carried_alone(lab, policies).items():
        policy = policies[rule[0]]["metadata"]
        name = f"{policy['namespace']}/{policy['name']} {rule[1]} {rule[2]}"
        if not alone:
            faults.append(f"{name} carries nothing of its own")
        lab.apply(without(policies, rule))
        found = lab.probe([*everything, *closed], set(everything) - alone)
        for probe, what in found.items():
            wanted = "dropped" if probe in alone or probe in shut else "passed"
            if what != wanted:
                faults.append(f"without {name}: {probe} {what}, not {wanted}")
    return faults
