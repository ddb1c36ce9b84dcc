"""VPC flow logs of Google Cloud: a sample of packets, which says that data went both ways, and not who began."""

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.formats import gcp_vpc
from collectors.formats.evidence import Seen
from tests.collectors.formats.observing import records_in
from tests.collectors.formats.reads import seen, size
from tests.collectors.formats.samples import FOLDER


def there(connection=None, **others):
    """Return a payload of 10.4.1.3 -> 10.4.2.8; None takes a field away."""
    ends = {"src_ip": "10.4.1.3", "src_port": 51000, "dest_ip": "10.4.2.8", "dest_port": 8080, "protocol": 6}
    payload = {
        "connection": without_none({**ends, **(connection or {})}), "reporter": "SRC", "bytes_sent": "1200",
        "packets_sent": "9", "start_time": "2026-03-01T10:00:00Z", "end_time": "2026-03-01T10:00:05Z", **others,
    }  # fmt: skip
    return without_none(payload)


def back(connection=None, **others):
    """Return a payload of the other direction."""
    ends = {"src_ip": "10.4.2.8", "src_port": 8080, "dest_ip": "10.4.1.3", "dest_port": 51000}
    return there({**ends, **(connection or {})}, **{"packets_sent": "7", "bytes_sent": "5300", **others})


def without_none(fields):
    return {name: value for name, value in fields.items() if value is not None}


def gke(pod, kind=None, at="pod_workload"):
    workload = {"workload_name": "web", "workload_type": kind} if kind else {}
    details = {"pod_name": pod, "pod_namespace": "shop", **(workload if at is None else {at: workload})}
    return {"cluster": {"cluster_name": "c"}, "pod": details, "service": [{"service_name": "web"}]}


def of(*records):
    return seen(gcp_vpc, "\n".join(map(json.dumps, records)).encode())


def counts(found):
    return [found.row[name] for name in ("connections", "packets", "bytes", "reply_packets", "reply_bytes")]


def test_trap_10_integers_are_texts_or_numbers():
    as_numbers = there(bytes_sent=1200, packets_sent=9), back(bytes_sent=5300, packets_sent=7)
    as_texts = there({"src_port": "51000", "dest_port": "8080", "protocol": "6"}), back()
    assert of(*as_numbers).row == of(*as_texts).row == of(there(), back()).row


def test_trap_10_every_record_is_of_one_packet_in_thirty():
    assert of(there(), back()).row["sampled"] == pytest.approx(1 / 30, abs=1e-6)


@pytest.mark.parametrize("gateway", ["", "_GATEWAY"])
def test_trap_10_what_both_ends_report_counts_once(gateway):
    ends = [f"{end}{gateway}" for end in ("SRC", "DEST")]
    both = [way(reporter=reporter) for way in (there, back) for reporter in ends]
    assert counts(of(*both)) == [1, 9, 1200, 7, 5300]


def test_later_records_of_one_end_are_summed():
    later = {"start_time": "2026-03-01T10:00:05Z", "end_time": "2026-03-01T10:00:10Z"}
    assert counts(of(there(), back(), there(**later), back(**later))) == [1, 18, 2400, 14, 10600]


def test_payload_both_ways_is_a_connection_and_nobody_knows_who_began_it():
    assert of(there(), back()).verdict == ("unknown", "established")
    assert of(back(), there()).verdict == ("unknown", "established")


@pytest.mark.parametrize("flows", [[there()], [there(), back(bytes_sent="0")], [there(bytes_sent=None), back()]])
def test_without_payload_both_ways_nothing_is_known_to_work(flows):
    assert of(*flows).verdict == ("unknown", "unknown")


def test_a_round_trip_time_proves_no_connection():
    assert of(there(bytes_sent="0", rtt_msec="3")).row["outcome"] == "unknown"


def test_the_first_packet_that_was_looked_at_need_not_be_the_first():
    (batch,) = gcp_vpc.read(io.BytesIO(json.dumps(there({"protocol": 17})).encode()))
    assert (batch.records.evidence & int(Seen.DOUBTED)).all()


@pytest.mark.parametrize("word", ["DROPPED", "DENIED"])
def test_what_the_network_dropped_is_denied(word):
    found = of(there(disposition=word, bytes_sent=None, packets_sent=None))
    assert (found.row["outcome"], found.row["packets"]) == ("denied", None)
    assert of(there(disposition="ALLOWED")).row["outcome"] == "unknown"


@pytest.mark.parametrize("at", ["pod_workload", None])
@pytest.mark.parametrize(("word", "kind"), [("STATEFUL_SET", "StatefulSet"), ("DEPLOYMENT", "Deployment")])
def test_a_pod_is_claimed_with_its_workload(at, word, kind):
    found = of(there(src_gke_details=gke("web-1", word, at), dest_gke_details=gke("cart-1")))
    assert [found.row[name] for name in ("src_namespace", "src_pod", "dst_pod")] == ["shop", "web-1", "cart-1"]
    claims = found.claims.set_index("pod")
    assert claims.loc["web-1", ["address", "workload_kind", "workload_name"]].tolist() == ["10.4.1.3", kind, "web"]
    assert claims.loc["cart-1", ["workload_kind", "workload_name"]].isna().all()


def test_a_node_and_an_address_outside_are_no_pods():
    found = of(there(src_gke_details={"cluster": {"cluster_name": "c"}}, dest_location={"country": "deu"}))
    assert (found.row["src_pod"], found.row["dst_pod"], len(found.claims)) == (None, None, 0)


@pytest.mark.parametrize("protocol", [1, 58])
def test_icmp_has_no_ports(protocol):
    assert of(there({"protocol": protocol, "src_port": None, "dest_port": None})).row["dst_port"] == 0


def test_trap_18_addresses_are_canonical_and_port_0_is_a_port():
    found = of(there({"src_ip": "2001:0DB8::1", "dest_ip": "::ffff:10.4.2.8", "dest_port": 0}))
    assert found.ends == ("2001:db8::1", "10.4.2.8", 0)


@pytest.mark.parametrize("time", ["2026-03-01T10:00:00Z", "2026-03-01T11:00:00+01:00", 1772359200, 1772359200000])
def test_a_time_is_a_text_or_a_number_or_that_of_the_entry(time):
    begun = "2026-03-01T10:00:00+00:00"
    assert of(there(start_time=time)).row["first_seen"].isoformat() == begun
    entry = {"timestamp": time, "jsonPayload": there(start_time=None, end_time=None)}
    assert of(entry).row["first_seen"].isoformat() == begun


def test_entries_of_other_logs_are_other_records():
    assert of({"textPayload": "x"}, {"jsonPayload": {"message": "y"}}, {}).left_out == {"other_record": 3}


def test_what_leaves_out_an_end_is_incomplete_and_nonsense_is_malformed():
    parts = [there({name: None}) for name in ("src_ip", "dest_ip", "protocol")]
    wrong = [there({"src_ip": "x"}), there({"dest_port": None}), there({"protocol": 999}), [1], "x"]
    assert of(*parts, *wrong).left_out == {"incomplete": 3, "malformed": 5}


def test_unknown_fields_nulls_and_other_types_are_read_over():
    odd = there(src_gke_details=None, dest_gke_details=[1], new={"a": [1]}) | {"rtt_msec": None, "bytes_sent": "many"}
    assert (of(odd).row["packets"], of(odd).row["bytes"]) == (9, None)


def test_every_container_says_the_same():
    flows = [there(src_gke_details=gke("web-1")), back()]
    plain = of(*flows)
    entries = [
        {"insertId": "a", "jsonPayload": flow, "logName": "x", "timestamp": "2026-03-01T10:00:09Z"} for flow in flows
    ]
    for text in ("\n".join(map(json.dumps, entries)), json.dumps(entries), json.dumps(entries, indent=2)):
        found = seen(gcp_vpc, text.encode())
        assert gcp_vpc.sniff(text.encode())
        assert (found.row, found.left_out) == (plain.row, {})
        assert found.claims.equals(plain.claims)


@pytest.mark.parametrize("content", [b"", b"\n\n", b"[]", b"[\n]\n"])
def test_an_empty_log_has_no_rows(content):
    assert size(gcp_vpc, content) == 0


def test_other_logs_with_connections_are_not_sniffed():
    policy = {"connection": there()["connection"] | {"direction": "ingress"}, "disposition": "allow"}
    for other in (policy, {"jsonPayload": policy}, {"reporter": "Src", "source_name": "a"}, {}, []):
        assert not gcp_vpc.sniff(json.dumps(other).encode())
    assert not any(map(gcp_vpc.sniff, (b"", b"\n", b"\xff\xfe", b"reporter SRC")))


SAMPLES = {path.name: path.read_bytes() for path in sorted(FOLDER.glob("gcp-vpc*"))}


@pytest.mark.parametrize("name", SAMPLES)
def test_the_samples_are_sniffed(name):
    assert gcp_vpc.sniff(SAMPLES[name][: 1 << 16])


@given(st.sampled_from(list(SAMPLES.values())), st.data())
def test_every_record_lands_once_wherever_the_file_is_cut(content, data):
    cut = content[: data.draw(st.integers(0, len(content)))]
    assert size(gcp_vpc, cut) == records_in(cut)


@given(st.lists(st.binary(max_size=60) | st.sampled_from(SAMPLES["gcp-vpc.jsonl"].splitlines()), max_size=12))
def test_no_bytes_are_too_strange(some):
    content = b"\n".join(some)
    assert size(gcp_vpc, content) == records_in(content)


def test_datagrams_of_a_sample_are_not_oriented_by_time():
    ways = there({"protocol": 17}), back({"protocol": 17}, start_time="2026-03-01T10:00:01Z")
    assert of(*ways).verdict == ("unknown", "established")
