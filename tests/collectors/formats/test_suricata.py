"""Suricata's EVE log: connections from flow and netflow events, names from dns, gaps from stats."""

import io
import json
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.capture.names import NameReader
from collectors.claims import ClaimTable
from collectors.formats import hubble, suricata, zeek
from collectors.formats.fold import Fold
from collectors.formats.reading import read_log
from collectors.ledger import LedgerWriter
from tests.collectors.formats.hands import only

SAMPLE = (Path(__file__).parents[3] / "sample_captures" / "logs" / "suricata.json").read_bytes()
BEGUN, ENDED, WRITTEN = (f"2026-03-01T10:00:0{second}.250000+0000" for second in (0, 1, 5))
ENDS = {"src_ip": "10.0.1.7", "src_port": 41000, "dest_ip": "10.0.2.9", "dest_port": 8080, "proto": "TCP"}
TIMES = {"start": BEGUN, "end": ENDED}


def flow(ts="1b", tc="1b", packets=(6, 5), action=None, tcp=True, **others):
    """Return a flow event; `ts` and `tc` are the TCP flags to server and client."""
    counted = dict(
        zip(("pkts_toserver", "pkts_toclient", "bytes_toserver", "bytes_toclient"), (*packets, 600, 1300), strict=True)
    )
    event = {"timestamp": WRITTEN, "flow_id": 11, "event_type": "flow", **ENDS, "flow": {**counted, **TIMES}}
    if action:
        event["flow"]["action"] = action
    if tcp:
        event["tcp"] = {"tcp_flags": "1b", "tcp_flags_ts": ts, "tcp_flags_tc": tc, "syn": True, "state": "closed"}
    return event | others


def udp(**others):
    return flow(tcp=False, **{"proto": "UDP", "dest_port": 53, **others})


def netflow(flags="1b", packets=6, back=False, times=TIMES, **others):
    """Return a netflow event, of the direction to the client with `back`."""
    ends = dict(ENDS)
    if back:
        ends = {"src_ip": "10.0.2.9", "src_port": 8080, "dest_ip": "10.0.1.7", "dest_port": 41000, "proto": "TCP"}
    event = {"timestamp": WRITTEN, "flow_id": 11, "event_type": "netflow", **ends}
    return event | {"netflow": {"pkts": packets, "bytes": 100 * packets, **times}, "tcp": {"tcp_flags": flags}} | others


def observed(*events):
    """Return flows, ledger, reading and names of some events."""
    fold, ledger, names = Fold(), LedgerWriter(), NameReader()
    stream = io.BytesIO("\n".join(map(json.dumps, events)).encode())
    reading = read_log(suricata, stream, "log", fold, ledger, names, ClaimTable())
    return fold.finish(), ledger.ledger(), reading, names.finish("log")


def row(*events):
    return only(observed(*events)[0])


def verdict(*events):
    found = row(*events)
    return found["orientation"], found["outcome"]


def test_a_flow_has_its_ends_times_and_counts():
    found = row(flow())
    assert (found["src"], found["dst"], found["dst_port"], found["protocol"]) == ("10.0.1.7", "10.0.2.9", 8080, "TCP")
    assert found["first_seen"].isoformat() == "2026-03-01T10:00:00.250000+00:00"
    assert found["last_seen"].isoformat() == "2026-03-01T10:00:01.250000+00:00"
    counts = [found[name] for name in ("packets", "bytes", "reply_packets", "reply_bytes", "connections")]
    assert counts == [6, 600, 5, 1300, 1]


@pytest.mark.parametrize(
    ("ts", "tc", "packets", "orientation", "outcome"),
    [
        ("1b", "1b", (6, 5), "reported", "established"),
        ("1f", "1b", (7, 5), "reported", "established"),
        ("12", "12", (2, 1), "reported", "established"),
        ("02", "12", (1, 1), "handshake", "half_open"),
        ("06", "12", (2, 1), "handshake", "half_open"),
        ("16", "12", (2, 1), "reported", "half_open"),
        ("02", "14", (1, 1), "handshake", "refused"),
        ("02", "00", (2, 0), "handshake", "unanswered"),
        ("12", "00", (3, 0), "reported", "unknown"),
        ("18", "18", (9, 9), "unknown", "established"),
        ("10", "14", (3, 1), "unknown", "unknown"),
        ("1b", "19", (6, 5), "unknown", "established"),
        ("00", "00", (6, 5), "unknown", "unknown"),
    ],
)
def test_trap_13_hexadecimal_flags_tell_what_became_of_it(ts, tc, packets, orientation, outcome):
    assert verdict(flow(ts, tc, packets)) == (orientation, outcome)


def test_a_flow_without_flags_shows_neither_who_began_nor_what_came_of_it():
    assert verdict(flow(tcp=False)) == ("unknown", "unknown")
    for strange in ("zz", "", None, 5.5, {}):
        assert verdict(flow(strange, strange)) == ("unknown", "unknown")


def test_datagrams_are_answered_or_not():
    assert verdict(udp()) == ("reported", "established")
    assert verdict(udp(packets=(2, 0))) == ("reported", "unanswered")
    assert verdict(udp(flow=TIMES)) == ("reported", "unknown")


def test_what_was_dropped_is_denied_unless_it_had_worked():
    assert verdict(flow("02", "00", (2, 0), action="drop")) == ("handshake", "denied")
    assert verdict(udp(packets=(2, 0), action="drop")) == ("reported", "denied")
    assert verdict(flow(action="drop")) == ("reported", "established")
    assert verdict(flow("02", "00", (2, 0), action="pass")) == ("handshake", "unanswered")


def test_trap_13_netflow_is_one_way_and_both_ways_are_one_connection():
    found = row(netflow(), netflow(back=True, packets=5))
    assert (found["outcome"], found["orientation"], found["connections"]) == ("established", "unknown", 1)
    assert {(found["src"], found["packets"]), (found["dst"], found["reply_packets"])} == {
        ("10.0.1.7", 6),
        ("10.0.2.9", 5),
    }
    assert verdict(netflow("02", 2)) == ("handshake", "unanswered")
    assert verdict(netflow("02", 1), netflow("14", 1, back=True)) == ("handshake", "refused")


def test_flow_and_netflow_of_one_connection_count_once():
    found = row(netflow(), netflow(back=True, packets=5), flow())
    assert (found["orientation"], found["packets"], found["reply_packets"], found["connections"]) == (
        "reported",
        6,
        5,
        1,
    )


def test_two_interfaces_or_sensors_see_one_connection_which_counts_once():
    views = [{"in_iface": "eth0"}, {"in_iface": "eth1"}, {"host": "a"}, {"host": "b", "in_iface": "eth0"}]
    found = row(*(flow(**view) for view in views))
    assert (found["packets"], found["reply_bytes"], found["connections"]) == (6, 1300, 1)


def test_trap_13_other_events_of_the_file_are_other_records():
    alert = flow(event_type="alert", alert={"action": "allowed"})
    http = {"timestamp": WRITTEN, "flow_id": 11, "event_type": "http", **ENDS, "http": {"hostname": "x"}}
    flows, ledger, reading, _ = observed(alert, http, flow(), {"timestamp": WRITTEN}, {"event_type": 7})
    assert (len(flows), reading.records) == (1, 5)
    assert ledger.packet_counts() == {"other_record": 4}


def dns(said, **others):
    return {"timestamp": WRITTEN, "flow_id": 12, "event_type": "dns", **ENDS, "dns": said, **others}


@pytest.mark.parametrize(
    "said",
    [
        {"type": "answer", "rrname": "www.example", "rrtype": "A", "rdata": "198.51.100.23"},
        {"version": 2, "type": "answer", "rrname": "www.example",
         "grouped": {"A": ["198.51.100.23", 7], "CNAME": ["x"]}},
        {"version": 3, "type": "response", "queries": [{"rrname": "www.example", "rrtype": "A"}],
         "answers": [{"rrname": "www.example", "rrtype": "A", "rdata": "198.51.100.23"}]},
    ],
)  # fmt: skip
def test_dns_answers_of_all_versions_name_addresses(said):
    flows, ledger, _, names = observed(dns(said))
    assert flows.empty
    assert ledger.packet_counts() == {"other_record": 1}
    found = only(names)
    assert (found["address"], found["name"], found["kind"]) == ("198.51.100.23", "www.example", "dns")
    assert found["first_seen"] == pd.Timestamp(WRITTEN)


def test_an_address_behind_an_alias_has_both_names():
    listed = [{"rrname": "www.example", "rrtype": "CNAME", "rdata": "edge.example"},
              {"rrname": "edge.example", "rrtype": "AAAA", "rdata": "2001:db8::23"}]  # fmt: skip
    names = observed(dns({"version": 2, "type": "answer", "rrname": "www.example", "answers": listed}))[3]
    assert set(names["name"]) == {"www.example", "edge.example"}


@pytest.mark.parametrize(
    "said",
    [
        {"type": "query", "rrname": "www.example", "rrtype": "A"}, {"type": "answer"}, {}, [], "x", None, 7,
        {"type": "answer", "answers": {"rdata": 1}, "grouped": {"A": "198.51.100.23"}, "queries": [1], "rrname": 5},
        {"type": "answer", "rrname": "www.example", "rrtype": "A", "rdata": ["198.51.100.23"]},
    ],
)  # fmt: skip
def test_questions_and_strange_answers_name_nothing(said):
    assert observed(dns(said))[3].empty


def stats(drops, second, **others):
    said = {"uptime": 60, "capture": {"kernel_packets": 100, "kernel_drops": drops}}
    return {"timestamp": f"2026-03-01T10:00:{second:02}.000000+0000", "event_type": "stats", "stats": said, **others}


def test_packets_that_the_kernel_dropped_are_a_gap_from_one_count_to_the_next():
    _, ledger, reading, _ = observed(stats(7, 0), stats(7, 8), stats(17, 16), stats(3, 24))
    assert [(loss.lost, loss.end - loss.start) for loss in reading.losses] == [(10, 8 * 10**9), (3, 8 * 10**9)]
    assert ledger.packet_counts() == {"gap": 2, "other_record": 2}
    assert ledger.event_counts() == {"gap": 13}


def test_each_sensor_has_a_count_of_its_own():
    events = [
        stats(count, second, host=host)
        for count, second, host in ((5, 0, "a"), (90, 1, "b"), (5, 8, "a"), (91, 9, "b"))
    ]
    assert [loss.lost for loss in observed(*events)[2].losses] == [1]


def test_icmp_has_no_ports_and_errors_are_no_conversation():
    ping = udp(proto="ICMP", icmp_type=8, icmp_code=0)
    del ping["src_port"], ping["dest_port"]
    assert (row(ping)["protocol"], row(ping)["dst_port"], row(ping)["outcome"]) == ("ICMP", 0, "established")
    assert row(ping | {"proto": "IPv6-ICMP", "icmp_type": 128})["protocol"] == "ICMPv6"
    assert observed(ping | {"icmp_type": 3})[1].packet_counts() == {"icmp_error": 1}
    assert observed(ping | {"proto": "IPv6-ICMP", "icmp_type": 135})[1].packet_counts() == {"link_control": 1}
    assert row(udp(proto="089"))["protocol"] == "89"


@pytest.mark.parametrize(
    "time", ["2026-03-01T12:00:00.250+0200", "2026-03-01T10:00:00.25Z", 1772359200.25, 1772359200250]
)
def test_times_have_any_offset_or_are_numbers(time):
    assert row(udp(flow={"start": time}))["first_seen"].isoformat() == "2026-03-01T10:00:00.250000+00:00"
    assert row(udp(flow={}, timestamp=time))["last_seen"].isoformat() == "2026-03-01T10:00:00.250000+00:00"


def test_numbers_may_be_text_nulls_are_absent_and_unknown_fields_ignored():
    event = flow(src_port="41000", dest_port="8080", brand_new={"deep": [1]}, in_iface=None, community_id="1:x")
    event["flow"] = {name: str(value) for name, value in event["flow"].items()} | {"emergency": None}
    assert row(event) == row(flow())


def test_trap_18_addresses_are_canonical_and_port_zero_is_a_port():
    found = row(flow(src_ip="2001:0DB8::0001", dest_ip="::ffff:10.0.2.9", dest_port=0))
    assert (found["src"], found["dst"], found["dst_port"]) == ("2001:db8::1", "10.0.2.9", 0)
    assert observed(flow(dest_ip="ff02::fb"), flow(src_ip="no"))[1].packet_counts() == {"malformed": 1, "multicast": 1}


def test_the_sample_is_sniffed_and_by_nobody_else():
    assert suricata.sniff(SAMPLE[:65536])
    assert suricata.sniff(json.dumps(stats(0, 0)).encode())
    assert not hubble.sniff(SAMPLE)
    assert not zeek.sniff(SAMPLE)


@pytest.mark.parametrize(
    "head",
    [
        b"", b"\n", b"{}", b"\xff\xfe{", b"a,b\n1,2\n", b'{"event_type":"flow"}\n', b'{"timestamp":"x","flow_id":1}\n',
        b'{"event_type":{"type":4},"time":"2026-03-01T10:00:00Z","verdict":"FORWARDED"}\n',
        b'{"timestamp":"2026-03-01T10:00:00Z","event_type":"login","flow_id":3}\n',
        b'{"ts":1772359200.1,"uid":"Cx1","id.orig_h":"10.0.1.7","id.resp_h":"10.0.2.9","proto":"tcp","conn_state":"SF"}\n',
    ],
)  # fmt: skip
def test_what_is_no_eve_log_is_not_sniffed(head):
    assert not suricata.sniff(head)


def test_an_empty_log_has_no_rows():
    assert observed()[0].empty


@given(st.data())
def test_every_event_lands_once_wherever_the_file_is_cut(data):
    cut = SAMPLE[: data.draw(st.integers(0, len(SAMPLE)))]
    sizes = [batch.size for batch in suricata.read(io.BytesIO(cut))]
    assert sum(sizes) == sum(bool(line.strip()) for line in cut.split(b"\n"))


@given(st.lists(st.binary(max_size=60) | st.sampled_from(SAMPLE.split(b"\n")), max_size=12))
def test_no_bytes_are_too_strange(some):
    content = b"\n".join(some)
    sizes = [batch.size for batch in suricata.read(io.BytesIO(content))]
    assert sum(sizes) == sum(bool(line.strip()) for line in content.split(b"\n"))


@given(st.integers(0, 255), st.integers(0, 255), st.integers(0, 9), st.integers(0, 9))
def test_nothing_is_established_that_nobody_answered(ts, tc, sent, replied):
    outcome = verdict(flow(f"{ts:02x}", f"{tc:02x}", (sent, replied)))[1]
    if not tc & 0b11011 or not ts & 0b10000:
        assert outcome != "established"
