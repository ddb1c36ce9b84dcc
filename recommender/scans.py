"""Turns resolved flows into scans: one source that tried many ports or many peers in a short time, mostly in vain.

The thresholds and what is deliberately no scan are in docs/findings.md.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from recommender.communications import End, meaning, summarize
from recommender.condense import concat_resolved
from recommender.resolve import ResolvedFlows
from recommender.spans import Array, groups, numbered
from recommender.vantages import AGAIN

FAILED: Final = ("half_open", "unanswered", "refused", "denied")
"""Outcomes of an attempt that did not work; `unknown` is left out: it may be a conversation seen from one side."""

_EXAMPLES: Final = 5
_TEN_MINUTES: Final = pd.Timedelta(minutes=10)
_SOURCE: Final = ("src", "src_class", "src_owner_namespace", "src_owner_kind", "src_owner_name")
_PEER: Final = ("dst_class", "dst_owner_namespace", "dst_owner_kind", "dst_owner_name")


@dataclass(frozen=True)
class ScanOptions:
    """When failed attempts are a scan; the reason for each default is in docs/findings.md.

    From one source address within `within`, so many failed: `ports` of one peer, or `peers`, or `targets` (a port of a
    peer); and they are more than `failed_share` of those tried. What lasts up to twice as long may count whole.
    """

    within: pd.Timedelta = _TEN_MINUTES
    ports: int = 15
    peers: int = 25
    targets: int = 60
    failed_share: float = 0.5


@dataclass(frozen=True)
class Scan:
    """One source that scanned, from its first to its last failed attempt.

    `ports` and `peers` are the different ones that it tried (pods of one workload are one peer), `examples` a few of
    what failed, `worked` the meanings (communications.meaning) of all that it reached meanwhile.
    """

    source: End
    address: str
    start: pd.Timestamp
    end: pd.Timestamp
    ports: int
    peers: int
    attempts: int
    failed: int
    examples: tuple[str, ...] = ()
    worked: tuple[tuple[object, ...], ...] = ()


def scans(resolved: ResolvedFlows, options: ScanOptions | None = None) -> tuple[Scan, ...]:
    """Return the scans among resolved flows, sorted by source and time.

    Takes the rows that `vantages.once` gave, or those of `resolve` where nothing was seen twice.
    """
    watch = ScanWatch(options)
    watch.add(resolved)
    return watch.scans()


def scan_like(found: Iterable[Scan]) -> frozenset[tuple[object, ...]]:
    """Return the meanings of the communications that carry the caveat `scan_like`."""
    return frozenset(meant for scan in found for meant in scan.worked)


class ScanWatch:
    """Finds the scans in resolved flows that come in parts, each with times behind those of the parts before.

    Keeps the rows of those who scanned, and of the last two stretches of time those of all: there a scan may go on.
    """

    def __init__(self, options: ScanOptions | None = None) -> None:
        self._options = options or ScanOptions()
        self._hits: set[tuple[_Who, int]] = set()
        self._kept: list[ResolvedFlows] = []
        self._open: list[ResolvedFlows] = []
        self._settled = _BEFORE_ALL

    def add(self, resolved: ResolvedFlows) -> None:
        """Take the rows of the next part, as `scans` takes all."""
        telling = resolved["outcome"].isin([*FAILED, "established", "allowed"]).to_numpy()
        if AGAIN in resolved:
            telling = telling & ~resolved[AGAIN].to_numpy()
        if telling.any():
            rows = concat_resolved([*self._open, resolved[telling]])
            latest = int(rows["first_seen"].max().value) // self._options.within.value
            self._settle(rows, latest - 1)

    def scans(self) -> tuple[Scan, ...]:
        """Return all scans, sorted by source and time; nothing can be added after that."""
        self._settle(concat_resolved(self._open), _AFTER_ALL)
        rows = concat_resolved(self._kept)
        tries = _Tries.of(rows)
        numbers = {who: number for number, who in enumerate(_who(rows, tries))}
        hits = {(numbers[who], stretch) for who, stretch in self._hits}
        found = [_scan(rows, tries.take(at)) for at in _scanned(tries, hits, self._options)]
        return tuple(sorted(found, key=lambda scan: (str(scan.source), scan.address, scan.start)))

    def _settle(self, rows: ResolvedFlows, until: int) -> None:
        """Decide on the stretches before `until`; rows of later ones stay open."""
        tries = _Tries.of(rows)
        suspects = tries.take(np.flatnonzero(_suspect(tries, self._options)))
        who = _who(rows, tries)
        found = _hits(suspects, self._options)
        self._hits |= {(who[source], stretch) for source, stretch in found if self._settled <= stretch < until}
        of, hit = tries.first // self._options.within.value, np.zeros(len(rows), dtype=bool)
        scanners = {name for name, _ in self._hits}
        at = np.flatnonzero(np.array([name in scanners for name in who], dtype=bool)[tries.source])
        # A row is of two stretches of time, and leaves when both are settled.
        hit[at] = [
            not self._hits.isdisjoint({(who[source], stretch), (who[source], stretch - 1)})
            for source, stretch in zip(tries.source[at].tolist(), of[at].tolist(), strict=True)
        ]
        self._kept.append(rows[hit & (of < until)])
        self._open = [rows[of >= until]]
        self._settled = until


_BEFORE_ALL: Final = int(np.iinfo(np.int64).min)
_AFTER_ALL: Final = int(np.iinfo(np.int64).max)
_Who = tuple[str, ...]
"""A source by its texts: numbers are those of one frame."""


def _who(rows: ResolvedFlows, tries: "_Tries") -> list[_Who]:
    """Return the texts of each source, by its number."""
    firsts = rows.iloc[np.unique(tries.source, return_index=True)[1]][[*_SOURCE]].astype("object")
    return [tuple(map(str, row)) for row in firsts.itertuples(index=False, name=None)]


@dataclass(frozen=True, eq=False)
class _Tries:
    """What some rows of the resolved flows tried, as numbers: who, whom, protocol and port; and whether it failed."""

    row: Array
    source: Array
    peer: Array
    port: Array
    failed: Array
    first: Array
    last: Array

    @staticmethod
    def of(rows: ResolvedFlows) -> "_Tries":
        failing = np.array([*(str(name) in FAILED for name in rows["outcome"].cat.categories), False])
        ports = numbered(_codes(rows, "protocol"), rows["port"].to_numpy(dtype=np.int64))[0]
        first, last = (rows[name].astype("int64").to_numpy() for name in ("first_seen", "last_seen"))
        source = numbered(*(_codes(rows, name) for name in _SOURCE))[0]
        failed = failing[_codes(rows, "outcome")]
        return _Tries(np.arange(len(rows)), source, _peers(rows), ports, failed, first, np.maximum(first, last))

    def take(self, at: Array) -> "_Tries":
        """Return these only."""
        return _Tries(**{name: column[at] for name, column in vars(self).items()})


def _codes(rows: pd.DataFrame, name: str) -> Array:
    return rows[name].cat.codes.to_numpy()


def _peers(rows: pd.DataFrame) -> Array:
    """Return a number for each peer: a workload, or an address.

    Addresses that somebody had at another time are one peer: a rolling restart leaves many of them at once.
    """
    owned = (rows["dst_class"] == "pod") | (rows["dst_reason"] == "owned_at_another_time")
    return numbered(*(_codes(rows, name) for name in _PEER), np.where(owned, -1, _codes(rows, "dst_address")))[0]


def _suspect(tries: _Tries, options: ScanOptions) -> Array:
    """Return which tries are of a source that failed at enough targets at all: a quick look that leaves few."""
    at = np.flatnonzero(tries.failed)
    many = int(tries.source.max(initial=-1)) + 1
    _, firsts = numbered(tries.source[at], tries.peer[at], tries.port[at])
    count = np.bincount(tries.source[at][firsts], minlength=many)
    return (count >= min(options.ports, options.peers, options.targets))[tries.source]


def _hits(tries: _Tries, options: ScanOptions) -> set[tuple[int, int]]:
    """Return the sources and stretches of time in which they scanned.

    Stretch n lasts from n to n + 2 times `within`, so that whatever is shorter than `within` is whole in one.
    """
    stretch = tries.first // options.within.value
    source, peer, port = (np.tile(column, 2) for column in (tries.source, tries.peer, tries.port))
    place, moments = numbered(source, np.append(stretch, stretch - 1))
    target, targets = numbered(place, peer, port)
    worked = np.bincount(target, weights=~np.tile(tries.failed, 2), minlength=len(targets)) > 0
    of_target = place[targets]
    pair, pairs = numbered(of_target, peer[targets])
    ports, open_ports = np.bincount(pair), np.bincount(pair, weights=worked)
    of_pair = of_target[pairs]
    many = len(moments)
    hit = _enough(
        np.bincount(of_target, minlength=many), np.bincount(of_target, worked, many), options.targets, options
    )
    hit |= _enough(
        np.bincount(of_pair, minlength=many), np.bincount(of_pair, open_ports > 0, many), options.peers, options
    )
    hit[of_pair[_enough(ports, open_ports, options.ports, options)]] = True
    stretches = np.append(stretch, stretch - 1)[moments]
    return set(zip(source[moments[hit]].tolist(), stretches[hit].tolist(), strict=True))


def _enough(tried: Array, worked: Array, least: int, options: ScanOptions) -> Array:
    failed = tried - worked
    return (failed >= least) & (failed > options.failed_share * tried)


def _scanned(tries: _Tries, hits: set[tuple[int, int]], options: ScanOptions) -> Iterator[Array]:
    """Yield the tries of each scan: stretches of one source that touch are one scan."""
    width = options.within.value
    joined: dict[int, list[tuple[int, int]]] = {}
    for source, stretch in sorted(hits):
        start, end = stretch * width, (stretch + 2) * width
        spans = joined.setdefault(source, [])
        if spans and start <= spans[-1][1]:
            start, _ = spans.pop()
        spans.append((start, end))
    for source, at in groups(tries.source):
        for start, end in joined.get(source, ()):
            rows = at[(tries.first[at] >= start) & (tries.first[at] < end)]
            failed = rows[tries.failed[rows]]
            until = tries.last[failed].max()
            yield rows[(tries.last[rows] >= tries.first[failed].min()) & (tries.first[rows] <= until)]


def _scan(resolved: ResolvedFlows, tries: _Tries) -> Scan:
    """Return what is said of one scan; a datagram without reply may be one that arrived, so it is as if it worked."""
    rows = resolved.iloc[tries.row]
    failed, silent = rows[tries.failed], (rows["protocol"] == "UDP") & (rows["outcome"] == "unanswered")
    reached = summarize(rows[~tries.failed | silent.to_numpy()])
    one = summarize(rows.iloc[:1])[0]
    attempts = rows["connections"].fillna(0).clip(lower=1).to_numpy(dtype=np.int64)
    shown = failed.assign(text=failed["dst_address"].astype(str))[["text", "protocol", "port", "dst_owner_name"]]
    shown = shown.drop_duplicates().astype({"protocol": str}).sort_values(["text", "protocol", "port"]).head(_EXAMPLES)
    return Scan(
        source=one.src,
        address=rows["src_address"].iloc[0],
        start=failed["first_seen"].min(),
        end=failed["last_seen"].max(),
        ports=len(np.unique(tries.port)),
        peers=len(np.unique(tries.peer)),
        attempts=int(attempts.sum()),
        failed=int(attempts[tries.failed].sum()),
        examples=tuple(
            f"{address or name} {protocol}/{port}"
            for address, protocol, port, name in shown.itertuples(index=False, name=None)
        ),
        worked=tuple(meaning(communication) for communication in reached),
    )
