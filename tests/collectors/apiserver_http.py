"""Turns answers into HTTP on loopback, for tests/collectors/apiserver.py, which explains them."""

import base64
import contextlib
import email.utils
import json
import ssl
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlsplit

CUT, HOLD = object(), object()


@dataclass(frozen=True)
class Answer:
    """One HTTP answer, as the bytes it is to have."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"


@dataclass(frozen=True)
class Stream:
    """One watch stream; see the module's first lines for what a step may be."""

    steps: Sequence[Any] = ()


@dataclass(frozen=True)
class Request:
    """What a client asked."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]

    @property
    def watches(self) -> bool:
        """Whether it is a watch."""
        return self.query.get("watch") in {"1", "true"}


class Answering(Protocol):
    """What gives the answers."""

    ahead: timedelta
    folder: Path
    tls: bool
    stopping: threading.Event

    def answer(self, request: Request) -> Any:
        """Return the answer to a request."""


class Listener(ThreadingHTTPServer):
    """The server; each connection has a thread."""

    daemon_threads = False

    def __init__(self, api: Answering) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.api = api
        self._open: set[Any] = set()
        if api.tls:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(api.folder / "server.crt", api.folder / "server.key")

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Speak with one client."""
        if self.api.tls:
            # in the connection's own thread: a client that refuses the certificate must not stop the others
            try:
                request = self._context.wrap_socket(request, server_side=True)
            except OSError:
                return
        self._open.add(request)
        try:
            super().finish_request(request, client_address)
        except OSError:  # the client has gone
            pass
        finally:
            self._open.discard(request)
            request.close()

    def break_connections(self) -> None:
        """End what clients left open."""
        for request in list(self._open):
            with contextlib.suppress(OSError):
                request.shutdown(2)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer waits 40 ms for an acknowledgement
    server: Listener

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        headers = {name.lower(): text for name, text in self.headers.items()}
        request = Request(self.command, parts.path, dict(parse_qsl(parts.query)), headers)
        found = self.server.api.answer(request)
        if isinstance(found, Stream):
            self._stream(found, request)
            return
        if isinstance(found, Mapping):
            found = Answer(body=json.dumps(_paged(found, request.query), separators=(",", ":")).encode())
        self._head(found.status, {"Content-Type": found.content_type, **found.headers})
        self.send_header("Content-Length", str(len(found.body)))
        self.end_headers()
        self.wfile.write(found.body)

    # whatever else a client sends is answered and recorded likewise: a test asserts that there is none
    do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_GET  # noqa: N815 - http.server calls them so

    def _head(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response_only(status)
        date = datetime.now(UTC) + self.server.api.ahead
        for name, text in {"Date": email.utils.format_datetime(date, usegmt=True), **headers}.items():
            self.send_header(name, text)

    def _stream(self, stream: Stream, request: Request) -> None:
        self._head(200, {"Content-Type": "application/json", "Transfer-Encoding": "chunked"})
        self.end_headers()
        stopping = self.server.api.stopping
        for step in stream.steps:
            if step is CUT:
                self.close_connection = True
                return
            if step is HOLD:
                stopping.wait(float(request.query.get("timeoutSeconds", "300")))
            elif isinstance(step, (int, float)):
                stopping.wait(step)
            else:
                line = step if isinstance(step, bytes) else json.dumps(step, separators=(",", ":")).encode() + b"\n"
                self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_: object) -> None:
        pass


def _paged(found: Mapping[str, Any], query: Mapping[str, str]) -> Mapping[str, Any]:
    items, limit = found.get("items"), int(query.get("limit", "0"))
    if not isinstance(items, list) or not limit:
        return found
    start = int(base64.b64decode(query["continue"])) if "continue" in query else 0
    meta = dict(found["metadata"])
    if (left := len(items) - start - limit) > 0:
        meta |= {"continue": base64.b64encode(str(start + limit).encode()).decode(), "remainingItemCount": left}
    return {**found, "metadata": meta, "items": items[start : start + limit]}
