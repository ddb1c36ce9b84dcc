"""Turns what an API server refuses, or what is in the way to it, into an error with one sentence.

Which class it is tells a program what to do; `collectors.cluster` raises them.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from collectors.errors import PodfenceError, one_line

_LONGEST = 200
_LONGEST_WAIT = 86400
_USER = re.compile(r'User "([^"]{1,200})"')


class ClusterError(PodfenceError):
    """The API server could not be asked, or would not answer."""


class Unauthorized(ClusterError):
    """401, also after the credentials were loaded again; or they cannot be loaded."""


class Forbidden(ClusterError):
    """403: these credentials may not read this."""


class NotServed(ClusterError):
    """404: this API server does not have what was asked for."""


class Expired(ClusterError):
    """410: the resourceVersion or the continue token is too old; list again."""


class Busy(ClusterError):
    """429 or 5xx: try again, after `retry_after` seconds where the server says so."""

    def __init__(self, sentence: str, retry_after: float | None = None) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class Unreachable(ClusterError):
    """No API server at the other end: no connection, no TLS, a proxy, an answer that is no JSON."""


class Cut(Unreachable):
    """A connection that broke, or fell silent, in the middle of an answer."""


@dataclass(frozen=True)
class Asked:
    """One request in words: where, the RBAC verb, and of what (a resource, or a path)."""

    where: str
    verb: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: cannot {self.verb} {self.what}"


def refusal(asked: Asked, status: int, headers: Mapping[str, str], body: bytes) -> ClusterError:
    """Return the error that an answer other than 200 is."""
    if _is_html(headers, body) and status != 429 and status < 500:
        return not_json(asked, headers, body)
    return _by_code(asked, status, _message(body), _seconds(headers.get("Retry-After")))


def refused_in_stream(asked: Asked, status: Mapping[str, object]) -> ClusterError:
    """Return the error that an ERROR event of a watch is; it carries a Status and comes with HTTP 200."""
    code = status.get("code")
    details = status.get("details")
    after = details.get("retryAfterSeconds") if isinstance(details, Mapping) else None
    wait = float(after) if isinstance(after, int) and 0 <= after <= _LONGEST_WAIT else None
    return _by_code(
        asked, code if isinstance(code, int) else 0, one_line(status.get("message", "no reason given")), wait
    )


def not_json(asked: Asked, headers: Mapping[str, str], body: bytes) -> Unreachable:
    """Return the error for an answer that the Kubernetes API cannot have given."""
    if _is_html(headers, body):
        return Unreachable(
            f"{asked}: a web page answers instead of the API: a proxy or login page is in the way; "
            "log in, set NO_PROXY for this server, or correct the server's address"
        )
    return Unreachable(
        f"{asked}: the answer is no Kubernetes JSON ({one_line(body[:60].decode('utf-8', 'replace'))!r}); "
        "check the server's address and port"
    )


def unreachable(asked: Asked, fault: BaseException) -> Unreachable:
    """Return the error that a fault below HTTP is: name, connection, TLS, proxy."""
    text = " ".join(str(part) for part in _causes(fault))
    lower = text.lower()
    for mark, sentence in _FAULTS.items():
        if mark in lower:
            return Unreachable(f"{asked}: {sentence}")
    return Unreachable(f"{asked}: no connection ({one_line(_last(text))}); check the server's address and the network")


def cut(asked: Asked, *, late: bool = False) -> Cut:
    """Return the error for an answer that broke off; `late`: that did not go on in time."""
    why = "no answer in time" if late else "the connection broke in the middle of the answer"
    return Cut(f"{asked}: {why}; the server restarts, or something between ends long connections: try again")


# In order: the first mark found in the fault's text decides.
_FAULTS = {
    "failed: 407": "a proxy wants a login (407); set HTTPS_PROXY with one, or NO_PROXY for this server",
    "tunnel connection failed": "a proxy does not let it through; set NO_PROXY for this server, or another HTTPS_PROXY",
    "cannot connect to proxy": "the proxy does not answer; check HTTPS_PROXY, or set NO_PROXY for this server",
    "unable to connect to proxy": "the proxy does not answer; check HTTPS_PROXY, or set NO_PROXY for this server",
    "mismatch, certificate is not valid for": "its certificate is for another name; correct the server's address, "
    "or set tls-server-name in the kubeconfig",
    "certificate has expired": "its certificate has expired; renew it, or set this machine's clock",
    "certificate is not yet valid": "its certificate is not valid yet; set this machine's clock",
    "certificate_verify_failed": "its certificate is self-signed, or from an authority that is not known here; put the "
    "cluster's CA into the kubeconfig (certificate-authority-data)",
    "wrong_version_number": "it does not speak TLS there; check the port, or write http:// if that is meant",
    "wrong version number": "it does not speak TLS there; check the port, or write http:// if that is meant",
    "record layer failure": "it does not speak TLS there; check the port, or write http:// if that is meant",
    "certificate required": "it wants a client certificate; give one in the kubeconfig (client-certificate-data)",
    "connection refused": "nobody listens there (connection refused); check the server's address, or start the cluster",
    "name or service not known": "its name is not known; check the server's address and this machine's DNS",
    "failed to resolve": "its name is not known; check the server's address and this machine's DNS",
    "timed out": "no answer in time; check the server's address, the network and firewalls",
}


def _by_code(asked: Asked, status: int, message: str, retry_after: float | None) -> ClusterError:
    said = f" ({one_line(message)})" if message else ""
    if status == 401:
        return Unauthorized(f"{asked}: the credentials are not accepted (401); log in again, or renew the token")
    if status == 403:
        return Forbidden(_forbidden(asked, message))
    if status == 404:
        return NotServed(f"{asked}: this API server does not have it (404){said}; an older Kubernetes may lack it")
    if status == 407:
        return Unreachable(f"{asked}: {_FAULTS['failed: 407']}")
    if status == 410:
        return Expired(f"{asked}: what it continues from is too old (410){said}; list again")
    if status == 429 or status >= 500:
        return Busy(f"{asked}: the API server is overloaded or broken ({status}){said}; try again later", retry_after)
    if 300 <= status < 400:
        return Unreachable(
            f"{asked}: sent elsewhere ({status}), which the API never does; correct the server's address"
        )
    if "HTTPS server" in message:
        return Unreachable(f"{asked}: it speaks TLS there; write https:// in the kubeconfig's server")
    return ClusterError(f"{asked}: the API server answers {status}{said}; see its log")


def _forbidden(asked: Asked, message: str) -> str:
    found = _USER.search(message)
    who = f"user {found[1]!r} " if found else ""
    if asked.what.startswith("/"):
        return f"{asked.where}: {who}cannot {asked.verb} {asked.what}; ask for the verb get on this resource"
    resource, _, group = asked.what.partition(".")
    of = f" in API group {group}" if group else ""
    return (
        f"{asked.where}: {who}cannot {asked.verb} resource {resource}{of} at the cluster scope; "
        "apply deploy/rbac.yaml, or ask for the verbs list and watch on it"
    )


def _message(body: bytes) -> str:
    try:
        status = json.loads(body)
    except (ValueError, RecursionError):
        return one_line(body[:_LONGEST].decode("utf-8", "replace"))
    return one_line(status.get("message", "")) if isinstance(status, dict) else ""


def _is_html(headers: Mapping[str, str], body: bytes) -> bool:
    return "html" in headers.get("Content-Type", "").lower() or body.lstrip()[:1] == b"<"


def _seconds(text: str | None) -> float | None:
    """Return Retry-After as seconds; the API server never sends the other form, a date."""
    return float(text) if text and text.isascii() and text.isdigit() else None


def _causes(fault: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    while fault is not None and len(found) < 5:
        found.append(fault)
        fault = fault.__cause__ or fault.__context__
    return found


def _last(text: str) -> str:
    return text.rpartition(">: ")[2] or text
