"""The CSV of nfdump in all its dialects: columns by header, pairs of directions, flags, summaries and refusals."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.capture.names import NameReader
from collectors.claims import ClaimTable
from collectors.errors import UnreadableInput
from collectors.formats import nfdump
from collectors.formats.fold import Fold
from collectors.formats.reading import read_log
from collectors.ledger import LedgerWriter
from tests.collectors.formats.hands import START, only
from tests.collectors.formats.samples import FOLDER

SAMPLES = sorted(FOLDER.glob("nfdump*"))
NEW = "firstSeen,duration,proto,srcAddr,srcPort,dstAddr,dstPort,packets,bytes,flows"
FAST = (
    "cnt,af,firstSeen,lastSeen,proto,srcAddr,srcPort,dstAddr,dstPort,"
    "srcAS,dstAS,input,output,flags,srcTos,packets,bytes"
)
CUSTOM = "firstSeen,lastSeen,proto,srcAddr,srcPort,dstAddr,dstPort,packets,bytes,flags"
OLD = (
    "ts,te,td,sa,da,sp,dp,pr,flg,fwd,stos,ipkt,ibyt,opkt,obyt,in,out,sas,das,smk,dmk,dtos,dir,nh,nhb,svln,dvln,ismc,odmc,"
    "idmc,osmc,mpls1,mpls2,mpls3,mpls4,mpls5,mpls6,mpls7,mpls8,mpls9,mpls10,cl,sl,al,ra,eng,exid,tr"
)
CLIENT, SERVER = "10.0.1.7,41000", "10.0.2.9,8080"


def flow(src=CLIENT, dst=SERVER, flags="...AP.SF", at=0.0, packets="6", size="600", proto="TCP", more=""):
    """Return a record of the CUSTOM dialect, `at` seconds after START."""
    time = f"{START // 10**9 + at:.3f}"
    return f"{time},{time},{proto},{src},{dst},{packets},{size},{flags}{more}"


def back(flags="...AP.SF", at=0.003, packets="5", size="1300", proto="TCP"):
    return flow(SERVER, CLIENT, flags, at, packets, size, proto)


def observed(header, *lines):
    """Return the flows, the ledger and the reading of some records."""
    fold, ledger = Fold(), LedgerWriter()
    stream = io.BytesIO("\n".join([header, *lines, ""]).encode())
    reading = read_log(nfdump, stream, "log", fold, ledger, NameReader(), ClaimTable())
    return fold.finish(), ledger.ledger(), reading


def row(*lines, header=CUSTOM):
    return only(observed(header, *lines)[0])


def counts(found):
    return tuple(found[name] for name in ("packets", "bytes", "reply_packets", "reply_bytes"))


DIALECTS = {
    CUSTOM: (flow(), back()),
    NEW: (
        "2026-03-01 10:00:00.000,0.500,TCP,10.0.1.7,41000,10.0.2.9,8080,6,600,1",
        "2026-03-01 10:00:00.003,00:00:00.500,6,10.0.2.9,8080,10.0.1.7,41000,5,1300,1",
    ),
    FAST: (
        "1,2,1772359200000,1772359200500,6,10.0.1.7,41000,10.0.2.9,8080,0,0,1,2,...AP.SF,0,6,600",
        "2,2,1772359200003,1772359200500,6,10.0.2.9,8080,10.0.1.7,41000,0,0,2,1,...AP.SF,0,5,1300",
    ),
    OLD: tuple(
        f"2026-03-01 10:00:{at},2026-03-01 10:00:09,0.500,{ends},TCP,...AP.SF,0,0,{count},0,0,1,2{',0' * 31}"
        for at, ends, count in (
            ("00", "10.0.1.7,10.0.2.9,41000,8080", "6,600"),
            ("01", "10.0.2.9,10.0.1.7,8080,41000", "5,1300"),
        )
    ),
}


@pytest.mark.parametrize("header", DIALECTS, ids=["custom", "new", "fast", "old"])
def test_trap_14_all_four_dialects_are_read_by_their_header(header):
    found = row(*DIALECTS[header], header=header)
    assert counts(found) == (6, 600, 5, 1300)
    assert {found["src"], found["dst"]} == {"10.0.1.7", "10.0.2.9"}
    assert (found["protocol"], found["connections"]) == ("TCP", 1)
    assert found["first_seen"].isoformat() == "2026-03-01T10:00:00+00:00"
    if header != NEW:
        assert (found["src"], found["dst_port"], found["orientation"]) == ("10.0.1.7", 8080, "paired")
        assert found["outcome"] == "established"


def test_trap_14_without_flags_who_began_a_tcp_connection_is_not_known():
    found = row(*DIALECTS[NEW], header=NEW)
    assert (found["orientation"], found["outcome"]) == ("unknown", "unknown")


def test_trap_14_a_summary_ends_the_records_and_another_output_may_follow():
    summary = ("Summary", "flows,bytes,packets,avg_bps,avg_pps,avg_bpp", "2,1900,11,0,0,172")
    flows, ledger, reading = observed(OLD, *DIALECTS[OLD], *summary, CUSTOM, flow("10.0.1.8,41000"))
    assert reading.records == 4
    assert ledger.packet_counts() == {"other_record": 1}
    assert flows["connections"].sum() == 2


@pytest.mark.parametrize(
    ("text", "number"),
    [("1.2 M", 1_200_000), ("6.4 G", 6_400_000_000), ("1.0 T", 10**12), ("3 k", 3000), ("600", 600)],
)
def test_trap_14_numbers_for_people_are_read(text, number):
    assert row(flow(size=text))["bytes"] == number


def test_numbers_that_are_none_are_missing():
    found = row(flow(packets="many", size=""))
    assert (found["packets"], found["bytes"]) == (None, None)


@pytest.mark.parametrize(
    ("lines", "orientation", "outcome"),
    [
        ((flow(), back()), "paired", "established"),
        ((flow(), back(at=0)), "unknown", "established"),
        ((flow(flags="......S.", packets="1"), back("...A.R..", packets="1")), "handshake", "refused"),
        ((flow(flags="......S.", packets="3"),), "handshake", "unanswered"),
        ((flow(flags=".....RS.", packets="2"), back("...A..S.", packets="1")), "handshake", "half_open"),
        ((flow(flags="...AP...", packets="9"), back("...AP...", packets="9")), "unknown", "established"),
        ((flow(flags="......S.", packets="1"), flow(flags="...AP..F"), back()), "handshake", "established"),
        ((flow(flags="........"), back("........")), "unknown", "unknown"),
        ((flow(flags="0x1b"), back("27")), "paired", "established"),
        ((flow(flags="", proto="UDP"), back("", proto="UDP")), "paired", "established"),
        ((flow(flags="", proto="17"), back("", at=0, proto="UDP")), "unknown", "established"),
        ((flow(flags="", proto="UDP"),), "unknown", "unanswered"),
    ],
)
def test_flags_and_the_first_of_two_directions_tell_who_began_and_what_came_of_it(lines, orientation, outcome):
    found = row(*lines)
    assert (found["orientation"], found["outcome"]) == (orientation, outcome)
    if orientation != "unknown":
        assert (found["src"], found["dst_port"]) == ("10.0.1.7", 8080)


@pytest.mark.parametrize("status", ["128", "130", "191"])
def test_dropped_by_the_exporter_is_denied(status):
    assert row(flow(flags="......S.", more=f",{status}"), header=f"{CUSTOM},fwdStatus")["outcome"] == "denied"


@pytest.mark.parametrize("status", ["0", "64", "127", "192", ""])
def test_any_other_forwarding_status_says_nothing(status):
    assert row(flow(flags="......S.", more=f",{status}"), header=f"{CUSTOM},fwdStatus")["outcome"] == "unanswered"


def test_two_directions_in_one_record_are_incomplete():
    lines = (flow(proto="UDP", more=",4,444"), flow(proto="UDP", at=1, more=",0,0"))
    flows, ledger, _ = observed(f"{CUSTOM},outPackets,outBytes", *lines)
    assert ledger.packet_counts() == {"incomplete": 1}
    assert (only(flows)["outcome"], counts(only(flows))) == ("unanswered", (6, 600, None, None))


def test_what_several_exporters_and_interfaces_saw_counts_once():
    header = f"{CUSTOM},routerIP,input,direction"
    lines = [flow(more=more) for more in (",192.0.2.1,1,I", ",192.0.2.1,2,E", ",192.0.2.2,1,I", ",192.0.2.2,1,I")]
    assert row(*lines, back() + ",192.0.2.1,2,I", header=header)["packets"] == 12
    assert row(*lines[:3], back() + ",192.0.2.1,2,I", header=header)["packets"] == 6


@pytest.mark.parametrize(("proto", "port"), [("ICMP", "8.0"), ("1", "2048"), ("ICMP6", "128.0"), ("58", "32768")])
def test_the_source_of_an_echo_request_began(proto, port):
    found = row(flow("10.0.1.7,0", f"10.0.2.9,{port}", "", proto=proto))
    assert (found["src"], found["dst_port"], found["orientation"]) == ("10.0.1.7", 0, "reported")


@pytest.mark.parametrize(
    ("proto", "port", "kind"),
    [
        ("ICMP", "3.3", "icmp_error"),
        ("ICMP6", "135.0", "link_control"),
        ("58", "34560", "link_control"),
        ("1", "769", "icmp_error"),
    ],
)
def test_errors_and_link_control_are_no_flows(proto, port, kind):
    assert observed(CUSTOM, flow("10.0.1.7,0", f"10.0.2.9,{port}", "", proto=proto))[1].packet_counts() == {kind: 1}


def test_trap_18_ipv6_mapped_addresses_and_port_0_are_read():
    six = row(flow("fd00:1::7,41000", "fd00:2:0:0::9,8080"))
    assert (six["src"], six["dst"]) == ("fd00:1::7", "fd00:2::9")
    mapped = row(flow("::ffff:10.0.1.7,0", "10.0.2.9,0", "......S."))
    assert (mapped["src"], mapped["dst_port"]) == ("10.0.1.7", 0)


def test_a_time_of_zero_is_none():
    zero = flow().replace(str(START // 10**9), "0", 1)
    assert observed(CUSTOM, zero, "0000-00-00 00:00:00.000" + flow()[14:])[1].packet_counts() == {"malformed": 2}


def test_an_end_before_the_beginning_is_the_beginning():
    late = flow(at=0.5).replace(".500,", ".000,").replace(".000,", ".500,", 1)
    found = row(late)
    assert found["first_seen"] == found["last_seen"]


def test_flows_longer_than_a_day_end_when_they_end():
    found = row("2026-03-01 10:00:00.000,1d 02:00:01.250,UDP,10.0.1.7,41000,10.0.2.9,8080,6,600,1", header=NEW)
    assert found["last_seen"].isoformat() == "2026-03-02T12:00:01.250000+00:00"


@pytest.mark.parametrize(
    "header", ["ts,te,td,pr,val,fl,flP,ipkt,ipktP,ibyt,ibytP,ipps,ibps,ibpp", "firstSeen,srcAddr,dstAddr,packets,bytes"]
)
def test_statistics_and_sums_are_refused_with_the_reason(header):
    with pytest.raises(UnreadableInput, match=r"has no column for [a-z, ]*: write flows"):
        observed(header, ",".join("1" for _ in header.split(",")))


def test_records_without_a_header_are_malformed():
    _, ledger, reading = observed("", flow(), back())
    assert (ledger.packet_counts(), reading.records) == ({"malformed": 2}, 2)


def test_what_is_no_record_is_malformed():
    lines = [flow("10.0.1.777,41000"), flow(proto="WHAT"), flow("10.0.1.7,99999", "10.0.2.9,99999"), "1,2,3"]
    assert observed(CUSTOM, *lines)[1].packet_counts() == {"malformed": 4}


@pytest.mark.parametrize("text", ["", "\n", f"{CUSTOM}\n", f"{NEW}\nNo matched flows\n"])
def test_an_empty_log_has_no_records(text):
    assert [batch.size for batch in nfdump.read(io.BytesIO(text.encode()))] in ([], [0])


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_the_samples_are_sniffed(path):
    content = path.read_bytes()
    assert nfdump.sniff(content)
    assert nfdump.sniff(content[:400])


@pytest.mark.parametrize(
    "head",
    [
        b"", b"\n", b"\xff\xfe", b"a,b,c\n1,2,3\n", b"ts,te,td,pr,val,fl\n", f"{flow()}\n".encode(), b"Summary\n",
        b"#fields\tts\tuid\tid.orig_h\n", b"version account-id interface-id srcaddr dstaddr\n", b"src,dst,proto,ts\n",
        b'{"firstSeen":1,"proto":6,"srcAddr":"10.0.1.7","dstAddr":"10.0.2.9"}\n', b"name,ts,pr,sa,da\n",
    ],
)  # fmt: skip
def test_what_is_not_of_nfdump_is_not_sniffed(head):
    assert not nfdump.sniff(head)


@given(st.sampled_from(SAMPLES), st.floats(0, 1))
def test_every_line_lands_once_wherever_the_file_is_cut(path, share):
    content = path.read_bytes()
    cut = content[: int(share * len(content))]
    begun = [line.partition(b",")[0] for line in cut.split(b"\n") if line]
    records = [first for first in begun if first not in {b"firstSeen", b"cnt", b"ts", b"Summary", b"flows"}]
    assert sum(batch.size for batch in nfdump.read(io.BytesIO(cut))) == len(records)


@given(st.lists(st.text(max_size=60).map("x".__add__) | st.sampled_from([flow(), back(), "1,2", ",,,,,,,,,"])))
def test_no_text_is_too_strange(some):
    content = "\n".join([CUSTOM, *(line.replace("\n", "") for line in some)]).encode()
    assert sum(batch.size for batch in nfdump.read(io.BytesIO(content))) == len(some)
