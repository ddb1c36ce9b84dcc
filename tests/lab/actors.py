"""Servers and clients that speak for pods: one asyncio loop -> real connections in many namespaces."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import Callable
from typing import Self

from tests.lab import topology as t
from tests.lab.lab import Lab, family_of

Answer = Callable[[bytes], bytes]


def _bind(sock: socket.socket, address: str, port: int) -> None:
    """Bind, for both families where the address is any."""
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, address != "::")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((address, port))


class Servers:
    """Listeners of a lab; an async context manager that leaves no socket and no task behind."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.loop = asyncio.get_running_loop()
        self._listeners: list[socket.socket] = []
        self._talks: dict[socket.socket, asyncio.Task[None]] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for sock in self._listeners:
            self.loop.remove_reader(sock)
            sock.close()
        for task in list(self._talks.values()):
            task.cancel()
        await asyncio.gather(*self._talks.values(), return_exceptions=True)

    def tcp(self, actor: str, port: int, answer: Answer) -> None:
        """Answer every request on a TCP port."""
        self.listen([(actor, port, socket.SOCK_STREAM, answer)])

    def udp(self, actor: str, port: int, answer: Answer) -> None:
        """Answer every datagram on a UDP port; an empty answer is none."""
        self.listen([(actor, port, socket.SOCK_DGRAM, answer)])

    def listen(self, wanted: list[tuple[str, int, int, Answer]]) -> None:
        """Open many listeners at once: (actor, port, socket type, answer)."""
        placed = [(address, *what) for what in wanted for address in self._places(what[0])]
        sockets = self.lab.sockets([(actor, family_of(address), kind) for address, actor, _, kind, _ in placed])
        self._listeners += sockets
        for sock, (address, _, port, kind, answer) in zip(sockets, placed, strict=True):
            _bind(sock, address, port)
            if kind == socket.SOCK_STREAM:
                sock.listen(1024)
                self.loop.add_reader(sock, self._accept, sock, answer)
            else:
                self.loop.add_reader(sock, self._datagrams, sock, answer)

    def _places(self, actor: str) -> tuple[str, ...]:
        """Addresses to listen on. A node has several: bound to any, it would answer a datagram from another one."""
        own = self.lab.shop.addresses(actor)
        return own if own == self.lab.shop.addresses(t.NODE) else ("::",)

    def _datagrams(self, sock: socket.socket, answer: Answer) -> None:
        with contextlib.suppress(OSError):  # an ICMP error of an earlier answer is reported here, too
            data, peer = sock.recvfrom(4096)
            if reply := answer(data):
                sock.sendto(reply, peer)

    def _accept(self, sock: socket.socket, answer: Answer) -> None:
        with contextlib.suppress(OSError):
            connection, _ = sock.accept()
            connection.setblocking(False)
            self._talks[connection] = self.loop.create_task(self._serve(connection, answer))

    async def _serve(self, connection: socket.socket, answer: Answer) -> None:
        try:
            with contextlib.suppress(OSError):
                while data := await self.loop.sock_recv(connection, 4096):
                    await self.loop.sock_sendall(connection, answer(data))
        finally:
            connection.close()
            self._talks.pop(connection, None)


async def connect(lab: Lab, actor: str, address: str, port: int, wait: float, source: str = "") -> socket.socket:
    """Return a connected TCP socket of an actor."""
    sock = lab.socket(actor, family_of(address), socket.SOCK_STREAM)
    try:
        if source:
            sock.bind((source, 0))
        async with asyncio.timeout(wait):
            await asyncio.get_running_loop().sock_connect(sock, (address, port))
    except BaseException:
        sock.close()
        raise
    return sock


async def ask_tcp(
    lab: Lab, actor: str, address: str, port: int, requests: list[bytes], *, wait: float = 5, source: str = ""
) -> list[bytes]:
    """Connect, send each request, read each reply, close."""
    loop = asyncio.get_running_loop()
    with await connect(lab, actor, address, port, wait, source) as sock:
        replies = []
        for request in requests:
            await loop.sock_sendall(sock, request)
            async with asyncio.timeout(wait):
                replies.append(await loop.sock_recv(sock, 4096))
        return replies


async def ask_udp(
    lab: Lab, actor: str, address: str, port: int, data: bytes, *, wait: float = 5, reply: bool = True
) -> bytes:
    """Send one datagram and read the answer, if one is expected."""
    loop = asyncio.get_running_loop()
    with lab.socket(actor, family_of(address), socket.SOCK_DGRAM) as sock:
        sock.connect((address, port))
        await loop.sock_sendall(sock, data)
        if not reply:
            return b""
        async with asyncio.timeout(wait):
            return await loop.sock_recv(sock, 4096)


def _checksum(data: bytes) -> int:
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


async def ping(lab: Lab, actor: str, address: str, sequence: int, wait: float = 5) -> None:
    """Exchange one echo request and its reply."""
    loop, six = asyncio.get_running_loop(), ":" in address
    kind, protocol = (128, socket.IPPROTO_ICMPV6) if six else (8, socket.IPPROTO_ICMP)
    header = struct.pack("!2B3H", kind, 0, 0, 0x5046, sequence)
    header = header[:2] + struct.pack("!H", _checksum(header + b"podfence")) + header[4:] + b"podfence"
    with lab.socket(actor, family_of(address), socket.SOCK_RAW, protocol) as sock:
        sock.connect((address, 0))
        await loop.sock_sendall(sock, header)
        async with asyncio.timeout(wait):
            while True:
                data = await loop.sock_recv(sock, 2048)
                if (data if six else data[20:])[0] == (129 if six else 0):
                    return


def half_open(lab: Lab, actor: str, source: str, address: str, port: int, source_port: int) -> None:
    """Send a scanner's SYN from a raw socket. The kernel knows no such connection, so the SYN-ACK earns a RST."""
    family = family_of(address)
    segment = struct.pack("!2H2I4H", source_port, port, 0x1234_0000 + source_port, 0, 0x5002, 1024, 0, 0)
    length = struct.pack("!I" if family == socket.AF_INET6 else "!H", len(segment))
    filler = b"\0\0\0\x06" if family == socket.AF_INET6 else b"\0\x06"
    addresses = socket.inet_pton(family, source) + socket.inet_pton(family, address)
    pseudo = addresses + (length + filler if family == socket.AF_INET6 else filler + length)
    segment = segment[:16] + struct.pack("!H", _checksum(pseudo + segment)) + segment[18:]
    with lab.socket(actor, family, socket.SOCK_RAW, socket.IPPROTO_TCP) as sock:
        sock.connect((address, 0))
        sock.send(segment)


def client_hello(name: str) -> bytes:
    """Return a real TLS ClientHello with the server's name in it."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname=name)
    with contextlib.suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()
