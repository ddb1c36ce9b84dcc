"""Turns Cilium Hubble flows (JSON lines) into batches: the exporter's file, `hubble observe -o jsonpb` and `-o json`.

Format: https://github.com/cilium/cilium/blob/main/api/v1/flow/flow.proto as protojson; docs/formats/hubble.md says how
it is switched on. Microsoft Retina writes the same with an `emitter`; there `is_reply` false says nothing.
"""

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, BinaryIO, Final

import numpy as np

from collectors.formats.batch import Batch, Claim, Loss, batch_of, records_of
from collectors.formats.columns import Array, Columns, Field, Kind, Numbers, Texts
from collectors.formats.evidence import ACK, FIN, PSH, RST, SYN, Seen, evidence, of_packet_flags
from collectors.formats.json_lines import read_json
from collectors.formats.sniffing import outline

NAME: Final = "hubble"

_PASSED: Final = ("FORWARDED", "REDIRECTED", "TRANSLATED", "TRACED", "1", "5", "7", "6")
_DROPPED: Final = ("DROPPED", "ERROR", "2", "3")
_AUDITED: Final = ("AUDIT", "4")
_NEW: Final = ("NEW", "1")
_GOES_ON: Final = ("ESTABLISHED", "REPLY", "REOPENED", "2", "3", "7")
_TRACE, _VERDICT = 4, 5
"""event_type.type: monitor/api of Cilium."""
_FLAGS: Final = {"SYN": SYN, "ACK": ACK, "FIN": FIN, "RST": RST, "PSH": PSH}
_LAYERS: Final = {"TCP": "TCP", "UDP": "UDP", "SCTP": "SCTP", "ICMPv4": "ICMP", "ICMPv6": "ICMPv6"}
_FIELDS: Final = {
    "time": Kind.TIME, "verdict": Kind.TEXT, "trace_reason": Kind.TEXT, "Type": Kind.TEXT, "is_reply": Kind.TEXT,
    "IP.source": Kind.TEXT, "IP.destination": Kind.TEXT, "l4.TCP.flags": Kind.RAW, "event_type.type": Kind.NUMBER,
    "emitter.name": Kind.TEXT, "source": Kind.RAW, "destination": Kind.RAW, "destination_names": Kind.RAW,
    **{f"l4.{layer}": Kind.PRESENT for layer in _LAYERS},
    **{f"l4.{layer}.{end}_port": Kind.NUMBER for layer in ("TCP", "UDP", "SCTP") for end in ("source", "destination")},
}  # fmt: skip
_LOST: Final = {
    "lost_events": Kind.PRESENT, "lost_events.num_events_lost": Kind.NUMBER, "lost_events.source": Kind.TEXT,
    "lost_events.first": Kind.TIME, "lost_events.last": Kind.TIME, "time": Kind.TIME,
}  # fmt: skip
_OTHER_MESSAGES: Final = ("lost_events.", "node_status.", "agent_event.", "debug_event.")
_CILIUM_OWN: Final = ("io.cilium.", "io.kubernetes.")
"""Beginnings of label keys that Cilium adds to those of the pod."""


def sniff(head: bytes) -> bool:
    """Return whether a file that begins so is of Hubble's messages: flows, in a `flow` each or bare, or others."""
    found = outline(head)
    if any(key.startswith(_OTHER_MESSAGES) for key in found):
        return True
    return any({f"{at}verdict", f"{at}time"} <= found.keys() for at in ("flow.", "")) and not found.get("event_type")


def read(stream: BinaryIO) -> Iterator[Batch]:
    """Yield all records; a line that says what Hubble lost is a loss, and left out as `gap`."""
    fields = [Field.of(f"{at}{path}", kind) for at in ("flow.", "") for path, kind in _FIELDS.items()]
    fields += [Field.of(path, kind) for path, kind in _LOST.items()]
    for columns in read_json(stream, list(dict.fromkeys(fields))):
        yield _batch(_Flows(columns), columns)


class _Flows:
    """The fields of a flow, whether it stands in a `flow` or is the whole line."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._bare = columns.texts(Field.of("verdict")).known

    def text(self, path: str) -> Texts:
        wrapped, bare = (self._columns.texts(Field.of(at + path, _FIELDS[path])) for at in ("flow.", ""))
        return wrapped.but(self._bare, bare) if self._bare.any() else wrapped

    def number(self, path: str) -> Numbers:
        wrapped, bare = (self._columns.numbers(Field.of(at + path, _FIELDS[path])) for at in ("flow.", ""))
        return wrapped.but(self._bare, bare) if self._bare.any() else wrapped

    def present(self, path: str) -> Array:
        wrapped, bare = (self._columns.present(Field.of(at + path, Kind.PRESENT)) for at in ("flow.", ""))
        return np.where(self._bare, bare, wrapped)


def _batch(flows: _Flows, columns: Columns) -> Batch:
    verdict, kind = flows.text("verdict"), flows.text("Type")
    ends = {end: flows.text(path) for end, path in (("src", "source"), ("dst", "destination"))}
    people = {end: _Endpoints(texts) for end, texts in ends.items()}
    source, destination, time = flows.text("IP.source"), flows.text("IP.destination"), flows.number("time")
    protocol, ports = _transport(flows, len(columns))
    claimed: dict[str, Any] = {
        f"{end}_{part}": found.part(part) for end, found in people.items() for part in ("namespace", "pod")
    }
    records = records_of(
        columns,
        first=time,
        protocol=protocol,
        src=source,
        dst=destination,
        src_port=ports["source"],
        dst_port=ports["destination"],
        evidence=_evidence(flows, verdict, kind),
        **claimed,
    )
    lost = columns.present(Field.of("lost_events", Kind.PRESENT))
    says = verdict.isin((*_PASSED, *_DROPPED, *_AUDITED)) & ~kind.isin(("SOCK", "3"))
    return batch_of(
        columns,
        records,
        {"gap": lost, "other_record": ~says, "incomplete": ~protocol.known | ~source.known | ~destination.known},
        losses=_losses(columns, lost),
        claims=[*people["src"].claims(source, time), *people["dst"].claims(destination, time)],
        names=_names(flows.text("destination_names"), destination, time),
    )


def _transport(flows: _Flows, count: int) -> tuple[Texts, dict[str, Numbers]]:
    """Return the protocol and both ports; a port 0 is not printed."""
    protocol = Texts.none(count)
    ports = {end: Numbers.all(0, count) for end in ("source", "destination")}
    for layer, name in _LAYERS.items():
        here = flows.present(f"l4.{layer}")
        if not here.any():
            continue
        protocol = protocol.but(here, Texts.all(name, count))
        if layer in {"TCP", "UDP", "SCTP"}:
            for end, zero in ports.items():
                found = flows.number(f"l4.{layer}.{end}_port")
                ports[end] = zero.but(here & found.known, found)
    return protocol, ports


def _evidence(flows: _Flows, verdict: Texts, kind: Texts) -> Array:
    event, trace, reply = flows.number("event_type.type"), flows.text("trace_reason"), flows.text("is_reply")
    decided = event.known & (event.values == _VERDICT)
    application = kind.isin(("L7", "2"))
    new = trace.isin(_NEW) | decided | application
    # Retina prints false where it does not know
    trusted = ~flows.text("emitter.name").each(lambda name: "retina" in name.lower(), missing=False)
    raw = flows.text("l4.TCP.flags")
    bits = of_packet_flags(raw.each(_flags, 0), raw.known)
    bits &= np.where(decided, ~int(Seen.SHOWN), -1)
    passed = verdict.isin(_PASSED)
    return bits | evidence(
        len(bits),
        (Seen.BEGAN, reply.isin(("false",)) & trusted & new),
        (Seen.REPLIED, reply.isin(("true",))),
        (Seen.CARRIED, passed & ((trace.isin(_GOES_ON) & ~raw.known) | application)),
        (Seen.WORKED, passed & application),
        (Seen.SHOWN, event.known & (event.values == _TRACE)),
        (Seen.ALLOWED, passed & decided),
        (Seen.DENIED, verdict.isin(_DROPPED)),
        (Seen.AUDITED, verdict.isin(_AUDITED)),
    )


def _flags(raw: str) -> int:
    found = json.loads(raw)
    return sum(flag for name, flag in _FLAGS.items() if found.get(name) is True) if isinstance(found, dict) else 0


class _Endpoints:
    """What a column of endpoint objects says of pods; each distinct object is read once."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts
        self._read = [_endpoint(value) for value in texts.values]

    def part(self, name: str) -> Texts:
        """Return the claimed `namespace` or `pod` of each record."""
        known = dict(zip(self._texts.values, (getattr(one, name) for one in self._read), strict=True))
        return self._texts.map(lambda value: known[value] or None)

    def claims(self, address: Texts, time: Numbers) -> Iterator[Claim]:
        """Yield what is claimed of each address, as of the first record of the batch that says so."""
        made = np.flatnonzero(self._texts.known & address.known & time.known)
        _, firsts = np.unique(
            self._texts.codes[made] * (len(address.values) + 1) + address.codes[made], return_index=True
        )
        for row in made[firsts].tolist():
            one = self._read[self._texts.codes[row]]
            if one.namespace:
                yield Claim(int(time.values[row]), address.values[address.codes[row]], *one[2:])


@lru_cache(maxsize=1 << 14)  # the same few pods are in every stretch of a log
def _endpoint(raw: str) -> Claim:
    """Return what an endpoint object claims, without time and address."""
    found = json.loads(raw)
    found = found if isinstance(found, dict) else {}
    labels = found.get("labels")
    pairs = [_label(text) for text in labels if isinstance(text, str)] if isinstance(labels, list) else []
    workloads = found.get("workloads")
    workload = workloads[0] if isinstance(workloads, list) and workloads and isinstance(workloads[0], dict) else {}
    return Claim(
        time=0,
        address="",
        namespace=_text(found, "namespace"),
        pod=_text(found, "pod_name"),
        workload_kind=_text(workload, "kind"),
        workload_name=_text(workload, "name"),
        labels=tuple(sorted(pair for pair in pairs if pair)) if isinstance(labels, list) else None,
    )


def _text(found: dict[str, Any], key: str) -> str:
    value = found.get(key)
    return value if isinstance(value, str) else ""


def _label(text: str) -> tuple[str, str] | None:
    """Return a label of the pod; None for those that Cilium adds (its own, of the namespace, `reserved:`)."""
    key, _, value = text.removeprefix("k8s:").partition("=")
    return (key, value) if text.startswith("k8s:") and not key.startswith(_CILIUM_OWN) else None


def _losses(columns: Columns, lost: Array) -> Iterator[Loss]:
    for row in np.flatnonzero(lost).tolist():
        first, last, time, count = (
            _number(columns.numbers(Field.of(path, _LOST[path])), row)
            for path in ("lost_events.first", "lost_events.last", "time", "lost_events.num_events_lost")
        )
        where = columns.texts(Field.of("lost_events.source")).at(row) or "somewhere"
        yield Loss(time if first is None else first, time if last is None else last, count, f"lost in {where}")


def _number(numbers: Numbers, row: int) -> int | None:
    return int(numbers.values[row]) if numbers.known[row] else None


def _names(names: Texts, address: Texts, time: Numbers) -> Iterator[tuple[int, str, str]]:
    """Yield what DNS called each destination, as of the first record of the batch that says so."""
    made = np.flatnonzero(names.known & address.known & time.known)
    _, firsts = np.unique(names.codes[made] * (len(address.values) + 1) + address.codes[made], return_index=True)
    for row in made[firsts].tolist():
        listed = json.loads(names.values[names.codes[row]])
        for name in listed if isinstance(listed, list) else ():
            if isinstance(name, str):
                yield int(time.values[row]), address.values[address.codes[row]], name
