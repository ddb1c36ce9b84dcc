"""Zeek's conn.log: who began and what came of it by the packets that Zeek saw, in TSV and in JSON."""

import io
import json
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.capture.names import NameReader
from collectors.claims import ClaimTable
from collectors.formats import hubble, zeek
from collectors.formats.fold import Fold
from collectors.formats.reading import read_log
from collectors.ledger import LedgerWriter
from tests.collectors.formats.hands import only

SAMPLES = Path(__file__).parents[3] / "sample_captures" / "logs"
TSV, JSON = ((SAMPLES / name).read_bytes() for name in ("zeek.log", "zeek-json.log"))
NAMES = (
    "ts", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto", "duration", "conn_state", "history", "orig_pkts",
    "resp_pkts",
)  # fmt: skip
BASE = {
    "ts": 1772359200.1, "uid": "Cx1", "id.orig_h": "10.0.1.7", "id.orig_p": 41000, "id.resp_h": "10.0.2.9",
    "id.resp_p": 8080, "proto": "tcp", "duration": 0.5, "conn_state": "SF", "missed_bytes": 0, "history": "ShADadFf",
    "orig_pkts": 6, "orig_ip_bytes": 512, "resp_pkts": 5, "resp_ip_bytes": 1160,
}  # fmt: skip


def conn(**others):
    """Return a record; None takes a field away."""
    return {
        name: value
        for name, value in {**BASE, **{_dotted(k): v for k, v in others.items()}}.items()
        if value is not None
    }


def _dotted(name):
    return name.replace("id_", "id.")


def _bare(**others):
    """Return what every log of Zeek says of a connection."""
    return {name: conn()[name] for name in NAMES[:6]} | others


def observed(*records):
    """Return flows, ledger and reading of some records, or of a file's content."""
    content = records[0] if isinstance(records[0], bytes) else "\n".join(map(json.dumps, records)).encode()
    fold, ledger = Fold(), LedgerWriter()
    reading = read_log(zeek, io.BytesIO(content), "log", fold, ledger, NameReader(), ClaimTable())
    return fold.finish(), ledger.ledger(), reading


def row(*records):
    return only(observed(*records)[0])


def verdict(**others):
    found = row(conn(**others))
    return found["orientation"], found["outcome"]


def tsv(*records, names=NAMES, separator="\t", written="\\x09", path="conn"):
    """Return records as Zeek writes them with a header."""
    head = [f"#separator {written}", f"#set_separator{separator};", f"#path{separator}{path}",
            separator.join(("#fields", *names)), separator.join(("#types", *("string" for _ in names)))]  # fmt: skip
    lines = [separator.join(str(record.get(name, "-")) for name in names) for record in records]
    return ("\n".join([*head, *lines, f"#close{separator}2026-03-01-11-00-00"]) + "\n").encode()


def test_a_connection_has_its_ends_times_and_counts():
    found = row(conn())
    assert (found["src"], found["dst"], found["dst_port"], found["protocol"]) == ("10.0.1.7", "10.0.2.9", 8080, "TCP")
    assert found["first_seen"].isoformat() == "2026-03-01T10:00:00.100000+00:00"
    assert found["last_seen"].isoformat() == "2026-03-01T10:00:00.600000+00:00"
    assert [found[name] for name in ("packets", "bytes", "reply_packets", "reply_bytes", "connections")] == [
        6,
        512,
        5,
        1160,
        1,
    ]


def test_tsv_and_json_say_the_same():
    assert row(tsv(conn(), names=tuple(BASE))) == row(conn())


@pytest.mark.parametrize(
    ("history", "state", "orientation", "outcome"),
    [
        ("ShADadFf", "SF", "handshake", "established"),
        ("ShADad", "S1", "handshake", "established"),
        ("ShADadFR", "RSTO", "handshake", "established"),
        ("ShAr", "RSTR", "handshake", "established"),
        ("Sh", "S1", "handshake", "half_open"),
        ("ShR", "RSTO", "handshake", "half_open"),
        ("Shr", "RSTR", "handshake", "half_open"),
        ("Sr", "REJ", "handshake", "refused"),
        ("S", "S0", "handshake", "unanswered"),
        ("SR", "RSTOS0", "handshake", "unanswered"),
        ("SF", "SH", "handshake", "unanswered"),
        ("DdAa", "OTH", "unknown", "established"),
        ("D", "OTH", "unknown", "unknown"),
        ("hADadFf", "SF", "handshake", "established"),
    ],
)
def test_the_letters_of_the_history_tell_what_became_of_it(history, state, orientation, outcome):
    answered = 5 if set(history) & set("hadfr") else 0
    assert verdict(history=history, conn_state=state, resp_pkts=answered, resp_ip_bytes=500 * answered) == (
        orientation,
        outcome,
    )


def test_one_visible_side_is_no_silence():
    assert verdict(history="SAD", conn_state="OTH", resp_pkts=0, resp_ip_bytes=0) == ("handshake", "unknown")


def test_who_answers_with_a_syn_ack_did_not_begin():
    found = row(conn(history="HdA", conn_state="OTH"))
    assert (found["src"], found["dst"], found["dst_port"], found["orientation"]) == (
        "10.0.2.9", "10.0.1.7", 41000, "handshake",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("state", "payload", "orientation", "outcome"),
    [
        ("SF", (0, 0), "reported", "established"), ("S2", (0, 0), "reported", "established"),
        ("S1", (0, 0), "reported", "unknown"), ("S1", (9, 9), "reported", "established"),
        ("RSTO", (0, 9), "reported", "unknown"), ("S3", (9, 9), "reported", "established"),
        ("REJ", (0, 0), "reported", "refused"), ("S0", (0, 0), "reported", "unanswered"),
        ("RSTRH", (0, 0), "unknown", "unknown"), ("OTH", (9, 9), "unknown", "unknown"),
    ],
)  # fmt: skip
def test_without_a_history_the_state_counts_and_answered_is_not_established(state, payload, orientation, outcome):
    bare = {
        "history": None,
        "orig_pkts": 2,
        "resp_pkts": 0 if state == "S0" else 1,
        "orig_ip_bytes": 80,
        "resp_ip_bytes": 44,
    }
    found = verdict(conn_state=state, orig_bytes=payload[0], resp_bytes=payload[1], **bare)
    assert found == (orientation, outcome)


@pytest.mark.parametrize("history", ["^dDaA", "^hADadFf", "H^SADad", "D^d"])
def test_trap_12_ends_that_zeek_exchanged_are_no_proof_of_who_began(history):
    assert verdict(history=history) == ("unknown", "established")


def test_datagrams_are_answered_or_not():
    udp = {"proto": "udp", "id_resp_p": 53}
    assert verdict(**udp, conn_state="SF", history="Dd") == ("reported", "established")
    assert verdict(**udp, conn_state="S0", history="D", resp_pkts=0) == ("reported", "unanswered")
    assert verdict(**udp, conn_state="SF", history="Dd", orig_pkts=None, resp_pkts=None) == ("reported", "established")


def test_packets_left_out_for_their_checksum_are_no_silence():
    assert verdict(proto="udp", conn_state="S0", history="Dc", resp_pkts=0) == ("reported", "unknown")
    assert verdict(conn_state="OTH", history="C", orig_pkts=0, resp_pkts=0) == ("unknown", "unknown")
    assert verdict(conn_state="S1", history="ShC", orig_pkts=1, resp_pkts=1, resp_ip_bytes=60) == (
        "handshake",
        "unknown",
    )


def test_icmp_has_types_where_others_have_ports():
    ping = row(conn(proto="icmp", id_orig_p=8, id_resp_p=0, conn_state="OTH", history=None))
    assert (ping["protocol"], ping["dst_port"], ping["outcome"]) == ("ICMP", 0, "established")
    six = {"id_orig_h": "fd00::1", "id_resp_h": "fd00::2", "proto": "icmp", "conn_state": "OTH", "history": None}
    assert row(conn(**six, id_orig_p=128, id_resp_p=129))["protocol"] == "ICMPv6"
    assert observed(conn(**six, id_orig_p=135, id_resp_p=0))[1].packet_counts() == {"link_control": 1}
    error = conn(proto="icmp", id_orig_p=3, id_resp_p=3, conn_state="OTH", history=None)
    assert observed(error)[1].packet_counts() == {"icmp_error": 1}


def test_other_transports_go_by_their_number():
    gre = row(conn(proto="unknown_transport", ip_proto=47, id_orig_p=0, id_resp_p=0, history=None, conn_state="OTH"))
    assert (gre["protocol"], gre["dst_port"]) == ("47", 0)
    for others in ({}, {"ip_proto": 132}):
        assert observed(conn(proto="unknown_transport", **others))[1].packet_counts() == {"incomplete": 1}


def test_missed_bytes_are_a_gap_beside_their_connection():
    apart = conn(ts=1772359290, missed_bytes=50)
    flows, ledger, reading = observed(
        conn(missed_bytes=1000), conn(ts=1772359200.4, missed_bytes="20", uid="b"), conn(), apart
    )
    assert [(loss.lost, loss.end - loss.start) for loss in reading.losses] == [(None, 800_000_000), (None, 500_000_000)]
    assert reading.losses[0].what == "lost with 1020 missed bytes"
    assert (ledger.packet_counts(), ledger.event_counts(), reading.records) == ({}, {"gap": 2}, 4)
    assert flows["outcome"].eq("established").all()


def test_the_tunnel_is_left_out_and_what_it_carries_counts():
    outer = conn(proto="udp", id_resp_p=4789, service="vxlan", conn_state="S0", history="D", uid="outer")
    inner = conn(tunnel_parents=["outer"])
    flows, ledger, _ = observed(outer, inner)
    assert only(flows)["dst_port"] == 8080
    assert ledger.packet_counts() == {"other_record": 1}


def test_trap_12_dotted_keys_nested_records_and_other_joints_are_one_field():
    nested = {**conn(id_orig_h=None, id_orig_p=None, id_resp_h=None, id_resp_p=None),
              "id": {"orig_h": "10.0.1.7", "orig_p": 41000, "resp_h": "10.0.2.9", "resp_p": 8080}}  # fmt: skip
    joined = {name.replace("id.", "id_"): value for name, value in conn().items()}
    assert row(nested) == row(joined) == row(conn()) == row(tsv(joined, names=tuple(joined)))


def test_trap_12_a_header_may_come_again_with_other_fields_in_another_order():
    shuffled = ("uid", *reversed(NAMES), "brand_new")
    content = tsv(conn()) + tsv(conn(id_orig_p=41001), names=shuffled)
    flows, ledger, reading = observed(content)
    assert (reading.records, only(flows)["connections"], only(flows)["packets"]) == (2, 2, 12)
    assert ledger.packet_counts() == {}


@pytest.mark.parametrize(("separator", "written"), [(",", "\\x2c"), (";", ";"), ("|", "\\x7C")])
def test_trap_12_values_may_be_separated_otherwise(separator, written):
    content = tsv(conn(), separator=separator, written=written)
    assert zeek.sniff(content)
    assert row(content) == row(tsv(conn()))


def test_a_header_without_marks_is_one():
    content = "\n".join(
        ["\t".join(NAMES), *("\t".join(str(conn()[name]) for name in NAMES) for _ in range(2))]
    ).encode()
    assert zeek.sniff(content)
    assert observed(content)[2].records == 2


@pytest.mark.parametrize("ts", [1772359200.1, "1772359200.100000", 1772359200100, "2026-03-01T10:00:00.100000Z"])
def test_trap_12_times_are_seconds_milliseconds_or_iso(ts):
    assert row(conn(ts=ts))["first_seen"].isoformat() == "2026-03-01T10:00:00.100000+00:00"


def test_numbers_may_be_text_and_absent_fields_are_not_known():
    text = {name: str(value) if isinstance(value, int) else value for name, value in conn().items()}
    assert row(text) == row(conn())
    bare = row(_bare(conn_state="SF"))
    assert pd.isna([bare["packets"], bare["reply_bytes"]]).all()
    assert (bare["outcome"], bare["last_seen"]) == ("established", bare["first_seen"])
    assert row(conn(brand_new={"deep": [1]}, service=None, history="ShADadFf", local_orig=None)) == row(conn())


def test_a_length_that_nobody_can_have_is_not_known():
    found = row(conn(duration="99999999999"))
    assert found["last_seen"] == found["first_seen"]


def test_trap_18_addresses_are_canonical_and_port_zero_is_a_port():
    found = row(conn(id_orig_h="2001:DB8::0:1", id_resp_h="::ffff:10.0.2.9", id_resp_p=0))
    assert (found["src"], found["dst"], found["dst_port"]) == ("2001:db8::1", "10.0.2.9", 0)
    many = conn(proto="udp", id_resp_h="224.0.0.251", id_resp_p=5353, conn_state="S0", history="D")
    assert observed(many, conn(id_resp_h="127.0.0.1"))[1].packet_counts() == {"loopback": 1, "multicast": 1}


def test_two_sensors_report_one_connection_which_counts_once():
    found = row(*(conn(_system_name=name, uid=name) for name in ("a", "b")))
    assert (found["connections"], found["packets"], found["reply_bytes"]) == (1, 6, 1160)


def test_lines_of_other_logs_are_other_records():
    dns = _bare(_path="dns")
    flows, ledger, _ = observed(dns, _bare(), conn(_path="conn_long"), conn(_path="conn"))
    assert (len(flows), ledger.packet_counts()) == (1, {"other_record": 3})
    assert zeek.sniff("".join(json.dumps(one) + "\n" for one in (dns, conn())).encode())


@pytest.mark.parametrize("content", [TSV, JSON])
def test_the_samples_are_sniffed_and_by_nobody_else(content):
    assert zeek.sniff(content[:65536])
    assert not hubble.sniff(content[:65536])


@pytest.mark.parametrize(
    "head",
    [
        b"", b"\n", b"{}", b"\xff\xfe\x00", b"a,b,c\n1,2,3\n",
        b"#separator \\x09\n#path\tdns\n#fields\tts\tuid\tquery\n",
        b'{"timestamp":"2026-03-01T10:00:05.0+0000","flow_id":11,"event_type":"flow","src_ip":"10.0.1.7"}\n',
        b'{"ts":1,"uid":"C","id.orig_h":"10.0.1.7","id.resp_h":"10.0.2.9","proto":"udp","query":"x"}\n',
        b"tcp 6 431999 ESTABLISHED src=10.0.1.7 dst=10.0.2.9 sport=41000 dport=8080\n",
        b"version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end\n",
    ],
)  # fmt: skip
def test_what_is_no_log_of_connections_is_not_sniffed(head):
    assert not zeek.sniff(head)


def test_an_empty_log_has_no_rows():
    for content in (b"", b"\n\n", b"#separator \\x09\n"):
        assert list(observed(content)[0]["src"]) == []


def records_in(content):
    """Return how many lines are records: not blank, no header, no comment."""
    return sum(bool(line.strip()) and not line.strip().startswith((b"#", b"ts")) for line in content.split(b"\n"))


@given(st.sampled_from([TSV, JSON]), st.data())
def test_every_record_lands_once_wherever_the_file_is_cut(content, data):
    cut = content[: data.draw(st.integers(0, len(content)))]
    batches = list(zeek.read(io.BytesIO(cut)))
    assert sum(batch.size for batch in batches) == records_in(cut)


@given(st.lists(st.binary(max_size=60) | st.sampled_from(TSV.split(b"\n") + JSON.split(b"\n")), max_size=12))
def test_no_bytes_are_too_strange(some):
    content = b"\n".join(some)
    assert sum(batch.size for batch in zeek.read(io.BytesIO(content))) <= len(content.split(b"\n"))


@given(st.text(st.sampled_from("SshHaAdDfFrRcCgGtTwWiIqQ^xX"), max_size=8), st.sampled_from(["tcp", "udp"]))
def test_a_history_never_shows_more_than_its_packets(history, proto):
    orientation, outcome = verdict(history=history or None, conn_state="OTH", proto=proto, resp_pkts=0, resp_ip_bytes=0)
    if proto == "tcp" and not set(history) & set("hadf"):
        assert outcome != "established"
    if "^" in history:
        assert orientation not in {"handshake", "reported"}


@pytest.mark.parametrize(("history", "state"), [("^Dd", "SF"), ("d", "SHR")])
def test_trap_12_datagrams_whose_ends_were_exchanged_are_not_paired(history, state):
    assert verdict(proto="udp", history=history, conn_state=state) == ("unknown", "established")
