"""Turns one kind's list and watch into timeline records: what changed, when, and since when it may have been so.

A fault never ends it, but pods that may not be read, and a disk that cannot be written.
"""

import re
import time
from datetime import datetime, timedelta
from typing import Any

from collectors.cluster import Busy, ClusterError, Expired, Forbidden, NotServed, Unreachable
from collectors.kinds import PODS, Kind, cost_of
from collectors.minimal import minimise
from collectors.timeline_memory import OBJECT_TYPES, Known, Memory, content, identity, stamp, version
from collectors.watching_shared import AT_ONCE, Shared

# A bookmark without news is still proof that nothing changed; two that come together need not both be written.
_BOOKMARK_AGAIN = timedelta(seconds=30)
_SHORT_STREAM = 1.0
_AHEAD = "Too large resource version"
_NUMBER = re.compile(r"[0-9]{1,30}").fullmatch


class KindWatch:
    """The watch of one kind, for a thread of its own."""

    def __init__(self, shared: Shared, kind: Kind) -> None:
        self._shared, self._kind = shared, kind
        self._api, self._pace = shared.api, shared.pace
        self._memory = shared.timeline.memories.get(kind.kind, Memory())
        self._failures = 0
        self._told = ""
        self._bookmarked: tuple[str, datetime] | None = None

    def run(self) -> None:
        """Watch until `halt` is set; raises Forbidden or NotServed for pods, and what the timeline raises."""
        while not self._shared.halt.is_set():
            try:
                if self._memory.position:
                    self._stream()
                else:
                    self._list()
            except Expired as fault:
                self._expired(fault)
            except (Forbidden, NotServed) as fault:
                self._refused(fault)
            except ClusterError as fault:
                self._failed(fault)

    def _list(self) -> None:
        """Write what a list tells beyond what is known, and a bookmark at its resourceVersion."""
        if self._memory.sure and not self._memory.lost:
            self._lose("the watch was stopped in the middle of a list")
        began, listed, position = time.time(), set[str](), ""
        for page in self._api.pages(self._kind, keep=minimise):
            seen = self._api.now()
            position = page.resource_version
            for item in page.items:
                listed.add(identity(item))
                self._take("ADDED", item, seen, self._memory.sure if self._memory.lost else "")
        gone = self._memory.known.keys() - listed
        for uid in sorted(gone):
            self._write("DELETED", self._memory.known[uid].item(), self._api.now(), self._memory.sure)
        if not position:
            raise Unreachable(f"{self._kind}: the list has no resourceVersion to watch from, which the API never does")
        self._well()
        # as of its beginning: what changes while the list is on its way comes as an event
        self._bookmark(position, _back(self._api.now(), began))

    def _stream(self) -> None:
        """Write what one watch tells, until the server ends it."""
        opened, stalls, came = time.time(), self._shared.stalls(), False
        since: str | None = None
        for event in self._api.events(self._kind, self._memory.position, self._pace.stream):
            if self._shared.halt.is_set() or self._shared.stalls() > stalls:
                # what a stalled process reads was sent at an unknown time: the next stream begins where this one was
                return
            item = event["object"]
            if _older(version(item), self._memory.position):
                self._lose("the resourceVersion went backwards: the cluster's store was set back")
                return
            self._well()
            self._failures = 0
            seen = self._api.now()
            if since is None:
                since = self._since(seen, opened)
            if event["type"] == "BOOKMARK":
                since = ""
                self._bookmark(version(item), seen)
            elif event["type"] in OBJECT_TYPES:
                came = True
                named = {**item, "kind": self._kind.kind, "apiVersion": self._kind.api_version}
                self._take(event["type"], minimise(named), seen, since)
        if self._shared.halt.is_set():
            return
        if not came and time.time() - opened < _SHORT_STREAM:
            self._failures += 1
            self._wait(self._pace.delay(self._failures))
        else:
            self._well()

    def _since(self, seen: datetime, opened: float) -> str:
        """Return the last sure moment if a stream was opened too late after it, so that its events may be old."""
        late = stamp(_back(seen, opened) - AT_ONCE) > self._memory.sure
        return self._memory.sure if late else ""

    def _take(self, what: str, item: dict[str, Any], seen: datetime, since: str) -> None:
        """Write one object's event, as what it is against what is known; nothing where it is as known."""
        former = self._memory.known.get(identity(item))
        if what != "DELETED":
            if former is not None and former.content == content(item):
                self._memory.known[identity(item)] = Known(version(item), former.content)
                self._memory.passed(version(item), "" if since else stamp(seen))
                self._shared.count(written=False)
                return
            what = "ADDED" if former is None else "MODIFIED"
        self._write(what, item, seen, since)

    def _write(self, what: str, item: dict[str, Any], seen: datetime, since: str) -> None:
        record: dict[str, Any] = {"time": stamp(seen), "type": what}
        if since:
            # the clock may have been set back since
            record["since"] = min(since, record["time"])
        self._note({**record, "object": item})
        self._shared.count(written=True)

    def _bookmark(self, position: str, seen: datetime) -> None:
        former = self._bookmarked
        if former is not None and former[0] == position and seen - former[1] < _BOOKMARK_AGAIN:
            return
        self._bookmarked = position, seen
        item = {
            "kind": self._kind.kind,
            "apiVersion": self._kind.api_version,
            "metadata": {"resourceVersion": position},
        }
        self._note({"time": stamp(seen), "type": "BOOKMARK", "object": item})

    def _note(self, record: dict[str, Any]) -> None:
        self._shared.timeline.write(record)
        self._memory.note(record)

    def _lose(self, reason: str) -> None:
        """Write that events may have been missed since the last sure moment; a list follows."""
        since, now = self._memory.sure, stamp(self._api.now())
        record = {"time": now, "type": "GAP", "since": min(since or now, now), "kind": self._kind.kind}
        self._note({**record, "reason": reason})
        self._bookmarked = None

    def _expired(self, fault: Expired) -> None:
        if self._memory.position:
            self._lose("the server no longer had the events since then")
        self._failures += 1
        # once is no fault: the stream was away too long, and a list makes up for it
        if self._failures > 1:
            self._tell(fault)
            self._wait(self._pace.delay(self._failures))

    def _refused(self, fault: Forbidden | NotServed) -> None:
        if self._kind == PODS:
            raise fault
        kind = self._kind.kind
        if self._told != "missing":
            self._shared.say(f"{clean(fault)}. Without {kind}: {cost_of(kind)}")
        self._told = "missing"
        self._shared.missing.add(kind, clean(fault))
        self._wait(self._pace.missing)

    def _failed(self, fault: ClusterError) -> None:
        self._failures += 1
        if self._shared.halt.is_set():
            return
        if self._memory.position and _AHEAD in str(fault):
            self._lose("the server does not know so late a resourceVersion: the cluster's store was set back")
        self._tell(fault)
        self._wait(self._pace.delay(self._failures, fault.retry_after if isinstance(fault, Busy) else None))

    def _tell(self, fault: ClusterError) -> None:
        if not self._told:
            text = clean(fault)
            # without where and what: the same for every kind that meets it
            self._shared.stopped(str(self._kind), text.split(": ", 2)[-1], text)
            self._told = "fault"

    def _well(self) -> None:
        """Take back what was said of a fault, once."""
        if self._told:
            self._told = ""
            self._shared.missing.remove(self._kind.kind)
            self._shared.goes_on(str(self._kind))

    def _wait(self, seconds: float) -> None:
        self._pace.sleep(self._shared.halt, seconds)


def _back(now: datetime, moment: float) -> datetime:
    """Return the server's time at a moment of this machine's clock, which the first answer only just corrected."""
    return now - timedelta(seconds=max(0.0, time.time() - moment))


def clean(fault: object) -> str:
    """Return a fault's sentence, bounded, with nothing in it that a terminal would act on."""
    return "".join(c if c.isprintable() else f"<U+{ord(c):04X}>" for c in str(fault)[:600])


def _older(seen: str, position: str) -> bool:
    """Return whether a resourceVersion is before another; they are numbers wherever a real API server gives them."""
    return _NUMBER(seen) is not None and _NUMBER(position) is not None and int(seen) < int(position)
