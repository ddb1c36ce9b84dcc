"""Connection tracking: translation, who began, outcomes, times and counters, in events, listings and /proc."""

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.capture.names import NameReader
from collectors.claims import ClaimTable
from collectors.errors import UnreadableInput
from collectors.formats import conntrack
from collectors.formats.fold import Fold
from collectors.formats.lines import blocks
from collectors.formats.reading import read_log
from collectors.ledger import LedgerWriter
from tests.collectors.formats.hands import START, only
from tests.collectors.formats.samples import FOLDER

SAMPLES = sorted(FOLDER.glob("conntrack-*"))
LISTED = "# 2026-03-01T10:00:30Z"
DNAT = ("src=10.0.1.7 dst=10.96.3.3 sport=41000 dport=80", "src=10.0.2.9 dst=10.0.1.7 sport=8080 dport=41000")
DNS = ("src=10.0.1.7 dst=10.0.0.53 sport=52000 dport=53", "src=10.0.0.53 dst=10.0.1.7 sport=53 dport=52000")


def event(kind, at, what="tcp      6 120 SYN_SENT", tuples=DNAT, mark="[UNREPLIED]", counts=("", ""), end=""):
    """Return a line of `conntrack -E -o timestamp`, `at` seconds after START."""
    first, second = (f"{text} {count}".rstrip() for text, count in zip(tuples, counts, strict=True))
    unreplied, assured = (mark, "") if mark == "[UNREPLIED]" else ("", mark)
    entry = " ".join(part for part in (what, first, unreplied, second, assured, end) if part)
    return f"[{START // 10**9 + at}.000250]\t{f'[{kind}]':>9} {entry}"


def entry(what="tcp      6 431999 ESTABLISHED", tuples=DNAT, mark="[ASSURED]", counts=("", ""), end="mark=0 use=1"):
    """Return a line of `conntrack -L`."""
    return event("NEW", 0, what, tuples, mark, counts, end).partition("[NEW] ")[2]


def observed(*lines, **how):
    """Return the flows, the ledger and the reading of some lines."""
    fold, ledger = Fold(), LedgerWriter()
    form = type("Form", (), {"NAME": "conntrack", "read": staticmethod(lambda stream: conntrack.read(stream, **how))})
    stream = io.BytesIO("\n".join(lines).encode())
    reading = read_log(form, stream, "log", fold, ledger, NameReader(), ClaimTable())
    return fold.finish(), ledger.ledger(), reading


def row(*lines, **how):
    return only(observed(*lines, **how)[0])


OPENED = (
    event("NEW", 0),
    event("UPDATE", 0, "tcp      6 60 SYN_RECV", mark=""),
    event("UPDATE", 0, "tcp      6 432000 ESTABLISHED", mark="[ASSURED]"),
)
CLOSED = event(
    "DESTROY", 150, "tcp      6 TIME_WAIT", mark="[ASSURED]", counts=("packets=6 bytes=600", "packets=5 bytes=1300")
)


def test_trap_16_tuples_are_read_in_order_so_the_service_and_its_backend_are_both_known():
    found = row(*OPENED)
    assert (found["src"], found["dst"], found["dst_port"]) == ("10.0.1.7", "10.0.2.9", 8080)
    assert (found["service_ip"], found["service_port"]) == ("10.96.3.3", 80)
    assert (found["orientation"], found["outcome"], found["connections"]) == ("handshake", "established", 1)
    assert found["first_seen"].isoformat() == "2026-03-01T10:00:00.000250+00:00"


def test_trap_16_icmp_has_a_type_a_code_and_an_id_and_no_ports():
    tuples = ("src=10.0.1.7 dst=10.0.2.9 type=8 code=0 id=1234", "src=10.0.2.9 dst=10.0.1.7 type=0 code=0 id=1234")
    found = row(LISTED, entry("icmp     1 29", tuples, mark=""))
    assert (found["protocol"], found["dst"], found["dst_port"], found["outcome"]) == (
        "ICMP",
        "10.0.2.9",
        0,
        "established",
    )


def test_trap_18_port_0_and_mapped_addresses_are_read():
    tuples = (
        "src=::ffff:10.0.1.7 dst=::ffff:10.0.2.9 sport=0 dport=0",
        "src=::ffff:10.0.2.9 dst=::ffff:10.0.1.7 sport=0 dport=0",
    )
    found = row(LISTED, entry("udp      17 29", tuples, mark=""))
    assert (found["src"], found["dst"], found["dst_port"]) == ("10.0.1.7", "10.0.2.9", 0)


@pytest.mark.parametrize(
    ("lines", "outcome"),
    [
        (OPENED, "established"),
        ((*OPENED, CLOSED), "established"),
        (OPENED[:2], "half_open"),
        ((*OPENED[:2], event("UPDATE", 1, "tcp      6 10 CLOSE", mark="")), "half_open"),
        (OPENED[:1], "unanswered"),
        ((OPENED[0], event("DESTROY", 120, "tcp      6 SYN_SENT")), "unanswered"),
        ((OPENED[0], event("DESTROY", 0, "tcp      6 120 CLOSE")), "refused"),
        (
            (OPENED[0], event("DESTROY", 0, "tcp      6", counts=("packets=1 bytes=60", "packets=1 bytes=40"))),
            "refused",
        ),
        (
            (OPENED[0], event("DESTROY", 9, "tcp      6 9 CLOSE", counts=("packets=2 bytes=99", "packets=0 bytes=0"))),
            "unanswered",
        ),
        ((event("NEW", 0, "sctp     132 3 COOKIE_WAIT"),), "unanswered"),
        (
            (
                event("NEW", 0, "sctp     132 3 COOKIE_WAIT"),
                event("UPDATE", 0, "sctp     132 210 ESTABLISHED", mark="[ASSURED]"),
            ),
            "established",
        ),
    ],
)
def test_the_state_says_what_became_of_a_connection(lines, outcome):
    found = row(*lines)
    assert (found["outcome"], found["orientation"], found["src"]) == (outcome, "handshake", "10.0.1.7")


def test_a_syn_ack_that_is_sent_again_and_again_does_not_open_a_connection():
    counts = ("packets=4 bytes=320", "packets=5 bytes=400")
    tuples = (
        "src=fd00:1::7 dst=fd00:2::9 sport=41000 dport=8080",
        "src=fd00:2::9 dst=fd00:1::7 sport=8080 dport=41000",
    )
    assert row(LISTED, entry("tcp 6 55 SYN_RECV", tuples, mark="", counts=counts))["outcome"] == "half_open"


@pytest.mark.parametrize(
    ("mark", "outcome"), [("[UNREPLIED]", "unanswered"), ("", "established"), ("[ASSURED]", "established")]
)
def test_datagrams_worked_when_they_were_answered(mark, outcome):
    found = row(event("NEW", 0, "udp      17 30", DNS, mark))
    assert (found["outcome"], found["orientation"], found["dst_port"]) == (outcome, "reported", 53)


def test_an_offloaded_entry_shows_no_state_and_was_established():
    found = row(LISTED, entry("tcp      6", mark="[OFFLOAD]"))
    assert (found["outcome"], found["orientation"]) == ("established", "reported")


def test_who_began_a_connection_that_was_picked_up_in_the_middle_is_not_known():
    picked = (
        event("NEW", 0, "tcp      6 300 ESTABLISHED"),
        event("UPDATE", 0, "tcp      6 432000 ESTABLISHED", mark="[ASSURED]"),
    )
    assert row(*picked)["orientation"] == "unknown"
    assert row(*picked)["outcome"] == "established"
    assert row(LISTED, entry("tcp 6 299 ESTABLISHED", mark="[UNREPLIED]"))["orientation"] == "unknown"


def test_the_source_is_the_one_before_masquerading():
    tuples = (
        "src=203.0.113.7 dst=192.168.50.11 sport=56620 dport=30080",
        "src=10.0.2.9 dst=10.0.2.1 sport=8080 dport=1024",
    )
    found = row(LISTED, entry(tuples=tuples))
    assert (found["src"], found["dst"], found["dst_port"]) == ("203.0.113.7", "10.0.2.9", 8080)
    assert (found["service_ip"], found["service_port"]) == ("192.168.50.11", 30080)


def test_without_translation_there_is_no_service():
    assert row(LISTED, entry("udp 17 20", DNS, mark=""))["service_ip"] != row(*OPENED)["service_ip"]


def test_a_late_end_is_dated_by_what_was_seen_before_and_counts_once():
    found = row(*OPENED, CLOSED)
    assert (found["packets"], found["bytes"], found["reply_packets"], found["reply_bytes"]) == (6, 600, 5, 1300)
    assert found["last_seen"].isoformat() == "2026-03-01T10:00:00.000250+00:00"


def test_an_end_without_a_beginning_is_dated_by_how_long_the_entry_was_there():
    end = event("DESTROY", 150, "tcp      6 TIME_WAIT", mark="[ASSURED]", end="delta-time=130")
    found = row(end)
    assert found["first_seen"].isoformat() == found["last_seen"].isoformat() == "2026-03-01T10:00:20.000250+00:00"
    assert found["outcome"] == "established"


def test_an_end_that_says_neither_is_left_out():
    flows, ledger, _ = observed(CLOSED)
    assert flows.empty
    assert ledger.packet_counts() == {"incomplete": 1}


def test_events_without_a_time_are_refused_with_what_to_do():
    with pytest.raises(UnreadableInput, match="no line of this conntrack log says a time"):
        row(*(line.partition("\t")[2] for line in OPENED))


def test_a_listing_without_a_time_is_refused_or_dated_by_the_caller():
    with pytest.raises(UnreadableInput, match="date -u"):
        row(entry())
    assert row(entry(), listed=START)["first_seen"].isoformat() == "2026-03-01T10:00:00+00:00"


def test_a_line_before_a_listing_dates_it():
    found = row(LISTED, entry())
    assert found["first_seen"].isoformat() == found["last_seen"].isoformat() == "2026-03-01T10:00:30+00:00"


def test_an_open_entry_was_there_from_its_beginning_to_the_listing():
    found = row(LISTED, entry(end="mark=0 delta-time=20 use=1"))
    assert found["first_seen"].isoformat() == "2026-03-01T10:00:10+00:00"
    assert found["last_seen"].isoformat() == "2026-03-01T10:00:30+00:00"


def test_a_closed_entry_is_dated_by_its_beginning_not_by_the_listing():
    found = row(LISTED, entry("tcp 6 12 TIME_WAIT", end="mark=0 delta-time=20 use=1"))
    assert found["first_seen"].isoformat() == found["last_seen"].isoformat() == "2026-03-01T10:00:10+00:00"


def test_the_kernels_own_beginning_is_the_last_resort():
    kernels = "delta-time=7 [start=Sun Mar  1 10:00:05 2026]"
    found = row(entry(end=f"mark=0 {kernels} use=1"))
    assert found["first_seen"].isoformat() == "2026-03-01T10:00:05+00:00"
    assert found["last_seen"].isoformat() == "2026-03-01T10:00:12+00:00"
    end = CLOSED.partition("\t")[2]
    assert row(f"{end} {kernels}")["first_seen"].isoformat() == "2026-03-01T10:00:05+00:00"


@pytest.mark.parametrize("stamp", ["[9999999999.000001]", f"[{'9' * 30}.1]", "[now.1]", "[1.2.3]"])
def test_impossible_times_are_malformed(stamp):
    assert observed(OPENED[0].replace(OPENED[0].partition("\t")[0], stamp))[1].packet_counts() == {"malformed": 1}


def test_impossible_counters_and_durations_do_no_harm():
    huge = row(LISTED, entry(counts=("packets=9 bytes=999999999999999999", f"packets={'9' * 30} bytes=1")))
    assert (huge["outcome"], huge["bytes"], huge["reply_packets"]) == ("established", None, None)
    assert row(LISTED, entry(end="delta-time=999999999"))["last_seen"].isoformat() == "2026-03-01T10:00:30+00:00"


@pytest.mark.parametrize("text", ["# 2026-03-01 10:00:30", "#2026-03-01T11:00:30+01:00", "# 1772359230"])
def test_the_time_of_a_listing_may_be_written_in_several_ways(text):
    assert row(text, entry())["first_seen"].isoformat() == "2026-03-01T10:00:30+00:00"


def test_counters_of_later_listings_are_running_totals():
    earlier = entry(counts=("packets=6 bytes=600", "packets=5 bytes=1300"))
    later = entry(counts=("packets=9 bytes=900", "packets=7 bytes=1500"))
    flows = observed(LISTED, earlier, "# 2026-03-01T10:01:30Z", later, "# 2026-03-01T10:02:30Z", later)[0]
    assert flows[["packets", "bytes", "reply_packets", "reply_bytes"]].sum().tolist() == [9, 900, 7, 1500]
    assert flows["connections"].sum() == 1


def test_counters_that_fell_belong_to_a_new_connection():
    lines = [entry(counts=(f"packets={count} bytes={count}00", f"packets={count} bytes={count}00")) for count in (6, 2)]
    assert row(LISTED, *lines)["packets"] == 8


def test_one_connection_in_two_zones_counts_once():
    counts = ("packets=6 bytes=600", "packets=5 bytes=1300")
    found = row(LISTED, *(entry(counts=counts, end=f"mark=0 zone={zone} use=1") for zone in (0, 7, 9)))
    assert (found["packets"], found["connections"]) == (6, 1)


def test_the_zone_of_a_direction_and_unknown_keys_are_passed_over():
    tuples = (f"{DNAT[0]} zone-orig=4", f"{DNAT[1]} new-key=x")
    assert row(LISTED, entry(tuples=tuples, end="mark=0 secctx=a helper=ftp labels=b use=1"))["dst"] == "10.0.2.9"


def test_a_protocol_without_a_name_is_its_number():
    tuples = ("src=10.0.1.7 dst=10.0.2.9 srckey=0x0 dstkey=0x1", "src=10.0.2.9 dst=10.0.1.7 srckey=0x1 dstkey=0x0")
    assert row(LISTED, entry("gre      47 29", tuples, mark=""))["protocol"] == "47"
    assert (
        row(LISTED, entry("unknown  50 599", ("src=10.0.1.7 dst=10.0.2.9", "src=10.0.2.9 dst=10.0.1.7")))["protocol"]
        == "50"
    )


def test_every_way_of_printing_an_event_is_read():
    plain = OPENED[0]
    extended = plain.replace("[NEW] tcp", "[NEW] ipv4     2 tcp") + " id=1446458521"
    old = plain.replace(".000250]", ".250   ]")
    by_hand = f"{plain} [USERSPACE] portid=4711 progname=conntrack"
    assert row(plain) == row(extended) == row(old) == row(by_hand)


def test_the_kernels_own_file_is_read():
    end = "mark=0 zone=0 use=2"
    one, other = (f"fd00:0244:0001:0000:0000:0000:0000:{host}" for host in ("0007", "000a"))
    tuples = (f"src={one} dst={other} sport=52000 dport=53", f"src={other} dst={one} sport=53 dport=52000")
    assert row(LISTED, f"ipv4     2 {entry('tcp      6 431999 ESTABLISHED', end=end)}")["dst"] == "10.0.2.9"
    assert row(LISTED, f"ipv6     10 {entry('udp      17 29', tuples, mark='', end=end)}")["dst"] == "fd00:244:1::a"


def test_events_that_the_command_lost_are_a_gap():
    warning = "WARNING: We have hit ENOBUFS! We are losing events."
    _, ledger, reading = observed(OPENED[0], warning)
    (loss,) = reading.losses
    assert (loss.start, loss.lost) == (START + 250_000, None)
    assert (ledger.packet_counts(), ledger.event_counts()) == ({"gap": 1}, {"gap": 1})


def test_what_the_command_says_and_expectations_are_other_records():
    said = "conntrack v1.4.7 (conntrack-tools): 3048 flow events have been shown."
    expected = (
        "300 proto=6 src=10.0.1.7 dst=10.0.2.9 sport=0 dport=999 mask-src=255.255.255.255 mask-dst=255.255.255.255"
    )
    assert observed(said, expected)[1].packet_counts() == {"other_record": 2}


def test_what_is_no_entry_is_malformed():
    xml = '<flow><meta direction="original"><layer3 protonum="2"/></meta></flow>'
    saved = "-A -t 0 -u SEEN_REPLY,ASSURED -s 10.0.1.7 -d 10.96.3.3 -g 10.0.2.9 -p tcp --sport 41000 --dport 80"
    wrong = entry(tuples=("src=10.0.1.777 dst=10.0.2.9 sport=1 dport=2", "src=10.0.2.9 dst=10.0.1.7 sport=2 dport=1"))
    _, ledger, reading = observed(LISTED, xml, saved, entry()[:40], wrong, "\x00\x01")
    assert (ledger.packet_counts(), reading.records) == ({"malformed": 5}, 5)


def test_an_empty_log_has_no_records():
    assert observed("")[2].records == 0


def test_memory_of_open_entries_is_bounded(monkeypatch):
    monkeypatch.setattr(conntrack, "_MOST_OPEN", 2)
    others = [event("NEW", 1, tuples=(f"{DNAT[0]}{port}", DNAT[1])) for port in range(3)]
    assert observed(OPENED[0], *others, event("DESTROY", 9, "tcp 6 SYN_SENT"))[1].packet_counts() == {"incomplete": 1}


@pytest.mark.parametrize(
    "head",
    [
        b"", b"\n", b"tcp 6 1 src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2\n", b"\xff\xfe", b"src=1 dst=2 src=3 dst=4\n",
        b"srcaddr dstaddr srcport dstport\n",
        b"2 123456789010 eni-1 10.0.1.7 10.0.2.9 41000 8080 6 6 600 1 2 ACCEPT OK\n",
        b'{"message": "tcp 6 1 ESTABLISHED src=a dst=b src=b dst=a"}\n',
    ],
)  # fmt: skip
def test_what_is_not_connection_tracking_is_not_sniffed(head):
    assert not conntrack.sniff(head)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_the_samples_are_sniffed(path):
    content = path.read_bytes()
    assert conntrack.sniff(content)
    assert conntrack.sniff(content[:2000])


def lines_of(content):
    """Return how many lines are not blank and no time of a listing."""
    texts = [line.content for some in blocks(io.BytesIO(content)) for line in some]
    return sum(not re.fullmatch(rb"\s*#\s*20\S+\s*", text) for text in texts)


@given(st.sampled_from(SAMPLES), st.floats(0, 1))
def test_every_line_lands_once_wherever_the_file_is_cut(path, share):
    content = path.read_bytes()
    begun = content.index(b"\n") + 1  # a time of a listing that is cut is another time, or none
    cut = content[: max(begun, int(share * len(content)))]
    assert sum(batch.size for batch in conntrack.read(io.BytesIO(cut))) == lines_of(cut)


@given(st.lists(st.binary(max_size=40) | st.sampled_from([entry().encode(), CLOSED.encode()]), max_size=6))
def test_no_bytes_are_too_strange(some):
    content = b"\n".join(line.replace(b"#", b"") for line in some)
    assert sum(batch.size for batch in conntrack.read(io.BytesIO(content), listed=START)) == lines_of(content)
