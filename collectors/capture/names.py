"""Turns DNS answers, TLS greetings and name resolution blocks into the names that outside addresses were called by.

Memory is bounded: so many distinct pairs of address and name, so many remembered answers. Nothing here raises for
what a capture holds; what could not be used is counted in the attributes of NameReader, for the ledger.
"""

import hashlib
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd

from collectors.capture.dns import answers, canonical, host_text, read_answer
from collectors.capture.hello import server_name
from collectors.ledger import LedgerWriter
from collectors.names import Names, compact_names, conform_names, empty_names

MAXIMUM_PAIRS = 100_000
"""Distinct pairs of address and name that one reader keeps."""
_LATEST = 2**63 - 1  # what a timestamp can hold (the year 2262)
_REMEMBERED = 4096
"""Answers whose like is recognised without reading it."""
_REMEMBERED_PAIRS = 64
"""Pairs of the largest answer that is remembered."""
_UNUSED = {
    "names beyond the ceiling are not kept": "overflow",
    "DNS messages or TLS greetings are malformed": "malformed",
    "address records that nobody asked for are not believed": "unasked",
}
"""What is said of names that were not used, and the attribute that counts them."""


@dataclass(slots=True)
class _Said:
    """How often a pair was said, and when: ns since the epoch, None while no time is known."""

    first: int | None = None
    last: int | None = None
    count: int = 0

    def add(self, time: int | None) -> None:
        self.count += 1
        if time is None or not 0 <= time <= _LATEST:
            return
        if self.first is None or time < self.first:
            self.first = time
        if self.last is None or time > self.last:
            self.last = time


class _Heard(NamedTuple):
    """What one answer comes to: where its pairs are counted, pairs without room, records not asked for, fault."""

    said: tuple[_Said, ...]
    overflow: int
    unasked: int
    fault: str


class NameReader:
    """Collects the names that one source gives to addresses; make a new one for each source or interval.

    Counts, complete at any time:
    `overflow`: sightings of pairs beyond `maximum_pairs`, which are not in the result;
    `malformed`: messages, greetings and records that are nonsense, of which nothing was used;
    `truncated`: those that ended before their end, of which what was there was used;
    `unasked`: address records of answers that the question of the same message does not lead to, which were not used:
    a server may add any record, and whoever asked ignores it.
    """

    def __init__(self, maximum_pairs: int = MAXIMUM_PAIRS) -> None:
        self.overflow = 0
        self.malformed = 0
        self.truncated = 0
        self.unasked = 0
        self._maximum_pairs = maximum_pairs
        self._pairs: dict[tuple[bytes, str, str], _Said] = {}
        # Digest of an answer behind its id -> what it came to. No message is kept, and none can pass for another.
        self._remembered: dict[bytes, _Heard] = {}

    def tell(self, source: str, ledger: LedgerWriter) -> None:
        """Write what could not be used into a ledger, as events of the source."""
        for text, count in _UNUSED.items():
            if number := getattr(self, count):
                ledger.event(source, "name_evidence", 0, f"{number} {text}", number)

    def dns(self, time_ns: int, payload: bytes) -> None:
        """Take a DNS message; only answers without error count.

        The caller chooses what is DNS: UDP from port 53, or from wherever it knows a resolver.
        """
        if not answers(payload):
            self.truncated += len(payload) < 12
            return
        digest = hashlib.blake2b(memoryview(payload)[2:], digest_size=16).digest()
        heard = self._remembered.get(digest)
        if heard is None:
            heard = self._read(payload)
            if len(heard.said) <= _REMEMBERED_PAIRS:
                if len(self._remembered) >= _REMEMBERED:
                    self._remembered.clear()
                self._remembered[digest] = heard
        for said in heard.said:
            said.add(time_ns)
        self.overflow += heard.overflow
        self.unasked += heard.unasked
        self._count(heard.fault)

    def dns_stream(self, time_ns: int, payload: bytes) -> None:
        """Take a TCP segment that begins with the length of a DNS message; more messages may follow in it."""
        at = 0
        while at < len(payload):
            size = int.from_bytes(payload[at : at + 2])
            message = payload[at + 2 : at + 2 + size]
            at += 2 + size
            if len(message) < min(size, 12) or at - size > len(payload):
                self.truncated += 1
                return
            self.dns(time_ns, message)

    def sni(self, time_ns: int, address: str | bytes, payload: bytes) -> None:
        """Take the first TCP payload of a client and the server's address, as text or packed."""
        name, fault = server_name(payload)
        self._count(fault)
        if name:
            self._say(address, name, "sni", time_ns)

    def payload(self, time: int, kind: int, address: tuple[int, int, bool], data: bytes) -> None:
        """Take what `conversations` marks: a DNS message (1), one over TCP (2), a client's first data (3).

        `address` is that of the server as two words, and whether they are IPv6.
        """
        if kind == 1:
            self.dns(time, data)
        elif kind == 2:
            self.dns_stream(time, data)
        else:
            high, low, six = address
            self.sni(time, (high << 64 | low).to_bytes(16) if six else low.to_bytes(4), data)

    def resolved(
        self, address: str | bytes, names: Iterable[str | bytes], time_ns: int | None = None, kind: str = "nrb"
    ) -> None:
        """Take a record of a pcapng name resolution block, or of a log; `time_ns` is when it was said, if known."""
        for name in names:
            text = host_text(name if isinstance(name, bytes) else name.encode("utf-8", "surrogatepass"))
            if text is None:
                self.malformed += 1
            else:
                self._say(address, text, kind, time_ns)

    def finish(self, source: str) -> Names:
        """Return all names so far, as of this source; the reader stays as it is."""
        if not self._pairs:
            return empty_names()
        addresses, names, kinds = zip(*self._pairs, strict=True)
        text = {address: str(ipaddress.ip_address(address)) for address in set(addresses)}
        said = self._pairs.values()
        frame = pd.DataFrame(
            {
                "first_seen": _times([row.first for row in said]),
                "last_seen": _times([row.last for row in said]),
                "address": [text[address] for address in addresses],
                "name": names,
                "kind": kinds,
                "count": [row.count for row in said],
                "source": source,
            }
        )
        return compact_names(conform_names(frame))

    def _read(self, message: bytes) -> _Heard:
        pairs, unasked, fault = read_answer(message)
        kept = [said for address, name in pairs if (said := self._place(address, name, "dns"))]
        return _Heard(tuple(kept), len(pairs) - len(kept), unasked, fault)

    def _say(self, address: str | bytes, name: str, kind: str, time_ns: int | None) -> None:
        try:
            packed = canonical(ipaddress.ip_address(address).packed)
        except ValueError:
            self.malformed += 1
            return
        said = self._place(packed, name, kind)
        if said is None:
            self.overflow += 1
        else:
            said.add(time_ns)

    def _place(self, address: bytes, name: str, kind: str) -> _Said | None:
        """Return where a pair is counted, None where there is no room for a new one."""
        key = (address, name, kind)
        said = self._pairs.get(key)
        if said is None:
            if len(self._pairs) >= self._maximum_pairs:
                return None
            said = self._pairs[key] = _Said()
        return said

    def _count(self, fault: str) -> None:
        self.malformed += fault == "malformed"
        self.truncated += fault == "truncated"


def _times(nanoseconds: list[int | None]) -> "pd.Series[pd.Timestamp]":
    return pd.Series(nanoseconds, dtype="Int64").astype("datetime64[ns, UTC]")
