"""Names of addresses are those of scapy, whatever else a message holds."""

import ipaddress
import itertools
import struct
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.capture.dns import read_answer
from collectors.capture.names import NameReader
from tests.collectors.capture.messages import (
    AAAA,
    CNAME,
    A,
    damaged,
    heard,
    message,
    packed,
    record,
    said,
    simple,
    wire,
)


def test_b15_every_name_of_the_chain_leads_to_the_address():
    payload = message(
        "www.shop.example",
        record(wire("www.shop.example"), CNAME, wire("shop.cdn.example")),
        record(wire("shop.cdn.example"), CNAME, wire("edge7.cdn.example")),
        record(wire("edge7.cdn.example"), A, packed("203.0.113.7")),
        record(wire("edge7.cdn.example"), AAAA, packed("2001:db8::7")),
    )
    chain = ["www.shop.example", "shop.cdn.example", "edge7.cdn.example"]
    assert heard(payload) == {(address, name, "dns"): 1 for address in ("203.0.113.7", "2001:db8::7") for name in chain}
    assert read_answer(payload)[0][0][1] == "www.shop.example"


def test_a_record_that_nobody_asked_for_names_nothing_and_is_counted():
    reader = NameReader()
    payload = message("evil.example", record(wire("bank.example"), A, packed("203.0.113.6")))
    for _ in range(2):
        reader.dns(1, payload)
    reader.dns(1, message("", record(wire("bank.example"), A, packed("203.0.113.6")), questions=0))
    assert said(reader) == {}
    assert (reader.unasked, reader.malformed) == (3, 0)


@pytest.mark.parametrize("flags", [0x0100, 0x8183, 0x8182, 0xA180, 0x8980])
def test_queries_errors_and_other_operations_say_nothing(flags):
    assert heard(simple(flags=flags)) == {}


def test_other_networks_and_other_types_say_nothing():
    payload = message("a.example", record(b"\xc0\x0c", A, b"abcd", network=3), record(b"\xc0\x0c", 16, b"\3abc"))
    assert heard(payload) == {}


def test_names_are_lower_case_and_hostile_bytes_are_visible():
    assert heard(message([b"API", b"Example"], record(b"\xc0\x0c", A, b"\xcb\0\x71\1"))) == {
        ("203.0.113.1", "api.example", "dns"): 1
    }
    hostile = [b"a.b", b"\\", b"\x1b[2J", b"<b>", b"\xff\0 "]
    ((_, name, _),) = heard(message(hostile, record(b"\xc0\x0c", A, b"\xcb\0\x71\1")))
    assert name == r"a\046b.\092.\027[2j.<b>.\255\000\032"
    assert name.isascii()
    assert name.isprintable()


def test_addresses_are_canonical():
    mapped = message("a.example", record(b"\xc0\x0c", AAAA, packed("::ffff:203.0.113.1")))
    assert heard(mapped, simple("a.example")) == {("203.0.113.1", "a.example", "dns"): 2}


def test_tcp_messages_carry_their_length_and_may_follow_each_other():
    one, two = simple("a.example"), simple("b.example", "203.0.113.2")
    reader = NameReader()
    reader.dns_stream(1, struct.pack(">H", len(one)) + one + struct.pack(">H", len(two)) + two)
    assert said(reader) == {("203.0.113.1", "a.example", "dns"): 1, ("203.0.113.2", "b.example", "dns"): 1}
    for cut in (b"\0", struct.pack(">H", len(one)), struct.pack(">H", len(one)) + one[:-1]):
        reader.dns_stream(1, cut)
    assert (reader.truncated, reader.malformed) == (3, 0)


HOST = st.sampled_from(["a.example", "b.example", "www.c.example", "d.test", "deep.er.a.example"])


ANSWER = st.one_of(
    st.tuples(HOST, st.just("A"), st.integers(0, 255).map(lambda n: f"203.0.113.{n}")),
    st.tuples(HOST, st.just("AAAA"), st.integers(0, 65535).map(lambda n: str(ipaddress.ip_address((1 << 125) + n)))),
    st.tuples(HOST, st.just("CNAME"), HOST),
    st.tuples(HOST, st.just("TXT"), st.just("text")),
)


def by_scapy(payload):
    """Return the pairs of a message as scapy dissects it, the chain followed by other means than ours."""
    from scapy.layers.dns import DNS

    dissected = DNS(payload)
    records = [(r.rrname.decode().rstrip("."), r.type, r.rdata) for r in dissected.an]
    aliases = {}
    for owner, kind, data in reversed(records):
        if kind == CNAME:
            aliases[owner] = data.decode().rstrip(".")
    pairs, names = set(), []
    name = dissected.qd[0].qname.decode().rstrip(".")
    while name not in names:
        names.append(name)
        pairs |= {(data, way) for owner, kind, data in records if owner == name and kind in (A, AAAA) for way in names}
        name = aliases.get(name, name)
    return pairs


@given(HOST, st.lists(ANSWER, max_size=8), st.booleans())
def test_pairs_are_those_of_scapy(asked, rows, compressed):
    from scapy.layers.dns import DNS, DNSQR, DNSRR, dns_compress

    built = DNS(id=1, qr=1, qd=[DNSQR(qname=asked)], an=[DNSRR(rrname=o, type=k, rdata=d) for o, k, d in rows])
    payload = bytes(dns_compress(DNS(bytes(built))) if compressed else built)
    reader = NameReader()
    reader.dns(1, payload)
    reader.dns_stream(1, struct.pack(">H", len(payload)) + payload)
    found = said(reader)
    assert {(address, name) for address, name, _ in found} == (by_scapy(payload) if rows else set())
    assert set(found.values()) <= {2}
    assert (reader.malformed, reader.truncated) == (0, 0)


def test_a_message_cut_anywhere_keeps_what_came_before_and_is_counted():
    records = [record(b"\xc0\x0c", A, bytes([203, 0, 113, number])) for number in range(4)]
    payload = message("api.example.com", *records)
    for cut in range(len(payload)):
        reader = NameReader()
        reader.dns(1, payload[:cut])
        begin = len(payload) - 4 * 16
        assert len(said(reader)) == max(0, cut - begin) // 16
        assert (reader.truncated, reader.malformed) == (1, 0)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (message("a", record(b"\xc0\x13", A, b"abcd")), "a pointer to itself"),
        (message("a", record(b"\xc0\xff", A, b"abcd")), "a pointer forward"),
        (message("a", record(b"\xc0\x00", A, b"abcd")), "a pointer into the header"),
        (message("a", record(b"\1b\xc0\x13", A, b"abcd")), "a label and back to it"),
        (message("a", record(b"\x80a\0", A, b"abcd")), "a reserved kind of label"),
        (message("a", record(b"\xc0\x0c", A, b"abc")), "an address of 3 bytes"),
        (message("a", record(b"\xc0\x0c", AAAA, b"abcd")), "a short IPv6 address"),
        (message("a", record(b"\xc0\x0c", CNAME, wire("b.c") + b"x")), "an alias with something behind it"),
        (message([b"x" * 63] * 5, record(b"\xc0\x0c", A, b"abcd")), "a name of 320 bytes"),
        (message("a", record(b"\xc0\x0c", A, b"abcd"), questions=2), "two questions"),
    ],
)
def test_nonsense_names_nothing_and_is_counted(payload, reason):
    reader = NameReader()
    for _ in range(2):
        reader.dns(1, payload)
    assert (said(reader), reader.malformed) == ({}, 2), reason


def test_aliases_that_go_in_a_circle_or_on_for_ever_end():
    circle = message(
        "a", record(wire("a"), CNAME, wire("b")), record(wire("b"), CNAME, wire("a")), record(wire("b"), A, b"\1\1\1\1")
    )
    assert set(heard(circle)) == {("1.1.1.1", "a", "dns"), ("1.1.1.1", "b", "dns")}
    names = [f"n{number}" for number in range(40)]
    steps = [record(wire(one), CNAME, wire(two)) for one, two in itertools.pairwise(names)]
    reader = NameReader()
    reader.dns(1, message("n0", *steps, record(wire("n39"), A, b"\1\1\1\1")))
    assert (said(reader), reader.unasked) == ({}, 1)


def pathological():
    yield message("a", count=65535) + bytes(65000)
    yield message("a", *[record(b"\0", A, b"abcd")] * 4000)
    # Names that each walk a long chain of pointers, none of them the same.
    chain = b"\1a\0\0" + b"".join(b"\1a" + struct.pack(">H", 0xC000 | (23 + 4 * n)) for n in range(3900))
    for depth in (100, 3800):
        walks = [record(struct.pack(">H", 0xC000 | (23 + 4 * (n % depth))), A, b"abcd") for n in range(2800)]
        yield message("", record(b"\0", 16, chain), *walks, questions=0)
        walks = [record(b"\1x" + struct.pack(">H", 0xC000 | (23 + 4 * (n % depth))), A, b"abcd") for n in range(2500)]
        yield message("", record(b"\0", 16, chain), *walks, questions=0)
    names = [f"{number:02d}" for number in range(17)]
    steps = [record(wire(one), CNAME, wire(two)) for one, two in itertools.pairwise(names)]
    yield message("00", *steps, *[record(wire("16"), A, struct.pack(">I", n)) for n in range(3200)])


@pytest.mark.parametrize("payload", list(pathological()), ids=range(7))
def test_no_message_costs_more_than_its_bytes(payload):
    assert 10_000 < len(payload) < 1 << 16
    steps = 0

    class Counted(bytes):
        def __getitem__(self, key):
            nonlocal steps
            steps += 1
            return bytes.__getitem__(self, key)

    before = time.process_time()
    read_answer(Counted(payload))
    assert steps < 6 * len(payload)
    assert time.process_time() - before < 2  # 33 ms on a quiet machine


def test_damaged_messages_never_raise_and_each_is_used_or_counted():
    payload = message(
        "www.shop.example",
        record(b"\xc0\x0c", CNAME, wire("cdn.example")),
        record(wire("cdn.example"), A, packed("203.0.113.7")),
        record(b"\xc0\x0c", AAAA, packed("2001:db8::7")),
    )
    reader = NameReader()
    for broken in damaged(payload, 1, 5000):
        reader.dns(1, broken)
        reader.dns_stream(1, broken)
    assert reader.malformed > 0
    assert reader.truncated > 0
    assert all(name.isascii() and name.isprintable() for _, name, _ in said(reader))
