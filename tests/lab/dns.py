"""DNS on the wire, as much as a cluster's resolver needs: a question -> bytes -> an authoritative answer."""

from __future__ import annotations

import itertools
import socket
import struct
from collections.abc import Mapping

A, AAAA = 1, 28
_ids = itertools.count(0x1000)


def question(name: str, kind: int) -> bytes:
    """One query, recursion desired, as a stub resolver writes it."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"
    return struct.pack("!6H", next(_ids) & 0xFFFF, 0x0100, 1, 0, 0, 0) + labels + struct.pack("!2H", kind, 1)


def _asked(query: bytes) -> tuple[str, int, int]:
    """Name, type and end of the first question."""
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].decode())
        at += 1 + query[at]
    return ".".join(labels), struct.unpack_from("!H", query, at + 1)[0], at + 5


def answer(query: bytes, zone: Mapping[str, tuple[str, str]]) -> bytes:
    """Return what an authoritative server says: A, AAAA, or NXDOMAIN for a name that is not in the zone."""
    name, kind, end = _asked(query)
    addresses = zone.get(name.lower())
    records = b""
    if addresses and kind in {A, AAAA}:
        family, text = (socket.AF_INET, addresses[0]) if kind == A else (socket.AF_INET6, addresses[1])
        packed = socket.inet_pton(family, text)
        records = struct.pack("!3HIH", 0xC00C, kind, 1, 30, len(packed)) + packed
    flags = 0x8580 if addresses else 0x8583
    return query[:2] + struct.pack("!5H", flags, 1, bool(records), 0, 0) + query[12:end] + records


def address(reply: bytes) -> str:
    """Return the address in an answer of `answer`, empty when there is none."""
    _, kind, end = _asked(reply)
    if not struct.unpack_from("!H", reply, 6)[0]:
        return ""
    return socket.inet_ntop(socket.AF_INET if kind == A else socket.AF_INET6, reply[end + 12 :])
