"""The name of a TLS server is what Python's ssl says it is, whatever else a client sends."""

import ssl
import struct

import pytest

from collectors.capture.hello import server_name
from collectors.capture.names import NameReader
from tests.collectors.capture.messages import damaged, hello, packed, said


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_b15_the_server_name_is_what_the_client_says(version):
    reader = NameReader()
    for _ in range(2):
        reader.sni(7, "203.0.113.1", hello("API.Example.com", maximum_version=version))
    reader.sni(7, packed("::ffff:203.0.113.1"), hello("api.example.com"))
    reader.sni(7, "2001:DB8:0::1", hello("api.example.com"))
    assert said(reader) == {
        ("2001:db8::1", "api.example.com", "sni"): 1,
        ("203.0.113.1", "api.example.com", "sni"): 3,
    }


def test_a_client_that_names_no_server_says_nothing():
    reader = NameReader()
    for payload in (hello(None), b"", b"GET / HTTP/1.1\r\n\r\n", b"\x17\3\3\0\1x", b"\x16\3\1\0\4\2\0\0\0"):
        reader.sni(1, "203.0.113.1", payload)
    assert (said(reader), reader.malformed, reader.truncated) == ({}, 0, 0)


def test_a_greeting_cut_anywhere_gives_the_name_or_is_counted():
    payload = hello("api.example.com")
    end = payload.index(b"api.example.com") + len("api.example.com")
    for cut in range(6, len(payload)):
        assert server_name(payload[:cut]) == (("api.example.com", "") if cut >= end else ("", "truncated"))


def test_damaged_greetings_never_raise():
    reader = NameReader()
    for broken in damaged(hello("api.example.com"), 2, 5000):
        reader.sni(1, "203.0.113.1", broken)
    assert reader.malformed > 0
    assert reader.truncated > 0
    assert all(name.isascii() and name.isprintable() for _, name, _ in said(reader))


@pytest.mark.parametrize(
    "name", [b"203.0.113.7", b"", b"a..b", b"." * 9, b"x" * 64, b"a." * 150 + b"a", b"2001:db8::1"]
)
def test_a_server_name_that_can_be_none_is_malformed(name):
    entry = b"\0" + struct.pack(">H", len(name)) + name
    names = struct.pack(">HHH", 0, len(entry) + 2, len(entry)) + entry
    body = b"\3\3" + bytes(32) + b"\0" + b"\0\2\x13\1" + b"\1\0" + struct.pack(">H", len(names)) + names
    payload = b"\x16\3\1" + struct.pack(">H", len(body) + 4) + b"\1" + len(body).to_bytes(3) + body
    assert server_name(payload) == ("", "malformed")
    assert server_name(payload[:-1])[0] == ""
