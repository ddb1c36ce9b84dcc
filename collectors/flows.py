"""Turns nothing: declares the flow record that every collector writes and the recommender reads (FLOWS)."""

from typing import NewType, cast

import pandas as pd

from collectors.schema import Column, Schema

TRANSPORTS = ("TCP", "UDP", "SCTP")
ORIENTATIONS = ("handshake", "reported", "paired", "port_hint", "unknown")
OUTCOMES = ("established", "half_open", "unanswered", "refused", "allowed", "denied", "audited", "unknown")

FAN_IN = 3
"""Peers of a port from which on it is taken for a server's, where nobody saw who began."""

# IANA protocol number -> the name used in the `protocol` column; all others are the number as text.
PROTOCOL_NAMES = {1: "ICMP", 6: "TCP", 17: "UDP", 58: "ICMPv6", 132: "SCTP"}

COUNTERS = ("connections", "packets", "bytes", "reply_packets", "reply_bytes")

FLOWS = Schema(
    "flows",
    (
        Column("first_seen", "datetime64[ns, UTC]", "first packet or event of this row"),
        Column("last_seen", "datetime64[ns, UTC]", "last packet or event of this row"),
        Column("src", "category", "canonical IP text of the initiator"),
        Column("dst", "category", "canonical IP text of the other end"),
        Column("dst_port", "UInt16", "server port; 0 where the protocol has none"),
        Column("protocol", "category", "TCP UDP SCTP ICMP ICMPv6, else the IANA number as text"),
        Column("orientation", "category", "how we know who initiated", vocabulary=ORIENTATIONS),
        Column("outcome", "category", "what the network did", vocabulary=OUTCOMES),
        Column("connections", "Int64", "conversations begun in this row; NA = not known", "1"),
        Column("packets", "Int64", "packets src -> dst; NA = not known", "1"),
        Column("bytes", "Int64", "IP bytes src -> dst; NA = not known", "B"),
        Column("reply_packets", "Int64", "packets dst -> src; NA = not known", "1"),
        Column("reply_bytes", "Int64", "IP bytes dst -> src; NA = not known", "B"),
        Column("service_ip", "category", "address before DNAT where the source shows it"),
        Column("service_port", "UInt16", "port before DNAT where the source shows it"),
        Column("src_namespace", "category", "namespace of src as claimed by the record"),
        Column("src_pod", "category", "pod of src as claimed by the record"),
        Column("dst_namespace", "category", "namespace of dst as claimed by the record"),
        Column("dst_pod", "category", "pod of dst as claimed by the record"),
        Column("sampled", "Float32", "1/N for a source that keeps one of N, else 1"),
        Column("source", "category", "which input"),
    ),
)

Flows = NewType("Flows", pd.DataFrame)


def empty_flows() -> Flows:
    """Return no flows, with all columns."""
    return Flows(FLOWS.empty())


def conform_flows(frame: pd.DataFrame) -> Flows:
    """Return the frame as FLOWS: columns in order, cast, absent ones NA; raises SchemaMismatch."""
    flows = FLOWS.conform(frame)
    FLOWS.check(flows)
    return cast("Flows", flows)
