"""Turns a packet socket into records: the kernel writes packets into memory that both see, block by block (TPACKET_V3).

Structures and constants: linux/if_packet.h, linux/filter.h, asm-generic/socket.h.
"""

import ctypes
import errno
import mmap
import socket
import struct
from typing import Final, Protocol

from collectors.live import blocks

RING_BYTES: Final = 8 << 20
"""What the kernel may hold back while nobody reads, unless told otherwise."""
RETIRED_AFTER: Final = 0.05
"""Seconds after which the kernel hands over a block that is not full."""

_SOL_PACKET, _RX_RING, _STATISTICS, _VERSION, _V3 = 263, 5, 6, 10, 2
_ATTACH_FILTER = 26
_NOTHING = struct.pack("=HBBI", 0x06, 0, 0, 0)  # the program that drops every packet
_FRAME = 2048  # the kernel wants a number that divides a block; packets of a V3 ring may be longer
_SMALL, _LARGE = 1 << 15, 1 << 18  # many small blocks: each 50 ms with a packet take one, however little is in it
_OVERHEAD = 256  # bytes of a block beside its first packet's, generously
_MOST = 1 << 42  # where the numbers of a request end; the kernel refuses much less
_EVERY = 0x0003  # ETH_P_ALL


class Capturing(Protocol):
    """What scapy's L2ListenSocket offers: a packet socket, and an end to it."""

    ins: socket.socket

    def close(self) -> None:
        """End it."""


class Ring:
    """A packet ring on a socket, which it owns from now on.

    The filter is in force before the ring is made, and making it throws away what the socket has heard so far: every
    packet in it passed the filter. `everywhere` unbinds the socket, so that it hears every interface. Raises OSError
    where the kernel refuses.
    """

    def __init__(
        self, opened: Capturing, filter_program: bytes, *, size: int = RING_BYTES, snap: int, everywhere: bool = False
    ) -> None:
        self._opened = opened
        self._socket = opened.ins
        self._block = _SMALL if snap + _OVERHEAD <= _SMALL else _LARGE
        self._blocks = max(2, min(size, _MOST) // self._block)
        self._everywhere = everywhere
        self._next = 0
        self._memory: mmap.mmap | None = None
        self.gone = False
        """Whether the interface went down or away; what is in the ring by then can still be read."""
        try:
            self._attach(filter_program)
            self._make()
            if everywhere:
                self._unbind()
        except BaseException:
            self.close()
            raise
        self._out = bytearray(self._block)

    def _attach(self, filter_program: bytes) -> None:
        code = ctypes.create_string_buffer(filter_program, len(filter_program))
        self._socket.setsockopt(
            socket.SOL_SOCKET, _ATTACH_FILTER, struct.pack("@HP", len(filter_program) // 8, ctypes.addressof(code))
        )

    def _make(self) -> None:
        self._socket.setsockopt(_SOL_PACKET, _VERSION, _V3)
        total = self._block * self._blocks
        request = (self._block, self._blocks, _FRAME, total // _FRAME, round(RETIRED_AFTER * 1000), 0, 0)
        self._socket.setsockopt(_SOL_PACKET, _RX_RING, struct.pack("=7I", *request))
        self._memory = mmap.mmap(self._socket.fileno(), total, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)

    def _unbind(self) -> None:
        """Bind to no interface, which Python's own bind cannot say."""
        system = ctypes.CDLL(None, use_errno=True)
        nowhere = struct.pack("=HHiHBB8s", socket.AF_PACKET, socket.htons(_EVERY), 0, 0, 0, 0, b"")  # sockaddr_ll
        if system.bind(self._socket.fileno(), nowhere, len(nowhere)):
            raise OSError(ctypes.get_errno(), "a packet socket cannot be unbound")

    def fileno(self) -> int:
        """Return what to poll: readable when a block is ready, an error when the interface is gone."""
        return self._socket.fileno()

    def read(self) -> bytearray:
        """Return the packets that are ready as records, see `blocks.take`; at most one round of the ring."""
        found = bytearray()
        with memoryview(self._out) as out:
            for _ in range(self._blocks):
                size = blocks.take(self._memory, self._next * self._block, self._block, out)
                if size < 0:
                    break
                found += out[:size]
                self._next = (self._next + 1) % self._blocks
        error = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)  # asking clears it
        self.gone |= error == errno.ENETDOWN and not self._everywhere
        return found

    def stop(self) -> None:
        """Let no more packets in: the kernel would go on by itself were the interface to come back."""
        self._attach(_NOTHING)

    def statistics(self) -> tuple[int, int]:
        """Return since the last call: packets that passed the filter, and how many of them found no room."""
        packets, drops, _ = struct.unpack("=3I", self._socket.getsockopt(_SOL_PACKET, _STATISTICS, 12))
        return packets, drops

    def close(self) -> None:
        """Give socket and memory back; a second time does nothing."""
        if self._memory is not None:
            self._memory.close()
            self._memory = None
        self._opened.close()
