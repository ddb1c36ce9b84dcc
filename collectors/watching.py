"""Turns the API server's lists and watches into an append-only timeline, and goes on through whatever happens.

One thread for each kind lists once, then watches from where it was; the first thread makes lines durable and compacts.
"""

import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path

from collectors.cluster import Api
from collectors.kinds import WATCHED, Kind
from collectors.timeline import LIMIT, Timeline, write_document
from collectors.timeline_compact import Interrupted, compact
from collectors.timeline_memory import timeline_files
from collectors.watching_kind import KindWatch
from collectors.watching_shared import Pace, Shared

KEEP = timedelta(days=30)
PACE = Pace()
_TICK = 0.5
_COMPACTED_EVERY = 86400.0
_PATIENCE = 1.0


class Missing:
    """The kinds that cannot be watched, told in `watch.json` as they change."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._guard = threading.Lock()
        self._reasons: dict[str, str] = {}
        self._write()

    def add(self, kind: str, reason: str) -> None:
        """Tell that a kind cannot be watched."""
        with self._guard:
            if self._reasons.get(kind) != reason:
                self._reasons[kind] = reason
                self._write()

    def remove(self, kind: str) -> None:
        """Tell that a kind can be watched."""
        with self._guard:
            if self._reasons.pop(kind, None) is not None:
                self._write()

    def _write(self) -> None:
        document = {"kind": "podfence/watch", "version": 1, "missing": dict(sorted(self._reasons.items()))}
        write_document(self._folder, "watch.json", document)


def watch(
    api: Api, folder: Path, *, stop: threading.Event, say: Callable[[str], None] = lambda _: None,
    kinds: Sequence[Kind] = WATCHED, pace: Pace = PACE, limit: int = LIMIT, keep: timedelta = KEEP,
) -> None:  # fmt: skip
    """Write the cluster's timeline into the folder until `stop` is set.

    Goes on where a former watch of the same folder ended. Raises PodfenceError where the folder cannot be written or
    pods cannot be read; anything else is waited out. `limit` is the size at which a new file is begun, `keep` how
    long deleted objects stay known. At its end the Api is closed, which is what wakes threads from silent streams.
    """
    with Timeline(folder, limit=limit, say=say) as timeline:
        shared = Shared(api, timeline, Missing(folder), pace, say)
        threads = [_thread(shared, kind.kind, KindWatch(shared, kind).run) for kind in kinds]
        threads.append(_thread(shared, "compaction", partial(_compact_daily, shared, keep)))
        shared.pulse()
        for thread in threads:
            thread.start()
        try:
            while not (stop.wait(_TICK) or shared.halt.is_set()):
                timeline.sync()
                shared.pulse()
        finally:
            shared.halt.set()
            api.close()
            _join(threads)
    if shared.failures:
        raise shared.failures[0]
    say(f"{folder}: {shared.written} events written, {shared.unchanged} that changed nothing left out")


def _thread(shared: Shared, name: str, work: Callable[[], None]) -> threading.Thread:
    def run() -> None:
        try:
            work()
        except BaseException as fault:  # noqa: BLE001 - a thread's fault is raised by `watch`, whatever it is
            shared.fail(fault)

    return threading.Thread(target=run, name=f"watch {name}", daemon=True)


def _join(threads: list[threading.Thread]) -> None:
    """Wait a little for threads to end: the closed Api wakes them, and once the timeline is closed none can write."""
    limit = time.monotonic() + _PATIENCE
    for thread in threads:
        thread.join(max(0.0, limit - time.monotonic()))


def _compact_daily(shared: Shared, keep: timedelta) -> None:
    """Compact the closed files now, whenever one more is closed, and every day."""
    done: list[Path] = []
    last = time.monotonic()
    while True:
        closed, now = shared.timeline.closed_files, time.monotonic()
        if closed != done or now - last > _COMPACTED_EVERY:
            done, last = closed, now
            _compact_once(shared, closed, keep)
        if shared.halt.wait(_TICK):
            return


def _compact_once(shared: Shared, closed: list[Path], keep: timedelta) -> None:
    folder = shared.timeline.folder
    current = [file for file in timeline_files(folder) if file not in closed]
    try:
        found = compact(closed, current, keep=keep, halted=shared.halt.is_set)
    except Interrupted:
        return
    except OSError as fault:
        # the timeline itself is whole, and whether it can go on is for its writer to tell
        shared.say(f"{folder}: closed files could not be made smaller ({fault.strerror}); tried again tomorrow")
        return
    if found.files:
        shared.say(
            f"{folder}: {found.files} closed files made smaller by {found.dropped} events that changed nothing; "
            f"{found.forgotten} objects deleted over {keep.days} days ago forgotten"
        )
