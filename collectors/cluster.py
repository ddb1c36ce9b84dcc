"""Turns a kubeconfig context, or the pod's ServiceAccount, into an Api: the address, the credentials, the connection.

The only importer of `kubernetes`, of which it uses just these: its models are slow, and refuse fields that they do not
know. It writes no file, and no token is ever in a message.
"""

import contextlib
import logging
import os
import random
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from collectors.api import Answer, Api, Page
from collectors.errors import one_line
from collectors.refusals import (
    Asked,
    Busy,
    ClusterError,
    Cut,
    Expired,
    Forbidden,
    NotServed,
    Unauthorized,
    Unreachable,
    cut,
    unreachable,
)

__all__ = [
    "Api", "Busy", "ClusterError", "Cut", "Expired", "Forbidden", "NotServed", "Page", "Sent", "Unauthorized",
    "Unreachable",
    "connect", "connection",
]  # fmt: skip

_CONNECT_SECONDS = 10.0
_SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


def connect(
    context: str | None = None,
    kubeconfig: str | Path | None = None,
    *,
    sleep: Callable[[float], object] | None = None,
    jitter: Callable[[], float] = random.random,
) -> Api:
    """Return the API of a kubeconfig context, or of the cluster that this runs in.

    The kubeconfig is the given one, else $KUBECONFIG or ~/.kube/config; where there is none and no context is asked
    for, the pod's ServiceAccount. Nothing is sent yet. `sleep` and `jitter` are for tests. Raises ClusterError.
    """
    return Api(connection(context, kubeconfig), jitter, sleep)


def connection(context: str | None = None, kubeconfig: str | Path | None = None) -> "_Connection":
    """Return the bare way to the API server that `connect` takes; raises ClusterError."""
    files = str(kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config")
    if any(Path(part).expanduser().exists() for part in files.split(os.pathsep) if part):
        load: Callable[[], Any] = partial(_from_kubeconfig, files, context)
    elif kubeconfig is None and context is None and os.environ.get("KUBERNETES_SERVICE_HOST"):
        load = _from_service_account
    else:
        raise ClusterError(f"{files}: no such kubeconfig; name one with --kubeconfig or KUBECONFIG")
    return _Connection(load)


@dataclass(frozen=True)
class Sent:
    """One request: `body` is plain data, sent as JSON under its content type."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None
    content_type: str = "application/json"


class _Connection:
    """The library's client, made anew with fresh credentials after a 401; see collectors.api.Connection."""

    def __init__(self, load: Callable[[], Any]) -> None:
        self._load = load
        self._lock = threading.Lock()
        self._client = _client(load())
        self.where = _public(self._client.configuration.host)

    def get(self, asked: Asked, path: str, read_seconds: float) -> Answer:
        return self.send(asked, Sent("GET", path), read_seconds)

    def send(self, asked: Asked, sent: Sent, read_seconds: float) -> Answer:
        """Return the answer to any request; collectors.applier alone sends others than GET."""
        client = self._client
        answer = _send(client, asked, sent, read_seconds)
        if answer.status == 401:
            answer.close()
            answer = _send(self._renewed(client, asked), asked, sent, read_seconds)
        return answer

    def close(self) -> None:
        self._client.close()

    def _renewed(self, client: Any, asked: Asked) -> Any:
        """Return a client with credentials newer than this one's; many threads may ask for it at once."""
        with self._lock:
            if self._client is client:
                try:
                    self._client = _client(self._load())
                except ClusterError as fault:
                    raise Unauthorized(f"{asked}: the credentials are not accepted (401), and {fault}") from fault
                client.close()
            return self._client


class _Answer:
    """urllib3's response; see collectors.api.Answer."""

    def __init__(self, asked: Asked, response: Any) -> None:
        self._asked, self._response = asked, response
        self.status: int = response.status
        self.headers: Mapping[str, str] = response.headers

    def chunks(self) -> Iterator[bytes]:
        import urllib3.exceptions  # noqa: PLC0415 - late: --help loads no network library

        try:
            yield from self._response.stream(1 << 20)
        except urllib3.exceptions.ReadTimeoutError as fault:
            raise cut(self._asked, late=True) from fault
        except (urllib3.exceptions.HTTPError, OSError, ValueError, AttributeError) as fault:
            # the last two are what reading gives from a socket that another thread shut
            raise cut(self._asked) from fault

    def shut(self) -> None:
        with contextlib.suppress(OSError, ValueError, RuntimeError):  # it ended just now
            self._response.shutdown()

    def close(self) -> None:
        self._response.close()
        self._response.release_conn()


def _client(configuration: Any) -> Any:
    from kubernetes.client import ApiClient  # noqa: PLC0415 - late: it is big

    # tries and redirects are decided by us: urllib3 would follow a redirect with the token in hand
    configuration.retries = False
    configuration.keep_alive = True
    configuration.connection_pool_maxsize = 32  # a watch for each kind, and some
    return ApiClient(configuration)


def _send(client: Any, asked: Asked, sent: Sent, read_seconds: float) -> _Answer:
    import urllib3.exceptions  # noqa: PLC0415 - late: --help loads no network library
    from kubernetes.client import ApiException  # noqa: PLC0415 - late: it is big

    configuration = client.configuration
    headers = {"Accept": "application/json", "User-Agent": "podfence", **_authorization(asked, configuration)}
    if sent.body is not None:
        headers["Content-Type"] = sent.content_type
    more = {"body": sent.body, "_request_timeout": (_CONNECT_SECONDS, read_seconds)}
    try:
        answer = client.call_api(sent.method, configuration.host + sent.path, header_params=headers, **more)
    except urllib3.exceptions.ReadTimeoutError as fault:
        raise cut(asked, late=True) from fault
    except urllib3.exceptions.ProtocolError as fault:
        raise cut(asked) from fault
    except (urllib3.exceptions.HTTPError, ApiException, OSError, ValueError) as fault:
        raise unreachable(asked, fault) from fault
    return _Answer(asked, answer.response)


def _authorization(asked: Asked, configuration: Any) -> dict[str, str]:
    """Return the header with the token; the library reads an expired one anew here."""
    from kubernetes.config import ConfigException  # noqa: PLC0415 - late: it is big

    try:
        with _logged():
            setting = configuration.auth_settings().get("BearerToken")
    except (ConfigException, OSError, ValueError) as fault:
        raise Unauthorized(f"{asked}: the credentials cannot be read again; log in again") from fault
    value = str(setting["value"] or "").strip() if setting else ""
    if not (value.isascii() and value.isprintable()):
        raise Unauthorized(f"{asked}: the token holds characters that no token has; log in again")
    return {"Authorization": value} if value else {}


def _from_kubeconfig(files: str, context: str | None) -> Any:
    """Return the library's Configuration for a context; `files` is one path, or several as in $KUBECONFIG."""
    from kubernetes.client import Configuration  # noqa: PLC0415 - late: it is big
    from kubernetes.config import ConfigException, kube_config  # noqa: PLC0415 - late: it is big

    configuration = Configuration()
    try:
        with _logged() as said:
            found = kube_config.KubeConfigMerger(files).config
            name = _chosen(files, found, context)
            loader = kube_config.KubeConfigLoader(found, active_context=name)
            loader.load_and_set(configuration)
    except kube_config.yaml.YAMLError as fault:  # the library's own reader: YAML is no business of collectors
        raise ClusterError(f"{files}: a kubeconfig that is not YAML; correct it, or name another") from fault
    except OSError as fault:
        raise ClusterError(f"{files}: cannot be read ({fault.strerror}); check its permissions") from fault
    except ConfigException as fault:
        raise ClusterError(f"{files}: the kubeconfig is not complete ({one_line(fault)}); correct it") from fault
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as fault:
        raise ClusterError(f"{files}: no kubeconfig, though it can be read; correct it, or name another") from fault
    if said and not configuration.api_key and not configuration.cert_file:
        raise Unauthorized(
            f"{files}: the program that gives credentials for context {name!r} fails ({one_line(said[0])}); "
            "run `kubectl get pods` with this context to mend it"
        )
    if "host" not in vars(loader) or urlsplit(configuration.host).scheme not in {"http", "https"}:
        raise ClusterError(
            f"{files}: the cluster of context {name!r} has no server that begins with https://; correct it"
        )
    return configuration


def _chosen(files: str, config: Any, context: str | None) -> str:
    """Return the context's name; ClusterError tells which there are, where it is none of them."""
    if config is None:
        raise ClusterError(f"{files}: an empty kubeconfig; name another")
    known = sorted(str(entry["name"]) for entry in config["contexts"].value)
    listed = one_line(", ".join(known)) or "none"
    name = context or config.safe_get("current-context")
    if not name:
        raise ClusterError(f"{files}: no current context; choose one with --context: {listed}")
    if name not in known:
        raise ClusterError(f"{files}: no context {one_line(name)!r}; those there are: {listed}")
    return str(name)


def _from_service_account() -> Any:
    from kubernetes.client import Configuration  # noqa: PLC0415 - late: it is big
    from kubernetes.config import ConfigException  # noqa: PLC0415 - late: it is big
    from kubernetes.config.incluster_config import InClusterConfigLoader  # noqa: PLC0415 - late: it is big

    configuration = Configuration()
    files = (str(_SERVICE_ACCOUNT / "token"), str(_SERVICE_ACCOUNT / "ca.crt"))
    try:
        InClusterConfigLoader(*files).load_and_set(configuration)
    except (ConfigException, OSError) as fault:
        raise ClusterError(
            f"{_SERVICE_ACCOUNT}: in a cluster, but without credentials ({one_line(fault)}); give the pod a "
            "ServiceAccount and leave automountServiceAccountToken on"
        ) from fault
    return configuration


class _Lines(logging.Handler):
    """Keeps what is logged in place of a terminal's lines."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@contextlib.contextmanager
def _logged() -> Iterator[list[str]]:
    """Give the errors that the library logs where it should raise: a failing exec plugin."""
    handler = _Lines()
    logging.getLogger().addHandler(handler)
    try:
        yield handler.lines
    finally:
        logging.getLogger().removeHandler(handler)


def _public(host: str) -> str:
    """Return a server's address without a user, password or anything else that is not for messages."""
    parts = urlsplit(host)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"[:200]
