"""Turns patterns of interface names into batches of packet records, while interfaces come and go."""

import errno
import select
import time
from array import array
from collections.abc import Iterator, Sequence
from typing import Final, Self

from collectors.errors import UnreadableInput
from collectors.live.changes import Change
from collectors.live.filter import SNAP, program
from collectors.live.interfaces import ANY, Interfaces
from collectors.live.ring import RETIRED_AFTER, RING_BYTES, Ring

_MATCHED: Final = 8
"""Rings of interfaces that a pattern matched are this much smaller: there may be hundreds."""
_LEAVING = 3 * RETIRED_AFTER
"""Seconds after which the last packets of an interface that went away are in its ring."""
_GONE_AGAIN: Final = (errno.ENODEV, errno.ENXIO, errno.ENETDOWN)
"""What opening says of an interface that went since its name was read; there will be news if it comes back."""


class Live:
    """The rings of all interfaces that patterns name; a context manager.

    A pattern is a name, a shell pattern (`veth*`), or `any`, which captures every interface through one ring, so that
    patterns beside it add nothing. `snap` is the most bytes kept of a packet. `ring_bytes` is what the kernel may hold
    back for a named interface while nobody reads; one that a pattern matched gets an eighth. No interface is made
    promiscuous. Raises UnreadableInput: not Linux, no right to capture, an unknown name.
    """

    def __init__(
        self, patterns: Sequence[str], *, full: bool = False, snap: int = SNAP, ring_bytes: int = RING_BYTES
    ) -> None:
        self._program, self._snap, self._ring_bytes = program(full, snap), snap, ring_bytes
        self._interfaces = Interfaces(patterns)
        self._poll = select.epoll()
        self._rings: dict[str, Ring] = {}
        self._leaving: list[tuple[float, str, Ring]] = []
        self._seen: set[str] = set()
        self._away: dict[str, int] = {}
        self._drops: dict[str, int] = {}
        self._changes: list[Change] = []
        self.faces: array[int] = array("Q", bytes(64 if self._interfaces.several else 32))
        """What `consume` must know of the interfaces: whether several may show the same packet."""
        try:
            self._begin()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def names(self) -> tuple[str, ...]:
        """Return the interfaces that are captured now, sorted."""
        return tuple(sorted(self._rings))

    def fileno(self) -> int:
        """Return what to poll beside other sources: readable when `read` has something to do."""
        return self._poll.fileno()

    def read(self, timeout: float) -> Iterator[bytearray]:
        """Wait at most some seconds, then yield what each interface has ready, as whole records.

        Records are form 3 of `capture.kernel.read`: `consume(records, 0, len(records), 3, False, 0, live.faces)`.
        Packets are handed over up to 50 ms after they came. New interfaces are opened, lost ones closed, on the way.
        """
        if self._leaving:
            timeout = min(timeout, RETIRED_AFTER)
        ready = {descriptor for descriptor, _ in self._poll.poll(timeout)}
        for name, ring in list(self._rings.items()):
            if ring.fileno() in ready:
                if records := ring.read():
                    yield records
                if ring.gone:
                    self._leave(name)
        yield from self._last_words()
        if self._interfaces.fileno() in ready:
            self._interfaces.heard()
            self._renew()

    def drops(self) -> dict[str, int]:
        """Return since the last call: interface -> packets that passed the filter and found no room; only where any."""
        for name, ring in self._rings.items():
            self._count(name, ring)
        for _, name, ring in self._leaving:
            self._count(name, ring)
        found, self._drops = dict(sorted(self._drops.items())), {}
        return found

    def changes(self) -> list[Change]:
        """Return since the last call what became of interfaces, in order; and which that were named are still away."""
        now = time.time_ns()
        found, self._changes = self._changes, []
        for name, since in sorted(self._away.items()):
            found.append(Change(name, "away", f"interface {name} is away", (since, now)))
            self._away[name] = now
        return found

    def close(self) -> None:
        """End all captures. What came in the last 50 ms is lost, unless `read` was called so much later."""
        for ring in (*self._rings.values(), *(ring for _, _, ring in self._leaving)):
            ring.close()
        self._rings, self._leaving = {}, []
        self._poll.close()
        self._interfaces.close()

    def _begin(self) -> None:
        """Open what is there; who begins hears of every fault at once."""
        self._poll.register(self._interfaces, select.EPOLLIN)
        self._renew()
        if failed := [change for change in self._changes if change.kind == "failed"]:
            raise UnreadableInput(f"{failed[0].sentence}: a smaller ring or a narrower pattern may help")
        self._away = dict.fromkeys(self._interfaces.named - self._rings.keys(), time.time_ns())

    def _renew(self) -> None:
        """Open what is there and not yet open; part with what is no longer."""
        present = self._interfaces.present()
        for name in sorted(self._rings.keys() - set(present)):
            self._leave(name)
        for name in present:
            if name not in self._rings:
                self._enter(name)

    def _enter(self, name: str) -> None:
        everywhere = name == ANY
        size = self._ring_bytes if everywhere or name in self._interfaces.named else self._ring_bytes // _MATCHED
        try:
            ring = Ring(self._interfaces.open(name), self._program, size=size, snap=self._snap, everywhere=everywhere)
        except OSError as fault:
            if fault.errno not in _GONE_AGAIN:
                self._changes.append(Change(name, "failed", f"interface {name} cannot be captured: {fault.strerror}"))
            return
        self._rings[name] = ring
        self._poll.register(ring, select.EPOLLIN)
        since = self._away.pop(name, None)
        away = None if since is None else (since, time.time_ns())
        kind, text = ("back", "is back") if name in self._seen else ("appeared", "appeared")
        self._changes.append(Change(name, kind, f"interface {name} {text}", away))
        if name in self._interfaces.named:  # names that patterns match may be without number
            self._seen.add(name)

    def _leave(self, name: str) -> None:
        """Stop waiting for an interface; its last block comes a moment later."""
        ring = self._rings.pop(name)
        self._poll.unregister(ring)
        ring.stop()
        self._leaving.append((time.monotonic() + _LEAVING, name, ring))
        if name in self._interfaces.named:
            self._away[name] = time.time_ns()
        self._changes.append(Change(name, "gone", f"interface {name} is gone"))

    def _last_words(self) -> Iterator[bytearray]:
        """Yield what is left in rings of lost interfaces, and close those that had their time."""
        due = [entry for entry in self._leaving if entry[0] <= time.monotonic()]
        for entry in due:
            _, name, ring = entry
            self._leaving.remove(entry)
            if records := ring.read():
                yield records
            self._count(name, ring)
            ring.close()

    def _count(self, name: str, ring: Ring) -> None:
        if lost := ring.statistics()[1]:
            self._drops[name] = self._drops.get(name, 0) + lost
