"""Blocks as the kernel fills them, records as we hand them over, and threads that live in a network namespace."""

import ctypes
import os
import socket
import struct
import time
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from tests.collectors.live.packets import LINK

BLOCK, HEADER = 48, 68
ETHERNET, LOOPBACK, NONE = 1, 772, 65534
HOST, OUTGOING = 0, 4
TAGGED, KIND_TOLD = 1 << 4, 1 << 6


class Packet(NamedTuple):
    """A packet as the ring holds it."""

    data: bytes
    time: int = 0
    hardware: int = ETHERNET
    interface: int = 2
    direction: int = HOST
    wire: int = 0
    link: int = 14
    status: int = 1
    tag: int = 0
    kind: int = 0


class Record(NamedTuple):
    """A packet as the capture kernel gets it."""

    time: int
    link: int
    face: int
    wire: int
    data: bytes


def block(packets, size=1 << 15, status=1):
    """Return a block of a TPACKET_V3 ring, with the packets in it."""
    parts = []
    for number, packet in enumerate(packets):
        begin = 96
        room = -(-(begin + len(packet.data)) // 16) * 16
        step = room if number + 1 < len(packets) else 0
        seconds, rest = divmod(packet.time, 10**9)
        header = struct.pack(
            "=6IHH2IHH8s", step, seconds, rest, len(packet.data), packet.wire or len(packet.data), packet.status,
            begin, begin + packet.link, 0, packet.tag, packet.kind, 0, b"",
        )  # fmt: skip
        link = struct.pack("=HHiHBB8s", 17, 0, packet.interface, packet.hardware, packet.direction, 6, b"")
        parts.append((header + link).ljust(begin, b"\0") + packet.data.ljust(room - begin, b"\0"))
    head = struct.pack("=2I4IQ", 3, 0, status, len(packets), BLOCK, 0, 0).ljust(BLOCK, b"\0")
    return bytearray((head + b"".join(parts)).ljust(size, b"\xee"))


def records(data):
    """Return the records of a batch."""
    found, at = [], 0
    while at < len(data):
        time_, link, face, wire, captured = struct.unpack_from("<QIIQQ", data, at)
        at += 32
        found.append(Record(time_, link, face, wire, bytes(data[at : at + captured])))
        at += captured
    assert at == len(data)
    return found


class Inside:
    """A thread that lives in a network namespace."""

    def __init__(self, spaces, name):
        self._fd = os.open(f"/run/netns/{spaces.full(name)}", os.O_RDONLY | os.O_CLOEXEC)
        self._thread = ThreadPoolExecutor(1, initializer=self._enter)

    def _enter(self):
        if ctypes.CDLL(None, use_errno=True).setns(self._fd, 0x40000000):
            raise OSError(ctypes.get_errno(), "setns")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._thread.shutdown()
        os.close(self._fd)

    def begin(self, function, *arguments, **options):
        """Begin a call there; return its future."""
        return self._thread.submit(function, *arguments, **options)

    def __call__(self, function, *arguments, **options):
        """Call a function there."""
        return self.begin(function, *arguments, **options).result(60)


def send(name, frames):
    """Send frames out of an interface of this thread's namespace."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock:
        sock.bind((name, 0))
        for frame in frames:
            sock.send(frame)


def heard(live, enough, patience=10.0):
    """Read until there is enough, and whatever comes within a moment after that."""
    found, end = [], time.monotonic() + patience
    while time.monotonic() < end and not enough(found):
        found += (record for batch in live.read(0.2) for record in records(batch))
    found += (record for batch in live.read(0.2) for record in records(batch))
    return found


def frame(payload, kind=b"\x88\xb5"):
    """Return a frame with a payload of no known kind, long enough not to be padded."""
    addresses = (bytes.fromhex(LINK[end].replace(":", "")) for end in ("dst", "src"))
    return b"".join(addresses) + kind + payload.ljust(60, b"\0")
