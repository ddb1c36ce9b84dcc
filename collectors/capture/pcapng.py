"""Turns the blocks of a pcapng stream into packets: sections, interfaces with their clocks, losses and names.

Format: https://datatracker.ietf.org/doc/draft-ietf-opsawg-pcapng/. `containers` owns the stream and the ledger.
"""

from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from struct import Struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collectors.capture.containers import Framing

MAXIMUM_CAPTURED = 256 * 1024  # libpcap's MAXIMUM_SNAPLEN: no more is kept of one packet
NO_INTERFACE = -1
"""Link type of a packet whose interface was never described."""
BYTE_ORDERS = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}
"""A section's byte-order magic as it lies in the file -> struct's sign for that order."""

Framed = tuple[int | None, int, int, bytes]
"""A packet as framed: (time in ns since the epoch or None, link type, length on the wire, captured data)."""

_ENHANCED_BLOCKS = 2
"""The form of records that a fast lane may take here, see `kernel.run`."""
_LATEST = 2**63 - 1  # what a 64-bit nanosecond time can hold (the year 2262)
_CHUNK = 1 << 16

_SECTION, _INTERFACE, _OLD_PACKET, _SIMPLE, _NAMES, _STATISTICS, _ENHANCED = 0x0A0D0D0A, 1, 2, 3, 4, 5, 6
_MOST_NAMED = 100_000
_PACKETS = (_ENHANCED, _SIMPLE, _OLD_PACKET)
_READ = (_INTERFACE, _NAMES, _STATISTICS, *_PACKETS)


@dataclass(frozen=True)
class _Interface:
    link_type: int
    snaplen: int
    nanoseconds: Callable[[int], int | None]


class Sections:
    """The blocks of a pcapng stream, whose magic was taken already."""

    def __init__(self, framing: "Framing") -> None:
        self._framing = framing
        self._order = "<"
        self._section = 0
        self._interfaces: list[_Interface] = []
        # The same for the kernel: link type, clock mode, clock parameter, offset in ns of each.
        self._faces = array("Q")

    def packets(self) -> Iterator[Framed]:
        """Yield (time in ns or None, link type, length on the wire, data) of each packet that no fast lane takes."""
        if not self._begin_section():
            return
        while True:
            self._pass_fast()
            if (block := self._block()) is None:
                return
            kind, body = block
            if kind == _INTERFACE:
                self._describe(body)
            elif kind == _STATISTICS:
                self._statistics(body)
            elif kind == _NAMES:
                self._resolutions(body)
            elif kind in _PACKETS and (packet := self._packet(kind, body)):
                yield packet

    def _pass_fast(self) -> None:
        framing = self._framing
        if framing.fast is not None and self._interfaces:
            framing.offset += framing.fast(_ENHANCED_BLOCKS, self._order == ">", 0, self._faces)

    def _block(self) -> tuple[int, bytes] | None:
        """Return the next block's type and body; None at the end, or where the stream cannot be followed further."""
        start = self._framing.offset
        head = self._read(8)
        if len(head) < 8:
            if head:
                self._framing.stop("truncated", "the file ends inside a block header")
            return None
        kind, length = Struct(self._order + "II").unpack(head)
        if kind == _SECTION:
            # Its length is in the byte order that only its own magic tells.
            return (kind, b"") if self._begin_section(head[4:]) else None
        body = self._body(kind, length, start)
        return None if body is None else (kind, body)

    def _begin_section(self, length_field: bytes | None = None) -> bool:
        """Read a section header behind its type; False where the stream cannot be followed further."""
        raw = (length_field if length_field is not None else self._read(4)) + self._read(8)
        if len(raw) < 12:
            self._framing.stop("truncated", "the file ends inside a section header")
            return False
        order = BYTE_ORDERS.get(raw[4:8])
        if order is None:
            self._framing.stop("malformed", "a section without byte order; the rest of the file is not read")
            return False
        length, _, major, minor = Struct(order + "IIHH").unpack(raw)
        if major != 1:
            self._framing.stop("malformed", f"pcapng version {major}.{minor} is unknown; the rest is not read")
            return False
        if length < 28:
            self._framing.stop("malformed", f"a section header of {length} bytes; the rest of the file is not read")
            return False
        self._order = order
        self._section += 1
        self._interfaces = []
        self._faces = array("Q")
        return self._skip(_padded(length) - 16)

    def _body(self, kind: int, length: int, start: int) -> bytes | None:
        """Return the block between its two lengths; None where the stream cannot be followed further."""
        framing = self._framing
        if length < 12:
            framing.stop("malformed", f"a block of {length} bytes; the rest of the file is not read")
            return None
        size = _padded(length) - 12
        if kind not in _READ or size > 2 * MAXIMUM_CAPTURED:
            if not self._skip(size + 4):
                return None
            if kind in _PACKETS:
                framing.ledger.event(framing.source, "malformed", start, f"a packet block of {length} bytes is skipped")
            return b""
        block = self._read(size + 4)
        if len(block) < size + 4:
            framing.stop("truncated", "the file ends inside a block")
            return None
        if Struct(self._order + "I").unpack_from(block, size)[0] != length:
            framing.stop("malformed", "a block whose two lengths differ; the rest of the file is not read")
            return None
        return block[:size]

    def _describe(self, body: bytes) -> None:
        if len(body) < 8:
            self._add(NO_INTERFACE, 0, 6, 0)
            return
        link_type, _, snaplen = Struct(self._order + "HHI").unpack_from(body)
        options = self._options(body, 8)
        resolution = options.get(9, b"\x06")
        offset = options.get(14, b"")
        seconds = Struct(self._order + "q").unpack(offset)[0] if len(offset) == 8 else 0
        self._add(link_type, snaplen, resolution[0] if resolution else 6, seconds)

    def _add(self, link_type: int, snaplen: int, resolution: int, seconds: int) -> None:
        words = (link_type if link_type >= 0 else 0x10000, *_clock_words(resolution, seconds))
        self._interfaces.append(_Interface(link_type, snaplen, _clock(resolution, seconds)))
        self._faces.extend(words)

    def _statistics(self, body: bytes) -> None:
        if len(body) < 12:
            return
        options = self._options(body, 12)
        # isb_ifdrop and isb_osdrop: lost in the interface, lost in the operating system.
        counts = [options[code] for code in (5, 7) if len(options.get(code, b"")) == 8]
        lost = sum(Struct(self._order + "Q").unpack(count)[0] for count in counts)
        if 0 < lost < 2**63:
            self._framing.lost(self._section, Struct(self._order + "I").unpack_from(body)[0], lost)

    def _resolutions(self, body: bytes) -> None:
        """Take the records of a name resolution block: type, length, an address and its names, each ended by zero."""
        header, at = Struct(self._order + "HH"), 0
        while at + 4 <= len(body):
            kind, length = header.unpack_from(body, at)
            if kind == 0 or len(self._framing.named) >= _MOST_NAMED:
                break
            size = {1: 4, 2: 16}.get(kind, 0)
            record = body[at + 4 : at + 4 + length]
            if 0 < size < len(record):
                called = [name for name in record[size:].split(b"\0") if name]
                self._framing.named.append((record[:size], called))
            at += 4 + _padded(length)

    def _packet(self, kind: int, body: bytes) -> Framed | None:
        fixed = {_ENHANCED: 20, _OLD_PACKET: 20, _SIMPLE: 4}[kind]
        if len(body) < fixed:
            if body:
                self._framing.stop("malformed", "a packet block too short for its own header")
            return None
        ticks: int | None = None
        if kind == _ENHANCED:
            number, high, low, captured, wire = Struct(self._order + "IIIII").unpack_from(body)
            ticks = high << 32 | low
        elif kind == _OLD_PACKET:
            number, _, high, low, captured, wire = Struct(self._order + "HHIIII").unpack_from(body)
            ticks = high << 32 | low
        else:
            number = 0
            wire = captured = Struct(self._order + "I").unpack_from(body)[0]
            snaplen = self._interfaces[0].snaplen if self._interfaces else 0
            captured = min(captured, snaplen or captured, len(body) - fixed)
        if captured > min(MAXIMUM_CAPTURED, len(body) - fixed):
            # The block's own length holds, so that reading goes on behind it.
            self._framing.stop("malformed", f"a packet claims {captured} captured bytes in a block of {len(body)}")
            return None
        data = body[fixed : fixed + captured]
        self._framing.interface = number, len(self._interfaces)
        if number >= len(self._interfaces):
            return None, NO_INTERFACE, wire, data
        interface = self._interfaces[number]
        return None if ticks is None else interface.nanoseconds(ticks), interface.link_type, wire, data

    def _options(self, body: bytes, at: int) -> dict[int, bytes]:
        header = Struct(self._order + "HH")
        options: dict[int, bytes] = {}
        while at + 4 <= len(body):
            code, length = header.unpack_from(body, at)
            if code == 0:
                break
            options.setdefault(code, body[at + 4 : at + 4 + length])
            at += 4 + _padded(length)
        return options

    def _read(self, size: int) -> bytes:
        data = self._framing.stream.read(size)
        self._framing.offset += len(data)
        return data

    def _skip(self, size: int) -> bool:
        """Pass over bytes in bounded chunks; False at the end of the file."""
        while size > 0:
            passed = len(self._read(min(size, _CHUNK)))
            if not passed:
                self._framing.stop("truncated", "the file ends inside a block")
                return False
            size -= passed
        return True


def _padded(length: int) -> int:
    return (length + 3) & ~3


def _clock(resolution: int, offset_seconds: int) -> Callable[[int], int | None]:
    """Return ticks -> ns since the epoch for an if_tsresol byte; None for times that no timestamp can hold."""
    per_second = 2 ** (resolution & 0x7F) if resolution & 0x80 else 10**resolution
    offset = offset_seconds * 1_000_000_000

    def nanoseconds(ticks: int) -> int | None:
        time = ticks * 1_000_000_000 // per_second + offset
        return time if 0 <= time <= _LATEST else None

    return nanoseconds


def _clock_words(resolution: int, offset_seconds: int) -> tuple[int, int, int]:
    """Return the clock as the kernel wants it: mode, parameter, offset; mode 3 is for the slow lane."""
    offset = offset_seconds * 1_000_000_000 & 2**64 - 1
    exponent = resolution & 0x7F
    if abs(offset_seconds) > 2**33:
        return 3, 1, 0
    if resolution & 0x80:
        return (2, exponent, offset) if exponent <= 34 else (3, 1, 0)
    if exponent <= 9:
        return 0, 10 ** (9 - exponent), offset
    return (1, 10 ** (exponent - 9), offset) if exponent <= 28 else (3, 1, 0)
