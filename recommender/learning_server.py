"""Turns where a learner stands into answers to Prometheus and to kubelet's probes: /metrics and /healthz."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from collectors.errors import PodfenceError, one_line

_MOST_PORT = 65535
_SECONDS = 5
"""How long a client may take."""

Answers = Callable[[str], tuple[int, str] | None]
"""Path -> status and text; None for a path that there is not."""


@contextmanager
def served(address: str, answers: Answers) -> Iterator[int]:
    """Answer at HOST:PORT as long as this lasts; yields the port. Raises PodfenceError where that cannot be."""
    host, _, port = address.rpartition(":")
    if not (host and port.isascii() and port.isdigit() and int(port[:6]) <= _MOST_PORT):
        raise PodfenceError(f"{one_line(address)} is no address to answer at: name one as 127.0.0.1:9469.")
    try:
        server = _Server((host.strip("[]"), int(port)), _handler(answers))
    except OSError as fault:
        reason = (fault.strerror or str(fault)).lower()
        raise PodfenceError(f"{one_line(address)} cannot be answered at ({reason}): name another address.") from fault
    thread = threading.Thread(target=server.serve_forever, name="podfence answers", daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True


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
