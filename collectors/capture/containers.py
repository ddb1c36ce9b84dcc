"""Turns the bytes of a capture file (pcap, pcapng) into packets: time, link type, length on the wire, data.

Formats: https://datatracker.ietf.org/doc/draft-ietf-opsawg-pcap/ and .../draft-ietf-opsawg-pcapng/.
A stream is read forward only, one packet at a time, so a pipe does as well as a file; no length field of the file
is believed beyond MAXIMUM_CAPTURED. What cannot be read is said in the ledger: nothing here raises for bad content.
"""

from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from struct import Struct
from typing import Protocol

from collectors.capture.pcapng import BYTE_ORDERS, MAXIMUM_CAPTURED, NO_INTERFACE, Framed, Sections
from collectors.ledger import LedgerWriter

__all__ = ["MAXIMUM_CAPTURED", "NO_INTERFACE", "FastLane", "Framed", "Framing", "Readable", "sniff"]

_PCAP_RECORDS = 1
"""The form of records that a fast lane may take here, see `kernel.run`."""

# Magic as it lies in the file -> (byte order, ns per unit of the fraction, bytes after the record header).
# 0xa1b2cd34 is Kuznetzov's modified pcap of old Linux: eight more bytes in each record.
_PCAP_MAGICS = {
    b"\xd4\xc3\xb2\xa1": ("<", 1000, 0),
    b"\xa1\xb2\xc3\xd4": (">", 1000, 0),
    b"\x4d\x3c\xb2\xa1": ("<", 1, 0),
    b"\xa1\xb2\x3c\x4d": (">", 1, 0),
    b"\x34\xcd\xb2\xa1": ("<", 1000, 8),
    b"\xa1\xb2\xcd\x34": (">", 1000, 8),
}
_PCAPNG_MAGIC = b"\x0a\x0d\x0d\x0a"


def sniff(head: bytes) -> str | None:
    """Return "pcap" or "pcapng" for the first bytes of a capture, None for anything else."""
    if head[:4] in _PCAP_MAGICS:
        return "pcap"
    if head[:4] == _PCAPNG_MAGIC and head[8:12] in BYTE_ORDERS:
        return "pcapng"
    return None


class Readable(Protocol):
    """A buffered stream: a short read means its end."""

    def read(self, size: int, /) -> bytes:
        """Return the next bytes."""


FastLane = Callable[[int, bool, int, "array[int]"], int]
"""Takes the whole, ordinary records at the stream's place (form, byte order swapped, extra bytes a record,
interfaces in the kernel's words) and returns how many bytes these were; what is left is for the slow lane here."""


@dataclass
class Framing:
    """The packets of one capture stream, in file order; `drops` is complete when they were all taken.

    With a fast lane, only those packets are yielded that it leaves.
    """

    stream: Readable
    source: str
    ledger: LedgerWriter
    fast: FastLane | None = None
    offset: int = 0
    drops: int = 0
    named: list[tuple[bytes, list[bytes]]] = field(default_factory=list)
    """Addresses and their names, as name resolution blocks tell them."""
    interface: tuple[int, int] = (0, 1)
    """Which interface saw the packet yielded last, and of how many."""
    _drops: dict[tuple[int, int], int] = field(default_factory=dict)

    def packets(self) -> Iterator[Framed]:
        """Yield (time in ns or None, link type, length on the wire, data) of each packet."""
        magic = self._take(4)
        if magic in _PCAP_MAGICS:
            yield from self._pcap(*_PCAP_MAGICS[magic])
        elif magic == _PCAPNG_MAGIC:
            yield from Sections(self).packets()
            self.drops = sum(self._drops.values())
        elif magic:
            self.stop("malformed", "no capture begins like this")

    def _pcap(self, order: str, unit: int, extra: int) -> Iterator[Framed]:
        header = self._take(20)
        if len(header) < 20:
            self.stop("truncated", "the file ends inside its header")
            return
        # The upper half of the link type tells about checksums behind the frame (LINKTYPE, FCS length).
        link_type = Struct(order + "HHiIII").unpack(header)[5] & 0xFFFF
        record = Struct(f"{order}IIII{extra}x")
        size, unpack, read = record.size, record.unpack, self.stream.read
        faces = array("Q", [link_type, 0, unit, 0])
        while True:
            if self.fast is not None:
                self.offset += self.fast(_PCAP_RECORDS, order == ">", extra, faces)
            if len(head := read(size)) < size:
                break
            seconds, fraction, captured, wire = unpack(head)
            if captured > MAXIMUM_CAPTURED:
                # What follows cannot be found without this length.
                self.stop("malformed", f"a packet claims {captured} captured bytes; the rest of the file is not read")
                return
            data = read(captured)
            if len(data) < captured:
                self.stop("truncated", f"the file ends {captured - len(data)} bytes before the end of a packet")
                return
            self.offset += size + captured
            yield seconds * 1_000_000_000 + fraction * unit, link_type, wire, data
        if head:
            self.stop("truncated", "the file ends inside a packet header")

    def stop(self, kind: str, text: str) -> None:
        """Record why reading ends here."""
        self.ledger.event(self.source, kind, self.offset, f"{text} (byte {self.offset})")

    def lost(self, section: int, interface: int, drops: int) -> None:
        """Take an interface's statement of how many packets it lost; counts are cumulative, the largest one holds."""
        if drops > self._drops.get((section, interface), 0):
            self.ledger.event(self.source, "gap", self.offset, f"interface {interface} lost {drops} packets")
            self._drops[section, interface] = drops

    def _take(self, size: int) -> bytes:
        data = self.stream.read(size)
        self.offset += len(data)
        return data
