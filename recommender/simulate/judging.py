"""Turns a frame of probes into a frame of verdicts with reasons: each different question once, many at once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from collectors.errors import PodfenceError
from collectors.inventory import Inventory
from recommender.policy import NetworkPolicy
from recommender.simulate.actors import SimulationOptions, Standin
from recommender.simulate.court import Court, nobody, pods_in_words
from recommender.simulate.masks import Codes, numbers
from recommender.simulate.sides import Sides, combinations
from recommender.simulate.verdicts import Meetings, Verdicts
from recommender.simulate.words import sentence

_ASKED = ("src", "dst", "protocol", "dst_port")
_LAST_PORT = 65535
_MOST_PAIRS = 1 << 20
"""Pairs of stand-ins that are judged at once: it bounds memory."""


def judge(
    policies: Iterable[NetworkPolicy],
    inventory: Inventory,
    probes: pd.DataFrame,
    options: SimulationOptions | None = None,
    *,
    reasons: bool = True,
) -> pd.DataFrame:
    """Judge single connections between pods, workloads or addresses.

    `probes` has src and dst ("namespace/pod", "namespace/Kind/name" or an address text), protocol and dst_port. All
    pods of a workload stand for it, as in `simulate`. Returns it, in its order, with verdict, the policies that
    isolate either end, the rules that let it through there (", " between), and reason unless `reasons` is False.
    """
    listed = tuple(policies)
    questions, row_of = _questions(probes)
    bench = _Bench(Court(listed, inventory, options), listed, questions)
    found = bench.columns(reasons=reasons)
    judged = pd.DataFrame({name: column.take(row_of) for name, column in found.items()}, index=probes.index)
    return pd.concat([probes, judged], axis=1)


@dataclass(frozen=True)
class _Questions:
    """The different questions, as arrays of one length.

    `src` and `dst` are places in `names`, `protocol` in `protocols`, `port_name` in `port_names` ("TCP/80").
    """

    names: list[str]
    src: Codes
    dst: Codes
    port_names: list[str]
    port_name: Codes
    protocols: list[str]
    protocol: Codes
    port: Codes


def _questions(probes: pd.DataFrame) -> tuple[_Questions, Codes]:
    """Return the different questions, and which of them each probe asks."""
    missing = [name for name in _ASKED if name not in probes.columns]
    if missing:
        raise PodfenceError(f"probes have no column {missing[0]}: give src, dst, protocol and dst_port.")
    (src, sources), (dst, targets), (written, spellings) = (_texts(probes[name]) for name in _ASKED[:3])
    upper, protocols = numbers(text.upper() for text in spellings)
    protocol = upper[written]
    port = _ports(probes["dst_port"])
    port_name, first_name = combinations(protocol, port)
    row_of, first = combinations(src, dst, port_name)
    end_codes, names = numbers([*sources, *targets])
    questions = _Questions(
        names,
        end_codes[: len(sources)][src[first]],
        end_codes[len(sources) :][dst[first]],
        [f"{protocols[protocol[row]]}/{port[row]}" for row in first_name.tolist()],
        port_name[first],
        protocols,
        protocol[first],
        port[first],
    )
    return questions, row_of


def _texts(column: pd.Series) -> tuple[Codes, list[str]]:
    """Return the number of each row's text, and the different texts."""
    codes, found = pd.factorize(column, use_na_sentinel=False)
    texts, different = numbers(str(value) for value in found)
    return texts[codes], different


def _ports(column: pd.Series) -> Codes:
    """Read ports; a missing one is 0."""
    try:
        numeric = pd.to_numeric(column if pd.api.types.is_numeric_dtype(column) else column.astype("object")).fillna(0)
        ports = np.asarray(numeric.astype(np.int64), dtype=np.int64)
    except (ValueError, TypeError, OverflowError) as problem:
        raise PodfenceError(f"probes have a dst_port that is no number ({problem}): give 0 to 65535.") from None
    wrong = np.asarray((ports < 0) | (ports > _LAST_PORT) | (np.asarray(numeric) != ports), dtype=bool)
    if wrong.any():
        raise PodfenceError(f"probes have the dst_port {numeric.iloc[int(wrong.argmax())]}: give 0 to 65535.")
    return ports


class _Bench:
    """Judges all questions and writes down what is found."""

    def __init__(self, court: Court, policies: Sequence[NetworkPolicy], questions: _Questions) -> None:
        self._questions = questions
        self._standins: list[Standin] = []
        workloads, counts = [], []
        for name in questions.names:
            found = court.cast.named(name)
            self._standins += found
            counts.append(len(found))
            workloads.append(court.cast.workload(name) is not None)
        self._count = np.array(counts, dtype=np.int64)
        self._begin = np.cumsum(self._count) - self._count
        self._workloads = np.array(workloads, dtype=bool)
        actor_of, actors = numbers(standin.actor for standin in self._standins)
        self._sides = Sides(court, policies, actors)
        self._verdicts = Verdicts(court, self._sides, self._standins, actor_of)
        protocols = _texts_at(questions.protocols)[questions.protocol]
        self._classes = self._sides.ports.classes(protocols, questions.port)
        self._found = np.empty(len(questions.src), dtype=np.int64)
        self._decides = np.full((2, len(questions.src)), -1, dtype=np.int64)
        self._judge()

    def _judge(self) -> None:
        """Judge question after question, as many at once as memory should hold."""
        asked = self._questions
        # a pod is meant by itself; a workload by all its pods, of which one may call another
        itself = (asked.src == asked.dst) & ~self._workloads[asked.src]
        sources, targets = self._count[asked.src], self._count[asked.dst]
        pairs = np.where(itself, sources, sources * targets)
        for row in np.flatnonzero(pairs == 0).tolist():
            self._found[row] = self._verdicts.code(nobody(known_src=sources[row] > 0, known_dst=targets[row] > 0))
        total = np.cumsum(pairs)
        begin = 0
        while begin < len(pairs):
            done = total[begin - 1] if begin else 0
            end = max(begin + 1, int(np.searchsorted(total, done + _MOST_PAIRS, side="right")))
            rows = begin + np.flatnonzero(pairs[begin:end])
            self._judge_rows(rows, pairs[rows], itself[rows])
            begin = end

    def _judge_rows(self, rows: Codes, pairs: Codes, itself: npt.NDArray[np.bool_]) -> None:
        asked = self._questions
        ends = np.cumsum(pairs)
        of_row = np.repeat(np.arange(len(rows)), pairs)
        place = np.arange(len(of_row)) - (ends - pairs)[of_row]
        many = np.where(itself, 1, self._count[asked.dst[rows]])[of_row]
        alike = itself[of_row]
        src = self._begin[asked.src[rows]][of_row] + place // many
        dst = self._begin[asked.dst[rows]][of_row] + np.where(alike, place, place % many)
        codes = self._verdicts.judge(Meetings(src, dst, self._classes[rows][of_row], alike))
        self._found[rows] = codes[ends - pairs]
        for at in np.flatnonzero(pairs > 1).tolist():
            first = ends[at] - pairs[at]
            self._found[rows[at]], worst = self._verdicts.of_many(codes[first : ends[at]])
            self._decides[:, rows[at]] = src[first + worst], dst[first + worst]

    def columns(self, *, reasons: bool) -> dict[str, Any]:
        """Return the columns of the answer, a row for each question."""
        findings, listed = self._sides.findings, self._verdicts.listed
        texts = {
            part: _column([", ".join(getattr(finding, part)) for finding in findings.listed])
            for part in ("policies", "rules")
        }
        found: dict[str, Any] = {"verdict": _column([pair.verdict for pair in listed]).take(self._found)}
        for direction in ("egress", "ingress"):
            code = np.array([findings.code(getattr(pair, direction)) for pair in listed], dtype=np.int64)[self._found]
            found |= {f"{direction}_{part}": texts[part].take(code) for part in texts}
        if reasons:
            found["reason"] = self._reasons()
        return found

    def _reasons(self) -> Any:
        """Write a sentence for each question: one format text for all of a finding, filled in with names."""
        asked = self._questions
        pods = _texts_at([standin.first_pod for standin in self._standins])
        named = (pods[self._decides[0]] != "") | (pods[self._decides[1]] != "")
        codes, first = combinations(self._found, named.astype(np.int64))
        forms = []
        for row in first.tolist():
            pair = self._verdicts.listed[self._found[row]]
            forms.append(sentence(pair.verdict, pair.egress, pair.ingress, instance=bool(named[row])))
        names, port_names = _texts_at(asked.names), _texts_at(asked.port_names)
        sides = (_texts_at([pods_in_words((pod, pod))[at] for pod in pods]) for at in (0, 1))
        places = [(_texts_at(forms), codes), (names, asked.src), (names, asked.dst)]
        places += [(port_names, asked.port_name), *zip(sides, self._decides, strict=True)]
        parts = []
        for begin in range(0, len(codes), _MOST_PAIRS // 8) or (0,):
            rows = slice(begin, begin + _MOST_PAIRS // 8)
            parts.append(_column(list(map(str.format, *(of[numbered[rows]].tolist() for of, numbered in places)))))
        return pd.concat([pd.Series(part) for part in parts], ignore_index=True).array


def _texts_at(texts: Sequence[str]) -> npt.NDArray[np.object_]:
    """Return texts to look up by number, with "" for the number -1."""
    return np.array([*texts, ""], dtype=object)


def _column(texts: list[str]) -> Any:
    return pd.array(texts, dtype="str")
