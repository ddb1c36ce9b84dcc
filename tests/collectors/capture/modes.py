"""The kernel in both its modes, compiled and as plain Python, the latter with every read and write checked for bounds.

Python lets a negative index wrap around and lets a slice of a larger buffer be read: neither is C's way, so the
uncompiled kernel gets its arrays through `Fenced`, which ends where the data end.
"""

import importlib.util
import io
import sys
from contextlib import contextmanager
from functools import cache
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import SimpleNamespace

import collectors.capture
from collectors.capture import Conversations, ahead, conversations, decode, kernel, read_capture, reader, rows
from collectors.ledger import LedgerWriter

USERS = (ahead, conversations, decode, reader, rows)
"""Modules that call the kernel."""
COMPILED = ("links", "internet", "headers", "records", "lifecycle", "kernel")
"""Modules that are compiled, each after those that it calls."""


class Fenced:
    """An array of which only the first `end` elements exist, at indices from 0."""

    __slots__ = ("_array", "_end")

    def __init__(self, array, end=None):
        self._array = array
        self._end = len(array) if end is None else end

    def __len__(self):
        return self._end

    def __getitem__(self, at):
        if at.__class__ is not int or not 0 <= at < self._end:
            raise IndexError(f"read at {at} of {self._end}")
        return self._array[at]

    def __setitem__(self, at, value):
        if at.__class__ is not int or not 0 <= at < self._end:
            raise IndexError(f"write at {at} of {self._end}")
        self._array[at] = value


@cache
def uncompiled():
    """Return the kernel as plain Python, with all that it calls, whatever is compiled or installed."""
    folder = Path(collectors.capture.__file__).parent
    names = {f"collectors.capture.{name}": folder / f"{name}.py" for name in COMPILED}
    kept = {name: sys.modules.pop(name, None) for name in ("cython", *names)}
    package = {name: getattr(collectors.capture, name) for name in COMPILED}
    sys.modules["cython"] = None  # so that its import fails, as where Cython is not installed
    try:
        for name, path in names.items():
            loader = SourceFileLoader(name, str(path))
            module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
            sys.modules[name] = module
            loader.exec_module(module)
        plain = sys.modules["collectors.capture.kernel"]
    finally:
        for name, module in kept.items():
            sys.modules.pop(name, None)
            if module is not None:
                sys.modules[name] = module
        for name, module in package.items():
            setattr(collectors.capture, name, module)
    assert not plain.is_compiled()
    return plain


@cache
def fenced():
    """Return the uncompiled kernel whose every access is checked."""
    plain = uncompiled()

    def run(buffer, end, form, swapped, extra, *arrays):
        # nothing behind `end` was read from the stream yet
        return plain.run(Fenced(buffer, end), end, form, swapped, extra, *map(Fenced, arrays))

    def read_ring(buffer, end, form, swapped, extra, *arrays):
        return plain.read(Fenced(buffer, end), end, form, swapped, extra, *map(Fenced, arrays))

    def count(*arrays):
        return plain.count(*map(Fenced, arrays))

    def sweep(every, now, *tables):
        plain.sweep(every, now, *map(Fenced, tables))

    def close_buckets(*tables):
        plain.close_buckets(*map(Fenced, tables))

    def decode_one(frame, captured, wire, link, scratch):
        return plain.decode(Fenced(frame, captured), captured, wire, link, Fenced(scratch))

    own = {
        "run": run,
        "read": read_ring,
        "count": count,
        "sweep": sweep,
        "close_buckets": close_buckets,
        "decode": decode_one,
    }
    return SimpleNamespace(**{**vars(plain), **own})


@contextmanager
def using(module):
    """Let everything that reads captures use this kernel."""
    try:
        for user in USERS:
            user.kernel = module
        yield
    finally:
        for user in USERS:
            user.kernel = kernel


class Dribble(io.RawIOBase):
    """A stream that gives at most `piece` bytes at a time, so that records end where what was read ends."""

    def __init__(self, content, piece):
        self._content = io.BytesIO(content)
        self._piece = piece

    def readable(self):
        """Return yes."""
        return True

    def readinto(self, buffer):
        """Fill a part of the buffer."""
        part = self._content.read(min(len(buffer), self._piece))
        buffer[: len(part)] = part
        return len(part)


def read(captures, module=kernel, *, piece=1 << 20, threads=1, **options):
    """Return (flows in a fixed order, ledger, readings) of captures (bytes), read one after the other."""
    ledger = LedgerWriter()
    with using(module):
        conversation = Conversations(**options)
        readings = [
            read_capture(Dribble(content, piece), f"{number}.pcap", conversation, ledger, ahead=threads == 2)
            for number, content in enumerate([captures] if isinstance(captures, bytes) else captures)
        ]
        flows = conversation.finish()
    columns = list(flows.columns)
    flows = flows.astype({name: str for name in columns if str(flows[name].dtype) == "category"})
    return flows.sort_values(columns).reset_index(drop=True), ledger.ledger(), readings


def assert_balanced(flows, ledger, readings):
    """Every packet read is in a flow or in the ledger, and no row is nonsense."""
    told = int(flows["packets"].sum() + flows["reply_packets"].sum())
    assert told + ledger.packets_total() == sum(reading.packets for reading in readings)
    assert (flows[["connections", "packets", "bytes", "reply_packets", "reply_bytes"]] >= 0).all().all()
    assert (flows["packets"] + flows["reply_packets"] > 0).all()
    assert (flows["first_seen"] <= flows["last_seen"]).all()
