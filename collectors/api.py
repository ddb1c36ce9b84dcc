"""Turns a connection to a Kubernetes API server into plain dicts: whole lists, and streams of changes.

`collectors.cluster` makes the connection. Nothing but GET is ever sent.
"""

import contextlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Protocol
from urllib.parse import quote, urlencode

from collectors.kinds import Kind
from collectors.refusals import Asked, Busy, Cut, Expired, Unreachable, cut, not_json, refusal, refused_in_stream

_READ_SECONDS = 60.0
_TRIES, _TRIES_CUT, _FIRST_PAUSE, _LONGEST_PAUSE = 6, 3, 0.5, 30.0
_LONGEST_LINE = 32 << 20  # etcd takes objects of about 2 MB; this much without an end is no watch


@dataclass(frozen=True)
class Page:
    """A part of a list; all pages of one list have its `resource_version`, from which a watch goes on."""

    items: list[dict[str, Any]]
    resource_version: str


class Answer(Protocol):
    """One HTTP answer whose body is read piece by piece."""

    status: int
    headers: Mapping[str, str]

    def chunks(self) -> Iterator[bytes]:
        """Yield the body as it comes; raises Cut where it breaks."""

    def shut(self) -> None:
        """End the reading in whatever thread it goes on."""

    def close(self) -> None:
        """Give the connection back, or end it where the body was not read to its end."""


class Connection(Protocol):
    """The way to one API server, with credentials."""

    where: str

    def get(self, asked: Asked, path: str, read_seconds: float) -> Answer:
        """Return the answer to a GET, whatever its status; a 401 only with credentials that were just loaded."""

    def close(self) -> None:
        """Answer no more."""


class Api:
    """One API server and the credentials for it; may be used by many threads at once."""

    def __init__(
        self, connection: Connection, jitter: Callable[[], float], sleep: Callable[[float], object] | None = None
    ) -> None:
        self._connection, self._jitter = connection, jitter
        self._closed = threading.Event()
        self._sleep = sleep or self._closed.wait
        self._lock = threading.Lock()
        self._offset = timedelta(0)
        self._reading: set[Answer] = set()
        self.where = connection.where

    def now(self) -> datetime:
        """Return the time in UTC: the local clock, moved only as far as the server's last Date header proves it wrong.

        That header is cut to whole seconds, so the result may be a second off the server's clock, never more.
        """
        return datetime.now(UTC) + self._offset

    def pages(
        self, kind: Kind, limit: int = 500, keep: Callable[[dict[str, Any]], Any] | None = None
    ) -> Iterator[Page]:
        """Yield the whole list of a kind, its items with `kind` and `apiVersion`, all as of one moment.

        Where the list expires between two pages (410), it is read anew in one answer: going on with what the server
        offers would give pages of two moments, and no resourceVersion to watch from. So nothing is yielded before all
        is there; `keep` makes of each item what is to be held until then. Raises ClusterError; Busy after retries.
        """
        try:
            found = list(self._pages(kind, limit, keep))
        except Expired:
            found = list(self._pages(kind, 0, keep))
        yield from found

    def _pages(self, kind: Kind, limit: int, keep: Callable[[dict[str, Any]], Any] | None) -> Iterator[Page]:
        asked, token = Asked(self.where, "list", str(kind)), ""
        while True:
            query = {**({"limit": str(limit)} if limit else {}), **({"continue": token} if token else {})}
            found = self._patiently(asked, kind.path + ("?" + urlencode(query) if query else ""))
            meta, items = found.get("metadata"), found.get("items") or []
            if not (
                isinstance(meta, dict) and isinstance(items, list) and all(isinstance(item, dict) for item in items)
            ):
                raise not_json(asked, {}, json.dumps(found)[:60].encode())
            named = [{"kind": kind.kind, "apiVersion": kind.api_version, **item} for item in items]
            kept = [keep(item) for item in named] if keep else named
            yield Page(kept, str(meta.get("resourceVersion", "")))
            former, token = token, str(meta.get("continue") or "")
            if not token:
                return
            if token == former:
                raise Unreachable(
                    f"{asked}: the same page comes again and again; something between changes the answers"
                )

    def events(self, kind: Kind, resource_version: str, timeout_seconds: int = 300) -> Iterator[dict[str, Any]]:
        """Yield what changes after a resourceVersion, as raw watch events, BOOKMARKs among them, until the server ends.

        Raises Expired where the server no longer knows that version, Cut (an Unreachable) where the stream breaks
        after the last whole event, other ClusterErrors as they come: nothing is tried again here.
        """
        asked = Asked(self.where, "watch", str(kind))
        query = {
            "watch": "1",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(timeout_seconds),
        }
        # the server ends the stream itself: one that is silent for longer has lost its connection unseen
        with self._answer(asked, f"{kind.path}?{urlencode(query)}", timeout_seconds + 30.0) as answer:
            for line in _lines(asked, answer):
                event = _parse(asked, answer, line)
                if not isinstance(event.get("object"), dict) or not isinstance(event.get("type"), str):
                    raise not_json(asked, answer.headers, line)
                if event["type"] == "ERROR":
                    raise refused_in_stream(asked, event["object"])
                yield event

    def get(self, path: str) -> dict[str, Any]:
        """Return the JSON object at a path of the API; the path may come from an object, but has to be checked then."""
        return self._patiently(Asked(self.where, "get", path), quote(path, safe="/%:?=&"))

    def close(self) -> None:
        """End every request that waits, with an error in its own thread, and answer no more."""
        self._closed.set()
        with self._lock:
            reading = list(self._reading)
        for answer in reading:
            answer.shut()
        self._connection.close()

    def _patiently(self, asked: Asked, path: str) -> dict[str, Any]:
        """GET, again and again with growing pauses while the server is busy or the connection breaks."""
        pause = _FIRST_PAUSE
        for attempt in range(1, _TRIES + 1):
            try:
                return self._once(asked, path)
            except (Busy, Cut) as fault:
                if attempt == (_TRIES if isinstance(fault, Busy) else _TRIES_CUT) or self._closed.is_set():
                    raise
                wanted = fault.retry_after if isinstance(fault, Busy) and fault.retry_after else 0.0
                # jitter only adds: the server's Retry-After is the least that it asks for
                self._sleep(min(max(wanted, pause), _LONGEST_PAUSE) * (1 + self._jitter() / 2))
                pause *= 2
        raise AssertionError  # the last attempt returns or raises

    def _once(self, asked: Asked, path: str) -> dict[str, Any]:
        with self._answer(asked, path, _READ_SECONDS) as answer:
            return _parse(asked, answer, b"".join(answer.chunks()))

    @contextlib.contextmanager
    def _answer(self, asked: Asked, path: str, read_seconds: float) -> Iterator[Answer]:
        """Give the answer to a GET; raises what it is where its status is not 200."""
        if self._closed.is_set():
            raise Unreachable(f"{asked}: stopped")
        sent = datetime.now(UTC)
        answer = self._connection.get(asked, path, read_seconds)
        self._set_clock(sent, answer.headers.get("Date"))
        with self._lock:
            self._reading.add(answer)
        if self._closed.is_set():  # while it was asked for: nobody else would wake its reader
            answer.shut()
        try:
            if answer.status != 200:
                raise refusal(asked, answer.status, answer.headers, b"".join(answer.chunks()))
            yield answer
        finally:
            with self._lock:
                self._reading.discard(answer)
            answer.close()

    def _set_clock(self, sent: datetime, date: str | None) -> None:
        try:
            server = parsedate_to_datetime(date or "")
            server = server if server.tzinfo else server.replace(tzinfo=UTC)
            least, most = server - datetime.now(UTC), server + timedelta(seconds=1) - sent
        except (ValueError, OverflowError):  # no date, or one at the end of all years
            return
        self._offset = min(max(timedelta(0), least), most)


def _lines(asked: Asked, answer: Answer) -> Iterator[bytes]:
    rest = b""
    for chunk in answer.chunks():
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line for line in whole if line.strip())
        if len(rest) > _LONGEST_LINE:
            raise not_json(asked, answer.headers, rest)
    if rest.strip():
        raise cut(asked)


def _parse(asked: Asked, answer: Answer, body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as fault:
        raise not_json(asked, answer.headers, body) from fault
    if not isinstance(found, dict):
        raise not_json(asked, answer.headers, body)
    return found
