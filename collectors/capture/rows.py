"""Turns conversation keys and counters into the rows of the flow table."""

import ipaddress
from collections.abc import Hashable, Mapping
from typing import TypeVar

import pandas as pd

from collectors.capture.decode import ICMP, ICMPV6
from collectors.flows import PROTOCOL_NAMES, Flows, conform_flows, empty_flows

Row = list[int]
"""first, last (ns), connections, packets, bytes, reply packets, reply bytes."""

RowKey = tuple[bytes, bytes, int, int, str, str, int, str]
"""src, dst, dst_port, protocol, orientation, outcome, bucket, source."""

Key = TypeVar("Key", bound=Hashable)


def reverse(key: bytes) -> bytes:
    """Return the key of packets the other way."""
    if len(key) == 13:
        return key[4:8] + key[:4] + key[10:12] + key[8:10] + key[12:]
    return key[16:32] + key[:16] + key[34:36] + key[32:34] + key[36:]


def ends(key: bytes) -> tuple[bytes, bytes, int, int]:
    """Return (src, dst, dst_port, protocol) of a key; the identifier of an ICMP query is no port."""
    size, protocol = (len(key) - 5) // 2, key[-1]
    port = 0 if protocol in (ICMP, ICMPV6) else key[-3] << 8 | key[-2]
    return key[:size], key[size : 2 * size], port, protocol


def add_row(table: dict[Key, Row], key: Key, row: Row) -> None:
    """Add a row to a table that holds one row per key: earliest, latest, and sums."""
    total = table.get(key)
    if total is None:
        table[key] = list(row)
        return
    total[0] = min(total[0], row[0])
    total[1] = max(total[1], row[1])
    for index in range(2, 7):
        total[index] += row[index]


def flows_of(rows: Mapping[RowKey, Row]) -> Flows:
    """Return the rows as FLOWS, in no particular order."""
    if not rows:
        return empty_flows()
    keys, values = zip(*rows.items(), strict=True)
    src, dst, port, protocol, orientation, outcome, _, source = zip(*keys, strict=True)
    first, last, connections, packets, size, reply_packets, reply_size = zip(*values, strict=True)
    text = {address: _text(address) for address in {*src, *dst}}
    names = {number: PROTOCOL_NAMES.get(number, str(number)) for number in set(protocol)}
    frame = pd.DataFrame(
        {
            "first_seen": _times(first),
            "last_seen": _times(last),
            "src": pd.Categorical([text[address] for address in src]),
            "dst": pd.Categorical([text[address] for address in dst]),
            "dst_port": port,
            "protocol": pd.Categorical([names[number] for number in protocol]),
            "orientation": pd.Categorical(orientation),
            "outcome": pd.Categorical(outcome),
            "connections": connections,
            "packets": packets,
            "bytes": size,
            "reply_packets": reply_packets,
            "reply_bytes": reply_size,
            "sampled": 1.0,
            "source": pd.Categorical(source),
        }
    )
    return conform_flows(frame)


def _times(nanoseconds: tuple[int, ...]) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(pd.Series(nanoseconds, dtype="int64").astype("datetime64[ns, UTC]"))


def _text(address: bytes) -> str:
    """Return canonical text: IPv6 compressed in lower case, IPv4 that was mapped into IPv6 as IPv4."""
    parsed = ipaddress.ip_address(address)
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return str(mapped or parsed)
