"""Turns what a reader understood of some records into a Batch: those that say something, and those that do not and why.

Each record read is in `records` or in `left_out`, once.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from collectors.addresses import address_class, canonical_ip
from collectors.formats.columns import Array, Columns, Numbers, Texts
from collectors.formats.period import Period
from collectors.formats.protocols import has_ports, protocol_name
from collectors.ledger import SAMPLES

_MOST_TEXT = 80
_OUTSIDE = "outside"
_MOST_PORT = 65535
_MOST_COUNT = 1 << 53
"""Packets or bytes of one record: more is nonsense, and sums would leave 64 bits."""


@dataclass(frozen=True, eq=False)
class Records:
    """Records in columns of one length: what each says of one connection, or of one direction of it.

    Texts are as the log writes them until `batch_of` has seen them; then addresses are canonical, protocols are
    named as in FLOWS, and every record has a time, a protocol and two ends. An end has an address, or a claimed pod
    where the log has no addresses. A client port that the log does not have is missing.
    """

    number: Array
    first: Numbers
    last: Numbers
    protocol: Texts
    src: Texts
    dst: Texts
    dst_port: Numbers
    evidence: Array
    """Bits of `evidence.Seen`."""
    src_port: Numbers
    connections: Numbers
    packets: Numbers
    bytes: Numbers
    reply_packets: Numbers
    reply_bytes: Numbers
    service_ip: Texts
    service_port: Numbers
    src_namespace: Texts
    src_pod: Texts
    dst_namespace: Texts
    dst_pod: Texts
    reporter: Texts
    """Who saw it, where one log holds several views of a connection: a node, an interface, an end."""
    sampled: Array
    """1/N for a log that keeps one of N, else 1."""

    def __len__(self) -> int:
        return len(self.number)

    def take(self, rows: Array) -> "Records":
        """Return the records at these rows (positions or a mask)."""
        columns: dict[str, Any] = {
            name: column[rows] if isinstance(column, np.ndarray) else column.take(rows)
            for name, column in vars(self).items()
        }
        return Records(**columns)


@dataclass(frozen=True)
class LeftOut:
    """Records of one ledger class: how many, and the number and a few words of the first ones."""

    kind: str
    count: int
    samples: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True)
class Loss:
    """What a log says that it lost: when (ns since 1970; None = not known), how many events (None = not known)."""

    start: int | None
    end: int | None
    lost: int | None
    what: str


class Claim(NamedTuple):
    """What a record says of the pod at an address at a time (ns since 1970); texts are empty where it does not say."""

    time: int
    address: str
    namespace: str
    pod: str
    workload_kind: str = ""
    workload_name: str = ""
    labels: tuple[tuple[str, str], ...] | None = None
    """Sorted; None where the record has none."""
    node: str = ""


@dataclass(frozen=True, eq=False)
class Batch:
    """Some records of a log; `losses` are what its own lines say of events that are not in it.

    `claims` are of the first record of the batch that says so; `names` are (time, address, name) of DNS.
    """

    records: Records
    left_out: tuple[LeftOut, ...] = ()
    losses: tuple[Loss, ...] = ()
    claims: tuple[Claim, ...] = ()
    names: tuple[tuple[int, str, str], ...] = ()

    @property
    def size(self) -> int:
        """How many records were read."""
        return len(self.records) + sum(item.count for item in self.left_out)


def records_of(
    columns: Columns,
    *,
    first: Numbers,
    protocol: Texts,
    src: Texts,
    dst: Texts,
    dst_port: Numbers,
    evidence: Array,
    last: Numbers | None = None,
    src_port: Numbers | None = None,
    sampled: Array | float = 1.0,
    **others: Any,
) -> Records:
    """Return the columns as Records; what is not given is missing everywhere (`last`: as `first`)."""
    count = len(columns)
    numbers = ("connections", "packets", "bytes", "reply_packets", "reply_bytes", "service_port")
    texts = ("service_ip", "src_namespace", "src_pod", "dst_namespace", "dst_pod", "reporter")
    rest: dict[str, Any] = {name: Numbers.none(count) for name in numbers}
    rest |= {name: Texts.none(count) for name in texts}
    return Records(
        number=columns.number,
        first=first,
        last=first if last is None else last,
        protocol=protocol,
        src=src,
        dst=dst,
        dst_port=dst_port,
        evidence=evidence,
        src_port=Numbers.none(count) if src_port is None else src_port,
        sampled=np.broadcast_to(np.asarray(sampled, dtype=np.float64), count),
        **{**rest, **others},
    )


def batch_of(
    columns: Columns,
    records: Records,
    left_out: Mapping[str, Array] | None = None,
    *,
    losses: Iterable[Loss] = (),
    claims: Iterable[Claim] = (),
    names: Iterable[tuple[int, str, str]] = (),
) -> Batch:
    """Return what can be said of these columns: their records made canonical, and every other one left out.

    `left_out` is class -> mask of records that say nothing of a connection, the first class that holds counts. After
    these, a record without time, ends, protocol or port, or with impossible ones, is `malformed`; one to many is
    `multicast`, one within a machine `loopback`; one that names neither address nor pod of an end is `no_end`.
    """
    clean = _canonical(records)
    gone = np.zeros(len(columns), dtype=bool)
    out = [LeftOut("malformed", len(columns.bad.numbers), _samples(columns.bad.numbers, columns.bad.reasons))]
    for kind, mask, reason in [
        *((kind, mask, None) for kind, mask in (left_out or {}).items()),
        *_unusable(records, clean),
    ]:
        here = np.flatnonzero(mask & ~gone)
        gone |= mask
        if len(here):
            few = here[:SAMPLES].tolist()
            texts = [_text(records, row, reason) for row in few]
            out.append(LeftOut(kind, len(here), _samples(columns.number[few], texts)))
    out.append(LeftOut(_OUTSIDE, columns.outside))
    return Batch(
        clean.take(~gone) if gone.any() else clean,
        tuple(item for item in out if item.count),
        tuple(losses),
        tuple(claims),
        tuple(names),
    )


def within(batch: Batch, period: Period) -> Batch:
    """Return a batch with only what is said of a period: records that begin outside are left out as `outside`."""
    records, inside = batch.records, period.holds(batch.records.first.values)
    gone = np.flatnonzero(~inside)
    texts = [_text(records, row, None) for row in gone[:SAMPLES].tolist()]
    outside = [LeftOut(_OUTSIDE, len(gone), _samples(records.number[gone], texts))] if len(gone) else []
    return Batch(
        records.take(inside) if len(gone) else records,
        (*batch.left_out, *outside),
        tuple(loss for loss in batch.losses if not _lies_outside(loss, period)),
        tuple(claim for claim in batch.claims if not period.misses(claim.time, claim.time)),
        tuple(name for name in batch.names if not period.misses(name[0], name[0])),
    )


def _lies_outside(loss: Loss, period: Period) -> bool:
    """Tell whether a loss is known to be of another time."""
    times = [time for time in (loss.start, loss.end) if time is not None]
    return bool(times) and period.misses(min(times), max(times))


def _samples(numbers: Array, texts: Iterable[str]) -> tuple[tuple[int, str], ...]:
    few = numbers[:SAMPLES].tolist()
    return tuple((number, text[:_MOST_TEXT]) for number, text in zip(few, texts, strict=False))


def _text(records: Records, row: int, reason: str | None) -> str:
    """Return a few words for a record that is left out."""
    src, dst = records.src.at(row), records.dst.at(row)
    ends = f"{src or '?'} -> {dst or '?'}" if src or dst else ""
    return " ".join(filter(None, (reason, f"({ends})" if reason and ends else ends)))


def _canonical(records: Records) -> Records:
    """Return the records with canonical addresses, protocol names, and port 0 where there is none."""
    protocol = records.protocol.map(protocol_name)
    portless = protocol.known & ~protocol.each(has_ports, missing=False)
    nothing = Numbers.all(0, len(records))
    counters: dict[str, Any] = {
        name: _bounded(getattr(records, name), _MOST_COUNT)
        for name in ("connections", "packets", "bytes", "reply_packets", "reply_bytes")
    }
    return replace(
        records,
        protocol=protocol,
        src=records.src.map(_address),
        dst=records.dst.map(_address),
        service_ip=records.service_ip.map(_address),
        src_port=_bounded(records.src_port, _MOST_PORT).but(portless, nothing),
        dst_port=_bounded(records.dst_port, _MOST_PORT).but(portless, nothing),
        service_port=_bounded(records.service_port, _MOST_PORT),
        **counters,
    )


def _bounded(numbers: Numbers, most: int) -> Numbers:
    return numbers.where((numbers.values >= 0) & (numbers.values <= most))


@lru_cache(maxsize=1 << 16)  # the same addresses come in every stretch of a log
def _address(text: str) -> str | None:
    try:
        return canonical_ip(text)
    except ValueError:
        return None


def _unusable(records: Records, clean: Records) -> Iterable[tuple[str, Array, str]]:
    """Yield class, mask and reason of records that cannot become a flow, the surest first."""
    yield "malformed", ~clean.first.known | ~clean.last.known, "no time"
    yield "malformed", ~clean.protocol.known, "no protocol"
    for end, named in ((clean.src, records.src), (clean.dst, records.dst)):
        yield "malformed", named.known & ~end.known, "no address"
    yield "malformed", clean.protocol.known & ~clean.dst_port.known, "no port"
    yield "no_end", ~clean.src.known & ~clean.src_pod.known, "neither address nor pod of the source"
    yield "no_end", ~clean.dst.known & ~clean.dst_pod.known, "neither address nor pod of the destination"
    classes = [end.each(_class, "") for end in (clean.src, clean.dst)]
    many = ("multicast", "broadcast")
    yield "multicast", np.isin(classes[0], many) | np.isin(classes[1], many), "to many"
    yield "loopback", (classes[0] == "loopback") | (classes[1] == "loopback"), "within a machine"


_class = lru_cache(maxsize=1 << 16)(address_class)
