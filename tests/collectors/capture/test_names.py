"""What was said about addresses is counted once for each time it was said, in bounded memory."""

import ipaddress
import struct
import tracemalloc

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.capture.dns import answers
from collectors.capture.names import NameReader
from collectors.names import NAMES
from tests.collectors.capture.messages import A, hello, message, packed, record, said, simple


def test_repetition_counts_and_keeps_the_earliest_and_latest_time():
    reader = NameReader()
    for moment, number in ((3_000_000_001, b"\0\1"), (1_000_000_000, b"\0\2"), (9_000_000_000, b"\0\3")):
        reader.dns(moment, number + simple()[2:])
    (row,) = reader.finish("one.pcap").to_dict("records")
    assert row == {
        "first_seen": pd.Timestamp(1, unit="s", tz="UTC"),
        "last_seen": pd.Timestamp(9, unit="s", tz="UTC"),
        "address": "203.0.113.1",
        "name": "api.example.com",
        "kind": "dns",
        "count": 3,
        "source": "one.pcap",
    }


def test_what_was_remembered_is_what_would_be_read_again():
    payloads = [simple(f"h{number % 7}.example", f"203.0.113.{number % 5}") for number in range(200)]
    repeated, apart = NameReader(), NameReader()
    for payload in payloads:
        repeated.dns(5, payload)
        apart._remembered.clear()
        apart.dns(5, payload)
    assert said(repeated) == said(apart)
    assert len(repeated._remembered) == 35


@given(st.binary(max_size=300))
def test_any_bytes_are_taken(payload):
    reader = NameReader()
    reader.dns(1, payload)
    reader.dns(1, b"\0\7\x81\x80\0\1\0\x09" + payload)
    reader.dns_stream(1, payload)
    reader.sni(1, "203.0.113.1", payload)
    reader.sni(1, "203.0.113.1", b"\x16\3\1" + payload)
    reader.resolved(payload, [payload])
    said(reader)


def test_pairs_beyond_the_ceiling_are_counted_and_known_ones_still_count():
    reader = NameReader(maximum_pairs=3)
    for _ in range(2):
        for number in range(5):
            reader.dns(1, simple(address=f"203.0.113.{number}"))
    reader.sni(1, "203.0.113.1", hello("other.example"))
    assert list(said(reader).values()) == [2, 2, 2]
    assert reader.overflow == 2 * 2 + 1


def test_memory_is_bounded():
    reader = NameReader(maximum_pairs=1000)
    tracemalloc.start()
    for number in range(30_000):
        reader.dns(1, message("a.example", record(b"\xc0\x0c", A, struct.pack(">I", number)), count=1) + bytes(500))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert reader.overflow == 29_000
    assert len(reader._remembered) <= 4096
    assert peak < 5_000_000


def test_marked_payloads_are_taken_by_their_kind():
    reader = NameReader()
    nowhere = (0, 0, False)
    reader.payload(1, 1, nowhere, simple())
    reader.payload(1, 2, nowhere, struct.pack(">H", len(simple())) + simple())
    six = int(ipaddress.ip_address("2001:db8::1"))
    reader.payload(1, 3, (six >> 64, six & (2**64 - 1), True), hello("api.example.com"))
    reader.payload(1, 3, (0, int(ipaddress.ip_address("203.0.113.1")), False), hello("api.example.com"))
    assert said(reader) == {
        ("2001:db8::1", "api.example.com", "sni"): 1,
        ("203.0.113.1", "api.example.com", "dns"): 2,
        ("203.0.113.1", "api.example.com", "sni"): 1,
    }


@pytest.mark.parametrize("moment", [-1, 2**63, 2**64 - 1])
def test_a_time_that_no_timestamp_holds_is_none(moment):
    reader = NameReader()
    reader.dns(moment, simple())
    assert reader.finish("x")["last_seen"].isna().all()
    assert list(said(reader).values()) == [1]


def test_names_in_the_capture_file_need_no_time():
    reader = NameReader()
    reader.resolved("203.0.113.1", [b"Host.Example.", "h\u00f6st", "\ud800"])
    reader.resolved(packed("203.0.113.1"), ["host.example"], 5_000_000_000)
    reader.resolved(b"12345", ["host.example"])
    reader.resolved("203.0.113.1", [b"", b"x" * 300])
    names = reader.finish("x")
    assert list(names["name"]) == [r"\237\160\128", r"h\195\182st", "host.example"]
    assert list(names["count"]) == [1, 1, 2]
    assert names["first_seen"].isna().tolist() == [True, True, False]
    assert reader.malformed == 3


def test_nothing_heard_is_an_empty_table():
    names = NameReader().finish("x")
    NAMES.check(names)
    assert names.empty
    assert not answers(b"")
