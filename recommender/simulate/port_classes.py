"""Turns ports into classes that no policy at hand tells apart, and what rules ask of ports into arrays of answers."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommender.policy import NetworkPolicy, Port
from recommender.simulate.actors import Actor
from recommender.simulate.masks import NO, UNKNOWN, YES, Answers, Codes, numbers
from recommender.simulate.ports import PROTOCOLS

_KNOWN, _UNKNOWN_NAMES, _UNKNOWN_NUMBERS = 0, 1, 2
"""What is known of a destination's ports: all; not its container ports; not even the port that is meant."""


@dataclass(frozen=True)
class _Asked:
    """What a `ports` list answers: by manner and class, and where a name of the destination's makes it better."""

    table: Answers
    named: Codes


class PortClasses:
    """The ports of each protocol cut where a rule begins or ends, or where a name that a rule uses points."""

    def __init__(self, policies: Iterable[NetworkPolicy], actors: Sequence[Actor]) -> None:
        self._numbers_of_kind(actors)
        cuts: defaultdict[str, set[int]] = defaultdict(set)
        for policy in policies:
            for rule in (*policy.ingress, *policy.egress):
                for port in rule.ports:
                    if isinstance(port.port, int):
                        cuts[port.protocol] |= {port.port, (port.end_port or port.port) + 1}
        for kind in self._kinds:  # Cast has left out the names that no policy mentions
            for declared in kind[1] or ():
                cuts[declared.protocol] |= {declared.number, declared.number + 1}
        self._cuts = {protocol: np.array(sorted(cuts[protocol]), dtype=np.int64) for protocol in PROTOCOLS}
        self._begin: dict[str, int] = {}
        self.inexpressible = 0
        for protocol, found in self._cuts.items():
            self._begin[protocol] = self.inexpressible
            self.inexpressible += len(found) + 1
        """The class of all ports of protocols that policies cannot name."""
        self._asked: dict[tuple[Port, ...], _Asked] = {}

    def _numbers_of_kind(self, actors: Sequence[Actor]) -> None:
        special = ("host", "service")
        self.kind_of, self._kinds = numbers((a.nature if a.nature in special else "pod", a.ports) for a in actors)
        self._manner = np.zeros(len(self._kinds), dtype=np.int64)
        # no policy selects a host network pod, so implementations differ on whether its port names count
        self._by_name = np.full(len(self._kinds), YES, dtype=np.int8)
        for code, actor in zip(self.kind_of.tolist(), actors, strict=True):
            if actor.nature == "service":
                self._manner[code] = _UNKNOWN_NUMBERS
            elif actor.ports is None:
                self._manner[code] = _UNKNOWN_NAMES
            elif actor.nature == "host":
                self._by_name[code] = UNKNOWN

    def classes(self, protocols: npt.NDArray[np.object_], ports: Codes) -> Codes:
        """Return the class of each port."""
        found = np.full(len(ports), self.inexpressible, dtype=np.int64)
        for protocol, cuts in self._cuts.items():
            rows = np.flatnonzero(protocols == protocol)
            found[rows] = self._begin[protocol] + np.searchsorted(cuts, ports[rows], side="right")
        return found

    def let_through(self, ports: tuple[Port, ...], kinds: Codes, classes: Codes) -> Answers:
        """Say whether a rule's ports let through ports of these classes at destinations of these kinds."""
        if not ports:
            return np.full(len(classes), YES, dtype=np.int8)
        if ports not in self._asked:
            self._asked[ports] = self._ask(ports)
        asked = self._asked[ports]
        answers = asked.table[self._manner[kinds], classes]
        if len(asked.named):
            key = kinds * (self.inexpressible + 1) + classes
            place = np.minimum(np.searchsorted(asked.named, key), len(asked.named) - 1)
            by_name = np.where(asked.named[place] == key, self._by_name[kinds], np.int8(NO))
            answers = np.maximum(answers, by_name)
        return answers

    def _ask(self, ports: tuple[Port, ...]) -> _Asked:
        table = np.full((3, self.inexpressible + 1), NO, dtype=np.int8)
        named: list[Codes] = []
        for port in ports:
            whole = slice(self._begin[port.protocol], self._begin[port.protocol] + len(self._cuts[port.protocol]) + 1)
            if port.port is None:
                table[:, whole] = YES
                continue
            table[_UNKNOWN_NUMBERS, whole] = np.maximum(table[_UNKNOWN_NUMBERS, whole], UNKNOWN)
            if isinstance(port.port, int):
                low, high = port.port, port.end_port or port.port
                within = slice(self._class(port.protocol, low), self._class(port.protocol, high) + 1)
                table[:_UNKNOWN_NUMBERS, within] = YES
            else:
                table[_UNKNOWN_NAMES, whole] = np.maximum(table[_UNKNOWN_NAMES, whole], UNKNOWN)
                named.append(self._named(port))
        return _Asked(table, np.unique(np.concatenate(named)) if named else np.zeros(0, dtype=np.int64))

    def _named(self, port: Port) -> Codes:
        """Return the kinds of destinations that have a port of that name, with its class, as one number each."""
        found = [
            code * (self.inexpressible + 1) + self._class(port.protocol, declared.number)
            for code, kind in enumerate(self._kinds)
            if self._manner[code] == _KNOWN
            for declared in kind[1]
            if declared.name == port.port and declared.protocol == port.protocol
        ]
        return np.array(found, dtype=np.int64)

    def _class(self, protocol: str, number: int) -> int:
        return self._begin[protocol] + int(np.searchsorted(self._cuts[protocol], number, side="right"))
