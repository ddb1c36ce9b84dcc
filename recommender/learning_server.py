"""Turns where a learner stands into answers to Prometheus and to kubelet's probes: /metrics and /healthz."""

import contextlib
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from typing import Any

from collectors.errors import PodfenceError, one_line

_MOST_PORT = 65535
_SECONDS = 5
"""How long a client may take in all."""
_MOST_CLIENTS = 16
"""Clients that are answered at once; others are turned away: anybody may be able to connect."""

Answers = Callable[[str], tuple[int, str] | None]
"""Path -> status and text; None for a path that there is not."""


@contextmanager
def served(address: str, answers: Answers) -> Iterator[int]:
    """Answer at HOST:PORT as long as this lasts; yields the port. Raises PodfenceError where that cannot be."""
    host, _, port = address.rpartition(":")
    if not (host and port.isascii() and port.isdigit() and int(port[:6]) <= _MOST_PORT):
        raise PodfenceError(f"{one_line(address)} is no address to answer at: name one as 127.0.0.1:9469.")
    try:
        server = _Server(host.strip("[]"), int(port), answers)
    except (OSError, UnicodeError) as fault:
        reason = (getattr(fault, "strerror", "") or str(fault)).lower()
        raise PodfenceError(f"{one_line(address)} cannot be answered at ({reason}): name another address.") from fault
    thread = threading.Thread(target=server.serve_forever, name="podfence answers", daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


class _Server(ThreadingTCPServer):
    """A server of TCP rather than of HTTP, which would ask DNS for its own name first."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def __init__(self, host: str, port: int, answers: Answers) -> None:
        family, _, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        self.address_family = family
        self._free = threading.BoundedSemaphore(_MOST_CLIENTS)
        super().__init__((str(place[0]), int(place[1])), _handler(answers))

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer by a thread of its own, if there is one left."""
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer one client, and part with it when its time is over: it may send a byte now and then for ever."""
        over = threading.Timer(_SECONDS, _shut, [request])
        over.daemon = True
        over.start()
        try:
            super().process_request_thread(request, client_address)
        finally:
            over.cancel()
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that went away."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


def _shut(request: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it is gone already
        request.shutdown(socket.SHUT_RDWR)


def _handler(answers: Answers) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = _SECONDS

        def do_GET(self) -> None:
            found = answers(self.path.partition("?")[0])
            status, text = (404, "not found: /metrics, /healthz\n") if found is None else found
            content = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def version_string(self) -> str:
            return "podfence"

        def log_message(self, *_: object) -> None:
            """Say nothing: probes come every few seconds."""

    return Handler
