"""Turns the first bytes of a TLS client into the name by which it calls the server (RFC 8446 4.1.2, RFC 6066 3)."""

import ipaddress

from collectors.capture.dns import host_text

_HANDSHAKE, _CLIENT_HELLO, _SERVER_NAME, _HOST_NAME = 22, 1, 0, 0
_MAXIMUM_RECORD = 1 << 14


def server_name(payload: bytes) -> tuple[str, str]:
    """Return the name and what is wrong: "", "truncated" or "malformed"; ("", "") where no name is said.

    `payload` may be anything; only what begins as a ClientHello is called wrong. A ClientHello that goes on in the
    next packet or the next record is read as far as it is here.
    """
    if len(payload) < 6 or payload[0] != _HANDSHAKE or payload[1] != 3 or payload[5] != _CLIENT_HELLO:
        return "", ""
    record = int.from_bytes(payload[3:5])
    if record > _MAXIMUM_RECORD:
        return "", "malformed"
    body = payload[5 : 5 + record]
    end = 4 + int.from_bytes(body[1:4])
    whole = len(body) >= max(4, end)
    try:
        name = _host_name(_Field(body[4:end]))
    except _Overrun:
        return "", "malformed" if whole else "truncated"
    if name is None:
        return "", "" if whole else "truncated"
    text = host_text(name)
    # RFC 6066 lets no address be a host name; it would say nothing new either.
    return ("", "malformed") if text is None or _is_address(text) else (text, "")


class _Overrun(Exception):
    """A field that reaches beyond the bytes there are."""


class _Field:
    """Bytes that are taken from the front."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def left(self) -> bool:
        return self._at < len(self._data)

    def take(self, size: int) -> bytes:
        self._at += size
        if self._at > len(self._data):
            raise _Overrun
        return self._data[self._at - size : self._at]

    def vector(self, width: int) -> bytes:
        """Take a vector whose length is told in `width` bytes before it."""
        return self.take(int.from_bytes(self.take(width)))

    def part(self) -> "_Field":
        """Return the vector that comes next, its length told in 2 bytes, as much of it as there is."""
        size = int.from_bytes(self.take(2))
        return _Field(self._data[self._at : self._at + size])


def _host_name(hello: _Field) -> bytes | None:
    """Return the host name of a ClientHello, None if it says none; raises _Overrun where it ends before that."""
    hello.take(2 + 32)  # version, random
    hello.vector(1)  # session
    hello.vector(2)  # cipher suites
    hello.vector(1)  # compression
    if not hello.left():
        return None
    extensions = hello.part()
    while extensions.left():
        if int.from_bytes(extensions.take(2)) == _SERVER_NAME:
            names = extensions.part().part()
            while names.left():
                kind = names.take(1)[0]
                name = names.vector(2)
                if kind == _HOST_NAME:
                    return name
            return None
        extensions.vector(2)
    return None


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
