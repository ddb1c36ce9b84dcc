"""Turns what one exporter has said so far into how its next records are read: templates, sampling, what is missing.

RFC 3954, section 10 and RFC 7011, section 8 for templates; RFC 7011, section 3.1 for sequence numbers.
"""

import struct
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from collectors.formats.batch import Loss
from collectors.formats.columns import Numbers
from collectors.formats.netflow_fields import Fields, spans
from collectors.formats.netflow_wire import IPFIX, V9, Header, Layout

_MOST_TEMPLATES: Final = 256
_MOST_SAMPLERS: Final = 64
_WORDS: Final = 1 << 32
_LATE: Final = 4096
"""Records or messages that a late datagram may be behind; more is an exporter that began again."""
_JUMP: Final = 1 << 24
"""Records or messages that are believed to be missing; more is an exporter that began again elsewhere."""
_MILLI: Final = 10**6


@dataclass
class Stream:
    """One observation domain of one exporter. The oldest template goes where there are too many."""

    exporter: str
    templates: dict[int, Layout] = field(default_factory=dict)
    boot: int | None = None
    """When the exporter's own clock was 0, in ns: IPFIX says it in options."""
    rates: dict[int, float] = field(default_factory=dict)
    """Sampler -> one of how many packets is kept."""
    last: tuple[int, tuple[int, ...], int] | None = None
    """Number of the last message, how many units it had by each way to count, when it was sent."""

    def learn(self, number: int, layout: Layout | None) -> int:
        """Take or withdraw a template; return how many fields more are kept."""
        before = self.templates.pop(number, None)
        if layout is not None:
            self.templates[number] = layout
        grown = (len(layout.fields) if layout else 0) - (len(before.fields) if before else 0)
        while len(self.templates) > _MOST_TEMPLATES:
            grown -= len(self.templates.pop(next(iter(self.templates))).fields)
        return grown

    @property
    def fields(self) -> int:
        """How many fields its templates have."""
        return sum(len(layout.fields) for layout in self.templates.values())

    def share(self, header: Header) -> float:
        """Return the share of packets that was kept: the least, where several samplers are at work."""
        return 1 / max(header.rate, *self.rates.values(), 1)

    def take_options(self, layout: Layout, content: bytes) -> int:
        """Take what options records say of sampling and of the clock; return how many there are."""
        rows = spans(layout, content)
        fields = Fields(layout, content, rows)
        boot = fields.number("systemInitTimeMilliseconds")
        if boot.known.any():
            self.boot = int(boot.values[boot.known][-1]) % (1 << 42) * _MILLI
        rates, samplers = _rates(fields), fields.numbers("selectorId", "samplerId")
        for row in np.flatnonzero(rates.known)[-_MOST_SAMPLERS:].tolist():
            self.rates.pop(int(samplers.values[row]), None)
            self.rates[int(samplers.values[row])] = max(float(rates.values[row]), 1.0)
        while len(self.rates) > _MOST_SAMPLERS:
            self.rates.pop(next(iter(self.rates)))
        return len(rows)

    def missing(self, header: Header, units: tuple[int, ...]) -> Loss | None:
        """Return what is missing before a message that itself has so many units, by each way to count; () = not known.

        A message's number is how many units were sent before it: records, with those of options; in v9 messages.
        softflowd counts its own as well, and leaves options out: where one way to count leaves no gap, there is none.
        """
        before, self.last = self.last, (header.sequence, units, header.export)
        if before is None or not before[1]:
            return None
        gaps = [(header.sequence - before[0] - count) % _WORDS for count in (*before[1], *units)]
        ahead = [gap for gap in gaps if _WORDS - gap > _LATE]
        if not ahead and 0 not in gaps:
            self.last = before
            return None
        if 0 in gaps or (gap := min(ahead)) > _JUMP:
            return None
        what = f"of {self.exporter} that did not arrive"
        if header.version == V9:
            return Loss(before[2], header.export, None, f"in {gap} NetFlow v9 datagrams {what}")
        kind = "IPFIX" if header.version == IPFIX else "NetFlow v5"
        return Loss(before[2], header.export, gap, f"{kind} records {what}")


def _rates(fields: Fields) -> Numbers:
    """Return one of how many packets each options record says is kept, rounded up."""
    interval, space = fields.number("samplingPacketInterval"), fields.number("samplingPacketSpace")
    size, population = fields.number("samplingSize"), fields.number("samplingPopulation")
    found = fields.numbers("samplingInterval", "samplerRandomInterval")
    found = found.or_else(_ratio(Numbers(interval.values + space.values, interval.known & space.known), interval))
    # an interval alone is the N of those that leave the space out
    return found.or_else(_ratio(population, size)).or_else(interval).or_else(_inverse(fields))


def _ratio(whole: Numbers, part: Numbers) -> Numbers:
    known = whole.known & part.known & (part.values > 0) & (whole.values >= part.values)
    return Numbers(np.where(known, -(-whole.values // np.maximum(part.values, 1)), 0), known)


def _inverse(fields: Fields) -> Numbers:
    upper, lower = fields.halves("samplingProbability")
    shares = [
        struct.unpack("!d", struct.pack("!II", high, low))[0]
        for high, low in zip(upper.values.tolist(), lower.values.tolist(), strict=True)
    ]
    return Numbers.of([round(1 / share) if 1e-9 < share <= 1 else None for share in shares])
