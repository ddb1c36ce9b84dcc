"""Collecting NetFlow and IPFIX from the network: a real exporter, late templates, bounds, hostile senders."""

import shutil
import socket
import struct
import subprocess
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.formats import netflow_collector, netflow_streams
from collectors.formats.fold import Fold
from collectors.formats.netflow_collector import Collector
from collectors.formats.netflow_udp import Datagram, collect, receive
from tests.collectors.formats.exports import DATED, data, flow, ipfix, options, part, template, v5
from tests.collectors.formats.hands import only
from tests.collectors.formats.samples import FOLDER

CAPTURE = FOLDER.parent / "shop.pcap"
FEW = "tcp port 6379 or tcp port 5432"  # all its datagrams fit into any socket's buffer, however slow the machine is
ROUTER, OTHER = "192.0.2.1", "192.0.2.2"
MINUTE = 60 * 10**9
SYN = 2
PATIENT = pytest.mark.skipif(not shutil.which("softflowd"), reason="softflowd, a real exporter, is not installed")


def flows_of(batches):
    fold = Fold()
    fold.begin_source("udp")
    for batch in batches:
        fold.add(batch.records)
    return fold.finish()


def left_of(batches):
    counts = {}
    for batch in batches:
        for item in batch.left_out:
            counts[item.kind] = counts.get(item.kind, 0) + item.count
    return counts


def sent(*messages, exporter=ROUTER, every=MINUTE):
    """Return the batches of messages that came a second after each other."""
    return list(collect([Datagram(at * 10**9, exporter, message) for at, message in enumerate(messages)], every))


@PATIENT
@pytest.mark.parametrize(("version", "records"), [("5", 96), ("9", 192), ("10", 192)])
def test_a_real_exporter_is_collected_whole_and_without_gaps(version, records):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        command = ["softflowd", "-d", "-6", "-a", "-r", CAPTURE, "-v", version, "-c", "none", "-p", "none"]
        target = f"127.0.0.1:{sock.getsockname()[1]}"
        with subprocess.Popen(
            [*command, "-n", target, FEW], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as exporter:
            datagrams = []
            until = time.monotonic() + 60
            for datagram in receive(sock, lambda: time.monotonic() > until):
                datagrams.append(datagram)
                if not datagram.payload and exporter.poll() is not None:
                    break
    batches = list(collect(datagrams))
    options_seen = left_of(batches).get("other_record", 0)
    assert sum(batch.size for batch in batches) - options_seen == records
    assert not [loss for batch in batches for loss in batch.losses]
    assert {text.partition("/")[0] for batch in batches for text in batch.records.reporter.values} == {"127.0.0.1"}
    found = flows_of(batches)
    assert {"10.244.1.22", "10.244.1.21"} <= set(found.dst) | set(found.src)


def test_what_comes_is_handed_on_while_more_is_awaited():
    message = ipfix(template(256, DATED), data(256, DATED, [flow()]))
    stream = iter([Datagram(0, ROUTER, message), Datagram(MINUTE, "", b""), Datagram(2 * MINUTE, "", b"")])
    first = next(collect(stream, MINUTE))
    assert len(first.records) == 1
    assert next(stream).when == 2 * MINUTE


def test_receiving_ends_when_it_is_told_and_ticks_where_nothing_comes(monkeypatch):
    monkeypatch.setattr("collectors.formats.netflow_udp._TICK", 0.01)
    asked = iter([False, False, True])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        assert [one.payload for one in receive(sock, lambda: next(asked), clock=lambda: 7)] == [b"", b""]


def test_an_exporter_is_called_the_same_over_ipv4_and_a_socket_of_both_families():
    with (
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out,
    ):
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.bind(("::", 0))
        out.sendto(b"hello", ("127.0.0.1", sock.getsockname()[1]))
        assert next(receive(sock)).exporter == "127.0.0.1"


def test_two_exporters_have_templates_of_their_own_and_see_one_connection_once():
    seen = [Datagram(at, exporter, ipfix(template(256, DATED), data(256, DATED, [flow(packets=6, flags=SYN)])))
            for at, exporter in enumerate((ROUTER, OTHER))]  # fmt: skip
    assert only(flows_of(collect(seen)))["packets"] == 6
    alone = [Datagram(0, ROUTER, ipfix(template(256, DATED))), Datagram(1, OTHER, ipfix(data(256, DATED, [flow()])))]
    assert left_of(collect(alone)) == {"incomplete": 1}


def test_records_wait_for_their_template_half_an_hour_and_no_longer():
    records, described = ipfix(data(256, DATED, [flow()])), ipfix(template(256, DATED), sequence=1)
    for minutes, left in ((29, {}), (31, {"incomplete": 1})):
        datagrams = [Datagram(0, ROUTER, records), Datagram(minutes * MINUTE, OTHER, v5(flow(dst="10.0.9.9:1"))),
                     Datagram(minutes * MINUTE, ROUTER, described)]  # fmt: skip
        assert left_of(collect(datagrams)) == left


def test_sampling_is_of_the_exporter_that_said_it():
    said = (("samplingInterval", 4),)
    sampled = ipfix(options(512, said), data(512, (("ingressInterface", 4), *said), [{"samplingInterval": 100}]))
    datagrams = [Datagram(0, ROUTER, sampled)]
    datagrams += [Datagram(1, ROUTER, ipfix(template(256, DATED), data(256, DATED, [flow(flags=SYN)]), sequence=1))]
    datagrams += [
        Datagram(2, OTHER, ipfix(template(256, DATED), data(256, DATED, [flow(dst="10.0.9.9:1", flags=SYN)])))
    ]
    found = flows_of(collect(datagrams)).set_index("dst").sampled
    assert found["10.0.2.9"] == pytest.approx(0.01)
    assert found["10.0.9.9"] == 1


def test_a_datagram_that_is_none_of_ours_is_malformed_and_the_next_one_is_read():
    batches = sent(b"", b"\0", b"GET / HTTP/1.1\r\n\r\n", v5(flow()))
    assert left_of(batches) == {"malformed": 2}
    assert sum(len(batch.records) for batch in batches) == 1


def test_templates_of_a_flood_are_bounded_and_the_exporter_heard_last_stays(monkeypatch):
    monkeypatch.setattr(netflow_collector, "_MOST_STREAMS", 8)
    monkeypatch.setattr(netflow_collector, "_MOST_FIELDS", 500)
    collector = Collector()
    for number in range(100):
        collector.take(number, f"192.0.2.{number}", ipfix(*(template(256 + at, DATED) for at in range(9))))
        assert len(collector._streams) <= 8
        assert collector._fields == sum(stream.fields for stream in collector._streams.values()) <= 500 + 9 * len(DATED)
    collector.take(100, "192.0.2.99", ipfix(data(256, DATED, [flow()])))
    assert sum(len(batch.records) for batch in collector.finish()) == 1


def test_one_exporter_cannot_have_any_number_of_templates_or_of_fields():
    collector = Collector()
    limit = netflow_streams._MOST_TEMPLATES
    for start in range(256, 256 + 4 * limit, 50):
        collector.take(0, ROUTER, ipfix(*(template(number, DATED) for number in range(start, start + 50))))
    assert [len(stream.templates) for stream in collector._streams.values()] == [limit]
    wide = part(2, struct.pack("!HH", 256, 300) + b"\0\1\0\4" * 300)
    collector.take(0, OTHER, ipfix(wide, data(256, DATED, [flow()])))
    assert left_of(collector.finish()) == {"incomplete": 1}


def test_records_without_a_template_are_kept_in_bounded_memory(monkeypatch):
    monkeypatch.setattr(netflow_collector, "_MOST_HELD", 10_000)
    collector = Collector()
    for number in range(1000):
        collector.take(0, f"10.1.{number % 7}.1", ipfix(part(256 + number % 11, b"x" * 200)))
        assert collector._held_bytes <= 10_000
    assert left_of(collector.finish()) == {"incomplete": 1000}


def test_a_template_of_no_bytes_describes_nothing():
    empty = part(2, struct.pack("!HHHH", 256, 1, 1, 0))
    assert left_of(sent(ipfix(empty, part(256, b"x" * 40)))) == {"incomplete": 1}


@given(
    st.lists(st.binary(max_size=120) | st.binary(max_size=60).map(lambda body: ipfix(part(2, body), part(256, body))))
)
def test_whatever_is_sent_nothing_raises_and_every_datagram_leaves_something_or_nothing(messages):
    for batch in sent(*messages):
        assert batch.size == len(batch.records) + sum(item.count for item in batch.left_out)
