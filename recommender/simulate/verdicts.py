"""Turns pairs of stand-ins into what both ends together say of each, and of all pairs of two ends."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommender.outcomes import VerdictWord
from recommender.policy import EGRESS, INGRESS
from recommender.simulate.actors import Standin
from recommender.simulate.court import ITSELF, Court, PairFinding, of_families, of_pairs, on_one_node, worst, worst_of
from recommender.simulate.masks import Codes, numbers
from recommender.simulate.sides import Pairs, Sides, combinations

_FAMILIES = {4: 1, 6: 2}


@dataclass(frozen=True)
class Meetings:
    """Pairs of stand-ins, by number, with the port's class; `itself`: a pod and that same pod are meant."""

    src: Codes
    dst: Codes
    ports: Codes
    itself: npt.NDArray[np.bool_]


class Verdicts:
    """What both ends say, each kept once and known by its number."""

    def __init__(self, court: Court, sides: Sides, standins: Sequence[Standin], actor_of: Codes) -> None:
        self._court, self._sides, self._standins, self._actor_of = court, sides, standins, actor_of
        self.listed: list[PairFinding] = []
        self._codes: dict[tuple[VerdictWord, int, int], int] = {}
        self._of_many: dict[bytes, tuple[int, int]] = {}
        actors = [standin.actor for standin in standins]
        self._families = np.array([sum(_FAMILIES[f] for f in actor.families) for actor in actors], dtype=np.int64)
        self._pods = np.array([actor.nature == "pod" for actor in actors], dtype=bool)
        self._alone = np.array([len(standin.pods) == 1 for standin in standins], dtype=bool)
        self._on_nodes = np.array([bool(standin.nodes) for standin in standins], dtype=bool)
        self._place_of, _ = numbers((standin.nodes, standin.actor.nature == "pod") for standin in standins)

    def code(self, finding: PairFinding) -> int:
        """Return the number of a finding."""
        code = self._sides.findings.code
        key = (finding.verdict, code(finding.egress), code(finding.ingress))
        if key not in self._codes:
            self._codes[key] = len(self.listed)
            self.listed.append(finding)
        return self._codes[key]

    def judge(self, met: Meetings) -> Codes:
        """Return the number of what both ends say of each pair."""
        found = self._between(met)
        found = self._on_one_node(met, found)
        if self._court.options.self_always_allowed:
            found[met.itself | ((met.src == met.dst) & self._alone[met.src])] = self.code(
                PairFinding("allowed", ITSELF, ITSELF)
            )
        return found

    def of_many(self, codes: Codes) -> tuple[int, int]:
        """Return the number of what is found of all pairs of two ends, and the place of the pair that decides."""
        key = codes.tobytes()
        if key not in self._of_many:
            found = [self.listed[code] for code in codes.tolist()]
            self._of_many[key] = (self.code(of_pairs(found)), worst_of(found))
        return self._of_many[key]

    def _between(self, met: Meetings) -> Codes:
        pairs = Pairs(self._actor_of[met.src], self._actor_of[met.dst], met.ports)
        src, dst = self._families[met.src], self._families[met.dst]
        common = np.where((src > 0) & (dst > 0), src & dst, src | dst)
        found = np.empty(len(common), dtype=np.int64)
        for family, bits in ((None, (0,)), (4, (1, 3)), (6, (2,))):
            rows = np.flatnonzero(np.isin(common, bits))
            found[rows] = self._over(family, pairs.at(rows))
        both = np.flatnonzero(common == sum(_FAMILIES.values()))
        six = self._over(6, pairs.at(both))
        codes, first = combinations(found[both], six)
        merged = [
            self.code(of_families([self.listed[found[both[row]]], self.listed[six[row]]])) for row in first.tolist()
        ]
        found[both] = np.array(merged, dtype=np.int64)[codes]
        return found

    def _over(self, family: int | None, pairs: Pairs) -> Codes:
        egress = self._sides.judge(EGRESS, family, pairs)
        ingress = self._sides.judge(INGRESS, family, pairs)
        codes, first = combinations(egress, ingress)
        listed = self._sides.findings.listed
        found = []
        for row in first.tolist():
            ends = (listed[egress[row]], listed[ingress[row]])
            found.append(self.code(PairFinding(worst(end.verdict for end in ends), *ends)))
        return np.array(found, dtype=np.int64)[codes]

    def _on_one_node(self, met: Meetings, found: Codes) -> Codes:
        """Let nodes reach their pods: asked once for each finding and each two sets of nodes."""
        rows = np.flatnonzero(
            self._on_nodes[met.src] & self._on_nodes[met.dst] & (self._pods[met.src] != self._pods[met.dst])
        )
        src, dst = met.src[rows], met.dst[rows]
        codes, first = combinations(found[rows], self._place_of[src], self._place_of[dst])
        options = self._court.options
        changed = [
            self.code(
                on_one_node(self.listed[found[rows[row]]], self._standins[src[row]], self._standins[dst[row]], options)
            )
            for row in first.tolist()
        ]
        found[rows] = np.array(changed, dtype=np.int64)[codes]
        return found
