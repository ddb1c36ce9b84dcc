"""Goldmane and Whisker: ends without addresses, counters as the reporter sees them, verdicts and staged policies."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.formats import calico_goldmane as goldmane
from tests.collectors.formats.hands import only
from tests.collectors.formats.observing import observed, records_in, records_read

SAMPLES = Path(__file__).parents[3] / "sample_captures" / "logs"
GRPC = (SAMPLES / "calico-goldmane.json").read_bytes()
REST = (SAMPLES / "calico-goldmane-whisker.json").read_bytes()
KEYS = ("items", "flows")


def whisker(out=12, into=10, out_bytes=1200, in_bytes=900, **more):
    """Return the example of Whisker: `out` and `into` as the source counts them."""
    return {
        "start_time": "2026-03-01T10:00:00Z", "end_time": "2026-03-01T10:00:15Z", "action": "Allow",
        "source_name": "web-5c9-*", "source_namespace": "shop", "source_labels": "app=web | tier=front",
        "dest_name": "cart-77b-*", "dest_namespace": "shop", "dest_labels": "app=cart", "protocol": "tcp",
        "dest_port": 8080, "reporter": "Src", "policies": {"enforced": [], "pending": []},
        "packets_in": into, "packets_out": out, "bytes_in": in_bytes, "bytes_out": out_bytes, **more,
    }  # fmt: skip


def proto(key=None, **data):
    """Return the same from grpcurl: camel case, numbers of 64 bits as text, nothing that is 0."""
    return {
        "id": "7",
        "flow": {
            "Key": {
                "sourceName": "web-5c9-*", "sourceNamespace": "shop", "sourceType": "WorkloadEndpoint",
                "destName": "cart-77b-*", "destNamespace": "shop", "destType": "WorkloadEndpoint",
                "destPort": "8080", "destServicePort": "80", "proto": "tcp", "reporter": "Src", "action": "Allow",
                **(key or {}),
            },
            "startTime": "1772359200", "endTime": "1772359215", "sourceLabels": ["app=web", "tier=front"],
            "destLabels": ["app=cart"], "packetsIn": "10", "packetsOut": "12", "bytesIn": "900", "bytesOut": "1200",
            "numConnectionsStarted": "2", **data,
        },
    }  # fmt: skip


def spelt_as_in_the_proto_file(document):
    """Return the document with the names of the .proto file, and enums as numbers, as Go's own JSON has them."""
    if not isinstance(document, dict):
        return (
            {"WorkloadEndpoint": 1, "Src": 1, "Allow": 1}.get(document, document)
            if isinstance(document, str)
            else document
        )
    return {
        "".join(f"_{letter.lower()}" if letter.isupper() and name != "Key" else letter for letter in name):
        spelt_as_in_the_proto_file(value) for name, value in document.items()
    }  # fmt: skip


def row(*documents):
    return only(observed(goldmane, documents).flows)


SHAPES = {
    "whisker": whisker(),
    "grpcurl": proto(),
    "bare flow": proto()["flow"],
    "proto names": spelt_as_in_the_proto_file(proto()),
    "numbers as text": whisker(packets_out="12", packets_in="10", dest_port="8080"),
    "epoch": whisker(start_time=1772359200, end_time="1772359215"),
    "unknown fields": whisker(new={"a": [1]}, dest_labels_count=3),
}


@pytest.mark.parametrize("document", SHAPES.values(), ids=SHAPES)
def test_trap_3_an_end_is_a_namespace_and_the_beginning_of_a_name_in_every_shape(document):
    found = row(document)
    assert (found["src_namespace"], found["src_pod"]) == ("shop", "web-5c9-*")
    assert (found["dst_namespace"], found["dst_pod"], found["dst_port"]) == ("shop", "cart-77b-*", 8080)
    assert (found["protocol"], found["orientation"], found["outcome"]) == ("TCP", "reported", "established")
    assert found["first_seen"].isoformat() == "2026-03-01T10:00:00+00:00"
    assert found["last_seen"].isoformat() == "2026-03-01T10:00:15+00:00"
    assert (found["packets"], found["reply_packets"], found["bytes"], found["reply_bytes"]) == (12, 10, 1200, 900)


def test_trap_3_no_end_has_an_address():
    found = observed(goldmane, [whisker()]).flows
    assert found["src"].isna().all()
    assert found["dst"].isna().all()


def test_trap_3_labels_are_claimed_as_they_stand_and_their_absence_claims_nothing():
    claims = observed(goldmane, [whisker(), whisker(source_name="api-1-*", source_labels="")]).claims
    said = dict(zip(claims["pod"], claims["labels"], strict=True))
    assert json.loads(said["web-5c9-*"]) == {"app": "web", "tier": "front"}
    assert claims.loc[claims["pod"] == "api-1-*", "labels"].isna().all()
    assert claims["address"].isna().all()


def test_the_service_port_stands_beside_the_port_of_the_pod():
    found = row(proto())
    assert (found["dst_port"], found["service_port"]) == (8080, 80)


def test_connections_are_those_that_began():
    assert row(proto())["connections"] == 2


def test_both_reporters_count_once_and_each_counts_in_and_out_from_its_own_end():
    theirs = whisker(reporter="Dst", packets_in=12, packets_out=10, bytes_in=1200, bytes_out=900)
    found = row(whisker(), theirs)
    assert (found["packets"], found["reply_packets"], found["bytes"], found["reply_bytes"]) == (12, 10, 1200, 900)


def test_intervals_of_one_reporter_add_up():
    later = whisker(start_time="2026-03-01T10:00:15Z", end_time="2026-03-01T10:00:30Z")
    assert row(whisker(), later)["packets"] == 24


@pytest.mark.parametrize(
    ("document", "outcome"),
    [
        (whisker(), "established"),
        (whisker(action="Deny", packets_in=0, bytes_in=0), "denied"),
        (whisker(out=3, into=0, in_bytes=0), "unanswered"),
        (whisker(out=2, into=2, in_bytes=80, num_connections_started=2), "refused"),
        (whisker(out=2, into=1, in_bytes=60, num_connections_started=1), "half_open"),
        (whisker(out=2, into=1, in_bytes=60), "allowed"),
        (whisker(out=1, into=1, in_bytes=200, protocol="udp"), "established"),
        (whisker(out=9, into=0, in_bytes=0, protocol="udp"), "unanswered"),
        (whisker(action="Pass"), "established"),
    ],
)
def test_an_outcome_is_what_the_verdict_and_the_packets_show(document, outcome):
    assert row(document)["outcome"] == outcome


def test_many_attempts_that_were_refused_are_not_one_that_worked():
    assert row(whisker(out=50, into=50, in_bytes=2000, num_connections_started=50))["outcome"] == "refused"


def test_a_denial_by_the_destination_counts_against_what_the_source_let_out():
    out, denied = {"packets_in": 0, "bytes_in": 0}, {"reporter": "Dst", "action": "Deny", "packets_out": 0}
    assert row(whisker(**out), whisker(**denied))["outcome"] == "denied"


@pytest.mark.parametrize(
    "document",
    [
        whisker(policies={"enforced": None, "pending": [{"kind": "StagedNetworkPolicy", "action": "Deny"}]}),
        proto({"policies": {"pendingPolicies": [{"kind": "EndOfTier", "action": "Deny"}]}}),
        proto({"policies": {"pending_policies": [{"kind": 10, "action": 2}]}}),
    ],
)
def test_a_staged_policy_that_would_deny_is_an_audit(document):
    assert row(document)["outcome"] == "audited"


def test_a_staged_policy_that_would_allow_is_none():
    assert row(whisker(policies={"pending": [{"action": "Allow"}, 7], "enforced": "?"}))["outcome"] == "established"
    assert row(whisker(policies=["?"]))["outcome"] == "established"


@pytest.mark.parametrize(
    "network",
    [
        whisker(dest_name="PUBLIC NETWORK", dest_namespace=""),
        whisker(dest_name="pub", dest_namespace="-"),
        whisker(dest_name="bad-guys", dest_namespace="Global"),
        proto({"destName": "pvt", "destNamespace": "-", "destType": "Network"}),
        proto({"destName": "worker-1", "destNamespace": "-", "destType": "HostEndpoint"}),
        proto({"destName": "partners", "destNamespace": "shop", "destType": "NetworkSet"}),
    ],
)
def test_trap_3_a_network_is_no_end_and_the_ledger_names_it(network):
    seen = observed(goldmane, [network])
    assert seen.flows.empty
    assert seen.left_out == {"no_end": 1}
    name = network.get("dest_name") or network["flow"]["Key"]["destName"]
    assert seen.samples == [f"web-5c9-* -> {name}"]
    assert list(seen.claims["pod"]) == ["web-5c9-*"]


def test_a_network_of_which_one_address_is_listed_is_that_address():
    there = {"destName": "pub", "destNamespace": "-", "destType": "Network"}
    assert row(proto(there, destIps=["::ffff:198.51.100.23"]))["dst"] == "198.51.100.23"
    assert observed(goldmane, [proto(there, destIps=["198.51.100.23", "2001:db8::1"])]).left_out == {"no_end": 1}
    assert row(proto(destIps=["10.0.2.9"]))["dst_pod"] == "cart-77b-*"


def test_a_flow_without_a_verdict_or_port_is_left_out_by_name():
    passing = whisker(action="Pass", packets_in=0)
    assert observed(goldmane, [passing, whisker(dest_port=None)]).left_out == {"incomplete": 2}
    assert observed(goldmane, [{"totalResults": 3}]).left_out == {"other_record": 1}


def test_icmp_has_no_port():
    assert (row(whisker(protocol="icmp", dest_port=0))["dst_port"], row(whisker(protocol="ICMPv6"))["dst_port"]) == (
        0,
        0,
    )


def test_port_0_is_a_port():
    assert row(whisker(dest_port=0))["dst_port"] == 0


def test_a_list_an_object_around_it_and_single_objects_are_the_same():
    one = whisker()
    shapes = [one, [one], {"total": 1, "items": [one]}, {"meta": {}, "flows": [proto()]}]
    for shape in shapes:
        for indent in (None, 2):
            content = json.dumps(shape, indent=indent).encode()
            assert goldmane.sniff(content)
            assert observed(goldmane, content).flows["dst_pod"].tolist() == ["cart-77b-*"]


@pytest.mark.parametrize("head", [b"", b"{", b"\x00\xff", b'{"items":[]}', b'{"items":[{"metadata":{}}]}'])
def test_what_is_no_flow_of_goldmane_is_refused(head):
    assert not goldmane.sniff(head)


def test_the_enterprise_log_is_another_format():
    assert not goldmane.sniff((SAMPLES / "calico-flow-log.jsonl").read_bytes())


def test_garbage_is_counted():
    assert observed(goldmane, b"x\n[]\n{\n").left_out == {"malformed": 3}
    assert observed(goldmane, b"").flows.empty


def test_both_samples_say_the_same_as_far_as_they_can():
    ends = ["src_namespace", "src_pod", "dst_namespace", "dst_pod", "dst_port", "protocol", "packets", "reply_packets"]
    grpc, rest = (observed(goldmane, content).flows for content in (GRPC, REST))
    assert grpc[ends].astype("object").equals(rest[ends].astype("object"))
    assert set(grpc["outcome"]) >= {"established", "denied", "refused", "unanswered", "half_open", "audited"}


@given(st.sampled_from([GRPC, REST]), st.floats(0, 1))
def test_every_record_is_counted_wherever_the_file_is_cut(content, share):
    cut = content[: int(len(content) * share)]
    assert records_read(goldmane, cut) == records_in(cut, KEYS)


@given(
    st.binary(max_size=300),
    st.sampled_from(["policies", "source_labels", "packets_in", "dest_name", "action"]),
    st.text(),
)
def test_no_content_raises(garbage, name, text):
    content = json.dumps(whisker(**{name: text})).encode() + b"\n" + garbage
    assert records_read(goldmane, content) == records_in(content, KEYS)


def test_many_half_open_attempts_are_not_one_that_worked():
    assert row(whisker(out=6, into=3, in_bytes=240, num_connections_started=3))["outcome"] == "allowed"
