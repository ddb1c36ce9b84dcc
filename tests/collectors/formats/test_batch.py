"""Every record read is either clean or left out, once, for a reason."""

import numpy as np
import pytest

from collectors.formats.evidence import Seen
from tests.collectors.formats.hands import batch, record

A, B = "10.0.0.1:40000", "10.0.0.2:8080"


def left_out(*rows):
    return {(item.kind, item.count, item.samples[0][1]) for item in batch([*rows]).left_out}


def test_what_is_left_out_and_what_is_kept_are_all():
    rows = [
        record(A, B),
        record("nonsense:1", B),
        record(A, "224.0.0.251:5353", protocol="udp"),
        record("127.0.0.1:9", B),
    ]
    made = batch(rows, left_out={"other_record": np.array([True, False, False, False])})
    assert made.size == len(rows)
    assert {item.kind: item.count for item in made.left_out} == {
        "other_record": 1,
        "malformed": 1,
        "multicast": 1,
        "loopback": 1,
    }


@pytest.mark.parametrize(
    ("row", "kind", "text"),
    [
        ({**record(A, B), "first": None}, "malformed", "no time (10.0.0.1 -> 10.0.0.2)"),
        (record(A, B, protocol="nonsense"), "malformed", "no protocol (10.0.0.1 -> 10.0.0.2)"),
        (record("10.0.0.1", "10.0.0.2"), "malformed", "no port (10.0.0.1 -> 10.0.0.2)"),
        (record(A, "10.0.0.2:65536"), "malformed", "no port (10.0.0.1 -> 10.0.0.2)"),
        (record("10.0.0.999:1", B), "malformed", "no address (10.0.0.999 -> 10.0.0.2)"),
        ({**record(A, B), "src": None}, "no_end", "neither address nor pod of the source (? -> 10.0.0.2)"),
        (record(A, "255.255.255.255:67", protocol="17"), "multicast", "to many (10.0.0.1 -> 255.255.255.255)"),
        (record("0.0.0.0:68", B, protocol="17"), "multicast", "to many (0.0.0.0 -> 10.0.0.2)"),
    ],
)
def test_a_record_that_cannot_become_a_flow_says_why(row, kind, text):
    assert left_out(row) == {(kind, 1, text)}


def test_trap_18_addresses_are_canonical():
    made = batch([record("[::ffff:10.0.0.1]:1", "[2001:DB8:0::1]:2"), record("[fe80::1%eth0]:1", B)]).records
    assert made.src.at(0) == "10.0.0.1"
    assert made.dst.at(0) == "2001:db8::1"
    assert made.src.at(1) == "fe80::1"


def test_trap_18_port_0_is_a_port():
    assert batch([record("10.0.0.1:0", "10.0.0.2:0")]).size == 1
    assert not batch([record("10.0.0.1:0", "10.0.0.2:0")]).left_out


def test_protocols_without_ports_have_port_0_whatever_the_log_writes_there():
    made = batch([record("10.0.0.1:8", "10.0.0.2:0", protocol="icmp"), record("10.0.0.1:1", B, protocol="47")]).records
    assert [made.protocol.at(row) for row in (0, 1)] == ["ICMP", "47"]
    assert list(made.dst_port.values) == [0, 0]
    assert list(made.src_port.values) == [0, 0]


def test_counters_that_nothing_can_have_counted_are_missing():
    made = batch([record(A, B, packets=-1, bytes=1 << 60, reply_packets=3)]).records
    assert not made.packets.known[0]
    assert not made.bytes.known[0]
    assert made.reply_packets.values[0] == 3


def test_samples_are_few_and_short():
    made = batch([record("x" * 500 + ":1", B) for _ in range(9)])
    (item,) = made.left_out
    assert item.count == 9
    assert [number for number, _ in item.samples] == [1, 2, 3]
    assert all(len(text) <= 80 for _, text in item.samples)


def test_bits_have_a_meaning_each():
    assert len({bit.value for bit in Seen}) == len(Seen)
    assert all(bit.value.bit_count() == 1 for bit in Seen)
