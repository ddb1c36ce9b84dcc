"""Turns the rows that the kernel writes into the flow table, in memory that grows with distinct rows only."""

import ipaddress
from collections.abc import Iterable
from typing import Any, cast

import numpy as np
import pandas as pd

from collectors.capture import kernel
from collectors.digests import digests
from collectors.flows import FAN_IN, PROTOCOL_NAMES, Flows, conform_flows, empty_flows

Words = np.ndarray[tuple[int, ...], np.dtype[np.uint64]]
"""Rows of 14 words, see `kernel`."""

_KEY = 7  # words that tell rows apart; first, last and 5 counters follow
_LOOSE = np.uint64(1 << 15)
"""Flag of word 5: neither side is known to have begun, and both ports are there."""
_MERGE_AT = 1 << 17


class Rows:
    """Rows so far, added up where their keys are the same."""

    def __init__(self) -> None:
        self._parts: list[Words] = []
        self._waiting = 0
        self._merged = 0

    def add(self, rows: Words) -> None:
        """Take some rows."""
        self._parts.append(rows)
        self._waiting += len(rows)
        if self._waiting > max(_MERGE_AT, self._merged):
            merged = _add_up(np.concatenate(self._parts))
            self._parts, self._merged, self._waiting = [merged], len(merged), 0

    def flows(self, sources: list[str]) -> Flows:
        """Return everything as FLOWS, in no particular order."""
        if not self._parts:
            return empty_flows()
        rows = _add_up(np.concatenate(self._parts))
        return _frame(_add_up(_settle(rows)), sources)


def _add_up(rows: Words) -> Words:
    """Return the rows with those of one key added up: earliest, latest, and sums.

    Sorted by a digest of the key, which is one sort instead of seven. Should two keys ever share a digest, rows of
    theirs may stay apart; `compact` adds these up at the end.
    """
    rows = rows[np.argsort(digests(rows[:, :_KEY].T.view(np.int64), len(rows)))]
    new = np.ones(len(rows), dtype=bool)
    new[1:] = (rows[1:, :_KEY] != rows[:-1, :_KEY]).any(axis=1)
    starts = np.flatnonzero(new)
    total = rows[starts]
    total[:, 7] = np.minimum.reduceat(rows[:, 7], starts)
    total[:, 8] = np.maximum.reduceat(rows[:, 8], starts)
    total[:, 9:] = np.add.reduceat(rows[:, 9:], starts, axis=0)
    return total


def _settle(rows: Words) -> Words:
    """Choose the dst of conversations whose initiator is unknown, now that all peers of each port were seen.

    More peers, then the lower port, then the lower address: always the same side. Fewer than FAN_IN say nothing: a
    client that is seen before and after its Service's address is translated has two peers, too.
    """
    is_loose = (rows[:, 5] & _LOOSE) != 0
    if not is_loose.any():
        return rows
    loose = rows[is_loose]
    peers = _peers(rows[~is_loose], loose)
    port_a, port_b = loose[:, 4] >> np.uint64(16) & np.uint64(0xFFFF), loose[:, 4] & np.uint64(0xFFFF)
    kind = loose[:, 4] >> np.uint64(32)
    turned = np.zeros(len(loose), dtype=bool)
    ends = zip(*(column.tolist() for column in (*loose[:, :4].T, port_a, port_b, kind)), strict=True)
    for at, (a0, a1, b0, b1, a_port, b_port, protocol) in enumerate(ends):
        # b is the dst as it stands; the better candidate has the smaller rank
        as_it_stands = (-peers.get((b0, b1, b_port, protocol), 0), b_port, b0, b1)
        turned[at] = (-peers.get((a0, a1, a_port, protocol), 0), a_port, a0, a1) < as_it_stands
    back = loose[turned]
    loose[turned] = back[:, [2, 3, 0, 1, 4, 5, 6, 7, 8, 9, 12, 13, 10, 11]]
    port = np.where(turned, port_a, port_b)
    loose[:, 4] = kind << np.uint64(32) | port
    loose[:, 5] &= ~_LOOSE
    return np.concatenate([rows[~is_loose], loose])


def _peers(known: Words, loose: Words) -> dict[tuple[int, int, int, int], int]:
    """Return (address, port, protocol) -> the conversations that it was the server of, or an end of where unknown.

    Without a handshake that was seen, only where these are FAN_IN or more.
    """
    peers: dict[tuple[int, int, int, int], int] = {}
    handshakes = known[(known[:, 5] & np.uint64(0xFF)) == 0]
    for high, low, ports, count in handshakes[:, [2, 3, 4, 9]].tolist():
        key = (high, low, ports & 0xFFFF, ports >> 32)
        peers[key] = peers.get(key, 0) + count
    several: dict[tuple[int, int, int, int], int] = {}
    conversations = np.unique(loose[:, :5], axis=0).tolist()
    for a0, a1, b0, b1, ports in conversations:
        for key in ((a0, a1, ports >> 16 & 0xFFFF, ports >> 32), (b0, b1, ports & 0xFFFF, ports >> 32)):
            several[key] = several.get(key, 0) + 1
    for key, count in several.items():
        if key in peers or count >= FAN_IN:
            peers[key] = peers.get(key, 0) + count
    return peers


def _frame(rows: Words, sources: list[str]) -> Flows:
    six = rows[:, 4] >> np.uint64(40)
    protocol = (rows[:, 4] >> np.uint64(32) & np.uint64(0xFF)).astype(np.int64)
    columns = {
        "first_seen": _times(rows[:, 7]),
        "last_seen": _times(rows[:, 8]),
        "src": _addresses(rows[:, 0], rows[:, 1], six),
        "dst": _addresses(rows[:, 2], rows[:, 3], six),
        "dst_port": (rows[:, 4] & np.uint64(0xFFFF)).astype(np.int64),
        "protocol": _coded(protocol, (PROTOCOL_NAMES.get(number, str(number)) for number in range(256))),
        "orientation": _coded((rows[:, 5] & np.uint64(0xFF)).astype(np.int64), kernel.ORIENTATIONS),
        "outcome": _coded((rows[:, 5] >> np.uint64(8) & np.uint64(0x7F)).astype(np.int64), kernel.OUTCOMES),
        "sampled": 1.0,
        "source": _coded((rows[:, 5] >> np.uint64(16)).astype(np.int64), sources),
    }
    counters = ("connections", "packets", "bytes", "reply_packets", "reply_bytes")
    columns |= {name: rows[:, 9 + at].astype(np.int64) for at, name in enumerate(counters)}
    return conform_flows(pd.DataFrame(columns))


def _coded(codes: "np.ndarray[tuple[int, ...], np.dtype[np.int64]]", words: Iterable[str]) -> pd.Categorical:
    """Return a category column of only the words that occur."""
    listed = list(words)
    used, places = np.unique(codes, return_inverse=True)
    names, same = np.unique(np.array([listed[code] for code in used.tolist()], dtype=object), return_inverse=True)
    return _category(same[places], names)


def _addresses(high: Words, low: Words, six: Words) -> pd.Categorical:
    """Return canonical text: IPv6 compressed in lower case, IPv4 that was mapped into IPv6 as IPv4."""
    is_six = six != 0
    places = np.empty(len(low), dtype=np.int64)
    four, places[~is_six] = np.unique(low[~is_six], return_inverse=True)
    # both halves as one value that sorts: numpy has no wider integers
    wide = np.empty(int(is_six.sum()), dtype=[("high", np.uint64), ("low", np.uint64)])
    wide["high"], wide["low"] = high[is_six], low[is_six]
    wider, at = np.unique(wide, return_inverse=True)
    places[is_six] = at + len(four)
    texts = [str(ipaddress.IPv4Address(address)) for address in four.tolist()]
    texts += [_six(*halves) for halves in wider.tolist()]
    names, same = np.unique(np.array(texts, dtype=object), return_inverse=True)
    return _category(same[places], names)


def _category(places: "np.ndarray[tuple[int, ...], np.dtype[Any]]", names: Iterable[object]) -> pd.Categorical:
    # Places that come from np.unique are in range: checking them once more would cost more than all of this.
    words = pd.CategoricalDtype([str(name) for name in names])
    return cast("pd.Categorical", pd.Categorical.from_codes(places, dtype=words, validate=False))


def _six(high: int, low: int) -> str:
    parsed = ipaddress.IPv6Address(high << 64 | low)
    return str(parsed.ipv4_mapped or parsed)


def _times(nanoseconds: Words) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(nanoseconds.astype("int64").view("datetime64[ns]"), tz="UTC")
