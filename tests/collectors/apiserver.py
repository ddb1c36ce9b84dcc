"""Turns a table of answers into a Kubernetes API server on loopback: real HTTP, real streams, scripted faults.

    with serve(recorded()) as server:              # the recorded cluster "bookstore", whole
        api = server.connect()                     # collectors.cluster.connect, through a kubeconfig of its own
        pods = list(api.pages(PODS))
        server.requests                            # every request: method, path, query, headers

`answers` maps a list path (`Kind.path`) to the answer of GETs there, and `path + "?watch"` to that of watches. It may
be changed while the server runs. An answer is one of

* a dict: a JSON document with status 200; a list of objects is paged as `limit` and `continue` ask;
* `Answer(status, body, headers, content_type)`: anything at all; `refused(403, ...)` makes the usual Status;
* `Stream(steps)`: a watch. A step is an event (dict), raw bytes, a pause in seconds (float), `CUT` (the connection
  breaks here), or `HOLD` (stays open until the client or the server goes); after the last step it ends cleanly;
* a list of answers: one for each request, the last one for ever;
* a function of the Request that returns one of these.

A path that is not in the table is a 404 as an old server gives it. A watch that is not in the table stays open.
`serve(..., tls=True)` speaks TLS with a self-signed certificate, which `server.connect()` trusts unless told not to.
`serve(..., ahead=timedelta(hours=1))` has a clock that is wrong in its Date headers. `Answer.date` sets one.
"""

import contextlib
import json
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

import pytest

from collectors.cluster import Api, connect
from collectors.kinds import KINDS, Kind
from tests.collectors.apiserver_http import CUT, HOLD, Answer, Listener, Request, Stream

__all__ = [
    "CUT", "HOLD", "RECORDED", "Answer", "ApiServer", "Request", "Stream", "document", "recorded", "refused", "serve",
    "shared", "until",
]  # fmt: skip

RECORDED = Path(__file__).parents[1] / "recorded"


def refused(status: int, message: str = "", reason: str = "", **headers: str) -> Answer:
    """A Status as the API server sends it: `refused(429, Retry_After="1")`."""
    body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message}
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Answer(status, json.dumps({**body, "reason": reason, "code": status}).encode(), named)


def document(kind: Kind, items: Sequence[Mapping[str, Any]], resource_version: str = "100") -> dict[str, Any]:
    """The list that the API server would answer with."""
    return {
        "kind": f"{kind.kind}List",
        "apiVersion": kind.api_version,
        "metadata": {"resourceVersion": resource_version},
        "items": list(items),
    }


def recorded(folder: Path = RECORDED) -> dict[str, Any]:
    """The lists of a recorded cluster, and its watches where they were recorded; ServiceCIDRs it has none."""
    answers: dict[str, Any] = {}
    for kind in KINDS:
        if (file := folder / f"list_{kind.resource}.json").exists():
            answers[kind.path] = json.loads(file.read_text())
        if (file := folder / f"watch_{kind.resource}.jsonl").exists():
            steps = [json.loads(line) for line in file.read_text().splitlines()]
            answers[f"{kind.path}?watch"] = [Stream(steps), Stream([HOLD])]
    return answers


def shared(name: str = "") -> Path:
    """A file of the large collection of recorded answers; skips without it."""
    if not os.environ.get("PODFENCE_SHARED"):
        pytest.skip("PODFENCE_SHARED names no folder with recorded-api/")
    return Path(os.environ["PODFENCE_SHARED"]) / "recorded-api" / name


class ApiServer:
    """The running server: what it was asked, and how to reach it."""

    def __init__(self, answers: dict[str, Any], ahead: timedelta, folder: Path, *, tls: bool) -> None:
        self.answers, self.ahead, self.folder, self.tls = answers, ahead, folder, tls
        self.requests: list[Request] = []
        self.stopping = threading.Event()
        self._used: dict[str, int] = {}
        self._apis: list[Api] = []
        self._lock = threading.Lock()
        self._http = Listener(self)
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def url(self) -> str:
        """The address for a kubeconfig."""
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self._http.server_port}"

    @property
    def certificate(self) -> Path:
        """The file with the self-signed certificate."""
        return self.folder / "server.crt"

    def kubeconfig(self, *, trust: bool = True, user: Mapping[str, Any] | None = None, **cluster: Any) -> Path:
        """Write a kubeconfig (JSON is YAML) with one context, `stub`, and return its path."""
        ca = {"certificate-authority": str(self.certificate)} if self.tls and trust else {}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "stub",
            "contexts": [{"name": "stub", "context": {"cluster": "stub", "user": "stub"}}],
            "clusters": [{"name": "stub", "cluster": {"server": self.url, **ca, **cluster}}],
            "users": [{"name": "stub", "user": dict(user if user is not None else {"token": "t0ken"})}],
        }
        file = self.folder / f"kubeconfig-{len(list(self.folder.iterdir()))}"
        file.write_text(json.dumps(config))
        return file

    def connect(self, *, sleep: Callable[[float], object] | None = None, **options: Any) -> Api:
        """An Api of this server, closed when the server is; options as of `kubeconfig`, no jitter."""
        api = connect(kubeconfig=self.kubeconfig(**options), sleep=sleep, jitter=lambda: 0.0)
        self._apis.append(api)
        return api

    def asked(self) -> set[tuple[str, str]]:
        """(verb, path) of everything that was asked, verbs as RBAC has them."""
        listed = {kind.path for kind in KINDS}
        with self._lock:
            return {
                ("watch" if request.watches else "list" if request.path in listed else "get", request.path)
                for request in self.requests
            }

    def answer(self, request: Request) -> Any:
        """The answer to a request, which is put down."""
        with self._lock:
            self.requests.append(request)
            key = request.path + ("?watch" if request.watches else "")
            found = self.answers.get(key)
            if isinstance(found, list):
                at = self._used.get(key, 0)
                self._used[key] = at + 1
                found = found[min(at, len(found) - 1)]
        if callable(found):
            found = found(request)
        if found is None:
            known = request.watches and request.path in self.answers
            return Stream([HOLD]) if known else Answer(404, b"404 page not found\n", content_type="text/plain")
        return found

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        for api in self._apis:
            api.close()
        self._http.shutdown()
        self._thread.join()
        self._http.break_connections()
        self._http.server_close()


@contextlib.contextmanager
def serve(answers: dict[str, Any], *, tls: bool = False, ahead: timedelta = timedelta(0)) -> Iterator[ApiServer]:
    """Run the server while the block lasts."""
    with tempfile.TemporaryDirectory() as folder:
        if tls:
            _make_certificate(Path(folder))
        with ApiServer(answers, ahead, Path(folder), tls=tls) as server:
            yield server


def until(holds: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait until it holds; fails after so many seconds."""
    limit = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < limit, "waited in vain"
        time.sleep(0.005)


def _make_certificate(folder: Path) -> None:
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    names = ["-subj", "/CN=stub", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"]
    files = ["-keyout", str(folder / "server.key"), "-out", str(folder / "server.crt")]
    try:
        subprocess.run([*command, *names, *files], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl is not installed: no certificate to speak TLS with")
