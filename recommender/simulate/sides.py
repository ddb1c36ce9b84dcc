"""Turns many pairs of actors into what one end says of each: by gate, rule after rule, all pairs of a gate at once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from recommender.policy import EGRESS, INGRESS, NetworkPolicy, PolicyType, Rule
from recommender.simulate.actors import Actor
from recommender.simulate.court import INEXPRESSIBLE, LABELS_UNKNOWN, LOOPBACK, NOT_SELECTABLE, Court, EndFinding
from recommender.simulate.court import why_unsure as why
from recommender.simulate.masks import NO, UNKNOWN, YES, Answers, Codes, Peers, numbers
from recommender.simulate.port_classes import PortClasses
from recommender.simulate.rulebook import Gate

_MOST_CELLS = 1 << 24
"""Rules times pairs that are looked at at once: it bounds memory."""
_OPEN = EndFinding("allowed")


@dataclass(frozen=True)
class Pairs:
    """Pairs of actors with the class of the port at the destination, as arrays of one length."""

    src: Codes
    dst: Codes
    ports: Codes

    def at(self, rows: Codes) -> "Pairs":
        """Return some of them."""
        return Pairs(self.src[rows], self.dst[rows], self.ports[rows])


class Findings:
    """What ends say, each kept once and known by its number."""

    def __init__(self) -> None:
        self.listed: list[EndFinding] = []
        self._codes: dict[EndFinding, int] = {}

    def code(self, finding: EndFinding) -> int:
        """Return the number of a finding."""
        if finding not in self._codes:
            self._codes[finding] = len(self.listed)
            self.listed.append(finding)
        return self._codes[finding]


def combinations(*columns: Codes) -> tuple[Codes, Codes]:
    """Return the number of each row among the different ones, and where each of those is first."""
    codes, found = pd.factorize(columns[0])
    for column in columns[1:]:
        more, others = pd.factorize(column)
        codes, found = pd.factorize(codes * len(others) + more)
    first = np.zeros(len(found), dtype=np.int64)
    first[codes[::-1]] = np.arange(len(codes), dtype=np.int64)[::-1]
    return codes.astype(np.int64, copy=False), first


class Sides:
    """Judges one end of many connections at once under the policies of a court."""

    def __init__(self, court: Court, policies: Iterable[NetworkPolicy], actors: Sequence[Actor]) -> None:
        self.findings = Findings()
        self.ports = PortClasses(policies, actors)
        self._peers = Peers(actors, court.options)
        self._actors = actors
        self._pods, self._loopback, self._multicast = (
            np.array([actor.nature == nature for actor in actors], dtype=bool)
            for nature in ("pod", "loopback", "multicast")
        )
        self._reason_of, _ = numbers((actor.nature, bool(actor.addresses)) for actor in actors)
        self._gates: dict[PolicyType, list[tuple[Gate, bool | None]]] = {}
        self._gate_of: dict[PolicyType, Codes] = {}
        directions: tuple[PolicyType, ...] = (EGRESS, INGRESS)
        for direction in directions:
            gates = [court.rulebook.gate(actor, direction) for actor in actors]
            # an end that is no pod is open for another reason than a pod without policies
            natures = [actor.nature == "pod" for actor in actors]
            self._gate_of[direction], keys = numbers(zip(gates, natures, strict=True))
            self._gates[direction] = [gate for gate, _ in keys]

    def judge(self, direction: PolicyType, family: int | None, pairs: Pairs) -> Codes:
        """Return the numbers of what the source (egress) or the destination (ingress) says of each pair."""
        subjects = pairs.src if direction == EGRESS else pairs.dst
        gate_of = self._gate_of[direction][subjects]
        order = np.argsort(gate_of, kind="stable")
        ends = np.cumsum(np.bincount(gate_of, minlength=len(self._gates[direction]))).tolist()
        found = np.empty(len(subjects), dtype=np.int64)
        begin = 0
        for (gate, isolated), end in zip(self._gates[direction], ends, strict=True):
            if begin < end:
                rows = order[begin:end]
                found[rows] = self._at_gate(gate, isolated, direction, family, pairs.at(rows))
            begin = end
        return found

    def _at_gate(
        self, gate: Gate, isolated: bool | None, direction: PolicyType, family: int | None, pairs: Pairs
    ) -> Codes | int:
        """Judge pairs whose subjects all have one gate."""
        if isolated is False:
            subject = (pairs.src if direction == EGRESS else pairs.dst)[0]
            return self.findings.code(_OPEN if self._pods[subject] else NOT_SELECTABLE)
        if isolated is None:
            return self.findings.code(EndFinding("undecidable", policies=gate.policies, why=LABELS_UNKNOWN))
        others = pairs.dst if direction == EGRESS else pairs.src
        loopback = self._loopback[others]
        vague = ~loopback & ((pairs.ports == self.ports.inexpressible) | self._multicast[others])
        found = np.empty(len(others), dtype=np.int64)
        if loopback.any():
            found[loopback] = self.findings.code(EndFinding("allowed", True, gate.policies, why=LOOPBACK))
        if vague.any():
            found[vague] = self.findings.code(EndFinding("undecidable", True, gate.policies, why=INEXPRESSIBLE))
        rest = np.flatnonzero(~loopback & ~vague)
        step = max(1, _MOST_CELLS // max(1, len(gate.rules)))
        for begin in range(0, len(rest), step):
            rows = rest[begin : begin + step]
            found[rows] = self._by_rules(gate, others[rows], family, pairs.at(rows))
        return found

    def _by_rules(self, gate: Gate, others: Codes, family: int | None, pairs: Pairs) -> Codes:
        kinds = self.ports.kind_of[pairs.dst]
        names: list[str] = []
        answers: list[Answers] = []
        for name, namespace, rule in gate.rules:
            found = self._taken(rule, namespace, family, others)
            if found.max() > NO:
                found = np.minimum(found, self.ports.let_through(rule.ports, kinds, pairs.ports))
                if found.max() > NO:
                    names.append(name)
                    answers.append(found)
        if not answers:
            denied = self.findings.code(EndFinding("denied", True, gate.policies))
            return np.full(len(others), denied, dtype=np.int64)
        return self._of_rules(gate, names, np.stack(answers), others, pairs.dst)

    def _taken(self, rule: Rule, namespace: str, family: int | None, others: Codes) -> Answers:
        if not rule.peers:
            return np.full(len(others), YES, dtype=np.int8)
        found = self._peers.taken(rule.peers[0], namespace, family)[others]
        for peer in rule.peers[1:]:
            found = np.maximum(found, self._peers.taken(peer, namespace, family)[others])
        return found

    def _of_rules(self, gate: Gate, names: list[str], answers: Answers, others: Codes, dst: Codes) -> Codes:
        """Turn each rule's answers to each pair into findings, one for all pairs that the same rules decide."""
        best = answers.max(axis=0)
        deciding = (answers == best) & (best > NO)
        reasons = np.where(best == UNKNOWN, self._reason_of[others] * len(self._actors) + self._reason_of[dst], -1)
        codes, first = combinations(best.astype(np.int64), reasons, *_words(deciding))
        found = []
        for row in first.tolist():
            rules = tuple(dict.fromkeys(names[index] for index in np.flatnonzero(deciding[:, row])))
            if best[row] == YES:
                finding = EndFinding("allowed", True, gate.policies, rules)
            elif best[row] == UNKNOWN:
                unsure = why(self._actors[others[row]], self._actors[dst[row]])
                finding = EndFinding("undecidable", True, gate.policies, rules, unsure)
            else:
                finding = EndFinding("denied", True, gate.policies)
            found.append(self.findings.code(finding))
        return np.array(found, dtype=np.int64)[codes]


def _words(bits: npt.NDArray[np.bool_]) -> list[Codes]:
    """Pack the bits of each column into a few numbers."""
    packed = np.packbits(bits, axis=0)
    short = -len(packed) % 8
    padded = np.pad(packed, ((0, short), (0, 0)))
    return [np.ascontiguousarray(padded[at : at + 8].T).view(np.int64)[:, 0] for at in range(0, len(padded), 8)]
