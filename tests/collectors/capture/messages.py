"""Turns a few words into DNS messages and TLS greetings, for the tests of names."""

import ipaddress
import random
import ssl
import struct

import pytest

from collectors.capture.names import NameReader
from collectors.names import NAMES

A, CNAME, AAAA = 1, 5, 28


def wire(name):
    """Write a name without compression; labels as text, or bytes as they are."""
    labels = name.encode().split(b".") if isinstance(name, str) else name
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def record(owner, kind, data, network=1):
    return owner + struct.pack(">HHIH", kind, network, 30, len(data)) + data


def message(asked, *records, flags=0x8180, questions=1, count=None):
    head = struct.pack(">6H", 7, flags, questions, len(records) if count is None else count, 0, 0)
    question = wire(asked) + struct.pack(">HH", A, 1) if questions else b""
    return head + question + b"".join(records)


def packed(text):
    return ipaddress.ip_address(text).packed


def simple(name="api.example.com", address="203.0.113.1", **rest):
    return message(name, record(b"\xc0\x0c", A, packed(address)), **rest)


def said(reader):
    """Return (address, name, kind) -> count."""
    names = reader.finish("x")
    NAMES.check(names)
    return dict(zip(zip(names["address"], names["name"], names["kind"], strict=True), names["count"], strict=True))


def heard(*messages):
    reader = NameReader()
    for number, payload in enumerate(messages):
        reader.dns(number, payload)
    return said(reader)


def damaged(payload, seed, rounds):
    noise = random.Random(seed)
    for _ in range(rounds):
        broken = bytearray(payload)
        for _ in range(noise.randint(1, 4)):
            broken[noise.randrange(len(broken))] = noise.randrange(256)
        yield bytes(broken[: noise.randint(len(broken) // 2, len(broken))])


def hello(name, **versions):
    context = ssl.create_default_context()
    for key, value in versions.items():
        setattr(context, key, value)
    context.check_hostname = name is not None
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing, server_hostname=name).do_handshake()
    return outgoing.read()
