"""Turns NetObserv's flows (flowlogs-pipeline) into batches: JSON lines, the command line's file, and Loki's lines.

Format: https://github.com/netobserv/network-observability-operator/blob/main/docs/flows-format.adoc;
docs/formats/netobserv.md says how it is switched on. A flow is one direction of a connection as one node saw it for
some seconds; with conversation tracking there are totals of both directions, too.
"""

import json
from collections.abc import Iterator, Mapping
from typing import BinaryIO, Final

import numpy as np

from collectors.formats.batch import Batch, Claim, batch_of, records_of
from collectors.formats.columns import Array, Columns, Field, Kind, Numbers, Texts
from collectors.formats.evidence import Seen, evidence, flags_of
from collectors.formats.icmp import not_conversations
from collectors.formats.json_lines import read_json
from collectors.formats.netobserv_lines import flow_lines
from collectors.formats.netobserv_totals import Totals
from collectors.formats.ports import is_like_answer
from collectors.formats.sniffing import outline
from collectors.formats.values import read_value

NAME: Final = "netobserv"

_COUNTERS: Final = ("Packets_AB", "Bytes_AB", "Packets_BA", "Bytes_BA")
_FIELDS: Final = {
    **dict.fromkeys(("TimeFlowStartMs", "TimeFlowEndMs", "TimeReceived"), Kind.TIME),
    **dict.fromkeys(("SrcAddr", "DstAddr", "XlatDstAddr", "Proto", "_RecordType", "_HashId", "AgentIP"), Kind.TEXT),
    **dict.fromkeys(("Interface", "FlowDirection", "Duplicate", "PktDropLatestDropCause"), Kind.TEXT),
    **dict.fromkeys(("SrcPort", "DstPort", "XlatDstPort", "Etype", "IcmpType", "Sampling"), Kind.NUMBER),
    **dict.fromkeys(("Packets", "Bytes", "PktDropPackets", *_COUNTERS), Kind.NUMBER),
    **dict.fromkeys(("Flags", "NetworkEvents"), Kind.RAW),
    **{
        f"{end}K8S_{what}": Kind.TEXT
        for end in ("Src", "Dst", "XlatDst")
        for what in ("Type", "Name", "Namespace", "OwnerType", "OwnerName", "HostName")
    },
}
_IP: Final = (0x0800, 0x86DD)
"""EtherTypes of IPv4 and IPv6: anything else is no flow of ours."""
_CONVERSATIONS: Final = ("newConnection", "heartbeat", "updateConnection", "endConnection")
_FLAGS: Final = {
    "FIN": 0x1, "SYN": 0x2, "RST": 0x4, "PSH": 0x8, "ACK": 0x10, "URG": 0x20, "ECE": 0x40, "CWR": 0x80,
    "SYN_ACK": 0x100, "FIN_ACK": 0x200, "RST_ACK": 0x400,
}  # fmt: skip
"""The agent counts a packet's flags once: SYN is a SYN without ACK, SYN_ACK one with it."""
_MOST_FLAGS: Final = 0xFFFF
_SYN, _SYN_ACK, _RESET = _FLAGS["SYN"], _FLAGS["SYN_ACK"], _FLAGS["RST"] | _FLAGS["RST_ACK"]
_CARRIED: Final = sum(_FLAGS[name] for name in ("FIN", "PSH", "ACK", "URG", "FIN_ACK"))
_DENYING: Final = frozenset(
    {"SKB_DROP_REASON_NETFILTER_DROP", "SKB_DROP_REASON_TC_INGRESS", "SKB_DROP_REASON_TC_EGRESS", "SKB_DROP_REASON_XDP",
     "SKB_DROP_REASON_BPF_CGROUP_EGRESS", "SKB_DROP_REASON_SOCKET_FILTER", "OVS_DROP_EXPLICIT", "OVS_DROP_LAST_ACTION"}
)  # fmt: skip
_REFUSING: Final = frozenset({"SKB_DROP_REASON_NO_SOCKET"})
_ECHO: Final = {("1", 8): Seen.BEGAN, ("58", 128): Seen.BEGAN, ("1", 0): Seen.REPLIED, ("58", 129): Seen.REPLIED}
"""What echo says by protocol and ICMP type."""
_NOWHERE: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - an address that says nothing, nobody listens there


def sniff(head: bytes) -> bool:
    """Return whether a file that begins so is of NetObserv's flows, bare or in Loki's lines."""
    found = outline(head)
    if {"SrcAddr", "DstAddr"} <= found.keys() and found.keys() & {"TimeFlowStartMs", "TimeFlowEndMs", "TimeReceived"}:
        return True
    return {"labels", "line"} <= found.keys() and '"TimeFlowEndMs":' in found["line"]


def read(stream: BinaryIO) -> Iterator[Batch]:
    """Yield all records; what conversation tracking tells in running totals is what came since the record before."""
    fields = [Field((name,), kind) for name, kind in _FIELDS.items()]
    totals = Totals()
    for columns in read_json(flow_lines(stream), fields):
        yield _batch(_Flows(columns), columns, totals)


class _Flows:
    """The fields of some flows, by name."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self.conversation = self.text("_RecordType").isin(_CONVERSATIONS)

    def __len__(self) -> int:
        return len(self._columns)

    def text(self, name: str) -> Texts:
        return self._columns.texts(Field((name,), _FIELDS[name]))

    def number(self, name: str) -> Numbers:
        return self._columns.numbers(Field((name,), _FIELDS[name]))

    def is_pod(self, end: str) -> Array:
        """Return where an end is a pod: by its type, without one by its owner's."""
        kind, owner = self.text(f"{end}K8S_Type"), self.text(f"{end}K8S_OwnerType")
        guessed = ~kind.known & owner.known & ~owner.isin(("Service", "Node"))
        return (kind.isin(("Pod",)) | guessed) & self.text(f"{end}K8S_Namespace").known

    def pod(self, end: str, what: str) -> Texts:
        """Return the claimed Namespace or Name of an end's pod."""
        return Texts.none(len(self)).but(self.is_pod(end), self.text(f"{end}K8S_{what}"))


def _batch(flows: _Flows, columns: Columns, totals: Totals) -> Batch:
    source, destination, protocol = flows.text("SrcAddr"), flows.text("DstAddr"), flows.text("Proto")
    first = flows.number("TimeFlowStartMs").or_else(flows.number("TimeFlowEndMs")).or_else(flows.number("TimeReceived"))
    moved = _translated(flows)
    node_port = flows.text("DstK8S_Type").isin(("Node",))
    records = records_of(
        columns,
        first=first,
        last=flows.number("TimeFlowEndMs").or_else(first),
        protocol=protocol,
        src=source,
        dst=destination.but(moved, flows.text("XlatDstAddr")),
        src_port=flows.number("SrcPort"),
        dst_port=flows.number("DstPort").but(moved, flows.number("XlatDstPort")),
        evidence=_evidence(flows),
        sampled=1 / np.maximum(flows.number("Sampling").values, 1),
        # the answer to a connection that left by a node's address is translated back from that address: no Service
        service_ip=Texts.none(len(flows)).but(moved & ~node_port, destination),
        service_port=flows.number("DstPort").where(moved & ~node_port),
        reporter=_reporter(flows),
        **_pods(flows, moved),
        **_counters(flows, totals),
    )
    ether = flows.number("Etype")
    return batch_of(
        columns,
        records,
        {
            "other_record": ether.known & ~np.isin(ether.values, _IP),
            **not_conversations(protocol, flows.number("IcmpType")),
            "incomplete": ~source.known | ~destination.known | ~protocol.known,
        },
        claims=[
            *_claims(flows, "Src", source, first),
            *_claims(flows, "Dst", destination, first),
            *_claims(flows, "XlatDst", flows.text("XlatDstAddr"), first),
        ],
    )


def _translated(flows: _Flows) -> Array:
    """Return where the destination is another one behind the node's translation."""
    before, after = flows.text("DstAddr"), flows.text("XlatDstAddr")
    known = after.known & ~after.isin(_NOWHERE) & flows.number("XlatDstPort").known
    another = before.but(known, after).codes != before.codes
    moved: Array = another | (flows.number("XlatDstPort").values != flows.number("DstPort").values)
    return known & moved


def _pods(flows: _Flows, moved: Array) -> Mapping[str, Texts]:
    """Return the claimed pods of both ends, the destination's behind the translation."""
    return {
        "src_namespace": flows.pod("Src", "Namespace"),
        "src_pod": flows.pod("Src", "Name"),
        "dst_namespace": flows.pod("Dst", "Namespace").but(moved, flows.pod("XlatDst", "Namespace")),
        "dst_pod": flows.pod("Dst", "Name").but(moved, flows.pod("XlatDst", "Name")),
    }


def _counters(flows: _Flows, totals: Totals) -> Mapping[str, Numbers]:
    """Return packets and bytes, of conversations both ways and since the record before."""
    key = Texts.none(len(flows)).but(flows.conversation, flows.text("_HashId"))
    ends = flows.text("_RecordType").isin(("endConnection",))
    names = ("packets", "bytes", "reply_packets", "reply_bytes")
    since = dict(zip(names, totals.since(key, ends, [flows.number(name) for name in _COUNTERS]), strict=True))
    for name, own in (("packets", "Packets"), ("bytes", "Bytes")):
        since[name] = flows.number(own).but(flows.conversation, since[name])
    return since


def _reporter(flows: _Flows) -> Texts:
    """Return who saw a flow: the node, else the side; of older agents every interface wrote flows of its own."""
    node = flows.text("FlowDirection").but(flows.text("AgentIP").known, flows.text("AgentIP"))
    view = Texts.none(len(flows)).but(flows.text("Duplicate").isin(("true",)), Texts.all("again", len(flows)))
    view = view.but(flows.text("Interface").known, flows.text("Interface"))
    return Texts.joined(node, view).but(flows.conversation, Texts.all("conversation", len(flows)))


def _evidence(flows: _Flows) -> Array:
    protocol, echo, cause = flows.text("Proto"), flows.number("IcmpType"), flows.text("PktDropLatestDropCause")
    flags, known = flags_of(flows.text("Flags"), _flags)
    known &= protocol.isin(("6",))
    dropped = flows.number("PktDropPackets").values > 0
    answers = is_like_answer(flows.number("SrcPort"), flows.number("DstPort"))
    bits = evidence(
        len(flows),
        # where one of N packets is kept, one that is not there may have been
        (Seen.SHOWN, known & (flows.number("Sampling").values <= 1)),
        (Seen.OPENED | Seen.SYN, known & ((flags & _SYN) != 0)),
        (Seen.ANSWERED | Seen.SYN, known & ((flags & _SYN_ACK) != 0)),
        # no flag at all: older agents did not count a lone ACK
        (Seen.CARRIED, known & (((flags & _CARRIED) != 0) | (flags == 0))),
        (Seen.RESET, known & ((flags & _RESET) != 0)),
        (Seen.BEGAN, flows.conversation & ~answers),
        (Seen.DENIED, dropped & cause.isin(_DENYING)),
        (Seen.REFUSED, dropped & cause.isin(_REFUSING)),
        *(
            (bit, protocol.isin((number,)) & echo.known & (echo.values == kind))
            for (number, kind), bit in _ECHO.items()
        ),
    )
    return bits | flows.text("NetworkEvents").each(_verdict, 0)


def _flags(raw: str) -> int | None:
    """Return the flags of a number, or of a list of names."""
    found = json.loads(raw)
    if isinstance(found, list):
        return sum(flag for name, flag in _FLAGS.items() if name in found)
    number = read_value(found, Kind.NUMBER)
    return number if number is not None and 0 <= number <= _MOST_FLAGS else None


def _verdict(raw: str) -> int:
    """Return the bits of what policies made of a flow, by OVN's words: one that drops it is enough."""
    events = json.loads(raw)
    found = [event.get("Action") for event in events if isinstance(event, dict)] if isinstance(events, list) else []
    actions = [action.lower() for action in found if isinstance(action, str)]
    if any(action in {"drop", "reject"} for action in actions):
        return int(Seen.DENIED)
    return int(Seen.ALLOWED) if any(action.startswith("allow") for action in actions) else 0


def _claims(flows: _Flows, end: str, address: Texts, time: Numbers) -> Iterator[Claim]:
    """Yield what is claimed of each address, as of the first record of the batch that says so."""
    said = [flows.text(f"{end}K8S_{what}") for what in ("Namespace", "Name", "OwnerType", "OwnerName", "HostName")]
    rows = np.flatnonzero(flows.is_pod(end) & address.known & time.known)
    codes = np.stack([texts.codes[rows] for texts in (address, *said)], axis=1)
    for row in rows[np.unique(codes, axis=0, return_index=True)[1]].tolist():
        namespace, pod, kind, name, node = (texts.at(row) or "" for texts in said)
        # a pod without a controller is written as its own owner
        owner = ("", "") if kind == "Pod" else (kind, name)
        yield Claim(int(time.values[row]), address.values[address.codes[row]], namespace, pod, *owner, node=node)
