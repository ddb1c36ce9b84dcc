"""Turns Linux connection tracking (`conntrack -E`, `conntrack -L`, /proc/net/nf_conntrack) into batches.

Format: https://manpages.debian.org/conntrack(8), as libnetfilter_conntrack and the kernel's nf_conntrack_standalone.c
print it; docs/formats/conntrack.md says how it is switched on. A line has two tuples of the same keys: the first is of
the first packet (its source began it, its destination may be a Service), the second is of the answer (its source is
who really answers). A listing has no time: a line `# 2026-03-01T10:00:00Z` before it says when it was made.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, Final, NamedTuple

import numpy as np

from collectors.errors import UnreadableInput
from collectors.formats.batch import Batch, Loss, batch_of, records_of
from collectors.formats.columns import Bad, Columns, Numbers, Texts
from collectors.formats.evidence import Seen
from collectors.formats.lines import Line, blocks
from collectors.formats.sniffing import lines
from collectors.formats.times import time_of

NAME: Final = "conntrack"

# between addresses and counters: ports; type, code and id of ICMP; keys of GRE; the zone of a direction
_TUPLE: Final = r"src=(\S+) +dst=(\S+) +((?:(?!src=|packets=|\[)\S+ +)*)(?:packets=(\d{1,18}) +bytes=(\d{1,18}) +)?"
_ENTRY: Final = re.compile(
    r"(?:\[([1-3]?\d{1,9})\.(\d{1,6}) *\]\s+)?(?:\[(NEW|UPDATE|DESTROY)\] +)?(?:(?:ipv4|ipv6|unknown) +\d+ +)?"
    rf"[a-z][\w-]* +(\d{{1,3}}) +(?:-?\d+ +)?(?:([A-Z][A-Z0-9_]*) +)?{_TUPLE}(\[UNREPLIED\] +)?{_TUPLE}(.*)",
    re.ASCII,
).fullmatch
_PORTS: Final = re.compile(r"sport=(\d{1,5}) +dport=(\d{1,5}) ", re.ASCII).match
_ASSURED: Final = re.compile(r"\[(?:ASSURED|OFFLOAD|HW_OFFLOAD)\]").search
_ZONE: Final = re.compile(r"\bzone(?:-orig|-reply)?=(\d{1,5})\b", re.ASCII).search
_LASTED: Final = re.compile(r"\bdelta-time=(\d{1,9})\b", re.ASCII).search
_START: Final = re.compile(r"\[start=\w{3} (\w{3}) +(\d{1,2}) ([\d:]{8}) (\d{4})\]", re.ASCII).search
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LISTED: Final = re.compile(r"#\s*(\d{4}-\d.{0,40}|\d{10,19})", re.ASCII).fullmatch
_LOST: Final = "ENOBUFS"
_OTHER: Final = re.compile(r"conntrack v|NOTICE: |WARNING: |This message means|Please, check|.*\bmask-src=").match
"""What the command says beside the entries, and expectations (another table)."""

_STREAMS: Final = frozenset({"6", "132"})
_SHAKING: Final = frozenset({"SYN_SENT", "SYN_SENT2", "SYN_RECV", "COOKIE_WAIT", "COOKIE_ECHOED"})
_CLOSED: Final = frozenset({"CLOSE", "CLOSED"})
_SECOND: Final = 10**9
_MOST_OPEN: Final = 1 << 18
"""Entries that are remembered: as many as the kernel holds where nobody raised nf_conntrack_max."""
_UNTIMED: Final = (
    "no line of this conntrack log says a time: record events with `conntrack -E -o timestamp`, or write the time of a "
    "listing in a line before it, as `date -u +'# %FT%TZ'` does"
)


class _Row(NamedTuple):
    """One line as it is handed on; of its counters only what no earlier line counted."""

    number: int
    first: int | None
    last: int | None
    kind: str | None = None
    """The ledger class of a line that is no entry, or of an entry that cannot be used."""
    situation: str | None = None
    protocol: str | None = None
    src: str | None = None
    dst: str | None = None
    src_port: int | None = None
    dst_port: int | None = None
    service_ip: str | None = None
    service_port: int | None = None
    reporter: str | None = None
    packets: int | None = None
    bytes: int | None = None
    reply_packets: int | None = None
    reply_bytes: int | None = None


_TEXTS: Final = ("protocol", "src", "dst", "service_ip", "reporter")


def sniff(head: bytes) -> bool:
    """Return whether a file that begins so has a line with both tuples of an entry."""
    return any(_ENTRY(f"{line.strip()} ") for line in lines(head))


def read(stream: BinaryIO, listed: int | None = None) -> Iterator[Batch]:
    """Yield all entries; a line of the command that it lost events is a loss, and left out as `gap`.

    `listed` is when a listing was made, ns since 1970, where the file itself does not say. The end of an entry that was
    not seen before, and does not say how long it was there, is `incomplete`: it comes minutes after the last packet.
    Raises UnreadableInput where no line has a time.
    """
    reader = _Reader(listed)
    for some in blocks(stream):
        rows, bad = reader.rows(some)
        if not reader.timed and any(row.situation for row in rows):
            raise UnreadableInput(_UNTIMED)
        yield _batch(rows, bad)


class _Sighting(NamedTuple):
    """When an entry was last seen alive (else: first seen), and its counters so far: packets, bytes, and of answers."""

    time: int | None
    totals: tuple[int, ...]
    """Empty where the kernel does not count."""


class _Reader:
    """What lines mean that depends on those before: the time of a listing, counters that only grow, late ends."""

    def __init__(self, listed: int | None) -> None:
        self._listed = listed
        self._latest: int | None = None
        self._open: dict[str, _Sighting] = {}

    @property
    def timed(self) -> bool:
        """Whether any entry so far had a time."""
        return self._latest is not None

    def rows(self, some: Sequence[Line]) -> tuple[list[_Row], list[tuple[int, str]]]:
        """Return the rows of some lines; of lines that are none the numbers, and what is wrong with them."""
        rows: list[_Row] = []
        bad: list[tuple[int, str]] = []
        for line in some:
            text = line.content.decode(errors="replace").strip()
            if match := _ENTRY(f"{text} "):
                rows.append(self._entry(line.number, match))
            elif (marked := _LISTED(text)) and (time := time_of(marked[1])) is not None:
                self._listed = time
            elif _OTHER(text):
                kind = "gap" if _LOST in text else "other_record"
                rows.append(_Row(line.number, self._latest, self._latest, kind))
            else:
                bad.append((line.number, line.fault or "no entry with two tuples"))
        return rows, bad

    def _entry(self, number: int, match: re.Match[str]) -> _Row:
        seconds, micros, event, protocol, state, *tuples, rest = match.groups()
        src, to, ours, packets, size, unreplied, answerer, _, theirs, answers, answer_size = tuples
        zone = _ZONE(ours) or _ZONE(rest)
        sent, served = _ports(ours), _ports(theirs)
        now = int(seconds) * _SECOND + int(micros) * 1000 if seconds else None if event else self._listed
        counts = (packets, size, answers, answer_size)
        entry = _Sighting(now or _printed(rest), () if None in counts else tuple(map(int, counts)))
        alive = event in {"NEW", "UPDATE"} or (not event and state == "ESTABLISHED")
        key = f"{protocol} {src} {to} {ours}{zone and zone[1]}"
        before = self._remember(key, entry, alive=alive, gone=event == "DESTROY")
        first, last = _times(entry.time, before, _LASTED(rest), alive=alive, gone=event == "DESTROY")
        self._latest = entry.time or self._latest
        translated = (answerer, served[0]) != (to, sent[1])
        return _Row(
            number,
            first,
            last,
            "incomplete" if entry.time is not None and first is None else None,
            f"{protocol} {event} {state} {bool(unreplied):d} {bool(_ASSURED(rest)):d} {answers and answers != '0'}",
            protocol,
            src,
            answerer,
            sent[0],
            served[0],
            to if translated else None,
            sent[1] if translated else None,
            zone[1] if zone and zone[1] != "0" else None,
            *_since(before, entry.totals),
        )

    def _remember(self, key: str, entry: _Sighting, *, alive: bool, gone: bool) -> _Sighting | None:
        """Return the entry as an earlier line had it, and remember this one instead."""
        before = self._open.pop(key, None)
        if gone:
            return before
        time = entry.time if alive or before is None else before.time
        self._open[key] = _Sighting(time, entry.totals or (before.totals if before else ()))
        if len(self._open) > _MOST_OPEN:
            del self._open[next(iter(self._open))]
        return before


def _times(
    time: int | None, before: _Sighting | None, lasted: re.Match[str] | None, *, alive: bool, gone: bool
) -> tuple[int | None, int | None]:
    """Return first and last time of what a line is about; an entry stays for minutes after its last packet."""
    if time is None:
        return None, None
    begun = None if lasted is None else max(0, time - int(lasted[1]) * _SECOND)
    if before is not None and before.time is not None:
        return (time, time) if alive else (before.time, before.time)
    first = begun if begun is not None else None if gone else time
    return first, time if alive else first


def _since(before: _Sighting | None, totals: tuple[int, ...]) -> tuple[int, ...] | tuple[None, ...]:
    """Return the counters less what an earlier line of the same entry counted; Nones where the line has none."""
    if not totals:
        return (None,) * 4
    grown = [now - then for now, then in zip(totals, before.totals, strict=False)] if before else []
    # counters that fell were set to zero (`-z`), or are of a later connection with the same ports
    return tuple(grown) if grown and min(grown) >= 0 else totals


def _ports(keys: str) -> tuple[int | None, int | None]:
    match = _PORTS(keys)
    return (int(match[1]), int(match[2])) if match else (None, None)


def _printed(rest: str) -> int | None:
    """Return when a line was printed by what `-o ktimestamp` adds: the machine's own time, here taken for UTC."""
    start, lasted = _START(rest), _LASTED(rest)
    if start is None or start[1] not in _MONTHS:
        return None
    begun = time_of(f"{start[4]}-{_MONTHS.index(start[1]) + 1:02d}-{int(start[2]):02d}T{start[3]}")
    return None if begun is None else begun + (int(lasted[1]) * _SECOND if lasted else 0)


def _batch(rows: Sequence[_Row], bad: Sequence[tuple[int, str]]) -> Batch:
    listed: dict[str, Sequence[Any]] = dict(zip(_Row._fields, zip(*rows, strict=True), strict=False)) if rows else {}
    columns = Columns(
        np.array(listed.get("number", ()), dtype=np.int64),
        {},
        Bad(np.array([number for number, _ in bad], dtype=np.int64), tuple(reason for _, reason in bad)),
    )
    made: dict[str, Any] = {name: Texts.of(listed.get(name, ())) for name in _TEXTS}
    for name in set(_Row._fields[1:]) - {*_TEXTS, "kind", "situation"}:
        made[name] = Numbers.of(listed.get(name, ()))
    evidence = Texts.of(listed.get("situation", ())).each(_evidence, 0)
    kind = Texts.of(listed.get("kind", ()))
    lost = [Loss(row.first, row.last, None, "lost by conntrack") for row in rows if row.kind == "gap"]
    left_out = {name: kind.isin((name,)) for name in ("gap", "other_record", "incomplete")}
    return batch_of(columns, records_of(columns, evidence=evidence, **made), left_out, losses=lost)


def _evidence(situation: str) -> int:
    """Return the bits of a protocol, an event, a state, and whether the entry is unreplied, assured, and answered."""
    protocol, event, state, unreplied, assured, answered = situation.split()
    bits = Seen.BEGAN
    if protocol in _STREAMS:
        bits |= Seen.SHOWN | (Seen.OPENED if state in _SHAKING else 0)
        begun = state in _SHAKING or state == "None"
        if (event == "NEW" and not begun) or (unreplied == "1" and not begun and state not in _CLOSED):
            # it went on already when the kernel began to look: either side may be the first
            return int(bits | Seen.DOUBTED)
    if assured == "1":
        return int(bits | Seen.WORKED)
    if unreplied == "1":
        # an answer that does not count as one is a RST
        rejected = answered == "True" or (state in _CLOSED and answered == "None")
        return int(bits | (Seen.REFUSED if protocol in _STREAMS and rejected else Seen.UNANSWERED))
    return int(bits | (Seen.HALF_OPEN if protocol in _STREAMS else Seen.WORKED))
