"""VPC flow logs of AWS: who began and what came of it by what the interfaces of both nodes say of each direction."""

import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.errors import UnreadableInput
from collectors.formats import aws_vpc
from collectors.formats.aws_vpc import RECOMMENDED
from tests.collectors.formats.reads import seen, size
from tests.collectors.formats.samples import FOLDER

START = 1772359200  # 2026-03-01T10:00:00Z
BASE = {
    "version": 3, "account-id": 123456789012, "interface-id": "eni-0a", "srcaddr": "10.0.1.10", "dstaddr": "10.0.2.20",
    "srcport": 41000, "dstport": 8080, "protocol": 6, "packets": 10, "bytes": 840, "start": START, "end": START + 60,
    "action": "ACCEPT", "log-status": "OK", "pkt-srcaddr": "10.0.1.77", "pkt-dstaddr": "10.0.2.88", "tcp-flags": 2,
    "flow-direction": "egress",
}  # fmt: skip
HEADER = " ".join(RECOMMENDED)
TABLE_ORDER = (
    *RECOMMENDED[:14], "vpc-id", "subnet-id", "instance-id", "tcp-flags", "type", "pkt-srcaddr", "pkt-dstaddr",
)  # fmt: skip
NODATA = dict.fromkeys(BASE, "-") | {name: BASE[name] for name in ("version", "interface-id", "start", "end")}


def there(**others):
    """Return a record of 10.0.1.77 -> 10.0.2.88."""
    return BASE | {name.replace("_", "-"): value for name, value in others.items()}


def back(**others):
    """Return a record of the other direction."""
    turned = {"pkt-srcaddr": "10.0.2.88", "pkt-dstaddr": "10.0.1.77", "srcport": 8080, "dstport": 41000}
    return (
        there(tcp_flags=18, packets=8, flow_direction="ingress")
        | turned
        | {k.replace("_", "-"): v for k, v in others.items()}
    )


def text(*records, order=RECOMMENDED, header=True, prefix=""):
    lines = [prefix + " ".join(str(record.get(name, "-")) for name in order) for record in records]
    return "\n".join([*([" ".join(order)] if header else []), *lines, ""]).encode()


def parquet(*records, without=()):
    rows = [{name.replace("-", "_"): value for name, value in one.items() if name not in without} for one in records]
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), file)
    return file.getvalue()


def of(*records, **how):
    return seen(aws_vpc, text(*records, **how))


def test_trap_7_a_header_tells_the_order():
    other = ("pkt-dstaddr", "dstport", "action", "start", "protocol", "tcp-flags", "pkt-srcaddr", "srcport", "packets")
    found = of(there(), back(), order=other)
    assert found.ends == ("10.0.1.77", "10.0.2.88", 8080)
    assert found.verdict == ("handshake", "established")


@pytest.mark.parametrize("order", [RECOMMENDED, TABLE_ORDER])
@pytest.mark.parametrize("prefix", ["", "2026-03-01T10:00:00.000Z ", "2026-03-01T10:00:00+00:00 eni-0a-all "])
def test_trap_7_known_orders_need_no_header(order, prefix):
    found = of(there(), back(), order=order, header=False, prefix=prefix)
    assert (found.ends, found.left_out) == (("10.0.1.77", "10.0.2.88", 8080), {})


def test_trap_7_another_order_without_a_header_is_refused_and_says_what_to_do():
    for order in (RECOMMENDED[:12], (*RECOMMENDED, "region")):
        with pytest.raises(UnreadableInput, match="before the records"):
            of(there(), order=order, header=False)


@pytest.mark.parametrize("header", [True, False])
def test_trap_7_the_default_format_is_refused_with_the_format_to_switch_on(header):
    with pytest.raises(UnreadableInput, match=r"no pkt-srcaddr and no pkt-dstaddr: all pods.*\$\{pkt-srcaddr\}"):
        of(there(), order=RECOMMENDED[:14], header=header)
    assert aws_vpc.sniff(text(there(), order=RECOMMENDED[:14], header=header))
    with pytest.raises(UnreadableInput, match="no pkt-srcaddr"):
        seen(aws_vpc, parquet(there(), without=("pkt-srcaddr", "pkt-dstaddr")))


def test_a_format_that_does_not_say_who_spoke_to_whom_is_refused():
    with pytest.raises(UnreadableInput, match="no dstport: it takes them"):
        of(there(), order=("start", "protocol", "pkt-srcaddr", "pkt-dstaddr", "srcport"))


def test_trap_7_the_addresses_are_those_of_pods_not_of_interfaces():
    assert of(there()).ends == ("10.0.1.77", "10.0.2.88", 8080)


def test_trap_7_dashes_are_missing():
    found = of(there(tcp_flags="-", packets="-", bytes="-", srcport="-", flow_direction="-"))
    assert (found.ends, found.row["packets"], found.row["bytes"]) == (("10.0.1.77", "10.0.2.88", 8080), None, None)


def test_trap_7_a_record_that_masks_its_addresses_is_incomplete():
    assert of(there(pkt_srcaddr="-"), there(pkt_dstaddr="-")).left_out == {"incomplete": 2}


def test_trap_7_reject_is_denied():
    assert of(there(action="REJECT")).verdict == ("handshake", "denied")


def test_trap_7_accept_alone_is_not_worked():
    assert of(there()).verdict == ("handshake", "unanswered")
    assert of(there(tcp_flags=2, packets=1), back(tcp_flags=4, packets=1)).verdict == ("handshake", "refused")
    assert of(there(tcp_flags=6, packets=2), back(packets=1)).verdict == ("handshake", "half_open")


def test_trap_7_skipped_records_are_a_loss_of_unknown_size():
    found = of(there(), NODATA | {"log-status": "SKIPDATA"})
    (loss,) = found.reading.losses
    assert found.left_out == {"gap": 1}
    assert (loss.start, loss.end, loss.lost) == (START * 10**9, (START + 60) * 10**9, None)
    assert "eni-0a" in loss.what


def test_trap_7_an_interval_without_data_is_another_record():
    found = of(NODATA | {"log-status": "NODATA"})
    assert (found.left_out, found.reading.losses, len(found.flows)) == ({"other_record": 1}, (), 0)


def test_trap_7_fields_of_later_versions_are_read_over():
    more = ("ecs-service-name", "ecs-task-id", "reject-reason", "resource-id", "encryption-status", "not-known-yet")
    order = (*more, *RECOMMENDED)
    assert of(there(**{"encryption-status": 1}), order=order).ends == ("10.0.1.77", "10.0.2.88", 8080)


def test_trap_7_datagrams_have_no_flags():
    udp = {"protocol": 17, "tcp-flags": 0, "dstport": 53}
    found = of(there() | udp, back(start=START + 1) | udp | {"srcport": 53, "dstport": 41000})
    assert (found.verdict, found.ends[2]) == (("paired", "established"), 53)
    assert of(there() | udp).verdict == ("unknown", "unanswered")
    same = of(there() | udp, back() | udp | {"srcport": 53, "dstport": 41000})
    assert same.verdict == ("unknown", "established")


@pytest.mark.parametrize(
    ("flags", "answer", "verdict"),
    [
        (2, 18, ("handshake", "established")),
        (3, 19, ("handshake", "established")),
        (0, 18, ("handshake", "established")),
        (0, 0, ("unknown", "established")),
    ],
)
def test_who_began_is_by_syn_and_syn_ack(flags, answer, verdict):
    assert of(there(tcp_flags=flags), back(tcp_flags=answer)).verdict == verdict
    assert of(back(tcp_flags=answer), there(tcp_flags=flags)).verdict == verdict


def test_flow_direction_says_nothing_of_who_began():
    found = of(there(flow_direction="ingress"), back(flow_direction="egress"))
    assert found.ends == ("10.0.1.77", "10.0.2.88", 8080)


def test_without_flags_nobody_knows_who_began():
    order = [name for name in RECOMMENDED if name != "tcp-flags"]
    assert of(there(), back(), order=order).verdict == ("unknown", "unknown")


def test_what_two_interfaces_saw_counts_once():
    records = (there(), back())
    found = of(*records, *(record | {"interface-id": "eni-0b", "packets": record["packets"] - 1} for record in records))
    assert [found.row[name] for name in ("connections", "packets", "reply_packets")] == [1, 10, 8]


def test_intervals_of_one_connection_are_summed():
    later = {"start": START + 60, "end": START + 120, "tcp-flags": 0}
    found = of(there(), back(), there() | later, back() | later)
    assert found.flows["packets"].tolist() == [10, 10]
    assert found.flows["connections"].tolist() == [1, 0]


def test_addresses_are_canonical_whatever_their_family():
    found = of(there(pkt_srcaddr="2001:0DB8::1", pkt_dstaddr="::ffff:10.0.2.88"))
    assert found.ends == ("2001:db8::1", "10.0.2.88", 8080)


@pytest.mark.parametrize("time", [START, START * 1000, "2026-03-01T10:00:00Z"])
def test_a_time_is_a_number_or_a_text(time):
    assert of(there(start=time)).row["first_seen"].isoformat() == "2026-03-01T10:00:00+00:00"


def test_nonsense_is_malformed_and_the_rest_is_read():
    wrong = (there(start="x"), there(dstport=99999), there(protocol="what"), there(pkt_srcaddr="10.0.0"))
    found = seen(aws_vpc, text(there(), *wrong) + b"one two three\n\xff\xfe\n")
    assert (found.left_out, found.ends) == ({"malformed": 6}, ("10.0.1.77", "10.0.2.88", 8080))


def test_port_0_is_a_port_and_icmp_has_none():
    assert of(there(dstport=0)).ends[2] == 0
    found = of(there(protocol=1, srcport=0, dstport=0, tcp_flags=0))
    assert (found.ends[2], found.row["protocol"]) == (0, "ICMP")


def test_headers_may_come_again():
    found = seen(aws_vpc, text(there()) + b"\n" + text(back()))
    assert (found.reading.records, found.verdict) == (2, ("handshake", "established"))


@pytest.mark.parametrize("indent", [None, 4])
def test_events_of_cloudwatch_are_read(indent):
    told = [" ".join(str(record[name]) for name in RECOMMENDED) for record in (there(), back())]
    events = [{"timestamp": START * 1000, "message": message, "eventId": "1"} for message in told]
    content = json.dumps({"events": [*events, {"timestamp": 5}], "nextToken": "x"}, indent=indent).encode()
    found = seen(aws_vpc, content)
    assert aws_vpc.sniff(content)
    assert (found.left_out, found.verdict) == ({"malformed": 1}, ("handshake", "established"))
    alone = json.dumps(events, indent=indent).encode()
    assert aws_vpc.sniff(alone)
    assert seen(aws_vpc, alone).verdict == ("handshake", "established")


def test_parquet_says_the_same():
    skipped = {name: None if value == "-" else value for name, value in NODATA.items()} | {"log-status": "SKIPDATA"}
    found = seen(aws_vpc, parquet(there(), back(), skipped))
    assert found.row == of(there(), back()).row
    assert (found.left_out, found.reading.records) == ({"gap": 1}, 3)


def test_a_parquet_file_that_is_cut_is_refused():
    content = parquet(there())
    for cut in (4, len(content) // 2, len(content) - 1):
        with pytest.raises(UnreadableInput, match="Parquet"):
            seen(aws_vpc, content[:cut])


@pytest.mark.parametrize("content", [b"", b"\n\n", text(), b"\xef\xbb\xbf" + HEADER.encode()])
def test_a_log_without_records_has_no_rows(content):
    assert size(aws_vpc, content) == 0


@pytest.mark.parametrize(
    "head",
    [
        b"", b"\n", b"{}", b"\0" * 99, b"a b c d e\n", b"version\n", b"version of things that happened\n",
        b"#separator \\x09\n#fields\tts\tuid\tid.orig_h\n", b'{"SrcAddr":"10.0.0.1","DstAddr":"10.0.0.2"}\n',
        b"tcp 6 431999 ESTABLISHED src=10.0.1.7 dst=10.0.2.9 sport=41000 dport=8080\n",
        b"firstSeen,duration,proto,srcAddr,srcPort,dstAddr,dstPort,packets,bytes,flows\n",
        b"2026-03-01T10:00:00Z Node: n;SIP: 10.0.0.1;SPORT: 1;DIP: 10.0.0.2;DPORT: 2;PROTOCOL: TCP;PolicyVerdict: DENY",
        b'{"events":[{"message":"hello","timestamp":1772359200000}]}',
        b"PAR1" + b"\0" * 50 + b"source_ip" + b"PAR1",
    ],
)  # fmt: skip
def test_what_is_no_vpc_flow_log_is_not_sniffed(head):
    assert not aws_vpc.sniff(head)


SAMPLES = {path.name: path.read_bytes() for path in sorted(FOLDER.glob("aws-vpc*"))}
LINES = [content for name, content in SAMPLES.items() if Path(name).suffix == ".log"]


@pytest.mark.parametrize("name", SAMPLES)
def test_the_samples_are_sniffed(name):
    assert aws_vpc.sniff(SAMPLES[name][: 1 << 16])


def test_the_samples_say_the_same_in_every_shape():
    tables = [seen(aws_vpc, SAMPLES[name]).flows for name in ("aws-vpc.log", "aws-vpc-parquet.parquet")]
    assert tables[0].equals(tables[1])


@given(st.sampled_from(LINES), st.data())
def test_every_record_lands_once_wherever_the_file_is_cut(content, data):
    header, _, records = content.partition(b"\n")
    cut = records[: data.draw(st.integers(0, len(records)))]
    assert size(aws_vpc, header + b"\n" + cut) == sum(bool(line.strip()) for line in cut.split(b"\n"))


@given(st.lists(st.binary(max_size=60) | st.sampled_from(LINES[0].splitlines()), max_size=12))
def test_no_bytes_are_too_strange(some):
    content = b"\n".join([HEADER.encode(), *some])
    assert size(aws_vpc, content) <= len(content.split(b"\n")) - 1


def test_events_that_are_cut_are_read_as_far_as_they_go():
    content = SAMPLES["aws-vpc-cloudwatch.json"]
    sizes = [size(aws_vpc, content[:end]) for end in range(len(content) - 3000, len(content) + 1, 100)]
    assert sizes == sorted(sizes)
    assert 0 < sizes[0] < sizes[-1]


@given(st.binary(max_size=200))
def test_garbage_is_refused_in_a_sentence_that_can_be_printed(garbage):
    with pytest.raises(UnreadableInput) as refused:
        size(aws_vpc, b"garbage " + garbage)
    assert str(refused.value).isprintable()
