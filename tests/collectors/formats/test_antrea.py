"""Antrea's flow records: columns of every version, both spellings, JSON, claims, Services, rule actions, outcomes."""

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.capture.names import NameReader
from collectors.claims import ClaimTable
from collectors.formats import antrea, netflow
from collectors.formats.fold import Fold
from collectors.formats.reading import read_log
from collectors.ledger import LedgerWriter
from tests.collectors.formats.hands import START, only
from tests.collectors.formats.samples import FOLDER

SAMPLES = sorted(FOLDER.glob("antrea*"))
SECONDS = START // 10**9
ENDS = "web-1,shop,n1,cart-1,shop,n2,10.96.3.3"
POLICY = ",,,,"


def line(
    ends="10.10.1.4,10.10.2.7,41000,8080,TCP",
    service="10.96.3.3,80,shop/cart:http",
    ingress=POLICY,
    egress=POLICY,
    rest=",,",
    pods=ENDS,
):
    """Return a record of the flow logger; `service` without its address is that of older versions."""
    return f"{SECONDS},{SECONDS + 60},{ends},{pods},{service},{ingress},{egress},{rest}"


OLDER = {"service": "80,shop/cart:http"}


def spoken(**elements):
    """Return a record as JSON."""
    record = {
        "flowStartSeconds": SECONDS, "flowEndSeconds": SECONDS + 60, "sourceIPv4Address": "10.10.1.4",
        "destinationIPv4Address": "10.10.2.7", "sourceTransportPort": 41000, "destinationTransportPort": 8080,
        "protocolIdentifier": 6, "sourcePodName": "web-1", "sourcePodNamespace": "shop", "sourceNodeName": "n1",
        "destinationPodName": "cart-1", "destinationPodNamespace": "shop", "destinationNodeName": "n2",
        "destinationClusterIPv4": "10.96.3.3", "destinationServicePort": 80, "tcpState": "ESTABLISHED",
        "packetDeltaCount": 6, "octetDeltaCount": 600, "reversePacketDeltaCount": 5, "reverseOctetDeltaCount": 1300,
        "reversePacketTotalCount": 5, "ingressNetworkPolicyRuleAction": 0, "egressNetworkPolicyRuleAction": 0,
    }  # fmt: skip
    kept = {name: value for name, value in (record | elements).items() if value is not ...}
    return json.dumps({"@timestamp": "2026-03-01T10:01:00Z", "ipfix": kept})


def observed(*lines):
    """Return the flows, the ledger, the reading and the claims of some lines."""
    fold, ledger, claims = Fold(), LedgerWriter(), ClaimTable()
    stream = io.BytesIO("\n".join(lines).encode())
    reading = read_log(antrea, stream, "log", fold, ledger, NameReader(), claims)
    return fold.finish(), ledger.ledger(), reading, claims.finish("log")


def row(*lines):
    return only(observed(*lines)[0])


def ends(found):
    return [found[name] for name in ("src", "dst", "dst_port", "service_ip", "service_port", "src_pod", "dst_pod")]


@pytest.mark.parametrize(
    "text",
    [
        line(), line(**OLDER), line(rest=",,n1"), line(**OLDER, rest=",,http,{},n1"), line(**OLDER, rest=",,http,"),
        line("10.10.1.4,10.10.2.7,41000,8080,6", ingress=",,,1,1", egress=",,,0,0"), spoken(),
    ],
    ids=["30", "29", "30 with a node", "31 with layer 7", "30 with layer 7", "30 in numbers", "JSON"],
)  # fmt: skip
def test_trap_6_every_version_and_spelling_is_read_as_the_same_connection(text):
    assert antrea.sniff(text.encode())
    found = row(text)
    assert ends(found) == ["10.10.1.4", "10.10.2.7", 8080, "10.96.3.3", 80, "web-1", "cart-1"]
    assert (found["orientation"], found["protocol"]) == ("reported", "TCP")
    assert (found["first_seen"].value, found["last_seen"].value) == (START, START + 60 * 10**9)


@pytest.mark.parametrize("count", [1, 25, 32, 40])
def test_trap_6_any_other_number_of_columns_is_refused(count):
    text = ",".join([*line().split(","), *["x"] * 20][:count])
    assert not antrea.sniff(text.encode())
    assert observed(line(), text)[1].packet_counts() == {"malformed": 1}


def test_trap_6_there_is_no_header_and_the_first_line_is_a_record():
    assert observed(line())[2].records == 1


def test_a_record_without_a_service_has_none():
    found = row(line(service=",0,", pods=ENDS.rpartition(",")[0] + ","))
    assert ends(found)[:3] == ["10.10.1.4", "10.10.2.7", 8080]
    assert found["service_ip"] is None or found["service_ip"] != found["service_ip"]
    found = row(spoken(destinationClusterIPv4="0.0.0.0", destinationServicePort=0))
    assert found["service_ip"] is None or found["service_ip"] != found["service_ip"]


@pytest.mark.parametrize("service", ["80,shop/cart:http", "10.96.3.3,80,shop/cart:http"], ids=["29", "30"])
@pytest.mark.parametrize("action", ["Drop", "Reject", "2", "3"])
@pytest.mark.parametrize("way", ["ingress", "egress"])
def test_drop_and_reject_of_either_rule_are_denied(way, action, service):
    assert row(line(service=service, **{way: f"np,shop,,{action},K8sNetworkPolicy"}))["outcome"] == "denied"


@pytest.mark.parametrize("action", ["Allow", "1", "", "0", "Invalid"])
def test_without_counters_a_connection_that_was_let_through_is_allowed_and_not_more(action):
    assert row(line(ingress=f"np,shop,,{action},K8sNetworkPolicy"))["outcome"] == "allowed"
    assert row(line("10.10.1.4,10.10.2.7,41000,53,UDP", ingress=f"np,shop,,{action},"))["outcome"] == "allowed"


@pytest.mark.parametrize(
    ("elements", "outcome"),
    [
        ({}, "established"),
        ({"tcpState": "TIME_WAIT"}, "established"),
        ({"tcpState": "SYN_SENT", "reversePacketDeltaCount": 0, "reversePacketTotalCount": 0}, "unanswered"),
        ({"tcpState": "SYN_RECV", "packetDeltaCount": 1, "reversePacketDeltaCount": 1}, "half_open"),
        ({"tcpState": "CLOSE", "packetDeltaCount": 1, "reversePacketDeltaCount": 1}, "unknown"),
        ({"protocolIdentifier": 17, "tcpState": ""}, "established"),
        ({"protocolIdentifier": 17, "tcpState": "", "reversePacketDeltaCount": 0}, "established"),
        ({"protocolIdentifier": 17, "tcpState": "", "reversePacketDeltaCount": 0, "reversePacketTotalCount": 0},
         "unanswered"),
        ({"tcpState": ..., "reversePacketDeltaCount": ..., "reversePacketTotalCount": ...}, "allowed"),
        ({"egressNetworkPolicyRuleAction": 2, "tcpState": "", "reversePacketTotalCount": 0,
          "reversePacketDeltaCount": 0}, "denied"),
    ],
)  # fmt: skip
def test_the_state_and_the_answers_say_what_became_of_a_connection(elements, outcome):
    assert row(spoken(**elements))["outcome"] == outcome


def test_counters_are_deltas_that_add_up():
    found = row(spoken(), spoken(flowEndSeconds=SECONDS + 59, packetDeltaCount="4"))
    assert (found["packets"], found["bytes"], found["reply_packets"], found["reply_bytes"]) == (10, 1200, 10, 2600)
    assert found["connections"] == 1


def test_both_nodes_records_of_one_connection_count_once():
    found = row(
        spoken(originalExporterIPv4Address="192.0.2.1", destinationPodName="", destinationPodNamespace=""),
        spoken(originalExporterIPv4Address="192.0.2.2", sourcePodName="", sourcePodNamespace=""),
    )
    assert (found["packets"], found["src_pod"], found["dst_pod"]) == (6, "web-1", "cart-1")


def test_pods_are_claimed_with_namespace_node_and_labels():
    claims = observed(spoken(sourcePodLabels='{"tier":"front","app":"web"}', destinationPodLabels="cut {"))[3]
    told = claims.set_index("pod")
    assert told.loc["web-1", ["address", "namespace", "node"]].tolist() == ["10.10.1.4", "shop", "n1"]
    assert json.loads(told.loc["web-1", "labels"]) == {"app": "web", "tier": "front"}
    assert told.loc[["cart-1"], "labels"].isna().all()
    assert set(observed(line(), line())[3].pod) == {"web-1", "cart-1"}


def test_nulls_absent_and_unknown_fields_and_numbers_in_quotes_are_read():
    found = row(
        spoken(tcpState=None, throughput=9, sourceTransportPort="41000", packetDeltaCount=None, sourcePodName=...)
    )
    assert (found["src"], found["dst_port"], found["reply_packets"]) == ("10.10.1.4", 8080, 5)


def test_times_in_rfc_3339_and_in_other_units_are_read():
    for written in ("2026-03-01T10:00:00Z", SECONDS * 1000, f"{SECONDS}"):
        assert row(spoken(flowStartSeconds=written))["first_seen"].value == START


def test_trap_18_ipv6_mapped_addresses_and_port_0_are_read():
    assert row(line("2001:db8::1,2001:db8::2,41000,8080,TCP"))["dst"] == "2001:db8::2"
    assert row(line("::ffff:10.10.1.4,::ffff:10.10.2.7,41000,0,TCP"))["src"] == "10.10.1.4"
    six = {"sourceIPv4Address": ..., "destinationIPv4Address": ..., "sourceIPv6Address": "2001:db8::1",
           "destinationIPv6Address": "2001:db8::2", "destinationClusterIPv4": ...}  # fmt: skip
    found = row(spoken(**six, destinationClusterIPv6="2001:db8::80"))
    assert (found["dst"], found["service_ip"]) == ("2001:db8::2", "2001:db8::80")


def test_ports_of_icmp_are_none_and_an_unnamed_protocol_is_incomplete():
    flows, ledger, _, _ = observed(
        line("10.10.1.4,10.10.2.7,0,0,ICMP"), line("10.10.1.4,10.10.2.7,0,0,Unknown Protocol")
    )
    assert only(flows)["protocol"] == "ICMP"
    assert ledger.packet_counts() == {"incomplete": 1}


def test_garbage_is_in_the_ledger_with_its_line():
    flows, ledger, reading, _ = observed(line(), "garbage", line().replace(f"{SECONDS}", "soon", 1).replace("TCP", "x"))
    assert (len(flows), reading.records) == (1, 3)
    assert ledger.packet_counts() == {"malformed": 2}
    flows, ledger, _, _ = observed(spoken(), "{", "[]", "7")
    assert (len(flows), ledger.packet_counts()) == (1, {"malformed": 3})


@pytest.mark.parametrize("content", [b"", b"\n \n"])
def test_an_empty_log_has_no_rows(content):
    assert [batch.size for batch in antrea.read(io.BytesIO(content)) if batch.size] == []


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
@given(st.data())
def test_every_line_is_counted_once_wherever_the_log_is_cut(path, drawn):
    content = path.read_bytes()
    content = content[: drawn.draw(st.integers(0, len(content)))]
    assert sum(batch.size for batch in antrea.read(io.BytesIO(content))) == sum(
        1 for text in content.split(b"\n") if text.strip()
    )


@given(st.lists(st.binary(max_size=80) | st.lists(st.text(max_size=4), min_size=25, max_size=31).map(
    lambda values: ",".join(values).encode())))  # fmt: skip
def test_whatever_the_lines_are_none_raises(lines):
    for batch in antrea.read(io.BytesIO(b"\n".join(lines))):
        assert batch.size == len(batch.records) + sum(item.count for item in batch.left_out)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_a_sample_is_told_from_netflow(path):
    content = path.read_bytes()
    assert antrea.sniff(content)
    assert not netflow.sniff(content)
    assert not any(antrea.sniff(other.read_bytes()) for other in FOLDER.glob("netflow*"))


def test_csv_json_and_ipfix_of_the_same_connections_are_the_same_communications():
    def of(form, name, columns):
        fold = Fold()
        fold.begin_source("log")
        for batch in form.read(io.BytesIO((FOLDER / name).read_bytes())):
            fold.add(batch.records)
        return sorted(map(tuple, fold.finish()[columns].astype("str").to_numpy().tolist()))

    ends = ["src", "dst", "protocol", "dst_port", "service_ip", "service_port", "src_pod", "dst_pod", "orientation"]
    assert (
        of(antrea, "antrea.csv", ends)
        == of(antrea, "antrea-numbers.csv", ends)
        == of(antrea, "antrea-json.jsonl", ends)
    )
    full = [*ends, "outcome", "packets", "reply_bytes"]
    assert of(antrea, "antrea-json.jsonl", full) == of(netflow, "netflow-antrea.bin", full)
