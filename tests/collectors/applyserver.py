"""Turns a few policies into a small API server on loopback that keeps them: server-side apply, dry runs, faults.

    with serve_policies([policy("shop", "web")]) as server:
        server.kubeconfig()                         # one context, `stub`
        server.held["shop", "web"]                  # the object as it is now
        server.faults.append(Fault("PATCH", "web", DROP_AFTER))
        server.requests                             # every request: method, path, query, body

It answers as the recorded kube-apiserver did (tests/recorded/ssa_answers.json; a test compares): 201 and 200, managed
fields, 409 with manager and field, stale versions, 404, 403, 422. The fields that somebody may hold are the label keys,
the annotation keys and the four parts of a policy's spec, of which each is one piece, as in the API.
"""

import contextlib
import copy
import json
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.collectors.applyserver_fields import TIME, Refusal, applied, stale, written

ROOT = "/apis/networking.k8s.io/v1"
DROP, DROP_AFTER = object(), object()
"""The connection breaks: before anything is done, or when it is done and not answered yet."""


def policy(namespace: str, name: str, *, app: str = "web", port: int = 80, **meta: Any) -> dict[str, Any]:
    """A policy as somebody would write it."""
    rule = {"from": [{"podSelector": {}}], "ports": [{"protocol": "TCP", "port": port}]}
    spec = {"podSelector": {"matchLabels": {"app": app}}, "policyTypes": ["Ingress"], "ingress": [rule]}
    named = {"namespace": namespace, "name": name, **meta}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": named, "spec": spec}


@dataclass
class Fault:
    """What happens instead to the next `times` requests of a method at a name (or namespace); dry runs if `dry`."""

    method: str
    what: str
    answer: Any  # (status, message, ...) for `status`, or DROP, or DROP_AFTER
    times: int = 1
    dry: bool | None = False


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    path: str
    query: Mapping[str, str]
    body: Any
    headers: Mapping[str, str]

    @property
    def dry(self) -> bool:
        """Whether nothing is to be done."""
        return self.query.get("dryRun") == "All" or (isinstance(self.body, dict) and bool(self.body.get("dryRun")))


@dataclass
class PolicyServer:
    """The running server."""

    folder: Path
    held: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    namespaces: set[str] = field(default_factory=lambda: {"shop", "data", "kube-system", "monitoring", "default"})
    faults: list[Fault] = field(default_factory=list)
    requests: list[Asked] = field(default_factory=list)
    before: Any = None  # called with each request before it is answered
    url: str = ""
    version: int = 400
    broken: list[BaseException | None] = field(default_factory=list)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def kubeconfig(self) -> Path:
        """Write a kubeconfig with one context, and return its path."""
        file = self.folder / "kubeconfig"
        config = {
            "apiVersion": "v1", "kind": "Config", "current-context": "stub",
            "contexts": [{"name": "stub", "context": {"cluster": "stub", "user": "stub"}}],
            "clusters": [{"name": "stub", "cluster": {"server": self.url}}],
            "users": [{"name": "stub", "user": {"token": "t0ken"}}],
        }  # fmt: skip
        file.write_text(json.dumps(config))
        return file

    def writes(self) -> list[Asked]:
        """The requests that changed something, or tried to."""
        return [asked for asked in self.requests if asked.method != "GET" and not asked.dry]

    def put(self, item: Mapping[str, Any], manager: str = "kubectl", operation: str = "Update") -> dict[str, Any]:
        """Let a manager write an object, as kubectl would, and return it."""
        with self._lock:
            key = item["metadata"]["namespace"], item["metadata"]["name"]
            return self._keep(key, written(self.held.get(key), item, manager, operation), self.held)

    def answer(self, asked: Asked) -> tuple[int, Any] | object:
        """Return status and body, or DROP."""
        if self.before is not None:
            self.before(asked)
        with self._lock:
            self.requests.append(asked)
            fault = self._fault(asked)
            if fault is DROP:
                return DROP
            if isinstance(fault, Refusal):
                return fault.code, fault.body
            try:
                answered = self._answer(asked)
            except Refusal as refusal:
                return refusal.code, refusal.body
            return DROP if fault is DROP_AFTER else answered

    def _fault(self, asked: Asked) -> Any:
        for fault in self.faults:
            here = fault.what in asked.path.split("/") and fault.method == asked.method
            if here and fault.times and fault.dry in {None, asked.dry}:
                fault.times -= 1
                return Refusal(*fault.answer) if isinstance(fault.answer, tuple) else fault.answer
        return None

    def _answer(self, asked: Asked) -> tuple[int, Any]:
        parts = [unquote(part) for part in asked.path.removeprefix(ROOT).strip("/").split("/")]
        if not asked.path.startswith(ROOT) or "networkpolicies" not in parts:
            return discovery(asked.path)
        namespace = parts[1] if parts[0] == "namespaces" else None
        name = parts[3] if len(parts) == 4 else None
        if namespace is None or name is None:
            return 200, self._listed(namespace)
        key = namespace, name
        if asked.method == "GET":
            return 200, self._known(key)
        if namespace not in self.namespaces:
            raise Refusal(404, "NotFound", f'namespaces "{namespace}" not found', name=namespace, kind="namespaces")
        into = copy.deepcopy(self.held) if asked.dry else self.held
        return {"PATCH": self._patch, "PUT": self._replace, "DELETE": self._delete}[asked.method](key, asked, into)

    def _listed(self, namespace: str | None) -> dict[str, Any]:
        found = [item for (where, _), item in sorted(self.held.items()) if namespace in {None, where}]
        bare = [{key: value for key, value in item.items() if key not in {"kind", "apiVersion"}} for item in found]
        meta = {"resourceVersion": str(self.version)}
        return {"kind": "NetworkPolicyList", "apiVersion": "networking.k8s.io/v1", "metadata": meta, "items": bare}

    def _known(self, key: tuple[str, str]) -> dict[str, Any]:
        if key not in self.held:
            message = f'networkpolicies.networking.k8s.io "{key[1]}" not found'
            raise Refusal(404, "NotFound", message, name=key[1], group="networking.k8s.io", kind="networkpolicies")
        return self.held[key]

    def _patch(self, key: Any, asked: Asked, into: Any) -> tuple[int, Any]:
        assert asked.headers["content-type"] == "application/apply-patch+yaml"
        manager = asked.query.get("fieldManager")
        if not manager:
            raise Refusal(422, "Invalid", 'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value')
        held = into.get(key)
        wanted_version = asked.body["metadata"].get("resourceVersion")
        if wanted_version and (held is None or held["metadata"]["resourceVersion"] != wanted_version):
            raise stale(key)
        forced = asked.query.get("force") == "true"
        return (200 if held else 201), self._keep(key, applied(held, asked.body, manager, forced=forced), into)

    def _replace(self, key: Any, asked: Asked, into: Any) -> tuple[int, Any]:
        held = self._known(key)
        if held["metadata"]["resourceVersion"] != asked.body["metadata"].get("resourceVersion"):
            raise stale(key)
        return 200, self._keep(key, written(held, asked.body, asked.query["fieldManager"], "Update"), into)

    def _delete(self, key: Any, asked: Asked, into: Any) -> tuple[int, Any]:
        meta = self._known(key)["metadata"]
        for part, wanted in ((asked.body or {}).get("preconditions") or {}).items():
            if meta[part] != wanted:
                raise Refusal(409, "Conflict", f"Precondition failed: {part} in precondition: {wanted}")
        del into[key]
        details = {"name": key[1], "group": "networking.k8s.io", "kind": "networkpolicies", "uid": meta["uid"]}
        return 200, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}

    def _keep(self, key: tuple[str, str], item: dict[str, Any], into: Any) -> dict[str, Any]:
        """Put an object there with uid and version; one that did not change keeps its version."""
        held, dry = into.get(key), into is not self.held
        meta = item["metadata"]
        if held is None:
            self.version += not dry
            meta |= {
                "uid": "uid-of-a-dry-run" if dry else f"uid-{self.version}",
                "generation": 1,
                "creationTimestamp": TIME,
            }
            # a dry run of a creation has no version, as recorded
            meta |= {} if dry else {"resourceVersion": str(self.version)}
        else:
            meta |= {name: held["metadata"][name] for name in ("uid", "generation", "creationTimestamp")}
            meta["resourceVersion"] = held["metadata"]["resourceVersion"]
            if item != held:
                self.version += not dry
                meta["generation"] += item["spec"] != held["spec"]
                meta["resourceVersion"] = meta["resourceVersion"] if dry else str(self.version)
        into[key] = item
        return item


def discovery(path: str) -> tuple[int, Any]:
    """What kubectl asks for first: which kinds there are."""
    version = {"groupVersion": "networking.k8s.io/v1", "version": "v1"}
    group = {"name": "networking.k8s.io", "versions": [version], "preferredVersion": version}
    kind = {"name": "networkpolicies", "singularName": "networkpolicy", "namespaced": True, "kind": "NetworkPolicy",
            "shortNames": ["netpol"], "verbs": ["create", "delete", "get", "list", "patch", "update"]}  # fmt: skip
    told = {
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/api/v1": {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "v1", "resources": []},
        "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": [group]},
        ROOT: {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version["groupVersion"],
               "resources": [kind]},
    }  # fmt: skip
    if path not in told:
        raise Refusal(404, "NotFound", "the server could not find the requested resource")
    return 200, told[path]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer waits 40 ms for an acknowledgement
    server: "_Listener"

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): text for name, text in self.headers.items()}
        body = json.loads(raw) if raw else None
        found = self.server.state.answer(Asked(self.command, parts.path, dict(parse_qsl(parts.query)), body, headers))
        if found is DROP:
            self.close_connection = True
            return
        status, answer = found
        data = json.dumps(answer, separators=(",", ":")).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815 - http.server calls them so

    def log_message(self, *_: object) -> None:
        pass


class _Listener(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, state: PolicyServer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.state = state

    def handle_error(self, *_: object) -> None:
        """Keep what went wrong in here, but that a client has gone."""
        if not isinstance(fault := sys.exception(), OSError):
            self.state.broken.append(fault)


@contextlib.contextmanager
def serve_policies(folder: Path, items: Any = ()) -> Iterator[PolicyServer]:
    """Run the server while the block lasts; `items` are there already, of the manager kubectl."""
    state = PolicyServer(folder)
    listener = _Listener(state)
    state.url = f"http://127.0.0.1:{listener.server_port}"
    for item in items:
        state.put(item)
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield state
    finally:
        listener.shutdown()
        thread.join()
        listener.server_close()
    assert state.broken == []
