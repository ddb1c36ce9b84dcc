"""Turns the address of a collector, `udp://HOST:PORT`, into a bound socket, and what comes to it into batches."""

import socket
from collections.abc import Callable, Iterator
from contextlib import closing

from collectors.errors import UnreadableInput, one_line, reason_of
from collectors.formats.batch import Batch
from collectors.formats.netflow_udp import collect, receive
from collectors.inputs import SCHEME

_MOST_PORT = 65535


def listen(address: str, stopped: Callable[[], bool]) -> Iterator[Batch]:
    """Return what exporters of NetFlow v5, v9 and IPFIX send to an address until told to stop, as it comes.

    Raises UnreadableInput at once where the address is none, or cannot be listened at.
    """
    return _heard(_bound(address), stopped)


def _heard(sock: socket.socket, stopped: Callable[[], bool]) -> Iterator[Batch]:
    with closing(sock):
        yield from collect(receive(sock, stopped))


def _bound(address: str) -> socket.socket:
    host, _, port = address.removeprefix(SCHEME).rpartition(":")
    if not (host and port.isascii() and port.isdigit() and 0 < int(port[:6]) <= _MOST_PORT):
        raise UnreadableInput(
            f"{one_line(address)} is no address to listen at: name one as {SCHEME}0.0.0.0:2055 or {SCHEME}[::]:2055."
        )
    sock: socket.socket | None = None
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_DGRAM)[0]
        sock = socket.socket(family, kind, protocol)
        sock.bind(place)
    except OSError as fault:
        if sock is not None:
            sock.close()
        reason = reason_of(fault)
        raise UnreadableInput(f"{one_line(address)} cannot be listened at ({reason}): name another address.") from fault
    return sock
