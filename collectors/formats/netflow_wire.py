"""Turns export messages of NetFlow v5, v9 and IPFIX into their sets, and sets into templates.

Formats: https://www.cisco.com/c/en/us/td/docs/net_mgmt/netflow_collection_engine/3-6/user/guide/format.html (v5),
RFC 3954 (v9), RFC 7011 (IPFIX). Nothing in here trusts a length.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

from collectors.formats.ipfix_elements import ELEMENTS, Element

V5, V9, IPFIX = 5, 9, 10
VARIABLE: Final = 65535
"""Length of a field in a template that says: each record tells it."""
LONGEST: Final = 65535
"""Bytes of a message: more fit neither in a datagram nor in IPFIX's length."""
_MOST_FIELDS: Final = 256
"""Fields of a template: exporters have tens, and an attacker would have thousands."""
_V5 = struct.Struct("!HHIIIIHH")
_V9 = struct.Struct("!HHIIII")
_V10 = struct.Struct("!HHIII")
_HEADERS: Final = {V5: _V5, V9: _V9, IPFIX: _V10}
_WORDS = struct.Struct("!HH")
_V5_RECORD: Final = 48
_V5_MOST: Final = 30
_FIRST_DATA: Final = 256
_NANO: Final = 10**9
_EARLIEST: Final = 915_148_800
"""1999: no exporter's clock that is set at all is behind the first routers that could do it."""


@dataclass(frozen=True, eq=False)
class Layout:
    """A template: element and length of each field; the first `scopes` of an options template say what it is about."""

    fields: tuple[tuple[Element, int], ...]
    scopes: int = 0

    @cached_property
    def size(self) -> int:
        """Bytes of a record; the fewest, where fields vary."""
        return sum(1 if length == VARIABLE else length for _, length in self.fields)

    @cached_property
    def varies(self) -> bool:
        """Whether records differ in length."""
        return any(length == VARIABLE for _, length in self.fields)


V5_LAYOUT: Final = Layout(
    tuple(
        (ELEMENTS[name], length)
        for name, length in (
            ("sourceIPv4Address", 4), ("destinationIPv4Address", 4), ("ipNextHopIPv4Address", 4),
            ("ingressInterface", 2), ("egressInterface", 2), ("packetDeltaCount", 4), ("octetDeltaCount", 4),
            ("flowStartSysUpTime", 4), ("flowEndSysUpTime", 4), ("sourceTransportPort", 2),
            ("destinationTransportPort", 2), ("paddingOctets", 1), ("tcpControlBits", 1), ("protocolIdentifier", 1),
            ("ipClassOfService", 1), ("bgpSourceAsNumber", 2), ("bgpDestinationAsNumber", 2),
            ("sourceIPv4PrefixLength", 1), ("destinationIPv4PrefixLength", 1), ("paddingOctets", 2),
        )
    )
)  # fmt: skip
"""NetFlow v5 has no templates; this is what its one would be."""


class Header(NamedTuple):
    """What a message says of all its records: times in ns; `boot` is when the exporter's own clock was 0."""

    version: int
    domain: int
    sequence: int
    export: int
    boot: int | None
    rate: int


class Set(NamedTuple):
    """A set of a message: 0 and 1 are templates of v9, 2 and 3 of IPFIX, from 256 on records of that template."""

    number: int
    content: bytes


class Message(NamedTuple):
    """A message; `fault` says why there is no more of it."""

    header: Header | None
    sets: tuple[Set, ...]
    fault: str = ""


def length_of(data: bytes | memoryview) -> int | None:
    """Return the bytes of the message that data begin with; None where more data are needed to tell; 0 if it is none.

    NetFlow v9 does not tell its length. It ends where a set would have the number 5, 9 or 10, which no set has, so
    that must be a version: the next message. Where data end with a set, the message may go on.
    """
    if len(data) < _WORDS.size:
        return None
    version, word = _WORDS.unpack_from(data)
    if version == IPFIX:
        return word if word >= _V10.size else 0
    if version == V5:
        return _V5.size + word * _V5_RECORD if word <= _V5_MOST else 0
    return _v9_length(data) if version == V9 else 0


def _v9_length(data: bytes | memoryview) -> int | None:
    at = _V9.size
    while at + _WORDS.size <= len(data):
        number, length = _WORDS.unpack_from(data, at)
        if number in _HEADERS:
            return at
        if length < _WORDS.size or at + length > LONGEST or 1 < number < _FIRST_DATA:
            return 0
        at += length
    return None


def plausible(head: bytes) -> bool:
    """Return whether data begin with a message whose clock is set and whose first set can be one."""
    version = int.from_bytes(head[:2], "big")
    form = _HEADERS.get(version)
    if form is None or len(head) < form.size or length_of(head) == 0:
        return False
    _, word, *rest = form.unpack_from(head)
    if version == V5:
        return bool(rest[1] >= _EARLIEST and rest[2] < _NANO and word > 0)
    seconds = rest[0] if version == IPFIX else rest[1]
    if seconds < _EARLIEST or len(head) < form.size + _WORDS.size:
        return False
    number, length = _WORDS.unpack_from(head, form.size)
    templates = (2, 3) if version == IPFIX else (0, 1)
    fits = length >= _WORDS.size and (version == V9 or length <= word - form.size)
    return bool(fits and (number >= _FIRST_DATA or number in templates))


def parse(data: bytes) -> Message:
    """Return one message; never raises."""
    version = int.from_bytes(data[:2], "big")
    form = _HEADERS.get(version)
    if form is None:
        return Message(None, (), f"no NetFlow v5, v9 or IPFIX: version {version}")
    if len(data) < form.size:
        return Message(None, (), "cut within the header")
    if version == V5:
        return _parse_v5(data)
    _, word, *rest = form.unpack_from(data)
    if version == V9:
        uptime, seconds, sequence, domain = rest
        export = seconds * _NANO
        return _with_sets(Header(V9, domain, sequence, export, export - uptime * 10**6, 1), data, form.size)
    seconds, sequence, domain = rest
    end = min(word, len(data))
    message = _with_sets(Header(IPFIX, domain, sequence, seconds * _NANO, None, 1), data[:end], form.size)
    return message._replace(fault="cut within the message") if word > len(data) else message


def _parse_v5(data: bytes) -> Message:
    _, count, uptime, seconds, nanoseconds, sequence, engine, sampling = _V5.unpack_from(data)
    export = seconds * _NANO + nanoseconds
    rate = max(sampling & 0x3FFF, 1)  # the two bits above say how it is chosen
    header = Header(V5, engine, sequence, export, export - uptime * 10**6, rate)
    content = data[_V5.size : _V5.size + count * _V5_RECORD]
    whole = len(content) == count * _V5_RECORD and count <= _V5_MOST
    content = content[: len(content) // _V5_RECORD * _V5_RECORD]
    return Message(header, (Set(_FIRST_DATA, content),), "" if whole else "cut within the records")


def _with_sets(header: Header, data: bytes, at: int) -> Message:
    sets: list[Set] = []
    fault = ""
    while at + _WORDS.size <= len(data):
        number, length = _WORDS.unpack_from(data, at)
        if length < _WORDS.size or at + length > len(data):
            fault = "cut within a set" if length >= _WORDS.size else "a set shorter than its own header"
            break
        sets.append(Set(number, data[at + _WORDS.size : at + length]))
        at += length
    return Message(header, tuple(sets), fault)


def templates(version: int, part: Set) -> Iterator[tuple[int, Layout | None]]:
    """Yield the templates of a set: number and layout; None withdraws it, or is one that cannot be used."""
    at, options = 0, part.number in {1, 3}
    need = 6 if options else 4
    while at + need <= len(part.content):
        number, count = _WORDS.unpack_from(part.content, at)
        if number < _FIRST_DATA:
            return  # padding, or the withdrawal of all templates
        scopes = 0
        at += _WORDS.size
        if options and (version == V9 or count):
            (word,) = struct.unpack_from("!H", part.content, at)
            at += 2
            # v9 counts the bytes of the scope and of the rest, IPFIX all fields and those of the scope
            count, scopes = ((count + word) // 4, count // 4) if version == V9 else (count, word)
        fields, at = _fields(version, part.content, at, count, scopes)
        layout = Layout(fields, scopes)
        usable = 0 < count <= _MOST_FIELDS and len(fields) == count and layout.size > 0
        yield number, layout if usable else None


def _fields(
    version: int, content: bytes, at: int, count: int, scopes: int
) -> tuple[tuple[tuple[Element, int], ...], int]:
    """Return the fields of a template that begin at a place, and where they end."""
    fields: list[tuple[Element, int]] = []
    while len(fields) < count and at + 4 <= len(content):
        number, length = _WORDS.unpack_from(content, at)
        at += 4
        enterprise = 0
        if version == V9:
            # scopes of v9 have numbers of their own
            enterprise = -1 if len(fields) < scopes else 0
        elif number & 0x8000:
            if at + 4 > len(content):
                break
            (enterprise,) = struct.unpack_from("!I", content, at)
            number, at = number & 0x7FFF, at + 4
        fields.append((Element(enterprise, number), length))
    return tuple(fields), at
