"""Turns what Felix counted into a batch: the meaning that both of Calico's flow logs share.

Source: https://github.com/projectcalico/calico/tree/master/felix/collector. `calico_goldmane` and `calico_flow_log`
name the fields. A record adds up the connections between two sets of pods in an interval, as one end's node saw them.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from collectors.formats.batch import Batch, Claim, Records, batch_of, records_of
from collectors.formats.columns import Array, Columns, Numbers, Texts
from collectors.formats.evidence import Seen, evidence
from collectors.formats.protocols import has_ports, protocol_name

_ACTIONS: Final = {"1": "allow", "2": "deny", "3": "pass"}
"""goldmane/proto/api.proto, enum Action."""
_STREAMS: Final = ("TCP", "SCTP")
_PENDING: Final = ("pendingPolicies", "pending_policies", "pending")
_ASKED_PACKETS, _ANSWERED_PACKETS = 3, 2
"""Packets of one connection, each way, that no refused or half open attempt has."""
_BARE: Final = 64
"""Bytes of the largest packet that only refuses (IPv6)."""
_RST: Final = 40
"""Bytes of a RST over IPv4; a SYN with ACK has options, and more."""


@dataclass(frozen=True, eq=False)
class End:
    """One end of many flows: an address where the log has one, and what it is called."""

    address: Texts
    namespace: Texts
    name: Texts
    """Of a pod (or its beginning and `*`), a host, a network set, or `pub` and `pvt` for networks."""
    is_pod: Array
    labels: Texts
    """As JSON, in any of the three shapes that `labels_of` reads."""
    node: Texts

    @property
    def is_known(self) -> Array:
        """Where the end is somebody: an address, or a pod."""
        return self.address.known | (self.is_pod & self.name.known)

    def claimed(self, texts: Texts) -> Texts:
        """Return texts where the end is a pod."""
        return texts.but(~self.is_pod, Texts.none(len(texts)))


@dataclass(frozen=True, eq=False)
class FelixFlows:
    """Records as Felix means them, in columns of one length; `in` and `out` are as the reporting end sees them."""

    first: Numbers
    last: Numbers
    source: End
    destination: End
    src_port: Numbers
    dst_port: Numbers
    service_port: Numbers
    protocol: Texts
    reporter: Texts
    """src, dst, or fwd (a host that forwards)."""
    action: Texts
    """allow, deny or pass."""
    policies: Texts
    """As JSON."""
    packets_in: Numbers
    packets_out: Numbers
    bytes_in: Numbers
    bytes_out: Numbers
    started: Numbers
    """Connections begun in the interval."""
    active: Array
    """The most connections that the counts can be of."""


def action_of(text: str) -> str:
    """Return the action of its name in any case, or of its number."""
    return _ACTIONS.get(text, text.lower())


def batch_of_flows(columns: Columns, flows: FelixFlows, names: Iterable[tuple[int, str, str]] = ()) -> Batch:
    """Return the batch; a flow with a network that has no address is `no_end`, one without its port `incomplete`."""
    source, destination = flows.source, flows.destination
    counted = _counted(flows)
    protocol = flows.protocol.map(protocol_name)
    bits = _evidence(flows, counted, protocol.isin(_STREAMS))
    passing = flows.action.isin(("pass",)) & ((bits & int(Seen.WORKED)) == 0)
    ported = protocol.each(has_ports, missing=False)
    incomplete = passing | (ported & ~flows.dst_port.known)
    no_end = ~source.is_known | ~destination.is_known
    return batch_of(
        columns,
        _records(columns, flows, counted, bits, shown=no_end | incomplete),
        {
            "other_record": ~flows.action.isin(_ACTIONS.values()),
            "incomplete": incomplete,
            "no_end": no_end,
        },
        claims=[*_claims(source, flows.first), *_claims(destination, flows.first)],
        names=names,
    )


def _records(columns: Columns, flows: FelixFlows, counted: dict[str, Numbers], bits: Array, shown: Array) -> Records:
    """Return the records; those left out are `shown` in the ledger by name where they have no address."""
    source, destination = flows.source, flows.destination
    src, dst = (end.address.but(shown & ~end.address.known, end.name) for end in (source, destination))
    return records_of(
        columns,
        first=flows.first,
        last=flows.last.or_else(flows.first),
        protocol=flows.protocol,
        src=src,
        dst=dst,
        src_port=flows.src_port,
        dst_port=flows.dst_port,
        evidence=bits,
        connections=flows.started,
        packets=counted["packets"],
        bytes=counted["bytes"],
        reply_packets=counted["reply_packets"],
        reply_bytes=counted["reply_bytes"],
        service_port=flows.service_port.where(flows.service_port.values > 0),
        src_namespace=source.claimed(source.namespace),
        src_pod=source.claimed(source.name),
        dst_namespace=destination.claimed(destination.namespace),
        dst_pod=destination.claimed(destination.name),
        reporter=flows.reporter,
    )


def _counted(flows: FelixFlows) -> dict[str, Numbers]:
    """Return the counters by direction; what a forwarding host calls in and out is not known."""
    at_source, at_destination = (flows.reporter.isin((end,)) for end in ("src", "dst"))
    pairs = {"packets": (flows.packets_out, flows.packets_in), "bytes": (flows.bytes_out, flows.bytes_in)}
    made = {}
    for name, (out, into) in pairs.items():
        made[name] = out.but(at_destination, into).where(at_source | at_destination)
        made[f"reply_{name}"] = into.but(at_destination, out).where(at_source | at_destination)
    return made


def _evidence(flows: FelixFlows, counted: dict[str, Numbers], streams: Array) -> Array:
    packets, replies = counted["packets"], counted["reply_packets"]
    size = counted["reply_bytes"]
    denied, allowed = (flows.action.isin((action,)) for action in ("deny", "allow"))
    answered = replies.values > 0
    enough = (packets.values >= _ASKED_PACKETS * flows.active) & (replies.values >= _ANSWERED_PACKETS * flows.active)
    enough &= (size.values == 0) | (size.values > _BARE * replies.values)
    bare = (size.values > 0) & (size.values <= _RST * replies.values) & (replies.values <= flows.started.values)
    few = (flows.started.values > 0) & ((packets.values < _ASKED_PACKETS) | (replies.values < _ANSWERED_PACKETS))
    staged = flows.policies.each(_is_staged_deny, missing=False)
    return evidence(
        len(flows.first),
        (Seen.BEGAN, True),
        (Seen.DENIED, denied),
        (Seen.AUDITED, staged & ~denied),
        (Seen.ALLOWED, allowed),
        (Seen.WORKED, ~denied & streams & enough),
        (Seen.REFUSED, allowed & streams & answered & bare),
        (Seen.HALF_OPEN, allowed & streams & answered & few & ~bare),
        (Seen.UNANSWERED, allowed & replies.known & ~answered & (packets.values > 0)),
    )


def _is_staged_deny(raw: str) -> bool:
    """Return whether a policy trace holds a policy that is not in force yet and would deny."""
    trace = json.loads(raw)
    if not isinstance(trace, dict):
        return False
    hits = [hit for key in _PENDING for hit in _listed(trace.get(key))]
    hits += [hit for hit in _listed(trace.get("all_policies")) if isinstance(hit, str) and "staged:" in hit]
    return any(_action_of_hit(hit) == "deny" for hit in hits)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _action_of_hit(hit: Any) -> str:
    """Return the action of a hit: an object, or "index|tier|policy|action|rule"."""
    if isinstance(hit, str):
        return action_of((hit.split("|") + [""] * 4)[3])
    return action_of(str(hit.get("action"))) if isinstance(hit, dict) else ""


def _claims(end: End, time: Numbers) -> Iterator[Claim]:
    """Yield what is claimed of each pod, as of the first record of the batch that says so."""
    made = np.flatnonzero(end.is_pod & end.name.known & end.namespace.known & time.known)
    said = (end.address, end.namespace, end.name, end.labels, end.node)
    _, firsts = np.unique(np.stack([texts.codes[made] for texts in said]), axis=1, return_index=True)
    for row in made[firsts].tolist():
        address, namespace, pod, labels, node = (texts.at(row) for texts in said)
        yield Claim(
            time=int(time.values[row]),
            address=address or "",
            namespace=namespace or "",
            pod=pod or "",
            labels=None if labels is None else labels_of(labels),
            node=node or "",
        )


def labels_of(raw: str) -> tuple[tuple[str, str], ...] | None:
    """Return the labels of a JSON list of "key=value", of an object around one, or of a text "a=b | c=d"."""
    found = json.loads(raw)
    if isinstance(found, dict):
        found = found.get("labels")
    if isinstance(found, str):
        found = found.split(" | ") if found.strip(" -") else None
    if not isinstance(found, list):
        return None
    pairs = [text.strip().partition("=") for text in found if isinstance(text, str)]
    return tuple(sorted({(key, value) for key, is_label, value in pairs if is_label}))
