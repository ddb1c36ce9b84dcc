"""Hubble flows: who began and what came of it, in every shape that Hubble and Retina write."""

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.capture.names import NameReader
from collectors.claims import ClaimTable
from collectors.formats import hubble
from collectors.formats.fold import Fold
from collectors.formats.reading import read_log
from collectors.ledger import LedgerWriter
from tests.collectors.formats.hands import only

TIME = "2026-03-01T10:00:00.123456789Z"


def flow(src="10.0.1.7", sport=41000, dst="10.0.2.9", dport=8080, flags=("SYN",), layer="TCP", time=TIME, **more):
    l4 = {"source_port": sport, "destination_port": dport}
    if layer == "TCP":
        l4["flags"] = dict.fromkeys(flags, True)
    return {
        "time": time, "verdict": "FORWARDED", "IP": {"source": src, "destination": dst, "ipVersion": "IPv4"},
        "l4": {layer: l4}, "Type": "L3_L4", "event_type": {"type": 4}, **more,
    }  # fmt: skip


def back(flags=("SYN", "ACK"), **more):
    return flow("10.0.2.9", 8080, "10.0.1.7", 41000, flags, is_reply=True, trace_reason="REPLY", **more)


NEW = {"is_reply": False, "trace_reason": "NEW"}
WORKED = (flow(**NEW), back(), flow(flags=("ACK", "PSH"), is_reply=False, trace_reason="ESTABLISHED"))


def observed(*documents, wrapped=True):
    """Return the flows, ledger, reading and claims of some flows (or other messages, as they are)."""
    texts = [json.dumps({"flow": one, "time": TIME} if wrapped and "verdict" in one else one) for one in documents]
    fold, ledger, claims = Fold(), LedgerWriter(), ClaimTable()
    stream = io.BytesIO("\n".join(texts).encode())
    reading = read_log(hubble, stream, "log", fold, ledger, NameReader(), claims)
    return fold.finish(), ledger.ledger(), reading, claims.finish("log")


def row(*documents, **how):
    return only(observed(*documents, **how)[0])


@pytest.mark.parametrize("wrapped", [True, False])
def test_trap_1_both_line_shapes_are_read(wrapped):
    found = row(*WORKED, wrapped=wrapped)
    assert (found["src"], found["dst"], found["dst_port"]) == ("10.0.1.7", "10.0.2.9", 8080)
    assert (found["orientation"], found["outcome"], found["connections"]) == ("handshake", "established", 1)
    assert found["first_seen"].isoformat() == "2026-03-01T10:00:00.123456789+00:00"


def test_trap_1_is_reply_that_is_absent_is_not_false():
    udp = {"layer": "UDP", "dport": 53, "trace_reason": "NEW"}
    assert row(flow(**udp, is_reply=False))["orientation"] == "reported"
    assert row(flow(**udp))["orientation"] == "unknown"


def test_trap_1_false_counts_with_a_new_connection_or_a_verdict_only():
    udp = {"layer": "UDP", "dport": 53, "is_reply": False}
    assert row(flow(**udp, trace_reason="ESTABLISHED"))["orientation"] == "unknown"
    assert row(flow(**udp, event_type={"type": 5}))["orientation"] == "reported"


def test_a_reply_alone_tells_who_began():
    found = row(flow("10.0.2.9", 53, "10.0.1.7", 41000, layer="UDP", is_reply=True))
    assert (found["src"], found["dst_port"], found["orientation"]) == ("10.0.1.7", 53, "reported")


def test_trap_1_what_hubble_lost_is_a_gap_and_its_number_may_be_text():
    lost = {"source": "HUBBLE_RING_BUFFER", "num_events_lost": "17", "first": TIME, "last": "2026-03-01T10:00:05Z"}
    _, ledger, reading, _ = observed({"lost_events": lost, "time": TIME})
    (loss,) = reading.losses
    assert (loss.lost, loss.end - loss.start) == (17, 4_876_543_211)
    assert ledger.packet_counts() == {"gap": 1}
    assert ledger.event_counts() == {"gap": 17}
    (unknown,) = observed({"lost_events": {"source": "PERF_EVENT_RING_BUFFER"}, "time": TIME})[2].losses
    assert (unknown.lost, unknown.start) == (None, unknown.end)


def test_trap_1_a_drop_without_ports_is_incomplete():
    bare = flow(verdict="DROPPED")
    del bare["l4"]
    flows, ledger, reading, _ = observed(bare)
    assert flows.empty
    assert (ledger.packet_counts(), reading.records) == ({"incomplete": 1}, 1)


@pytest.mark.parametrize(
    ("verdict", "outcome"),
    [("DROPPED", "denied"), ("ERROR", "denied"), ("AUDIT", "audited"), (2, "denied"), (4, "audited")],
)
def test_trap_1_verdicts_by_name_and_number_are_evidence_against(verdict, outcome):
    assert row(flow(verdict=verdict, event_type={"type": 5}, **NEW))["outcome"] == outcome


def test_trap_1_a_verdict_that_nobody_knows_is_another_record():
    assert observed(flow(verdict=99))[1].packet_counts() == {"other_record": 1}
    assert observed(flow(verdict="VERDICT_UNKNOWN"))[1].packet_counts() == {"other_record": 1}


def test_trap_1_reserved_labels_are_no_pods():
    world = {"identity": 2, "labels": ["reserved:world"]}
    assert observed(flow(source=world, **NEW))[3].empty


def test_trap_1_ipv6_and_mapped_addresses_are_canonical():
    assert row(flow(src="2001:DB8::0:1", dst="::ffff:10.0.2.9", **NEW))["src"] == "2001:db8::1"
    assert row(flow(src="2001:DB8::0:1", dst="::ffff:10.0.2.9", **NEW))["dst"] == "10.0.2.9"


def test_trap_1_both_nodes_report_one_connection_which_counts_once():
    twice = [{**one, "node_name": node} for one in WORKED for node in ("n1", "n2")]
    assert row(*twice)["connections"] == 1


def test_trap_2_false_of_retina_says_nothing():
    retina = {"emitter": {"name": "Retina", "version": "1"}}
    udp = flow(layer="UDP", dport=53, event_type={"type": 5}, is_reply=False)
    assert row({**udp, **retina})["orientation"] == "unknown"
    cilium = {"emitter": {"name": "Hubble", "version": "1"}}
    assert row({**udp, **cilium})["orientation"] == "reported"


def test_a_policy_verdict_alone_is_allowed_and_packets_say_more():
    verdict = flow(event_type={"type": 5}, **NEW)
    assert row(verdict)["outcome"] == "allowed"
    assert row(verdict, flow(**NEW))["outcome"] == "unanswered"
    assert row(verdict, *WORKED)["outcome"] == "established"


def test_a_refused_connection_is_no_evidence_for():
    assert row(flow(**NEW), back(("RST", "ACK")))["outcome"] == "refused"
    assert row(flow(**NEW), back(), flow(flags=("RST",)))["outcome"] == "half_open"


def test_an_application_message_shows_that_the_connection_worked():
    http = flow(flags=(), Type="L7", event_type={"type": 129}, is_reply=False, l7={"type": "REQUEST", "http": {}})
    assert (row(http)["orientation"], row(http)["outcome"]) == ("reported", "established")


def test_translation_at_the_socket_is_no_packet():
    assert observed(flow(Type="SOCK", verdict="TRANSLATED"))[1].packet_counts() == {"other_record": 1}


def test_sctp_and_icmp_have_their_names():
    assert row(flow(layer="SCTP", dport=132, **NEW))["protocol"] == "SCTP"
    icmp = flow(**NEW)
    icmp["l4"] = {"ICMPv6": {"type": 128}}
    assert (row(icmp)["protocol"], row(icmp)["dst_port"]) == ("ICMPv6", 0)


def test_pods_are_claimed_with_their_labels_and_controllers():
    web = {
        "namespace": "shop", "pod_name": "web-1", "workloads": [{"name": "web", "kind": "Deployment"}],
        "labels": ["k8s:app=web", "k8s:io.kubernetes.pod.namespace=shop", "k8s:io.cilium.k8s.policy.cluster=c", "x=y"],
    }  # fmt: skip
    flows, _, _, claims = observed(flow(source=web, **NEW), back(destination=web))
    assert (only(flows)["src_namespace"], only(flows)["src_pod"]) == ("shop", "web-1")
    claim = only(claims)
    assert (claim["address"], claim["pod"], claim["workload_kind"], claim["workload_name"]) == (
        "10.0.1.7", "web-1", "Deployment", "web",
    )  # fmt: skip
    assert json.loads(claim["labels"]) == {"app": "web"}


@pytest.mark.parametrize("strange", [None, 7, "text", [], {"labels": 3, "workloads": "x", "namespace": 1}])
def test_endpoints_of_another_shape_claim_nothing(strange):
    flows, _, _, claims = observed(flow(source=strange, destination_names=strange, **NEW))
    assert len(flows) == 1
    assert claims.empty


def test_unknown_fields_are_ignored():
    found = observed(flow(**NEW, brand_new={"deep": [1]}), {"node_status": {"state_change": "NODE_CONNECTED"}})
    assert len(found[0]) == 1
    assert found[1].packet_counts() == {"other_record": 1}


@given(st.data())
def test_cut_anywhere_every_line_is_counted(data):
    text = "\n".join(json.dumps({"flow": one}) for one in WORKED).encode()
    cut = text[: data.draw(st.integers(0, len(text)))]
    sizes = [batch.size for batch in hubble.read(io.BytesIO(cut))]
    assert sum(sizes) == len([line for line in cut.split(b"\n") if line.strip()])


@given(st.binary(max_size=200))
def test_garbage_is_malformed_and_no_exception(noise):
    assert all(not len(batch.records) for batch in hubble.read(io.BytesIO(noise)))
