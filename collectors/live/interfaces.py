"""Turns names and patterns of interfaces into those that are there now, and into packet sockets on them."""

import errno
import fcntl
import os
import socket
import struct
import sys
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from collectors.errors import UnreadableInput, one_line

if TYPE_CHECKING:
    from collectors.live.ring import Capturing

ANY: Final = "any"
"""The pattern that captures all interfaces by one socket."""

_LISTED = 20
_GET_FLAGS, _UP = 0x8913, 1  # SIOCGIFFLAGS, IFF_UP
_LINKS = 1  # RTMGRP_LINK: rtnetlink's news of interfaces


class Interfaces:
    """The interfaces of this network namespace that patterns name, as they come and go.

    `any` beside other patterns makes them superfluous, and is meant where there are none. Raises UnreadableInput: not
    Linux, or a name (no pattern) of no interface there is now.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        if sys.platform != "linux":
            raise UnreadableInput(
                "live interfaces are captured on Linux only: "
                "pipe a capture instead, as in `tcpdump -U -w - | podfence learn -`"
            )
        self._patterns = tuple(dict.fromkeys(patterns)) or (ANY,)
        self.everything = ANY in self._patterns
        """Whether `any` is asked for."""
        self.named = frozenset() if self.everything else frozenset(filter(_is_plain, self._patterns))
        """The interfaces that are asked for by name."""
        self._news = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE)
        try:
            self._news.bind((0, _LINKS))
            self._refuse_unknown()
        except BaseException:
            self.close()
            raise

    @property
    def several(self) -> bool:
        """Whether there may be more than one interface, now or later."""
        return len(self._patterns) > 1 or not self.named

    def fileno(self) -> int:
        """Return what to poll: readable when an interface came, went or changed."""
        return self._news.fileno()

    def heard(self) -> None:
        """Take the news away: `present` tells them better."""
        while True:
            try:
                self._news.recv(1 << 16)
            except BlockingIOError:
                return
            except OSError:  # more news than the kernel kept
                continue

    def present(self) -> list[str]:
        """Return the interfaces asked for that are up now, sorted; `any` for all."""
        if self.everything:
            return [ANY]
        wanted = (name for name in _names() if any(fnmatchcase(name, pattern) for pattern in self._patterns))
        return [name for name in wanted if self._is_up(name)]

    def open(self, name: str) -> "Capturing":
        """Open scapy's capture socket on an interface; for `any` on one that is up, to be unbound.

        Not promiscuous: a bridge that is forwards redirected packets twice. Raises OSError where the interface is gone,
        UnreadableInput where the right to capture is missing.
        """
        if name == ANY:
            up = [other for other in _names() if self._is_up(other)]
            if not up:
                raise UnreadableInput("no network interface is up: bring one up, for instance `ip link set lo up`")
            name = "lo" if "lo" in up else up[0]
        try:
            return _listen(name)
        except PermissionError as fault:
            raise UnreadableInput(_no_right()) from fault

    def close(self) -> None:
        """Hear no more news."""
        self._news.close()

    def _refuse_unknown(self) -> None:
        names = _names()
        if unknown := sorted(self.named - set(names)):
            there = ", ".join(names[:_LISTED]) + (", ..." if len(names) > _LISTED else "")
            raise UnreadableInput(
                f"there is no interface {one_line(unknown[0], 40)!r}: name one of {there}, "
                "a pattern in quotes such as 'veth*', or any"
            )

    def _is_up(self, name: str) -> bool:
        try:
            answer = fcntl.ioctl(self._news, _GET_FLAGS, struct.pack("16sh22x", os.fsencode(name), 0))
        except OSError:  # gone since its name was read
            return False
        return bool(struct.unpack_from("@H", answer, 16)[0] & _UP)


def _is_plain(pattern: str) -> bool:
    return not any(sign in pattern for sign in "*?[")


def _names() -> list[str]:
    return sorted(name for _, name in socket.if_nameindex())


def _listen(name: str) -> "Capturing":
    import logging  # noqa: PLC0415 - scapy is heavy: only who captures pays for it

    from scapy.arch.linux import L2ListenSocket  # noqa: PLC0415

    log = logging.getLogger("scapy.runtime")
    kept, log.disabled = log.disabled, True  # it warns that it cannot dissect the interface's packets; nobody will
    try:
        opened: Capturing = L2ListenSocket(iface=name, promisc=False, nofilter=1)
    except ValueError as fault:  # scapy's word for no such interface
        raise OSError(errno.ENODEV, str(fault)) from fault
    finally:
        log.disabled = kept
    return opened


def _no_right() -> str:
    python = os.path.realpath(sys.executable)
    return (
        "the right to capture is missing (CAP_NET_RAW): run podfence with sudo; "
        f"or `sudo setcap cap_net_raw+ep {python}`, which lets every program of this Python capture; "
        "or in Kubernetes `securityContext.capabilities.add: [NET_RAW]` and user 0"
    )
