"""Calico Enterprise flow logs: addresses or aggregated names, three reporters, staged policies, domains."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.formats import calico_flow_log as flow_log
from tests.collectors.formats.hands import only
from tests.collectors.formats.observing import observed, records_in, records_read

SAMPLE = (Path(__file__).parents[3] / "sample_captures" / "logs" / "calico-flow-log.jsonl").read_bytes()
AGGREGATED = {"source_ip": None, "source_name": "-", "source_port": None, "dest_ip": None, "dest_name": "-"}
PUBLIC = {"dest_type": "net", "dest_name": "-", "dest_name_aggr": "pub", "dest_namespace": "-", "dest_labels": None}
DOMAIN = "api.payments.example"
PEER = {"source_type": "net", "source_name": "-", "source_name_aggr": "pub", "source_namespace": "-"}


def log(**more):
    """Return a flow with addresses, as the node of its source writes it."""
    return {
        "start_time": 1772359200, "end_time": 1772359500, "action": "allow", "reporter": "src", "proto": "tcp",
        "source_ip": "10.0.1.7", "source_name": "web-5c9-abcde", "source_name_aggr": "web-5c9-*",
        "source_namespace": "shop", "source_port": 41000, "source_type": "wep",
        "source_labels": {"labels": ["app=web", "tier=front"]},
        "dest_ip": "10.0.2.9", "dest_name": "cart-77b-xyz12", "dest_name_aggr": "cart-77b-*",
        "dest_namespace": "shop", "dest_port": 8080, "dest_type": "wep", "dest_labels": {"labels": ["app=cart"]},
        "dest_service_name": "cart", "dest_service_namespace": "shop", "dest_service_port": "http",
        "dest_service_port_num": 80, "dest_domains": None, "host": "worker-1", "process_name": "-",
        "policies": {"all_policies": ["0|__PROFILE__|__PROFILE__.kns.shop|allow|0"]},
        "packets_out": 12, "packets_in": 10, "bytes_out": 1200, "bytes_in": 900,
        "num_flows": 1, "num_flows_started": 1, "num_flows_completed": 1, "original_source_ips": None, **more,
    }  # fmt: skip


def row(*documents):
    return only(observed(flow_log, documents).flows)


SHAPES = {
    "file": log(),
    "Elasticsearch": {"_index": "tigera_secure_ee_flows", "_source": log()},
    "numbers as text": log(packets_out="12", source_port="41000", start_time="1772359200"),
    "RFC 3339": log(start_time="2026-03-01T10:00:00Z", end_time="2026-03-01T10:05:00Z"),
    "mapped": log(source_ip="::ffff:10.0.1.7", dest_ip="::ffff:10.0.2.9"),
    "unknown fields": log(new={"a": 1}, tcp_mean_rtt=3),
}


@pytest.mark.parametrize("document", SHAPES.values(), ids=SHAPES)
def test_a_record_is_a_connection_with_addresses_and_pods_in_every_shape(document):
    found = row(document)
    assert (found["src"], found["dst"], found["dst_port"]) == ("10.0.1.7", "10.0.2.9", 8080)
    assert (found["src_namespace"], found["src_pod"], found["dst_pod"]) == ("shop", "web-5c9-abcde", "cart-77b-xyz12")
    assert (found["orientation"], found["outcome"], found["connections"]) == ("reported", "established", 1)
    assert (found["service_port"], found["first_seen"].isoformat()) == (80, "2026-03-01T10:00:00+00:00")


def test_trap_4_where_addresses_are_aggregated_away_an_end_is_the_beginning_of_a_name():
    found = row(log(**AGGREGATED))
    assert str(found["src"]) == str(found["dst"]) == "nan"
    assert (found["src_pod"], found["dst_pod"], found["dst_port"]) == ("web-5c9-*", "cart-77b-*", 8080)


@pytest.mark.parametrize("network", ["pub", "pvt"])
def test_trap_4_a_network_without_address_is_no_end_whichever_side_it_is_on(network):
    there = log(**{**AGGREGATED, **PUBLIC, "dest_name_aggr": network})
    here = log(**{**AGGREGATED, **PEER, "source_name_aggr": network})
    seen = observed(flow_log, [there, here])
    assert seen.left_out == {"no_end": 2}
    assert seen.samples == [f"web-5c9-* -> {network}", f"{network} -> cart-77b-*"]


def test_trap_4_a_network_with_an_address_is_that_address_and_no_pod():
    found = row(log(**PUBLIC, dest_ip="2001:DB8::17"))
    assert found["dst"] == "2001:db8::17"
    assert str(found["dst_pod"]) == str(found["dst_namespace"]) == "nan"


def test_trap_4_a_dash_is_no_namespace_and_claims_nothing():
    claims = observed(flow_log, [log(**PUBLIC, dest_ip="198.51.100.23")]).claims
    assert list(claims["address"]) == ["10.0.1.7"]


def test_claims_are_pod_labels_and_the_node_of_the_end_that_reports():
    claims = observed(flow_log, [log(), log(reporter="dst", host="worker-2", source_labels=None)]).claims
    said = {(claim.address, claim.node) for claim in claims.itertuples()}
    assert said >= {("10.0.1.7", "worker-1"), ("10.0.2.9", "worker-2")}
    assert json.loads(claims.loc[claims["node"] == "worker-1", "labels"].iloc[0]) == {"app": "web", "tier": "front"}


def test_an_aggregated_name_is_on_no_one_node():
    assert observed(flow_log, [log(**AGGREGATED)]).claims["node"].isna().all()


def test_both_reporters_count_once_and_each_counts_in_and_out_from_its_own_end():
    theirs = log(reporter="dst", packets_in=12, packets_out=10, bytes_in=1200, bytes_out=900)
    found = row(log(), theirs)
    assert (found["packets"], found["reply_packets"], found["connections"]) == (12, 10, 1)
    assert (found["bytes"], found["reply_bytes"]) == (1200, 900)


def test_a_host_that_forwards_allows_and_its_counters_have_no_direction():
    found = row(log(reporter="fwd"))
    assert found["outcome"] == "allowed"
    assert found["packets"] is None


@pytest.mark.parametrize(
    ("more", "outcome"),
    [
        ({"action": "deny", "packets_in": 0, "bytes_in": 0}, "denied"),
        ({"packets_out": 3, "packets_in": 0, "bytes_in": 0}, "unanswered"),
        ({"packets_out": 1, "packets_in": 1, "bytes_in": 40}, "refused"),
        ({"packets_out": 2, "packets_in": 1, "bytes_in": 60}, "half_open"),
        ({"proto": "udp", "packets_in": 1}, "established"),
        ({"packets_in": None, "packets_out": None, "bytes_in": None, "bytes_out": None}, "allowed"),
    ],
)
def test_an_outcome_is_what_the_verdict_and_the_packets_show(more, outcome):
    assert row(log(**more))["outcome"] == outcome


@pytest.mark.parametrize(
    ("policies", "outcome"),
    [
        ({"pending_policies": ["0|default|shop/staged:default.web|deny|1"]}, "audited"),
        ({"all_policies": ["0|default|shop/staged:default.web|deny|1", "1|__PROFILE__|x|allow|0"]}, "audited"),
        ({"all_policies": ["0|default|shop/staged:default.web|allow|1"], "pending_policies": None}, "established"),
        ({"pending_policies": ["0|default", 3, "0|default|shop/default.web|allow|0"]}, "established"),
    ],
)
def test_a_staged_policy_that_would_deny_is_an_audit(policies, outcome):
    assert row(log(policies=policies))["outcome"] == outcome


def test_addresses_that_a_header_claims_are_not_the_source():
    found = observed(flow_log, [log(original_source_ips=["192.0.2.55"], num_original_source_ips=1)])
    assert list(found.flows["src"]) == ["10.0.1.7"]
    assert "192.0.2.55" not in set(found.claims["address"]) | set(found.names["address"])


def test_domains_are_names_of_the_destination():
    seen = observed(flow_log, [log(**PUBLIC, dest_ip="198.51.100.23", dest_domains=[DOMAIN, "-", 7])])
    assert [(name.address, name.name) for name in seen.names.itertuples()] == [
        ("198.51.100.23", "api.payments.example")
    ]


def test_icmp_has_no_port_and_tcp_without_one_is_incomplete():
    assert row(log(proto="icmp", source_port=None, dest_port=None))["dst_port"] == 0
    assert observed(flow_log, [log(dest_port=None)]).left_out == {"incomplete": 1}
    assert row(log(dest_port=0))["dst_port"] == 0


def test_what_says_nothing_of_a_flow_is_left_out_by_class():
    assert observed(flow_log, [{"action": None}, {"x": 1}]).left_out == {"other_record": 2}
    assert observed(flow_log, [log(start_time=None), log(source_ip="here")]).left_out == {"malformed": 2}
    assert observed(flow_log, b"x\n\n{\n").left_out == {"malformed": 2}
    assert observed(flow_log, b"").flows.empty


@pytest.mark.parametrize("head", [b"", b"{", b"\xff\x00", b'{"source_name":"a","dest_name":"b","reporter":"Src"}'])
def test_what_is_no_flow_log_of_calico_is_refused(head):
    assert not flow_log.sniff(head)


def test_the_sample_shows_every_outcome_that_the_log_can():
    outcomes = set(observed(flow_log, SAMPLE).flows["outcome"])
    assert outcomes == {"established", "denied", "refused", "unanswered", "audited"}


@given(st.floats(0, 1))
def test_every_record_is_counted_wherever_the_file_is_cut(share):
    cut = SAMPLE[: int(len(SAMPLE) * share)]
    assert records_read(flow_log, cut) == records_in(cut)


@given(
    st.binary(max_size=300),
    st.sampled_from(["policies", "dest_domains", "source_labels", "dest_ip"]),
    st.text(),
)
def test_no_content_raises(garbage, name, text):
    content = (
        json.dumps(log(**{name: [text]})).encode() + b"\n" + json.dumps(log(**{name: text})).encode() + b"\n" + garbage
    )
    assert records_read(flow_log, content) == records_in(content)
