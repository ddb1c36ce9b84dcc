"""Turns one DNS message into what its answer says: which names lead to which addresses (RFC 1035, 2181, 3596).

By hand and not by scapy, which reads one fortieth as many messages a second and refuses more than a hundred records;
scapy is the oracle of the tests. A message may cost as many steps as it has bytes, whatever it holds.
"""

import re
import struct
from collections.abc import Sequence
from struct import Struct

MAXIMUM_NAME = 255
_MAXIMUM_LABEL = 63
_MAXIMUM_CHAIN = 16
"""Aliases followed from the question; resolvers give up at about as many."""

_HEADER = Struct(">6H")
_RECORD = Struct(">HHIH")
_A, _CNAME, _AAAA, _INTERNET = 1, 5, 28, 1
_ADDRESS_SIZES = {_A: 4, _AAAA: 16}
_MAPPED = bytes(10) + b"\xff\xff"

_PLAIN = re.compile(rb"[-.0-9A-Z_a-z]+")
# A label's byte as text: visible ASCII but the dot that parts labels and the backslash, all else as master files do.
_TEXT = [chr(byte).lower() if 0x21 <= byte <= 0x7E and byte not in b".\\" else f"\\{byte:03d}" for byte in range(256)]

Pair = tuple[bytes, str]
"""A packed address and a name that leads to it."""


class _Nonsense(Exception):
    """A message that no cut explains."""


def text_of(labels: Sequence[bytes]) -> str:
    r"""Return labels as one lower-case name without trailing dot, hostile bytes as \DDD; the root is "."."""
    raw = b".".join(labels)
    if _PLAIN.fullmatch(raw) and raw.count(b".") == len(labels) - 1:
        return raw.decode("ascii").lower()
    return ".".join("".join(_TEXT[byte] for byte in label) for label in labels) or "."


def host_text(name: bytes) -> str | None:
    """Return a host name that came as text, in the form of `text_of`; None for what can be no DNS name."""
    labels = name.removesuffix(b".").split(b".")
    if len(name) > MAXIMUM_NAME or not all(0 < len(label) <= _MAXIMUM_LABEL for label in labels):
        return None
    return text_of(labels)


def canonical(address: bytes) -> bytes:
    """Return a packed address, IPv4 that was mapped into IPv6 as IPv4."""
    return address[12:] if len(address) == 16 and address.startswith(_MAPPED) else address


def answers(message: bytes) -> bool:
    """Return whether a message is a response to a standard query, without error and with answers."""
    return (
        len(message) >= 12
        and message[2] & 0xF8 == 0x80  # QR, opcode 0
        and not message[3] & 0x0F
        and (message[6] or message[7]) != 0
    )


def read_answer(message: bytes) -> tuple[list[Pair], int, str]:
    """Return the pairs that a response states, address records that nobody asked for, and what is wrong with it.

    Every name of the chain of aliases from the question to the owner of an address leads to that address. What is
    wrong is "", "truncated" (what came before the cut counts) or "malformed" (nothing of it counts).
    """
    answer, fault = _Answer(message), ""
    try:
        answer.read()
    except (IndexError, struct.error):
        fault = "truncated"
    except _Nonsense:
        return [], 0, "malformed"
    pairs, unasked = answer.pairs()
    return pairs, unasked, fault


class _Answer:
    """The question, aliases and addresses of one message, as far as it was read."""

    def __init__(self, message: bytes) -> None:
        self._message = message
        self._steps = len(message)
        self._targets: dict[int, str] = {}
        self._asked = ""
        self._aliases: dict[str, str] = {}
        self._addresses: list[tuple[bytes, str]] = []

    def read(self) -> None:
        """Read questions and answers; raises IndexError or struct.error where the message ends before its end."""
        message = self._message
        _, _, questions, records, _, _ = _HEADER.unpack_from(message)
        if questions > 1:
            raise _Nonsense
        at = _HEADER.size
        if questions:
            asked, at = self._name(at)
            at += 4
            self._asked = asked
        for _ in range(records):
            owner, at = self._name(at)
            kind, network, _, size = _RECORD.unpack_from(message, at)
            at += _RECORD.size
            if at + size > len(message):
                raise IndexError
            if network == _INTERNET:
                self._record(owner, kind, at, size)
            at += size

    def pairs(self) -> tuple[list[Pair], int]:
        """Return the pairs without repetition, and the number of address records that the question does not reach."""
        chain = [self._asked] if self._asked else []
        while chain and len(chain) <= _MAXIMUM_CHAIN:
            target = self._aliases.get(chain[-1])
            if target is None or target in chain:
                break
            chain.append(target)
        place = {name: number for number, name in enumerate(chain, 1)}
        reached = [(address, place[owner]) for address, owner in self._addresses if owner in place]
        pairs = dict.fromkeys((address, name) for address, names in reached for name in chain[:names])
        return list(pairs), len(self._addresses) - len(reached)

    def _record(self, owner: str, kind: int, at: int, size: int) -> None:
        if kind == _CNAME:
            target, end = self._name(at)
            if end != at + size:
                raise _Nonsense
            # A second alias of the same name breaks RFC 2181, 10.1: the first one holds.
            self._aliases.setdefault(owner, target)
        elif kind in _ADDRESS_SIZES:
            if size != _ADDRESS_SIZES[kind]:
                raise _Nonsense
            self._addresses.append((canonical(self._message[at : at + size]), owner))

    def _name(self, at: int) -> tuple[str, int]:
        """Return the name at a place, and the place behind it."""
        message = self._message
        if message[at] >= 0xC0:
            target = self._target(at, at)
            name = self._targets.get(target)
            if name is None:
                name = self._targets[target] = text_of(self._labels(target)[0])
            return name, at + 2
        labels, end = self._labels(at)
        return text_of(labels), end

    def _labels(self, at: int) -> tuple[list[bytes], int]:
        """Return the labels at a place and the place behind them; each pointer must lead further back: no loops."""
        message, labels, end, begin, size = self._message, [], 0, at, 1
        while length := message[at]:
            self._steps -= 1
            if self._steps < 0:
                raise _Nonsense
            if length >= 0xC0:
                end = end or at + 2
                begin = at = self._target(at, begin)
                continue
            size += length + 1
            if length > _MAXIMUM_LABEL or size > MAXIMUM_NAME:
                raise _Nonsense
            at += length + 1
            if at > len(message):
                raise IndexError
            labels.append(message[at - length : at])
        return labels, end or at + 1

    def _target(self, at: int, begin: int) -> int:
        target = (self._message[at] & 0x3F) << 8 | self._message[at + 1]
        if not _HEADER.size <= target < begin:
            raise _Nonsense
        return target
