"""Turns export datagrams of NetFlow v5, v9 and IPFIX, of any number of exporters, into batches.

Whatever is sent, memory is bounded: streams and templates by the fields they have (the stream that was silent for
longest goes first), records without a template by their bytes, what waits to be handed on by the caller's look at
`full`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np

from collectors.formats.batch import Batch, LeftOut, Loss, Records, batch_of, records_of
from collectors.formats.columns import Bad, Columns, Numbers, Texts
from collectors.formats.netflow_fields import Fields, Piece, joined, piece_of
from collectors.formats.netflow_records import Context, batch_of_run
from collectors.formats.netflow_streams import Stream
from collectors.formats.netflow_wire import V5, V5_LAYOUT, V9, Header, Layout, Message, Set, parse, templates
from collectors.ledger import SAMPLES

_MOST_STREAMS: Final = 1024
_MOST_FIELDS: Final = 1 << 18
"""Fields of all templates of all streams."""
_MOST_HELD: Final = 1 << 22
"""Bytes of records whose template has not come yet, and 64 for each set of them."""
_PATIENCE: Final = 1800 * 10**9
"""ns after which a template will not come any more: exporters repeat them every 10 to 30 minutes."""
_MOST_LAYOUTS: Final = 1024
_FULL_RECORDS: Final = 1 << 16
_FULL_BYTES: Final = 1 << 24
_FIRST_DATA: Final = 256
_PADDING: Final = 4
_WEIGHT_OF_ROWS: Final = 16
"""Bytes for each byte of records that vary in length: where each of their fields is, at worst."""

_Key = tuple[str, int, int]


class _Held(NamedTuple):
    when: int
    header: Header
    content: bytes


@dataclass
class _Run:
    """Records of one template that wait, and what their messages said."""

    pieces: list[Piece] = field(default_factory=list)
    said: list[tuple[int, int, int, str, float]] = field(default_factory=list)


class Collector:
    """All exporters so far, and the records that were taken and not yet handed on."""

    def __init__(self) -> None:
        self._streams: dict[_Key, Stream] = {}
        self._fields = 0
        self._held: dict[tuple[_Key, int], list[_Held]] = {}
        self._held_bytes = 0
        self._layouts: dict[tuple[object, int], Layout] = {}
        self._runs: dict[Layout, _Run] = {}
        self._records, self._bytes, self._number = 0, 0, 0
        self._out: dict[str, LeftOut] = {}
        self._losses: list[Loss] = []

    @property
    def full(self) -> bool:
        """Whether enough waits for `batches` to be worth while."""
        enough = self._records >= _FULL_RECORDS or self._bytes >= _FULL_BYTES
        return enough or len(self._runs) >= _MOST_LAYOUTS

    def take(self, when: int, exporter: str, datagram: bytes) -> None:
        """Take one message that came at a time (ns; what waits for its template grows old by it) from an address.

        Never raises for what the message holds.
        """
        message = parse(datagram)
        if message.header is not None:
            self._take(when, exporter, message, message.header)
        if message.fault:
            self._leave("malformed", 1, message.fault)
        self._forget(when)

    def lost(self, what: str) -> None:
        """Take that messages cannot be followed any more: one that is malformed, and a gap."""
        self._leave("malformed", 1, what)
        self._losses.append(Loss(None, None, None, what))

    def batches(self) -> Iterator[Batch]:
        """Yield what was taken since, and forget it."""
        runs, self._runs, self._records, self._bytes = self._runs, {}, 0, 0
        for layout, run in runs.items():
            yield batch_of_run(Fields(layout, *joined(layout, run.pieces)), _context(run))
        if self._out or self._losses:
            out, losses, self._out, self._losses = tuple(self._out.values()), tuple(self._losses), {}, []
            yield Batch(_no_records(), out, losses)

    def finish(self) -> Iterator[Batch]:
        """Yield the rest, and what has no template."""
        for key in list(self._held):
            self._drop(key)
        yield from self.batches()

    def _take(self, when: int, exporter: str, message: Message, header: Header) -> None:
        key = (exporter, header.version, header.domain)
        stream = self._stream(key)
        flows, options, known = 0, 0, True
        for part in message.sets:
            layout = V5_LAYOUT if header.version == V5 else stream.templates.get(part.number)
            if part.number < _FIRST_DATA:
                self._learn(key, stream, part)
            elif layout is None:
                self._hold(key, part, _Held(when, header, part.content))
                known = False
            elif layout.scopes:
                options += self._read(stream, header, layout, part.content)
            else:
                flows += self._read(stream, header, layout, part.content)
        units = (1,) if header.version == V9 else (flows + options, flows) if known else ()
        loss = stream.missing(header, units)
        if loss is not None and len(self._losses) < _FULL_RECORDS:
            self._losses.append(loss)

    def _stream(self, key: _Key) -> Stream:
        stream = self._streams.pop(key, None) or Stream(key[0] or "the exporter")
        self._streams[key] = stream  # the last one is the one heard last
        while len(self._streams) > 1 and (len(self._streams) > _MOST_STREAMS or self._fields > _MOST_FIELDS):
            self._fields -= self._streams.pop(next(iter(self._streams))).fields
        return stream

    def _learn(self, key: _Key, stream: Stream, part: Set) -> None:
        for number, layout in templates(key[1], part):
            known = None if layout is None else self._shared(layout)
            self._fields += stream.learn(number, known)
            if known is not None:
                for held in self._release(key, number):
                    self._read(stream, held.header, known, held.content)

    def _shared(self, layout: Layout) -> Layout:
        """Return the one layout of these fields: records of all exporters that have it are read together."""
        if len(self._layouts) >= _MOST_LAYOUTS:
            self._layouts.clear()
        return self._layouts.setdefault((layout.fields, layout.scopes), layout)

    def _hold(self, key: _Key, part: Set, held: _Held) -> None:
        self._held.setdefault((key, part.number), []).append(held)
        self._held_bytes += _weight(held)
        while self._held_bytes > _MOST_HELD:
            self._drop(next(iter(self._held)))

    def _release(self, key: _Key, number: int) -> list[_Held]:
        held = self._held.pop((key, number), [])
        self._held_bytes -= sum(map(_weight, held))
        return held

    def _drop(self, key: tuple[_Key, int]) -> None:
        held = self._release(*key)
        self._leave("incomplete", len(held), f"records of template {key[1]}, which did not come")

    def _forget(self, when: int) -> None:
        while self._held and when - next(iter(self._held.values()))[0].when > _PATIENCE:
            self._drop(next(iter(self._held)))

    def _read(self, stream: Stream, header: Header, layout: Layout, content: bytes) -> int:
        """Take the records of a set; return how many there are."""
        if layout.scopes:
            count = stream.take_options(layout, content)
            self._leave("other_record", count, "what an exporter says of itself")
            return count
        piece = piece_of(layout, content)
        if len(content) - len(piece.content) >= max(layout.size, _PADDING):
            self._leave("malformed", 1, "cut within a record")
        if piece.records:
            boot = stream.boot if header.boot is None else header.boot
            run = self._runs.setdefault(layout, _Run())
            run.pieces.append(piece)
            who = f"{stream.exporter}/{header.domain}"
            run.said.append((self._number, header.export, -1 if boot is None else boot, who, stream.share(header)))
            self._number += piece.records
            self._records += piece.records
            self._bytes += len(piece.content) * (1 if piece.rows is None else _WEIGHT_OF_ROWS)
        return piece.records

    def _leave(self, kind: str, count: int, text: str) -> None:
        if not count:
            return
        before = self._out.get(kind, LeftOut(kind, 0))
        sample = ((self._number + 1, text),) if len(before.samples) < SAMPLES else ()
        self._out[kind] = LeftOut(kind, before.count + count, before.samples + sample)
        self._number += count


def _weight(held: _Held) -> int:
    return len(held.content) + 64


def _context(run: _Run) -> Context:
    counts = [piece.records for piece in run.pieces]
    number, export, boot, who, share = zip(*run.said, strict=True)
    order = np.arange(sum(counts)) - np.repeat(np.cumsum([0, *counts[:-1]]), counts)
    return Context(
        number=np.repeat(np.array(number, dtype=np.int64), counts) + order + 1,
        export=np.repeat(np.array(export, dtype=np.int64), counts),
        boot=np.repeat(np.array(boot, dtype=np.int64), counts),
        exporter=Texts.of(who).take(np.repeat(np.arange(len(counts)), counts)),
        share=np.repeat(np.array(share), counts),
    )


def _no_records() -> Records:
    columns = Columns(np.zeros(0, dtype=np.int64), {}, Bad(np.zeros(0, dtype=np.int64), ()))
    number, text = Numbers.none(0), Texts.none(0)
    nothing = records_of(columns, first=number, protocol=text, src=text, dst=text, dst_port=number,
                         evidence=np.zeros(0, dtype=np.int64))  # fmt: skip
    return batch_of(columns, nothing).records
