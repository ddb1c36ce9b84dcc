"""Turns datagrams that exporters of NetFlow v5, v9 and IPFIX send into batches, as they come."""

import contextlib
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from collectors.addresses import canonical_ip
from collectors.formats.batch import Batch
from collectors.formats.netflow_collector import Collector

_LONGEST: Final = 65535
_TICK: Final = 1.0
"""Seconds without a datagram after which one without content stands for the passing of time."""
_MOST_WAITING: Final = 1 << 16
"""Datagrams that are read after the end, which comes although exporters go on."""
_BUFFER: Final = 1 << 23
"""Bytes that the kernel keeps for us, as far as it allows, while batches are worked on."""
EVERY: Final = 5 * 10**9
"""ns after which what has come is handed on, however little."""


class Datagram(NamedTuple):
    """When a datagram came (ns since 1970), from which address, and its payload; empty: only time has passed."""

    when: int
    exporter: str
    payload: bytes


def collect(datagrams: Iterable[Datagram], every: int = EVERY) -> Iterator[Batch]:
    """Yield what datagrams say, at least every so many ns while they come, and the rest at their end.

    Templates are forgotten at the end.
    """
    collector, handed = Collector(), None
    for when, exporter, payload in datagrams:
        handed = when if handed is None else handed
        if payload:
            collector.take(when, exporter, payload)
        if collector.full or when - handed >= every:
            yield from collector.batches()
            handed = when
    yield from collector.finish()


def receive(
    sock: socket.socket, stopped: Callable[[], bool] = lambda: False, clock: Callable[[], int] = time.time_ns
) -> Iterator[Datagram]:
    """Yield the datagrams that come to a bound UDP socket until told to stop, which is asked every second.

    What has come by then is still read. Raises OSError where the socket is closed meanwhile.
    """
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
    sock.settimeout(_TICK)
    while not stopped():
        try:
            yield _received(sock, clock)
        except TimeoutError:
            yield Datagram(clock(), "", b"")
    sock.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        for _ in range(_MOST_WAITING):
            yield _received(sock, clock)


def _received(sock: socket.socket, clock: Callable[[], int]) -> Datagram:
    payload, sender = sock.recvfrom(_LONGEST)
    return Datagram(clock(), canonical_ip(str(sender[0]).partition("%")[0]), payload)
